//! What names a snapshot and a path in it, as a target of the harness in `testkit::fuzz`.

use crate::split_place;
use crate::tables::row::parse_key;
use arrow_schema::DataType;
use datakeep_connector::{ColumnInfo, TableInfo, TableName};
use datakeep_process_table::{Layout, RowSum, TableDescription};
use datakeep_testkit::fuzz::{self, CountedHeap, Target, Verdict};

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

/// The two halves are the text again, but for the colon between them.
fn place(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    match split_place(text) {
        (snapshot, None) => Verdict::Same(snapshot.as_bytes().to_vec()),
        (snapshot, Some(path)) => Verdict::Same(format!("{snapshot}:{path}").into_bytes()),
    }
}

/// A key of one column of each type that a key can be written in.
fn row_key(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    let column = |data_type: &DataType| ColumnInfo {
        name: data_type.to_string(),
        declared: String::new(),
        data_type: data_type.clone(),
        nullable: true,
        hidden: false,
    };
    let types = [DataType::Int64, DataType::Float64, DataType::Utf8, DataType::Binary];
    let table = TableDescription {
        info: TableInfo {
            name: TableName { schema: "main".into(), table: "t".into() },
            columns: types.iter().map(column).collect(),
            key: (0..types.len()).collect(),
            sql: String::new(),
            notes: Vec::new(),
            rows_estimate: None,
        },
        numbers: (0..4).collect(),
        next_number: 4,
        layouts: vec![Layout::Plain; 4],
        window: 1,
        rows: 0,
        groups: 0,
        row_sum: RowSum::default(),
        content_root: [0; 32],
        compared_with: None,
        changes: None,
    };
    match parse_key(&table, &[text.to_string()]) {
        Ok(cells) if cells.len() == types.len() => Verdict::Taken,
        Ok(cells) => panic!("{} cells of a key of four", cells.len()),
        Err(_) => Verdict::Refused,
    }
}

#[test]
fn fuzz() {
    let keys = ["1,2.5,abc,x'00ff'", "-9223372036854775808,nan,'it''s',X''", "'1','2','3','4'"];
    let places = ["", "latest", "files:/etc/x", "files@2026-01-02 10:11:12:/etc", "files@2026-01-02T10:11", "a:b:c"];
    fuzz::check("distribute", &[Target::text("place", &places, place), Target::text("row-key", &keys, row_key)]);
}
