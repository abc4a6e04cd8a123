//! What copies leave when they are forgotten: a mark each, so that whoever copies everything does not bring back what was
//! forgotten here on purpose.

use crate::error::StoreError;
use crate::format::collect::{self, OriginMark};
use crate::format::decision::Manifest;
use crate::format::names;
use crate::format::sealed::ObjectType;
use crate::repository::Repository;
use datakeep_model::{ObjectDigest, Timestamp, Whence};
use datakeep_process::mac;
use std::collections::BTreeSet;

/// Characters of a mark's name after its folder.
const KEY_LEN: usize = 32;

/// The name of an original's mark: nothing of where it comes from can be read from it. Holds for the repository's life.
fn key(repository: &Repository, whence: &Whence) -> String {
    let data = [&whence.repository.0[..], &whence.snapshot.0].concat();
    ObjectDigest(mac(&repository.keys.id, b"origin", &data)).to_hex()[..KEY_LEN].to_string()
}

/// True for the name of a mark.
pub(crate) fn is_mark_name(object: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    object.strip_prefix(names::ORIGINS).is_some_and(|key| key.len() == KEY_LEN && key.bytes().all(is_digit))
}

/// What was copied here and has been forgotten, as listed.
pub struct ForgottenCopies<'a> {
    repository: &'a Repository,
    names: BTreeSet<String>,
}

impl ForgottenCopies<'_> {
    /// True when a copy of this has been forgotten here. The mark alone counts, as with tombstones.
    pub fn contains(&self, whence: &Whence) -> bool {
        !self.names.is_empty() && self.names.contains(&names::origin(&key(self.repository, whence)))
    }
}

impl Repository {
    /// The marks of forgotten copies.
    pub fn forgotten_copies(&self) -> Result<ForgottenCopies<'_>, StoreError> {
        let names = self.blobs.list(names::ORIGINS)?.into_iter().map(|listed| listed.name).collect();
        Ok(ForgottenCopies { repository: self, names })
    }

    /// Marks everything that a snapshot is a copy of as copied here and forgotten. Nothing for one that was made here.
    pub(crate) fn mark_origins(&self, manifest: &Manifest, forgotten: Timestamp) -> Result<(), StoreError> {
        let Some(origin) = &manifest.snapshot.origin else { return Ok(()) };
        for &whence in &origin.chain {
            let name = names::origin(&key(self, &whence));
            let mark = collect::encode_origin_mark(&OriginMark { whence, forgotten });
            // One that stands is made durable by this as well.
            self.create_or_find(&name, &self.seal(ObjectType::OriginMark, &name, &mark)?)?;
        }
        Ok(())
    }

    /// Proves that a mark is whole and stands under its name.
    pub(crate) fn verify_origin_mark(&self, name: &str) -> Result<(), StoreError> {
        let plain = self.read_sealed(ObjectType::OriginMark, name)?;
        let mark = collect::decode_origin_mark(&plain).map_err(|e| e.of(name))?;
        if names::origin(&key(self, &mark.whence)) == name {
            return Ok(());
        }
        Err(StoreError::damaged(name, 0, "the name of what it marks", "another name"))
    }
}
