//! What comes after a repair of records: the next backup, the next collection, the same plan once more.

use super::{World, damage, few_bytes, give_up, lost_world, tree_of, world};
use crate::collect::{collect_options, forget};
use crate::memory::TreeSource;
use crate::repair::repaired;
use crate::support::{assert_restores, open, restore_tree, run};
use datakeep_store_blob::{BlobError, BlobStore, Listed, MemoryStore};

/// What is lost of a snapshot is not known while its tree cannot be walked whole: the next backup reads everything again, and is
/// whole.
#[test]
fn after_content_and_reach_are_lost_the_next_backup_stores_everything_again() {
    let world = world();
    let mut kept_all = 0;
    for pack in [world.store.list("data/").unwrap(), world.store.list("meta/").unwrap()].concat() {
        let world = world.forked();
        world.store.tamper(&world.object("reach", 0), None);
        world.store.tamper(&pack.name, None);
        let plan = world.open().plan_repair(&mut |_| true).unwrap();
        kept_all += usize::from(plan.reaches.iter().any(|reach| reach.keeps_all));
        repaired(&world.open()).unwrap();
        let tree = tree_of(10..26);
        let made = run(&world.open(), &mut TreeSource::new("a", &tree), &few_bytes());
        let made = made.unwrap_or_else(|error| panic!("{}: {error}", pack.name)).manifest.unwrap();
        assert_restores(&world.open(), &made, &tree, &pack.name);
    }
    assert!(kept_all > 0, "no pack of the snapshot was hit");
}

/// Nobody waits for a run whose register a repair has set aside.
#[test]
fn a_snapshot_whose_register_goes_leaves_no_session_open() {
    let (given_up, lost) = lost_world();
    give_up(&given_up.open(), lost).unwrap();
    let forgotten: World = world();
    forget(&forgotten.open(), &forgotten.manifests[0]);
    damage(&forgotten.store, &forgotten.object("commits", 0));
    damage(&forgotten.store, &forgotten.object("commits-copies", 0));
    repaired(&forgotten.open()).unwrap();
    for (what, world) in [("given up", given_up), ("forgotten", forgotten)] {
        let open = world.open().sessions_in_the_way().unwrap();
        assert!(open.is_empty(), "{what}: {open:?}");
        world.all_goes(what);
    }
}

/// A repair that waits for a run applies its plan again and again.
#[test]
fn a_plan_that_is_applied_twice_makes_one_reach() {
    let world = world();
    world.store.tamper(&world.object("reach", 0), None);
    let repository = world.open();
    let plan = repository.plan_repair(&mut |_| true).unwrap();
    for _ in 0..3 {
        repository.repair(&plan, &collect_options(30), &mut |_| true).unwrap();
    }
    assert_eq!(world.store.list("mended/").unwrap().len(), 1);
}

/// A store whose listings leave some names out and count themselves right.
#[derive(Clone)]
struct Hiding {
    inner: MemoryStore,
    hidden: Vec<String>,
}

impl BlobStore for Hiding {
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
        self.inner.read(name, max_len_bytes)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        self.inner.read_at(name, offset_byte, buffer)
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.inner.len_bytes(name)
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.inner.age_ms(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        let mut found = self.inner.list(prefix)?;
        found.retain(|listed| !self.hidden.contains(&listed.name));
        Ok(found)
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.inner.delete(name)
    }
}

/// A checkpoint lists the snapshot: that a listing leaves it out makes it no less there, for readers and for who writes the next
/// checkpoint.
#[test]
fn a_snapshot_that_a_listing_leaves_out_is_read_by_its_name() {
    let world = world();
    for is_damaged in [false, true] {
        let world = world.forked();
        if is_damaged {
            damage(&world.store, &world.object("commits", 0));
        }
        let hidden = ["commits", "commits-copies"].map(|folder| world.object(folder, 0)).to_vec();
        let store = Hiding { inner: world.store.clone(), hidden };
        let (found, faults) = open(store.clone()).unwrap().snapshots().unwrap();
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(found.len(), world.manifests.len());
        crate::collect::collect_done(&open(store).unwrap(), 0);
        let (tree, report) = restore_tree(&world.open(), &world.manifests[0]).unwrap();
        assert_eq!(report.tally.lost, []);
        assert_eq!(report.companion_faults.len(), usize::from(is_damaged), "{:?}", report.companion_faults);
        crate::memory::assert_same(&world.trees[0], &tree, "collected behind such a listing");
    }
}
