//! Repair: what is whole is kept, what is damaged is set aside, and nothing refers to it any longer
//! (`docs/decisions/0007-repair.md`).
//!
//! A repair of packs is a round of collection whose list holds the damaged packs: their whole frames move as in any
//! round, and what cannot be read is marked as lost in the forward map. Nothing is deleted before a copy of it stands in
//! quarantine.

use crate::collect::OpenSession;
use crate::format::names::{PackClass, PackName};
use crate::verify::Fault;
use datakeep_model::SessionId;
use std::collections::BTreeMap;

mod apply;
mod index;
mod plan;

/// A pack that is not as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DamagedPack {
    /// Which pack.
    pub name: PackName,
    /// What it holds.
    pub class: PackClass,
    /// Its length as found, or as it should be when it is missing.
    pub len_bytes: u64,
    /// True when it is not there at all.
    pub is_missing: bool,
    /// What is wrong, in words.
    pub error: String,
    /// Frames that snapshots use.
    pub used_frames: u32,
    /// Those of them that cannot be read.
    pub lost_frames: Vec<u32>,
    /// Snapshots that use what cannot be read.
    pub snapshots: Vec<SessionId>,
}

impl DamagedPack {
    /// The object's name.
    pub fn object(&self) -> String {
        self.name.object(self.class)
    }
}

/// What a repair would do.
#[derive(Debug, Default)]
pub struct RepairPlan {
    /// The epoch it was made in.
    pub epoch: u64,
    /// A round of a collection or repair that somebody has begun: applying the plan finishes that one first.
    pub unfinished: bool,
    /// Damaged packs: what is whole moves, they are set aside.
    pub packs: Vec<DamagedPack>,
    /// Index objects that are damaged or missing: made again from packs.
    pub indexes: Vec<String>,
    /// Damaged checkpoints, of which there is another copy: a round replaces them.
    pub checkpoints: Vec<String>,
    /// Packs that an interrupted repair has set aside and not removed from their place.
    pub leftover: Vec<String>,
    /// Damage that cannot be mended yet. Packs are not touched while there is any: what snapshots use is not known then.
    pub beyond: Vec<Fault>,
    /// Sessions without a decision: a repair of packs waits for them as a collection does.
    pub open: Vec<OpenSession>,
    pub(crate) used: BTreeMap<PackName, Vec<u32>>,
}

impl RepairPlan {
    /// True when there is nothing to do.
    pub fn is_empty(&self) -> bool {
        !self.unfinished
            && self.packs.is_empty()
            && self.indexes.is_empty()
            && self.checkpoints.is_empty()
            && self.leftover.is_empty()
    }
}

/// What came of a repair.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RepairOutcome {
    /// The plan is carried out.
    Done(Repaired),
    /// A round that somebody had begun is finished: plan anew.
    Finished,
    /// These sessions might still use what is damaged: call again once they have ended or the patience is over.
    Waiting(Vec<OpenSession>),
}

/// What a repair has done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Repaired {
    /// Packs set aside.
    pub packs: u64,
    /// Bytes of frames written anew.
    pub moved_bytes: u64,
    /// Packs that stay because a snapshot published meanwhile uses them: repair again.
    pub rescued: u64,
    /// Index objects replaced.
    pub indexes: u64,
    /// Checkpoints replaced.
    pub checkpoints: u64,
}
