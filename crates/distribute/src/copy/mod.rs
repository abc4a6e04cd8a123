//! Copies of snapshots in a second repository, which has keys, parameters, a password and a retention of its own.
//!
//! A snapshot that is read is a source like any other: it goes through the one pipeline, is cut and named as is the way
//! of the repository that is written to, and so shares what is stored there with everything else. What a copy comes from
//! stands in its manifest ([`datakeep_model::Origin`]), and by that alone is it known what has been copied.

mod choose;
mod content;
mod proof;
mod source;
mod tables;

pub use choose::{CopyPlan, PlannedCopy, Standing, Wanted};
pub use proof::{Compared, Depth};

use crate::error::DistributeError;
use choose::{SharedBy, losses, nearest, shared};
use datakeep_connector::ConnectorError;
use datakeep_engine::{BackupOptions, Original, RunContext};
use datakeep_model::{ContentKind, Counters, ErrorKind, Event, Loss, Origin, Phase, SessionId};
use datakeep_store::{Difference, Entry, KeyRange, Manifest, NodeReader, Repository, diff};
use source::{Base, SnapshotSource};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The two repositories. The first is only read.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// What is copied from.
    pub from: &'a Arc<Repository>,
    /// What is copied to.
    pub to: &'a Arc<Repository>,
}

impl<'a> Pair<'a> {
    /// Refuses one repository under two names, also as two copies of the same directory: a snapshot and its copy could not
    /// be told apart.
    pub fn new(from: &'a Arc<Repository>, to: &'a Arc<Repository>) -> Result<Self, DistributeError> {
        if from.config().repository != to.config().repository {
            return Ok(Self { from, to });
        }
        let message = "the repository to copy to is the one that is copied from".to_string();
        let hint = Some("name another repository; `datakeep init` makes one".to_string());
        Err(DistributeError::Usage { message, hint })
    }
}

/// What copying one snapshot did.
#[derive(Debug)]
pub struct CopyReport {
    /// The copy.
    pub copy: Manifest,
    /// What the run did, by its own count (the copy says what the original says).
    pub counters: Counters,
    /// Content bytes read from the first repository.
    pub read_bytes: u64,
    /// Tree nodes read from the first repository to find what is to be copied. What is equal in the snapshot and in the one
    /// whose copy is there is read once.
    pub nodes_read: u64,
    /// What was lost, or came over imperfect; at most the first thousand.
    pub losses: Vec<Loss>,
    /// The interrupted run that was taken up.
    pub resumed: Option<SessionId>,
    /// The copy held against the original.
    pub compared: Compared,
}

/// Copies snapshots of one repository to another, and knows what is in both.
pub struct Copier<'a> {
    pair: Pair<'a>,
    /// Snapshots of the first repository when this was made.
    from: Vec<Manifest>,
    /// Snapshots of the second repository then, and what has been copied since. That others have forgotten one meanwhile
    /// does no harm: nothing is taken over from what is not there.
    to: Vec<Manifest>,
}

impl<'a> Copier<'a> {
    /// Looks at both repositories.
    pub fn new(pair: Pair<'a>) -> Result<Self, DistributeError> {
        let ((from, _), (to, unreadable)) = (pair.from.snapshots()?, pair.to.snapshots()?);
        // Among what cannot be read may be a copy: to make it again is not for this run to decide.
        if let Some(fault) = unreadable.into_iter().next() {
            return Err(fault.into());
        }
        Ok(Self { pair, from, to })
    }

    /// Works out what of `chosen`, oldest first, is to be copied. Writes nothing.
    pub fn plan(&self, chosen: &[Manifest], wanted: Wanted) -> Result<CopyPlan, DistributeError> {
        choose::plan(self.pair, (&self.from, &self.to), chosen, wanted)
    }

    /// Copies one snapshot and holds the copy against it. `manifest` is as listed now, with its labels.
    pub fn copy(
        &mut self,
        manifest: &Manifest,
        options: &BackupOptions,
        depth: Depth,
        context: &RunContext<'_>,
    ) -> Result<CopyReport, DistributeError> {
        let pair = self.pair;
        let base = self.find_base(manifest);
        let origin = Origin::of_copy(&manifest.snapshot, pair.from.config().repository, context.clock.now());
        let parent = base.as_ref().map(|base| base.copy);
        let original = Original { snapshot: manifest.snapshot.clone(), origin, parent };
        if manifest.snapshot.content == ContentKind::Tables {
            return self.copy_tables(manifest, &original, (options, depth), context);
        }
        let mut source = SnapshotSource::new(pair.from, manifest.clone(), base);
        let report = datakeep_engine::copy(pair.to, &mut source, &original, options, context)?;
        let read_bytes = source.room.read_bytes.load(Ordering::Relaxed);
        let nodes_read = source.room.nodes_read.load(Ordering::Relaxed);
        let Some(copy) = report.manifest else {
            let message = "a copy cannot be a dry run: plan it".to_string();
            return Err(DistributeError::Usage { message, hint: None });
        };
        self.to.push(copy.clone());
        let lost = report.losses.iter().map(|loss| loss.path.to_key()).collect();
        let excused = Excused { lost, count: report.counters.losses };
        let compared = self.hold((manifest, &copy), &excused, (depth, options.workers), context)?;
        let (counters, losses, resumed) = (report.counters, report.losses, report.resumed);
        Ok(CopyReport { copy, counters, read_bytes, nodes_read, losses, resumed, compared })
    }

    /// Holds what stands in the second repository under a name against its original; `None` when it is no copy.
    pub fn compare(
        &self,
        manifest: &Manifest,
        copy: SessionId,
        (depth, workers): (Depth, usize),
        context: &RunContext<'_>,
    ) -> Result<Option<Compared>, DistributeError> {
        let Some(copy) = self.to.iter().find(|there| there.snapshot.id == copy) else { return Ok(None) };
        let Some(origin) = &copy.snapshot.origin else { return Ok(None) };
        let lost = copy.snapshot.losses.iter().map(|loss| loss.path.to_key()).collect();
        let excused = Excused { lost, count: origin.losses };
        self.hold((manifest, copy), &excused, (depth, workers), context).map(Some)
    }

    /// Holds a copy against its original. What is forgotten and collected while it is read looks like damage: it is gone by
    /// right, and no other copy need suffer for it.
    fn hold(
        &self,
        (manifest, copy): (&Manifest, &Manifest),
        excused: &Excused,
        how: (Depth, usize),
        context: &RunContext<'_>,
    ) -> Result<Compared, DistributeError> {
        let held = match manifest.snapshot.content {
            ContentKind::Tables => self.hold_tables((manifest, copy), how.0, context),
            ContentKind::Files => proof::compare(self.pair, (manifest, copy), excused, how, context),
        };
        let error = match held {
            Err(error) if error.kind() == ErrorKind::Integrity => error,
            other => return other,
        };
        let is_gone = |repository: &Repository, id: SessionId| {
            // What cannot be read may be the one that is looked for.
            let is_absent = |there: Vec<Manifest>| there.iter().all(|manifest| manifest.snapshot.id != id);
            repository.snapshots().is_ok_and(|(there, faults)| faults.is_empty() && is_absent(there))
        };
        let (original, id) = (manifest.snapshot.id, copy.snapshot.id);
        let message = if is_gone(self.pair.to, id) {
            format!("copy {id} of snapshot {original} was forgotten before it was compared")
        } else if is_gone(self.pair.from, original) {
            format!("snapshot {original} was forgotten before its copy {id} was compared with it; the copy stays")
        } else {
            return Err(error);
        };
        Err(ConnectorError::new(ErrorKind::NotFound, message).into())
    }

    /// The snapshot whose copy shares most: an earlier and partial copy of the same; else that of the nearest snapshot of
    /// the source, rather older than newer.
    fn find_base(&self, manifest: &Manifest) -> Option<Base> {
        let copies = SharedBy::new(self.pair.to, &self.to);
        let copy_of = |candidate: &Manifest| shared(self.pair.from, &candidate.snapshot, &copies);
        let copied = self.from.iter().filter(|candidate| copy_of(candidate).is_some());
        let copied: BTreeSet<SessionId> = copied.map(|candidate| candidate.snapshot.id).collect();
        let base = nearest(&self.from, manifest, &copied)?;
        let manifest = self.from.iter().find(|candidate| candidate.snapshot.id == base)?;
        let copy = copy_of(manifest)?;
        let is_partial = losses(copy) > losses(manifest);
        Some(Base { manifest: manifest.clone(), copy: copy.snapshot.id, is_partial })
    }
}

/// What a copy may lack, because that has been told and counted.
struct Excused {
    /// Keys of what was lost; the first thousand.
    lost: BTreeSet<Vec<u8>>,
    /// How many there are.
    count: u64,
}

impl Excused {
    fn tells_of(&self, key: &[u8]) -> bool {
        self.lost.contains(key) || self.count > self.lost.len() as u64
    }
}

/// Content bytes that copying a snapshot would read, when `base` has been copied. Reads only what differs of both trees.
pub fn bytes_to_read(
    repository: &Repository,
    manifest: &Manifest,
    base: Option<&Manifest>,
) -> Result<u64, DistributeError> {
    let Some(base) = base else { return Ok(manifest.snapshot.counters.len_bytes) };
    let mut len_bytes = 0u64;
    let mut add = |entry: &Entry| len_bytes = len_bytes.saturating_add(entry.meta.len_bytes);
    let roots = ((base.root, base.root_level), (manifest.root, manifest.root_level));
    diff(&mut NodeReader::searching(repository)?, roots.0, roots.1, &KeyRange::default(), &mut |difference| {
        match difference {
            Difference::Added(new) => add(&new),
            Difference::Changed { old, new } if !old.has_same_content(&new) => add(&new),
            _ => {}
        }
        Ok(())
    })?;
    Ok(len_bytes)
}

/// Tells that copies are held against originals now.
fn tell_phase(context: &RunContext<'_>) {
    context.observer.observe(&Event::Phase(Phase::Verifying));
}
