//! Rows of a table as batches.

use super::{catalog, order};
use crate::fault::{Side, out_of_order, sqlite_error, usage};
use crate::value;
use arrow_array::ArrayRef;
use arrow_array::builder::{BinaryBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_connector::{ConnectorError, RowStream, TableInfo, TableName};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a batch, at most.
const BATCH_ROWS: usize = 8192;
/// Bytes of a batch after which it takes no further row.
const BATCH_BYTES: usize = 4 << 20;

/// Reads a table from first to last.
pub(crate) struct TableStream<'s> {
    /// What reads the columns, all of them row by row, and how many columns each reads.
    parts: Vec<(Statement<'s>, usize)>,
    columns: Vec<Building>,
    name: TableName,
    path: PathBuf,
    /// True when the wide text of each column follows the columns.
    has_wide: bool,
    /// Rows read so far.
    rows: u64,
    is_done: bool,
}

impl<'s> TableStream<'s> {
    /// Prepares the statement; for a table without rowids it may read the whole key first, to learn how to order it.
    pub fn start(connection: &'s Connection, path: &Path, table: &TableInfo) -> Result<Self, ConnectorError> {
        let columns = table.columns.iter().map(|column| Building::new(&column.data_type)).collect::<Result<_, _>>()?;
        let prepare = || {
            let is_without_rowid = catalog::is_without_rowid(connection, &table.name.table)?;
            let parts = order::select(connection, table, is_without_rowid)?;
            let prepare = |(sql, width): (String, usize)| Ok((connection.prepare(&sql)?, width));
            parts.into_iter().map(prepare).collect::<rusqlite::Result<Vec<_>>>()
        };
        let what = || format!("cannot read table {} of", shown_name(&table.name));
        let parts = prepare().map_err(|error| sqlite_error(Side::Source, &what(), path, &error))?;
        let has_wide = parts.iter().any(|(statement, width)| statement.column_count() > *width);
        let (name, path) = (table.name.clone(), path.to_owned());
        Ok(Self { parts, columns, name, path, has_wide, rows: 0, is_done: false })
    }

    /// Takes rows until the batch is full; the number of rows.
    fn fill(&mut self) -> rusqlite::Result<usize> {
        let mut parts: Vec<_> = self.parts.iter_mut().map(|(part, width)| (part.raw_query(), *width)).collect();
        let (mut count, mut bytes) = (0, 0);
        while count < BATCH_ROWS && bytes < BATCH_BYTES {
            let mut columns = self.columns.as_mut_slice();
            for (rows, width) in &mut parts {
                // All of them read the same rows in the same order: the first knows where they end.
                let Some(row) = rows.next()? else {
                    self.is_done = true;
                    return Ok(count);
                };
                let (these, others) = std::mem::take(&mut columns).split_at_mut(*width);
                columns = others;
                if self.has_wide {
                    bytes += push_wide(these, count as u32, row)?;
                    continue;
                }
                for (place, column) in these.iter_mut().enumerate() {
                    bytes += column.push(count as u32, row.get_ref(place)?);
                }
            }
            count += 1;
            self.rows += 1;
        }
        // Dropped, they would take the statements back to the first row. They own nothing: the statements go on from here.
        parts.into_iter().for_each(std::mem::forget);
        Ok(count)
    }
}

/// Adds a row of a UTF-16 database.
fn push_wide(columns: &mut [Building], row: u32, from: &rusqlite::Row<'_>) -> rusqlite::Result<usize> {
    let (width, mut bytes) = (columns.len(), 0);
    for (place, column) in columns.iter_mut().enumerate() {
        bytes += match from.get_ref(width + place)? {
            ValueRef::Blob(wide) => column.push_exception(row, value::WIDE_TEXT, wide.to_vec()),
            _ => column.push(row, from.get_ref(place)?),
        };
    }
    Ok(bytes)
}

/// The name of a table as people may see it.
fn shown_name(name: &TableName) -> String {
    datakeep_model::escape_for_terminal(name.to_string().as_bytes())
}

impl RowStream for TableStream<'_> {
    fn next_batch(&mut self) -> Result<Option<RowBatch>, ConnectorError> {
        if self.is_done {
            return Ok(None);
        }
        let count = self.fill().map_err(|error| {
            self.is_done = true;
            let what = format!("cannot read table {} after {} rows of", shown_name(&self.name), self.rows);
            sqlite_error(Side::Source, &what, &self.path, &error)
        })?;
        if count == 0 {
            return Ok(None);
        }
        let columns = self.columns.iter_mut().map(Building::finish).collect::<Result<_, _>>();
        let batch = columns.and_then(RowBatch::new).map_err(|error| out_of_order(&error.to_string()))?;
        Ok(Some(batch))
    }
}

/// A column that is being filled.
struct Building {
    values: Values,
    exceptions: Vec<Exception>,
}

enum Values {
    Integers(Int64Builder),
    Reals(Float64Builder),
    Texts(StringBuilder),
    Blobs(BinaryBuilder),
}

impl Building {
    fn new(data_type: &DataType) -> Result<Self, ConnectorError> {
        let values = match data_type {
            DataType::Int64 => Values::Integers(Int64Builder::with_capacity(BATCH_ROWS)),
            DataType::Float64 => Values::Reals(Float64Builder::with_capacity(BATCH_ROWS)),
            DataType::Utf8 => Values::Texts(StringBuilder::with_capacity(BATCH_ROWS, 0)),
            DataType::Binary => Values::Blobs(BinaryBuilder::with_capacity(BATCH_ROWS, 0)),
            other => return Err(usage(format!("no column of SQLite is read as {other}"))),
        };
        Ok(Self { values, exceptions: Vec::new() })
    }

    /// Adds a value; about how many bytes it takes.
    #[inline]
    fn push(&mut self, row: u32, value: ValueRef<'_>) -> usize {
        match (&mut self.values, value) {
            (Values::Integers(to), ValueRef::Integer(number)) => to.append_value(number),
            (Values::Reals(to), ValueRef::Real(number)) => to.append_value(number),
            (Values::Texts(to), ValueRef::Text(bytes)) => {
                if let Ok(text) = std::str::from_utf8(bytes) {
                    to.append_value(text);
                    return bytes.len() + 4;
                }
                return self.push_exception(row, value::TEXT, bytes.to_vec());
            }
            (Values::Blobs(to), ValueRef::Blob(bytes)) => {
                to.append_value(bytes);
                return bytes.len() + 4;
            }
            _ => match value::to_exception(value) {
                None => self.push_null(),
                Some((kind, bytes)) => return self.push_exception(row, kind, bytes),
            },
        }
        8
    }

    fn push_null(&mut self) {
        match &mut self.values {
            Values::Integers(to) => to.append_null(),
            Values::Reals(to) => to.append_null(),
            Values::Texts(to) => to.append_null(),
            Values::Blobs(to) => to.append_null(),
        }
    }

    fn push_exception(&mut self, row: u32, kind: u8, bytes: Vec<u8>) -> usize {
        self.push_null();
        let len = bytes.len();
        self.exceptions.push(Exception { row, kind, bytes });
        len + size_of::<Exception>()
    }

    fn finish(&mut self) -> Result<Column, datakeep_connector::rows::ColumnError> {
        let values: ArrayRef = match &mut self.values {
            Values::Integers(from) => Arc::new(from.finish()),
            Values::Reals(from) => Arc::new(from.finish()),
            Values::Texts(from) => Arc::new(from.finish()),
            Values::Blobs(from) => Arc::new(from.finish()),
        };
        Column::new(values, std::mem::take(&mut self.exceptions))
    }
}
