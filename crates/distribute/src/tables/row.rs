//! One row by its key in a snapshot.

use super::cell::Cell;
use super::diff::keys_of;
pub use super::history::{CellStep, RowHistory, RowStep, cell_steps};
pub use super::key::{find_written, parse_key, written_keys};
use super::key_value::one_value;
use crate::error::DistributeError;
use arrow_array::new_null_array;
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_engine::TablesReader;
use datakeep_process_table::{TableDescription, encode_keys};

/// A column of one row. What the type does not hold is an exception.
fn column_of(cell: &Cell, data_type: &DataType) -> Option<Column> {
    match one_value(cell, data_type) {
        Some(values) => Column::new(values, Vec::new()).ok(),
        None => {
            let exceptions = cell.to_exception().map(|(kind, bytes)| Exception { row: 0, kind, bytes });
            Column::new(new_null_array(data_type, 1), exceptions.into_iter().collect()).ok()
        }
    }
}

/// The normalised key of these cells; `None` where the table cannot hold such a key.
pub fn normalised_key(table: &TableDescription, key: &[Cell]) -> Option<Vec<u8>> {
    let columns: Vec<Column> = table
        .info
        .key
        .iter()
        .zip(key)
        .map(|(&at, cell)| column_of(cell, &table.info.columns[at].data_type))
        .collect::<Option<_>>()?;
    let keys = encode_keys(&columns.iter().collect::<Vec<_>>());
    (keys.len() == 1).then(|| keys.get(0).to_vec())
}

/// The row of a key, as a run of one. Reads the keys of the only group that may hold it, and that group when it does.
pub fn find_row(
    reader: &TablesReader,
    table: &TableDescription,
    key: &[Cell],
) -> Result<Option<RowBatch>, DistributeError> {
    let Some(wanted) = normalised_key(table, key) else { return Ok(None) };
    let mut found = None;
    reader.each_group(&table.info.name, &wanted, &mut |group| {
        let columns = reader.columns(table, &group, &table.info.key)?;
        let keys = encode_keys(&columns.iter().collect::<Vec<_>>());
        if let Some(row) = keys.iter().position(|key| key == wanted) {
            found = Some(reader.rows(table, &group)?.slice(row, 1));
        }
        Ok(false)
    })?;
    Ok(found)
}

/// The row of a key among rows of the table in key order: `Ok` where it is, `Err` with true where it is yet to come.
pub fn row_among(table: &TableDescription, rows: &RowBatch, wanted: &[u8]) -> Result<RowBatch, bool> {
    let keys = keys_of(table, rows);
    match keys.iter().position(|key| key >= wanted) {
        Some(row) if keys.get(row) == wanted => Ok(rows.slice(row, 1)),
        Some(_) => Err(false),
        None => Err(true),
    }
}
