//! Normalised keys: byte strings that order rows by comparing bytes.
//!
//! The order is ours, never a database's collation: an upgrade of a collation library cannot reshuffle a table. A key is one
//! part per key column; parts are prefix-free, so the first part that differs decides. Per part:
//!
//! | what | bytes |
//! |---|---|
//! | null | 1 |
//! | typed value | 2, then: integers, dates, times and decimals big-endian with the sign bit turned, those of fewer than 64 bits as 64 bits; unsigned ones big-endian in 64 bits; floats big-endian with the sign bit turned, or all bits where it was set (IEEE 754 total order); truth as 0 or 1; bytes of fixed length as they are; texts and bytes with 0 written as 0 255, ended by 0 0 |
//! | exception | 3, its kind, its bytes as those of a text |

use crate::cells::{Cell, Cells};
use arrow_schema::DataType;
use datakeep_connector::rows::Column;

const NULL: u8 = 1;
pub(crate) const TYPED: u8 = 2;
const EXCEPTION: u8 = 3;

/// Keys of a run of rows, in one piece of memory.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    /// Rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The key of a row.
    pub fn get(&self, row: usize) -> &[u8] {
        let from = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[from..self.ends[row]]
    }

    /// Rows whose key is not beyond this one; keys rise.
    pub fn rows_to(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle) <= key { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The keys without those of the first so many rows.
    #[must_use]
    pub fn skip(&self, rows: usize) -> Self {
        let from = if rows == 0 { 0 } else { self.ends[..rows.min(self.len())].last().copied().unwrap_or(0) };
        let ends = self.ends.iter().skip(rows).map(|end| end - from).collect();
        Self { bytes: self.bytes[from..].to_vec(), ends }
    }

    /// The keys in order of rows.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// The first row whose key is not greater than that of the row before it.
    pub fn first_disorder(&self) -> Option<usize> {
        (1..self.len()).find(|&row| self.get(row - 1) >= self.get(row))
    }
}

/// How values of a type are written so that bytes order them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Signed, so many bytes in memory; written in 64 bits, or in their own when longer.
    Signed,
    Unsigned,
    Float,
    Plain,
    Escaped,
}

pub(crate) fn form(data_type: &DataType) -> Form {
    match data_type {
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Form::Unsigned,
        DataType::Float32 | DataType::Float64 => Form::Float,
        DataType::Boolean | DataType::FixedSizeBinary(_) => Form::Plain,
        DataType::Utf8 | DataType::Binary => Form::Escaped,
        _ => Form::Signed,
    }
}

/// The keys of rows whose key columns these are, in the order of the key. All columns have the same number of rows.
pub fn encode_keys(columns: &[&Column]) -> Keys {
    let cells: Vec<Cells<'_>> = columns.iter().map(|column| Cells::new(column)).collect();
    let mut parts: Vec<_> = cells.iter().map(|cells| (form(cells.data_type()), cells.iter())).collect();
    let rows = cells.first().map_or(0, Cells::rows);
    let mut keys = Keys { bytes: Vec::with_capacity(rows * 9 * parts.len()), ends: Vec::with_capacity(rows) };
    for _ in 0..rows {
        for (form, cells) in &mut parts {
            put_part(*form, cells.next().unwrap_or(Cell::Null), &mut keys.bytes);
        }
        keys.ends.push(keys.bytes.len());
    }
    keys
}

/// Appends one part of a key.
pub(crate) fn put_part(form: Form, cell: Cell<'_>, to: &mut Vec<u8>) {
    match cell {
        Cell::Null => to.push(NULL),
        Cell::Typed(bytes) => {
            to.push(TYPED);
            put_typed(form, bytes, to);
        }
        Cell::Exception(exception) => {
            to.extend([EXCEPTION, exception.kind]);
            put_escaped(&exception.bytes, to);
        }
    }
}

fn put_typed(form: Form, bytes: &[u8], to: &mut Vec<u8>) {
    let start = to.len();
    match form {
        Form::Escaped => put_escaped(bytes, to),
        Form::Plain => to.extend_from_slice(bytes),
        Form::Signed => {
            let filler = if bytes.last().is_some_and(|high| high & 0x80 != 0) { 0xff } else { 0 };
            to.extend(std::iter::repeat_n(filler, 8usize.saturating_sub(bytes.len())));
            to.extend(bytes.iter().rev());
            to[start] ^= 0x80;
        }
        Form::Unsigned => {
            to.extend(std::iter::repeat_n(0, 8usize.saturating_sub(bytes.len())));
            to.extend(bytes.iter().rev());
        }
        Form::Float => {
            to.extend(bytes.iter().rev());
            let turn = if to[start] & 0x80 == 0 { 0 } else { 0xff };
            to[start..].iter_mut().for_each(|byte| *byte ^= turn);
            if turn == 0 {
                to[start] ^= 0x80;
            }
        }
    }
}

/// 0 as 0 255, the rest as it is, then 0 0.
pub(crate) fn put_escaped(bytes: &[u8], to: &mut Vec<u8>) {
    for &byte in bytes {
        to.push(byte);
        if byte == 0 {
            to.push(0xff);
        }
    }
    to.extend([0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{
        ArrayRef, BinaryArray, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray, UInt64Array,
    };
    use datakeep_connector::rows::Exception;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn plain(values: impl arrow_array::Array + 'static) -> Column {
        Column::new(Arc::new(values) as ArrayRef, Vec::new()).expect("a supported type")
    }

    fn keys_of(column: Column) -> Vec<Vec<u8>> {
        encode_keys(&[&column]).iter().map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn these_are_the_bytes_of_the_format() {
        assert_eq!(
            keys_of(plain(Int64Array::from(vec![Some(-2), None, Some(1)]))),
            [vec![2, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], vec![1], vec![2, 0x80, 0, 0, 0, 0, 0, 0, 1],]
        );
        assert_eq!(
            keys_of(plain(StringArray::from(vec!["a\0b", ""]))),
            [vec![2, b'a', 0, 0xff, b'b', 0, 0], vec![2, 0, 0]]
        );
        assert_eq!(
            keys_of(plain(Float64Array::from(vec![1.0, -1.0])))[1],
            [2, 0x40, 0x0f, 255, 255, 255, 255, 255, 255]
        );
        assert_eq!(keys_of(plain(UInt64Array::from(vec![u64::MAX]))), [[2, 255, 255, 255, 255, 255, 255, 255, 255]]);
        let none: ArrayRef = Arc::new(Int64Array::from(vec![None::<i64>]));
        let exception = Exception { row: 0, kind: 3, bytes: vec![7, 0] };
        let column = Column::new(none, vec![exception]).expect("valid");
        assert_eq!(keys_of(column), [vec![3, 3, 7, 0, 0xff, 0, 0]]);
    }

    #[test]
    fn a_wider_integer_keeps_its_key() {
        let narrow = keys_of(plain(Int32Array::from(vec![i32::MIN, -1, 0, 5, i32::MAX])));
        let wide = keys_of(plain(Int64Array::from(vec![i64::from(i32::MIN), -1, 0, 5, i64::from(i32::MAX)])));
        assert_eq!(narrow, wide);
    }

    #[test]
    fn disorder_is_found() {
        let disorder = |values: Vec<i64>| encode_keys(&[&plain(Int64Array::from(values))]).first_disorder();
        assert_eq!(disorder(vec![1, 2, 3]), None);
        assert_eq!(disorder(vec![1, 2, 2]), Some(2));
        assert_eq!(disorder(vec![3, 2]), Some(1));
        assert_eq!(disorder(vec![]), None);
    }

    proptest! {
        #[test]
        fn bytes_order_keys_as_their_values_are_ordered(
            mut rows in proptest::collection::vec((any::<Option<i64>>(), proptest::collection::vec(0u8..3, 0..4), any::<i64>()), 2..40)
        ) {
            rows.sort();
            let first = plain(rows.iter().map(|row| row.0).collect::<Int64Array>());
            let second = plain(rows.iter().map(|row| Some(row.1.clone())).collect::<BinaryArray>());
            let third = Decimal128Array::from_iter_values(rows.iter().map(|row| i128::from(row.2)));
            let keys = encode_keys(&[&first, &second, &plain(third)]);
            for row in 1..rows.len() {
                prop_assert_eq!(keys.get(row - 1).cmp(keys.get(row)), rows[row - 1].cmp(&rows[row]));
            }
        }

        #[test]
        fn floats_are_in_total_order(mut values in proptest::collection::vec(any::<u64>().prop_map(f64::from_bits), 2..40)) {
            values.sort_by(f64::total_cmp);
            let keys = keys_of(plain(Float64Array::from(values.clone())));
            for row in 1..values.len() {
                prop_assert_eq!(keys[row - 1].cmp(&keys[row]), values[row - 1].total_cmp(&values[row]));
            }
        }
    }
}
