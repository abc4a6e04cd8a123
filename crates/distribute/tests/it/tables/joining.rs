//! What is stored of rows stays where they move from group to group, or the last group grows: it reads back, is named as ever,
//! and costs what it should.

use super::making::{append, delete, heavy, insert, update, value};
use super::source::{ModelSource, Table, Value, database};
use super::{assert_reads, captured, groups_of, init_with, places, reader, stored_bytes};
use crate::collect::{PATIENCE_MS, collect_done, forget};
use crate::support::{XorShift, assert_sound, open};
use datakeep_engine::{BackupOptions, StoredGroup};
use datakeep_process_table::describe::group_key;
use datakeep_store::{Manifest, Repository};
use datakeep_store_blob::MemoryStore;
use datakeep_testkit::random_bytes;
use std::sync::Arc;

const BODY_LEN_BYTES: u64 = 900;

/// So that each column is stored by itself.
fn options() -> BackupOptions {
    groups_of(200)
}

fn grown(rows: i64, chance: &mut XorShift) -> Table {
    let mut table = heavy(chance);
    for number in 230..rows {
        let body = Value::Bytes(random_bytes(chance.next_u64(), BODY_LEN_BYTES as usize));
        let others = ["INT", "TEXT", "REAL"].map(|declared| value(declared, chance));
        table.put([&[Value::Int(number * 10), body][..], &others].concat());
    }
    table
}

/// Rows behind all others, with bodies as long as those of others.
fn append_heavy(table: &mut Table, rows: u64, chance: &mut XorShift) {
    let before: Vec<Vec<u8>> = table.rows.keys().cloned().collect();
    append(table, rows, chance);
    for (key, row) in &mut table.rows {
        if before.binary_search(key).is_err() {
            row[1] = Value::Bytes(random_bytes(chance.next_u64(), BODY_LEN_BYTES as usize));
        }
    }
}

fn groups(repository: &Arc<Repository>, manifest: &Manifest) -> Vec<StoredGroup> {
    let (reader, mut groups) = (reader(repository, manifest), Vec::new());
    for table in reader.tables().unwrap() {
        let mut take = |group: StoredGroup| {
            groups.push(group);
            Ok(true)
        };
        reader.each_group(&table.info.name, &[], &mut take).unwrap();
    }
    groups
}

/// The keys of the rows that end groups, but for the last.
fn ends(repository: &Arc<Repository>, manifest: &Manifest, table: &Table) -> Vec<Vec<u8>> {
    let prefix = group_key(&table.info().name, &[]).len();
    let mut ends: Vec<Vec<u8>> =
        groups(repository, manifest).into_iter().map(|group| group.entry.key[prefix..].to_vec()).collect();
    ends.pop();
    ends
}

/// The next snapshot of a table: what it stores. It reads back, and is named as where nothing was stored before.
fn next(store: &MemoryStore, empty: &MemoryStore, table: &Table, what: &str) -> (Manifest, u64) {
    let (repository, state) = (open(store.clone()).unwrap(), database([table.clone()]));
    let before = stored_bytes(store);
    let report = captured(&repository, &mut ModelSource::new("model", &state), &options()).unwrap();
    let stored = stored_bytes(store) - before;
    let manifest = report.manifest.unwrap();
    assert_reads(&open(store.clone()).unwrap(), &manifest, &state, what);
    let fresh = open(empty.fork()).unwrap();
    let fresh = captured(&fresh, &mut ModelSource::new("model", &state), &options()).unwrap();
    let named = |tables: &[datakeep_process_table::TableDescription]| {
        tables.iter().map(|table| (table.content_root, table.row_sum, table.groups)).collect::<Vec<_>>()
    };
    assert_eq!(named(&report.tables), named(&fresh.tables), "{what}");
    (manifest, stored)
}

fn stores() -> (MemoryStore, MemoryStore) {
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    let empty = store.fork();
    (store, empty)
}

#[test]
fn rows_that_are_added_are_all_that_is_stored() {
    let (mut stored, mut added) = (Vec::new(), 0);
    for seed in 0..8 {
        let mut chance = XorShift::new(500 + seed);
        let (store, empty) = stores();
        let mut table = grown(900, &mut chance);
        next(&store, &empty, &table, "first");
        for rows in [60, 150, 90] {
            append_heavy(&mut table, rows, &mut chance);
            stored.push(next(&store, &empty, &table, &format!("seed {seed}, {rows} rows")).1);
            added += rows * BODY_LEN_BYTES;
        }
    }
    // Of the other columns, of which those with exceptions are written anew, and of entries and snapshots there is some, too.
    assert!(stored.iter().sum::<u64>() * 100 < added * 160, "{stored:?} bytes for {added}");
}

#[test]
fn an_end_that_moves_stores_little() {
    let (mut stored, mut moved) = (Vec::new(), 0);
    for seed in 0..8 {
        let mut chance = XorShift::new(600 + seed);
        let (store, empty) = stores();
        let mut table = grown(900, &mut chance);
        let (first, whole) = next(&store, &empty, &table, "first");
        let ends = ends(&open(store.clone()).unwrap(), &first, &table);
        let Some(end) = ends.get(ends.len() / 2) else { continue };
        table.rows.remove(end);
        stored.push(next(&store, &empty, &table, &format!("seed {seed}")).1);
        // What groups on both sides of it hold.
        moved += whole / (ends.len() as u64 + 1) * 2;
    }
    assert!(stored.iter().sum::<u64>() * 2 < moved, "{stored:?} bytes, the groups have {moved}");
}

/// Ends go, rows come behind and in between, runs go, cells change: on top of each other.
#[test]
fn histories_of_groups_that_move_read_back() {
    let mut joined = 0;
    for seed in 0..5 {
        let mut chance = XorShift::new(700 + seed);
        let (store, empty) = stores();
        let mut table = grown(700, &mut chance);
        let mut history: Vec<(Table, Manifest)> = Vec::new();
        for tick in 0..14 {
            let what = format!("seed {seed}, {tick}");
            let (manifest, _) = next(&store, &empty, &table, &what);
            let repository = open(store.clone()).unwrap();
            let mixed = |group: &&StoredGroup| {
                let chunks = group.description.columns.iter().filter_map(|column| column.chunk);
                chunks.map(|(form, _)| form.rows).any(|rows| rows != group.description.rows)
            };
            joined += groups(&repository, &manifest).iter().filter(mixed).count();
            let ends = ends(&repository, &manifest, &table);
            history.push((table.clone(), manifest));
            for (number, (table, manifest)) in history.iter().enumerate().filter(|_| tick % 5 == 4) {
                assert_reads(&repository, manifest, &database([table.clone()]), &format!("{what}: {number}"));
            }
            match chance.below(6) {
                0 => append_heavy(&mut table, 1 + chance.below(120), &mut chance),
                1 | 2 if !ends.is_empty() => {
                    table.rows.remove(&ends[chance.below(ends.len() as u64) as usize]);
                }
                3 => insert(&mut table, 1 + chance.below(4), &mut chance),
                4 => {
                    let (from, count) = (chance.below(600) as usize, chance.below(150) as usize);
                    let keys: Vec<Vec<u8>> = table.rows.keys().skip(from).take(count).cloned().collect();
                    keys.iter().for_each(|key| drop(table.rows.remove(key)));
                }
                _ => delete(&mut table, 2, &mut chance),
            }
            update(&mut table, chance.below(3), &mut chance);
        }
        assert_sound(&open(store).unwrap(), &format!("seed {seed}"));
    }
    assert!(joined > 30, "{joined} groups of what was stored before");
}

/// What it took over is kept when the snapshots that stored it first are forgotten.
#[test]
fn what_is_taken_over_outlives_its_first_owner() {
    let mut chance = XorShift::new(800);
    let (store, empty) = stores();
    let mut table = grown(900, &mut chance);
    let mut manifests = vec![next(&store, &empty, &table, "first").0];
    for _ in 0..3 {
        append_heavy(&mut table, 90, &mut chance);
        let ends = ends(&open(store.clone()).unwrap(), &manifests[manifests.len() - 1], &table);
        table.rows.remove(&ends[chance.below(ends.len() as u64) as usize]);
        manifests.push(next(&store, &empty, &table, "next").0);
    }
    let newest = manifests.pop().unwrap();
    for manifest in manifests {
        let repository = open(store.clone()).unwrap();
        forget(&repository, &manifest);
        store.advance(2 * PATIENCE_MS);
        collect_done(&repository, 0);
        let repository = open(store.clone()).unwrap();
        assert_reads(&repository, &newest, &database([table.clone()]), "what is left");
        assert_sound(&repository, "what is left");
    }
}
