//! Index and reach plaintexts (`docs/format.md` sections 8 and 9).

use super::codec::{DecodeError, Decoder, Encoder};
use super::names::{PackClass, PackName};
use super::pack::{MAX_FRAMES, MAX_PACK_LEN_BYTES};
use datakeep_model::{ObjectDigest, SessionId};

/// A pack as index and reach know it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PackRecord {
    /// Its name.
    pub name: PackName,
    /// What it holds.
    pub class: PackClass,
    /// Its stored length.
    pub len_bytes: u64,
    /// BLAKE3 of its bytes up to the digest field of its trailer.
    pub digest: ObjectDigest,
    /// Number of frames.
    pub frames: u32,
}

/// Smallest encoding of a [`PackRecord`].
pub(crate) const MIN_RECORD_LEN_BYTES: usize = 12 + 1 + 1 + 1 + 32 + 1;

pub(crate) fn encode_record(out: &mut Encoder, record: &PackRecord) {
    out.raw(&record.name.session.0);
    out.uv(u64::from(record.name.seq));
    out.u8(record.class as u8);
    out.uv(record.len_bytes);
    out.raw(&record.digest.0);
    out.uv(u64::from(record.frames));
}

pub(crate) fn decode_record(input: &mut Decoder<'_>) -> Result<PackRecord, DecodeError> {
    let session = SessionId(input.array()?);
    let name = PackName { session, seq: input.uv32()? };
    let class = PackClass::from_number(input.u8()?).map_or_else(|| input.fail("a pack class"), Ok)?;
    let len_bytes = input.uv()?;
    if len_bytes > MAX_PACK_LEN_BYTES {
        return input.fail("a pack length within the limit");
    }
    let digest = ObjectDigest(input.array()?);
    let frames = input.uv32()?;
    if u64::from(frames) > MAX_FRAMES {
        return input.fail("a frame count within the limit");
    }
    Ok(PackRecord { name, class, len_bytes, digest, frames })
}

/// The first eight bytes of a chunk id, as an integer that sorts like the id.
pub(crate) fn fingerprint(id: &datakeep_model::ChunkId) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id.0[..8]);
    u64::from_be_bytes(bytes)
}

/// A sorted run: which packs hold which chunks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct IndexRun {
    pub packs: Vec<PackRecord>,
    /// Fingerprint and pack number, sorted.
    pub entries: Vec<(u64, u32)>,
}

/// Most chunks in one index object: it stays well below the limit of a sealed object.
pub(crate) const MAX_ENTRIES: usize = 4 << 20;

pub(crate) fn encode_run(run: &IndexRun) -> Vec<u8> {
    let mut out = Encoder::new();
    out.uv(run.packs.len() as u64);
    run.packs.iter().for_each(|record| encode_record(&mut out, record));
    out.uv(run.entries.len() as u64);
    for (fingerprint, pack) in &run.entries {
        out.raw(&fingerprint.to_be_bytes());
        out.u32(*pack);
    }
    out.bytes
}

pub(crate) fn decode_run(plain: &[u8]) -> Result<IndexRun, DecodeError> {
    let mut input = Decoder::new(plain);
    let count = input.count(u64::MAX, MIN_RECORD_LEN_BYTES)?;
    let packs = (0..count).map(|_| decode_record(&mut input)).collect::<Result<Vec<_>, _>>()?;
    let count = input.count(MAX_ENTRIES as u64, 12)?;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let entry = (u64::from_be_bytes(input.array()?), input.u32()?);
        if entry.1 as usize >= packs.len() || entries.last().is_some_and(|last| *last > entry) {
            return input.fail("a sorted entry of a known pack");
        }
        entries.push(entry);
    }
    input.end()?;
    Ok(IndexRun { packs, entries })
}
