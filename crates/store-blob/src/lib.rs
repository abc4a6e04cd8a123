//! The byte store beneath a repository.
//!
//! A store keeps immutable objects under names like `data/3f/3f09…-12`. It knows nothing of what is in them. The trait
//! is small enough for every call to be enumerated with every fault in tests ([`fault`], [`strike`]).

pub mod ahead;
pub mod conformance;
pub mod fault;
pub mod limit;
pub mod local;
pub mod memory;
#[cfg(feature = "object")]
pub mod object;
pub mod probe;
pub mod record;
pub mod remote;
pub mod retry;
pub mod strike;
mod strike_kind;

pub use ahead::AheadStore;
pub use fault::{FaultPlan, FaultStore};
pub use limit::{LimitStore, Limits};
pub use local::LocalStore;
pub use memory::MemoryStore;
#[cfg(feature = "object")]
pub use object::ObjectStore;
pub use probe::{Effort, Report, Tier};
pub use record::{Record, RecordLog, RecordStore};
pub use remote::RemoteCause;
pub use retry::{Retry, RetryStore, Waiter};
pub use strike::{CallSite, Strike, StrikeLog, StrikeStore};
pub use strike_kind::{FaultKind, Operation};

use datakeep_model::ErrorKind;
use std::sync::Arc;

/// What went wrong with one object or the whole store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BlobError {
    /// Create-if-absent found the name taken. The object there may still be ours (a lost answer): read it back.
    #[error("{name}: already exists")]
    Exists {
        /// Object name.
        name: String,
    },
    /// No such object.
    #[error("{name}: not found")]
    NotFound {
        /// Object name.
        name: String,
    },
    /// The object is shorter than the range asked for.
    #[error("{name}: {len_bytes} bytes long, but bytes up to {wanted_bytes} were asked for")]
    Short {
        /// Object name.
        name: String,
        /// Its length.
        len_bytes: u64,
        /// The end of the range.
        wanted_bytes: u64,
    },
    /// Permission denied or read-only.
    #[error("cannot {operation} {name}: {detail}")]
    Denied {
        /// What was attempted.
        operation: &'static str,
        /// Object name or place.
        name: String,
        /// The system's own words.
        detail: String,
    },
    /// No room left.
    #[error("cannot {operation} {name}: {detail}")]
    Full {
        /// What was attempted.
        operation: &'static str,
        /// Object name or place.
        name: String,
        /// The system's own words.
        detail: String,
    },
    /// Any other failure.
    #[error("cannot {operation} {name}: {detail}")]
    Failed {
        /// What was attempted.
        operation: &'static str,
        /// Object name or place.
        name: String,
        /// The system's own words.
        detail: String,
    },
    /// A store across a network did not do it.
    #[error("cannot {operation} {name}: {detail}")]
    Remote {
        /// What was attempted.
        operation: &'static str,
        /// Object name or place.
        name: String,
        /// What stood in the way.
        cause: RemoteCause,
        /// The store's own words.
        detail: String,
    },
}

impl BlobError {
    /// The coarse kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            BlobError::Exists { .. } => ErrorKind::Busy,
            BlobError::NotFound { .. } | BlobError::Short { .. } => ErrorKind::Integrity,
            BlobError::Denied { .. } => ErrorKind::Denied,
            BlobError::Full { .. } | BlobError::Failed { .. } => ErrorKind::Store,
            BlobError::Remote { cause, .. } => cause.kind(),
        }
    }

    /// True when the same call may succeed if it is made again.
    pub fn is_passing(&self) -> bool {
        matches!(self, BlobError::Remote { cause, .. } if cause.is_passing())
    }

    /// True when the object simply is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, BlobError::NotFound { .. })
    }
}

/// An object as a listing shows it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Listed {
    /// Full object name.
    pub name: String,
    /// Stored length.
    pub len_bytes: u64,
}

/// A place for immutable objects.
///
/// Guarantees every store must give (the conformance suite checks them, and [`probe`] asks a store that is in use): an object is seen whole or not at all; a name
/// once seen keeps its bytes until deleted; [`BlobStore::create`] lets exactly one of any number of racing callers win;
/// a listing is complete or an error.
pub trait BlobStore: Send + Sync {
    /// The place, for messages; no secrets.
    fn location(&self) -> String;

    /// Stores an object under a name that nobody else uses. It is durable and visible after the next successful
    /// [`BlobStore::barrier`] of this handle; before that it may or may not be seen. A taken name is
    /// [`BlobError::Exists`], from here or from the barrier.
    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError>;

    /// Makes everything staged by this handle durable and visible. After an error nothing staged may be relied on.
    fn barrier(&self) -> Result<(), BlobError>;

    /// Creates an object if the name is free, durably. Exactly one of several racing callers succeeds.
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError>;

    /// The whole object, or an error when it is longer than `max_len_bytes`.
    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError>;

    /// Fills `buffer` from `offset_byte`; [`BlobError::Short`] when the object ends before.
    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError>;

    /// The object's length, and its last bytes: all of them when it is no longer than `max_len_bytes`, else so many. One
    /// request where a store can answer it in one.
    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        let len_bytes = self.len_bytes(name)?.ok_or_else(|| BlobError::NotFound { name: name.to_string() })?;
        let mut tail = vec![0; len_bytes.min(max_len_bytes) as usize];
        self.read_at(name, len_bytes - tail.len() as u64, &mut tail)?;
        Ok((len_bytes, tail))
    }

    /// How many bytes more may be read in the time that one more request takes, about: so much is worth reading along with
    /// something else. 64 KiB for a disk; some hundred KiB where every request crosses a network.
    fn read_along_bytes(&self) -> u64 {
        64 << 10
    }

    /// How many objects are worth reading at once, each by a thread of its own: 1 where the way to the bytes is short.
    fn reads_at_once(&self) -> usize {
        1
    }

    /// True where an object that anybody has seen stays until it is deleted. A directory does not promise it: a name is seen
    /// before it is durable, and taken back when that fails.
    fn keeps_what_it_shows(&self) -> bool {
        false
    }

    /// The object's length, or `None` when there is none.
    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError>;

    /// How long ago an object was stored, in milliseconds by the store's own clock; `None` when there is no such object or
    /// the store does not know. Good for patience and display, never for safety.
    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        let _ = name;
        Ok(None)
    }

    /// As [`BlobStore::stage`], for bytes that can be shared: a store that sends them later, or again, need not copy them.
    fn stage_shared(&self, name: &str, bytes: Arc<Vec<u8>>) -> Result<(), BlobError> {
        self.stage(name, &[&bytes])
    }

    /// Creates an object under a name that nobody else uses, once everything this handle has staged so far is durable: it
    /// speaks of that. It is durable, or its failure told, at the latest at the next [`BlobStore::barrier`].
    fn create_after_staged(&self, name: &str, bytes: Vec<u8>) -> Result<(), BlobError> {
        self.barrier()?;
        self.create(name, &bytes)
    }

    /// Every object whose name starts with `prefix` (which ends in `/` or is empty), sorted by name.
    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError>;

    /// Every object whose name is not less than `from` and less than `to`, sorted by name: several folders in one request.
    /// What is promised of [`BlobStore::list`] holds for each name; the names need not have been looked at in any order.
    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        let mut found = self.list("")?;
        found.retain(|listed| (from..to).contains(&listed.name.as_str()));
        Ok(found)
    }

    /// Makes everything durable that is seen beneath `prefix` now, whoever stored it. An object that is seen need not be
    /// durable yet: its writer may have died between the two. Before something durable is built on it, it must be.
    fn settle(&self, prefix: &str) -> Result<(), BlobError> {
        let _ = prefix;
        Ok(())
    }

    /// Removes what writers that died left behind and that never became an object; returns how many. Never touches what
    /// a living writer may still need.
    fn clear_leftovers(&self) -> Result<u64, BlobError> {
        Ok(0)
    }

    /// Gives up a folder in which nothing is left, where a store has folders. Failing is no harm.
    fn drop_folder(&self, name: &str) {
        let _ = name;
    }

    /// Sets so much room aside, or leaves it when at least half of it is set aside already, so that a collection can work
    /// when everything else is full; does nothing where that makes no sense. Failing is no harm.
    fn hold_reserve(&self, len_bytes: u64) {
        let _ = len_bytes;
    }

    /// Gives the room up, for now.
    fn release_reserve(&self) {}

    /// Gives up a little of it, for a few small objects: the rest is kept for the collection they ask for.
    fn lend_reserve(&self) {}

    /// Removes an object; removing what is not there is fine. The removal is durable after the next
    /// [`BlobStore::barrier`].
    fn delete(&self, name: &str) -> Result<(), BlobError>;
}

/// True for names a store accepts: 1 to 255 characters, `a-z 0-9 - _ /`, parts not empty and not starting with `-`.
pub fn is_valid_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('-')
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        })
}
