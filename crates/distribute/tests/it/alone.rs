//! Collecting on a store that lets two create one name: only when nobody has a session without a decision.

use crate::collect::{collect, collect_options, forget};
use crate::memory::{self, Tree, TreeSource, directory, file, key};
use crate::support::{assert_restores, assert_sound, init_with, open, options, run, small};
use datakeep_engine::BackupOptions;
use datakeep_store::{CollectOptions, CollectOutcome, Manifest, RepairOutcome, Repository, StoreError};
use datakeep_store_blob::{BlobError, BlobStore, Effort, FaultPlan, FaultStore, Listed, MemoryStore, Tier, probe};
use datakeep_testkit::random_bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A store whose create replaces what is there.
#[derive(Clone)]
struct Replacing(MemoryStore);

impl BlobStore for Replacing {
    fn location(&self) -> String {
        self.0.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.0.stage(name, parts)
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.0.barrier()
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.0.tamper(name, Some(bytes.to_vec()));
        Ok(())
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.0.read(name, max_len_bytes)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        self.0.read_at(name, offset_byte, buffer)
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.0.len_bytes(name)
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.0.age_ms(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.0.list(prefix)
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.0.delete(name)
    }
}

/// No patience at all: on such a store it must make no difference.
fn alone() -> CollectOptions {
    CollectOptions { alone: true, patience_ms: 0, ..collect_options(0) }
}

fn tree_of(numbers: std::ops::Range<u64>) -> Tree {
    let mut tree = memory::tree([("d", directory(2))]);
    tree.extend(numbers.map(|number| (key(&format!("f{number}")), file(number as i64, random_bytes(number, 900)))));
    tree
}

/// A store with waste and one snapshot that stays.
fn with_waste() -> (Replacing, Tree, Manifest) {
    let store = Replacing(MemoryStore::new());
    let repository = init_with(store.clone(), &small());
    let frames = BackupOptions { frame_target_bytes: 1 << 10, ..options() };
    let first = run(&repository, &mut TreeSource::new("a", &tree_of(0..30)), &frames).unwrap().manifest.unwrap();
    let tree = tree_of(15..40);
    let kept = run(&repository, &mut TreeSource::new("a", &tree), &frames).unwrap().manifest.unwrap();
    forget(&repository, &first);
    (store, tree, kept)
}

fn die(store: &Replacing) {
    let dying = open(FaultStore::new(store.clone(), FaultPlan::CrashBefore(6))).unwrap();
    run(&dying, &mut TreeSource::new("b", &tree_of(100..140)), &options()).unwrap_err();
}

fn is_waiting(outcome: Result<(datakeep_store::CollectPlan, CollectOutcome), StoreError>) -> bool {
    matches!(outcome.unwrap().1, CollectOutcome::Waiting(_))
}

#[test]
fn the_probe_tells_that_a_collection_must_be_alone() {
    let (store, _, _) = with_waste();
    let report = probe::probe([&store, &store.clone()], "00ff", Effort::QUICK).unwrap();
    assert_eq!(report.tier, Tier::ExclusiveWindow, "{report:?}");
    assert_sound(&open(store).unwrap(), "after a probe");
}

#[test]
fn nobody_is_given_up_and_nothing_is_deleted_beside_anybody() {
    let (store, tree, kept) = with_waste();
    die(&store);
    store.0.advance(1 << 40);
    let repository = open(store.clone()).unwrap();
    let before = store.list("").unwrap();
    assert_eq!(repository.give_up_sessions(&alone()).unwrap(), []);
    assert!(is_waiting(collect(&repository, &alone())));
    let plan = repository.plan_repair(&mut |_| true).unwrap();
    assert!(matches!(repository.repair(&plan, &alone(), &mut |_| true).unwrap(), RepairOutcome::Waiting(_)));
    assert_eq!(store.list("").unwrap(), before, "not even a record is written");

    // What gives it up is a word about this very run.
    let open_sessions = repository.sessions_in_the_way().unwrap();
    let [session] = open_sessions.as_slice() else { panic!("{open_sessions:?}") };
    assert!(matches!(repository.give_up_ended("nobody"), Err(StoreError::NotFound { .. })));
    assert_eq!(repository.give_up_ended(&session.session.to_hex()[..8]).unwrap().session, session.session);
    assert!(!is_waiting(collect(&repository, &alone())));
    assert!(store.list("").unwrap().len() < before.len());
    assert_restores(&repository, &kept, &tree, "what is left");
    assert_sound(&repository, "after a collection alone");
}

/// A collection that died is finished by the next, and its own session does not keep that from going on once the round
/// has been published.
#[test]
fn a_collection_alone_that_dies_anywhere_is_finished() {
    let (first, tree, kept) = with_waste();
    let counting = FaultStore::new(Replacing(first.0.fork()), FaultPlan::Count);
    let (_, changes) = counting.counters();
    let repository = open(counting).unwrap();
    assert!(!is_waiting(collect(&repository, &alone())));
    let mut stuck = 0;
    for at in 0..changes.load(Ordering::SeqCst) {
        let store = Replacing(first.0.fork());
        let dying: Arc<Repository> = open(FaultStore::new(store.clone(), FaultPlan::CrashAfter(at))).unwrap();
        let _ = dying.give_up_sessions(&alone());
        let _ = dying.plan_collection(&alone()).and_then(|plan| dying.collect(&plan, &alone(), &mut |_| true));
        let repository = open(store.clone()).unwrap();
        for session in repository.sessions_in_the_way().unwrap() {
            stuck += 1;
            repository.give_up_ended(&session.session.to_hex()).unwrap();
        }
        assert!(!is_waiting(collect(&repository, &alone())), "call {at}");
        assert_restores(&repository, &kept, &tree, &format!("call {at}"));
        assert_sound(&repository, &format!("call {at}"));
    }
    assert!(stuck > 0, "some die while they move");
}
