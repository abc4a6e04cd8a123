//! The proof of a restore finds what is not as it was captured, and names it.

use super::making::{heavy, some_tables, update};
use super::source::{Database, ModelSource, Table, Value, batch};
use super::{groups_of, init_with, is_same, places, reader, snapshot};
use crate::support::{Ear, NOW, XorShift, open};
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{Cancel, FixedClock};
use datakeep_engine::{FirstDifference, Proof, RunContext, TablesReader, prove};
use datakeep_store_blob::MemoryStore;

fn proof(reader: &TablesReader, standing: &Database, cuts: u64) -> Proof {
    let tables: Vec<_> =
        reader.tables().unwrap().into_iter().map(|table| (table.clone(), table.info.name.clone())).collect();
    let (ear, cancel, clock) = (Ear::default(), Cancel::new(), FixedClock(NOW));
    let context = RunContext { observer: &ear, cancel: &cancel, clock: &clock };
    let mut target = ModelSource { cuts, ..ModelSource::new("restored", standing) };
    // By one thread, by some, and by more than there are tables.
    let most_threads = [1, 3, 40][(cuts % 3) as usize];
    prove(reader, &mut target, &tables, most_threads, &context).unwrap()
}

/// A snapshot whose groups are patched, of some tables.
fn patched(seed: u64) -> (Database, TablesReader) {
    let mut chance = XorShift::new(seed);
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    let mut state = some_tables(&mut chance);
    let repository = open(store.clone()).unwrap();
    snapshot(&repository, &state, &groups_of(24));
    state.values_mut().for_each(|table| update(table, 2, &mut chance));
    let manifest = snapshot(&repository, &state, &groups_of(24));
    (state, reader(&repository, &manifest))
}

fn row(rows: Option<&RowBatch>) -> Option<&RowBatch> {
    rows.inspect(|rows| assert_eq!(rows.rows(), 1))
}

/// That what was found is just this row of the table, as it was and as it is.
fn assert_named(
    found: &FirstDifference,
    table: &Table,
    (was, is): (Option<&Vec<Value>>, Option<&Vec<Value>>),
    what: &str,
) {
    assert_eq!(found.table.table, table.name, "{what}: {found:?}");
    for (expected, found) in [(was, row(found.captured.as_ref())), (is, row(found.standing.as_ref()))] {
        let expected = expected.map(|row| batch(&table.types(), std::iter::once(row)));
        match (&expected, found) {
            (None, None) => {}
            (Some(expected), Some(found)) => {
                let mut columns = expected.columns().iter().zip(found.columns());
                assert!(columns.all(|(expected, found)| is_same(expected, found)), "{what}: another row is named");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn what_is_as_it_was_captured_is_proven() {
    let (state, reader) = patched(71);
    for cuts in 0..4 {
        let proof = proof(&reader, &state, cuts);
        assert!(proof.difference.is_none(), "{:?}", proof.difference);
        assert_eq!(proof.rows, state.values().map(|table| table.rows.len() as u64).sum::<u64>());
    }
}

#[test]
fn one_row_that_differs_is_found_and_named() {
    for seed in [72, 73] {
        let (state, reader) = patched(seed);
        for name in ["long", "texts", "wide", "small"] {
            let keys: Vec<&Vec<u8>> = state[name].rows.keys().collect();
            let step = (keys.len() / 25).max(1);
            let mut places: Vec<usize> = (0..keys.len()).step_by(step).collect();
            places.push(keys.len() - 1);
            for place in places {
                let (key, table) = (keys[place], &state[name]);
                let was = &table.rows[key];
                let what = format!("seed {seed}, {name}, row {place}");
                // Missing.
                let mut standing = state.clone();
                standing.get_mut(name).unwrap().rows.remove(key);
                let found = proof(&reader, &standing, 0).difference.expect(&what);
                assert_named(&found, table, (Some(was), None), &what);
                // Changed.
                let mut changed = was.clone();
                let at = changed.len() - 1;
                changed[at] = Value::Text("planted".into());
                standing.get_mut(name).unwrap().rows.insert(key.clone(), changed.clone());
                let found = proof(&reader, &standing, 3).difference.expect(&what);
                assert_named(&found, table, (Some(was), Some(&changed)), &what);
                // One more: one that stands there and was not captured when this one was missing.
                let mut fewer = state.clone();
                fewer.get_mut(name).unwrap().rows.remove(key);
                let repository = reader.repository();
                let manifest = snapshot(repository, &fewer, &groups_of(24));
                let fewer = super::reader(repository, &manifest);
                let found = proof(&fewer, &state, 5).difference.expect(&what);
                assert_named(&found, table, (None, Some(was)), &what);
            }
        }
    }
}

#[test]
fn other_tables_and_columns_are_found() {
    let (state, reader) = patched(74);
    let found = |change: &dyn Fn(&mut Database)| {
        let mut standing = state.clone();
        change(&mut standing);
        proof(&reader, &standing, 0).difference.expect("a difference")
    };
    fn table<'d>(standing: &'d mut Database, name: &str) -> &'d mut Table {
        standing.get_mut(name).unwrap()
    }
    let gone = found(&|standing| drop(standing.remove("texts")));
    assert_eq!((gone.table.table.as_str(), gone.what.as_str()), ("texts", "it is not there"));
    let renamed = found(&|standing| table(standing, "wide").columns[3].0 = "other".into());
    assert_eq!((renamed.table.table.as_str(), renamed.what.as_str()), ("wide", "its columns are others"));
    // Two columns of one type with their values exchanged.
    let swapped = found(&|standing| table(standing, "wide").rows.values_mut().for_each(|row| row.swap(1, 8)));
    assert_eq!((swapped.table.table.as_str(), swapped.what.as_str()), ("wide", "a row has other values"));
    let emptied = found(&|standing| table(standing, "long").rows.clear());
    assert_eq!((emptied.table.table.as_str(), emptied.what.as_str()), ("long", "a row that was captured is missing"));
    let mut chance = XorShift::new(75);
    let filled = found(&|standing| {
        let mut rows = heavy(&mut XorShift::new(76)).rows;
        rows.retain(|_, row| {
            row.truncate(2);
            row[1] = Value::Null;
            true
        });
        table(standing, "void").rows = rows;
    });
    assert_eq!(
        (filled.table.table.as_str(), filled.what.as_str()),
        ("void", "a row stands there that was not captured")
    );
    // Without a key: rows count, their order does not.
    let keyless = found(&|standing| drop(table(standing, "keyless").rows.pop_first()));
    assert_eq!(keyless.table.table, "keyless");
    let mut changed = state.clone();
    update(changed.get_mut("keyless").unwrap(), 1, &mut chance);
    if changed != state {
        assert_eq!(proof(&reader, &changed, 0).difference.unwrap().table.table, "keyless");
    }
    let mut turned = state.clone();
    let keyless = turned.get_mut("keyless").unwrap();
    let rows: Vec<Vec<Value>> = keyless.rows.values().rev().cloned().collect();
    keyless.rows.clear();
    rows.into_iter().for_each(|row| keyless.put(row));
    assert!(proof(&reader, &turned, 0).difference.is_none());
}
