//! Forgetting snapshots: marks only; a collection frees the room.

use crate::error::StoreError;
use crate::format::collect::{self, Tombstone};
use crate::format::config::{WRITING, check_features};
use crate::format::decision::Manifest;
use crate::format::sealed::{MAX_STORED_LEN_BYTES, ObjectType};
use crate::repository::Repository;
use datakeep_model::SessionId;
use datakeep_store_blob::{BlobError, Listed};
use std::collections::BTreeSet;

impl Repository {
    /// Forgets a snapshot for good: from now on nobody sees it, and the next collection may delete what only it used.
    /// Forgetting what is forgotten already is fine.
    ///
    /// [`StoreError::Busy`] when its labels are others than those of the manifest, by which it was chosen: look again.
    pub fn forget(&self, manifest: &Manifest, tombstone: &Tombstone) -> Result<(), StoreError> {
        check_features(&self.config, WRITING, "written")?;
        self.close_labels(manifest)?;
        // Before the tombstone: from then on nothing else tells that what this is a copy of need not be copied again.
        self.mark_origins(manifest, tombstone.forgotten)?;
        self.entomb(manifest.snapshot.id, tombstone)
    }

    /// Marks a session as forgotten.
    pub(crate) fn entomb(&self, session: SessionId, tombstone: &Tombstone) -> Result<(), StoreError> {
        let name = self.tombstone_name(session);
        let sealed = self.seal(ObjectType::Tombstone, &name, &collect::encode_tombstone(tombstone))?;
        // What is to take this one's place may have been seen before it is durable.
        self.settle_commits()?;
        match self.create_to_free(&name, &sealed) {
            Ok(()) | Err(BlobError::Exists { .. }) => Ok(()),
            Err(error) => match self.blobs.read(&name, MAX_STORED_LEN_BYTES) {
                Ok(found) if found == sealed => Ok(()),
                _ => Err(error.into()),
            },
        }
    }

    /// Snapshots with a tombstone. The mark alone counts: a tombstone that is damaged is one all the same.
    pub(crate) fn forgotten(&self) -> Result<BTreeSet<SessionId>, StoreError> {
        Ok(self.forgotten_in(&self.blobs.list(self.config.version.tombstones())?))
    }

    /// Snapshots of which a listing shows a tombstone.
    pub(crate) fn forgotten_in(&self, listed: &[Listed]) -> BTreeSet<SessionId> {
        let folder = self.config.version.tombstones();
        let session = |name: &str| name.strip_prefix(folder).and_then(SessionId::from_hex);
        listed.iter().filter_map(|object| session(&object.name)).collect()
    }

    /// The name of a snapshot's tombstone.
    pub(crate) fn tombstone_name(&self, session: SessionId) -> String {
        self.config.version.tombstone(session)
    }

    /// What a tombstone says.
    pub fn tombstone(&self, session: SessionId) -> Result<Tombstone, StoreError> {
        let name = self.tombstone_name(session);
        let plain = self.read_sealed(ObjectType::Tombstone, &name)?;
        collect::decode_tombstone(&plain).map_err(|e| e.of(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::format::slot::SlotKind;
    use crate::keys::NewSlot;
    use crate::repository::{InitOptions, Repository};
    use crate::verify::Verify;
    use datakeep_model::{ErrorKind, Secret, Timestamp};
    use datakeep_process::KdfParams;
    use datakeep_store_blob::MemoryStore;
    use std::sync::Arc;

    fn slot() -> NewSlot {
        let kdf = KdfParams { memory_kib: 64, passes: 1, lanes: 1 };
        NewSlot { label: "main".into(), secret: Secret::new(b"x".to_vec()), kind: SlotKind::Password, kdf }
    }

    /// A repository that a newer program has made, with a feature that this one does not know in one of the four sets.
    fn of_the_future(set: usize) -> Repository {
        let blobs = Arc::new(MemoryStore::new());
        let (entropy, now) = (Arc::new(SeededEntropy::new(7)), Timestamp::default());
        let made = Repository::init(blobs, &InitOptions::default(), &[slot()], entropy, now);
        let mut repository = made.expect("made");
        repository.config.features[set] = 1 << 9;
        repository
    }

    #[test]
    fn what_needs_a_newer_program_is_refused_before_anything_is_written() {
        let kind = |result: Result<(), StoreError>| result.err().map(|error| error.kind());
        let newer = Some(ErrorKind::Incompatible);
        let repository = of_the_future(1);
        let before = repository.blobs().list("").expect("listed");
        assert_eq!(kind(repository.add_slot(&slot(), Timestamp::default()).map(drop)), newer);
        assert_eq!(kind(repository.remove_slot("0").map(drop)), newer);
        assert_eq!(repository.blobs().list("").expect("listed"), before);
        let verify = |repository: &Repository| kind(repository.verify(Verify::default(), &mut |_| true).map(drop));
        assert_eq!(verify(&repository), None, "looking is no writing");
        assert_eq!(verify(&of_the_future(3)), newer);
    }
}
