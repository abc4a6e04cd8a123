//! What is equal in the snapshot and in the one copied before is read once.

use super::*;
use datakeep_model::ChunkId;
use datakeep_store::{ChunkRef, Node};
use std::collections::BTreeSet;

/// All nodes of a snapshot's tree.
fn nodes(repository: &Repository, manifest: &Manifest) -> BTreeSet<ChunkId> {
    let (mut found, mut decoder) = (BTreeSet::new(), FrameDecoder::new().unwrap());
    let mut left: Vec<ChunkRef> = vec![manifest.root];
    while let Some(node) = left.pop() {
        if let Node::Inner { children, .. } = repository.read_node(&node, &mut decoder).unwrap() {
            left.extend(children.iter().map(|child| child.node));
        }
        found.insert(node.id);
    }
    found
}

#[test]
fn equal_nodes_are_read_once() {
    let (from, to) = (init_with(MemoryStore::new(), &small()), init_with(MemoryStore::new(), &other()));
    let mut things = many_files(400, 300);
    let take = |things: &Tree| run(&from, &mut TreeSource::new("nodes", things), &options()).unwrap().manifest.unwrap();
    let first = take(&things);
    let report = copy(&from, &to, &first).unwrap();
    let before = nodes(&from, &first);
    assert!(before.len() > 60, "{} nodes", before.len());
    assert_eq!(report.nodes_read, before.len() as u64, "nothing was copied before");

    let same = take(&things);
    let report = copy(&from, &to, &same).unwrap();
    assert_eq!((report.nodes_read, report.read_bytes), (before.len() as u64, 0), "nothing has changed");

    things.insert(key("d/0007"), file(9000, random_bytes(9000, 310)));
    things.insert(key("d/0200x"), file(9001, random_bytes(9001, 310)));
    things.remove(&key("d/0300"));
    let changed = take(&things);
    let after = nodes(&from, &changed);
    let report = copy(&from, &to, &changed).unwrap();
    // Where the trees differ, one walk may be a leaf ahead of the other.
    let (own, differ) = (after.len() as u64, before.difference(&after).count() as u64);
    assert!(differ > 0 && differ * 4 < before.len() as u64, "{differ} of {} nodes", before.len());
    assert!((own + differ..=own + 3 * differ).contains(&report.nodes_read), "{} of {own}, {differ}", report.nodes_read);
    assert_eq!(report.read_bytes, 620);
    assert_copied(&from, &changed, &to, &report.copy);
    assert_restores(&to, &report.copy, &things, "changed");
}
