//! Columns of tables as SQL sees them.
//!
//! A column has the type that its typed values have. Where a table holds values that the type cannot hold (SQLite gives every
//! value a type of its own), numbers of both kinds are shown as floats, as long as floats hold all of them exactly; any other
//! such column is shown as text: numbers as they are written, bytes as `x'00ff'`. Nothing is left out, rounded or made null.

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datakeep_connector::ColumnInfo;
use datakeep_connector::rows::{Column, Exception};
use datakeep_distribute::tables::Cell;
use datakeep_process_table::describe::ColumnStatistics;
use datakeep_process_table::{Bound, BoundValue, ColumnStats, TableDescription};
use std::fmt::Write as _;
use std::sync::Arc;

/// How the columns of a table are shown, in the order of its description.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// Names and types.
    pub schema: SchemaRef,
    /// Each as what.
    pub ways: Vec<Way>,
}

/// How a column is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// As it is.
    Plain,
    /// As floats: integers and floats stand in it.
    Number,
    /// As text: values that have no type in common stand in it.
    Text,
}

/// Integers up to this, and down to its negative, are floats exactly.
const MOST_EXACT: i64 = 1 << 53;

impl Shown {
    /// Of a table, by what is known of its columns. Without statistics nothing is known, and a column might hold anything.
    pub fn new(table: &TableDescription, statistics: &[ColumnStatistics]) -> Self {
        let way = |(number, column): (&u32, &ColumnInfo)| {
            let found = statistics.iter().find(|known| known.number == *number);
            found.map_or(Way::Text, |known| way(&known.stats, &column.data_type))
        };
        let ways: Vec<Way> = table.numbers.iter().zip(&table.info.columns).map(way).collect();
        let field = |(way, column): (&Way, &ColumnInfo)| {
            let data_type = match way {
                Way::Plain => column.data_type.clone(),
                Way::Number => DataType::Float64,
                Way::Text => DataType::Utf8,
            };
            Field::new(&column.name, data_type, true)
        };
        let fields: Vec<Field> = ways.iter().zip(&table.info.columns).map(field).collect();
        Self { schema: Arc::new(Schema::new(fields)), ways }
    }
}

fn way(stats: &ColumnStats, data_type: &DataType) -> Way {
    if stats.exceptions == 0 {
        return Way::Plain;
    }
    let typed = match (data_type, &stats.bounds) {
        (DataType::Float64, _) | (DataType::Int64, None) => true,
        (DataType::Int64, Some((least, greatest))) => {
            let is_exact_bound =
                |bound: &Bound| matches!(bound.value(data_type), BoundValue::Integer(number) if is_exact(number));
            is_exact_bound(least) && is_exact_bound(greatest)
        }
        _ => false,
    };
    // Exceptions that are integers order as their bytes do.
    let is_number = |(kind, least, greatest): (u8, &[u8], &[u8])| {
        float_of(kind, least).is_some() && float_of(kind, greatest).is_some()
    };
    let odd = stats.kinds.as_ref().is_some_and(|kinds| kinds.iter().all(is_number));
    if typed && odd { Way::Number } else { Way::Text }
}

fn is_exact(number: i64) -> bool {
    (-MOST_EXACT..=MOST_EXACT).contains(&number)
}

/// The float that an exception is exactly; nothing for any other.
fn float_of(kind: u8, bytes: &[u8]) -> Option<f64> {
    match Cell::of_exception(&Exception { row: 0, kind, bytes: bytes.to_vec() }) {
        Cell::Integer(number) if is_exact(number) => Some(number as f64),
        Cell::Real(number) => Some(number),
        _ => None,
    }
}

/// The values of a column as they are shown; `None` when it holds values that it was said not to hold.
pub(crate) fn shown(column: &Column, way: Way) -> Option<ArrayRef> {
    match (way, column.exceptions().is_empty()) {
        (Way::Plain, true) => Some(column.values().clone()),
        (Way::Plain, false) => None,
        (Way::Number, _) => numbers(column),
        (Way::Text, true) if *column.values().data_type() == DataType::Utf8 => Some(column.values().clone()),
        (Way::Text, _) => Some(Arc::new(texts(column))),
    }
}

/// All values as floats; `None` where one is no number, or no float is it.
fn numbers(column: &Column) -> Option<ArrayRef> {
    let values: Float64Array = match column.values().data_type() {
        DataType::Float64 => column.values().as_primitive::<Float64Type>().clone(),
        DataType::Int64 => {
            let integers = column.values().as_primitive::<Int64Type>();
            integers.iter().flatten().all(is_exact).then(|| integers.unary(|number| number as f64))?
        }
        _ => return None,
    };
    if column.exceptions().is_empty() {
        return Some(Arc::new(values));
    }
    let mut all: Vec<Option<f64>> = values.iter().collect();
    for odd in column.exceptions() {
        all[odd.row as usize] = Some(float_of(odd.kind, &odd.bytes)?);
    }
    Some(Arc::new(Float64Array::from(all)))
}

fn texts(column: &Column) -> StringArray {
    let mut builder = StringBuilder::with_capacity(column.rows(), column.rows() * 8);
    for row in 0..column.rows() {
        match text(&Cell::of(column, row)) {
            Some(text) => builder.append_value(text),
            None => builder.append_null(),
        }
    }
    builder.finish()
}

/// A value as text; nothing for null.
pub(crate) fn text(cell: &Cell) -> Option<String> {
    Some(match cell {
        Cell::Null => return None,
        Cell::Bool(truth) => truth.to_string(),
        Cell::Integer(number) => number.to_string(),
        Cell::Unsigned(number) => number.to_string(),
        Cell::Real(number) => format!("{number:?}"),
        Cell::Text(text) | Cell::Written(text) => text.clone(),
        Cell::RawText(bytes) | Cell::WideText(bytes) | Cell::Blob(bytes) | Cell::Unknown { bytes, .. } => hex(bytes),
    })
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len() + 3);
    text.push_str("x'");
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Int64Array;

    #[test]
    fn mixed_columns_are_text_and_say_everything() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(-5), None, None, None]));
        let odd = |row, kind, bytes: &[u8]| Exception { row, kind, bytes: bytes.to_vec() };
        let column = Column::new(values, vec![odd(1, 4, "five".as_bytes()), odd(2, 5, &[0, 255])]).expect("valid");
        assert!(shown(&column, Way::Plain).is_none(), "never left out");
        assert!(shown(&column, Way::Number).is_none(), "never made up");
        let text = shown(&column, Way::Text).expect("shown");
        let text: Vec<Option<&str>> = text.as_string::<i32>().iter().collect();
        assert_eq!(text, [Some("-5"), Some("five"), Some("x'00ff'"), None]);
    }
}
