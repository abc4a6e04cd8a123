//! Store to target: the rows of tables, group by group.

use super::prove::{Proof, prove};
use super::share::{Waiting, joined, rows_of};
use super::stored::{StoredGroup, TablesReader};
use crate::backup::RunContext;
use crate::error::EngineError;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, Hands, RestoreJob, TableAction, TableHand, TableTarget};
use datakeep_model::{Event, Phase};
use datakeep_process_table::TableDescription;
use std::collections::BTreeSet;

/// What was written.
#[derive(Clone, Debug, Default)]
pub struct Poured {
    /// Tables.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// What the target verified, one sentence each.
    pub verified: Vec<String>,
    /// What was asked for and does not stand there as it should, one sentence each.
    pub losses: Vec<String>,
    /// Numbers of the job's tables that were left out.
    pub left_out: Vec<usize>,
    /// The proof of what was made before it was made visible, where the target let it be looked at. With a difference nothing
    /// was made visible.
    pub proof: Option<Proof>,
}

/// Writes the tables of a job to a target, and makes them visible. `tables` are the descriptions of the job's tables, in their
/// order. Every value is proven before it is written, and all of it again before it is made visible, where the target can
/// do so. At most `most_threads` tables are written and proven at the same time, where the target can do that. On an error the
/// target is left as it was, by the promise of [`TableTarget`].
pub fn pour(
    reader: &TablesReader,
    target: &mut dyn TableTarget,
    (job, tables): (&RestoreJob, &[TableDescription]),
    most_threads: usize,
    context: &RunContext<'_>,
) -> Result<Poured, EngineError> {
    context.observer.observe(&Event::Phase(Phase::Transferring));
    let rows = tables.iter().map(|table| table.rows).sum();
    context.observer.observe(&Event::Expect { items: rows, bytes: 0 });
    target.begin(job)?;
    let hands = if most_threads > 1 { target.hands(most_threads)? } else { Hands::default() };
    let mut poured = Pour { reader, tables, context }.all(target, hands)?;
    context.observer.observe(&Event::Phase(Phase::Committing));
    poured.proof = proven(reader, target, (job, tables), most_threads, context)?;
    if poured.proof.as_ref().is_some_and(|proof| proof.difference.is_some()) {
        return Ok(poured);
    }
    poured.verified = target.finish()?;
    poured.losses = target.losses();
    poured.left_out = target.left_out();
    Ok(poured)
}

/// Captures again what the target made and nobody sees yet.
fn proven(
    reader: &TablesReader,
    target: &mut dyn TableTarget,
    (job, tables): (&RestoreJob, &[TableDescription]),
    most_threads: usize,
    context: &RunContext<'_>,
) -> Result<Option<Proof>, EngineError> {
    let Some(mut source) = target.complete()? else { return Ok(None) };
    let left_out = target.left_out();
    let made = tables.iter().zip(&job.tables).enumerate().filter(|(number, _)| !left_out.contains(number));
    let made = made.filter(|(_, (_, job))| job.action != TableAction::Merge);
    let named: Vec<_> = made.map(|(_, (table, job))| (table.clone(), job.into.clone())).collect();
    prove(reader, &mut *source, &named, most_threads, context).map(Some)
}

/// As [`pour`], but of a job of one table these rows alone.
pub fn pour_rows(
    target: &mut dyn TableTarget,
    job: &RestoreJob,
    rows: &RowBatch,
    context: &RunContext<'_>,
) -> Result<Poured, EngineError> {
    context.observer.observe(&Event::Phase(Phase::Transferring));
    target.begin(job)?;
    target.begin_table(0)?;
    target.write(rows)?;
    target.end_table()?;
    context.observer.observe(&Event::Phase(Phase::Committing));
    let verified = target.finish()?;
    let losses = target.losses();
    Ok(Poured { tables: 1, rows: rows.rows() as u64, verified, losses, ..Poured::default() })
}

/// Tables that are written, each by one thread.
struct Pour<'a> {
    reader: &'a TablesReader,
    tables: &'a [TableDescription],
    context: &'a RunContext<'a>,
}

impl Pour<'_> {
    /// The target writes what nobody else may, while others write the rest.
    fn all(&self, target: &mut dyn TableTarget, hands: Hands) -> Result<Poured, EngineError> {
        let Hands { hands, tables: shared } = hands;
        let shared: BTreeSet<usize> = if hands.is_empty() { BTreeSet::new() } else { shared.into_iter().collect() };
        let own = (0..self.tables.len()).filter(|number| !shared.contains(number));
        let rows = rows_of(self.tables);
        let waiting = Waiting::new(shared.iter().copied().filter(|&number| number < rows.len()), |number| rows[number]);
        let done = std::thread::scope(|scope| {
            let waiting = &waiting;
            let by_hand = |hand| scope.spawn(move || waiting.watched(|| self.by_hand(hand, waiting)));
            let others = hands.into_iter().map(by_hand).collect();
            joined(waiting.watched(|| self.by_target(target, own, waiting)), others)
        })?;
        let (tables, rows) = done.into_iter().fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1));
        Ok(Poured { tables, rows, ..Poured::default() })
    }

    /// Tables and rows that the target itself wrote.
    fn by_target(
        &self,
        target: &mut dyn TableTarget,
        own: impl Iterator<Item = usize>,
        waiting: &Waiting,
    ) -> Result<(u64, u64), EngineError> {
        let mut done = (0, 0);
        for number in own {
            target.begin_table(number)?;
            done.1 += self.table(number, &mut |rows| target.write(rows), waiting)?;
            target.end_table()?;
            done.0 += 1;
        }
        Ok(done)
    }

    fn by_hand(&self, mut hand: Box<dyn TableHand>, waiting: &Waiting) -> Result<(u64, u64), EngineError> {
        let mut done = (0, 0);
        while let Some(number) = waiting.take() {
            hand.begin_table(number)?;
            done.1 += self.table(number, &mut |rows| hand.write(rows), waiting)?;
            hand.end_table()?;
            done.0 += 1;
        }
        Ok(done)
    }

    fn table(
        &self,
        number: usize,
        write: &mut dyn FnMut(&RowBatch) -> Result<(), ConnectorError>,
        waiting: &Waiting,
    ) -> Result<u64, EngineError> {
        let (table, context) = (&self.tables[number], self.context);
        let mut rows = 0;
        let mut take = |group: StoredGroup| {
            if context.cancel.is_cancelled() || waiting.is_over() {
                return Err(EngineError::Cancelled);
            }
            let batch = self.reader.rows(table, &group)?;
            write(&batch)?;
            rows += batch.rows() as u64;
            context.observer.observe(&Event::Progress { items: batch.rows() as u64, bytes: 0 });
            Ok(true)
        };
        self.reader.each_group(&table.info.name, &[], &mut take)?;
        if rows != table.rows {
            let what = format!("table {}", table.info.name);
            let (expected, found) = (format!("{} rows", table.rows), format!("{rows} rows"));
            return Err(datakeep_store::StoreError::damaged(what, 0, expected, found).into());
        }
        Ok(rows)
    }
}
