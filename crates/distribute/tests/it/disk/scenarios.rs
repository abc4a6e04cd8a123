//! What is played on a real folder: the product's own code, each act by a process of its own.

use super::oracle::{ONE_FRAME, OTHER_PASSWORD, SEVERAL_FRAMES, Told, few_bytes, init, numbered_tree, said};
use super::record::{LeavesOut, Op, Recorder};
use crate::collect::{collect, collect_options};
use crate::memory::TreeSource;
use crate::repair::repaired;
use crate::support::{NOW, PASSWORD, open_with, password_slot, run};
use datakeep_engine::BackupOptions;
use datakeep_model::SessionId;
use datakeep_store::{CollectOptions, CollectOutcome, Entropy, Repository, SeededEntropy, Tombstone};
use datakeep_store_blob::{BlobStore, LocalStore};
use std::cell::Cell;
use std::sync::Arc;

/// A folder with a repository, and what happens to it.
pub struct World {
    _folder: tempfile::TempDir,
    pub recorder: Recorder,
    seed: u64,
    processes: Cell<u64>,
}

pub type Act = fn(&World) -> Result<(), String>;

pub struct Scenario {
    pub name: &'static str,
    /// What has happened before; a power loss in it is left to other scenarios.
    pub before: &'static [Act],
    pub acts: &'static [Act],
}

impl World {
    pub fn new(seed: u64, leaves_out: LeavesOut) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(&folder.path().join("repository"), leaves_out);
        Self { _folder: folder, recorder, seed, processes: Cell::new(0) }
    }

    /// A new process.
    fn store(&self) -> LocalStore<Recorder> {
        self.processes.set(self.processes.get() + 1);
        LocalStore::with_layer(self.recorder.root(), self.recorder.clone())
    }

    fn chance(&self) -> Arc<dyn Entropy> {
        Arc::new(SeededEntropy::new(self.seed.wrapping_mul(1000).wrapping_add(self.processes.get())))
    }

    fn open_as(&self, password: &str) -> Result<Arc<Repository>, String> {
        let store = self.store();
        said(open_with(store, password, self.chance()))
    }

    fn open(&self) -> Result<Arc<Repository>, String> {
        self.open_as(PASSWORD).or_else(|_| self.open_as(OTHER_PASSWORD))
    }

    /// Makes a backup of tree `number`, which is acknowledged when it ends well.
    fn back_up(&self, number: usize, options: &BackupOptions) -> Result<(), String> {
        let repository = self.open()?;
        let report = said(run(&repository, &mut TreeSource::new("disk", numbered_tree(number)), options))?;
        let manifest = report.manifest.ok_or("no manifest")?;
        self.recorder.tell(Told::Kept(manifest.snapshot.id, number));
        Ok(())
    }

    /// An act whose process is killed after a change.
    fn killed(&self, act: Act, after: fn(&Op) -> bool) -> Result<(), String> {
        self.recorder.die_after(after);
        let ended = act(self);
        let was_killed = self.recorder.live();
        if was_killed && ended.is_err() { Ok(()) } else { Err(format!("it was not killed: {ended:?}")) }
    }

    fn oldest(&self, repository: &Repository) -> Result<datakeep_store::Manifest, String> {
        let (mut manifests, _) = said(repository.snapshots())?;
        if manifests.is_empty() { Err("no snapshot".into()) } else { Ok(manifests.remove(0)) }
    }
}

fn make(world: &World) -> Result<(), String> {
    make_with(world, ONE_FRAME)
}

fn make_wide(world: &World) -> Result<(), String> {
    make_with(world, SEVERAL_FRAMES)
}

fn make_with(world: &World, pack_target_bytes: u32) -> Result<(), String> {
    let store = world.store();
    init(store, world.chance(), pack_target_bytes)?;
    world.recorder.tell(Told::Made);
    world.recorder.tell(Told::Opens(PASSWORD));
    world.recorder.tell(Told::MustNotOpen(OTHER_PASSWORD));
    Ok(())
}

fn back_up_0(world: &World) -> Result<(), String> {
    world.back_up(0, &few_bytes())
}

fn back_up_1(world: &World) -> Result<(), String> {
    world.back_up(1, &few_bytes())
}

pub fn back_up_2(world: &World) -> Result<(), String> {
    world.back_up(2, &few_bytes())
}

/// Backups that make all their packs durable at once.
pub fn at_once() -> BackupOptions {
    BackupOptions { progress_bytes: 1 << 20, ..few_bytes() }
}

fn back_up_0_at_once(world: &World) -> Result<(), String> {
    world.back_up(0, &at_once())
}

fn back_up_5_at_once(world: &World) -> Result<(), String> {
    world.back_up(5, &at_once())
}

/// A run that ends in the middle and leaves its progress.
fn interrupt(world: &World) -> Result<(), String> {
    let repository = world.open()?;
    let mut source = TreeSource { fail_complete: true, ..TreeSource::new("disk", numbered_tree(2)) };
    let often = BackupOptions { progress_bytes: 64, ..few_bytes() };
    match run(&repository, &mut source, &often) {
        Ok(_) => Err("the run was not interrupted".into()),
        Err(_) => Ok(()),
    }
}

fn forget_oldest(world: &World) -> Result<(), String> {
    let repository = world.open()?;
    let manifest = world.oldest(&repository)?;
    let id: SessionId = manifest.snapshot.id;
    world.recorder.tell(Told::Forgets(id));
    said(repository.forget(&manifest, &Tombstone { forgotten: NOW, host: "here".into(), reason: "disk".into() }))?;
    world.recorder.tell(Told::Forgot(id));
    Ok(())
}

fn collect_garbage(world: &World) -> Result<(), String> {
    let repository = world.open()?;
    let options = CollectOptions { patience_ms: 0, ..collect_options(0) };
    match said(collect(&repository, &options))?.1 {
        CollectOutcome::Done(_) => Ok(()),
        CollectOutcome::Waiting(open) => Err(format!("waits for {open:?}")),
    }
}

/// A collection that finds a run which is not decided, and waits for it.
fn collect_and_wait(world: &World) -> Result<(), String> {
    match said(collect(&world.open()?, &CollectOptions { patience_ms: u64::MAX, ..collect_options(0) }))?.1 {
        CollectOutcome::Done(_) => Err("nothing to wait for".into()),
        CollectOutcome::Waiting(_) => Ok(()),
    }
}

fn label(world: &World) -> Result<(), String> {
    let repository = world.open()?;
    let manifest = world.oldest(&repository)?;
    let count = manifest.snapshot.tags.len() + 1;
    world.recorder.tell(Told::Labels);
    let labels = (0..count).map(|number| format!("label {number}")).collect::<Vec<_>>();
    let labels = said(repository.change_tags(&manifest, &|_| labels.clone()))?;
    world.recorder.tell(Told::Labelled(manifest.snapshot.id, labels));
    Ok(())
}

fn add_password(world: &World) -> Result<(), String> {
    let repository = world.open()?;
    world.recorder.tell(Told::MayOpen(OTHER_PASSWORD));
    said(repository.add_slot(&password_slot("other", OTHER_PASSWORD), NOW))?;
    world.recorder.tell(Told::Opens(OTHER_PASSWORD));
    Ok(())
}

fn remove_other_password(world: &World) -> Result<(), String> {
    let repository = world.open_as(PASSWORD)?;
    let slots = said(repository.slots())?;
    let other = slots.iter().find(|slot| !slot.used).ok_or("only one slot")?;
    world.recorder.tell(Told::MayOpen(OTHER_PASSWORD));
    said(repository.remove_slot(&other.name))?;
    world.recorder.tell(Told::MustNotOpen(OTHER_PASSWORD));
    Ok(())
}

fn change_password(world: &World) -> Result<(), String> {
    let repository = world.open_as(PASSWORD)?;
    world.recorder.tell(Told::MayOpen(PASSWORD));
    world.recorder.tell(Told::MayOpen(OTHER_PASSWORD));
    said(repository.change_password(&password_slot("main", OTHER_PASSWORD), NOW))?;
    world.recorder.tell(Told::Opens(OTHER_PASSWORD));
    world.recorder.tell(Told::MustNotOpen(PASSWORD));
    Ok(())
}

/// The disk loses an index object: nothing that cannot be made again.
fn lose_index(world: &World) -> Result<(), String> {
    let listed = said(world.store().list("index/"))?;
    world.recorder.tell(Told::Damaged);
    world.recorder.decay(&listed.first().ok_or("no index")?.name);
    Ok(())
}

fn repair(world: &World) -> Result<(), String> {
    said(repaired(&world.open()?))?;
    world.recorder.tell(Told::Repaired);
    Ok(())
}

fn names_in(op: &Op, folder: &str) -> bool {
    matches!(op, Op::Rename { to, .. } if to.starts_with(folder))
}

fn backup_killed_with_decision(world: &World) -> Result<(), String> {
    world.killed(back_up_1, |op| names_in(op, "commits/"))
}

fn backup_killed_with_intent(world: &World) -> Result<(), String> {
    world.killed(back_up_1, |op| names_in(op, "sessions/"))
}

fn backup_killed_with_packs(world: &World) -> Result<(), String> {
    world.killed(back_up_1, |op| names_in(op, "meta/"))
}

fn backup_killed_with_progress(world: &World) -> Result<(), String> {
    world.killed(back_up_1, |op| names_in(op, "progress/"))
}

fn backup_killed_with_index(world: &World) -> Result<(), String> {
    world.killed(back_up_1, |op| names_in(op, "index/"))
}

fn backup_killed_with_folder(world: &World) -> Result<(), String> {
    world.killed(back_up_1, |op| matches!(op, Op::MakeDirectory(path) if path.starts_with("commits/")))
}

fn init_killed_with_folder(world: &World) -> Result<(), String> {
    world.killed(make, |op| matches!(op, Op::MakeDirectory(path) if path.is_empty()))
}

fn forget_killed(world: &World) -> Result<(), String> {
    world.killed(forget_oldest, |op| names_in(op, "commits-forgotten/"))
}

fn collection_killed_with_moved_packs(world: &World) -> Result<(), String> {
    world.killed(collect_garbage, |op| names_in(op, "data/"))
}

fn collection_killed_with_condemned_list(world: &World) -> Result<(), String> {
    world.killed(collect_garbage, |op| names_in(op, "condemned/"))
}

fn collection_killed_with_abort(world: &World) -> Result<(), String> {
    world.killed(collect_garbage, |op| names_in(op, "commits/"))
}

fn collection_killed_with_checkpoint(world: &World) -> Result<(), String> {
    world.killed(collect_garbage, |op| names_in(op, "checkpoints/"))
}

fn collection_killed_deleting(world: &World) -> Result<(), String> {
    world.killed(collect_garbage, |op| matches!(op, Op::Remove(path) if path.starts_with("data/")))
}

fn collection_killed_pruning_after_forgetting(world: &World) -> Result<(), String> {
    forget_oldest(world)?;
    world.killed(collect_garbage, |op| matches!(op, Op::Remove(path) if path.starts_with("commits/")))
}

pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "init", before: &[], acts: &[make] },
    Scenario { name: "first-backup", before: &[make], acts: &[back_up_0] },
    Scenario { name: "second-backup", before: &[make, back_up_0], acts: &[back_up_1] },
    Scenario { name: "resumed-backup", before: &[make, back_up_0], acts: &[interrupt, back_up_2] },
    Scenario { name: "labels", before: &[make, back_up_0], acts: &[label, label] },
    Scenario {
        name: "passwords",
        before: &[make, back_up_0],
        acts: &[add_password, remove_other_password, change_password],
    },
    Scenario { name: "forget", before: &[make, back_up_0, back_up_1], acts: &[forget_oldest] },
    Scenario {
        name: "collect",
        before: &[make, back_up_0, back_up_1, forget_oldest],
        acts: &[collect_garbage, back_up_2, forget_oldest, collect_garbage],
    },
    Scenario {
        name: "waiting-round",
        before: &[make, back_up_0, back_up_1, forget_oldest, interrupt],
        acts: &[collect_and_wait, back_up_2, collect_garbage],
    },
    Scenario { name: "first-backup-at-once", before: &[make], acts: &[back_up_0_at_once] },
    Scenario {
        name: "second-backup-at-once",
        before: &[make, back_up_0],
        acts: &[back_up_5_at_once, forget_oldest, collect_garbage],
    },
    Scenario {
        name: "collect-and-move",
        before: &[make_wide, back_up_0_at_once, back_up_1, forget_oldest],
        acts: &[collect_garbage, back_up_2, forget_oldest, collect_garbage],
    },
    Scenario {
        name: "collect-much",
        before: &[make, back_up_0_at_once, back_up_1, back_up_5_at_once, forget_oldest, forget_oldest],
        acts: &[collect_garbage],
    },
    Scenario {
        name: "one-life",
        before: &[],
        acts: &[make_wide, back_up_0_at_once, label, add_password, back_up_5_at_once, forget_oldest, collect_garbage],
    },
    Scenario { name: "repair", before: &[make, back_up_0, back_up_1], acts: &[lose_index, repair] },
];

/// A process is killed, the next goes on with what it sees, and then the power fails: what the first had not made
/// durable is lost although the second has seen it.
pub const KILLED: &[Scenario] = &[
    Scenario { name: "killed-init", before: &[], acts: &[init_killed_with_folder, make] },
    Scenario { name: "killed-intent", before: &[make], acts: &[backup_killed_with_intent, back_up_1] },
    Scenario { name: "killed-packs", before: &[make], acts: &[backup_killed_with_packs, back_up_1] },
    Scenario { name: "killed-progress", before: &[make], acts: &[backup_killed_with_progress, back_up_1] },
    Scenario { name: "killed-index", before: &[make], acts: &[backup_killed_with_index, back_up_1] },
    Scenario { name: "killed-decision", before: &[make], acts: &[backup_killed_with_decision, back_up_2] },
    Scenario { name: "killed-folder", before: &[make], acts: &[backup_killed_with_folder, back_up_1] },
    Scenario {
        name: "killed-decision-collect",
        before: &[make, back_up_0],
        acts: &[backup_killed_with_decision, forget_oldest, collect_garbage, back_up_2],
    },
    Scenario {
        name: "killed-forget",
        before: &[make, back_up_0, back_up_1],
        acts: &[forget_killed, collect_garbage, back_up_2],
    },
    Scenario {
        name: "killed-moving",
        before: WIDE_ONE_FORGOTTEN,
        acts: &[collection_killed_with_moved_packs, back_up_2, collect_garbage],
    },
    Scenario {
        name: "killed-condemned",
        before: TWO_ONE_FORGOTTEN,
        acts: &[collection_killed_with_condemned_list, back_up_2, collect_garbage],
    },
    Scenario {
        name: "killed-abort",
        before: WIDE_ONE_FORGOTTEN,
        acts: &[collection_killed_with_abort, back_up_2, collect_garbage],
    },
    Scenario {
        name: "killed-checkpoint",
        before: TWO_ONE_FORGOTTEN,
        acts: &[collection_killed_with_checkpoint, collect_garbage],
    },
    Scenario {
        name: "killed-checkpoint-backup",
        before: TWO_ONE_FORGOTTEN,
        acts: &[collection_killed_with_checkpoint, back_up_2, forget_oldest, collect_garbage],
    },
    Scenario {
        name: "killed-deleting",
        before: TWO_ONE_FORGOTTEN,
        acts: &[collection_killed_deleting, back_up_2, collect_garbage, forget_oldest, collect_garbage],
    },
    Scenario {
        name: "killed-pruning",
        before: &[make, back_up_0, back_up_1, forget_oldest, collect_garbage, back_up_2],
        acts: &[collection_killed_pruning_after_forgetting, back_up_2, collect_garbage],
    },
];

const TWO_ONE_FORGOTTEN: &[Act] = &[make, back_up_0, back_up_1, forget_oldest];
const WIDE_ONE_FORGOTTEN: &[Act] = &[make_wide, back_up_0_at_once, back_up_1, forget_oldest];
