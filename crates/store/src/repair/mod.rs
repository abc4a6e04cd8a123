//! Repair: what is whole is kept, what is damaged is set aside, and nothing refers to it any longer
//! (`docs/decisions/0007-repair.md`).
//!
//! A repair of packs is a round of collection whose list holds the damaged packs: their whole frames move as in any
//! round, and what cannot be read is marked as lost in the forward map. Nothing is deleted before a copy of it stands in
//! quarantine.

use crate::collect::OpenSession;
use crate::format::decision::Manifest;
use crate::format::names::{self, PackClass, PackName};
use crate::format::reach::Mended;
use crate::verify::Fault;
use datakeep_model::{ObjectDigest, SessionId, Timestamp};
use std::collections::BTreeMap;

mod apply;
mod index;
mod mend;
mod plan;
mod records;

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

/// A reach object that is damaged or missing, and what is put in its place.
#[derive(Debug)]
pub struct MendedReach {
    /// The object.
    pub object: String,
    /// Whose it is.
    pub snapshot: SessionId,
    /// The snapshot's tree cannot be walked whole: everything there is now counts as used, until the snapshot is
    /// forgotten.
    pub keeps_all: bool,
    /// What is wrong, in words.
    pub error: String,
    made: Mended,
}

/// A snapshot of which neither the decision nor a copy of it is whole. Nothing else says what was in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LostSnapshot {
    /// Its epoch.
    pub epoch: u64,
    /// The snapshot.
    pub snapshot: SessionId,
    /// What it was of; empty when its intent cannot be read either.
    pub source: String,
    /// On which host.
    pub host: String,
    /// When its run began.
    pub started: Option<Timestamp>,
    /// What is wrong, in words.
    pub error: String,
    /// Its owner agrees that it is lost: it is forgotten, and the next collection may free what only it used.
    pub is_given_up: bool,
}

/// Changes of labels that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabelsLost {
    /// Whose they are.
    pub snapshot: SessionId,
    /// The labels in force without them.
    pub labels: Vec<String>,
}

/// A damaged record that is copied into quarantine and removed from its place.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Aside {
    object: String,
    proof: Proof,
}

/// What shows that a record is whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Proof {
    /// It opens under its name and can be decoded.
    Opens,
    /// As that, and it says COMMIT.
    Commit,
    /// Its digest is this.
    Digest(ObjectDigest),
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
    /// Packs in use that no whole index object names: they are indexed.
    pub unindexed: Vec<String>,
    /// Damaged checkpoints, of which there is another copy: a round replaces them.
    pub checkpoints: Vec<String>,
    /// Reach objects that are damaged or missing: made again from trees.
    pub reaches: Vec<MendedReach>,
    /// Decisions, or second copies of them, that are damaged or missing: made again from the other of the two.
    pub decisions: Vec<String>,
    /// Snapshots of which no decision is left. Packs are not touched and nothing is collected while there is one that is
    /// not given up.
    pub lost: Vec<LostSnapshot>,
    /// Snapshots of which labels are damaged: older ones are in force again.
    pub labels: Vec<LabelsLost>,
    /// Packs that an interrupted repair has set aside and not removed from their place.
    pub leftover: Vec<String>,
    /// Damage that cannot be mended yet. Packs are not touched while there is any: what snapshots use is not known then.
    pub beyond: Vec<Fault>,
    /// Sessions without a decision: a repair of packs waits for them as a collection does.
    pub open: Vec<OpenSession>,
    pub(crate) used: BTreeMap<PackName, Vec<u32>>,
    /// Damaged records that are set aside, those of the lists above among them.
    aside: Vec<Aside>,
    /// Damaged or missing intents of snapshots: made again from the manifest.
    intents: Vec<(String, Manifest)>,
    manifests: Vec<Manifest>,
}

impl RepairPlan {
    /// True when there is nothing to do.
    pub fn is_empty(&self) -> bool {
        !self.unfinished
            && self.packs.is_empty()
            && self.indexes.is_empty()
            && self.unindexed.is_empty()
            && self.checkpoints.is_empty()
            && self.leftover.is_empty()
            && self.records().is_empty()
            && self.lost.iter().all(|lost| !lost.is_given_up)
    }

    /// Damaged records that are made again or set aside, by name.
    pub fn records(&self) -> Vec<String> {
        let reaches = self.reaches.iter().map(|reach| reach.object.clone());
        let all =
            reaches.chain(self.decisions.iter().cloned()).chain(self.intents.iter().map(|(name, _)| name.clone()));
        let mut all: Vec<String> = all.chain(self.aside.iter().map(|aside| aside.object.clone())).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// How many intents are made again.
    pub fn intents_remade(&self) -> usize {
        self.intents.len()
    }

    /// Agrees that a snapshot is lost of which no decision is left; false when the plan names no such snapshot.
    pub fn give_up(&mut self, snapshot: SessionId) -> bool {
        let mut found = self.lost.iter_mut().filter(|lost| lost.snapshot == snapshot);
        found.next().map(|lost| lost.is_given_up = true).is_some()
    }

    /// True when what snapshots use is not known: then no pack is set aside.
    pub fn is_blind(&self) -> bool {
        // Labels and the config say nothing of what is used.
        let says_of_use = |fault: &Fault| !fault.what.starts_with("tags/") && fault.what != names::CONFIG;
        self.beyond.iter().any(says_of_use) || self.lost.iter().any(|lost| !lost.is_given_up)
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
    /// Index objects replaced, or one where packs had none.
    pub indexes: u64,
    /// Checkpoints replaced.
    pub checkpoints: u64,
    /// Reach objects made again.
    pub reaches: u64,
    /// Decisions and copies of decisions made again.
    pub decisions: u64,
    /// Intents made again.
    pub intents: u64,
    /// Snapshots whose older labels are in force again.
    pub labels: u64,
    /// Snapshots that were lost and are given up.
    pub given_up: u64,
}

impl MendedReach {
    /// How many frames it names.
    #[doc(hidden)]
    pub fn frames(&self) -> u32 {
        self.made.reach.packs.values().map(|(_, frames)| frames.count()).sum()
    }

    /// A bug to be found, for tests: a frame is left out of what stands in for the object.
    #[doc(hidden)]
    pub fn plant_a_lack(&mut self, frame: u32, keeps_all: bool) {
        let (mut number, mut thinned) = (0, crate::format::reach::Reach::default());
        for (name, (record, frames)) in &self.made.reach.packs {
            let mut left = crate::format::reach::FrameSet::default();
            for used in (0..record.frames).filter(|used| frames.contains(*used)) {
                if number != frame {
                    left.insert(used);
                }
                number += 1;
            }
            thinned.packs.insert(*name, (*record, left));
        }
        (self.made.reach, self.made.keeps_all) = (thinned, keeps_all);
    }
}
