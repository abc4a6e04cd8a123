//! Copies between two repositories, one of which has a call that goes wrong. The other is honest.

use super::Backend;
use super::acts::{Told, opened, said};
use super::judge::{Verdict, ensure};
use super::prepare::{
    Prepared, aged, backed_up, few_bytes, interrupted, open, second_tree, third_tree, with_older_round, with_two,
};
use crate::collect::{collect, collect_options, forget};
use crate::copying::other;
use crate::held::Held;
use crate::support::{Ear, NOW, PASSWORD, password_slot};
use datakeep_connector::{Cancel, FixedClock};
use datakeep_distribute::DistributeError;
use datakeep_distribute::copy::{Compared, Copier, CopyReport, Depth, Pair, Standing, Wanted};
use datakeep_engine::RunContext;
use datakeep_model::SessionId;
use datakeep_store::{CollectOutcome, Manifest, Repository};
use datakeep_store_blob::{FaultPlan, FaultStore, MemoryStore};
use std::sync::Arc;

/// Where the copies of two snapshots may go: nothing in it like the first repository.
fn empty_target() -> MemoryStore {
    let store = MemoryStore::new();
    let slots = [password_slot("main", PASSWORD)];
    Repository::init(Arc::new(store.clone()), &other(), &slots, super::chance(), NOW).unwrap();
    store
}

pub fn to_empty() -> Prepared {
    nothing_of(with_two())
}

/// Where the snapshots of another repository go, and nothing is there yet.
pub fn nothing_of(other: Prepared) -> Prepared {
    aged(Prepared { store: empty_target(), other: Some(other.store), ..Prepared::default() })
}

pub fn add_copy(prepared: &mut Prepared, number: usize, held: impl Into<Held>) {
    let told = copy_number(prepared, &open(prepared.store.clone()).unwrap(), number).unwrap();
    prepared.held.push((told.snapshot.unwrap(), held.into()));
}

pub fn to_first() -> Prepared {
    let mut prepared = to_empty();
    add_copy(&mut prepared, 0, super::prepare::first_tree());
    aged(prepared)
}

pub fn to_both() -> Prepared {
    let mut prepared = to_first();
    add_copy(&mut prepared, 1, second_tree());
    aged(prepared)
}

/// A copy of the second snapshot that died after it had recorded its progress.
pub fn to_interrupted() -> Prepared {
    let prepared = to_first();
    for at in 1..200 {
        let store = prepared.store.fork();
        let dying = crate::support::open_with(
            FaultStore::new(store.clone(), FaultPlan::CrashBefore(at)),
            PASSWORD,
            super::chance(),
        );
        let has_died = copy_number(&prepared, &dying.unwrap(), 1).is_err();
        if has_died && !datakeep_store_blob::BlobStore::list(&store, "progress/").unwrap().is_empty() {
            return aged(Prepared { store, ..prepared });
        }
    }
    panic!("no copy has recorded its progress")
}

/// A collection there has condemned packs and waits for a run that was interrupted.
pub fn to_waiting_round() -> Prepared {
    let mut prepared = to_first();
    backed_up(&mut prepared, third_tree());
    let (id, _) = prepared.held.pop().unwrap();
    let to = open(prepared.store.clone()).unwrap();
    let manifests = to.snapshots().unwrap().0;
    forget(&to, manifests.iter().find(|manifest| manifest.snapshot.id == id).unwrap());
    interrupted(&prepared);
    let (_, outcome) = collect(&to, &collect_options(0)).unwrap();
    assert!(matches!(outcome, CollectOutcome::Waiting(_)), "it waits: {outcome:?}");
    aged(prepared)
}

/// Two snapshots to be copied to where the first is.
pub fn from_two() -> Prepared {
    turned(to_first(), [super::prepare::first_tree().into(), second_tree().into()])
}

/// The same two repositories from the other side, where `held` is.
pub fn turned(there: Prepared, held: [Held; 2]) -> Prepared {
    let store = there.other.expect("a second repository");
    let manifests = open(store.clone()).unwrap().snapshots().unwrap().0;
    let ids = manifests.iter().map(|manifest| manifest.snapshot.id);
    Prepared { store, held: ids.zip(held).collect(), other: Some(there.store), ..Prepared::default() }
}

pub fn from_older_round() -> Prepared {
    Prepared { other: Some(empty_target()), ..with_older_round() }
}

/// The other end, which is only read or thrown away.
fn other_end(prepared: &Prepared) -> MemoryStore {
    prepared.other.clone().expect("a scenario of two repositories")
}

fn with_context<T>(act: impl FnOnce(&RunContext<'_>) -> Result<T, DistributeError>) -> Result<T, String> {
    let (ear, cancel, clock) = (Ear::default(), Cancel::new(), FixedClock(NOW));
    said(act(&RunContext { observer: &ear, cancel: &cancel, clock: &clock }))
}

fn must_be_same(compared: &Compared) -> Result<(), String> {
    ensure(compared.differences.is_empty(), || format!("the copy differs: {:?}", compared.differences))
}

fn made(copier: &mut Copier<'_>, manifest: &Manifest) -> Result<CopyReport, String> {
    let report = with_context(|context| copier.copy(manifest, &few_bytes(), Depth::Content, context))?;
    ensure(report.losses.is_empty(), || format!("something was lost: {:?}", report.losses))?;
    must_be_same(&report.compared)?;
    Ok(report)
}

/// Copies one snapshot by its number; one that is there already is compared.
fn copy_number(prepared: &Prepared, to: &Arc<Repository>, number: usize) -> Result<Told, String> {
    let from = said(open(other_end(prepared)))?;
    let mut copier = said(Copier::new(said(Pair::new(&from, to))?))?;
    let manifest = from.snapshots().unwrap().0.remove(number);
    let planned = said(copier.plan(std::slice::from_ref(&manifest), Wanted::Named))?.remove(0);
    let id = match planned.standing {
        Standing::There { copy } => {
            let how = (Depth::Content, 1);
            let compared = with_context(|context| copier.compare(&manifest, copy, how, context))?;
            must_be_same(&compared.ok_or("it is no copy")?)?;
            copy
        }
        _ => made(&mut copier, &manifest)?.copy.snapshot.id,
    };
    Ok(Told { snapshot: Some(id), ..Told::default() })
}

pub fn copy_first(prepared: &Prepared, store: Backend) -> Result<Told, String> {
    copy_number(prepared, &opened(store)?, 0)
}

pub fn copy_second(prepared: &Prepared, store: Backend) -> Result<Told, String> {
    copy_number(prepared, &opened(store)?, 1)
}

/// Copies what is wanted and tells what came out of all copies, by their originals.
fn copy_all(
    from: Result<Arc<Repository>, String>,
    target: &MemoryStore,
    wanted: Wanted,
) -> Result<Vec<(SessionId, Held)>, String> {
    let (from, to) = (from?, said(open(target.clone()))?);
    let (manifests, faults) = said(from.snapshots())?;
    if let Some(fault) = faults.first() {
        return Err(fault.to_string());
    }
    let mut copier = said(Copier::new(said(Pair::new(&from, &to))?))?;
    for planned in said(copier.plan(&manifests, wanted))?.iter().filter(|planned| planned.is_to_copy) {
        made(&mut copier, &planned.manifest)?;
    }
    Ok(whole_copies(target))
}

/// What comes out of every copy that says that it lacks nothing.
fn whole_copies(target: &MemoryStore) -> Vec<(SessionId, Held)> {
    let to = open(target.clone()).unwrap();
    let (manifests, faults) = to.snapshots().unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    let verified = crate::support::verify(&to).unwrap();
    assert!(verified.faults.is_empty(), "{:?}", verified.faults);
    let origin = |manifest: &Manifest| manifest.snapshot.origin.clone().expect("a copy");
    let restored = |manifest: &Manifest| {
        let found = Held::out_of(&to, manifest).unwrap();
        (origin(manifest).chain.last().expect("an original").snapshot, found)
    };
    manifests.iter().filter(|manifest| origin(manifest).losses == 0).map(restored).collect()
}

/// The repository that is copied from has the fault. Whatever comes of that, no copy is there that says it is whole and is
/// not; and a second run makes good what the first did not.
pub fn copy_from(prepared: &Prepared, store: Backend) -> Result<Told, String> {
    let target = other_end(prepared).fork();
    let assert_right = |copies: &[(SessionId, Held)]| {
        for (id, found) in copies {
            let (_, expected) = prepared.held.iter().find(|(held, _)| held == id).expect("it was held");
            assert_eq!(expected.first_difference(found), None, "a copy of {id}");
        }
    };
    match copy_all(opened(store), &target, Wanted::New) {
        Ok(restored) => Ok(Told { restored, ..Told::default() }),
        Err(error) => {
            assert_right(&whole_copies(&target));
            let honest = said(open(prepared.store.clone()));
            let again =
                copy_all(honest, &target, Wanted::Named).unwrap_or_else(|again| panic!("{again} after {error}"));
            assert_right(&again);
            let is_there = |id: &SessionId| again.iter().any(|(original, _)| original == id);
            assert!(prepared.held.iter().all(|(id, _)| is_there(id)), "not everything was copied after {error}");
            Err(error)
        }
    }
}

/// What has been forgotten there is known as forgotten, and comes back by no run that is not asked for it.
pub fn look(prepared: &Prepared, to: &Arc<Repository>, told: &Told) -> Verdict {
    let (Some(from), true) = (&prepared.other, told.forgotten.is_some()) else { return Ok(()) };
    let from = said(open(from.clone()))?;
    let manifests = said(from.snapshots())?.0;
    let plan = said(said(Copier::new(said(Pair::new(&from, to))?))?.plan(&manifests, Wanted::New))?;
    ensure(plan.first().is_some_and(|first| first.standing == Standing::Forgotten), || {
        format!("the forgotten copy is taken for {:?}", plan.first().map(|first| first.standing))
    })?;
    ensure(plan.iter().all(|planned| !planned.is_to_copy), || "a forgotten copy would come back".to_string())
}

/// The scenario is what its name says: the copy reads what the one that died has recorded, and clears it away.
#[test]
fn an_interrupted_copy_is_taken_up() {
    let stage = super::Stage::new(super::scenario("resumed-copy").unwrap(), 1);
    let calls = |operation| {
        let site = datakeep_store_blob::CallSite { operation, folder: "progress".to_string() };
        stage.calls.get(&site).copied().unwrap_or(0)
    };
    assert!(calls(datakeep_store_blob::Operation::Read) > 0 && calls(datakeep_store_blob::Operation::Delete) > 0);
}
