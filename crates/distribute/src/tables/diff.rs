//! The rows in which two snapshots of a table differ.
//!
//! ```text
//! tree of A ─┐
//!            ├─ store::diff ─> row groups that only A or only B has ─> merged by key, a window at a time ─> changes
//! tree of B ─┘   (equal nodes and groups are never read)                (of groups with equal keys, only the
//!                                                                        columns whose hashes differ are read)
//! ```
//!
//! Groups that store the same chunks and differ by patches are compared in the rows alone that these touch ([`linked`]).
//!
//! A row whose group both trees have is the same in both, so the rows of the other groups alone, merged in key order, are the
//! difference. At most two groups are held at a time. Rows without a comparable key are compared as multisets
//! ([`multiset`]).
//!
//! A row is updated when a column that both have differs, or a column that is new has a value there. A column that is gone
//! updates no row.

mod linked;
mod multiset;
mod window;

use super::cell::{Cell, Row, row_of};
use super::schema::TablePair;
use crate::error::DistributeError;
use datakeep_connector::Cancel;
use datakeep_connector::rows::{Column, RowBatch};
use datakeep_engine::{StoredGroup, TablesReader};
use datakeep_process_table::describe::group_range;
use datakeep_process_table::{ColumnHash, Keys, TableDescription, encode_keys};
use datakeep_store::{Difference, Entry, KeyRange, NodeReader, StoreError};
use std::collections::VecDeque;
use window::Run;

/// A cell that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CellChange {
    /// Position of its column in the table as it is.
    pub column: usize,
    /// As it was.
    pub before: Cell,
    /// As it is.
    pub after: Cell,
}

/// A row that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RowChange {
    /// It is new: all its cells, in the order of the columns as they are.
    Inserted(Row),
    /// It is gone: all its cells, in the order of the columns as they were.
    Deleted(Row),
    /// It has the same key and other cells.
    Updated {
        /// The cells of its key, in the order of the key.
        key: Row,
        /// The cells that differ, by rising column.
        cells: Vec<CellChange>,
    },
}

/// How many rows differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RowCounts {
    /// Rows that are new.
    pub inserted: u64,
    /// Rows with the same key and other values.
    pub updated: u64,
    /// Rows that are gone.
    pub deleted: u64,
}

impl RowCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.inserted + self.updated + self.deleted
    }
}

/// Two states of one table, ready to be compared.
pub struct TableDiff<'a> {
    pub(crate) old: &'a TablesReader,
    pub(crate) new: &'a TablesReader,
    pub(crate) pair: &'a TablePair,
    cancel: Option<&'a Cancel>,
}

/// One side of the walk: the groups that the other side does not have.
struct Side<'a> {
    reader: &'a TablesReader,
    table: &'a TableDescription,
    entries: VecDeque<Entry>,
    rows: RowBatch,
    keys: Keys,
}

impl<'a> TableDiff<'a> {
    /// `pair` is of [`super::compare_schemas`] of the same two readers, which read one repository.
    pub fn new(old: &'a TablesReader, new: &'a TablesReader, pair: &'a TablePair) -> Self {
        Self { old, new, pair, cancel: None }
    }

    /// The same, which ends with [`DistributeError::Cancelled`] soon after `cancel` says so.
    #[must_use]
    pub fn until(self, cancel: Option<&'a Cancel>) -> Self {
        Self { cancel, ..self }
    }

    fn check_cancelled(&self) -> Result<(), DistributeError> {
        match self.cancel {
            Some(cancel) if cancel.is_cancelled() => Err(DistributeError::Cancelled),
            _ => Ok(()),
        }
    }

    /// True when rows of both have a key by which they can be told to be the same row. Without, rows that differ are told as
    /// deleted and inserted.
    pub fn is_by_key(&self) -> bool {
        let (Some(old), Some(new)) = (&self.pair.old, &self.pair.new) else {
            return true;
        };
        let mut parts = new.info.key.iter().zip(&old.info.key);
        !new.info.key.is_empty()
            && new.info.key.len() == old.info.key.len()
            && parts.all(|(&new_at, &old_at)| {
                self.pair.columns.get(new_at).copied().flatten() == Some(old_at)
                    && new.info.columns[new_at].data_type == old.info.columns[old_at].data_type
            })
    }

    /// Calls `visit` with every row that differs, in key order, until it fails. Rows without a comparable key come in no
    /// promised order.
    pub fn rows<E: From<DistributeError>>(
        &self,
        visit: &mut dyn FnMut(RowChange) -> Result<(), E>,
    ) -> Result<RowCounts, E> {
        let mut counts = RowCounts::default();
        if self.pair.has_equal_content() {
            return Ok(counts);
        }
        let mut told = |change: RowChange| {
            match &change {
                RowChange::Inserted(_) => counts.inserted += 1,
                RowChange::Deleted(_) => counts.deleted += 1,
                RowChange::Updated { .. } => counts.updated += 1,
            }
            visit(change)
        };
        match (&self.pair.old, &self.pair.new) {
            (Some(old), Some(new)) if self.is_by_key() => self.walk(old, new, &mut told)?,
            (Some(old), Some(new)) => multiset::compare(self, old, new, &mut told)?,
            (Some(old), None) => self.all_rows(self.old, old, RowChange::Deleted, &mut told)?,
            (None, Some(new)) => self.all_rows(self.new, new, RowChange::Inserted, &mut told)?,
            (None, None) => {}
        }
        Ok(counts)
    }

    fn all_rows<E: From<DistributeError>>(
        &self,
        reader: &TablesReader,
        table: &TableDescription,
        change: fn(Row) -> RowChange,
        visit: &mut dyn FnMut(RowChange) -> Result<(), E>,
    ) -> Result<(), E> {
        each_batch(reader, table, &mut |rows| {
            self.check_cancelled()?;
            (0..rows.rows()).try_for_each(|row| visit(change(row_of(rows, row))))?;
            Ok(true)
        })
    }

    /// The groups that only one of both has. Where columns have other numbers, equal groups say nothing: all of them.
    fn entries(
        &self,
        old: &TableDescription,
        new: &TableDescription,
    ) -> Result<(VecDeque<Entry>, VecDeque<Entry>), DistributeError> {
        let (mut before, mut after) = (VecDeque::new(), VecDeque::new());
        if !self.numbers_agree(old, new) {
            for (reader, to) in [(self.old, &mut before), (self.new, &mut after)] {
                reader.each_group(&self.pair.name, &[], &mut |group| {
                    to.push_back(group.entry);
                    Ok(self.check_cancelled().is_ok())
                })?;
                self.check_cancelled()?;
            }
            return Ok((before, after));
        }
        let (start, end) = group_range(&self.pair.name);
        let range = KeyRange { start, end: Some(end) };
        let mut nodes = NodeReader::searching(self.old.repository())?;
        let root = |reader: &TablesReader| (reader.manifest().root, reader.manifest().root_level);
        datakeep_store::diff(&mut nodes, root(self.old), root(self.new), &range, &mut |difference| {
            match difference {
                Difference::Added(entry) => after.push_back(entry),
                Difference::Removed(entry) => before.push_back(entry),
                Difference::Changed { old, new } => {
                    before.push_back(old);
                    after.push_back(new);
                }
            }
            Ok(())
        })?;
        Ok((before, after))
    }

    /// True when a column of one number is the same column in both.
    fn numbers_agree(&self, old: &TableDescription, new: &TableDescription) -> bool {
        self.pair.columns.iter().zip(&new.numbers).all(|(from, number)| match from {
            Some(from) => old.numbers.get(*from) == Some(number),
            None => !old.numbers.contains(number),
        })
    }

    fn walk<E: From<DistributeError>>(
        &self,
        old: &TableDescription,
        new: &TableDescription,
        visit: &mut dyn FnMut(RowChange) -> Result<(), E>,
    ) -> Result<(), E> {
        let (before, after) = self.entries(old, new)?;
        let mut before = Side::new(self.old, old, before);
        let mut after = Side::new(self.new, new, after);
        loop {
            self.check_cancelled()?;
            let is_done =
                self.linked_run(&mut before, &mut after, visit)? || self.aligned(&mut before, &mut after, visit)?;
            if !is_done && !self.step(&mut before, &mut after, visit)? {
                return Ok(());
            }
        }
    }

    /// Compares the rows that are held of both, as far as both have been read; false at the end.
    fn step<E: From<DistributeError>>(
        &self,
        before: &mut Side<'_>,
        after: &mut Side<'_>,
        visit: &mut dyn FnMut(RowChange) -> Result<(), E>,
    ) -> Result<bool, E> {
        before.fill()?;
        after.fill()?;
        let (old_rows, new_rows) = match (before.last_key(), after.last_key()) {
            (None, None) => return Ok(false),
            (Some(was), Some(is)) => {
                let least = was.min(is).to_vec();
                (before.keys.rows_to(&least), after.keys.rows_to(&least))
            }
            _ => (before.rows.rows(), after.rows.rows()),
        };
        let (was, is) = (before.take(old_rows), after.take(new_rows));
        window::by_key(self.pair, (before.table, &was), (after.table, &is), visit)?;
        Ok(true)
    }

    /// Compares the next groups of both where their keys are the same: by position, and only the columns that differ. False,
    /// with nothing done, where they are not, or rows of groups before are left.
    fn aligned<E: From<DistributeError>>(
        &self,
        before: &mut Side<'_>,
        after: &mut Side<'_>,
        visit: &mut dyn FnMut(RowChange) -> Result<(), E>,
    ) -> Result<bool, E> {
        let (Some(was), Some(is)) = (before.entries.front(), after.entries.front()) else { return Ok(false) };
        if before.rows.rows() + after.rows.rows() > 0 || was.key != is.key {
            return Ok(false);
        }
        let was = before.reader.group(was.clone()).map_err(DistributeError::from)?;
        let is = after.reader.group(is.clone()).map_err(DistributeError::from)?;
        let is_equal = |old_at: usize, new_at: usize| {
            hash_of(&was, before.table.numbers[old_at]) == hash_of(&is, after.table.numbers[new_at])
        };
        let key = &after.table.info.key;
        let same_rows = was.description.rows == is.description.rows;
        if !same_rows || !key.iter().zip(&before.table.info.key).all(|(&new_at, &old_at)| is_equal(old_at, new_at)) {
            return Ok(false);
        }
        // What is null everywhere is not stored, or has neither chunk nor exceptions nor patches.
        let may_have_values = |at: usize| {
            let number = after.table.numbers[at];
            let stored = is.description.columns.iter().find(|column| column.number == number);
            stored.is_some_and(|column| column.len_bytes() > 0 || !is.description.patches.is_empty())
        };
        let differs = |(at, from): (usize, &Option<usize>)| match from {
            Some(from) => (!is_equal(*from, at)).then_some(at),
            None => may_have_values(at).then_some(at),
        };
        let changed: Vec<usize> = self.pair.columns.iter().enumerate().filter_map(differs).collect();
        before.entries.pop_front();
        after.entries.pop_front();
        if changed.is_empty() {
            return Ok(true);
        }
        let origins: Vec<usize> = changed.iter().filter_map(|&at| self.pair.columns[at]).collect();
        let wanted: Vec<usize> =
            key.iter().copied().filter(|at| !changed.contains(at)).chain(changed.clone()).collect();
        let old_run = Run::read(before.reader, before.table, &was, &origins)?;
        let new_run = Run::read(after.reader, after.table, &is, &wanted)?;
        window::by_position(self.pair, &changed, &old_run, (after.table, &new_run), visit)?;
        Ok(true)
    }
}

/// What names the values of a column of a group; nothing where all are null since before it was there.
fn hash_of(group: &StoredGroup, number: u32) -> Option<ColumnHash> {
    group.description.columns.iter().find(|column| column.number == number).map(|column| column.hash)
}

impl<'a> Side<'a> {
    fn new(reader: &'a TablesReader, table: &'a TableDescription, entries: VecDeque<Entry>) -> Self {
        Self { reader, table, entries, rows: RowBatch::default(), keys: Keys::default() }
    }

    /// Reads the next group where no rows are left.
    fn fill(&mut self) -> Result<(), DistributeError> {
        while self.rows.rows() == 0 {
            let Some(entry) = self.entries.pop_front() else { return Ok(()) };
            let group = self.reader.group(entry)?;
            self.rows = self.reader.rows(self.table, &group)?;
            self.keys = keys_of(self.table, &self.rows);
            if self.keys.first_disorder().is_some() {
                let what = format!("a row group of table {}", self.table.info.name);
                return Err(StoreError::damaged(what, 0, "rows in the order of their keys", "others").into());
            }
        }
        Ok(())
    }

    fn last_key(&self) -> Option<&[u8]> {
        self.keys.len().checked_sub(1).map(|last| self.keys.get(last))
    }

    /// The first rows, which are no longer held.
    fn take(&mut self, rows: usize) -> RowBatch {
        let (all, total) = (std::mem::take(&mut self.rows), self.keys.len());
        let taken = all.slice(0, rows);
        self.rows = if rows < total { all.slice(rows, total - rows) } else { RowBatch::default() };
        self.keys = if rows < total { self.keys.skip(rows) } else { Keys::default() };
        taken
    }
}

/// The normalised keys of rows with all columns of their table.
pub(crate) fn keys_of(table: &TableDescription, rows: &RowBatch) -> Keys {
    let columns: Vec<&Column> = table.info.key.iter().filter_map(|&at| rows.columns().get(at)).collect();
    encode_keys(&columns)
}

/// Calls `take` with the rows of a table, group by group, as long as it says so.
pub fn each_batch<E: From<DistributeError>>(
    reader: &TablesReader,
    table: &TableDescription,
    take: &mut dyn FnMut(&RowBatch) -> Result<bool, E>,
) -> Result<(), E> {
    let mut failed = None;
    let walked = reader.each_group(&table.info.name, &[], &mut |group| {
        let rows = reader.rows(table, &group)?;
        match take(&rows) {
            Ok(goes_on) => Ok(goes_on),
            Err(error) => {
                failed = Some(error);
                Ok(false)
            }
        }
    });
    walked.map_err(DistributeError::from)?;
    failed.map_or(Ok(()), Err)
}
