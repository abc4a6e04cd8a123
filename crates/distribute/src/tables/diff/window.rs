//! Compares two runs of rows that hold what became of the same keys.

use super::{CellChange, RowChange, keys_of};
use crate::error::DistributeError;
use crate::tables::cell::{Cell, row_of};
use crate::tables::schema::TablePair;
use datakeep_connector::rows::{Column, RowBatch};
use datakeep_engine::{StoredGroup, TablesReader};
use datakeep_process_table::patch::{self, Patch, PatchError};
use datakeep_process_table::{Keys, TableDescription};
use datakeep_store::StoreError;
use std::collections::BTreeMap;

/// Columns of a run by their position in the table; those that need not be looked at are missing.
pub(super) struct Run {
    columns: BTreeMap<usize, Column>,
    rows: usize,
}

impl Run {
    /// Reads these columns of a group.
    pub(super) fn read(
        reader: &TablesReader,
        table: &TableDescription,
        group: &StoredGroup,
        wanted: &[usize],
    ) -> Result<Self, DistributeError> {
        Ok(Self::of(wanted, reader.columns(table, group, wanted)?))
    }

    /// Of columns of one length, by their positions in the table.
    pub(super) fn of(wanted: &[usize], columns: Vec<Column>) -> Self {
        let rows = columns.first().map_or(0, Column::rows);
        Self { columns: wanted.iter().copied().zip(columns).collect(), rows }
    }

    fn whole(rows: &RowBatch) -> Self {
        Self { columns: rows.columns().iter().cloned().enumerate().collect(), rows: rows.rows() }
    }

    fn cell(&self, column: usize, row: usize) -> Cell {
        self.columns.get(&column).map_or(Cell::Null, |column| Cell::of(column, row))
    }
}

type Updates = BTreeMap<usize, Vec<CellChange>>;

/// Columns whose cells are compared.
struct Compared {
    /// Position as it is, and as it was: columns of one type.
    alike: Vec<(usize, usize)>,
    /// The same for columns of different types.
    unlike: Vec<(usize, usize)>,
    /// Columns that are new.
    added: Vec<usize>,
}

impl Compared {
    fn of(pair: &TablePair, columns: impl Iterator<Item = usize>, old: &Run, new: &Run) -> Self {
        let mut compared = Self { alike: Vec::new(), unlike: Vec::new(), added: Vec::new() };
        let data_type = |run: &Run, at: usize| run.columns.get(&at).map(|column| column.values().data_type().clone());
        for at in columns {
            match pair.columns.get(at).copied().flatten() {
                None => compared.added.push(at),
                Some(from) if data_type(old, from) == data_type(new, at) => compared.alike.push((at, from)),
                Some(from) => compared.unlike.push((at, from)),
            }
        }
        compared
    }

    fn batches(&self, old: &Run, new: &Run) -> Option<(RowBatch, RowBatch)> {
        let of = |run: &Run, at: usize| run.columns.get(&at).cloned();
        let was: Vec<Column> = self.alike.iter().map(|(_, from)| of(old, *from)).collect::<Option<_>>()?;
        let is: Vec<Column> = self.alike.iter().map(|(at, _)| of(new, *at)).collect::<Option<_>>()?;
        Some((RowBatch::new(was).ok()?, RowBatch::new(is).ok()?))
    }

    /// The cells that differ, by row of old. `kept`: rows that are in both, by row of old and of new.
    fn updates(&self, (old, new): (&Run, &Run), patch: Option<&Patch>, kept: &[(usize, usize)]) -> Updates {
        let mut updates = Updates::new();
        for update in patch.map(Patch::updated).unwrap_or_default() {
            let Some(&(column, from)) = self.alike.get(update.column as usize) else { continue };
            for (at, row) in update.positions.iter().enumerate() {
                let (before, after) = (old.cell(from, *row as usize), Cell::of(&update.values, at));
                updates.entry(*row as usize).or_default().push(CellChange { column, before, after });
            }
        }
        let mut compare = |column: usize, from: Option<usize>| {
            for &(was, is) in kept {
                let before = from.map_or(Cell::Null, |from| old.cell(from, was));
                let after = new.cell(column, is);
                if before != after {
                    updates.entry(was).or_default().push(CellChange { column, before, after });
                }
            }
        };
        self.unlike.iter().for_each(|(at, from)| compare(*at, Some(*from)));
        self.added.iter().for_each(|at| compare(*at, None));
        updates.values_mut().for_each(|cells| cells.sort_by_key(|cell| cell.column));
        updates
    }

    /// True when patches do not say everything.
    fn needs_kept(&self) -> bool {
        !self.unlike.is_empty() || !self.added.is_empty()
    }
}

fn unfit(pair: &TablePair) -> impl Fn(PatchError) -> DistributeError + '_ {
    |error| {
        let what = format!("rows of table {}", pair.name);
        StoreError::damaged(what, 0, "rows that can be compared", error.to_string()).into()
    }
}

/// Compares groups with the same keys: these columns alone, row by row.
pub(super) fn by_position<E: From<DistributeError>>(
    pair: &TablePair,
    columns: &[usize],
    old: &Run,
    (table, new): (&TableDescription, &Run),
    visit: &mut dyn FnMut(RowChange) -> Result<(), E>,
) -> Result<(), E> {
    let compared = Compared::of(pair, columns.iter().copied(), old, new);
    let patch = match compared.batches(old, new) {
        Some((was, is)) if !compared.alike.is_empty() => {
            let changed = vec![true; compared.alike.len()];
            Some(patch::by_position(&was, &is, &changed).map_err(unfit(pair))?)
        }
        _ => None,
    };
    let kept: Vec<(usize, usize)> =
        if compared.needs_kept() { (0..new.rows).map(|row| (row, row)).collect() } else { Vec::new() };
    for (row, cells) in compared.updates((old, new), patch.as_ref(), &kept) {
        let key = table.info.key.iter().map(|&at| new.cell(at, row)).collect();
        visit(RowChange::Updated { key, cells })?;
    }
    Ok(())
}

/// Compares runs of whole rows by their keys.
pub(super) fn by_key<E: From<DistributeError>>(
    pair: &TablePair,
    (old_table, old): (&TableDescription, &RowBatch),
    (new_table, new): (&TableDescription, &RowBatch),
    visit: &mut dyn FnMut(RowChange) -> Result<(), E>,
) -> Result<(), E> {
    if old.rows() == 0 || new.rows() == 0 {
        (0..old.rows()).try_for_each(|row| visit(RowChange::Deleted(row_of(old, row))))?;
        return (0..new.rows()).try_for_each(|row| visit(RowChange::Inserted(row_of(new, row))));
    }
    let (old_run, new_run) = (Run::whole(old), Run::whole(new));
    let compared = Compared::of(pair, 0..pair.columns.len(), &old_run, &new_run);
    let (old_keys, new_keys) = (keys_of(old_table, old), keys_of(new_table, new));
    let Some((was, is)) = compared.batches(&old_run, &new_run) else { return Ok(()) };
    let changed = vec![true; compared.alike.len()];
    let patch = patch::diff(&was, &old_keys, &is, &new_keys, &changed).map_err(unfit(pair))?;
    let kept = if compared.needs_kept() { kept(&patch) } else { Vec::new() };
    let mut updates = compared.updates((&old_run, &new_run), Some(&patch), &kept);
    let mut steps = Steps { patch: &patch, old_keys: &old_keys, new_keys: &new_keys, old: 0, new: 0 };
    while let Some(step) = steps.next() {
        match step {
            Step::Deleted(row) => visit(RowChange::Deleted(row_of(old, row)))?,
            Step::Inserted(row) => visit(RowChange::Inserted(row_of(new, row)))?,
            Step::Kept(was, is) => {
                if let Some(cells) = updates.remove(&was) {
                    let key = new_table.info.key.iter().map(|&at| new_run.cell(at, is)).collect();
                    visit(RowChange::Updated { key, cells })?;
                }
            }
        }
    }
    Ok(())
}

/// Rows that are in both, by row of old and of new.
fn kept(patch: &Patch) -> Vec<(usize, usize)> {
    let without = |rows: usize, gone: &[u32]| -> Vec<usize> {
        let mut gone = gone.iter().peekable();
        (0..rows).filter(|row| gone.next_if(|gone| **gone as usize == *row).is_none()).collect()
    };
    let old = without(patch.old_rows(), patch.deleted());
    old.into_iter().zip(without(patch.new_rows(), patch.inserted_at())).collect()
}

enum Step {
    Deleted(usize),
    Inserted(usize),
    Kept(usize, usize),
}

/// The rows of both in key order.
struct Steps<'p> {
    patch: &'p Patch,
    old_keys: &'p Keys,
    new_keys: &'p Keys,
    old: usize,
    new: usize,
}

impl Steps<'_> {
    fn next(&mut self) -> Option<Step> {
        let is_at = |rows: &[u32], row: usize| u32::try_from(row).is_ok_and(|row| rows.binary_search(&row).is_ok());
        let is_deleted = is_at(self.patch.deleted(), self.old);
        let is_inserted = is_at(self.patch.inserted_at(), self.new);
        let goes_first = is_deleted && (!is_inserted || self.old_keys.get(self.old) < self.new_keys.get(self.new));
        if goes_first {
            self.old += 1;
            Some(Step::Deleted(self.old - 1))
        } else if is_inserted {
            self.new += 1;
            Some(Step::Inserted(self.new - 1))
        } else if self.old < self.old_keys.len() && self.new < self.new_keys.len() {
            (self.old, self.new) = (self.old + 1, self.new + 1);
            Some(Step::Kept(self.old - 1, self.new - 1))
        } else {
            None
        }
    }
}
