//! An interrupted first backup is not begun again.

use crate::memory::{Tree, TreeSource, directory, file, key, tree};
use crate::support::{Ear, assert_restores, assert_sound, init_with, open, options, run, run_heard};
use datakeep_connector::Cancel;
use datakeep_engine::{BackupOptions, EngineError};
use datakeep_store::InitOptions;
use datakeep_store_blob::{BlobError, BlobStore, Listed, MemoryStore};
use datakeep_testkit::random_bytes;
use std::sync::atomic::{AtomicU64, Ordering};

fn many_files(count: u64, len: usize) -> Tree {
    let mut tree = tree([("d", directory(2))]);
    for number in 0..count {
        if number % 100 == 0 {
            tree.insert(key(&format!("d/{:02}", number / 100)), directory(3));
        }
        let name = format!("d/{:02}/{number:04}", number / 100);
        tree.insert(key(&name), file(10 + number as i64, random_bytes(number, len)));
    }
    tree
}

fn total(tree: &Tree) -> u64 {
    tree.values().map(|thing| thing.body.len() as u64).sum()
}

/// Packs and records small enough for many of them. One worker: of two, the scheduler may stop the one that holds what
/// comes first for as long as such a short run takes, and then nothing could be recorded.
fn often() -> BackupOptions {
    BackupOptions { workers: 1, frame_target_bytes: 128 << 10, progress_bytes: 1 << 20, ..options() }
}

fn init_options() -> InitOptions {
    InitOptions { pack_target_bytes: 1 << 20, ..InitOptions::default() }
}

fn stored(store: &MemoryStore, folder: &str) -> u64 {
    store.list(folder).unwrap().iter().map(|listed| listed.len_bytes).sum()
}

/// Ends an interrupted run and looks at what it cost.
fn end_it(store: &MemoryStore, tree: &Tree) {
    let repository = open(store.clone()).unwrap();
    let report = run(&repository, &mut TreeSource::new("resumed", tree), &often()).unwrap();
    assert!(report.resumed.is_some());
    let (read, all) = (report.counters.read_bytes, total(tree));
    assert!(read * 100 <= all * 55, "read {read} of {all} bytes again");
    let root = report.manifest.as_ref().unwrap().snapshot.root;
    assert_restores(&open(store.clone()).unwrap(), &report.manifest.unwrap(), tree, "resumed");
    let data = stored(store, "data/");
    assert!(data * 100 <= all * 105, "{data} bytes stored for {all}");
    assert_eq!(stored(store, "progress/"), 0);
    let repository = open(store.clone()).unwrap();
    assert_sound(&repository, "resumed");
    let again = run(&repository, &mut TreeSource::new("resumed", tree), &often()).unwrap();
    assert_eq!((again.counters.read_bytes, again.resumed), (0, None));
    assert_eq!(again.manifest.unwrap().snapshot.root, root, "the same tree has the same root");
}

#[test]
fn a_cancelled_backup_is_taken_up() {
    let tree = many_files(4000, 15_000);
    let store = MemoryStore::new();
    let repository = init_with(store.clone(), &init_options());
    let cancel = Cancel::new();
    let mut source = TreeSource { cancel_after: Some((2600, cancel.clone())), ..TreeSource::new("resumed", &tree) };
    let error = run_heard(&repository, &mut source, &often(), &Ear::default(), &cancel).unwrap_err();
    assert!(matches!(error, EngineError::Cancelled), "{error}");
    assert_eq!(repository.snapshots().unwrap().0.len(), 0);
    drop(repository);
    end_it(&store, &tree);
}

/// A store that dies once so many megabytes of packs were written.
struct Dying {
    inner: MemoryStore,
    left_bytes: AtomicU64,
}

impl Dying {
    fn alive(&self, taken_bytes: usize) -> Result<(), BlobError> {
        let take = |left: u64| left.checked_sub(taken_bytes as u64).or(Some(0));
        let _ = self.left_bytes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
        match self.left_bytes.load(Ordering::SeqCst) {
            0 => Err(BlobError::Failed { operation: "write", name: "x".into(), detail: "the process is dead".into() }),
            _ => Ok(()),
        }
    }
}

impl BlobStore for Dying {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.alive(parts.iter().map(|part| part.len()).sum())?;
        self.inner.stage(name, parts)
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.alive(0)?;
        self.inner.barrier()
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.alive(0)?;
        self.inner.create(name, bytes)
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.inner.read(name, max_len_bytes)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        self.inner.read_at(name, offset_byte, buffer)
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.inner.len_bytes(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.inner.list(prefix)
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.alive(0)?;
        self.inner.delete(name)
    }
}

#[test]
fn a_crashed_backup_is_taken_up() {
    let tree = many_files(4000, 15_000);
    let store = MemoryStore::new();
    init_with(store.clone(), &init_options());
    // How many calls a run makes depends on how its threads meet; how many bytes it writes does not.
    let dying = Dying { inner: store.clone(), left_bytes: AtomicU64::new(36_000_000) };
    run(&open(dying).unwrap(), &mut TreeSource::new("resumed", &tree), &often()).unwrap_err();
    assert_eq!(open(store.clone()).unwrap().snapshots().unwrap().0.len(), 0);
    end_it(&store, &tree);
}

/// A machine that is never on for long still gets its backup: what several interrupted runs did adds up.
#[test]
fn interruptions_add_up() {
    let tree = many_files(400, 15_000);
    let store = MemoryStore::new();
    init_with(store.clone(), &init_options());
    // What is on its way to the store is lost with each run: it must be little beside what a run gets done.
    let frequent =
        BackupOptions { progress_bytes: 100 << 10, frame_target_bytes: 32 << 10, budget_bytes: 128 << 10, ..options() };
    let mut read = 0;
    for given in [120, 200, 280, 360, usize::MAX] {
        let cancel = Cancel::new();
        let mut source =
            TreeSource { cancel_after: Some((given, cancel.clone())), batch: 10, ..TreeSource::new("resumed", &tree) };
        let repository = open(store.clone()).unwrap();
        let result = run_heard(&repository, &mut source, &frequent, &Ear::default(), &cancel);
        assert_eq!(result.is_ok(), given == usize::MAX);
        let now = source.read_bytes.load(Ordering::Relaxed);
        assert!(given == 120 || now * 100 <= total(&tree) * 45, "{now} bytes read by the run that got {given} items");
        read += now;
    }
    assert!(read * 100 <= total(&tree) * 175, "{read} bytes read in five runs for {}", total(&tree));
    let repository = open(store.clone()).unwrap();
    let (manifests, _) = repository.snapshots().unwrap();
    assert_restores(&repository, &manifests[0], &tree, "added up");
    assert_eq!(stored(&store, "progress/"), 0, "no progress of any of the runs is left");
}

#[test]
fn what_changed_since_the_interruption_is_read_again() {
    let tree = many_files(200, 5000);
    let store = MemoryStore::new();
    let repository = init_with(store.clone(), &init_options());
    let frequent = BackupOptions { progress_bytes: 20 << 10, frame_target_bytes: 16 << 10, ..options() };
    let mut source = TreeSource { fail_complete: true, ..TreeSource::new("resumed", &tree) };
    run(&repository, &mut source, &frequent).unwrap_err();
    let mut changed = tree.clone();
    changed.insert(key("d/00/0007"), file(9000, random_bytes(77, 5000)));
    changed.remove(&key("d/00/0008"));
    changed.insert(key("d/00/0008b"), file(9001, random_bytes(78, 100)));
    let report = run(&open(store).unwrap(), &mut TreeSource::new("resumed", &changed), &frequent).unwrap();
    assert!(report.resumed.is_some());
    let read = report.counters.read_bytes;
    assert!((5100..200_000).contains(&read), "{read}");
    assert_restores(&repository, &report.manifest.unwrap(), &changed, "changed meanwhile");
}
