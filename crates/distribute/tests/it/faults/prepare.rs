//! Repositories as scenarios find them: small trees, packs of several frames, everything older than two days.

use crate::collect::{collect, collect_options, forget};
use crate::held::Held;
use crate::memory::{self, Tree, TreeSource, directory, file, key, symlink};
use crate::repair::{Restorable, restorable};
use crate::support::{NOW, PASSWORD, open_with, options, password_slot, run, small};
use datakeep_engine::BackupOptions;
use datakeep_model::SessionId;
use datakeep_store::{CollectOutcome, Entropy, RepairOutcome, Repository, SeededEntropy, StoreError};
use datakeep_store_blob::{BlobStore, FaultPlan, FaultStore, MemoryStore};
use datakeep_testkit::random_bytes;
use std::cell::Cell;
use std::sync::Arc;

pub const OTHER_PASSWORD: &str = "another one";
pub const SOURCE: &str = "faults";
/// The file of the fourth tree during whose reading a collection comes between.
pub const COMES_BETWEEN: &str = "d/20";
const TWO_DAYS_MS: u64 = 2 * 24 * 60 * 60 * 1000;

/// What was damaged before a repair, as it was found.
pub struct Damage {
    pub object: String,
    pub bytes: Option<Vec<u8>>,
    pub before: Restorable,
}

/// A repository, and what it must go on holding.
#[derive(Default)]
pub struct Prepared {
    pub store: MemoryStore,
    /// Visible snapshots, oldest first.
    pub held: Vec<(SessionId, Held)>,
    pub damage: Option<Damage>,
    /// The repository at the other end of a copy.
    pub other: Option<MemoryStore>,
}

thread_local! {
    static ROW: Cell<u64> = const { Cell::new(0) };
}

/// From here on, this thread's openings draw from the rows of chance after `row`: the same case gives the same bytes.
pub fn draw_from(row: u64) {
    ROW.set(row);
}

/// The next row: no two openings of a repository may draw from one.
pub fn chance() -> Arc<dyn Entropy> {
    let row = ROW.get();
    ROW.set(row + 1);
    Arc::new(SeededEntropy::new(row))
}

pub fn open(store: MemoryStore) -> Result<Arc<Repository>, StoreError> {
    open_with(store, PASSWORD, chance())
}

pub fn few_bytes() -> BackupOptions {
    let (frame_target_bytes, most_inline_len_bytes) = (700, 40);
    let few = BackupOptions { workers: 1, frame_target_bytes, most_inline_len_bytes, ..options() };
    BackupOptions { progress_bytes: 2 << 10, group_window: Some(3), ..few }
}

fn body(number: u64) -> Vec<u8> {
    random_bytes(number, 250 + (number * 131 % 700) as usize)
}

pub fn first_tree() -> Tree {
    let mut tree = memory::tree([("d", directory(2)), ("link", symlink(3, b"d/00"))]);
    tree.extend((0..8).map(|number| (key(&format!("d/{number:02}")), file(10 + number as i64, body(number)))));
    tree
}

pub fn second_tree() -> Tree {
    let mut tree = first_tree();
    tree.remove(&key("d/02"));
    for number in [1, 4, 5, 8] {
        tree.insert(key(&format!("d/{number:02}")), file(100 + number as i64, body(100 + number)));
    }
    tree
}

pub fn third_tree() -> Tree {
    let mut tree = second_tree();
    for number in [3, 9, 10, 11, 12] {
        tree.insert(key(&format!("d/{number:02}")), file(200 + number as i64, body(200 + number)));
    }
    tree
}

pub fn fourth_tree() -> Tree {
    let mut tree = second_tree();
    tree.insert(key(COMES_BETWEEN), file(320, body(320)));
    tree
}

pub fn backed_up(prepared: &mut Prepared, held: impl Into<Held>) {
    let held = held.into();
    let repository = open(prepared.store.clone()).unwrap();
    let manifest = held.back_up(&repository, SOURCE, &few_bytes()).unwrap();
    prepared.held.push((manifest.snapshot.id, held));
}

/// A run that ends before its decision and leaves packs, an intent and progress.
pub fn interrupted(prepared: &Prepared) {
    let mut source = TreeSource { fail_complete: true, ..TreeSource::new(SOURCE, &third_tree()) };
    let often = BackupOptions { progress_bytes: 256, ..few_bytes() };
    run(&open(prepared.store.clone()).unwrap(), &mut source, &often).unwrap_err();
    assert!(!prepared.store.list("progress/").unwrap().is_empty(), "the interrupted run left its progress");
}

pub fn aged(prepared: Prepared) -> Prepared {
    prepared.store.advance(TWO_DAYS_MS);
    prepared
}

/// What an `init` leaves that ended before it made the config.
pub fn left_by_init() -> Prepared {
    let prepared = Prepared::default();
    let dying = FaultStore::new(prepared.store.clone(), FaultPlan::CrashBefore(1));
    let slots = [password_slot("main", PASSWORD)];
    let died = Repository::init(Arc::new(dying), &small(), &slots, chance(), NOW);
    assert!(
        died.is_err() && prepared.store.list("config-keys/").unwrap().len() == 1,
        "a slot and nothing else is there"
    );
    aged(prepared)
}

pub fn empty() -> Prepared {
    let prepared = Prepared::default();
    let slots = [password_slot("main", PASSWORD)];
    Repository::init(Arc::new(prepared.store.clone()), &small(), &slots, chance(), NOW).unwrap();
    aged(prepared)
}

pub fn with_one() -> Prepared {
    let mut prepared = empty();
    backed_up(&mut prepared, first_tree());
    aged(prepared)
}

pub fn with_two() -> Prepared {
    let mut prepared = with_one();
    backed_up(&mut prepared, second_tree());
    aged(prepared)
}

/// One snapshot with labels, so that there is a first change of them.
pub fn with_labels() -> Prepared {
    let prepared = with_one();
    let repository = open(prepared.store.clone()).unwrap();
    let (manifests, _) = repository.snapshots().unwrap();
    repository.change_tags(&manifests[0], &|_| vec!["seen".to_string()]).unwrap();
    prepared
}

pub fn with_two_slots() -> Prepared {
    let prepared = with_one();
    open(prepared.store.clone()).unwrap().add_slot(&password_slot("other", OTHER_PASSWORD), NOW).unwrap();
    prepared
}

/// A run that died when its last packs were durable and not yet recorded.
pub fn with_progress() -> Prepared {
    // How much a record holds depends on how fast threads are: now and then there is one only.
    for _ in 0..50 {
        let prepared = with_one();
        interrupted(&prepared);
        let mut records = prepared.store.list("progress/").unwrap();
        let last = records.pop().unwrap();
        if !records.is_empty() {
            prepared.store.tamper(&last.name, None);
            return aged(prepared);
        }
    }
    panic!("no run has recorded its progress twice")
}

/// The older of two snapshots is forgotten: of its packs some frames are used. A run of long ago has not ended.
pub fn with_forgotten() -> Prepared {
    let mut prepared = with_labels();
    backed_up(&mut prepared, second_tree());
    interrupted(&prepared);
    let repository = open(prepared.store.clone()).unwrap();
    let (manifests, _) = repository.snapshots().unwrap();
    forget(&repository, &manifests[0]);
    prepared.held.remove(0);
    let plan = repository.plan_collection(&collect_options(0)).unwrap();
    assert!(!plan.rewrite.is_empty(), "there is something to move");
    aged(prepared)
}

/// The older of two snapshots is forgotten, and no run is open.
pub fn with_half_used() -> Prepared {
    let mut prepared = with_two();
    let repository = open(prepared.store.clone()).unwrap();
    forget(&repository, &repository.snapshots().unwrap().0[0]);
    prepared.held.remove(0);
    aged(prepared)
}

/// A collection that has condemned packs and waits for a run that was interrupted.
pub fn with_waiting_round() -> Prepared {
    let prepared = with_half_used();
    interrupted(&prepared);
    let (_, outcome) = collect(&open(prepared.store.clone()).unwrap(), &collect_options(0)).unwrap();
    assert!(matches!(outcome, CollectOutcome::Waiting(_)), "it waits: {outcome:?}");
    aged(prepared)
}

/// A round is over, and something has been forgotten since: there are records of the older round to remove.
pub fn with_older_round() -> Prepared {
    let mut prepared = with_forgotten();
    collected(&prepared);
    backed_up(&mut prepared, third_tree());
    let repository = open(prepared.store.clone()).unwrap();
    forget(&repository, &repository.snapshots().unwrap().0[0]);
    prepared.held.remove(0);
    aged(prepared)
}

fn collected(prepared: &Prepared) {
    let (_, outcome) = collect(&open(prepared.store.clone()).unwrap(), &collect_options(0)).unwrap();
    assert!(matches!(outcome, CollectOutcome::Done(_)), "nothing is in its way: {outcome:?}");
}

/// Every kind of object: labels, a forgotten snapshot, a finished round, progress, and a round that has begun.
pub fn with_everything() -> Prepared {
    let mut prepared = with_older_round();
    prepared.store.advance(TWO_DAYS_MS);
    collected(&prepared);
    backed_up(&mut prepared, second_tree());
    let repository = open(prepared.store.clone()).unwrap();
    let manifests = repository.snapshots().unwrap().0;
    repository.change_tags(&manifests[1], &|_| vec!["newest".to_string()]).unwrap();
    forget(&repository, &manifests[0]);
    prepared.held.remove(0);
    interrupted(&prepared);
    let (_, outcome) = collect(&repository, &collect_options(0)).unwrap();
    assert!(matches!(outcome, CollectOutcome::Waiting(_)), "it waits: {outcome:?}");
    aged(prepared)
}

/// A byte in the middle of an object is another.
fn damaged(prepared: Prepared, object: &str) -> Prepared {
    let mut bytes = prepared.store.read(object, u64::MAX).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 4;
    prepared.store.tamper(object, Some(bytes.clone()));
    let before = restorable(&open(prepared.store.clone()).unwrap());
    let damage = Damage { object: object.to_string(), bytes: Some(bytes), before };
    aged(Prepared { damage: Some(damage), ..prepared })
}

/// A pack of which some frames are whole, and a run of long ago that has not ended.
pub fn with_damaged_pack() -> Prepared {
    let prepared = with_one();
    interrupted(&prepared);
    with_largest_damaged(prepared)
}

/// Of the packs of the first snapshot the largest is damaged.
pub fn with_largest_damaged(prepared: Prepared) -> Prepared {
    let (id, _) = &prepared.held[0];
    let packs = prepared.store.list("data/").unwrap().into_iter();
    let own = packs.filter(|pack| pack.name.contains(&id.to_hex()));
    let largest = own.max_by_key(|pack| pack.len_bytes).unwrap().name;
    damaged(prepared, &largest)
}

/// A pack that snapshots use is not there.
pub fn with_missing_pack() -> Prepared {
    let prepared = with_one();
    let object = prepared.store.list("data/").unwrap().remove(0).name;
    prepared.store.tamper(&object, None);
    let before = restorable(&open(prepared.store.clone()).unwrap());
    aged(Prepared { damage: Some(Damage { object, bytes: None, before }), ..prepared })
}

pub fn with_damaged_index() -> Prepared {
    let prepared = with_two();
    let index = prepared.store.list("index/").unwrap().remove(0).name;
    damaged(prepared, &index)
}

pub fn with_damaged_reach() -> Prepared {
    let prepared = with_two();
    let reach = prepared.store.list("reach/").unwrap().remove(0).name;
    damaged(prepared, &reach)
}

/// The reaches of two snapshots have been made again by a repair, and the older one is forgotten.
pub fn with_mended() -> Prepared {
    let mut prepared = with_two();
    for reach in prepared.store.list("reach/").unwrap() {
        let mut bytes = prepared.store.read(&reach.name, u64::MAX).unwrap();
        let middle = bytes.len() / 3;
        bytes[middle] ^= 4;
        prepared.store.tamper(&reach.name, Some(bytes));
    }
    let repository = open(prepared.store.clone()).unwrap();
    let plan = repository.plan_repair(&mut |_| true).unwrap();
    let outcome = repository.repair(&plan, &collect_options(30), &mut |_| true).unwrap();
    assert!(matches!(outcome, RepairOutcome::Done(_)), "nothing is in its way: {outcome:?}");
    forget(&repository, &repository.snapshots().unwrap().0[0]);
    prepared.held.remove(0);
    aged(prepared)
}

pub fn with_damaged_decision() -> Prepared {
    let prepared = with_two();
    let decision = prepared.store.list("commits/").unwrap().remove(0).name;
    damaged(prepared, &decision)
}

pub fn with_damaged_labels() -> Prepared {
    let prepared = with_labels();
    let labels = prepared.store.list("tags/").unwrap().remove(0).name;
    damaged(prepared, &labels)
}
