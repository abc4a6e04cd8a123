//! What has been copied, forgotten, and copied on.

use super::*;
use crate::collect::{collect_done, forget};

fn standings(from: &Arc<Repository>, to: &Arc<Repository>, wanted: Wanted) -> Vec<(Standing, bool)> {
    plan(from, to, wanted).iter().map(|planned| (planned.standing, planned.is_to_copy)).collect()
}

#[test]
fn what_was_forgotten_is_copied_again_only_when_asked_for() {
    let (store, copies) = (MemoryStore::new(), MemoryStore::new());
    let (from, to) = (two_snapshots(&store, &small()), init_with(copies.clone(), &other()));
    copy_planned(&from, &to, Wanted::New);
    let held = snapshots(&to).remove(0);
    assert!(held.snapshot.tags.contains(&"hold:audit".to_string()), "labels come along");
    forget(&to, &held);
    let there = Standing::There { copy: snapshots(&to)[0].snapshot.id };
    for collected in [false, true] {
        if collected {
            // The decision and the tombstone go with the second round, the mark stays.
            collect_done(&to, 0);
            forget(&to, &run(&to, &mut TreeSource::new("x", &third_tree()), &options()).unwrap().manifest.unwrap());
            collect_done(&to, 0);
            collect_done(&to, 0);
            assert_eq!(copies.list("forgotten/").unwrap(), []);
        }
        assert_eq!(copies.list("origins/").unwrap().len(), 1);
        assert_eq!(standings(&from, &to, Wanted::New), [(Standing::Forgotten, false), (there, false)]);
        assert_eq!(standings(&from, &to, Wanted::All), [(Standing::Forgotten, true), (there, false)]);
        assert_eq!(standings(&from, &to, Wanted::Named), [(Standing::Forgotten, true), (there, false)]);
        assert_sound(&to, "forgotten");
    }
    let again = copy_planned(&from, &to, Wanted::All);
    assert_eq!(again.len(), 1);
    assert_copied(&from, &snapshots(&from)[0], &to, &again[0].copy);
    assert!(standings(&from, &to, Wanted::New).iter().all(|(_, is_to_copy)| !is_to_copy));
}

#[test]
fn a_copy_of_a_copy_is_the_same_snapshot_wherever_it_came_through() {
    let stores = [MemoryStore::new(), MemoryStore::new(), MemoryStore::new()];
    let first = two_snapshots(&stores[0], &small());
    let (second, third) = (init_with(stores[1].clone(), &other()), init_with(stores[2].clone(), &fixture_options()));
    copy_planned(&first, &second, Wanted::New);
    copy_planned(&second, &third, Wanted::New);
    for (a, b) in snapshots(&second).iter().zip(&snapshots(&third)) {
        assert_copied(&second, a, &third, b);
    }
    for (from, to) in [(&first, &third), (&third, &first), (&second, &first), (&third, &second)] {
        let standings = standings(from, to, Wanted::All);
        assert!(standings.iter().all(|(standing, to_copy)| matches!(standing, Standing::There { .. }) && !to_copy));
    }
    // What the first forgets is not brought back by its own copies, and can be had when it is asked for.
    let forgotten = snapshots(&first).remove(0);
    forget(&first, &forgotten);
    collect_done(&first, 0);
    let expected = (Standing::CameFromThere, false);
    assert_eq!(standings(&third, &first, Wanted::New)[0], expected);
    let back = copy_planned(&third, &first, Wanted::All);
    assert_eq!(back.len(), 1);
    assert_restores(&first, &back[0].copy, &first_tree(), "brought back");
    assert_eq!(back[0].copy.snapshot.origin.as_ref().unwrap().chain.len(), 3);
    assert!(standings(&second, &first, Wanted::All).iter().all(|(_, to_copy)| !to_copy));
    assert_sound(&first, "brought back");
}

#[test]
fn a_chain_of_copies_keeps_its_first() {
    let whence = |number: u8| Whence {
        repository: datakeep_model::RepositoryId([number; 16]),
        snapshot: datakeep_model::SessionId([number; 12]),
    };
    let from = two_snapshots(&MemoryStore::new(), &small());
    let mut snapshot = snapshots(&from).remove(0).snapshot;
    snapshot.id = whence(0).snapshot;
    for step in 0..100 {
        let origin = Origin::of_copy(&snapshot, whence(step).repository, NOW);
        (snapshot.id, snapshot.origin) = (whence(step + 1).snapshot, Some(origin));
    }
    let chain = snapshot.origin.unwrap().chain;
    assert_eq!((chain.len(), chain[0], chain[63]), (Origin::MAX_STEPS, whence(0), whence(99)));
}

/// Nothing reads a mark's name as anything but what it marks: another repository's is damage.
#[test]
fn marks_are_proven() {
    let (from, copies) = (two_snapshots(&MemoryStore::new(), &small()), MemoryStore::new());
    let to = init_with(copies.clone(), &other());
    copy_planned(&from, &to, Wanted::New);
    snapshots(&to).iter().for_each(|manifest| forget(&to, manifest));
    let marks: Vec<String> = copies.list("origins/").unwrap().into_iter().map(|listed| listed.name).collect();
    assert_eq!(marks.len(), 2);
    let bytes: Vec<Vec<u8>> = marks.iter().map(|mark| copies.read(mark, u64::MAX).unwrap()).collect();
    let exchanged = copies.fork();
    exchanged.tamper(&marks[0], Some(bytes[1].clone()));
    for at in 0..bytes[0].len() {
        let flipped = copies.fork();
        let mut changed = bytes[0].clone();
        changed[at] ^= 1;
        flipped.tamper(&marks[0], Some(changed));
        let faults = crate::support::verify(&open(flipped).unwrap()).unwrap().faults;
        assert_eq!(faults.len(), 1, "byte {at}");
    }
    let faults = crate::support::verify(&open(exchanged).unwrap()).unwrap().faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    let alien = copies.fork();
    alien.tamper("origins/not-a-mark", Some(bytes[0].clone()));
    assert!(!crate::support::verify(&open(alien).unwrap()).unwrap().faults.is_empty());
    let blobs: Arc<dyn BlobStore> = Arc::new(copies);
    assert!(datakeep_store::scrub(&blobs, &mut |_| true).unwrap().faults.is_empty());
}
