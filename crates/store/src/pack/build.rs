//! Fills and seals packs.

use crate::error::StoreError;
use crate::format::index::PackRecord;
use crate::format::names::{PackClass, PackName};
use crate::format::pack::{self, ChunkInfo, Directory, FrameInfo, Header};
use datakeep_model::{ChunkKind, ObjectDigest, RepositoryId};
use datakeep_process::{Codec, DigestWriter, ObjectKey, RoleKey, Suite, digest};

/// A frame that is compressed and not yet encrypted.
pub struct PlainFrame {
    /// What its chunks are.
    pub kind: ChunkKind,
    /// How `body` is compressed.
    pub codec: Codec,
    /// Plaintext length.
    pub raw_len_bytes: u32,
    /// The compressed bytes.
    pub body: Vec<u8>,
    /// Digest of `body`, taken when it was proven to decompress to the plaintext. What is sealed is opened again and
    /// compared with it, which closes the chain from plaintext to stored bytes.
    pub body_digest: ObjectDigest,
    /// Its chunks, in order; together they are the plaintext.
    pub chunks: Vec<ChunkInfo>,
}

/// What sealing a pack needs to know.
pub(crate) struct PackContext<'a> {
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
    body: Vec<u8>,
    digests: Vec<ObjectDigest>,
}

/// A pack ready to be written.
pub struct SealedPack {
    /// Its description, as index and reach carry it.
    pub record: PackRecord,
    /// Its chunks, in order.
    pub chunks: Vec<ChunkInfo>,
    header: [u8; pack::HEADER_LEN_BYTES],
    body: Vec<u8>,
    directory: Vec<u8>,
    trailer: Vec<u8>,
}

impl SealedPack {
    /// The stored bytes, in order.
    pub fn parts(&self) -> [&[u8]; 4] {
        [&self.header, &self.body, &self.directory, &self.trailer]
    }
}

impl PackBuilder {
    pub(crate) fn new(name: PackName, class: PackClass) -> Self {
        Self { name, class, directory: Directory::default(), body: Vec::new(), digests: Vec::new() }
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
        self.body.len()
    }

    /// Number the next frame will get.
    pub fn next_frame(&self) -> u32 {
        self.directory.frames.len() as u32
    }

    /// True when nothing more should be pushed, whatever the target length.
    pub fn is_at_limit(&self) -> bool {
        self.directory.frames.len() as u64 >= pack::MAX_FRAMES
            || self.body.len() as u64 + u64::from(pack::MAX_FRAME_RAW_BYTES) * 2 > pack::MAX_PACK_LEN_BYTES
            || self.directory.chunks.len() as u64 * 40 > pack::MAX_DIRECTORY_LEN_BYTES / 2
    }

    /// Adds a frame and returns its number.
    pub fn push(&mut self, frame: &PlainFrame) -> u32 {
        let number = self.next_frame();
        self.directory.frames.push(FrameInfo {
            offset: (pack::HEADER_LEN_BYTES + self.body.len()) as u64,
            stored_len: frame.body.len() as u32,
            codec: frame.codec,
            kind: frame.kind,
            raw_len: frame.raw_len_bytes,
            first_chunk: self.directory.chunks.len() as u32,
            chunks: frame.chunks.len() as u32,
        });
        self.directory.chunks.extend_from_slice(&frame.chunks);
        self.body.extend_from_slice(&frame.body);
        self.body.extend_from_slice(&[0; pack::TAG_LEN_BYTES]);
        self.digests.push(frame.body_digest);
        number
    }

    /// Draws the salt, encrypts every frame, opens each again and compares it with what was pushed.
    pub(crate) fn seal(mut self, context: &PackContext<'_>, chance: [u8; 32]) -> Result<SealedPack, StoreError> {
        let frames = self.next_frame();
        let mut directory = pack::encode_directory(&self.directory);
        let salt = self.salt(chance, &directory);
        let key_context = key_context(context.repository, self.class);
        let (key, commitment) = ObjectKey::derive(context.suite, context.role_key, &key_context, &salt);
        let header = pack::encode_header(&Header {
            suite: context.suite,
            class: self.class,
            key_epoch: context.key_epoch,
            salt,
            commitment,
        });
        self.seal_frames(&key, context.repository)?;
        let associated = pack::directory_associated(context.repository, (self.class, self.name), frames, &header);
        let tag = key.seal(pack::DIRECTORY_COUNTER, &associated, &mut directory)?;
        directory.extend_from_slice(&tag);
        let directory_offset = (header.len() + self.body.len()) as u64;
        let mut trailer = pack::encode_trailer_start(directory_offset, directory.len() as u64, frames).to_vec();
        let mut hash = DigestWriter::new();
        [&header[..], &self.body, &directory, &trailer].iter().for_each(|part| hash.update(part));
        let digest = hash.finish();
        trailer.extend_from_slice(&digest.0);
        trailer.extend_from_slice(pack::TRAILER_MAGIC);
        let len_bytes = directory_offset + (directory.len() + trailer.len()) as u64;
        let record = PackRecord { name: self.name, class: self.class, len_bytes, digest, frames };
        Ok(SealedPack { record, chunks: self.directory.chunks, header, body: self.body, directory, trailer })
    }

    /// A salt that differs for different contents even when the chance bytes repeat (a cloned machine).
    fn salt(&self, chance: [u8; 32], directory: &[u8]) -> [u8; 32] {
        let name = [&self.name.session.0[..], &self.name.seq.to_le_bytes()].concat();
        let bodies: Vec<u8> = self.digests.iter().flat_map(|digest| digest.0).collect();
        digest(&[&chance[..], &name, directory, &bodies].concat()).0
    }

    fn seal_frames(&mut self, key: &ObjectKey, repository: RepositoryId) -> Result<(), StoreError> {
        let mut rest = self.body.as_mut_slice();
        let mut proof = Vec::new();
        for (number, (frame, expected)) in self.directory.frames.iter().zip(&self.digests).enumerate() {
            let (this, after) = rest.split_at_mut(frame.stored_len as usize + pack::TAG_LEN_BYTES);
            rest = after;
            let (body, tag_place) = this.split_at_mut(frame.stored_len as usize);
            let what = (frame.kind, frame.codec, frame.raw_len);
            let associated = pack::frame_associated(repository, (self.class, self.name), number as u32, what);
            let tag = key.seal(number as u64, &associated, body)?;
            tag_place.copy_from_slice(&tag);
            proof.clear();
            proof.extend_from_slice(body);
            key.open(number as u64, &associated, &mut proof, &tag)?;
            if digest(&proof) != *expected {
                let object = self.name.object(self.class);
                return Err(StoreError::damaged(
                    object,
                    frame.offset,
                    "the frame as it was compressed",
                    "other bytes: check this machine's memory",
                ));
            }
        }
        Ok(())
    }
}
