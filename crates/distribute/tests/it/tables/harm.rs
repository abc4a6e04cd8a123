//! Damage to any object of a repository of tables is found by a check, and no wrong value ever comes out.

use super::making::{heavy, insert, update};
use super::source::{Database, Table, Value, database};
use super::{difference, groups_of, init_with, patches_in, places, reader, snapshot};
use crate::support::{XorShift, open, verify};
use datakeep_engine::BackupOptions;
use datakeep_model::SessionId;
use datakeep_store_blob::{BlobStore, MemoryStore};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Flipped bytes of each object, about.
const FLIPS: usize = 45;
const CUTS: usize = 8;

struct Victim {
    store: MemoryStore,
    states: BTreeMap<SessionId, Database>,
}

fn victim() -> Victim {
    let mut chance = XorShift::new(61);
    let mut heavy = heavy(&mut chance);
    let keys: Vec<Vec<u8>> = heavy.rows.keys().skip(90).cloned().collect();
    keys.iter().for_each(|key| drop(heavy.rows.remove(key)));
    let mut odd = Table::new("odd", &[("a", "TEXT"), ("b", "INT"), ("c", "DECIMAL")], &[0]);
    insert(&mut odd, 30, &mut chance);
    odd.put(vec![Value::Text("an exception".into()), Value::Text("no number".into()), Value::Null]);
    let mut state = database([heavy, odd]);
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    let mut states = BTreeMap::new();
    for _ in 0..3 {
        let options = BackupOptions { workers: 1, most_inline_len_bytes: 100, ..groups_of(120) };
        let manifest = snapshot(&open(store.clone()).unwrap(), &state, &options);
        states.insert(manifest.snapshot.id, state.clone());
        state.values_mut().for_each(|table| update(table, 1, &mut chance));
    }
    let repository = open(store.clone()).unwrap();
    let newest = repository.snapshots().unwrap().0.pop().unwrap();
    assert!(patches_in(&repository, &newest) > 0);
    Victim { store, states }
}

struct Case {
    object: String,
    what: String,
    bytes: Option<Vec<u8>>,
}

fn cases(store: &MemoryStore) -> Vec<Case> {
    let mut chance = XorShift::new(62);
    let mut cases = Vec::new();
    for listed in store.list("").unwrap() {
        let object = listed.name;
        let whole = store.read(&object, u64::MAX).unwrap();
        let mut case = |what: String, bytes| cases.push(Case { object: object.clone(), what, bytes });
        let step = (whole.len() / FLIPS).max(1) as u64;
        let mut at = chance.below(step) as usize;
        while at < whole.len() {
            let mut bytes = whole.clone();
            let bit = chance.below(8);
            bytes[at] ^= 1 << bit;
            case(format!("bit {bit} of byte {at}"), Some(bytes));
            at += 1 + chance.below(2 * step) as usize;
        }
        for cut in (0..CUTS).map(|cut| whole.len() * cut / CUTS).chain([whole.len() - 1]) {
            case(format!("cut to {cut}"), Some(whole[..cut].to_vec()));
        }
        case("a byte longer".into(), Some([&whole[..], &[0]].concat()));
        case("gone".into(), None);
    }
    cases
}

/// Whether a check said something; and no snapshot may read as another state than it was.
fn play(victim: &Victim, case: &Case) -> bool {
    let what = format!("{}: {}", case.object, case.what);
    let store = victim.store.fork();
    store.tamper(&case.object, case.bytes.clone());
    let Ok(repository) = open(store) else { return true };
    let is_told = verify(&repository).map_or(true, |verified| !verified.faults.is_empty());
    let Ok((manifests, faults)) = repository.snapshots() else { return true };
    let mut is_silent = faults.is_empty() && manifests.len() == victim.states.len();
    for manifest in &manifests {
        match difference(&reader(&repository, manifest), &victim.states[&manifest.snapshot.id]) {
            Ok(None) => {}
            Ok(Some(found)) => panic!("{what}: wrong values came out: {found}"),
            Err(_) => is_silent = false,
        }
    }
    assert!(is_told || is_silent, "{what}: a check finds nothing where reading fails");
    is_told || !repository.slot_warnings().is_empty()
}

#[test]
fn all_damage_is_found_and_no_wrong_value_comes_out() {
    let victim = victim();
    let cases = cases(&victim.store);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut missed = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            // A second copy of a decision is made after it: a run that dies between leaves none.
            let may_be_gone = case.bytes.is_none() && case.object.starts_with("commits-copies/");
            if !play(&victim, case) && !may_be_gone {
                missed.push(format!("{}: {}", case.object, case.what));
            }
        }
        missed
    };
    let missed: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(cases.len() > 500, "{} cases", cases.len());
    assert_eq!(missed, Vec::<String>::new(), "of {}", cases.len());
}
