//! The faults themselves: each does what it says, once, and nothing where it does not apply.

use super::*;
use crate::MemoryStore;
use std::sync::atomic::AtomicU64;

/// What a call answered, and what stands in the store afterwards.
type Seen = (String, Vec<Listed>);

/// A store with an object that is two days old.
fn prepared() -> MemoryStore {
    let store = MemoryStore::new();
    store.create("data/old", b"0123456789").expect("created");
    store.advance(2 * DAY_MS);
    store
}

/// Makes one call of every operation, all with the same strike.
fn play(store: &MemoryStore, operation: Operation, kind: Option<FaultKind>) -> (Seen, bool, u64) {
    let stalls = Arc::new(AtomicU64::new(0));
    let counted = stalls.clone();
    let folder = match operation {
        Operation::Barrier | Operation::ClearLeftovers => "",
        _ => "data",
    };
    let site = CallSite { operation, folder: folder.into() };
    let strike = kind.map(|kind| Strike { site, nth: 0, kind });
    let meanwhile = Box::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let faulty = StrikeStore::new(store.clone(), strike, meanwhile);
    let log = faulty.log();
    let mut buffer = [0; 4];
    let answer = match operation {
        Operation::Stage => format!("{:?}", faulty.stage("data/new", &[b"x"])),
        Operation::Barrier => {
            ["data/a", "data/b"].iter().for_each(|name| faulty.stage(name, &[b"x"]).expect("staged"));
            format!("{:?}", faulty.barrier())
        }
        Operation::Create => format!("{:?}", faulty.create("data/new", b"x")),
        Operation::Read => format!("{:?}", faulty.read("data/old", 100)),
        Operation::ReadAt => {
            let answer = faulty.read_at("data/old", 2, &mut buffer);
            format!("{answer:?} {buffer:?}")
        }
        Operation::ReadTail => format!("{:?}", faulty.read_tail("data/old", 4)),
        Operation::Len => format!("{:?}", faulty.len_bytes("data/old")),
        Operation::Age => format!("{:?}", faulty.age_ms("data/old")),
        Operation::List => format!("{:?}", faulty.list("data/")),
        Operation::ListBetween => format!("{:?}", faulty.list_between("data/", "data/z")),
        Operation::Delete => format!("{:?}", faulty.delete("data/old")),
        Operation::Settle => format!("{:?}", faulty.settle("data/")),
        Operation::ClearLeftovers => format!("{:?}", faulty.clear_leftovers()),
    };
    let seen = (answer, store.list("").expect("listed"));
    (seen, log.has_struck(), stalls.load(Ordering::SeqCst))
}

#[test]
fn a_fault_shows_where_it_applies_and_nowhere_else() {
    for operation in Operation::ALL {
        let (sound, _, _) = play(&prepared(), operation, None);
        for kind in FaultKind::ALL {
            let what = format!("{} at {}", kind.name(), operation.name());
            let (seen, has_struck, stalls) = play(&prepared(), operation, Some(kind));
            let applies = kind.applies_to(operation).is_ok();
            let is_stall = kind == FaultKind::Stalled;
            assert_eq!(has_struck, applies, "{what}: it strikes where it applies");
            assert_eq!(stalls, u64::from(is_stall), "{what}: the world goes on while a call stalls");
            assert_eq!(seen != sound, applies && !is_stall, "{what}: {seen:?}");
        }
    }
}

#[test]
fn effects_are_as_told() {
    let there = |store: &MemoryStore| store.list("").expect("listed").len();
    let after = |operation, kind| {
        let store = prepared();
        let ((answer, _), _, _) = play(&store, operation, Some(kind));
        (there(&store), answer)
    };
    assert_eq!(after(Operation::Create, FaultKind::Failed).0, 1, "nothing happened");
    assert_eq!(after(Operation::Create, FaultKind::LostAnswer).0, 2, "it took effect");
    let (count, answer) = after(Operation::Create, FaultKind::Duplicate);
    assert!(count == 2 && answer.contains("Exists"), "it took effect and is taken: {answer}");
    assert_eq!(after(Operation::Barrier, FaultKind::LostAnswer).0, 3, "both are there");
    assert_eq!(after(Operation::Barrier, FaultKind::Torn).0, 2, "one of two is there");
    assert_eq!(after(Operation::Delete, FaultKind::LostAnswer).0, 0, "it is gone");
    assert_eq!(after(Operation::Age, FaultKind::Skewed).1, "Ok(Some(0))", "the old is new");
    assert_eq!(after(Operation::Len, FaultKind::Short).1, "Ok(Some(5))", "half of it");
}

#[test]
fn only_the_chosen_call_of_the_site_goes_wrong() {
    let store = prepared();
    let site = CallSite { operation: Operation::Read, folder: "data".into() };
    let strike = Strike { site: site.clone(), nth: 1, kind: FaultKind::Altered };
    let faulty = StrikeStore::new(store, Some(strike), Box::new(|| {}));
    let read: Vec<bool> =
        (0..4).map(|_| faulty.read("data/old", 100).is_ok_and(|bytes| bytes == b"0123456789")).collect();
    assert_eq!(read, [true, false, true, true], "the second of four reads is altered");
    assert_eq!(faulty.log().calls(), BTreeMap::from([(site, 4)]), "every call is counted at its site");
}
