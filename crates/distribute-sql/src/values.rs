//! Columns of tables as SQL sees them.
//!
//! A column has the type that its typed values have. Where a table holds values that the type cannot hold (SQLite gives every value a type of its own),
//! the whole column is shown as text: numbers as they are written, bytes as `x'00ff'`. Nothing is left out or made null.

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datakeep_connector::rows::Column;
use datakeep_distribute::tables::Cell;
use datakeep_process_table::TableDescription;
use datakeep_process_table::describe::ColumnStatistics;
use std::fmt::Write as _;
use std::sync::Arc;

/// How the columns of a table are shown, in the order of its description.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// Names and types.
    pub schema: SchemaRef,
    /// True for columns shown as text because of values that their type cannot hold.
    pub as_text: Vec<bool>,
}

impl Shown {
    /// Of a table, by what is known of its columns. Without statistics nothing is known, and a column might hold anything.
    pub fn new(table: &TableDescription, statistics: &[ColumnStatistics]) -> Self {
        let mixed = |number: u32| {
            let found = statistics.iter().find(|known| known.number == number);
            found.is_none_or(|known| known.stats.exceptions > 0)
        };
        let as_text: Vec<bool> = table.numbers.iter().map(|number| mixed(*number)).collect();
        let field = |(at, as_text): (usize, &bool)| {
            let column = &table.info.columns[at];
            let data_type = if *as_text { DataType::Utf8 } else { column.data_type.clone() };
            Field::new(&column.name, data_type, true)
        };
        let fields: Vec<Field> = as_text.iter().enumerate().map(field).collect();
        Self { schema: Arc::new(Schema::new(fields)), as_text }
    }
}

/// The values of a column as they are shown; `None` when it holds values that it was said not to hold.
pub(crate) fn shown(column: &Column, as_text: bool) -> Option<ArrayRef> {
    match (as_text, column.exceptions().is_empty()) {
        (false, true) => Some(column.values().clone()),
        (false, false) => None,
        (true, true) if *column.values().data_type() == DataType::Utf8 => Some(column.values().clone()),
        (true, _) => Some(Arc::new(texts(column))),
    }
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
    use arrow_array::cast::AsArray;
    use datakeep_connector::rows::Exception;

    #[test]
    fn mixed_columns_are_text_and_say_everything() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(-5), None, None, None]));
        let odd = |row, kind, bytes: &[u8]| Exception { row, kind, bytes: bytes.to_vec() };
        let column = Column::new(values, vec![odd(1, 4, "five".as_bytes()), odd(2, 5, &[0, 255])]).expect("valid");
        assert!(shown(&column, false).is_none(), "never left out");
        let text = shown(&column, true).expect("shown");
        let text: Vec<Option<&str>> = text.as_string::<i32>().iter().collect();
        assert_eq!(text, [Some("-5"), Some("five"), Some("x'00ff'"), None]);
    }
}
