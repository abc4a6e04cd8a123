//! What a snapshot uses: as its run wrote it down, or as a repair has found it in the tree
//! (`docs/decisions/0011-records.md`).

use crate::error::{StoreError, must_exist};
use crate::format::decision::Manifest;
use crate::format::names;
use crate::format::reach::{self, Mended, Reach};
use crate::format::sealed::{MAX_STORED_LEN_BYTES, ObjectType};
use crate::repository::Repository;
use crate::view::{View, is_harmed};
use datakeep_model::ErrorKind;
use datakeep_process::digest;

mod walk;

impl Repository {
    /// What a snapshot uses; proven to be what its manifest names, or, where that is damaged or missing, what a repair has
    /// put in its place. Good for reading; who deletes asks [`Repository::trusted_reach`].
    pub fn reach(&self, manifest: &Manifest) -> Result<Reach, StoreError> {
        self.reach_by(manifest, &|_| true)
    }

    /// As [`Repository::reach`], and an error where that names everything because the tree could not be walked whole: what is
    /// lost of the snapshot is not known then, so no new one may share with it.
    pub fn known_reach(&self, manifest: &Manifest) -> Result<Reach, StoreError> {
        self.reach_by(manifest, &|mended| !mended.keeps_all)
    }

    fn reach_by(&self, manifest: &Manifest, is_good: &dyn Fn(&Mended) -> bool) -> Result<Reach, StoreError> {
        self.reach_and_origin(manifest, is_good).map(|(reach, _)| reach)
    }

    /// The reach, and true where it is the one that was written with the snapshot: by itself it says what is kept.
    pub(crate) fn reach_and_origin(
        &self,
        manifest: &Manifest,
        is_good: &dyn Fn(&Mended) -> bool,
    ) -> Result<(Reach, bool), StoreError> {
        let (reach, is_written) = match self.written_reach(manifest) {
            Err(error) if error.kind() == ErrorKind::Integrity => {
                let mended = self.mended_reach(manifest)?.filter(is_good);
                (mended.map(|mended| mended.reach).ok_or(error)?, false)
            }
            other => (other?, true),
        };
        self.expect_packs(reach.packs.values().map(|(record, _)| *record));
        Ok((reach, is_written))
    }

    /// As [`Repository::reach`], and everything of the tree besides that a reach made again does not name, or that was lost and
    /// stored again: nothing may be deleted by one that says too little. An error when that cannot be known.
    pub(crate) fn trusted_reach(&self, view: &View, manifest: &Manifest) -> Result<Reach, StoreError> {
        self.completed_reach(view, manifest, false)
    }

    /// As [`Repository::trusted_reach`], as far as the tree can be read: to repair what cannot.
    pub(crate) fn salvaged_reach(&self, view: &View, manifest: &Manifest) -> Result<Reach, StoreError> {
        self.completed_reach(view, manifest, true)
    }

    fn completed_reach(&self, view: &View, manifest: &Manifest, may_lack: bool) -> Result<Reach, StoreError> {
        let reach = match self.written_reach(manifest) {
            Err(error) if error.kind() == ErrorKind::Integrity => {
                let mended = self.mended_reach(manifest)?.ok_or(error)?;
                self.complete_with_tree(view, manifest, (mended, may_lack))
            }
            // What a repair found to be lost may have been stored again since: found by its id, it makes the snapshot whole,
            // and is kept as long as that. Trees are walked for it, but of hurt snapshots alone.
            Ok(reach) if walk::has_lost_frames(view, &reach) => {
                let mended = Mended { stands_for: manifest.reach_digest, keeps_all: false, reach };
                self.complete_with_tree(view, manifest, (mended, true))
            }
            other => other,
        }?;
        self.expect_packs(reach.packs.values().map(|(record, _)| *record));
        Ok(reach)
    }

    /// The reach object that the snapshot's run has written.
    pub(crate) fn written_reach(&self, manifest: &Manifest) -> Result<Reach, StoreError> {
        let name = names::reach(manifest.snapshot.epoch, manifest.snapshot.id);
        let stored = self.blobs.read(&name, MAX_STORED_LEN_BYTES).map_err(must_exist)?;
        if digest(&stored) != manifest.reach_digest {
            return Err(StoreError::damaged(name, 0, "the digest in the manifest", "another"));
        }
        let plain = self.open_sealed(ObjectType::Reach, &name, &stored)?;
        reach::decode(&plain).map_err(|e| e.of(&name))
    }

    /// The newest whole object that a repair has made in place of a snapshot's reach object.
    pub(crate) fn mended_reach(&self, manifest: &Manifest) -> Result<Option<Mended>, StoreError> {
        let folder = names::mended_folder(manifest.snapshot.id);
        let listed = self.blobs.list(&folder)?;
        let mut numbers: Vec<u32> =
            listed.iter().filter_map(|object| Some(names::parse_numbered(&object.name)?.1)).collect();
        numbers.sort_unstable();
        for number in numbers.into_iter().rev() {
            match self.read_mended(&names::mended(manifest.snapshot.id, number)) {
                Ok(mended) if mended.stands_for == manifest.reach_digest => return Ok(Some(mended)),
                Ok(_) => {}
                Err(error) if is_harmed(&error) || matches!(error, StoreError::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    pub(crate) fn read_mended(&self, name: &str) -> Result<Mended, StoreError> {
        let plain = self.read_sealed(ObjectType::Mended, name)?;
        reach::decode_mended(&plain).map_err(|e| e.of(name))
    }
}
