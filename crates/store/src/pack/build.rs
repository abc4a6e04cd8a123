//! Fills and seals packs.

use crate::error::StoreError;
use crate::format::index::PackRecord;
use crate::format::names::{PackClass, PackName};
use crate::format::pack::{self, ChunkInfo, Directory, FrameInfo, Header};
use crate::format::version::FormatVersion;
use datakeep_model::{ChunkKind, RepositoryId};
use datakeep_process::{Codec, DigestWriter, ObjectKey, RoleKey, Suite, digest};

/// A frame that is compressed and not yet encrypted.
pub struct PlainFrame {
    /// What its chunks are.
    pub kind: ChunkKind,
    /// How `body` is compressed.
    pub codec: Codec,
    /// Plaintext length.
    pub raw_len_bytes: u32,
    /// The compressed bytes, proven to decompress to the plaintext.
    pub body: Vec<u8>,
    /// Its chunks, in order; together they are the plaintext.
    pub chunks: Vec<ChunkInfo>,
}

/// Chunks of a pack of file content: their directory has less than 448 KiB.
const TARGET_CHUNKS: usize = 12 << 10;

/// What sealing a pack needs to know.
pub(crate) struct PackContext<'a> {
    /// Of the repository: each has packs of its own version.
    pub version: FormatVersion,
    pub repository: RepositoryId,
    pub suite: Suite,
    pub key_epoch: u32,
    pub role_key: &'a RoleKey,
}

/// The key context of a class of packs.
pub(crate) fn key_context(repository: RepositoryId, class: PackClass) -> Vec<u8> {
    [b"pack\0", &repository.0[..], &[class as u8]].concat()
}

/// A pack being filled. Nothing is encrypted before it is full.
pub struct PackBuilder {
    name: PackName,
    class: PackClass,
    directory: Directory,
    /// The pack as it will be stored, up to its directory: room for the header, then each frame as it was compressed with room for
    /// its tag. It is encrypted in place, so that there is one pack in memory and not two.
    bytes: Vec<u8>,
}

/// A pack ready to be written.
pub struct SealedPack {
    /// Its description, as index and reach carry it.
    pub record: PackRecord,
    /// Its chunks, in order.
    pub chunks: Vec<ChunkInfo>,
    /// The stored bytes; empty once they have been handed to the store.
    pub bytes: Vec<u8>,
}

impl PackBuilder {
    pub(crate) fn new(name: PackName, class: PackClass) -> Self {
        Self { name, class, directory: Directory::default(), bytes: vec![0; pack::HEADER_LEN_BYTES] }
    }

    /// The pack's name.
    pub fn name(&self) -> PackName {
        self.name
    }

    /// What it holds.
    pub fn class(&self) -> PackClass {
        self.class
    }

    /// Bytes of frames so far.
    pub fn len_bytes(&self) -> usize {
        self.bytes.len() - pack::HEADER_LEN_BYTES
    }

    /// Number the next frame will get.
    pub fn next_frame(&self) -> u32 {
        self.directory.frames.len() as u32
    }

    /// True when nothing more should be pushed, whatever the target length.
    pub fn is_at_limit(&self) -> bool {
        self.directory.frames.len() as u64 >= pack::MAX_FRAMES
            || self.len_bytes() as u64 + u64::from(pack::MAX_FRAME_RAW_BYTES) * 2 > pack::MAX_PACK_LEN_BYTES
            || self.directory.chunks.len() as u64 * 40 > pack::MAX_DIRECTORY_LEN_BYTES / 2
    }

    /// True when the directory would grow beyond what a reader behind a network reads in one request.
    pub fn is_too_full_for(&self, frame: &PlainFrame) -> bool {
        !self.directory.chunks.is_empty() && self.directory.chunks.len() + frame.chunks.len() > TARGET_CHUNKS
    }

    /// Adds a frame and returns its number.
    pub fn push(&mut self, frame: PlainFrame) -> u32 {
        let number = self.next_frame();
        self.directory.frames.push(FrameInfo {
            offset: self.bytes.len() as u64,
            stored_len: frame.body.len() as u32,
            codec: frame.codec,
            kind: frame.kind,
            raw_len: frame.raw_len_bytes,
            first_chunk: self.directory.chunks.len() as u32,
            chunks: frame.chunks.len() as u32,
        });
        self.directory.chunks.extend_from_slice(&frame.chunks);
        self.bytes.extend_from_slice(&frame.body);
        self.bytes.extend_from_slice(&[0; pack::TAG_LEN_BYTES]);
        number
    }

    /// Draws the salt, encrypts every frame, opens each again and compares it with what was pushed.
    pub(crate) fn seal(mut self, context: &PackContext<'_>, chance: [u8; 32]) -> Result<SealedPack, StoreError> {
        let frames = self.next_frame();
        let mut directory = pack::encode_directory(&self.directory);
        let salt = self.salt(chance, &directory);
        let key_context = key_context(context.repository, self.class);
        let (key, commitment) = ObjectKey::derive(context.suite, context.role_key, &key_context, &salt);
        let version = context.version as u16;
        let header = pack::encode_header(&Header {
            version,
            suite: context.suite,
            class: self.class,
            key_epoch: context.key_epoch,
            salt,
            commitment,
        });
        let mut bytes = self.seal_frames(&key, context.repository)?;
        bytes[..header.len()].copy_from_slice(&header);
        let associated = pack::directory_associated(context.repository, (self.class, self.name), frames, &header);
        let tag = key.seal(pack::DIRECTORY_COUNTER, &associated, &mut directory)?;
        directory.extend_from_slice(&tag);
        let directory_offset = bytes.len() as u64;
        bytes.extend_from_slice(&directory);
        if version > 1 {
            bytes.extend_from_slice(&header);
        }
        let start = pack::encode_trailer_start(directory_offset, directory.len() as u64, frames, version);
        bytes.extend_from_slice(&start);
        let mut hash = DigestWriter::new();
        hash.update(&bytes);
        let digest = hash.finish();
        bytes.extend_from_slice(&digest.0);
        bytes.extend_from_slice(pack::TRAILER_MAGIC);
        let len_bytes = bytes.len() as u64;
        let record = PackRecord { name: self.name, class: self.class, len_bytes, digest, frames };
        Ok(SealedPack { record, chunks: self.directory.chunks, bytes })
    }

    /// A salt that differs for different contents even when the chance bytes repeat (a cloned machine): the directory
    /// names every chunk by its id.
    fn salt(&self, chance: [u8; 32], directory: &[u8]) -> [u8; 32] {
        let name = [&self.name.session.0[..], &self.name.seq.to_le_bytes()].concat();
        digest(&[&chance[..], &name, directory].concat()).0
    }

    /// Encrypts each frame where it stands; opens it again and compares it with what was encrypted. Gives the bytes.
    fn seal_frames(&mut self, key: &ObjectKey, repository: RepositoryId) -> Result<Vec<u8>, StoreError> {
        let mut bytes = std::mem::take(&mut self.bytes);
        let (mut plain, mut proof) = (Vec::new(), Vec::new());
        for (number, frame) in self.directory.frames.iter().enumerate() {
            let what = (frame.kind, frame.codec, frame.raw_len);
            let associated = pack::frame_associated(repository, (self.class, self.name), number as u32, what);
            let start = frame.offset as usize;
            let end = start + frame.stored_len as usize;
            plain.clear();
            plain.extend_from_slice(&bytes[start..end]);
            let tag = key.seal(number as u64, &associated, &mut bytes[start..end])?;
            proof.clear();
            proof.extend_from_slice(&bytes[start..end]);
            key.open(number as u64, &associated, &mut proof, &tag)?;
            if proof != plain {
                let (object, expected) = (self.name.object(self.class), "the frame as it was compressed");
                let found = "other bytes: check this machine's memory";
                return Err(StoreError::damaged(object, frame.offset, expected, found));
            }
            bytes[end..end + pack::TAG_LEN_BYTES].copy_from_slice(&tag);
        }
        Ok(bytes)
    }
}
