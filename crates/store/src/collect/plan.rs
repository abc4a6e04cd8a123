//! Step 2: what is live, and what may go.

use super::live::Live;
use super::sessions::{self, Registers};
use super::{CollectOptions, CollectPlan, PackUse};
use crate::error::StoreError;
use crate::format::config::check_features;
use crate::format::names::{self, PackName};
use crate::repository::Repository;
use crate::view::View;
use datakeep_model::SessionId;
use datakeep_store_blob::Listed;
use std::collections::{BTreeMap, BTreeSet};

impl Repository {
    /// Looks what a collection would do. Changes nothing.
    ///
    /// Damage stops it: what a snapshot that cannot be read needs is not known.
    pub fn plan_collection(&self, options: &CollectOptions) -> Result<CollectPlan, StoreError> {
        check_features(self.config(), 0, "read")?;
        check_features(self.config(), 1, "written")?;
        check_features(self.config(), 2, "collected")?;
        let view = self.refresh_view_strictly()?;
        // Packs first: whoever wrote one of these had an intent before, so one that has none now is nobody's.
        let packs = self.list_packs()?;
        if self.blobs.len_bytes(names::CONFIG)?.is_none() {
            return Err(StoreError::Missing { object: names::CONFIG.to_string() });
        }
        let notes = Notes::list(self)?;
        let registers = Registers::list(self)?;
        let live = self.live(&view)?;
        live_packs_are_there(self, &live, &packs)?;
        let mut plan = CollectPlan {
            epoch: view.epoch,
            unfinished: view.condemned.is_some(),
            snapshots: live.commits.len() as u64,
            total_bytes: packs.iter().map(|object| object.len_bytes).sum(),
            ..CollectPlan::default()
        };
        for (epoch, session) in registers.undecided(u64::MAX) {
            plan.open.push(sessions::describe(self, epoch, session, &packs)?);
        }
        let frames = self.frames_by_pack()?;
        for object in &packs {
            sort_pack(&mut plan, object, (&view, &registers, &live, &frames), options);
        }
        plan.leftover_bytes = leftover_bytes(&view, &packs);
        plan.live = live;
        self.plan_records(&view, (&registers, &notes), &mut plan)?;
        Ok(plan)
    }

    /// All packs. A listing is complete or an error.
    pub(crate) fn list_packs(&self) -> Result<Vec<Listed>, StoreError> {
        let folders = ["data/", "meta/"].map(str::to_string);
        let found = self.read_each(&folders, &|folder| Ok(self.blobs.list(folder)?));
        Ok(found.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// What visible snapshots use. Any decision or reach object that cannot be read is an error.
    pub(crate) fn live(&self, view: &View) -> Result<Live, StoreError> {
        let (manifests, faults) = self.visible()?;
        // Whatever the reason: what cannot be read now must not count as not there.
        if let Some(fault) = faults.into_iter().next() {
            return Err(fault);
        }
        let mut live = Live::default();
        for manifest in &manifests {
            live.add(self, view, manifest)?;
        }
        Ok(live)
    }

    /// Frames of packs, as index objects say.
    fn frames_by_pack(&self) -> Result<BTreeMap<PackName, u32>, StoreError> {
        let index = self.fresh_index()?;
        let records = index.packs_by_object().flat_map(|(_, records)| records);
        Ok(records.map(|record| (record.name, record.frames)).collect())
    }
}

fn leftover_bytes(view: &View, packs: &[Listed]) -> u64 {
    let Some(checkpoint) = &view.checkpoint else { return 0 };
    let is_left =
        |object: &&Listed| PackName::parse(&object.name).is_some_and(|(_, pack)| checkpoint.delete.contains_key(&pack));
    packs.iter().filter(is_left).map(|object| object.len_bytes).sum()
}

/// A live pack that is missing means that the listing or the repository is not whole: nothing may be deleted then.
fn live_packs_are_there(repository: &Repository, live: &Live, packs: &[Listed]) -> Result<(), StoreError> {
    let found: BTreeMap<PackName, u64> =
        packs.iter().filter_map(|object| Some((PackName::parse(&object.name)?.1, object.len_bytes))).collect();
    for (name, pack) in &live.packs {
        let object = || name.object(pack.class);
        // A snapshot may have been published since the packs were listed: they are asked for by name.
        let len = match found.get(name) {
            Some(&len) => Some(len),
            None => repository.blobs.len_bytes(&object())?,
        };
        match (len, pack.known) {
            (None, _) => return Err(StoreError::Missing { object: object() }),
            (Some(len), Some((_, known))) if len != known => {
                return Err(StoreError::damaged(
                    object(),
                    len.min(known),
                    format!("{known} bytes"),
                    format!("{len} bytes"),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

type Known<'k> = (&'k View, &'k Registers, &'k Live, &'k BTreeMap<PackName, u32>);

/// Puts a pack where it belongs in the plan.
fn sort_pack(
    plan: &mut CollectPlan,
    object: &Listed,
    (view, registers, live, frames): Known<'_>,
    options: &CollectOptions,
) {
    let Some((class, name)) = PackName::parse(&object.name) else { return };
    if view.is_gone(name) {
        return;
    }
    let used = live.packs.get(&name);
    let known = used.and_then(|pack| pack.known).map(|(frames, _)| frames);
    let frames = known.or_else(|| frames.get(&name).copied());
    let live_frames = used.map_or(0, |pack| pack.used.count());
    let pack = PackUse { name, class, len_bytes: object.len_bytes, live_frames, frames: frames.unwrap_or(live_frames) };
    let is_open = registers.intents.contains_key(&name.session) && !registers.decided.contains(&name.session);
    let unused = u64::from(pack.frames.saturating_sub(live_frames));
    if is_open {
        // Its run may be about to publish it.
        plan.undecided.push(pack);
    } else if live_frames == 0 {
        plan.dead.push(pack);
    } else if unused * 100 > u64::from(options.most_unused_percent) * u64::from(pack.frames) {
        plan.rewrite.push(pack);
    } else if unused > 0 {
        plan.kept.push(pack);
    }
}

/// What stands beside the records of a session: whoever makes any of it has seen the session's decision.
struct Notes {
    /// Labels, and what repairs have made again.
    objects: Vec<Listed>,
    /// Sessions with a tombstone.
    forgotten: BTreeSet<SessionId>,
}

impl Notes {
    /// Lists them. Before the registers: a session that has none after this has none any more. The other way round, a snapshot
    /// that was published and forgotten in between would lose its tombstone, and come back.
    fn list(repository: &Repository) -> Result<Self, StoreError> {
        let objects = [repository.blobs.list("tags/")?, repository.blobs.list(names::MENDED)?].concat();
        Ok(Self { objects, forgotten: repository.forgotten()? })
    }
}

impl Repository {
    /// Records that are of no use once the round's checkpoint stands: those of sessions that are decided and not
    /// visible, and of older rounds.
    fn plan_records(
        &self,
        view: &View,
        (registers, notes): (&Registers, &Notes),
        plan: &mut CollectPlan,
    ) -> Result<(), StoreError> {
        let visible: BTreeSet<SessionId> = plan.live.commits.iter().map(|(_, session)| *session).collect();
        let is_over = |epoch: u64, session: SessionId| {
            epoch <= view.epoch && registers.decided.contains(&session) && !visible.contains(&session)
        };
        for folder in [names::SESSIONS, names::COMMITS, names::DECISION_COPIES, "reach/"] {
            for object in self.blobs.list(folder)? {
                if names::parse_epoch_session(&object.name).is_some_and(|(epoch, session)| is_over(epoch, session)) {
                    plan.prune.insert(object.name);
                }
            }
        }
        let is_gone = |session: SessionId| {
            let epoch = registers.intents.get(&session).copied();
            let is_stray = epoch.is_none() && !registers.decided.contains(&session) && !visible.contains(&session);
            epoch.is_some_and(|epoch| is_over(epoch, session)) || is_stray
        };
        for object in &notes.objects {
            if object.name.split('/').nth(1).and_then(SessionId::from_hex).is_some_and(is_gone) {
                plan.prune.insert(object.name.clone());
            }
        }
        for &session in &notes.forgotten {
            plan.forgotten += 1;
            if is_gone(session) {
                plan.prune.insert(self.tombstone_name(session));
            }
        }
        self.plan_progress(&is_gone, &visible, plan)?;
        self.plan_rounds(view, plan)?;
        plan.records = plan.prune.len() as u64;
        Ok(())
    }

    /// Progress goes with the packs it speaks of: a run that was given up may still be taken up as long as they stay.
    fn plan_progress(
        &self,
        is_gone: &dyn Fn(SessionId) -> bool,
        visible: &BTreeSet<SessionId>,
        plan: &mut CollectPlan,
    ) -> Result<(), StoreError> {
        let going = plan.dead.iter().chain(&plan.rewrite);
        let dead: BTreeSet<SessionId> = going.map(|pack| pack.name.session).collect();
        for object in self.blobs.list("progress/")? {
            let Some((session, _)) = names::parse_session_number(&object.name) else { continue };
            if visible.contains(&session) || (is_gone(session) && dead.contains(&session)) {
                plan.prune.insert(object.name);
            }
        }
        Ok(())
    }

    /// Older rounds. The checkpoint before this one stays: should this one be damaged, readers go by that one.
    fn plan_rounds(&self, view: &View, plan: &mut CollectPlan) -> Result<(), StoreError> {
        for object in self.blobs.list("condemned/")? {
            if names::parse_epoch(&object.name).is_some_and(|epoch| epoch <= view.epoch) {
                plan.prune.insert(object.name);
            }
        }
        let copies = self.blobs.list(names::COPIES)?;
        for object in self.blobs.list(names::CHECKPOINTS)?.into_iter().chain(copies) {
            if names::parse_epoch(&object.name).is_some_and(|epoch| epoch < view.epoch) {
                plan.prune.insert(object.name);
            }
        }
        Ok(())
    }
}
