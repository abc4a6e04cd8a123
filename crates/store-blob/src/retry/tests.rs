//! Patience, played on a clock of its own.

use super::*;
use crate::retry::tests_support::PlayedTime;
use crate::{FaultKind, MemoryStore};
use std::sync::Mutex;

/// Fails as told, call by call; `true` when the failing call takes effect.
struct Failing {
    inner: MemoryStore,
    plan: Mutex<Vec<Option<(RemoteCause, bool)>>>,
}

impl Failing {
    fn new(inner: &MemoryStore, plan: &[Option<(RemoteCause, bool)>]) -> Self {
        let plan = plan.iter().rev().cloned().collect();
        Self { inner: inner.clone(), plan: Mutex::new(plan) }
    }

    fn call<T>(&self, act: impl FnOnce() -> Result<T, BlobError>) -> Result<T, BlobError> {
        let next = self.plan.lock().expect("not poisoned").pop().flatten();
        let Some((cause, takes_effect)) = next else { return act() };
        if takes_effect {
            let _ = act();
        }
        Err(BlobError::Remote { operation: "try", name: "it".into(), cause, detail: "as told".into() })
    }
}

impl BlobStore for Failing {
    fn location(&self) -> String {
        "failing".into()
    }
    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.call(|| self.inner.create(name, &parts.concat()))
    }
    fn barrier(&self) -> Result<(), BlobError> {
        self.call(|| self.inner.barrier())
    }
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.call(|| self.inner.create(name, bytes))
    }
    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.call(|| self.inner.read(name, max_len_bytes))
    }
    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        self.call(|| self.inner.read_at(name, offset_byte, buffer))
    }
    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.call(|| self.inner.len_bytes(name))
    }
    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.call(|| self.inner.list(prefix))
    }
    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.call(|| self.inner.delete(name))
    }
}

fn patient(plan: &[Option<(RemoteCause, bool)>]) -> (MemoryStore, Arc<PlayedTime>, RetryStore<Failing>) {
    let (memory, time) = (MemoryStore::new(), Arc::new(PlayedTime::default()));
    let store = RetryStore::new(Failing::new(&memory, plan), time.clone(), 60_000);
    (memory, time, store)
}

const BROKEN: Option<(RemoteCause, bool)> = Some((RemoteCause::Broken, false));
const LOST: Option<(RemoteCause, bool)> = Some((RemoteCause::Broken, true));

#[test]
fn passing_faults_pass() {
    for cause in [RemoteCause::Unreachable, RemoteCause::ServerFault, RemoteCause::Conflict, RemoteCause::Garbled] {
        let (memory, time, store) = patient(&[None, Some((cause.clone(), false)), Some((cause, false))]);
        store.list("").expect("the first answer");
        store.create("a", b"x").expect("created");
        assert_eq!(memory.read("a", 9).expect("read"), b"x");
        assert!(time.now_ms() > 0, "it waited");
        assert!(time.told() >= 1, "and somebody was told");
    }
}

#[test]
fn a_lost_answer_of_a_create_is_a_success() {
    for plan in [vec![LOST], vec![BROKEN, LOST], vec![LOST, BROKEN]] {
        let (memory, _, store) = patient(&plan);
        store.create("a", b"x").expect("it was ours");
        store.stage("b", &[b"y", b"z"]).expect("staged");
        assert_eq!(memory.read("a", 9).expect("read"), b"x");
    }
    let (memory, _, store) = patient(&[LOST]);
    store.stage("b", &[b"y", b"", b"z"]).expect("it was ours");
    assert_eq!(memory.read("b", 9).expect("read"), b"yz");
}

#[test]
fn the_bytes_of_another_are_not_ours() {
    for other in [&b"y"[..], b"xx", b"", b"x longer"] {
        let (memory, _, store) = patient(&[BROKEN]);
        memory.create("a", other).expect("created");
        assert!(matches!(store.create("a", b"x"), Err(BlobError::Exists { .. })), "{other:?}");
        assert_eq!(memory.read("a", 99).expect("read"), other);
    }
}

#[test]
fn who_cannot_find_out_does_not_say_that_it_lost() {
    let (memory, _, _) = patient(&[]);
    memory.create("a", b"x").expect("created");
    let down = vec![Some((RemoteCause::Unreachable, false)); 10_000];
    let plan: Vec<_> = [None].into_iter().chain(down).collect();
    let store = RetryStore::new(Failing::new(&memory, &plan), Arc::new(PlayedTime::default()), 60_000);
    let error = store.create("a", b"x").expect_err("the store is gone");
    assert!(error.is_passing(), "not known: {error:?}");
}

#[test]
fn a_conflict_about_a_taken_name_is_a_lost_race() {
    let conflict = Some((RemoteCause::Conflict, false));
    let (memory, time, store) = patient(&[conflict]);
    memory.create("a", b"x").expect("created");
    assert!(matches!(store.create("a", b"y"), Err(BlobError::Exists { .. })));
    assert_eq!(time.now_ms(), 0, "and nobody waits");
}

#[test]
fn patience_ends() {
    let down = vec![Some((RemoteCause::Unreachable, false)); 10_000];
    let plan: Vec<_> = [None].into_iter().chain(down.clone()).collect();
    let (_, time, store) = patient(&plan);
    store.list("").expect("the first answer");
    assert!(store.list("").is_err());
    assert!((45_000..=60_000).contains(&time.now_ms()), "about a minute: {}", time.now_ms());

    let (_, time, store) = patient(&down);
    assert!(store.list("").is_err());
    assert!(time.now_ms() < 2_000, "a store that never answered is given up soon: {}", time.now_ms());
}

#[test]
fn what_will_not_pass_ends_at_once() {
    for cause in [RemoteCause::WrongCredentials, RemoteCause::NoBucket, RemoteCause::Refused, RemoteCause::NotSecure] {
        let (_, time, store) = patient(&[Some((cause.clone(), false))]);
        let error = store.list("").expect_err("refused");
        assert!(matches!(error, BlobError::Remote { cause: found, .. } if found == cause));
        assert_eq!(time.now_ms(), 0);
    }
}

#[test]
fn a_store_that_asks_for_time_gets_it() {
    let asked = Some((RemoteCause::Overloaded { retry_after_ms: Some(20_000) }, false));
    let (_, time, store) = patient(&[None, asked]);
    store.list("").expect("the first answer");
    store.list("").expect("listed");
    assert!(time.now_ms() >= 20_000);
}

#[test]
fn a_stop_ends_the_wait() {
    let (_, time, store) = patient(&[None, BROKEN]);
    store.list("").expect("the first answer");
    time.stop();
    assert!(matches!(store.list(""), Err(BlobError::Remote { cause: RemoteCause::Stopped, .. })));
}

#[test]
fn a_patient_store_conforms() {
    crate::conformance::check(&mut || {
        Box::new(RetryStore::new(MemoryStore::new(), Arc::new(PlayedTime::default()), 1000))
    });
    assert_eq!(FaultKind::ALL.len(), 12, "faults at every call are played in crates/distribute");
}
