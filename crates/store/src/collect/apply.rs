//! Steps 3 and 4: moving, and publishing what is to go.

use super::{
    CollectOptions, CollectOutcome, CollectPlan, CollectStep, Collected, Moved, compact, doomed, finish, overtaken,
    sessions,
};
use crate::entropy::random;
use crate::error::StoreError;
use crate::format::collect::{self, Condemned, Doomed};
use crate::format::names::{self, PackName};
use crate::format::sealed::{MAX_STORED_LEN_BYTES, ObjectType};
use crate::repository::Repository;
use crate::session;
use crate::view::newest_epoch;
use datakeep_model::SessionId;
use datakeep_store_blob::BlobError;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Repository {
    /// Applies a plan, or finishes the round that somebody has begun. `tick` hears of every step and ends the run early by
    /// returning false: nothing is lost, and the next collection goes on.
    ///
    /// [`StoreError::Busy`] when another collection has been finished since the plan was made.
    pub fn collect(
        self: &Arc<Self>,
        plan: &CollectPlan,
        options: &CollectOptions,
        tick: &mut dyn FnMut(CollectStep) -> bool,
    ) -> Result<CollectOutcome, StoreError> {
        let outcome = self.collect_now(plan, options, tick);
        self.hold_reserve();
        outcome
    }

    fn collect_now(
        self: &Arc<Self>,
        plan: &CollectPlan,
        options: &CollectOptions,
        tick: &mut dyn FnMut(CollectStep) -> bool,
    ) -> Result<CollectOutcome, StoreError> {
        let mut done = Collected::default();
        let view = self.refresh_view_strictly()?;
        if view.epoch != plan.epoch {
            return Err(overtaken());
        }
        self.copy_checkpoint(&view)?;
        self.delete_listed(&mut done, tick)?;
        if view.condemned.is_none() {
            if plan.is_empty() {
                return Ok(CollectOutcome::Done(done));
            }
            let others = sessions::others(self, options)?;
            if !others.is_empty() {
                return Ok(CollectOutcome::Waiting(others));
            }
            done.moved_bytes = self.condemn(plan, options, tick)?;
            tick(CollectStep::Condemned);
        }
        finish::finish(self, plan, options, (done, tick))
    }

    /// Moves what is used and publishes the condemned list. Returns the bytes written anew.
    fn condemn(
        self: &Arc<Self>,
        plan: &CollectPlan,
        options: &CollectOptions,
        tick: &mut dyn FnMut(CollectStep) -> bool,
    ) -> Result<u64, StoreError> {
        let (moved, has_room) = match compact::compact(self, plan, options, tick) {
            // A full disk is what a collection is for: without moving, nothing but two small objects is written.
            Err(StoreError::Blob(BlobError::Full { .. })) => {
                tick(CollectStep::NoRoom);
                (Moved::default(), false)
            }
            other => (other?, true),
        };
        let mut packs = doomed(&plan.dead);
        if has_room {
            packs.extend(doomed(&plan.rewrite));
        }
        self.publish_condemned(plan.epoch, (packs, moved), options)
    }

    /// Publishes what is to go: whoever does so first is the collector of the round. Returns the bytes written anew.
    pub(crate) fn publish_condemned(
        &self,
        epoch: u64,
        (packs, moved): (BTreeMap<PackName, Doomed>, Moved),
        options: &CollectOptions,
    ) -> Result<u64, StoreError> {
        let collector = moved.collector.unwrap_or_else(|| SessionId(random(&*self.entropy)));
        let condemned = Condemned { collector, made: options.now, packs, forwards: moved.forwards };
        // On a full disk this still has to be written before anything can be deleted. (Moving must do without the reserve, or
        // nothing would be left of it.)
        self.blobs.release_reserve();
        let name = names::condemned(epoch + 1);
        let sealed = self.seal(ObjectType::Condemned, &name, &collect::encode_condemned(&condemned))?;
        // A name below the fence may have been free because its round is over and its list was removed.
        let published = self.create_or_find(&name, &sealed).and_then(|is_ours| match is_ours {
            true if newest_epoch(&*self.blobs)? == epoch => Ok(moved.bytes),
            _ => Err(overtaken()),
        });
        // Should the list stand all the same: whoever finishes the round decides nothing else for this session.
        if published.is_err() && moved.collector.is_some() {
            let _ = session::abort(self, epoch, collector);
        }
        published
    }

    /// Creates a small object without which no room can be freed. Where the store is full it takes of the room set aside.
    pub(crate) fn create_to_free(&self, name: &str, sealed: &[u8]) -> Result<(), BlobError> {
        match self.blobs.create(name, sealed) {
            Err(BlobError::Full { .. }) => {
                self.blobs.lend_reserve();
                self.blobs.create(name, sealed)
            }
            other => other,
        }
    }

    /// Creates an object, or finds that it is there already: true when the one there is ours. A lost answer is resolved by
    /// reading it back.
    pub(crate) fn create_or_find(&self, name: &str, sealed: &[u8]) -> Result<bool, StoreError> {
        let error = match self.create_to_free(name, sealed) {
            Ok(()) => return Ok(true),
            Err(error) => error,
        };
        match self.blobs.read(name, MAX_STORED_LEN_BYTES) {
            Ok(found) => Ok(found == sealed),
            Err(_) => Err(error.into()),
        }
    }
}
