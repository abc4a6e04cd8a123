//! Opens packs and frames, and proves what it returns.

use super::build::{PlainFrame, key_context};
use crate::error::{StoreError, must_exist};
use crate::format::codec::DecodeError;
use crate::format::index::PackRecord;
use crate::format::names::{PackClass, PackName};
use crate::format::pack::{self, ChunkInfo, Directory, FrameInfo, Header, Trailer};
use datakeep_model::{ChunkId, ChunkKind, RepositoryId};
use datakeep_process::{Decompressor, IdHasher, ObjectKey, RoleKey, Suite, commitment_matches};
use datakeep_store_blob::BlobStore;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A pack whose directory has been read and authenticated.
pub struct OpenPack {
    /// What index and reach say of it (or what it says of itself, when nobody said anything).
    pub record: PackRecord,
    object: String,
    key: ObjectKey,
    directory: Directory,
    by_id: OnceLock<HashMap<ChunkId, u32>>,
}

/// A decoded frame: authentic, but its chunks' ids are still to be compared by [`Frame::chunk`].
pub struct Frame {
    /// What its chunks are.
    pub kind: ChunkKind,
    plain: Vec<u8>,
    /// Id, start and end of each chunk.
    chunks: Vec<(ChunkId, u32, u32)>,
    object: String,
    offset_byte: u64,
}

/// What decoding frames needs again and again; one per thread.
pub struct FrameDecoder {
    decompressor: Decompressor,
    stored: Vec<u8>,
}

impl FrameDecoder {
    /// A decoder.
    pub fn new() -> Result<Self, StoreError> {
        Ok(Self { decompressor: Decompressor::new()?, stored: Vec::new() })
    }
}

impl Frame {
    /// Plaintext length.
    pub fn len_bytes(&self) -> usize {
        self.plain.len()
    }

    /// Number of chunks.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// The id the directory gives chunk `slot`.
    pub fn id(&self, slot: u32) -> Option<ChunkId> {
        self.chunks.get(slot as usize).map(|(id, _, _)| *id)
    }

    /// The bytes of chunk `slot` when it is the chunk `id`, its id computed anew from the bytes; `Ok(None)` when
    /// another chunk stands there.
    pub fn chunk(&self, slot: u32, id: &ChunkId, ids: &IdHasher) -> Result<Option<&[u8]>, StoreError> {
        let Some((found, start, end)) = self.chunks.get(slot as usize) else { return Ok(None) };
        if found != id {
            return Ok(None);
        }
        let bytes = &self.plain[*start as usize..*end as usize];
        let computed = ids.id(self.kind, bytes);
        if computed != *id {
            let offset = self.offset_byte;
            return Err(StoreError::damaged(&self.object, offset, format!("chunk {id}"), format!("chunk {computed}")));
        }
        Ok(Some(bytes))
    }
}

impl OpenPack {
    /// Reads header, directory and trailer of a pack and proves them. With `expected`, length and digest must agree
    /// with what index or reach say.
    pub(crate) fn open(
        blobs: &dyn BlobStore,
        repository: RepositoryId,
        suite: Suite,
        role_key: &RoleKey,
        (class, name): (PackClass, PackName),
        expected: Option<&PackRecord>,
    ) -> Result<Self, StoreError> {
        let object = name.object(class);
        let missing = || StoreError::Missing { object: object.clone() };
        let len_bytes = blobs.len_bytes(&object)?.ok_or_else(missing)?;
        if let Some(expected) = expected
            && expected.len_bytes != len_bytes
        {
            let wanted = format!("{} bytes", expected.len_bytes);
            return Err(StoreError::damaged(
                &object,
                len_bytes.min(expected.len_bytes),
                wanted,
                format!("{len_bytes} bytes"),
            ));
        }
        let trailer = read_trailer(blobs, &object, len_bytes)?;
        if let Some(expected) = expected
            && (expected.digest != trailer.digest || expected.frames != trailer.frames)
        {
            let offset = len_bytes - pack::TRAILER_LEN_BYTES as u64;
            return Err(StoreError::damaged(&object, offset, "the digest that was recorded", "another"));
        }
        let mut header_bytes = [0; pack::HEADER_LEN_BYTES];
        blobs.read_at(&object, 0, &mut header_bytes).map_err(must_exist)?;
        if let Some(version) = pack::foreign_version(&header_bytes) {
            let detail = format!("pack version {version} is not known");
            return Err(StoreError::Incompatible { object, detail });
        }
        let header = pack::decode_header(&header_bytes).map_err(|e| e.of(&object))?;
        if header.suite != suite || header.class != class {
            return Err(StoreError::damaged(&object, 10, "this repository's suite and this folder's class", "others"));
        }
        let (key, commitment) = ObjectKey::derive(suite, role_key, &key_context(repository, class), &header.salt);
        check_commitment(&object, &header, &commitment)?;
        let directory = read_directory(blobs, &object, &key, repository, (class, name), &header_bytes, &trailer)?;
        let record = PackRecord { name, class, len_bytes, digest: trailer.digest, frames: trailer.frames };
        Ok(Self { record, object, key, directory, by_id: OnceLock::new() })
    }

    /// The object's name.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// All chunks, in order.
    pub fn chunks(&self) -> &[ChunkInfo] {
        &self.directory.chunks
    }

    /// Frame and slot of a chunk of this pack.
    pub fn find(&self, id: &ChunkId) -> Option<(u32, u32)> {
        let by_id = self.by_id.get_or_init(|| {
            self.directory.chunks.iter().enumerate().map(|(number, chunk)| (chunk.id, number as u32)).collect()
        });
        let number = *by_id.get(id)?;
        let frame = self.directory.frames.partition_point(|frame| frame.first_chunk <= number).checked_sub(1)?;
        Some((frame as u32, number - self.directory.frames[frame].first_chunk))
    }

    /// Memory this takes, about.
    pub fn memory_bytes(&self) -> usize {
        512 + self.directory.frames.len() * size_of::<FrameInfo>()
            + self.directory.chunks.len() * (size_of::<ChunkInfo>() + 56)
    }

    /// The id that stands at (frame, slot).
    pub fn id_at(&self, frame: u32, slot: u32) -> Option<ChunkId> {
        let frame = self.directory.frames.get(frame as usize).filter(|frame| slot < frame.chunks)?;
        self.directory.chunks.get((frame.first_chunk + slot) as usize).map(|chunk| chunk.id)
    }

    /// Reads and decodes frame `number`.
    pub(crate) fn read_frame(
        &self,
        blobs: &dyn BlobStore,
        repository: RepositoryId,
        number: u32,
        decoder: &mut FrameDecoder,
    ) -> Result<Frame, StoreError> {
        let damaged =
            |offset, expected: &str, found: String| StoreError::damaged(&self.object, offset, expected, found);
        let frame = self.directory.frames.get(number as usize);
        let frame =
            frame.ok_or_else(|| damaged(0, &format!("frame {number}"), format!("{} frames", self.record.frames)))?;
        let stored = &mut decoder.stored;
        stored.resize(frame.stored_len as usize + pack::TAG_LEN_BYTES, 0);
        blobs.read_at(&self.object, frame.offset, stored).map_err(must_exist)?;
        let (body, tag_bytes) = stored.split_at_mut(frame.stored_len as usize);
        let mut tag = [0; pack::TAG_LEN_BYTES];
        tag.copy_from_slice(tag_bytes);
        let what = (frame.kind, frame.codec, frame.raw_len);
        let associated = pack::frame_associated(repository, (self.record.class, self.record.name), number, what);
        self.key
            .open(u64::from(number), &associated, body, &tag)
            .map_err(|_| damaged(frame.offset, "an authentic frame", "altered bytes".into()))?;
        let mut plain = Vec::new();
        decoder
            .decompressor
            .decompress(frame.codec, body, frame.raw_len as usize, &mut plain)
            .map_err(|e| damaged(frame.offset, "a frame that decompresses", e.to_string()))?;
        Ok(self.make_frame(frame, plain))
    }

    /// Reads frame `number` for a pack of another name: as it is compressed, every chunk of it proven.
    pub(crate) fn copy_frame(
        &self,
        blobs: &dyn BlobStore,
        repository: RepositoryId,
        number: u32,
        (decoder, ids): (&mut FrameDecoder, &IdHasher),
    ) -> Result<PlainFrame, StoreError> {
        let frame = self.read_frame(blobs, repository, number, decoder)?;
        for slot in 0..frame.chunks() as u32 {
            if let Some(id) = frame.id(slot) {
                frame.chunk(slot, &id, ids)?;
            }
        }
        let info = &self.directory.frames[number as usize];
        let first = info.first_chunk as usize;
        let chunks = self.directory.chunks[first..first + info.chunks as usize].to_vec();
        // Reading has left the decrypted body in the decoder.
        let body = decoder.stored[..info.stored_len as usize].to_vec();
        Ok(PlainFrame { kind: info.kind, codec: info.codec, raw_len_bytes: info.raw_len, body, chunks })
    }

    fn make_frame(&self, frame: &FrameInfo, plain: Vec<u8>) -> Frame {
        let first = frame.first_chunk as usize;
        let infos = &self.directory.chunks[first..first + frame.chunks as usize];
        let mut start = 0;
        let place = |info: &ChunkInfo| {
            let end = start + info.len_bytes;
            (info.id, std::mem::replace(&mut start, end), end)
        };
        let chunks = infos.iter().map(place).collect();
        Frame { kind: frame.kind, plain, chunks, object: self.object.clone(), offset_byte: frame.offset }
    }
}

fn check_commitment(object: &str, header: &Header, commitment: &[u8; 32]) -> Result<(), StoreError> {
    if commitment_matches(commitment, &header.commitment) {
        return Ok(());
    }
    Err(StoreError::damaged(object, 64, "the commitment of this repository's key", "another"))
}

/// Reads the clear end of a pack.
pub(crate) fn read_trailer(blobs: &dyn BlobStore, object: &str, len_bytes: u64) -> Result<Trailer, StoreError> {
    let least = (pack::HEADER_LEN_BYTES + pack::TRAILER_LEN_BYTES + pack::TAG_LEN_BYTES) as u64;
    if !(least..=pack::MAX_PACK_LEN_BYTES).contains(&len_bytes) {
        return Err(StoreError::damaged(object, 0, "a pack of possible length", format!("{len_bytes} bytes")));
    }
    let offset = len_bytes - pack::TRAILER_LEN_BYTES as u64;
    let mut bytes = [0; pack::TRAILER_LEN_BYTES];
    blobs.read_at(object, offset, &mut bytes).map_err(must_exist)?;
    pack::decode_trailer(&bytes, len_bytes)
        .map_err(|e| DecodeError { offset_byte: offset + e.offset_byte, expected: e.expected }.of(object))
}

fn read_directory(
    blobs: &dyn BlobStore,
    object: &str,
    key: &ObjectKey,
    repository: RepositoryId,
    pack_id: (PackClass, PackName),
    header: &[u8; pack::HEADER_LEN_BYTES],
    trailer: &Trailer,
) -> Result<Directory, StoreError> {
    let mut plain = vec![0; trailer.directory_len as usize];
    blobs.read_at(object, trailer.directory_offset, &mut plain).map_err(must_exist)?;
    let mut tag = [0; pack::TAG_LEN_BYTES];
    tag.copy_from_slice(&plain.split_off(plain.len() - pack::TAG_LEN_BYTES));
    let associated = pack::directory_associated(repository, pack_id, trailer.frames, header);
    let offset = trailer.directory_offset;
    key.open(pack::DIRECTORY_COUNTER, &associated, &mut plain, &tag)
        .map_err(|_| StoreError::damaged(object, offset, "an authentic directory", "altered bytes"))?;
    pack::decode_directory(&plain, trailer).map_err(|e| e.of(object))
}
