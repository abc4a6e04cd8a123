//! Snapshots of tables while a call goes wrong: captured, restored and proven, compared, copied, collected, repaired.

use super::Backend;
use super::acts::{Told, opened, said};
use super::copying::{add_copy, nothing_of, turned};
use super::prepare::{Prepared, aged, backed_up, empty, few_bytes, open, with_largest_damaged};
use crate::collect::forget;
use crate::held::Held;
use crate::support::{Ear, NOW, XorShift};
use crate::tables::captured;
use crate::tables::making::{append, delete, insert, update};
use crate::tables::reading::ModelTarget;
use crate::tables::source::{Database, Lie, ModelSource, Table, database};
use datakeep_connector::{Cancel, FixedClock};
use datakeep_distribute::DistributeError;
use datakeep_distribute::tables::{TableDiff, TablesRequest, compare_schemas, plan_tables};
use datakeep_engine::{BackupOptions, RunContext, TablesReader, pour, prove};
use datakeep_store::{Manifest, Repository};
use datakeep_store_blob::BlobStore;
use std::sync::Arc;

/// A table of some groups, one without a key, and one without rows.
fn first_database() -> Database {
    let chance = &mut XorShift::new(7);
    let mut keyed = Table::new("keyed", &[("id", "INT"), ("t", "TEXT"), ("n", "REAL")], &[0]);
    let mut loose = Table::new("loose", &[("a", "INT"), ("b", "BLOB")], &[]);
    insert(&mut keyed, 18, chance);
    insert(&mut loose, 5, chance);
    database([keyed, loose, Table::new("void", &[("a", "INT")], &[0])])
}

fn changed(mut database: Database, seed: u64) -> Database {
    let chance = &mut XorShift::new(seed);
    let keyed = database.get_mut("keyed").expect("it is there");
    update(keyed, 2, chance);
    delete(keyed, 1, chance);
    append(keyed, 6, chance);
    database
}

fn second_database() -> Database {
    changed(first_database(), 8)
}

/// With so many rows more that they fill some packs.
fn third_database() -> Database {
    let mut database = changed(second_database(), 9);
    insert(database.get_mut("loose").expect("it is there"), 160, &mut XorShift::new(10));
    database
}

pub fn first() -> Held {
    first_database().into()
}

pub fn second() -> Held {
    second_database().into()
}

pub fn third() -> Held {
    third_database().into()
}

pub fn with_one() -> Prepared {
    let mut prepared = empty();
    backed_up(&mut prepared, first_database());
    aged(prepared)
}

pub fn with_two() -> Prepared {
    let mut prepared = with_one();
    backed_up(&mut prepared, second_database());
    aged(prepared)
}

/// A capture that ended before its decision and left packs, an intent and progress.
fn interrupted(prepared: &Prepared) {
    let often = BackupOptions { progress_bytes: 128, ..few_bytes() };
    let mut source = ModelSource::lying(super::prepare::SOURCE, &third_database(), Lie::Incomplete);
    captured(&open(prepared.store.clone()).unwrap(), &mut source, &often).unwrap_err();
}

/// A capture that died with some of what it had stored recorded.
pub fn with_progress() -> Prepared {
    // What is recorded depends on how fast threads are: now and then nothing is.
    for _ in 0..50 {
        let prepared = with_one();
        interrupted(&prepared);
        if !prepared.store.list("progress/").unwrap().is_empty() {
            return aged(prepared);
        }
    }
    panic!("no capture has recorded its progress")
}

/// The older of two snapshots is forgotten; of its packs some frames are used.
pub fn with_forgotten() -> Prepared {
    let mut prepared = with_two();
    let repository = open(prepared.store.clone()).unwrap();
    forget(&repository, &repository.snapshots().unwrap().0[0]);
    prepared.held.remove(0);
    aged(prepared)
}

pub fn with_damaged_pack() -> Prepared {
    with_largest_damaged(with_one())
}

pub fn copied_to_empty() -> Prepared {
    nothing_of(with_two())
}

pub fn copied_to_first() -> Prepared {
    let mut prepared = copied_to_empty();
    add_copy(&mut prepared, 0, first());
    aged(prepared)
}

pub fn copied_from_two() -> Prepared {
    turned(copied_to_first(), [first(), second()])
}

fn readers(repository: &Arc<Repository>) -> Result<Vec<TablesReader>, String> {
    let (manifests, faults) = said(repository.snapshots())?;
    if let Some(fault) = faults.first() {
        return Err(fault.to_string());
    }
    let reader = |manifest: Manifest| said(TablesReader::new(repository.clone(), manifest));
    manifests.into_iter().map(reader).collect()
}

/// Restores every snapshot into memory, and proves it.
pub fn restore(_: &Prepared, store: Backend) -> Result<Told, String> {
    let repository = opened(store)?;
    let (ear, cancel, clock) = (Ear::default(), Cancel::new(), FixedClock(NOW));
    let context = RunContext { observer: &ear, cancel: &cancel, clock: &clock };
    let mut told = Told::default();
    for reader in readers(&repository)? {
        let plan = said(plan_tables(&reader, None, "memory", &TablesRequest::default()))?;
        let mut target = ModelTarget::default();
        said(pour(&reader, &mut target, (&plan.job, &plan.tables), 2, &context))?;
        let made = target.made.ok_or("nothing was made")?;
        let named: Vec<_> = plan.tables.iter().map(|table| (table.clone(), table.info.name.clone())).collect();
        let proof = said(prove(&reader, &mut ModelSource::new("restored", &made), &named, 2, &context))?;
        if let Some(difference) = proof.difference {
            return Err(format!("not proven: {difference:?}"));
        }
        told.restored.push((reader.manifest().snapshot.id, made.into()));
    }
    Ok(told)
}

/// What became of all rows from the first snapshot to the second, in words.
fn differences(repository: &Arc<Repository>) -> Result<Vec<String>, String> {
    let readers = readers(repository)?;
    let [old, new] = &readers[..] else { return Err("there are two".to_string()) };
    let mut found = Vec::new();
    for pair in &said(compare_schemas(old, new))?.tables {
        let counts = TableDiff::new(old, new, pair).rows::<DistributeError>(&mut |change| {
            found.push(format!("{}: {change:?}", pair.name));
            Ok(())
        });
        found.push(format!("{}: {:?}", pair.name, said(counts)?));
    }
    Ok(found)
}

/// Compares the two snapshots. Whatever goes wrong, what is told is right.
pub fn diff(prepared: &Prepared, store: Backend) -> Result<Told, String> {
    let told = differences(&opened(store)?)?;
    let right = differences(&open(prepared.store.clone()).unwrap()).unwrap();
    assert_eq!(told, right, "another difference was told");
    Ok(Told::default())
}

/// The difference that the scenario is held against is the one that was made.
#[test]
fn the_difference_is_the_one_that_was_made() {
    let prepared = with_two();
    let told = differences(&open(prepared.store).unwrap()).unwrap();
    let (was, is) = (first_database(), second_database());
    let (was, is) = (&was["keyed"].rows, &is["keyed"].rows);
    let inserted = is.keys().filter(|key| !was.contains_key(*key)).count();
    let deleted = was.keys().filter(|key| !is.contains_key(*key)).count();
    let updated = is.iter().filter(|(key, row)| was.get(*key).is_some_and(|was| was != *row)).count();
    let expected = format!("main.keyed: RowCounts {{ inserted: {inserted}, updated: {updated}, deleted: {deleted} }}");
    assert!(inserted > 0 && deleted > 0 && updated > 0 && told.contains(&expected), "{expected}: {told:#?}");
}
