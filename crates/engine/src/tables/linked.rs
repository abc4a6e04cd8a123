//! Two groups that store the same chunks and differ by patches: of what both have only the rows are read that these touch.
//!
//! The patches that both have, from the first, lead to one state; from there each has its own. A row that no patch of either
//! touches is the same in both. Chunks are proven by their ids here, and columns, which are not read as a whole, by nothing else.

use super::large::brought_back;
use super::nulls::nulls;
use super::stored::{StoredGroup, TablesReader, aligned, read_exceptions, read_patch, read_range, types};
use crate::error::EngineError;
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, Exception};
use datakeep_process_table::chunk::decode_rows;
use datakeep_process_table::patch::{self, Patch, PatchError, apply_column};
use datakeep_process_table::{GroupDescription, TableDescription, TableHasher};
use datakeep_store::{FrameDecoder, Part, Repository, StoreError};

/// What is the same in two groups, and what is not.
pub struct LinkedGroups<'a> {
    repository: &'a Repository,
    hasher: &'a TableHasher,
    types: Vec<DataType>,
    old: Linked<'a>,
    new: Linked<'a>,
    /// Patches that both have.
    common: usize,
    /// Rows that some patch touches, by their positions after the common patches.
    touched: Vec<u32>,
}

/// One of both.
struct Linked<'a> {
    group: &'a StoredGroup,
    /// All patches that the other does not have, as one, of the touched rows alone.
    patch: Option<Patch>,
    /// The first of its own patches in which rows come or go, by its number in the group; the number of patches where none does.
    moving: usize,
}

/// Rows of two groups, a column for each that was asked for.
pub struct TouchedRows {
    /// As they were.
    pub old: Vec<Column>,
    /// As they are.
    pub new: Vec<Column>,
}

impl TablesReader {
    /// What two groups of one table have in common, `old` of this snapshot or of another one in this repository whose table has
    /// the same columns, by number, type and order; `None` where they are not stored alike.
    pub fn link<'a>(
        &'a self,
        table: &TableDescription,
        old: &'a StoredGroup,
        new: &'a StoredGroup,
    ) -> Result<Option<LinkedGroups<'a>>, EngineError> {
        let has_columns = |group: &StoredGroup| {
            group.description.columns.iter().map(|column| column.number).eq(table.numbers.iter().copied())
        };
        if !has_columns(old) || !has_columns(new) || old.description.base_rows != new.description.base_rows {
            return Ok(None);
        }
        let (repository, mut decoder) = (self.repository().as_ref(), FrameDecoder::searching()?);
        let types: Vec<DataType> = types(table).into_iter().map(|(_, data_type)| data_type).collect();
        let common = common_patches(old, new);
        let was = own_patches(repository, old, (common, &types), &mut decoder)?;
        let is = own_patches(repository, new, (common, &types), &mut decoder)?;
        let rows = old.description.rows_with(common) as usize;
        let mut touched = Vec::new();
        for patch in [&was.patch, &is.patch].into_iter().flatten() {
            if patch.old_rows() != rows {
                return Ok(None);
            }
            touched.extend_from_slice(patch.deleted());
            touched.extend(patch.updated().iter().flat_map(|update| update.positions.iter().copied()));
        }
        touched.sort_unstable();
        touched.dedup();
        let (Ok(old), Ok(new)) = (was.of_rows(&touched), is.of_rows(&touched)) else { return Ok(None) };
        let hasher = self.hasher();
        Ok(Some(LinkedGroups { repository, hasher, types, old, new, common, touched }))
    }
}

impl<'a> Linked<'a> {
    /// The same of the rows alone that are touched.
    fn of_rows(self, touched: &[u32]) -> Result<Linked<'a>, PatchError> {
        let patch = self.patch.map(|patch| patch.within(touched)).transpose()?;
        Ok(Linked { patch, ..self })
    }

    fn description(&self) -> &GroupDescription {
        &self.group.description
    }

    /// True where what is stored of a column, and may contain patches, has a row for each that there is after the common ones.
    fn has_rows_of(&self, column: usize) -> bool {
        let has_column = |patch: &Patch| patch.inserted_in(column).is_some();
        let contains = self.description().columns[column].contains_patches as usize;
        contains <= self.moving && self.patch.as_ref().is_none_or(has_column)
    }

    fn parts_of(&self, column: usize) -> Option<Vec<Part>> {
        let description = self.description();
        aligned(&self.group.parts, description.column_start_byte(column), description.columns[column].len_bytes())
    }

    fn apply(&self, column: &Column, at: usize) -> Result<Column, PatchError> {
        self.patch.as_ref().map_or_else(|| Ok(column.clone()), |patch| apply_column(column, patch, at))
    }
}

impl LinkedGroups<'_> {
    /// True when a row is in one and not in the other, or may be.
    pub fn moves_rows(&self) -> bool {
        [&self.old.patch, &self.new.patch].into_iter().flatten().any(Patch::moves_rows)
    }

    /// These columns, by their positions in the table's description, of all rows that are not known to be the same, in their
    /// order; `None` where what is stored of a column is not the same.
    pub fn touched(&self, wanted: &[usize]) -> Result<Option<TouchedRows>, EngineError> {
        let (mut decoder, mut traces) = (FrameDecoder::searching()?, Traces::default());
        let mut touched = TouchedRows { old: Vec::new(), new: Vec::new() };
        for &at in wanted {
            let (was, is) = (&self.old.description().columns[at], &self.new.description().columns[at]);
            let is_same = was.chunk == is.chunk
                && was.exceptions_len_bytes == is.exceptions_len_bytes
                && are_same(self.old.parts_of(at), self.new.parts_of(at));
            if !is_same || !self.old.has_rows_of(at) || !self.new.has_rows_of(at) {
                return Ok(None);
            }
            let Some(column) = self.column(at, &mut traces, &mut decoder)? else { return Ok(None) };
            touched.old.push(self.whole(&self.old, (&column, at), &mut decoder)?);
            touched.new.push(self.whole(&self.new, (&column, at), &mut decoder)?);
        }
        Ok(Some(touched))
    }

    /// The touched rows of a column as they are in one of both, given as they are after the common patches.
    fn whole(
        &self,
        group: &Linked<'_>,
        (column, at): (&Column, usize),
        decoder: &mut FrameDecoder,
    ) -> Result<Column, StoreError> {
        let column = group.apply(column, at).map_err(|error| unfit(&error))?;
        brought_back(self.repository, group.group, column, (self.hasher, decoder))
    }

    /// The touched rows of a column as they are after the common patches.
    fn column(&self, at: usize, traces: &mut Traces, decoder: &mut FrameDecoder) -> Result<Option<Column>, StoreError> {
        let contains = [&self.old, &self.new].map(|group| group.description().columns[at].contains_patches as usize);
        let contains = contains[0].min(contains[1]).min(self.common);
        while self.common - traces.steps.len() > contains {
            let number = self.common - traces.steps.len() - 1;
            let patch = read_patch(self.repository, self.old.group, (number, &self.types), decoder)?;
            let rows = traces.steps.last().map_or(&self.touched, |(rows, _)| rows);
            let step = patch.giving(rows).map_err(|error| unfit(&error))?;
            traces.steps.push(step);
        }
        let steps = &traces.steps[..self.common - contains];
        let rows = steps.last().map_or(&self.touched, |(rows, _)| rows);
        let Some(mut column) = self.stored(at, contains, rows, decoder)? else { return Ok(None) };
        for (_, patch) in steps.iter().rev() {
            column = apply_column(&column, patch, at).map_err(|error| unfit(&error))?;
        }
        Ok(Some(column))
    }

    /// These rows of what is stored of a column, which is as so many patches left it.
    fn stored(
        &self,
        at: usize,
        patches: usize,
        wanted: &[u32],
        decoder: &mut FrameDecoder,
    ) -> Result<Option<Column>, StoreError> {
        let (group, data_type) = (self.old.group, &self.types[at]);
        let stored = &group.description.columns[at];
        let (start, rows) = (group.description.column_start_byte(at), group.description.rows_with(patches));
        let values = match &stored.chunk {
            None => nulls(data_type, wanted.len())?,
            Some((form, _)) if form.rows != rows => return Ok(None),
            Some((form, len_bytes)) => {
                let bytes = read_range(self.repository, &group.parts, (start, *len_bytes), decoder)?;
                decode_rows(&bytes, data_type, form, wanted).map_err(|error| unfit(&error))?
            }
        };
        let all = read_exceptions(self.repository, group, (at, rows as usize), decoder)?;
        let place = |exception: Exception| {
            let row = wanted.binary_search(&exception.row).ok()? as u32;
            Some(Exception { row, ..exception })
        };
        let column = Column::new(values, all.into_iter().filter_map(place).collect());
        column.map(Some).map_err(|error| unfit(&error))
    }
}

/// From the last common patch back: the rows that the touched ones come from, and what the patch did to these.
#[derive(Default)]
struct Traces {
    steps: Vec<(Vec<u32>, Patch)>,
}

fn unfit(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::damaged("a row group", 0, "columns and patches that fit", error.to_string())
}

/// Patches that both have, from the first on.
fn common_patches(old: &StoredGroup, new: &StoredGroup) -> usize {
    let parts = |group: &StoredGroup, number: usize| {
        let description = &group.description;
        aligned(&group.parts, description.patch_start_byte(number), description.patches[number].len_bytes)
    };
    let both = old.description.patches.iter().zip(&new.description.patches).enumerate();
    both.take_while(|(number, (was, is))| was == is && are_same(parts(old, *number), parts(new, *number))).count()
}

/// True for the same chunks, wherever they stand.
fn are_same(left: Option<Vec<Part>>, right: Option<Vec<Part>>) -> bool {
    let id = |part: &Part| match part {
        Part::Chunk(chunk) => Some((chunk.id, chunk.len_bytes)),
        Part::Hole(_) => None,
    };
    let (Some(left), Some(right)) = (left, right) else { return false };
    left.len() == right.len()
        && left.iter().zip(&right).all(|(left, right)| id(left).is_some() && id(left) == id(right))
}

/// The patches of a group behind those that another has, too.
fn own_patches<'a>(
    repository: &Repository,
    group: &'a StoredGroup,
    (common, types): (usize, &[DataType]),
    decoder: &mut FrameDecoder,
) -> Result<Linked<'a>, StoreError> {
    let count = group.description.patches.len();
    let (mut all, mut moving): (Option<Patch>, usize) = (None, count);
    for number in common..count {
        let next = read_patch(repository, group, (number, types), decoder)?;
        if next.moves_rows() {
            moving = moving.min(number);
        }
        all = Some(match all {
            None => next,
            Some(all) => patch::squash(&all, &next).map_err(|error| unfit(&error))?,
        });
    }
    Ok(Linked { group, patch: all, moving })
}
