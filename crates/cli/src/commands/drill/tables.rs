//! Drills of databases, whatever their kind: restored, captured again, asked.

use super::evidence::TableProof;
use super::{Job, Outcome, as_fault, asserted, postgres, sqlite, timed};
use crate::commands::tables::difference::words;
use crate::commands::tables::reader;
use crate::errors::Failure;
use crate::json::hex;
use crate::memory::Memory;
use crate::out::clean;
use crate::progress::Watch;
use crate::words::tr;
use datakeep_connector::{Catalog, Connector, Options};
use datakeep_distribute::tables::{TablesPlan, TablesRequest, plan_tables};
use datakeep_engine::{FirstDifference, TablesReader, pour, prove};
use datakeep_model::{ErrorKind, escape_for_terminal};

/// Tables that are written at the same time, unless told otherwise.
const USUAL_TABLES_AT_ONCE: usize = 4;

/// A database that does not exist yet, in a private place.
pub(super) struct Place<'a> {
    /// What knows it.
    pub connector: &'a dyn Connector,
    /// Where it will be.
    pub location: &'a str,
    /// How it is written.
    pub target: Options,
    /// How it is read again.
    pub source: Options,
    /// Where it is for a program that is to spoil it.
    pub for_faults: &'a str,
    /// Prepares the place for what is to come.
    pub prepare: &'a dyn Fn(&Catalog) -> Result<(), Failure>,
}

/// Restores a database in a place of its kind, and proves it.
pub(super) fn drill(job: &Job<'_>, watch: &Watch<'_>) -> Result<Outcome, Failure> {
    let reader = reader(job.repository.clone(), job.manifest)?;
    match job.manifest.snapshot.source.kind.as_str() {
        "sqlite" => sqlite::drill(job, &reader, watch),
        "postgres" => postgres::drill(job, &reader, watch),
        other => {
            let kind = escape_for_terminal(other.as_bytes());
            let message = tr!("no drills are known of a database of the kind {kind}", "尚不支持演练 {kind} 类数据库");
            Err(Failure::new(ErrorKind::Incompatible, message))
        }
    }
}

/// The steps that are the same for every kind.
pub(super) fn steps(
    job: &Job<'_>,
    reader: &TablesReader,
    place: &Place<'_>,
    watch: &Watch<'_>,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let mut restore_ms = 0;
    let restored = timed(&mut restore_ms, || restored(job, reader, place, (watch, &mut outcome)));
    outcome.restore_ms = restore_ms;
    let plan = match restored {
        Ok(plan) => plan,
        Err(failure) => {
            outcome.faults.push(as_fault(failure, "it cannot be restored")?);
            return Ok(outcome);
        }
    };
    if !outcome.faults.is_empty() {
        return Ok(outcome);
    }
    job.rehearse_fault(place.for_faults)?;
    let mut proof_ms = 0;
    let proven = timed(&mut proof_ms, || proven(job, reader, (place, &plan), (watch, &mut outcome)));
    outcome.proof_ms = proof_ms;
    if let Err(failure) = proven {
        outcome.faults.push(as_fault(failure, "it cannot be proven")?);
    }
    Ok(outcome)
}

fn workers(job: &Job<'_>) -> Result<usize, Failure> {
    let usual = datakeep_engine::BackupOptions::default().workers.clamp(1, USUAL_TABLES_AT_ONCE);
    let wanted = job.args.workers.map_or(usual, |workers| usize::from(workers.get()));
    Memory::of(&job.app.settings).for_restored_tables(wanted)
}

fn restored(
    job: &Job<'_>,
    reader: &TablesReader,
    place: &Place<'_>,
    (watch, outcome): (&Watch<'_>, &mut Outcome),
) -> Result<TablesPlan, Failure> {
    let mut target = place.connector.open_table_target(place.location, &place.target, false)?;
    let standing = target.look()?;
    let plan = plan_tables(reader, standing.as_deref(), place.location, &TablesRequest::default())?;
    (place.prepare)(&plan.job.catalog)?;
    let context = job.app.context(watch);
    let poured = pour(reader, &mut *target, (&plan.job, &plan.tables), workers(job)?, &context)?;
    if let Some(difference) = poured.proof.as_ref().and_then(|proof| proof.difference.as_ref()) {
        differ(job, outcome, difference);
    }
    outcome.counts.losses = poured.losses.len() as u64;
    outcome.losses = poured.losses;
    outcome.verified = poured.verified;
    Ok(plan)
}

/// People see the cells; evidence names the table alone.
fn differ(job: &Job<'_>, outcome: &mut Outcome, difference: &FirstDifference) {
    let what = clean(&words(difference));
    job.app.out.warn(tr!("NOT as it was captured: {what}", "与备份时不一致：{what}"));
    outcome.faults.push(format!("table {}: {}", difference.table, difference.what));
}

fn proven(
    job: &Job<'_>,
    reader: &TablesReader,
    (place, plan): (&Place<'_>, &TablesPlan),
    (watch, outcome): (&Watch<'_>, &mut Outcome),
) -> Result<(), Failure> {
    let tables: Vec<_> = plan.tables.iter().map(|table| (table.clone(), table.info.name.clone())).collect();
    let context = job.app.context(watch);
    let mut source = place.connector.open_tables(place.location, &place.source)?;
    let proof = prove(reader, &mut *source, &tables, workers(job)?, &context)?;
    drop(source);
    outcome.counts.tables = proof.tables;
    outcome.counts.rows = proof.rows;
    let is_same = proof.difference.is_none();
    outcome.tables.extend(plan.tables.iter().map(|table| {
        let expected_root = hex(&table.content_root);
        let found_root = is_same.then(|| expected_root.clone());
        TableProof { table: table.info.name.to_string(), rows: table.rows, expected_root, found_root }
    }));
    if let Some(difference) = &proof.difference {
        differ(job, outcome, difference);
    }
    let asked = (place.location, &place.source);
    outcome.asserted = asserted::ask(job.assertions, place.connector, asked, job.patience, &job.app.cancel)?;
    Ok(())
}
