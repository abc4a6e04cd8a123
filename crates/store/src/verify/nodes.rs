//! A walk that tells which nodes it has read.

use crate::error::StoreError;
use crate::node_io::NodeReader;
use crate::tree::entry::{ChunkRef, Node};
use crate::tree::reader::NodeSource;
use std::cell::Cell;

/// Reads nodes, and notes which.
pub(super) struct NotingReader<'a> {
    pub inner: NodeReader<'a>,
    /// What was read since somebody took them out.
    pub read: &'a Cell<Vec<ChunkRef>>,
}

impl NodeSource for NotingReader<'_> {
    fn load_node(&mut self, reference: &ChunkRef) -> Result<Node, StoreError> {
        let node = self.inner.load_node(reference)?;
        let mut read = self.read.take();
        read.push(*reference);
        self.read.set(read);
        Ok(node)
    }
}
