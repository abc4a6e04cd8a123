//! What is done while a call goes wrong.

use super::prepare::{
    self, OTHER_PASSWORD, Prepared, SOURCE, chance, few_bytes, with_damaged_decision, with_damaged_index,
    with_damaged_labels, with_damaged_pack, with_damaged_reach, with_everything, with_forgotten, with_half_used,
    with_labels, with_mended, with_missing_pack, with_older_round, with_one, with_progress, with_two, with_two_slots,
    with_waiting_round,
};
use super::{Backend, between, copying, tables};
use crate::collect::{collect, collect_options};
use crate::held::Held;
use crate::support::{NOW, PASSWORD, password_slot, restore_tree, run, small, unlock, verify};
use datakeep_model::SessionId;
use datakeep_store::{CollectOptions, CollectOutcome, Entropy, Locked, RepairOutcome, Repository, Tombstone};
use datakeep_store_blob::BlobStore;
use std::sync::Arc;

/// What an act has told its user.
#[derive(Default)]
pub struct Told {
    pub snapshot: Option<SessionId>,
    pub tags: Option<(SessionId, Vec<String>)>,
    pub forgotten: Option<SessionId>,
    /// Passwords that must open the repository, and those that must not.
    pub opens: Vec<&'static str>,
    pub closed: Vec<&'static str>,
    /// What came out of snapshots.
    pub restored: Vec<(SessionId, Held)>,
}

pub type Act = fn(&Prepared, Backend) -> Result<Told, String>;

/// What must be true after an act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aim {
    /// The repository is whole, whatever was done to it.
    Change,
    /// As that, and the act changes nothing.
    Look,
    /// There is damage: the act changes nothing and never says that all is well.
    Find,
    /// There is damage, and nothing more is lost.
    Mend,
    /// There may be no repository yet.
    Begin,
}

pub struct Scenario {
    pub name: &'static str,
    pub prepare: fn() -> Prepared,
    pub act: Act,
    pub aim: Aim,
    /// What a snapshot that the act makes holds.
    pub makes: Option<fn() -> Held>,
}

pub fn said<T>(result: Result<T, impl std::fmt::Display>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

pub fn unlocked(store: &Arc<dyn BlobStore>, password: &str) -> Result<Arc<Repository>, String> {
    unlocked_with(store, password, chance())
}

fn unlocked_with(
    store: &Arc<dyn BlobStore>,
    password: &str,
    entropy: Arc<dyn Entropy>,
) -> Result<Arc<Repository>, String> {
    let locked = said(Locked::find(store.clone()))?;
    said(locked.unlock(&unlock(password), entropy, None)).map(Arc::new)
}

/// Gives up every run and collects, as another host does that draws from `entropy`.
pub fn collect_elsewhere(store: &Arc<dyn BlobStore>, entropy: Arc<dyn Entropy>) -> Result<(), String> {
    let options = CollectOptions { patience_ms: 0, ..collect_options(0) };
    said(collect(&unlocked_with(store, PASSWORD, entropy)?, &options)).map(|_| ())
}

pub fn opened(store: Backend) -> Result<Arc<Repository>, String> {
    unlocked(&(Arc::new(store) as Arc<dyn BlobStore>), PASSWORD)
}

fn init(_: &Prepared, store: Backend) -> Result<Told, String> {
    let slots = [password_slot("main", PASSWORD), password_slot("other", OTHER_PASSWORD)];
    said(Repository::init(Arc::new(store), &small(), &slots, chance(), NOW))?;
    Ok(Told { opens: vec![PASSWORD, OTHER_PASSWORD], ..Told::default() })
}

pub fn backup_of(store: Backend, held: &Held) -> Result<Told, String> {
    let manifest = said(held.back_up(&opened(store)?, SOURCE, &few_bytes()))?;
    Ok(Told { snapshot: Some(manifest.snapshot.id), ..Told::default() })
}

/// A collection on the same store gives the run up while it reads. Should it fail, the run is not passed by.
fn backup_passed_by(_: &Prepared, store: Backend) -> Result<Told, String> {
    let store: Arc<dyn BlobStore> = Arc::new(store);
    let repository = unlocked(&store, PASSWORD)?;
    let entropy = chance();
    let event = move || {
        let _ = collect_elsewhere(&store, entropy);
    };
    let report = said(run(&repository, &mut between::source(Box::new(event)), &few_bytes()))?;
    Ok(Told { snapshot: report.manifest.map(|manifest| manifest.snapshot.id), ..Told::default() })
}

fn relabel(_: &Prepared, store: Backend) -> Result<Told, String> {
    let repository = opened(store)?;
    let (manifests, _) = said(repository.snapshots())?;
    let manifest = manifests.last().ok_or("no snapshot")?;
    let tags = said(repository.change_tags(manifest, &|_| vec!["kept".to_string()]))?;
    Ok(Told { tags: Some((manifest.snapshot.id, tags)), ..Told::default() })
}

fn add_slot(_: &Prepared, store: Backend) -> Result<Told, String> {
    said(opened(store)?.add_slot(&password_slot("other", OTHER_PASSWORD), NOW))?;
    Ok(Told { opens: vec![PASSWORD, OTHER_PASSWORD], ..Told::default() })
}

/// Who does not know whether the password was changed tries both.
fn change_password(_: &Prepared, store: Backend) -> Result<Told, String> {
    let store: Arc<dyn BlobStore> = Arc::new(store);
    let told = Told { opens: vec![OTHER_PASSWORD], closed: vec![PASSWORD], ..Told::default() };
    match unlocked(&store, PASSWORD) {
        Ok(repository) => said(repository.change_password(&password_slot("main", OTHER_PASSWORD), NOW)).map(|_| told),
        Err(error) => unlocked(&store, OTHER_PASSWORD).map(|_| told).map_err(|_| error),
    }
}

fn remove_slot(_: &Prepared, store: Backend) -> Result<Told, String> {
    let repository = opened(store)?;
    let slots = said(repository.slots())?;
    let told = Told { opens: vec![PASSWORD], closed: vec![OTHER_PASSWORD], ..Told::default() };
    match slots.iter().find(|slot| !slot.used) {
        Some(other) => said(repository.remove_slot(&other.name)).map(|_| told),
        // A slot that cannot be read is told in the warnings: it is not known to be gone.
        None if said(repository.faulty_slots())?.is_empty() && repository.slot_warnings().is_empty() => {
            let is_one = said(repository.blobs().list("config-keys/"))?.len() == 1;
            if is_one { Ok(told) } else { Err("a slot cannot be read".to_string()) }
        }
        None => Err("a slot cannot be read".to_string()),
    }
}

pub fn forget_first(prepared: &Prepared, store: Backend) -> Result<Told, String> {
    let repository = opened(store)?;
    let (manifests, faults) = said(repository.snapshots())?;
    let (id, _) = &prepared.held[0];
    let told = Told { forgotten: Some(*id), ..Told::default() };
    let Some(manifest) = manifests.iter().find(|manifest| manifest.snapshot.id == *id) else {
        return faults.first().map_or(Ok(told), |fault| Err(fault.to_string()));
    };
    let tombstone = Tombstone { forgotten: NOW, host: "here".into(), reason: "faults".into() };
    said(repository.forget(manifest, &tombstone)).map(|()| told)
}

fn collect_all(_: &Prepared, store: Backend) -> Result<Told, String> {
    match said(collect(&opened(store)?, &collect_options(0)))?.1 {
        CollectOutcome::Done(_) => Ok(Told::default()),
        CollectOutcome::Waiting(open) => Err(format!("waits for {open:?}")),
    }
}

fn repair(_: &Prepared, store: Backend) -> Result<Told, String> {
    let repository = opened(store)?;
    for _ in 0..3 {
        let plan = said(repository.plan_repair(&mut |_| true))?;
        match said(repository.repair(&plan, &collect_options(30), &mut |_| true))? {
            RepairOutcome::Done(_) if !plan.is_blind() => return Ok(Told::default()),
            RepairOutcome::Done(_) => return Err(format!("cannot be mended: {:?} {:?}", plan.beyond, plan.lost)),
            RepairOutcome::Finished => {}
            RepairOutcome::Waiting(open) => return Err(format!("waits for {open:?}")),
        }
    }
    Err("there is always another round".to_string())
}

fn check(_: &Prepared, store: Backend) -> Result<Told, String> {
    let repository = opened(store)?;
    let verified = said(verify(&repository))?;
    verified.faults.first().map_or_else(|| Ok(Told::default()), |fault| Err(format!("{}: {}", fault.what, fault.error)))
}

fn restore(_: &Prepared, store: Backend) -> Result<Told, String> {
    let repository = opened(store)?;
    let (manifests, faults) = said(repository.snapshots())?;
    if let Some(fault) = faults.first() {
        return Err(fault.to_string());
    }
    let mut told = Told::default();
    for manifest in &manifests {
        let (tree, report) = said(restore_tree(&repository, manifest))?;
        if report.tally.losses > 0 || report.tally.damaged > 0 || !report.companion_faults.is_empty() {
            return Err(format!("{:?} {:?}", report.tally.lost, report.companion_faults));
        }
        told.restored.push((manifest.snapshot.id, tree.into()));
    }
    Ok(told)
}

const fn changes(name: &'static str, prepare: fn() -> Prepared, act: Act) -> Scenario {
    Scenario { name, prepare, act, aim: Aim::Change, makes: None }
}

const fn other(aim: Aim, name: &'static str, prepare: fn() -> Prepared, act: Act) -> Scenario {
    Scenario { name, prepare, act, aim, makes: None }
}

const fn backs_up(name: &'static str, prepare: fn() -> Prepared, act: Act, makes: fn() -> Held) -> Scenario {
    Scenario { name, prepare, act, aim: Aim::Change, makes: Some(makes) }
}

fn first() -> Held {
    prepare::first_tree().into()
}

fn second() -> Held {
    prepare::second_tree().into()
}

fn third() -> Held {
    prepare::third_tree().into()
}

fn fourth() -> Held {
    prepare::fourth_tree().into()
}

pub const SCENARIOS: &[Scenario] = &[
    other(Aim::Begin, "init", prepare::left_by_init, init),
    backs_up("first-backup", prepare::empty, |_, store| backup_of(store, &first()), first),
    backs_up("second-backup", with_one, |_, store| backup_of(store, &second()), second),
    backs_up("resumed-backup", with_progress, |_, store| backup_of(store, &third()), third),
    backs_up("backup-in-a-round", with_waiting_round, |_, store| backup_of(store, &third()), third),
    backs_up("backup-after-a-round", with_older_round, |_, store| backup_of(store, &second()), second),
    backs_up("backup-passed-by", with_half_used, backup_passed_by, fourth),
    changes("labels", with_labels, relabel),
    changes("add-slot", with_one, add_slot),
    changes("change-password", with_one, change_password),
    changes("remove-slot", with_two_slots, remove_slot),
    changes("forget", with_two, forget_first),
    changes("collect", with_forgotten, collect_all),
    changes("finish-a-round", with_waiting_round, collect_all),
    changes("collect-after-a-round", with_older_round, collect_all),
    changes("finish-a-third-round", with_everything, collect_all),
    other(Aim::Mend, "repair-a-pack", with_damaged_pack, repair),
    other(Aim::Mend, "repair-a-missing-pack", with_missing_pack, repair),
    other(Aim::Mend, "repair-an-index", with_damaged_index, repair),
    other(Aim::Mend, "repair-a-reach", with_damaged_reach, repair),
    other(Aim::Mend, "repair-a-decision", with_damaged_decision, repair),
    other(Aim::Mend, "repair-labels", with_damaged_labels, repair),
    changes("collect-mended", with_mended, collect_all),
    other(Aim::Look, "check-mended", with_mended, check),
    other(Aim::Look, "restore-mended", with_mended, restore),
    other(Aim::Look, "check", with_everything, check),
    other(Aim::Find, "check-damaged", with_damaged_pack, check),
    other(Aim::Look, "restore", with_two, restore),
    other(Aim::Look, "restore-what-has-moved", with_older_round, restore),
    backs_up("first-copy", copying::to_empty, copying::copy_first, first),
    backs_up("second-copy", copying::to_first, copying::copy_second, second),
    backs_up("resumed-copy", copying::to_interrupted, copying::copy_second, second),
    backs_up("copy-in-a-round", copying::to_waiting_round, copying::copy_second, second),
    changes("forget-a-copy", copying::to_both, forget_first),
    other(Aim::Look, "copy-from", copying::from_two, copying::copy_from),
    other(Aim::Look, "copy-from-what-has-moved", copying::from_older_round, copying::copy_from),
    backs_up("first-tables", prepare::empty, |_, store| backup_of(store, &tables::first()), tables::first),
    backs_up("second-tables", tables::with_one, |_, store| backup_of(store, &tables::second()), tables::second),
    backs_up("resumed-tables", tables::with_progress, |_, store| backup_of(store, &tables::third()), tables::third),
    changes("collect-tables", tables::with_forgotten, collect_all),
    other(Aim::Mend, "repair-a-pack-of-tables", tables::with_damaged_pack, repair),
    other(Aim::Look, "restore-tables", tables::with_two, tables::restore),
    other(Aim::Look, "diff-tables", tables::with_two, tables::diff),
    backs_up("first-copy-of-tables", tables::copied_to_empty, copying::copy_first, tables::first),
    backs_up("second-copy-of-tables", tables::copied_to_first, copying::copy_second, tables::second),
    other(Aim::Look, "copy-from-tables", tables::copied_from_two, copying::copy_from),
];
