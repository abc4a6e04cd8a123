//! The words everyone uses: ids, item paths and metadata, snapshots, events, error kinds and exit codes.
//!
//! Plain data only. Nothing here reads a file, a clock, the environment or random bytes, and nothing here knows how
//! a value is laid out on disk (`store::format`) or on a wire.

pub mod error;
pub mod event;
pub mod id;
pub mod meta;
pub mod path;
pub mod secret;
pub mod snapshot;
pub mod time;

#[cfg(test)]
mod fuzz;

pub use error::{ErrorKind, ExitCode};
pub use event::{Counters, Event, Loss, LossCause, NullObserver, Observer, Phase};
pub use id::{ChunkId, ChunkKind, ObjectDigest, RepositoryId, SessionId};
pub use meta::{FileType, Meta, Xattr};
pub use path::{ItemPath, PathError, escape_for_terminal};
pub use secret::Secret;
pub use snapshot::{ContentKind, LossNote, Mark, Origin, Outcome, Snapshot, SourceInfo, Whence};
pub use time::Timestamp;
