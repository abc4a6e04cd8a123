//! A wrapper that keeps to a rate: bytes up, bytes down, and requests a second.
//!
//! Each rate is a reservation line (a token bucket of depth one): a call takes the next free stretch and waits for its
//! begin, so any number of threads together keep to it.

use crate::retry::Waiter;
use crate::{BlobError, BlobStore, Listed, RemoteCause};
use std::sync::{Arc, Mutex, PoisonError};

/// The most that may happen in a second; `None` is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Limits {
    /// Bytes sent a second.
    pub up_bytes: Option<u64>,
    /// Bytes received a second.
    pub down_bytes: Option<u64>,
    /// Calls a second.
    pub calls: Option<u64>,
}

impl Limits {
    /// True when nothing is limited.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// One rate.
#[derive(Default)]
struct Line {
    per_second: Option<u64>,
    free_at_us: Mutex<u64>,
}

impl Line {
    fn new(per_second: Option<u64>) -> Self {
        Self { per_second: per_second.filter(|rate| *rate > 0), free_at_us: Mutex::new(0) }
    }

    /// Takes room for so much; returns how long to wait for it, in milliseconds.
    fn take(&self, amount: u64, now_ms: u64) -> u64 {
        let Some(rate) = self.per_second else { return 0 };
        let needs_us = u128::from(amount) * 1_000_000 / u128::from(rate);
        let now_us = now_ms.saturating_mul(1000);
        let mut free_at_us = self.free_at_us.lock().unwrap_or_else(PoisonError::into_inner);
        let begin_us = (*free_at_us).max(now_us);
        *free_at_us = begin_us.saturating_add(u64::try_from(needs_us).unwrap_or(u64::MAX));
        (begin_us - now_us).div_ceil(1000)
    }
}

/// A store that is used no faster than allowed.
pub struct LimitStore<S> {
    inner: S,
    waiter: Arc<dyn Waiter>,
    up: Line,
    down: Line,
    calls: Line,
}

impl<S: BlobStore> LimitStore<S> {
    /// Wraps `inner`.
    pub fn new(inner: S, waiter: Arc<dyn Waiter>, limits: Limits) -> Self {
        let (up, down) = (Line::new(limits.up_bytes), Line::new(limits.down_bytes));
        Self { inner, waiter, up, down, calls: Line::new(limits.calls) }
    }

    /// Waits for room for one call and so many bytes.
    fn pass(&self, operation: &'static str, name: &str, line: &Line, len_bytes: u64) -> Result<(), BlobError> {
        let now_ms = self.waiter.now_ms();
        let wait_ms = self.calls.take(1, now_ms).max(line.take(len_bytes, now_ms));
        if wait_ms == 0 || self.waiter.wait_ms(wait_ms) {
            return Ok(());
        }
        let detail = "stopped while waiting for room within the rate limit".to_string();
        Err(BlobError::Remote { operation, name: name.to_string(), cause: RemoteCause::Stopped, detail })
    }

    fn ask<T>(
        &self,
        operation: &'static str,
        name: &str,
        act: impl FnOnce() -> Result<T, BlobError>,
    ) -> Result<T, BlobError> {
        self.pass(operation, name, &self.down, 0)?;
        act()
    }
}

impl<S: BlobStore> BlobStore for LimitStore<S> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.pass("write", name, &self.up, parts.iter().map(|part| part.len() as u64).sum())?;
        self.inner.stage(name, parts)
    }

    fn stage_shared(&self, name: &str, bytes: Arc<Vec<u8>>) -> Result<(), BlobError> {
        self.pass("write", name, &self.up, bytes.len() as u64)?;
        self.inner.stage_shared(name, bytes)
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.inner.barrier()
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.pass("create", name, &self.up, bytes.len() as u64)?;
        self.inner.create(name, bytes)
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.pass("read", name, &self.down, 0)?;
        let bytes = self.inner.read(name, max_len_bytes)?;
        // How long it is was not known before: whoever comes next waits for it.
        self.down.take(bytes.len() as u64, self.waiter.now_ms());
        Ok(bytes)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        self.pass("read", name, &self.down, buffer.len() as u64)?;
        self.inner.read_at(name, offset_byte, buffer)
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.ask("look at", name, || self.inner.len_bytes(name))
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.ask("look at", name, || self.inner.age_ms(name))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.ask("list", prefix, || self.inner.list(prefix))
    }

    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        self.pass("read", name, &self.down, max_len_bytes)?;
        self.inner.read_tail(name, max_len_bytes)
    }

    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        self.ask("list", from, || self.inner.list_between(from, to))
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

    fn settle(&self, prefix: &str) -> Result<(), BlobError> {
        self.inner.settle(prefix)
    }

    fn clear_leftovers(&self) -> Result<u64, BlobError> {
        self.ask("clear", "uploads", || self.inner.clear_leftovers())
    }

    fn drop_folder(&self, name: &str) {
        self.inner.drop_folder(name);
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
        self.ask("delete", name, || self.inner.delete(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;
    use crate::retry::tests_support::PlayedTime;

    #[test]
    fn what_is_sent_takes_its_time() {
        let time = Arc::new(PlayedTime::default());
        let limits = Limits { up_bytes: Some(1000), down_bytes: Some(500), calls: None };
        let store = LimitStore::new(MemoryStore::new(), time.clone(), limits);
        for number in 0..5 {
            store.stage(&format!("a/{number}"), &[&[0; 1000]]).expect("staged");
        }
        assert_eq!(time.now_ms(), 4000, "the fifth begins when four seconds' worth has been sent");
        store.barrier().expect("durable");
        store.read("a/0", 1000).expect("read");
        store.read_at("a/1", 0, &mut [0; 10]).expect("read");
        assert_eq!(time.now_ms(), 6000, "1,000 bytes at 500 a second");
    }

    #[test]
    fn calls_are_counted() {
        let time = Arc::new(PlayedTime::default());
        let store = LimitStore::new(MemoryStore::new(), time.clone(), Limits { calls: Some(10), ..Limits::default() });
        for _ in 0..31 {
            store.len_bytes("a").expect("looked");
        }
        assert_eq!(time.now_ms(), 3000);
        store.inner.create("a", b"x").expect("created");
        time.stop();
        assert!(matches!(store.read("a", 9), Err(BlobError::Remote { cause: RemoteCause::Stopped, .. })));
    }

    #[test]
    fn a_limited_store_conforms() {
        let limits = Limits { up_bytes: Some(1 << 30), down_bytes: Some(1 << 30), calls: Some(1_000_000) };
        crate::conformance::check(&mut || {
            Box::new(LimitStore::new(MemoryStore::new(), Arc::new(PlayedTime::default()), limits))
        });
    }
}
