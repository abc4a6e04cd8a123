//! What visible snapshots use, without walking trees.

use crate::error::StoreError;
use crate::format::decision::Manifest;
use crate::format::names::{PackClass, PackName};
use crate::format::reach::{FrameSet, Reach};
use crate::repository::Repository;
use crate::tree::entry::Location;
use crate::view::View;
use datakeep_model::SessionId;
use std::collections::{BTreeMap, BTreeSet};

/// Frames used, per pack that is there; and which packs reach objects name, moved or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    pub packs: BTreeMap<PackName, LivePack>,
    pub named: BTreeSet<PackName>,
    /// Commits that were looked at.
    pub commits: BTreeSet<(u64, SessionId)>,
}

#[derive(Clone, Debug)]
pub(crate) struct LivePack {
    pub class: PackClass,
    /// Frames in the pack and its length, where a reach object says so.
    pub known: Option<(u32, u64)>,
    pub used: FrameSet,
}

impl Live {
    /// Adds what a snapshot uses.
    pub fn add(&mut self, repository: &Repository, view: &View, manifest: &Manifest) -> Result<(), StoreError> {
        self.add_reach(view, &repository.trusted_reach(view, manifest)?, manifest)
    }

    /// As [`Live::add`], where the reach is known already.
    pub fn add_reach(&mut self, view: &View, reach: &Reach, manifest: &Manifest) -> Result<(), StoreError> {
        let session = manifest.snapshot.id;
        for (&pack, (record, frames)) in &reach.packs {
            self.named.insert(pack);
            if !view.is_gone(pack) {
                let live = self.pack(pack, record.class);
                live.known = Some((record.frames, record.len_bytes));
                live.used.extend(frames);
                continue;
            }
            // What is lost keeps nothing alive, and is no reason to keep everything else.
            let left = |frame: &u32| frames.contains(*frame) && !view.is_lost(pack, *frame);
            for frame in (0..record.frames).filter(left) {
                let moved = view.moved(Location { pack, frame, slot: 0 });
                let to = moved.ok_or_else(|| {
                    let what = format!("snapshot {}", session.short());
                    StoreError::damaged(what, 0, format!("frame {frame} of pack {}-{}", pack.session, pack.seq), "none")
                })?;
                self.pack(to.pack, record.class).used.insert(to.frame);
            }
        }
        self.commits.insert((manifest.snapshot.epoch, session));
        Ok(())
    }

    fn pack(&mut self, name: PackName, class: PackClass) -> &mut LivePack {
        self.packs.entry(name).or_insert_with(|| LivePack { class, known: None, used: FrameSet::default() })
    }
}
