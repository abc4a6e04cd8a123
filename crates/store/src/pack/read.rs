//! Opens packs and frames, and proves what it returns.

use super::build::{PlainFrame, key_context};
use super::tail::Tail;
use crate::error::{StoreError, must_exist};
use crate::format::index::PackRecord;
use crate::format::names::{PackClass, PackName};
use crate::format::pack::{self, ChunkInfo, Directory, FrameInfo, Trailer};
use datakeep_model::{ChunkId, ChunkKind, RepositoryId};
use datakeep_process::{Decompressor, IdHasher, ObjectKey, RoleKey, Suite, commitment_matches};
use datakeep_store_blob::BlobStore;
use std::collections::HashMap;
use std::sync::OnceLock;

type HeaderBytes = [u8; pack::HEADER_LEN_BYTES];

/// A pack whose directory has been read and authenticated.
pub struct OpenPack {
    /// What index and reach say of it (or what it says of itself, when nobody said anything).
    pub record: PackRecord,
    object: String,
    key: ObjectKey,
    directory: Directory,
    /// Frames at the pack's end that were read along with it.
    tail: Option<Tail>,
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
    /// Chunks that are not whole where they should be are looked for in other packs.
    pub(crate) is_searching: bool,
}

impl FrameDecoder {
    /// A decoder.
    pub fn new() -> Result<Self, StoreError> {
        Ok(Self { decompressor: Decompressor::new()?, stored: Vec::new(), is_searching: false })
    }

    /// A decoder for reading out: [`Repository::read_chunk`](crate::Repository::read_chunk) goes on to every other pack
    /// that is said to hold a chunk which is not whole where it should be. Not for whoever writes references down: what is
    /// found elsewhere is not kept by the snapshot that lacks it.
    pub fn searching() -> Result<Self, StoreError> {
        Ok(Self { is_searching: true, ..Self::new()? })
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
        let tail = Tail::read(blobs, &object)?;
        let len_bytes = tail.len_bytes;
        if let Some(expected) = expected
            && expected.len_bytes != len_bytes
        {
            let (at, wanted) = (len_bytes.min(expected.len_bytes), format!("{} bytes", expected.len_bytes));
            return Err(StoreError::damaged(&object, at, wanted, format!("{len_bytes} bytes")));
        }
        let trailer = tail.trailer(&object)?;
        if let Some(expected) = expected
            && (expected.digest != trailer.digest || expected.frames != trailer.frames)
        {
            let offset = len_bytes - pack::TRAILER_LEN_BYTES as u64;
            return Err(StoreError::damaged(&object, offset, "the digest that was recorded", "another"));
        }
        let opening =
            Opening { blobs, repository, suite, role_key, class, name, object: &object, tail: &tail, trailer };
        let (key, directory) = opening.open()?;
        let record = PackRecord { name, class, len_bytes, digest: trailer.digest, frames: trailer.frames };
        // Frames of file content are long: the few that are here would not be worth their memory.
        let tail = (class == PackClass::Meta).then(|| tail.before(trailer.directory_offset));
        Ok(Self { record, object, key, directory, tail, by_id: OnceLock::new() })
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
            + self.tail.as_ref().map_or(0, Tail::memory_bytes)
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
        let len = frame.stored_len as usize + pack::TAG_LEN_BYTES;
        let here = self.tail.as_ref().and_then(|tail| tail.part(frame.offset, len as u64));
        // A bit that turned on the way into the tail is no damage of the pack: what is not whole there is read anew.
        let is_open = here.is_some_and(|here| {
            decoder.stored.clear();
            decoder.stored.extend_from_slice(here);
            self.open_frame(repository, number, frame, &mut decoder.stored)
        });
        if !is_open {
            decoder.stored.resize(len, 0);
            blobs.read_at(&self.object, frame.offset, &mut decoder.stored).map_err(must_exist)?;
            if !self.open_frame(repository, number, frame, &mut decoder.stored) {
                return Err(damaged(frame.offset, "an authentic frame", "altered bytes".into()));
            }
        }
        let body = &decoder.stored[..frame.stored_len as usize];
        let mut plain = Vec::new();
        decoder
            .decompressor
            .decompress(frame.codec, body, frame.raw_len as usize, &mut plain)
            .map_err(|e| damaged(frame.offset, "a frame that decompresses", e.to_string()))?;
        Ok(self.make_frame(frame, plain))
    }

    /// Decrypts a frame in place; false when it is not authentic.
    fn open_frame(&self, repository: RepositoryId, number: u32, frame: &FrameInfo, stored: &mut [u8]) -> bool {
        let (body, tag_bytes) = stored.split_at_mut(frame.stored_len as usize);
        let mut tag = [0; pack::TAG_LEN_BYTES];
        tag.copy_from_slice(tag_bytes);
        let what = (frame.kind, frame.codec, frame.raw_len);
        let associated = pack::frame_associated(repository, (self.record.class, self.record.name), number, what);
        self.key.open(u64::from(number), &associated, body, &tag).is_ok()
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

/// A pack whose end has been read and nothing of it proven.
struct Opening<'a> {
    blobs: &'a dyn BlobStore,
    repository: RepositoryId,
    suite: Suite,
    role_key: &'a RoleKey,
    class: PackClass,
    name: PackName,
    object: &'a str,
    tail: &'a Tail,
    trailer: Trailer,
}

impl Opening<'_> {
    /// Key and directory, by the copy of the header in the tail where there is one and it is whole, else by the header.
    fn open(&self) -> Result<(ObjectKey, Directory), StoreError> {
        let copy_len_bytes = self.trailer.copy_len_bytes();
        let copy_offset = self.tail.len_bytes - pack::TRAILER_LEN_BYTES as u64 - copy_len_bytes;
        let copy = self.tail.part(copy_offset, copy_len_bytes).and_then(|copy| <&HeaderBytes>::try_from(copy).ok());
        let Some(copy) = copy else { return self.open_with(&self.header()?) };
        self.open_with(copy).or_else(|error| match self.header() {
            Ok(header) if header != *copy => self.open_with(&header),
            _ => Err(error),
        })
    }

    fn header(&self) -> Result<HeaderBytes, StoreError> {
        let mut bytes = [0; pack::HEADER_LEN_BYTES];
        self.blobs.read_at(self.object, 0, &mut bytes).map_err(must_exist)?;
        Ok(bytes)
    }

    fn open_with(&self, header_bytes: &HeaderBytes) -> Result<(ObjectKey, Directory), StoreError> {
        let object = self.object;
        if let Some(version) = pack::foreign_version(header_bytes) {
            let detail = format!("pack version {version} is not known");
            return Err(StoreError::Incompatible { object: object.to_string(), detail });
        }
        let header = pack::decode_header(header_bytes).map_err(|e| e.of(object))?;
        if header.version != self.trailer.version {
            return Err(StoreError::damaged(object, 8, "the version that the trailer says", "another"));
        }
        if header.suite != self.suite || header.class != self.class {
            return Err(StoreError::damaged(object, 10, "this repository's suite and this folder's class", "others"));
        }
        let context = key_context(self.repository, self.class);
        let (key, commitment) = ObjectKey::derive(self.suite, self.role_key, &context, &header.salt);
        if !commitment_matches(&commitment, &header.commitment) {
            return Err(StoreError::damaged(object, 64, "the commitment of this repository's key", "another"));
        }
        let directory = self.directory(&key, header_bytes)?;
        Ok((key, directory))
    }

    fn directory(&self, key: &ObjectKey, header: &HeaderBytes) -> Result<Directory, StoreError> {
        let (object, trailer) = (self.object, &self.trailer);
        let offset = trailer.directory_offset;
        let mut plain = self.tail.fetch(self.blobs, object, offset, trailer.directory_len)?;
        let mut tag = [0; pack::TAG_LEN_BYTES];
        tag.copy_from_slice(&plain.split_off(plain.len() - pack::TAG_LEN_BYTES));
        let associated = pack::directory_associated(self.repository, (self.class, self.name), trailer.frames, header);
        key.open(pack::DIRECTORY_COUNTER, &associated, &mut plain, &tag)
            .map_err(|_| StoreError::damaged(object, offset, "an authentic directory", "altered bytes"))?;
        pack::decode_directory(&plain, trailer).map_err(|e| e.of(object))
    }
}
