//! Snapshots of tables: what was captured comes back, whatever happened in between.

mod collecting;
mod crashing;
mod extremes;
mod golden;
mod harm;
mod history;
mod joining;
mod large_values;
mod lies;
pub mod making;
mod proving;
pub mod reading;
mod resuming;
pub mod source;
mod trees;

use crate::support::{Ear, NOW, PASSWORD, open, options, password_slot, small};
use arrow_array::Array;
use datakeep_connector::rows::{Column, RowBatch};
use datakeep_connector::{Cancel, FixedClock, TableSource};
use datakeep_engine::{BackupOptions, CaptureReport, EngineError, RunContext, TablesReader, capture};
use datakeep_model::Timestamp;
use datakeep_process_table::{TableDescription, join};
use datakeep_store::{ChunkerParams, InitOptions, Manifest, Repository, SeededEntropy};
use datakeep_store_blob::{BlobStore, MemoryStore};
use source::{Database, ModelSource, batch};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Small nodes and packs, so that small tables have many of each.
fn places() -> InitOptions {
    let chunker = ChunkerParams { min_bytes: 4 << 10, avg_bytes: 8 << 10, max_bytes: 16 << 10 };
    InitOptions { chunker, pack_target_bytes: 40_000, ..small() }
}

/// A repository whose keys are always the same, so that the same rows always end the same groups.
fn init_with(store: MemoryStore, options: &InitOptions) -> Arc<Repository> {
    let slot = password_slot("main", PASSWORD);
    let entropy = Arc::new(SeededEntropy::new(97));
    Repository::init(Arc::new(store.clone()), options, &[slot], entropy, NOW).unwrap();
    // Names of sessions are drawn anew.
    open(store).unwrap()
}

/// Groups of about so many rows; everything else as for small trees.
fn groups_of(rows: usize) -> BackupOptions {
    BackupOptions { group_window: Some((rows / 2).max(1)), ..options() }
}

/// Captures a database; later runs begin later.
pub fn captured(
    repository: &Arc<Repository>,
    source: &mut dyn TableSource,
    options: &BackupOptions,
) -> Result<CaptureReport, EngineError> {
    captured_until(repository, source, options, &Cancel::new())
}

fn captured_until(
    repository: &Arc<Repository>,
    source: &mut dyn TableSource,
    options: &BackupOptions,
    cancel: &Cancel,
) -> Result<CaptureReport, EngineError> {
    // Later runs begin later: the newest snapshot of a source is the parent of its next.
    static RUNS: AtomicI64 = AtomicI64::new(0);
    let clock = FixedClock(Timestamp { seconds: NOW.seconds + RUNS.fetch_add(1, Ordering::Relaxed), ..NOW });
    let mark = source.begin()?;
    let ear = Ear::default();
    capture(repository, source, &mark, options, &RunContext { observer: &ear, cancel, clock: &clock })
}

/// Captures a database and gives its snapshot.
fn snapshot(repository: &Arc<Repository>, database: &Database, options: &BackupOptions) -> Manifest {
    captured(repository, &mut ModelSource::new("model", database), options).unwrap().manifest.unwrap()
}

fn reader(repository: &Arc<Repository>, manifest: &Manifest) -> TablesReader {
    TablesReader::new(repository.clone(), manifest.clone()).unwrap()
}

/// All rows of a table, and how many groups they stand in.
fn rows_of(reader: &TablesReader, table: &TableDescription) -> Result<(RowBatch, u64), EngineError> {
    let mut batches = Vec::new();
    reader.each_group(&table.info.name, &[], &mut |group| {
        batches.push(reader.rows(table, &group)?);
        Ok(true)
    })?;
    let groups = batches.len() as u64;
    Ok((join(batches).unwrap(), groups))
}

fn is_same(left: &Column, right: &Column) -> bool {
    left.values().to_data() == right.values().to_data() && left.exceptions() == right.exceptions()
}

/// The first thing in which a snapshot is not this database; an error where it cannot be read.
pub fn difference(reader: &TablesReader, database: &Database) -> Result<Option<String>, EngineError> {
    reader.database()?;
    let tables = reader.tables()?;
    let names: Vec<&str> = tables.iter().map(|table| table.info.name.table.as_str()).collect();
    if !names.iter().copied().eq(database.keys().map(String::as_str)) {
        return Ok(Some(format!("tables {names:?}")));
    }
    for (description, table) in tables.iter().zip(database.values()) {
        let name = &table.name;
        let info = table.info();
        let has_same_columns = description
            .info
            .columns
            .iter()
            .zip(&info.columns)
            .all(|(found, expected)| (&found.name, &found.declared) == (&expected.name, &expected.declared));
        if !has_same_columns || (&description.info.key, &description.info.sql) != (&info.key, &info.sql) {
            return Ok(Some(format!("{name}: described as {:?}", description.info)));
        }
        let (found, groups) = rows_of(reader, description)?;
        let counted = (found.rows() as u64, groups);
        if counted != (description.rows, description.groups) || found.rows() != table.rows.len() {
            return Ok(Some(format!("{name}: {counted:?} of {} and {description:?}", table.rows.len())));
        }
        if found.rows() == 0 {
            continue;
        }
        let types: Vec<_> = description.info.columns.iter().map(|column| column.data_type.clone()).collect();
        let expected = batch(&types, table.rows.values());
        for (at, (found, expected)) in found.columns().iter().zip(expected.columns()).enumerate() {
            if !is_same(found, expected) {
                return Ok(Some(format!("{name}: column {at} has other values")));
            }
        }
        if reader.hasher().rows(&found, &description.numbers) != description.row_sum {
            return Ok(Some(format!("{name}: the sum of its rows is another")));
        }
    }
    Ok(None)
}

#[track_caller]
fn assert_reads(repository: &Arc<Repository>, manifest: &Manifest, database: &Database, what: &str) {
    match difference(&reader(repository, manifest), database) {
        Ok(None) => {}
        Ok(Some(found)) => panic!("{what}: {found}"),
        Err(error) => panic!("{what}: {error}"),
    }
}

fn stored_bytes(store: &MemoryStore) -> u64 {
    store.list("").unwrap().iter().map(|listed| listed.len_bytes).sum()
}

/// Patches in all groups of a snapshot.
fn patches_in(repository: &Arc<Repository>, manifest: &Manifest) -> usize {
    let reader = reader(repository, manifest);
    let mut patches = 0;
    for table in reader.tables().unwrap() {
        let mut count = |group: datakeep_engine::StoredGroup| {
            patches += group.description.patches.len();
            Ok(true)
        };
        reader.each_group(&table.info.name, &[], &mut count).unwrap();
    }
    patches
}
