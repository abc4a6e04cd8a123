//! Store to target: the rows of tables, group by group.

use super::prove::{Proof, prove};
use super::stored::{StoredGroup, TablesReader};
use crate::backup::RunContext;
use crate::error::EngineError;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{RestoreJob, TableAction, TableName, TableTarget};
use datakeep_model::{Event, Phase};
use datakeep_process_table::TableDescription;

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
/// do so. On an error the target is left as it was, by the promise of [`TableTarget`].
pub fn pour(
    reader: &TablesReader,
    target: &mut dyn TableTarget,
    (job, tables): (&RestoreJob, &[TableDescription]),
    context: &RunContext<'_>,
) -> Result<Poured, EngineError> {
    context.observer.observe(&Event::Phase(Phase::Transferring));
    let rows = tables.iter().map(|table| table.rows).sum();
    context.observer.observe(&Event::Expect { items: rows, bytes: 0 });
    target.begin(job)?;
    let mut poured = Poured::default();
    for (number, table) in tables.iter().enumerate() {
        target.begin_table(number)?;
        poured.rows += pour_table(reader, target, table, context)?;
        target.end_table()?;
        poured.tables += 1;
    }
    context.observer.observe(&Event::Phase(Phase::Committing));
    poured.proof = proven(reader, target, (job, tables), context)?;
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
    context: &RunContext<'_>,
) -> Result<Option<Proof>, EngineError> {
    let Some(mut source) = target.complete()? else { return Ok(None) };
    let left_out = target.left_out();
    let made = tables.iter().zip(&job.tables).enumerate().filter(|(number, _)| !left_out.contains(number));
    let made = made.filter(|(_, (_, job))| job.action != TableAction::Merge);
    let named: Vec<_> = made.map(|(_, (table, job))| (table.clone(), job.into.clone())).collect();
    prove(reader, &mut *source, &named, context).map(Some)
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

fn pour_table(
    reader: &TablesReader,
    target: &mut dyn TableTarget,
    table: &TableDescription,
    context: &RunContext<'_>,
) -> Result<u64, EngineError> {
    let mut rows = 0;
    let mut write = |group: StoredGroup| {
        if context.cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        let batch = reader.rows(table, &group)?;
        target.write(&batch)?;
        rows += batch.rows() as u64;
        context.observer.observe(&Event::Progress { items: batch.rows() as u64, bytes: 0 });
        Ok(true)
    };
    each_group(reader, &table.info.name, &mut write)?;
    if rows != table.rows {
        let what = format!("table {}", table.info.name);
        let (expected, found) = (format!("{} rows", table.rows), format!("{rows} rows"));
        return Err(datakeep_store::StoreError::damaged(what, 0, expected, found).into());
    }
    Ok(rows)
}

fn each_group(
    reader: &TablesReader,
    name: &TableName,
    take: &mut dyn FnMut(StoredGroup) -> Result<bool, EngineError>,
) -> Result<(), EngineError> {
    reader.each_group(name, &[], take)
}
