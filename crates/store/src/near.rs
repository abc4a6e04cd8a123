//! A store that is far away, read through the local cache.
//!
//! Only what never changes and is proven by whoever reads it is kept: decisions, ends of packs, frames of packs of class
//! meta. Whether an object is there is never asked of the cache, and nothing that judges the repository (checks,
//! collections, repairs) reads through it.

use crate::cache::Cache;
use crate::error::StoreError;
use crate::format::names;
use crate::repository::Repository;
use crate::view::is_harmed;
use datakeep_store_blob::{BlobError, BlobStore, Listed};
use std::sync::Arc;

/// The store behind the cache.
#[derive(Clone)]
pub(crate) struct Near {
    blobs: Arc<dyn BlobStore>,
    cache: Arc<Cache>,
    /// What is in the cache is not used, but replaced.
    is_fresh: bool,
}

impl Near {
    /// `None` where the way to the bytes is short: a copy on the disk beside would gain nothing.
    pub fn new(blobs: &Arc<dyn BlobStore>, cache: &Arc<Cache>) -> Option<Self> {
        let is_far = blobs.reads_at_once() > 1;
        is_far.then(|| Self { blobs: blobs.clone(), cache: cache.clone(), is_fresh: false })
    }

    fn cached(&self, key: &str, read: impl FnOnce() -> Result<Vec<u8>, BlobError>) -> Result<Vec<u8>, BlobError> {
        if let Some(found) = self.cache.get(key).filter(|_| !self.is_fresh) {
            return Ok(found);
        }
        let bytes = read()?;
        self.cache.put(key, &bytes);
        Ok(bytes)
    }
}

fn is_pack(name: &str) -> bool {
    name.starts_with("data/") || name.starts_with("meta/")
}

impl Repository {
    /// Reads through the cache where there is one. What is not whole then is read once more, past the cache: a copy that was
    /// harmed on its way must not make a good repository look damaged.
    pub(crate) fn through_cache<T>(
        &self,
        read: impl Fn(&dyn BlobStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Some(near) = &self.near else { return read(&*self.blobs) };
        match read(near) {
            Err(error) if is_harmed(&error) => read(&Near { is_fresh: true, ..near.clone() }),
            other => other,
        }
    }
}

impl BlobStore for Near {
    fn location(&self) -> String {
        self.blobs.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.blobs.stage(name, parts)
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.blobs.barrier()
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.blobs.create(name, bytes)
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        let read = || self.blobs.read(name, max_len_bytes);
        if name.starts_with(names::COMMITS) { self.cached(&format!("whole {name}"), read) } else { read() }
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        if !name.starts_with("meta/") {
            return self.blobs.read_at(name, offset_byte, buffer);
        }
        let found = self.cached(&format!("{offset_byte}+{} {name}", buffer.len()), || {
            let mut bytes = vec![0; buffer.len()];
            self.blobs.read_at(name, offset_byte, &mut bytes).map(|()| bytes)
        })?;
        match found.len() == buffer.len() {
            true => buffer.copy_from_slice(&found),
            false => self.blobs.read_at(name, offset_byte, buffer)?,
        }
        Ok(())
    }

    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        if !is_pack(name) {
            return self.blobs.read_tail(name, max_len_bytes);
        }
        // The length stands before the bytes.
        let found = self.cached(&format!("tail {max_len_bytes} {name}"), || {
            let (len_bytes, tail) = self.blobs.read_tail(name, max_len_bytes)?;
            Ok([&len_bytes.to_le_bytes()[..], &tail].concat())
        })?;
        match found.split_first_chunk::<8>() {
            Some((len_bytes, tail)) => Ok((u64::from_le_bytes(*len_bytes), tail.to_vec())),
            None => self.blobs.read_tail(name, max_len_bytes),
        }
    }

    fn read_along_bytes(&self) -> u64 {
        self.blobs.read_along_bytes()
    }

    fn keeps_what_it_shows(&self) -> bool {
        self.blobs.keeps_what_it_shows()
    }

    fn reads_at_once(&self) -> usize {
        self.blobs.reads_at_once()
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.blobs.len_bytes(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.blobs.list(prefix)
    }

    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        self.blobs.list_between(from, to)
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.blobs.delete(name)
    }
}
