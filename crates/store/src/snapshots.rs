//! Reading snapshots and their labels.

use crate::decisions::ReadDecision;
use crate::error::{StoreError, must_exist};
use crate::format::decision::{self, Decision, Manifest};
use crate::format::names;
use crate::format::reach::Reach;
use crate::format::sealed::{MAX_STORED_LEN_BYTES, ObjectType};
use crate::index;
use crate::node_io::NodeReader;
use crate::repository::Repository;
use crate::tree::reader::{KeyRange, TreeCursor};
use crate::view::{View, WritersView};
use datakeep_model::{ErrorKind, SessionId};
use datakeep_process::digest;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Notes what a decision that counts says.
fn sort(decision: Result<Decision, StoreError>, manifests: &mut Vec<Manifest>, faults: &mut Vec<StoreError>) {
    match decision {
        Ok(Decision::Commit(manifest)) => manifests.push(*manifest),
        Ok(Decision::Abort) => {}
        Err(error) if error.kind() == ErrorKind::Integrity => faults.push(error),
        // Whatever keeps a decision from being read: a snapshot may be there.
        Err(error) => faults.push(StoreError::Unsound { detail: error.to_string() }),
    }
}

/// Objects beside a snapshot's content that were looked at with it.
#[derive(Debug, Default)]
pub struct Companions {
    /// What is wrong with them.
    pub faults: Vec<StoreError>,
}

impl Repository {
    /// All snapshots, oldest first, and what could not be read as one. Forgotten ones and void ones are none.
    pub fn snapshots(&self) -> Result<(Vec<Manifest>, Vec<StoreError>), StoreError> {
        let (mut manifests, mut faults) =
            self.visible_by(&|name| self.read_decision_near(name), &|| self.refresh_view())?;
        faults.extend(self.put_labels(&mut manifests)?);
        manifests.sort_by_key(|m| (m.snapshot.started, m.snapshot.id));
        Ok((manifests, faults))
    }

    /// The snapshots that a session which has just been opened may compare with, without their labels, oldest first. Where the
    /// store keeps what it shows, the fence is the session's. A round that was known when it was opened may have ended since: a
    /// snapshot that is void or forgotten may be among them, which is good for comparing and for nothing else.
    pub fn snapshots_within(&self, writer: &WritersView) -> Result<Vec<Manifest>, StoreError> {
        let fence = || match self.blobs.keeps_what_it_shows() {
            true => Ok(writer.view.clone()),
            false => self.refresh_view(),
        };
        let (mut manifests, _) = self.visible_by(&|name| self.read_decision_near(name), &fence)?;
        manifests.sort_by_key(|m| (m.snapshot.started, m.snapshot.id));
        Ok(manifests)
    }

    /// Makes durable every commit that has been seen, whoever stored it. Those of epochs below the fence are: whoever
    /// made the checkpoint has done this before. Nothing is done when nothing was seen since.
    pub(crate) fn settle_commits(&self) -> Result<(), StoreError> {
        let view = self.view()?;
        if !self.is_unsettled.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let settled = match view.fault {
            // Which epochs there are is not known.
            Some(_) => self.blobs.settle(names::COMMITS),
            None => (view.epoch..=view.epoch + 1).try_for_each(|epoch| self.blobs.settle(&names::commits_of(epoch))),
        };
        settled.inspect_err(|_| self.is_unsettled.store(true, Ordering::SeqCst))?;
        Ok(())
    }

    /// Visible commits, and what could not be read as a decision.
    pub(crate) fn visible(&self) -> Result<(Vec<Manifest>, Vec<StoreError>), StoreError> {
        self.visible_by(&|name| self.read_decision(name), &|| self.refresh_view())
    }

    fn visible_by(
        &self,
        read: &ReadDecision<'_>,
        fence: &dyn Fn() -> Result<Arc<View>, StoreError>,
    ) -> Result<(Vec<Manifest>, Vec<StoreError>), StoreError> {
        let decisions = self.decisions(read)?;
        // Tombstones and fence are looked at after the last decision was read: a run that was given up and passed by may
        // have put a void commit where its ABORT was removed.
        let forgotten = self.forgotten()?;
        let view = fence()?;
        let is_over = |(epoch, session): (u64, SessionId)| view.is_void(epoch, session) || forgotten.contains(&session);
        self.is_unsettled.store(true, Ordering::SeqCst);
        let (mut manifests, mut faults) = (Vec::new(), Vec::new());
        faults.extend(view.fault.iter().map(|fault| StoreError::Unsound { detail: fault.clone() }));
        let mut expected = view.checkpoint.as_ref().map(|c| c.commits.clone()).unwrap_or_default();
        for (parsed, decision) in decisions {
            if let Some(commit) = parsed {
                expected.remove(&commit);
            }
            if !parsed.is_some_and(is_over) {
                sort(decision, &mut manifests, &mut faults);
            }
        }
        for commit in expected.into_iter().filter(|commit| !forgotten.contains(&commit.1)) {
            let object = names::decision(commit.0, commit.1);
            match self.blobs.len_bytes(&object)? {
                // A listing has left it out: it is no less there.
                Some(_) => sort(self.decision_of(commit, read)?, &mut manifests, &mut faults),
                // It may have been forgotten and removed since.
                None if self.refresh_view()?.is_void(commit.0, commit.1) => {}
                None => faults.push(StoreError::Missing { object }),
            }
        }
        Ok((manifests, faults))
    }

    /// Looks at what a restore has no use for: the session's intent, decision, index and labels. Damage there takes nothing from
    /// the snapshot, and its owner should know.
    pub fn companions(&self, manifest: &Manifest) -> Companions {
        let (epoch, session) = (manifest.snapshot.epoch, manifest.snapshot.id);
        let mut faults = Vec::new();
        let mut note = |result: Result<(), StoreError>| faults.extend(result.err());
        let intent = names::intent(epoch, session);
        note(
            self.read_sealed(ObjectType::Intent, &intent)
                .and_then(|plain| decision::decode_intent(&plain).map(|_| ()).map_err(|e| e.of(&intent))),
        );
        note(self.read_decision(&names::decision(epoch, session)).map(|_| ()));
        match self.read_decision_copy((epoch, session)) {
            // Made by the next collection.
            Err(StoreError::Missing { .. }) => {}
            other => note(other.map(|_| ())),
        }
        for (number, expected) in manifest.index_digests.iter().enumerate() {
            let name = names::index(epoch, session, number as u32);
            if self.is_index_replaced(manifest, &name) {
                continue;
            }
            note(index::read_run(self, &name).and_then(|_| {
                let stored = self.blobs.read(&name, MAX_STORED_LEN_BYTES).map_err(must_exist)?;
                if digest(&stored) == *expected {
                    return Ok(());
                }
                Err(StoreError::damaged(&name, 0, "the digest in the manifest", "another"))
            }));
        }
        for listed in self.blobs.list(&names::tags_folder(session)).unwrap_or_default() {
            note(self.read_sealed(ObjectType::Tags, &listed.name).map(|_| ()));
        }
        Companions { faults }
    }

    /// True when an index object may be missing: a repair has made another, or it named packs only that are gone.
    fn is_index_replaced(&self, manifest: &Manifest, name: &str) -> bool {
        let is_there = |object: &str| self.blobs.len_bytes(object).is_ok_and(|len| len.is_some());
        !is_there(name)
            && (is_there(&names::quarantined(name, 0))
                || self.reach(manifest).and_then(|reach| self.is_index_useless(manifest, &reach)).unwrap_or(false))
    }

    /// True when a collection has been here and none of the packs that a snapshot wrote and uses is out of the index.
    pub(crate) fn is_index_useless(&self, manifest: &Manifest, reach: &Reach) -> Result<bool, StoreError> {
        let view = self.view()?;
        if view.checkpoint.is_none() {
            return Ok(false);
        }
        let index = self.index()?;
        let own = reach.packs.keys().filter(|pack| pack.session == manifest.snapshot.id);
        let mut left = own.filter(|pack| !view.is_gone(**pack));
        Ok(left.all(|pack| index.names(*pack)))
    }

    /// A walk over the entries of a snapshot within a range of keys.
    pub fn entries(&self, manifest: &Manifest, range: KeyRange) -> Result<TreeCursor<NodeReader<'_>>, StoreError> {
        Ok(TreeCursor::new(NodeReader::searching(self)?, manifest.root, manifest.root_level, range))
    }
}
