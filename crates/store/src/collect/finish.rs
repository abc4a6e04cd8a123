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

/// So many second copies of decisions are made while nothing has been deleted yet.
const FEW_COPIES: usize = 16;

type Tick<'t> = &'t mut dyn FnMut(CollectStep) -> bool;

/// Finishes the round whose condemned list stands.
pub(crate) fn finish(
    repository: &Repository,
    plan: &CollectPlan,
    options: &CollectOptions,
    (mut done, tick): (Collected, Tick<'_>),
) -> Result<CollectOutcome, StoreError> {
    repository.blobs.release_reserve();
    let view = repository.refresh_view_strictly()?;
    let Some(condemned) = view.condemned.as_ref().filter(|_| view.epoch == plan.epoch) else {
        return Err(overtaken());
    };
    let mut waiting = sessions::others(repository, options)?;
    if waiting.is_empty() {
        waiting = settle_sessions(repository, &view, condemned, options)?;
    }
    if !waiting.is_empty() {
        return Ok(CollectOutcome::Waiting(waiting));
    }
    let checkpoint = second_look(repository, &view, condemned, plan, options)?;
    done.rescued = (condemned.packs.len() - checkpoint.delete.len()) as u64;
    // A checkpoint that outlived a commit it lists would miss a snapshot for ever. A run whose directory could not be synced
    // takes its commit back although others may have seen it: its second copy stays. There are few of these, and on a full
    // disk there is room for few.
    repository.settle_commits()?;
    let _ = repository.copy_decisions(&checkpoint.commits, FEW_COPIES);
    let name = names::checkpoint(view.epoch + 1);
    let sealed = repository.seal(ObjectType::Checkpoint, &name, &collect::encode_checkpoint(&checkpoint))?;
    // Whoever created it: what the newest one lists is what goes.
    repository.create_or_find(&name, &sealed)?;
    tick(CollectStep::Checkpointed);
    let view = repository.refresh_view_strictly()?;
    repository.copy_checkpoint(&view)?;
    repository.delete_listed(&mut done, tick)?;
    // Last, since they take room; what is not made now is made by the next round.
    let _ = repository.copy_decisions(&checkpoint.commits, usize::MAX);
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
    let (manifests, faults) = repository.visible()?;
    // Whatever the reason: what cannot be read now must not count as not there.
    if let Some(fault) = faults.into_iter().next() {
        return Err(fault);
    }
    let before = View::load(repository)?;
    if before.epoch != view.epoch {
        return Err(overtaken());
    }
    let (named, frames) = (BTreeSet::new(), BTreeSet::new());
    let mut needs = Needs { view, condemned, delete: condemned.packs.clone(), named, frames, is_known: true };
    let mut commits = BTreeSet::new();
    for manifest in &manifests {
        let snapshot = &manifest.snapshot;
        needs.rescue(repository, manifest, plan.may_take_nothing)?;
        if snapshot.epoch <= view.epoch {
            commits.insert((snapshot.epoch, snapshot.id));
        }
    }
    let forwards = needs.forwards()?;
    let Needs { delete, named, is_known, .. } = needs;
    let is_named = |pack: &PackName| !is_known || named.contains(pack);
    let (gone, index) = still_named(repository, view, &delete, &is_named)?;
    let mut prune = plan_still_holds(plan, &manifests);
    prune.extend(index);
    Ok(Checkpoint { collector: condemned.collector, made: options.now, commits, delete, prune, gone, forwards })
}

/// What visible snapshots need of packs that go or are gone.
struct Needs<'a> {
    view: &'a View,
    condemned: &'a Condemned,
    /// Packs that still go.
    delete: BTreeMap<PackName, collect::Doomed>,
    /// Packs that reach objects name.
    named: BTreeSet<PackName>,
    /// Frames used, of packs that were condemned or are gone.
    frames: BTreeSet<(PackName, u32)>,
    /// False when there is a snapshot of which not all that it uses is known.
    is_known: bool,
}

impl Needs<'_> {
    /// Takes packs off the list that a snapshot uses in a way the list does not provide for.
    fn rescue(
        &mut self,
        repository: &Repository,
        manifest: &Manifest,
        may_take_nothing: bool,
    ) -> Result<(), StoreError> {
        let reach = match repository.trusted_reach(self.view, manifest) {
            // The reach was made again by a repair, and something has been damaged since.
            Err(error) if may_take_nothing && error.kind() == ErrorKind::Integrity => {
                (self.is_known, self.delete) = (false, BTreeMap::new());
                repository.salvaged_reach(self.view, manifest)?
            }
            other => other?,
        };
        for (&pack, (record, frames)) in &reach.packs {
            self.named.insert(pack);
            let is_gone = self.view.is_gone(pack);
            if !is_gone && !self.condemned.packs.contains_key(&pack) {
                continue;
            }
            for frame in (0..record.frames).filter(|frame| frames.contains(*frame)) {
                self.frames.insert((pack, frame));
                // What an earlier round has moved lies where that round put it.
                let earlier = self.view.checkpoint.as_ref().and_then(|c| c.forwards.get(pack, frame));
                let (pack, frame) = if is_gone { earlier.unwrap_or((pack, frame)) } else { (pack, frame) };
                if self.delete.contains_key(&pack) && self.condemned.forwards.get(pack, frame).is_none() {
                    self.delete.remove(&pack);
                }
            }
        }
        Ok(())
    }

    /// The forward map of the new checkpoint. Proven on this side of the write as well: everything that is needed can be
    /// found by it.
    fn forwards(&self) -> Result<ForwardMap, StoreError> {
        let mut moved = self.condemned.forwards.clone();
        moved.retain(|pack| self.delete.contains_key(&pack));
        let mut forwards = self.view.checkpoint.as_ref().map(|c| c.forwards.clone()).unwrap_or_default().then(&moved);
        forwards.retain(|pack| !self.is_known || self.named.contains(&pack));
        // Of a pack that moved, frames may have come out of use since.
        forwards.drop_into(|pack| self.delete.contains_key(&pack));
        for &(pack, frame) in &self.frames {
            let stays = !self.view.is_gone(pack) && !self.delete.contains_key(&pack);
            if !stays && forwards.get(pack, frame).is_none() {
                let what = format!("frame {frame} of pack {}-{}", pack.session, pack.seq);
                return Err(StoreError::Missing { object: what });
            }
        }
        Ok(forwards)
    }
}

/// Packs that are gone and that something still names; and index objects that name nothing else.
fn still_named(
    repository: &Repository,
    view: &View,
    delete: &BTreeMap<PackName, collect::Doomed>,
    is_named: &dyn Fn(&PackName) -> bool,
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
    gone.retain(|pack, _| indexed.contains(pack) || is_named(pack));
    Ok((gone, useless))
}

/// The records a plan wants to go, but for those of sessions that are visible now.
fn plan_still_holds(plan: &CollectPlan, manifests: &[Manifest]) -> BTreeSet<String> {
    let visible: BTreeSet<String> = manifests.iter().map(|manifest| manifest.snapshot.id.to_hex()).collect();
    let is_visible = |name: &str| name.split(['/', '-']).any(|part| visible.contains(part));
    plan.prune.iter().filter(|name| !is_visible(name) || name.starts_with("progress/")).cloned().collect()
}
