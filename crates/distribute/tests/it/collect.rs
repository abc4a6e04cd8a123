//! Forgetting and collection on real runs: what is left restores, what is not used goes, whoever comes between is safe.

use crate::memory::{self, Tree, TreeSource, directory, file, key};
use crate::support::{
    Chance, NOW, PASSWORD, XorShift, assert_restores, assert_sound, init_by, init_with, open, open_with, options, run,
    small,
};
use datakeep_engine::BackupOptions;
use datakeep_model::SessionId;
use datakeep_store::{
    CollectOptions, CollectOutcome, CollectPlan, CollectStep, Collected, InitOptions, Manifest, Repository, StoreError,
    Tombstone,
};
use datakeep_store_blob::{BlobError, BlobStore, FaultPlan, FaultStore, Listed, MemoryStore};
use datakeep_testkit::{random_bytes, text};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

mod meanwhile;

pub const PATIENCE_MS: u64 = 1000;

pub fn collect_options(most_unused_percent: u32) -> CollectOptions {
    CollectOptions { most_unused_percent, patience_ms: PATIENCE_MS, alone: false, now: NOW, host: "here".into() }
}

pub fn collect(
    repository: &Arc<Repository>,
    options: &CollectOptions,
) -> Result<(CollectPlan, CollectOutcome), StoreError> {
    repository.give_up_sessions(options)?;
    let plan = repository.plan_collection(options)?;
    let outcome = repository.collect(&plan, options, &mut |_| true)?;
    Ok((plan, outcome))
}

/// A collection beside which nothing else goes on.
pub fn collect_done(repository: &Arc<Repository>, most_unused_percent: u32) -> Collected {
    match collect(repository, &collect_options(most_unused_percent)).unwrap().1 {
        CollectOutcome::Done(collected) => collected,
        CollectOutcome::Waiting(open) => panic!("waits for {open:?}"),
    }
}

/// Forgets a snapshot with the labels that it has now.
pub fn forget(repository: &Repository, manifest: &Manifest) {
    let listed = repository.snapshots().map(|(manifests, _)| manifests).unwrap_or_default();
    let manifest = listed.iter().find(|now| now.snapshot.id == manifest.snapshot.id).unwrap_or(manifest);
    let tombstone = Tombstone { forgotten: NOW, host: "here".into(), reason: "test".into() };
    repository.forget(manifest, &tombstone).unwrap();
}

pub fn pack_bytes(store: &MemoryStore) -> u64 {
    let packs = |folder: &str| store.list(folder).unwrap().iter().map(|object| object.len_bytes).sum::<u64>();
    packs("data/") + packs("meta/")
}

fn tree_of(numbers: std::ops::Range<u64>) -> Tree {
    let entries =
        numbers.map(|number| (key(&format!("f{number:03}")), file(10 + number as i64, random_bytes(number, 900))));
    let mut tree = memory::tree([("d", directory(2))]);
    tree.extend(entries);
    tree
}

#[test]
fn what_only_a_forgotten_snapshot_used_goes_and_the_rest_stays() {
    let store = MemoryStore::new();
    let repository = init_with(store.clone(), &small());
    let trees = [tree_of(0..40), tree_of(20..60), tree_of(40..80)];
    let manifests: Vec<Manifest> = trees
        .iter()
        .map(|tree| run(&repository, &mut TreeSource::new("a", tree), &options()).unwrap().manifest.unwrap())
        .collect();
    assert_eq!(collect_done(&repository, 30), Collected::default(), "nothing is unused");
    forget(&repository, &manifests[0]);
    forget(&repository, &manifests[1]);
    let before = pack_bytes(&store);
    let reopened = open(store.clone()).unwrap();
    assert_eq!(reopened.snapshots().unwrap().0.len(), 1);
    let plan = reopened.plan_collection(&collect_options(0)).unwrap();
    let collected = collect_done(&reopened, 0);
    assert!(collected.packs > 0 && pack_bytes(&store) < before * 2 / 3, "{collected:?}");
    assert_eq!(plan.forgotten, 2);
    for repository in [repository, reopened, open(store.clone()).unwrap()] {
        assert_restores(&repository, &manifests[2], &trees[2], "what is left");
        assert_sound(&repository, "after a collection");
    }
    let fresh = open(store.clone()).unwrap();
    assert!(fresh.plan_collection(&collect_options(0)).unwrap().is_empty());
    // What was moved is found again: nothing is stored twice.
    let again = run(&fresh, &mut TreeSource::new("b", &trees[2]), &options()).unwrap();
    assert_eq!(again.counters.chunks_new, 0);
    assert_restores(&fresh, &again.manifest.unwrap(), &trees[2], "another source of the same content");
}

/// A store that notes which packs are read.
struct Noting {
    inner: MemoryStore,
    read: Arc<Mutex<BTreeSet<String>>>,
}

impl BlobStore for Noting {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.inner.stage(name, parts)
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.inner.barrier()
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.inner.create(name, bytes)
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.read.lock().unwrap().insert(name.to_string());
        self.inner.read(name, max_len_bytes)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        self.read.lock().unwrap().insert(name.to_string());
        self.inner.read_at(name, offset_byte, buffer)
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.inner.len_bytes(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.inner.list(prefix)
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.inner.delete(name)
    }
}

#[test]
fn forgetting_one_of_many_reads_no_pack_that_is_not_rewritten() {
    let store = MemoryStore::new();
    let repository = init_with(store.clone(), &InitOptions { pack_target_bytes: 20_000, ..small() });
    for number in 0..100 {
        let mut tree = tree_of(number..number + 12);
        // What no other snapshot has lies in one pack with what others use, too.
        let private =
            |part: u64| (key(&format!("p{number}-{part}")), file(9, random_bytes(1000 + 4 * number + part, 900)));
        tree.extend((0..4).map(private));
        run(&repository, &mut TreeSource::new("a", &tree), &many_frames()).unwrap();
    }
    let (manifests, _) = repository.snapshots().unwrap();
    forget(&repository, &manifests[50]);
    let read = Arc::new(Mutex::new(BTreeSet::new()));
    let noting = open(Noting { inner: store.clone(), read: read.clone() }).unwrap();
    read.lock().unwrap().clear();
    let (plan, outcome) = collect(&noting, &collect_options(30)).unwrap();
    assert!(matches!(outcome, CollectOutcome::Done(_)));
    let rewritten: BTreeSet<String> = plan.rewrite.iter().map(|pack| pack.name.object(pack.class)).collect();
    assert!(rewritten.iter().any(|name| name.starts_with("data/")), "a pack of data is rewritten: {plan:?}");
    let packs: Vec<String> = read.lock().unwrap().iter().filter(|name| name.starts_with("data/")).cloned().collect();
    let needless: Vec<&String> = packs.iter().filter(|name| !rewritten.contains(*name)).collect();
    assert_eq!(needless, Vec::<&String>::new(), "packs read and not rewritten");
}

#[test]
fn of_a_hold_and_a_forgetting_one_succeeds() {
    let store = MemoryStore::new();
    let repository = init_with(store.clone(), &small());
    let tombstone = Tombstone { forgotten: NOW, host: "here".into(), reason: "test".into() };
    let hold = |manifest: &Manifest| {
        open(store.clone()).unwrap().change_tags(manifest, &|now| [now, &["hold".to_string()]].concat()).map(drop)
    };
    let is_busy = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Busy { .. }));
    for round in 0..40 {
        let tree = tree_of(round..round + 2);
        let manifest = run(&repository, &mut TreeSource::new("a", &tree), &options()).unwrap().manifest.unwrap();
        let (held, forgotten) = match round {
            0 => {
                let held = hold(&manifest);
                (held, open(store.clone()).unwrap().forget(&manifest, &tombstone))
            }
            1 => {
                let forgotten = open(store.clone()).unwrap().forget(&manifest, &tombstone);
                (hold(&manifest), forgotten)
            }
            _ => std::thread::scope(|scope| {
                let forgetting = scope.spawn(|| open(store.clone()).unwrap().forget(&manifest, &tombstone));
                (hold(&manifest), forgetting.join().unwrap())
            }),
        };
        assert!(held.is_ok() != forgotten.is_ok(), "round {round}: {held:?}, {forgotten:?}");
        let is_there = open(store.clone())
            .unwrap()
            .snapshots()
            .unwrap()
            .0
            .iter()
            .any(|found| found.snapshot.id == manifest.snapshot.id && found.snapshot.tags == ["hold"]);
        assert_eq!(is_there, held.is_ok(), "round {round}");
        assert!(is_busy(held) != is_busy(forgotten), "round {round}");
    }
    assert_sound(&repository, "after all of it");
}

/// A collection that may be ended early, while it moves or while it deletes.
fn collect_some(repository: &Arc<Repository>, random: &mut XorShift) {
    let options = collect_options([0, 20, 50, 100][random.below(4) as usize]);
    let mut left = if random.below(2) == 0 { u64::MAX } else { random.below(12) };
    let mut tick = |_: CollectStep| {
        left = left.saturating_sub(u64::from(left != u64::MAX));
        left > 0
    };
    repository.give_up_sessions(&options).unwrap();
    let plan = repository.plan_collection(&options).unwrap();
    match repository.collect(&plan, &options, &mut tick) {
        Ok(_) | Err(StoreError::Busy { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

/// Packs of many frames, so that some of them move.
pub fn many_frames() -> BackupOptions {
    BackupOptions { frame_target_bytes: 1 << 10, ..options() }
}

/// A run that dies at any call.
fn run_and_die(
    store: &MemoryStore,
    source: &str,
    tree: &Tree,
    (random, chance): (&mut XorShift, &Chance),
) -> Option<Manifest> {
    let plan = FaultPlan::CrashAfter(random.below(40));
    let often = BackupOptions { workers: 1, progress_bytes: 2 << 10, ..many_frames() };
    let repository = open_with(FaultStore::new(store.clone(), plan), PASSWORD, chance.of(1)).ok()?;
    run(&repository, &mut TreeSource::new(source, tree), &often).ok()?.manifest
}

/// What a collection of a played history sees.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    Everything,
    /// A planted bug: the newest snapshot stays unseen.
    NotTheNewest,
}

/// Collects with the newest decision out of sight, its second copy as well.
fn collect_blindly(store: &MemoryStore, open: impl Fn(MemoryStore) -> Arc<Repository>, random: &mut XorShift) {
    let newest = store.list("commits/").unwrap().pop().map(|listed| listed.name);
    let names = newest.iter().flat_map(|name| [name.clone(), name.replacen("commits/", "commits-copies/", 1)]);
    let hidden: Vec<_> = names.filter_map(|name| Some((store.read(&name, u64::MAX).ok()?, name))).collect();
    hidden.iter().for_each(|(_, name)| store.tamper(name, None));
    collect_some(&open(store.clone()), random);
    hidden.into_iter().for_each(|(bytes, name)| store.tamper(&name, Some(bytes)));
}

/// Backups, forgetting and collections in any order, each by a fresh process, some of which die; the oracle is a map.
fn history(seed: u64) {
    history_with(seed, Sight::Everything);
}

fn history_with(seed: u64, sight: Sight) {
    let mut random = XorShift::new(seed);
    let store = MemoryStore::new();
    let pack_target_bytes = [3000, 20_000][random.below(2) as usize];
    let chance = Chance::new(seed);
    init_by(store.clone(), &InitOptions { pack_target_bytes, ..small() }, chance.nobody());
    let open = |store: MemoryStore| open_with(store, PASSWORD, chance.of(0));
    let mut kept: BTreeMap<SessionId, Tree> = BTreeMap::new();
    let mut tree = tree_of(0..30);
    for step in 0..30 {
        let what = format!("seed {seed}, step {step}");
        let repository = open(store.clone()).unwrap();
        match random.below(6) {
            0..=2 => {
                for _ in 0..random.below(12) {
                    let name = key(&format!("f{:03}", random.below(40)));
                    match random.below(3) {
                        0 => drop(tree.remove(&name)),
                        _ => {
                            let body = text(random.below(60), 200 + random.below(2500) as usize);
                            tree.insert(name, file(1000 * step + random.below(900) as i64, body));
                        }
                    }
                }
                let source = format!("source {}", random.below(2));
                let manifest = match random.below(3) {
                    0 => run_and_die(&store, &source, &tree, (&mut random, &chance)),
                    _ => run(&repository, &mut TreeSource::new(&source, &tree), &many_frames()).expect(&what).manifest,
                };
                kept.extend(manifest.map(|manifest| (manifest.snapshot.id, tree.clone())));
                // Who died may have published all the same.
                let (manifests, _) = open(store.clone()).unwrap().snapshots().unwrap();
                for manifest in manifests {
                    kept.entry(manifest.snapshot.id).or_insert_with(|| tree.clone());
                }
            }
            3 => {
                let (mut manifests, _) = repository.snapshots().unwrap();
                let most = if random.below(2) == 0 { 1 } else { manifests.len().saturating_sub(1) };
                for _ in 0..most.min(manifests.len()) {
                    // The oldest are the likeliest to go.
                    let among = 1 + random.below(manifests.len() as u64);
                    let at = random.below(among) as usize;
                    let manifest = manifests.remove(at);
                    forget(&repository, &manifest);
                    kept.remove(&manifest.snapshot.id);
                }
            }
            _ => {
                store.advance(random.below(2 * PATIENCE_MS));
                match sight {
                    Sight::Everything => collect_some(&repository, &mut random),
                    Sight::NotTheNewest => collect_blindly(&store, |store| open(store).unwrap(), &mut random),
                }
            }
        }
        let repository = open(store.clone()).unwrap();
        let (manifests, faults) = repository.snapshots().unwrap();
        assert!(faults.is_empty(), "{what}: {faults:?}");
        let found: Vec<SessionId> = manifests.iter().map(|m| m.snapshot.id).collect();
        assert_eq!(found.len(), kept.len(), "{what}");
        for manifest in &manifests {
            assert_restores(&repository, manifest, &kept[&manifest.snapshot.id], &what);
        }
        assert_sound(&repository, &what);
    }
    // With everything forgotten, nothing of the packs is left.
    let repository = open(store.clone()).unwrap();
    repository.snapshots().unwrap().0.iter().for_each(|manifest| forget(&repository, manifest));
    store.advance(2 * PATIENCE_MS);
    collect_done(&repository, 0);
    // What a first round has aborted and moved goes with the second; and a round may have been going on.
    for _ in 0..2 {
        store.advance(2 * PATIENCE_MS);
        collect_done(&open(store.clone()).unwrap(), 0);
    }
    assert_eq!(pack_bytes(&store), 0, "seed {seed}: all is free");
}

/// A collection that ended between the deletion of packs and of the index object that names them, and a tree that notes
/// where something was many rounds ago.
#[test]
fn what_no_checkpoint_remembers_is_not_referred_to() {
    history(300);
}

/// An index object that names packs which went long ago, because a collector died before it took the object away, and a
/// tree that notes them: nothing is wrong, and a restore says so. Keys are drawn anew, and each play shows it one time in
/// three.
#[test]
fn what_went_long_ago_and_is_still_named_is_no_damage() {
    for seed in [83, 206, 427, 1029] {
        (0..4).for_each(|_| history(seed));
    }
}

#[test]
fn any_history_keeps_what_is_kept() {
    let base = std::env::var("DATAKEEP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    let count = std::env::var("DATAKEEP_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(60);
    for number in 0..count {
        let _again = Again(base.wrapping_add(number));
        history(base.wrapping_add(number));
    }
}

/// Proof that the histories can find something.
#[test]
fn a_collection_that_overlooks_a_snapshot_is_found() {
    let missed = |seed: u64| {
        let play = || history_with(seed, Sight::NotTheNewest);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(play)).err()?;
        let said = panicked.downcast_ref::<String>().cloned().unwrap_or_default();
        // What the history says of what it looks at, not what the collection itself refuses.
        said.contains(&format!("seed {seed}, step")).then_some((seed, said))
    };
    let found = (1..60).find_map(missed);
    println!("found: {found:?}");
    assert!(found.is_some(), "no history finds it");
}

/// Says how a history is played again when it fails.
struct Again(u64);

impl Drop for Again {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            println!(
                "again: DATAKEEP_SEED={seed} DATAKEEP_HISTORIES=1 cargo test -p datakeep-distribute --test it any_history"
            );
        }
    }
}
