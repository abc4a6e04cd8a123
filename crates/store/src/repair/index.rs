//! Index objects that are damaged or missing: made again from the directories of packs.

use super::RepairPlan;
use crate::collect::live::Live;
use crate::collect::{CollectOptions, compact};
use crate::error::StoreError;
use crate::format::decision::Manifest;
use crate::format::names::{self, PackClass, PackName};
use crate::index;
use crate::places::is_lost;
use crate::repository::Repository;
use crate::view::{View, is_harmed};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Repository {
    /// Index objects that cannot be read, those that snapshots name and that are not there, and packs in use that none of the
    /// others names.
    pub(super) fn plan_indexes(
        &self,
        view: &View,
        (manifests, live): (&[Manifest], &Live),
        plan: &mut RepairPlan,
    ) -> Result<(), StoreError> {
        let mut broken = BTreeSet::new();
        let mut named = BTreeSet::new();
        for object in self.blobs.list("index/")? {
            match index::read_run(self, &object.name) {
                Ok(run) => named.extend(run.packs.iter().map(|record| record.name)),
                // Removed since it was listed; what is there and is not found is no answer.
                Err(StoreError::Missing { .. }) if self.blobs.len_bytes(&object.name)?.is_none() => {}
                Err(error @ StoreError::Missing { .. }) => return Err(error),
                // A version that is not known is damage, too: packs say the same.
                Err(error) if is_harmed(&error) => drop(broken.insert(object.name)),
                Err(error) => return Err(error),
            }
        }
        let is_useless = |manifest: &Manifest| {
            let reach = self.planned_reach(view, manifest, plan);
            reach.and_then(|reach| self.is_index_useless(manifest, &reach)).unwrap_or(true)
        };
        for manifest in manifests {
            let (epoch, session) = (manifest.snapshot.epoch, manifest.snapshot.id);
            let named = (0..manifest.index_digests.len()).map(|number| names::index(epoch, session, number as u32));
            for name in named {
                let is_there = self.blobs.len_bytes(&name)?.is_some();
                let is_replaced = self.blobs.len_bytes(&names::quarantined(&name, 0))?.is_some();
                // With a damaged reach object it is not known whether anybody needs it.
                if !is_there && !is_replaced && !is_useless(manifest) {
                    broken.insert(name);
                }
            }
        }
        plan.indexes = broken.into_iter().collect();
        let is_damaged = |name: &PackName| plan.packs.iter().any(|pack| pack.name == *name);
        let unnamed = live.packs.iter().filter(|(name, _)| !named.contains(name) && !is_damaged(name));
        plan.unindexed = unnamed.map(|(name, pack)| name.object(pack.class)).collect();
        Ok(())
    }

    /// Makes an index of what no index object names, then sets the broken ones aside. Returns how many were made again.
    pub(super) fn mend_indexes(
        self: &Arc<Self>,
        plan: &RepairPlan,
        options: &CollectOptions,
    ) -> Result<u64, StoreError> {
        if plan.indexes.is_empty() && plan.unindexed.is_empty() {
            return Ok(0);
        }
        let missing = self.unindexed(plan)?;
        if !missing.is_empty() {
            let writer = compact::maintenance(self, "repair", options)?;
            let made = missing.iter().try_for_each(|(&name, &(class, is_used))| {
                match self.open_pack_for_record(class, name) {
                    Ok(pack) => writer.adopt_pack(pack.record, pack.chunks()),
                    // Nobody needs it; a collection has removed it since, or will.
                    Err(error) if !is_used && is_lost(&error) => {}
                    Err(error) => return Err(error),
                }
                Ok(())
            });
            let made = made.and_then(|()| writer.stage_index()).and_then(|_| writer.barrier());
            // An index counts whatever becomes of its session.
            writer.give_up();
            made?;
        }
        for name in &plan.indexes {
            // A missing object leaves an empty mark, so that it is known to have been replaced.
            let bytes = self.read_alike(name)?.unwrap_or_default();
            self.quarantine(name, &bytes)?;
            self.blobs.delete(name)?;
        }
        self.blobs.barrier()?;
        Ok(plan.indexes.len().max(1) as u64)
    }

    /// What snapshots use, as far as their trees can be read: to name what is there, not to delete what is not.
    fn salvaged_live(&self, view: &View) -> Result<Live, StoreError> {
        let (manifests, faults) = self.visible()?;
        if let Some(fault) = faults.into_iter().next() {
            return Err(fault);
        }
        let mut live = Live::default();
        for manifest in &manifests {
            live.add_reach(view, &self.salvaged_reach(view, manifest)?, manifest)?;
        }
        Ok(live)
    }

    /// Packs that no index object names, those that are set aside apart, and whether a snapshot uses them: what no snapshot
    /// uses now one may that is being written, and a hurt one may find there what it has lost. An object that is to go counts
    /// as naming nothing, even if it can be read now: it may have been the way to the plan that was damaged.
    fn unindexed(&self, plan: &RepairPlan) -> Result<BTreeMap<PackName, (PackClass, bool)>, StoreError> {
        let view = self.view()?;
        // Packs first: whoever has written one of these and an index since names it there.
        let packs = self.list_packs()?;
        let index = self.fresh_index()?;
        let damaged: BTreeSet<PackName> = plan.packs.iter().map(|pack| pack.name).collect();
        let live = self.salvaged_live(&view)?;
        let staying = index.packs_by_object().filter(|(object, _)| !plan.indexes.iter().any(|gone| gone == object));
        let named: BTreeSet<PackName> = staying.flat_map(|(_, records)| records).map(|record| record.name).collect();
        let is_wanted = |name: &PackName| !damaged.contains(name) && !named.contains(name) && !view.is_gone(*name);
        let standing = packs.iter().filter_map(|object| PackName::parse(&object.name));
        let mut found: BTreeMap<PackName, (PackClass, bool)> =
            standing.filter(|(_, name)| is_wanted(name)).map(|(class, name)| (name, (class, false))).collect();
        let used = live.packs.into_iter().filter(|(name, _)| is_wanted(name));
        found.extend(used.map(|(name, pack)| (name, (pack.class, true))));
        Ok(found)
    }
}
