//! Every storage class, in every kind of column.

use crate::common::{Place, Value, capture, check_round_trip, open, read_rows, real, round_trip, source, text};
use arrow_schema::DataType;

/// Literals of values at the edges of every class.
const EDGES: [&str; 27] = [
    "NULL",
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "9007199254740993",
    "0.0",
    "-0.0",
    "1.5",
    "1e300",
    "9e999",
    "-9e999",
    "5e-324",
    "2.2250738585072011e-308",
    "9.2233720368547758e18",
    "''",
    "'text'",
    "'42'",
    "'1e3 x'",
    "'a' || char(0) || 'b' || char(0)",
    "'\u{1F600}\u{FFFD}'",
    "CAST(x'ff00fe' AS TEXT)",
    "CAST(x'c0af' AS TEXT)",
    "x''",
    "x'00'",
    "x'ff00ff'",
];

const DECLARED: [&str; 10] =
    ["INTEGER", "INT", "REAL", "TEXT", "BLOB", "", "NUMERIC", "DECIMAL(10,2)", "BOOLEAN", "VARCHAR(3)"];

fn edges_in_every_column(options: &str, head: &str) -> String {
    let columns: Vec<String> = DECLARED.iter().enumerate().map(|(n, declared)| format!("c{n} {declared}")).collect();
    let mut sql = format!("{head}CREATE TABLE edges(k INTEGER PRIMARY KEY, {}){options};", columns.join(", "));
    for edge in EDGES {
        let row: Vec<&str> = DECLARED.iter().map(|_| edge).collect();
        sql += &format!("INSERT INTO edges VALUES (NULL, {});", row.join(", "));
    }
    sql
}

#[test]
fn every_class_in_every_column_comes_back() {
    let (_place, captured, restored) = round_trip(&edges_in_every_column("", ""));
    assert_eq!(captured.values("edges").len(), EDGES.len());
    // SQLite itself agrees, class by class and bit by bit.
    let connection = open(&restored);
    let source = restored.with_file_name("source.db");
    connection.execute("ATTACH ?1 AS s", [source.to_str().expect("text")]).expect("attached");
    let compared: Vec<String> =
        (0..DECLARED.len()).map(|n| format!("a.c{n} IS b.c{n} AND typeof(a.c{n}) = typeof(b.c{n})")).collect();
    let sql = format!("SELECT count(*) FROM edges a JOIN s.edges b USING (k) WHERE {}", compared.join(" AND "));
    let same: i64 = connection.query_row(&sql, [], |row| row.get(0)).expect("counted");
    assert_eq!(same, EDGES.len() as i64);
}

#[test]
fn values_of_another_class_are_exceptions_of_these_bytes() {
    let (_place, captured, _) = round_trip(
        "CREATE TABLE t(i INTEGER, f REAL, s TEXT, b BLOB);
         INSERT INTO t VALUES (1, 2.5, 'x', x'01'), ('one', 'two', x'03', 4), (1.5, x'ff', CAST(x'ff' AS TEXT), -1.5);",
    );
    let rows = captured.values("t");
    assert_eq!(rows[0][1..], [Value::Integer(1), real(2.5), text("x"), Value::Blob(vec![1])]);
    let four = Value::Exception(2, vec![0x80, 0, 0, 0, 0, 0, 0, 4]);
    let (one, two) = (Value::Exception(4, b"one".to_vec()), Value::Exception(4, b"two".to_vec()));
    assert_eq!(rows[1][1..], [one, two, Value::Exception(5, vec![3]), four]);
    let number = Value::Exception(3, vec![0xbf, 0xf8, 0, 0, 0, 0, 0, 0]);
    let below = Value::Exception(3, vec![0x40, 0x07, 255, 255, 255, 255, 255, 255]);
    assert_eq!(rows[2][1..], [number, Value::Exception(5, vec![255]), Value::Exception(4, vec![255]), below]);
}

#[test]
fn types_follow_what_most_values_are() {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)";
    let (_place, captured, _) = round_trip(&format!(
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c NUMERIC, d DATE, e BLOB, f POINT, g TEXT, h, i NUMERIC);
         {many} INSERT INTO t SELECT i, i, i + 0.5, '2024-01-01', 'text', x'00', i, NULL, NULL FROM n;"
    ));
    let types: Vec<DataType> = captured.table("t").columns.iter().map(|column| column.data_type.clone()).collect();
    use DataType::{Binary, Float64, Int64, Utf8};
    assert_eq!(types, [Int64, Int64, Float64, Utf8, Utf8, Binary, Utf8, Binary, Int64]);
}

#[test]
fn another_type_makes_exceptions_and_loses_nothing() {
    let place = Place::new();
    let path = place.database(&edges_in_every_column("", ""));
    let captured = capture(&path);
    for data_type in [DataType::Int64, DataType::Float64, DataType::Utf8, DataType::Binary] {
        let mut source = source(&path).expect("opened");
        source.begin().expect("begun");
        let mut table = captured.table("edges").clone();
        table.columns.iter_mut().for_each(|column| column.data_type = data_type.clone());
        let batches = read_rows(source.as_mut(), &table).expect("read");
        crate::common::check_keys(&table, &batches);
        let mut changed = capture(&path);
        let at = changed.place_of("edges");
        changed.rows[at] = batches;
        let restored = place.path("changed.db");
        changed.restore(&changed.whole(), &restored).expect("restored");
        crate::common::assert_same(&captured, &capture(&restored));
        std::fs::remove_file(restored).expect("removed");
    }
    let mut source = source(&path).expect("opened");
    source.begin().expect("begun");
    let mut table = captured.table("edges").clone();
    table.columns[1].data_type = DataType::Boolean;
    assert!(source.rows(&table).is_err(), "no such type");
}

#[test]
fn strict_tables_come_back() {
    let (_place, captured, restored) = round_trip(
        "CREATE TABLE s(a INT, b INTEGER, c REAL, d TEXT, e BLOB, f ANY) STRICT;
         INSERT INTO s VALUES (1, 2, 3, 'x', x'00', 'y'), (NULL, NULL, NULL, NULL, NULL, '7'), (5, 6, -0.0, '', x'', 7);
         CREATE TABLE w(a ANY, b TEXT, PRIMARY KEY (a, b)) STRICT, WITHOUT ROWID;
         INSERT INTO w VALUES (1, 'a'), ('1', 'a'), (x'31', 'a'), (1.5, 'b');",
    );
    let types: Vec<&DataType> = captured.table("s").columns.iter().map(|column| &column.data_type).collect();
    use DataType::{Binary, Float64, Int64, Utf8};
    assert_eq!(types, [&Int64, &Int64, &Int64, &Float64, &Utf8, &Binary, &Utf8]);
    assert!(open(&restored).execute("INSERT INTO s(a) VALUES ('no')", []).is_err(), "it is still strict");
}

#[test]
fn generated_columns_are_computed_anew() {
    let (_place, captured, restored) = round_trip(
        "CREATE TABLE g(a INTEGER PRIMARY KEY, b, v AS (b * 2) VIRTUAL, s TEXT GENERATED ALWAYS AS (b || '!') STORED, c);
         INSERT INTO g(b, c) VALUES (1, 'x'), (21, 'y');
         CREATE INDEX gv ON g(v);
         CREATE TABLE rowid_too(rowid AS (a + 1), a);
         INSERT INTO rowid_too(a) VALUES (5);",
    );
    let names: Vec<&str> = captured.table("g").columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let names: Vec<&str> = captured.table("rowid_too").columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["_rowid_", "a"]);
    let found: String = open(&restored)
        .query_row("SELECT s FROM g INDEXED BY gv WHERE v = 42", [], |row| row.get(0))
        .expect("computed");
    assert_eq!(found, "21!");
}

#[test]
fn long_values_and_many_rows_go_through_in_small_batches() {
    let place = Place::new();
    let path = place.database(
        "CREATE TABLE long(a TEXT, b BLOB);
         INSERT INTO long VALUES (hex(zeroblob(3000000)), zeroblob(5000000)), ('x', x'01'), (hex(zeroblob(4000000)), NULL);
         CREATE TABLE many(a INTEGER PRIMARY KEY, b);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO many SELECT i, i FROM n;",
    );
    let (captured, _) = check_round_trip(&place, &path);
    let rows = |table: &str| -> Vec<usize> {
        captured.rows[captured.place_of(table)].iter().map(|batch| batch.rows()).collect()
    };
    assert_eq!(rows("many"), [8192, 8192, 3616]);
    assert_eq!(rows("long"), [1, 2]);
    assert_eq!(captured.table("many").rows_estimate, Some(20_000));
    assert_eq!(captured.table("long").rows_estimate, Some(3));
}

#[test]
fn utf16_databases_come_back() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        let (_place, _, restored) = round_trip(&format!(
            "PRAGMA encoding='{encoding}';
             CREATE TABLE t(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
             INSERT INTO t VALUES ('', 1), ('a', 2), ('\u{e9}', 3), ('\u{d7ff}', 4), ('\u{e000}', 5), ('\u{fffd}', 6),
                                  ('\u{10000}', 7), ('\u{10ffff}', 8), ('a' || char(0), 9);
             CREATE TABLE u(a, b TEXT); INSERT INTO u VALUES ('\u{1F600}', 'x' || char(0) || '\u{ff5e}'), (1, x'00');"
        ));
        let found: String = open(&restored).query_row("PRAGMA encoding", [], |row| row.get(0)).expect("told");
        assert_eq!(found, encoding);
    }
}

#[test]
fn text_that_is_no_valid_utf16_comes_back() {
    for (encoding, alone) in [("UTF-16le", "x'610000d862003dd800de'"), ("UTF-16be", "x'0061d8000062d83dde00'")] {
        let (place, captured, restored) = round_trip(&format!(
            "PRAGMA encoding='{encoding}';
             CREATE TABLE t(a, b TEXT, c INTEGER);
             INSERT INTO t VALUES ('x', CAST({alone} AS TEXT), x'd800'), (1, 'fine \u{1F600}', CAST({alone} AS TEXT)), ('y', 'z', 1);
             CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
             INSERT INTO w VALUES (CAST({alone} AS TEXT), 1), ('b', 2), (x'00', 3), ('\u{1F600}', 4), ('\u{ffff}', 5);"
        ));
        let wide = Value::Exception(6, vec![0, b'a', 0xd8, 0, 0, b'b', 0xd8, 0x3d, 0xde, 0]);
        let rows = captured.values("t");
        assert_eq!((&rows[0][2], &rows[1][3]), (&wide, &wide));
        assert_eq!(captured.values("w")[4][0], wide, "after all others");
        let same: i64 = open(&restored)
            .query_row(
                &format!("SELECT count(*) FROM t WHERE CAST(b AS BLOB) = {alone} OR CAST(c AS BLOB) = {alone}"),
                [],
                |row| row.get(0),
            )
            .expect("counted");
        assert_eq!(same, 2);
        // A database in UTF-8 cannot hold it, and says so.
        let narrow = place.path("narrow.db");
        open(&narrow).execute_batch("CREATE TABLE mine(a)").expect("made");
        let job = captured.one("t", "t", datakeep_connector::TableAction::Create);
        let error = captured.restore(&job, &narrow).expect_err("refused");
        assert!(error.message.contains("UTF-8"), "{error}");
    }
}
