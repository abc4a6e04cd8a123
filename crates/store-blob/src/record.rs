//! A wrapper that writes down every call: what was done, to which object, and how many bytes of objects went over the wire.

use crate::{BlobError, BlobStore, Listed, Operation};
use std::sync::{Arc, Mutex, PoisonError};

/// One call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// What was done.
    pub operation: Operation,
    /// The object, the prefix, or where a range of names begins.
    pub name: String,
    /// Bytes of objects that were read or written; names in listings do not count.
    pub len_bytes: u64,
}

/// What a [`RecordStore`] has seen, still readable when it has been given away.
#[derive(Default)]
pub struct RecordLog {
    records: Mutex<Vec<Record>>,
}

impl RecordLog {
    /// All calls since the last [`RecordLog::take`], in the order in which they ended.
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut *self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note<T>(
        &self,
        operation: Operation,
        name: &str,
        answer: Result<T, BlobError>,
        len_bytes: impl Fn(&T) -> u64,
    ) -> Result<T, BlobError> {
        let len_bytes = answer.as_ref().map_or(0, len_bytes);
        let record = Record { operation, name: name.to_string(), len_bytes };
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        answer
    }
}

/// A store that writes every call down, successful or not.
pub struct RecordStore<S> {
    inner: S,
    read_along_bytes: u64,
    reads_at_once: usize,
    log: Arc<RecordLog>,
}

impl<S: BlobStore> RecordStore<S> {
    /// Wraps `inner`. Its readers are told what is worth a request: [`BlobStore::read_along_bytes`],
    /// [`BlobStore::reads_at_once`].
    pub fn new(inner: S, read_along_bytes: u64, reads_at_once: usize) -> Self {
        Self { inner, read_along_bytes, reads_at_once, log: Arc::default() }
    }

    /// What it has seen.
    pub fn log(&self) -> Arc<RecordLog> {
        self.log.clone()
    }
}

impl<S: BlobStore> BlobStore for RecordStore<S> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        let len_bytes: usize = parts.iter().map(|part| part.len()).sum();
        self.log.note(Operation::Stage, name, self.inner.stage(name, parts), |()| len_bytes as u64)
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.log.note(Operation::Barrier, "", self.inner.barrier(), |()| 0)
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.log.note(Operation::Create, name, self.inner.create(name, bytes), |()| bytes.len() as u64)
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.log.note(Operation::Read, name, self.inner.read(name, max_len_bytes), |bytes| bytes.len() as u64)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        let len_bytes = buffer.len() as u64;
        self.log.note(Operation::ReadAt, name, self.inner.read_at(name, offset_byte, buffer), |()| len_bytes)
    }

    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        let answer = self.inner.read_tail(name, max_len_bytes);
        self.log.note(Operation::ReadTail, name, answer, |(_, tail)| tail.len() as u64)
    }

    fn read_along_bytes(&self) -> u64 {
        self.read_along_bytes
    }

    fn keeps_what_it_shows(&self) -> bool {
        self.inner.keeps_what_it_shows()
    }

    fn reads_at_once(&self) -> usize {
        self.reads_at_once
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.log.note(Operation::Len, name, self.inner.len_bytes(name), |_| 0)
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.log.note(Operation::Age, name, self.inner.age_ms(name), |_| 0)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.log.note(Operation::List, prefix, self.inner.list(prefix), |_| 0)
    }

    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        self.log.note(Operation::ListBetween, from, self.inner.list_between(from, to), |_| 0)
    }

    fn settle(&self, prefix: &str) -> Result<(), BlobError> {
        self.log.note(Operation::Settle, prefix, self.inner.settle(prefix), |()| 0)
    }

    fn clear_leftovers(&self) -> Result<u64, BlobError> {
        self.log.note(Operation::ClearLeftovers, "", self.inner.clear_leftovers(), |_| 0)
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
        self.log.note(Operation::Delete, name, self.inner.delete(name), |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[test]
    fn a_recorded_store_conforms() {
        crate::conformance::check(&mut || Box::new(RecordStore::new(MemoryStore::new(), 1, 2)));
    }

    #[test]
    fn calls_are_written_down_with_their_bytes() {
        let store = RecordStore::new(MemoryStore::new(), 7, 3);
        store.create("a", b"0123456789").expect("created");
        store.read_tail("a", 4).expect("read");
        store.read("b", 4).expect_err("nothing there");
        let seen: Vec<_> = store.log().take().into_iter().map(|r| (r.operation, r.name, r.len_bytes)).collect();
        let expected = [(Operation::Create, "a", 10), (Operation::ReadTail, "a", 4), (Operation::Read, "b", 0)];
        assert_eq!(seen, expected.map(|(operation, name, len_bytes)| (operation, name.to_string(), len_bytes)));
        assert!(store.log().take().is_empty() && (store.read_along_bytes(), store.reads_at_once()) == (7, 3));
    }
}
