//! Cells in JSON and in lines for people.

use super::backup::safe;
use datakeep_distribute::tables::text::{Plain, plain, shown};
use datakeep_distribute::tables::{Cell, CellStep};
use serde::{Serialize, Serializer};

/// A cell as `docs/json-output.md` says.
pub struct CellJson<'a>(pub &'a Cell);

impl Serialize for CellJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match plain(self.0) {
            Plain::Null => serializer.serialize_unit(),
            Plain::Bool(truth) => serializer.serialize_bool(truth),
            Plain::Integer(number) => serializer.serialize_i64(number),
            Plain::Real(number) => serializer.serialize_f64(number),
            Plain::Text(text) => serializer.serialize_str(&text),
        }
    }
}

/// A cell with the name of its column.
#[derive(Serialize)]
pub struct NamedJson<'a> {
    column: &'a str,
    value: CellJson<'a>,
}

/// A cell that changed.
#[derive(Serialize)]
pub struct ChangedJson<'a> {
    column: &'a str,
    before: CellJson<'a>,
    after: CellJson<'a>,
}

/// Cells with the names of their columns, in order.
pub fn named<'a>(cells: impl Iterator<Item = (&'a str, &'a Cell)>) -> Vec<NamedJson<'a>> {
    cells.map(|(column, cell)| NamedJson { column, value: CellJson(cell) }).collect()
}

/// A cell that changed, with the name of its column.
pub fn changed<'a>(column: &'a str, before: &'a Cell, after: &'a Cell) -> ChangedJson<'a> {
    ChangedJson { column, before: CellJson(before), after: CellJson(after) }
}

/// Steps of cells.
pub fn steps(cells: &[CellStep]) -> Vec<ChangedJson<'_>> {
    cells.iter().map(|cell| changed(&cell.column, &cell.before, &cell.after)).collect()
}

/// A cell for people; nothing in it that a terminal acts on.
pub fn show(cell: &Cell) -> String {
    safe(&shown(cell))
}

/// `a=1, b='x'`.
pub fn show_named<'a>(cells: impl Iterator<Item = (&'a str, &'a Cell)>) -> String {
    let shown: Vec<String> = cells.map(|(column, cell)| format!("{}={}", safe(column), show(cell))).collect();
    shown.join(", ")
}

/// `a: 1 -> 2`.
pub fn show_changed(column: &str, before: &Cell, after: &Cell) -> String {
    format!("{}: {} -> {}", safe(column), show(before), show(after))
}
