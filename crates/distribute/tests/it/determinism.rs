//! How many threads work changes nothing of what a snapshot holds.

use crate::fixture::first_tree;
use crate::memory::{TreeSource, file, key};
use crate::support::{assert_restores, content_ids, init_with, open, options, run, small};
use datakeep_engine::BackupOptions;
use datakeep_store_blob::MemoryStore;
use datakeep_testkit::{random_bytes, text};

/// Locations differ, and with them the ids of nodes; so contents are compared, part by part. One empty repository is
/// copied for all: chunk ids are keyed.
#[test]
fn any_number_of_workers_makes_the_same_content() {
    let mut tree = first_tree();
    tree.insert(key("segments"), file(50, random_bytes(50, 3_600_000)));
    tree.insert(key("same again"), file(51, random_bytes(50, 3_600_000)));
    tree.insert(key("words"), file(52, text(52, 300_000)));
    let empty = MemoryStore::new();
    init_with(empty.clone(), &small());
    let made: Vec<_> = [1, 2, 4]
        .into_iter()
        .map(|workers| {
            let repository = open(empty.fork()).unwrap();
            let options = BackupOptions { workers, frame_target_bytes: 64 << 10, ..options() };
            let report = run(&repository, &mut TreeSource::new("same", &tree), &options).unwrap();
            let manifest = report.manifest.unwrap();
            assert_restores(&repository, &manifest, &tree, &format!("{workers} workers"));
            let counters = report.counters;
            (content_ids(&repository, &manifest), counters.chunks_new, counters.new_bytes, counters.items_new)
        })
        .collect();
    assert!(made[0].0[&key("segments")].len() > 3000);
    assert!(made.iter().all(|other| *other == made[0]), "the same parts, and each chunk written once");
}

/// Files so fresh that a change could hide are read again; what is as it was does not count as changed.
#[test]
fn what_is_read_again_and_is_the_same_is_unchanged() {
    let repository = crate::support::init_with(MemoryStore::new(), &crate::support::small());
    let mut tree = crate::fixture::first_tree();
    let wary = datakeep_engine::BackupOptions { slack_ns: i64::MAX / 4, ..options() };
    let first = run(&repository, &mut TreeSource::new("fresh", &tree), &wary).unwrap();
    let items = first.counters.items_new;
    let again = run(&repository, &mut TreeSource::new("fresh", &tree), &wary).unwrap().counters;
    assert_eq!((again.items_new, again.items_changed, again.items_unchanged), (0, 0, items));
    assert!(again.read_bytes > 0 && again.chunks_new == 0, "{again:?}");
    let letter = crate::memory::key("docs/letter");
    tree.insert(letter, crate::memory::file(4, "Dear reader!\n"));
    let changed = run(&repository, &mut TreeSource::new("fresh", &tree), &wary).unwrap().counters;
    assert_eq!((changed.items_changed, changed.items_unchanged), (1, items - 1));
}
