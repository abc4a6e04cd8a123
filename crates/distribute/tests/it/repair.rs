//! Repair: what could be restored can be restored afterwards, what is damaged is set aside byte for byte, and the next
//! backup stores again what was lost; whatever is damaged, however often it runs, wherever it dies.

use crate::collect::{PATIENCE_MS, collect_done, collect_options};
use crate::fixture;
use crate::memory::{self, Tree, TreeSource, directory, file, key};
use crate::support::{
    PASSWORD, assert_restores, assert_sound, init_with, open, open_with, options, restore_tree, run, small, verify,
};
use datakeep_engine::{BackupOptions, TablesReader};
use datakeep_model::{ContentKind, SessionId};
use datakeep_store::{OsEntropy, RepairOutcome, Repaired, Repository, StoreError};
use datakeep_store_blob::{BlobStore, FaultPlan, FaultStore, MemoryStore};
use datakeep_testkit::random_bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub type Restorable = BTreeMap<(SessionId, Vec<u8>), Arc<Vec<u8>>>;

/// Everything that comes out of every snapshot, by snapshot and path, or table and group.
pub fn restorable(repository: &Arc<Repository>) -> Restorable {
    let (manifests, _) = repository.snapshots().unwrap();
    let mut found = BTreeMap::new();
    for manifest in &manifests {
        if manifest.snapshot.content == ContentKind::Tables {
            let Ok(reader) = TablesReader::new(repository.clone(), manifest.clone()) else { continue };
            let groups = crate::tables::reading::restorable(&reader).into_iter();
            found.extend(groups.map(|(place, rows)| ((manifest.snapshot.id, place), Arc::new(rows))));
            continue;
        }
        let Ok((tree, _)) = restore_tree(repository, manifest) else { continue };
        found.extend(tree.into_iter().map(|(key, thing)| ((manifest.snapshot.id, key), thing.body)));
    }
    found
}

fn assert_not_less(before: &Restorable, after: &Restorable, what: &str) {
    for (place, body) in before {
        assert!(
            after.get(place) == Some(body),
            "{what}: {:?} could be restored before",
            String::from_utf8_lossy(&place.1)
        );
    }
}

pub fn repaired(repository: &Arc<Repository>) -> Result<Repaired, StoreError> {
    loop {
        let plan = repository.plan_repair(&mut |_| true)?;
        match repository.repair(&plan, &collect_options(30), &mut |_| true)? {
            RepairOutcome::Done(done) => return Ok(done),
            RepairOutcome::Finished => {}
            RepairOutcome::Waiting(open) => panic!("waits for {open:?}"),
        }
    }
}

fn packs(store: &MemoryStore) -> Vec<String> {
    let listed = [store.list("data/").unwrap(), store.list("meta/").unwrap()].concat();
    listed.into_iter().map(|object| object.name).collect()
}

/// One way to damage each pack: bits here and there, the end cut off, gone.
fn damages(store: &MemoryStore, pack: &str) -> Vec<(String, Option<Vec<u8>>)> {
    let bytes = store.read(pack, u64::MAX).unwrap();
    let len = bytes.len();
    let mut ways = vec![(format!("{pack} is gone"), None), (format!("{pack} is cut"), Some(bytes[..len - 9].to_vec()))];
    let places = [3, 8, 20, 50, 97, 130, len / 3, len / 2, len - 100, len - 60, len - 20, len - 2];
    for at in places.into_iter().filter(|at| *at < len) {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        ways.push((format!("{pack}: byte {at}"), Some(changed)));
    }
    ways
}

struct Case<'a> {
    store: &'a MemoryStore,
    password: &'a str,
    source: &'a str,
    tree: &'a Tree,
}

impl Case<'_> {
    fn open(&self, store: &MemoryStore) -> Arc<Repository> {
        open_with(store.clone(), self.password, Arc::new(OsEntropy)).unwrap()
    }

    fn damaged(&self, pack: &str, bytes: Option<&Vec<u8>>) -> MemoryStore {
        let store = self.store.fork();
        store.tamper(pack, bytes.cloned());
        store.advance(2 * PATIENCE_MS);
        store
    }

    fn play(&self, pack: &str, bytes: Option<&Vec<u8>>, what: &str) {
        let store = self.damaged(pack, bytes);
        let before = restorable(&self.open(&store));
        let done = repaired(&self.open(&store)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!((done.packs, done.rescued), (1, 0), "{what}");
        self.look_at(&store, (pack, bytes), &before, what);
    }

    /// What must be true after a repair.
    fn look_at(&self, store: &MemoryStore, (pack, bytes): (&str, Option<&Vec<u8>>), before: &Restorable, what: &str) {
        assert_not_less(before, &restorable(&self.open(store)), what);
        assert_eq!(store.len_bytes(pack).unwrap(), None, "{what}: nothing can refer to it");
        let kept = store.read(&format!("quarantine/{pack}"), u64::MAX).ok();
        assert!(bytes.is_none() || kept.as_ref() == bytes, "{what}: it is kept as it was found");
        let listed = store.list("").unwrap();
        let again = self.open(store);
        assert!(again.plan_repair(&mut |_| true).unwrap().is_empty(), "{what}: nothing is left to do");
        assert_eq!(repaired(&again).unwrap(), Repaired::default(), "{what}: a second time");
        assert_eq!(store.list("").unwrap(), listed, "{what}: a second time changes nothing");
        self.heal(store, before, what);
    }

    /// A backup after it is whole and needs nothing of what was lost; collections work.
    fn heal(&self, store: &MemoryStore, before: &Restorable, what: &str) {
        let repository = self.open(store);
        let report = run(&repository, &mut TreeSource::new(self.source, self.tree), &few_bytes()).unwrap();
        let manifest = report.manifest.unwrap();
        let fresh = self.open(store);
        assert_restores(&fresh, &manifest, self.tree, what);
        assert_not_less(before, &restorable(&fresh), what);
        store.advance(2 * PATIENCE_MS);
        collect_done(&fresh, 0);
        collect_done(&self.open(store), 0);
        let collected = self.open(store);
        assert_restores(&collected, &manifest, self.tree, what);
        assert_not_less(before, &restorable(&collected), what);
    }
}

fn few_bytes() -> BackupOptions {
    BackupOptions { workers: 1, frame_target_bytes: 700, progress_bytes: 1 << 20, ..options() }
}

/// Packs of many frames.
fn many_frames() -> (MemoryStore, Tree) {
    let store = MemoryStore::new();
    let repository = init_with(store.clone(), &small());
    let entry = |number: u64| (key(&format!("f{number:03}")), file(10 + number as i64, random_bytes(number, 500)));
    let mut tree = memory::tree([("d", directory(2))]);
    tree.extend((0..24).map(entry));
    run(&repository, &mut TreeSource::new("a", &tree), &few_bytes()).unwrap();
    (store, tree)
}

#[test]
fn any_damaged_pack_of_one_frame_is_set_aside_and_the_next_backup_is_whole() {
    let fixture = fixture::build("repair", 77);
    let case = Case { store: &fixture.store, password: fixture.password, source: "fixture", tree: &fixture.newer };
    for pack in packs(&fixture.store) {
        for (what, bytes) in damages(&fixture.store, &pack).into_iter().filter(|(what, _)| is_sampled(what)) {
            let unused_and_gone = bytes.is_none() && !is_used(&fixture, &pack);
            if !unused_and_gone {
                case.play(&pack, bytes.as_ref(), &what);
            }
        }
    }
}

/// One case of three: the others are like them.
fn is_sampled(what: &str) -> bool {
    what.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) % 3 == 0
}

fn is_used(fixture: &fixture::Fixture, pack: &str) -> bool {
    let repository = open_with(fixture.store.clone(), fixture.password, Arc::new(OsEntropy)).unwrap();
    let (manifests, _) = repository.snapshots().unwrap();
    manifests.iter().any(|manifest| {
        let reach = repository.reach(manifest).unwrap();
        reach.packs.values().any(|(record, _)| record.name.object(record.class) == pack)
    })
}

#[test]
fn whole_frames_of_a_damaged_pack_are_saved() {
    let (store, tree) = many_frames();
    let case = Case { store: &store, password: PASSWORD, source: "a", tree: &tree };
    for pack in packs(&store) {
        for (what, bytes) in damages(&store, &pack) {
            case.play(&pack, bytes.as_ref(), &what);
        }
    }
}

#[test]
fn what_two_packs_hold_is_read_from_the_one_that_is_whole() {
    // Two runs at the same time, neither of which knew the other's packs.
    let store = MemoryStore::new();
    let tree = memory::tree([("d", directory(2)), ("f", file(10, random_bytes(3, 5000)))]);
    init_with(store.clone(), &small());
    let beside = store.fork();
    run(&open(store.clone()).unwrap(), &mut TreeSource::new("a", &tree), &few_bytes()).unwrap();
    run(&open(beside.clone()).unwrap(), &mut TreeSource::new("b", &tree), &few_bytes()).unwrap();
    for object in beside.list("").unwrap() {
        if store.len_bytes(&object.name).unwrap().is_none() {
            store.tamper(&object.name, Some(beside.read(&object.name, u64::MAX).unwrap()));
        }
    }
    let packs = store.list("data/").unwrap();
    assert!(packs.len() >= 2, "{packs:?}");
    for pack in packs {
        let store = store.fork();
        let mut bytes = store.read(&pack.name, u64::MAX).unwrap();
        bytes[100] ^= 1;
        store.tamper(&pack.name, Some(bytes));
        // Whichever of the two the index names first.
        assert_eq!(restorable(&open(store.clone()).unwrap()).len(), 2 * tree.len(), "{}", pack.name);
        let found = verify(&open(store).unwrap()).unwrap();
        assert_eq!((found.faults.len(), found.hurt_files_total), (1, 0), "{:?}", found.faults);
    }
}

#[test]
fn what_can_be_read_after_a_repair_is_found_whole_and_the_rest_is_named() {
    let (store, tree) = many_frames();
    let pack = store.list("data/").unwrap().remove(0).name;
    let mut bytes = store.read(&pack, u64::MAX).unwrap();
    bytes[100] ^= 1;
    store.tamper(&pack, Some(bytes));
    let damaged = verify(&open(store.clone()).unwrap()).unwrap();
    let snapshot = open(store.clone()).unwrap().snapshots().unwrap().0.remove(0).snapshot.id;
    assert_eq!(damaged.hurt.get(&pack).unwrap().iter().collect::<Vec<_>>(), [&snapshot]);
    assert!((1..4).contains(&damaged.hurt_files_total), "{:?}", damaged.hurt_files);
    assert_eq!(damaged.hurt_files.len() as u64, damaged.hurt_files_total);
    let lost: Vec<String> = damaged.hurt_files.iter().map(|file| file.path.to_string()).collect();

    let before = restorable(&open(store.clone()).unwrap());
    let repository = open(store.clone()).unwrap();
    let plan = repository.plan_repair(&mut |_| true).unwrap();
    assert_eq!((plan.packs.len(), plan.packs[0].lost_frames.len()), (1, 1));
    assert_eq!(plan.packs[0].snapshots, [snapshot]);
    // Without a repair, a backup relies on the damaged frame.
    let silent = store.fork();
    let manifest =
        run(&open(silent.clone()).unwrap(), &mut TreeSource::new("b", &tree), &few_bytes()).unwrap().manifest.unwrap();
    assert!(restore_tree(&open(silent).unwrap(), &manifest).unwrap().1.tally.losses > 0, "the harm there is to heal");

    repaired(&repository).unwrap();
    let after = verify(&open(store.clone()).unwrap()).unwrap();
    assert!(!after.faults.is_empty());
    for fault in &after.faults {
        assert!(lost.iter().any(|path| fault.what.contains(path)), "{}: {}", fault.what, fault.error);
    }
    assert_eq!(restorable(&open(store.clone()).unwrap()), before);
    run(&open(store.clone()).unwrap(), &mut TreeSource::new("b", &tree), &few_bytes()).unwrap();
    // The old snapshot finds what was stored again.
    let healed = open(store.clone()).unwrap();
    assert_sound(&healed, "after repair and backup");
    assert_eq!(restorable(&healed).len(), 2 * tree.len());
}

#[test]
fn a_repair_that_dies_anywhere_is_finished_by_the_next() {
    let (store, tree) = many_frames();
    let case = Case { store: &store, password: PASSWORD, source: "a", tree: &tree };
    let pack = store.list("data/").unwrap().remove(1).name;
    let mut bytes = store.read(&pack, u64::MAX).unwrap();
    bytes[120] ^= 1;
    let (name, bytes) = (pack.as_str(), Some(&bytes));
    let counted = FaultStore::new(case.damaged(name, bytes), FaultPlan::Count);
    let (_, changes) = counted.counters();
    repaired(&open(counted).unwrap()).unwrap();
    let changes = changes.load(Ordering::SeqCst);
    assert!(changes > 8, "{changes}");
    for at in 0..changes {
        for plan in [FaultPlan::CrashBefore(at), FaultPlan::CrashAfter(at)] {
            let what = format!("{plan:?}");
            let store = case.damaged(name, bytes);
            let before = restorable(&case.open(&store));
            let died = open(FaultStore::new(store.clone(), plan)).and_then(|repository| repaired(&repository));
            assert!(died.is_err() || matches!(plan, FaultPlan::CrashAfter(at) if at + 1 == changes), "{what}");
            assert_not_less(&before, &restorable(&case.open(&store)), &what);
            store.advance(2 * PATIENCE_MS);
            repaired(&case.open(&store)).unwrap_or_else(|error| panic!("{what}: {error}"));
            case.look_at(&store, (name, bytes), &before, &what);
        }
    }
}

#[test]
fn one_damaged_copy_of_a_checkpoint_stops_nobody_and_is_replaced() {
    let (store, tree) = many_frames();
    let first = open(store.clone()).unwrap().snapshots().unwrap().0.remove(0);
    run(&open(store.clone()).unwrap(), &mut TreeSource::new("b", &tree), &few_bytes()).unwrap();
    crate::collect::forget(&open(store.clone()).unwrap(), &first);
    collect_done(&open(store.clone()).unwrap(), 0);
    // In the middle, and in the version, which stands clear.
    let places =
        ["checkpoints/0000000001", "copies/0000000001"].into_iter().flat_map(|object| [(object, 150), (object, 8)]);
    for (object, at) in places {
        let store = store.fork();
        let mut bytes = store.read(object, u64::MAX).unwrap();
        bytes[at] ^= 4;
        store.tamper(object, Some(bytes.clone()));
        let damaged = open(store.clone()).unwrap();
        let faults = verify(&damaged).unwrap().faults;
        assert!(faults.iter().all(|fault| fault.what == object) && faults.len() == 1, "{object}: {faults:?}");
        run(&damaged, &mut TreeSource::new("b", &tree), &few_bytes()).expect(object);
        assert_eq!(restorable(&damaged).len(), 2 * tree.len(), "{object}");
        let done = repaired(&open(store.clone()).unwrap()).unwrap();
        assert_eq!(done, Repaired { checkpoints: 1, ..Repaired::default() }, "{object}");
        assert_eq!(store.read(&format!("quarantine/{object}"), u64::MAX).unwrap(), bytes);
        let repository = open(store.clone()).unwrap();
        assert_sound(&repository, object);
        assert_eq!(restorable(&repository).len(), 2 * tree.len(), "{object}");
        assert!(repository.plan_repair(&mut |_| true).unwrap().is_empty(), "{object}");
        repository.snapshots().unwrap().0.iter().for_each(|manifest| crate::collect::forget(&repository, manifest));
        for _ in 0..2 {
            store.advance(2 * PATIENCE_MS);
            collect_done(&open(store.clone()).unwrap(), 0);
        }
        assert_eq!(crate::collect::pack_bytes(&store), 0, "{object}");
    }
}

/// A snapshot whose tree names places that no checkpoint remembers: what it refers to has moved, and its predecessors, whose
/// tree it shares, are gone.
fn found_by_the_index_alone() -> (MemoryStore, Tree) {
    let (store, mut tree) = many_frames();
    let at = |number: u64| key(&format!("f{number:03}"));
    (0..24).step_by(3).for_each(|number| drop(tree.insert(at(number), file(90, random_bytes(90 + number, 500)))));
    for number in 0..2 {
        let before = open(store.clone()).unwrap().snapshots().unwrap().0;
        run(&open(store.clone()).unwrap(), &mut TreeSource::new("a", &tree), &few_bytes()).unwrap();
        before.iter().for_each(|manifest| crate::collect::forget(&open(store.clone()).unwrap(), manifest));
        for _ in 0..2 {
            store.advance(2 * PATIENCE_MS);
            collect_done(&open(store.clone()).unwrap(), 0);
        }
        tree.insert(at(1 + number), file(91, random_bytes(120 + number, 500)));
    }
    run(&open(store.clone()).unwrap(), &mut TreeSource::new("a", &tree), &few_bytes()).unwrap();
    (store, tree)
}

#[test]
fn damaged_indexes_keep_nothing_from_being_read_and_packs_that_none_names_are_indexed() {
    let (store, tree) = found_by_the_index_alone();
    let count = open(store.clone()).unwrap().snapshots().unwrap().0.len();
    let whole = restorable(&open(store.clone()).unwrap());
    assert_eq!(whole.len(), count * tree.len());
    let indexes = store.list("index/").unwrap();
    let all: Vec<&str> = indexes.iter().map(|index| index.name.as_str()).collect();
    for gone in all.iter().map(std::slice::from_ref).chain([all.as_slice()]) {
        let damaged = store.fork();
        gone.iter().for_each(|index| damaged.tamper(index, Some(vec![7; 20])));
        assert!(restorable(&open(damaged.clone()).unwrap()) == whole, "{gone:?}: it lies in packs as before");
        repaired(&open(damaged.clone()).unwrap()).unwrap();
        let mended = open(damaged.clone()).unwrap();
        assert_sound(&mended, "after a repair");
        assert!(restorable(&mended) == whole, "{gone:?}");
        // As a repair of an older version has left it: the index is set aside, and nothing names the packs.
        let unnamed = store.fork();
        for index in gone {
            unnamed.tamper(&format!("quarantine/{index}"), Some(Vec::new()));
            unnamed.tamper(index, None);
        }
        assert!(restorable(&open(unnamed.clone()).unwrap()) == whole, "{gone:?}: it lies in packs as before");
        let plan = open(unnamed.clone()).unwrap().plan_repair(&mut |_| true).unwrap();
        assert!(!plan.unindexed.is_empty(), "{gone:?}: {:?}", plan.indexes);
        repaired(&open(unnamed.clone()).unwrap()).unwrap();
        let mended = open(unnamed.clone()).unwrap();
        assert_sound(&mended, "after a repair");
        assert!(mended.plan_repair(&mut |_| true).unwrap().is_empty(), "{gone:?}");
        assert!(restorable(&mended) == whole, "{gone:?}");
    }
}

#[test]
fn damaged_and_missing_indexes_are_made_again() {
    let (store, tree) = many_frames();
    let index = store.list("index/").unwrap().remove(0).name;
    let whole = store.read(&index, u64::MAX).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        Some(bytes)
    };
    for (what, bytes) in [("gone", None), ("mark", flipped(1)), ("middle", flipped(whole.len() / 2))] {
        let store = store.fork();
        store.tamper(&index, bytes);
        assert!(!verify(&open(store.clone()).unwrap()).unwrap().faults.is_empty(), "{what}");
        let done = repaired(&open(store.clone()).unwrap()).unwrap();
        assert_eq!(done, Repaired { indexes: 1, ..Repaired::default() }, "{what}");
        let repository = open(store.clone()).unwrap();
        assert_sound(&repository, what);
        assert!(repository.plan_repair(&mut |_| true).unwrap().is_empty(), "{what}");
        let report = run(&repository, &mut TreeSource::new("b", &tree), &few_bytes()).unwrap();
        assert_eq!(report.counters.chunks_new, 0, "{what}: everything is found");
        store.advance(2 * PATIENCE_MS);
        collect_done(&open(store.clone()).unwrap(), 0);
        assert_sound(&open(store.clone()).unwrap(), what);
    }
}
