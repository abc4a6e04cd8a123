//! Steps 5 to 8: waiting for sessions, the second look, the checkpoint, the deletion.

use super::sessions::{self, Registers};
use super::{CollectOptions, CollectOutcome, CollectPlan, CollectStep, Collected, OpenSession, overtaken};
use crate::error::StoreError;
use crate::format::collect::{self, Checkpoint, Condemned, ForwardMap};
use crate::format::decision::Manifest;
use crate::format::names::{self, PackClass, PackName};
use crate::format::sealed::ObjectType;
use crate::repository::Repository;
use crate::session;
use crate::view::View;
use datakeep_model::ErrorKind;
use std::collections::{BTreeMap, BTreeSet};

type Tick<'t> = &'t mut dyn FnMut(CollectStep) -> bool;

/// Finishes the round whose condemned list stands.
pub(super) fn finish(
    repository: &Repository,
    plan: &CollectPlan,
    options: &CollectOptions,
    (mut done, tick): (Collected, Tick<'_>),
) -> Result<CollectOutcome, StoreError> {
    let view = repository.refresh_view_strictly()?;
    let Some(condemned) = view.condemned.as_ref().filter(|_| view.epoch == plan.epoch) else {
        return Err(overtaken());
    };
    let waiting = settle_sessions(repository, &view, condemned, options)?;
    if !waiting.is_empty() {
        return Ok(CollectOutcome::Waiting(waiting));
    }
    let checkpoint = second_look(repository, &view, condemned, plan, options)?;
    done.rescued = (condemned.packs.len() - checkpoint.delete.len()) as u64;
    let name = names::checkpoint(view.epoch + 1);
    let sealed = repository.seal(ObjectType::Checkpoint, &name, &collect::encode_checkpoint(&checkpoint))?;
    // Whoever created it: what the newest one lists is what goes.
    repository.create_or_find(&name, &sealed)?;
    tick(CollectStep::Checkpointed);
    repository.refresh_view_strictly()?;
    repository.delete_listed(&mut done, tick)?;
    Ok(CollectOutcome::Done(done))
}

/// Step 5: every session that may use what is condemned must be decided. The patient are waited for; the others are
/// decided ABORT through the same register by which they would commit, so exactly one of the two happens.
fn settle_sessions(
    repository: &Repository,
    view: &View,
    condemned: &Condemned,
    options: &CollectOptions,
) -> Result<Vec<OpenSession>, StoreError> {
    let registers = Registers::list(repository)?;
    let packs = repository.list_packs()?;
    let mut waiting = Vec::new();
    for (epoch, session) in registers.undecided(view.epoch) {
        // What the collector's own session has moved lives by the forward map.
        if session == condemned.collector {
            session::abort(repository, epoch, session)?;
            continue;
        }
        let open = sessions::describe(repository, epoch, session, &packs)?;
        // A store that knows no ages leaves the patience to whoever calls.
        if open.quiet_ms.is_some_and(|quiet| quiet < options.patience_ms) {
            waiting.push(open);
        } else {
            session::abort(repository, epoch, session)?;
        }
    }
    Ok(waiting)
}

/// Steps 6 and 7: what commits use that came late stays; the rest makes the checkpoint.
fn second_look(
    repository: &Repository,
    view: &View,
    condemned: &Condemned,
    plan: &CollectPlan,
    options: &CollectOptions,
) -> Result<Checkpoint, StoreError> {
    let (manifests, faults) = repository.snapshots()?;
    if let Some(fault) = faults.into_iter().find(|fault| fault.kind() == ErrorKind::Integrity) {
        return Err(fault);
    }
    let before = View::load(repository)?;
    if before.epoch != view.epoch {
        return Err(overtaken());
    }
    let mut delete = condemned.packs.clone();
    let mut named = BTreeSet::new();
    let mut commits = BTreeSet::new();
    for manifest in &manifests {
        let snapshot = &manifest.snapshot;
        rescue(repository, condemned, manifest, (&mut delete, &mut named))?;
        if snapshot.epoch <= view.epoch {
            commits.insert((snapshot.epoch, snapshot.id));
        }
    }
    let mut moved = condemned.forwards.clone();
    moved.retain(|pack| delete.contains_key(&pack));
    let mut forwards = view.checkpoint.as_ref().map(|c| c.forwards.clone()).unwrap_or_default().then(&moved);
    forwards.retain(|pack| named.contains(&pack));
    let forwards = without_loops(forwards, &delete);
    let (gone, index) = still_named(repository, view, &delete, &named)?;
    let mut prune = plan_still_holds(plan, &manifests);
    prune.extend(index);
    Ok(Checkpoint { collector: condemned.collector, made: options.now, commits, delete, prune, gone, forwards })
}

/// Takes packs off the list that a snapshot uses in a way the list does not provide for.
fn rescue(
    repository: &Repository,
    condemned: &Condemned,
    manifest: &Manifest,
    (delete, named): (&mut BTreeMap<PackName, collect::Doomed>, &mut BTreeSet<PackName>),
) -> Result<(), StoreError> {
    let reach = repository.reach(manifest)?;
    for (&pack, (record, frames)) in &reach.packs {
        named.insert(pack);
        if !delete.contains_key(&pack) {
            continue;
        }
        let mut used = (0..record.frames).filter(|frame| frames.contains(*frame));
        if used.any(|frame| condemned.forwards.get(pack, frame).is_none()) {
            delete.remove(&pack);
        }
    }
    // Frames that an earlier round has moved into a pack that is condemned now: reach still names their old place.
    let view = repository.view()?;
    let Some(checkpoint) = &view.checkpoint else { return Ok(()) };
    for (&pack, (_, frames)) in reach.packs.iter().filter(|(pack, _)| view.is_gone(**pack)) {
        let moved = checkpoint.forwards.from_pack(pack).filter(|(frame, _)| frames.contains(*frame));
        for (_, to) in moved {
            if delete.contains_key(&to.0) && condemned.forwards.get(to.0, to.1).is_none() {
                delete.remove(&to.0);
            }
        }
    }
    Ok(())
}

/// A forward map must not lead into a pack that goes. (It cannot, if every step was right: a check on the other side.)
fn without_loops(mut forwards: ForwardMap, delete: &BTreeMap<PackName, collect::Doomed>) -> ForwardMap {
    let dangling: BTreeSet<PackName> = forwards
        .packs()
        .filter(|&pack| forwards.from_pack(pack).any(|(_, (to, _))| delete.contains_key(&to)))
        .collect();
    debug_assert!(dangling.is_empty(), "a forward map leads into a deleted pack");
    forwards.retain(|pack| !dangling.contains(&pack));
    forwards
}

/// Packs that are gone and that something still names; and index objects that name nothing else.
fn still_named(
    repository: &Repository,
    view: &View,
    delete: &BTreeMap<PackName, collect::Doomed>,
    named: &BTreeSet<PackName>,
) -> Result<(BTreeMap<PackName, PackClass>, BTreeSet<String>), StoreError> {
    let mut gone: BTreeMap<PackName, PackClass> = BTreeMap::new();
    if let Some(checkpoint) = &view.checkpoint {
        gone.extend(&checkpoint.gone);
        gone.extend(checkpoint.delete.iter().map(|(&pack, doomed)| (pack, doomed.class)));
    }
    let mut indexed = BTreeSet::new();
    let mut useless = BTreeSet::new();
    let index = repository.fresh_index()?;
    for (object, records) in index.packs_by_object() {
        let is_gone = |pack: &PackName| gone.contains_key(pack) || delete.contains_key(pack);
        if !records.is_empty() && records.iter().all(|record| is_gone(&record.name)) {
            useless.insert(object.to_string());
        } else {
            indexed.extend(records.iter().map(|record| record.name));
        }
    }
    gone.retain(|pack, _| indexed.contains(pack) || named.contains(pack));
    Ok((gone, useless))
}

/// The records a plan wants to go, but for those of sessions that are visible now.
fn plan_still_holds(plan: &CollectPlan, manifests: &[Manifest]) -> BTreeSet<String> {
    let visible: BTreeSet<String> = manifests.iter().map(|manifest| manifest.snapshot.id.to_hex()).collect();
    let is_visible = |name: &str| name.split(['/', '-']).any(|part| visible.contains(part));
    plan.prune.iter().filter(|name| !is_visible(name) || name.starts_with("progress/")).cloned().collect()
}
