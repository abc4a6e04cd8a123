//! What is said of a row group.

use super::{MAX_COLUMNS, read_hash, read_u128, read_version};
use crate::chunk::{ChunkForm, MAX_LEN_BYTES, MAX_ROWS};
use crate::codec::{CodecError, Reader, put_varint};
use crate::hash::{ColumnHash, GroupHash, LargeName, RowSum, TableHasher};

/// Every value stands in its column.
const VERSION: u8 = 1;
/// Some values stand aside.
const VERSION_WITH_LARGE: u8 = 2;
/// Patches of a group, at most.
pub const MAX_PATCHES: usize = 64;
/// Length of a large value, at most.
const MAX_LARGE_LEN_BYTES: u64 = i32::MAX as u64;

/// One column of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupColumn {
    /// The column's number in the table.
    pub number: u32,
    /// The identity of its values as they are with all patches.
    pub hash: ColumnHash,
    /// The chunk of its typed values; `None` where there was none when it was written.
    pub chunk: Option<(ChunkForm, u64)>,
    /// Length of its exceptions as they were then.
    pub exceptions_len_bytes: u64,
    /// Patches of the group that were there already when the chunk was written: it contains what they say.
    pub contains_patches: u32,
}

impl GroupColumn {
    /// Length of its chunk.
    pub fn chunk_len_bytes(&self) -> u64 {
        self.chunk.map_or(0, |(_, len_bytes)| len_bytes)
    }

    /// Length of all that is stored of it.
    pub fn len_bytes(&self) -> u64 {
        self.chunk_len_bytes().saturating_add(self.exceptions_len_bytes)
    }
}

/// One patch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PatchDescription {
    /// Its length.
    pub len_bytes: u64,
    /// Rows it changes, inserts or deletes.
    pub touched_rows: u32,
    /// Rows of the group once it is applied.
    pub rows_after: u32,
}

/// A value that stands aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LargeValue {
    /// Its name.
    pub name: LargeName,
    /// Its length.
    pub len_bytes: u64,
}

/// A row group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupDescription {
    /// Its rows, with all patches.
    pub rows: u32,
    /// Rows of the state that the first patch is for.
    pub base_rows: u32,
    /// The sum of its rows, with all patches.
    pub row_sum: RowSum,
    /// Its columns, in the order of the table's.
    pub columns: Vec<GroupColumn>,
    /// Its patches, the oldest first.
    pub patches: Vec<PatchDescription>,
    /// Values of its rows that stand aside, by rising name.
    pub large: Vec<LargeValue>,
}

impl GroupDescription {
    /// The identity of its rows.
    pub fn hash(&self, hasher: &TableHasher) -> GroupHash {
        let columns: Vec<_> = self.columns.iter().map(|column| (column.number, column.hash)).collect();
        hasher.group(self.rows as usize, &columns)
    }

    /// Where what is stored of a column begins in the group's content.
    pub fn column_start_byte(&self, column: usize) -> u64 {
        self.columns.iter().take(column).map(GroupColumn::len_bytes).fold(0, u64::saturating_add)
    }

    /// Rows once so many patches are applied.
    pub fn rows_with(&self, patches: usize) -> u32 {
        match patches.checked_sub(1) {
            None => self.base_rows,
            Some(last) => self.patches.get(last).map_or(self.rows, |patch| patch.rows_after),
        }
    }

    /// Where a patch begins in the group's content.
    pub fn patch_start_byte(&self, patch: usize) -> u64 {
        let before = self.patches.iter().take(patch).map(|patch| patch.len_bytes);
        before.fold(self.column_start_byte(self.columns.len()), u64::saturating_add)
    }

    /// Where a large value begins in the group's content, and its length; `None` where it is not listed.
    pub fn large_range(&self, name: &LargeName) -> Option<(u64, u64)> {
        let at = self.large.binary_search_by_key(name, |large| large.name).ok()?;
        Some((self.large_start_byte(at), self.large[at].len_bytes))
    }

    fn large_start_byte(&self, large: usize) -> u64 {
        let before = self.large.iter().take(large).map(|large| large.len_bytes);
        before.fold(self.patch_start_byte(self.patches.len()), u64::saturating_add)
    }

    /// Length of the group's content.
    pub fn len_bytes(&self) -> u64 {
        self.large_start_byte(self.large.len())
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = vec![if self.large.is_empty() { VERSION } else { VERSION_WITH_LARGE }];
        put_varint(u64::from(self.rows), &mut to);
        put_varint(u64::from(self.base_rows), &mut to);
        to.extend(self.row_sum.0.to_le_bytes());
        put_varint(self.patches.len() as u64, &mut to);
        for patch in &self.patches {
            put_varint(patch.len_bytes, &mut to);
            put_varint(u64::from(patch.touched_rows), &mut to);
            put_varint(u64::from(patch.rows_after), &mut to);
        }
        put_varint(self.columns.len() as u64, &mut to);
        for column in &self.columns {
            put_varint(u64::from(column.number), &mut to);
            to.extend(column.hash.0);
            put_varint(column.chunk_len_bytes(), &mut to);
            if let Some((form, _)) = &column.chunk {
                let mut bytes = Vec::new();
                form.encode(&mut bytes);
                put_varint(bytes.len() as u64, &mut to);
                to.extend(bytes);
            }
            put_varint(column.exceptions_len_bytes, &mut to);
            put_varint(u64::from(column.contains_patches), &mut to);
        }
        if !self.large.is_empty() {
            put_varint(self.large.len() as u64, &mut to);
        }
        for large in &self.large {
            to.extend(large.name.0);
            put_varint(large.len_bytes, &mut to);
        }
        to
    }

    /// Reads what [`GroupDescription::encode`] wrote, and nothing else: lengths beyond the limits are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let has_large = read_version(&mut reader, VERSION..=VERSION_WITH_LARGE)? == VERSION_WITH_LARGE;
        let rows = reader.at_most(MAX_ROWS as u64, "rows")? as u32;
        let base_rows = reader.at_most(MAX_ROWS as u64, "base rows")? as u32;
        let row_sum = RowSum(read_u128(&mut reader, "row sum")?);
        let count = reader.count(MAX_PATCHES, 3, "patches")?;
        let patch = |reader: &mut Reader<'_>| {
            let len_bytes = reader.at_most(MAX_LEN_BYTES, "length of a patch")?;
            let touched_rows = reader.at_most(2 * MAX_ROWS as u64, "rows of a patch")? as u32;
            let rows_after = reader.at_most(MAX_ROWS as u64, "rows after a patch")? as u32;
            Ok(PatchDescription { len_bytes, touched_rows, rows_after })
        };
        let patches = (0..count).map(|_| patch(&mut reader)).collect::<Result<Vec<_>, CodecError>>()?;
        if rows != patches.last().map_or(base_rows, |last| last.rows_after) {
            return Err(reader.refuse("rows", "not those that the last patch leaves"));
        }
        let count = reader.count(MAX_COLUMNS, 36, "columns")?;
        let columns = (0..count).map(|_| read_column(&mut reader, patches.len())).collect::<Result<_, _>>()?;
        let large = if has_large { read_large(&mut reader)? } else { Vec::new() };
        reader.finish()?;
        Ok(Self { rows, base_rows, row_sum, columns, patches, large })
    }
}

/// At least one, by rising name.
fn read_large(reader: &mut Reader<'_>) -> Result<Vec<LargeValue>, CodecError> {
    const FIELD: &str = "large values";
    let count = reader.count(MAX_ROWS, 33, FIELD)?;
    if count == 0 {
        return Err(reader.refuse(FIELD, "none are said in another way"));
    }
    let mut all: Vec<LargeValue> = Vec::with_capacity(count);
    for _ in 0..count {
        let name = LargeName(read_hash(reader, FIELD)?);
        if all.last().is_some_and(|last| last.name >= name) {
            return Err(reader.refuse(FIELD, "out of order"));
        }
        all.push(LargeValue { name, len_bytes: reader.at_most(MAX_LARGE_LEN_BYTES, FIELD)? });
    }
    Ok(all)
}

fn read_column(reader: &mut Reader<'_>, patches: usize) -> Result<GroupColumn, CodecError> {
    let number = reader.at_most(u64::from(u32::MAX), "number of a column")? as u32;
    let hash = ColumnHash(read_hash(reader, "hash of a column")?);
    let chunk = match reader.at_most(MAX_LEN_BYTES, "length of a chunk")? {
        0 => None,
        len_bytes => {
            let len = reader.count(64, 1, "form of a chunk")?;
            Some((ChunkForm::decode(reader.bytes(len, "form of a chunk")?)?, len_bytes))
        }
    };
    let exceptions_len_bytes = reader.at_most(MAX_LEN_BYTES, "length of exceptions")?;
    let contains_patches = reader.at_most(patches as u64, "patches of a column")? as u32;
    Ok(GroupColumn { number, hash, chunk, exceptions_len_bytes, contains_patches })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Layout;

    fn group() -> GroupDescription {
        let form = ChunkForm {
            layout: Layout::Delta,
            rows: 100,
            nulls: 3,
            data_offset_byte: 0,
            raw_len_bytes: 900,
            values_len_bytes: 776,
        };
        let column = |number, chunk, exceptions_len_bytes, contains_patches| GroupColumn {
            number,
            hash: ColumnHash([number as u8; 32]),
            chunk,
            exceptions_len_bytes,
            contains_patches,
        };
        GroupDescription {
            rows: 99,
            base_rows: 100,
            row_sum: RowSum(u128::MAX - 5),
            columns: vec![
                column(0, Some((form, 300)), 0, 0),
                column(7, None, 20, 2),
                column(3, Some((form, 50)), 5, 1),
            ],
            patches: vec![
                PatchDescription { len_bytes: 40, touched_rows: 4, rows_after: 98 },
                PatchDescription { len_bytes: 9, touched_rows: 1, rows_after: 99 },
            ],
            large: Vec::new(),
        }
    }

    fn large(name: u8, len_bytes: u64) -> LargeValue {
        LargeValue { name: LargeName([name; 32]), len_bytes }
    }

    #[test]
    fn what_is_said_comes_back() {
        let aside = GroupDescription { large: vec![large(3, 70_000), large(9, 1 << 30)], ..group() };
        for group in [group(), aside] {
            let bytes = group.encode();
            assert_eq!(GroupDescription::decode(&bytes), Ok(group));
            for cut in 0..bytes.len() {
                assert!(GroupDescription::decode(&bytes[..cut]).is_err());
            }
            assert!(GroupDescription::decode(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn large_values_are_said_in_one_way() {
        for large in [vec![large(3, 1), large(3, 1)], vec![large(4, 1), large(3, 1)], vec![large(3, 1 << 31)]] {
            let group = GroupDescription { large, ..group() };
            assert!(GroupDescription::decode(&group.encode()).is_err());
        }
        let none = [&[VERSION_WITH_LARGE][..], &group().encode()[1..], &[0]].concat();
        assert!(GroupDescription::decode(&none).is_err());
    }

    #[test]
    fn everything_has_its_place_in_the_content() {
        let group = group();
        assert_eq!([0, 1, 2, 3].map(|column| group.column_start_byte(column)), [0, 300, 320, 375]);
        assert_eq!([0, 1, 2].map(|patch| group.patch_start_byte(patch)), [375, 415, 424]);
        assert_eq!(group.len_bytes(), 424);
        let group = GroupDescription { large: vec![large(3, 1000), large(9, 50)], ..group };
        assert_eq!(group.large_range(&LargeName([9; 32])), Some((1424, 50)));
        assert_eq!(group.large_range(&LargeName([4; 32])), None);
        assert_eq!(group.len_bytes(), 1474);
    }
}
