//! Reach made from a tree, and compared with one.

use crate::error::StoreError;
use crate::format::decision::Manifest;
use crate::format::index::fingerprint;
use crate::format::names::{PackClass, PackName};
use crate::format::node;
use crate::format::reach::{FrameSet, Mended, Reach};
use crate::node_io::{content_parts, list_pages};
use crate::pack::FrameDecoder;
use crate::places::is_lost;
use crate::repository::{Repository, class_of};
use crate::tree::entry::{Attributes, ChunkRef, Content, Entry, Location, Node, Part};
use crate::tree::reader::wrong_level;
use crate::view::View;
use datakeep_model::ChunkKind;
use datakeep_store_blob::Listed;
use std::collections::BTreeMap;

/// Hears of every chunk that a tree refers to.
type Visit<'v> = &'v mut dyn FnMut(ChunkKind, &ChunkRef) -> Result<(), StoreError>;

impl Repository {
    /// Makes the reach of a snapshot again. Where its tree cannot be walked whole, or something it refers to is found
    /// nowhere, what it uses is not known: then everything there is counts as used. `packs` are all packs there are.
    pub(crate) fn make_reach(&self, view: &View, manifest: &Manifest, packs: &[Listed]) -> Result<Mended, StoreError> {
        let from_tree = self.reach_of_tree(view, manifest)?;
        let keeps_all = from_tree.is_none();
        let reach = match from_tree {
            Some(reach) => reach,
            None => self.reach_of_everything(view, packs)?,
        };
        Ok(Mended { stands_for: manifest.reach_digest, keeps_all, reach })
    }

    /// Where everything is that a tree refers to, each place proven to hold it; `None` unless all of it is found.
    fn reach_of_tree(&self, view: &View, manifest: &Manifest) -> Result<Option<Reach>, StoreError> {
        let mut used: BTreeMap<PackName, (PackClass, FrameSet)> = BTreeMap::new();
        let mut is_found = true;
        let is_whole = self.visit_tree(manifest, &mut |kind, chunk| {
            match self.locate(kind, chunk) {
                Ok((_, at)) if !view.is_gone(at.pack) => {
                    used.entry(at.pack).or_insert_with(|| (class_of(kind), FrameSet::default())).1.insert(at.frame);
                }
                Ok(_) => is_found = false,
                Err(error) if is_lost(&error) => is_found = false,
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        let mut reach = Reach::default();
        for (name, (class, frames)) in used {
            match self.pack_record(class, name) {
                Ok(record) => drop(reach.packs.insert(name, (record, frames))),
                Err(error) if is_lost(&error) => is_found = false,
                Err(error) => return Err(error),
            }
        }
        Ok((is_whole && is_found).then_some(reach))
    }

    /// Every frame of every pack that is there. A pack of which neither an index object nor its own end tells how many
    /// frames it has cannot be named; nothing in it can be read.
    fn reach_of_everything(&self, view: &View, packs: &[Listed]) -> Result<Reach, StoreError> {
        // Tells what is known of packs.
        self.index()?;
        let mut reach = Reach::default();
        for (class, name) in packs.iter().filter_map(|object| PackName::parse(&object.name)) {
            if view.is_gone(name) {
                continue;
            }
            match self.pack_record(class, name) {
                Ok(record) => drop(reach.packs.insert(name, (record, FrameSet::all(record.frames)))),
                Err(error) if is_lost(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(reach)
    }

    /// Adds to a reach that a repair has made what of the tree it does not name, wherever that is found. What is found
    /// nowhere is an error, unless it was known not to be when the reach was made, or a repair has found frames to be
    /// lost since, or it `may_lack`.
    pub(super) fn complete_with_tree(
        &self,
        view: &View,
        manifest: &Manifest,
        (mended, may_lack): (Mended, bool),
    ) -> Result<Reach, StoreError> {
        let may_lack = may_lack || mended.keeps_all || has_lost_frames(view, &mended.reach);
        let held = self.chunks_held(view, &mended.reach)?;
        let mut found: BTreeMap<PackName, (PackClass, FrameSet)> = BTreeMap::new();
        let mut is_found = true;
        let is_whole = self.visit_tree(manifest, &mut |kind, chunk| {
            if held.binary_search(&fingerprint(&chunk.id)).is_ok() {
                return Ok(());
            }
            match self.locate(kind, chunk) {
                Ok((_, at)) if !view.is_gone(at.pack) => {
                    found.entry(at.pack).or_insert_with(|| (class_of(kind), FrameSet::default())).1.insert(at.frame);
                }
                Ok(_) => is_found = false,
                Err(error) if is_lost(&error) => is_found = false,
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        let is_complete = is_whole && is_found;
        if !is_complete && !may_lack {
            let what = format!("the reach made again of snapshot {}", manifest.snapshot.id);
            return Err(StoreError::damaged(what, 0, "every chunk of its tree", "less"));
        }
        let mut reach = mended.reach;
        for (name, (class, frames)) in found {
            let record = self.pack_record(class, name)?;
            reach.packs.entry(name).or_insert_with(|| (record, FrameSet::default())).1.extend(&frames);
        }
        Ok(reach)
    }

    /// Fingerprints of the chunks in the frames that a reach names, sorted. Packs that cannot be opened hold nothing.
    pub(crate) fn chunks_held(&self, view: &View, reach: &Reach) -> Result<Vec<u64>, StoreError> {
        let mut held = Vec::new();
        let mut homes: BTreeMap<PackName, (PackClass, FrameSet)> = BTreeMap::new();
        for (&pack, (record, frames)) in &reach.packs {
            for frame in (0..record.frames).filter(|frame| frames.contains(*frame)) {
                if let Some(at) = view.for_reading(Location { pack, frame, slot: 0 }) {
                    homes.entry(at.pack).or_insert_with(|| (record.class, FrameSet::default())).1.insert(at.frame);
                }
            }
        }
        for (name, (class, frames)) in homes {
            let pack = match self.open_pack(class, name) {
                Ok(pack) => pack,
                Err(error) if is_lost(&error) => continue,
                Err(error) => return Err(error),
            };
            for frame in (0..pack.record.frames).filter(|frame| frames.contains(*frame)) {
                held.extend((0..).map_while(|slot| pack.id_at(frame, slot)).map(|id| fingerprint(&id)));
            }
        }
        held.sort_unstable();
        held.dedup();
        Ok(held)
    }

    /// Walks a tree and everything its entries refer to; false when a node or page cannot be read: what lies beneath is
    /// passed over. Iterative, and levels fall: no tree makes it endless.
    fn visit_tree(&self, manifest: &Manifest, visit: Visit<'_>) -> Result<bool, StoreError> {
        let mut decoder = FrameDecoder::new()?;
        let mut is_whole = true;
        let mut open = vec![(manifest.root_level, manifest.root)];
        while let Some((level, reference)) = open.pop() {
            visit(ChunkKind::Node, &reference)?;
            match self.node_of_level(&reference, level, &mut decoder) {
                Ok(Node::Inner { children, .. }) => {
                    open.extend(children.into_iter().rev().map(|child| (level - 1, child.node)));
                }
                Ok(Node::Leaf(entries)) => {
                    for entry in &entries {
                        is_whole &= self.visit_entry(entry, visit, &mut decoder)?;
                    }
                }
                Err(error) if is_lost(&error) => is_whole = false,
                Err(error) => return Err(error),
            }
        }
        Ok(is_whole)
    }

    fn node_of_level(&self, at: &ChunkRef, level: u8, decoder: &mut FrameDecoder) -> Result<Node, StoreError> {
        let plain = self.read_chunk(ChunkKind::Node, at, decoder)?;
        match node::decode(&plain).map_err(|e| e.of(&format!("tree node {}", at.id)))? {
            Node::Inner { level: found, .. } if found != level || level == 0 => Err(wrong_level(at, level)),
            Node::Leaf(_) if level > 0 => Err(wrong_level(at, level)),
            node => Ok(node),
        }
    }

    fn visit_entry(&self, entry: &Entry, visit: Visit<'_>, decoder: &mut FrameDecoder) -> Result<bool, StoreError> {
        if let Attributes::Chunk(chunk) = &entry.attributes {
            visit(ChunkKind::Attributes, chunk)?;
        }
        let parts = match &entry.content {
            Content::List { root, .. } => {
                visit(ChunkKind::List, root)?;
                let pages = list_pages(self, root, decoder);
                let read = pages.and_then(|pages| Ok((pages, content_parts(self, &entry.content, decoder)?)));
                let (pages, parts) = match read {
                    Err(error) if is_lost(&error) => return Ok(false),
                    other => other?,
                };
                pages.iter().try_for_each(|page| visit(ChunkKind::List, page))?;
                parts
            }
            content => content_parts(self, content, decoder)?,
        };
        parts.iter().try_for_each(|part| match part {
            Part::Chunk(chunk) => visit(ChunkKind::Data, chunk),
            Part::Hole(_) => Ok(()),
        })?;
        Ok(true)
    }
}

/// True when a repair has found something to be lost of what the reach names, be its round finished or not: the tree may
/// lack that, and the round could never be finished if it might not.
pub(super) fn has_lost_frames(view: &View, reach: &Reach) -> bool {
    reach.packs.iter().filter(|(pack, _)| view.is_unusable(**pack)).any(|(&pack, (record, frames))| {
        (0..record.frames).any(|frame| frames.contains(frame) && view.is_lost(pack, frame))
    })
}
