//! Values of one column, as a server sends them.

use super::text::{Texts, is_text_type};
use super::time::{date, time, timestamp};
use super::{BATCH_BYTES, Malformed, numeric};
use crate::types::{EXACT_TEXT, Lane};
use arrow_array::builder::BooleanBuilder;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use arrow_array::{ArrayRef, FixedSizeBinaryArray, PrimitiveArray, new_null_array};
use arrow_buffer::{Buffer, NullBufferBuilder, ScalarBuffer};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, ColumnError, Exception};
use std::sync::Arc;

/// How the values of a column travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Date,
    Time,
    Timestamp,
    /// Bytes, of which the first so many say nothing.
    Text {
        skip: usize,
    },
    Uuid,
    /// Texts for a column whose type holds none: each is an exception.
    Foreign,
}

impl Form {
    /// The form of a column's values where its type is the one that its lane has, or holds the same bytes; `None` where values
    /// have to be written as texts.
    pub fn of(lane: Lane, data_type: &DataType) -> Option<Self> {
        let form = match lane {
            Lane::Text | Lane::Bytea => Self::Text { skip: 0 },
            Lane::Jsonb => Self::Text { skip: 1 },
            Lane::Bool => Self::Bool,
            Lane::Int2 => Self::Int2,
            Lane::Int4 => Self::Int4,
            Lane::Int8 => Self::Int8,
            Lane::Oid => Self::Oid,
            Lane::Float4 => Self::Float4,
            Lane::Float8 => Self::Float8,
            Lane::Numeric { .. } => Self::Numeric,
            Lane::Date => Self::Date,
            Lane::Time => Self::Time,
            Lane::Timestamp | Lane::TimestampTz => Self::Timestamp,
            Lane::Uuid => Self::Uuid,
            Lane::Exact => return None,
        };
        let holds_any_text = matches!(lane, Lane::Text | Lane::Jsonb) && is_text_type(data_type);
        (holds_any_text || lane.data_type() == *data_type).then_some(form)
    }

    /// The form of values that are written as texts.
    pub fn of_written(data_type: &DataType) -> Self {
        if is_text_type(data_type) { Self::Text { skip: 0 } } else { Self::Foreign }
    }
}

/// A column that is being filled.
pub(crate) struct Building {
    values: Values,
    nulls: NullBufferBuilder,
    exceptions: Vec<Exception>,
    /// What of a value was taken that is no text for a column of texts, and goes on.
    gathered: Vec<u8>,
}

/// Values shorter than this are waited for until they are there; of longer ones parts are taken.
const LONG_BYTES: usize = 64 << 10;
/// No value of PostgreSQL is longer.
const MAX_VALUE_BYTES: usize = 1 << 30;

enum Values {
    Bools(BooleanBuilder),
    Int2(Vec<i16>),
    Int4(Vec<i32>),
    Int8(Vec<i64>),
    Oids(Vec<u32>),
    Float4(Vec<f32>),
    Float8(Vec<f64>),
    Short { values: Vec<i128>, precision: u8, scale: u8 },
    Long { values: Vec<arrow_buffer::i256>, precision: u8, scale: u8 },
    Dates(Vec<i32>),
    Times(Vec<i64>),
    Timestamps { values: Vec<i64>, zone: Option<Arc<str>> },
    Texts(Texts),
    Uuids(Vec<u8>),
    Foreign(DataType),
}

/// A value that its column's type cannot hold, as the text that the server writes for it.
pub(crate) struct Unfit(pub String);

impl Building {
    /// A column of this form and type; `None` where the two do not go together.
    pub fn new(form: Form, data_type: &DataType) -> Option<Self> {
        let values = match (form, data_type) {
            (Form::Bool, DataType::Boolean) => Values::Bools(BooleanBuilder::new()),
            (Form::Int2, DataType::Int16) => Values::Int2(Vec::new()),
            (Form::Int4, DataType::Int32) => Values::Int4(Vec::new()),
            (Form::Int8, DataType::Int64) => Values::Int8(Vec::new()),
            (Form::Oid, DataType::UInt32) => Values::Oids(Vec::new()),
            (Form::Float4, DataType::Float32) => Values::Float4(Vec::new()),
            (Form::Float8, DataType::Float64) => Values::Float8(Vec::new()),
            (Form::Numeric, DataType::Decimal128(precision, scale)) => {
                Values::Short { values: Vec::new(), precision: *precision, scale: u8::try_from(*scale).ok()? }
            }
            (Form::Numeric, DataType::Decimal256(precision, scale)) => {
                Values::Long { values: Vec::new(), precision: *precision, scale: u8::try_from(*scale).ok()? }
            }
            (Form::Date, DataType::Date32) => Values::Dates(Vec::new()),
            (Form::Time, DataType::Time64(_)) => Values::Times(Vec::new()),
            (Form::Timestamp, DataType::Timestamp(_, zone)) => {
                Values::Timestamps { values: Vec::new(), zone: zone.clone() }
            }
            (Form::Text { skip }, DataType::Utf8) => Values::Texts(Texts::new(skip, true)),
            (Form::Text { skip }, DataType::Binary) => Values::Texts(Texts::new(skip, false)),
            (Form::Uuid, DataType::FixedSizeBinary(16)) => Values::Uuids(Vec::new()),
            (Form::Foreign, other) => Values::Foreign(other.clone()),
            _ => return None,
        };
        Some(Self { values, nulls: NullBufferBuilder::new(0), exceptions: Vec::new(), gathered: Vec::new() })
    }

    /// Adds the value of a row.
    #[inline]
    pub fn push(&mut self, row: u32, value: &[u8]) -> Result<(), Malformed> {
        match &mut self.values {
            Values::Texts(to) => to.push(value)?,
            Values::Int4(to) => to.push(i32::from_be_bytes(fixed(value)?)),
            Values::Int8(to) => to.push(i64::from_be_bytes(fixed(value)?)),
            Values::Short { values, precision, scale } => match numeric::short(value, *precision, *scale)? {
                Ok(number) => values.push(number),
                Err(unfit) => return self.push_unfit(row, unfit),
            },
            Values::Dates(to) => match date(i32::from_be_bytes(fixed(value)?)) {
                Ok(days) => to.push(days),
                Err(unfit) => return self.push_unfit(row, unfit),
            },
            Values::Bools(to) => to.append_value(fixed::<1>(value)?[0] != 0),
            Values::Int2(to) => to.push(i16::from_be_bytes(fixed(value)?)),
            Values::Oids(to) => to.push(u32::from_be_bytes(fixed(value)?)),
            Values::Float4(to) => to.push(f32::from_be_bytes(fixed(value)?)),
            Values::Float8(to) => to.push(f64::from_be_bytes(fixed(value)?)),
            Values::Uuids(to) => to.extend_from_slice(&fixed::<16>(value)?),
            _ => return self.push_rare(row, value),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    /// Begins a value of this length, of which these bytes have come. False where it is so short that it is to be waited for.
    #[cold]
    pub fn begin(&mut self, len: usize, part: &[u8]) -> Result<bool, Malformed> {
        if len > MAX_VALUE_BYTES {
            return Err(Malformed("a value is longer than any can be"));
        }
        let can_begin = len > LONG_BYTES && !part.is_empty();
        if can_begin {
            match &mut self.values {
                Values::Texts(to) => to.begin(part)?,
                _ => self.gathered = part.to_vec(),
            }
        }
        Ok(can_begin)
    }

    /// Goes on with the value that was begun.
    pub fn go_on(&mut self, part: &[u8]) {
        match &mut self.values {
            Values::Texts(to) => to.go_on(part),
            _ => self.gathered.extend_from_slice(part),
        }
    }

    /// Ends it: the value of a row.
    pub fn end(&mut self, row: u32) -> Result<(), Malformed> {
        let gathered = std::mem::take(&mut self.gathered);
        match &mut self.values {
            Values::Texts(to) => to.push_empty(),
            Values::Foreign(_) => {
                self.push_exception(row, gathered);
                return Ok(());
            }
            _ => return self.push(row, &gathered),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    fn push_rare(&mut self, row: u32, value: &[u8]) -> Result<(), Malformed> {
        let unfit = match &mut self.values {
            Values::Timestamps { values, zone } => {
                timestamp(i64::from_be_bytes(fixed(value)?), zone.is_some()).map(|micros| values.push(micros)).err()
            }
            Values::Times(to) => time(i64::from_be_bytes(fixed(value)?)).map(|micros| to.push(micros)).err(),
            Values::Long { values, precision, scale } => {
                numeric::long(value, *precision, *scale)?.map(|number| values.push(number)).err()
            }
            _ => {
                self.push_exception(row, value.to_vec());
                return Ok(());
            }
        };
        match unfit {
            Some(unfit) => return self.push_unfit(row, unfit),
            None => self.nulls.append_non_null(),
        }
        Ok(())
    }

    #[cold]
    fn push_unfit(&mut self, row: u32, Unfit(text): Unfit) -> Result<(), Malformed> {
        self.push_exception(row, text.into_bytes());
        Ok(())
    }

    fn push_exception(&mut self, row: u32, bytes: Vec<u8>) {
        self.push_null();
        self.exceptions.push(Exception { row, kind: EXACT_TEXT, bytes });
    }

    /// Adds a null, or the empty place of an exception.
    #[inline]
    pub fn push_null(&mut self) {
        self.nulls.append_null();
        match &mut self.values {
            // It has its own nulls.
            Values::Bools(to) => to.append_null(),
            Values::Int2(to) => to.push(0),
            Values::Int4(to) | Values::Dates(to) => to.push(0),
            Values::Int8(to) | Values::Times(to) => to.push(0),
            Values::Timestamps { values, .. } => values.push(0),
            Values::Oids(to) => to.push(0),
            Values::Float4(to) => to.push(0.0),
            Values::Float8(to) => to.push(0.0),
            Values::Short { values, .. } => values.push(0),
            Values::Long { values, .. } => values.push(arrow_buffer::i256::ZERO),
            Values::Texts(to) => to.push_empty(),
            Values::Uuids(to) => to.extend_from_slice(&[0; 16]),
            Values::Foreign(_) => {}
        }
    }

    /// The column so far; what follows is of the next batch.
    pub fn finish(&mut self, rows: usize) -> Result<Column, ColumnError> {
        let nulls = self.nulls.finish();
        let exceptions = std::mem::take(&mut self.exceptions);
        let values: ArrayRef = match &mut self.values {
            Values::Texts(from) => return from.finish(nulls, exceptions),
            Values::Bools(from) => Arc::new(from.finish()),
            Values::Int2(from) => primitive::<Int16Type>(from, nulls),
            Values::Int4(from) => primitive::<Int32Type>(from, nulls),
            Values::Int8(from) => primitive::<Int64Type>(from, nulls),
            Values::Oids(from) => primitive::<UInt32Type>(from, nulls),
            Values::Float4(from) => primitive::<Float32Type>(from, nulls),
            Values::Float8(from) => primitive::<Float64Type>(from, nulls),
            Values::Dates(from) => primitive::<Date32Type>(from, nulls),
            Values::Times(from) => primitive::<Time64MicrosecondType>(from, nulls),
            Values::Timestamps { values, zone } => {
                Arc::new(taken::<TimestampMicrosecondType>(values, nulls).with_timezone_opt(zone.clone()))
            }
            Values::Short { values, precision, scale } => {
                let data_type = DataType::Decimal128(*precision, *scale as i8);
                Arc::new(taken::<Decimal128Type>(values, nulls).with_data_type(data_type))
            }
            Values::Long { values, precision, scale } => {
                let data_type = DataType::Decimal256(*precision, *scale as i8);
                Arc::new(taken::<Decimal256Type>(values, nulls).with_data_type(data_type))
            }
            Values::Uuids(from) => {
                let bytes = Buffer::from_vec(emptied(from));
                Arc::new(FixedSizeBinaryArray::new(16, bytes, nulls))
            }
            Values::Foreign(data_type) => new_null_array(data_type, rows),
        };
        Column::new(values, exceptions)
    }
}

#[inline]
fn fixed<const LEN: usize>(value: &[u8]) -> Result<[u8; LEN], Malformed> {
    value.try_into().map_err(|_| Malformed("a value has another length than its type"))
}

fn primitive<T: ArrowPrimitiveType>(values: &mut Vec<T::Native>, nulls: Option<arrow_buffer::NullBuffer>) -> ArrayRef {
    Arc::new(taken::<T>(values, nulls))
}

fn taken<T: ArrowPrimitiveType>(
    values: &mut Vec<T::Native>,
    nulls: Option<arrow_buffer::NullBuffer>,
) -> PrimitiveArray<T> {
    PrimitiveArray::new(ScalarBuffer::from(emptied(values)), nulls)
}

/// What is in it; what follows finds as much room, if that is not much.
pub(super) fn emptied<T>(values: &mut Vec<T>) -> Vec<T> {
    let room = values.len().min(2 * BATCH_BYTES / size_of::<T>().max(1));
    std::mem::replace(values, Vec::with_capacity(room))
}
