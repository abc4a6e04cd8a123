//! Values of every type, those at its edges above all.

use crate::common::{Captured, Database};

/// What becomes of values of a type: each expected one in the words of `common::cell`.
fn check(declared: &str, values: &[(&str, &str)]) -> Captured {
    check_with("", declared, values)
}

fn check_with(before: &str, declared: &str, values: &[(&str, &str)]) -> Captured {
    let rows: Vec<_> = values.iter().enumerate().map(|(n, (value, _))| format!("({n}, {value})")).collect();
    let sql =
        format!("{before}; CREATE TABLE t(n int PRIMARY KEY, v {declared}); INSERT INTO t VALUES {}", rows.join(", "));
    let captured = Database::new(&sql).capture();
    let found: Vec<String> = captured.cells("t").into_iter().map(|row| row[1].clone()).collect();
    let expected: Vec<&str> = values.iter().map(|(_, expected)| *expected).collect();
    assert_eq!(found, expected, "{declared}");
    captured
}

#[test]
fn numbers() {
    check("smallint", &[("-32768", "-32768"), ("32767", "32767"), ("NULL", "null"), ("0", "0")]);
    check("integer", &[("-2147483648", "-2147483648"), ("2147483647", "2147483647"), ("NULL", "null")]);
    check(
        "bigint",
        &[("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807")],
    );
    check("oid", &[("0", "0"), ("4294967295", "4294967295")]);
    check("boolean", &[("true", "true"), ("false", "false"), ("NULL", "null")]);
}

#[test]
fn floats_bit_by_bit() {
    check(
        "real",
        &[
            ("'-0'", "80000000"),
            ("'NaN'", "7fc00000"),
            ("'-Infinity'", "ff800000"),
            ("1e-45", "00000001"),
            ("0.1", "3dcccccd"),
        ],
    );
    check(
        "double precision",
        &[
            ("'-0'", "8000000000000000"),
            ("'NaN'", "7ff8000000000000"),
            ("'Infinity'", "7ff0000000000000"),
            ("5e-324", "0000000000000001"),
            ("0.1", "3fb999999999999a"),
            ("1.7976931348623157e308", "7fefffffffffffff"),
        ],
    );
}

#[test]
fn numerics() {
    check(
        "numeric(15,2)",
        &[
            ("1.1", "1.10"),
            ("-0.01", "-0.01"),
            ("'NaN'", "!NaN"),
            ("9999999999999.99", "9999999999999.99"),
            ("0", "0.00"),
        ],
    );
    check("numeric(4,4)", &[("0.0001", "0.0001"), ("-0.9999", "-0.9999")]);
    let most = "9".repeat(36) + ".99";
    check("numeric(38,2)", &[(&most, &most), (&format!("-{most}"), &format!("-{most}")), ("0.01", "0.01")]);
    let most = "9".repeat(66) + ".0000000001";
    check("numeric(76,10)", &[(&most, &most), ("-1e-10", "-0.0000000001"), ("'NaN'", "!NaN"), ("NULL", "null")]);
    // Where the point may stand anywhere, it is part of the value.
    check(
        "numeric",
        &[
            ("1.10", "1.10"),
            ("1.1", "1.1"),
            ("'NaN'", "NaN"),
            ("'-Infinity'", "-Infinity"),
            ("1e-20", "0.00000000000000000001"),
        ],
    );
    check("numeric(3,-2)", &[("12345", "12300")]);
    check("numeric(2,4)", &[("0.0012", "0.0012")]);
    check("numeric(77,1)", &[("1", "1.0")]);
}

#[test]
fn texts() {
    check(
        "text",
        &[
            ("''", ""),
            ("'it''s'", "it's"),
            ("E'a\\n\\t\\\\b'", "a\n\t\\b"),
            ("'中文 🦀 \u{301}'", "中文 🦀 \u{301}"),
            ("NULL", "null"),
        ],
    );
    check("varchar(5)", &[("'a    '", "a    "), ("'null'", "null")]);
    check("char(4)", &[("'a'", "a   "), ("''", "    ")]);
    check("name", &[("'a name'", "a name")]);
    check("\"char\"", &[("'a'", "a"), ("''", "")]);
    check("json", &[("'{\"b\" : 1, \"b\":2 }'", "{\"b\" : 1, \"b\":2 }")]);
    check("jsonb", &[("'{\"b\" : 1.10, \"a\":null }'", "{\"a\": null, \"b\": 1.10}"), ("'1'", "1")]);
    check("xml", &[("'<a>x</a>'", "<a>x</a>"), ("'a<b/>'", "a<b/>")]);
    check("bytea", &[("''", ""), ("'\\x00ff5c27'", "00ff5c27")]);
    check(
        "uuid",
        &[
            ("'00000000-0000-0000-0000-000000000000'", &"0".repeat(32)),
            ("'ffffffff-ffff-ffff-ffff-ffffffffffff'", &"f".repeat(32)),
        ],
    );
}

#[test]
fn days_and_moments() {
    check(
        "date",
        &[
            ("'1970-01-01'", "0"),
            ("'4713-01-01 BC'", "-2440550"),
            ("'5874897-12-31'", "2145042905"),
            ("'infinity'", "!infinity"),
            ("'-infinity'", "!-infinity"),
            ("NULL", "null"),
        ],
    );
    check("time", &[("'00:00'", "0"), ("'23:59:59.999999'", "86399999999"), ("'24:00'", "!24:00:00")]);
    check(
        "timestamp",
        &[
            ("'1970-01-01'", "0"),
            ("'1969-12-31 23:59:59.999999'", "-1"),
            ("'infinity'", "!infinity"),
            ("'-infinity'", "!-infinity"),
            ("'294276-12-31 23:59:59.999999'", "!294276-12-31 23:59:59.999999"),
            ("'294276-12-31 23:59:59.5'", "!294276-12-31 23:59:59.5"),
            ("'294247-01-10 04:00:54.775807'", "9223372036854775807"),
            ("'294247-01-10 04:00:54.775808'", "!294247-01-10 04:00:54.775808"),
            ("'4713-01-01 BC'", "-210863520000000000"),
        ],
    );
    check(
        "timestamptz",
        &[
            ("'1970-01-01 01:00+01'", "0"),
            ("'infinity'", "!infinity"),
            ("'294276-12-31 23:59:59+00'", "!294276-12-31 23:59:59+00"),
        ],
    );
    check("timetz", &[("'24:00:00+15:59'", "24:00:00+15:59"), ("'01:02:03.4-02'", "01:02:03.4-02")]);
    check(
        "interval",
        &[
            ("'1 year 2 mons -3 days 04:05:06.789'", "1 year 2 mons -3 days +04:05:06.789"),
            ("'-178000000 years'", "-178000000 years"),
        ],
    );
}

/// An exception is the very text that the server writes.
#[test]
fn exceptions_are_what_the_server_writes() {
    let database = Database::new(
        "CREATE TABLE t(d date, s timestamp, z timestamptz, m time, n numeric(9,3));
         INSERT INTO t VALUES ('infinity', '294276-12-31 23:59:59.999999', '294277-01-01 00:00+01', '24:00', 'NaN'),
             ('-infinity', '-infinity', 'infinity', '24:00', 'NaN')",
    );
    let expected = database.ask("SET timezone = 'UTC'; SELECT concat_ws('|', d, s, z, m, n) FROM t");
    let found: Vec<String> = database.capture().cells("t").iter().map(|row| row.join("|").replace('!', "")).collect();
    assert_eq!(found.join("\n"), expected);
}

#[test]
fn everything_else_is_the_text_that_the_server_writes() {
    check("money", &[("'-1234.56'", "-$1,234.56")]);
    check("inet", &[("'10.0.0.1'", "10.0.0.1"), ("'10.0.0.1/8'", "10.0.0.1/8"), ("'::1'", "::1")]);
    check("cidr", &[("'10.0.0.0/8'", "10.0.0.0/8")]);
    check("macaddr8", &[("'08:00:2b:01:02:03:04:05'", "08:00:2b:01:02:03:04:05")]);
    check("bit(3)", &[("B'101'", "101")]);
    check("bit varying", &[("B''", ""), ("B'1'", "1")]);
    check("point", &[("'(0.1,-0)'", "(0.1,-0)")]);
    check("polygon", &[("'((0,0),(1,1),(1,0))'", "((0,0),(1,1),(1,0))")]);
    check("tsvector", &[("$$'a':1A 'b c':2$$", "'a':1A 'b c':2")]);
    check("tsquery", &[("$$a & !'b c'$$", "'a' & !'b c'")]);
    check("pg_lsn", &[("'16/B374D848'", "16/B374D848")]);
    check("int4range", &[("'empty'", "empty"), ("'[1,5)'", "[1,5)"), ("'(,)'", "(,)"), ("'[3,]'", "[3,)")]);
    check("nummultirange", &[("'{[1.0,2),(5,)}'", "{[1.0,2),(5,)}"), ("'{}'", "{}")]);
    check("jsonpath", &[("'$.a[*] ? (@ > 1)'", "$.\"a\"[*]?(@ > 1)")]);
    check("regclass", &[("'pg_class'", "pg_class")]);
    check("oidvector", &[("'1 2'", "1 2")]);
    check("pg_snapshot", &[("'10:20:10,14'", "10:20:10,14")]);
}

#[test]
fn arrays_and_types_that_people_made() {
    check(
        "int[]",
        &[
            ("'{}'", "{}"),
            ("'{1,NULL,3}'", "{1,NULL,3}"),
            ("'[2:3]={1,2}'", "[2:3]={1,2}"),
            ("'{{1,2},{3,4}}'", "{{1,2},{3,4}}"),
        ],
    );
    check("text[]", &[("ARRAY['a,b', 'NULL', '', NULL, '\"']", "{\"a,b\",\"NULL\",\"\",NULL,\"\\\"\"}")]);
    check("timestamptz[]", &[("ARRAY['2020-01-01 00:00+02'::timestamptz]", "{\"2019-12-31 22:00:00+00\"}")]);
    check("float8[]", &[("ARRAY[0.1::float8, '-0']", "{0.1,-0}")]);
    check_with(
        "CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'Happy')",
        "mood",
        &[("'it''s ok'", "it's ok"), ("NULL", "null")],
    );
    let made = "CREATE TYPE pair AS (a int, b text); CREATE DOMAIN pairs AS pair[]";
    check_with(
        made,
        "pair",
        &[("ROW(NULL, NULL)", "(,)"), ("NULL", "null"), ("ROW(1, 'x, \"y\"')", "(1,\"x, \"\"y\"\"\")")],
    );
    check_with(made, "pairs", &[("ARRAY[ROW(1, 'a')::pair]", "{\"(1,a)\"}")]);
    check_with(
        "CREATE DOMAIN year AS numeric(4,0); CREATE DOMAIN recent AS year CHECK (VALUE > 1900)",
        "recent",
        &[("2020", "2020")],
    );
    check_with("CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN moods AS mood", "moods", &[("'sad'", "sad")]);
    check_with("CREATE DOMAIN bits AS bit(5)", "bits", &[("B'10101'", "10101")]);
    check_with(
        "CREATE TYPE span AS RANGE (subtype = time); CREATE DOMAIN spans AS span",
        "spans",
        &[("'[01:00,02:00)'", "[01:00:00,02:00:00)")],
    );
}

/// A cast to text of somebody's own does not say what the value is.
#[test]
fn casts_that_people_made_are_not_used() {
    check_with(
        "CREATE TYPE pair AS (a int, b int);
         CREATE FUNCTION lie(pair) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'lie' $$;
         CREATE CAST (pair AS text) WITH FUNCTION lie(pair)",
        "pair",
        &[("ROW(1, 2)", "(1,2)")],
    );
}

/// Settings of a database or role change nothing.
#[test]
fn settings_of_the_server_change_no_value() {
    let database = Database::new(
        "CREATE TABLE t(n int PRIMARY KEY, d date[], i interval, b bytea[], f float8[], m money, x xml);
         INSERT INTO t VALUES (1, ARRAY[date '2020-02-01'], '1 day 2 hours', ARRAY['\\xff'::bytea], ARRAY[0.1::float8], '1.5', '<a/>')",
    );
    let before = database.capture().cells("t");
    let name = &database.name;
    for setting in [
        "datestyle = 'German, DMY'",
        "intervalstyle = 'iso_8601'",
        "bytea_output = 'escape'",
        "extra_float_digits = -5",
        "timezone = 'Asia/Tokyo'",
        "client_encoding = 'LATIN1'",
        "search_path = 'pg_catalog'",
        "statement_timeout = '1h'",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_read_only = on",
    ] {
        database.cluster.run("postgres", &format!("ALTER DATABASE \"{name}\" SET {setting}"));
    }
    assert_eq!(database.capture().cells("t"), before);
}
