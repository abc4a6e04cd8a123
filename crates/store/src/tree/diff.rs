//! Compares two trees; what is equal is skipped by its node id.

use super::entry::{Child, ChunkRef, Entry, Node};
use super::reader::{KeyRange, NodeSource, wrong_level};
use crate::error::StoreError;
use std::cmp::Ordering;

/// A difference between two trees.
#[expect(clippy::large_enum_variant, reason = "made one at a time and handed on at once: a box would only cost")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// Only in the new tree.
    Added(Entry),
    /// Only in the old tree.
    Removed(Entry),
    /// In both, and not equal to the letter (see [`Entry::is_same_item`] for what that may mean).
    Changed {
        /// As it was.
        old: Entry,
        /// As it is.
        new: Entry,
    },
}

enum Pending {
    Node(Child, u8),
    Entry(Entry),
}

/// One side of a comparison: what is still to come, next last.
struct Side<'r> {
    pending: Vec<Pending>,
    range: &'r KeyRange,
}

impl Side<'_> {
    fn expand(&mut self, source: &mut dyn NodeSource) -> Result<(), StoreError> {
        let Some(Pending::Node(child, level)) = self.pending.pop() else { return Ok(()) };
        match source.load_node(&child.node)? {
            Node::Leaf(entries) if level == 0 => {
                let within = |entry: &Entry| {
                    entry.key >= self.range.start && self.range.end.as_ref().is_none_or(|end| entry.key < *end)
                };
                self.pending.extend(entries.into_iter().rev().filter(within).map(Pending::Entry));
            }
            Node::Inner { level: found, children } if found == level => {
                let within: Vec<_> = children.into_iter().filter(|c| c.last_key >= self.range.start).collect();
                self.pending.extend(within.into_iter().rev().map(|child| Pending::Node(child, level - 1)));
            }
            _ => return Err(wrong_level(&child.node, level)),
        }
        Ok(())
    }
}

/// Calls `visit` with every difference between two trees within `range`, in key order. Reads only nodes that differ.
pub fn diff(
    source: &mut dyn NodeSource,
    (old_root, old_level): (ChunkRef, u8),
    (new_root, new_level): (ChunkRef, u8),
    range: &KeyRange,
    visit: &mut dyn FnMut(Difference) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let start = |node: ChunkRef, level| {
        let child = Child { last_key: Vec::new(), node, entries: 0, content_bytes: 0 };
        Side { pending: vec![Pending::Node(child, level)], range }
    };
    let (mut old, mut new) = (start(old_root, old_level), start(new_root, new_level));
    loop {
        let (old_level, new_level) = match (old.pending.last(), new.pending.last()) {
            (None, None) => return Ok(()),
            (Some(Pending::Node(a, _)), Some(Pending::Node(b, _))) if a.node.id == b.node.id => {
                old.pending.pop();
                new.pending.pop();
                continue;
            }
            (a, b) => (level_of(a), level_of(b)),
        };
        // The higher node is opened first, so that both sides meet on the level where nodes can be equal.
        match (old_level, new_level) {
            (None, None) => visit_entries(&mut old, &mut new, visit)?,
            (a, b) if a > b => old.expand(source)?,
            (a, b) if a < b => new.expand(source)?,
            _ => {
                old.expand(source)?;
                new.expand(source)?;
            }
        }
    }
}

fn level_of(pending: Option<&Pending>) -> Option<u8> {
    match pending {
        Some(Pending::Node(_, level)) => Some(*level),
        _ => None,
    }
}

fn visit_entries(
    old: &mut Side<'_>,
    new: &mut Side<'_>,
    visit: &mut dyn FnMut(Difference) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let order = match (old.pending.last(), new.pending.last()) {
        (Some(Pending::Entry(a)), Some(Pending::Entry(b))) => a.key.cmp(&b.key),
        (Some(_), _) => Ordering::Less,
        _ => Ordering::Greater,
    };
    let pop = |side: &mut Side<'_>| match side.pending.pop() {
        Some(Pending::Entry(entry)) => Some(entry),
        _ => None,
    };
    match order {
        Ordering::Less => pop(old).map_or(Ok(()), |entry| visit(Difference::Removed(entry))),
        Ordering::Greater => pop(new).map_or(Ok(()), |entry| visit(Difference::Added(entry))),
        Ordering::Equal => match (pop(old), pop(new)) {
            (Some(old), Some(new)) if old != new => visit(Difference::Changed { old, new }),
            _ => Ok(()),
        },
    }
}
