//! What collections have left: which commits are void, which packs are gone, where frames have moved.

use crate::error::StoreError;
use crate::format::collect::{self, Checkpoint, Condemned, ForwardMap};
use crate::format::names::{self, PackName};
use crate::format::sealed::ObjectType;
use crate::pack_list::PackList;
use crate::repository::Repository;
use crate::tree::entry::Location;
use datakeep_model::{ErrorKind, SessionId};
use datakeep_store_blob::{BlobError, BlobStore};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// The newest checkpoint and what has been condemned since.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Epoch of the newest checkpoint; 0 while there is none.
    pub epoch: u64,
    pub checkpoint: Option<Checkpoint>,
    /// The list of a round that is not finished.
    pub condemned: Option<Condemned>,
    forwards: ForwardMap,
    /// A checkpoint that could not be read: what it would have said is not known.
    pub fault: Option<String>,
}

/// What a session may refer to: fixed when it was opened, because a collector that condemns something later waits for
/// the session.
///
/// Packs that were there when the session had been opened and are not condemned, and the session's own. What an index
/// or an older tree names proves nothing: both may speak of packs that went rounds ago and that no checkpoint remembers.
#[derive(Clone, Debug)]
pub struct WritersView {
    pub(crate) view: Arc<View>,
    /// The session itself.
    pub(crate) session: SessionId,
    /// Listed after the view was read: what rounds before the view's deleted is not in it.
    pub(crate) packs: Arc<PackList>,
}

impl WritersView {
    /// True when a new snapshot may refer to what is in a pack.
    pub(crate) fn holds(&self, pack: PackName) -> bool {
        pack.session == self.session || (self.packs.contains(pack) && !self.view.is_unusable(pack))
    }

    /// Where a new snapshot may refer to for what was at `at`: there, or where its frame has moved; `None` when it is, or
    /// may soon be, gone.
    pub(crate) fn place(&self, at: Location) -> Option<Location> {
        let to = if self.view.is_unusable(at.pack) { self.view.moved(at)? } else { at };
        self.holds(to.pack).then_some(to)
    }

    /// The packs that were there when the session had been opened.
    pub fn packs(&self) -> &PackList {
        &self.packs
    }
}

/// The newest epoch that has a checkpoint; 0 while there is none.
pub(crate) fn newest_epoch(blobs: &dyn BlobStore) -> Result<u64, StoreError> {
    Ok(epochs(blobs)?.last().copied().unwrap_or(0))
}

fn epochs(blobs: &dyn BlobStore) -> Result<Vec<u64>, StoreError> {
    let listed = blobs.list(names::CHECKPOINTS)?;
    let mut epochs: Vec<u64> = listed.iter().filter_map(|object| names::parse_epoch(&object.name)).collect();
    epochs.sort_unstable();
    Ok(epochs)
}

impl View {
    /// Reads the newest checkpoint, and the condemned list of the round after it if there is one. A checkpoint that
    /// cannot be read is an error: nobody may write or delete without knowing it.
    pub fn load(repository: &Repository) -> Result<Self, StoreError> {
        loop {
            let epoch = newest_epoch(&*repository.blobs)?;
            match Self::load_epoch(repository, epoch) {
                // A newer round may have removed it since it was listed.
                Err(StoreError::Missing { .. }) if newest_epoch(&*repository.blobs)? != epoch => {}
                // Below the fence the name of a list is free again, and a collector that slept may have taken it.
                Ok(view) if view.condemned.is_some() && newest_epoch(&*repository.blobs)? != epoch => {}
                other => return other,
            }
        }
    }

    /// As [`View::load`]; where the newest checkpoint is damaged, the one before it stands in. Good for reading only.
    pub fn load_for_reading(repository: &Repository) -> Result<Self, StoreError> {
        let fault = match Self::load(repository) {
            Err(error) if error.kind() == ErrorKind::Integrity => error,
            other => return other,
        };
        let mut older = epochs(&*repository.blobs)?;
        older.pop();
        let mut view = Self::default();
        for epoch in older.into_iter().rev() {
            if let Ok(found) = Self::load_epoch(repository, epoch) {
                view = found;
                break;
            }
        }
        view.fault = Some(fault.to_string());
        Ok(view)
    }

    fn load_epoch(repository: &Repository, epoch: u64) -> Result<Self, StoreError> {
        let checkpoint = match epoch {
            0 => None,
            epoch => Some(read_checkpoint(repository, epoch)?),
        };
        Ok(Self::new(epoch, checkpoint, read_condemned(repository, epoch + 1)?))
    }

    /// What a checkpoint and the condemned list after it say together.
    pub fn new(epoch: u64, checkpoint: Option<Checkpoint>, condemned: Option<Condemned>) -> Self {
        let mut forwards = checkpoint.as_ref().map(|checkpoint| checkpoint.forwards.clone()).unwrap_or_default();
        if let Some(condemned) = &condemned {
            forwards = forwards.then(&condemned.forwards);
        }
        Self { epoch, checkpoint, condemned, forwards, fault: None }
    }

    /// The epoch of sessions that are opened now: after a round that has begun, the next.
    pub fn sessions_epoch(&self) -> u64 {
        self.epoch + u64::from(self.condemned.is_some())
    }

    /// True when a commit is below the fence and not among those that the newest checkpoint lists.
    pub fn is_void(&self, epoch: u64, session: SessionId) -> bool {
        let lists = |checkpoint: &Checkpoint| checkpoint.commits.contains(&(epoch, session));
        epoch < self.epoch && !self.checkpoint.as_ref().is_some_and(lists)
    }

    /// True when a pack has been deleted, or is to be by the newest checkpoint.
    pub fn is_gone(&self, pack: PackName) -> bool {
        let names =
            |checkpoint: &Checkpoint| checkpoint.delete.contains_key(&pack) || checkpoint.gone.contains_key(&pack);
        self.checkpoint.as_ref().is_some_and(names)
    }

    /// True when the newest round removes an object that is no pack.
    pub fn removes(&self, object: &str) -> bool {
        self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.prune.contains(object))
    }

    /// True when a collector means to delete a pack.
    pub fn is_condemned(&self, pack: PackName) -> bool {
        self.condemned.as_ref().is_some_and(|condemned| condemned.packs.contains_key(&pack))
    }

    /// True when new snapshots must not refer to a pack.
    pub fn is_unusable(&self, pack: PackName) -> bool {
        self.is_gone(pack) || self.is_condemned(pack)
    }

    /// Where to read what was at `at`. What is condemned can still be read.
    pub fn for_reading(&self, at: Location) -> Option<Location> {
        if self.is_gone(at.pack) { self.moved(at) } else { Some(at) }
    }

    /// Where the frame of `at` has moved, if it has.
    pub fn moved(&self, at: Location) -> Option<Location> {
        let (pack, frame) = self.forwards.get(at.pack, at.frame)?;
        (pack != PackName::LOST).then_some(Location { pack, frame, slot: at.slot })
    }

    /// True when a repair has found that a frame is nowhere any more.
    pub fn is_lost(&self, pack: PackName, frame: u32) -> bool {
        self.forwards.get(pack, frame).is_some_and(|(to, _)| to == PackName::LOST)
    }

    /// True when no collection has begun since the repository was made.
    pub fn is_empty(&self) -> bool {
        self.checkpoint.is_none() && self.condemned.is_none()
    }

    /// True when both say the same.
    pub fn is_same(&self, other: &Self) -> bool {
        let made = |view: &Self| view.condemned.as_ref().map(|condemned| condemned.collector);
        self.epoch == other.epoch && made(self) == made(other)
    }
}

/// A checkpoint; where it is damaged, its second copy.
pub(crate) fn read_checkpoint(repository: &Repository, epoch: u64) -> Result<Checkpoint, StoreError> {
    match read_checkpoint_at(repository, names::checkpoint(epoch)) {
        // A version that is not known is damage, too, where the other copy is authentic and of a known one.
        Err(error) if is_harmed(&error) => {
            read_checkpoint_at(repository, names::checkpoint_copy(epoch)).map_err(|_| error)
        }
        other => other,
    }
}

/// True for bytes that are there and cannot be what was written, or are of a version that is not known.
pub(crate) fn is_harmed(error: &StoreError) -> bool {
    let is_missing = matches!(error, StoreError::Missing { .. });
    matches!(error.kind(), ErrorKind::Integrity | ErrorKind::Incompatible) && !is_missing
}

/// The checkpoint under one of its two names.
pub(crate) fn read_checkpoint_at(repository: &Repository, name: String) -> Result<Checkpoint, StoreError> {
    let plain = repository.read_sealed(ObjectType::Checkpoint, &name)?;
    collect::decode_checkpoint(&plain).map_err(|e| e.of(&name))
}

/// The condemned list of an epoch, if there is one.
pub(crate) fn read_condemned(repository: &Repository, epoch: u64) -> Result<Option<Condemned>, StoreError> {
    let name = names::condemned(epoch);
    if repository.blobs.len_bytes(&name)?.is_none() {
        return Ok(None);
    }
    let plain = match repository.read_sealed(ObjectType::Condemned, &name) {
        // Removed since: its round is over.
        Err(StoreError::Missing { .. }) => return Ok(None),
        other => other?,
    };
    collect::decode_condemned(&plain).map(Some).map_err(|e| e.of(&name))
}

impl Repository {
    /// Makes the second copy of the newest checkpoint if there is none: without it, one wrong bit would end all writing. Of
    /// several who do so each writes the same.
    pub(crate) fn copy_checkpoint(&self, view: &View) -> Result<(), StoreError> {
        let Some(checkpoint) = &view.checkpoint else { return Ok(()) };
        let name = names::checkpoint_copy(view.epoch);
        if self.blobs.len_bytes(&name)?.is_some() {
            return Ok(());
        }
        // A copy that outlived its checkpoint would speak of one that never was.
        self.blobs.settle(names::CHECKPOINTS)?;
        let sealed = self.seal(ObjectType::Checkpoint, &name, &collect::encode_checkpoint(checkpoint))?;
        match self.blobs.create(&name, &sealed) {
            // On a full disk there is none until the next collection.
            Ok(()) | Err(BlobError::Exists { .. } | BlobError::Full { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What collections had left when it was last looked at, if it was.
    pub(crate) fn seen_view(&self) -> Option<Arc<View>> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What collections had left when it was last looked at.
    pub(crate) fn view(&self) -> Result<Arc<View>, StoreError> {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = &*view {
            return Ok(view.clone());
        }
        Ok(view.insert(Arc::new(View::load_for_reading(self)?)).clone())
    }

    /// Looks again.
    pub(crate) fn refresh_view(&self) -> Result<Arc<View>, StoreError> {
        let fresh = Arc::new(View::load_for_reading(self)?);
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.clone());
        Ok(fresh)
    }

    /// Looks again and takes nothing damaged: what a writer or a collector goes by from now on.
    pub(crate) fn refresh_view_strictly(&self) -> Result<Arc<View>, StoreError> {
        let fresh = Arc::new(View::load(self)?);
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.clone());
        Ok(fresh)
    }

    /// After something was not where it should be: true when collections or runs have changed the repository since it was
    /// looked at, so that it is worth looking for it again. Damaged repositories make many misses: only some of them are
    /// looked into.
    pub(crate) fn look_again(&self) -> Result<bool, StoreError> {
        let misses = self.misses.fetch_add(1, Ordering::Relaxed) + 1;
        if !misses.is_power_of_two() && misses > 64 {
            return Ok(false);
        }
        let (view, index) = (self.view()?, self.index()?);
        let is_moved = !self.refresh_view()?.is_same(&view);
        let is_grown = !Arc::ptr_eq(&self.fresh_index()?, &index);
        Ok(is_moved || is_grown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::collect::Doomed;
    use crate::format::names::PackClass;
    use datakeep_model::Timestamp;
    use std::collections::{BTreeMap, BTreeSet};

    fn pack(number: u8) -> PackName {
        PackName { session: SessionId([number; 12]), seq: 0 }
    }

    fn at(number: u8, frame: u32) -> Location {
        Location { pack: pack(number), frame, slot: 3 }
    }

    fn doomed(numbers: &[u8]) -> BTreeMap<PackName, Doomed> {
        let one = |number: &u8| (pack(*number), Doomed { class: PackClass::Data, len_bytes: 1 });
        numbers.iter().map(one).collect()
    }

    /// 1 is gone and its frames 0 and 1 are in 2; 2 is condemned and its frame 0 is in 3.
    fn view() -> WritersView {
        let (made, collector) = (Timestamp::default(), SessionId([9; 12]));
        let mut forwards = ForwardMap::default();
        forwards.insert((pack(1), 0), (pack(2), 0));
        forwards.insert((pack(1), 1), (pack(2), 1));
        let mut moved = ForwardMap::default();
        moved.insert((pack(2), 0), (pack(3), 0));
        let checkpoint = Checkpoint {
            collector,
            made,
            commits: BTreeSet::new(),
            delete: doomed(&[1]),
            prune: BTreeSet::new(),
            gone: BTreeMap::new(),
            forwards: forwards.clone(),
        };
        let forwards = forwards.then(&moved);
        let condemned = Condemned { collector, made, packs: doomed(&[2]), forwards: moved };
        let view = View { epoch: 1, checkpoint: Some(checkpoint), condemned: Some(condemned), forwards, fault: None };
        let packs = Arc::new(PackList::of((1..=5).map(pack)));
        WritersView { view: Arc::new(view), session: SessionId([7; 12]), packs }
    }

    #[test]
    fn a_new_snapshot_refers_to_what_stays() {
        let view = view();
        assert_eq!(view.place(at(1, 0)), Some(at(3, 0)), "moved twice");
        assert_eq!(view.place(at(2, 0)), Some(at(3, 0)), "condemned and moved");
        assert_eq!(view.place(at(4, 0)), Some(at(4, 0)), "not touched");
        assert_eq!(view.place(at(7, 0)), Some(at(7, 0)), "the session's own");
        assert_eq!(view.place(at(2, 1)), None, "condemned, not moved");
        assert_eq!(view.place(at(1, 1)), None, "moved to what has been condemned since");
        assert_eq!(view.place(at(1, 2)), None, "gone");
        assert_eq!(view.place(at(6, 0)), None, "nothing remembers it, and it was not there");
        assert!(!view.holds(pack(6)) && !view.holds(pack(1)) && view.holds(pack(5)));
    }
}
