//! A wrapper that fails, stalls the world, or crashes at a chosen call.

use crate::{BlobError, BlobStore, Listed};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is to go wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultPlan {
    /// Nothing; calls are only counted.
    Count,
    /// The process dies just before changing call `.0` (counted from 0): it and every later call fail.
    CrashBefore(u64),
    /// The process dies just after changing call `.0` took effect: its answer and everything later is lost.
    CrashAfter(u64),
    /// Call `.0`, reading or changing, fails once with an I/O error; nothing happened.
    FailOnce(u64),
    /// Call `.0` fails once because the store is full.
    FullOnce(u64),
    /// Call `.0` takes effect but its answer is an error.
    LoseAnswer(u64),
}

/// A store with a fault in it.
pub struct FaultStore<S> {
    inner: S,
    plan: FaultPlan,
    calls: Arc<AtomicU64>,
    changes: Arc<AtomicU64>,
}

impl<S: BlobStore> FaultStore<S> {
    /// Wraps `inner`.
    pub fn new(inner: S, plan: FaultPlan) -> Self {
        Self { inner, plan, calls: Arc::default(), changes: Arc::default() }
    }

    /// Counters of all calls and of changing calls, still readable when the store has been given away.
    pub fn counters(&self) -> (Arc<AtomicU64>, Arc<AtomicU64>) {
        (self.calls.clone(), self.changes.clone())
    }

    fn call<T>(
        &self,
        operation: &'static str,
        name: &str,
        changes: bool,
        act: impl FnOnce() -> Result<T, BlobError>,
    ) -> Result<T, BlobError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let change =
            if changes { self.changes.fetch_add(1, Ordering::SeqCst) } else { self.changes.load(Ordering::SeqCst) };
        let failed = |detail: &str| BlobError::Failed { operation, name: name.into(), detail: detail.into() };
        match self.plan {
            FaultPlan::CrashBefore(at) if change >= at => Err(failed("the process is dead")),
            FaultPlan::CrashAfter(at) if change > at => Err(failed("the process is dead")),
            FaultPlan::CrashAfter(at) if change == at && changes => {
                let _ = act();
                Err(failed("the process is dead"))
            }
            FaultPlan::FailOnce(at) if call == at => Err(failed("injected I/O error")),
            FaultPlan::FullOnce(at) if call == at => {
                Err(BlobError::Full { operation, name: name.into(), detail: "No space left on device".into() })
            }
            FaultPlan::LoseAnswer(at) if call == at => {
                let _ = act();
                Err(failed("the answer was lost"))
            }
            _ => act(),
        }
    }
}

impl<S: BlobStore> BlobStore for FaultStore<S> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.call("write", name, true, || self.inner.stage(name, parts))
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.call("sync", "the repository", true, || self.inner.barrier())
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.call("create", name, true, || self.inner.create(name, bytes))
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.call("read", name, false, || self.inner.read(name, max_len_bytes))
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        self.call("read", name, false, || self.inner.read_at(name, offset_byte, buffer))
    }

    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        self.call("read", name, false, || self.inner.read_tail(name, max_len_bytes))
    }

    fn read_along_bytes(&self) -> u64 {
        self.inner.read_along_bytes()
    }

    fn keeps_what_it_shows(&self) -> bool {
        self.inner.keeps_what_it_shows()
    }

    fn reads_at_once(&self) -> usize {
        self.inner.reads_at_once()
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.call("look at", name, false, || self.inner.len_bytes(name))
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.call("look at", name, false, || self.inner.age_ms(name))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.call("list", prefix, false, || self.inner.list(prefix))
    }

    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        self.call("list", from, false, || self.inner.list_between(from, to))
    }

    fn drop_folder(&self, name: &str) {
        self.inner.drop_folder(name);
    }

    fn settle(&self, prefix: &str) -> Result<(), BlobError> {
        self.call("sync", prefix, false, || self.inner.settle(prefix))
    }

    fn hold_reserve(&self, len_bytes: u64) {
        self.inner.hold_reserve(len_bytes);
    }

    fn release_reserve(&self) {
        self.inner.release_reserve();
    }

    fn lend_reserve(&self) {
        self.inner.lend_reserve();
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.call("delete", name, true, || self.inner.delete(name))
    }
}
