//! Store to target: the rows of tables, group by group.

use super::stored::{StoredGroup, TablesReader};
use crate::backup::RunContext;
use crate::error::EngineError;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{RestoreJob, TableName, TableTarget};
use datakeep_model::{Event, Phase};
use datakeep_process_table::TableDescription;

/// What was written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Poured {
    /// Tables.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// What the target verified, one sentence each.
    pub verified: Vec<String>,
}

/// Writes the tables of a job to a target, and makes them visible. `tables` are the descriptions of the job's tables, in their
/// order. Every value is proven before it is written. On an error the target is left as it was, by the promise of
/// [`TableTarget`].
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
    poured.verified = target.finish()?;
    Ok(poured)
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
    Ok(Poured { tables: 1, rows: rows.rows() as u64, verified })
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
