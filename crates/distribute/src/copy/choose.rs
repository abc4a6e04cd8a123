//! Which snapshots are to be copied: a plan, made of what both repositories say.

use super::Pair;
use crate::error::DistributeError;
use datakeep_model::{SessionId, Snapshot, Whence};
use datakeep_store::{Manifest, Repository};
use std::collections::{BTreeMap, BTreeSet};

/// What somebody wants in the second repository.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// These snapshots, whatever was forgotten there.
    Named,
    /// Everything that is not there, but for what was there and has been forgotten, and what came from there.
    New,
    /// Everything that is not there.
    All,
}

/// What a snapshot is to the second repository.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It, or a copy of it, is there.
    There {
        /// Its name there.
        copy: SessionId,
    },
    /// A copy is there that lacks something which this has.
    Partial {
        /// Its name there.
        copy: SessionId,
        /// Items it lacks, or has imperfect.
        losses: u64,
    },
    /// A copy was there and has been forgotten.
    Forgotten,
    /// It was made there, or copied through there, and has been forgotten there.
    CameFromThere,
    /// Never seen there.
    Missing,
}

/// One snapshot of a plan.
#[derive(Clone, Debug)]
pub struct PlannedCopy {
    /// The snapshot.
    pub manifest: Manifest,
    /// What it is to the second repository.
    pub standing: Standing,
    /// It is to be copied.
    pub is_to_copy: bool,
    /// The snapshot of the first repository whose copy is there, or will be, when this one's turn comes, and that is next
    /// to it: what is the same in both need not be read.
    pub base: Option<SessionId>,
}

/// What is to be done, oldest snapshot first.
pub type CopyPlan = Vec<PlannedCopy>;

/// Items that copying lost on the way to where a snapshot is now.
pub(super) fn losses(manifest: &Manifest) -> u64 {
    manifest.snapshot.origin.as_ref().map_or(0, |origin| origin.losses)
}

/// Snapshots by everything that they are.
pub(super) struct SharedBy<'m>(BTreeMap<Whence, &'m Manifest>);

impl<'m> SharedBy<'m> {
    /// Of several that are the same, the one that lacks least counts; of these the newest.
    pub fn new(repository: &Repository, manifests: &'m [Manifest]) -> Self {
        let mut by = BTreeMap::new();
        for manifest in manifests {
            for whence in manifest.snapshot.identities(repository.config().repository) {
                let best = by.entry(whence).or_insert(manifest);
                if losses(manifest) <= losses(best) {
                    *best = manifest;
                }
            }
        }
        Self(by)
    }
}

/// The snapshot of the second repository that is the same as one of the first.
pub(super) fn shared<'m>(from: &Repository, snapshot: &Snapshot, by: &SharedBy<'m>) -> Option<&'m Manifest> {
    let found = snapshot.identities(from.config().repository).filter_map(|whence| by.0.get(&whence).copied());
    found.min_by_key(|manifest| losses(manifest))
}

/// Works out what of `chosen` is to be copied, given all snapshots of both repositories in order of time.
pub(super) fn plan(
    pair: Pair<'_>,
    (from, to): (&[Manifest], &[Manifest]),
    chosen: &[Manifest],
    wanted: Wanted,
) -> Result<CopyPlan, DistributeError> {
    let (by, forgotten) = (SharedBy::new(pair.to, to), pair.to.forgotten_copies()?);
    let (own, other) = (pair.from.config().repository, pair.to.config().repository);
    let standing = |manifest: &Manifest| {
        let snapshot = &manifest.snapshot;
        match shared(pair.from, snapshot, &by) {
            Some(there) if losses(there) > losses(manifest) => {
                Standing::Partial { copy: there.snapshot.id, losses: losses(there) - losses(manifest) }
            }
            Some(there) => Standing::There { copy: there.snapshot.id },
            None if snapshot.identities(own).any(|whence| whence.repository == other) => Standing::CameFromThere,
            None if snapshot.identities(own).any(|whence| forgotten.contains(&whence)) => Standing::Forgotten,
            None => Standing::Missing,
        }
    };
    let mut copied: BTreeSet<SessionId> = from
        .iter()
        .filter(|manifest| shared(pair.from, &manifest.snapshot, &by).is_some())
        .map(|manifest| manifest.snapshot.id)
        .collect();
    let mut plan = CopyPlan::new();
    for manifest in chosen {
        let standing = standing(manifest);
        let is_to_copy = match standing {
            Standing::There { .. } => false,
            Standing::Partial { .. } => wanted == Wanted::Named,
            Standing::Forgotten | Standing::CameFromThere => wanted != Wanted::New,
            Standing::Missing => true,
        };
        let base = if is_to_copy { nearest(from, manifest, &copied) } else { None };
        if is_to_copy {
            copied.insert(manifest.snapshot.id);
        }
        plan.push(PlannedCopy { manifest: manifest.clone(), standing, is_to_copy, base });
    }
    Ok(plan)
}

/// The nearest snapshot of the same source among those that are, or will be, copied: rather of the same host, rather
/// older than newer. `from` is in order of time.
pub(super) fn nearest(from: &[Manifest], manifest: &Manifest, copied: &BTreeSet<SessionId>) -> Option<SessionId> {
    let source = &manifest.snapshot.source;
    let here = from.iter().position(|m| m.snapshot.id == manifest.snapshot.id).unwrap_or(from.len());
    let fitting = from.iter().enumerate().filter(|(_, other)| {
        let other = &other.snapshot;
        (&other.source.kind, &other.source.name) == (&source.kind, &source.name) && copied.contains(&other.id)
    });
    let rank =
        |(at, other): &(usize, &Manifest)| (other.snapshot.source.host != source.host, *at > here, at.abs_diff(here));
    fitting.min_by_key(rank).map(|(_, manifest)| manifest.snapshot.id)
}
