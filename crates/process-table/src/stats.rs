//! What is known of a column of a group without reading it: what a reader may leave out, and what a planner may expect.

mod bound;
mod distinct;
mod kinds;

pub use bound::{Bound, BoundValue, MAX_BOUND_LEN_BYTES};
pub use distinct::Distinct;
pub use kinds::ExceptionKinds;

use crate::cells::Cells;
use crate::codec::{CodecError, Reader, put_varint};
use datakeep_connector::rows::Column;

/// Counts of a column in one group or, merged, in many.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnStats {
    /// Rows.
    pub rows: u64,
    /// Rows with nothing in them.
    pub nulls: u64,
    /// Rows with an exception.
    pub exceptions: u64,
    /// Bytes of all typed values, a truth as one.
    pub values_len_bytes: u64,
    /// The least and the greatest typed value; none without typed values. Exceptions are outside of them.
    pub bounds: Option<(Bound, Bound)>,
    /// What the exceptions are; `None` where that was not noted yet when they were counted.
    pub kinds: Option<ExceptionKinds>,
}

impl Default for ColumnStats {
    fn default() -> Self {
        let kinds = Some(ExceptionKinds::default());
        Self { rows: 0, nulls: 0, exceptions: 0, values_len_bytes: 0, bounds: None, kinds }
    }
}

impl ColumnStats {
    /// Of a column.
    pub fn of(column: &Column) -> Self {
        let cells = Cells::new(column);
        let (rows, typed, exceptions) = (cells.rows(), cells.typed_rows(), cells.exceptions().len());
        let nulls = (rows - typed).saturating_sub(exceptions) as u64;
        let values_len_bytes = crate::chunk::values_len_bytes(column.values());
        let bounds = bound::of(&cells);
        let kinds = Some(ExceptionKinds::of(cells.exceptions()));
        Self { rows: rows as u64, nulls, exceptions: exceptions as u64, values_len_bytes, bounds, kinds }
    }

    /// Of both together.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let bounds = match (self.bounds, other.bounds) {
            (Some((least, most)), Some((other_least, other_most))) => {
                Some((least.least(other_least), most.greatest(other_most)))
            }
            (some, none) => some.or(none),
        };
        Self {
            rows: self.rows.saturating_add(other.rows),
            nulls: self.nulls.saturating_add(other.nulls),
            exceptions: self.exceptions.saturating_add(other.exceptions),
            values_len_bytes: self.values_len_bytes.saturating_add(other.values_len_bytes),
            bounds,
            kinds: self.kinds.zip(other.kinds).map(|(kinds, other)| kinds.merged(&other)),
        }
    }

    /// False only when no typed value can be within these bounds, both included: parts of normalised keys, as
    /// [`crate::key::encode_keys`] makes them of this column alone; none is no bound.
    pub fn may_hold(&self, from: Option<&[u8]>, to: Option<&[u8]>) -> bool {
        let Some((least, most)) = &self.bounds else { return false };
        from.is_none_or(|from| most.reaches(from)) && to.is_none_or(|to| least.as_bytes() <= to)
    }

    /// Appends: flags (1 there are bounds, 2 the least is exact, 4 the greatest is, 8 kinds of exceptions are told), varints rows, nulls, exceptions, bytes of
    /// values; of each bound its length as a byte, and its bytes; kinds.
    pub fn encode(&self, to: &mut Vec<u8>) {
        let exact = |bound: &Bound, flag| if bound.is_exact() { flag } else { 0 };
        let kinds = self.kinds.as_ref().filter(|_| self.exceptions > 0);
        let bounds = self.bounds.as_ref().map_or(0, |(least, most)| 1 | exact(least, 2) | exact(most, 4));
        to.push(bounds | if kinds.is_some() { 8 } else { 0 });
        for number in [self.rows, self.nulls, self.exceptions, self.values_len_bytes] {
            put_varint(number, to);
        }
        for bound in self.bounds.iter().flat_map(|(least, most)| [least, most]) {
            to.push(bound.as_bytes().len() as u8);
            to.extend_from_slice(bound.as_bytes());
        }
        kinds.into_iter().for_each(|kinds| kinds.encode(to));
    }

    /// Reads what [`ColumnStats::encode`] wrote, and nothing else: contradictions and bytes left over are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let flags = reader.byte("flags of statistics")?;
        let rows = reader.varint("rows")?;
        let nulls = reader.at_most(rows, "nulls")?;
        let exceptions = reader.at_most(rows - nulls, "exceptions")?;
        let values_len_bytes = reader.varint("bytes of values")?;
        let has_bounds = rows > nulls + exceptions;
        let has_kinds = flags & 8 != 0;
        let is_right =
            (flags & 1 != 0) == has_bounds && (has_bounds || flags & 7 == 0) && (!has_kinds || exceptions > 0);
        if flags > 15 || !is_right {
            return Err(reader.refuse("flags of statistics", "they contradict the rows"));
        }
        let bounds = if has_bounds {
            let least = bound::read(&mut reader, flags & 2 != 0)?;
            let most = bound::read(&mut reader, flags & 4 != 0)?;
            if least.as_bytes() > most.as_bytes() {
                return Err(reader.refuse("bounds", "the least is greater than the greatest"));
            }
            Some((least, most))
        } else {
            None
        };
        let kinds = match has_kinds {
            true => Some(ExceptionKinds::read(&mut reader)?),
            false => (exceptions == 0).then(ExceptionKinds::default),
        };
        reader.finish()?;
        Ok(Self { rows, nulls, exceptions, values_len_bytes, bounds, kinds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::encode_keys;
    use arrow_array::{
        Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray,
        Float32Array, Float64Array, Int16Array, Int32Array, StringArray, Time64MicrosecondArray,
        TimestampMicrosecondArray, UInt16Array, UInt64Array,
    };
    use arrow_buffer::i256;
    use arrow_schema::DataType;
    use datakeep_connector::rows::Exception;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn plain(values: impl arrow_array::Array + 'static) -> Column {
        Column::new(Arc::new(values) as ArrayRef, Vec::new()).expect("a supported type")
    }

    fn check(column: &Column) -> ColumnStats {
        let stats = ColumnStats::of(column);
        let mut bytes = Vec::new();
        stats.encode(&mut bytes);
        assert_eq!(ColumnStats::decode(&bytes).as_ref(), Ok(&stats));
        let keys = encode_keys(&[column]);
        let typed: Vec<&[u8]> = keys.iter().filter(|key| key[0] == 2).collect();
        let cut = |key: &&[u8]| key[..key.len().min(MAX_BOUND_LEN_BYTES)].to_vec();
        let expected = typed.iter().min().map(cut).zip(typed.iter().max().map(cut));
        let found = stats.bounds.as_ref().map(|(least, most)| (least.as_bytes().to_vec(), most.as_bytes().to_vec()));
        assert_eq!(found, expected);
        for key in &typed {
            assert!(stats.may_hold(Some(key), Some(key)));
        }
        stats
    }

    #[test]
    fn exceptions_and_nulls_are_counted_apart() {
        let values: ArrayRef = Arc::new(Int32Array::from(vec![Some(5), None, None, Some(-3), None]));
        let odd = Exception { row: 2, kind: 9, bytes: vec![1] };
        let stats = check(&Column::new(values, vec![odd]).expect("valid"));
        assert_eq!((stats.rows, stats.nulls, stats.exceptions, stats.values_len_bytes), (5, 2, 1, 8));
        let empty = check(&plain(Int32Array::from(vec![None, None])));
        assert_eq!((empty.bounds.clone(), empty.nulls), (None, 2));
        assert!(!empty.may_hold(None, None));
    }

    #[test]
    fn long_values_are_cut_and_say_so() {
        let text = |last: &str| format!("{}{last}", "x".repeat(100));
        let stats = check(&plain(StringArray::from(vec![text("b"), text("a"), "a".to_string()])));
        let Some((least, most)) = &stats.bounds else { panic!("no bounds") };
        assert!(least.is_exact() && !most.is_exact());
        let part = |text: &str| encode_keys(&[&plain(StringArray::from(vec![text]))]).get(0).to_vec();
        assert!(stats.may_hold(Some(&part(&text("z"))), None), "it may: the greatest goes on somehow");
        assert!(!stats.may_hold(Some(&part("y")), None));
        assert!(!stats.may_hold(None, Some(&part("A"))));
    }

    proptest! {
        #[test]
        fn bounds_are_those_of_keys(numbers in proptest::collection::vec(proptest::option::of(any::<i64>()), 0..40), cut in 0usize..40) {
            let each = || numbers.iter().copied();
            let columns = [
                plain(each().map(|n| n.map(|n| n as i32)).collect::<Int32Array>()),
                plain(each().map(|n| n.map(|n| n as u16)).collect::<UInt16Array>()),
                plain(each().map(|n| n.map(|n| f64::from_bits(n as u64))).collect::<Float64Array>()),
                plain(each().map(|n| n.map(i128::from)).collect::<Decimal128Array>()),
                plain(each().map(|n| n.map(|n| "\0é".repeat((n % 50).unsigned_abs() as usize))).collect::<StringArray>()),
            ];
            let cut = cut.min(numbers.len());
            for column in &columns {
                let parts = [column.slice(0, cut), column.slice(cut, numbers.len() - cut)].map(|part| check(&part));
                let [first, second] = parts;
                prop_assert_eq!(first.merged(second), check(column));
            }
        }

        #[test]
        fn what_is_taken_is_what_would_be_written(bytes in proptest::collection::vec(0u8..20, 0..40)) {
            if let Ok(stats) = ColumnStats::decode(&bytes) {
                let mut again = Vec::new();
                stats.encode(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }

    #[test]
    fn bounds_are_values_again() {
        let bounds = |values: ArrayRef| {
            let data_type = values.data_type().clone();
            let stats = ColumnStats::of(&Column::new(values, Vec::new()).expect("valid"));
            let (least, most) = stats.bounds.expect("typed values");
            (least.value(&data_type), most.value(&data_type))
        };
        let integer = BoundValue::Integer;
        assert_eq!(bounds(Arc::new(Int32Array::from(vec![7, -3]))), (integer(-3), integer(7)));
        assert_eq!(bounds(Arc::new(UInt16Array::from(vec![7, 65_535]))), (integer(7), integer(65_535)));
        let float = BoundValue::Float;
        assert_eq!(bounds(Arc::new(Float64Array::from(vec![-1.5, 2.25]))), (float(-1.5), float(2.25)));
        let text = |text: &str| BoundValue::Text(text.to_string());
        let long = "中".repeat(40);
        let found = bounds(Arc::new(StringArray::from(vec!["a\0b", long.as_str()])));
        assert_eq!(found, (text("a\0b"), text(&"中".repeat(21))));
    }

    #[test]
    fn bounds_are_arrays_again() {
        let instants = vec![-1_i64, 1_800_000_000_000_000, 5];
        let columns: [ArrayRef; 11] = [
            Arc::new(BooleanArray::from(vec![true, false, true])),
            Arc::new(Int16Array::from(vec![-3, 700, 5])),
            Arc::new(UInt64Array::from(vec![7, u64::MAX, 9])),
            Arc::new(Float32Array::from(vec![-1.5, f32::MAX, 0.0])),
            Arc::new(Float64Array::from(vec![-0.0, 2.25, f64::NEG_INFINITY])),
            Arc::new(Date32Array::from(vec![-40_000, 20_000, 5])),
            Arc::new(Time64MicrosecondArray::from(vec![0, 86_399_999_999, 5])),
            Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC")),
            Arc::new(
                Decimal128Array::from(vec![-1, i128::MAX / 2, 5]).with_precision_and_scale(38, 4).expect("a value"),
            ),
            Arc::new(Decimal256Array::from(vec![i256::MINUS_ONE, i256::from_i128(i128::MAX), i256::ONE])),
            Arc::new(
                FixedSizeBinaryArray::try_from_iter([[1u8; 16], [0; 16], [255; 16]].into_iter()).expect("a value"),
            ),
        ];
        for values in columns {
            let data_type = values.data_type().clone();
            let stats = ColumnStats::of(&Column::new(values.clone(), Vec::new()).expect("valid"));
            let (least, most) = stats.bounds.expect("typed values");
            let is_in = |bound: &Bound| {
                let array = bound.array(&data_type).expect("a value");
                (0..3).any(|row| values.slice(row, 1).to_data() == array.to_data())
            };
            assert!(is_in(&least) && is_in(&most), "{data_type}: {least:?} {most:?}");
            assert_ne!(
                least.array(&data_type).expect("a value").to_data(),
                most.array(&data_type).expect("a value").to_data()
            );
        }
        let long = ColumnStats::of(&Column::new(Arc::new(StringArray::from(vec!["a"])), Vec::new()).expect("valid"));
        assert!(long.bounds.expect("typed values").0.array(&DataType::Utf8).is_none());
    }
}
