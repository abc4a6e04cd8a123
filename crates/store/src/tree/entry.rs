//! Entries of the tree and references to chunks.

use crate::format::names::PackName;
use datakeep_model::{ChunkId, Meta, Xattr};

/// Where a chunk was when the reference was written. A hint: the id is the truth.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Location {
    /// The pack.
    pub pack: PackName,
    /// Number of the frame in the pack.
    pub frame: u32,
    /// Number of the chunk in the frame.
    pub slot: u32,
}

/// A reference to a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ChunkRef {
    /// Its id.
    pub id: ChunkId,
    /// Its plaintext length.
    pub len_bytes: u32,
    /// Where it was. Never `None` in what is read from or written to the tree.
    pub at: Option<Location>,
}

/// A piece of content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Data.
    Chunk(ChunkRef),
    /// A hole of this many bytes.
    Hole(u64),
}

impl Part {
    /// How much of the file it covers.
    pub fn len_bytes(&self) -> u64 {
        match self {
            Part::Chunk(chunk) => u64::from(chunk.len_bytes),
            Part::Hole(len_bytes) => *len_bytes,
        }
    }
}

/// Content of an entry.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Content {
    /// None: empty files and everything that is no file.
    #[default]
    Empty,
    /// Exactly one chunk.
    One(ChunkRef),
    /// Several parts, in order.
    Parts(Vec<Part>),
    /// Many parts, in list pages.
    List {
        /// Number of parts.
        parts: u64,
        /// The depth-1 page.
        root: ChunkRef,
    },
}

/// Extended attributes of an entry.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Attributes {
    /// None.
    #[default]
    None,
    /// In the entry.
    Inline(Vec<Xattr>),
    /// In a chunk of their own.
    Chunk(ChunkRef),
}

/// One entry of a snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its key (for files see `model::path`).
    pub key: Vec<u8>,
    /// What `statx` told.
    pub meta: Meta,
    /// Text of a symbolic link.
    pub link_target: Option<Vec<u8>>,
    /// Extended attributes.
    pub attributes: Attributes,
    /// Content.
    pub content: Content,
    /// It changed while it was read: the next run reads it again.
    pub changed_while_read: bool,
}

impl Entry {
    /// True when content and metadata that a restore brings back are the same. Times of change, inode numbers and
    /// locations do not count.
    pub fn is_same_item(&self, other: &Entry) -> bool {
        let meta = |m: &Meta| (m.file_type, m.mode, m.uid, m.gid, m.len_bytes, m.mtime, m.rdev);
        meta(&self.meta) == meta(&other.meta)
            && self.link_target == other.link_target
            && self.attributes_id() == other.attributes_id()
            && self.has_same_content(other)
    }

    /// True when the content is the same.
    pub fn has_same_content(&self, other: &Entry) -> bool {
        match (&self.content, &other.content) {
            (Content::Empty, Content::Empty) => true,
            (Content::One(a), Content::One(b)) => a.id == b.id,
            (Content::Parts(a), Content::Parts(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b).all(|pair| match pair {
                        (Part::Chunk(a), Part::Chunk(b)) => a.id == b.id,
                        (Part::Hole(a), Part::Hole(b)) => a == b,
                        _ => false,
                    })
            }
            (Content::List { root: a, .. }, Content::List { root: b, .. }) => a.id == b.id,
            _ => false,
        }
    }

    fn attributes_id(&self) -> (Option<&[Xattr]>, Option<ChunkId>) {
        match &self.attributes {
            Attributes::None => (None, None),
            Attributes::Inline(list) => (Some(list), None),
            Attributes::Chunk(chunk) => (None, Some(chunk.id)),
        }
    }

    /// Calls `visit` with every chunk reference of the entry, in their order on disk.
    pub fn for_each_ref<'a>(&'a self, mut visit: impl FnMut(&'a ChunkRef)) {
        match &self.content {
            Content::Empty => {}
            Content::One(chunk) => visit(chunk),
            Content::Parts(parts) => parts.iter().for_each(|part| {
                if let Part::Chunk(chunk) = part {
                    visit(chunk);
                }
            }),
            Content::List { root, .. } => visit(root),
        }
        if let Attributes::Chunk(chunk) = &self.attributes {
            visit(chunk);
        }
    }
}

/// A reference to a node, as its parent holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Child {
    /// Key of the last element in the node (and of its level below).
    pub last_key: Vec<u8>,
    /// The node.
    pub node: ChunkRef,
    /// Entries beneath.
    pub entries: u64,
    /// Content bytes beneath.
    pub content_bytes: u64,
}

/// What a node holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// Entries.
    Leaf(Vec<Entry>),
    /// References to the nodes one level below.
    Inner {
        /// Level of this node (above 0).
        level: u8,
        /// The nodes below, in order.
        children: Vec<Child>,
    },
}
