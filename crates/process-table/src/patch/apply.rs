//! From old and a patch to new.

use super::gather::{Run, gather, push};
use super::{Patch, PatchError, same};
use datakeep_connector::rows::{Column, RowBatch};

const OLD: usize = 0;
const INSERTED: usize = 1;
const UPDATED: usize = 2;

/// The rows that `patch` makes of `old`: exactly those it was made from. An error when `old` is of another form, or the patch
/// is without a column.
pub fn apply(old: &RowBatch, patch: &Patch) -> Result<RowBatch, PatchError> {
    same("columns", &patch.columns(), &old.columns().len())?;
    let runs = rows(patch);
    let columns = old.columns().iter().enumerate().map(|(at, column)| applied(column, patch, at, &runs));
    Ok(RowBatch::new(columns.collect::<Result<_, _>>()?)?)
}

/// As [`apply`], for the column at a position alone.
pub fn apply_column(old: &Column, patch: &Patch, column: usize) -> Result<Column, PatchError> {
    applied(old, patch, column, &rows(patch))
}

/// Where the rows of new come from, updates left aside.
fn rows(patch: &Patch) -> Vec<Run> {
    let mut runs = Vec::with_capacity(2 * (patch.deleted().len() + patch.inserted_at().len()) + 1);
    let (mut deleted, mut at_old) = (patch.deleted().iter().copied().peekable(), 0u32);
    let (mut inserted, mut at_inserted) = (patch.inserted_at().iter().copied().peekable(), 0u32);
    let (mut at_new, old_rows, new_rows) = (0u32, patch.old_rows() as u32, patch.new_rows() as u32);
    while at_new < new_rows {
        if inserted.next_if_eq(&at_new).is_some() {
            push(&mut runs, INSERTED, at_inserted, 1);
            (at_inserted, at_new) = (at_inserted + 1, at_new + 1);
        } else if deleted.next_if_eq(&at_old).is_some() {
            at_old += 1;
        } else {
            let next_old = deleted.peek().map_or(old_rows, |next| *next);
            let next_new = inserted.peek().map_or(new_rows, |next| *next);
            let step = (next_old - at_old).min(next_new - at_new);
            push(&mut runs, OLD, at_old, step);
            (at_old, at_new) = (at_old + step, at_new + step);
        }
    }
    runs
}

fn applied(old: &Column, patch: &Patch, column: usize, rows: &[Run]) -> Result<Column, PatchError> {
    same("rows of old", &patch.old_rows(), &old.rows())?;
    let inserted = patch.inserted_in(column).ok_or(PatchError::Absent { column })?;
    same("type of a column", inserted.values().data_type(), old.values().data_type())?;
    let update = patch.updated_in(column);
    if patch.deleted().is_empty() && patch.inserted_at().is_empty() && update.is_none() {
        return Ok(old.clone());
    }
    match update {
        None => gather(&[old, inserted], rows),
        Some(update) => gather(&[old, inserted, &update.values], &overlaid(rows, &update.positions)),
    }
}

/// The same rows, those at positions of old taken from the update.
fn overlaid(rows: &[Run], positions: &[u32]) -> Vec<Run> {
    let mut runs = Vec::with_capacity(rows.len() + 2 * positions.len());
    let mut at = 0;
    for run in rows {
        let (mut from, to) = (run.from, run.from + run.rows);
        while run.source == OLD && at < positions.len() && positions[at] < to {
            push(&mut runs, OLD, from, positions[at] - from);
            push(&mut runs, UPDATED, at as u32, 1);
            (from, at) = (positions[at] + 1, at + 1);
        }
        push(&mut runs, run.source, from, to - from);
    }
    runs
}
