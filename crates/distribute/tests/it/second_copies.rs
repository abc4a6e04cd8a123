//! Second copies of decisions, as those see them who ask a distant store for as little as can be, and as copies between
//! repositories do.

use crate::collect::{PATIENCE_MS, collect_done, collect_options, forget};
use crate::copying;
use crate::memory::{self, TreeSource, file};
use crate::support::{assert_restores, assert_sound, init_with, open, options, run, small};
use datakeep_distribute::copy::{Standing, Wanted};
use datakeep_model::SessionId;
use datakeep_store::{CollectOptions, Manifest};
use datakeep_store_blob::{BlobStore, MemoryStore, RecordStore};

/// A store whose reader thinks that it is far away.
fn far(store: &MemoryStore) -> RecordStore<MemoryStore> {
    RecordStore::new(store.clone(), 512 << 10, 8)
}

fn tree(number: usize) -> memory::Tree {
    memory::tree([("a", file(5, format!("content {number}"))), ("b", file(6, "same"))])
}

fn backed_up(store: &MemoryStore, number: usize) -> Manifest {
    let name = format!("s{number}");
    run(&open(far(store)).unwrap(), &mut TreeSource::new(&name, &tree(number)), &options()).unwrap().manifest.unwrap()
}

/// Snapshots below a fence and above it.
fn world() -> (MemoryStore, Vec<Manifest>) {
    let store = MemoryStore::new();
    init_with(store.clone(), &small());
    let mut manifests: Vec<Manifest> = (0..3).map(|number| backed_up(&store, number)).collect();
    forget(&open(store.clone()).unwrap(), &manifests.remove(2));
    collect_done(&open(store.clone()).unwrap(), 0);
    manifests.extend((3..5).map(|number| backed_up(&store, number)));
    assert_eq!(manifests.iter().map(|m| m.snapshot.epoch).collect::<Vec<_>>(), [0, 0, 1, 1]);
    (store, manifests)
}

fn object(folder: &str, manifest: &Manifest) -> String {
    format!("{folder}/{:010}/{}", manifest.snapshot.epoch, manifest.snapshot.id)
}

fn ids<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> Vec<SessionId> {
    let mut ids: Vec<SessionId> = manifests.into_iter().map(|m| m.snapshot.id).collect();
    ids.sort_unstable();
    ids
}

/// Everybody sees just these snapshots.
fn assert_seen(store: &MemoryStore, expected: &[SessionId], what: &str) {
    let (to_read, _) = open(far(store)).unwrap().snapshots_to_read(None).unwrap();
    assert_eq!(ids(&to_read), expected, "{what}: to read");
    let (all, _) = open(far(store)).unwrap().snapshots().unwrap();
    assert_eq!(ids(&all), expected, "{what}: all");
    for &id in expected {
        let (one, _) = open(far(store)).unwrap().snapshots_to_read(Some(id)).unwrap();
        assert_eq!(ids(&one), [id], "{what}: by its id");
    }
}

#[test]
fn a_backup_leaves_a_second_copy_also_where_requests_take_long() {
    let (store, manifests) = world();
    for manifest in &manifests {
        assert!(store.len_bytes(&object("commits-copies", manifest)).unwrap().is_some());
    }
    let recorded = far(&store);
    let log = recorded.log();
    run(&open(recorded).unwrap(), &mut TreeSource::new("s9", &tree(9)), &options()).unwrap();
    let log = log.take();
    let created: Vec<&str> =
        log.iter().filter(|r| r.operation.name() == "create").map(|r| r.name.split('/').next().unwrap()).collect();
    assert_eq!(created, ["sessions", "commits", "commits-copies"]);
}

/// Harmed, gone (a repair died that had taken it away), or an ABORT that somebody who slept has put there.
#[test]
fn readers_go_by_the_second_copy() {
    let (store, manifests) = world();
    let all = ids(&manifests);
    assert_seen(&store, &all, "whole");
    for manifest in &manifests {
        let name = object("commits", manifest);
        let whole = store.read(&name, u64::MAX).unwrap();
        let mut harmed = whole.clone();
        *harmed.last_mut().unwrap() ^= 1;
        // Below the fence there may be no intent any more that somebody could decide.
        let abort = {
            let store = store.fork();
            store.tamper(&name, None);
            store.tamper(&object("commits-copies", manifest), None);
            let options = CollectOptions { patience_ms: 0, ..collect_options(0) };
            open(store.clone()).unwrap().give_up_sessions(&options).unwrap();
            store.read(&name, u64::MAX).ok()
        };
        assert!(abort.is_some() || manifest.snapshot.epoch == 0, "a true one, for this very name");
        for (what, bytes) in [("harmed", Some(harmed)), ("gone", None), ("an ABORT", abort)] {
            let store = store.fork();
            store.tamper(&name, bytes);
            let what = format!("{name} is {what}");
            assert_seen(&store, &all, &what);
            let number = manifest.snapshot.source.name[1..].parse().unwrap();
            let (found, _) = open(far(&store)).unwrap().snapshots_to_read(Some(manifest.snapshot.id)).unwrap();
            assert_eq!(found[0], *manifest, "{what}");
            let repository = open(store.clone()).unwrap();
            crate::repair::repaired(&repository).unwrap();
            assert_restores(&open(store.clone()).unwrap(), manifest, &tree(number), &what);
            assert_sound(&open(store).unwrap(), &what);
        }
    }
}

/// As a program leaves it that knows nothing of copies: it collects what was forgotten and leaves the copy there.
#[test]
fn a_copy_that_outlives_its_snapshot_shows_nobody_anything() {
    let (store, manifests) = world();
    let lone: Vec<(String, Vec<u8>)> = manifests
        .iter()
        .map(|manifest| object("commits-copies", manifest))
        .map(|name| (name.clone(), store.read(&name, u64::MAX).unwrap()))
        .collect();
    for gone in [0, 3] {
        let store = store.fork();
        forget(&open(store.clone()).unwrap(), &manifests[gone]);
        for _ in 0..2 {
            store.advance(2 * PATIENCE_MS);
            collect_done(&open(store.clone()).unwrap(), 0);
        }
        let name = &lone[gone].0;
        assert!(store.len_bytes(name).unwrap().is_none(), "it is removed with its snapshot");
        store.tamper(name, Some(lone[gone].1.clone()));
        let left = ids(manifests.iter().filter(|m| m.snapshot.id != manifests[gone].snapshot.id));
        assert_seen(&store, &left, "a lone copy");
        assert_sound(&open(store.clone()).unwrap(), "a lone copy");
        for _ in 0..2 {
            store.advance(2 * PATIENCE_MS);
            collect_done(&open(store.clone()).unwrap(), 0);
        }
        assert!(store.len_bytes(name).unwrap().is_none(), "the next collection removes it");
        assert_seen(&store, &left, "collected");
    }
}

/// What is copied to a second repository, and what is known there as copied already.
#[test]
fn copies_between_repositories_go_by_the_second_copy() {
    let (from, manifests) = world();
    let to = MemoryStore::new();
    init_with(to.clone(), &crate::copying::other());
    let opened = || (open(from.clone()).unwrap(), open(to.clone()).unwrap());
    let first = copying::copy(&opened().0, &opened().1, &manifests[0]).unwrap().copy;
    for (store, manifest) in [(&from, &manifests[0]), (&from, &manifests[2]), (&to, &first)] {
        store.tamper(&object("commits", manifest), None);
    }
    let (one, two) = opened();
    assert_eq!(ids(&copying::snapshots(&one)), ids(&manifests));
    for planned in copying::plan(&one, &two, Wanted::New) {
        let is_first = planned.manifest.snapshot.id == manifests[0].snapshot.id;
        assert_eq!(planned.standing == Standing::There { copy: first.snapshot.id }, is_first, "{planned:?}");
        if planned.is_to_copy {
            let copy = copying::copy(&one, &two, &planned.manifest).unwrap().copy;
            let number = planned.manifest.snapshot.source.name[1..].parse().unwrap();
            assert_restores(&two, &copy, &tree(number), "copied");
        }
    }
    assert_eq!(copying::snapshots(&opened().1).len(), manifests.len());
}
