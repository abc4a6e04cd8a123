//! Two patches as one.

use super::gather::{Run, gather, push};
use super::{Patch, PatchError, Update, same};
use datakeep_connector::rows::Column;

/// One patch that does what `first` and then `second` do. It is without the columns that either is without.
///
/// Nothing is known of old: a cell that `second` sets back to what it was stays in the patch, and a row that `first` deletes and
/// `second` inserts again is both. Errors: `second` is not for what `first` makes.
pub fn squash(first: &Patch, second: &Patch) -> Result<Patch, PatchError> {
    same("rows between the patches", &first.new_rows(), &second.old_rows())?;
    same("columns", &first.columns(), &second.columns())?;
    let middle = Middle::new(first, second);
    let (mut updated, mut inserted) = (Vec::new(), Vec::new());
    for column in 0..first.columns() {
        let both = first.inserted_in(column).zip(second.inserted_in(column));
        inserted.push(match both {
            Some((before, after)) => {
                updated.extend(middle.update(first, second, column, before)?);
                Some(middle.inserted(second, column, before, after)?)
            }
            None => None,
        });
    }
    let Middle { deleted, inserted_at, .. } = middle;
    Patch { old_rows: first.old_rows, deleted, updated, inserted_at, inserted }.checked()
}

/// Where a row between the patches comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Origin {
    /// Position in old.
    Old(u32),
    /// Number among the rows that the first patch inserts.
    First(u32),
}

/// A row that comes: of the first patch, with its position between the patches, or of the second.
#[derive(Clone, Copy)]
enum Come {
    First { number: u32, between: u32 },
    Second(u32),
}

/// All rows between the patches, and what becomes of them.
struct Middle {
    origins: Vec<Origin>,
    deleted: Vec<u32>,
    inserted_at: Vec<u32>,
    come: Vec<Come>,
}

impl Middle {
    fn new(first: &Patch, second: &Patch) -> Self {
        let origins = origins(first);
        let of_old = |between: &u32| match origins[*between as usize] {
            Origin::Old(old) => Some(old),
            Origin::First(_) => None,
        };
        let mut deleted = [first.deleted(), &second.deleted().iter().filter_map(of_old).collect::<Vec<_>>()].concat();
        deleted.sort_unstable();
        let (mut inserted_at, mut come) = (Vec::new(), Vec::new());
        let (mut gone, mut coming) = (second.deleted().iter().peekable(), second.inserted_at().iter().peekable());
        let (mut between, mut number) = (0, 0);
        for at in 0..second.new_rows() as u32 {
            if coming.next_if_eq(&&at).is_some() {
                inserted_at.push(at);
                come.push(Come::Second(number));
                number += 1;
                continue;
            }
            while gone.next_if_eq(&&between).is_some() {
                between += 1;
            }
            if let Some(Origin::First(number)) = origins.get(between as usize) {
                inserted_at.push(at);
                come.push(Come::First { number: *number, between });
            }
            between += 1;
        }
        Self { origins, deleted, inserted_at, come }
    }

    /// Cells of rows of old that the second patch sets, or else the first; of rows that stay through both.
    fn update(
        &self,
        first: &Patch,
        second: &Patch,
        column: usize,
        model: &Column,
    ) -> Result<Option<Update>, PatchError> {
        const FIRST: usize = 0;
        const SECOND: usize = 1;
        let mut cells: Vec<(u32, usize, u32)> = Vec::new();
        let late = second.updated_in(column);
        for (at, between) in late.iter().flat_map(|update| update.positions.iter().enumerate()) {
            if let Origin::Old(old) = self.origins[*between as usize] {
                cells.push((old, SECOND, at as u32));
            }
        }
        let later = cells.len();
        let early = first.updated_in(column);
        for (at, old) in early.iter().flat_map(|update| update.positions.iter().enumerate()) {
            let is_over = cells[..later].binary_search_by_key(old, |cell| cell.0).is_ok();
            if !is_over && self.deleted.binary_search(old).is_err() {
                cells.push((*old, FIRST, at as u32));
            }
        }
        if cells.is_empty() {
            return Ok(None);
        }
        cells.sort_unstable();
        let mut runs = Vec::new();
        cells.iter().for_each(|(_, source, at)| push(&mut runs, *source, *at, 1));
        let sources = [early, late].map(|update| update.map_or(model, |update| &update.values));
        let positions = cells.into_iter().map(|cell| cell.0).collect();
        Ok(Some(Update { column: column as u32, positions, values: gather(&sources, &runs)? }))
    }

    /// Rows that come through both, with what the second patch sets in those of the first.
    fn inserted(&self, second: &Patch, column: usize, before: &Column, after: &Column) -> Result<Column, PatchError> {
        let update = second.updated_in(column);
        let set = |between: u32| update.and_then(|update| update.positions.binary_search(&between).ok());
        let mut runs: Vec<Run> = Vec::new();
        for come in &self.come {
            match *come {
                Come::Second(number) => push(&mut runs, 1, number, 1),
                Come::First { number, between } => match set(between) {
                    Some(at) => push(&mut runs, 2, at as u32, 1),
                    None => push(&mut runs, 0, number, 1),
                },
            }
        }
        gather(&[before, after, update.map_or(after, |update| &update.values)], &runs)
    }
}

fn origins(first: &Patch) -> Vec<Origin> {
    let mut made = Vec::with_capacity(first.new_rows());
    let (mut gone, mut coming) = (first.deleted().iter().peekable(), first.inserted_at().iter().peekable());
    let (mut old, mut number) = (0, 0);
    for at in 0..first.new_rows() as u32 {
        if coming.next_if_eq(&&at).is_some() {
            made.push(Origin::First(number));
            number += 1;
            continue;
        }
        while gone.next_if_eq(&&old).is_some() {
            old += 1;
        }
        made.push(Origin::Old(old));
        old += 1;
    }
    made
}
