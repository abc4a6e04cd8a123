//! A store in memory that keeps staged and durable objects apart, so that a crash can be played.

use crate::{BlobError, BlobStore, Listed, is_valid_name};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// An object and when it was stored.
#[derive(Clone)]
struct Stored {
    bytes: Arc<Vec<u8>>,
    born_ms: u64,
}

/// A store in memory. Clones share the durable objects; each clone stages on its own, so dropping a clone loses what
/// it staged: that is what a crash does.
#[derive(Default)]
pub struct MemoryStore {
    durable: Arc<Mutex<BTreeMap<String, Stored>>>,
    /// The store's clock.
    now_ms: Arc<AtomicU64>,
    staged: Mutex<BTreeMap<String, Arc<Vec<u8>>>>,
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self { durable: self.durable.clone(), now_ms: self.now_ms.clone(), staged: Mutex::default() }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An independent copy of the durable objects.
    pub fn fork(&self) -> Self {
        let objects = self.lock().clone();
        let now_ms = Arc::new(AtomicU64::new(self.now_ms.load(Ordering::Relaxed)));
        Self { durable: Arc::new(Mutex::new(objects)), now_ms, staged: Mutex::default() }
    }

    /// Puts bytes in place of an object, past all rules: damage, for tests.
    pub fn tamper(&self, name: &str, bytes: Option<Vec<u8>>) {
        match bytes {
            Some(bytes) => self.lock().insert(name.to_string(), self.stored(bytes)),
            None => self.lock().remove(name),
        };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Stored>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stored(&self, bytes: Vec<u8>) -> Stored {
        Stored { bytes: Arc::new(bytes), born_ms: self.now_ms.load(Ordering::Relaxed) }
    }

    /// Lets time pass on the store's clock.
    pub fn advance(&self, by_ms: u64) {
        self.now_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    fn get(&self, name: &str) -> Result<Arc<Vec<u8>>, BlobError> {
        self.lock()
            .get(name)
            .map(|stored| stored.bytes.clone())
            .ok_or_else(|| BlobError::NotFound { name: name.to_string() })
    }
}

fn checked(name: &str) -> Result<String, BlobError> {
    if is_valid_name(name) {
        return Ok(name.to_string());
    }
    Err(BlobError::Failed { operation: "write", name: format!("{name:?}"), detail: "not a valid object name".into() })
}

impl BlobStore for MemoryStore {
    fn location(&self) -> String {
        "memory".to_string()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        let name = checked(name)?;
        self.staged.lock().unwrap_or_else(PoisonError::into_inner).insert(name, Arc::new(parts.concat()));
        Ok(())
    }

    fn barrier(&self) -> Result<(), BlobError> {
        let staged = std::mem::take(&mut *self.staged.lock().unwrap_or_else(PoisonError::into_inner));
        let mut durable = self.lock();
        for (name, bytes) in staged {
            if durable.contains_key(&name) {
                return Err(BlobError::Exists { name });
            }
            durable.insert(name, Stored { bytes, born_ms: self.now_ms.load(Ordering::Relaxed) });
        }
        Ok(())
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        let name = checked(name)?;
        let mut durable = self.lock();
        if durable.contains_key(&name) {
            return Err(BlobError::Exists { name });
        }
        durable.insert(name, self.stored(bytes.to_vec()));
        Ok(())
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        let bytes = self.get(name)?;
        if bytes.len() as u64 > max_len_bytes {
            let detail = format!("{} bytes long; at most {max_len_bytes} are possible", bytes.len());
            return Err(BlobError::Failed { operation: "read", name: name.to_string(), detail });
        }
        Ok(bytes.to_vec())
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        let bytes = self.get(name)?;
        let wanted_bytes = offset_byte.saturating_add(buffer.len() as u64);
        if wanted_bytes > bytes.len() as u64 {
            return Err(BlobError::Short { name: name.to_string(), len_bytes: bytes.len() as u64, wanted_bytes });
        }
        buffer.copy_from_slice(&bytes[offset_byte as usize..wanted_bytes as usize]);
        Ok(())
    }

    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        let bytes = self.get(name)?;
        let start = (bytes.len() as u64).saturating_sub(max_len_bytes) as usize;
        Ok((bytes.len() as u64, bytes[start..].to_vec()))
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        Ok(self.lock().get(name).map(|stored| stored.bytes.len() as u64))
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        let now_ms = self.now_ms.load(Ordering::Relaxed);
        Ok(self.lock().get(name).map(|stored| now_ms.saturating_sub(stored.born_ms)))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        let durable = self.lock();
        let from = durable.range(prefix.to_string()..);
        let found = from.take_while(|(name, _)| name.starts_with(prefix));
        Ok(found.map(|(name, stored)| Listed { name: name.clone(), len_bytes: stored.bytes.len() as u64 }).collect())
    }

    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let durable = self.lock();
        let found = durable.range(from.to_string()..to.to_string());
        Ok(found.map(|(name, stored)| Listed { name: name.clone(), len_bytes: stored.bytes.len() as u64 }).collect())
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.lock().remove(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_store_conforms() {
        crate::conformance::check(&mut || Box::new(MemoryStore::new()));
    }

    #[test]
    fn what_was_staged_dies_with_its_handle() {
        let store = MemoryStore::new();
        let handle = store.clone();
        handle.stage("a", &[b"x"]).expect("staged");
        drop(handle);
        store.barrier().expect("nothing to do");
        assert_eq!(store.len_bytes("a").expect("looked"), None);
    }
}
