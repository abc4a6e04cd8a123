//! A crash, or a fault, at every call of the byte store: nothing that was acknowledged is lost, nothing that is visible
//! is wrong, and the next run succeeds without anybody's help.

use crate::collect;
use crate::fixture::{first_tree, fixture_options, second_tree, third_tree};
use crate::memory::{Tree, TreeSource};
use crate::support::{
    Ear, NOW, PASSWORD, assert_restores, assert_sound, init_with, open, open_with, options, password_slot,
    restore_tree, run,
};
use datakeep_connector::{Cancel, FixedClock};
use datakeep_distribute::copy::{Copier, Depth, Pair, Wanted};
use datakeep_engine::{BackupOptions, RunContext};
use datakeep_model::SessionId;
use datakeep_store::{CollectOptions, CollectOutcome, OsEntropy, Repository, StoreError, Tombstone};
use datakeep_store_blob::{BlobError, BlobStore, FaultPlan, FaultStore, Listed, MemoryStore};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};

const OTHER_PASSWORD: &str = "another one";

/// What a crash leaves of objects that were staged and not yet made durable.
#[derive(Clone, Copy, Debug)]
pub enum Survival {
    Nothing,
    Everything,
    /// About half of them: those whose name hashes so.
    Some(u64),
}

/// A store whose staged objects survive a crash as they like.
pub struct LooseStore {
    durable: MemoryStore,
    staged: Mutex<Vec<(String, Vec<u8>)>>,
    survival: Survival,
    /// A planted bug: barriers are never asked for, as in a product that forgets to.
    lacks_barriers: bool,
}

impl LooseStore {
    fn survives(&self, name: &str) -> bool {
        match self.survival {
            Survival::Nothing => false,
            Survival::Everything => true,
            Survival::Some(seed) => {
                name.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)) >> 20 & 1
                    == 1
            }
        }
    }
}

impl BlobStore for LooseStore {
    fn location(&self) -> String {
        self.durable.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        if self.survives(name) {
            return self.durable.create(name, &parts.concat());
        }
        self.staged.lock().unwrap().push((name.to_string(), parts.concat()));
        Ok(())
    }

    fn barrier(&self) -> Result<(), BlobError> {
        if self.lacks_barriers {
            return Ok(());
        }
        let staged = std::mem::take(&mut *self.staged.lock().unwrap());
        staged.iter().try_for_each(|(name, bytes)| self.durable.create(name, bytes))
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.durable.create(name, bytes)
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.durable.read(name, max_len_bytes)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        self.durable.read_at(name, offset_byte, buffer)
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.durable.len_bytes(name)
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.durable.age_ms(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.durable.list(prefix)
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.durable.delete(name)
    }
}

/// What a scenario has told its user.
#[derive(Default, Debug)]
struct Told {
    snapshot: Option<SessionId>,
    tags: Option<Vec<String>>,
    forgotten: Option<SessionId>,
    /// Passwords that must open the repository.
    opens: Vec<&'static str>,
}

type Act = fn(FaultStore<LooseStore>) -> Result<Told, String>;

struct Scenario {
    name: &'static str,
    prepare: fn() -> MemoryStore,
    act: Act,
    /// What a snapshot that the act makes holds.
    makes: fn() -> Tree,
    /// What the repository holds before, oldest first.
    holds: &'static [fn() -> Tree],
}

fn few_bytes() -> BackupOptions {
    BackupOptions { workers: 1, frame_target_bytes: 700, progress_bytes: 1 << 10, ..options() }
}

fn said<T>(result: Result<T, impl std::fmt::Display>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn backed_up(store: &MemoryStore, tree: &Tree) {
    run(&open(store.clone()).unwrap(), &mut TreeSource::new("crash", tree), &few_bytes()).unwrap();
}

fn empty() -> MemoryStore {
    let store = MemoryStore::new();
    init_with(store.clone(), &fixture_options());
    store
}

fn with_one() -> MemoryStore {
    let store = empty();
    backed_up(&store, &first_tree());
    store
}

fn with_progress() -> MemoryStore {
    let store = with_one();
    let mut source = TreeSource { fail_complete: true, ..TreeSource::new("crash", &third_tree()) };
    run(&open(store.clone()).unwrap(), &mut source, &few_bytes()).unwrap_err();
    assert!(!store.list("progress/").unwrap().is_empty(), "the interrupted run left its progress");
    store
}

fn with_two_slots() -> MemoryStore {
    let store = with_one();
    open(store.clone()).unwrap().add_slot(&password_slot("other", OTHER_PASSWORD), NOW).unwrap();
    store
}

/// Two snapshots; of the older one, which is forgotten, much is used by the newer and much is not.
fn with_forgotten() -> MemoryStore {
    let store = with_one();
    backed_up(&store, &second_tree());
    let repository = open(store.clone()).unwrap();
    let (manifests, _) = repository.snapshots().unwrap();
    collect::forget(&repository, &manifests[0]);
    store
}

fn with_two() -> MemoryStore {
    let store = with_one();
    backed_up(&store, &second_tree());
    store
}

/// A run that is interrupted, and a collection that has condemned packs and waits for it.
fn with_waiting_round() -> MemoryStore {
    let store = with_forgotten();
    let mut source = TreeSource { fail_complete: true, ..TreeSource::new("crash", &third_tree()) };
    run(&open(store.clone()).unwrap(), &mut source, &few_bytes()).unwrap_err();
    let repository = open(store.clone()).unwrap();
    let (_, outcome) = collect::collect(&repository, &collect::collect_options(0)).unwrap();
    assert!(matches!(outcome, CollectOutcome::Waiting(_)), "{outcome:?}");
    store
}

/// The repository that is copied from: two snapshots, `first_tree` and `second_tree`, of the source `crash`.
fn copied_from() -> Arc<Repository> {
    static FROM: OnceLock<Arc<Repository>> = OnceLock::new();
    FROM.get_or_init(|| open(with_two()).unwrap()).clone()
}

/// Copies the first so many snapshots, as far as they are not there.
fn copy_into(store: impl BlobStore + 'static, count: usize) -> Result<Told, String> {
    let (from, to) = (copied_from(), said(open(store))?);
    let (chosen, _) = said(from.snapshots())?;
    let (ear, cancel, clock) = (Ear::default(), Cancel::new(), FixedClock(NOW));
    let context = RunContext { observer: &ear, cancel: &cancel, clock: &clock };
    let mut copier = said(Copier::new(said(Pair::new(&from, &to))?))?;
    let mut snapshot = None;
    for planned in said(copier.plan(&chosen[..count], Wanted::New))? {
        if planned.is_to_copy {
            let report = copier.copy(&planned.manifest, &few_bytes(), Depth::Content, &context);
            let report = said(report)?;
            assert_eq!((report.losses, report.compared.differences), (Vec::new(), Vec::new()));
            snapshot = Some(report.copy.snapshot.id);
        }
    }
    Ok(Told { snapshot, ..Told::default() })
}

fn with_first_copied() -> MemoryStore {
    let store = empty();
    copy_into(store.clone(), 1).unwrap();
    store
}

fn with_both_copied() -> MemoryStore {
    let store = empty();
    copy_into(store.clone(), 2).unwrap();
    store
}

/// A copy died after it had recorded progress.
fn with_copy_begun() -> MemoryStore {
    let changes = calls_of(&empty(), |store| copy_into(store, 1)).1;
    // The last moment before which nothing is published yet.
    let begun = (0..changes).rev().find_map(|at| {
        let store = empty();
        let plan = FaultPlan::CrashBefore(at);
        let _ = copy_into(FaultStore::new(loose(&store, Survival::Everything), plan), 1);
        let is_published = !open(store.clone()).unwrap().snapshots().unwrap().0.is_empty();
        (!is_published && !store.list("progress/").unwrap().is_empty()).then_some(store)
    });
    begun.expect("the interrupted copy left its progress")
}

fn forget_first(store: FaultStore<LooseStore>) -> Result<Told, String> {
    let repository = said(open(store))?;
    let (manifests, _) = said(repository.snapshots())?;
    let manifest = manifests.first().ok_or("no snapshot")?;
    let tombstone = Tombstone { forgotten: NOW, host: "here".into(), reason: "crash".into() };
    said(repository.forget(manifest, &tombstone))?;
    Ok(Told { forgotten: Some(manifest.snapshot.id), ..Told::default() })
}

fn collect_all(store: FaultStore<LooseStore>) -> Result<Told, String> {
    let repository = said(open(store))?;
    let options = CollectOptions { patience_ms: 0, ..collect::collect_options(0) };
    match said(collect::collect(&repository, &options))?.1 {
        CollectOutcome::Done(_) => Ok(Told::default()),
        CollectOutcome::Waiting(open) => Err(format!("waits for {open:?}")),
    }
}

fn init(store: FaultStore<LooseStore>) -> Result<Told, String> {
    let slots = [password_slot("main", PASSWORD), password_slot("other", OTHER_PASSWORD)];
    said(Repository::init(Arc::new(store), &fixture_options(), &slots, Arc::new(OsEntropy), NOW))?;
    Ok(Told { opens: vec![PASSWORD, OTHER_PASSWORD], ..Told::default() })
}

fn backup_of(store: FaultStore<LooseStore>, tree: &Tree) -> Result<Told, String> {
    let repository = said(open(store))?;
    let report = said(run(&repository, &mut TreeSource::new("crash", tree), &few_bytes()))?;
    Ok(Told { snapshot: report.manifest.map(|manifest| manifest.snapshot.id), ..Told::default() })
}

fn relabel(store: FaultStore<LooseStore>) -> Result<Told, String> {
    let repository = said(open(store))?;
    let (manifests, _) = said(repository.snapshots())?;
    let manifest = manifests.last().ok_or("no snapshot")?;
    let tags = said(repository.change_tags(manifest, &|_| vec!["kept".to_string()]))?;
    Ok(Told { tags: Some(tags), ..Told::default() })
}

fn add_slot(store: FaultStore<LooseStore>) -> Result<Told, String> {
    said(said(open(store))?.add_slot(&password_slot("other", OTHER_PASSWORD), NOW))?;
    Ok(Told { opens: vec![PASSWORD, OTHER_PASSWORD], ..Told::default() })
}

fn change_password(store: FaultStore<LooseStore>) -> Result<Told, String> {
    said(said(open(store))?.change_password(&password_slot("main", OTHER_PASSWORD), NOW))?;
    Ok(Told { opens: vec![OTHER_PASSWORD], ..Told::default() })
}

fn remove_slot(store: FaultStore<LooseStore>) -> Result<Told, String> {
    let repository = said(open(store))?;
    let slots = said(repository.slots())?;
    let other = slots.iter().find(|slot| !slot.used).ok_or("only one slot")?;
    said(repository.remove_slot(&other.name))?;
    Ok(Told { opens: vec![PASSWORD], ..Told::default() })
}

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "init", prepare: MemoryStore::new, act: init, makes: first_tree, holds: &[] },
    Scenario {
        name: "first backup",
        prepare: empty,
        act: |store| backup_of(store, &first_tree()),
        makes: first_tree,
        holds: &[],
    },
    Scenario {
        name: "second backup",
        prepare: with_one,
        act: |store| backup_of(store, &second_tree()),
        makes: second_tree,
        holds: &[first_tree],
    },
    Scenario {
        name: "resumed backup",
        prepare: with_progress,
        act: |store| backup_of(store, &third_tree()),
        makes: third_tree,
        holds: &[first_tree],
    },
    Scenario { name: "labels", prepare: with_one, act: relabel, makes: first_tree, holds: &[first_tree] },
    Scenario { name: "add slot", prepare: with_one, act: add_slot, makes: first_tree, holds: &[first_tree] },
    Scenario {
        name: "change password",
        prepare: with_one,
        act: change_password,
        makes: first_tree,
        holds: &[first_tree],
    },
    Scenario {
        name: "remove slot",
        prepare: with_two_slots,
        act: remove_slot,
        makes: first_tree,
        holds: &[first_tree],
    },
    Scenario { name: "forget", prepare: with_two, act: forget_first, makes: first_tree, holds: &[second_tree] },
    Scenario { name: "collect", prepare: with_forgotten, act: collect_all, makes: second_tree, holds: &[second_tree] },
    Scenario {
        name: "finish a round",
        prepare: with_waiting_round,
        act: collect_all,
        makes: second_tree,
        holds: &[second_tree],
    },
    Scenario { name: "first copy", prepare: empty, act: |store| copy_into(store, 1), makes: first_tree, holds: &[] },
    Scenario {
        name: "second copy",
        prepare: with_first_copied,
        act: |store| copy_into(store, 2),
        makes: second_tree,
        holds: &[first_tree],
    },
    Scenario {
        name: "resumed copy",
        prepare: with_copy_begun,
        act: |store| copy_into(store, 1),
        makes: first_tree,
        holds: &[],
    },
    Scenario {
        name: "copy in a round",
        prepare: with_waiting_round,
        act: |store| copy_into(store, 1),
        makes: first_tree,
        holds: &[second_tree],
    },
    Scenario {
        name: "forget a copy",
        prepare: with_both_copied,
        act: forget_first,
        makes: first_tree,
        holds: &[second_tree],
    },
    Scenario {
        name: "backup in a round",
        prepare: with_waiting_round,
        act: |store| backup_of(store, &third_tree()),
        makes: third_tree,
        holds: &[second_tree],
    },
];

/// The number of calls and of changing calls of a scenario that nothing disturbs.
fn calls(scenario: &Scenario) -> (u64, u64) {
    calls_of(&(scenario.prepare)(), scenario.act)
}

fn calls_of(prepared: &MemoryStore, act: Act) -> (u64, u64) {
    let store = FaultStore::new(loose(&prepared.fork(), Survival::Nothing), FaultPlan::Count);
    let (calls, changes) = store.counters();
    act(store).unwrap();
    (calls.load(Ordering::SeqCst), changes.load(Ordering::SeqCst))
}

pub fn loose(durable: &MemoryStore, survival: Survival) -> LooseStore {
    LooseStore { durable: durable.clone(), staged: Mutex::default(), survival, lacks_barriers: false }
}

/// Plays the scenario with a fault and looks at what is left. True when the scenario ended well.
fn play(scenario: &Scenario, prepared: &MemoryStore, plan: FaultPlan, survival: Survival) -> bool {
    play_with(scenario, prepared, plan, |store| loose(store, survival))
}

fn play_with(
    scenario: &Scenario,
    prepared: &MemoryStore,
    plan: FaultPlan,
    backend: impl Fn(&MemoryStore) -> LooseStore,
) -> bool {
    let store = prepared.fork();
    let backend = backend(&store);
    let what = format!("{}, {plan:?}, survives {:?}", scenario.name, backend.survival);
    let told = (scenario.act)(FaultStore::new(backend, plan));
    let ended_well = told.is_ok();
    let told = told.unwrap_or_default();

    let opening = [PASSWORD, OTHER_PASSWORD].map(|password| open_with(store.clone(), password, Arc::new(OsEntropy)));
    for (password, opened) in [PASSWORD, OTHER_PASSWORD].iter().zip(&opening) {
        let wanted = told.opens.contains(password);
        assert!(!wanted || opened.is_ok(), "{what}: {password:?} was acknowledged and does not open");
    }
    let Some(repository) = opening.into_iter().flatten().next() else {
        assert!(scenario.name == "init" && !ended_well, "{what}: no password opens it");
        return begin_again(&store, &what);
    };
    assert_eq!(repository.slot_warnings(), Vec::<String>::new(), "{what}");
    check_snapshots(scenario, &repository, &told, &what);
    assert_sound(&repository, &what);

    finish_copy(scenario, &store, &what);
    let next = run(&repository, &mut TreeSource::new("crash", &third_tree()), &few_bytes());
    let manifest = next.unwrap_or_else(|error| panic!("{what}: the next run fails: {error}")).manifest.unwrap();
    let fresh = open_again(&store);
    assert_restores(&fresh, &manifest, &third_tree(), &what);
    check_snapshots(scenario, &fresh, &told, &what);
    assert_sound(&fresh, &what);
    // A copy that died after its commit is not made again: its progress goes with a collection.
    if !scenario.name.contains("copy") {
        assert_eq!(store.list("progress/").unwrap(), [], "{what}: a run that commits leaves no progress behind");
    }

    // Whatever was begun is finished by the next collection, and nothing that is kept goes with it.
    store.advance(10 * collect::PATIENCE_MS);
    collect::collect_done(&fresh, 0);
    let fresh = open_again(&store);
    assert_restores(&fresh, &manifest, &third_tree(), &what);
    check_snapshots(scenario, &fresh, &told, &what);
    assert_sound(&fresh, &what);
    ended_well
}

/// What a copy that died has left is for the next copy alone. That makes the snapshot, once, and what was forgotten
/// stays so.
fn finish_copy(scenario: &Scenario, store: &MemoryStore, what: &str) {
    let copies = match scenario.name {
        "first copy" | "resumed copy" | "copy in a round" => 1,
        "second copy" | "forget a copy" => 2,
        _ => return,
    };
    let was_forgotten = !store.list("commits-forgotten/").unwrap().is_empty() && scenario.name == "forget a copy";
    let told = copy_into(store.clone(), copies).unwrap_or_else(|error| panic!("{what}: the next copy fails: {error}"));
    let (manifests, _) = open(store.clone()).unwrap().snapshots().unwrap();
    let copied = manifests.iter().filter(|manifest| manifest.snapshot.origin.is_some()).count();
    assert_eq!(copied, copies - usize::from(was_forgotten), "{what}: every snapshot is copied once");
    assert!(told.snapshot.is_none() || !was_forgotten, "{what}: what was forgotten is copied again");
}

fn open_again(store: &MemoryStore) -> Arc<Repository> {
    open(store.clone()).or_else(|_| open_with(store.clone(), OTHER_PASSWORD, Arc::new(OsEntropy))).unwrap()
}

/// Every snapshot that was there is there; what else is visible is whole.
fn check_snapshots(scenario: &Scenario, repository: &Repository, told: &Told, what: &str) {
    let (manifests, faults) = repository.snapshots().unwrap();
    assert!(faults.is_empty(), "{what}: {faults:?}");
    assert!(manifests.len() >= scenario.holds.len(), "{what}: a snapshot is gone");
    let ids: Vec<SessionId> = manifests.iter().map(|manifest| manifest.snapshot.id).collect();
    assert!(told.snapshot.is_none_or(|id| ids.contains(&id)), "{what}: an acknowledged snapshot is gone");
    assert!(told.forgotten.is_none_or(|id| !ids.contains(&id)), "{what}: a forgotten snapshot is there");
    if let Some(tags) = &told.tags {
        assert!(manifests.iter().any(|manifest| manifest.snapshot.tags == *tags), "{what}: acknowledged labels");
    }
    let mut expected: Vec<Tree> = scenario.holds.iter().map(|tree| tree()).collect();
    expected.extend([(scenario.makes)(), third_tree()]);
    for manifest in &manifests {
        let (found, report) = restore_tree(repository, manifest).unwrap();
        assert_eq!(report.tally.losses, 0, "{what}: {:?}", report.tally.lost);
        let right = expected.iter().any(|tree| crate::memory::first_difference(tree, &found).is_none());
        assert!(right, "{what}: snapshot {} is not what was backed up", manifest.snapshot.id);
    }
}

/// An `init` that did not end leaves nothing in the way of the next.
fn begin_again(store: &MemoryStore, what: &str) -> bool {
    let repository = init_with(store.clone(), &fixture_options());
    drop(repository);
    let repository = open(store.clone()).unwrap_or_else(|error: StoreError| panic!("{what}: {error}"));
    assert_eq!(repository.slot_warnings(), Vec::<String>::new(), "{what}: no slots of the first attempt are left");
    assert_sound(&repository, what);
    false
}

#[test]
fn a_crash_at_any_call_loses_nothing() {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for scenario in SCENARIOS {
        let (_, changes) = calls(scenario);
        let prepared = (scenario.prepare)();
        let some = (1..=6).map(Survival::Some);
        for survival in [Survival::Nothing, Survival::Everything].into_iter().chain(some) {
            for at in 0..changes {
                for plan in [FaultPlan::CrashBefore(at), FaultPlan::CrashAfter(at)] {
                    play(scenario, &prepared, plan, survival);
                    *states.entry(scenario.name).or_default() += 1;
                }
            }
        }
    }
    eprintln!("crashes: {} states: {states:?}", states.values().sum::<usize>());
    assert!(states.values().sum::<usize>() > 600 && states.len() == SCENARIOS.len(), "{states:?}");
}

#[test]
fn a_fault_at_any_call_is_no_false_success() {
    let (mut states, mut successes) = (0, 0);
    for scenario in SCENARIOS {
        let (calls, _) = calls(scenario);
        let prepared = (scenario.prepare)();
        for at in 0..calls {
            for plan in [FaultPlan::FailOnce(at), FaultPlan::FullOnce(at), FaultPlan::LoseAnswer(at)] {
                for survival in [Survival::Nothing, Survival::Everything] {
                    states += 1;
                    successes += usize::from(play(scenario, &prepared, plan, survival));
                }
            }
        }
    }
    eprintln!("faults: {states} states, {successes} of them ended well");
    assert!(states > 900, "{states}");
}

/// The harness can fail: a product that never asks for a barrier is found out in scenarios that store packs, and only where what
/// is staged does not survive by itself.
#[test]
fn missing_barriers_are_found() {
    for name in ["first backup", "second backup", "resumed backup", "first copy"] {
        let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap();
        let (_, changes) = calls(scenario);
        let prepared = (scenario.prepare)();
        let is_wrong = |at: u64, survival: Survival| {
            let planted = |store: &MemoryStore| LooseStore { lacks_barriers: true, ..loose(store, survival) };
            let play = || play_with(scenario, &prepared, FaultPlan::CrashAfter(at), planted);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(play)).is_err()
        };
        // The crash may come after the run has said that all is well.
        let found = (0..=changes).find(|&at| is_wrong(at, Survival::Nothing));
        assert!(found.is_some(), "{name}: nobody misses the barriers");
        assert!(!(0..=changes).any(|at| is_wrong(at, Survival::Everything)), "{name}: nothing was lost");
    }
}

/// The harness can fail: a store that forgets a pack behind a barrier is found out.
#[test]
fn a_store_that_lies_is_found_out() {
    let store = with_one();
    let pack = store.list("data/").unwrap().remove(0).name;
    store.tamper(&pack, None);
    let repository = open(store).unwrap();
    assert!(!crate::support::verify(&repository).unwrap().faults.is_empty());
    let (manifests, _) = repository.snapshots().unwrap();
    let (_, report) = restore_tree(&repository, &manifests[0]).unwrap();
    assert!(report.tally.damaged > 0);
}
