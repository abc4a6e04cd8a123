//! One row through time.

use super::cell::{Cell, Row, row_of};
use super::key::{find_written, parse_key};
use super::schema::{key_names, same_columns};
use crate::error::DistributeError;
use datakeep_engine::TablesReader;
use datakeep_process_table::TableDescription;

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
    /// Rows have another key here, by which this one cannot be found: its columns, none where rows have no key.
    OtherKey(Vec<String>),
}

/// Follows one row through snapshots, from the oldest.
#[derive(Default)]
pub struct RowHistory {
    /// As it was when it could last be looked for, and its table.
    was: Option<(TableDescription, Row)>,
    /// The columns of the key by which it could not, in the snapshot before.
    other_key: Option<Vec<String>>,
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
        if let Some(columns) = table.and_then(|table| parse_key(table, parts).err().map(|_| key_names(table))) {
            let is_new = self.other_key.as_ref() != Some(&columns);
            self.other_key = Some(columns.clone());
            return Ok(is_new.then_some(RowStep::OtherKey(columns)));
        }
        self.other_key = None;
        let is = match table {
            None => None,
            Some(table) => find_written(reader, table, parts)?.map(|rows| (table.clone(), row_of(&rows, 0))),
        };
        let was = std::mem::replace(&mut self.was, is);
        Ok(match (was, &self.was) {
            (None, None) => None,
            (None, Some((table, is))) => Some(RowStep::Inserted(named(table, is.clone()))),
            (Some((table, was)), None) => Some(RowStep::Deleted(named(&table, was))),
            (Some(was), Some(is)) => {
                Some(steps_between(&was, is)).filter(|cells| !cells.is_empty()).map(RowStep::Updated)
            }
        })
    }

    /// The row, and the table that it is of, in the last snapshot in which it could be looked for; nothing where it was not there.
    pub fn row(&self) -> Option<(&TableDescription, &Row)> {
        self.was.as_ref().map(|(table, row)| (table, row))
    }
}

fn named(table: &TableDescription, row: Row) -> Vec<(String, Cell)> {
    table.info.columns.iter().map(|column| column.name.clone()).zip(row).collect()
}

/// The cells that differ between a row in a table as it was and as it is: a column is the same one by its number, whatever it is
/// called.
fn steps_between((old, was): &(TableDescription, Row), (new, is): &(TableDescription, Row)) -> Vec<CellStep> {
    let columns = same_columns(old, new);
    let of = |row: &Row, at: Option<usize>| at.and_then(|at| row.get(at)).cloned().unwrap_or_default();
    let step = |(table, before, after): (&TableDescription, Option<usize>, Option<usize>)| {
        let name = table.info.columns.get(after.or(before)?)?.name.clone();
        let (before, after) = (of(was, before), of(is, after));
        (before != after).then_some(CellStep { column: name, before, after })
    };
    let kept = columns.iter().enumerate().map(|(at, from)| (new, *from, Some(at)));
    let gone = (0..old.info.columns.len()).filter(|at| !columns.contains(&Some(*at))).map(|at| (old, Some(at), None));
    kept.chain(gone).filter_map(step).collect()
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
