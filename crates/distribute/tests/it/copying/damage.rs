//! The first repository is damaged, or cannot be read: nothing is lost quietly, and nothing wrong is copied.

use super::*;
use crate::collect::{collect_done, forget};
use datakeep_model::ErrorKind;
use datakeep_store_blob::{FaultPlan, FaultStore};
use std::sync::atomic::Ordering;

/// A repository of one snapshot of three files, each in a pack of its own, and the pack of `name` by its object's name.
fn one_pack_each(name: &str) -> (MemoryStore, Tree, String) {
    let things = tree([
        ("a", file(3, random_bytes(3, 2500))),
        ("b", file(4, random_bytes(4, 2500))),
        ("c", file(5, random_bytes(5, 2500))),
    ]);
    let store = MemoryStore::new();
    // Each is one chunk, wherever the key of the day would cut it.
    let chunker = ChunkerParams { min_bytes: 4096, avg_bytes: 8192, max_bytes: 16384 };
    let repository = init_with(store.clone(), &InitOptions { chunker, pack_target_bytes: 500, ..small() });
    let own = BackupOptions { workers: 1, frame_target_bytes: 1000, ..options() };
    let manifest = run(&repository, &mut TreeSource::new("hurt", &things), &own).unwrap().manifest.unwrap();
    let (entry, ..) = entries(&repository, &manifest).into_iter().find(|(entry, ..)| entry.key == key(name)).unwrap();
    let mut pack = None;
    entry.for_each_ref(|chunk| pack = pack.or(chunk.at.map(|at| at.pack)));
    (store, things, pack.unwrap().object(datakeep_store::PackClass::Data))
}

fn flip(store: &MemoryStore, object: &str) -> Vec<u8> {
    let whole = store.read(object, u64::MAX).unwrap();
    let mut harmed = whole.clone();
    harmed[100] ^= 1;
    store.tamper(object, Some(harmed));
    whole
}

fn without(things: &Tree, name: &str) -> Tree {
    let mut things = things.clone();
    things.remove(&key(name));
    things
}

#[test]
fn what_is_damaged_is_lost_and_told_and_can_be_had_later() {
    let (store, things, object) = one_pack_each("b");
    let whole = flip(&store, &object);
    let to = init_with(MemoryStore::new(), &other());
    let from = open(store.clone()).unwrap();
    let ear = Ear::default();
    let original = snapshots(&from).remove(0);
    let chosen = (&options(), Depth::Content);
    let report = copy_heard((&from, &to), &original, chosen, (&ear, &Cancel::new())).unwrap();
    assert_eq!((report.losses.len(), report.counters.losses), (1, 1));
    let loss = &report.losses[0];
    assert_eq!((loss.path.to_string().as_str(), loss.cause), ("/b", LossCause::Damaged));
    assert!(loss.detail.contains("damaged"), "{loss:?}");
    assert_eq!(ear.losses.lock().unwrap().len(), 1);
    assert_eq!((report.compared.losses, report.compared.differences.len()), (1, 0));
    let snapshot = &report.copy.snapshot;
    assert_eq!((snapshot.counters.losses, snapshot.losses.len(), snapshot.counters.files), (1, 1, 2));
    assert_eq!(snapshot.origin.as_ref().unwrap().losses, 1);
    assert_restores(&to, &report.copy, &without(&things, "b"), "partial");

    // It is not tried again with everything, and it is when it is named: only what is missing is read then.
    let planned = plan(&from, &to, Wanted::New).remove(0);
    let standing = Standing::Partial { copy: snapshot.id, losses: 1 };
    assert_eq!((planned.standing, planned.is_to_copy), (standing, false));
    store.tamper(&object, Some(whole));
    let from = open(store).unwrap();
    let reports = copy_planned(&from, &to, Wanted::Named);
    assert_eq!((reports.len(), reports[0].read_bytes, reports[0].losses.len()), (1, 2500, 0));
    assert_copied(&from, &original, &to, &reports[0].copy);
    assert_restores(&to, &reports[0].copy, &things, "whole");
    let there = Standing::There { copy: reports[0].copy.snapshot.id };
    assert_eq!(plan(&from, &to, Wanted::Named)[0].standing, there);
    assert_sound(&to, "after losses");
}

/// A copy of a partial copy lacks the same, and says so to whoever has the whole.
#[test]
fn what_was_lost_on_the_way_stays_known() {
    let (store, _, object) = one_pack_each("b");
    let whole = flip(&store, &object);
    let (second, third) = (init_with(MemoryStore::new(), &other()), init_with(MemoryStore::new(), &small()));
    let from = open(store.clone()).unwrap();
    copy_planned(&from, &second, Wanted::New);
    let report = copy_planned(&second, &third, Wanted::New).remove(0);
    assert_eq!((report.losses.len(), report.copy.snapshot.origin.unwrap().losses), (0, 1));
    store.tamper(&object, Some(whole));
    let from = open(store).unwrap();
    assert!(matches!(plan(&from, &third, Wanted::Named)[0].standing, Standing::Partial { losses: 1, .. }));
    assert!(matches!(plan(&third, &from, Wanted::Named)[0].standing, Standing::There { .. }));
    assert!(matches!(plan(&third, &second, Wanted::Named)[0].standing, Standing::There { .. }));
}

/// The next snapshot of the source does not rest on what the partial copy lacks.
#[test]
fn a_partial_copy_is_no_excuse_for_the_next() {
    let (store, mut things, object) = one_pack_each("b");
    let whole = flip(&store, &object);
    let to = init_with(MemoryStore::new(), &other());
    copy_planned(&open(store.clone()).unwrap(), &to, Wanted::New);
    things.insert(key("d"), file(9, "new"));
    let from = open(store.clone()).unwrap();
    run(&from, &mut TreeSource::new("hurt", &things), &options()).unwrap();
    // Still damaged: lost again, and told again.
    let report = copy(&from, &to, &snapshots(&from)[1]).unwrap();
    assert_eq!((report.losses.len(), report.read_bytes), (1, 3));
    store.tamper(&object, Some(whole));
    let from = open(store).unwrap();
    let report = copy(&from, &to, &snapshots(&from)[1]).unwrap();
    assert_eq!((report.losses.len(), report.read_bytes), (0, 2500));
    assert_restores(&to, &report.copy, &things, "whole again");
}

#[test]
fn damaged_attributes_lose_no_content() {
    let store = MemoryStore::new();
    let from = two_snapshots(&store, &fixture_options());
    let original = snapshots(&from).remove(0);
    let (entry, ..) = entries(&from, &original).into_iter().find(|(entry, ..)| entry.key == key("attributes")).unwrap();
    let datakeep_store::Attributes::Chunk(chunk) = entry.attributes else { panic!("they are long") };
    let at = chunk.at.unwrap();
    let pack = at.pack.object(datakeep_store::PackClass::Meta);
    let bytes = store.read(&pack, u64::MAX).unwrap();
    // Somewhere in the frame that holds them, and in no other that this snapshot needs.
    let hurt: Vec<usize> = (96..bytes.len() - 64)
        .filter(|byte| {
            let harmed = store.fork();
            let mut changed = bytes.clone();
            changed[*byte] ^= 1;
            harmed.tamper(&pack, Some(changed));
            let from = open(harmed).unwrap();
            let mut decoder = FrameDecoder::new().unwrap();
            let is_lost = from.attributes(&datakeep_store::Attributes::Chunk(chunk), &mut decoder).is_err();
            let mut cursor = from.entries(&original, KeyRange::default()).unwrap();
            is_lost && std::iter::from_fn(|| cursor.next_entry().transpose()).all(|entry| entry.is_ok())
        })
        .take(1)
        .collect();
    let mut changed = bytes;
    changed[hurt[0]] ^= 1;
    store.tamper(&pack, Some(changed));
    let (from, to) = (open(store).unwrap(), init_with(MemoryStore::new(), &other()));
    for _ in 0..2 {
        let report = copy(&from, &to, &original).unwrap();
        assert!(report.losses.iter().any(|loss| loss.path.to_string() == "/attributes"), "{:?}", report.losses);
        let (found, _) = restore_tree(&to, &report.copy).unwrap();
        assert_eq!(found[&key("attributes")].body, first_tree()[&key("attributes")].body);
        assert_eq!(report.compared.differences, Vec::<String>::new());
    }
}

#[test]
fn a_tree_that_cannot_be_read_is_not_copied() {
    let (store, copies) = (MemoryStore::new(), MemoryStore::new());
    let from = two_snapshots(&store, &fixture_options());
    let original = snapshots(&from).remove(1);
    let root = original.root.at.unwrap().pack.object(datakeep_store::PackClass::Meta);
    flip(&store, &root);
    let (from, to) = (open(store).unwrap(), init_with(copies.clone(), &other()));
    let error = copy(&from, &to, &original).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    assert_eq!(snapshots(&to).len(), 0);
    collect_done(&to, 0);
    assert_eq!(copies.list("data/").unwrap(), []);
    assert_sound(&to, "after a refused copy");
}

/// A store that cannot be reached loses nothing: the run ends.
#[test]
fn a_store_that_fails_is_no_damage() {
    let store = MemoryStore::new();
    two_snapshots(&store, &fixture_options());
    let counting = FaultStore::new(store.clone(), FaultPlan::Count);
    let calls = counting.counters().0;
    let from = open(counting).unwrap();
    let original = snapshots(&from).remove(0);
    let begun = calls.load(Ordering::SeqCst);
    copy(&from, &init_with(MemoryStore::new(), &other()), &original).unwrap();
    let ended = calls.load(Ordering::SeqCst);
    let mut failed = 0;
    for at in begun..ended {
        let from = open(FaultStore::new(store.clone(), FaultPlan::FailOnce(at))).unwrap();
        let original = snapshots(&from).remove(0);
        let to = init_with(MemoryStore::new(), &other());
        match copy(&from, &to, &original) {
            Ok(report) => assert_eq!(report.losses, [], "fault at call {at}"),
            Err(error) => {
                failed += 1;
                assert_eq!(error.kind(), ErrorKind::Store, "fault at call {at}: {error}");
            }
        }
        assert!(snapshots(&to).iter().all(|copy| copy.snapshot.counters.losses == 0));
    }
    // The others are reads that a second look makes good.
    assert!(failed > 3, "{failed} of {}", ended - begun);
}

/// A snapshot that is forgotten and collected while it is copied is gone, and not damaged.
#[test]
fn a_snapshot_that_goes_meanwhile_is_not_copied() {
    let store = MemoryStore::new();
    let from = init_with(store.clone(), &fixture_options());
    let things = tree([("big", file(3, random_bytes(3, 100_000))), ("small", file(4, "stays"))]);
    for things in [&things, &without(&things, "big")] {
        run(&from, &mut TreeSource::new("going", things), &options()).unwrap();
    }
    let reader = open(store.clone()).unwrap();
    let original = snapshots(&reader).remove(0);
    forget(&from, &original);
    collect_done(&from, 0);
    let to = init_with(MemoryStore::new(), &other());
    let error = copy(&reader, &to, &original).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(snapshots(&to).len(), 0);
}
