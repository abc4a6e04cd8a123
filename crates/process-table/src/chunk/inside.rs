//! What stands in a page, judged before the Parquet library sees it: levels, lengths, and numbers into the dictionary are all
//! read once, so that the library makes room for nothing that is not there.

use super::pages::{DELTA, DELTA_LENGTH, DELTA_TEXT, NUMBERS_OF_DICTIONARY, PLAIN, PageAt, STREAMS};
use super::{ChunkError, deltas, runs};
use parquet::basic::Type;
use parquet::schema::types::ColumnDescriptor;

/// How values of a column lie in a page.
pub(super) enum Physical {
    /// A bit each.
    Bits,
    /// So many bytes each.
    Fixed(usize),
    /// A length of 32 bits before each.
    Variable,
}

impl Physical {
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        match column.physical_type() {
            Type::BOOLEAN => Self::Bits,
            Type::INT32 | Type::FLOAT => Self::Fixed(4),
            Type::INT64 | Type::DOUBLE => Self::Fixed(8),
            Type::INT96 => Self::Fixed(12),
            Type::FIXED_LEN_BYTE_ARRAY => Self::Fixed(usize::try_from(column.type_length()).unwrap_or(0)),
            Type::BYTE_ARRAY => Self::Variable,
        }
    }

    /// Whether bytes are exactly so many plain values; the longest of them.
    fn plain(&self, values: &[u8], count: usize) -> Option<usize> {
        match self {
            Self::Bits => (values.len() == count.div_ceil(8)).then_some(1),
            Self::Fixed(width) => (Some(values.len()) == width.checked_mul(count)).then_some(*width),
            Self::Variable => longest(values, count),
        }
    }
}

/// The dictionary that the data pages of a chunk refer to.
#[derive(Clone, Copy, Default)]
pub(super) struct Dictionary {
    pub(super) values: u32,
    pub(super) longest_len_bytes: usize,
}

/// Judges the page of a dictionary.
pub(super) fn dictionary(data: &[u8], page: &PageAt, physical: &Physical) -> Result<Dictionary, ChunkError> {
    let longest = physical.plain(data, page.values as usize).ok_or_else(|| harmed(page, "not so many values"))?;
    Ok(Dictionary { values: page.values, longest_len_bytes: longest })
}

/// Judges a page of data. The answer is how many bytes of values it expands to, where that may be more than its own length.
pub(super) fn data(data: &[u8], page: &PageAt, physical: &Physical, known: Dictionary) -> Result<u64, ChunkError> {
    let (levels, values) = split(data).ok_or_else(|| harmed(page, "levels are cut"))?;
    let levels = runs::read(levels, 1, page.values as usize).ok_or_else(|| harmed(page, "levels are harmed"))?;
    let count = levels.set;
    let expands = match page.encoding {
        PLAIN | STREAMS => physical.plain(values, count).map(|_| 0),
        DELTA => integers(values, count, physical),
        DELTA_LENGTH => lengths(values, count),
        DELTA_TEXT => texts(values, count, physical),
        NUMBERS_OF_DICTIONARY => numbers(values, count, known),
        _ => None,
    };
    expands.ok_or_else(|| harmed(page, "values are harmed"))
}

/// Levels, which tell nulls, and what stands behind them.
fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, behind) = data.split_first_chunk::<4>()?;
    behind.split_at_checked(u32::from_le_bytes(*len) as usize)
}

fn longest(mut values: &[u8], count: usize) -> Option<usize> {
    let mut longest = 0;
    for _ in 0..count {
        let (len, behind) = values.split_first_chunk::<4>()?;
        let len = u32::from_le_bytes(*len) as usize;
        values = behind.get(len..)?;
        longest = longest.max(len);
    }
    values.is_empty().then_some(longest)
}

fn integers(values: &[u8], count: usize, physical: &Physical) -> Option<u64> {
    let Physical::Fixed(width @ (4 | 8)) = physical else { return None };
    (deltas::measure(values, count, 8 * width)? == values.len()).then_some(0)
}

fn lengths(values: &[u8], count: usize) -> Option<u64> {
    let (lens, at) = deltas::read(values, count)?;
    let lens = lens.into_iter().map(|len| u64::try_from(len).ok());
    let sum = lens.sum::<Option<u64>>()?;
    (sum == (values.len() - at) as u64).then_some(0)
}

/// The length of all texts of a page where each shares a beginning with the one before.
fn texts(values: &[u8], count: usize, physical: &Physical) -> Option<u64> {
    let (shared, at) = deltas::read(values, count)?;
    let values = &values[at..];
    let (own, at) = deltas::read(values, count)?;
    let (mut left, mut before, mut sum) = (values.len() - at, 0usize, 0u64);
    for (shared, own) in shared.into_iter().zip(own) {
        let (shared, own) = (usize::try_from(shared).ok()?, usize::try_from(own).ok()?);
        left = left.checked_sub(own)?;
        if shared > before {
            return None;
        }
        before = shared + own;
        if matches!(physical, Physical::Fixed(width) if *width != before) {
            return None;
        }
        sum += before as u64;
    }
    let sum = if matches!(physical, Physical::Variable) { sum } else { 0 };
    (left == 0).then_some(sum)
}

fn numbers(values: &[u8], count: usize, known: Dictionary) -> Option<u64> {
    if count == 0 {
        return Some(0);
    }
    let (width, runs) = values.split_first()?;
    let width = usize::from(*width);
    let found = (width <= 32).then(|| runs::read(runs, width, count))??;
    (found.greatest < u64::from(known.values)).then_some(0)
}

pub(super) fn harmed(page: &PageAt, why: &'static str) -> ChunkError {
    ChunkError::Page { at_byte: page.data.start, why }
}
