//! The local store on a real folder, and with syncs that fail.

use super::*;
use std::sync::Arc;

#[test]
fn a_local_store_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut number = 0;
    crate::conformance::check(&mut || {
        number += 1;
        Box::new(LocalStore::new(&folder.path().join(format!("store-{number}"))))
    });
}

#[test]
fn leftovers_and_foreign_files_are_not_objects() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = LocalStore::new(folder.path());
    store.create("a/b", b"x").expect("created");
    std::fs::write(folder.path().join("a/.tmp-1-2"), b"half").expect("written");
    std::fs::write(folder.path().join("a/lost+found"), b"?").expect("written");
    let names: Vec<String> = store.list("").expect("listed").into_iter().map(|l| l.name).collect();
    assert_eq!(names, ["a/b"]);
}

#[test]
fn dropping_a_store_leaves_no_staged_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = LocalStore::new(folder.path());
    store.stage("a/b", &[b"x"]).expect("staged");
    drop(store);
    assert_eq!(std::fs::read_dir(folder.path().join("a")).expect("a folder").count(), 0);
}

/// A layer of which one sync fails. A second sync of the same file would succeed, as some systems do, and must not be
/// asked for. Temporary names are never used twice, so they say which file it is.
#[derive(Clone, Default)]
struct FailingSync {
    /// Syncs left before the one that fails.
    left: Arc<AtomicU64>,
    failed: Arc<Mutex<Vec<Synced>>>,
    again: Arc<AtomicU64>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Synced {
    File(PathBuf),
    Directory,
}

impl FailingSync {
    fn at(number: u64) -> Self {
        Self { left: Arc::new(AtomicU64::new(number)), ..Self::default() }
    }

    /// True when this is the one.
    fn fails(&self, synced: Synced) -> bool {
        let mut failed = self.failed.lock().expect("no panic");
        if synced != Synced::Directory && failed.contains(&synced) {
            self.again.fetch_add(1, Ordering::Relaxed);
        }
        let fails = self.left.load(Ordering::Relaxed) == 0 && failed.is_empty();
        if fails {
            failed.push(synced);
        } else {
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
        fails
    }

    fn failed(&self) -> Option<Synced> {
        self.failed.lock().expect("no panic").first().cloned()
    }
}

impl Layer for FailingSync {
    fn sync_file(&self, file: &File, path: &Path) -> rustix::io::Result<()> {
        if self.fails(Synced::File(path.to_path_buf())) { Err(Errno::IO) } else { Disk.sync_file(file, path) }
    }

    fn sync_directory(&self, path: &Path) -> rustix::io::Result<()> {
        if self.fails(Synced::Directory) { Err(Errno::IO) } else { Disk.sync_directory(path) }
    }
}

/// Stages three objects in two directories, makes them durable and creates a fourth; the answers.
fn store_four(store: &LocalStore<FailingSync>) -> [Result<(), BlobError>; 2] {
    for name in ["data/ab/1", "data/ab/2", "index/1"] {
        if let Err(error) = store.stage(name, &[b"staged"]) {
            return [Err(error.clone()), Err(error)];
        }
    }
    match store.barrier() {
        Ok(()) => [Ok(()), store.create("commits/1", b"created")],
        Err(error) => [Err(error.clone()), Err(error)],
    }
}

fn temporaries(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("read").map(|entry| entry.expect("read"));
    let count = |entry: std::fs::DirEntry| match entry.file_type().expect("a type").is_dir() {
        true => temporaries(&entry.path()),
        false => usize::from(entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX)),
    };
    entries.map(count).sum()
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_and_no_file_is_synced_again() {
    let (mut files, mut directories) = (0, 0);
    for number in 0.. {
        let folder = tempfile::tempdir().expect("a folder");
        let layer = FailingSync::at(number);
        let store = LocalStore::with_layer(&folder.path().join("store"), layer.clone());
        let [staged, created] = store_four(&store);
        let Some(failed) = layer.failed() else {
            assert!(staged.is_ok() && created.is_ok(), "nothing failed");
            break;
        };
        assert!(created.is_err(), "sync {number} failed");
        assert_eq!(store.len_bytes("commits/1").expect("looked"), None, "sync {number}: nobody may find it");
        if staged.is_err() && failed != Synced::Directory {
            assert_eq!(store.list("").expect("listed"), [], "sync {number}: what is not on the disk gets no name");
        }
        // Whoever tries again makes new files.
        let _ = store_four(&store);
        assert_eq!(layer.again.load(Ordering::Relaxed), 0, "sync {number}: a file was synced again");
        drop(store);
        assert_eq!(temporaries(folder.path()), 0, "sync {number}: nothing is left over");
        *if failed == Synced::Directory { &mut directories } else { &mut files } += 1;
    }
    // Four files; the store, data, data/ab, index and commits in their parents, and three directories of objects.
    assert_eq!((files, directories), (4, 8));
}
