//! A capture that dies, or meets a fault, at any call of the store: older snapshots read back, what is visible is whole, and the
//! next capture succeeds.

use super::making::{heavy, insert, update};
use super::source::{Database, ModelSource, Table, database};
use super::{assert_reads, captured, difference, groups_of, init_with, patches_in, places, reader, snapshot};
use crate::crash::{Survival, loose};
use crate::support::{XorShift, assert_sound, open};
use datakeep_engine::BackupOptions;
use datakeep_model::SessionId;
use datakeep_store::Manifest;
use datakeep_store_blob::{FaultPlan, FaultStore, MemoryStore};
use std::sync::atomic::Ordering;

/// One worker; progress is recorded when it can be.
fn often() -> BackupOptions {
    BackupOptions { workers: 1, frame_target_bytes: 4 << 10, progress_bytes: 1 << 10, ..groups_of(100) }
}

struct Stage {
    store: MemoryStore,
    held: (Database, Manifest),
    makes: Database,
    next: Database,
}

fn stage() -> Stage {
    let mut chance = XorShift::new(51);
    let mut small = Table::new("small", &[("a", "TEXT"), ("b", "REAL")], &[0]);
    insert(&mut small, 40, &mut chance);
    let first = database([heavy(&mut chance), small]);
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    let manifest = snapshot(&open(store.clone()).unwrap(), &first, &often());
    let mut makes = first.clone();
    makes.values_mut().for_each(|table| update(table, 1, &mut chance));
    let mut added = Table::new("added", &[("a", "INT"), ("b", "BLOB")], &[0]);
    insert(&mut added, 300, &mut chance);
    makes.insert("added".into(), added);
    let mut next = makes.clone();
    next.values_mut().for_each(|table| update(table, 1, &mut chance));
    Stage { store, held: (first, manifest), makes, next }
}

/// Captures with a fault; the snapshot, if the run said that it made one.
fn act(stage: &Stage, store: &MemoryStore, plan: FaultPlan, survival: Survival) -> (Option<SessionId>, (u64, u64)) {
    let faulty = FaultStore::new(loose(store, survival), plan);
    let (calls, changes) = faulty.counters();
    let made = open(faulty).ok().and_then(|repository| {
        let report = captured(&repository, &mut ModelSource::new("model", &stage.makes), &often()).ok()?;
        report.manifest.map(|manifest| manifest.snapshot.id)
    });
    (made, (calls.load(Ordering::SeqCst), changes.load(Ordering::SeqCst)))
}

fn look(stage: &Stage, store: &MemoryStore, told: Option<SessionId>, what: &str) {
    let repository = open(store.clone()).unwrap();
    let (manifests, faults) = repository.snapshots().unwrap();
    assert!(faults.is_empty(), "{what}: {faults:?}");
    assert_reads(&repository, &stage.held.1, &stage.held.0, what);
    assert!(told.is_none_or(|id| manifests.iter().any(|manifest| manifest.snapshot.id == id)), "{what}: it is gone");
    for manifest in manifests.iter().filter(|manifest| manifest.snapshot.id != stage.held.1.snapshot.id) {
        assert_reads(&repository, manifest, &stage.makes, what);
    }
    assert_sound(&repository, what);
    let next = snapshot(&repository, &stage.next, &often());
    let fresh = open(store.clone()).unwrap();
    assert_reads(&fresh, &next, &stage.next, what);
    assert_reads(&fresh, &stage.held.1, &stage.held.0, what);
}

#[test]
fn a_capture_that_dies_anywhere_harms_nothing() {
    let stage = stage();
    let whole = stage.store.fork();
    let (made, (_, changes)) = act(&stage, &whole, FaultPlan::Count, Survival::Nothing);
    assert!(made.is_some() && changes > 8, "{changes} changing calls");
    let repository = open(whole).unwrap();
    let made = repository.snapshots().unwrap().0.pop().unwrap();
    assert!(patches_in(&repository, &made) > 0, "it stores patches");
    let (mut ended_well, mut died) = (0, 0);
    for at in 0..changes {
        for plan in [FaultPlan::CrashBefore(at), FaultPlan::CrashAfter(at)] {
            for survival in [Survival::Nothing, Survival::Everything, Survival::Some(at)] {
                let store = stage.store.fork();
                let (told, _) = act(&stage, &store, plan, survival);
                *if told.is_some() { &mut ended_well } else { &mut died } += 1;
                look(&stage, &store, told, &format!("{plan:?}, {survival:?}"));
            }
        }
    }
    assert!(died > ended_well, "{died} died, {ended_well} did not");
}

#[test]
fn a_fault_at_any_call_is_a_clean_failure_or_none() {
    let stage = stage();
    let (_, (calls, _)) = act(&stage, &stage.store.fork(), FaultPlan::Count, Survival::Nothing);
    for at in 0..calls {
        let plan = [FaultPlan::FailOnce(at), FaultPlan::LoseAnswer(at), FaultPlan::FullOnce(at)][at as usize % 3];
        let store = stage.store.fork();
        let (told, _) = act(&stage, &store, plan, Survival::Nothing);
        look(&stage, &store, told, &format!("{plan:?}"));
    }
}

/// The harness can fail: it sees a snapshot that holds something else.
#[test]
fn another_state_is_seen() {
    let stage = stage();
    let repository = open(stage.store.clone()).unwrap();
    let found = difference(&reader(&repository, &stage.held.1), &stage.next).unwrap();
    assert!(found.is_some());
}
