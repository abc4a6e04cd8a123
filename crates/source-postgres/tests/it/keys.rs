//! Which columns name a row, and that rows come in the order of their normalised keys.

use crate::common::{Captured, Database, MAJOR, check_keys, try_capture};
use datakeep_testkit_postgres::{Cluster, Setup};

/// Rows of one key column of a type, given out of order; what the key was read as, in its order.
fn check(declared: &str, values: &[&str], expected: &[&str]) {
    check_with("", declared, values, expected);
}

fn check_with(before: &str, declared: &str, values: &[&str], expected: &[&str]) {
    let rows: Vec<_> = values.iter().map(|value| format!("({value})")).collect();
    let sql = format!("{before}; CREATE TABLE t(k {declared} PRIMARY KEY); INSERT INTO t VALUES {}", rows.join(", "));
    let captured = Database::new(&sql).capture();
    assert_eq!(captured.key("t"), ["k"]);
    assert_eq!(captured.first("t"), expected, "{declared}");
}

#[test]
fn numbers_order_as_numbers() {
    check("int", &["3", "-1", "0"], &["-1", "0", "3"]);
    check("smallint", &["300", "-1"], &["-1", "300"]);
    check("bigint", &["9223372036854775807", "-9223372036854775808"], &["-9223372036854775808", "9223372036854775807"]);
    check("oid", &["4000000000", "1"], &["1", "4000000000"]);
    check("boolean", &["true", "false"], &["false", "true"]);
    check("numeric(9,2)", &["'NaN'", "10", "-9.5", "9"], &["-9.50", "9.00", "10.00", "!NaN"]);
    check("numeric(60,2)", &["'NaN'", "10", "-9.5", "9"], &["-9.50", "9.00", "10.00", "!NaN"]);
    check("numeric", &["10", "9", "-1", "'NaN'"], &["-1", "10", "9", "NaN"]);
}

#[test]
fn floats_are_in_total_order() {
    check(
        "float8",
        &["1", "'-Infinity'", "'Infinity'", "'-0'"],
        &["fff0000000000000", "8000000000000000", "3ff0000000000000", "7ff0000000000000"],
    );
    check("float8", &["1", "'NaN'", "'Infinity'"], &["3ff0000000000000", "7ff0000000000000", "7ff8000000000000"]);
    check("real", &["1", "'NaN'", "-1"], &["bf800000", "3f800000", "7fc00000"]);
    // On most machines what is no number is negative when it was computed.
    let computed = "CREATE TABLE t(k float8 PRIMARY KEY); INSERT INTO t VALUES (1), ('-Infinity'), ('Infinity'::float8 - 'Infinity'::float8)";
    let captured = Database::new(computed).capture();
    assert_eq!(captured.first("t").len(), 3);
}

#[test]
fn days_and_moments_order_with_their_exceptions_last() {
    check(
        "date",
        &["'infinity'", "'2020-01-01'", "'-infinity'", "'1900-01-01'"],
        &["-25567", "18262", "!-infinity", "!infinity"],
    );
    check("date", &["'infinity'", "'2020-01-01'"], &["18262", "!infinity"]);
    check("time", &["'24:00'", "'23:00'", "'01:00'"], &["3600000000", "82800000000", "!24:00:00"]);
    let moments = ["'infinity'", "'294276-01-01'", "'294250-01-01'", "'1970-01-01'", "'-infinity'"];
    check("timestamp", &moments, &["0", "!-infinity", "!294250-01-01 00:00:00", "!294276-01-01 00:00:00", "!infinity"]);
    check("timestamptz", &["'infinity'", "'1970-01-01 00:00+00'", "'-infinity'"], &["0", "!-infinity", "!infinity"]);
}

#[test]
fn texts_order_by_their_bytes_whatever_their_collation() {
    let values = ["'b'", "'a'", "'B'", "'ä'", "'A'", "''", "'a b'", "'a-b'", "'ab'"];
    let expected = ["", "A", "B", "a", "a b", "a-b", "ab", "b", "ä"];
    for declared in ["text", "varchar(9)", "text COLLATE \"en-x-icu\"", "text COLLATE \"C\""] {
        check(declared, &values, &expected);
    }
    check("name", &["'b'", "'B'"], &["B", "b"]);
    // Blanks at the end are part of what is kept, and no part of what is compared.
    check("char(3)", &["'a'", "E'a\\t'", "'a!'", "''"], &["   ", "a\t ", "a  ", "a! "]);
    check("jsonb", &["'\"b\"'", "'10'", "'9'", "'{\"a\": 1}'"], &["\"b\"", "10", "9", "{\"a\": 1}"]);
    check("bytea", &["'\\xff'", "'\\x00'", "'\\x0001'", "''"], &["", "00", "0001", "ff"]);
}

#[test]
fn other_types_order_by_what_the_server_writes() {
    check_with(
        "CREATE TYPE size AS ENUM ('small', 'medium', 'large')",
        "size",
        &["'small'", "'large'", "'medium'"],
        &["large", "medium", "small"],
    );
    check("inet", &["'10.0.0.1'", "'9.0.0.1'"], &["10.0.0.1", "9.0.0.1"]);
    check("interval", &["'10 days'", "'9 days'"], &["10 days", "9 days"]);
    check("int[]", &["'{10}'", "'{9}'"], &["{10}", "{9}"]);
    check_with("CREATE DOMAIN code AS text COLLATE \"en-x-icu\"", "code", &["'b'", "'B'", "'a'"], &["B", "a", "b"]);
    check_with("CREATE TYPE pair AS (a int, b text)", "pair", &["ROW(10, 'x')", "ROW(9, 'y')"], &["(10,x)", "(9,y)"]);
}

#[test]
fn the_best_index_is_the_key() {
    let captured = Database::new(
        "CREATE TABLE a(x int, y int NOT NULL UNIQUE, z int, PRIMARY KEY (z, x));
         CREATE TABLE b(x int UNIQUE, y int NOT NULL, z int NOT NULL, w int NOT NULL, UNIQUE (y, z), UNIQUE (w));
         CREATE TABLE c(x int UNIQUE, y int);
         CREATE TABLE d(x int NOT NULL, y int NOT NULL, z int NOT NULL);
         CREATE UNIQUE INDEX d_part ON d(x) WHERE y > 0;
         CREATE UNIQUE INDEX d_expression ON d((x + 1));
         CREATE UNIQUE INDEX d_whole ON d(z) INCLUDE (x);
         CREATE TABLE e(x int NOT NULL UNIQUE, y int NOT NULL, UNIQUE (y));
         ALTER TABLE e REPLICA IDENTITY USING INDEX e_y_key;
         CREATE TABLE f(x int, y int GENERATED ALWAYS AS (x + 1) STORED PRIMARY KEY);
         CREATE TABLE g(x int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE h(x text COLLATE \"en-x-icu\", gone int, y int, PRIMARY KEY (y, x));
         ALTER TABLE h DROP COLUMN gone",
    )
    .capture();
    let keys: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|table| captured.key(table).join(" ")).into();
    assert_eq!(keys, ["z x", "w", "", "z", "y", "", "x", "y x"]);
}

#[test]
fn rows_without_a_key_come_as_they_lie() {
    let database = Database::new(
        "CREATE TABLE t(n int); INSERT INTO t SELECT (n * 7919) % 10007 FROM generate_series(1, 9000) n;
         CREATE TABLE big(k text PRIMARY KEY, v text);
         INSERT INTO big SELECT md5(n::text), repeat('x', n % 50) FROM generate_series(1, 30000) n",
    );
    let captured = database.capture();
    let lies = database.ask("SELECT n FROM t ORDER BY ctid");
    assert_eq!(captured.first("t").join("\n"), lies);
    assert_eq!(captured.cells("big").len(), 30_000);
    assert!(captured.rows[captured.place_of("big")].iter().all(|batch| batch.rows() <= 8192));
}

fn capture(cluster: &Cluster, name: &str) -> Captured {
    let captured = try_capture(&cluster.location(name)).expect("captured");
    for (table, batches) in captured.catalog.tables.iter().zip(&captured.rows) {
        check_keys(table, batches);
    }
    captured
}

#[test]
fn texts_of_other_encodings_are_read() {
    let cluster = Cluster::shared(MAJOR);
    let make = |encoding: &str| {
        let name = format!("encoded_{encoding}").to_lowercase();
        cluster.run("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"));
        cluster.run(&name, "SET client_encoding = 'UTF8'; CREATE TABLE \"tä\"(k text PRIMARY KEY, v text[])");
        name
    };
    let latin = make("LATIN1");
    cluster.run(
        &latin,
        "SET client_encoding = 'UTF8'; INSERT INTO \"tä\" VALUES ('é', ARRAY['ÿ']), ('z', NULL), ('ÿ', '{}')",
    );
    assert_eq!(capture(cluster, &latin).cells("tä"), [["z", "null"], ["é", "{ÿ}"], ["ÿ", "{}"]]);
    // Their bytes order in another way than those of UTF-8.
    let japanese = make("EUC_JP");
    cluster.run(
        &japanese,
        "SET client_encoding = 'UTF8'; INSERT INTO \"tä\" VALUES ('ｱ', NULL), ('亜', NULL), ('α', NULL)",
    );
    assert_eq!(capture(cluster, &japanese).first("tä"), ["α", "亜", "ｱ"]);
}

/// A database that knows no encoding holds bytes, and they are kept as such.
#[test]
fn texts_without_an_encoding_are_bytes() {
    let cluster = Cluster::start(Setup::of(MAJOR).encoding("SQL_ASCII"));
    let name = cluster.database("raw");
    cluster.run(
        &name,
        "CREATE TABLE t(k text PRIMARY KEY, v text[], c varchar(9)); INSERT INTO t VALUES (E'\\xff', ARRAY[E'\\xe9'], 'a'), ('z', NULL, NULL)",
    );
    assert_eq!(capture(&cluster, &name).cells("t"), [["7a", "null", "null"], ["ff", "7be97d", "61"]]);
}
