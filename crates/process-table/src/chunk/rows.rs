//! A few rows of a chunk: only the pages that they stand in are decompressed and decoded.

use super::decode::values_in;
use super::form::{same, within};
use super::pages::{PageAt, walk};
use super::{ChunkError, ChunkForm};
use arrow_array::{ArrayRef, UInt32Array};
use arrow_schema::DataType;
use parquet::errors::ParquetError;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The values of the rows at these positions, which rise strictly. The bytes need not be trusted, as those that
/// [`super::decode`] is given: the answer is an array of this type with a row for each position, or an error, and memory is
/// bounded alike. What stands in pages that are not needed is not looked at.
pub fn decode_rows(
    bytes: &[u8],
    data_type: &DataType,
    form: &ChunkForm,
    positions: &[u32],
) -> Result<ArrayRef, ChunkError> {
    form.check(data_type)?;
    let Some(last) = positions.last() else { return Ok(arrow_array::new_empty_array(data_type)) };
    within("position of a row", u64::from(*last) + 1, u64::from(form.rows))?;
    let falling = positions.windows(2).filter(|pair| pair[0] >= pair[1]).count();
    same("positions out of order", 0, falling as u64)?;
    let needed = Needed::of(walk(bytes, form)?, positions);
    let form = ChunkForm { rows: needed.rows, ..*form };
    let decoded = catch_unwind(AssertUnwindSafe(|| values_in(bytes, data_type, &form, needed.pages)));
    let (values, _) = decoded.unwrap_or(Err(ChunkError::Page { at_byte: 0, why: "the library gave up" }))?;
    let taken = arrow_select::take::take(&values, &UInt32Array::from(needed.places), None);
    Ok(taken.map_err(ParquetError::from)?)
}

/// The pages that hold some rows.
struct Needed {
    pages: Vec<PageAt>,
    /// Rows in them.
    rows: u32,
    /// Where among these the rows stand that are wanted.
    places: Vec<u32>,
}

impl Needed {
    fn of(all: Vec<PageAt>, positions: &[u32]) -> Self {
        let mut needed = Self { pages: Vec::new(), rows: 0, places: Vec::with_capacity(positions.len()) };
        let (mut wanted, mut start) = (positions.iter().peekable(), 0u32);
        for page in all {
            if page.is_dictionary {
                needed.pages.push(page);
                continue;
            }
            // Rows of all pages together are those of the form: this does not overflow.
            let (end, before) = (start + page.values, needed.places.len());
            while let Some(position) = wanted.next_if(|position| **position < end) {
                needed.places.push(needed.rows + position - start);
            }
            start = end;
            if needed.places.len() > before {
                needed.rows += page.values;
                needed.pages.push(page);
            }
        }
        needed
    }
}
