//! A wrapper that is patient: calls that failed for a passing reason are made again.
//!
//! A changing call whose answer was lost may have happened. So a name that is found taken is read back: what stands there
//! byte for byte is what was to be stored, and the call has succeeded. Whoever needs to know who won a race stores bytes
//! that nobody else stores (sealed objects have a random salt).
//!
//! Waits double from [`FIRST_WAIT_MS`] to [`LONGEST_WAIT_MS`], each shortened by a random part, so that many clients of a
//! store that comes back do not come back together ("full jitter", M. Brooker, "Exponential Backoff And Jitter", AWS
//! Architecture Blog 2015).

use crate::{BlobError, BlobStore, Listed, RemoteCause};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The first wait is at most this long.
pub const FIRST_WAIT_MS: u64 = 200;
/// No wait is longer, unless the store asks for more.
pub const LONGEST_WAIT_MS: u64 = 15_000;
/// A store may ask for this much and no more.
const MOST_ASKED_MS: u64 = 120_000;
/// Attempts while the store has not answered a single call: a wrong address should not cost minutes.
const ATTEMPTS_BEFORE_FIRST_ANSWER: u32 = 3;

/// Time and chance, given from outside.
pub trait Waiter: Send + Sync {
    /// Milliseconds of a clock that never goes back.
    fn now_ms(&self) -> u64;

    /// Waits. False when waiting was ended early because everything is to stop.
    fn wait_ms(&self, duration_ms: u64) -> bool;

    /// An evenly distributed number from 0 to `below` - 1; 0 for 0.
    fn draw(&self, below: u64) -> u64;

    /// Tells somebody that a call failed and will be made again.
    fn told(&self, retry: &Retry<'_>) {
        let _ = retry;
    }
}

/// A call that will be made again.
#[derive(Debug)]
pub struct Retry<'a> {
    /// Why it failed.
    pub error: &'a BlobError,
    /// How long is waited before.
    pub wait_ms: u64,
    /// How long this call has been tried.
    pub tried_ms: u64,
    /// After how long it is given up.
    pub patience_ms: u64,
}

/// A store whose calls are made again while that may help.
pub struct RetryStore<S> {
    inner: S,
    waiter: Arc<dyn Waiter>,
    patience_ms: u64,
    has_answered: AtomicBool,
}

impl<S: BlobStore> RetryStore<S> {
    /// Wraps `inner`. A call is given up when it has failed for `patience_ms`.
    pub fn new(inner: S, waiter: Arc<dyn Waiter>, patience_ms: u64) -> Self {
        Self { inner, waiter, patience_ms, has_answered: AtomicBool::new(false) }
    }

    /// The store beneath.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn patiently<T>(&self, act: impl Fn() -> Result<T, BlobError>) -> Result<T, BlobError> {
        let begun_ms = self.waiter.now_ms();
        let mut attempts = 0;
        loop {
            let error = match act() {
                Err(error) if error.is_passing() => error,
                other => {
                    // A refusal is an answer, too.
                    self.has_answered.store(true, Ordering::Relaxed);
                    return other;
                }
            };
            attempts += 1;
            self.wait_or_end(error, attempts, begun_ms)?;
        }
    }

    fn wait_or_end(&self, error: BlobError, attempts: u32, begun_ms: u64) -> Result<(), BlobError> {
        let tried_ms = self.waiter.now_ms().saturating_sub(begun_ms);
        let is_hopeless = !self.has_answered.load(Ordering::Relaxed) && attempts >= ATTEMPTS_BEFORE_FIRST_ANSWER;
        let wait_ms = self.next_wait_ms(&error, attempts);
        if is_hopeless || tried_ms.saturating_add(wait_ms) > self.patience_ms {
            return Err(error);
        }
        self.waiter.told(&Retry { error: &error, wait_ms, tried_ms, patience_ms: self.patience_ms });
        if self.waiter.wait_ms(wait_ms) { Ok(()) } else { Err(stopped(error)) }
    }

    fn next_wait_ms(&self, error: &BlobError, attempts: u32) -> u64 {
        let doubled_ms = FIRST_WAIT_MS.saturating_mul(1 << attempts.min(16).saturating_sub(1));
        let longest_ms = doubled_ms.min(LONGEST_WAIT_MS);
        let drawn_ms = longest_ms / 4 + self.waiter.draw(longest_ms - longest_ms / 4 + 1);
        match error {
            BlobError::Remote { cause: RemoteCause::Overloaded { retry_after_ms: Some(asked_ms) }, .. } => {
                drawn_ms.max((*asked_ms).min(MOST_ASKED_MS))
            }
            _ => drawn_ms,
        }
    }

    /// Some stores answer that there is a conflict where the name is taken, and always will.
    fn or_taken(&self, name: &str, outcome: Result<(), BlobError>) -> Result<(), BlobError> {
        match outcome {
            Err(BlobError::Remote { cause: RemoteCause::Conflict, .. })
                if matches!(self.inner.len_bytes(name), Ok(Some(_))) =>
            {
                Err(BlobError::Exists { name: name.to_string() })
            }
            other => other,
        }
    }

    /// A name that is taken may be taken by ourselves: the answer was lost, or the request was sent twice on the way.
    fn unless_ours(&self, name: &str, parts: &[&[u8]], outcome: Result<(), BlobError>) -> Result<(), BlobError> {
        match outcome {
            Err(error @ BlobError::Exists { .. }) => {
                let len_bytes = parts.iter().map(|part| part.len() as u64).sum();
                match self.read(name, len_bytes) {
                    Ok(found) if is_same(&found, parts) => Ok(()),
                    // Who cannot find out must not say that it lost.
                    Err(failed @ (BlobError::Remote { .. } | BlobError::Denied { .. })) => Err(failed),
                    _ => Err(error),
                }
            }
            other => other,
        }
    }

    /// An object that is not found where one is read is looked at once more in another way: a store that fails may say so of
    /// what is there.
    fn found<T>(&self, name: &str, act: impl Fn() -> Result<T, BlobError>) -> Result<T, BlobError> {
        match self.patiently(&act) {
            Err(error) if error.is_not_found() => match self.len_bytes(name)? {
                Some(_) => self.patiently(act),
                None => Err(error),
            },
            other => other,
        }
    }
}

fn is_same(found: &[u8], parts: &[&[u8]]) -> bool {
    let mut rest = found;
    for part in parts {
        match rest.strip_prefix(*part) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

fn stopped(error: BlobError) -> BlobError {
    match error {
        BlobError::Remote { operation, name, detail, .. } => {
            BlobError::Remote { operation, name, detail, cause: RemoteCause::Stopped }
        }
        other => other,
    }
}

impl<S: BlobStore> BlobStore for RetryStore<S> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        let outcome = self.patiently(|| self.or_taken(name, self.inner.stage(name, parts)));
        self.unless_ours(name, parts, outcome)
    }

    fn stage_shared(&self, name: &str, bytes: Arc<Vec<u8>>) -> Result<(), BlobError> {
        let outcome = self.patiently(|| self.or_taken(name, self.inner.stage_shared(name, bytes.clone())));
        self.unless_ours(name, &[&bytes], outcome)
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.patiently(|| self.inner.barrier())
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        let outcome = self.patiently(|| self.or_taken(name, self.inner.create(name, bytes)));
        self.unless_ours(name, &[bytes], outcome)
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.found(name, || self.inner.read(name, max_len_bytes))
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        let buffer = std::cell::RefCell::new(buffer);
        self.found(name, || self.inner.read_at(name, offset_byte, &mut buffer.borrow_mut()))
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        match self.patiently(|| self.inner.len_bytes(name))? {
            // That a condemned list is not there decides much: one answer that says so of what is there must not.
            None => self.patiently(|| self.inner.len_bytes(name)),
            found => Ok(found),
        }
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.patiently(|| self.inner.age_ms(name))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.patiently(|| self.inner.list(prefix))
    }

    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        self.found(name, || self.inner.read_tail(name, max_len_bytes))
    }

    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        self.patiently(|| self.inner.list_between(from, to))
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
        self.patiently(|| self.inner.settle(prefix))
    }

    fn clear_leftovers(&self) -> Result<u64, BlobError> {
        self.patiently(|| self.inner.clear_leftovers())
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
        self.patiently(|| self.inner.delete(name))
    }
}

#[cfg(test)]
mod tests;

/// Time that passes only when somebody waits.
#[cfg(test)]
pub(crate) mod tests_support {
    use super::{Retry, Waiter};
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    /// A clock that waits move, and chance that is always the middle.
    #[derive(Default)]
    pub(crate) struct PlayedTime {
        now_ms: AtomicU64,
        told: AtomicU64,
        is_stopped: AtomicBool,
    }

    impl PlayedTime {
        pub(crate) fn told(&self) -> u64 {
            self.told.load(Ordering::Relaxed)
        }

        pub(crate) fn stop(&self) {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
    }

    impl Waiter for PlayedTime {
        fn now_ms(&self) -> u64 {
            self.now_ms.load(Ordering::Relaxed)
        }

        fn wait_ms(&self, duration_ms: u64) -> bool {
            self.now_ms.fetch_add(duration_ms, Ordering::Relaxed);
            !self.is_stopped.load(Ordering::Relaxed)
        }

        fn draw(&self, below: u64) -> u64 {
            below / 2
        }

        fn told(&self, _: &Retry<'_>) {
            self.told.fetch_add(1, Ordering::Relaxed);
        }
    }
}
