//! What cannot be read is counted, told, and kept in the snapshot; the run goes on.

use crate::memory::{Changing, Failing, Tree, TreeSource, assert_same, directory, file, key, tree};
use crate::support::{Ear, assert_restores, assert_sound, init_with, options, restore_tree, run, run_heard, small};
use datakeep_connector::Cancel;
use datakeep_engine::EngineError;
use datakeep_model::{ErrorKind, LossCause, Meta, Outcome, Timestamp};
use datakeep_store_blob::{BlobStore, MemoryStore};
use std::sync::atomic::Ordering;

fn three_files() -> Tree {
    tree([
        ("d", directory(2)),
        ("d/bad", file(3, "cannot be read")),
        ("d/good", file(4, "can be read")),
        ("z", file(5, "the last")),
    ])
}

fn without(tree: &Tree, name: &str) -> Tree {
    let mut tree = tree.clone();
    tree.remove(&key(name));
    tree
}

#[test]
fn what_cannot_be_read_is_counted_and_the_run_goes_on() {
    for cause in [LossCause::Unreadable, LossCause::Denied, LossCause::Vanished] {
        let repository = init_with(MemoryStore::new(), &small());
        let mut source = TreeSource::new("lossy", &three_files()).with_handle("d/bad", Failing(cause));
        let ear = Ear::default();
        let report = run_heard(&repository, &mut source, &options(), &ear, &Cancel::new()).unwrap();
        assert_eq!((report.counters.losses, report.counters.files), (1, 2));
        assert_eq!(report.counters.len_bytes, 11 + 8, "a lost file has no length");
        let (manifests, _) = repository.snapshots().unwrap();
        let snapshot = &manifests[0].snapshot;
        assert_eq!((snapshot.outcome(), snapshot.losses.len()), (Outcome::Partial, 1));
        assert_eq!((snapshot.losses[0].path.to_string().as_str(), snapshot.losses[0].cause), ("/d/bad", cause));
        assert_eq!(ear.losses.lock().unwrap().len(), 1);
        assert_restores(&repository, &manifests[0], &without(&three_files(), "d/bad"), "lossy");
        // Once it can be read, the next run has it.
        let report = run(&repository, &mut TreeSource::new("lossy", &three_files()), &options()).unwrap();
        assert_eq!((report.counters.losses, report.counters.read_bytes), (0, 14));
        assert_restores(&repository, &report.manifest.unwrap(), &three_files(), "whole");
    }
}

#[test]
fn losses_of_the_walk_are_kept() {
    let repository = init_with(MemoryStore::new(), &small());
    let loss = |number: u32| datakeep_model::Loss {
        path: crate::memory::path(&format!("locked/{number}")),
        cause: LossCause::Denied,
        detail: "Permission denied (os error 13)".into(),
    };
    let mut source = TreeSource { losses: (0..1500).map(loss).collect(), ..TreeSource::new("walk", &three_files()) };
    let report = run(&repository, &mut source, &options()).unwrap();
    assert_eq!((report.counters.losses, report.losses.len()), (1500, 1000), "all are counted, the first are listed");
    assert_eq!(repository.snapshots().unwrap().0[0].snapshot.losses.len(), 1000);
    assert_sound(&repository, "a thousand losses");
}

#[test]
fn what_changes_while_it_is_read_is_flagged_and_read_again() {
    let repository = init_with(MemoryStore::new(), &small());
    let tree = three_files();
    let listed = tree[&key("d/bad")].clone();
    let after = Meta { mtime: Timestamp::new(300, 0), ctime: Timestamp::new(300, 0), ..listed.meta.clone() };
    let mut source =
        TreeSource::new("moving", &tree).with_handle("d/bad", Changing { thing: listed.clone(), after: after.clone() });
    let ear = Ear::default();
    let report = run_heard(&repository, &mut source, &options(), &ear, &Cancel::new()).unwrap();
    assert_eq!(report.counters.losses, 0, "a file that moved is kept as it was read");
    assert!(ear.warnings.lock().unwrap().iter().any(|text| text.contains("/d/bad")), "its owner is told");
    let (found, _) = restore_tree(&repository, &report.manifest.unwrap()).unwrap();
    assert_eq!(found[&key("d/bad")].body, listed.body);

    // The next run finds it as it was left, and reads it all the same.
    let mut settled = tree.clone();
    settled.insert(key("d/bad"), crate::memory::Thing { meta: after, ..listed });
    let source = &mut TreeSource::new("moving", &settled);
    let report = run(&repository, source, &options()).unwrap();
    assert_eq!((report.counters.read_bytes, source.read_bytes.load(Ordering::Relaxed)), (14, 14));
    let report = run(&repository, &mut TreeSource::new("moving", &settled), &options()).unwrap();
    assert_eq!(report.counters.read_bytes, 0, "once it stood still it is trusted");
    assert_restores(&repository, &report.manifest.unwrap(), &settled, "settled");
}

#[test]
fn a_file_that_grows_or_shrinks_while_it_is_read_keeps_what_was_read() {
    for len in [0, 5, 3000, 70_000] {
        let repository = init_with(MemoryStore::new(), &small());
        let tree = three_files();
        let listed = tree[&key("d/bad")].clone();
        let real = file(3, datakeep_testkit::random_bytes(len as u64, len));
        let after = Meta { ctime: Timestamp::new(300, 0), ..real.meta.clone() };
        let mut source = TreeSource::new("moving", &tree).with_handle("d/bad", Changing { thing: real.clone(), after });
        let report = run(&repository, &mut source, &options()).unwrap();
        let total = 11 + 8 + len as u64;
        assert_eq!(report.counters.len_bytes, total, "listed with {} bytes, read {len}", listed.body.len());
        let (found, _) = restore_tree(&repository, &report.manifest.unwrap()).unwrap();
        assert_eq!(found[&key("d/bad")].body, real.body);
        assert_sound(&repository, "a file that changed its length");
    }
}

#[test]
fn a_source_that_fails_in_the_end_makes_no_snapshot() {
    let store = MemoryStore::new();
    let repository = init_with(store.clone(), &small());
    let mut source = TreeSource { fail_complete: true, ..TreeSource::new("command", &three_files()) };
    let error = run(&repository, &mut source, &options()).unwrap_err();
    assert!(matches!(&error, EngineError::Connector(error) if error.kind == ErrorKind::Source), "{error}");
    assert_eq!(source.confirmed.load(Ordering::Relaxed), 0, "the source may not let go of anything");
    assert_eq!(repository.snapshots().unwrap().0.len(), 0);
    // Nothing can be taken up of it, so no collection has to wait for it: it has decided that nothing comes of it.
    assert_eq!(store.list("commits/").unwrap().len(), 1);
    assert_eq!(repository.plan_collection(&crate::collect::collect_options(0)).unwrap().open, []);
    assert_sound(&repository, "after a failed source");
}

#[test]
fn an_item_that_is_lost_half_way_keeps_the_rest_of_its_frame() {
    let repository = init_with(MemoryStore::new(), &small());
    let mut things = three_files();
    for number in 0..40 {
        things.insert(key(&format!("d/n{number:02}")), file(10 + number, format!("number {number}")));
    }
    let mut source = TreeSource::new("frames", &things);
    for number in (0..40).step_by(3) {
        source = source.with_handle(&format!("d/n{number:02}"), Failing(LossCause::Unreadable));
        things.remove(&key(&format!("d/n{number:02}")));
    }
    let report = run(&repository, &mut source, &options()).unwrap();
    assert_eq!(report.counters.losses, 14);
    let (found, _) = restore_tree(&repository, &report.manifest.unwrap()).unwrap();
    assert_same(&things, &found, "frames");
}
