//! Collects which frames of which packs a snapshot uses.

use datakeep_model::ChunkKind;
use datakeep_store::{
    Attributes, ChunkRef, Content, Entry, FrameDecoder, FrameSet, Location, PackClass, PackName, Part, Reach,
    Repository, StoreError, WritersView, content_parts,
};
use std::collections::BTreeMap;

/// Frames used, per pack and class.
pub(crate) struct ReachBuilder {
    view: WritersView,
    packs: BTreeMap<PackName, (PackClass, FrameSet)>,
    last: Option<(PackName, u32)>,
}

impl ReachBuilder {
    /// Of a session with this view.
    pub fn new(view: WritersView) -> Self {
        Self { view, packs: BTreeMap::new(), last: None }
    }

    /// Notes a place that is used.
    pub fn add(&mut self, class: PackClass, at: Location) {
        if self.last == Some((at.pack, at.frame)) {
            return;
        }
        self.last = Some((at.pack, at.frame));
        self.packs.entry(at.pack).or_insert_with(|| (class, FrameSet::default())).1.insert(at.frame);
    }

    /// Notes a chunk, wherever it is by now.
    pub fn add_chunk(&mut self, repository: &Repository, kind: ChunkKind, chunk: &ChunkRef) -> Result<(), StoreError> {
        let class = if kind == ChunkKind::Data { PackClass::Data } else { PackClass::Meta };
        if let Some(at) = chunk.at
            && self.last == Some((at.pack, at.frame))
        {
            return Ok(());
        }
        // A collection may have moved it since the reference was written.
        self.add(class, repository.place_for_writing(&self.view, kind, chunk)?);
        Ok(())
    }

    /// Notes everything an entry refers to, pages of long contents and what they list included.
    pub fn add_entry(
        &mut self,
        repository: &Repository,
        entry: &Entry,
        decoder: &mut FrameDecoder,
    ) -> Result<(), StoreError> {
        if let Attributes::Chunk(chunk) = &entry.attributes {
            self.add_chunk(repository, ChunkKind::Attributes, chunk)?;
        }
        match &entry.content {
            Content::Empty => Ok(()),
            Content::One(chunk) => self.add_chunk(repository, ChunkKind::Data, chunk),
            Content::Parts(parts) => self.add_parts(repository, parts),
            Content::List { root, .. } => {
                self.add_chunk(repository, ChunkKind::List, root)?;
                for page in datakeep_store::list_pages(repository, root, decoder)? {
                    self.add_chunk(repository, ChunkKind::List, &page)?;
                }
                self.add_parts(repository, &content_parts(repository, &entry.content, decoder)?)
            }
        }
    }

    /// Notes the parts of a content.
    pub fn add_parts(&mut self, repository: &Repository, parts: &[Part]) -> Result<(), StoreError> {
        parts.iter().try_for_each(|part| match part {
            Part::Chunk(chunk) => self.add_chunk(repository, ChunkKind::Data, chunk),
            Part::Hole(_) => Ok(()),
        })
    }

    /// The reach, with what is known of each pack.
    pub fn finish(self, repository: &Repository) -> Result<Reach, StoreError> {
        let record = |(name, (class, frames))| Ok((name, (repository.pack_record(class, name)?, frames)));
        let packs = self.packs.into_iter().map(record).collect::<Result<_, StoreError>>()?;
        Ok(Reach { packs })
    }
}
