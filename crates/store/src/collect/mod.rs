//! Collection: deleting what no snapshot uses, beside any number of writers and readers (`docs/concurrency.md`).
//!
//! A round is planned first ([`Repository::plan_collection`], which changes nothing) and then applied
//! ([`Repository::collect`]). It takes no lock. Every step is idempotent: whoever finds a round that is not finished
//! finishes it. Time plays no part in what may be deleted; it only says how long a session is waited for.

use crate::error::StoreError;
use crate::format::collect::{Doomed, ForwardMap};
use crate::format::names::{PackClass, PackName};
use datakeep_model::{SessionId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

mod apply;
pub(crate) mod compact;
mod delete;
pub(crate) mod finish;
pub(crate) mod live;
mod plan;
pub(crate) mod sessions;

/// How a collection is to be done.
#[derive(Clone, Debug)]
pub struct CollectOptions {
    /// Packs of which more than this share of the frames is unused are rewritten, in percent; 100 rewrites none.
    pub most_unused_percent: u32,
    /// A session that has written nothing for so long is given up, by the store's clock. Giving up a run that lives costs
    /// it a little time and nothing else.
    pub patience_ms: u64,
    /// The store does not keep what collecting beside writers relies on ([`datakeep_store_blob::Tier`]): nobody is given
    /// up, however long ago it wrote, and nothing goes on while any session has no decision.
    pub alone: bool,
    /// When the collection takes place, for the record.
    pub now: Timestamp,
    /// On which host.
    pub host: String,
}

/// Room set aside for a collection on a full disk: it has to write a list, a checkpoint and a copy of that before it can
/// delete anything, and these grow with the number of packs.
pub(crate) fn reserve_bytes(stored_bytes: u64, packs: usize) -> u64 {
    (stored_bytes / 1024 + 128 * packs as u64).clamp(256 << 10, 64 << 20)
}

/// So many old records are worth a round of their own.
const RECORDS_WORTH_A_ROUND: usize = 1000;

/// What a pack is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PackUse {
    /// Which pack.
    pub name: PackName,
    /// What it holds.
    pub class: PackClass,
    /// Its stored length.
    pub len_bytes: u64,
    /// Frames that visible snapshots use.
    pub live_frames: u32,
    /// Frames in it; 0 where no snapshot that is left names it.
    pub frames: u32,
}

impl PackUse {
    /// Bytes nobody uses, about: frames are taken to be equally long.
    pub fn unused_bytes(&self) -> u64 {
        match self.frames {
            0 => self.len_bytes,
            frames => self.len_bytes / u64::from(frames) * u64::from(frames - self.live_frames.min(frames)),
        }
    }
}

/// A session without a decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenSession {
    /// Its epoch.
    pub epoch: u64,
    /// The session.
    pub session: SessionId,
    /// What it backs up; empty when its intent cannot be read.
    pub source: String,
    /// On which host.
    pub host: String,
    /// Milliseconds since it last wrote, by the store's clock; `None` when the store does not know.
    pub quiet_ms: Option<u64>,
    /// Bytes it has stored.
    pub stored_bytes: u64,
}

/// What a round would do, and why.
#[derive(Clone, Debug, Default)]
pub struct CollectPlan {
    /// The epoch it was made in.
    pub epoch: u64,
    /// A round that somebody has begun: applying the plan finishes that one.
    pub unfinished: bool,
    /// Bytes of objects that a finished round was to delete and that are still there.
    pub leftover_bytes: u64,
    /// Snapshots that stay.
    pub snapshots: u64,
    /// Forgotten snapshots whose records go.
    pub forgotten: u64,
    /// Bytes of all packs.
    pub total_bytes: u64,
    /// Packs nobody uses: they go.
    pub dead: Vec<PackUse>,
    /// Packs in which much is unused: what is used moves, and they go.
    pub rewrite: Vec<PackUse>,
    /// Packs in which something is unused, but not enough to rewrite them.
    pub kept: Vec<PackUse>,
    /// Packs of sessions without a decision: they stay until there is one.
    pub undecided: Vec<PackUse>,
    /// Sessions without a decision.
    pub open: Vec<OpenSession>,
    /// Old records that go.
    pub records: u64,
    pub(crate) live: live::Live,
    pub(crate) prune: BTreeSet<String>,
    /// For a repair that finds the round of somebody else: where not all is known that a snapshot uses, the round takes nothing
    /// and ends, so that what keeps it from being known can be mended.
    pub(crate) may_take_nothing: bool,
}

impl CollectPlan {
    /// Bytes the round frees, about: what is moved is written again.
    pub fn freed_bytes(&self) -> u64 {
        let dead: u64 = self.dead.iter().map(|pack| pack.len_bytes).sum();
        let rewritten: u64 = self.rewrite.iter().map(PackUse::unused_bytes).sum();
        dead + rewritten + self.leftover_bytes
    }

    /// Bytes of packs the round deletes.
    pub fn deleted_bytes(&self) -> u64 {
        self.dead.iter().chain(&self.rewrite).map(|pack| pack.len_bytes).sum()
    }

    /// True when there is nothing to do. Every round leaves a few records that only the next one may remove: those alone
    /// are no reason for a round.
    pub fn is_empty(&self) -> bool {
        !self.unfinished
            && self.leftover_bytes == 0
            && self.dead.is_empty()
            && self.rewrite.is_empty()
            && self.forgotten == 0
            && self.prune.len() < RECORDS_WORTH_A_ROUND
    }
}

/// What a collection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CollectStep {
    /// Moving what is used out of packs that go: bytes of these packs.
    Moving(u64),
    /// What is to go has been published.
    Condemned,
    /// There was no room to move anything: only packs that nobody uses go.
    NoRoom,
    /// The new live set has been published.
    Checkpointed,
    /// Deleting: bytes.
    Deleting(u64),
}

/// What came of a collection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CollectOutcome {
    /// The round is over.
    Done(Collected),
    /// These sessions might still use what is to go: call again once they have ended or the patience is over.
    Waiting(Vec<OpenSession>),
}

/// What a collection has done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Collected {
    /// Packs deleted.
    pub packs: u64,
    /// Their bytes.
    pub pack_bytes: u64,
    /// Other objects deleted.
    pub records: u64,
    /// Bytes of packs written anew.
    pub moved_bytes: u64,
    /// Packs that were to go and stayed, because a snapshot published meanwhile uses them.
    pub rescued: u64,
}

/// Makes of a map of doomed packs what a plan shows.
fn doomed(packs: &[PackUse]) -> BTreeMap<PackName, Doomed> {
    packs.iter().map(|pack| (pack.name, Doomed { class: pack.class, len_bytes: pack.len_bytes })).collect()
}

/// What a round has moved.
#[derive(Default)]
pub(crate) struct Moved {
    pub collector: Option<SessionId>,
    pub forwards: ForwardMap,
    pub bytes: u64,
}

pub(crate) fn stopped() -> StoreError {
    StoreError::Busy { detail: "stopped; the next collection goes on from here".to_string() }
}

pub(crate) fn overtaken() -> StoreError {
    let detail = "another collection was finished meanwhile; plan anew";
    StoreError::Busy { detail: detail.to_string() }
}
