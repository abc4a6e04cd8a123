//! From two groups to the patch between them.

use super::compare::View;
use super::gather::{gather, picked};
use super::{Patch, PatchError, Update, same, types};
use crate::cells::Cells;
use crate::key::Keys;
use datakeep_connector::rows::{Column, RowBatch};
use std::cmp::Ordering;

/// What turns `old` into `new`, both in the order of their keys, which rise strictly. Rows with the same key are the same row;
/// their cells are compared in columns for which `changed` is true, bit for bit, and taken for equal in the others: a caller
/// that knows the hashes of columns says which differ. Without deleted or inserted rows the others are not touched at all.
///
/// Errors: columns of different types or numbers, keys that are not those of the rows, or do not rise.
///
/// Cost: one pass over the keys, one over each changed column, mostly comparing memory.
pub fn diff(
    old: &RowBatch,
    old_keys: &Keys,
    new: &RowBatch,
    new_keys: &Keys,
    changed: &[bool],
) -> Result<Patch, PatchError> {
    same("keys of old", &old.rows(), &old_keys.len())?;
    same("keys of new", &new.rows(), &new_keys.len())?;
    if old_keys.first_disorder().or(new_keys.first_disorder()).is_some() {
        return Err(PatchError::Positions { what: "keys" });
    }
    made(old, new, changed, &merge(old_keys, new_keys))
}

/// What turns `old` into `new` by position: row by row, then rows that `new` has more or less at its end. For tables without
/// keys, in physical order.
pub fn by_position(old: &RowBatch, new: &RowBatch, changed: &[bool]) -> Result<Patch, PatchError> {
    let (old_rows, new_rows) = (old.rows() as u32, new.rows() as u32);
    let common = old_rows.min(new_rows);
    let kept = vec![Kept { old: 0, new: 0, rows: common }];
    let merged = Merged { kept, deleted: (common..old_rows).collect(), inserted: (common..new_rows).collect() };
    made(old, new, changed, &merged)
}

/// Rows that stay and lie side by side in both.
struct Kept {
    old: u32,
    new: u32,
    rows: u32,
}

#[derive(Default)]
struct Merged {
    kept: Vec<Kept>,
    deleted: Vec<u32>,
    inserted: Vec<u32>,
}

impl Merged {
    fn keep(&mut self, old: u32, new: u32) {
        match self.kept.last_mut() {
            Some(last) if last.old + last.rows == old && last.new + last.rows == new => last.rows += 1,
            _ => self.kept.push(Kept { old, new, rows: 1 }),
        }
    }
}

fn merge(old: &Keys, new: &Keys) -> Merged {
    let (mut merged, mut at_old, mut at_new) = (Merged::default(), 0, 0);
    while at_old < old.len() && at_new < new.len() {
        match old.get(at_old).cmp(new.get(at_new)) {
            Ordering::Equal => {
                merged.keep(at_old as u32, at_new as u32);
                (at_old, at_new) = (at_old + 1, at_new + 1);
            }
            Ordering::Less => {
                merged.deleted.push(at_old as u32);
                at_old += 1;
            }
            Ordering::Greater => {
                merged.inserted.push(at_new as u32);
                at_new += 1;
            }
        }
    }
    merged.deleted.extend(at_old as u32..old.len() as u32);
    merged.inserted.extend(at_new as u32..new.len() as u32);
    merged
}

fn made(old: &RowBatch, new: &RowBatch, changed: &[bool], merged: &Merged) -> Result<Patch, PatchError> {
    same("types of columns", &types(old), &types(new))?;
    same("columns", &old.columns().len(), &changed.len())?;
    let mut updated = Vec::new();
    for (column, _) in changed.iter().enumerate().filter(|(_, changed)| **changed) {
        updated.extend(update(column, &old.columns()[column], &new.columns()[column], &merged.kept)?);
    }
    let runs = picked(0, &merged.inserted);
    let inserted = new.columns().iter().map(|column| gather(&[column], &runs).map(Some));
    let patch = Patch {
        old_rows: old.rows() as u32,
        deleted: merged.deleted.clone(),
        updated,
        inserted_at: merged.inserted.clone(),
        inserted: inserted.collect::<Result<_, _>>()?,
    };
    patch.checked()
}

fn update(column: usize, old: &Column, new: &Column, kept: &[Kept]) -> Result<Option<Update>, PatchError> {
    let (old_cells, new_cells) = (Cells::new(old), Cells::new(new));
    let (old_view, new_view) = (View::new(&old_cells), View::new(&new_cells));
    let (mut positions, mut sources) = (Vec::new(), Vec::new());
    for run in kept {
        old_view.compare(run.old as usize, &new_view, run.new as usize, run.rows as usize, |row| {
            positions.push(run.old + row as u32);
            sources.push(run.new + row as u32);
        });
    }
    if positions.is_empty() {
        return Ok(None);
    }
    let values = gather(&[new], &picked(0, &sources))?;
    Ok(Some(Update { column: column as u32, positions, values }))
}
