//! What stands in a page, judged before the Parquet library sees it.

use super::pages::{DELTA, DELTA_LENGTH, DELTA_TEXT, PLAIN, PageAt};
use super::{ChunkError, deltas};

/// The longest value of a dictionary page of texts or bytes, which must hold exactly as many as its header says.
pub(super) fn longest(dictionary: &[u8], page: &PageAt) -> Result<usize, ChunkError> {
    let (mut rest, mut longest) = (dictionary, 0);
    for _ in 0..page.values {
        let (len, behind) = rest.split_first_chunk::<4>().ok_or_else(|| harmed(page, "a value is cut"))?;
        let len = u32::from_le_bytes(*len) as usize;
        rest = behind.get(len..).ok_or_else(|| harmed(page, "a value is cut"))?;
        longest = longest.max(len);
    }
    if rest.is_empty() { Ok(longest) } else { Err(harmed(page, "bytes behind the last value")) }
}

/// Bytes of values that a data page expands to, at most; its claims about numbers of values are within its rows. `None` where
/// that is no more than the page's own length.
pub(super) fn expands_to(data: &[u8], page: &PageAt, is_variable: bool) -> Result<Option<u64>, ChunkError> {
    let values = values_of(data, page)?;
    let rows = page.values as usize;
    match page.encoding {
        DELTA | DELTA_LENGTH if deltas::claims_at_most(values, rows) => Ok(None),
        DELTA | DELTA_LENGTH => Err(harmed(page, "more values than rows")),
        DELTA_TEXT => {
            texts(values, rows).map(|len| is_variable.then_some(len)).ok_or_else(|| harmed(page, "lengths are harmed"))
        }
        PLAIN => Ok(None),
        _ => Ok(None),
    }
}

/// What stands behind the levels, which tell nulls.
fn values_of<'d>(data: &'d [u8], page: &PageAt) -> Result<&'d [u8], ChunkError> {
    let (len, behind) = data.split_first_chunk::<4>().ok_or_else(|| harmed(page, "no levels"))?;
    behind.get(u32::from_le_bytes(*len) as usize..).ok_or_else(|| harmed(page, "levels are cut"))
}

/// The length of all texts of a page where each shares a beginning with the one before.
fn texts(values: &[u8], rows: usize) -> Option<u64> {
    let (shared, len) = deltas::read(values, rows)?;
    let values = &values[len..];
    let (own, len) = deltas::read(values, rows)?;
    let mut left = values.len() - len;
    if shared.len() != own.len() {
        return None;
    }
    let (mut before, mut sum) = (0usize, 0u64);
    for (shared, own) in shared.into_iter().zip(own) {
        let (shared, own) = (usize::try_from(shared).ok()?, usize::try_from(own).ok()?);
        left = left.checked_sub(own)?;
        if shared > before {
            return None;
        }
        before = shared + own;
        sum += before as u64;
    }
    (left == 0).then_some(sum)
}

pub(super) fn harmed(page: &PageAt, why: &'static str) -> ChunkError {
    ChunkError::Page { at_byte: page.data.start, why }
}
