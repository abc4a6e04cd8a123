//! Runs of rows put together.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryArray, StringArray};
use arrow_buffer::{Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType};
use datakeep_connector::rows::{Column, Exception, RowBatch};
use std::ops::Range;

/// An array with so many bytes of texts, more than all others together, is not copied: the others are put around it.
const LONG_BYTES: usize = 16 << 20;

/// One run of rows from several, in order; all have columns of the same types. An error when values together are longer than
/// an array can be (2 GiB of text). Of what is very long nothing is copied, as long as nobody else holds it.
pub fn join(batches: Vec<RowBatch>) -> Result<RowBatch, ArrowError> {
    if batches.len() < 2 {
        return Ok(batches.into_iter().next().unwrap_or_default());
    }
    let invalid = |error: &dyn std::fmt::Display| ArrowError::InvalidArgumentError(error.to_string());
    let mut batches: Vec<_> = batches.into_iter().map(|batch| batch.into_columns().into_iter()).collect();
    let mut columns = Vec::new();
    loop {
        let parts: Vec<Column> = batches.iter_mut().filter_map(Iterator::next).collect();
        match parts.len() {
            0 => break,
            found if found == batches.len() => columns.push(join_column(parts)?),
            _ => return Err(invalid(&"rows have different columns")),
        }
    }
    RowBatch::new(columns).map_err(|error| invalid(&error))
}

fn join_column(parts: Vec<Column>) -> Result<Column, ArrowError> {
    let (mut arrays, mut exceptions, mut before) = (Vec::with_capacity(parts.len()), Vec::new(), 0u32);
    for part in parts {
        let rows = part.rows() as u32;
        let (values, odd) = part.into_parts();
        exceptions.extend(odd.into_iter().map(|exception| Exception { row: exception.row + before, ..exception }));
        before += rows;
        arrays.push(values);
    }
    let values = joined(arrays)?;
    Column::new(values, exceptions).map_err(|error| ArrowError::InvalidArgumentError(error.to_string()))
}

fn joined(mut arrays: Vec<ArrayRef>) -> Result<ArrayRef, ArrowError> {
    if let Some(longest) = longest(&arrays) {
        let (bytes, ends, nulls) = around(&mut arrays, longest)?;
        return Ok(match arrays[0].data_type() {
            DataType::Utf8 => std::sync::Arc::new(StringArray::try_new(ends, bytes, nulls)?),
            _ => std::sync::Arc::new(BinaryArray::try_new(ends, bytes, nulls)?),
        });
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    arrow_select::concat::concat(&arrays)
}

/// The array of texts or bytes that is worth not to be copied.
fn longest(arrays: &[ArrayRef]) -> Option<usize> {
    let lens: Vec<usize> =
        arrays.iter().map(|array| texts(array).map(|texts| texts.range().len())).collect::<Option<_>>()?;
    let (at, longest) = lens.iter().copied().enumerate().max_by_key(|(_, len)| *len)?;
    (longest >= LONG_BYTES && longest > lens.iter().sum::<usize>() / 2).then_some(at)
}

/// Texts or bytes side by side.
struct Texts {
    ends: OffsetBuffer<i32>,
    bytes: Buffer,
}

impl Texts {
    /// The bytes that values have.
    fn range(&self) -> Range<usize> {
        self.ends[0] as usize..self.ends[self.ends.len() - 1] as usize
    }
}

fn texts(array: &ArrayRef) -> Option<Texts> {
    match array.data_type() {
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            Some(Texts { ends: texts.offsets().clone(), bytes: texts.values().clone() })
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>();
            Some(Texts { ends: bytes.offsets().clone(), bytes: bytes.values().clone() })
        }
        _ => None,
    }
}

/// All values, in the memory of the longest array; of that nothing but its type is left.
fn around(
    arrays: &mut [ArrayRef],
    longest: usize,
) -> Result<(Buffer, OffsetBuffer<i32>, Option<NullBuffer>), ArrowError> {
    let other = || ArrowError::InvalidArgumentError("columns of different types".to_owned());
    let mut nulls = NullBufferBuilder::new(arrays.iter().map(Array::len).sum());
    for array in arrays.iter() {
        match array.nulls() {
            Some(found) => nulls.append_buffer(found),
            None => nulls.append_n_non_nulls(array.len()),
        }
    }
    let empty = arrow_array::new_empty_array(arrays[longest].data_type());
    let long = texts(&std::mem::replace(&mut arrays[longest], empty)).ok_or_else(other)?;
    let others = arrays.iter().map(|array| texts(array).ok_or_else(other)).collect::<Result<Vec<_>, _>>()?;
    let len_of = |texts: &[Texts]| texts.iter().map(|texts| texts.range().len()).sum::<usize>();
    let (before, behind) = (len_of(&others[..longest]), len_of(&others[longest + 1..]));
    let (own, long_ends) = (long.range(), long.ends.clone());
    let mut bytes = long.bytes.into_vec::<u8>().unwrap_or_else(|bytes| bytes.to_vec());
    bytes.resize(bytes.len().max(before + own.len() + behind), 0);
    bytes.copy_within(own.clone(), before);
    bytes.truncate(before + own.len());
    let mut at = 0;
    for texts in &others[..longest] {
        let range = texts.range();
        bytes[at..at + range.len()].copy_from_slice(&texts.bytes[range.clone()]);
        at += range.len();
    }
    for texts in &others[longest + 1..] {
        bytes.extend_from_slice(&texts.bytes[texts.range()]);
    }
    let mut ends = vec![0];
    for (number, texts) in others.iter().enumerate() {
        let found = if number == longest { &long_ends } else { &texts.ends };
        let (from, to) = (i64::from(found[0]), i64::from(ends.last().copied().unwrap_or(0)));
        for end in &found[1..] {
            let end = i32::try_from(i64::from(*end) - from + to);
            ends.push(end.map_err(|_| ArrowError::OffsetOverflowError(bytes.len()))?);
        }
    }
    Ok((Buffer::from_vec(bytes), OffsetBuffer::new(ScalarBuffer::from(ends)), nulls.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Int64Array;
    use proptest::prelude::*;
    use std::sync::Arc;

    #[test]
    fn exceptions_move_along() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), None]));
        let odd = |row| Exception { row, kind: 4, bytes: vec![row as u8] };
        let column = Column::new(values, vec![odd(1), odd(3)]).expect("valid");
        let whole = RowBatch::new(vec![column]).expect("even");
        let parts = vec![whole.slice(0, 2), whole.slice(2, 1), whole.slice(3, 1)];
        let joined = join(parts).expect("joined");
        let [column] = joined.columns() else { panic!("one column") };
        assert_eq!(column.values(), whole.columns()[0].values());
        assert_eq!(column.exceptions(), whole.columns()[0].exceptions());
    }

    #[test]
    fn what_is_very_long_stays_where_it_is() {
        let short: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        let long: ArrayRef = Arc::new(StringArray::from(vec!["中".repeat(LONG_BYTES / 3 + 1)]));
        let arrays = vec![short.clone(), long.clone(), short.clone()];
        let expected = arrow_select::concat::concat(&[short.as_ref(), long.as_ref(), short.as_ref()]).expect("joined");
        assert_eq!(longest(&arrays), Some(1));
        drop((short, long));
        assert_eq!(&joined(arrays).expect("joined"), &expected);
    }

    proptest! {
        #[test]
        fn what_is_put_around_is_as_joined(
            arrays in proptest::collection::vec(proptest::collection::vec(proptest::option::of("[a中]{0,6}"), 1..8), 1..6),
            longest in any::<prop::sample::Index>(), cut in 0usize..4, is_shared: bool, is_text: bool,
        ) {
            let made = |texts: &Vec<Option<String>>| -> ArrayRef {
                let whole: ArrayRef = match is_text {
                    true => Arc::new(StringArray::from(texts.clone())),
                    false => Arc::new(BinaryArray::from_iter(texts.iter().map(|text| text.as_ref().map(String::as_bytes)))),
                };
                let from = cut.min(texts.len() - 1);
                whole.slice(from, texts.len() - from)
            };
            let mut arrays: Vec<ArrayRef> = arrays.iter().map(made).collect();
            let longest = longest.index(arrays.len());
            let all: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            let expected = arrow_select::concat::concat(&all).expect("joined");
            let kept = is_shared.then(|| arrays.clone());
            let (bytes, ends, nulls) = around(&mut arrays, longest).expect("joined");
            let found: ArrayRef = match is_text {
                true => Arc::new(StringArray::try_new(ends, bytes, nulls).expect("texts")),
                false => Arc::new(BinaryArray::new(ends, bytes, nulls)),
            };
            prop_assert_eq!(&found, &expected);
            drop(kept);
        }
    }
}
