//! Rows merged into a table that stands: what stands there has rules of its own, and none of them may act quietly.

use crate::common::{Captured, Place, Value, capture, connector, location, open, options, text};
use datakeep_connector::{Connector, TableAction};
use datakeep_model::ErrorKind;
use std::path::PathBuf;

/// A captured table `t`, and another database with one.
fn pair(captured: &str, other: &str) -> (Place, Captured, PathBuf) {
    let place = Place::new();
    let captured = capture(&place.database(captured));
    let path = place.path("other.db");
    open(&path).execute_batch(other).expect("valid statements");
    (place, captured, path)
}

/// The merge is refused with this word, also when it is only rehearsed if that can be known, and nothing changes.
fn refused(captured: &str, other: &str, word: &str, is_rehearsed: bool) {
    let (_place, captured, path) = pair(captured, other);
    let job = captured.one("t", "t", TableAction::Merge);
    let before = capture(&path).values("t");
    let error = captured.restore(&job, &path).expect_err(other);
    assert!(error.message.contains(word), "`{word}` is not in: {error}");
    assert_eq!(error.kind, ErrorKind::Target, "{error}");
    assert!(error.hint.is_some(), "{error}");
    assert_eq!(capture(&path).values("t"), before, "{other}");
    let mut dry = connector().open_table_target(&location(&path), &options(&[]), true).expect("a target");
    assert_eq!(dry.begin(&job).is_err(), is_rehearsed, "{other}");
}

#[test]
fn conflict_clauses_of_the_standing_table_do_not_act() {
    let captured = "CREATE TABLE t(id INTEGER PRIMARY KEY, u INT, n INT); INSERT INTO t VALUES (1, 10, NULL);";
    for (columns, word) in [
        ("u INT UNIQUE ON CONFLICT REPLACE, n INT", "UNIQUE"),
        ("u INT UNIQUE ON CONFLICT IGNORE, n INT", "UNIQUE"),
        ("u INT, n INT NOT NULL ON CONFLICT IGNORE", "NOT NULL"),
        ("u INT, n INT NOT NULL ON CONFLICT REPLACE DEFAULT 7", "NOT NULL"),
    ] {
        let other =
            format!("CREATE TABLE t(id INTEGER PRIMARY KEY, {columns}); INSERT INTO t VALUES (7, 10, 1), (8, 11, 1);");
        refused(captured, &other, word, false);
    }
    let (_place, captured, path) = pair(
        captured,
        "CREATE TABLE t(id INTEGER PRIMARY KEY ON CONFLICT REPLACE, u INT UNIQUE ON CONFLICT REPLACE, n INT);
         INSERT INTO t VALUES (1, 1, 1), (2, 2, 2);",
    );
    captured.restore(&captured.one("t", "t", TableAction::Merge), &path).expect("merged");
    let rows = capture(&path).values("t");
    assert_eq!(rows[0], captured.values("t")[0]);
    assert_eq!(rows.len(), 2);
}

#[test]
fn columns_that_change_values_are_refused() {
    for (was, is) in [("TEXT", "INTEGER"), ("INTEGER", "TEXT"), ("", "REAL"), ("BLOB", "NUMERIC")] {
        let captured = format!("CREATE TABLE t(id INTEGER PRIMARY KEY, v {was}); INSERT INTO t VALUES (1, '007');");
        let other = format!("CREATE TABLE t(id INTEGER PRIMARY KEY, v {is});");
        refused(&captured, &other, "column v", true);
    }
    let (_place, captured, path) = pair(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v VARCHAR(3), n INT); INSERT INTO t VALUES (1, '007', 2);",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, n NUMERIC);",
    );
    captured.restore(&captured.one("t", "t", TableAction::Merge), &path).expect("the same affinities");
    assert_eq!(capture(&path).values("t")[0][1], text("007"));
}

#[test]
fn values_are_read_back() {
    // The captured value stands in a column that would turn it, so it cannot be written as it is.
    refused(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, '007'); PRAGMA writable_schema=ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER)';",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (2, 3);",
        "column v would not stand as it was captured",
        false,
    );
}

#[test]
fn keys_that_become_one_are_refused() {
    refused(
        "CREATE TABLE t(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES ('a', 1), ('A', 2);",
        "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES ('b', 1);",
        "have one key there",
        false,
    );
}

#[test]
fn hidden_rowids_name_no_row() {
    let sql = "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2);";
    refused(sql, "CREATE TABLE t(a, b); INSERT INTO t VALUES ('mine', 'too');", "declares no key", true);
}

#[test]
fn texts_that_utf8_cannot_say_are_merged_and_read_back() {
    let table = "PRAGMA encoding='UTF-16le'; CREATE TABLE t(k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;";
    let rows = "INSERT INTO t VALUES (CAST(x'00d8' AS TEXT), CAST(x'6100dfdc' AS TEXT)), ('b', 'plain');";
    let (_place, captured, path) = pair(&format!("{table}{rows}"), table);
    for _ in 0..2 {
        captured.restore(&captured.one("t", "t", TableAction::Merge), &path).expect("merged");
        assert_eq!(capture(&path).values("t"), captured.values("t"));
    }
    assert!(captured.values("t").iter().flatten().any(|value| matches!(value, Value::Exception(6, _))));
}

#[test]
fn references_that_come_to_dangle_are_told() {
    let tables = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER PRIMARY KEY, p REFERENCES p(id));";
    let (_place, captured, path) =
        pair(&format!("{tables} INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1), (2, 1);"), tables);
    let told = captured.restore(&captured.one("t", "t", TableAction::Merge), &path).expect("merged");
    assert!(told.iter().any(|sentence| sentence.contains("2 rows that refer to none")), "{told:?}");
    let again = captured.restore(&captured.one("t", "t", TableAction::Merge), &path).expect("merged");
    assert!(again.iter().all(|sentence| !sentence.contains("refer to none")), "{again:?}");
}
