//! The snapshots as somebody sees them who only reads: with as few requests as can be.
//!
//! One listing of the front ([`FRONT`]) shows tombstones, checkpoints and the names of decisions. The names need not have
//! been looked at in any order, so what it says of checkpoints is good for two things only: that a commit which a
//! checkpoint lists is no void one, now and for ever; and that nothing has changed when a second listing, after the
//! decisions have been read, shows the same newest checkpoint. The order of `docs/concurrency.md`, the fence after the
//! decisions, holds for every commit that is shown; explored as `ReadFrontFirst` in `tests/it/protocol`.

use crate::error::StoreError;
use crate::format::collect::Checkpoint;
use crate::format::decision::{Decision, Manifest};
use crate::format::names;
use crate::format::sealed;
use crate::format::version::{FRONT, FormatVersion};
use crate::repository::Repository;
use crate::view::{self, View};
use datakeep_model::SessionId;
use datakeep_store_blob::Listed;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// Snapshots, and what could not be read as one.
type Found = (Vec<Manifest>, Vec<StoreError>);

impl Repository {
    /// Snapshots for somebody who reads them, oldest first, and what could not be read as one: all, or the one of this id.
    /// Their labels are those they were made with.
    ///
    /// The first time this says what was so when the repository was opened: a snapshot forgotten since may be among them,
    /// as one may be that is forgotten a moment later. Void ones never are.
    pub fn snapshots_to_read(&self, only: Option<SessionId>) -> Result<Found, StoreError> {
        let front = self.front.lock().unwrap_or_else(PoisonError::into_inner).take();
        let front = front.map_or_else(|| self.list_front(), Ok)?;
        let (mut manifests, faults) = match self.look(&front, only)? {
            Some(manifests) => (manifests, Vec::new()),
            None => self.visible()?,
        };
        manifests.retain(|manifest| only.is_none_or(|only| manifest.snapshot.id == only));
        manifests.sort_by_key(|m| (m.snapshot.started, m.snapshot.id));
        Ok((manifests, faults))
    }

    fn list_front(&self) -> Result<Vec<Listed>, StoreError> {
        let front = self.blobs.list_between(FRONT.0, FRONT.1)?;
        if front.iter().any(|listed| listed.name == names::CONFIG) {
            return Ok(front);
        }
        Err(StoreError::Missing { object: names::CONFIG.to_string() })
    }

    /// What a listing leads to; `None` where it is not as simple as that and everything is to be looked at anew, in order.
    fn look(&self, front: &[Listed], only: Option<SessionId>) -> Result<Option<Vec<Manifest>>, StoreError> {
        let epoch = newest_epoch(front);
        let mut over = self.forgotten_in(front);
        let is_wanted = |session: &SessionId| only.is_none_or(|only| only == *session);
        let mut lone = lone_copies(front);
        lone.retain(|(_, session)| is_wanted(session) && !over.contains(session));
        if only.is_some() && !lone.is_empty() {
            return Ok(None);
        }
        let mut commits = Vec::new();
        for listed in front.iter().filter(|listed| listed.name.starts_with(names::COMMITS)) {
            let Some(commit) = names::parse_epoch_session(&listed.name) else { return Ok(None) };
            if is_wanted(&commit.1) && !over.contains(&commit.1) {
                commits.push((commit, listed));
            }
        }
        let mut checkpoint = None;
        if epoch > 0 && (only.is_none() || commits.iter().any(|((of, _), _)| *of < epoch)) {
            let Ok(found) = view::read_checkpoint(self, epoch) else { return Ok(None) };
            commits.retain(|(commit, _)| commit.0 >= epoch || found.commits.contains(commit));
            lone.retain(|commit| commit.0 >= epoch || found.commits.contains(commit));
            let named = registers(front, names::COMMITS);
            let is_missing = |commit: &&(u64, SessionId)| !named.contains(commit) && !over.contains(&commit.1);
            if only.is_none() && found.commits.iter().any(|commit| is_missing(&commit)) {
                return Ok(None);
            }
            checkpoint = Some(found);
        }
        if !lone.is_empty() {
            return Ok(None);
        }
        commits.retain(|(_, listed)| !is_abort(listed));
        let proven: BTreeSet<SessionId> =
            commits.iter().filter(|((of, _), _)| *of < epoch).map(|((_, session), _)| *session).collect();
        let names: Vec<String> = commits.into_iter().map(|(_, listed)| listed.name.clone()).collect();
        let mut manifests = Vec::new();
        for decision in self.read_each(&names, &|name| self.read_decision_near(name)) {
            match decision {
                Ok(Decision::Commit(manifest)) => manifests.push(*manifest),
                // By its length it was none: what the cache remembers has been replaced.
                Ok(Decision::Abort) | Err(_) => return Ok(None),
            }
        }
        self.is_unsettled.store(true, Ordering::SeqCst);
        let mut front_now = None;
        if manifests.iter().any(|manifest| !proven.contains(&manifest.snapshot.id)) {
            let now = self.list_front()?;
            if newest_epoch(&now) != epoch {
                return Ok(None);
            }
            over.extend(self.forgotten_in(&now));
            front_now = Some(now);
        }
        if self.config.version == FormatVersion::One {
            over.extend(self.forgotten()?);
        }
        manifests.retain(|manifest| !over.contains(&manifest.snapshot.id));
        if epoch == 0 || checkpoint.is_some() {
            self.keep_view(front_now.as_deref().unwrap_or(front), epoch, checkpoint);
        }
        Ok(Some(manifests))
    }

    /// Keeps what is known of collections, where nothing is known yet.
    fn keep_view(&self, front: &[Listed], epoch: u64, checkpoint: Option<Checkpoint>) {
        if self.view.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return;
        }
        let is_condemned = front.iter().any(|listed| listed.name == names::condemned(epoch + 1));
        let condemned = if is_condemned { view::read_condemned(self, epoch + 1) } else { Ok(None) };
        // What is damaged there is told when somebody needs it.
        let Ok(condemned) = condemned else { return };
        let view = Arc::new(View::new(epoch, checkpoint, condemned));
        self.view.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(view);
    }
}

/// An ABORT is known by its length.
fn is_abort(listed: &Listed) -> bool {
    listed.len_bytes == sealed::EMPTIEST_LEN_BYTES + 1
}

/// Registers of which a listing shows an object in a folder.
fn registers(front: &[Listed], folder: &str) -> BTreeSet<(u64, SessionId)> {
    let listed = front.iter().filter(|listed| listed.name.starts_with(folder));
    listed.filter_map(|listed| names::parse_epoch_session(&listed.name)).collect()
}

/// Second copies of decisions without a register that may say the same: a repair has taken that away because it is
/// damaged, and has not made it again yet.
fn lone_copies(front: &[Listed]) -> BTreeSet<(u64, SessionId)> {
    let mut copies = registers(front, names::DECISION_COPIES);
    for listed in front.iter().filter(|listed| listed.name.starts_with(names::COMMITS) && !is_abort(listed)) {
        if let Some(register) = names::parse_epoch_session(&listed.name) {
            copies.remove(&register);
        }
    }
    copies
}

/// The newest epoch of which a checkpoint is listed; 0 while there is none.
fn newest_epoch(front: &[Listed]) -> u64 {
    let checkpoints = front.iter().filter(|listed| listed.name.starts_with(names::CHECKPOINTS));
    checkpoints.filter_map(|listed| names::parse_epoch(&listed.name)).max().unwrap_or(0)
}
