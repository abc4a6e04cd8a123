//! What may run beside what: backups of different sources, restores and checks beside a backup.

use crate::memory::{Tree, TreeSource, file, key, tree};
use crate::support::{assert_restores, assert_sound, init_with, open, options, run, small, verify};
use datakeep_engine::BackupOptions;
use datakeep_store_blob::{BlobStore, LocalStore, MemoryStore};
use datakeep_testkit::{random_bytes, text};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Sources that share half of their content.
fn source_tree(number: u64) -> Tree {
    let mut tree = tree([("own", file(2, format!("source {number}")))]);
    for at in 0..120u64 {
        let seed = if at % 2 == 0 { at } else { at + 1000 * (number + 1) };
        let body = if at % 3 == 0 { text(seed, 2000) } else { random_bytes(seed, 1500) };
        tree.insert(key(&format!("file {at:03}")), file(10 + at as i64, body));
    }
    tree
}

fn side_by_side<S: BlobStore + 'static>(handle: &(dyn Fn() -> S + Sync)) {
    init_with(handle(), &small());
    let before = source_tree(9);
    let frequent = BackupOptions { progress_bytes: 4 << 10, ..options() };
    let kept = run(&open(handle()).unwrap(), &mut TreeSource::new("before", &before), &frequent).unwrap();
    let kept = kept.manifest.unwrap();
    let running = AtomicUsize::new(3);
    let looked = AtomicUsize::new(0);
    let failed = AtomicBool::new(true);
    std::thread::scope(|scope| {
        for number in 0..3 {
            let (running, frequent) = (&running, &frequent);
            scope.spawn(move || {
                let repository = open(handle()).unwrap();
                for _ in 0..3 {
                    let tree = source_tree(number);
                    let mut source = TreeSource::new(&format!("source {number}"), &tree);
                    let report = run(&repository, &mut source, frequent).unwrap();
                    assert_restores(&repository, &report.manifest.unwrap(), &tree, "beside others");
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
        }
        scope.spawn(|| {
            while running.load(Ordering::SeqCst) > 0 {
                let repository = open(handle()).unwrap();
                assert_restores(&repository, &kept, &before, "beside backups");
                let verified = verify(&repository).unwrap();
                let faults: Vec<String> = verified.faults.iter().map(|f| format!("{}: {}", f.what, f.error)).collect();
                assert_eq!(faults, Vec::<String>::new(), "a check beside backups finds no faults");
                looked.fetch_add(1, Ordering::SeqCst);
            }
            failed.store(false, Ordering::SeqCst);
        });
    });
    assert!(looked.load(Ordering::SeqCst) > 0 && !failed.load(Ordering::SeqCst));
    let repository = open(handle()).unwrap();
    let verified = assert_sound(&repository, "in the end");
    assert_eq!((verified.snapshots, verified.undecided), (10, 0));
    for manifest in repository.snapshots().unwrap().0 {
        let name = manifest.snapshot.source.name.clone();
        let number = name.strip_prefix("source ").map_or(9, |number| number.parse().unwrap());
        assert_restores(&repository, &manifest, &source_tree(number), &name);
    }
}

#[test]
fn backups_restores_and_checks_in_memory() {
    let store = MemoryStore::new();
    side_by_side(&|| store.clone());
}

#[test]
fn backups_restores_and_checks_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("repository");
    side_by_side(&|| LocalStore::new(&place));
}
