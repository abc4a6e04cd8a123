//! A snapshot that does not say of everything that it uses it: `check` finds each frame, whatever lies in it.

use crate::collect::forget;
use crate::fixture::{first_tree, fixture_options};
use crate::memory::TreeSource;
use crate::support::{NOW, assert_sound, init_with, options, run, verify};
use datakeep_engine::BackupOptions;
use datakeep_store::{BuiltTree, CommitRequest, FrameSet, Reach, SessionInfo, StoreError, Writer};
use datakeep_store_blob::MemoryStore;

/// The reach without its nth frame; `None` beyond the last.
fn without(reach: &Reach, nth: usize) -> Option<Reach> {
    let (mut number, mut thinned) = (0, Reach::default());
    for (name, (record, frames)) in &reach.packs {
        let mut left = FrameSet::default();
        for frame in (0..record.frames).filter(|frame| frames.contains(*frame)) {
            if number != nth {
                left.insert(frame);
            }
            number += 1;
        }
        thinned.packs.insert(*name, (*record, left));
    }
    (nth < number).then_some(thinned)
}

#[test]
fn check_finds_every_frame_that_a_snapshot_uses_and_does_not_name() {
    let repository = init_with(MemoryStore::new(), &fixture_options());
    let few_bytes = BackupOptions { workers: 1, frame_target_bytes: 700, ..options() };
    let made = run(&repository, &mut TreeSource::new("a", &first_tree()), &few_bytes).unwrap();
    let manifest = made.manifest.unwrap();
    let reach = repository.reach(&manifest).unwrap();
    assert_sound(&repository, "what was written names everything");
    let mut classes = [0, 0];
    for nth in 0.. {
        let Some(thinned) = without(&reach, nth) else { break };
        let session = SessionInfo { source: manifest.snapshot.source.clone(), started: NOW };
        let writer = Writer::begin(repository.clone(), &session).unwrap();
        let tree = BuiltTree {
            root: manifest.root,
            level: manifest.root_level,
            entries: manifest.snapshot.counters.items_new,
            content_bytes: manifest.snapshot.counters.len_bytes,
        };
        let request = CommitRequest { snapshot: manifest.snapshot.clone(), tree, reach: thinned };
        let lacking = writer.commit(request).unwrap();
        let faults = verify(&repository).unwrap().faults;
        let unlisted = faults.iter().filter_map(|fault| match &fault.error {
            StoreError::Unlisted { object, .. } => Some(object),
            _ => None,
        });
        let objects: Vec<&String> = unlisted.collect();
        assert!(!objects.is_empty() && objects.len() == faults.len(), "frame {nth}: {faults:?}");
        classes[usize::from(objects[0].starts_with("meta/"))] += 1;
        forget(&repository, &lacking);
        assert_sound(&repository, "without it");
    }
    assert!(classes[0] > 5 && classes[1] > 3, "frames of content, and of nodes, lists and attributes: {classes:?}");
}
