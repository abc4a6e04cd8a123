//! What happens while a collection is being planned: at any of its listings somebody else publishes and forgets.

use super::{collect, collect_options, forget, pack_bytes, tree_of};
use crate::memory::TreeSource;
use crate::support::{assert_sound, init_with, open, options, run, small};
use datakeep_store::{CollectOutcome, SessionInfo, Writer};
use datakeep_store_blob::{BlobError, BlobStore, Listed, MemoryStore};
use std::sync::Mutex;

type Act = Box<dyn FnOnce(&MemoryStore) + Send>;

/// A store that has somebody act right before one of its listings, or right after it.
struct Meanwhile {
    inner: MemoryStore,
    /// Listings that pass before, and the act.
    act: Mutex<(usize, Option<Act>)>,
    /// Whoever lists sees what was there before the act.
    is_after: bool,
}

impl BlobStore for Meanwhile {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.inner.stage(name, parts)
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.inner.barrier()
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
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

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.inner.age_ms(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        let before = self.inner.list(prefix);
        let mut act = self.act.lock().unwrap();
        if act.0 == 0
            && let Some(act) = act.1.take()
        {
            act(&self.inner);
        }
        act.0 = act.0.saturating_sub(1);
        if self.is_after { before } else { self.inner.list(prefix) }
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.inner.delete(name)
    }
}

/// A round that waits for a run that has died: its list stands, and sessions that are opened now come after it.
fn with_a_round_begun() -> MemoryStore {
    let store = MemoryStore::new();
    let repository = init_with(store.clone(), &small());
    let first = run(&repository, &mut TreeSource::new("a", &tree_of(0..20)), &options()).unwrap().manifest.unwrap();
    run(&repository, &mut TreeSource::new("a", &tree_of(10..30)), &options()).unwrap();
    forget(&repository, &first);
    let source = first.snapshot.source;
    drop(Writer::begin(repository.clone(), &SessionInfo { source, started: first.snapshot.started }).unwrap());
    let outcome = collect(&open(store.clone()).unwrap(), &collect_options(0)).unwrap().1;
    assert!(matches!(outcome, CollectOutcome::Waiting(_)), "{outcome:?}");
    store
}

fn publish_and_forget(store: &MemoryStore) {
    let repository = open(store.clone()).unwrap();
    let manifest = run(&repository, &mut TreeSource::new("b", &tree_of(25..40)), &options()).unwrap().manifest.unwrap();
    repository.change_tags(&manifest, &|_| vec!["late".into()]).unwrap();
    forget(&repository, &manifest);
}

#[test]
fn what_is_forgotten_while_a_collection_is_planned_stays_forgotten() {
    // More than a plan and a round make.
    for passes in 0..60 {
        let store = with_a_round_begun();
        store.advance(1_000_000);
        open(store.clone()).unwrap().give_up_sessions(&collect_options(0)).unwrap();
        let act = Mutex::new((passes, Some(Box::new(publish_and_forget) as Act)));
        let blobs = Meanwhile { inner: store.clone(), act, is_after: false };
        collect(&open(blobs).unwrap(), &collect_options(0)).unwrap();
        let what = format!("somebody came before listing {passes}");
        let fresh = open(store.clone()).unwrap();
        let (manifests, faults) = fresh.snapshots().unwrap();
        assert_eq!((manifests.len(), faults.len()), (1, 0), "{what}");
        assert_sound(&fresh, &what);
        forget(&fresh, &manifests[0]);
        for _ in 0..3 {
            store.advance(1_000_000);
            collect(&open(store.clone()).unwrap(), &collect_options(0)).unwrap();
        }
        assert_eq!(pack_bytes(&store), 0, "{what}");
    }
}

/// Forgets the older snapshot, and collects until everything of it is gone.
fn forget_and_collect(store: &MemoryStore) {
    let repository = open(store.clone()).unwrap();
    let (manifests, _) = repository.snapshots().unwrap();
    forget(&repository, &manifests[0]);
    for _ in 0..3 {
        store.advance(1_000_000);
        collect(&open(store.clone()).unwrap(), &collect_options(0)).unwrap();
    }
    assert_eq!(store.list("tags/").unwrap().len(), 1, "the labels of the other alone");
}

/// What a reader has listed may be gone when it reads it: that is no fault of a repository that others take care of.
#[test]
fn what_goes_while_snapshots_are_read_is_no_fault() {
    for (passes, is_after) in (0..12).flat_map(|passes| [(passes, false), (passes, true)]) {
        let store = MemoryStore::new();
        let repository = init_with(store.clone(), &small());
        for from in [0, 10] {
            let mut source = TreeSource::new("a", &tree_of(from..from + 20));
            let manifest = run(&repository, &mut source, &options()).unwrap().manifest.unwrap();
            repository.change_tags(&manifest, &|_| vec!["kept".into()]).unwrap();
        }
        let act = Mutex::new((passes, Some(Box::new(forget_and_collect) as Act)));
        let reader = open(Meanwhile { inner: store.clone(), act, is_after }).unwrap();
        let (manifests, faults) = reader.snapshots().unwrap();
        let what = format!("listing {passes}, after it {is_after}");
        assert!(faults.is_empty(), "{what}: {faults:?}");
        assert!((1..=2).contains(&manifests.len()), "{what}");
        assert_eq!(manifests.last().unwrap().snapshot.tags, ["kept"], "{what}");
    }
}

/// A collector that is slow removes records of an earlier round while somebody checks: that is no fault either.
#[test]
fn what_a_slow_collector_removes_while_a_check_looks_is_no_fault() {
    let store = MemoryStore::new();
    let repository = init_with(store.clone(), &small());
    for from in [0, 10, 20] {
        run(&repository, &mut TreeSource::new("a", &tree_of(from..from + 20)), &options()).unwrap();
    }
    let first = repository.snapshots().unwrap().0.remove(0).snapshot;
    let records = ["commits", "sessions"].map(|folder| format!("{folder}/{:010}/{}", first.epoch, first.id));
    let bytes = records.clone().map(|name| store.read(&name, u64::MAX).unwrap());
    // The round of the second is the newest: what it removes are not the records of the first.
    for _ in 0..2 {
        forget(&repository, &open(store.clone()).unwrap().snapshots().unwrap().0[0]);
        for _ in 0..3 {
            store.advance(1_000_000);
            collect(&open(store.clone()).unwrap(), &collect_options(0)).unwrap();
        }
    }
    for (name, bytes) in records.iter().zip(bytes) {
        assert_eq!(store.len_bytes(name).unwrap(), None);
        store.tamper(name, Some(bytes));
    }
    for passes in 0..6 {
        let removed = records.clone();
        let act = move |store: &MemoryStore| removed.iter().for_each(|name| store.tamper(name, None));
        let act = Mutex::new((passes, Some(Box::new(act) as Act)));
        let reader = open(Meanwhile { inner: store.fork(), act, is_after: true }).unwrap();
        let report = reader.verify(datakeep_store::Verify::default(), &mut |_| true).unwrap();
        assert!(report.faults.is_empty(), "listing {passes}: {:?}", report.faults);
    }
}
