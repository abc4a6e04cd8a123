//! The end of a pack, read in one piece: trailer, header, mostly the directory, and the frames before it.

use crate::error::{StoreError, must_exist};
use crate::format::codec::DecodeError;
use crate::format::pack::{self, Trailer};
use datakeep_store_blob::{BlobError, BlobStore};

/// Most bytes that are read and kept of one pack's end.
const MAX_TAIL_LEN_BYTES: u64 = 1 << 20;

/// The last bytes of an object.
pub(crate) struct Tail {
    /// Length of the whole object.
    pub len_bytes: u64,
    start_byte: u64,
    bytes: Vec<u8>,
}

impl Tail {
    /// Reads as much of a pack's end as is worth reading along with its trailer.
    pub fn read(blobs: &dyn BlobStore, object: &str) -> Result<Self, StoreError> {
        let wanted_bytes = blobs.read_along_bytes().clamp(4 << 10, MAX_TAIL_LEN_BYTES);
        let (len_bytes, bytes) = blobs.read_tail(object, wanted_bytes).map_err(must_exist)?;
        if bytes.len() as u64 != len_bytes.min(wanted_bytes) {
            let (name, found_bytes) = (object.to_string(), bytes.len() as u64);
            let wanted_bytes = len_bytes.min(wanted_bytes);
            return Err(must_exist(BlobError::Short { name, len_bytes: found_bytes, wanted_bytes }));
        }
        Ok(Self { len_bytes, start_byte: len_bytes - bytes.len() as u64, bytes })
    }

    /// Bytes of the object, as far as all of them are here.
    pub fn part(&self, offset_byte: u64, len_bytes: u64) -> Option<&[u8]> {
        let start = offset_byte.checked_sub(self.start_byte)? as usize;
        self.bytes.get(start..start.checked_add(len_bytes as usize)?)
    }

    /// Bytes of the object; what is not here is read.
    pub fn fetch(
        &self,
        blobs: &dyn BlobStore,
        object: &str,
        offset_byte: u64,
        len_bytes: u64,
    ) -> Result<Vec<u8>, StoreError> {
        let end_byte = offset_byte + len_bytes;
        let missing = self.start_byte.clamp(offset_byte, end_byte) - offset_byte;
        let mut bytes = vec![0; len_bytes as usize];
        let (front, rest) = bytes.split_at_mut(missing as usize);
        if !front.is_empty() {
            blobs.read_at(object, offset_byte, front).map_err(must_exist)?;
        }
        let here = self.part(offset_byte + missing, rest.len() as u64);
        rest.copy_from_slice(here.ok_or_else(|| StoreError::damaged(object, offset_byte, "a longer pack", "its end"))?);
        Ok(bytes)
    }

    /// The clear end.
    pub fn trailer(&self, object: &str) -> Result<Trailer, StoreError> {
        let offset = trailer_offset(object, self.len_bytes)?;
        let bytes = self.part(offset, pack::TRAILER_LEN_BYTES as u64).unwrap_or_default();
        decode_trailer(object, bytes, self.len_bytes)
    }

    /// What stands before `end_byte`, without the rest.
    pub fn before(mut self, end_byte: u64) -> Self {
        self.bytes.truncate(end_byte.saturating_sub(self.start_byte) as usize);
        self.bytes.shrink_to_fit();
        self
    }

    /// Memory this takes.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Reads the clear end of a pack.
pub(crate) fn read_trailer(blobs: &dyn BlobStore, object: &str, len_bytes: u64) -> Result<Trailer, StoreError> {
    let offset = trailer_offset(object, len_bytes)?;
    let mut bytes = [0; pack::TRAILER_LEN_BYTES];
    blobs.read_at(object, offset, &mut bytes).map_err(must_exist)?;
    decode_trailer(object, &bytes, len_bytes)
}

fn trailer_offset(object: &str, len_bytes: u64) -> Result<u64, StoreError> {
    let least = (pack::HEADER_LEN_BYTES + pack::TRAILER_LEN_BYTES + pack::TAG_LEN_BYTES) as u64;
    if !(least..=pack::MAX_PACK_LEN_BYTES).contains(&len_bytes) {
        return Err(StoreError::damaged(object, 0, "a pack of possible length", format!("{len_bytes} bytes")));
    }
    Ok(len_bytes - pack::TRAILER_LEN_BYTES as u64)
}

fn decode_trailer(object: &str, bytes: &[u8], len_bytes: u64) -> Result<Trailer, StoreError> {
    let offset = len_bytes - pack::TRAILER_LEN_BYTES as u64;
    pack::decode_trailer(bytes, len_bytes)
        .map_err(|e| DecodeError { offset_byte: offset + e.offset_byte, expected: e.expected }.of(object))
}
