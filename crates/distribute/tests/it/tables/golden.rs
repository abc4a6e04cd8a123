//! The golden repositories of tables: made once, never edited, readable for ever. They hold patches, exceptions, columns that came
//! and went, tables with and without keys; in one of them long values stand aside.

use super::making::{change_rows, some_tables, update};
use super::source::{DECLARED, Database, ModelSource, Table, Value, batch, cell, database};
use super::{captured, groups_of, patches_in, places, rows_of, snapshot};
use crate::support::{NOW, XorShift, assert_sound, open_with, password_slot};
use datakeep_connector::rows::RowBatch;
use datakeep_engine::{BackupOptions, TablesReader};
use datakeep_process_table::TableDescription;
use datakeep_store::{Manifest, OsEntropy, Repository, SeededEntropy};
use datakeep_store_blob::{BlobStore, LocalStore, MemoryStore};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

const PASSWORD: &str = "golden";
const SEED: u64 = 20_261_130;

struct Golden {
    folder: &'static str,
    most_inline_len_bytes: usize,
}

const TABLES: Golden = Golden { folder: "v2-tables", most_inline_len_bytes: 64 << 10 };
const LARGE: Golden = Golden { folder: "v2-large-values", most_inline_len_bytes: 60 };

impl Golden {
    fn folder(&self) -> PathBuf {
        datakeep_testkit::crates_folder().join("store/tests/golden").join(self.folder)
    }

    fn options(&self) -> BackupOptions {
        BackupOptions { workers: 1, most_inline_len_bytes: self.most_inline_len_bytes, ..groups_of(110) }
    }
}

/// Bytes as they are, long ones by what they hash to.
fn short(bytes: &[u8]) -> String {
    if bytes.len() <= 40 { bytes.escape_ascii().to_string() } else { datakeep_process::digest(bytes).to_string() }
}

fn written(value: Value) -> String {
    match value {
        Value::Text(text) => format!("text {}", short(text.as_bytes())),
        Value::Bytes(bytes) => format!("bytes {}", short(&bytes)),
        Value::Float(bits) => format!("float {bits:016x}"),
        other => format!("{other:?}"),
    }
}

fn listing(rows: &RowBatch, to: &mut String) {
    for row in 0..rows.rows() {
        let cells: Vec<String> = rows.columns().iter().map(|column| written(cell(column, row))).collect();
        writeln!(to, "{}", cells.join("\t")).unwrap();
    }
}

fn heading(name: &str, columns: impl Iterator<Item = String>, to: &mut String) {
    writeln!(to, "table {name}: {}", columns.collect::<Vec<_>>().join(", ")).unwrap();
}

fn expected(number: usize, database: &Database) -> String {
    let mut to = format!("snapshot {number}\n");
    for table in database.values() {
        let columns = table.columns.iter().map(|(name, declared)| format!("{name} {declared}"));
        heading(&table.name, columns, &mut to);
        listing(&batch(&table.types(), table.rows.values()), &mut to);
    }
    to
}

fn found(repository: &Arc<Repository>) -> String {
    let (manifests, faults) = repository.snapshots().unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    let mut to = String::new();
    for (number, manifest) in manifests.into_iter().enumerate() {
        writeln!(to, "snapshot {number}").unwrap();
        let reader = TablesReader::new(repository.clone(), manifest).unwrap();
        for table in reader.tables().unwrap() {
            let columns = table.info.columns.iter().map(|column| format!("{} {}", column.name, column.declared));
            heading(&table.info.name.table, columns, &mut to);
            listing(&rows_of(&reader, &table).unwrap().0, &mut to);
        }
    }
    to
}

fn states() -> Vec<Database> {
    let mut chance = XorShift::new(SEED);
    let mut first = some_tables(&mut chance);
    for (name, table) in &mut first {
        let most = if name == "heavy" { 80 } else { 50 };
        let beyond: Vec<Vec<u8>> = table.rows.keys().skip(most).cloned().collect();
        beyond.iter().for_each(|key| drop(table.rows.remove(key)));
    }
    let mut second = first.clone();
    for (name, table) in &mut second {
        if name == "heavy" { update(table, 2, &mut chance) } else { change_rows(table, &mut chance) }
    }
    let mut third = second.clone();
    third.values_mut().for_each(|table| update(table, 1, &mut chance));
    // A column more, one renamed, one of another type, one gone; a table more and one gone.
    let long = third.get_mut("long").unwrap();
    long.columns.push(("added".into(), "REAL"));
    long.rows.values_mut().for_each(|row| row.push(super::making::value("REAL", &mut chance)));
    long.columns[1].0 = "renamed".into();
    let texts = third.get_mut("texts").unwrap();
    texts.columns[2].1 = "BLOB";
    let wide = third.get_mut("wide").unwrap();
    wide.columns.remove(5);
    wide.rows.values_mut().for_each(|row| drop(row.remove(5)));
    let mut more = third["small"].clone();
    more.name = "more".into();
    third.insert("more".into(), more);
    third.remove("void");
    let mut fourth = third.clone();
    fourth.values_mut().for_each(|table| update(table, 2, &mut chance));
    vec![first, second, third, fourth]
}

/// Run by hand, once: `cargo test -p datakeep-distribute --test it -- --ignored make_the_golden_repository_of_tables`.
#[test]
#[ignore = "writes the golden repository, which is made once and never again"]
fn make_the_golden_repository_of_tables() {
    make(&TABLES);
}

/// Run by hand, once, likewise.
#[test]
#[ignore = "writes the golden repository, which is made once and never again"]
fn make_the_golden_repository_of_large_values() {
    make(&LARGE);
}

fn make(golden: &Golden) {
    let place = golden.folder().join("repository");
    assert!(!place.exists(), "the golden repository stands already and is never edited");
    let store = MemoryStore::new();
    let chance = |number: u64| Arc::new(SeededEntropy::new(SEED + number));
    Repository::init(Arc::new(store.clone()), &places(), &[password_slot("main", PASSWORD)], chance(0), NOW).unwrap();
    let mut oracle = String::new();
    for (number, state) in states().iter().enumerate() {
        let repository = open_with(store.clone(), PASSWORD, chance(1 + number as u64)).unwrap();
        snapshot(&repository, state, &golden.options());
        oracle += &expected(number, state);
    }
    for listed in store.list("").unwrap() {
        let path = place.join(&listed.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, store.read(&listed.name, u64::MAX).unwrap()).unwrap();
    }
    fs::write(golden.folder().join("oracle.txt"), oracle).unwrap();
}

/// A database like the one that a snapshot holds.
fn as_read(reader: &TablesReader) -> Database {
    let read = |description: TableDescription| {
        let word = |text: &str| DECLARED.into_iter().find(|declared| *declared == text).unwrap();
        let columns = description.info.columns.iter().map(|column| (column.name.as_str(), word(&column.declared)));
        let columns: Vec<(&str, &'static str)> = columns.collect();
        let mut table = Table::new(&description.info.name.table, &columns, &description.info.key);
        table.sql.clone_from(&description.info.sql);
        let (rows, _) = rows_of(reader, &description).unwrap();
        (0..rows.rows()).for_each(|row| table.put(rows.columns().iter().map(|column| cell(column, row)).collect()));
        table
    };
    database(reader.tables().unwrap().into_iter().map(read))
}

/// A copy in memory: nothing can write into the golden folder.
fn copied(golden: &Golden) -> MemoryStore {
    let (from, into) = (LocalStore::new(&golden.folder().join("repository")), MemoryStore::new());
    for listed in from.list("").unwrap() {
        into.tamper(&listed.name, Some(from.read(&listed.name, u64::MAX).unwrap()));
    }
    into
}

fn large_in(repository: &Arc<Repository>, manifest: &Manifest) -> usize {
    let reader = TablesReader::new(repository.clone(), manifest.clone()).unwrap();
    let mut large = 0;
    for table in reader.tables().unwrap() {
        let mut count = |group: datakeep_engine::StoredGroup| {
            large += group.description.large.len();
            Ok(true)
        };
        reader.each_group(&table.info.name, &[], &mut count).unwrap();
    }
    large
}

#[test]
fn the_golden_repository_of_tables_is_whole_and_goes_on() {
    is_whole_and_goes_on(&TABLES);
}

#[test]
fn the_golden_repository_of_large_values_is_whole_and_goes_on() {
    is_whole_and_goes_on(&LARGE);
}

fn is_whole_and_goes_on(golden: &Golden) {
    let store = copied(golden);
    let repository = open_with(store.clone(), PASSWORD, Arc::new(OsEntropy)).unwrap();
    assert_sound(&repository, "golden");
    let oracle = fs::read_to_string(golden.folder().join("oracle.txt")).unwrap();
    let found = found(&repository);
    for (expected, found) in oracle.lines().zip(found.lines()) {
        assert_eq!(expected, found);
    }
    assert_eq!(oracle.lines().count(), found.lines().count());
    let newest = repository.snapshots().unwrap().0.pop().unwrap();
    assert!(patches_in(&repository, &newest) > 0, "it has patches");
    assert_eq!(large_in(&repository, &newest) > 10, golden.folder == LARGE.folder, "values stand aside");
    // The last state once more: what is named as it was then is found again, and nothing is stored.
    let state = as_read(&TablesReader::new(repository.clone(), newest).unwrap());
    let report = captured(&repository, &mut ModelSource::new("model", &state), &golden.options()).unwrap();
    assert_eq!((report.counters.chunks_new, report.counters.items_changed), (0, 0));
    super::assert_reads(&repository, &report.manifest.unwrap(), &state, "golden and newer");
}
