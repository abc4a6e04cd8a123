//! A snapshot of one repository as a source for another.

use super::content::{EntryHandle, Room};
use datakeep_connector::{ConnectorError, Item, ItemBatch, ItemStream, OwnerNames, Source};
use datakeep_model::{ErrorKind, ItemPath, Mark, SessionId, SourceInfo};
use datakeep_store::{
    Attributes, ChunkRef, Entry, FrameDecoder, KeyRange, Manifest, Node, NodeSource, Repository, StoreError, TreeCursor,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Entries in one batch, at most.
const BATCH_ITEMS: usize = 256;

/// A snapshot of which a copy is in the target: what is the same in both is taken over from there.
#[derive(Clone)]
pub(super) struct Base {
    /// In the repository that is read.
    pub manifest: Manifest,
    /// Its copy, in the repository that is written to.
    pub copy: SessionId,
    /// The copy lacks something, or has it imperfect.
    pub is_partial: bool,
}

/// A snapshot that is read.
pub(super) struct SnapshotSource {
    pub room: Arc<Room>,
    manifest: Manifest,
    base: Option<Base>,
}

/// What went wrong in the repository that is read.
pub(super) fn unreadable(error: &StoreError) -> ConnectorError {
    ConnectorError::new(error.kind(), format!("in the repository that is copied from: {error}"))
}

impl SnapshotSource {
    pub fn new(repository: &Arc<Repository>, manifest: Manifest, base: Option<Base>) -> Self {
        Self { room: Room::new(repository.clone()), manifest, base }
    }
}

/// A snapshot that is forgotten and collected while it is read is not damaged: it is gone by right.
fn must_be_there(room: &Room, manifest: &Manifest) -> Result<(), ConnectorError> {
    let id = manifest.snapshot.id;
    let (manifests, _) = room.repository.snapshots().map_err(|error| unreadable(&error))?;
    if manifests.iter().any(|there| there.snapshot.id == id) {
        return Ok(());
    }
    let message = format!("snapshot {id} was forgotten while it was copied; nothing was made of it");
    Err(ConnectorError::new(ErrorKind::NotFound, message))
}

impl Source for SnapshotSource {
    fn info(&self) -> SourceInfo {
        self.manifest.snapshot.source.clone()
    }

    fn roots(&self) -> Vec<ItemPath> {
        self.manifest.snapshot.roots.clone()
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        Ok(self.manifest.snapshot.mark.clone())
    }

    fn items(&mut self) -> Result<Box<dyn ItemStream>, ConnectorError> {
        let walk = |manifest: &Manifest| Walk::new(&self.room, manifest).map_err(|error| unreadable(&error));
        let base = self.base.as_ref().map(|base| walk(&base.manifest)).transpose()?;
        Ok(Box::new(Entries {
            room: self.room.clone(),
            manifest: self.manifest.clone(),
            walk: walk(&self.manifest)?,
            next: None,
            base,
            base_next: None,
            is_base_partial: self.base.as_ref().is_some_and(|base| base.is_partial),
            last_key: None,
        }))
    }

    fn complete(&mut self) -> Result<(), ConnectorError> {
        match self.room.is_damaged.load(Ordering::Relaxed) {
            true => must_be_there(&self.room, &self.manifest),
            false => Ok(()),
        }
    }

    fn owner_names(&self, _users: &[u32], _groups: &[u32]) -> (OwnerNames, OwnerNames) {
        (self.manifest.snapshot.users.clone(), self.manifest.snapshot.groups.clone())
    }
}

/// Reads nodes and owns what it reads from.
pub(super) struct Nodes {
    repository: Arc<Repository>,
    decoder: FrameDecoder,
}

impl NodeSource for Nodes {
    fn load_node(&mut self, node: &ChunkRef) -> Result<Node, StoreError> {
        self.repository.read_node(node, &mut self.decoder)
    }
}

/// A walk over all entries of a snapshot.
pub(super) struct Walk(TreeCursor<Nodes>);

impl Walk {
    pub fn new(room: &Room, manifest: &Manifest) -> Result<Self, StoreError> {
        let nodes = Nodes { repository: room.repository.clone(), decoder: FrameDecoder::new()? };
        Ok(Self(TreeCursor::new(nodes, manifest.root, manifest.root_level, KeyRange::default())))
    }

    pub fn next(&mut self) -> Result<Option<Entry>, StoreError> {
        self.0.next_entry()
    }
}

/// True when all that is read of an item beside its metadata is the same.
fn holds_the_same(old: &Entry, new: &Entry) -> bool {
    let same_attributes = match (&old.attributes, &new.attributes) {
        (Attributes::Chunk(old), Attributes::Chunk(new)) => old.id == new.id,
        (old, new) => old == new,
    };
    old.meta.file_type == new.meta.file_type
        && old.meta.len_bytes == new.meta.len_bytes
        && old.changed_while_read == new.changed_while_read
        && old.link_target == new.link_target
        && same_attributes
        && old.has_same_content(new)
}

/// The snapshot walked side by side with the one whose copy is there.
struct Entries {
    room: Arc<Room>,
    manifest: Manifest,
    walk: Walk,
    /// An entry that was read and belongs to the next batch.
    next: Option<(ItemPath, Entry)>,
    base: Option<Walk>,
    base_next: Option<Entry>,
    is_base_partial: bool,
    last_key: Option<Vec<u8>>,
}

impl Entries {
    fn entry(&mut self) -> Result<Option<(ItemPath, Entry)>, ConnectorError> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        let entry = match self.walk.next() {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(None),
            Err(error) => {
                must_be_there(&self.room, &self.manifest)?;
                return Err(unreadable(&error));
            }
        };
        let bad = |what: String| ConnectorError::new(ErrorKind::Integrity, what);
        let path = ItemPath::from_key(&entry.key).map_err(|error| bad(format!("the tree that is copied: {error}")))?;
        if self.last_key.as_ref().is_some_and(|last| *last >= entry.key) {
            return Err(bad(format!("the tree that is copied has {path} out of order")));
        }
        self.last_key = Some(entry.key.clone());
        Ok(Some((path, entry)))
    }

    /// True when the copy of the base has all of this entry.
    fn is_as_in_base(&mut self, entry: &Entry) -> bool {
        loop {
            if let Some(old) = &self.base_next
                && old.key >= entry.key
            {
                // Of what is imperfect anyway, a partial copy does not say what it lost itself.
                let is_told = !(self.is_base_partial && entry.changed_while_read);
                return old.key == entry.key && is_told && holds_the_same(old, entry);
            }
            self.base_next = match self.base.as_mut().map(Walk::next) {
                Some(Ok(Some(old))) => Some(old),
                // A base is a hint: where it cannot be read on, what is copied is read.
                Some(Ok(None) | Err(_)) => {
                    self.base = None;
                    None
                }
                None => None,
            };
            if self.base_next.is_none() {
                return false;
            }
        }
    }

    fn item(&mut self, path: &ItemPath, entry: Entry) -> Item {
        let (name, meta) = (path.name().to_vec(), entry.meta.clone());
        let as_in_base = self.is_as_in_base(&entry);
        Item { name, meta, handle: Arc::new(EntryHandle::new(self.room.clone(), entry, as_in_base)) }
    }
}

impl ItemStream for Entries {
    fn next_batch(&mut self) -> Result<Option<ItemBatch>, ConnectorError> {
        let Some((path, entry)) = self.entry()? else { return Ok(None) };
        let directory = path.parent().unwrap_or_default();
        let is_root = path.is_root();
        let mut items = vec![self.item(&path, entry)];
        while !is_root && items.len() < BATCH_ITEMS {
            match self.entry()? {
                Some((path, entry)) if path.parent().as_ref() == Some(&directory) => {
                    items.push(self.item(&path, entry))
                }
                other => {
                    self.next = other;
                    break;
                }
            }
        }
        Ok(Some(ItemBatch { directory, items, losses: Vec::new() }))
    }
}
