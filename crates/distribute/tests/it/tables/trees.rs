//! One state has one tree, however many work on it and wherever batches are cut: the same entries of the same content. (The
//! nodes themselves also say where chunks stand, and that is not the same in two runs.)

use super::making::{change_rows, some_tables, update};
use super::source::{Database, ModelSource};
use super::{assert_reads, captured, groups_of, init_with, places, reader};
use crate::support::{XorShift, content_ids, open};
use datakeep_engine::{BackupOptions, StoredGroup};
use datakeep_model::ChunkId;
use datakeep_process_table::{GroupDescription, TableDescription};
use datakeep_store_blob::MemoryStore;
use std::collections::BTreeMap;

/// What a tree says, where chunks stand apart.
#[derive(PartialEq, Debug)]
struct Tree {
    tables: Vec<TableDescription>,
    groups: Vec<(Vec<u8>, GroupDescription)>,
    contents: BTreeMap<Vec<u8>, Vec<Result<ChunkId, u64>>>,
}

/// The trees of captures of these states, one after the other.
fn trees(empty: &MemoryStore, states: &[Database], workers: usize, cuts: u64) -> Vec<Tree> {
    let store = empty.fork();
    let capture = |state: &Database| {
        let repository = open(store.clone()).unwrap();
        let options = BackupOptions { workers, most_inline_len_bytes: 90, ..groups_of(100) };
        let mut source = ModelSource { cuts, ..ModelSource::new("model", state) };
        let manifest = captured(&repository, &mut source, &options).unwrap().manifest.unwrap();
        assert_reads(&repository, &manifest, state, &format!("{workers} workers"));
        let reader = reader(&repository, &manifest);
        let (tables, mut groups) = (reader.tables().unwrap(), Vec::new());
        for table in &tables {
            let mut take = |group: StoredGroup| {
                groups.push((group.entry.key, group.description));
                Ok(true)
            };
            reader.each_group(&table.info.name, &[], &mut take).unwrap();
        }
        // What it was compared with has another name in every run.
        let tables = tables.into_iter().map(|table| TableDescription { compared_with: None, ..table }).collect();
        Tree { tables, groups, contents: content_ids(&repository, &manifest) }
    };
    states.iter().map(capture).collect()
}

#[test]
fn neither_workers_nor_batches_change_a_tree() {
    let empty = MemoryStore::new();
    init_with(empty.clone(), &places());
    let mut chance = XorShift::new(7);
    let mut states = vec![some_tables(&mut chance)];
    for _ in 0..3 {
        let mut next = states[states.len() - 1].clone();
        next.values_mut().for_each(|table| update(table, 2, &mut chance));
        states.push(next);
    }
    let mut last = states[states.len() - 1].clone();
    last.values_mut().for_each(|table| change_rows(table, &mut chance));
    states.push(last);
    let expected = trees(&empty, &states, 1, 0);
    assert!(expected[0].groups.len() > 6, "{}", expected[0].groups.len());
    let patches = |tree: &Tree| tree.groups.iter().map(|(_, group)| group.patches.len()).sum::<usize>();
    assert!(expected.iter().map(patches).sum::<usize>() > 0);
    for (workers, cuts) in [(1, 5), (2, 6), (4, 0), (7, 8)] {
        assert!(trees(&empty, &states, workers, cuts) == expected, "{workers} workers, cuts {cuts}");
    }
}
