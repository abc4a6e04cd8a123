//! Whom damage hurts: snapshots, and files in them.

use super::Verified;
use crate::error::StoreError;
use crate::format::names::PackName;
use crate::format::reach::Reach;
use crate::pack::OpenPack;
use crate::repository::{Repository, class_of};
use crate::tree::entry::{ChunkRef, Entry, Location};
use crate::view::View;
use datakeep_model::{ChunkKind, ItemPath, SessionId};
use std::collections::{BTreeMap, BTreeSet};

/// So many files are named.
const MOST_FILES: usize = 1000;

/// A file that needs what is damaged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HurtFile {
    /// The snapshot it is in.
    pub snapshot: SessionId,
    /// Its path.
    pub path: ItemPath,
}

/// Packs and frames that cannot be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Damaged {
    packs: BTreeSet<PackName>,
    frames: BTreeMap<PackName, BTreeSet<u32>>,
}

impl Damaged {
    pub fn pack(&mut self, pack: Option<PackName>) {
        self.packs.extend(pack);
    }

    pub fn frame(&mut self, pack: PackName, frame: u32) {
        self.frames.entry(pack).or_default().insert(frame);
    }

    pub fn extend(&mut self, other: Self) {
        self.packs.extend(other.packs);
        for (pack, frames) in other.frames {
            self.frames.entry(pack).or_default().extend(frames);
        }
    }

    fn is_empty(&self) -> bool {
        self.packs.is_empty() && self.frames.is_empty()
    }

    fn is_at(&self, pack: PackName, frame: u32) -> bool {
        self.packs.contains(&pack) || self.frames.get(&pack).is_some_and(|frames| frames.contains(&frame))
    }

    /// True when a chunk lies in what is damaged and nowhere else.
    pub fn holds(&self, repository: &Repository, kind: ChunkKind, chunk: &ChunkRef) -> Result<bool, StoreError> {
        if self.is_empty() {
            return Ok(false);
        }
        let at = match chunk.at {
            Some(at) => repository.view()?.for_reading(at),
            None => None,
        };
        if !at.is_some_and(|at| self.is_at(at.pack, at.frame)) {
            return Ok(false);
        }
        let view = repository.view()?;
        let mut is_whole = |_: &OpenPack, at: Location| Ok(!self.is_at(at.pack, at.frame));
        let wanted = (class_of(kind), &chunk.id);
        let (index, open) = (repository.index()?, |name| repository.open_pack(wanted.0, name));
        let elsewhere = index.each_place(&open, wanted, &mut |pack| Ok(view.is_gone(pack)), &mut is_whole);
        Ok(elsewhere.unwrap_or(None).is_none())
    }
}

impl Verified {
    /// Notes which damaged packs a snapshot needs. A pack of which only other frames are damaged is none of them.
    pub(super) fn note_hurt_snapshot(&mut self, view: &View, reach: &Reach, snapshot: SessionId) {
        if self.damaged.is_empty() {
            return;
        }
        for (&pack, (record, frames)) in &reach.packs {
            for frame in (0..record.frames).filter(|frame| frames.contains(*frame)) {
                let Some(at) = view.for_reading(Location { pack, frame, slot: 0 }) else { continue };
                if self.damaged.is_at(at.pack, at.frame) {
                    self.hurt.entry(at.pack.object(record.class)).or_default().insert(snapshot);
                }
            }
        }
    }

    pub(super) fn absorb_files(&mut self, files: Vec<HurtFile>, total: u64) {
        self.hurt_files_total += total;
        let room = MOST_FILES.saturating_sub(self.hurt_files.len());
        self.hurt_files.extend(files.into_iter().take(room));
    }

    pub(super) fn note_hurt_file(&mut self, entry: &Entry, snapshot: SessionId) {
        self.hurt_files_total += 1;
        if self.hurt_files.len() < MOST_FILES
            && let Ok(path) = ItemPath::from_key(&entry.key)
        {
            self.hurt_files.push(HurtFile { snapshot, path });
        }
    }
}
