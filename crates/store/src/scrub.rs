//! Scrubbing: what can be proven of the stored bytes without a key.
//!
//! Packs carry a hash of all their bytes, config and slots a checksum; of sealed objects only what stands in front and
//! the lengths can be compared. That an object is missing altogether cannot be seen without the key.

use crate::error::{StoreError, must_exist};
use crate::format::names::{self, PackClass, PackName};
use crate::format::pack;
use crate::format::sealed::{self, ObjectType};
use crate::format::slot;
use crate::locked::{Locked, read_config};
use crate::pack::tail::read_trailer;
use crate::verify::Fault;
use datakeep_model::{ErrorKind, SessionId};
use datakeep_process::{DigestWriter, Suite};
use datakeep_store_blob::BlobStore;
use std::sync::Arc;

/// How much of a pack is read at once.
const PIECE_LEN_BYTES: u64 = 1 << 20;

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Scrubbed {
    /// Objects looked at.
    pub objects: u64,
    /// Packs: every byte is proven to be what was written.
    pub packs: u64,
    /// Config and key slots: every byte is proven but for the seal.
    pub slots: u64,
    /// Sealed objects: mark, version, type and lengths are proven, the content is not.
    pub sealed: u64,
    /// Damaged objects that a repair has set aside: not judged.
    pub quarantined: u64,
    /// Stored bytes read.
    pub read_bytes: u64,
    /// Faults.
    pub faults: Vec<Fault>,
}

/// Looks at every object without a key; writes nothing. `tick` is called with the bytes read since the last call and ends
/// the run early by returning false.
pub fn scrub(blobs: &Arc<dyn BlobStore>, tick: &mut dyn FnMut(u64) -> bool) -> Result<Scrubbed, StoreError> {
    let mut report = Scrubbed::default();
    let expected = match Locked::find(blobs.clone()).and_then(|_| read_config(&**blobs)) {
        Ok(parsed) => Some((parsed.config.suite, parsed.config.key_epoch)),
        Err(error) if matches!(error.kind(), ErrorKind::Integrity | ErrorKind::Incompatible) => {
            report.faults.push(Fault { what: names::CONFIG.to_string(), error });
            None
        }
        Err(error) => return Err(error),
    };
    for listed in blobs.list("")? {
        report.objects += 1;
        match look_at(&**blobs, &listed.name, expected, &mut report) {
            Ok(()) => {}
            // Whoever removes objects may have done so since it was listed.
            Err(_) if blobs.len_bytes(&listed.name)?.is_none() => {}
            Err(error) if matches!(error.kind(), ErrorKind::Integrity | ErrorKind::Incompatible) => {
                report.faults.push(Fault { what: listed.name, error });
            }
            Err(error) => return Err(error),
        }
        report.read_bytes += listed.len_bytes;
        if !tick(listed.len_bytes) {
            break;
        }
    }
    Ok(report)
}

fn look_at(
    blobs: &dyn BlobStore,
    name: &str,
    expected: Option<(Suite, u32)>,
    report: &mut Scrubbed,
) -> Result<(), StoreError> {
    let folder = name.split('/').next().unwrap_or(name);
    match folder {
        // Looked at before everything else.
        "config" => report.slots += 1,
        "keys" | "config-keys" => {
            report.slots += 1;
            let stored = blobs.read(name, slot::MAX_LEN_BYTES).map_err(must_exist)?;
            slot::decode(name, &stored)?;
        }
        "data" | "meta" => {
            report.packs += 1;
            pack(blobs, name, expected.map(|(suite, _)| suite))?;
        }
        "quarantine" => report.quarantined += 1,
        _ if name.starts_with(names::PROBES) => {}
        _ => {
            let object_type = sealed_type(name)
                .ok_or_else(|| StoreError::damaged(name, 0, "a name this version knows", "another name"))?;
            report.sealed += 1;
            let stored = blobs.read(name, sealed::MAX_STORED_LEN_BYTES).map_err(must_exist)?;
            sealed::inspect(object_type, name, expected, &stored)?;
        }
    }
    Ok(())
}

/// The type of sealed object that stands under a name.
fn sealed_type(name: &str) -> Option<ObjectType> {
    let (folder, rest) = name.split_once('/')?;
    let by_epoch = names::parse_epoch_session(name).is_some();
    let (object_type, is_name) = match folder {
        "index" => (ObjectType::Index, crate::index::is_index_name(name)),
        "reach" => (ObjectType::Reach, by_epoch),
        "sessions" => (ObjectType::Intent, by_epoch),
        "commits" => (ObjectType::Decision, by_epoch),
        "commits-copies" => (ObjectType::Decision, by_epoch),
        "mended" => (ObjectType::Mended, names::parse_numbered(name).is_some()),
        "tags" => (ObjectType::Tags, true),
        "progress" => (ObjectType::Progress, names::parse_session_number(name).is_some()),
        "forgotten" | "commits-forgotten" => (ObjectType::Tombstone, SessionId::from_hex(rest).is_some()),
        "origins" => (ObjectType::OriginMark, crate::origins::is_mark_name(name)),
        "condemned" => (ObjectType::Condemned, names::parse_epoch(name).is_some()),
        "checkpoints" | "copies" => (ObjectType::Checkpoint, names::parse_epoch(name).is_some()),
        _ => return None,
    };
    is_name.then_some(object_type)
}

/// Compares a pack with the hash it carries.
fn pack(blobs: &dyn BlobStore, object: &str, suite: Option<Suite>) -> Result<(), StoreError> {
    let (class, _) =
        PackName::parse(object).ok_or_else(|| StoreError::damaged(object, 0, "a pack's name", "another name"))?;
    let len_bytes = blobs.len_bytes(object)?.ok_or_else(|| StoreError::Missing { object: object.to_string() })?;
    compare_digest(blobs, object, len_bytes)?;
    header(blobs, object, (class, suite))
}

fn header(blobs: &dyn BlobStore, object: &str, (class, suite): (PackClass, Option<Suite>)) -> Result<(), StoreError> {
    let mut bytes = [0; pack::HEADER_LEN_BYTES];
    blobs.read_at(object, 0, &mut bytes).map_err(must_exist)?;
    if let Some(version) = pack::foreign_version(&bytes) {
        let detail = format!("pack version {version} is not known");
        return Err(StoreError::Incompatible { object: object.to_string(), detail });
    }
    let header = pack::decode_header(&bytes).map_err(|e| e.of(object))?;
    if header.class == class && suite.is_none_or(|suite| suite == header.suite) {
        return Ok(());
    }
    Err(StoreError::damaged(object, 10, "this repository's suite and this folder's class", "others"))
}

/// Compares all bytes of a pack with the hash in its trailer.
pub(crate) fn compare_digest(blobs: &dyn BlobStore, object: &str, len_bytes: u64) -> Result<(), StoreError> {
    let trailer = read_trailer(blobs, object, len_bytes)?;
    let covered = len_bytes - (pack::TRAILER_LEN_BYTES - pack::TRAILER_HASHED_LEN_BYTES) as u64;
    let mut hash = DigestWriter::new();
    let mut piece = vec![0; PIECE_LEN_BYTES.min(covered) as usize];
    let mut at = 0;
    while at < covered {
        let len = PIECE_LEN_BYTES.min(covered - at) as usize;
        blobs.read_at(object, at, &mut piece[..len]).map_err(must_exist)?;
        hash.update(&piece[..len]);
        at += len as u64;
    }
    let found = hash.finish();
    if found == trailer.digest {
        return Ok(());
    }
    Err(StoreError::damaged(object, covered, format!("digest {}", trailer.digest), found.to_hex()))
}
