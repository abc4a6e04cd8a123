//! The pages of a chunk, found and judged before anything is decompressed.
//!
//! A page is a `PageHeader` in Thrift's compact protocol, then its data (Apache Parquet format, `parquet.thrift` and
//! README, "Data Pages"; Thrift compact protocol specification). Of all that a header may say we write little, and read no
//! more: fields 1 to 3, and 5 for data pages of version 1 or 7 for the dictionary, without checksums or statistics. Every other
//! field is refused, so a header has no room to hide in, and a chunk of another writer is no chunk of ours.

use super::form::{same, within};
use super::{ChunkError, ChunkForm, Layout};
use std::ops::Range;

/// A page, by what its header says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PageAt {
    /// Holds the distinct values.
    pub(super) is_dictionary: bool,
    /// Rows, or distinct values.
    pub(super) values: u32,
    /// Number of the encoding, as in `parquet.thrift`.
    pub(super) encoding: u8,
    /// Where its compressed data lies.
    pub(super) data: Range<usize>,
    /// Length of its data before compression.
    pub(super) raw_len_bytes: usize,
}

pub(super) const PLAIN: u8 = 0;
const RLE: u8 = 3;
pub(super) const DELTA: u8 = 5;
pub(super) const DELTA_LENGTH: u8 = 6;
pub(super) const DELTA_TEXT: u8 = 7;
pub(super) const NUMBERS_OF_DICTIONARY: u8 = 8;
pub(super) const STREAMS: u8 = 9;

/// The pages of a chunk. All bytes belong to one of them; they make up the form's length before compression, its rows, and its
/// dictionary; each has an encoding of its layout. An error otherwise.
pub(super) fn walk(bytes: &[u8], form: &ChunkForm) -> Result<Vec<PageAt>, ChunkError> {
    let (mut pages, mut at, mut raw_len_bytes, mut rows) = (Vec::new(), 0, 0u64, 0u64);
    while at < bytes.len() {
        let page = page_at(bytes, at)?;
        raw_len_bytes += (page.data.start - at + page.raw_len_bytes) as u64;
        within("bytes before compression", raw_len_bytes, form.raw_len_bytes)?;
        within("values of a page", u64::from(page.values), u64::from(form.rows))?;
        if page.is_dictionary {
            let is_meant = at == 0 && form.has_dictionary() && form.layout == Layout::Dictionary;
            same("dictionary pages here", u64::from(is_meant), 1)?;
            same("the offset of data", u64::from(form.data_offset_byte), page.data.end as u64)?;
        } else {
            rows += u64::from(page.values);
        }
        if !fits(form, &page) {
            return Err(ChunkError::Page { at_byte: at, why: "an encoding that is not the layout's" });
        }
        at = page.data.end;
        pages.push(page);
    }
    let has_dictionary = pages.first().is_some_and(|page| page.is_dictionary);
    same("dictionary pages", u64::from(form.has_dictionary()), u64::from(has_dictionary))?;
    same("bytes before compression", form.raw_len_bytes, raw_len_bytes)?;
    same("rows in pages", u64::from(form.rows), rows)?;
    Ok(pages)
}

fn fits(form: &ChunkForm, page: &PageAt) -> bool {
    match form.layout {
        Layout::Plain => page.encoding == PLAIN,
        // Values that came after the dictionary was full are plain.
        Layout::Dictionary => {
            page.encoding == PLAIN
                || !page.is_dictionary && page.encoding == NUMBERS_OF_DICTIONARY && form.has_dictionary()
        }
        Layout::Delta => page.encoding == DELTA,
        Layout::DeltaLength => page.encoding == DELTA_LENGTH,
        Layout::DeltaText => page.encoding == DELTA_TEXT,
        Layout::Streams => page.encoding == STREAMS,
    }
}

/// The page whose header begins here; its data lies within the bytes.
fn page_at(bytes: &[u8], at: usize) -> Result<PageAt, ChunkError> {
    let mut header = Header { bytes, at };
    let page = header.page().map_err(|why| ChunkError::Page { at_byte: at, why })?;
    Ok(page)
}

const BOOL_TRUE: u8 = 1;
const BOOL_FALSE: u8 = 2;
const I32: u8 = 5;
const STRUCT: u8 = 12;

/// Reads a header, field by field.
struct Header<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Header<'_> {
    fn page(&mut self) -> Result<PageAt, &'static str> {
        let kind = self.number(1)?;
        let raw_len_bytes = self.size(1)?;
        let len_bytes = self.size(1)?;
        let is_dictionary = match kind {
            0 => false,
            2 => true,
            _ => return Err("neither a data page of version 1 nor a dictionary"),
        };
        // Field 5 describes data, field 7 a dictionary.
        self.expect(if is_dictionary { 4 << 4 } else { 2 << 4 } | STRUCT)?;
        let values = self.size(1)? as u32;
        let encoding = self.encoding()?;
        if is_dictionary {
            self.sorted()?;
        } else {
            let levels = [self.encoding()?, self.encoding()?];
            if levels != [RLE; 2] {
                return Err("levels that are not RLE");
            }
            self.expect(0)?;
        }
        self.expect(0)?;
        let data = self.at..self.at.checked_add(len_bytes).ok_or(ENDS)?;
        if data.end > self.bytes.len() {
            return Err(ENDS);
        }
        Ok(PageAt { is_dictionary, values, encoding, data, raw_len_bytes })
    }

    /// Whether a dictionary is sorted may be said; then its struct ends.
    fn sorted(&mut self) -> Result<(), &'static str> {
        match self.byte()? {
            0 => Ok(()),
            field if [1 << 4 | BOOL_TRUE, 1 << 4 | BOOL_FALSE].contains(&field) => self.expect(0),
            _ => Err(UNKNOWN),
        }
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        let byte = *self.bytes.get(self.at).ok_or(ENDS)?;
        self.at += 1;
        Ok(byte)
    }

    fn expect(&mut self, expected: u8) -> Result<(), &'static str> {
        if self.byte()? == expected { Ok(()) } else { Err(UNKNOWN) }
    }

    /// An `i32` field whose number is so much greater than that of the one before.
    fn number(&mut self, step: u8) -> Result<i64, &'static str> {
        self.expect(step << 4 | I32)?;
        let mut zigzag = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            zigzag |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(crate::codec::unzigzag(zigzag));
            }
        }
        Err("a number of more than 32 bits")
    }

    fn size(&mut self, step: u8) -> Result<usize, &'static str> {
        let size = self.number(step)?;
        i32::try_from(size).ok().and_then(|size| usize::try_from(size).ok()).ok_or("a size that is none")
    }

    fn encoding(&mut self) -> Result<u8, &'static str> {
        u8::try_from(self.number(1)?).map_err(|_| "an encoding that is none")
    }
}

const ENDS: &str = "the bytes end";
const UNKNOWN: &str = "a field that is not expected";
