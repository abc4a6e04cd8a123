//! Rows as the bytes that `COPY ... FROM STDIN` takes: as text, which every type understands, or in binary, which is exact for
//! floats and faster, where all columns can be had so.

mod binary;
mod text;

use crate::types::Lane;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StringArray};
use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};
use datakeep_connector::rows::{Column, Exception, RowBatch};

/// Bytes that are handed over at once.
const PIECE_BYTES: usize = 256 * 1024;

/// In which form rows are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    Text,
    Binary,
}

/// What a column holds, by the type of its values.
enum Values<'a> {
    Bool(&'a BooleanArray),
    Int2(&'a PrimitiveArray<Int16Type>),
    Int4(&'a PrimitiveArray<Int32Type>),
    Int8(&'a PrimitiveArray<Int64Type>),
    Oid(&'a PrimitiveArray<UInt32Type>),
    Float4(&'a PrimitiveArray<Float32Type>),
    Float8(&'a PrimitiveArray<Float64Type>),
    Decimal(&'a PrimitiveArray<Decimal128Type>, u8),
    WideDecimal(&'a PrimitiveArray<Decimal256Type>, u8),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a PrimitiveArray<Time64MicrosecondType>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>, bool),
    Text(&'a StringArray),
    Uuid(&'a FixedSizeBinaryArray),
    Bytes(&'a BinaryArray),
}

/// One value.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    /// The text that the server wrote for what the type of the column cannot hold.
    Exact(&'a [u8]),
    Bool(bool),
    Int(i64),
    Float4(f32),
    Float8(f64),
    /// A number and how many of its digits are behind the point.
    Decimal(i128, u8),
    WideDecimal(i256, u8),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970, and whether they are of a time zone.
    Timestamp(i64, bool),
    Text(&'a [u8]),
    Uuid(&'a [u8]),
    Bytes(&'a [u8]),
}

impl<'a> Values<'a> {
    /// `None` for a type that no column of a server has here.
    fn of(values: &'a ArrayRef) -> Option<Self> {
        Some(match values.data_type() {
            DataType::Boolean => Self::Bool(values.as_boolean()),
            DataType::Int16 => Self::Int2(values.as_primitive()),
            DataType::Int32 => Self::Int4(values.as_primitive()),
            DataType::Int64 => Self::Int8(values.as_primitive()),
            DataType::UInt32 => Self::Oid(values.as_primitive()),
            DataType::Float32 => Self::Float4(values.as_primitive()),
            DataType::Float64 => Self::Float8(values.as_primitive()),
            DataType::Decimal128(_, scale @ 0..=38) => Self::Decimal(values.as_primitive(), *scale as u8),
            DataType::Decimal256(_, scale @ 0..=76) => Self::WideDecimal(values.as_primitive(), *scale as u8),
            DataType::Date32 => Self::Date(values.as_primitive()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(values.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => Self::Timestamp(values.as_primitive(), zone.is_some()),
            DataType::Utf8 => Self::Text(values.as_string()),
            DataType::FixedSizeBinary(16) => Self::Uuid(values.as_fixed_size_binary()),
            DataType::Binary => Self::Bytes(values.as_binary()),
            _ => return None,
        })
    }

    fn get(&self, row: usize) -> Value<'a> {
        match self {
            Self::Bool(values) => Value::Bool(values.value(row)),
            Self::Int2(values) => Value::Int(values.value(row).into()),
            Self::Int4(values) => Value::Int(values.value(row).into()),
            Self::Int8(values) => Value::Int(values.value(row)),
            Self::Oid(values) => Value::Int(values.value(row).into()),
            Self::Float4(values) => Value::Float4(values.value(row)),
            Self::Float8(values) => Value::Float8(values.value(row)),
            Self::Decimal(values, scale) => Value::Decimal(values.value(row), *scale),
            Self::WideDecimal(values, scale) => Value::WideDecimal(values.value(row), *scale),
            Self::Date(values) => Value::Date(values.value(row)),
            Self::Time(values) => Value::Time(values.value(row)),
            Self::Timestamp(values, has_zone) => Value::Timestamp(values.value(row), *has_zone),
            Self::Text(values) => Value::Text(values.value(row).as_bytes()),
            Self::Uuid(values) => Value::Uuid(values.value(row)),
            Self::Bytes(values) => Value::Bytes(values.value(row)),
        }
    }
}

/// The cells of a column, one after the other.
struct Cells<'a> {
    array: &'a ArrayRef,
    values: Values<'a>,
    exceptions: &'a [Exception],
    /// Bytes of the column are texts of no known encoding.
    is_raw_text: bool,
}

impl<'a> Cells<'a> {
    fn of(column: &'a Column, lane: Lane) -> Option<Self> {
        let (array, exceptions) = (column.values(), column.exceptions());
        Some(Self { array, values: Values::of(array)?, exceptions, is_raw_text: lane != Lane::Bytea })
    }

    /// The cell of this row; rows rise from call to call.
    fn next(&mut self, row: usize) -> Value<'a> {
        if self.array.is_valid(row) {
            return match self.values.get(row) {
                Value::Bytes(bytes) if self.is_raw_text => Value::Text(bytes),
                value => value,
            };
        }
        match self.exceptions.split_first() {
            Some((first, rest)) if first.row as usize == row => {
                self.exceptions = rest;
                Value::Exact(&first.bytes)
            }
            _ => Value::Null,
        }
    }
}

/// The form in which these rows can be written into columns of these lanes: binary where every value can, else text.
pub(crate) fn format(rows: &RowBatch, lanes: &[Lane]) -> Format {
    let fits = |(column, lane): (&Column, &Lane)| {
        lane.is_binary()
            && is_alike(&lane.data_type(), column.values().data_type())
            && column.exceptions().iter().all(|exception| binary::exact(*lane, &exception.bytes).is_some())
    };
    let all = rows.columns().len() == lanes.len() && !lanes.is_empty() && rows.columns().iter().zip(lanes).all(fits);
    if all { Format::Binary } else { Format::Text }
}

/// True when values of one type are those of the other: a number keeps its digits in any width.
fn is_alike(lane: &DataType, values: &DataType) -> bool {
    use DataType::{Decimal128, Decimal256};
    match (lane, values) {
        (Decimal128(_, one) | Decimal256(_, one), Decimal128(_, other) | Decimal256(_, other)) => one == other,
        (DataType::Utf8, DataType::Binary) => true,
        (one, other) => one == other,
    }
}

/// Writes rows; `give` gets them in pieces, whose boundaries mean nothing. `Err(None)`: a column has a type that cannot be written here.
pub(crate) fn rows<E>(
    rows: &RowBatch,
    (format, lanes): (Format, &[Lane]),
    give: &mut dyn FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<(), Option<E>> {
    let lanes_of = lanes.iter().copied().chain(std::iter::repeat(Lane::Exact));
    let cells = rows.columns().iter().zip(lanes_of).map(|(column, lane)| Cells::of(column, lane));
    let mut columns = cells.collect::<Option<Vec<_>>>().ok_or(None)?;
    let mut to = Pieces { to: piece(), give };
    for row in 0..rows.rows() {
        match format {
            Format::Text => text_row(&mut columns, row, &mut to),
            Format::Binary => binary_row(&mut columns, lanes, row, &mut to),
        }
        .and_then(|()| to.give_full())
        .map_err(Some)?;
    }
    if to.to.is_empty() { Ok(()) } else { (to.give)(to.to).map_err(Some) }
}

fn piece() -> Vec<u8> {
    Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4)
}

/// Bytes on their way.
struct Pieces<'g, E> {
    to: Vec<u8>,
    give: &'g mut dyn FnMut(Vec<u8>) -> Result<(), E>,
}

impl<E> Pieces<'_, E> {
    /// Hands over what makes a piece.
    fn give_full(&mut self) -> Result<(), E> {
        if self.to.len() < PIECE_BYTES {
            return Ok(());
        }
        (self.give)(std::mem::replace(&mut self.to, piece()))
    }

    /// Writes a value: a long one in parts, so that it does not stand in memory twice.
    fn put(
        &mut self,
        value: Value<'_>,
        put: impl FnOnce(&mut Vec<u8>),
        put_part: impl Fn(&[u8], bool, &mut Vec<u8>),
    ) -> Result<(), E> {
        let (Value::Text(bytes) | Value::Bytes(bytes)) = value else {
            put(&mut self.to);
            return Ok(());
        };
        if bytes.len() < PIECE_BYTES {
            put(&mut self.to);
            return Ok(());
        }
        for (number, part) in bytes.chunks(PIECE_BYTES).enumerate() {
            put_part(part, number == 0, &mut self.to);
            self.give_full()?;
        }
        Ok(())
    }
}

/// A row of a table without columns, as text.
pub(crate) const EMPTY_ROW: &[u8] = b"\n";

fn text_row<E>(columns: &mut [Cells<'_>], row: usize, to: &mut Pieces<'_, E>) -> Result<(), E> {
    for (place, cells) in columns.iter_mut().enumerate() {
        if place > 0 {
            to.to.push(b'\t');
        }
        let value = cells.next(row);
        to.put(value, |to| text::put(value, to), |part, is_first, to| text::put_part(value, part, is_first, to))?;
    }
    to.to.push(b'\n');
    Ok(())
}

/// What a stream in binary begins with.
pub(crate) fn begin(format: Format) -> Option<Vec<u8>> {
    let header = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
    (format == Format::Binary).then(|| header.to_vec())
}

/// What a stream in binary ends with.
pub(crate) fn end(format: Format) -> Option<Vec<u8>> {
    (format == Format::Binary).then(|| vec![0xff, 0xff])
}

fn binary_row<E>(columns: &mut [Cells<'_>], lanes: &[Lane], row: usize, to: &mut Pieces<'_, E>) -> Result<(), E> {
    to.to.extend_from_slice(&(columns.len() as i16).to_be_bytes());
    for (cells, lane) in columns.iter_mut().zip(lanes) {
        let value = cells.next(row);
        let long = |part: &[u8], is_first, to: &mut Vec<u8>| {
            let len = if let Value::Text(bytes) | Value::Bytes(bytes) = value { bytes.len() } else { 0 };
            binary::put_part(*lane, (value, len), part, is_first, to);
        };
        to.put(value, |to| binary::put(*lane, value, to), long)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
