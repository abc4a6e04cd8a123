//! The least and the greatest value of a column.

use crate::cells::{Cell, Cells};
use crate::codec::{CodecError, Reader};
use crate::key::{Form, TYPED, form, put_part};
use arrow_array::{ArrayRef, make_array};
use arrow_buffer::Buffer;
use arrow_data::ArrayData;
use arrow_schema::DataType;
use std::cmp::Ordering;

/// Bytes kept of a bound, at most.
pub const MAX_BOUND_LEN_BYTES: usize = 64;

/// A typed value as the part of a normalised key ([`crate::key`]), or the first 64 bytes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bound {
    bytes: Vec<u8>,
    is_exact: bool,
}

impl Bound {
    /// Of a typed value of any length: of a text no more is looked at than is kept.
    fn new(value: &[u8], form: Form) -> Self {
        let most = if form == Form::Escaped { value.len().min(MAX_BOUND_LEN_BYTES + 1) } else { value.len() };
        let mut bytes = Vec::new();
        put_part(form, Cell::Typed(&value[..most]), &mut bytes);
        let is_exact = bytes.len() <= MAX_BOUND_LEN_BYTES;
        bytes.truncate(MAX_BOUND_LEN_BYTES);
        Self { bytes, is_exact }
    }

    /// The part of the key, or its beginning.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// False when the value goes on behind these bytes.
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Whether the value may be as great as this part of a key.
    pub(super) fn reaches(&self, part: &[u8]) -> bool {
        self.bytes.as_slice() >= part || !self.is_exact && part.starts_with(&self.bytes)
    }

    /// A value that goes on is greater than one that ends.
    fn compare(&self, other: &Self) -> Ordering {
        self.bytes.cmp(&other.bytes).then(other.is_exact.cmp(&self.is_exact))
    }

    pub(super) fn least(self, other: Self) -> Self {
        if self.compare(&other).is_le() { self } else { other }
    }

    pub(super) fn greatest(self, other: Self) -> Self {
        if self.compare(&other).is_ge() { self } else { other }
    }
}

/// A bound as a value.
#[derive(Clone, PartialEq, Debug)]
pub enum BoundValue {
    /// A whole number, a truth, a date or a time as its column's type counts them.
    Integer(i64),
    /// A number of a float column.
    Float(f64),
    /// A text; cut short where the bound is not exact.
    Text(String),
    /// Bytes, or the bytes of a value of any other type; cut short where the bound is not exact.
    Bytes(Vec<u8>),
}

impl Bound {
    /// The value that this bound of a column of this type is.
    pub fn value(&self, data_type: &DataType) -> BoundValue {
        let part = self.bytes.get(1..).unwrap_or_default();
        let number = || part.try_into().map(u64::from_be_bytes).ok();
        let sign = 1u64 << 63;
        let found = match data_type {
            DataType::Float64 => {
                number().map(|n| BoundValue::Float(f64::from_bits(if n & sign == 0 { !n } else { n ^ sign })))
            }
            DataType::Utf8 => {
                // What is cut short may end in the middle of a character.
                let bytes = unescaped(part);
                let whole = match std::str::from_utf8(&bytes) {
                    Ok(text) => text.len(),
                    Err(error) => error.valid_up_to(),
                };
                Some(BoundValue::Text(String::from_utf8_lossy(&bytes[..whole]).into_owned()))
            }
            DataType::Binary => Some(BoundValue::Bytes(unescaped(part))),
            DataType::Boolean => part.first().map(|byte| BoundValue::Integer(i64::from(*byte))),
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                number().and_then(|n| i64::try_from(n).ok()).map(BoundValue::Integer)
            }
            DataType::Float32 | DataType::FixedSizeBinary(_) => None,
            _ => number().map(|n| BoundValue::Integer((n ^ sign) as i64)),
        };
        found.unwrap_or_else(|| BoundValue::Bytes(part.to_vec()))
    }
}

impl Bound {
    /// The bound as the one value of an array of its column's type; `None` where it is cut short, and of texts and bytes, which
    /// [`Bound::value`] gives.
    pub fn array(&self, data_type: &DataType) -> Option<ArrayRef> {
        let part = self.bytes.get(1..).filter(|_| self.is_exact)?;
        let mut native = part.to_vec();
        let first = native.first_mut()?;
        match form(data_type) {
            Form::Escaped => return None,
            Form::Plain | Form::Unsigned => {}
            Form::Signed => *first ^= 0x80,
            Form::Float if *first & 0x80 != 0 => *first ^= 0x80,
            Form::Float => native.iter_mut().for_each(|byte| *byte = !*byte),
        }
        if form(data_type) != Form::Plain {
            native.reverse();
            native.truncate(data_type.primitive_width()?);
        }
        let data = ArrayData::builder(data_type.clone()).len(1).add_buffer(Buffer::from(native)).align_buffers(true);
        data.build().ok().map(make_array)
    }
}

/// Bytes written as [`crate::key::put_escaped`] writes them, or the beginning of that.
fn unescaped(part: &[u8]) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), part);
    loop {
        match rest {
            [] | [0] | [0, 0, ..] => return bytes,
            [0, _, after @ ..] => {
                bytes.push(0);
                rest = after;
            }
            [byte, after @ ..] => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, is_exact: bool) -> Result<Bound, CodecError> {
    let len = usize::from(reader.byte("length of a bound")?);
    if len > MAX_BOUND_LEN_BYTES || (!is_exact && len < MAX_BOUND_LEN_BYTES) {
        return Err(reader.refuse("length of a bound", "too long, or cut too short"));
    }
    let bytes = reader.bytes(len, "bound")?.to_vec();
    if bytes.first() != Some(&TYPED) {
        return Err(reader.refuse("bound", "no typed value"));
    }
    Ok(Bound { bytes, is_exact })
}

/// The least and the greatest typed value.
pub(super) fn of(cells: &Cells<'_>) -> Option<(Bound, Bound)> {
    let form = form(cells.data_type());
    let is_number = matches!(form, Form::Signed | Form::Unsigned | Form::Float);
    let width = if cells.is_variable() { 0 } else { cells.fixed().len() / cells.rows().max(1) };
    let (least, most) = match (is_number, width) {
        (true, 1..=8) => numbers(cells, width, |bytes| ordinal(bytes, form))?,
        (true, 16) => numbers(cells, width, |bytes| bytes.try_into().map_or(0, i128::from_le_bytes))?,
        (true, _) => extremes(cells, |left, right| wide(left).cmp(&wide(right)))?,
        (false, _) => texts(cells)?,
    };
    let bound = |row: usize| Bound::new(cells.bytes(row), form);
    Some((bound(least), bound(most)))
}

/// Rows of the least and the greatest number, in the order of what stands for them.
fn numbers<N: Ord + Copy>(cells: &Cells<'_>, width: usize, number: impl Fn(&[u8]) -> N) -> Option<(usize, usize)> {
    let mut found: Option<[(N, usize); 2]> = None;
    let rows = cells.fixed().chunks_exact(width).enumerate();
    for (row, bytes) in rows.filter(|(row, _)| cells.is_typed(*row)) {
        let number = number(bytes);
        let [least, most] = found.get_or_insert([(number, row); 2]);
        if number < least.0 {
            *least = (number, row);
        }
        if number > most.0 {
            *most = (number, row);
        }
    }
    found.map(|[least, most]| (least.1, most.1))
}

/// A number whose order is that of values.
fn ordinal(bytes: &[u8], form: Form) -> u64 {
    // At the upper end, so that the sign is the first bit.
    let number = match *bytes {
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])) << 32,
        [a, b] => u64::from(u16::from_le_bytes([a, b])) << 48,
        [a] => u64::from(a) << 56,
        _ => 0,
    };
    let sign = 1 << 63;
    match form {
        Form::Unsigned => number,
        Form::Float if number & sign != 0 => !number,
        _ => number ^ sign,
    }
}

/// A signed number of more than 64 bits in parts whose order is that of values: the last bytes first, the sign turned.
fn wide(bytes: &[u8]) -> [u128; 2] {
    let part = |bytes: &[u8]| bytes.try_into().map_or(0, u128::from_le_bytes);
    let at = bytes.len().saturating_sub(16);
    let (low, high) = bytes.split_at(at);
    [part(high) ^ (1 << 127), part(low)]
}

/// Rows of the least and the greatest run of bytes. Most differ in their first eight, which are compared as a number.
fn texts(cells: &Cells<'_>) -> Option<(usize, usize)> {
    let mut typed = cells.typed().map(|(row, bytes)| (start(bytes), bytes, row));
    let first = typed.next()?;
    let (mut least, mut most) = (first, first);
    for text in typed {
        let (start, bytes, _) = text;
        if start < least.0 || start == least.0 && bytes < least.1 {
            least = text;
        } else if start > most.0 || start == most.0 && bytes > most.1 {
            most = text;
        }
    }
    Some((least.2, most.2))
}

/// The first eight bytes, followed by zeros where there are fewer: where these differ, they order as the whole does.
fn start(bytes: &[u8]) -> u64 {
    let mut start = [0; 8];
    let len = bytes.len().min(8);
    start[..len].copy_from_slice(&bytes[..len]);
    u64::from_be_bytes(start)
}

fn extremes(cells: &Cells<'_>, compare: impl Fn(&[u8], &[u8]) -> Ordering) -> Option<(usize, usize)> {
    let mut typed = cells.typed();
    let first = typed.next()?;
    let (mut least, mut most) = (first, first);
    for (row, bytes) in typed {
        if compare(bytes, least.1).is_lt() {
            least = (row, bytes);
        } else if compare(bytes, most.1).is_gt() {
            most = (row, bytes);
        }
    }
    Some((least.0, most.0))
}
