//! Column chunks: the typed values of one column of a group, as a finished Parquet column chunk.
//!
//! Pages are position independent, so a chunk can stand in any file: a group, or a whole table, is a virtual Parquet file with
//! a computed footer, and an export is a splice. Which encoding a column gets is chosen per column ([`choose`]) and kept by the
//! caller; identity ([`crate::hash`]) is over values, so the choice may change at any time.

mod choose;
mod decode;
mod deltas;
mod encode;
mod form;
#[cfg(test)]
mod hostile;
mod inside;
mod metadata;
mod pages;
mod rows;
mod runs;
mod splice;
#[cfg(test)]
mod tests;

pub use choose::choose;
pub use decode::decode;
pub use encode::encode;
pub use form::ChunkForm;
pub use metadata::column_metadata;
pub use rows::decode_rows;
pub use splice::splice;

use crate::cells::{Cells, width};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use std::sync::Arc;

/// Rows of one chunk, at most.
pub const MAX_ROWS: usize = 1 << 20;
/// Bytes of one chunk before compression, and of its values, at most each: 256 MiB.
pub const MAX_LEN_BYTES: u64 = 256 << 20;

/// How the values of a column are written before compression. Numbers are part of the format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Layout {
    /// One after another.
    Plain = 0,
    /// Each distinct value once, then numbers: for few distinct values.
    Dictionary = 1,
    /// Differences of integers, bit-packed.
    Delta = 2,
    /// Lengths as differences, then all bytes.
    DeltaLength = 3,
    /// What each text shares with the one before, then the rest.
    DeltaText = 4,
    /// All first bytes, then all second ones, ...: for floats.
    Streams = 5,
}

impl Layout {
    /// The layout of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        use Layout as L;
        let all = [L::Plain, L::Dictionary, L::Delta, L::DeltaLength, L::DeltaText, L::Streams];
        all.into_iter().find(|layout| *layout as u8 == number)
    }

    fn encoding(self) -> Encoding {
        match self {
            Self::Plain | Self::Dictionary => Encoding::PLAIN,
            Self::Delta => Encoding::DELTA_BINARY_PACKED,
            Self::DeltaLength => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            Self::DeltaText => Encoding::DELTA_BYTE_ARRAY,
            Self::Streams => Encoding::BYTE_STREAM_SPLIT,
        }
    }
}

/// True when a column of this type can be written so.
pub fn suits(layout: Layout, data_type: &DataType) -> bool {
    use DataType as T;
    match layout {
        Layout::Plain | Layout::Dictionary => true,
        Layout::Delta => match data_type {
            T::Boolean | T::Float32 | T::Float64 | T::Utf8 | T::Binary | T::FixedSizeBinary(_) | T::Decimal256(..) => {
                false
            }
            // Up to 18 digits are written as an integer.
            T::Decimal128(precision, _) => *precision <= 18,
            _ => true,
        },
        Layout::DeltaLength => matches!(data_type, T::Utf8 | T::Binary),
        Layout::DeltaText => match data_type {
            T::Utf8 | T::Binary | T::FixedSizeBinary(_) => true,
            T::Decimal128(precision, _) | T::Decimal256(precision, _) => *precision > 18,
            _ => false,
        },
        Layout::Streams => matches!(data_type, T::Float32 | T::Float64),
    }
}

/// Why a chunk cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// The Parquet library says so.
    #[error("column chunk: {0}")]
    Parquet(#[from] ParquetError),
    /// The layout is not for this type.
    #[error("column chunk: the layout {layout:?} is not for {data_type}")]
    Unsuited {
        /// The layout.
        layout: Layout,
        /// The type.
        data_type: DataType,
    },
    /// It is beyond a limit.
    #[error("column chunk: {found} {what}, at most {most} are possible")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        found: u64,
        /// The limit.
        most: u64,
    },
    /// The bytes hold something else than their form says.
    #[error("column chunk: {what}: expected {expected}, found {found}")]
    Unexpected {
        /// What was compared.
        what: &'static str,
        /// What was described.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// A page is harmed.
    #[error("column chunk: page at byte {at_byte}: {why}")]
    Page {
        /// Where, from the chunk's first byte.
        at_byte: usize,
        /// What is wrong.
        why: &'static str,
    },
}

fn schema_of(data_type: &DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("c", data_type.clone(), true)]))
}

/// Bytes of all typed values of an array.
pub(crate) fn values_len_bytes(values: &ArrayRef) -> u64 {
    if let Some(width) = width(values.data_type()) {
        return ((values.len() - values.null_count()) * width) as u64;
    }
    let Ok(column) = datakeep_connector::rows::Column::new(values.clone(), Vec::new()) else { return 0 };
    let cells = Cells::new(&column);
    let (offsets, _) = cells.variable();
    if cells.typed_rows() == cells.rows() {
        return offsets.last().zip(offsets.first()).map_or(0, |(last, first)| (last - first) as u64);
    }
    (0..cells.rows()).filter(|&row| cells.is_typed(row)).map(|row| (offsets[row + 1] - offsets[row]) as u64).sum()
}
