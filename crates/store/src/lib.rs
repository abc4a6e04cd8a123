//! The repository: one encrypted, deduplicated, versioned store.
//!
//! [`Repository`] opens to readers (any number, they write nothing) and to a [`Writer`], one session that ends in one
//! decision. The bytes are specified in `docs/format.md`, the protocol and what may run beside what in
//! `docs/concurrency.md`. This crate decides nothing: it is told what to keep.
//!
//! | beside → | backup | restore, list, check | change keys or tags |
//! |---|---|---|---|
//! | **backup** | yes: names never collide, each sees the other's chunks once indexed | yes | yes |
//! | **restore, list, check** | yes: snapshots are immutable and complete before they are visible | yes | yes |
//! | **change keys or tags** | yes | yes | yes: numbered, created once; the loser reads again |

mod cache;
mod claims;
mod collect;
mod decisions;
mod entropy;
mod error;
mod fetch;
mod forget;
mod format;
mod index;
mod keys;
mod labels;
mod locked;
mod look;
mod near;
mod node_io;
mod origins;
mod pack;
mod pack_list;
mod places;
mod progress;
mod reach;
mod repair;
mod repository;
mod scrub;
mod session;
mod snapshots;
mod tree;
mod verify;
mod view;
mod writer;

pub use cache::cached_bytes;
pub use claims::{Claim, Claims, Ticket};
pub use collect::{CollectOptions, CollectOutcome, CollectPlan, CollectStep, Collected, OpenSession, PackUse};
pub use entropy::{Entropy, OsEntropy, SeededEntropy};
pub use error::StoreError;
pub use format::collect::{ForwardMap, Tombstone};
pub use format::config::Config;
pub use format::decision::Manifest;
pub use format::index::PackRecord;
pub use format::names::{PackClass, PackName};
pub use format::pack::ChunkInfo;
pub use format::reach::{FrameSet, Reach};
pub use format::slot::SlotKind;
pub use format::version::FormatVersion;
pub use index::Index;
pub use keys::{KdfLimit, NewSlot, SlotInfo, Unlock};
pub use locked::Locked;
pub use node_io::{NodeReader, content_parts, list_pages};
pub use origins::ForgottenCopies;
pub use pack::{Frame, FrameDecoder, META_PACK_TARGET_BYTES, OpenPack, PackBuilder, PlainFrame, SealedPack};
pub use pack_list::PackList;
pub use progress::{Resumed, Unfinished};
pub use repair::{DamagedPack, LabelsLost, LostSnapshot, MendedReach, RepairOutcome, RepairPlan, Repaired};
pub use repository::{InitOptions, Repository};
pub use scrub::{Scrubbed, scrub};
pub use snapshots::Companions;
pub use tree::builder::{BuiltTree, NodeSink, TreeBuilder};
pub use tree::diff::{Difference, diff};
pub use tree::entry::{Attributes, Child, ChunkRef, Content, Entry, Location, Node, Part};
pub use tree::reader::{KeyRange, NodeSource, TreeCursor};
pub use verify::{Fault, HurtFile, Share, Verified, Verify};
pub use view::WritersView;
pub use writer::{CommitRequest, SessionInfo, Writer};

pub use datakeep_process::{ChunkerParams, EvidenceKey, KdfParams, RecoveryCode, Suite, is_signed};

/// List pages and attributes: what the writer of an entry needs besides the tree.
pub mod long {
    pub use crate::node_io::{LongForm, shorten};
}
