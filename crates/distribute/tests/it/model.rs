//! Random histories of a tree against a naive model: every snapshot restores, every comparison and search agrees.

use crate::memory::{Thing, Tree, TreeSource, directory, file, key, path, restorable, symlink, tree};
use crate::support::{XorShift, assert_restores, assert_sound, init_with, open, options, run, small};
use datakeep_distribute::{ChangeKind, Selection, compare, find, list_directory};
use datakeep_engine::BackupOptions;
use datakeep_model::{FileType, ItemPath};
use datakeep_store::{Manifest, Repository};
use datakeep_store_blob::MemoryStore;
use datakeep_testkit::{random_bytes, text};
use std::collections::BTreeMap;
use std::sync::Arc;

const HISTORIES: u64 = 40;
const NAMES: [&str; 9] = ["a", "b", "b.c", "b-c", "c", "\u{1}", "\u{2}x", "\u{e9}", "zz"];

/// Something to do to a tree at `tick`.
fn mutate(tree: &mut Tree, tick: i64, chance: &mut XorShift) {
    let place = random_place(tree, chance);
    let free = place.to_key();
    match chance.below(9) {
        0..=2 => drop(tree.insert(free, file(tick, body(chance)))),
        3 => drop(tree.insert(free, symlink(tick, format!("to {tick}").as_bytes()))),
        4 => drop(tree.entry(free).or_insert_with(|| directory(tick))),
        5 | 6 => {
            let keys: Vec<Vec<u8>> = tree.keys().skip(1).cloned().collect();
            if let Some(key) = keys.get(chance.below(keys.len().max(1) as u64) as usize) {
                tree.remove(key);
            }
        }
        7 => {
            let keys: Vec<Vec<u8>> = tree.keys().cloned().collect();
            let key = &keys[chance.below(keys.len() as u64) as usize];
            if let Some(thing) = tree.get_mut(key) {
                thing.meta.mode ^= 0o022;
                thing.meta.ctime.seconds = tick;
            }
        }
        _ => {
            // The same content under another name.
            let bodies: Vec<Thing> = tree.values().filter(|t| t.meta.file_type == FileType::File).cloned().collect();
            if let Some(thing) = bodies.get(chance.below(bodies.len().max(1) as u64) as usize) {
                tree.insert(free, file(tick, thing.body.to_vec()));
            }
        }
    }
    prune(tree);
}

fn body(chance: &mut XorShift) -> Vec<u8> {
    let len = [0, 1, 40, 700, 3000][chance.below(5) as usize];
    if chance.below(2) == 0 { text(chance.next_u64(), len) } else { random_bytes(chance.next_u64(), len) }
}

fn random_place(tree: &Tree, chance: &mut XorShift) -> ItemPath {
    let folders: Vec<&Vec<u8>> =
        tree.iter().filter(|(_, thing)| thing.meta.file_type == FileType::Directory).map(|(key, _)| key).collect();
    let folder = ItemPath::from_key(folders[chance.below(folders.len() as u64) as usize]).unwrap();
    folder.join(NAMES[chance.below(NAMES.len() as u64) as usize].as_bytes()).unwrap()
}

/// Removes what no longer stands in a directory.
fn prune(tree: &mut Tree) {
    loop {
        let is_folder = |key: &[u8]| tree.get(key).is_some_and(|thing| thing.meta.file_type == FileType::Directory);
        let lost = tree.keys().find(|key| {
            let parent = ItemPath::from_key(key).unwrap().parent();
            parent.is_some_and(|parent| !is_folder(&parent.to_key()))
        });
        let Some(lost) = lost.cloned() else { return };
        tree.remove(&lost);
    }
}

fn naive_changes(old: &Tree, new: &Tree) -> BTreeMap<Vec<u8>, ChangeKind> {
    let mut changes = BTreeMap::new();
    for (key, was) in old {
        match new.get(key) {
            None => drop(changes.insert(key.clone(), ChangeKind::Removed)),
            Some(is) if was.meta.file_type != is.meta.file_type => drop(changes.insert(key.clone(), ChangeKind::Type)),
            Some(is) if was.body != is.body || was.link != is.link => {
                changes.insert(key.clone(), ChangeKind::Content);
            }
            Some(is) if restorable(was) != restorable(is) => drop(changes.insert(key.clone(), ChangeKind::Metadata)),
            Some(_) => {}
        }
    }
    let added = new.keys().filter(|key| !old.contains_key(*key)).map(|key| (key.clone(), ChangeKind::Added));
    changes.extend(added);
    changes
}

fn check_comparisons(repository: &Repository, history: &[(Tree, Manifest)], seed: u64) {
    for (old_tree, old) in history {
        for (new_tree, new) in history {
            let mut found = BTreeMap::new();
            let mut last = None;
            compare(repository, old, new, &ItemPath::root(), &mut |change| {
                let key = change.path.to_key();
                assert!(last.as_ref().is_none_or(|last| *last < key), "seed {seed}: in key order, each once");
                last = Some(key.clone());
                found.insert(key, change.kind);
            })
            .unwrap();
            assert_eq!(found, naive_changes(old_tree, new_tree), "seed {seed}");
            let beneath = path("b");
            let mut found = BTreeMap::new();
            compare(repository, old, new, &beneath, &mut |change| {
                found.insert(change.path.to_key(), change.kind);
            })
            .unwrap();
            let mut expected = naive_changes(old_tree, new_tree);
            expected.retain(|key, _| ItemPath::from_key(key).unwrap().is_within(&beneath));
            assert_eq!(found, expected, "seed {seed}, beneath /b");
        }
    }
}

fn check_looking(repository: &Repository, tree: &Tree, manifest: &Manifest, seed: u64) {
    for (key, thing) in tree.iter().filter(|(_, thing)| thing.meta.file_type == FileType::Directory) {
        let folder = ItemPath::from_key(key).unwrap();
        let listed = list_directory(repository, manifest, &folder).unwrap();
        let found: Vec<Vec<u8>> = listed.into_iter().map(|entry| entry.key).collect();
        let is_child = |key: &&Vec<u8>| ItemPath::from_key(key).unwrap().parent().as_ref() == Some(&folder);
        let expected: Vec<Vec<u8>> = tree.keys().filter(is_child).cloned().collect();
        assert_eq!(found, expected, "seed {seed}: {thing:?}");
    }
    let selection = Selection::new(&["b*".to_string()], &["b-c".to_string()]).unwrap();
    for wanted in [None, Some(FileType::File), Some(FileType::Directory)] {
        let mut found = Vec::new();
        find(repository, manifest, &ItemPath::root(), &selection, wanted, &mut |path, _| {
            found.push(path.to_key());
            Ok(())
        })
        .unwrap();
        let is_meant = |(key, thing): &(&Vec<u8>, &Thing)| {
            let path = ItemPath::from_key(key).unwrap();
            let fits = path.name().starts_with(b"b") && path.name() != b"b-c";
            fits && wanted.is_none_or(|wanted| wanted == thing.meta.file_type)
        };
        let expected: Vec<Vec<u8>> = tree.iter().filter(is_meant).map(|(key, _)| key.clone()).collect();
        assert_eq!(found, expected, "seed {seed}");
    }
}

fn play(seed: u64) {
    let mut chance = XorShift::new(seed);
    let store = MemoryStore::new();
    init_with(store.clone(), &small());
    let mut now = tree([("a", directory(2)), ("b", directory(3)), ("b/b", file(4, "b"))]);
    let mut tick = 10;
    let mut history = Vec::new();
    for _ in 0..2 + chance.below(4) {
        for _ in 0..chance.below(25) {
            tick += 1;
            mutate(&mut now, tick, &mut chance);
        }
        let repository: Arc<Repository> = open(store.clone()).unwrap();
        let workers = 1 + chance.below(3) as usize;
        let report = run(&repository, &mut TreeSource::new("model", &now), &BackupOptions { workers, ..options() });
        let report = report.unwrap();
        let naive: u64 = now.values().map(|thing| thing.body.len() as u64).sum();
        assert_eq!(report.counters.len_bytes, naive, "seed {seed}");
        history.push((now.clone(), report.manifest.unwrap()));
    }
    let repository = open(store).unwrap();
    for (tree, manifest) in &history {
        assert_restores(&repository, manifest, tree, &format!("seed {seed}"));
        check_looking(&repository, tree, manifest, seed);
    }
    check_comparisons(&repository, &history, seed);
    let verified = assert_sound(&repository, &format!("seed {seed}"));
    assert_eq!(verified.snapshots, history.len() as u64);
}

#[test]
fn histories_agree_with_a_naive_model() {
    (0..HISTORIES).for_each(play);
}

/// The model can fail: another tree is another tree.
#[test]
fn the_model_sees_differences() {
    let old = tree([("a", file(1, "x")), ("b", file(2, "y"))]);
    let mut new = old.clone();
    new.insert(key("a"), file(3, "z"));
    new.remove(&key("b"));
    let kinds: Vec<ChangeKind> = naive_changes(&old, &new).into_values().collect();
    assert_eq!(kinds, [ChangeKind::Content, ChangeKind::Removed]);
}
