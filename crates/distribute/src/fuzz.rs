//! What names a snapshot and a path in it, as a target of the harness in `testkit::fuzz`.

use crate::split_place;
use crate::tables::row::parse_key;
use arrow_schema::{DataType, TimeUnit};
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

/// A table whose key has a column of each of these types.
fn table_of(types: &[DataType]) -> TableDescription {
    let column = |data_type: &DataType| ColumnInfo {
        name: data_type.to_string(),
        declared: String::new(),
        data_type: data_type.clone(),
        nullable: true,
        hidden: false,
    };
    TableDescription {
        info: TableInfo {
            name: TableName { schema: "main".into(), table: "t".into() },
            columns: types.iter().map(column).collect(),
            key: (0..types.len()).collect(),
            sql: String::new(),
            notes: Vec::new(),
            rows_estimate: None,
        },
        numbers: (0..types.len() as u32).collect(),
        next_number: types.len() as u32,
        layouts: vec![Layout::Plain; types.len()],
        window: 1,
        rows: 0,
        groups: 0,
        row_sum: RowSum::default(),
        content_root: [0; 32],
        compared_with: None,
        changes: None,
    }
}

/// A key of four columns of the types that SQLite has, or of one of any other type that a key can be written in.
fn row_key(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    let four = [DataType::Int64, DataType::Float64, DataType::Utf8, DataType::Binary];
    let single = [
        DataType::Boolean,
        DataType::Int16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::FixedSizeBinary(16),
        DataType::Date32,
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Decimal128(15, 2),
    ];
    let mut verdict = Verdict::Refused;
    for types in std::iter::once(&four[..]).chain(single.chunks(1)) {
        match parse_key(&table_of(types), &[text.to_string()]) {
            Ok(cells) if cells.len() == types.len() => verdict = Verdict::Taken,
            Ok(cells) => panic!("{} cells of a key of {}", cells.len(), types.len()),
            Err(_) => {}
        }
    }
    verdict
}

#[test]
fn fuzz() {
    let keys = [
        "1,2.5,abc,x'00ff'",
        "-9223372036854775808,nan,'it''s',X''",
        "'1','2','3','4'",
        "2026-01-31",
        "2026-01-31T18:00:00.25Z",
        "6f9619ff-8b86-d011-b42d-00c04fc964ff",
        "-12.50",
        "true",
    ];
    let places = ["", "latest", "files:/etc/x", "files@2026-01-02 10:11:12:/etc", "files@2026-01-02T10:11", "a:b:c"];
    fuzz::check("distribute", &[Target::text("place", &places, place), Target::text("row-key", &keys, row_key)]);
}
