//! Step 8: deleting what the newest checkpoint lists, and nothing else.

use super::{CollectStep, Collected, stopped};
use crate::error::StoreError;
use crate::format::collect::may_be_pruned;
use crate::format::names::{self, PackName};
use crate::repository::Repository;
use crate::view::View;

impl Repository {
    /// Deletes what is left of what the newest checkpoint lists. Whatever somebody has computed before plays no part: the
    /// stored list is the one that everybody goes by.
    pub(crate) fn delete_listed(
        &self,
        done: &mut Collected,
        tick: &mut dyn FnMut(CollectStep) -> bool,
    ) -> Result<(), StoreError> {
        let view = View::load(self)?;
        let Some(checkpoint) = &view.checkpoint else { return Ok(()) };
        // Its maker may have died before it was durable; without it, what it moved is found nowhere.
        self.blobs.settle(names::CHECKPOINTS)?;
        for object in self.list_packs()? {
            let Some((_, pack)) = PackName::parse(&object.name) else { continue };
            if !checkpoint.delete.contains_key(&pack) {
                continue;
            }
            if !tick(CollectStep::Deleting(object.len_bytes)) {
                self.blobs.barrier()?;
                return Err(stopped());
            }
            self.blobs.delete(&object.name)?;
            done.packs += 1;
            done.pack_bytes += object.len_bytes;
        }
        for name in checkpoint.prune.iter().filter(|name| may_be_pruned(name)) {
            if self.blobs.len_bytes(name)?.is_some() {
                self.blobs.delete(name)?;
                done.records += 1;
            }
        }
        Ok(self.blobs.barrier()?)
    }
}
