//! Says what changed in a group instead of storing it anew.

use super::stored::{Patches, StoredGroup, Types, aligned, read_column, read_patch};
use super::worker::{Bytes, Piece, TableWork, fresh};
use datakeep_connector::rows::{Column, RowBatch};
use datakeep_process_table::aside::without_large;
use datakeep_process_table::patch::{self, Patch};
use datakeep_process_table::{
    Changes, ColumnHash, GroupColumn, GroupDescription, PatchDescription, RowSum, TableHasher, encode_keys,
};
use datakeep_store::{FrameDecoder, Part, Repository, StoreError};

/// Patches of a group, at most: then they become one.
pub(crate) const MOST_PATCHES: usize = 8;
/// A column of which more rows than this share are changed by all patches together is written anew: beyond it, queries
/// would pay more than storage saves (tables-measured, 6).
pub(crate) const MOST_PATCHED_PERCENT: usize = 5;

/// A group that is its old self and a patch.
pub(crate) struct Patched {
    /// Without its large values.
    pub description: GroupDescription,
    /// Of each column; then of each patch that was there.
    pub pieces: Vec<Piece>,
    /// Patches that were there, as they are stored; then the new one.
    pub patches: Vec<Bytes>,
}

impl Patched {
    /// Bytes that it stores anew, about.
    pub fn fresh_len_bytes(&self) -> u64 {
        let pieces = self.pieces.iter().map(|piece| &piece.bytes);
        pieces.chain(&self.patches).map(Bytes::stored_len_bytes).sum()
    }
}

/// What changed in a group: found out once, for the count and for the patch.
pub(crate) struct Found {
    pub patch: Patch,
    pub changes: Changes,
}

/// What names things, and where they are read.
pub(crate) struct Tools<'a> {
    pub repository: &'a Repository,
    pub hasher: &'a TableHasher,
    /// What is longer stands aside.
    pub most_inline_len_bytes: usize,
}

impl Tools<'_> {
    /// A column of a table as it was read from its chunk, with just that aside which is set aside now.
    pub fn as_stored(&self, table: &TableWork, (at, column): (usize, &Column)) -> Result<Column, StoreError> {
        match table.info.key.contains(&at) {
            true => Ok(column.clone()),
            false => without_large(column, self.most_inline_len_bytes, self.hasher).map_err(|error| unfit(&error)),
        }
    }

    /// The identity of that column.
    pub fn stored_hash(&self, table: &TableWork, column: (usize, &Column)) -> Result<ColumnHash, StoreError> {
        Ok(self.hasher.column(&self.as_stored(table, column)?))
    }
}

fn unfit(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Usage { detail: format!("rows cannot be compared with those of the snapshot before: {error}") }
}

/// What turns the old rows of a group into the new ones, long values aside in both. Columns that are named alike are not read.
pub(crate) fn find_changes(
    tools: &Tools<'_>,
    table: &TableWork,
    was: &StoredGroup,
    (rows, hashes): (&RowBatch, &[ColumnHash]),
) -> Result<Found, StoreError> {
    let (mut patches, mut decoder) = (Patches::default(), FrameDecoder::new()?);
    let types: Types<'_> = &table.types;
    let (mut old, mut changed) = (Vec::with_capacity(hashes.len()), Vec::with_capacity(hashes.len()));
    for (at, hash) in hashes.iter().enumerate() {
        let number = table.numbers[at];
        let is_same = was.description.columns.get(at).is_some_and(|column| column.hash == *hash);
        changed.push(!is_same);
        let column = match is_same {
            true => rows.columns()[at].clone(),
            false => read_column(tools.repository, was, (number, types), (&mut patches, &mut decoder))?,
        };
        old.push(column);
    }
    // A snapshot of before values stood aside has them in its columns.
    let old = old.iter().enumerate().map(|(at, column)| tools.as_stored(table, (at, column)));
    let old = RowBatch::new(old.collect::<Result<_, _>>()?).map_err(|error| unfit(&error))?;
    let patch = match table.info.key.is_empty() {
        true => patch::by_position(&old, rows, &changed),
        false => {
            let keys = |rows: &RowBatch| {
                let columns: Vec<&Column> = table.info.key.iter().map(|&at| &rows.columns()[at]).collect();
                encode_keys(&columns)
            };
            patch::diff(&old, &keys(&old), rows, &keys(rows), &changed)
        }
    };
    let patch = patch.map_err(|error| unfit(&error))?;
    let mut updated: Vec<u32> = patch.updated().iter().flat_map(|update| update.positions.iter().copied()).collect();
    updated.sort_unstable();
    updated.dedup();
    let changes = Changes {
        inserted: patch.inserted_at().len() as u64,
        updated: updated.len() as u64,
        deleted: patch.deleted().len() as u64,
    };
    Ok(Found { patch, changes })
}

/// The group as a patch on its old self; `None` where writing it anew is better.
pub(crate) fn as_patch(
    tools: &Tools<'_>,
    table: &TableWork,
    was: &StoredGroup,
    (rows, row_sum, hashes): (&RowBatch, RowSum, &[ColumnHash]),
    found: Found,
) -> Result<Option<Patched>, StoreError> {
    let description = &was.description;
    let touched = (found.changes.inserted + found.changes.updated + found.changes.deleted) as usize;
    let before: usize = description.patches.iter().map(|patch| patch.touched_rows as usize).sum();
    let moves_rows = found.changes.inserted + found.changes.deleted > 0;
    if moves_rows && (touched + before) * 100 > rows.rows() * MOST_PATCHED_PERCENT {
        return Ok(None);
    }
    let mut patch = found.patch;
    let count = description.patches.len();
    let small = small_base(was);
    let mut pieces = Vec::with_capacity(hashes.len());
    for (at, hash) in hashes.iter().enumerate() {
        let old = &description.columns[at];
        let updates = patch.updated_in(at).map_or(0, |update| update.positions.len());
        let is_pending = (old.contains_patches as usize) < count;
        let earlier = if is_pending { before } else { 0 };
        let is_touched = moves_rows || updates > 0;
        if is_touched && (updates + earlier) * 100 > rows.rows() * MOST_PATCHED_PERCENT {
            if small.is_some() {
                return Ok(None);
            }
            patch = patch.without_column(at);
            let mut piece = fresh(table, (at, &rows.columns()[at]), (table.numbers[at], *hash))?;
            piece.column.contains_patches = count as u32 + 1;
            pieces.push(piece);
            continue;
        }
        let parts = match &small {
            // What is stored of a small group is one piece: it goes with the first column.
            Some(all) if at == 0 => Some(all.clone()),
            Some(_) => Some(Vec::new()),
            None => aligned(&was.parts, description.column_start_byte(at), old.len_bytes()),
        };
        let Some(parts) = parts else { return Ok(None) };
        // A patch that leaves a column alone is one that it contains.
        let contains_patches = if is_touched || is_pending { old.contains_patches } else { count as u32 + 1 };
        let column = GroupColumn { hash: *hash, contains_patches, ..old.clone() };
        pieces.push(Piece { column, bytes: Bytes::Known(parts) });
    }
    let squashed = if count >= MOST_PATCHES { squash(tools, table, was, &patch)? } else { None };
    let mut patches = Vec::new();
    let mut described = description.patches.clone();
    let patch = match squashed {
        Some(mut all) => {
            let moves = !all.deleted().is_empty() || !all.inserted_at().is_empty();
            for (at, piece) in pieces.iter_mut().enumerate() {
                let is_fresh = !matches!(piece.bytes, Bytes::Known(_));
                if is_fresh {
                    all = all.without_column(at);
                }
                let is_touched = !is_fresh && (moves || all.updated_in(at).is_some());
                piece.column.contains_patches = u32::from(!is_touched);
            }
            described.clear();
            all
        }
        None if count >= MOST_PATCHES => return Ok(None),
        None => {
            for number in 0..count {
                let range = (description.patch_start_byte(number), description.patches[number].len_bytes);
                let Some(parts) = aligned(&was.parts, range.0, range.1) else { return Ok(None) };
                patches.push(Bytes::Known(parts));
            }
            patch
        }
    };
    let bytes = patch::encode(&patch);
    let touched_rows = described_rows(&patch).max(touched) as u32;
    let rows_after = rows.rows() as u32;
    described.push(PatchDescription { len_bytes: bytes.len() as u64, touched_rows, rows_after });
    patches.push(Bytes::Loose(bytes));
    let base_rows = description.base_rows;
    let columns = pieces.iter().map(|piece| piece.column.clone()).collect();
    let description =
        GroupDescription { rows: rows_after, base_rows, row_sum, columns, patches: described, large: Vec::new() };
    Ok(Some(Patched { description, pieces, patches }))
}

/// All that is stored of the columns of a group, where it is in one piece.
fn small_base(was: &StoredGroup) -> Option<Vec<Part>> {
    let len_bytes = was.description.column_start_byte(was.description.columns.len());
    let parts = aligned(&was.parts, 0, len_bytes)?;
    let columns = was.description.columns.iter().filter(|column| column.len_bytes() > 0).count();
    (parts.len() < columns).then_some(parts)
}

/// Rows that a reader has to look after one by one.
pub(crate) fn described_rows(patch: &Patch) -> usize {
    let most = patch.updated().iter().map(|update| update.positions.len()).max().unwrap_or(0);
    most + patch.scattered_rows()
}

/// All patches of a group and a new one as one; `None` where some column contains a patch that says something of it: its chunk
/// is not of the state that the first patch is for.
fn squash(tools: &Tools<'_>, table: &TableWork, was: &StoredGroup, new: &Patch) -> Result<Option<Patch>, StoreError> {
    let types: Vec<_> = table.types.iter().map(|(_, data_type)| data_type.clone()).collect();
    let mut decoder = FrameDecoder::new()?;
    let mut all: Option<Patch> = None;
    for number in 0..was.description.patches.len() {
        let next = read_patch(tools.repository, was, (number, &types), &mut decoder)?;
        let mut containing = was.description.columns.iter().enumerate();
        let is_contained = |column: &GroupColumn| column.contains_patches as usize > number;
        if !containing.all(|(at, column)| !is_contained(column) || says_nothing(&next, at)) {
            return Ok(None);
        }
        all = Some(match all {
            None => next,
            Some(all) => patch::squash(&all, &next).map_err(|error| unfit(&error))?,
        });
    }
    all.map(|all| patch::squash(&all, new).map_err(|error| unfit(&error))).transpose()
}

/// True for a patch that leaves a column as it is.
fn says_nothing(patch: &Patch, column: usize) -> bool {
    let stays = patch.deleted().is_empty() && patch.inserted_at().is_empty();
    stays && patch.updated_in(column).is_none() && patch.inserted_in(column).is_some()
}

/// That the group reads back as the rows it was made of.
pub(crate) fn proven(
    tools: &Tools<'_>,
    table: &TableWork,
    (was, patched): (&StoredGroup, &Patched),
    rows: &RowBatch,
) -> Result<(), StoreError> {
    let types: Vec<_> = table.types.iter().map(|(_, data_type)| data_type.clone()).collect();
    let Some(Bytes::Loose(bytes)) = patched.patches.last() else { return Ok(()) };
    let last = patch::decode(bytes, &types).map_err(|error| unfit(&error))?;
    let (mut patches, mut decoder) = (Patches::default(), FrameDecoder::new()?);
    let is_squashed = patched.description.patches.len() == 1 && was.description.patches.len() > 1;
    for (at, piece) in patched.pieces.iter().enumerate() {
        let is_fresh = !matches!(piece.bytes, Bytes::Known(_));
        if is_fresh || piece.column.contains_patches as usize >= patched.description.patches.len() {
            continue;
        }
        let number = table.numbers[at];
        let old = match is_squashed {
            // As it was written, before any patch.
            true => {
                super::stored::read_base(tools.repository, was, (at, &types[at]), (&mut patches.nulls, &mut decoder))?
            }
            false => read_column(tools.repository, was, (number, &table.types), (&mut patches, &mut decoder))?,
        };
        let again = patch::apply_column(&old, &last, at).map_err(|error| unfit(&error))?;
        if tools.stored_hash(table, (at, &again))? != tools.hasher.column(&rows.columns()[at]) {
            let found = "other rows: check this machine's memory";
            return Err(StoreError::damaged("a patch", 0, "the rows it was made of", found));
        }
    }
    Ok(())
}

/// Stored bytes that writing the changed columns anew would take, about.
pub(crate) fn rewrite_len(was: &StoredGroup, hashes: &[ColumnHash]) -> u64 {
    let changed = was.description.columns.iter().zip(hashes).filter(|(column, hash)| column.hash != **hash);
    changed.map(|(column, _)| column.len_bytes()).sum()
}
