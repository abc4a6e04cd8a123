//! Builds a tree from entries in key order.

use super::boundary::Cutter;
use super::entry::{Child, ChunkRef, Entry};
use crate::error::StoreError;
use crate::format::node;
use datakeep_process::BoundaryHasher;

/// Where finished nodes go.
pub trait NodeSink {
    /// Stores a node and returns a reference to it, with its location.
    fn store_node(&mut self, level: u8, plain: Vec<u8>) -> Result<ChunkRef, StoreError>;
}

/// The finished tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BuiltTree {
    /// The root node.
    pub root: ChunkRef,
    /// Its level.
    pub level: u8,
    /// Entries in the tree.
    pub entries: u64,
    /// Content bytes of all entries.
    pub content_bytes: u64,
}

/// References to leaves that are held back until the end, in bytes of memory.
const MOST_HELD_BYTES: usize = 4 << 20;

/// Takes entries in strict key order and gives nodes to a [`NodeSink`]: leaves as they become complete, the levels above
/// when all leaves are there (in trees of more than some 20 000 leaves, some earlier), so that they are stored side by side.
pub struct TreeBuilder<'a> {
    hasher: &'a BoundaryHasher,
    window: usize,
    leaves: Cutter<Entry>,
    levels: Vec<Cutter<Child>>,
    /// Leaves that no level above has been told of.
    held: Vec<Child>,
    held_bytes: usize,
    last_key: Option<Vec<u8>>,
}

impl<'a> TreeBuilder<'a> {
    /// A builder; `window` as in the repository's config.
    pub fn new(hasher: &'a BoundaryHasher, window: usize) -> Self {
        Self {
            hasher,
            window,
            leaves: Cutter::new(window),
            levels: Vec::new(),
            held: Vec::new(),
            held_bytes: 0,
            last_key: None,
        }
    }

    /// Adds the next entry. All its references have locations.
    pub fn push(&mut self, entry: Entry, sink: &mut dyn NodeSink) -> Result<(), StoreError> {
        if self.last_key.as_ref().is_some_and(|last| *last >= entry.key) {
            let path = datakeep_model::escape_for_terminal(&entry.key);
            return Err(StoreError::Usage { detail: format!("the source gave entry {path} out of order") });
        }
        self.last_key = Some(entry.key.clone());
        let hash = self.hasher.key_hash(0, &entry.key);
        match self.leaves.push(hash, entry) {
            Some(entries) => self.emit_leaf(&entries, sink),
            None => Ok(()),
        }
    }

    /// Completes the tree.
    pub fn finish(mut self, sink: &mut dyn NodeSink) -> Result<BuiltTree, StoreError> {
        for entries in self.leaves.finish() {
            self.emit_leaf(&entries, sink)?;
        }
        if self.levels.is_empty() && self.held.is_empty() {
            self.emit_leaf(&[], sink)?;
        }
        self.release(sink)?;
        let mut level = 0;
        loop {
            if self.levels[level].pushed() == 1 {
                let top = self.levels[level].finish().pop().and_then(|mut node| node.pop());
                if let Some(Child { node: root, entries, content_bytes, .. }) = top {
                    return Ok(BuiltTree { root, level: level as u8, entries, content_bytes });
                }
            }
            for children in self.levels[level].finish() {
                self.emit_inner(level, &children, sink)?;
            }
            level += 1;
        }
    }

    fn emit_leaf(&mut self, entries: &[Entry], sink: &mut dyn NodeSink) -> Result<(), StoreError> {
        let node = sink.store_node(0, node::encode_leaf(entries.iter()))?;
        let child = Child {
            last_key: entries.last().map(|entry| entry.key.clone()).unwrap_or_default(),
            node,
            entries: entries.len() as u64,
            content_bytes: entries.iter().map(|entry| entry.meta.len_bytes).fold(0, u64::saturating_add),
        };
        self.held_bytes += size_of::<Child>() + child.last_key.len();
        self.held.push(child);
        if self.held_bytes >= MOST_HELD_BYTES { self.release(sink) } else { Ok(()) }
    }

    fn release(&mut self, sink: &mut dyn NodeSink) -> Result<(), StoreError> {
        self.held_bytes = 0;
        std::mem::take(&mut self.held).into_iter().try_for_each(|child| self.push_child(0, child, sink))
    }

    /// `below` is the index of the level whose cutter gave `children`; they become a node of level `below + 1`.
    fn emit_inner(&mut self, below: usize, children: &[Child], sink: &mut dyn NodeSink) -> Result<(), StoreError> {
        let node = sink.store_node(below as u8 + 1, node::encode_inner(below as u8 + 1, children.iter()))?;
        let child = Child {
            last_key: children.last().map(|child| child.last_key.clone()).unwrap_or_default(),
            node,
            entries: children.iter().map(|child| child.entries).fold(0, u64::saturating_add),
            content_bytes: children.iter().map(|child| child.content_bytes).fold(0, u64::saturating_add),
        };
        self.push_child(below + 1, child, sink)
    }

    /// `levels[n]` cuts references to nodes of level `n` into nodes of level `n + 1`.
    fn push_child(&mut self, level: usize, child: Child, sink: &mut dyn NodeSink) -> Result<(), StoreError> {
        if self.levels.len() <= level {
            self.levels.push(Cutter::new(self.window));
        }
        let hash = self.hasher.key_hash(level as u8 + 1, &child.last_key);
        match self.levels[level].push(hash, child) {
            Some(children) => self.emit_inner(level, &children, sink),
            None => Ok(()),
        }
    }
}
