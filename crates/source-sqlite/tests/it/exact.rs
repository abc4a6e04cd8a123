//! Values and rules that a schema alone does not bring about: they come back, or it is told that they do not.

use crate::common::{Captured, Place, capture, check_round_trip, open, target};
use rusqlite::functions::FunctionFlags;
use std::path::PathBuf;

/// The declared types are other ones than those under which the rows were written.
const CHANGED: &str = "
    CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, \"b c\" TEXT DEFAULT 'x, )', u TEXT UNIQUE, g TEXT AS (a || ','));
    CREATE TABLE w(k TEXT PRIMARY KEY, v, CHECK (v <> 5)) WITHOUT ROWID;
    CREATE TABLE n(a TEXT, b REAL);
    INSERT INTO t(id, a, \"b c\", u) VALUES (1, '01234', '1.0', '5'), (2, 'x', NULL, '05');
    INSERT INTO w VALUES ('1', '7'), ('01', '8'); INSERT INTO n VALUES ('1e5', 2), ('12', 2.5);
    PRAGMA writable_schema=ON;
    UPDATE sqlite_schema SET sql =
      'CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, \"b c\" DECIMAL(5, 2) DEFAULT ''x, )'', u INT UNIQUE, g TEXT AS (a || '',''))'
      WHERE name = 't';
    UPDATE sqlite_schema SET sql = 'CREATE TABLE w(k INT PRIMARY KEY, v REAL, CHECK (v <> 5)) WITHOUT ROWID' WHERE name = 'w';
    UPDATE sqlite_schema SET sql = 'CREATE TABLE n(a NUMERIC, b TEXT)' WHERE name = 'n';";

#[test]
fn values_that_do_not_fit_their_column_come_back() {
    let place = Place::new();
    let path = place.database(CHANGED);
    open(&path).execute_batch("CREATE INDEX i ON t(a) WHERE a > 5;").expect("an index");
    let (_, restored) = check_round_trip(&place, &path);
    let count = |sql: &str| open(&restored).query_row(sql, [], |row| row.get::<_, i64>(0)).expect("one row");
    assert_eq!(count("SELECT count(*) FROM t WHERE u = '05' AND a = 'x'"), 0, "the column has its type again");
    open(&restored).execute_batch("INSERT INTO t(id, a) VALUES (9, '77')").expect("written");
    assert_eq!(count("SELECT typeof(a) = 'integer' FROM t WHERE id = 9"), 1, "the column has its type again");
}

#[test]
fn what_is_complete_is_looked_at_before_it_is_seen() {
    let place = Place::new();
    let captured = capture(&place.database("PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1);"));
    let path = place.path("new.db");
    let begin = |captured: &Captured| {
        let mut target = target(&path);
        target.begin(&captured.whole()).expect("begun");
        target.begin_table(0).and_then(|()| target.write(&captured.rows[0][0])).expect("written");
        target.end_table().expect("ended");
        target
    };
    let mut new = begin(&captured);
    let mut source = new.complete().expect("complete").expect("it can be read");
    source.begin().expect("read");
    assert_eq!(source.catalog().expect("read").tables, captured.catalog.tables);
    drop(source);
    assert!(!path.exists());
    drop(new);
    let names = place.names();
    assert!(names.iter().all(|name| name.starts_with("source.db")), "what is not published leaves nothing: {names:?}");
    let mut new = begin(&captured);
    drop(new.complete().expect("complete"));
    new.finish().expect("published");
    assert_eq!(capture(&path).catalog, captured.catalog);
}

/// A database whose application has functions of its own.
fn with_own_function(sql: &str) -> (Place, PathBuf) {
    let place = Place::new();
    let path = place.path("source.db");
    let connection = open(&path);
    let flags = FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_UTF8;
    connection.create_scalar_function("ours", 1, flags, |call| call.get::<i64>(0)).expect("a function");
    connection.create_scalar_function("regexp", 2, flags, |_| Ok(true)).expect("a function");
    connection.execute_batch(sql).expect("made");
    (place, path)
}

#[test]
fn rules_that_call_functions_of_an_application_come_back() {
    let (place, path) = with_own_function(
        "CREATE TABLE t(a CHECK (ours(a) > 0), b, g AS (ours(a)), CHECK (b REGEXP 'x')); INSERT INTO t VALUES (1, 'x');
         CREATE TABLE u(a); INSERT INTO u VALUES (1);",
    );
    check_round_trip(&place, &path);
    let captured = capture(&path);
    let told = captured.restore(&captured.whole(), &place.path("again.db")).expect("restored");
    assert!(told.iter().any(|sentence| sentence.contains("the function ours")), "{told:?}");
}

#[test]
fn what_only_its_application_can_compute_is_left_out_and_told() {
    let (place, path) = with_own_function(
        "CREATE TABLE t(a, g AS (ours(a)) STORED); CREATE INDEX i ON t(a); INSERT INTO t VALUES (1);
         CREATE TABLE u(a); INSERT INTO u VALUES (1); CREATE VIEW v AS SELECT * FROM t;",
    );
    let captured = capture(&path);
    let new = place.path("new.db");
    let told = captured.restore(&captured.whole(), &new).expect("restored");
    assert!(told.iter().any(|sentence| sentence.contains("table t was left out")), "{told:?}");
    let restored = capture(&new);
    assert_eq!(restored.catalog.tables.len(), 1);
    assert_eq!(restored.values("u"), captured.values("u"));
    let alone = captured.one("t", "t", datakeep_connector::TableAction::Create);
    let error = captured.restore(&alone, &place.path("alone.db")).expect_err("refused");
    assert!(error.message.contains("ours") && error.hint.is_some(), "{error}");
}

#[test]
fn damage_behind_many_harmless_lines_is_found() {
    let place = Place::new();
    // An index that misses a row, in a table with more than a hundred values that break a rule.
    let new = place.database(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b); CREATE INDEX i ON t(b);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t SELECT i, 1, i FROM n;",
    );
    hurt(&new);
    let source = capture(&new);
    let mut target = target(&new);
    target.begin(&source.one("t", "t", datakeep_connector::TableAction::Merge)).expect("begun");
    target.begin_table(0).and_then(|()| target.end_table()).expect("no row");
    let error = target.finish().expect_err("damaged");
    assert!(error.message.contains("not sound"), "{error}");
}

/// Leaves the last row of `t` out of the index `i`, and gives a column a type that none of its values has.
fn hurt(path: &std::path::Path) {
    let connection = open(path);
    connection
        .execute_batch(
            "PRAGMA writable_schema=ON;
             UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t(b) WHERE b < 299' WHERE name = 'i';
             PRAGMA writable_schema=RESET; DELETE FROM t WHERE id = 300; INSERT INTO t VALUES (300, 9, 999);
             PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t(b)' WHERE name = 'i';
             UPDATE sqlite_schema SET sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b)' WHERE name = 't';",
        )
        .expect("hurt");
}
