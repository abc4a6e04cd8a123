//! Long values stand aside: stored once, changed in part at the cost of the part, and read only where they are asked for.

use super::source::{Database, Table, Value, database};
use super::{assert_reads, groups_of, init_with, places, reader, snapshot, stored_bytes};
use crate::support::{assert_sound, open};
use datakeep_engine::{StoredGroup, TablesReader};
use datakeep_store::Part;
use datakeep_store_blob::MemoryStore;
use datakeep_testkit::random_bytes;

const LARGE_LEN_BYTES: usize = 300_000;
/// Chunks are short here: a table refers to about 500.
const CHUNK_MOST_BYTES: u64 = 16 << 10;
const REFERENCES_MOST_BYTES: u64 = 45_000;

fn table(name: &str, rows: u64) -> Table {
    let mut table = Table::new(name, &[("k", "INT"), ("v", "BLOB"), ("t", "TEXT"), ("n", "INT")], &[0]);
    for number in 0..rows {
        table.put(row(number, number));
    }
    table
}

/// In some rows a large value, in some a large text, in one a large value where a number should be.
fn row(number: u64, seed: u64) -> Vec<Value> {
    let large = || random_bytes(seed, LARGE_LEN_BYTES);
    let value = Value::Bytes(if number.is_multiple_of(5) { large() } else { random_bytes(seed, 20) });
    let text =
        Value::Text(if number % 7 == 3 { format!("价{seed}").repeat(30_000) } else { format!("text {number}") });
    let number_or_not = if number == 11 { Value::Bytes(large()) } else { Value::Int(number as i64) };
    vec![Value::Int(number as i64), value, text, number_or_not]
}

fn set(state: &mut Database, name: &str, key: i64, (at, value): (usize, Value)) {
    let rows = &mut state.get_mut(name).unwrap().rows;
    let row = rows.values_mut().find(|row| row[0] == Value::Int(key)).unwrap();
    row[at] = value;
}

/// Bytes that a capture of a state adds to a store.
fn cost(store: &MemoryStore, state: &Database) -> u64 {
    let before = stored_bytes(store);
    let repository = open(store.clone()).unwrap();
    let manifest = snapshot(&repository, state, &groups_of(10));
    assert_reads(&open(store.clone()).unwrap(), &manifest, state, "after a change");
    stored_bytes(store) - before
}

fn groups(reader: &TablesReader, table: &str) -> Vec<StoredGroup> {
    let (mut groups, tables) = (Vec::new(), reader.tables().unwrap());
    let table = tables.iter().find(|found| found.info.name.table == table).unwrap();
    let mut take = |group| {
        groups.push(group);
        Ok(true)
    };
    reader.each_group(&table.info.name, &[], &mut take).unwrap();
    groups
}

#[test]
fn a_long_value_costs_what_changed_of_it() {
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    let mut state = database([table("t", 60)]);
    let first = cost(&store, &state);
    assert!(first > 13 * LARGE_LEN_BYTES as u64, "{first}");

    // The same values in another table, and in rows elsewhere.
    let mut other = table("u", 60);
    other.columns.push(("more".into(), "INT"));
    other.rows.values_mut().for_each(|row| row.push(Value::Null));
    state.insert("u".into(), other);
    let again = cost(&store, &state);
    assert!(again < REFERENCES_MOST_BYTES, "{again} bytes for values that are there");

    // A short cell of a group with large values.
    set(&mut state, "t", 10, (2, Value::Text("other".into())));
    let short = cost(&store, &state);
    assert!(short < REFERENCES_MOST_BYTES, "{short} bytes for a short cell");

    // A piece in the middle of a large value.
    let mut value = random_bytes(10, LARGE_LEN_BYTES);
    value[150_000..150_010].copy_from_slice(b"0123456789");
    set(&mut state, "t", 10, (1, Value::Bytes(value)));
    let piece = cost(&store, &state);
    assert!(piece < REFERENCES_MOST_BYTES + 3 * CHUNK_MOST_BYTES, "{piece} bytes for ten in the middle");

    // Rows that go take their values with them; what stays is referred to.
    state.get_mut("t").unwrap().rows.retain(|_, row| row[0] != Value::Int(15));
    let gone = cost(&store, &state);
    assert!(gone < REFERENCES_MOST_BYTES, "{gone} bytes for one row less");
    assert_sound(&open(store).unwrap(), "large values");
}

#[test]
fn only_who_asks_for_a_long_value_reads_it() {
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    let state = database([table("t", 60)]);
    let repository = open(store.clone()).unwrap();
    let manifest = snapshot(&repository, &state, &groups_of(10));
    let reader = reader(&repository, &manifest);
    let description = reader.tables().unwrap().remove(0);
    let with_large: Vec<StoredGroup> =
        groups(&reader, "t").into_iter().filter(|group| !group.description.large.is_empty()).collect();
    assert!(with_large.len() > 3);
    for group in &with_large {
        let large: u64 = group.description.large.iter().map(|large| large.len_bytes).sum();
        let kept = group.description.len_bytes() - large;
        assert!(kept < 10_000, "{kept} bytes of columns");
        // Everything that stands aside is lost.
        let mut lost = group.clone();
        let mut at = 0;
        lost.parts = group
            .parts
            .iter()
            .map(|part| {
                at += part.len_bytes();
                if at > kept { Part::Hole(part.len_bytes()) } else { *part }
            })
            .collect();
        assert!(reader.columns(&description, &lost, &[0]).is_ok());
        assert!(reader.rows(&description, &lost).is_err());
        assert!(reader.rows(&description, group).is_ok());
    }
}

#[test]
fn a_value_that_is_none_of_its_name_is_damage() {
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    let state = database([table("t", 12)]);
    let repository = open(store.clone()).unwrap();
    let manifest = snapshot(&repository, &state, &groups_of(100));
    let reader = reader(&repository, &manifest);
    let description = reader.tables().unwrap().remove(0);
    let [group] = &groups(&reader, "t")[..] else { panic!("one group") };
    assert!(group.description.large.len() > 3);
    for (what, change) in [
        ("another length", (|group: &mut StoredGroup| group.description.large[0].len_bytes -= 1) as fn(&mut _)),
        ("another name", |group| group.description.large[1].name.0[31] ^= 1),
        ("one is missing", |group| group.description.large.truncate(1)),
        ("none is said", |group| group.description.large.clear()),
        ("names swapped", |group| {
            let names: Vec<_> = group.description.large.iter().map(|large| large.name).collect();
            group.description.large[0].name = names[1];
            group.description.large[1].name = names[0];
        }),
    ] {
        let mut changed = group.clone();
        change(&mut changed);
        assert!(reader.rows(&description, &changed).is_err(), "{what}");
    }
}
