//! Walks a tree in key order, or a range of it.

use super::entry::{Child, ChunkRef, Entry, Node};
use crate::error::StoreError;

/// Reads nodes of a tree.
pub trait NodeSource {
    /// The node behind a reference; proven to be the one meant.
    fn load_node(&mut self, node: &ChunkRef) -> Result<Node, StoreError>;
}

/// A half-open range of keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyRange {
    /// First key.
    pub start: Vec<u8>,
    /// Key after the last; `None` for no bound.
    pub end: Option<Vec<u8>>,
}

impl KeyRange {
    /// The range of one key.
    pub fn one(key: Vec<u8>) -> Self {
        let mut end = key.clone();
        end.push(0);
        Self { start: key, end: Some(end) }
    }
}

/// A walk over the entries of a range. Iterative; memory is one node per level.
pub struct TreeCursor<S> {
    source: S,
    /// Per level from the top: children still to visit, in reverse order, and the level of the nodes they name.
    stack: Vec<(u8, Vec<Child>)>,
    leaf: std::vec::IntoIter<Entry>,
    range: KeyRange,
    root: Option<(ChunkRef, u8)>,
}

impl<S: NodeSource> TreeCursor<S> {
    /// A walk over `range` of the tree with this root.
    pub fn new(source: S, root: ChunkRef, level: u8, range: KeyRange) -> Self {
        Self { source, stack: Vec::new(), leaf: Vec::new().into_iter(), range, root: Some((root, level)) }
    }

    /// The next entry of the range.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, StoreError> {
        loop {
            for entry in self.leaf.by_ref() {
                if self.range.end.as_ref().is_some_and(|end| entry.key >= *end) {
                    self.stack.clear();
                    self.root = None;
                    return Ok(None);
                }
                if entry.key >= self.range.start {
                    return Ok(Some(entry));
                }
            }
            if !self.descend()? {
                return Ok(None);
            }
        }
    }

    /// Opens the next node; false at the end.
    fn descend(&mut self) -> Result<bool, StoreError> {
        if let Some((root, level)) = self.root.take() {
            self.open(&root, level)?;
            return Ok(true);
        }
        while let Some((level, children)) = self.stack.last_mut() {
            let level = *level;
            match children.pop() {
                Some(child) if child.last_key < self.range.start => {}
                Some(child) => {
                    self.open(&child.node, level)?;
                    return Ok(true);
                }
                None => {
                    self.stack.pop();
                }
            }
        }
        Ok(false)
    }

    fn open(&mut self, node: &ChunkRef, level: u8) -> Result<(), StoreError> {
        match self.source.load_node(node)? {
            Node::Leaf(entries) if level == 0 => self.leaf = entries.into_iter(),
            Node::Inner { level: found, mut children } if found == level => {
                children.reverse();
                self.stack.push((level - 1, children));
            }
            _ => return Err(wrong_level(node, level)),
        }
        Ok(())
    }
}

/// A node that is not of the level its parent says: levels must fall by one, so no walk can be endless.
pub(crate) fn wrong_level(node: &ChunkRef, level: u8) -> StoreError {
    StoreError::damaged(format!("tree node {}", node.id), 1, format!("level {level}"), "another level")
}
