//! Keys as people write them.

use super::cell::{Cell, Row};
use super::key_error::{KeyError, KeyType};
use super::key_value::parse_typed;
use super::row::find_row;
use super::schema::key_names;
use crate::error::DistributeError;
use arrow_schema::DataType;
use datakeep_connector::rows::RowBatch;
use datakeep_engine::TablesReader;
use datakeep_process_table::TableDescription;

/// Keys that are looked for at most, of all that may be meant.
const MOST_KEYS: usize = 1024;
/// Reals from here on are no `i64`: 2^63.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

/// The cells of a key as people write it: a part for each column of the key, or all in one, with commas between. Parts are
/// read by the types of their columns; `'text'` and `x'00ff'` are text and bytes in any column.
pub fn parse_key(table: &TableDescription, parts: &[String]) -> Result<Row, KeyError> {
    let parts = parse_parts(table, parts)?;
    Ok(parts.into_iter().map(|cells| cells.into_iter().next().unwrap_or_default()).collect())
}

/// All keys that may be meant by this, the likeliest first: a number is an integer or a real, whatever the type that most
/// values of its column have, and zero has two signs. SQLite takes them for equal, so at most one is a row's.
pub fn written_keys(table: &TableDescription, parts: &[String]) -> Result<Vec<Row>, KeyError> {
    let mut keys: Vec<Row> = vec![Vec::new()];
    for cells in parse_parts(table, parts)? {
        let longer =
            keys.iter().flat_map(|key| cells.iter().map(|cell| [key.as_slice(), std::slice::from_ref(cell)].concat()));
        keys = longer.take(MOST_KEYS).collect();
    }
    Ok(keys)
}

/// The row that is meant by a key as it is written, as a run of one.
pub fn find_written(
    reader: &TablesReader,
    table: &TableDescription,
    parts: &[String],
) -> Result<Option<RowBatch>, DistributeError> {
    for key in written_keys(table, parts)? {
        if let Some(found) = find_row(reader, table, &key)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// For each part, the values that it may be.
fn parse_parts(table: &TableDescription, parts: &[String]) -> Result<Vec<Vec<Cell>>, KeyError> {
    let (key, name) = (&table.info.key, &table.info.name);
    if key.is_empty() {
        return Err(KeyError::None { table: name.to_string() });
    }
    let split: Vec<String> = match parts {
        [one] if key.len() > 1 => one.split(',').map(str::to_owned).collect(),
        parts => parts.to_vec(),
    };
    if split.len() != key.len() {
        let columns = key_names(table);
        return Err(KeyError::Parts { table: name.to_string(), columns, found: split.len() });
    }
    key.iter().zip(&split).map(|(&at, text)| parse_part(table, at, text)).collect()
}

fn parse_part(table: &TableDescription, at: usize, text: &str) -> Result<Vec<Cell>, KeyError> {
    let column = &table.info.columns[at];
    let quoted = |text: &str| Some(text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"));
    let bytes = |text: &str| unhex(text.strip_prefix(['x', 'X'])?.strip_prefix('\'')?.strip_suffix('\'')?);
    if let Some(bytes) = bytes(text) {
        return Ok(vec![Cell::Blob(bytes)]);
    }
    if let Some(text) = quoted(text) {
        return Ok(vec![Cell::Text(text)]);
    }
    let (parsed, takes) = match &column.data_type {
        // What is no number stands in no column of integers.
        DataType::Int64 if text.parse::<f64>().is_ok_and(f64::is_nan) => (Vec::new(), KeyType::Integer),
        DataType::Int64 => (numbers(text), KeyType::Integer),
        DataType::Float64 => {
            let mut numbers = numbers(text);
            // Of this type are the reals of the column.
            numbers.sort_by_key(|cell| !matches!(cell, Cell::Real(_)));
            (numbers, KeyType::Real)
        }
        // Text before numbers: it is the type of the column.
        DataType::Utf8 => return Ok([vec![Cell::Text(text.to_owned())], numbers(text)].concat()),
        DataType::Binary => (numbers(text), KeyType::Bytes),
        other => parse_typed(text, other),
    };
    if parsed.is_empty() {
        return Err(KeyError::Part { column: column.name.clone(), takes, text: text.to_owned() });
    }
    Ok(parsed)
}

/// The numbers that SQLite takes for equal to what is written, an integer first; none where it is no number.
fn numbers(text: &str) -> Vec<Cell> {
    let (integer, real) = match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(integer), _) => (Some(integer), as_real(integer)),
        (_, Ok(real)) => (as_integer(real), Some(real)),
        _ => return Vec::new(),
    };
    let other_zero = real.filter(|real| *real == 0.0).map(|real| Cell::Real(-real));
    [integer.map(Cell::Integer), real.map(Cell::Real), other_zero].into_iter().flatten().collect()
}

/// The real that is this integer, if one is.
#[expect(clippy::cast_precision_loss, reason = "whether any is lost is seen by the way back")]
fn as_real(integer: i64) -> Option<f64> {
    let real = integer as f64;
    (as_integer(real) == Some(integer)).then_some(real)
}

/// The integer that is this real, if one is.
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers within the integers are turned")]
fn as_integer(real: f64) -> Option<i64> {
    (real.fract() == 0.0 && (-BEYOND..BEYOND).contains(&real)).then_some(real as i64)
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_all_that_equals_it() {
        use Cell::{Integer, Real};
        assert_eq!(numbers("1"), [Integer(1), Real(1.0)]);
        assert_eq!(numbers("0"), [Integer(0), Real(0.0), Real(-0.0)]);
        assert_eq!(numbers("-0.0"), [Integer(0), Real(-0.0), Real(0.0)]);
        assert_eq!(numbers("1.5"), [Real(1.5)]);
        assert_eq!(numbers("2.0"), [Integer(2), Real(2.0)]);
        assert_eq!(numbers("9007199254740993"), [Integer(9_007_199_254_740_993)]);
        assert_eq!(numbers("9223372036854775807"), [Integer(i64::MAX)]);
        assert_eq!(numbers("-9223372036854775808"), [Integer(i64::MIN), Real(-BEYOND)]);
        assert_eq!(numbers("9223372036854775808"), [Real(BEYOND)]);
        assert_eq!(numbers("Infinity"), [Real(f64::INFINITY)]);
        assert_eq!(numbers("nan"), [Real(f64::NAN)]);
        assert_eq!(numbers("two"), []);
    }
}
