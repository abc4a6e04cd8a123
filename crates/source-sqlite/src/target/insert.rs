//! Rows into a table.

use super::{qualified, target_error};
use crate::fault::{out_of_order, shown};
use crate::source::column::Affinity;
use crate::source::order::Encoding;
use crate::sql::quoted;
use crate::value;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, BinaryArray, Float64Array, Int64Array, StringArray};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_connector::{ConnectorError, TableJob, TableName};
use datakeep_model::ErrorKind;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement};
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
    pub fn sql(&self, wide: &[usize]) -> String {
        let place = |place: usize| {
            let number = place + 1;
            if wide.contains(&place) { format!("CAST(?{number} AS TEXT)") } else { format!("?{number}") }
        };
        let places: Vec<String> = (0..self.width).map(place).collect();
        format!("{}({}){}", self.head, places.join(", "), self.tail)
    }
}

/// Adds rows. A rule that a row breaks is an error whatever the table says of conflicts: no row is left out or changed for it.
pub(crate) fn adding(job: &TableJob) -> Writing {
    let names: Vec<String> = job.table.columns.iter().map(|column| quoted(&column.name)).collect();
    let head = format!("INSERT OR ABORT INTO {}({}) VALUES ", qualified(&job.into.table), names.join(", "));
    Writing { head, width: names.len(), tail: String::new() }
}

/// Adds rows, or overwrites those of the same key. A row that contradicts another one (a unique value that a row of another key
/// has) is an error: nothing is removed to make place for it.
pub(crate) fn merging(job: &TableJob) -> Writing {
    let name = |place: &usize| job.table.columns.get(*place).map(|column| quoted(&column.name));
    let key: Vec<String> = job.table.key.iter().filter_map(name).collect();
    // The key is overwritten, too: keys that SQLite takes for the same may differ (NOCASE).
    let names = job.table.columns.iter().map(|column| quoted(&column.name));
    let set: Vec<String> = names.map(|name| format!("{name} = excluded.{name}")).collect();
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
    let what = format!("cannot write rows of table {} to", super::job::shown_table(&table.table));
    let fault = target_error(&what, path);
    let mut plain = connection.prepare(&writing.sql(&[])).map_err(&fault)?;
    each_row(rows, writing.width, |values, wide| {
        if wide.is_empty() {
            return bind(&mut plain, values, None).and_then(|()| plain.raw_execute()).map(drop).map_err(&fault);
        }
        let order = wide_order(connection, path, &what)?;
        let mut statement = connection.prepare(&writing.sql(wide)).map_err(&fault)?;
        bind(&mut statement, values, Some((wide, order)))
            .and_then(|()| statement.raw_execute())
            .map(drop)
            .map_err(&fault)
    })
}

/// True when columns of these affinities may change one of the values.
pub(crate) fn may_change(rows: &RowBatch, affinities: &[Affinity]) -> Result<bool, ConnectorError> {
    for (column, affinity) in rows.columns().iter().zip(affinities) {
        let is_natural = match column.values().data_type() {
            DataType::Int64 => matches!(affinity, Affinity::Numeric | Affinity::None),
            DataType::Float64 => matches!(affinity, Affinity::Real | Affinity::None),
            DataType::Utf8 => matches!(affinity, Affinity::Text | Affinity::None),
            _ => true,
        };
        if is_natural && column.exceptions().is_empty() {
            continue;
        }
        let mut cells = Cells::new(column)?;
        for row in 0..rows.rows() {
            if !affinity.keeps(cells.value(row)?) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Gives the values of each row, and the places of its texts that UTF-8 cannot say (as blobs, big-endian).
pub(super) fn each_row<'a>(
    rows: &'a RowBatch,
    width: usize,
    mut take: impl FnMut(&[ValueRef<'a>], &[usize]) -> Result<(), ConnectorError>,
) -> Result<(), ConnectorError> {
    if width != rows.columns().len() {
        return Err(out_of_order("rows have not the columns of their table"));
    }
    let mut columns = rows.columns().iter().map(Cells::new).collect::<Result<Vec<_>, _>>()?;
    let wide_rows = wide_rows(rows);
    let (mut values, mut wide) = (Vec::with_capacity(width), Vec::new());
    for row in 0..rows.rows() {
        values.clear();
        wide.clear();
        if wide_rows.contains(&row) {
            wide.extend((0..width).filter(|place| columns[*place].is_wide(row)));
        }
        for column in &mut columns {
            values.push(column.value(row)?);
        }
        take(&values, &wide)?;
    }
    Ok(())
}

/// Gives a statement its parameters; wide texts in the order of bytes of the target.
pub(super) fn bind(
    statement: &mut Statement<'_>,
    values: &[ValueRef<'_>],
    wide: Option<(&[usize], Encoding)>,
) -> rusqlite::Result<()> {
    for (place, value) in values.iter().enumerate() {
        match (value, wide) {
            (ValueRef::Blob(bytes), Some((wide, Encoding::Utf16le))) if wide.contains(&place) => {
                statement.raw_bind_parameter(place + 1, value::swapped(bytes))?;
            }
            _ => statement.raw_bind_parameter(place + 1, ToSqlOutput::Borrowed(*value))?,
        }
    }
    Ok(())
}

/// Rows with a text that UTF-8 cannot say.
fn wide_rows(rows: &RowBatch) -> HashSet<usize> {
    let exceptions = rows.columns().iter().flat_map(|column| column.exceptions());
    exceptions.filter(|exception| exception.kind == value::WIDE_TEXT).map(|exception| exception.row as usize).collect()
}

/// The order of bytes in which a target keeps texts that UTF-8 cannot say.
pub(super) fn wide_order(connection: &Connection, path: &Path, what: &str) -> Result<Encoding, ConnectorError> {
    let encoding = Encoding::of(connection).map_err(target_error(what, path))?;
    if encoding == Encoding::Utf8 {
        let message = format!("{what} {}: it keeps texts in UTF-8, which cannot say all of them", shown(path));
        return Err(ConnectorError::new(ErrorKind::Target, message)
            .with_hint("restore to a new file, which keeps texts as the captured database did"));
    }
    Ok(encoding)
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

    /// True when the next exception is a wide text in this row.
    fn is_wide(&self, row: usize) -> bool {
        self.exceptions.first().is_some_and(|next| next.row as usize == row && next.kind == value::WIDE_TEXT)
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
