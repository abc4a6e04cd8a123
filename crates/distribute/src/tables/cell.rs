//! Single values of tables, apart from the columns they stand in.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_process_table::{Bound, BoundValue};
use std::borrow::Cow;

/// Exceptions as sources number them: SQLite all of these (`datakeep_source_sqlite`), PostgreSQL texts alone.
pub(crate) const INTEGER: u8 = 2;
pub(crate) const REAL: u8 = 3;
pub(crate) const TEXT: u8 = 4;
pub(crate) const BLOB: u8 = 5;
pub(crate) const WIDE_TEXT: u8 = 6;

const SIGN: u64 = 1 << 63;

/// One value. Two are equal when they are the same value bit for bit, whatever the types of their columns.
#[derive(Clone, Debug, Default)]
pub enum Cell {
    /// Nothing.
    #[default]
    Null,
    /// Truth.
    Bool(bool),
    /// A signed integer.
    Integer(i64),
    /// An integer beyond the signed ones.
    Unsigned(u64),
    /// A number in binary floating point.
    Real(f64),
    /// Text.
    Text(String),
    /// Text whose bytes are no UTF-8.
    RawText(Vec<u8>),
    /// Text that UTF-8 cannot say, in UTF-16 big-endian.
    WideText(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
    /// A date, a time, an instant or a decimal number, as it is written.
    Written(String),
    /// What only the source of this value can name.
    Unknown {
        /// Its kind.
        kind: u8,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

/// The values of one row, in the order of its table's columns.
pub type Row = Vec<Cell>;

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for Cell {}

impl Cell {
    /// Its class and its bytes: the same for equal values, and for no others.
    fn canonical(&self) -> (u8, Cow<'_, [u8]>) {
        let owned = |bytes: [u8; 8]| Cow::Owned(bytes.to_vec());
        match self {
            Self::Null => (0, Cow::Borrowed(&[])),
            Self::Bool(truth) => (1, Cow::Owned(vec![u8::from(*truth)])),
            Self::Integer(number) => (2, owned(number.to_le_bytes())),
            Self::Unsigned(number) => match i64::try_from(*number) {
                Ok(number) => (2, owned(number.to_le_bytes())),
                Err(_) => (3, owned(number.to_le_bytes())),
            },
            Self::Real(number) => (4, owned(number.to_bits().to_le_bytes())),
            Self::Text(text) => (5, Cow::Borrowed(text.as_bytes())),
            Self::RawText(bytes) => (6, Cow::Borrowed(bytes)),
            Self::WideText(bytes) => (7, Cow::Borrowed(bytes)),
            Self::Blob(bytes) => (8, Cow::Borrowed(bytes)),
            Self::Written(text) => (9, Cow::Borrowed(text.as_bytes())),
            Self::Unknown { kind, bytes } => (10, Cow::Owned([&[*kind], bytes.as_slice()].concat())),
        }
    }

    /// Appends class, length and bytes: rows written so are equal when their bytes are.
    pub(crate) fn put(&self, to: &mut Vec<u8>) {
        let (class, bytes) = self.canonical();
        to.push(class);
        to.extend((bytes.len() as u64).to_le_bytes());
        to.extend_from_slice(&bytes);
    }

    /// True for nothing.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value of a row of a column; nothing beyond its rows.
    pub fn of(column: &Column, row: usize) -> Self {
        let values = column.values();
        if row >= values.len() {
            return Self::Null;
        }
        if values.is_valid(row) {
            return typed(values, row);
        }
        let exceptions = column.exceptions();
        let at = exceptions.binary_search_by_key(&row, |exception| exception.row as usize);
        at.ok().and_then(|at| exceptions.get(at)).map_or(Self::Null, Self::of_exception)
    }

    /// What an exception is.
    pub fn of_exception(exception: &Exception) -> Self {
        let Exception { kind, bytes, .. } = exception;
        let number = || <[u8; 8]>::try_from(bytes.as_slice()).ok().map(u64::from_be_bytes);
        let real = |bits: u64| f64::from_bits(if bits & SIGN == 0 { !bits } else { bits ^ SIGN });
        match (*kind, number()) {
            (INTEGER, Some(bits)) => Self::Integer((bits ^ SIGN).cast_signed()),
            (REAL, Some(bits)) => Self::Real(real(bits)),
            (TEXT, _) => match std::str::from_utf8(bytes) {
                Ok(text) => Self::Text(text.to_owned()),
                Err(_) => Self::RawText(bytes.clone()),
            },
            (BLOB, _) => Self::Blob(bytes.clone()),
            (WIDE_TEXT, _) => Self::WideText(bytes.clone()),
            (kind, _) => Self::Unknown { kind, bytes: bytes.clone() },
        }
    }

    /// It as an exception of a column whose type does not hold it; `None` where there is no kind for it.
    pub(crate) fn to_exception(&self) -> Option<(u8, Vec<u8>)> {
        let real = |bits: u64| if bits & SIGN == 0 { bits | SIGN } else { !bits };
        Some(match self {
            Self::Integer(number) => (INTEGER, (number.cast_unsigned() ^ SIGN).to_be_bytes().to_vec()),
            Self::Real(number) => (REAL, real(number.to_bits()).to_be_bytes().to_vec()),
            Self::Text(text) => (TEXT, text.as_bytes().to_vec()),
            Self::RawText(bytes) => (TEXT, bytes.clone()),
            Self::Blob(bytes) => (BLOB, bytes.clone()),
            Self::WideText(bytes) => (WIDE_TEXT, bytes.clone()),
            Self::Unknown { kind, bytes } => (*kind, bytes.clone()),
            Self::Null | Self::Bool(_) | Self::Unsigned(_) | Self::Written(_) => return None,
        })
    }
}

impl Cell {
    /// The bound of a column of this type, as far as it is known; the second is true where the value goes on behind it.
    pub fn of_bound(bound: &Bound, data_type: &DataType) -> (Self, bool) {
        let cell = match bound.array(data_type) {
            Some(value) => typed(&value, 0),
            None => match bound.value(data_type) {
                BoundValue::Integer(number) => Self::Integer(number),
                BoundValue::Float(number) => Self::Real(number),
                BoundValue::Text(text) => Self::Text(text),
                BoundValue::Bytes(bytes) => Self::Blob(bytes),
            },
        };
        (cell, !bound.is_exact())
    }
}

/// One row of a run.
pub fn row_of(batch: &RowBatch, row: usize) -> Row {
    batch.columns().iter().map(|column| Cell::of(column, row)).collect()
}

fn native<T: ArrowPrimitiveType>(values: &ArrayRef, row: usize) -> T::Native {
    values.as_primitive::<T>().value(row)
}

fn typed(values: &ArrayRef, row: usize) -> Cell {
    use DataType as T;
    match values.data_type() {
        T::Boolean => Cell::Bool(values.as_boolean().value(row)),
        T::Int8 => Cell::Integer(native::<Int8Type>(values, row).into()),
        T::Int16 => Cell::Integer(native::<Int16Type>(values, row).into()),
        T::Int32 => Cell::Integer(native::<Int32Type>(values, row).into()),
        T::Int64 => Cell::Integer(native::<Int64Type>(values, row)),
        T::UInt8 => Cell::Integer(native::<UInt8Type>(values, row).into()),
        T::UInt16 => Cell::Integer(native::<UInt16Type>(values, row).into()),
        T::UInt32 => Cell::Integer(native::<UInt32Type>(values, row).into()),
        T::UInt64 => Cell::Unsigned(native::<UInt64Type>(values, row)),
        T::Float32 => Cell::Real(native::<Float32Type>(values, row).into()),
        T::Float64 => Cell::Real(native::<Float64Type>(values, row)),
        T::Utf8 => Cell::Text(values.as_string::<i32>().value(row).to_owned()),
        T::Binary => Cell::Blob(values.as_binary::<i32>().value(row).to_vec()),
        T::FixedSizeBinary(_) => Cell::Blob(values.as_fixed_size_binary().value(row).to_vec()),
        _ => Cell::Written(written(values, row)),
    }
}

fn written(values: &ArrayRef, row: usize) -> String {
    let or_number = |text: Option<String>, number: i64| text.unwrap_or_else(|| number.to_string());
    match values.data_type() {
        DataType::Date32 => {
            let dates = values.as_primitive::<Date32Type>();
            or_number(dates.value_as_date(row).map(|date| date.to_string()), dates.value(row).into())
        }
        DataType::Time64(_) => {
            let times = values.as_primitive::<Time64MicrosecondType>();
            or_number(times.value_as_time(row).map(|time| time.to_string()), times.value(row))
        }
        DataType::Timestamp(_, zone) => {
            let instants = values.as_primitive::<TimestampMicrosecondType>();
            let end = if zone.is_some() { "Z" } else { "" };
            let text = instants.value_as_datetime(row).map(|instant| format!("{}{end}", instant.format("%FT%T%.f")));
            or_number(text, instants.value(row))
        }
        DataType::Decimal128(..) => values.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Decimal256(..) => values.as_primitive::<Decimal256Type>().value_as_string(row),
        other => format!("a value of type {other}"),
    }
}
