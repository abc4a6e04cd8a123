//! Pack header, directory and trailer (`docs/format.md` section 6).

use super::codec::{DecodeError, Decoder, Encoder};
use super::names::{PackClass, PackName};
use datakeep_model::{ChunkId, ChunkKind, ObjectDigest, RepositoryId};
use datakeep_process::{Codec, Suite};

pub(crate) const MAGIC: &[u8; 8] = b"DKPPACK1";
pub(crate) const TRAILER_MAGIC: &[u8; 8] = b"DKPTRAIL";
/// Version 2 repeats the header before the trailer.
pub(crate) const VERSIONS: [u16; 2] = [1, 2];
pub(crate) const HEADER_LEN_BYTES: usize = 96;
pub(crate) const TRAILER_LEN_BYTES: usize = 64;
pub(crate) const TAG_LEN_BYTES: usize = 16;
/// Nonce counter of the directory; frames count from 0.
pub(crate) const DIRECTORY_COUNTER: u64 = u32::MAX as u64;

pub(crate) const MAX_FRAMES: u64 = 1 << 20;
pub(crate) const MAX_FRAME_RAW_BYTES: u32 = 16 << 20;
pub(crate) const MAX_DIRECTORY_LEN_BYTES: u64 = 256 << 20;
/// Largest pack.
pub(crate) const MAX_PACK_LEN_BYTES: u64 = 1 << 30;

/// The clear start of a pack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub version: u16,
    pub suite: Suite,
    pub class: PackClass,
    pub key_epoch: u32,
    pub salt: [u8; 32],
    pub commitment: [u8; 32],
}

pub(crate) fn encode_header(header: &Header) -> [u8; HEADER_LEN_BYTES] {
    let mut out = Encoder::new();
    out.raw(MAGIC);
    out.u16(header.version);
    out.u8(header.suite.number());
    out.u8(header.class as u8);
    out.u32(header.key_epoch);
    out.raw(&[0; 16]);
    out.raw(&header.salt);
    out.raw(&header.commitment);
    let mut bytes = [0; HEADER_LEN_BYTES];
    bytes.copy_from_slice(&out.bytes);
    bytes
}

/// The version of a pack that another version of this program wrote: no damage, but nothing to be read either.
pub(crate) fn foreign_version(stored: &[u8]) -> Option<u16> {
    let mut input = Decoder::new(stored);
    let is_pack = input.raw(8).is_ok_and(|mark| mark == MAGIC);
    input.u16().ok().filter(|version| is_pack && !VERSIONS.contains(version))
}

pub(crate) fn decode_header(stored: &[u8]) -> Result<Header, DecodeError> {
    let mut input = Decoder::new(stored);
    if input.raw(8)? != MAGIC {
        return Err(DecodeError { offset_byte: 0, expected: "the mark DKPPACK1" });
    }
    let version = input.u16()?;
    if !VERSIONS.contains(&version) {
        return Err(DecodeError { offset_byte: 8, expected: "pack version 1 or 2" });
    }
    let suite = Suite::from_number(input.u8()?);
    let suite = suite.ok_or(DecodeError { offset_byte: 10, expected: "a known cipher suite" })?;
    let class = PackClass::from_number(input.u8()?);
    let class = class.ok_or(DecodeError { offset_byte: 11, expected: "a known pack class" })?;
    let key_epoch = input.u32()?;
    if input.raw(16)? != [0; 16] {
        return Err(DecodeError { offset_byte: 16, expected: "zeros" });
    }
    let salt = input.array()?;
    let commitment = input.array()?;
    input.end()?;
    Ok(Header { version, suite, class, key_epoch, salt, commitment })
}

/// The clear end of a pack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Trailer {
    pub directory_offset: u64,
    pub directory_len: u64,
    pub frames: u32,
    pub version: u16,
    pub digest: ObjectDigest,
}

impl Trailer {
    /// What stands between the directory and the trailer: the copy of the header.
    pub fn copy_len_bytes(&self) -> u64 {
        copy_len_bytes(self.version)
    }
}

fn copy_len_bytes(version: u16) -> u64 {
    if version == 1 { 0 } else { HEADER_LEN_BYTES as u64 }
}

/// Length of the part of the trailer that the digest covers.
pub(crate) const TRAILER_HASHED_LEN_BYTES: usize = 24;

pub(crate) fn encode_trailer_start(
    directory_offset: u64,
    directory_len: u64,
    frames: u32,
    version: u16,
) -> [u8; TRAILER_HASHED_LEN_BYTES] {
    let mut out = Encoder::new();
    out.u64(directory_offset);
    out.u64(directory_len);
    out.u32(frames);
    // In version 1 these bytes are 0.
    out.u32(if version == 1 { 0 } else { u32::from(version) });
    let mut bytes = [0; TRAILER_HASHED_LEN_BYTES];
    bytes.copy_from_slice(&out.bytes);
    bytes
}

pub(crate) fn decode_trailer(stored: &[u8], pack_len: u64) -> Result<Trailer, DecodeError> {
    let mut input = Decoder::new(stored);
    let directory_offset = input.u64()?;
    let directory_len = input.u64()?;
    let frames = input.u32()?;
    let version = match input.u32()? {
        0 => 1,
        2 => 2,
        _ => return Err(DecodeError { offset_byte: 20, expected: "zeros, or pack version 2" }),
    };
    let digest = ObjectDigest(input.array()?);
    if input.raw(8)? != TRAILER_MAGIC {
        return Err(DecodeError { offset_byte: 56, expected: "the mark DKPTRAIL" });
    }
    input.end()?;
    let rest = copy_len_bytes(version) + TRAILER_LEN_BYTES as u64;
    let end = directory_offset.checked_add(directory_len).and_then(|end| end.checked_add(rest));
    let plausible = directory_offset >= HEADER_LEN_BYTES as u64
        && (TAG_LEN_BYTES as u64..=MAX_DIRECTORY_LEN_BYTES).contains(&directory_len)
        && u64::from(frames) <= MAX_FRAMES;
    if end != Some(pack_len) || !plausible {
        return Err(DecodeError { offset_byte: 0, expected: "a directory that ends at the trailer" });
    }
    Ok(Trailer { directory_offset, directory_len, frames, version, digest })
}

/// One frame as the directory lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FrameInfo {
    /// Offset of the ciphertext in the pack.
    pub offset: u64,
    /// Length of the ciphertext, tag not included.
    pub stored_len: u32,
    pub codec: Codec,
    pub kind: ChunkKind,
    pub raw_len: u32,
    /// Number of the frame's first chunk in the pack.
    pub first_chunk: u32,
    pub chunks: u32,
}

/// A chunk as the directory lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkInfo {
    /// Its id.
    pub id: ChunkId,
    /// Its length.
    pub len_bytes: u32,
}

/// What a pack holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Directory {
    pub frames: Vec<FrameInfo>,
    pub chunks: Vec<ChunkInfo>,
}

pub(crate) fn encode_directory(directory: &Directory) -> Vec<u8> {
    let mut out = Encoder::new();
    out.uv(directory.frames.len() as u64);
    for frame in &directory.frames {
        out.uv(u64::from(frame.stored_len));
        out.u8(frame.codec.number());
        out.u8(frame.kind.number());
        out.uv(u64::from(frame.raw_len));
        out.uv(u64::from(frame.chunks));
    }
    directory.chunks.iter().for_each(|chunk| out.uv(u64::from(chunk.len_bytes)));
    directory.chunks.iter().for_each(|chunk| out.raw(&chunk.id.0));
    out.bytes
}

pub(crate) fn decode_directory(plain: &[u8], trailer: &Trailer) -> Result<Directory, DecodeError> {
    let mut input = Decoder::new(plain);
    let count = input.count(MAX_FRAMES, 5)?;
    if count as u64 != u64::from(trailer.frames) {
        return input.fail("as many frames as the trailer says");
    }
    let mut frames = Vec::with_capacity(count);
    let (mut offset, mut first_chunk) = (HEADER_LEN_BYTES as u64, 0u32);
    for _ in 0..count {
        let frame = decode_frame(&mut input, offset, first_chunk)?;
        offset += u64::from(frame.stored_len) + TAG_LEN_BYTES as u64;
        first_chunk = first_chunk.checked_add(frame.chunks).map_or_else(|| input.fail("fewer chunks"), Ok)?;
        frames.push(frame);
    }
    if offset != trailer.directory_offset {
        return input.fail("frames that end at the directory");
    }
    let chunks = decode_chunks(&mut input, &frames, first_chunk as usize)?;
    input.end()?;
    Ok(Directory { frames, chunks })
}

fn decode_frame(input: &mut Decoder<'_>, offset: u64, first_chunk: u32) -> Result<FrameInfo, DecodeError> {
    let stored_len = input.uv32()?;
    let codec = Codec::from_number(input.u8()?).map_or_else(|| input.fail("a known codec"), Ok)?;
    let kind = ChunkKind::from_number(input.u8()?).map_or_else(|| input.fail("a known kind"), Ok)?;
    let raw_len = input.uv32()?;
    let chunks = input.uv32()?;
    if raw_len > MAX_FRAME_RAW_BYTES || u64::from(stored_len) > u64::from(MAX_FRAME_RAW_BYTES) + 4096 {
        return input.fail("a frame within the limit");
    }
    Ok(FrameInfo { offset, stored_len, codec, kind, raw_len, first_chunk, chunks })
}

fn decode_chunks(input: &mut Decoder<'_>, frames: &[FrameInfo], count: usize) -> Result<Vec<ChunkInfo>, DecodeError> {
    if count.saturating_mul(33) > input.remaining() {
        return input.fail("as many chunks as the frames say");
    }
    let mut chunks = Vec::with_capacity(count);
    for frame in frames {
        let mut total = 0u64;
        for _ in 0..frame.chunks {
            let len_bytes = input.uv32()?;
            total += u64::from(len_bytes);
            chunks.push(ChunkInfo { id: ChunkId([0; 32]), len_bytes });
        }
        if total != u64::from(frame.raw_len) {
            return input.fail("chunks that fill their frame");
        }
    }
    for chunk in &mut chunks {
        chunk.id = ChunkId(input.array()?);
    }
    Ok(chunks)
}

/// Associated data of frame `number`.
pub(crate) fn frame_associated(
    repository: RepositoryId,
    (class, name): (PackClass, PackName),
    number: u32,
    (kind, codec, raw_len): (ChunkKind, Codec, u32),
) -> [u8; 16 + 12 + 4 + 1 + 4 + 1 + 1 + 4] {
    let mut out = [0; 43];
    out[..16].copy_from_slice(&repository.0);
    out[16..28].copy_from_slice(&name.session.0);
    out[28..32].copy_from_slice(&name.seq.to_le_bytes());
    out[32] = class as u8;
    out[33..37].copy_from_slice(&number.to_le_bytes());
    out[37] = kind.number();
    out[38] = codec.number();
    out[39..43].copy_from_slice(&raw_len.to_le_bytes());
    out
}

/// Associated data of the directory.
pub(crate) fn directory_associated(
    repository: RepositoryId,
    (class, name): (PackClass, PackName),
    frames: u32,
    header: &[u8; HEADER_LEN_BYTES],
) -> Vec<u8> {
    let mut out = Encoder::new();
    out.raw(&repository.0);
    out.raw(&name.session.0);
    out.u32(name.seq);
    out.u8(class as u8);
    out.u32(frames);
    out.raw(header);
    out.bytes
}
