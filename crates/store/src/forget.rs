//! Forgetting snapshots: marks only; a collection frees the room.

use crate::error::StoreError;
use crate::format::collect::{self, Tombstone};
use crate::format::decision::Manifest;
use crate::format::sealed::{MAX_STORED_LEN_BYTES, ObjectType};
use crate::repository::Repository;
use datakeep_model::SessionId;
use datakeep_store_blob::{BlobError, Listed};
use std::collections::BTreeSet;

impl Repository {
    /// Forgets a snapshot for good: from now on nobody sees it, and the next collection may delete what only it used.
    /// Forgetting what is forgotten already is fine.
    pub fn forget(&self, manifest: &Manifest, tombstone: &Tombstone) -> Result<(), StoreError> {
        // Before the tombstone: from then on nothing else tells that what this is a copy of need not be copied again.
        self.mark_origins(manifest, tombstone.forgotten)?;
        let name = self.tombstone_name(manifest.snapshot.id);
        let sealed = self.seal(ObjectType::Tombstone, &name, &collect::encode_tombstone(tombstone))?;
        // What is to take this one's place may have been seen before it is durable.
        self.settle_commits()?;
        match self.blobs.create(&name, &sealed) {
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
