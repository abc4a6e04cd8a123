//! Rows into a table.

use super::{qualified, target_error};
use crate::fault::out_of_order;
use crate::sql::quoted;
use crate::value;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, BinaryArray, Float64Array, Int64Array, StringArray};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_connector::{ConnectorError, TableInfo, TableJob, TableName};
use datakeep_model::ErrorKind;
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::path::Path;

/// The statement that adds a row.
pub(crate) fn adding(job: &TableJob) -> String {
    let names: Vec<String> = job.table.columns.iter().map(|column| quoted(&column.name)).collect();
    let places: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
    format!("INSERT INTO {}({}) VALUES ({})", qualified(&job.into.table), names.join(", "), places.join(", "))
}

/// The statement that adds a row, or overwrites the one of the same key. A row that contradicts another one (a unique value
/// that a row of another key has) is an error: nothing is removed to make place for it.
pub(crate) fn merging(job: &TableJob, standing: &TableInfo) -> String {
    let visible = |info: &TableInfo, place: &usize| info.columns.get(*place).map(|column| quoted(&column.name));
    let key: Vec<String> = standing.key.iter().filter_map(|place| visible(standing, place)).collect();
    let is_hidden =
        |name: &&String| standing.columns.iter().any(|column| column.hidden && quoted(&column.name) == **name);
    let names: Vec<String> = job.table.columns.iter().map(|column| quoted(&column.name)).collect();
    // The key is overwritten, too: keys that SQLite takes for the same may differ (NOCASE).
    let set: Vec<String> =
        names.iter().filter(|name| !is_hidden(name)).map(|name| format!("{name} = excluded.{name}")).collect();
    let action = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) };
    format!("{} ON CONFLICT({}) DO {action}", adding(job), key.join(", "))
}

/// Writes rows, one call of the statement each.
pub(crate) fn write(
    connection: &Connection,
    path: &Path,
    table: &TableName,
    statement: &str,
    rows: &RowBatch,
) -> Result<(), ConnectorError> {
    let what = format!("cannot write rows of table {} to", super::job::shown_table(&table.table));
    let fault = target_error(&what, path);
    let mut statement = connection.prepare(statement).map_err(&fault)?;
    if statement.parameter_count() != rows.columns().len() {
        return Err(out_of_order("rows have not the columns of their table"));
    }
    let mut columns = rows.columns().iter().map(Cells::new).collect::<Result<Vec<_>, _>>()?;
    for row in 0..rows.rows() {
        for (place, column) in columns.iter_mut().enumerate() {
            let value = ToSqlOutput::Borrowed(column.value(row)?);
            statement.raw_bind_parameter(place + 1, value).map_err(&fault)?;
        }
        statement.raw_execute().map_err(&fault)?;
    }
    Ok(())
}

enum Typed<'a> {
    Integers(&'a Int64Array),
    Reals(&'a Float64Array),
    Texts(&'a StringArray),
    Blobs(&'a BinaryArray),
}

/// The values of a column, by rising row.
struct Cells<'a> {
    typed: Typed<'a>,
    exceptions: &'a [Exception],
}

impl<'a> Cells<'a> {
    fn new(column: &'a Column) -> Result<Self, ConnectorError> {
        let values = column.values();
        let typed = match values.data_type() {
            DataType::Int64 => Typed::Integers(values.as_primitive::<Int64Type>()),
            DataType::Float64 => Typed::Reals(values.as_primitive::<Float64Type>()),
            DataType::Utf8 => Typed::Texts(values.as_string::<i32>()),
            DataType::Binary => Typed::Blobs(values.as_binary::<i32>()),
            other => {
                let message = format!("a column of type {other} cannot be written to SQLite");
                return Err(ConnectorError::new(ErrorKind::Incompatible, message));
            }
        };
        Ok(Self { typed, exceptions: column.exceptions() })
    }

    #[inline]
    fn value(&mut self, row: usize) -> Result<ValueRef<'a>, ConnectorError> {
        if let Some((first, rest)) = self.exceptions.split_first()
            && first.row as usize == row
        {
            self.exceptions = rest;
            return value::of_exception(first.kind, &first.bytes).ok_or_else(|| {
                let message = format!("an exception of kind {} is no value of SQLite", first.kind);
                ConnectorError::new(ErrorKind::Incompatible, message)
            });
        }
        Ok(match &self.typed {
            Typed::Integers(values) if values.is_valid(row) => ValueRef::Integer(values.value(row)),
            Typed::Reals(values) if values.is_valid(row) => ValueRef::Real(values.value(row)),
            Typed::Texts(values) if values.is_valid(row) => ValueRef::Text(values.value(row).as_bytes()),
            Typed::Blobs(values) if values.is_valid(row) => ValueRef::Blob(values.value(row)),
            _ => ValueRef::Null,
        })
    }
}
