//! What changed in a group: the third physical form of one, beside a reference and new column chunks.
//!
//! A patch turns the rows of one group, **old**, into those of another, **new**: rows that go, cells of rows that stay, rows
//! that come. It speaks of positions only, so applying it needs no keys; and it is taken apart by columns, so a reader that
//! wants two columns applies it to these two ([`apply_column`]).
//!
//! | step | function |
//! |---|---|
//! | find out what changed | [`diff`] for rows in key order, [`by_position`] for rows without keys |
//! | decide what to keep of it | [`Patch::sizes`], [`Patch::without_column`] |
//! | put it into bytes and back | [`encode`], [`decode`] |
//! | make new from old | [`apply`], [`apply_column`] |
//! | make one of two | [`squash`] |
//! | make it for a longer run of rows | [`survivors`], [`Patch::among`] |
//!
//! A patch may be without some columns: those are stored as new chunks beside it.

mod apply;
mod base;
mod codec;
mod compare;
mod diff;
mod gather;
mod squash;
#[cfg(test)]
mod tests;
mod values;

pub use apply::{apply, apply_column};
pub use base::{pick, survivors};
pub use codec::{decode, encode, stored_len};
pub use diff::{by_position, diff};
pub use squash::squash;

use crate::chunk::MAX_ROWS;
use crate::codec::CodecError;
use crate::describe::MAX_COLUMNS;
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, ColumnError, RowBatch};

/// Bytes of all values a patch holds, at most: 256 MiB. Rows of a stated width count whether null or not.
pub const MAX_PATCH_LEN_BYTES: u64 = 256 << 20;

/// Cells of one column that changed in rows that stay.
#[derive(Clone, Debug)]
pub struct Update {
    /// Position of the column.
    pub column: u32,
    /// Positions of the rows in old, rising.
    pub positions: Vec<u32>,
    /// What stands there in new.
    pub values: Column,
}

/// What turns one group into another. Positions rise strictly, lie within their group, and no row is both updated and deleted.
#[derive(Clone, Debug)]
pub struct Patch {
    old_rows: u32,
    deleted: Vec<u32>,
    updated: Vec<Update>,
    inserted_at: Vec<u32>,
    /// A column for each one of the table, or none where the patch is without it.
    inserted: Vec<Option<Column>>,
}

/// Why a patch cannot be made, read or applied.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// Two things that should fit do not.
    #[error("patch: {what}: expected {expected}, found {found}")]
    Mismatch {
        /// What was compared.
        what: &'static str,
        /// What one of them says.
        expected: String,
        /// What the other says.
        found: String,
    },
    /// Positions that do not rise, or are beyond the rows.
    #[error("patch: positions of {what} are out of order or range")]
    Positions {
        /// Of which rows.
        what: &'static str,
    },
    /// It is beyond a limit.
    #[error("patch: too many {what}: at most {most} are possible")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        most: u64,
    },
    /// The patch is without this column.
    #[error("patch: it is without column {column}")]
    Absent {
        /// Its position.
        column: usize,
    },
    /// Bytes are no patch.
    #[error("patch: {0}")]
    Codec(#[from] CodecError),
    /// Values and exceptions are no column.
    #[error("patch: {0}")]
    Column(#[from] ColumnError),
}

/// What a patch takes in bytes before compression, so that a caller can choose between it and new chunks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sizes {
    /// Positions of deleted and inserted rows, and the head.
    pub shared_len_bytes: usize,
    /// Per column: its updates with their positions, and its share of the inserted rows.
    pub columns_len_bytes: Vec<usize>,
}

impl Sizes {
    /// Of all.
    pub fn total_len_bytes(&self) -> usize {
        self.shared_len_bytes + self.columns_len_bytes.iter().sum::<usize>()
    }
}

impl Patch {
    /// Rows of the group it is for.
    pub fn old_rows(&self) -> usize {
        self.old_rows as usize
    }

    /// Rows of the group it makes.
    pub fn new_rows(&self) -> usize {
        self.old_rows() - self.deleted.len() + self.inserted_at.len()
    }

    /// Columns of the table.
    pub fn columns(&self) -> usize {
        self.inserted.len()
    }

    /// Positions in old of rows that go.
    pub fn deleted(&self) -> &[u32] {
        &self.deleted
    }

    /// Changed cells, by rising column.
    pub fn updated(&self) -> &[Update] {
        &self.updated
    }

    /// Changed cells of one column.
    pub fn updated_in(&self, column: usize) -> Option<&Update> {
        let at = self.updated.binary_search_by_key(&column, |update| update.column as usize).ok()?;
        self.updated.get(at)
    }

    /// Positions in new of rows that come.
    pub fn inserted_at(&self) -> &[u32] {
        &self.inserted_at
    }

    /// One column of the rows that come; `None` when the patch is without it.
    pub fn inserted_in(&self, column: usize) -> Option<&Column> {
        self.inserted.get(column)?.as_ref()
    }

    /// The rows that come; an error when the patch is without a column.
    pub fn inserted(&self) -> Result<RowBatch, PatchError> {
        let absent =
            |(column, inserted): (usize, &Option<Column>)| inserted.clone().ok_or(PatchError::Absent { column });
        Ok(RowBatch::new(self.inserted.iter().enumerate().map(absent).collect::<Result<_, _>>()?)?)
    }

    /// True when new is old.
    pub fn is_empty(&self) -> bool {
        self.deleted.is_empty() && self.updated.is_empty() && self.inserted_at.is_empty()
    }

    /// Rows that it touches, each as often as it is deleted, inserted, or updated in one column.
    pub fn touched_cells(&self) -> usize {
        let updated: usize = self.updated.iter().map(|update| update.positions.len()).sum();
        updated + (self.deleted.len() + self.inserted_at.len()) * self.columns()
    }

    /// The same without anything about one column, which the caller keeps as a new chunk instead.
    #[must_use]
    pub fn without_column(mut self, column: usize) -> Self {
        self.updated.retain(|update| update.column as usize != column);
        if let Some(inserted) = self.inserted.get_mut(column) {
            *inserted = None;
        }
        self
    }

    /// Bytes that [`encode`] takes for each part, but for what columns share (positions that are the same in several columns
    /// are counted for the first alone).
    pub fn sizes(&self) -> Sizes {
        codec::sizes(self)
    }

    /// All promises of the type.
    fn checked(self) -> Result<Self, PatchError> {
        most("rows", self.old_rows().max(self.new_rows_or_zero()), MAX_ROWS as u64)?;
        most("columns", self.columns(), MAX_COLUMNS as u64)?;
        rising("deleted rows", &self.deleted, self.old_rows())?;
        rising("inserted rows", &self.inserted_at, self.new_rows())?;
        for inserted in self.inserted.iter().flatten() {
            same("inserted rows", &self.inserted_at.len(), &inserted.rows())?;
        }
        let mut next = 0;
        for update in &self.updated {
            let column = update.column as usize;
            if column < next || self.inserted_in(column).is_none() {
                return Err(PatchError::Positions { what: "updated columns" });
            }
            next = column + 1;
            rising("updated rows", &update.positions, self.old_rows())?;
            if update.positions.is_empty() || have_common(&update.positions, &self.deleted) {
                return Err(PatchError::Positions { what: "updated rows" });
            }
            same("updated rows", &update.positions.len(), &update.values.rows())?;
            let inserted = self.inserted_in(column).map(|inserted| inserted.values().data_type());
            same("type of a column", &inserted, &Some(update.values.values().data_type()))?;
        }
        Ok(self)
    }

    fn new_rows_or_zero(&self) -> usize {
        (self.old_rows() + self.inserted_at.len()).saturating_sub(self.deleted.len())
    }
}

impl PartialEq for Update {
    fn eq(&self, other: &Self) -> bool {
        self.column == other.column && self.positions == other.positions && equal(&self.values, &other.values)
    }
}

impl PartialEq for Patch {
    fn eq(&self, other: &Self) -> bool {
        let alike = |(left, right): (&Option<Column>, &Option<Column>)| match (left, right) {
            (Some(left), Some(right)) => equal(left, right),
            (left, right) => left.is_none() && right.is_none(),
        };
        self.old_rows == other.old_rows
            && self.deleted == other.deleted
            && self.updated == other.updated
            && self.inserted_at == other.inserted_at
            && self.inserted.len() == other.inserted.len()
            && self.inserted.iter().zip(&other.inserted).all(alike)
    }
}

/// The same type, values bit for bit, nulls and exceptions.
fn equal(left: &Column, right: &Column) -> bool {
    let (left, right) = (crate::cells::Cells::new(left), crate::cells::Cells::new(right));
    left.data_type() == right.data_type() && left.rows() == right.rows() && left.iter().eq(right.iter())
}

fn types(batch: &RowBatch) -> Vec<DataType> {
    batch.columns().iter().map(|column| column.values().data_type().clone()).collect()
}

fn most(what: &'static str, found: usize, most: u64) -> Result<(), PatchError> {
    if found as u64 > most { Err(PatchError::TooLarge { what, most }) } else { Ok(()) }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &'static str, expected: &T, found: &T) -> Result<(), PatchError> {
    if expected == found {
        return Ok(());
    }
    Err(PatchError::Mismatch { what, expected: format!("{expected:?}"), found: format!("{found:?}") })
}

fn rising(what: &'static str, positions: &[u32], rows: usize) -> Result<(), PatchError> {
    let rise = positions.windows(2).all(|pair| pair[0] < pair[1]);
    let fit = positions.last().is_none_or(|last| (*last as usize) < rows);
    if rise && fit { Ok(()) } else { Err(PatchError::Positions { what }) }
}

/// Whether two rising lists share a number.
fn have_common(left: &[u32], right: &[u32]) -> bool {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        match a.cmp(b) {
            std::cmp::Ordering::Less => left.next(),
            std::cmp::Ordering::Greater => right.next(),
            std::cmp::Ordering::Equal => return true,
        };
    }
    false
}
