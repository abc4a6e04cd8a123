//! What changed between two snapshots.

use crate::error::DistributeError;
use datakeep_model::ItemPath;
use datakeep_store::{Difference, Entry, KeyRange, Manifest, NodeReader, Repository, diff};

/// How an item differs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChangeKind {
    /// Only in the newer snapshot.
    Added,
    /// Only in the older snapshot.
    Removed,
    /// Its content differs.
    Content,
    /// Its kind differs.
    Type,
    /// Only its metadata differs.
    Metadata,
}

impl ChangeKind {
    /// A stable word for JSON output.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::Content => "content",
            ChangeKind::Type => "type",
            ChangeKind::Metadata => "metadata",
        }
    }
}

/// One difference.
#[derive(Clone, Debug)]
pub struct Change {
    /// The item.
    pub path: ItemPath,
    /// How it differs.
    pub kind: ChangeKind,
    /// As it was.
    pub old: Option<Entry>,
    /// As it is.
    pub new: Option<Entry>,
}

/// Calls `visit` with every difference beneath `place` that a restore would show, in key order. Reads only the parts
/// of the trees that differ. Times of status change, inode numbers and locations are no differences.
pub fn compare(
    repository: &Repository,
    old: &Manifest,
    new: &Manifest,
    place: &ItemPath,
    visit: &mut dyn FnMut(Change),
) -> Result<(), DistributeError> {
    let (start, end) = place.subtree_range();
    let range = if place.is_root() { KeyRange::default() } else { KeyRange { start, end } };
    let mut reader = NodeReader::searching(repository)?;
    let roots = ((old.root, old.root_level), (new.root, new.root_level));
    let mut told = |difference| {
        if let Some(change) = judge(difference) {
            visit(change);
        }
        Ok(())
    };
    if !place.is_root() {
        // The place itself is no part of what lies beneath it.
        diff(&mut reader, roots.0, roots.1, &KeyRange::one(place.to_key()), &mut told)?;
    }
    diff(&mut reader, roots.0, roots.1, &range, &mut told)?;
    Ok(())
}

fn judge(difference: Difference) -> Option<Change> {
    let (old, new) = match difference {
        Difference::Added(new) => (None, Some(new)),
        Difference::Removed(old) => (Some(old), None),
        Difference::Changed { old, new } => (Some(old), Some(new)),
    };
    let kind = match (&old, &new) {
        (None, _) => ChangeKind::Added,
        (_, None) => ChangeKind::Removed,
        (Some(old), Some(new)) if old.meta.file_type != new.meta.file_type => ChangeKind::Type,
        (Some(old), Some(new)) if !old.has_same_content(new) || old.link_target != new.link_target => {
            ChangeKind::Content
        }
        (Some(old), Some(new)) if !old.is_same_item(new) => ChangeKind::Metadata,
        _ => return None,
    };
    let key = &new.as_ref().or(old.as_ref())?.key;
    let path = ItemPath::from_key(key).ok()?;
    Some(Change { path, kind, old, new })
}
