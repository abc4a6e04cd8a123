//! What must be true after an act of which a call went wrong, seen by a process that has no part in it.

use super::acts::{Aim, Scenario, Told, unlocked};
use super::copying;
use super::prepare::{Damage, OTHER_PASSWORD, Prepared, SOURCE, few_bytes};
use crate::collect::{collect, collect_options};
use crate::repair::restorable;
use crate::support::{PASSWORD, verify};
use datakeep_store::{CollectOutcome, Manifest, Repository};
use datakeep_store_blob::{BlobStore, MemoryStore};
use std::sync::Arc;

/// What was found wrong is told as an error.
pub type Verdict = Result<(), String>;

pub fn ensure(is_so: bool, what: impl FnOnce() -> String) -> Verdict {
    if is_so { Ok(()) } else { Err(what()) }
}

fn reopened(store: &MemoryStore) -> Result<Arc<Repository>, String> {
    let store: Arc<dyn BlobStore> = Arc::new(store.clone());
    unlocked(&store, PASSWORD).or_else(|_| unlocked(&store, OTHER_PASSWORD))
}

/// Looks at everything that was there before and everything that was told.
pub fn look(scenario: &Scenario, prepared: &Prepared, store: &MemoryStore, told: &Told) -> Verdict {
    match (scenario.aim, &prepared.damage) {
        (Aim::Mend | Aim::Find, Some(damage)) => return still_restores(damage, store),
        (Aim::Begin, _) if told.opens.is_empty() && reopened(store).is_err() => return Ok(()),
        _ => {}
    }
    passwords(store, told)?;
    let repository = reopened(store).map_err(|error| format!("it does not open: {error}"))?;
    if scenario.aim == Aim::Begin && told.opens.is_empty() {
        // It was made, and its maker was told that clearing up after an older attempt failed.
        let faulty = repository.faulty_slots().map_err(|error| error.to_string())?;
        faulty.iter().try_for_each(|slot| repository.remove_faulty_slot(slot)).map_err(|error| error.to_string())?;
        return look(scenario, prepared, store, &Told { opens: vec![PASSWORD], ..Told::default() });
    }
    let warnings = repository.slot_warnings();
    ensure(warnings.is_empty(), || format!("slots: {warnings:?}"))?;
    snapshots(scenario, prepared, &repository, told)?;
    copying::look(prepared, &repository, told)?;
    let verified = verify(&repository).map_err(|error| format!("check: {error}"))?;
    verified.faults.first().map_or(Ok(()), |fault| Err(format!("check: {}: {}", fault.what, fault.error)))
}

fn passwords(store: &MemoryStore, told: &Told) -> Verdict {
    let store: Arc<dyn BlobStore> = Arc::new(store.clone());
    for password in &told.opens {
        unlocked(&store, password).map_err(|error| format!("{password:?} was acknowledged: {error}"))?;
    }
    let mut closed = told.closed.iter();
    closed.try_for_each(|password| ensure(unlocked(&store, password).is_err(), || format!("{password:?} still opens")))
}

/// Every snapshot that was there and was not to be forgotten is there; what else is visible is what the act makes.
fn snapshots(scenario: &Scenario, prepared: &Prepared, repository: &Arc<Repository>, told: &Told) -> Verdict {
    let (manifests, faults) = repository.snapshots().map_err(|error| error.to_string())?;
    ensure(faults.is_empty(), || format!("snapshots: {faults:?}"))?;
    let is_visible = |id| manifests.iter().any(|manifest| manifest.snapshot.id == id);
    for (number, (id, _)) in prepared.held.iter().enumerate() {
        let may_go = scenario.name.starts_with("forget") && number == 0;
        ensure(may_go || is_visible(*id), || format!("snapshot {id} is gone"))?;
    }
    ensure(told.snapshot.is_none_or(is_visible), || "the acknowledged snapshot is not there".to_string())?;
    ensure(!told.forgotten.is_some_and(is_visible), || "the forgotten snapshot is there".to_string())?;
    if let Some((id, tags)) = &told.tags {
        let found = manifests.iter().find(|manifest| manifest.snapshot.id == *id).map(|m| &m.snapshot.tags);
        ensure(found == Some(tags), || format!("labels {tags:?} were acknowledged, {found:?} are there"))?;
    }
    manifests.iter().try_for_each(|manifest| same(scenario, prepared, repository, manifest))?;
    told.restored.iter().try_for_each(|(id, found)| {
        let held = prepared.held.iter().find(|(held, _)| held == id).ok_or("what was restored was never stored")?;
        held.1.first_difference(found).map_or(Ok(()), |what| Err(format!("restored wrong and told right: {what}")))
    })?;
    let is_all = scenario.aim != Aim::Look || told.restored.is_empty() || told.restored.len() == prepared.held.len();
    ensure(is_all, || "a snapshot was left out of the restore, and nobody was told".to_string())
}

fn same(scenario: &Scenario, prepared: &Prepared, repository: &Arc<Repository>, manifest: &Manifest) -> Verdict {
    let id = manifest.snapshot.id;
    let held = prepared.held.iter().find(|(held, _)| *held == id).map(|(_, held)| held.clone());
    let expected = held.or(scenario.makes.map(|makes| makes())).ok_or("a snapshot nobody made")?;
    expected.differs(repository, manifest).map_or(Ok(()), |what| Err(format!("snapshot {id}: {what}")))
}

/// What could be restored before can be restored now.
fn still_restores(damage: &Damage, store: &MemoryStore) -> Verdict {
    let repository = reopened(store)?;
    let after = restorable(&repository);
    let lost = damage.before.iter().find(|(place, body)| after.get(place) != Some(body));
    lost.map_or(Ok(()), |((id, path), _)| {
        Err(format!("{:?} in {id} could be restored before", String::from_utf8_lossy(path)))
    })
}

/// What else must be true when everything has been done, and that life goes on.
pub fn look_later(scenario: &Scenario, prepared: &Prepared, store: &MemoryStore, told: &Told) -> Verdict {
    if let (Aim::Mend, Some(damage)) = (scenario.aim, &prepared.damage) {
        mended(damage, store)?;
        return go_on(prepared, store);
    }
    if scenario.aim != Aim::Change {
        return Ok(());
    }
    collected(store)?;
    look(scenario, prepared, store, told)
}

fn collected(store: &MemoryStore) -> Verdict {
    store.advance(datakeep_store_blob::strike::LONG_MS);
    let done = collect(&reopened(store)?, &collect_options(0)).map_err(|error| format!("collect: {error}"))?;
    ensure(matches!(done.1, CollectOutcome::Done(_)), || format!("a later collection: {:?}", done.1))
}

/// The damaged object is out of the way and is kept as it was found; nothing is left to do.
fn mended(damage: &Damage, store: &MemoryStore) -> Verdict {
    let is_there = store.len_bytes(&damage.object).map_err(|error| error.to_string())?.is_some();
    // A register is never empty for long: the decision is made again in its place.
    let is_made_again = damage.object.starts_with("commits/");
    ensure(is_there == is_made_again, || format!("{}: in its place or not", damage.object))?;
    let kept = store.list("quarantine/").map_err(|error| error.to_string())?;
    let is_same = |name: &str| store.read(name, u64::MAX).ok() == damage.bytes;
    let own = format!("quarantine/{}", damage.object);
    let mut copies = kept.iter().filter(|object| object.name.starts_with(&own));
    ensure(damage.bytes.is_none() || copies.any(|object| is_same(&object.name)), || "it is not kept".to_string())?;
    let plan = reopened(store)?.plan_repair(&mut |_| true).map_err(|error| format!("repair: {error}"))?;
    ensure(plan.is_empty(), || format!("something is left to repair: {plan:?}"))
}

/// The next backups are whole, whatever was lost, and the second stores nothing that the first has.
fn go_on(prepared: &Prepared, store: &MemoryStore) -> Verdict {
    let (_, held) = prepared.held.last().ok_or("nothing is held")?;
    let stored =
        |source: &str| held.back_up(&reopened(store)?, source, &few_bytes()).map_err(|error| error.to_string());
    // Whatever the index does not name is stored again here.
    let again = stored("another source")?.snapshot.counters.chunks_new;
    let lost = prepared.damage.as_ref().is_some_and(|damage| damage.object.starts_with("data/"));
    ensure(lost || again == 0, || format!("{again} chunks that are there are not found"))?;
    let manifest = stored(SOURCE)?;
    collected(store)?;
    let differs = held.differs(&reopened(store)?, &manifest);
    differs.map_or(Ok(()), |what| Err(format!("after a repair: {what}")))
}
