//! What a snapshot says of its tables and their row groups, as bytes beside them in the tree (`docs/format.md`, section 17).
//!
//! A group's content is one run of bytes: of each column its chunk and its exceptions, in order of columns, then the patches,
//! then the values that stand aside. The description says how long each is; where it is stored is for the tree to know.

mod catalog;
mod group;
mod key;
mod statistics;
mod table;

pub use catalog::DatabaseDescription;
pub use group::{GroupColumn, GroupDescription, LargeValue, PatchDescription};
pub use key::{DATABASE_KEY, EntryKey, group_key, group_range, parse_key, table_key};
pub use statistics::{ColumnStatistics, decode_statistics, encode_statistics};
pub use table::{Changes, TableDescription};

use crate::codec::{CodecError, Reader, put_varint};
use datakeep_connector::Note;
use std::ops::RangeInclusive;

/// Columns of a table, at most.
pub const MAX_COLUMNS: usize = 1 << 16;
/// Bytes of one text or note, at most.
const MAX_TEXT_LEN_BYTES: usize = 64 << 20;

fn put_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, to);
    to.extend_from_slice(bytes);
}

fn read_bytes<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], CodecError> {
    let len = reader.count(MAX_TEXT_LEN_BYTES, 1, field)?;
    reader.bytes(len, field)
}

fn read_text(reader: &mut Reader<'_>, field: &'static str) -> Result<String, CodecError> {
    let bytes = read_bytes(reader, field)?;
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| reader.refuse(field, "no UTF-8"))
}

fn put_notes(notes: &[Note], to: &mut Vec<u8>) {
    put_varint(notes.len() as u64, to);
    for note in notes {
        put_bytes(note.name.as_bytes(), to);
        put_bytes(&note.value, to);
    }
}

fn read_notes(reader: &mut Reader<'_>) -> Result<Vec<Note>, CodecError> {
    let count = reader.count(1 << 16, 2, "notes")?;
    let note = |reader: &mut Reader<'_>| {
        Ok(Note { name: read_text(reader, "note")?, value: read_bytes(reader, "note")?.to_vec() })
    };
    (0..count).map(|_| note(reader)).collect()
}

fn read_u128(reader: &mut Reader<'_>, field: &'static str) -> Result<u128, CodecError> {
    let bytes = reader.bytes(16, field)?;
    bytes.try_into().map(u128::from_le_bytes).map_err(|_| reader.refuse(field, "the bytes end"))
}

fn read_hash(reader: &mut Reader<'_>, field: &'static str) -> Result<[u8; 32], CodecError> {
    reader.bytes(32, field)?.try_into().map_err(|_| reader.refuse(field, "the bytes end"))
}

fn read_version(reader: &mut Reader<'_>, known: RangeInclusive<u8>) -> Result<u8, CodecError> {
    match reader.byte("version")? {
        version if known.contains(&version) => Ok(version),
        _ => Err(reader.refuse("version", "this program does not know it")),
    }
}
