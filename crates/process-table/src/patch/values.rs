//! Few values of one column as bytes, like beside like.
//!
//! | bytes | when |
//! |---|---|
//! | flags: 1 some rows have no typed value, 2 there are exceptions, the rest the form of the values | always |
//! | a bit a row, lowest first, 1 where there is a typed value; bits beyond the rows are 0 | flag 1 |
//! | exceptions (`rowcodec`) | flag 2 |
//! | the typed values, in one of the forms below | always |
//!
//! | form | of | bytes |
//! |---|---|---|
//! | 0 | truths | a bit each, lowest first |
//! | 0 | bytes of one length | one after another |
//! | 0 | other values of a width | little-endian: all first bytes, then all second ones, ... |
//! | 4 | integers of 16 bits and more, dates, times | varints of the values, signed ones in zigzag |
//! | 8 | the same | varints in zigzag of the difference to the one before, of the first to 0 |
//! | 0 | texts and bytes | all lengths as varints, then all bytes |
//! | 4 | the same, of at most 32 bytes and with at most 256 distinct ones | number of distinct ones less one as a byte, these as in form 0, then a byte each |

use crate::cells::{Cells, width};
use crate::codec::{CodecError, Reader, put_varint, unzigzag, varint_len_bytes, zigzag};
use crate::patch::MAX_PATCH_LEN_BYTES;
use crate::rowcodec::{encode_exceptions, read_exceptions};
use arrow_array::make_array;
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use datakeep_connector::rows::Column;
use std::collections::HashMap;

const SOME_UNTYPED: u8 = 1;
const SOME_EXCEPTIONS: u8 = 2;
const RAW: u8 = 0;
const VARINTS: u8 = 4;
const DELTAS: u8 = 8;
const DISTINCT: u8 = 4;

const MAX_DISTINCT: usize = 256;
const MAX_DISTINCT_LEN_BYTES: usize = 32;

/// Appends the rows of a column.
pub(super) fn put(column: &Column, to: &mut Vec<u8>) {
    let cells = Cells::new(column);
    let typed: Vec<&[u8]> = cells.typed().map(|(_, bytes)| bytes).collect();
    let mut flags = 0;
    if typed.len() < cells.rows() {
        flags |= SOME_UNTYPED;
    }
    if !cells.exceptions().is_empty() {
        flags |= SOME_EXCEPTIONS;
    }
    let at = to.len();
    to.push(0);
    if flags & SOME_UNTYPED != 0 {
        put_bits((0..cells.rows()).map(|row| cells.is_typed(row)), to);
    }
    if flags & SOME_EXCEPTIONS != 0 {
        encode_exceptions(cells.exceptions(), to);
    }
    to[at] = flags | put_typed(cells.data_type(), &typed, to);
}

fn put_bits(bits: impl ExactSizeIterator<Item = bool>, to: &mut Vec<u8>) {
    let at = to.len();
    to.resize(at + bits.len().div_ceil(8), 0);
    for (row, _) in bits.enumerate().filter(|(_, bit)| *bit) {
        to[at + row / 8] |= 1 << (row % 8);
    }
}

fn put_typed(data_type: &DataType, typed: &[&[u8]], to: &mut Vec<u8>) -> u8 {
    match data_type {
        DataType::Boolean => {
            put_bits(typed.iter().map(|value| **value != [0]), to);
            RAW
        }
        DataType::Utf8 | DataType::Binary => put_texts(typed, to),
        DataType::FixedSizeBinary(_) => {
            typed.iter().for_each(|value| to.extend_from_slice(value));
            RAW
        }
        other => match is_signed(other) {
            Some(is_signed) => put_integers(typed, is_signed, to),
            None => {
                put_planes(typed, to);
                RAW
            }
        },
    }
}

/// Whether integers of this type, as they lie in memory, have a sign; `None` for other types and for those of one byte.
fn is_signed(data_type: &DataType) -> Option<bool> {
    use DataType as T;
    match data_type {
        T::UInt16 | T::UInt32 | T::UInt64 => Some(false),
        T::Int16 | T::Int32 | T::Int64 | T::Date32 | T::Time64(_) | T::Timestamp(..) => Some(true),
        _ => None,
    }
}

fn put_planes(typed: &[&[u8]], to: &mut Vec<u8>) {
    for plane in 0..typed.first().map_or(0, |value| value.len()) {
        to.extend(typed.iter().map(|value| value[plane]));
    }
}

fn integer(bytes: &[u8], is_signed: bool) -> i64 {
    let is_negative = is_signed && bytes.last().is_some_and(|last| *last >= 0x80);
    let mut word = [if is_negative { 0xff } else { 0 }; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(word)
}

/// A number as a varint writes it.
fn spelled(number: i64, is_signed: bool) -> u64 {
    if is_signed { zigzag(number) } else { number as u64 }
}

/// The shortest form; the simpler one when equal.
fn put_integers(typed: &[&[u8]], is_signed: bool, to: &mut Vec<u8>) -> u8 {
    let numbers: Vec<i64> = typed.iter().map(|value| integer(value, is_signed)).collect();
    let deltas = || {
        let before = std::iter::once(0).chain(numbers.iter().copied());
        numbers.iter().zip(before).map(|(number, before)| zigzag(number.wrapping_sub(before)))
    };
    let plain = || numbers.iter().map(|number| spelled(*number, is_signed));
    let raw_len: usize = typed.iter().map(|value| value.len()).sum();
    let plain_len: usize = plain().map(varint_len_bytes).sum();
    let deltas_len: usize = deltas().map(varint_len_bytes).sum();
    if deltas_len < plain_len.min(raw_len) {
        deltas().for_each(|number| put_varint(number, to));
        DELTAS
    } else if plain_len < raw_len {
        plain().for_each(|number| put_varint(number, to));
        VARINTS
    } else {
        put_planes(typed, to);
        RAW
    }
}

fn put_texts(typed: &[&[u8]], to: &mut Vec<u8>) -> u8 {
    if let Some((distinct, numbers)) = distinct(typed) {
        to.push((distinct.len() - 1) as u8);
        put_lens_and_bytes(&distinct, to);
        to.extend(numbers);
        return DISTINCT;
    }
    put_lens_and_bytes(typed, to);
    RAW
}

fn put_lens_and_bytes(texts: &[&[u8]], to: &mut Vec<u8>) {
    texts.iter().for_each(|text| put_varint(text.len() as u64, to));
    texts.iter().for_each(|text| to.extend_from_slice(text));
}

/// Distinct values and the number of each value among them, where that is shorter by half.
fn distinct<'t>(typed: &[&'t [u8]]) -> Option<(Vec<&'t [u8]>, Vec<u8>)> {
    let most = MAX_DISTINCT.min(typed.len() / 2);
    let (mut numbers, mut known, mut distinct) = (Vec::with_capacity(typed.len()), HashMap::new(), Vec::new());
    for text in typed {
        let next = known.len();
        let number = *known.entry(*text).or_insert(next);
        if number == next {
            if next == most || text.len() > MAX_DISTINCT_LEN_BYTES {
                return None;
            }
            distinct.push(*text);
        }
        numbers.push(number as u8);
    }
    (!distinct.is_empty()).then_some((distinct, numbers))
}

/// Reads the rows of a column of this type. `room` is how many bytes of values may still be made of the patch; rows of a width
/// take it whether null or not.
pub(super) fn read(
    reader: &mut Reader<'_>,
    data_type: &DataType,
    rows: usize,
    room: &mut u64,
) -> Result<Column, CodecError> {
    let flags = reader.byte("flags of values")?;
    let (mut nulls, mut typed, mut exceptions) = (None, rows, Vec::new());
    if flags & SOME_UNTYPED != 0 {
        let bits = reader.bytes(rows.div_ceil(8), "typed rows")?;
        typed = bits.iter().map(|byte| byte.count_ones() as usize).sum();
        let is_beyond = !rows.is_multiple_of(8) && bits.last().is_some_and(|last| last >> (rows % 8) != 0);
        if is_beyond || typed == rows {
            return Err(reader.refuse("typed rows", "not so many rows"));
        }
        nulls = Some(bits);
    }
    if flags & SOME_EXCEPTIONS != 0 {
        exceptions = read_exceptions(reader, rows)?;
        if exceptions.is_empty() {
            return Err(reader.refuse("exceptions", "there are none"));
        }
    }
    let form = flags & !(SOME_UNTYPED | SOME_EXCEPTIONS);
    let mut values = Values { reader, data_type, rows, typed, nulls, room };
    let buffers = values.buffers(form)?;
    let data = ArrayData::builder(data_type.clone()).len(rows).null_bit_buffer(nulls.map(Buffer::from));
    let data = buffers.into_iter().fold(data, arrow_data::ArrayDataBuilder::add_buffer).build();
    let data = data.map_err(|_| reader.refuse("values", "not of their type"))?;
    Column::new(make_array(data), exceptions).map_err(|_| reader.refuse("values", "they make no column"))
}

/// Reads typed values into their rows.
struct Values<'r, 'a> {
    reader: &'r mut Reader<'a>,
    data_type: &'r DataType,
    rows: usize,
    typed: usize,
    nulls: Option<&'a [u8]>,
    room: &'r mut u64,
}

impl<'a> Values<'_, 'a> {
    fn buffers(&mut self, form: u8) -> Result<Vec<Buffer>, CodecError> {
        match (width(self.data_type), form) {
            _ if *self.data_type == DataType::Boolean && form == RAW => Ok(vec![self.truths()?]),
            (Some(width), RAW) => Ok(vec![self.raw(width)?]),
            (Some(width), VARINTS | DELTAS) => Ok(vec![self.integers(width, form)?]),
            (None, RAW) => {
                let texts = self.lens_and_bytes(self.typed, u64::MAX)?;
                self.texts(&texts)
            }
            (None, DISTINCT) => self.distinct(),
            _ => Err(self.reader.refuse("flags of values", "no form has this number")),
        }
    }

    fn take_room(&mut self, len: u64) -> Result<(), CodecError> {
        let left = self.room.checked_sub(len).ok_or_else(|| self.reader.refuse("values", "too long"))?;
        *self.room = left;
        Ok(())
    }

    fn is_typed(&self, row: usize) -> bool {
        self.nulls.is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 != 0)
    }

    fn truths(&mut self) -> Result<Buffer, CodecError> {
        let bits = self.reader.bytes(self.typed.div_ceil(8), "truths")?;
        if !self.typed.is_multiple_of(8) && bits.last().is_some_and(|last| last >> (self.typed % 8) != 0) {
            return Err(self.reader.refuse("truths", "more than rows"));
        }
        let mut made = MutableBuffer::from_len_zeroed(self.rows.div_ceil(8));
        for (at, row) in (0..self.rows).filter(|&row| self.is_typed(row)).enumerate() {
            made[row / 8] |= (bits[at / 8] >> (at % 8) & 1) << (row % 8);
        }
        Ok(made.into())
    }

    fn raw(&mut self, width: usize) -> Result<Buffer, CodecError> {
        let bytes = self.reader.bytes(self.typed.saturating_mul(width), "values")?;
        let is_plain = matches!(self.data_type, DataType::FixedSizeBinary(_));
        let mut made = self.zeroed(width)?;
        for (at, row) in (0..self.rows).filter(|&row| self.is_typed(row)).enumerate() {
            let slot = &mut made[row * width..(row + 1) * width];
            if is_plain {
                slot.copy_from_slice(&bytes[at * width..(at + 1) * width]);
            } else {
                slot.iter_mut().enumerate().for_each(|(plane, byte)| *byte = bytes[plane * self.typed + at]);
            }
        }
        Ok(made.into())
    }

    fn zeroed(&mut self, width: usize) -> Result<MutableBuffer, CodecError> {
        let len = (self.rows as u64).saturating_mul(width as u64);
        self.take_room(len)?;
        Ok(MutableBuffer::from_len_zeroed(len as usize))
    }

    fn integers(&mut self, width: usize, form: u8) -> Result<Buffer, CodecError> {
        let Some(is_signed) = is_signed(self.data_type) else {
            return Err(self.reader.refuse("flags of values", "this type has no such form"));
        };
        if self.typed > self.reader.left() {
            return Err(self.reader.refuse("values", "the bytes end"));
        }
        let (mut made, mut before) = (self.zeroed(width)?, 0i64);
        for row in 0..self.rows {
            if !self.is_typed(row) {
                continue;
            }
            let spelled = self.reader.varint("values")?;
            let number = match form {
                DELTAS => before.wrapping_add(unzigzag(spelled)),
                _ if is_signed => unzigzag(spelled),
                _ => spelled as i64,
            };
            let bytes = number.to_le_bytes();
            if integer(&bytes[..width], is_signed) != number {
                return Err(self.reader.refuse("values", "beyond their type"));
            }
            made[row * width..(row + 1) * width].copy_from_slice(&bytes[..width]);
            before = number;
        }
        Ok(made.into())
    }

    fn lens_and_bytes(&mut self, count: usize, most: u64) -> Result<Vec<&'a [u8]>, CodecError> {
        if count > self.reader.left() {
            return Err(self.reader.refuse("lengths", "the bytes end"));
        }
        let mut lens = Vec::with_capacity(count);
        for _ in 0..count {
            lens.push(self.reader.at_most(MAX_PATCH_LEN_BYTES.min(most), "lengths")? as usize);
        }
        lens.into_iter().map(|len| self.reader.bytes(len, "texts")).collect()
    }

    fn distinct(&mut self) -> Result<Vec<Buffer>, CodecError> {
        let count = usize::from(self.reader.byte("distinct values")?) + 1;
        let distinct = self.lens_and_bytes(count, MAX_DISTINCT_LEN_BYTES as u64)?;
        let numbers = self.reader.bytes(self.typed, "numbers of distinct values")?;
        let texts: Option<Vec<&[u8]>> =
            numbers.iter().map(|number| distinct.get(usize::from(*number)).copied()).collect();
        let texts = texts.ok_or_else(|| self.reader.refuse("numbers of distinct values", "not so many"))?;
        self.texts(&texts)
    }

    fn texts(&mut self, typed: &[&[u8]]) -> Result<Vec<Buffer>, CodecError> {
        let len: usize = typed.iter().map(|text| text.len()).sum();
        self.take_room(len as u64)?;
        let (mut bytes, mut offsets) = (MutableBuffer::new(len), Vec::with_capacity(self.rows + 1));
        let mut texts = typed.iter();
        offsets.push(0i32);
        for row in 0..self.rows {
            if self.is_typed(row) {
                bytes.extend_from_slice(texts.next().copied().unwrap_or_default());
            }
            offsets.push(bytes.len() as i32);
        }
        Ok(vec![Buffer::from_vec(offsets), bytes.into()])
    }
}
