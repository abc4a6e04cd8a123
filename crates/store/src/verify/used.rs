//! Whether a snapshot says of everything in its tree that it uses it: what it does not name a collection deletes.

use crate::error::StoreError;
use crate::format::index::fingerprint;
use crate::format::names::PackName;
use crate::format::reach::{FrameSet, Reach};
use crate::repository::Repository;
use crate::tree::entry::Location;
use crate::view::View;
use datakeep_model::ChunkId;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The frames that a snapshot names as used, where they were then and where they are now.
pub(super) struct Used<'r> {
    repository: &'r Repository,
    view: Arc<View>,
    reach: &'r Reach,
    frames: BTreeMap<PackName, FrameSet>,
    /// What lies in these frames, once somebody has asked.
    held: OnceCell<Vec<u64>>,
}

impl<'r> Used<'r> {
    pub fn of(repository: &'r Repository, view: Arc<View>, reach: &'r Reach) -> Self {
        let mut frames: BTreeMap<PackName, FrameSet> = BTreeMap::new();
        for (&pack, (record, used)) in &reach.packs {
            for frame in (0..record.frames).filter(|frame| used.contains(*frame)) {
                let then = Location { pack, frame, slot: 0 };
                let now = [Some(then), view.for_reading(then), view.moved(then)];
                now.into_iter().flatten().for_each(|at| frames.entry(at.pack).or_default().insert(at.frame));
            }
        }
        Self { repository, view, reach, frames, held: OnceCell::new() }
    }

    /// True for what lies in such a frame, wherever that was or is.
    pub fn holds(&self, at: Location) -> bool {
        let is_in = |at: Location| self.frames.get(&at.pack).is_some_and(|frames| frames.contains(at.frame));
        is_in(at) || self.view.for_reading(at).is_some_and(is_in) || self.view.moved(at).is_some_and(is_in)
    }

    /// True for a chunk that lies in such a frame beside being found elsewhere: a snapshot may have named another pack that has
    /// it than the one where its tree says it was.
    pub fn holds_chunk(&self, id: &ChunkId) -> Result<bool, StoreError> {
        if self.held.get().is_none() {
            let held = self.repository.chunks_held(&self.view, self.reach)?;
            // Nobody else asks meanwhile.
            let _ = self.held.set(held);
        }
        Ok(self.held.get().is_some_and(|held| held.binary_search(&fingerprint(id)).is_ok()))
    }
}
