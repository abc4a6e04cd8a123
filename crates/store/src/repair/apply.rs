//! Setting damaged packs aside: copies in quarantine first, then a round of collection.

use super::{RepairOutcome, RepairPlan, Repaired};
use crate::collect::compact::{self, Mover};
use crate::collect::{
    CollectOptions, CollectOutcome, CollectPlan, CollectStep, Collected, Moved, finish, overtaken, sessions, stopped,
};
use crate::error::{StoreError, must_exist};
use crate::format::collect::Doomed;
use crate::format::names;
use crate::format::pack::MAX_PACK_LEN_BYTES;
use crate::pack::FrameDecoder;
use crate::repository::Repository;
use datakeep_model::ErrorKind;
use datakeep_store_blob::BlobError;
use std::sync::Arc;

/// How often an object that is damaged is read until two reads agree.
const MOST_READS: usize = 4;

impl Repository {
    /// Applies a plan. Every step may be cut short: the next repair goes on. `tick` hears of every step and ends the run
    /// early by returning false.
    ///
    /// [`StoreError::Busy`] when a collection has been finished since the plan was made.
    pub fn repair(
        self: &Arc<Self>,
        plan: &RepairPlan,
        options: &CollectOptions,
        tick: &mut dyn FnMut(CollectStep) -> bool,
    ) -> Result<RepairOutcome, StoreError> {
        let outcome = self.repair_now(plan, options, tick);
        self.hold_reserve();
        // Packs and frames that were read before may be gone.
        plan.packs.iter().for_each(|pack| self.packs.remove(&pack.name));
        outcome
    }

    fn repair_now(
        self: &Arc<Self>,
        plan: &RepairPlan,
        options: &CollectOptions,
        tick: &mut dyn FnMut(CollectStep) -> bool,
    ) -> Result<RepairOutcome, StoreError> {
        let view = self.refresh_view_strictly()?;
        if view.epoch != plan.epoch {
            return Err(overtaken());
        }
        // As every round does: whoever deletes by the older list must find nothing to delete once a newer one stands.
        self.delete_listed(&mut Collected::default(), tick)?;
        let others = sessions::others(self, options)?;
        if !others.is_empty() {
            return Ok(RepairOutcome::Waiting(others));
        }
        let mut done = Repaired::default();
        self.mend_records(plan, options, &mut done)?;
        if view.condemned.is_some() {
            return Ok(match self.finish_round(plan, options, tick)? {
                CollectOutcome::Done(_) => RepairOutcome::Finished,
                CollectOutcome::Waiting(open) => RepairOutcome::Waiting(open),
            });
        }
        // Which packs an index must name is not known while it is not known what snapshots use.
        if !plan.is_blind() {
            done.indexes = self.mend_indexes(plan, options)?;
        }
        self.remove_leftovers(plan)?;
        if plan.packs.is_empty() && plan.checkpoints.is_empty() {
            return Ok(RepairOutcome::Done(done));
        }
        if plan.is_blind() {
            let lost = plan.lost.iter().map(|lost| (format!("snapshot {}", lost.snapshot), lost.error.clone()));
            let beyond = plan.beyond.iter().map(|fault| (fault.what.clone(), fault.error.to_string()));
            let (what, found) = lost.chain(beyond).next().unwrap_or_default();
            let expected = "records that say what snapshots use, before packs are set aside";
            return Err(StoreError::damaged(&what, 0, expected, found));
        }
        done.moved_bytes = self.set_aside(plan, options, tick)?;
        tick(CollectStep::Condemned);
        Ok(match self.finish_round(plan, options, tick)? {
            CollectOutcome::Done(collected) => {
                (done.packs, done.rescued) = (plan.packs.len() as u64 - collected.rescued, collected.rescued);
                done.checkpoints = plan.checkpoints.len() as u64;
                RepairOutcome::Done(done)
            }
            CollectOutcome::Waiting(open) => RepairOutcome::Waiting(open),
        })
    }

    fn finish_round(
        &self,
        plan: &RepairPlan,
        options: &CollectOptions,
        tick: &mut dyn FnMut(CollectStep) -> bool,
    ) -> Result<CollectOutcome, StoreError> {
        let prune = plan.checkpoints.iter().cloned().collect();
        let may_take_nothing = plan.unfinished;
        let round =
            CollectPlan { epoch: plan.epoch, unfinished: true, prune, may_take_nothing, ..CollectPlan::default() };
        finish::finish(self, &round, options, (Default::default(), tick))
    }

    /// Copies damaged packs into quarantine, moves what is whole, and publishes the list of the round. Returns the bytes
    /// written anew.
    fn set_aside(
        self: &Arc<Self>,
        plan: &RepairPlan,
        options: &CollectOptions,
        tick: &mut dyn FnMut(CollectStep) -> bool,
    ) -> Result<u64, StoreError> {
        for pack in plan.packs.iter().filter(|pack| !pack.is_missing) {
            if !tick(CollectStep::Moving(pack.len_bytes)) {
                return Err(stopped());
            }
            let object = pack.object();
            let bytes = self.read_alike(&object)?.ok_or(StoreError::Missing { object: object.clone() })?;
            self.quarantine(&object, &bytes)?;
        }
        for object in &plan.checkpoints {
            // One of an older round may have gone with what that one's successor lists.
            if let Some(bytes) = self.read_alike(object)? {
                self.quarantine(object, &bytes)?;
            }
        }
        let moved = match plan.packs.is_empty() {
            true => Moved::default(),
            false => {
                compact::move_frames(self, (plan.epoch, "repair"), options, &mut |mover| self.salvage(plan, mover))?
            }
        };
        let doomed = |pack: &super::DamagedPack| (pack.name, Doomed { class: pack.class, len_bytes: pack.len_bytes });
        let packs = plan.packs.iter().map(doomed).collect();
        self.publish_condemned(plan.epoch, (packs, moved), options)
    }

    /// Moves every frame that can be read, whatever the plan expected; those in use that cannot are marked as lost. A frame
    /// that the plan could read, and that cannot be read now, ends the repair: one of the two was an accident on the way, and
    /// the mark is for good. Frames that no snapshot names move, too: one that is hurt may have found there, through the
    /// index, what it has lost elsewhere.
    fn salvage(&self, plan: &RepairPlan, mover: &mut Mover<'_>) -> Result<(), StoreError> {
        let mut decoder = FrameDecoder::new()?;
        for damaged in &plan.packs {
            let used = plan.used.get(&damaged.name).map(Vec::as_slice).unwrap_or_default();
            let pack = match damaged.is_missing {
                true => None,
                false => self.open_for_salvage(damaged.class, damaged.name)?,
            };
            for &frame in used {
                let unreadable = || StoreError::damaged(damaged.object(), 0, "what was whole before", "nothing");
                let copied = pack.as_ref().map_or_else(|| Err(unreadable()), |p| mover.frame(p, frame, &mut decoder));
                let was_lost = damaged.lost_frames.contains(&frame);
                match copied {
                    Ok(()) => {}
                    Err(error) if error.kind() != ErrorKind::Integrity || !was_lost => return Err(error),
                    Err(_) => mover.moved.forwards.insert_lost((damaged.name, frame)),
                }
            }
            let Some(pack) = pack else { continue };
            for frame in (0..pack.record.frames).filter(|frame| used.binary_search(frame).is_err()) {
                match mover.frame(&pack, frame, &mut decoder) {
                    Err(error) if error.kind() == ErrorKind::Integrity => {}
                    other => other?,
                }
            }
        }
        Ok(())
    }

    /// An object as two reads in a row find it; `None` where neither finds one. Nothing proves the bytes of what is
    /// damaged, and what is copied now is all that will be left of it.
    pub(super) fn read_alike(&self, object: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let read = || match self.blobs.read(object, MAX_PACK_LEN_BYTES) {
            Err(BlobError::NotFound { .. }) => Ok(None),
            other => other.map(Some).map_err(must_exist),
        };
        let mut last = read()?;
        for _ in 1..MOST_READS {
            let again = read()?;
            if again == last {
                return Ok(last);
            }
            last = again;
        }
        Err(StoreError::damaged(object, 0, "the same bytes at every read", "others each time"))
    }

    /// Stores an object again, byte for byte, where nobody refers to it; durable and read back when this returns.
    pub(super) fn quarantine(&self, object: &str, bytes: &[u8]) -> Result<(), StoreError> {
        for number in 0..u32::MAX {
            let name = names::quarantined(object, number);
            let created = self.blobs.create(&name, bytes);
            match self.blobs.read(&name, MAX_PACK_LEN_BYTES) {
                Ok(found) if found == bytes => return Ok(()),
                // An older copy: the damage has grown since.
                Ok(_) if matches!(created, Err(BlobError::Exists { .. })) => {}
                Ok(_) => return Err(StoreError::damaged(&name, 0, "the bytes just written", "others")),
                Err(error) => return Err(created.err().unwrap_or(error).into()),
            }
        }
        Ok(())
    }

    /// Removes packs that an interrupted repair has set aside. The stored checkpoint is what counts, as for everybody.
    fn remove_leftovers(&self, plan: &RepairPlan) -> Result<(), StoreError> {
        for object in &plan.leftover {
            self.blobs.delete(object)?;
        }
        if plan.leftover.is_empty() { Ok(()) } else { Ok(self.blobs.barrier()?) }
    }
}
