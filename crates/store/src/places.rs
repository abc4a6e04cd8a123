//! Where chunks are: where a reference says, where a collection has moved them, or where the index knows them.

use crate::error::StoreError;
use crate::format::decision::Manifest;
use crate::format::names::{PackClass, PackName};
use crate::format::reach::Reach;
use crate::index::Index;
use crate::pack::{Frame, FrameDecoder, OpenPack};
use crate::repository::{Repository, Unindexed, class_of, missing_chunk};
use crate::tree::entry::{Attributes, ChunkRef, Content, Entry, Location, Part};
use crate::view::WritersView;
use datakeep_model::{ChunkKind, ErrorKind};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

/// So much damage that reading went past is remembered.
const MOST_PASSED: usize = 100;

/// True for what cannot be read and will not be by trying again.
pub(crate) fn is_lost(error: &StoreError) -> bool {
    matches!(error.kind(), ErrorKind::Integrity | ErrorKind::Incompatible)
}

impl Repository {
    /// Where a chunk really is: where the reference says or where its frame has moved if it is there, else where the
    /// index says.
    pub fn locate(&self, kind: ChunkKind, chunk: &ChunkRef) -> Result<(Arc<OpenPack>, Location), StoreError> {
        match self.locate_once(kind, chunk) {
            Err(StoreError::Missing { .. }) if self.look_again()? => self.locate_once(kind, chunk),
            other => other,
        }
    }

    fn locate_once(&self, kind: ChunkKind, chunk: &ChunkRef) -> Result<(Arc<OpenPack>, Location), StoreError> {
        let class = class_of(kind);
        // As long as everything is where it was, nobody needs to know what collections have done.
        if let Some(at) = chunk.at.filter(|_| self.seen_view().is_none())
            && let Ok(pack) = self.open_pack(class, at.pack)
            && pack.id_at(at.frame, at.slot) == Some(chunk.id)
        {
            return Ok((pack, at));
        }
        let view = self.view()?;
        let mut hint_error = None;
        let hint = chunk.at.and_then(|at| view.for_reading(at));
        let moved = chunk.at.and_then(|at| view.moved(at)).filter(|moved| Some(*moved) != hint);
        for at in hint.into_iter().chain(moved) {
            match self.open_pack(class, at.pack) {
                Ok(pack) if pack.id_at(at.frame, at.slot) == Some(chunk.id) => return Ok((pack, at)),
                Ok(_) => {}
                Err(error) => hint_error = Some(error),
            }
        }
        match self.index()?.lookup(self, class, &chunk.id) {
            Ok(Some(at)) => Ok((self.open_pack(class, at.pack)?, at)),
            Ok(None) | Err(_) if hint_error.is_some() => Err(hint_error.unwrap_or_else(|| missing_chunk(&chunk.id))),
            Ok(None) => Err(missing_chunk(&chunk.id)),
            Err(error) => Err(error),
        }
    }

    /// The frame that holds a chunk, read and decoded; looked for again where a collection has moved it meanwhile.
    pub fn read_frame_of(
        &self,
        kind: ChunkKind,
        chunk: &ChunkRef,
        decoder: &mut FrameDecoder,
    ) -> Result<(Arc<Frame>, Location), StoreError> {
        let (pack, at) = self.locate(kind, chunk)?;
        match self.cached_frame(&pack, at.frame, decoder) {
            Err(StoreError::Missing { .. }) if self.look_again()? => {
                // Its pack was open and is deleted.
                self.packs.remove(&at.pack);
                let (pack, at) = self.locate(kind, chunk)?;
                Ok((self.cached_frame(&pack, at.frame, decoder)?, at))
            }
            other => Ok((other?, at)),
        }
    }

    /// The proven bytes of a chunk; from wherever they are whole, if the decoder is one that searches.
    pub fn read_chunk(
        &self,
        kind: ChunkKind,
        chunk: &ChunkRef,
        decoder: &mut FrameDecoder,
    ) -> Result<Vec<u8>, StoreError> {
        match self.read_chunk_here(kind, chunk, decoder) {
            // What was wrong here says more than what is wrong elsewhere.
            Err(error) if decoder.is_searching && is_lost(&error) => {
                self.read_elsewhere((kind, chunk), Some(&error), decoder)?.ok_or(error)
            }
            other => other,
        }
    }

    fn read_chunk_here(
        &self,
        kind: ChunkKind,
        chunk: &ChunkRef,
        decoder: &mut FrameDecoder,
    ) -> Result<Vec<u8>, StoreError> {
        let (frame, at) = self.read_frame_of(kind, chunk, decoder)?;
        let object = || at.pack.object(class_of(kind));
        if frame.kind != kind {
            let expected = format!("a chunk of kind {}", kind.number());
            return Err(StoreError::damaged(object(), 0, expected, "another kind"));
        }
        match frame.chunk(at.slot, &chunk.id, self.ids())? {
            Some(bytes) if bytes.len() as u64 == u64::from(chunk.len_bytes) => Ok(bytes.to_vec()),
            Some(bytes) => {
                let expected = format!("{} bytes in chunk {}", chunk.len_bytes, chunk.id);
                Err(StoreError::damaged(object(), 0, expected, format!("{} bytes", bytes.len())))
            }
            None => Err(missing_chunk(&chunk.id)),
        }
    }

    /// The proven bytes of a chunk that cannot be read as everything else is: from where it should be, or where a collection
    /// has moved it, whatever is said of the pack as a whole; or from whichever pack holds it whole. `None` when none does.
    /// `cause` is what was wrong where it should be: if that is damage, [`Repository::passed_damage`] tells it.
    pub fn read_elsewhere(
        &self,
        (kind, chunk): (ChunkKind, &ChunkRef),
        cause: Option<&StoreError>,
        decoder: &mut FrameDecoder,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.find_whole(kind, chunk, decoder)?;
        if let (Some(_), Some(cause)) = (&found, cause) {
            self.note_passed(chunk, cause)?;
        }
        Ok(found)
    }

    /// Damage that reading of these snapshots has gone past, because what it wanted was whole elsewhere: the first of it, in
    /// words. That a pack is missing is damage where one of their reaches names it and no collection took it away: trees and
    /// indexes may name packs that went many rounds ago. Where a reach cannot be read, what may be damage is told.
    pub fn passed_damage<'m>(&self, read: impl IntoIterator<Item = &'m Manifest>) -> Vec<String> {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut open: BTreeSet<PackName> = passed.values().flatten().copied().collect();
        let mut damaged = BTreeSet::new();
        for manifest in read {
            if open.is_empty() {
                break;
            }
            match self.reach(manifest) {
                Ok(reach) => damaged.extend(open.extract_if(.., |pack| reach.packs.contains_key(pack))),
                Err(_) => damaged.append(&mut open),
            }
        }
        let is_damage = |missing: &Option<PackName>| missing.is_none_or(|pack| damaged.contains(&pack));
        passed.into_iter().filter(|(_, missing)| is_damage(missing)).map(|(words, _)| words).collect()
    }

    fn note_passed(&self, chunk: &ChunkRef, cause: &StoreError) -> Result<(), StoreError> {
        let words = cause.to_string();
        {
            let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
            if passed.len() >= MOST_PASSED || passed.contains_key(&words) {
                return Ok(());
            }
        }
        let missing = match cause {
            StoreError::Missing { .. } => match chunk.at {
                Some(at) if !self.refresh_view()?.is_gone(at.pack) => Some(at.pack),
                _ => return Ok(()),
            },
            _ => None,
        };
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).insert(words, missing);
        Ok(())
    }

    fn find_whole(
        &self,
        kind: ChunkKind,
        chunk: &ChunkRef,
        decoder: &mut FrameDecoder,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.look_again()?;
        let (view, index) = (self.view()?, self.index()?);
        let mut found = None;
        let mut accept = |pack: &OpenPack, at: Location| {
            let read = self.cached_frame(pack, at.frame, decoder);
            let bytes = read.and_then(|frame| match frame.kind == kind {
                true => Ok(frame.chunk(at.slot, &chunk.id, self.ids())?.map(<[u8]>::to_vec)),
                false => Ok(None),
            });
            match bytes {
                Ok(bytes) => found = bytes.filter(|bytes| bytes.len() as u64 == u64::from(chunk.len_bytes)),
                // It may be whole in the next one.
                Err(error) if is_lost(&error) => {}
                Err(error) => return Err(error),
            }
            Ok(found.is_some())
        };
        let class = class_of(kind);
        let open = |name| self.open_whatever_is_said(class, name);
        let near = chunk.at.into_iter().flat_map(|at| [view.for_reading(at), view.moved(at)]);
        for at in near.flatten() {
            if let Ok(pack) = open(at.pack)
                && pack.id_at(at.frame, at.slot) == Some(chunk.id)
                && accept(&pack, at)?
            {
                return Ok(found);
            }
        }
        match index.each_place(&open, (class, &chunk.id), &mut |pack| Ok(view.is_gone(pack)), &mut accept) {
            Ok(Some(_)) => return Ok(found),
            Err(error) if !is_lost(&error) => return Err(error),
            _ => {}
        }
        for name in self.unindexed_packs(&index, class)?.iter().filter(|name| !view.is_gone(**name)) {
            if let Ok(pack) = open(*name)
                && let Some((frame, slot)) = pack.find(&chunk.id)
                && accept(&pack, Location { pack: *name, frame, slot })?
            {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Packs that are there and that no index object names, because one is damaged: the last place to look in. Listed once
    /// for an index.
    fn unindexed_packs(&self, index: &Arc<Index>, class: PackClass) -> Result<Vec<PackName>, StoreError> {
        let mut unindexed = self.unindexed.lock().unwrap_or_else(PoisonError::into_inner);
        let packs = match &*unindexed {
            Some(known) if Arc::ptr_eq(&known.of, index) => &known.packs,
            _ => {
                let listed = self.list_packs()?;
                let all = listed.iter().filter_map(|object| PackName::parse(&object.name));
                let packs = all.filter(|(_, name)| !index.names(*name)).collect();
                &unindexed.insert(Unindexed { of: index.clone(), packs }).packs
            }
        };
        Ok(packs.iter().filter(|(of, _)| *of == class).map(|(_, name)| *name).collect())
    }

    /// Opens a pack even if it is not as index or reach say: its directory and every chunk in it prove themselves.
    fn open_whatever_is_said(&self, class: PackClass, name: PackName) -> Result<Arc<OpenPack>, StoreError> {
        match self.open_pack(class, name) {
            Err(error) if is_lost(&error) => {
                self.open_pack_uncached(class, name, None).map(Arc::new).map_err(|_| error)
            }
            other => other,
        }
    }

    /// Where to read what was at `at`, as far as is known without looking; `None` when it is gone.
    pub fn place_for_reading(&self, at: Location) -> Result<Option<Location>, StoreError> {
        Ok(self.view()?.for_reading(at))
    }

    /// True when nothing that an older snapshot uses is about to be collected: a new one may refer to all of it, as far as
    /// it is there.
    pub fn is_usable(&self, view: &WritersView, reach: &Reach) -> bool {
        let view = &view.view;
        let stays = |at: Location| view.moved(at).is_some_and(|to| !view.is_unusable(to.pack));
        reach.packs.iter().all(|(&pack, (record, frames))| {
            let mut used = (0..record.frames).filter(|frame| frames.contains(*frame));
            !view.is_unusable(pack) || used.all(|frame| stays(Location { pack, frame, slot: 0 }))
        })
    }

    /// True when a new snapshot may refer to what an entry refers to, as far as the entry itself tells: pages of long
    /// contents are not read.
    pub fn is_entry_usable(&self, view: &WritersView, entry: &Entry) -> bool {
        let usable = |chunk: &ChunkRef| chunk.at.is_some_and(|at| view.place(at).is_some());
        let attributes = match &entry.attributes {
            Attributes::Chunk(chunk) => usable(chunk),
            _ => true,
        };
        attributes
            && match &entry.content {
                Content::Empty => true,
                Content::One(chunk) => usable(chunk),
                Content::Parts(parts) => parts.iter().all(|part| match part {
                    Part::Chunk(chunk) => usable(chunk),
                    Part::Hole(_) => true,
                }),
                Content::List { root, .. } => usable(root) && view.view.is_empty(),
            }
    }

    /// Where a new snapshot may refer to for a chunk: where it was, where its frame has moved, or another pack that holds
    /// it. [`StoreError::Missing`] when no such place is left.
    pub fn place_for_writing(
        &self,
        view: &WritersView,
        kind: ChunkKind,
        chunk: &ChunkRef,
    ) -> Result<Location, StoreError> {
        if let Some(at) = chunk.at.and_then(|at| view.place(at)) {
            return Ok(at);
        }
        let find = |index: &Index| index.lookup_for_writing(self, view, class_of(kind), &chunk.id);
        let index = self.index()?;
        match find(&index)? {
            Some(at) => Ok(at),
            // What has moved may have been indexed since.
            None if !Arc::ptr_eq(&index, &self.fresh_index()?) => {
                find(&*self.index()?)?.ok_or_else(|| missing_chunk(&chunk.id))
            }
            None => Err(missing_chunk(&chunk.id)),
        }
    }
}
