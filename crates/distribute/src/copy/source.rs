//! A snapshot of one repository as a source for another.

use super::content::{EntryHandle, Room};
use datakeep_connector::{ConnectorError, Item, ItemBatch, ItemStream, OwnerNames, Source};
use datakeep_model::{ChunkId, ErrorKind, ItemPath, Mark, SessionId, SourceInfo};
use datakeep_store::{
    Attributes, ChunkRef, Entry, FrameDecoder, KeyRange, Manifest, Node, NodeSource, Repository, StoreError, TreeCursor,
};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
pub(super) fn must_be_there(repository: &Repository, manifest: &Manifest) -> Result<(), ConnectorError> {
    let id = manifest.snapshot.id;
    let (manifests, _) = repository.snapshots().map_err(|error| unreadable(&error))?;
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
        let open = OpenNodes::default();
        let walk = |manifest: &Manifest, beside: Beside| {
            Walk::beside(&self.room, manifest, beside).map_err(|error| unreadable(&error))
        };
        let base = self.base.as_ref().map(|base| walk(&base.manifest, Beside::Follows(open.clone()))).transpose()?;
        let beside = if base.is_some() { Beside::Leads(open) } else { Beside::Nothing };
        Ok(Box::new(Entries {
            room: self.room.clone(),
            manifest: self.manifest.clone(),
            walk: walk(&self.manifest, beside)?,
            next: None,
            base,
            base_next: None,
            is_base_partial: self.base.as_ref().is_some_and(|base| base.is_partial),
            last_key: None,
        }))
    }

    fn complete(&mut self) -> Result<(), ConnectorError> {
        match self.room.is_damaged.load(Ordering::Relaxed) {
            true => must_be_there(&self.room.repository, &self.manifest),
            false => Ok(()),
        }
    }

    fn owner_names(&self, _users: &[u32], _groups: &[u32]) -> (OwnerNames, OwnerNames) {
        (self.manifest.snapshot.users.clone(), self.manifest.snapshot.groups.clone())
    }
}

/// The nodes in which a walk is, one of each level, for another walk at the same place: what is equal in both trees is read
/// once. A node is handed on once, so it is never copied more often than that.
#[derive(Clone, Default)]
struct OpenNodes(Arc<Mutex<BTreeMap<u8, (ChunkId, Node)>>>);

impl OpenNodes {
    fn nodes(&self) -> MutexGuard<'_, BTreeMap<u8, (ChunkId, Node)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, id: ChunkId, node: &Node) {
        let level = match node {
            Node::Leaf(_) => 0,
            Node::Inner { level, .. } => *level,
        };
        self.nodes().insert(level, (id, node.clone()));
    }

    fn take(&self, id: ChunkId) -> Option<Node> {
        let mut nodes = self.nodes();
        let level = nodes.iter().find(|(_, (open, _))| *open == id).map(|(level, _)| *level)?;
        nodes.remove(&level).map(|(_, node)| node)
    }
}

/// What a walk has to do with another beside it.
enum Beside {
    /// There is none.
    Nothing,
    /// It goes first and lays its nodes open.
    Leads(OpenNodes),
    /// It takes what lies open.
    Follows(OpenNodes),
}

/// Reads nodes and owns what it reads from.
pub(super) struct Nodes {
    room: Arc<Room>,
    decoder: FrameDecoder,
    beside: Beside,
}

impl NodeSource for Nodes {
    fn load_node(&mut self, node: &ChunkRef) -> Result<Node, StoreError> {
        if let Beside::Follows(open) = &self.beside
            && let Some(node) = open.take(node.id)
        {
            return Ok(node);
        }
        let loaded = self.room.repository.read_node(node, &mut self.decoder)?;
        self.room.nodes_read.fetch_add(1, Ordering::Relaxed);
        if let Beside::Leads(open) = &self.beside {
            open.keep(node.id, &loaded);
        }
        Ok(loaded)
    }
}

/// A walk over all entries of a snapshot.
pub(super) struct Walk(TreeCursor<Nodes>);

impl Walk {
    pub fn new(room: &Arc<Room>, manifest: &Manifest) -> Result<Self, StoreError> {
        Self::beside(room, manifest, Beside::Nothing)
    }

    fn beside(room: &Arc<Room>, manifest: &Manifest, beside: Beside) -> Result<Self, StoreError> {
        let nodes = Nodes { room: room.clone(), decoder: FrameDecoder::searching()?, beside };
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
                must_be_there(&self.room.repository, &self.manifest)?;
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
