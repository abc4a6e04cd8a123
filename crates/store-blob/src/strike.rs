//! A wrapper by which one call, and no other, goes wrong in one of twelve ways ([`FaultKind`]).

use crate::strike_kind::{FaultKind, Operation};
use crate::{BlobError, BlobStore, Listed};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A little more than a year.
pub const LONG_MS: u64 = 400 * DAY_MS;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A place from which a store is called: what is done, to what kind of object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallSite {
    /// The operation.
    pub operation: Operation,
    /// The first part of the object's name; empty for what concerns the whole store.
    pub folder: String,
}

impl CallSite {
    fn new(operation: Operation, name: &str) -> Self {
        Self { operation, folder: name.split('/').next().unwrap_or_default().to_string() }
    }
}

/// Which call goes wrong, and how. Calls are counted per site: runs of several threads make the same calls of a kind in
/// the same order much more often than all calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Strike {
    /// The site.
    pub site: CallSite,
    /// Which of its calls, counted from 0.
    pub nth: u64,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// What a [`StrikeStore`] has seen, still readable when it has been given away.
#[derive(Default)]
pub struct StrikeLog {
    calls: Mutex<BTreeMap<CallSite, u64>>,
    has_struck: AtomicBool,
}

impl StrikeLog {
    /// Calls by site.
    pub fn calls(&self) -> BTreeMap<CallSite, u64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True when the call that was to go wrong has been made.
    pub fn has_struck(&self) -> bool {
        self.has_struck.load(Ordering::SeqCst)
    }
}

/// A store with one fault in it.
pub struct StrikeStore<S> {
    inner: S,
    strike: Option<Strike>,
    /// What goes on in the world while a call stalls.
    meanwhile: Box<dyn Fn() + Send + Sync>,
    log: Arc<StrikeLog>,
    /// What has been staged and kept back, so that a barrier can lose half of it.
    held: Mutex<Vec<(String, Vec<u8>)>>,
}

impl<S: BlobStore> StrikeStore<S> {
    /// Wraps `inner`; without a strike, calls are only counted.
    pub fn new(inner: S, strike: Option<Strike>, meanwhile: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { inner, strike, meanwhile, log: Arc::default(), held: Mutex::default() }
    }

    /// What it has seen.
    pub fn log(&self) -> Arc<StrikeLog> {
        self.log.clone()
    }

    /// Counts a call; tells what is to go wrong with it.
    fn fate(&self, operation: Operation, name: &str) -> Option<FaultKind> {
        let site = CallSite::new(operation, name);
        let mut calls = self.log.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let strike = self.strike.as_ref().filter(|strike| strike.site == site);
        let count = calls.entry(site).or_default();
        let nth = *count;
        *count += 1;
        let strike = strike.filter(|strike| strike.nth == nth && strike.kind.applies_to(operation).is_ok())?;
        self.log.has_struck.store(true, Ordering::SeqCst);
        Some(strike.kind)
    }

    /// Makes a call, or lets it go wrong. `spoil` is for what depends on the answer.
    fn call<T>(
        &self,
        operation: Operation,
        name: &str,
        act: impl FnOnce() -> Result<T, BlobError>,
        spoil: impl FnOnce(FaultKind, T) -> Result<T, BlobError>,
    ) -> Result<T, BlobError> {
        let Some(kind) = self.fate(operation, name) else { return act() };
        let (attempt, object) = (operation.name(), name.to_string());
        let failed =
            |detail: &str| BlobError::Failed { operation: attempt, name: object.clone(), detail: detail.into() };
        match kind {
            FaultKind::Failed => Err(failed("Input/output error")),
            FaultKind::Full => {
                Err(BlobError::Full { operation: attempt, name: object, detail: "No space left on device".into() })
            }
            FaultKind::Denied => {
                Err(BlobError::Denied { operation: attempt, name: object, detail: "Permission denied".into() })
            }
            FaultKind::LostAnswer => act().and(Err(failed("the connection broke before the answer came"))),
            FaultKind::Duplicate => act().and(Err(BlobError::Exists { name: object })),
            FaultKind::CutListing => act().and(Err(failed("the listing broke off"))),
            FaultKind::Stalled => {
                (self.meanwhile)();
                act()
            }
            FaultKind::Torn => self.tear().and(Err(failed("the store died and came back"))),
            FaultKind::Absent | FaultKind::Short | FaultKind::Altered | FaultKind::Skewed => {
                act().and_then(|answer| spoil(kind, answer))
            }
        }
    }

    /// True when staged objects are kept back until the barrier.
    fn holds_back(&self) -> bool {
        self.strike.as_ref().is_some_and(|strike| strike.kind == FaultKind::Torn)
    }

    fn take_held(&self) -> Vec<(String, Vec<u8>)> {
        std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets every second staged object become durable and loses the others.
    fn tear(&self) -> Result<(), BlobError> {
        for (name, bytes) in self.take_held().iter().step_by(2) {
            self.inner.stage(name, &[bytes])?;
        }
        self.inner.barrier()
    }

    fn sync(&self) -> Result<(), BlobError> {
        for (name, bytes) in self.take_held() {
            self.inner.stage(&name, &[&bytes])?;
        }
        self.inner.barrier()
    }

    fn put(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        if !self.holds_back() {
            return self.inner.stage(name, parts);
        }
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_string(), parts.concat()));
        Ok(())
    }
}

fn not_found<T>(name: &str) -> Result<T, BlobError> {
    Err(BlobError::NotFound { name: name.to_string() })
}

/// Turns a bit somewhere; where, follows from the bytes.
fn alter(bytes: &mut [u8]) {
    let sum = bytes.iter().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let len = bytes.len();
    if let Some(byte) = bytes.get_mut(sum % len.max(1)) {
        *byte ^= 1 << (sum / 7 % 8);
    }
}

fn spoil_bytes(name: &str, kind: FaultKind, mut bytes: Vec<u8>) -> Result<Vec<u8>, BlobError> {
    match kind {
        FaultKind::Absent => return not_found(name),
        FaultKind::Short => bytes.truncate(bytes.len() / 2),
        _ => alter(&mut bytes),
    }
    Ok(bytes)
}

fn skewed_ms(age_ms: u64) -> u64 {
    if age_ms > DAY_MS { 0 } else { LONG_MS }
}

impl<S: BlobStore> BlobStore for StrikeStore<S> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.call(Operation::Stage, name, || self.put(name, parts), |_, ()| Ok(()))
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.call(Operation::Barrier, "", || self.sync(), |_, ()| Ok(()))
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.call(Operation::Create, name, || self.inner.create(name, bytes), |_, ()| Ok(()))
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        let act = || self.inner.read(name, max_len_bytes);
        self.call(Operation::Read, name, act, |kind, bytes| spoil_bytes(name, kind, bytes))
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        let wanted_bytes = offset_byte + buffer.len() as u64;
        let mut found = vec![0; buffer.len()];
        let act = || self.inner.read_at(name, offset_byte, &mut found).map(|()| found);
        let spoil = |kind, bytes| match kind {
            FaultKind::Short => {
                Err(BlobError::Short { name: name.to_string(), len_bytes: wanted_bytes - 1, wanted_bytes })
            }
            _ => spoil_bytes(name, kind, bytes),
        };
        buffer.copy_from_slice(&self.call(Operation::ReadAt, name, act, spoil)?);
        Ok(())
    }

    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        let act = || self.inner.read_tail(name, max_len_bytes);
        let spoil = |kind, (len_bytes, bytes)| Ok((len_bytes, spoil_bytes(name, kind, bytes)?));
        self.call(Operation::ReadTail, name, act, spoil)
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
        let spoil = |kind, len_bytes: Option<u64>| match kind {
            FaultKind::Absent => Ok(None),
            _ => Ok(len_bytes.map(|len_bytes| len_bytes / 2)),
        };
        self.call(Operation::Len, name, || self.inner.len_bytes(name), spoil)
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        let spoil = |kind, age_ms: Option<u64>| match kind {
            FaultKind::Absent => Ok(None),
            _ => Ok(age_ms.map(skewed_ms)),
        };
        self.call(Operation::Age, name, || self.inner.age_ms(name), spoil)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.call(Operation::List, prefix, || self.inner.list(prefix), |_, listed| Ok(listed))
    }

    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        self.call(Operation::ListBetween, from, || self.inner.list_between(from, to), |_, listed| Ok(listed))
    }

    fn settle(&self, prefix: &str) -> Result<(), BlobError> {
        self.call(Operation::Settle, prefix, || self.inner.settle(prefix), |_, ()| Ok(()))
    }

    fn clear_leftovers(&self) -> Result<u64, BlobError> {
        self.call(Operation::ClearLeftovers, "", || self.inner.clear_leftovers(), |_, count| Ok(count))
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
        self.call(Operation::Delete, name, || self.inner.delete(name), |_, ()| Ok(()))
    }
}

#[cfg(test)]
mod tests;
