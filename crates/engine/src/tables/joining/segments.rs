//! Which rows of a group are stored already, and with which other rows.

use crate::tables::patching::Tools;
use crate::tables::stored::{Patches, StoredGroup, read_base};
use crate::tables::worker::TableWork;
use arrow_array::Array;
use datakeep_connector::rows::{Column, RowBatch};
use datakeep_process_table::describe::group_key;
use datakeep_process_table::patch::{self, Patch, PatchError};
use datakeep_process_table::{ChunkForm, Keys, encode_keys};
use datakeep_store::{FrameDecoder, StoreError};
use std::ops::Range;

/// What is stored of a group is used when at least one in so many of its rows stands in the new one; else these are written anew.
const LEAST_SHARE: usize = 8;
/// New rows side by side get chunks of their own when they are at least this share of the group; else they go into the patch.
const LEAST_RUN_PERCENT: usize = 2;

/// A run of rows that column chunks hold.
pub(super) enum Segment<'a> {
    /// The rows that the chunks of another group hold.
    Old(Box<Source<'a>>),
    /// Rows whose chunks are made now.
    New(RowBatch),
}

/// A group of the snapshot before.
pub(super) struct Source<'a> {
    pub was: &'a StoredGroup,
    /// Its columns as they are stored.
    base: RowBatch,
    /// Those of the stored rows that are still rows after its patches.
    live: Vec<u32>,
    /// Columns of which these rows are stored, and no others.
    is_of_base: Vec<bool>,
}

impl<'a> Source<'a> {
    /// `None` where the key is not stored with the rows.
    fn read(tools: &Tools<'_>, table: &TableWork, was: &'a StoredGroup) -> Result<Option<Self>, StoreError> {
        let types: Vec<_> = table.types.iter().map(|(_, data_type)| data_type.clone()).collect();
        let (description, mut decoder) = (&was.description, FrameDecoder::new()?);
        let base_rows = description.base_rows as usize;
        let (mut known, mut patches) = (Patches::default(), Vec::new());
        for number in 0..description.patches.len() {
            patches.push(known.get(tools.repository, was, (number, &types), &mut decoder)?.clone());
        }
        let moving = patches.iter().position(Patch::moves_rows).unwrap_or(patches.len());
        let (mut columns, mut is_of_base) = (Vec::new(), Vec::new());
        for (at, data_type) in types.iter().enumerate() {
            let is_stored = description.columns[at].contains_patches as usize <= moving;
            let column = match is_stored {
                true => read_base(tools.repository, was, (at, data_type), (&mut known.nulls, &mut decoder))?,
                false => {
                    Column::new(known.nulls.of(data_type, base_rows)?, Vec::new()).map_err(|error| unfit(&error))?
                }
            };
            columns.push(column);
            is_of_base.push(is_stored);
        }
        let has_key = table.info.key.iter().all(|&at| is_of_base[at]);
        let live = patch::survivors(base_rows, &patches).map_err(|error| unfit(&error))?;
        let base = RowBatch::new(columns).map_err(|error| unfit(&error))?;
        let is_whole = has_key && base.rows() == base_rows && !live.is_empty();
        Ok(is_whole.then_some(Self { was, base, live, is_of_base }))
    }

    /// Of the rows of the new group that stand where this group stood, those from the first that is stored to the last.
    fn reach(&self, table: &TableWork, keys: &Keys, within: Range<usize>) -> Range<usize> {
        let key = |row: Option<&u32>| {
            let row = *row.unwrap_or(&0) as usize;
            let columns: Vec<Column> = table.info.key.iter().map(|&at| self.base.columns()[at].slice(row, 1)).collect();
            let keys = encode_keys(&columns.iter().collect::<Vec<_>>());
            keys.iter().next().map(<[u8]>::to_vec).unwrap_or_default()
        };
        let (first, last) = (key(self.live.first()), key(self.live.last()));
        let to = keys.rows_to(&last).clamp(within.start, within.end);
        let mut from = keys.rows_to(&first).clamp(within.start, to);
        if from > within.start && keys.get(from - 1) == first {
            from -= 1;
        }
        from..to
    }
}

fn unfit(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::damaged("a row group of the snapshot before", 0, "rows and patches that fit", error.to_string())
}

impl Segment<'_> {
    pub fn rows(&self) -> usize {
        match self {
            Self::Old(source) => source.base.rows(),
            Self::New(rows) => rows.rows(),
        }
    }

    pub fn has_column(&self, at: usize) -> bool {
        match self {
            Self::Old(source) => source.is_of_base[at],
            Self::New(_) => true,
        }
    }

    pub fn column(&self, at: usize) -> Option<&Column> {
        match self {
            Self::Old(source) => source.base.columns().get(at),
            Self::New(rows) => rows.columns().get(at),
        }
    }

    /// True where a column has typed values.
    pub fn has_values(&self, at: usize) -> bool {
        self.column(at).is_some_and(|column| column.values().null_count() < column.rows())
    }

    /// The form of a chunk that is stored.
    pub fn form(&self, at: usize) -> Option<ChunkForm> {
        match self {
            Self::Old(source) => source.was.description.columns[at].chunk.map(|(form, _)| form),
            Self::New(_) => None,
        }
    }

    /// The rows that are rows of the table, or were in the snapshot before; and their positions among those of the segment.
    pub fn live(&self) -> Result<(RowBatch, Vec<u32>), PatchError> {
        match self {
            Self::Old(source) if source.live.len() == source.base.rows() => {
                Ok((source.base.clone(), source.live.clone()))
            }
            Self::Old(source) => Ok((patch::pick(&source.base, &source.live)?, source.live.clone())),
            Self::New(rows) => Ok((rows.clone(), (0..rows.rows() as u32).collect())),
        }
    }
}

/// What the rows of a group can be made of, in order.
pub(super) fn find_segments<'a>(
    tools: &Tools<'_>,
    table: &TableWork,
    was: &'a [StoredGroup],
    rows: &RowBatch,
) -> Result<Vec<Segment<'a>>, StoreError> {
    let mut found = Found { rows, segments: Vec::new(), new: 0..0 };
    if table.info.key.is_empty() {
        let source = was.first().map(|was| Source::read(tools, table, was)).transpose()?.flatten();
        let same = source.as_ref().map_or(0, |source| source.live.len().min(rows.rows()));
        found.put_old(source);
        found.put_new(same..rows.rows());
        return Ok(found.finish());
    }
    let columns: Vec<&Column> = table.info.key.iter().map(|&at| &rows.columns()[at]).collect();
    let (keys, prefix, mut from) = (encode_keys(&columns), group_key(&table.info.name, &[]).len(), 0);
    for group in was {
        let to = keys.rows_to(group.entry.key.get(prefix..).unwrap_or_default()).max(from);
        let is_worth_it = to > from && (to - from) * LEAST_SHARE >= group.description.base_rows as usize;
        let source = if is_worth_it { Source::read(tools, table, group)? } else { None };
        let reach = source.as_ref().map_or(to..to, |source| source.reach(table, &keys, from..to));
        found.put_new(from..reach.start);
        found.put_old(source);
        found.put_new(reach.end..to);
        from = to;
    }
    found.put_new(from..rows.rows());
    Ok(found.finish())
}

struct Found<'a, 'r> {
    rows: &'r RowBatch,
    segments: Vec<Segment<'a>>,
    /// New rows that stand behind all segments.
    new: Range<usize>,
}

impl<'a> Found<'a, '_> {
    fn put_new(&mut self, rows: Range<usize>) {
        if self.new.end != rows.start {
            self.take_new();
            self.new.start = rows.start;
        }
        self.new.end = rows.end;
    }

    fn put_old(&mut self, source: Option<Source<'a>>) {
        if let Some(source) = source {
            self.take_new();
            self.segments.push(Segment::Old(Box::new(source)));
        }
    }

    fn take_new(&mut self) {
        let new = std::mem::replace(&mut self.new, 0..0);
        let is_long = !new.is_empty() && new.len() * 100 >= self.rows.rows() * LEAST_RUN_PERCENT;
        if is_long {
            self.segments.push(Segment::New(self.rows.slice(new.start, new.len())));
        }
    }

    fn finish(mut self) -> Vec<Segment<'a>> {
        self.take_new();
        self.segments
    }
}
