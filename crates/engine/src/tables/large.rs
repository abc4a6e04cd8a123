//! Values that stand aside: cut by the chunker as files are, and read by their names.

use super::stored::{StoredGroup, aligned, append_range};
use super::worker::as_known;
use crate::backup::RawPart;
use crate::backup::filler::{Filled, Filler, Shared};
use datakeep_connector::rows::Column;
use datakeep_process_table::aside::{Aside, AsideError, LargeValues, with_large};
use datakeep_process_table::{ColumnHash, GroupDescription, LargeName, LargeValue, TableHasher};
use datakeep_store::{FrameDecoder, Part, Repository, StoreError};
use std::collections::BTreeMap;

/// Bytes of values that are kept to be given again.
const KEPT_LEN_BYTES: usize = 32 << 20;

/// Stores the values that stand aside, or refers to them where the snapshot before has them.
pub(crate) fn put(
    aside: &Aside<'_>,
    was: &[StoredGroup],
    (shared, filler): (&Shared<'_>, &mut Filler<'_>),
    filled: &mut Filled,
) -> Result<(Vec<LargeValue>, Vec<RawPart>), StoreError> {
    let (mut large, mut parts) = (Vec::new(), Vec::new());
    for (name, value) in aside.values() {
        large.push(LargeValue { name, len_bytes: value.len() as u64 });
        if let Some(known) = was.iter().find_map(|group| parts_of(group, &name)) {
            parts.extend(known.iter().filter_map(as_known));
            continue;
        }
        let mut rest = value;
        while let Some(len) = shared.chunker.next_cut(rest, true).filter(|len| *len > 0) {
            let (chunk, after) = rest.split_at(len);
            parts.push(filler.chunk(chunk, filled)?);
            rest = after;
        }
    }
    Ok((large, parts))
}

fn parts_of(group: &StoredGroup, name: &LargeName) -> Option<Vec<Part>> {
    let (start, len_bytes) = group.description.large_range(name)?;
    aligned(&group.parts, start, len_bytes)
}

/// True where a value stands aside that is no longer than this.
pub(crate) fn has_shorter(group: &GroupDescription, most_inline_len_bytes: usize) -> bool {
    group.large.iter().any(|large| large.len_bytes <= most_inline_len_bytes as u64)
}

/// The identity of the rows' columns with long values aside: what columns that were stored and read again are held against.
pub(crate) fn stored_hashes(aside: &Aside<'_>, hashes: &[ColumnHash], hasher: &TableHasher) -> Vec<ColumnHash> {
    match aside.is_empty() {
        true => hashes.to_vec(),
        false => aside.rows().columns().iter().map(|column| hasher.column(column)).collect(),
    }
}

/// A stored column of a group, all patches applied, with its large values where they belong.
pub(crate) fn brought_back(
    repository: &Repository,
    group: &StoredGroup,
    column: Column,
    (hasher, decoder): (&TableHasher, &mut FrameDecoder),
) -> Result<Column, StoreError> {
    let mut read = Read { repository, group, hasher, decoder, kept: BTreeMap::new(), kept_len_bytes: 0 };
    with_large(column, &mut read).map_err(|error| error.0)
}

/// The large values of a stored group. A value that stands in many rows is read once, as long as there are not too many such.
struct Read<'a> {
    repository: &'a Repository,
    group: &'a StoredGroup,
    hasher: &'a TableHasher,
    decoder: &'a mut FrameDecoder,
    kept: BTreeMap<LargeName, Vec<u8>>,
    kept_len_bytes: usize,
}

struct ReadError(StoreError);

impl From<AsideError> for ReadError {
    fn from(error: AsideError) -> Self {
        Self(StoreError::damaged("a column of a row group", 0, "its large values", error.to_string()))
    }
}

impl LargeValues for Read<'_> {
    type Error = ReadError;

    fn len_bytes(&self, name: &LargeName) -> Option<u64> {
        self.group.description.large_range(name).map(|(_, len_bytes)| len_bytes)
    }

    fn append(&mut self, name: &LargeName, to: &mut Vec<u8>) -> Result<(), ReadError> {
        if let Some(known) = self.kept.get(name) {
            to.extend_from_slice(known);
            return Ok(());
        }
        let start = to.len();
        self.read(name, to)?;
        let value = &to[start..];
        if value.len() <= KEPT_LEN_BYTES {
            if self.kept_len_bytes + value.len() > KEPT_LEN_BYTES {
                (self.kept, self.kept_len_bytes) = (BTreeMap::new(), 0);
            }
            self.kept_len_bytes += value.len();
            self.kept.insert(*name, value.to_vec());
        }
        Ok(())
    }
}

impl Read<'_> {
    fn read(&mut self, name: &LargeName, to: &mut Vec<u8>) -> Result<(), ReadError> {
        let start = to.len();
        let range = self.group.description.large_range(name).ok_or(AsideError::Missing)?;
        append_range(self.repository, &self.group.parts, range, (self.decoder, to)).map_err(ReadError)?;
        let value = &to[start..];
        if value.len() as u64 != range.1 || self.hasher.large(value) != *name {
            let what = "a large value of a row group";
            return Err(ReadError(StoreError::damaged(what, 0, "the value that was captured", "another")));
        }
        Ok(())
    }
}
