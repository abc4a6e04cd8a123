//! List pages of long contents, and attribute chunks (`docs/format.md` section 7).

use super::codec::{DecodeError, Decoder, Encoder};
use super::node::{RefColumns, RefReader, decode_parts, decode_xattrs, encode_part_lengths, encode_xattrs};
use crate::tree::entry::Part;
use datakeep_model::Xattr;

const VERSION: u8 = 1;
/// Contents of more parts than this go into pages.
pub(crate) const MAX_INLINE_PARTS: usize = 512;
/// A page ends here at the latest.
pub(crate) const MAX_PAGE_PARTS: usize = 4096;
/// Attributes of more bytes than this go into a chunk.
pub(crate) const MAX_INLINE_ATTRIBUTES_LEN_BYTES: usize = 4096;

/// True when a page ends after this part: a rule of content, so that pages before and after a change stay the same.
pub(crate) fn ends_page(part: &Part) -> bool {
    match part {
        Part::Chunk(chunk) => u16::from_le_bytes([chunk.id.0[0], chunk.id.0[1]]) % 512 == 0,
        Part::Hole(_) => false,
    }
}

pub(crate) fn encode_page(depth: u8, parts: &[Part]) -> Vec<u8> {
    let mut out = Encoder::new();
    out.u8(VERSION);
    out.u8(depth);
    let (mut content, mut refs) = (Encoder::new(), RefColumns::default());
    encode_part_lengths(&mut content, parts);
    for part in parts {
        if let Part::Chunk(chunk) = part {
            refs.push(chunk);
        }
    }
    out.bytes(&content.bytes);
    refs.finish(&mut out);
    out.bytes
}

/// Depth and parts of a page.
pub(crate) fn decode_page(plain: &[u8]) -> Result<(u8, Vec<Part>), DecodeError> {
    let mut input = Decoder::new(plain);
    if input.u8()? != VERSION {
        return input.fail("list version 1");
    }
    let depth = input.u8()?;
    if depth > 1 {
        return input.fail("depth 0 or 1");
    }
    let mut content = Decoder::new(input.bytes()?);
    let mut refs = RefReader::new(&mut input)?;
    let parts = decode_parts(&mut content, &mut refs)?;
    content.end()?;
    refs.end()?;
    input.end()?;
    Ok((depth, parts))
}

pub(crate) fn encode_attributes(list: &[Xattr]) -> Vec<u8> {
    let mut out = Encoder::new();
    encode_xattrs(&mut out, list);
    out.bytes
}

pub(crate) fn decode_attributes(plain: &[u8]) -> Result<Vec<Xattr>, DecodeError> {
    let mut input = Decoder::new(plain);
    let list = decode_xattrs(&mut input)?;
    input.end()?;
    Ok(list)
}
