//! What a source of tables must keep to: nothing of what it says is relied on before it was looked at.

use crate::error::EngineError;
use datakeep_connector::rows::{Column, RowBatch, is_supported};
use datakeep_connector::{Catalog, ConnectorError, TableInfo};
use datakeep_model::ErrorKind;
use datakeep_process_table::aside::ASIDE_KIND;
use datakeep_process_table::describe::MAX_COLUMNS;

fn refuse(table: &TableInfo, why: &str) -> EngineError {
    ConnectorError::new(ErrorKind::Source, format!("{}: {why}", table.name)).into()
}

/// Tables by rising name, whose columns are of types that columns can have, and whose keys are of columns that are there.
pub(crate) fn check_catalog(catalog: &Catalog) -> Result<(), EngineError> {
    for pair in catalog.tables.windows(2) {
        if pair[0].name >= pair[1].name {
            return Err(refuse(&pair[1], "the source named its tables out of order, or this one twice"));
        }
    }
    catalog.tables.iter().try_for_each(check_table)
}

fn check_table(table: &TableInfo) -> Result<(), EngineError> {
    if table.columns.len() > MAX_COLUMNS {
        return Err(refuse(table, "it has more columns than a table can have"));
    }
    if let Some(column) = table.columns.iter().find(|column| !is_supported(&column.data_type)) {
        return Err(refuse(table, &format!("column {} has a type that no column can have", column.name)));
    }
    let is_twice = |(number, at): (usize, &usize)| table.key[..number].contains(at);
    if table.key.iter().any(|at| *at >= table.columns.len()) || table.key.iter().enumerate().any(is_twice) {
        return Err(refuse(table, "its key names a column that is not there, or one twice"));
    }
    Ok(())
}

/// Rows of just the columns that the table has.
pub(crate) fn check_batch(table: &TableInfo, batch: &RowBatch) -> Result<(), EngineError> {
    let (expected, found) = (table.columns.len(), batch.columns().len());
    if found != expected {
        return Err(refuse(table, &format!("the source gave rows of {found} columns, {expected} were expected")));
    }
    if batch.rows() == 0 {
        return Err(refuse(table, "the source gave a batch without rows"));
    }
    let is_aside = |column: &Column| column.exceptions().iter().any(|exception| exception.kind == ASIDE_KIND);
    if batch.columns().iter().any(is_aside) {
        return Err(refuse(table, "the source gave an exception of kind 255, which is for values that stand aside"));
    }
    let is_other =
        |(column, found): &(&datakeep_connector::ColumnInfo, &Column)| found.values().data_type() != &column.data_type;
    match table.columns.iter().zip(batch.columns()).find(is_other) {
        None => Ok(()),
        Some((column, found)) => {
            let (expected, found) = (&column.data_type, found.values().data_type());
            let why = format!("the source gave {found} in column {}, {expected} was expected", column.name);
            Err(refuse(table, &why))
        }
    }
}
