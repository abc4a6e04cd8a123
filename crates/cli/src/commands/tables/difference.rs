//! The first row in which a restored table is not what was captured, in words.

use crate::phrases;
use crate::words::tr;
use datakeep_distribute::tables::row_of;
use datakeep_distribute::tables::text::shown;
use datakeep_engine::FirstDifference;

/// Cells that are told, at most.
const MOST_CELLS: usize = 3;

/// The table, the row by its key, what is different, and the first cells that are. Control characters are left for the caller to
/// escape.
pub fn words(difference: &FirstDifference) -> String {
    let FirstDifference { table, what, columns, key, captured, standing } = difference;
    let [captured, standing] = [captured, standing].map(|row| row.as_ref().map(|row| row_of(row, 0)));
    let what = phrases::spoken(what);
    let Some(row) = captured.as_ref().or(standing.as_ref()) else {
        return tr!("table {table}: {what}", "表 {table}：{what}");
    };
    let name = |at: usize| columns.get(at).map_or("?", String::as_str);
    let key: Vec<String> =
        key.iter().filter_map(|&at| row.get(at).map(|cell| format!("{}={}", name(at), shown(cell)))).collect();
    let key = key.join(", ");
    let row = if key.is_empty() { String::new() } else { tr!(", row {key}", "，行 {key}") };
    let pairs = captured.iter().flatten().zip(standing.iter().flatten()).enumerate();
    let cells = pairs.filter(|(_, (captured, standing))| captured != standing);
    let cells: Vec<String> = cells
        .take(MOST_CELLS)
        .map(|(at, (captured, standing))| format!("{}: {} -> {}", name(at), shown(captured), shown(standing)))
        .collect();
    let cells = if cells.is_empty() { String::new() } else { format!(" ({})", cells.join("; ")) };
    tr!("table {table}{row}: {what}{cells}", "表 {table}{row}：{what}{cells}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Int64Array, StringArray};
    use datakeep_connector::TableName;
    use datakeep_connector::rows::{Column, RowBatch};
    use std::sync::Arc;

    fn row(id: i64, text: &str) -> RowBatch {
        let columns: [ArrayRef; 2] = [Arc::new(Int64Array::from(vec![id])), Arc::new(StringArray::from(vec![text]))];
        let columns = columns.map(|values| Column::new(values, Vec::new()).expect("valid"));
        RowBatch::new(columns.to_vec()).expect("even")
    }

    #[test]
    fn a_row_is_named_by_its_key_and_its_cells() {
        let mut difference = FirstDifference {
            table: TableName { schema: "main".into(), table: "t".into() },
            what: "a row has other values".into(),
            columns: vec!["id".into(), "name".into()],
            key: vec![0],
            captured: Some(row(7, "as it was")),
            standing: Some(row(7, "as it is")),
        };
        assert_eq!(
            words(&difference),
            "table main.t, row id=7: a row has other values (name: 'as it was' -> 'as it is')"
        );
        (difference.captured, difference.what) = (None, "a row stands there that was not captured".into());
        assert_eq!(words(&difference), "table main.t, row id=7: a row stands there that was not captured");
        difference.key.clear();
        assert_eq!(words(&difference), "table main.t: a row stands there that was not captured");
        difference.standing = None;
        assert_eq!(words(&difference), "table main.t: a row stands there that was not captured");
    }
}
