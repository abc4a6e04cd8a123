//! Every byte matters: any damage to any object is found by a check, and never comes out of a restore.

use crate::fixture::{self, Fixture};
use crate::memory::first_difference;
use crate::support::{XorShift, open, open_with, restore_tree, verify};
use datakeep_store::OsEntropy;
use datakeep_store_blob::{BlobStore, MemoryStore};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One way to damage a repository: objects and what they become.
struct Case {
    what: String,
    changes: Vec<(String, Option<Vec<u8>>)>,
    /// The object and the bytes that are touched, for what a restore may not notice.
    touched: Vec<(String, Range<usize>)>,
}

/// What came of a damaged repository.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Outcome {
    /// An error or a report.
    Told,
    /// Nothing was said and everything is right.
    SilentAndRight,
}

fn objects(store: &MemoryStore) -> BTreeMap<String, Vec<u8>> {
    let listed = store.list("").unwrap();
    listed.into_iter().map(|l| (l.name.clone(), store.read(&l.name, u64::MAX).unwrap())).collect()
}

/// Bytes in which every bit is flipped, not one of eight: what stands clear in front and behind, in one object of each
/// folder.
fn is_framing(at: usize, len: usize, first_of_folder: bool) -> bool {
    first_of_folder && (at < 97 || at + 64 >= len)
}

fn folder(object: &str) -> &str {
    object.split('/').next().unwrap_or_default()
}

fn flips(objects: &BTreeMap<String, Vec<u8>>, cases: &mut Vec<Case>) {
    let mut chance = XorShift::new(41);
    let mut folders = BTreeSet::new();
    for (name, bytes) in objects {
        let first = folders.insert(folder(name));
        for at in 0..bytes.len() {
            let bits = if is_framing(at, bytes.len(), first) {
                0..8
            } else {
                let bit = chance.below(8);
                bit..bit + 1
            };
            for bit in bits {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                cases.push(Case {
                    what: format!("{name}: bit {bit} of byte {at} flipped"),
                    changes: vec![(name.clone(), Some(changed))],
                    touched: vec![(name.clone(), at..at + 1)],
                });
            }
        }
    }
}

fn lengths(objects: &BTreeMap<String, Vec<u8>>, cases: &mut Vec<Case>) {
    for (name, bytes) in objects {
        let len = bytes.len();
        let mut case = |what: String, changed: Vec<u8>| {
            let touched = vec![(name.clone(), 0..len)];
            cases.push(Case { what: format!("{name}: {what}"), changes: vec![(name.clone(), Some(changed))], touched });
        };
        (0..len).for_each(|cut| case(format!("cut to {cut} bytes"), bytes[..cut].to_vec()));
        for extra in [0, 0xa5] {
            case("a byte longer".into(), [&bytes[..], &[extra]].concat());
        }
        case("all zeros".into(), vec![0; len]);
    }
}

fn swaps_and_losses(objects: &BTreeMap<String, Vec<u8>>, cases: &mut Vec<Case>) {
    for (a, bytes_a) in objects {
        cases.push(Case {
            what: format!("{a}: deleted"),
            changes: vec![(a.clone(), None)],
            touched: vec![(a.clone(), 0..bytes_a.len())],
        });
        for (b, bytes_b) in objects.range(a.clone()..).skip(1).filter(|(b, _)| folder(a) == folder(b)) {
            cases.push(Case {
                what: format!("{a} and {b} exchanged"),
                changes: vec![(a.clone(), Some(bytes_b.clone())), (b.clone(), Some(bytes_a.clone()))],
                touched: vec![(a.clone(), 0..bytes_a.len()), (b.clone(), 0..bytes_b.len())],
            });
        }
    }
}

fn damaged(fixture: &Fixture, case: &Case) -> MemoryStore {
    let store = fixture.store.fork();
    case.changes.iter().for_each(|(name, bytes)| store.tamper(name, bytes.clone()));
    store
}

fn checked(fixture: &Fixture, case: &Case) -> Outcome {
    let Ok(repository) = open_with(damaged(fixture, case), fixture.password, Arc::new(OsEntropy)) else {
        return Outcome::Told;
    };
    match verify(&repository) {
        Ok(verified) if verified.faults.is_empty() => Outcome::SilentAndRight,
        _ => Outcome::Told,
    }
}

fn restored(fixture: &Fixture, case: &Case) -> Outcome {
    let open = open_with(damaged(fixture, case), fixture.password, Arc::new(OsEntropy));
    let Ok(repository) = open else { return Outcome::Told };
    let Ok((manifests, _)) = repository.snapshots() else { return Outcome::Told };
    let wanted = fixture.newer_manifest.snapshot.id;
    let Some(manifest) = manifests.iter().find(|m| m.snapshot.id == wanted) else { return Outcome::Told };
    let Ok((tree, report)) = restore_tree(&repository, manifest) else { return Outcome::Told };
    for (key, found) in &tree {
        // Whatever was told: what stands in the target as a file has the right bytes.
        let whole = fixture.newer.get(key).is_some_and(|expected| expected.body == found.body);
        assert!(whole, "{}: wrong bytes came out", case.what);
    }
    // Of key slots that are not whole the person hears when the repository is opened.
    if report.tally.losses > 0 || !report.companion_faults.is_empty() || !repository.slot_warnings().is_empty() {
        return Outcome::Told;
    }
    let tags_right = manifest.snapshot.tags == ["newest"];
    match first_difference(&fixture.newer, &tree) {
        None if tags_right => Outcome::SilentAndRight,
        None => Outcome::Told,
        Some(difference) => panic!("{}: restored wrong and said nothing: {difference}", case.what),
    }
}

/// Objects, and bytes of them, that the newest snapshot has no part in: a restore of it need not notice damage there.
fn foreign(fixture: &Fixture, objects: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<Range<usize>>> {
    let repository = open_with(fixture.store.clone(), fixture.password, Arc::new(OsEntropy)).unwrap();
    let reach = repository.reach(&fixture.newer_manifest).unwrap();
    let mut own: BTreeMap<String, bool> = BTreeMap::new();
    for (record, frames) in reach.packs.values() {
        own.insert(record.name.object(record.class), frames.count() == record.frames);
    }
    let session = fixture.newer_manifest.snapshot.id.to_hex();
    let mut foreign = BTreeMap::new();
    for (name, bytes) in objects {
        let range = match (folder(name), own.get(name)) {
            // The slot in use has a copy of it; that the object is there is all that is looked at.
            ("config", _) => 0..bytes.len(),
            ("config-keys", _) => continue,
            // Header and copy of the header, either of which may be harmed; and frames of a pack that are not all used.
            ("data" | "meta", Some(is_all_used)) => {
                let trailer = bytes.len() - 64;
                let directory = u64::from_le_bytes(bytes[trailer..trailer + 8].try_into().unwrap()) as usize;
                let front = if *is_all_used { 0..96 } else { 0..directory };
                foreign.insert(name.clone(), vec![front, trailer - 96..trailer]);
                continue;
            }
            ("index" | "reach" | "sessions" | "commits" | "commits-copies" | "tags", _) if name.contains(&session) => {
                continue;
            }
            _ => 0..bytes.len(),
        };
        foreign.insert(name.clone(), vec![range]);
    }
    foreign
}

/// Deletions that nothing in the repository can tell, and why.
fn may_vanish(fixture: &Fixture, objects: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, &'static str> {
    let mut may = BTreeMap::new();
    let repository = open_with(fixture.store.clone(), fixture.password, Arc::new(OsEntropy)).unwrap();
    let used = repository.slots().unwrap().into_iter().find(|slot| slot.used).unwrap().name;
    let visible: Vec<String> = repository.snapshots().unwrap().0.iter().map(|m| m.snapshot.id.to_hex()).collect();
    for name in objects.keys() {
        let why = match folder(name) {
            "config-keys" if *name != format!("config-keys/{used}") => {
                "a slot may be removed at any time, and no list of slots exists"
            }
            "tags" if name.ends_with("/1") || name.contains(&fixture.newer_manifest.snapshot.id.to_hex()) => {
                "the newest change of labels looks like one that was never made"
            }
            "progress" => "progress is removed without a trace once it is of no use",
            "commits" if !visible.iter().any(|id| name.contains(id)) => {
                "of a run that was given up or a snapshot that is forgotten: nobody sees either"
            }
            "copies" => "a copy is made after its checkpoint; a run that dies between leaves none",
            "commits-copies" => "a copy is made after its decision; a run that dies between leaves none",
            "quarantine" => "its owner may remove it",
            "commits-forgotten" => "it looks as if nobody had forgotten the snapshot yet",
            "origins" => "the copy that proved it is forgotten; its original is copied again, at worst",
            "condemned" => "it looks as if the round had not been begun yet",
            _ => continue,
        };
        may.insert(name.clone(), why);
    }
    may
}

fn folders(objects: &BTreeMap<String, Vec<u8>>) -> Vec<&str> {
    objects.keys().map(|name| folder(name)).collect::<BTreeSet<&str>>().into_iter().collect()
}

#[test]
fn all_damage_is_found_and_none_comes_out() {
    let fixture = fixture::build("damage", 1);
    let objects = objects(&fixture.store);
    let stored: usize = objects.values().map(Vec::len).sum();
    let all = [
        "commits",
        "commits-copies",
        "config",
        "config-keys",
        "data",
        "index",
        "meta",
        "progress",
        "reach",
        "sessions",
        "tags",
    ];
    assert_eq!(folders(&objects), all);
    assert!((28..60).contains(&objects.len()) && stored < 150 << 10, "{} objects, {stored} bytes", objects.len());
    harm(&fixture, &objects);
}

/// After collections and a repair: what they leave, each byte of it. (Quarantine is what is damaged already.)
#[test]
fn damage_to_what_collections_leave_is_found() {
    let fixture = fixture::build_collected("damage", 11);
    let mut objects = objects(&fixture.store);
    let all = [
        "checkpoints",
        "commits",
        "commits-copies",
        "commits-forgotten",
        "condemned",
        "config",
        "config-keys",
        "copies",
        "data",
        "index",
        "meta",
        "quarantine",
        "reach",
        "sessions",
        "tags",
    ];
    assert_eq!(folders(&objects), all);
    objects.retain(|name, _| {
        ["checkpoints", "commits", "commits-copies", "commits-forgotten", "condemned", "copies"].contains(&folder(name))
    });
    harm(&fixture, &objects);
}

/// What copies leave that backups do not: manifests with an origin, and the mark of one that was forgotten.
#[test]
fn damage_to_what_copies_leave_is_found() {
    let from = fixture::build("damage", 3);
    let from = open_with(from.store, from.password, Arc::new(OsEntropy)).unwrap();
    let fixture = fixture::build_copied(&from, "damage", 31);
    let mut objects = objects(&fixture.store);
    objects.retain(|name, _| ["commits", "commits-copies", "commits-forgotten", "origins"].contains(&folder(name)));
    assert_eq!((folders(&objects).len(), objects.len()), (4, 6));
    harm(&fixture, &objects);
}

/// Harms these objects in every way.
fn harm(fixture: &Fixture, objects: &BTreeMap<String, Vec<u8>>) {
    let stored: usize = objects.values().map(Vec::len).sum();
    let mut cases = Vec::new();
    flips(objects, &mut cases);
    lengths(objects, &mut cases);
    swaps_and_losses(objects, &mut cases);
    let (foreign, may_vanish) = (foreign(fixture, objects), may_vanish(fixture, objects));

    let next = AtomicUsize::new(0);
    let work = || {
        let mut counts: BTreeMap<(&str, Outcome), usize> = BTreeMap::new();
        let mut missed = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (check, restore) = (checked(fixture, case), restored(fixture, case));
            *counts.entry(("check", check)).or_default() += 1;
            *counts.entry(("restore", restore)).or_default() += 1;
            let vanished = case.changes.iter().all(|(name, bytes)| bytes.is_none() && may_vanish.contains_key(name));
            if check == Outcome::SilentAndRight && !vanished {
                missed.push(format!("check: {}", case.what));
            }
            let is_foreign = |(name, touched): &(String, Range<usize>)| {
                let holds = |range: &Range<usize>| range.start <= touched.start && touched.end <= range.end;
                foreign.get(name).is_some_and(|ranges| ranges.iter().any(holds))
            };
            if restore == Outcome::SilentAndRight && !vanished && !case.touched.iter().all(is_foreign) {
                missed.push(format!("restore: {}", case.what));
            }
        }
        (counts, missed)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let missed: Vec<String> = results.iter().flat_map(|(_, missed)| missed.clone()).collect();
    let mut counts: BTreeMap<(&str, Outcome), usize> = BTreeMap::new();
    results.iter().flat_map(|(c, _)| c).for_each(|(key, count)| *counts.entry(*key).or_default() += count);
    eprintln!("{} objects, {stored} bytes, {} cases: {counts:?}", objects.len(), cases.len());
    eprintln!("deletions that cannot be known: {may_vanish:?}");
    eprintln!("not part of the newest snapshot: {foreign:?}");
    assert_eq!(missed.len(), 0, "missed: {:#?}", &missed[..missed.len().min(40)]);
}

/// The harness can fail: a check that looks at nothing would be caught.
#[test]
fn a_whole_repository_is_silent() {
    let fixture = fixture::build("damage", 2);
    let nothing = Case { what: "nothing".into(), changes: Vec::new(), touched: Vec::new() };
    assert_eq!(checked(&fixture, &nothing), Outcome::SilentAndRight);
    assert_eq!(restored(&fixture, &nothing), Outcome::SilentAndRight);
    assert!(open(fixture.store).is_err(), "another password does not open it");
}
