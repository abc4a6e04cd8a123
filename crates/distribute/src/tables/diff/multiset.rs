//! Rows without a comparable key: what each side has more of.
//!
//! Groups that both sides have cancel out. Of the rows that are left only keyed hashes are held, in shares of a stated size:
//! a table of any size takes the same memory, and as many more passes.

use super::{RowChange, TableDiff};
use crate::error::DistributeError;
use crate::tables::cell::{Cell, row_of};
use datakeep_connector::rows::RowBatch;
use datakeep_engine::{StoredGroup, TablesReader};
use datakeep_process_table::{GroupHash, TableDescription};
use datakeep_store::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

/// Rows of the old side whose hashes are held at a time: some 100 MiB.
const SHARE_ROWS: u64 = 2 << 20;

/// Names rows by their values, in two halves that nobody can aim at.
struct RowHasher(RandomState, RandomState);

impl RowHasher {
    fn hash(&self, cells: impl Iterator<Item = Cell>, bytes: &mut Vec<u8>) -> u128 {
        bytes.clear();
        cells.for_each(|cell| cell.put(bytes));
        u128::from(self.0.hash_one(bytes.as_slice())) << 64 | u128::from(self.1.hash_one(bytes.as_slice()))
    }
}

/// The groups of one side that are left.
struct Left<'a> {
    reader: &'a TablesReader,
    table: &'a TableDescription,
    groups: Vec<Entry>,
    rows: u64,
}

impl<'a> Left<'a> {
    fn new(
        reader: &'a TablesReader,
        table: &'a TableDescription,
        entries: VecDeque<Entry>,
        mut cancels: impl FnMut(GroupHash) -> bool,
    ) -> Result<Self, DistributeError> {
        let mut left = Self { reader, table, groups: Vec::new(), rows: 0 };
        for entry in entries {
            let StoredGroup { entry, description, .. } = reader.group(entry)?;
            if !cancels(description.hash(reader.hasher())) {
                left.rows += u64::from(description.rows);
                left.groups.push(entry);
            }
        }
        Ok(left)
    }

    fn each<E: From<DistributeError>>(
        &self,
        diff: &TableDiff<'_>,
        take: &mut dyn FnMut(&RowBatch, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        for entry in &self.groups {
            diff.check_cancelled()?;
            let group = self.reader.group(entry.clone()).map_err(DistributeError::from)?;
            let rows = self.reader.rows(self.table, &group).map_err(DistributeError::from)?;
            (0..rows.rows()).try_for_each(|row| take(&rows, row))?;
        }
        Ok(())
    }
}

/// Tells the rows of which there are more on one side as deleted or inserted.
pub(super) fn compare<E: From<DistributeError>>(
    diff: &TableDiff<'_>,
    old: &TableDescription,
    new: &TableDescription,
    visit: &mut dyn FnMut(RowChange) -> Result<(), E>,
) -> Result<(), E> {
    let (before, after) = left(diff, old, new)?;
    let shares = before.rows.div_ceil(SHARE_ROWS).max(1);
    let hasher = RowHasher(RandomState::new(), RandomState::new());
    let columns = &diff.pair.columns;
    let old_cells = |rows: &RowBatch, row: usize, bytes: &mut Vec<u8>| {
        let cell = |from: &Option<usize>| from.map_or(Cell::Null, |from| Cell::of(&rows.columns()[from], row));
        hasher.hash(columns.iter().map(cell), bytes)
    };
    let new_cells = |rows: &RowBatch, row: usize, bytes: &mut Vec<u8>| {
        hasher.hash(rows.columns().iter().map(|column| Cell::of(column, row)), bytes)
    };
    let mut bytes = Vec::new();
    for share in 0..u128::from(shares) {
        let is_other = |hash: u128| hash % u128::from(shares) != share;
        let mut counts: HashMap<u128, u64> = HashMap::new();
        before.each::<E>(diff, &mut |rows, row| {
            let hash = old_cells(rows, row, &mut bytes);
            if !is_other(hash) {
                *counts.entry(hash).or_default() += 1;
            }
            Ok(())
        })?;
        after.each::<E>(diff, &mut |rows, row| {
            let hash = new_cells(rows, row, &mut bytes);
            match counts.get_mut(&hash) {
                _ if is_other(hash) => Ok(()),
                Some(count) if *count > 0 => {
                    *count -= 1;
                    Ok(())
                }
                _ => visit(RowChange::Inserted(row_of(rows, row))),
            }
        })?;
        counts.retain(|_, count| *count > 0);
        if counts.is_empty() {
            continue;
        }
        before.each::<E>(diff, &mut |rows, row| match counts.get_mut(&old_cells(rows, row, &mut bytes)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                visit(RowChange::Deleted(row_of(rows, row)))
            }
            _ => Ok(()),
        })?;
    }
    Ok(())
}

/// The groups that do not cancel out.
fn left<'a>(
    diff: &TableDiff<'a>,
    old: &'a TableDescription,
    new: &'a TableDescription,
) -> Result<(Left<'a>, Left<'a>), DistributeError> {
    let (before, after) = diff.entries(old, new)?;
    if !diff.numbers_agree(old, new) {
        return Ok((Left::new(diff.old, old, before, |_| false)?, Left::new(diff.new, new, after, |_| false)?));
    }
    let mut known: HashMap<GroupHash, u64> = HashMap::new();
    for entry in &after {
        *known.entry(diff.new.group(entry.clone())?.description.hash(diff.new.hasher())).or_default() += 1;
    }
    let mut common: HashMap<GroupHash, u64> = HashMap::new();
    let before = Left::new(diff.old, old, before, |hash| {
        let is_there = known.get_mut(&hash).filter(|count| **count > 0).map(|count| *count -= 1).is_some();
        if is_there {
            *common.entry(hash).or_default() += 1;
        }
        is_there
    })?;
    let after = Left::new(diff.new, new, after, |hash| {
        common.get_mut(&hash).filter(|count| **count > 0).map(|count| *count -= 1).is_some()
    })?;
    Ok((before, after))
}
