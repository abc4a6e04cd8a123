//! Random histories of databases against a naive model: every snapshot of every state reads back, is named as a fresh capture
//! of the same state is named, says rightly what changed, and costs what it should.

use super::making::{append, change_columns, change_rows, delete, insert, some_tables, update, value};
use super::source::{Database, ModelSource, Table, Value, database};
use super::{assert_reads, captured, groups_of, init_with, patches_in, places, snapshot, stored_bytes};
use crate::support::{XorShift, assert_sound, open};
use datakeep_engine::BackupOptions;
use datakeep_process_table::{Changes, TableDescription};
use datakeep_store::Manifest;
use datakeep_store_blob::MemoryStore;
use datakeep_testkit::random_bytes;

/// What a snapshot in which nothing changed may cost.
const UNCHANGED_MOST_BYTES: u64 = 4 << 10;
/// What saying something else of a table may cost, in nodes of a few hundred bytes.
const TABLE_MOST_BYTES: u64 = 3 << 9;

struct Play {
    seed: u64,
    snapshots: usize,
    group_rows: usize,
    /// Tables and columns come and go, too.
    evolves: bool,
}

/// The same columns of the same types in the same order, whatever they are called, under the same key.
fn is_comparable(old: &Table, new: &Table) -> bool {
    let declared = |table: &Table| table.columns.iter().map(|(_, declared)| *declared).collect::<Vec<_>>();
    declared(old) == declared(new) && old.key == new.key
}

fn naive_changes(old: &Table, new: &Table) -> Changes {
    let mut changes = Changes::default();
    for (key, row) in &new.rows {
        match old.rows.get(key) {
            None => changes.inserted += 1,
            Some(was) if was != row => changes.updated += 1,
            Some(_) => {}
        }
    }
    changes.deleted = old.rows.keys().filter(|key| !new.rows.contains_key(*key)).count() as u64;
    changes
}

/// What is said of what changed is right, and is said where it must be known.
fn check_changes(
    (old, new): (&Table, &Table),
    (was, is): (&TableDescription, &TableDescription),
    counts_all: bool,
    what: &str,
) {
    let naive = naive_changes(old, new);
    let is_alike = is_comparable(old, new) && was.numbers == is.numbers;
    if let Some(changes) = is.changes {
        assert_eq!(was.rows + changes.inserted - changes.deleted, is.rows, "{what}: {changes:?}");
        let is_counted = !new.key.is_empty() && (is_alike || old.rows.is_empty() || new.rows.is_empty());
        assert!(!is_counted || changes == naive, "{what}: {changes:?}, and {naive:?}");
    }
    // Where no row comes or goes, no group ends elsewhere.
    let stays = naive.inserted == 0 && naive.deleted == 0;
    let must_be_known = is_alike && !new.key.is_empty() && stays || new.rows.is_empty();
    assert!(!must_be_known || !counts_all || is.changes.is_some(), "{what}: {naive:?} must be known");
}

impl Play {
    fn options(&self, tick: usize, chance: &mut XorShift) -> BackupOptions {
        // In some histories long values have always stood aside, in some only from a snapshot on or up to one, in some never.
        let is_late = tick * 2 >= self.snapshots;
        let most_inline_len_bytes = match self.seed % 4 {
            0 => 24,
            1 if is_late => 40,
            2 if !is_late => 30,
            _ => groups_of(1).most_inline_len_bytes,
        };
        let workers = 1 + chance.below(3) as usize;
        BackupOptions { workers, most_inline_len_bytes, ..groups_of(self.group_rows) }
    }

    fn change(&self, database: &mut Database, tick: usize, chance: &mut XorShift) {
        for table in database.values_mut() {
            if self.evolves && chance.below(8) == 0 {
                change_columns(table, tick, chance);
            }
            // Groups that are stored column by column are patched by few changes.
            match table.name.as_str() {
                "heavy" if chance.below(4) > 0 => update(table, 1 + chance.below(3), chance),
                _ => change_rows(table, chance),
            }
        }
        if self.evolves && chance.below(5) == 0 {
            let mut table = Table::new(&format!("t{tick}"), &[("a", "INT"), ("b", "TEXT"), ("c", "BLOB")], &[0]);
            insert(&mut table, chance.below(120), chance);
            database.insert(table.name.clone(), table);
        }
        if self.evolves && chance.below(6) == 0 && database.len() > 3 {
            let names: Vec<String> = database.keys().cloned().collect();
            database.remove(&names[chance.below(names.len() as u64) as usize]);
        }
    }

    fn run(&self) -> usize {
        let mut chance = XorShift::new(self.seed);
        let store = MemoryStore::new();
        init_with(store.clone(), &places());
        // The same keys, and nothing in it.
        let empty = store.fork();
        let mut database = some_tables(&mut chance);
        let mut history: Vec<(Database, Manifest, Vec<TableDescription>)> = Vec::new();
        let mut patches = 0;
        for tick in 0..self.snapshots {
            let what = format!("seed {}, snapshot {tick}", self.seed);
            let options = self.options(tick, &mut chance);
            let repository = open(store.clone()).unwrap();
            let mut source = ModelSource { cuts: 1 + chance.below(1000), ..ModelSource::new("model", &database) };
            let report = captured(&repository, &mut source, &options).unwrap();
            assert!(source.confirmed, "{what}");
            let manifest = report.manifest.unwrap();
            if let Some((was, _, described)) = history.last() {
                for (table, is) in database.values().zip(&report.tables) {
                    let old = described.iter().find(|old| old.info.name == is.info.name);
                    match (was.get(&table.name), old) {
                        (Some(old), Some(was)) => {
                            // Groups in which less stands aside than before are written anew, and nothing is counted.
                            let counts_all = self.seed % 4 != 2 || tick * 2 < self.snapshots;
                            check_changes((old, table), (was, is), counts_all, &format!("{what}, {}", table.name))
                        }
                        _ => assert_eq!(is.changes, None, "{what}"),
                    }
                }
            }
            self.compare_with_fresh(&empty, &database, &report.tables, &what);
            history.push((database.clone(), manifest.clone(), report.tables));
            let repository = open(store.clone()).unwrap();
            // All of them now and then, the newest always.
            let from = if tick % 5 == 0 || tick + 1 == self.snapshots { 0 } else { tick };
            for (number, (database, manifest, _)) in history.iter().enumerate().skip(from) {
                assert_reads(&repository, manifest, database, &format!("{what}: snapshot {number}"));
            }
            patches += patches_in(&repository, &manifest);
            if tick % 3 == 0 {
                let repeat = || {
                    let before = stored_bytes(&store);
                    let again = snapshot(&repository, &database, &options);
                    assert_eq!(again.snapshot.counters.chunks_new, 0, "{what}");
                    assert_reads(&repository, &again, &database, &what);
                    stored_bytes(&store) - before
                };
                // The first also says of each table that nothing changed since.
                let (first, second) = (repeat(), repeat());
                let most = UNCHANGED_MOST_BYTES + TABLE_MOST_BYTES * database.len() as u64;
                assert!(first <= most, "{what}: {first} bytes for nothing new");
                assert!(second <= UNCHANGED_MOST_BYTES, "{what}: {second} bytes for nothing new again");
            }
            self.change(&mut database, tick, &mut chance);
        }
        let verified = assert_sound(&open(store).unwrap(), &format!("seed {}", self.seed));
        assert_eq!(verified.snapshots as usize, self.snapshots + 2 * self.snapshots.div_ceil(3));
        patches
    }

    /// The same state captured where nothing was before has the same name, as long as its columns have the same numbers.
    fn compare_with_fresh(&self, empty: &MemoryStore, database: &Database, tables: &[TableDescription], what: &str) {
        let repository = open(empty.fork()).unwrap();
        let source = &mut ModelSource::new("model", database);
        let fresh = captured(&repository, source, &groups_of(self.group_rows)).unwrap();
        for (found, fresh) in tables.iter().zip(&fresh.tables) {
            if (&found.numbers, found.window) == (&fresh.numbers, fresh.window) {
                assert_eq!(found.content_root, fresh.content_root, "{what}: {}", found.info.name);
                assert_eq!((found.row_sum, found.groups), (fresh.row_sum, fresh.groups), "{what}");
            } else {
                assert!(self.evolves, "{what}: {:?}", found.numbers);
            }
            assert_eq!(fresh.changes, None);
        }
    }
}

#[test]
fn histories_of_rows_agree_with_a_naive_model() {
    let mut patches = 0;
    for (seed, group_rows) in [(1, 120), (2, 8), (3, 2), (4, 120), (5, 30), (6, 200)] {
        patches += Play { seed, snapshots: 12, group_rows, evolves: false }.run();
    }
    assert!(patches > 40, "{patches} patches");
}

#[test]
fn histories_of_tables_and_columns_agree_with_a_naive_model() {
    for (seed, group_rows) in [(11, 120), (12, 8), (13, 30), (14, 100), (15, 120), (16, 2)] {
        Play { seed, snapshots: 12, group_rows, evolves: true }.run();
    }
}

#[test]
fn a_long_history_agrees_with_a_naive_model() {
    Play { seed: 21, snapshots: 30, group_rows: 100, evolves: false }.run();
    Play { seed: 22, snapshots: 30, group_rows: 120, evolves: true }.run();
}

/// Rows that come behind all others are counted, also where they fill groups of their own.
#[test]
fn appended_rows_are_counted() {
    let (mut known, mut with_groups) = (0, 0);
    for seed in 0..12 {
        let mut chance = XorShift::new(100 + seed);
        let repository = init_with(MemoryStore::new(), &places());
        let mut table = Table::new("a", &[("id", "INT"), ("b", "TEXT")], &[0]);
        insert(&mut table, 50, &mut chance);
        for rows in [0, 1, 2, 300] {
            append(&mut table, rows, &mut chance);
            let state = database([table.clone()]);
            let report = captured(&repository, &mut ModelSource::new("model", &state), &groups_of(16)).unwrap();
            let Some(changes) = report.tables[0].changes else { continue };
            assert_eq!(changes, Changes { inserted: rows, ..Changes::default() }, "seed {seed}");
            known += 1;
            with_groups += u64::from(rows == 300);
        }
    }
    assert!(known >= 16 && with_groups >= 3, "{known} of 48 known, {with_groups} of 12 that filled groups");
}

/// Patches on patches, until they become one; rows that come and go among them.
#[test]
fn generations_of_patches_read_back() {
    let (mut deepest, mut merged) = (0, 0);
    for seed in [31, 32, 33] {
        let mut chance = XorShift::new(seed);
        let repository = init_with(MemoryStore::new(), &places());
        let mut table = Table::new("deep", &[("id", "INT"), ("body", "BLOB"), ("n", "INT"), ("t", "TEXT")], &[0]);
        for number in 0..420 {
            let body = Value::Bytes(random_bytes(chance.next_u64(), 300));
            table.put(vec![Value::Int(number * 7), body, value("INT", &mut chance), value("TEXT", &mut chance)]);
        }
        let (mut history, mut before) = (Vec::new(), 0);
        for tick in 0..26 {
            let state = database([table.clone()]);
            let manifest = snapshot(&repository, &state, &groups_of(1000));
            let patches = patches_in(&repository, &manifest);
            deepest = deepest.max(patches);
            merged += u64::from(before == 8 && patches == 1);
            before = patches;
            history.push((state, manifest));
            for (number, (state, manifest)) in history.iter().enumerate() {
                assert_reads(&repository, manifest, state, &format!("seed {seed}, {tick}: snapshot {number}"));
            }
            match chance.below(6) {
                0 if seed > 31 => insert(&mut table, 1, &mut chance),
                1 if seed > 31 => delete(&mut table, 1, &mut chance),
                _ => update(&mut table, 1, &mut chance),
            }
        }
    }
    assert!(deepest == 8 && merged > 0, "{deepest} patches, {merged} times they became one");
}
