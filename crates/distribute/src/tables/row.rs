//! One row by its key: in a snapshot, and through time.

use super::cell::{Cell, Row, row_of};
use super::diff::keys_of;
use super::key_error::{KeyError, KeyType};
use super::schema::key_names;
use crate::error::DistributeError;
use arrow_array::{ArrayRef, BinaryArray, Float64Array, Int64Array, StringArray, new_null_array};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_engine::TablesReader;
use datakeep_process_table::{TableDescription, encode_keys};
use std::sync::Arc;

/// The cells of a key as people write it: a part for each column of the key, or all in one, with commas between. Parts are
/// read by the types of their columns; `'text'` and `x'00ff'` are text and bytes in any column.
pub fn parse_key(table: &TableDescription, parts: &[String]) -> Result<Row, KeyError> {
    let (key, name) = (&table.info.key, &table.info.name);
    if key.is_empty() {
        return Err(KeyError::None { table: name.to_string() });
    }
    let split: Vec<String> = match parts {
        [one] if key.len() > 1 => one.split(',').map(str::to_owned).collect(),
        parts => parts.to_vec(),
    };
    if split.len() != key.len() {
        let columns = key_names(table);
        return Err(KeyError::Parts { table: name.to_string(), columns, found: split.len() });
    }
    key.iter().zip(&split).map(|(&at, text)| parse_part(table, at, text)).collect()
}

fn parse_part(table: &TableDescription, at: usize, text: &str) -> Result<Cell, KeyError> {
    let column = &table.info.columns[at];
    let quoted = |text: &str| Some(text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"));
    let bytes = |text: &str| unhex(text.strip_prefix(['x', 'X'])?.strip_prefix('\'')?.strip_suffix('\'')?);
    if let Some(bytes) = bytes(text) {
        return Ok(Cell::Blob(bytes));
    }
    if let Some(text) = quoted(text) {
        return Ok(Cell::Text(text));
    }
    let (parsed, takes) = match &column.data_type {
        DataType::Int64 => (text.parse().ok().map(Cell::Integer), KeyType::Integer),
        DataType::Float64 => (text.parse().ok().map(Cell::Real), KeyType::Real),
        DataType::Utf8 => return Ok(Cell::Text(text.to_owned())),
        DataType::Binary => (None, KeyType::Bytes),
        _ => (None, KeyType::Other),
    };
    parsed.ok_or_else(|| KeyError::Part { column: column.name.clone(), takes, text: text.to_owned() })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// A column of one row. What the type does not hold is an exception.
fn column_of(cell: &Cell, data_type: &DataType) -> Option<Column> {
    let typed: Option<ArrayRef> = match (cell, data_type) {
        (Cell::Integer(number), DataType::Int64) => Some(Arc::new(Int64Array::from(vec![*number]))),
        (Cell::Real(number), DataType::Float64) => Some(Arc::new(Float64Array::from(vec![*number]))),
        (Cell::Text(text), DataType::Utf8) => Some(Arc::new(StringArray::from(vec![text.as_str()]))),
        (Cell::Blob(bytes), DataType::Binary) => Some(Arc::new(BinaryArray::from(vec![bytes.as_slice()]))),
        _ => None,
    };
    match typed {
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

/// One cell in the history of a row, with the name of its column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CellStep {
    /// The column.
    pub column: String,
    /// As it was before; null where the column is new.
    pub before: Cell,
    /// As it became; null where the column is gone.
    pub after: Cell,
}

/// What became of a row from one snapshot to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RowStep {
    /// It is there, and was not before.
    Inserted(Vec<(String, Cell)>),
    /// It is there with other values.
    Updated(Vec<CellStep>),
    /// It is gone.
    Deleted(Vec<(String, Cell)>),
}

/// Follows one row through snapshots, from the oldest.
#[derive(Default)]
pub struct RowHistory {
    was: Option<Vec<(String, Cell)>>,
    seen: Option<([u8; 32], Vec<u32>, Vec<String>)>,
}

impl RowHistory {
    /// The step that this snapshot is, if the row is another than in the one before. `table`: its table there, if it has it.
    /// A table with the same content is not read again.
    pub fn step(
        &mut self,
        reader: &TablesReader,
        table: Option<&TableDescription>,
        parts: &[String],
    ) -> Result<Option<RowStep>, DistributeError> {
        let names = |table: &TableDescription| table.info.columns.iter().map(|column| column.name.clone()).collect();
        let state = table.map(|table| (table.content_root, table.numbers.clone(), names(table)));
        if state.is_some() && state == self.seen {
            return Ok(None);
        }
        self.seen = state;
        let found = match table {
            None => None,
            Some(table) => find_row(reader, table, &parse_key(table, parts)?)?.map(|rows| (table, row_of(&rows, 0))),
        };
        let is: Option<Vec<(String, Cell)>> =
            found.map(|(table, row)| table.info.columns.iter().map(|column| column.name.clone()).zip(row).collect());
        let was = std::mem::replace(&mut self.was, is.clone());
        Ok(match (was, is) {
            (None, None) => None,
            (None, Some(is)) => Some(RowStep::Inserted(is)),
            (Some(was), None) => Some(RowStep::Deleted(was)),
            (Some(was), Some(is)) => {
                Some(cell_steps(&was, &is)).filter(|cells| !cells.is_empty()).map(RowStep::Updated)
            }
        })
    }
}

/// The cells that differ between two rows, columns matched by name.
pub fn cell_steps(was: &[(String, Cell)], is: &[(String, Cell)]) -> Vec<CellStep> {
    let at = |row: &[(String, Cell)], name: &str| {
        row.iter().find(|(known, _)| known == name).map(|(_, cell)| cell.clone()).unwrap_or_default()
    };
    let gone = was.iter().filter(|(name, _)| !is.iter().any(|(known, _)| known == name));
    let step = |(name, _): &(String, Cell)| {
        let (before, after) = (at(was, name), at(is, name));
        (before != after).then(|| CellStep { column: name.clone(), before, after })
    };
    is.iter().chain(gone).filter_map(step).collect()
}
