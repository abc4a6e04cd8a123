//! A patch as bytes.
//!
//! | bytes |
//! |---|
//! | `u8` 1: this form; varint rows of old; varint columns; a bit a column, lowest first, 1 where the patch is without it |
//! | positions of deleted rows; positions of inserted rows |
//! | varint updates; of each the column less that of the one before less one; of each a varint: 0 positions follow, else those of the update so many before it |
//! | positions of the updates that have own ones |
//! | values of each update |
//! | when rows are inserted: of each column that the patch has, its values |
//!
//! **Positions**: varint count, then varints: the first, then the differences less one. **Values**: `values.rs`. Patches are
//! compressed together with their neighbours: nothing is compressed here.

use super::{MAX_COLUMNS, MAX_PATCH_LEN_BYTES, Patch, PatchError, Sizes, Update, values};
use crate::chunk::MAX_ROWS;
use crate::codec::{CodecError, Reader, put_varint, varint_len_bytes};
use arrow_array::new_empty_array;
use arrow_schema::DataType;
use datakeep_connector::rows::Column;

const FORM: u8 = 1;
/// Updates looked back at for the same positions.
const LOOK_BACK: usize = 16;

/// The bytes of a patch.
pub fn encode(patch: &Patch) -> Vec<u8> {
    let mut to = head(patch);
    put_updates(patch, &mut to);
    if !patch.inserted_at().is_empty() {
        patch.inserted.iter().flatten().for_each(|column| values::put(column, &mut to));
    }
    to
}

/// How long the bytes of a patch are once they are compressed, about.
pub fn stored_len(bytes: &[u8]) -> usize {
    zstd::bulk::compress(bytes, 1).map_or(bytes.len(), |compressed| compressed.len())
}

/// What columns share: all before the updates.
fn head(patch: &Patch) -> Vec<u8> {
    let mut to = vec![FORM];
    put_varint(patch.old_rows() as u64, &mut to);
    put_varint(patch.columns() as u64, &mut to);
    let mut absent = vec![0u8; patch.columns().div_ceil(8)];
    for (at, _) in patch.inserted.iter().enumerate().filter(|(_, column)| column.is_none()) {
        absent[at / 8] |= 1 << (at % 8);
    }
    to.extend(absent);
    put_positions(patch.deleted(), &mut to);
    put_positions(patch.inserted_at(), &mut to);
    put_varint(patch.updated().len() as u64, &mut to);
    to
}

fn put_updates(patch: &Patch, to: &mut Vec<u8>) {
    let (updates, mut next) = (patch.updated(), 0);
    for update in updates {
        put_varint(u64::from(update.column) - next, to);
        next = u64::from(update.column) + 1;
    }
    for at in 0..updates.len() {
        put_varint(shared(updates, at) as u64, to);
    }
    for (_, update) in updates.iter().enumerate().filter(|(at, _)| shared(updates, *at) == 0) {
        put_positions(&update.positions, to);
    }
    updates.iter().for_each(|update| values::put(&update.values, to));
}

/// How many updates before this one the same positions stand; 0 when they stand nowhere near.
fn shared(updates: &[Update], at: usize) -> usize {
    let same = |back: &usize| updates[at - back].positions == updates[at].positions;
    (1..=at.min(LOOK_BACK)).find(same).unwrap_or(0)
}

fn put_positions(positions: &[u32], to: &mut Vec<u8>) {
    put_varint(positions.len() as u64, to);
    let mut next = 0;
    for position in positions {
        put_varint(u64::from(*position) - next, to);
        next = u64::from(*position) + 1;
    }
}

/// See [`Patch::sizes`].
pub(super) fn sizes(patch: &Patch) -> Sizes {
    let mut columns_len_bytes = vec![0; patch.columns()];
    let mut scratch = Vec::new();
    let mut len_of = |put: &dyn Fn(&mut Vec<u8>)| {
        scratch.clear();
        put(&mut scratch);
        scratch.len()
    };
    for (at, update) in patch.updated().iter().enumerate() {
        let own = len_of(&|to| {
            if shared(patch.updated(), at) == 0 {
                put_positions(&update.positions, to);
            }
            values::put(&update.values, to);
        });
        columns_len_bytes[update.column as usize] += own + 2 * varint_len_bytes(0);
    }
    let inserted = patch.inserted.iter().zip(&mut columns_len_bytes);
    for (column, len) in inserted.filter(|_| !patch.inserted_at().is_empty()) {
        *len += column.as_ref().map_or(0, |column| len_of(&|to| values::put(column, to)));
    }
    Sizes { shared_len_bytes: head(patch).len(), columns_len_bytes }
}

/// Reads what [`encode`] wrote for a table of columns of these types, and nothing else: an error, or a patch that keeps all
/// promises of [`Patch`]. What it decodes to may still not be what was meant; that is for the hashes of columns to say.
///
/// Memory: a small multiple of the bytes given, and up to [`MAX_PATCH_LEN_BYTES`] of values, which are shorter where they
/// repeat or are null.
pub fn decode(bytes: &[u8], types: &[DataType]) -> Result<Patch, PatchError> {
    let mut reader = Reader::new(bytes);
    let mut room = MAX_PATCH_LEN_BYTES;
    if reader.byte("form")? != FORM {
        return Err(reader.refuse("form", "no patch has this number").into());
    }
    let old_rows = reader.at_most(MAX_ROWS as u64, "rows of old")? as u32;
    let present = columns(&mut reader, types)?;
    let deleted = positions(&mut reader, old_rows as usize, "deleted rows")?;
    let inserted_at = positions(&mut reader, MAX_ROWS, "inserted rows")?;
    let updated = updates(&mut reader, old_rows as usize, types, &mut room)?;
    let mut inserted = Vec::with_capacity(types.len());
    for (data_type, present) in types.iter().zip(present) {
        inserted.push(match (present, inserted_at.is_empty()) {
            (false, _) => None,
            (true, true) => Some(Column::new(new_empty_array(data_type), Vec::new())?),
            (true, false) => Some(values::read(&mut reader, data_type, inserted_at.len(), &mut room)?),
        });
    }
    reader.finish()?;
    Patch { old_rows, deleted, updated, inserted_at, inserted }.checked()
}

/// Which columns the patch has.
fn columns(reader: &mut Reader<'_>, types: &[DataType]) -> Result<Vec<bool>, CodecError> {
    let count = reader.at_most(MAX_COLUMNS as u64, "columns")? as usize;
    if count != types.len() {
        return Err(reader.refuse("columns", "the table has another number of them"));
    }
    let bits = reader.bytes(count.div_ceil(8), "absent columns")?;
    if !count.is_multiple_of(8) && bits.last().is_some_and(|last| last >> (count % 8) != 0) {
        return Err(reader.refuse("absent columns", "more than columns"));
    }
    Ok((0..count).map(|at| bits[at / 8] >> (at % 8) & 1 == 0).collect())
}

fn positions(reader: &mut Reader<'_>, rows: usize, field: &'static str) -> Result<Vec<u32>, CodecError> {
    let count = reader.count(rows, 1, field)?;
    let (mut made, mut next) = (Vec::with_capacity(count), 0u64);
    for _ in 0..count {
        let position = next + reader.at_most(rows as u64, field)?;
        if position >= rows as u64 {
            return Err(reader.refuse(field, "beyond the rows"));
        }
        made.push(position as u32);
        next = position + 1;
    }
    Ok(made)
}

fn updates(
    reader: &mut Reader<'_>,
    old_rows: usize,
    types: &[DataType],
    room: &mut u64,
) -> Result<Vec<Update>, CodecError> {
    let count = reader.count(types.len(), 2, "updates")?;
    let (mut columns, mut next) = (Vec::with_capacity(count), 0);
    for _ in 0..count {
        let column = next + reader.at_most(types.len() as u64, "updated columns")? as usize;
        columns.push(types.get(column).map(|data_type| (column, data_type)));
        next = column + 1;
    }
    let mut back = Vec::with_capacity(count);
    for at in 0..count {
        back.push(reader.at_most(at.min(LOOK_BACK) as u64, "shared positions")? as usize);
    }
    let own: Vec<Option<Vec<u32>>> = back
        .iter()
        .map(|back| (*back == 0).then(|| positions(reader, old_rows, "updated rows")).transpose())
        .collect::<Result<_, _>>()?;
    let mut made: Vec<Update> = Vec::with_capacity(count);
    for (at, (column, own)) in columns.into_iter().zip(own).enumerate() {
        let Some((column, data_type)) = column else { return Err(reader.refuse("updated columns", "not so many")) };
        let rows = own.as_ref().map_or_else(|| made[at - back[at]].positions.len(), Vec::len);
        let values = values::read(reader, data_type, rows, room)?;
        // Only now are shared positions copied: a column has paid for its rows with a bit each at least.
        let positions = own.unwrap_or_else(|| made[at - back[at]].positions.clone());
        made.push(Update { column: column as u32, positions, values });
    }
    Ok(made)
}
