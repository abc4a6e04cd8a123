//! Rows into a table.

use super::{qualified, target_error};
use crate::fault::{out_of_order, shown};
use crate::source::order::Encoding;
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
use std::collections::HashSet;
use std::path::Path;

/// A statement that writes a row, its parameters in the order of the table's columns.
pub(crate) struct Writing {
    head: String,
    width: usize,
    tail: String,
}

impl Writing {
    /// The statement; the columns at these places are given as the bytes of a text in the encoding of the target.
    fn sql(&self, wide: &[usize]) -> String {
        let place = |place: usize| {
            let number = place + 1;
            if wide.contains(&place) { format!("CAST(?{number} AS TEXT)") } else { format!("?{number}") }
        };
        let places: Vec<String> = (0..self.width).map(place).collect();
        format!("{}({}){}", self.head, places.join(", "), self.tail)
    }
}

/// Adds rows.
pub(crate) fn adding(job: &TableJob) -> Writing {
    let names: Vec<String> = job.table.columns.iter().map(|column| quoted(&column.name)).collect();
    let head = format!("INSERT INTO {}({}) VALUES ", qualified(&job.into.table), names.join(", "));
    Writing { head, width: names.len(), tail: String::new() }
}

/// Adds rows, or overwrites those of the same key. A row that contradicts another one (a unique value that a row of another key
/// has) is an error: nothing is removed to make place for it.
pub(crate) fn merging(job: &TableJob, standing: &TableInfo) -> Writing {
    let key: Vec<String> = standing
        .key
        .iter()
        .filter_map(|place| standing.columns.get(*place))
        .map(|column| quoted(&column.name))
        .collect();
    // The key is overwritten, too: keys that SQLite takes for the same may differ (NOCASE).
    let visible = standing.columns.iter().filter(|column| !column.hidden).map(|column| quoted(&column.name));
    let set: Vec<String> = visible.map(|name| format!("{name} = excluded.{name}")).collect();
    Writing { tail: format!(" ON CONFLICT({}) DO UPDATE SET {}", key.join(", "), set.join(", ")), ..adding(job) }
}

/// Writes rows, one call of the statement each.
pub(crate) fn write(
    connection: &Connection,
    path: &Path,
    table: &TableName,
    writing: &Writing,
    rows: &RowBatch,
) -> Result<(), ConnectorError> {
    if writing.width != rows.columns().len() {
        return Err(out_of_order("rows have not the columns of their table"));
    }
    let what = format!("cannot write rows of table {} to", super::job::shown_table(&table.table));
    let fault = target_error(&what, path);
    let mut statement = connection.prepare(&writing.sql(&[])).map_err(&fault)?;
    let mut columns = rows.columns().iter().map(Cells::new).collect::<Result<Vec<_>, _>>()?;
    let wide_rows = wide_rows(rows);
    for row in 0..rows.rows() {
        if wide_rows.contains(&row) {
            write_wide(connection, path, &what, writing, row, &mut columns)?;
            continue;
        }
        for (place, column) in columns.iter_mut().enumerate() {
            let value = ToSqlOutput::Borrowed(column.value(row)?);
            statement.raw_bind_parameter(place + 1, value).map_err(&fault)?;
        }
        statement.raw_execute().map_err(&fault)?;
    }
    Ok(())
}

/// Rows with a text that UTF-8 cannot say.
fn wide_rows(rows: &RowBatch) -> HashSet<usize> {
    let exceptions = rows.columns().iter().flat_map(|column| column.exceptions());
    exceptions.filter(|exception| exception.kind == value::WIDE_TEXT).map(|exception| exception.row as usize).collect()
}

/// Writes a row with a text that UTF-8 cannot say.
fn write_wide(
    connection: &Connection,
    path: &Path,
    what: &str,
    writing: &Writing,
    row: usize,
    columns: &mut [Cells<'_>],
) -> Result<(), ConnectorError> {
    let fault = target_error(what, path);
    let encoding = Encoding::of(connection).map_err(&fault)?;
    if encoding == Encoding::Utf8 {
        let message = format!("{what} {}: it keeps texts in UTF-8, which cannot say all of them", shown(path));
        return Err(ConnectorError::new(ErrorKind::Target, message)
            .with_hint("restore to a new file, which keeps texts as the captured database did"));
    }
    let is_wide = |cells: &Cells<'_>| {
        cells.exceptions.first().is_some_and(|e| e.row as usize == row && e.kind == value::WIDE_TEXT)
    };
    let wide: Vec<usize> = (0..columns.len()).filter(|place| is_wide(&columns[*place])).collect();
    let mut statement = connection.prepare(&writing.sql(&wide)).map_err(&fault)?;
    for (place, column) in columns.iter_mut().enumerate() {
        let value = column.value(row)?;
        let bound = match value {
            ValueRef::Blob(bytes) if wide.contains(&place) && encoding == Encoding::Utf16le => {
                statement.raw_bind_parameter(place + 1, value::swapped(bytes))
            }
            value => statement.raw_bind_parameter(place + 1, ToSqlOutput::Borrowed(value)),
        };
        bound.map_err(&fault)?;
    }
    statement.raw_execute().map(drop).map_err(&fault)
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
