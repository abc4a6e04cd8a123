//! A planted bug: a store that says that a change is made when it was told that it is not. Outside the product, as a
//! product with the bug would be: errors are swallowed between the store and whoever relies on it.

use super::Backend;
use datakeep_store_blob::{BlobError, BlobStore, Listed};

/// Whose errors are swallowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    /// Nobody's.
    None,
    /// Those of barriers.
    Barrier,
    /// Those of decisions.
    Commits,
    /// Those of tombstones.
    Forgotten,
    /// Those of removals.
    Delete,
}

/// A store between the product and the fault.
pub struct Liar<S> {
    pub inner: S,
    pub lie: Lie,
}

impl<S> Liar<S> {
    fn told(&self, is_hidden: bool, result: Result<(), BlobError>) -> Result<(), BlobError> {
        if is_hidden { Ok(()) } else { result }
    }
}

impl BlobStore for Backend {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.inner.stage(name, parts)
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.told(self.lie == Lie::Barrier, self.inner.barrier())
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        let is_hidden = match self.lie {
            Lie::Commits => name.starts_with("commits/"),
            Lie::Forgotten => name.starts_with("commits-forgotten/"),
            _ => false,
        };
        self.told(is_hidden, self.inner.create(name, bytes))
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
        self.inner.list(prefix)
    }

    fn settle(&self, prefix: &str) -> Result<(), BlobError> {
        self.inner.settle(prefix)
    }

    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        self.inner.read_tail(name, max_len_bytes)
    }

    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        self.inner.list_between(from, to)
    }

    fn clear_leftovers(&self) -> Result<u64, BlobError> {
        self.inner.clear_leftovers()
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.told(self.lie == Lie::Delete, self.inner.delete(name))
    }
}
