//! Everything that a schema has besides tables of rows.

use crate::common::{Place, Value, capture, check_round_trip, connector, location, open, options, round_trip};
use datakeep_connector::{Connector, Note};

fn scalar<T: rusqlite::types::FromSql>(path: &std::path::Path, sql: &str) -> T {
    open(path).query_row(sql, [], |row| row.get(0)).expect("one row")
}

#[test]
fn views_triggers_and_indexes_come_back_and_nothing_fires() {
    let (_place, captured, restored) = round_trip(
        r#"CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c);
           CREATE TABLE log(what);
           CREATE VIEW v AS SELECT a, "no such column" AS dq, upper(b) AS u FROM t;
           CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('fired ' || new.a); END;
           CREATE TRIGGER iv INSTEAD OF INSERT ON v BEGIN INSERT INTO t(b) VALUES (new.u); END;
           CREATE UNIQUE INDEX partial ON t(c) WHERE c > 5;
           CREATE INDEX expression ON t(lower(b) COLLATE NOCASE, a DESC);
           CREATE INDEX "odd "" name" ON log(what);
           INSERT INTO t VALUES (1, 'x', 3), (2, 'y', 3), (3, 'z', 6);
           DELETE FROM log; INSERT INTO log VALUES ('kept');"#,
    );
    let kinds: Vec<(&str, &str, &str)> = captured
        .catalog
        .objects
        .iter()
        .map(|object| (object.kind.as_str(), object.name.as_str(), object.table.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("view", "v", ""),
            ("trigger", "tr", "t"),
            ("trigger", "iv", "v"),
            ("index", "partial", "t"),
            ("index", "expression", "t"),
            ("index", "odd \" name", "log"),
        ]
    );
    assert_eq!(scalar::<i64>(&restored, "SELECT count(*) FROM log"), 1);
    let connection = open(&restored);
    connection.execute("INSERT INTO v(u) VALUES ('new')", []).expect("the view's trigger is there");
    assert_eq!(scalar::<i64>(&restored, "SELECT count(*) FROM log WHERE what = 'fired 4'"), 1);
    assert!(connection.execute("INSERT INTO t(c) VALUES (6)", []).is_err(), "the partial index is unique");
}

#[test]
fn full_text_and_spatial_indexes_answer_after_restore() {
    let (_place, captured, restored) = round_trip(
        "CREATE VIRTUAL TABLE f5 USING fts5(title, body);
         INSERT INTO f5 VALUES ('one', 'the quick brown fox'), ('two', 'jumps over'), ('three', 'a lazy fox');
         CREATE VIRTUAL TABLE f4 USING fts4(body);
         INSERT INTO f4 VALUES ('some words'), ('other words');
         CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, y0, y1);
         INSERT INTO box VALUES (1, 0, 10, 0, 10), (2, 20, 30, 20, 30);
         CREATE TABLE content(id INTEGER PRIMARY KEY, body);
         INSERT INTO content VALUES (1, 'external words');
         CREATE VIRTUAL TABLE ext USING fts5(body, content='content', content_rowid='id');
         INSERT INTO ext(ext) VALUES ('rebuild');",
    );
    let virtual_tables = captured.catalog.objects.iter().filter(|object| object.kind == "virtual-table").count();
    assert_eq!(virtual_tables, 4);
    assert!(captured.catalog.tables.iter().any(|table| table.name.table == "f5_data"));
    assert_eq!(scalar::<i64>(&restored, "SELECT count(*) FROM f5 WHERE f5 MATCH 'fox'"), 2);
    assert_eq!(scalar::<i64>(&restored, "SELECT count(*) FROM f4 WHERE f4 MATCH 'words'"), 2);
    assert_eq!(scalar::<i64>(&restored, "SELECT id FROM box WHERE x0 > 15"), 2);
    assert_eq!(scalar::<i64>(&restored, "SELECT count(*) FROM ext WHERE ext MATCH 'external'"), 1);
    let connection = open(&restored);
    connection
        .execute_batch("INSERT INTO f5 VALUES ('four', 'another fox'); INSERT INTO box VALUES (3, 1, 2, 1, 2);")
        .expect("written");
    connection.execute_batch("INSERT INTO f5(f5) VALUES ('integrity-check')").expect("sound");
}

#[test]
fn sequences_and_statistics_come_back_as_they_were() {
    let (_place, captured, restored) = round_trip(
        "CREATE TABLE s(a INTEGER PRIMARY KEY AUTOINCREMENT, b);
         INSERT INTO s VALUES (1, 'x'), (500, 'y'); DELETE FROM s WHERE a = 500;
         CREATE TABLE t(a, b); CREATE INDEX ta ON t(a);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT i % 7, i FROM n;
         ANALYZE; UPDATE sqlite_stat1 SET stat = '12345 6' WHERE idx = 'ta';",
    );
    let sequence = captured.values("sqlite_sequence");
    assert_eq!(sequence[0][2], Value::Integer(500));
    assert_eq!(scalar::<String>(&restored, "SELECT stat FROM sqlite_stat1 WHERE idx = 'ta'"), "12345 6");
    let connection = open(&restored);
    connection.execute("INSERT INTO s(b) VALUES ('z')", []).expect("written");
    assert_eq!(connection.last_insert_rowid(), 501);
    // Only one of both statistics, and a sequence whose table is gone.
    round_trip(
        "CREATE TABLE s(a INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO s VALUES (3); DROP TABLE s;
         CREATE TABLE t(a); CREATE INDEX ta ON t(a); INSERT INTO t VALUES (1); ANALYZE; DROP TABLE sqlite_stat4;",
    );
}

#[test]
fn odd_names_come_back() {
    round_trip(
        r#"CREATE TABLE "it's ""quoted""; DROP TABLE x; --"("a b", "select" INTEGER PRIMARY KEY, "ü\n", [br[acket], "") ;
           INSERT INTO "it's ""quoted""; DROP TABLE x; --" VALUES (1, 2, 3, 4, 5);
           CREATE TABLE "таблица 表"(столбец TEXT PRIMARY KEY, "rowid") WITHOUT ROWID;
           INSERT INTO "таблица 表" VALUES ('ключ', 'x');
           CREATE TABLE "t%_\" (a); CREATE TABLE 'single'(a); CREATE TABLE `tick`(a); CREATE TABLE Mixed(A);
           INSERT INTO "t%_\" VALUES (1); INSERT INTO Mixed VALUES (2);
           CREATE VIEW "view 'of' it" AS SELECT * FROM "it's ""quoted""; DROP TABLE x; --";
           CREATE INDEX "index"" x" ON "таблица 表"("rowid");"#,
    );
}

#[test]
fn settings_come_back() {
    for page_size in [512, 4096, 65536] {
        let (_place, captured, restored) = round_trip(&format!(
            "PRAGMA page_size={page_size}; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA user_version=-7; PRAGMA application_id=42;
             CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(10000));"
        ));
        assert_eq!(scalar::<i64>(&restored, "PRAGMA page_size"), page_size);
        assert_eq!(scalar::<i64>(&restored, "PRAGMA auto_vacuum"), 2);
        assert_eq!(scalar::<i64>(&restored, "PRAGMA user_version"), -7);
        let expect = Note { name: "application-id".to_owned(), value: b"42".to_vec() };
        assert!(captured.catalog.settings.contains(&expect));
    }
    let (_place, _, restored) = round_trip("PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1);");
    assert_eq!(scalar::<String>(&restored, "PRAGMA journal_mode"), "wal");
}

#[test]
fn empty_databases_and_tables_come_back() {
    let place = Place::new();
    let path = place.path("source.db");
    std::fs::write(&path, b"").expect("written");
    let (captured, _) = check_round_trip(&place, &path);
    assert!(captured.catalog.tables.is_empty() && captured.catalog.objects.is_empty());
    round_trip(
        "CREATE TABLE e(a, b); CREATE TABLE w(a PRIMARY KEY) WITHOUT ROWID; CREATE TABLE s(a INTEGER PRIMARY KEY AUTOINCREMENT)",
    );
}

#[test]
fn rules_that_values_break_do_not_stand_in_the_way() {
    let place = Place::new();
    let path = place.database(
        "CREATE TABLE p(a PRIMARY KEY); CREATE TABLE c(a REFERENCES p(a), b CHECK (b > 0));
         PRAGMA ignore_check_constraints=ON; INSERT INTO c VALUES ('nowhere', -1);",
    );
    let captured = capture(&path);
    let told = captured.restore(&captured.whole(), &place.path("restored.db")).expect("restored");
    assert!(told.iter().any(|sentence| sentence.contains("CHECK constraint failed")), "{told:?}");
    assert!(told.iter().any(|sentence| sentence.contains("1 rows that refer to none")), "{told:?}");
}

#[test]
fn what_only_its_application_can_build_is_told() {
    let place = Place::new();
    let path = place.path("source.db");
    let connection = open(&path);
    let flags =
        rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC | rusqlite::functions::FunctionFlags::SQLITE_UTF8;
    connection.create_scalar_function("ours", 1, flags, |call| call.get::<i64>(0)).expect("a function");
    connection
        .execute_batch("CREATE TABLE t(a, b); CREATE INDEX i ON t(ours(a)); INSERT INTO t VALUES (1, 2);")
        .expect("made");
    drop(connection);
    let captured = capture(&path);
    let told = captured.restore(&captured.whole(), &place.path("restored.db")).expect("restored");
    assert!(told.iter().any(|sentence| sentence.contains("index i was left out")), "{told:?}");
    assert_eq!(capture(&place.path("restored.db")).values("t").len(), 1);
}

/// A database whose application has a collation of its own.
fn with_own_collation(sql: &str) -> (Place, std::path::PathBuf) {
    let place = Place::new();
    let path = place.path("source.db");
    let connection = open(&path);
    connection.create_collation("theirs", |a: &str, b: &str| b.cmp(a)).expect("a collation");
    connection.execute_batch(sql).expect("made");
    (place, path)
}

#[test]
fn collations_that_only_an_application_has_are_not_needed() {
    let (place, path) = with_own_collation(
        "CREATE TABLE t(a TEXT COLLATE theirs, b); INSERT INTO t VALUES ('b', 1), ('a', 2);
         CREATE VIEW v AS SELECT theirs(a) FROM t ORDER BY a;
         CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT theirs(new.a); END;",
    );
    check_round_trip(&place, &path);
}

#[test]
fn what_is_sorted_by_a_collation_of_an_application_is_left_out_or_refused() {
    let (place, path) = with_own_collation(
        "CREATE TABLE t(a TEXT COLLATE theirs); CREATE INDEX i ON t(a); INSERT INTO t VALUES ('b');",
    );
    let captured = capture(&path);
    let told = captured.restore(&captured.whole(), &place.path("restored.db")).expect("restored");
    assert!(told.iter().any(|sentence| sentence.contains("index i was left out")), "{told:?}");
    let (place, path) = with_own_collation("CREATE TABLE t(a TEXT COLLATE theirs UNIQUE); INSERT INTO t VALUES ('b');");
    let captured = capture(&path);
    let alone = captured.one("t", "t", datakeep_connector::TableAction::Create);
    let error = captured.restore(&alone, &place.path("restored.db")).expect_err("refused");
    assert!(error.message.contains("theirs") && error.hint.is_some(), "{error}");
    assert_eq!(place.names(), ["source.db"]);
    let told = captured.restore(&captured.whole(), &place.path("restored.db")).expect("the rest is restored");
    assert!(told.iter().any(|sentence| sentence.contains("table t was left out")), "{told:?}");
}

#[test]
fn keys_in_the_order_of_an_application_are_captured() {
    let (place, path) = with_own_collation(
        "CREATE TABLE t(k TEXT COLLATE theirs PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3);
         CREATE TABLE u(a); INSERT INTO u VALUES (1);",
    );
    let captured = capture(&path);
    assert_eq!(captured.values("t").len(), 3);
    let told = captured.restore(&captured.whole(), &place.path("restored.db")).expect("restored");
    assert!(told.iter().any(|sentence| sentence.contains("table t was left out")), "{told:?}");
    let checked = options(&[("integrity-check", "full")]);
    let mut source = connector().open_tables(&location(&path), &checked).expect("opened");
    source.begin().expect("begun");
    let error = source.catalog().expect_err("its order cannot be checked");
    assert!(error.message.contains("table t of"), "{error}");
    assert!(error.hint.is_some_and(|hint| hint.contains("knows this collation")));
}

#[test]
fn statements_that_are_no_utf8_are_told() {
    let place = Place::new();
    let path = place.database(
        "CREATE TABLE t(a /* x */); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT 'x' FROM t; PRAGMA writable_schema=ON;
         UPDATE sqlite_schema SET sql = CAST(replace(CAST(sql AS BLOB), CAST('x' AS BLOB), x'fc') AS TEXT);",
    );
    let captured = capture(&path);
    assert_eq!(captured.catalog.not_carried.len(), 2, "{:?}", captured.catalog.not_carried);
    let restored = place.path("restored.db");
    captured.restore(&captured.whole(), &restored).expect("restored");
    assert_eq!(capture(&restored).values("t"), captured.values("t"));
}

#[test]
fn as_many_columns_as_there_can_be_come_back() {
    for encoding in ["UTF-8", "UTF-16le"] {
        for rowid in ["", " PRIMARY KEY"] {
            let columns: Vec<String> = (1..2000).map(|number| format!("c{number}")).collect();
            let values: Vec<String> = (1..2000).map(|number| format!("'v{number}'")).collect();
            round_trip(&format!(
                "PRAGMA encoding='{encoding}'; CREATE TABLE t(c0 INTEGER{rowid}, {}); INSERT INTO t VALUES (1, {}), (2, {});",
                columns.join(", "),
                values.join(", "),
                values.join(", ").replace('v', "w")
            ));
        }
    }
}
