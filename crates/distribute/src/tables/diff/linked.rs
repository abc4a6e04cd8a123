//! Groups of both snapshots that differ by patches: many at a time, on all processors.

use super::window::Run;
use super::{RowChange, Side, TableDiff, hash_of, window};
use crate::error::DistributeError;
use datakeep_connector::rows::RowBatch;
use datakeep_engine::{StoredGroup, TouchedRows};
use datakeep_process_table::TableDescription;
use datakeep_store::{Entry, StoreError};

/// Pairs of groups that are compared before any of them is told.
const PAIRS: usize = 32;
/// Threads, at most.
const MOST_THREADS: usize = 8;

/// The changes between two groups; `None` where patches do not say.
type Found = Result<Option<Vec<RowChange>>, DistributeError>;

impl TableDiff<'_> {
    /// Compares the next groups of both, as many as have the same keys: by patches where these say what differs. False, with
    /// nothing done, where none have, or rows of groups before are left.
    pub(super) fn linked_run<E: From<DistributeError>>(
        &self,
        before: &mut Side<'_>,
        after: &mut Side<'_>,
        visit: &mut dyn FnMut(RowChange) -> Result<(), E>,
    ) -> Result<bool, E> {
        if before.rows.rows() + after.rows.rows() > 0 || !self.may_be_linked(before.table, after.table) {
            return Ok(false);
        }
        let found = {
            let both = before.entries.iter().zip(&after.entries);
            let pairs: Vec<_> = both.take(PAIRS).take_while(|(was, is)| was.key == is.key).collect();
            self.compare_pairs((before.table, after.table), &pairs)
        };
        let (was_left, is_left, mut told) = (before.entries.len(), after.entries.len(), 0);
        for changes in found {
            self.check_cancelled()?;
            match changes? {
                Some(changes) => {
                    changes.into_iter().try_for_each(&mut *visit)?;
                    before.entries.pop_front();
                    after.entries.pop_front();
                }
                None if self.aligned(before, after, visit)? => {}
                None => drop(self.step(before, after, visit)?),
            }
            told += 1;
            let is_next = (before.entries.len() + told, after.entries.len() + told) == (was_left, is_left);
            if !is_next || before.rows.rows() + after.rows.rows() > 0 {
                break;
            }
        }
        Ok(told > 0)
    }

    /// True when columns are the same in both, so that patches say of them what they say.
    fn may_be_linked(&self, old: &TableDescription, new: &TableDescription) -> bool {
        let in_place = self.pair.columns.iter().enumerate().all(|(at, from)| *from == Some(at));
        let types = |table: &TableDescription| {
            table.info.columns.iter().map(|column| column.data_type.clone()).collect::<Vec<_>>()
        };
        in_place && old.numbers == new.numbers && old.info.key == new.info.key && types(old) == types(new)
    }

    /// What is found of each pair, in order, up to the first that fails.
    fn compare_pairs(&self, tables: (&TableDescription, &TableDescription), pairs: &[(&Entry, &Entry)]) -> Vec<Found> {
        let threads =
            std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(pairs.len().max(1));
        let share = &|number: usize| {
            let mut found: Vec<Found> = Vec::new();
            for pair in pairs.iter().skip(number).step_by(threads) {
                if !matches!(found.last(), Some(Err(_))) {
                    found.push(self.check_cancelled().and_then(|()| self.compare_pair(tables, *pair)));
                }
            }
            found
        };
        let shares: Vec<Vec<Found>> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|number| scope.spawn(move || share(number))).collect();
            running.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
        });
        let mut shares: Vec<_> = shares.into_iter().map(Vec::into_iter).collect();
        (0..pairs.len()).map_while(|number| shares[number % threads].next()).collect()
    }

    fn compare_pair(&self, (old, new): (&TableDescription, &TableDescription), (was, is): (&Entry, &Entry)) -> Found {
        let (was, is) = (self.old.group(was.clone())?, self.new.group(is.clone())?);
        let Some(link) = self.new.link(new, &was, &is)? else { return Ok(None) };
        let (mut changes, moves_rows) = (Vec::new(), link.moves_rows());
        let changed: Vec<usize> =
            (0..new.numbers.len()).filter(|at| moves_rows || differs(&was, &is, new.numbers[*at])).collect();
        if changed.is_empty() {
            return Ok(Some(changes));
        }
        let key = new.info.key.iter().copied().filter(|at| !changed.contains(at));
        let wanted: Vec<usize> = key.chain(changed.iter().copied()).collect();
        let Some(TouchedRows { old: was, new: is }) = link.touched(&wanted)? else { return Ok(None) };
        let mut keep = |change| -> Result<(), DistributeError> {
            changes.push(change);
            Ok(())
        };
        if moves_rows {
            let rows = |columns| {
                let uneven = |error: datakeep_connector::rows::ColumnError| {
                    let what = format!("a row group of table {}", self.pair.name);
                    StoreError::damaged(what, 0, "columns of one length", error.to_string())
                };
                RowBatch::new(columns).map_err(uneven)
            };
            window::by_key(self.pair, (old, &rows(was)?), (new, &rows(is)?), &mut keep)?;
        } else {
            let (was, is) = (Run::of(&wanted, was), Run::of(&wanted, is));
            window::by_position(self.pair, &changed, &was, (new, &is), &mut keep)?;
        }
        Ok(Some(changes))
    }
}

fn differs(was: &StoredGroup, is: &StoredGroup, number: u32) -> bool {
    hash_of(was, number) != hash_of(is, number)
}
