//! Tables at the edge of what tables can be.

use super::making::{heavy, update};
use super::source::{Database, Lie, ModelSource, Table, Value, database};
use super::{assert_reads, captured, difference, groups_of, init_with, places, reader, snapshot};
use crate::support::{XorShift, assert_sound, open};
use datakeep_connector::{Catalog, SchemaObject};
use datakeep_store_blob::{BlobStore, MemoryStore};
use datakeep_testkit::random_bytes;

fn comes_back(state: &Database, what: &str) {
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    for _ in 0..2 {
        let manifest = snapshot(&open(store.clone()).unwrap(), state, &groups_of(20));
        assert_reads(&open(store.clone()).unwrap(), &manifest, state, what);
    }
    assert_sound(&open(store).unwrap(), what);
}

#[test]
fn long_keys_and_values_come_back() {
    let mut table = Table::new("long", &[("k", "TEXT"), ("v", "BLOB"), ("n", "INT")], &[0]);
    for number in 0..60u64 {
        let key = format!("{number:03}{}", "k".repeat(if number % 9 == 0 { 70_000 } else { 3 }));
        let len = if number % 20 == 0 { 1_500_000 } else { 10 };
        // Now and then a long value where a number should be.
        let odd = if number == 7 { Value::Bytes(random_bytes(7, 400_000)) } else { Value::Int(1) };
        table.put(vec![Value::Text(key), Value::Bytes(random_bytes(number, len)), odd]);
    }
    comes_back(&database([table]), "long keys and values");
}

#[test]
fn keys_of_any_length_come_back_wherever_groups_end() {
    let mut chance = XorShift::new(5);
    let mut table = Table::new("keys", &[("k", "TEXT"), ("n", "INT")], &[0]);
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    for generation in 0..6u64 {
        for _ in 0..25 {
            let number = chance.below(400);
            // Some of them last of all, some in between.
            let key = format!("{number:03}{}", "k".repeat([3, 40_000, 33_000, 10][chance.below(4) as usize]));
            table.put(vec![Value::Text(key), Value::Int(generation as i64)]);
        }
        if generation % 2 == 1 {
            table.put(vec![Value::Text("z".repeat(50_000 + generation as usize)), Value::Null]);
        }
        let state = database([table.clone()]);
        let manifest = snapshot(&open(store.clone()).unwrap(), &state, &groups_of(6));
        assert_reads(&open(store.clone()).unwrap(), &manifest, &state, &format!("generation {generation}"));
    }
    assert_sound(&open(store).unwrap(), "long keys");
}

#[test]
fn many_columns_and_odd_names_come_back() {
    let names: Vec<String> = (0..1600).map(|at| format!("column number {at}")).collect();
    let columns: Vec<(&str, &'static str)> = names.iter().map(|name| (name.as_str(), "INT")).collect();
    let mut wide = Table::new("wide", &columns, &[1599, 0]);
    for number in 0..30 {
        wide.put((0..1600).map(|at| Value::Int(number * at)).collect());
    }
    let mut odd = Table::new("a\0b\u{ff}", &[("", "TEXT"), ("\0", "REAL")], &[1]);
    odd.put(vec![Value::Null, Value::Null]);
    odd.put(vec![Value::Text(String::new()), Value::Float(0)]);
    let mut beginning = odd.clone();
    beginning.name = "a".into();
    let mut nameless = odd.clone();
    nameless.name = String::new();
    let bare = Table::new("bare", &[], &[]);
    comes_back(&database([wide, odd, beginning, nameless, bare]), "many columns and odd names");
}

#[test]
fn many_tables_come_back() {
    let tables = (0..700).map(|number| {
        let mut table = Table::new(&format!("t{number:04}"), &[("a", "INT"), ("b", "TEXT")], &[0]);
        (0..number % 4).for_each(|row| table.put(vec![Value::Int(row), Value::Text("text".into())]));
        table
    });
    comes_back(&database(tables), "many tables");
}

fn with_many_objects(catalog: &mut Catalog) {
    let object = |number: u64| SchemaObject {
        kind: "view".into(),
        name: format!("v{number}"),
        table: String::new(),
        sql: String::from_utf8_lossy(&random_bytes(number, 9000)).into_owned(),
    };
    catalog.objects = (0..1500).map(object).collect();
    catalog.tables[0].rows_estimate = Some(u64::MAX);
}

/// Some twenty megabytes of statements.
#[test]
fn a_long_catalogue_comes_back_or_is_refused() {
    let mut chance = XorShift::new(91);
    let state = database([heavy(&mut chance)]);
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    let repository = open(store.clone()).unwrap();
    let mut source = ModelSource::lying("model", &state, Lie::Catalog(with_many_objects));
    match captured(&repository, &mut source, &groups_of(50)) {
        Ok(report) => {
            let manifest = report.manifest.unwrap();
            assert_reads(&repository, &manifest, &state, "many objects");
            assert_eq!(reader(&repository, &manifest).database().unwrap().objects.len(), 1500);
        }
        Err(error) => assert_eq!(repository.snapshots().unwrap().0.len(), 0, "{error}"),
    }
    assert_sound(&repository, "many objects");
}

/// What was stored before and is damaged since does not stop the next capture; a value it cannot do without is told.
#[test]
fn damage_to_older_snapshots_does_not_stop_the_next() {
    let mut chance = XorShift::new(92);
    let first = database([heavy(&mut chance)]);
    let mut second = first.clone();
    update(second.get_mut("heavy").unwrap(), 3, &mut chance);
    let before = MemoryStore::new();
    init_with(before.clone(), &places());
    snapshot(&open(before.clone()).unwrap(), &first, &groups_of(110));
    let mut healed = 0;
    for pack in [before.list("data/").unwrap(), before.list("meta/").unwrap()].concat() {
        let step = if pack.name.starts_with("meta") { 150 } else { 6000 };
        for at in (100..pack.len_bytes as usize).step_by(step) {
            let store = before.fork();
            let mut bytes = store.read(&pack.name, u64::MAX).unwrap();
            bytes[at] ^= 1;
            store.tamper(&pack.name, Some(bytes));
            let repository = open(store).unwrap();
            let next = snapshot(&repository, &second, &groups_of(110));
            match difference(&reader(&repository, &next), &second) {
                Ok(None) => healed += 1,
                Ok(Some(found)) => panic!("{} at {at}: {found}", pack.name),
                Err(error) => assert_eq!(error.kind(), datakeep_model::ErrorKind::Integrity),
            }
        }
    }
    assert!(healed > 0, "what only older snapshots need is of no matter to the next");
}
