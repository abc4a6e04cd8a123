//! Repair of records: reach objects, decisions, intents, labels. What can be known is made again, what is lost is told and
//! given up only when its owner agrees, and nothing is collected by a record that says too little.

mod after;

use crate::collect::{PATIENCE_MS, collect, collect_done, collect_options, forget, pack_bytes};
use crate::fixture;
use crate::memory::{self, Tree, TreeSource, directory, file, key};
use crate::repair::{Restorable, repaired, restorable};
use crate::support::{assert_restores, assert_sound, init_with, open, options, run, small, verify};
use datakeep_engine::BackupOptions;
use datakeep_model::SessionId;
use datakeep_store::{InitOptions, Manifest, RepairOutcome, RepairPlan, Repaired, Repository, StoreError};
use datakeep_store_blob::{BlobStore, FaultPlan, FaultStore, MemoryStore};
use datakeep_testkit::random_bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Two snapshots of one source that share much, one of another, all labelled twice; a collection has moved frames.
struct World {
    store: MemoryStore,
    trees: Vec<Tree>,
    manifests: Vec<Manifest>,
}

fn few_bytes() -> BackupOptions {
    BackupOptions { workers: 1, frame_target_bytes: 700, progress_bytes: 1 << 20, ..options() }
}

fn tree_of(numbers: std::ops::Range<u64>) -> Tree {
    let entry = |number: u64| (key(&format!("f{number:03}")), file(10 + number as i64, random_bytes(number, 500)));
    let mut tree = memory::tree([("d", directory(2))]);
    tree.extend(numbers.map(entry));
    tree
}

fn world() -> World {
    let store = MemoryStore::new();
    init_with(store.clone(), &InitOptions { pack_target_bytes: 9000, ..small() });
    let back_up = |source: &str, tree: &Tree| {
        run(&open(store.clone()).unwrap(), &mut TreeSource::new(source, tree), &few_bytes()).unwrap().manifest.unwrap()
    };
    let going = back_up("a", &tree_of(0..20));
    let trees = vec![tree_of(10..24), fixture::first_tree(), tree_of(40..46)];
    let mut manifests = vec![back_up("a", &trees[0]), back_up("b", &trees[1])];
    forget(&open(store.clone()).unwrap(), &going);
    assert!(collect_done(&open(store.clone()).unwrap(), 0).moved_bytes > 0);
    manifests.push(back_up("c", &trees[2]));
    let repository = open(store.clone()).unwrap();
    for manifest in &manifests {
        for label in ["one", "two"] {
            repository.change_tags(manifest, &|labels| [labels, &[label.to_string()]].concat()).unwrap();
        }
    }
    store.advance(2 * PATIENCE_MS);
    World { store, trees, manifests }
}

impl World {
    fn object(&self, folder: &str, number: usize) -> String {
        let snapshot = &self.manifests[number].snapshot;
        match folder {
            "tags" => format!("tags/{}/1", snapshot.id),
            folder => format!("{folder}/{:010}/{}", snapshot.epoch, snapshot.id),
        }
    }

    fn forked(&self) -> Self {
        let store = self.store.fork();
        Self { store, trees: self.trees.clone(), manifests: self.manifests.clone() }
    }

    fn open(&self) -> Arc<Repository> {
        open(self.store.clone()).unwrap()
    }

    /// After a repair everything is well: sound, nothing left to do, backups and collections work, and what was there
    /// is there.
    fn is_well(&self, before: &Restorable, what: &str) {
        let repository = self.open();
        assert_sound(&repository, what);
        assert!(repository.plan_repair(&mut |_| true).unwrap().is_empty(), "{what}: nothing is left to do");
        let listed = self.store.list("").unwrap();
        assert_eq!(repaired(&repository).unwrap(), Repaired::default(), "{what}: a second time");
        assert_eq!(self.store.list("").unwrap(), listed, "{what}: a second time changes nothing");
        assert_not_less(before, &restorable(&self.open()), what);
        let tree = tree_of(5..30);
        let made = run(&self.open(), &mut TreeSource::new("a", &tree), &few_bytes()).unwrap().manifest.unwrap();
        self.store.advance(2 * PATIENCE_MS);
        collect_done(&self.open(), 0);
        collect_done(&self.open(), 0);
        assert_restores(&self.open(), &made, &tree, what);
        assert_not_less(before, &restorable(&self.open()), what);
        assert_sound(&self.open(), what);
    }

    /// Everything that nobody uses can go, at the end.
    fn all_goes(&self, what: &str) {
        let repository = self.open();
        repository.snapshots().unwrap().0.iter().for_each(|manifest| forget(&repository, manifest));
        for _ in 0..3 {
            self.store.advance(2 * PATIENCE_MS);
            collect_done(&self.open(), 0);
        }
        assert_eq!(pack_bytes(&self.store), 0, "{what}");
    }
}

fn assert_not_less(before: &Restorable, after: &Restorable, what: &str) {
    for (place, body) in before {
        assert!(after.get(place) == Some(body), "{what}: {:?} is gone", String::from_utf8_lossy(&place.1));
    }
}

/// Ways to damage an object: gone, cut, and bits in front (marks and version), in the middle and at the end.
fn damages(store: &MemoryStore, object: &str) -> Vec<(String, Option<Vec<u8>>)> {
    let bytes = store.read(object, u64::MAX).unwrap();
    let mut ways = vec![
        (format!("{object} is gone"), None),
        (format!("{object} is cut"), Some(bytes[..bytes.len() - 9].to_vec())),
        (format!("{object} is empty"), Some(Vec::new())),
    ];
    for at in [3, 8, 10, 30, bytes.len() / 2, bytes.len() - 2] {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        ways.push((format!("{object}: byte {at}"), Some(changed)));
    }
    ways
}

fn damage(store: &MemoryStore, object: &str) -> Vec<u8> {
    let mut bytes = store.read(object, u64::MAX).unwrap();
    let at = bytes.len() - 3;
    bytes[at] ^= 1;
    store.tamper(object, Some(bytes.clone()));
    bytes
}

fn refuses_to_collect(world: &World, what: &str) {
    let world = world.forked();
    forget(&world.open(), &world.manifests[2]);
    let result = collect(&world.open(), &collect_options(0));
    assert!(result.is_err(), "{what}: collected by what is not known: {:?}", result.map(|(_, outcome)| outcome));
}

#[test]
fn damaged_reach_objects_are_made_again_from_trees() {
    let world = world();
    let before = restorable(&world.open());
    for number in 0..3 {
        let object = world.object("reach", number);
        for (what, bytes) in damages(&world.store, &object) {
            let world = world.forked();
            world.store.tamper(&object, bytes.clone());
            assert!(!verify(&world.open()).unwrap().faults.is_empty(), "{what}");
            if number < 2 {
                refuses_to_collect(&world, &what);
            }
            let plan = world.open().plan_repair(&mut |_| true).unwrap();
            assert_eq!((plan.reaches.len(), plan.reaches[0].keeps_all), (1, false), "{what}");
            let done = repaired(&world.open()).unwrap();
            assert_eq!(done, Repaired { reaches: 1, ..Repaired::default() }, "{what}");
            let kept = world.store.read(&format!("quarantine/{object}"), u64::MAX).ok();
            assert_eq!(kept, bytes, "{what}: it is kept as it was found");
            world.is_well(&before, &what);
            world.all_goes(&what);
        }
    }
}

/// As all damage to a reach object, the object that stands in for it can be damaged.
#[test]
fn what_stands_in_for_a_reach_object_is_made_again_as_well() {
    let world = world();
    let before = restorable(&world.open());
    world.store.tamper(&world.object("reach", 0), None);
    repaired(&world.open()).unwrap();
    let object = format!("mended/{}/0", world.manifests[0].snapshot.id);
    for (what, bytes) in damages(&world.store, &object) {
        let world = world.forked();
        world.store.tamper(&object, bytes);
        assert!(!verify(&world.open()).unwrap().faults.is_empty(), "{what}");
        refuses_to_collect(&world, &what);
        assert_eq!(repaired(&world.open()).unwrap().reaches, 1, "{what}");
        world.is_well(&before, &what);
    }
    // One of another snapshot is none.
    let foreign = world.store.read(&object, u64::MAX).unwrap();
    world.store.tamper(&world.object("reach", 1), None);
    world.store.tamper(&format!("mended/{}/0", world.manifests[1].snapshot.id), Some(foreign));
    refuses_to_collect(&world, "another snapshot's");
    assert_eq!(repaired(&world.open()).unwrap().reaches, 1);
    world.is_well(&before, "another snapshot's");
}

/// A repair with a bug in it: what it puts in the place of a reach object lacks a frame. Collections look at the tree.
#[test]
fn by_a_reach_that_lacks_a_frame_of_the_tree_nothing_is_collected() {
    let world = world();
    let before = restorable(&world.open());
    world.store.tamper(&world.object("reach", 0), None);
    let frames = {
        let plan = world.open().plan_repair(&mut |_| true).unwrap();
        plan.reaches[0].frames()
    };
    assert!(frames > 4, "{frames}");
    for left_out in 0..frames {
        for keeps_all in [false, true] {
            let world = world.forked();
            let repository = world.open();
            let mut plan = repository.plan_repair(&mut |_| true).unwrap();
            plan.reaches[0].plant_a_lack(left_out, keeps_all);
            repository.repair(&plan, &collect_options(30), &mut |_| true).unwrap();
            let what = format!("frame {left_out} left out, {keeps_all}");
            // Nobody else uses it.
            forget(&world.open(), &world.manifests[1]);
            forget(&world.open(), &world.manifests[2]);
            for _ in 0..2 {
                world.store.advance(2 * PATIENCE_MS);
                collect_done(&world.open(), 0);
            }
            let left: Restorable =
                before.clone().into_iter().filter(|((id, _), _)| *id == world.manifests[0].snapshot.id).collect();
            assert_not_less(&left, &restorable(&world.open()), &what);
            assert_restores(&world.open(), &run_parent(&world, 0), &world.trees[0], &what);
            world.is_well(&left, &what);
        }
    }
}

/// Where the tree cannot be walked, everything there is stays until the snapshot is forgotten.
#[test]
fn without_a_whole_tree_everything_is_kept() {
    let world = world();
    let metas = world.store.list("meta/").unwrap();
    let mut kept_all = 0;
    for pack in metas {
        let world = world.forked();
        let object = world.object("reach", 0);
        world.store.tamper(&object, None);
        let mut bytes = world.store.read(&pack.name, u64::MAX).unwrap();
        bytes[100] ^= 1;
        world.store.tamper(&pack.name, Some(bytes));
        let before = restorable(&world.open());
        let plan = world.open().plan_repair(&mut |_| true).unwrap();
        kept_all += usize::from(plan.reaches[0].keeps_all);
        let done = repaired(&world.open()).unwrap();
        assert_eq!((done.reaches, done.packs), (1, 1), "{}", pack.name);
        assert_not_less(&before, &restorable(&world.open()), &pack.name);
        forget(&world.open(), &world.manifests[2]);
        collect_done(&world.open(), 0);
        assert_not_less(
            &before.into_iter().filter(|((id, _), _)| *id != world.manifests[2].snapshot.id).collect(),
            &restorable(&world.open()),
            &pack.name,
        );
        let plan = world.open().plan_repair(&mut |_| true).unwrap();
        assert!(plan.beyond.is_empty(), "{:?}", plan.beyond);
        world.all_goes(&pack.name);
    }
    assert!(kept_all > 0, "no pack of the tree was hit");
}

#[test]
fn a_damaged_decision_or_copy_is_made_again_from_the_other() {
    let world = world();
    let before = restorable(&world.open());
    for folder in ["commits", "commits-copies"] {
        for number in [0, 2] {
            let object = world.object(folder, number);
            for (what, bytes) in damages(&world.store, &object) {
                let world = world.forked();
                world.store.tamper(&object, bytes.clone());
                let is_copy_gone = folder == "commits-copies" && bytes.is_none();
                assert_eq!(verify(&world.open()).unwrap().faults.is_empty(), is_copy_gone, "{what}");
                assert_eq!(world.open().snapshots().unwrap().0.len(), 3, "{what}: readers go by the other");
                assert_eq!(restorable(&world.open()), before, "{what}");
                // Writers and collectors go on.
                let going_on = world.forked();
                run(&going_on.open(), &mut TreeSource::new("a", &world.trees[0]), &few_bytes()).unwrap();
                forget(&going_on.open(), &world.manifests[1]);
                collect_done(&going_on.open(), 0);
                assert_restores(&going_on.open(), &run_parent(&going_on, number), &world.trees[number], &what);
                if !is_copy_gone {
                    let done = repaired(&world.open()).unwrap();
                    assert_eq!(done, Repaired { decisions: 1, ..Repaired::default() }, "{what}");
                    let kept = world.store.read(&format!("quarantine/{object}"), u64::MAX).ok();
                    assert_eq!(kept, bytes, "{what}: it is kept as it was found");
                    world.is_well(&before, &what);
                }
                world.all_goes(&what);
            }
        }
    }
}

/// The manifest of a snapshot as it is found now, once what is damaged beside it has been repaired.
fn run_parent(world: &World, number: usize) -> Manifest {
    repaired(&world.open()).unwrap();
    let (manifests, _) = world.open().snapshots().unwrap();
    let wanted = world.manifests[number].snapshot.id;
    manifests.into_iter().find(|manifest| manifest.snapshot.id == wanted).unwrap()
}

/// Of a run that was given up by a collector that slept while a repair had taken the damaged register from its place.
#[test]
fn an_abort_in_the_place_of_a_register_that_was_taken_away_does_no_harm() {
    let world = world();
    let before = restorable(&world.open());
    // An ABORT of another session stands for any: what is damaged is not COMMIT.
    let abort = {
        let info = datakeep_model::SourceInfo { name: "x".into(), ..world.manifests[0].snapshot.source.clone() };
        let session = datakeep_store::SessionInfo { source: info, started: crate::support::NOW };
        let writer = datakeep_store::Writer::begin(world.open(), &session).unwrap();
        writer.give_up();
        let (epoch, session) = writer.register();
        world.store.read(&format!("commits/{epoch:010}/{session}"), u64::MAX).unwrap()
    };
    let object = world.object("commits", 0);
    world.store.tamper(&object, Some(abort));
    assert_eq!(restorable(&world.open()), before);
    assert_eq!(repaired(&world.open()).unwrap().decisions, 1);
    world.is_well(&before, "an ABORT");
}

fn lost_world() -> (World, SessionId) {
    let world = world();
    damage(&world.store, &world.object("commits", 0));
    damage(&world.store, &world.object("commits-copies", 0));
    let lost = world.manifests[0].snapshot.id;
    (world, lost)
}

fn give_up(repository: &Arc<Repository>, lost: SessionId) -> Result<Repaired, StoreError> {
    loop {
        let mut plan = repository.plan_repair(&mut |_| true)?;
        plan.give_up(lost);
        match repository.repair(&plan, &collect_options(30), &mut |_| true)? {
            RepairOutcome::Done(done) => return Ok(done),
            RepairOutcome::Finished => {}
            RepairOutcome::Waiting(open) => panic!("waits for {open:?}"),
        }
    }
}

#[test]
fn a_lost_decision_frees_nothing_until_its_owner_gives_the_snapshot_up() {
    let (world, lost) = lost_world();
    let packs = pack_bytes(&world.store);
    let listed = world.store.list("").unwrap();
    refuses_to_collect(&world, "lost");
    let plan: RepairPlan = world.open().plan_repair(&mut |_| true).unwrap();
    assert_eq!((plan.lost.len(), plan.lost[0].snapshot, plan.lost[0].source.as_str()), (1, lost, "a"));
    assert!(plan.is_empty() && plan.is_blind());
    assert_eq!(repaired(&world.open()).unwrap(), Repaired::default());
    assert_eq!(world.store.list("").unwrap(), listed, "without consent nothing changes");
    refuses_to_collect(&world, "still lost");
    let mut plan = world.open().plan_repair(&mut |_| true).unwrap();
    assert!(!plan.give_up(world.manifests[1].snapshot.id), "only what is lost can be given up");

    let before = restorable(&world.open());
    assert_eq!(give_up(&world.open(), lost).unwrap(), Repaired { given_up: 1, ..Repaired::default() });
    assert_eq!(pack_bytes(&world.store), packs, "a repair frees nothing");
    for folder in ["commits", "commits-copies"] {
        assert!(world.store.len_bytes(&format!("quarantine/{}", world.object(folder, 0))).unwrap().is_some());
    }
    assert_eq!(world.open().tombstone(lost).unwrap().reason, "its decision is damaged; given up in a repair");
    world.is_well(&before, "given up");
    world.all_goes("given up");
}

#[test]
fn damaged_labels_fall_back_to_the_older_ones() {
    let world = world();
    let before = restorable(&world.open());
    let id = world.manifests[0].snapshot.id;
    let labels = |world: &World| {
        let (manifests, faults) = world.open().snapshots().unwrap();
        assert!(faults.is_empty(), "{faults:?}");
        manifests.into_iter().find(|manifest| manifest.snapshot.id == id).unwrap().snapshot.tags
    };
    for (numbers, left) in [(vec![1], vec!["one"]), (vec![0], vec!["one", "two"]), (vec![0, 1], vec![])] {
        let world = world.forked();
        for number in &numbers {
            damage(&world.store, &format!("tags/{id}/{number}"));
        }
        assert!(!verify(&world.open()).unwrap().faults.is_empty());
        let plan = world.open().plan_repair(&mut |_| true).unwrap();
        assert_eq!((plan.labels.len(), &plan.labels[0].labels), (1, &left.iter().map(|l| l.to_string()).collect()));
        assert_eq!(repaired(&world.open()).unwrap(), Repaired { labels: 1, ..Repaired::default() });
        assert_eq!(labels(&world), left);
        let manifests = world.open().snapshots().unwrap().0;
        let manifest = manifests.iter().find(|manifest| manifest.snapshot.id == id).unwrap();
        world.open().change_tags(manifest, &|labels| [labels, &["new".to_string()]].concat()).unwrap();
        assert!(world.store.len_bytes(&format!("tags/{id}/2")).unwrap().is_some(), "no name is used twice");
        let mut expected: Vec<&str> = left.clone();
        expected.push("new");
        expected.sort_unstable();
        assert_eq!(labels(&world), expected);
        world.is_well(&before, "labels");
    }
}

#[test]
fn damaged_intents_of_snapshots_are_made_again() {
    let world = world();
    let before = restorable(&world.open());
    let object = world.object("sessions", 0);
    for (what, bytes) in damages(&world.store, &object) {
        let world = world.forked();
        world.store.tamper(&object, bytes);
        assert_eq!(repaired(&world.open()).unwrap(), Repaired { intents: 1, ..Repaired::default() }, "{what}");
        world.is_well(&before, &what);
    }
}

#[test]
fn a_damaged_config_is_told_and_nothing_is_touched() {
    let world = world();
    for (what, bytes) in damages(&world.store, "config").into_iter().filter(|(_, bytes)| bytes.is_some()) {
        let world = world.forked();
        world.store.tamper("config", bytes.clone());
        let plan = world.open().plan_repair(&mut |_| true).unwrap();
        let beyond: Vec<&str> = plan.beyond.iter().map(|fault| fault.what.as_str()).collect();
        assert_eq!((beyond, plan.is_blind()), (vec!["config"], false), "{what}");
        assert_eq!(repaired(&world.open()).unwrap(), Repaired::default(), "{what}");
        assert_eq!(world.store.read("config", u64::MAX).ok(), bytes, "{what}");
        assert!(!world.open().snapshots().unwrap().0.is_empty(), "{what}");
    }
}

/// Everything at once: it dies before and after every call, and the next one ends it.
#[test]
fn a_repair_of_records_that_dies_anywhere_is_finished_by_the_next() {
    let hurt = || {
        let world = world();
        damage(&world.store, &world.object("reach", 0));
        world.store.tamper(&world.object("reach", 1), None);
        damage(&world.store, &world.object("commits", 1));
        damage(&world.store, &world.object("commits-copies", 2));
        damage(&world.store, &world.object("tags", 0));
        damage(&world.store, &world.object("sessions", 2));
        let pack = world.store.list("data/").unwrap().remove(1).name;
        let mut bytes = world.store.read(&pack, u64::MAX).unwrap();
        bytes[120] ^= 1;
        world.store.tamper(&pack, Some(bytes));
        world
    };
    let world = hurt();
    let before = restorable(&world.open());
    assert!(before.len() > 40);
    let counted = FaultStore::new(world.store.fork(), FaultPlan::Count);
    let (_, changes) = counted.counters();
    let done = repaired(&open(counted).unwrap()).unwrap();
    assert_eq!((done.reaches, done.decisions, done.labels, done.intents, done.packs), (2, 2, 1, 1, 1));
    let changes = changes.load(Ordering::SeqCst);
    assert!(changes > 25, "{changes}");
    for at in 0..changes {
        for plan in [FaultPlan::CrashBefore(at), FaultPlan::CrashAfter(at)] {
            let what = format!("{plan:?}");
            let world = world.forked();
            let died = open(FaultStore::new(world.store.clone(), plan)).and_then(|repository| repaired(&repository));
            assert!(died.is_err() || at + 2 >= changes, "{what}");
            assert_not_less(&before, &restorable(&world.open()), &what);
            world.store.advance(2 * PATIENCE_MS);
            // Another host may collect before anybody repairs.
            let _ = collect(&world.open(), &collect_options(0));
            assert_not_less(&before, &restorable(&world.open()), &what);
            world.store.advance(2 * PATIENCE_MS);
            repaired(&world.open()).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_not_less(&before, &restorable(&world.open()), &what);
            assert!(world.open().plan_repair(&mut |_| true).unwrap().is_empty(), "{what}");
            for (number, tree) in world.trees.iter().enumerate() {
                run(&world.open(), &mut TreeSource::new(["a", "b", "c"][number], tree), &few_bytes()).unwrap();
            }
            collect_done(&world.open(), 0);
            assert_not_less(&before, &restorable(&world.open()), &what);
            assert_sound(&world.open(), &what);
        }
    }
}
