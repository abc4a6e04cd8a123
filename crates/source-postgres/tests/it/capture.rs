//! One consistent state, whatever happens meanwhile; which tables there are, and what is told of them.

use crate::common::{Captured, Database, MAJOR, connector, options, read_all, source, try_capture};
use datakeep_connector::{Connector, TableSource};
use datakeep_model::{Mark, Timestamp};
use datakeep_testkit_postgres::{Cluster, Setup};
use std::thread;

fn begun(database: &Database) -> Box<dyn TableSource> {
    let mut source = source(&database.location()).expect("opened");
    source.begin().expect("begun");
    source
}

#[test]
fn every_kind_of_table_is_there_and_nothing_else() {
    let database = Database::new(
        "CREATE SCHEMA \"My Schema\";
         CREATE TABLE \"My Schema\".\"it's \"\"quoted\"\"\"(\"a.b\" int, \"select\" text);
         INSERT INTO \"My Schema\".\"it's \"\"quoted\"\"\" VALUES (1, 'x');
         CREATE UNLOGGED TABLE unlogged(a int); INSERT INTO unlogged VALUES (1);
         CREATE TABLE parted(a int, b int) PARTITION BY RANGE (a);
         CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10);
         CREATE TABLE high(b int, a int NOT NULL); ALTER TABLE parted ATTACH PARTITION high DEFAULT;
         INSERT INTO parted VALUES (1, 2), (20, 21);
         CREATE TABLE mother(a int); CREATE TABLE child(b int) INHERITS (mother);
         INSERT INTO mother VALUES (1); INSERT INTO child VALUES (2, 3);
         CREATE TABLE bare(); INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES;
         CREATE TABLE computed(a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int GENERATED ALWAYS AS IDENTITY);
         INSERT INTO computed(a) VALUES (5);
         CREATE TABLE dropped(a int, b int, c int); INSERT INTO dropped VALUES (1, 2, 3); ALTER TABLE dropped DROP COLUMN b;
         CREATE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW mv AS SELECT 1;
         CREATE TEMP TABLE temporary(a int);
         CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE far(a int) SERVER s",
    );
    let captured = database.capture();
    assert_eq!(
        captured.names(),
        [
            "My Schema.it's \"quoted\"",
            "public.bare",
            "public.child",
            "public.computed",
            "public.dropped",
            "public.high",
            "public.low",
            "public.mother",
            "public.unlogged",
        ]
    );
    let quoted = &captured.catalog.tables[0];
    assert_eq!(quoted.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["a.b", "select"]);
    assert_eq!(captured.cells("low"), [["1", "2"]]);
    assert_eq!(
        (captured.columns("high"), captured.cells("high")),
        (vec!["b", "a"], vec![vec!["21".to_owned(), "20".to_owned()]])
    );
    assert_eq!(
        (captured.first("mother"), captured.cells("child")),
        (vec!["1".to_owned()], vec![vec!["2".to_owned(), "3".to_owned()]])
    );
    assert_eq!(
        (captured.columns("computed"), captured.cells("computed")),
        (vec!["a", "c"], vec![vec!["5".to_owned(), "1".to_owned()]])
    );
    assert_eq!(captured.columns("dropped"), ["a", "c"]);
    assert_eq!(captured.first("unlogged"), ["1"]);
    // Rows of a table without columns are counted by a column that is none of it.
    assert_eq!(captured.first("bare"), ["true", "true"]);
    assert!(captured.table("bare").columns[0].hidden);
    let told = captured.catalog.not_carried.join("\n");
    assert!(told.contains("public.far: rows of a foreign table"), "{told}");
}

#[test]
fn columns_are_told_as_they_are_declared() {
    let database = Database::new(
        "CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('ok'); CREATE DOMAIN app.code AS varchar(3) NOT NULL;
         CREATE TABLE t(a numeric(10,2) NOT NULL, b app.mood[], c app.code, d timestamp(3) with time zone, e char(5))",
    );
    let captured = database.capture();
    let columns: Vec<_> =
        captured.table("t").columns.iter().map(|column| (column.declared.as_str(), column.nullable)).collect();
    let expected = [
        ("numeric(10,2)", false),
        ("app.mood[]", true),
        ("app.code", true),
        ("timestamp(3) with time zone", true),
        ("character(5)", true),
    ];
    assert_eq!(columns, expected);
    assert!(captured.table("t").sql.starts_with("CREATE TABLE public.t ("), "{}", captured.table("t").sql);
    assert!(captured.catalog.objects.iter().any(|object| object.name == "app.mood"), "{:?}", captured.catalog.objects);
}

#[test]
fn what_others_write_meanwhile_is_not_seen() {
    let database = Database::new(
        "CREATE TABLE t(k int PRIMARY KEY, v text); INSERT INTO t SELECT n, 'old' FROM generate_series(1, 20000) n;
         CREATE TABLE other(a int); INSERT INTO other VALUES (1); CREATE SEQUENCE s; SELECT nextval('s')",
    );
    let mut source = begun(&database);
    database.run(
        "UPDATE t SET v = 'new'; DELETE FROM t WHERE k % 3 = 0; INSERT INTO t SELECT n, 'new' FROM generate_series(30000, 30100) n;
         INSERT INTO other VALUES (2); CREATE TABLE later(a int); INSERT INTO later VALUES (1)",
    );
    let captured = read_all(source.as_mut()).expect("captured");
    source.complete().expect("complete");
    assert_eq!(captured.names(), ["public.other", "public.t"]);
    let rows = captured.cells("t");
    assert!(rows.len() == 20_000 && rows.iter().all(|row| row[1] == "old"));
    assert_eq!(captured.first("other"), ["1"]);
}

/// Nobody can take away what is read: tables are locked until the end, and no longer.
#[test]
fn tables_cannot_be_changed_until_they_are_read() {
    let database = Database::new("CREATE TABLE t(a int); INSERT INTO t VALUES (1), (2)");
    let mut source = begun(&database);
    for sql in ["TRUNCATE t", "DROP TABLE t", "ALTER TABLE t ADD COLUMN b int", "ALTER TABLE t RENAME TO u"] {
        let refused =
            database.cluster.try_run(&database.name, &format!("SET lock_timeout = '50ms'; {sql}")).expect_err("locked");
        assert!(refused.contains("lock timeout"), "{refused}");
    }
    let captured = read_all(source.as_mut()).expect("captured");
    assert_eq!(captured.first("t"), ["1", "2"]);
    source.complete().expect("complete");
    database.run("TRUNCATE t; DROP TABLE t");
}

/// Waits until a session of this database waits for a lock.
fn wait_for_waiter(database: &Database) {
    let waits = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE NOT granted AND datname = current_database()";
    let looks = (0..2000).any(|_| database.ask(waits) != "0");
    assert!(looks, "nobody waits for the lock");
}

/// A session that does something to the schema, and waits for a word before it commits.
fn with_open_transaction(database: &Database, sql: &str, meanwhile: impl FnOnce()) {
    let channel = format!("go{}", database.name);
    let wait = format!("SELECT pg_advisory_lock(hashtext('{channel}'))");
    thread::scope(|scope| {
        let keeper = database.cluster.hold(&database.name, &wait);
        let session = scope.spawn(move || database.run(&format!("BEGIN; {sql}; {wait}; COMMIT")));
        wait_for_waiter(database);
        meanwhile();
        drop(keeper);
        session.join().expect("the session ends");
    });
}

#[test]
fn a_table_that_is_emptied_while_its_lock_is_waited_for_is_empty() {
    let database = Database::new(
        "CREATE TABLE t(a int); INSERT INTO t VALUES (1); CREATE TABLE u(a int); INSERT INTO u VALUES (1)",
    );
    let mut capture = None;
    thread::scope(|scope| {
        let mut waiting = None;
        with_open_transaction(&database, "TRUNCATE t; UPDATE u SET a = 2", || {
            waiting = Some(scope.spawn(|| try_capture(&database.location()).expect("captured")));
            let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessShareLock'";
            assert!((0..2000).any(|_| database.ask(waits) != "0"), "the capture waits");
        });
        capture = waiting.map(|waiting| waiting.join().expect("the capture ends"));
    });
    // Both or none: one transaction did both.
    let captured: Captured = capture.expect("captured");
    assert_eq!((captured.first("t").len(), captured.first("u")), (0, vec!["2".to_owned()]));
}

#[test]
fn tables_that_come_and_go_while_locks_are_taken_are_no_hindrance() {
    let database = Database::new(
        "CREATE TABLE t(a int); CREATE TABLE gone(a int); CREATE TABLE was(a int); INSERT INTO was VALUES (7)",
    );
    let mut capture = None;
    thread::scope(|scope| {
        let mut waiting = None;
        let changes =
            "DROP TABLE gone; ALTER TABLE was RENAME TO renamed; CREATE TABLE come(a int); INSERT INTO come VALUES (1)";
        with_open_transaction(&database, changes, || {
            waiting = Some(scope.spawn(|| try_capture(&database.location()).expect("captured")));
            let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessShareLock'";
            assert!((0..2000).any(|_| database.ask(waits) != "0"), "the capture waits");
        });
        capture = waiting.map(|waiting| waiting.join().expect("the capture ends"));
    });
    let captured: Captured = capture.expect("captured");
    assert_eq!(captured.names(), ["public.come", "public.renamed", "public.t"]);
    assert_eq!((captured.first("come"), captured.first("renamed")), (vec!["1".to_owned()], vec!["7".to_owned()]));
}

#[test]
fn a_mark_says_where_in_the_log_it_was() {
    let database = Database::new("CREATE TABLE t(a int)");
    let mut source = source(&database.location()).expect("opened");
    let Mark::Position(time, position) = source.begin().expect("begun") else { panic!("a position") };
    assert_eq!(time, Timestamp::new(1_700_000_000, 0));
    let lsn = position.strip_prefix("lsn ").expect("a place in the log");
    assert_eq!(database.ask(&format!("SELECT '{lsn}'::pg_lsn <= pg_current_wal_insert_lsn()")), "t");
    assert!(source.begin().is_err(), "only once");
    source.complete().expect("complete");
    assert!(source.catalog().is_err() && source.complete().is_err(), "complete comes last");
}

#[test]
fn large_values_make_short_batches() {
    let database = Database::new(
        "CREATE TABLE t(k int PRIMARY KEY, v bytea);
         INSERT INTO t SELECT n, decode(repeat('00ff5c', 700000), 'hex') FROM generate_series(1, 12) n;
         INSERT INTO t SELECT 100, decode(repeat('ab', 30000000), 'hex')",
    );
    let captured = database.capture();
    let batches = &captured.rows[captured.place_of("t")];
    assert_eq!(batches.iter().map(|batch| batch.rows()).collect::<Vec<_>>(), [2, 2, 2, 2, 2, 2, 1]);
    let sum: String = captured.cells("t").concat().concat();
    assert_eq!(sum.matches("ab").count(), 30_000_000);
}

#[test]
fn tables_of_many_columns_and_many_tables_are_read() {
    let columns: Vec<_> = (0..1600).map(|n| format!("c{n} int")).collect();
    let values: Vec<_> = (0..1600).map(|n| n.to_string()).collect();
    let database = Database::new(&format!(
        "CREATE TABLE wide({}); INSERT INTO wide VALUES ({});
         DO $$ BEGIN FOR n IN 1..300 LOOP EXECUTE format('CREATE TABLE t%s(a int)', n); END LOOP; END $$",
        columns.join(", "),
        values.join(", ")
    ));
    let captured = database.capture();
    assert_eq!(captured.cells("wide"), [values]);
    assert_eq!(captured.catalog.tables.len(), 301);
}

#[test]
fn a_standby_is_read_as_its_primary() {
    let primary = Cluster::start(Setup::of(MAJOR));
    let name = primary.database("db");
    primary
        .run(&name, "CREATE TABLE t(a int PRIMARY KEY); INSERT INTO t VALUES (2), (1); CREATE UNLOGGED TABLE u(a int)");
    let standby = primary.standby();
    let location = standby.location(&name);
    let mut source = source(&location).expect("opened");
    let Mark::Position(_, position) = source.begin().expect("begun") else { panic!("a position") };
    assert!(position.ends_with("replayed by a standby"), "{position}");
    let captured = read_all(source.as_mut()).expect("captured");
    source.complete().expect("complete");
    assert_eq!(captured.first("t"), ["1", "2"]);
    // What no log tells is not there: it is said, and the rest is read.
    assert_eq!(captured.names(), ["public.t"]);
    let told = captured.catalog.not_carried.join("\n");
    assert!(told.contains("public.u: rows of an unlogged table"), "{told}");
}

/// Whoever has seen enough of a table goes on with the next.
#[test]
fn a_table_may_be_left_before_its_end() {
    let database = Database::new(
        "CREATE TABLE a(n int PRIMARY KEY, x text); INSERT INTO a SELECT n, repeat('x', 200) FROM generate_series(1, 200000) n;
         CREATE TABLE b(n int); INSERT INTO b VALUES (7)",
    );
    let mut source = begun(&database);
    let catalog = source.catalog().expect("a catalogue");
    for _ in 0..3 {
        let mut rows = source.rows(&catalog.tables[0]).expect("rows");
        assert_eq!(rows.next_batch().expect("read").map(|batch| batch.rows()), Some(8192));
    }
    assert_eq!(
        crate::common::cells(&crate::common::read_rows(source.as_mut(), &catalog.tables[1]).expect("read")),
        [["7"]]
    );
    source.complete().expect("complete");
}

#[test]
fn a_source_is_named_after_its_database() {
    let database = Database::new("");
    let info = source(&database.location()).expect("opened").info();
    assert_eq!((info.kind.as_str(), info.name.as_str()), ("postgres", database.name.as_str()));
    assert!(info.location.starts_with("postgres://postgres@") && !info.host.is_empty(), "{info:?}");
    let given = options(&[("name", "shop"), ("host", "web-1")]);
    let info = connector().open_tables(&database.location(), &given).expect("opened").info();
    assert_eq!((info.name.as_str(), info.host.as_str()), ("shop", "web-1"));
    let url = format!("postgres://postgres@/{}?host={}", database.name, database.cluster.socket().display());
    assert_eq!(source(&url).expect("opened").info().name, database.name);
}

/// Types that an earlier snapshot chose are kept: what they cannot hold is told as it is.
#[test]
fn columns_may_be_asked_for_as_other_types() {
    use arrow_schema::DataType;
    let database = Database::new(
        "CREATE TABLE t(k int PRIMARY KEY, v text, n int); INSERT INTO t VALUES (2, 'b', 9), (10, 'ä', NULL)",
    );
    let mut source = begun(&database);
    let catalog = source.catalog().expect("a catalogue");
    let mut table = catalog.tables[0].clone();
    table.columns[0].data_type = DataType::Utf8;
    table.columns[1].data_type = DataType::Binary;
    table.columns[2].data_type = DataType::Int64;
    let batches = crate::common::read_rows(source.as_mut(), &table).expect("read");
    crate::common::check_keys(&table, &batches);
    assert_eq!(crate::common::cells(&batches), [["10", "c3a4", "null"], ["2", "62", "!9"]]);
}
