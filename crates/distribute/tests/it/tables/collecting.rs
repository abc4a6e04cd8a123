//! Forgetting, collection and repair beside snapshots of tables: what is left reads back, whatever its groups were made of.

use super::making::{change_rows, heavy, insert, some_tables, update};
use super::source::{Database, Table, database};
use super::{assert_reads, groups_of, init_with, patches_in, places, snapshot, stored_bytes};
use crate::collect::{PATIENCE_MS, collect_done, forget, pack_bytes};
use crate::support::{XorShift, assert_sound, open, verify};
use datakeep_store::Manifest;
use datakeep_store_blob::{BlobStore, MemoryStore};

/// Snapshots of states that follow from each other by few changes.
fn some_snapshots(seed: u64, count: usize) -> (MemoryStore, Vec<(Database, Manifest)>) {
    let mut chance = XorShift::new(seed);
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    let mut state = some_tables(&mut chance);
    let mut snapshots = Vec::new();
    for _ in 0..count {
        let manifest = snapshot(&open(store.clone()).unwrap(), &state, &groups_of(110));
        snapshots.push((state.clone(), manifest));
        for (name, table) in &mut state {
            match name.as_str() {
                "heavy" => update(table, 2, &mut chance),
                _ => change_rows(table, &mut chance),
            }
        }
    }
    (store, snapshots)
}

#[test]
fn what_is_left_reads_back_after_every_collection() {
    for seed in [31, 32, 33] {
        let (store, mut left) = some_snapshots(seed, 7);
        let newest = left[6].1.clone();
        assert!(patches_in(&open(store.clone()).unwrap(), &newest) > 0, "patches on what older snapshots stored");
        let before = pack_bytes(&store);
        // The oldest first, then from the middle, until only the newest is left.
        for number in [0, 2, 0, 1, 0, 0] {
            let (_, manifest) = left.remove(number);
            let repository = open(store.clone()).unwrap();
            forget(&repository, &manifest);
            store.advance(2 * PATIENCE_MS);
            collect_done(&repository, 0);
            let repository = open(store.clone()).unwrap();
            for (state, manifest) in &left {
                assert_reads(&repository, manifest, state, &format!("seed {seed}, {} left", left.len()));
            }
            assert_sound(&repository, &format!("seed {seed}"));
        }
        store.advance(2 * PATIENCE_MS);
        collect_done(&open(store.clone()).unwrap(), 0);
        assert!(pack_bytes(&store) < before, "something went");
        // What was moved is found again.
        let (state, _) = left.remove(0);
        let again = snapshot(&open(store.clone()).unwrap(), &state, &groups_of(110));
        assert_eq!(again.snapshot.counters.chunks_new, 0, "seed {seed}");
        assert_reads(&open(store).unwrap(), &again, &state, "after collections");
    }
}

/// What is said of a group of a wide table is a chunk of its own, and a group that stays refers to that of the snapshot before.
#[test]
fn groups_of_wide_tables_outlive_the_snapshot_that_stored_them() {
    let mut chance = XorShift::new(51);
    let names: Vec<String> = (0..200).map(|number| format!("column {number}")).collect();
    let columns: Vec<(&str, &'static str)> =
        [("id", "INT")].into_iter().chain(names.iter().map(|name| (name.as_str(), "TEXT"))).collect();
    let mut table = Table::new("wide", &columns, &[0]);
    insert(&mut table, 400, &mut chance);
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    let first = snapshot(&open(store.clone()).unwrap(), &database([table.clone()]), &groups_of(60));
    update(&mut table, 1, &mut chance);
    let state = database([table]);
    let second = snapshot(&open(store.clone()).unwrap(), &state, &groups_of(60));
    let repository = open(store.clone()).unwrap();
    assert_sound(&repository, "both are there");
    forget(&repository, &first);
    store.advance(2 * PATIENCE_MS);
    collect_done(&repository, 0);
    let repository = open(store).unwrap();
    assert_reads(&repository, &second, &state, "the first is gone");
    assert_sound(&repository, "the first is gone");
}

/// A pack of which a frame is damaged: nothing wrong comes out, and the next capture is whole.
#[test]
fn after_a_repair_the_next_snapshot_is_whole() {
    let mut chance = XorShift::new(41);
    let first = database([heavy(&mut chance)]);
    let mut second = first.clone();
    second.values_mut().for_each(|table| update(table, 1, &mut chance));
    let before = MemoryStore::new();
    init_with(before.clone(), &places());
    snapshot(&open(before.clone()).unwrap(), &first, &groups_of(110));
    snapshot(&open(before.clone()).unwrap(), &second, &groups_of(110));
    let packs = [before.list("data/").unwrap(), before.list("meta/").unwrap()].concat();
    for pack in packs {
        for at in [130, pack.len_bytes as usize / 2] {
            let what = format!("{} at {at}", pack.name);
            let store = before.fork();
            let mut bytes = store.read(&pack.name, u64::MAX).unwrap();
            bytes[at] ^= 16;
            store.tamper(&pack.name, Some(bytes));
            assert!(!verify(&open(store.clone()).unwrap()).unwrap().faults.is_empty(), "{what}");
            store.advance(2 * PATIENCE_MS);
            crate::repair::repaired(&open(store.clone()).unwrap()).unwrap();
            let repository = open(store.clone()).unwrap();
            let next = snapshot(&repository, &second, &groups_of(110));
            let repository = open(store.clone()).unwrap();
            assert_reads(&repository, &next, &second, &what);
            store.advance(2 * PATIENCE_MS);
            collect_done(&repository, 0);
            assert_reads(&open(store.clone()).unwrap(), &next, &second, &what);
            assert!(stored_bytes(&store) > 0);
        }
    }
}
