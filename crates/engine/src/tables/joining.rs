//! A group whose rows stood in other groups, or in a shorter one: what is stored of these stays.
//!
//! ```text
//! rows before     [ a a a a a a ] [ b b b b ]          [ last ]
//! rows now        [ a a a ] [ a a a b b b b ]          [ last + + + + ]
//!                  an end moved                         rows were added
//! stored           chunks of a, chunks of b;            chunks of last, chunks of what was added
//!                  a patch takes away what stands elsewhere
//! ```
//!
//! Column chunks without a dictionary are a chunk when they are put one after another ([`chunk::splice`]): only a reference to them is
//! stored. Columns with dictionaries, which are short, are written anew.

mod segments;

use super::nulls::nulls;
use super::patching::{MOST_PATCHED_PERCENT, Patched, Tools, described_rows};
use super::stored::{StoredGroup, aligned, read_range};
use super::worker::{Bytes, Piece, TableWork, fresh, known, level_of};
use arrow_array::{Array, ArrayRef};
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_process_table::chunk::{MAX_ROWS, decode, encode, splice};
use datakeep_process_table::patch::{self, Patch, PatchError};
use datakeep_process_table::rowcodec::{decode_exceptions, encode_exceptions};
use datakeep_process_table::{
    ChunkForm, ColumnHash, GroupColumn, GroupDescription, Layout, PatchDescription, RowSum, encode_keys, join,
};
use datakeep_store::{FrameDecoder, Part, StoreError};
use segments::{Segment, find_segments};

/// A reader decodes at most so many rows for each one that is there.
const MOST_BASE_ROWS: usize = 3;
/// Pieces that what is stored of a column may be in: then it is written anew.
const MOST_PARTS: usize = 48;
/// It must save at least this share of what writing anew would store.
const LEAST_SAVED_PERCENT: u64 = 10;

/// The group made of what is stored of the groups `was`, which are in order and held rows of it; `None` where writing it anew is
/// better, or nothing fits.
pub(crate) fn as_joined(
    tools: &Tools<'_>,
    table: &TableWork,
    was: &[StoredGroup],
    (rows, row_sum, hashes): (&RowBatch, RowSum, &[ColumnHash]),
) -> Result<Option<Patched>, StoreError> {
    let Some(base) = Base::find(tools, table, was, rows)? else { return Ok(None) };
    let Ok(Some(mut patch)) = base.patch(table, rows) else { return Ok(None) };
    let mut pieces = Vec::with_capacity(hashes.len());
    for (at, hash) in hashes.iter().enumerate() {
        let updates = patch.updated_in(at).map_or(0, |update| update.positions.len());
        let is_patchable = base.has_column(at) && updates * 100 <= rows.rows() * MOST_PATCHED_PERCENT;
        let joined = if is_patchable { base.column(table, at, *hash)? } else { None };
        let piece = match joined {
            Some(piece) => (piece, false),
            None => {
                patch = patch.without_column(at);
                (fresh(table, (at, &rows.columns()[at]), (table.numbers[at], *hash))?, true)
            }
        };
        pieces.push(piece);
    }
    let joined = described(&base, pieces, patch, (rows.rows(), row_sum));
    let least = rewrite_len(was, &table.numbers, hashes, rows.rows());
    if joined.fresh_len_bytes() * 100 > least * (100 - LEAST_SAVED_PERCENT) {
        return Ok(None);
    }
    Ok(Some(joined))
}

/// Puts it together. Of each column: what is stored of it, and whether it is written anew.
fn described(base: &Base<'_>, pieces: Vec<(Piece, bool)>, patch: Patch, (rows, row_sum): (usize, RowSum)) -> Patched {
    let moves = patch.moves_rows();
    let is_needed = !patch.is_empty();
    let made = pieces.into_iter().enumerate().map(|(at, (mut piece, is_fresh))| {
        let is_touched = !is_fresh && (moves || patch.updated_in(at).is_some());
        piece.column.contains_patches = u32::from(is_needed && !is_touched);
        piece
    });
    let pieces: Vec<Piece> = made.collect();
    let (mut patches, mut described) = (Vec::new(), Vec::new());
    if is_needed {
        let bytes = patch::encode(&patch);
        let touched_rows = described_rows(&patch) as u32;
        described.push(PatchDescription { len_bytes: bytes.len() as u64, touched_rows, rows_after: rows as u32 });
        patches.push(Bytes::Loose(bytes));
    }
    let columns = pieces.iter().map(|piece| piece.column.clone()).collect();
    let base_rows = base.rows as u32;
    let description =
        GroupDescription { rows: rows as u32, base_rows, row_sum, columns, patches: described, large: Vec::new() };
    Patched { description, pieces, patches }
}

/// Bytes that writing the group anew would store, about, by what is stored of these groups.
fn rewrite_len(was: &[StoredGroup], numbers: &[u32], hashes: &[ColumnHash], rows: usize) -> u64 {
    let was_rows: u64 = was.iter().map(|group| u64::from(group.description.base_rows)).sum();
    let len = |(at, hash): (usize, &ColumnHash)| {
        let stays = was.first().is_some_and(|was| known(was, numbers[at], hash).is_some());
        let columns = was.iter().filter_map(|group| group.description.columns.get(at));
        let len_bytes: u64 = columns.map(GroupColumn::len_bytes).sum();
        if stays { 0 } else { len_bytes.saturating_mul(rows as u64) / was_rows.max(1) }
    };
    hashes.iter().enumerate().map(len).sum()
}

/// The rows that column chunks hold before the patch.
struct Base<'a> {
    segments: Vec<Segment<'a>>,
    rows: usize,
}

impl<'a> Base<'a> {
    fn find(
        tools: &Tools<'_>,
        table: &TableWork,
        was: &'a [StoredGroup],
        rows: &RowBatch,
    ) -> Result<Option<Self>, StoreError> {
        let has_columns = |group: &StoredGroup| {
            group.description.columns.iter().map(|column| column.number).eq(table.numbers.iter().copied())
        };
        if !was.iter().all(has_columns) {
            return Ok(None);
        }
        let segments = find_segments(tools, table, was, rows)?;
        let is_any_old = segments.iter().any(|segment| matches!(segment, Segment::Old(_)));
        let count = segments.iter().map(Segment::rows).sum::<usize>();
        let fits = is_any_old && count <= MAX_ROWS && count <= MOST_BASE_ROWS * rows.rows();
        Ok(fits.then_some(Self { segments, rows: count }))
    }

    /// True where what is stored of a column is of the rows of the base.
    fn has_column(&self, at: usize) -> bool {
        self.segments.iter().all(|segment| segment.has_column(at))
    }

    /// What turns the base into the rows there are; `None` where too many rows come and go in between.
    fn patch(&self, table: &TableWork, rows: &RowBatch) -> Result<Option<Patch>, PatchError> {
        let (mut parts, mut live, mut start) = (Vec::new(), Vec::new(), 0u32);
        for segment in &self.segments {
            let (part, at) = segment.live()?;
            live.extend(at.into_iter().map(|row| row + start));
            parts.push(part);
            start += segment.rows() as u32;
        }
        let old = join(parts).map_err(|_| PatchError::TooLarge { what: "bytes of a column", most: i32::MAX as u64 })?;
        let changed: Vec<bool> = (0..rows.columns().len()).map(|at| self.has_column(at)).collect();
        let patch = match table.info.key.is_empty() {
            true => patch::by_position(&old, rows, &changed)?,
            false => {
                let keys = |rows: &RowBatch| {
                    let columns: Vec<&Column> = table.info.key.iter().map(|&at| &rows.columns()[at]).collect();
                    encode_keys(&columns)
                };
                patch::diff(&old, &keys(&old), rows, &keys(rows), &changed)?
            }
        };
        let patch = patch.among(self.rows, &live)?;
        let is_too_much = patch.scattered_rows() * 100 > rows.rows() * MOST_PATCHED_PERCENT;
        Ok((!is_too_much).then_some(patch))
    }

    /// A column of what is stored of it and what is new; `None` where that is no chunk.
    fn column(&self, table: &TableWork, at: usize, hash: ColumnHash) -> Result<Option<Piece>, StoreError> {
        if let [Segment::Old(source)] = self.segments.as_slice() {
            let description = &source.was.description;
            let column = GroupColumn { hash, ..description.columns[at].clone() };
            let parts = aligned(&source.was.parts, description.column_start_byte(at), column.len_bytes());
            return Ok(parts.map(|parts| Piece { column, bytes: Bytes::Known(parts) }));
        }
        let layout = self.segments.iter().find_map(|segment| segment.form(at)).map(|form| form.layout);
        let layout = layout.unwrap_or(table.layouts[at]);
        let (mut forms, mut bytes, mut len_bytes) = (Vec::new(), Vec::new(), 0);
        let has_values = self.segments.iter().any(|segment| segment.has_values(at));
        for segment in self.segments.iter().filter(|_| has_values) {
            let Some((form, part, len)) = part(table, segment, at, layout)? else { return Ok(None) };
            forms.push(form);
            bytes.push(part);
            len_bytes += len;
        }
        let Some(form) = splice(&forms).map(Some).or((!has_values).then_some(None)) else { return Ok(None) };
        let mut exceptions = Vec::new();
        let all = self.exceptions(at);
        if !all.is_empty() {
            encode_exceptions(&all, &mut exceptions);
        }
        let exceptions_len_bytes = exceptions.len() as u64;
        bytes.extend((!exceptions.is_empty()).then_some(Bytes::Loose(exceptions)));
        let chunk = form.map(|form| (form, len_bytes));
        let column = GroupColumn { number: table.numbers[at], hash, chunk, exceptions_len_bytes, contains_patches: 0 };
        Ok(Some(Piece { column, bytes: Bytes::Joined(bytes) }))
    }

    fn exceptions(&self, at: usize) -> Vec<Exception> {
        let (mut all, mut start) = (Vec::new(), 0u32);
        for segment in &self.segments {
            let moved = |exception: &Exception| Exception { row: exception.row + start, ..exception.clone() };
            all.extend(segment.column(at).into_iter().flat_map(Column::exceptions).map(moved));
            start += segment.rows() as u32;
        }
        all
    }
}

/// The chunk of a column of one segment, and its length.
fn part(
    table: &TableWork,
    segment: &Segment<'_>,
    at: usize,
    layout: Layout,
) -> Result<Option<(ChunkForm, Bytes, u64)>, StoreError> {
    let values: ArrayRef = match segment {
        Segment::Old(source) => {
            let description = &source.was.description;
            if let Some((form, len)) = description.columns[at].chunk {
                let parts = aligned(&source.was.parts, description.column_start_byte(at), len);
                let parts = parts.filter(|parts| parts.len() <= MOST_PARTS);
                return Ok(parts.map(|parts| (form, Bytes::Known(parts), len)));
            }
            nulls(&table.types[at].1, segment.rows())?
        }
        Segment::New(rows) => rows.columns()[at].values().clone(),
    };
    // What cannot be encoded is told when it is written anew.
    let Ok((bytes, form)) = encode(&values, layout, level_of(values.data_type())) else { return Ok(None) };
    let len = bytes.len() as u64;
    Ok(Some((form, Bytes::Fresh(bytes), len)))
}

/// That the group reads back as the rows it was made of: `hashes` are those of their columns with long values aside.
pub(crate) fn proven(
    tools: &Tools<'_>,
    table: &TableWork,
    joined: &Patched,
    hashes: &[ColumnHash],
) -> Result<(), StoreError> {
    let types: Vec<_> = table.types.iter().map(|(_, data_type)| data_type.clone()).collect();
    let unfit = |error: &dyn std::fmt::Display| StoreError::damaged("a row group", 0, "its rows", error.to_string());
    let patch = match joined.patches.first() {
        Some(Bytes::Loose(bytes)) => Some(patch::decode(bytes, &types).map_err(|error| unfit(&error))?),
        _ => None,
    };
    let (base_rows, mut decoder) = (joined.description.base_rows as usize, FrameDecoder::new()?);
    for (at, Piece { column, bytes }) in joined.pieces.iter().enumerate() {
        if matches!(bytes, Bytes::Fresh(_) | Bytes::Loose(_)) {
            continue;
        }
        let mut all = Vec::new();
        read_bytes(tools, bytes, &mut decoder, &mut all)?;
        let (chunk, exceptions) = all.split_at_checked(column.chunk_len_bytes() as usize).unwrap_or_default();
        let values = match &column.chunk {
            Some((form, _)) => decode(chunk, &types[at], form).map_err(|error| unfit(&error))?,
            None => nulls(&types[at], base_rows)?,
        };
        let exceptions = match exceptions {
            [] => Vec::new(),
            bytes => decode_exceptions(bytes, values.len()).map_err(|error| unfit(&error))?,
        };
        let stored = Column::new(values, exceptions).map_err(|error| unfit(&error))?;
        let again = match patch.as_ref().filter(|_| column.contains_patches == 0) {
            Some(patch) => patch::apply_column(&stored, patch, at).map_err(|error| unfit(&error))?,
            None => stored,
        };
        if tools.stored_hash(table, (at, &again))? != hashes[at] {
            return Err(unfit(&"other rows: check this machine's memory"));
        }
    }
    Ok(())
}

fn read_bytes(
    tools: &Tools<'_>,
    bytes: &Bytes,
    decoder: &mut FrameDecoder,
    to: &mut Vec<u8>,
) -> Result<(), StoreError> {
    match bytes {
        Bytes::Fresh(bytes) | Bytes::Loose(bytes) => to.extend_from_slice(bytes),
        Bytes::Known(parts) => {
            let len_bytes = parts.iter().map(Part::len_bytes).sum();
            to.extend(read_range(tools.repository, parts, (0, len_bytes), decoder)?);
        }
        Bytes::Joined(all) => all.iter().try_for_each(|bytes| read_bytes(tools, bytes, decoder, to))?,
    }
    Ok(())
}
