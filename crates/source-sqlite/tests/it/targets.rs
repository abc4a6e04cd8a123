//! Where and how databases are put back.

use crate::common::{Captured, Place, Value, capture, connector, location, open, options, source, target, text};
use datakeep_connector::{Connector, ConnectorError, TableAction};
use datakeep_model::ErrorKind;
use std::path::{Path, PathBuf};

fn refused(error: &ConnectorError, word: &str) {
    assert_eq!(error.kind, ErrorKind::Target, "{error}");
    assert!(error.message.contains(word), "`{word}` is not in: {error}");
    assert!(error.hint.is_some(), "{error}");
}

const SHOP: &str = "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT UNIQUE, price);
     CREATE TABLE log(what);
     CREATE INDEX by_price ON item(price);
     CREATE TRIGGER logged AFTER INSERT ON item BEGIN INSERT INTO log VALUES (new.name); END;
     CREATE TABLE word(w TEXT COLLATE NOCASE PRIMARY KEY, n) WITHOUT ROWID;
     CREATE TABLE bare(a, b);
     INSERT INTO item VALUES (1, 'apple', 10), (2, 'pear', 20), (3, 'plum', 30);
     INSERT INTO word VALUES ('one', 1), ('two', 2); INSERT INTO bare VALUES ('x', 1), ('y', 2); DELETE FROM log;";

/// A captured shop, and another database to restore into.
fn shop(other: &str) -> (Place, Captured, PathBuf) {
    let place = Place::new();
    let captured = capture(&place.database(SHOP));
    let path = place.path("other.db");
    open(&path).execute_batch(other).expect("valid statements");
    (place, captured, path)
}

fn count(path: &Path, sql: &str) -> i64 {
    open(path).query_row(sql, [], |row| row.get(0)).expect("one row")
}

#[test]
fn a_whole_database_is_not_restored_over_another() {
    let (place, captured, other) = shop("CREATE TABLE mine(a);");
    let before = std::fs::read(&other).expect("read");
    refused(&captured.restore(&captured.whole(), &other).expect_err("refused"), "exists");
    assert_eq!(std::fs::read(&other).expect("read"), before);
    std::fs::write(place.path("new.db-journal"), b"left").expect("written");
    refused(&captured.restore(&captured.whole(), &place.path("new.db")).expect_err("refused"), "new.db-journal");
    let nowhere = captured.restore(&captured.whole(), &place.path("no/such/new.db")).expect_err("refused");
    assert_eq!(nowhere.kind, ErrorKind::Target);
    assert_eq!(place.names(), ["new.db-journal", "other.db", "source.db"]);
}

#[test]
fn what_came_to_exist_meanwhile_is_left() {
    let (place, captured, _) = shop("");
    let path = place.path("new.db");
    let mut target = target(&path);
    target.begin(&captured.whole()).expect("begun");
    std::fs::write(&path, b"mine").expect("written");
    refused(&target.finish().expect_err("refused"), "meanwhile");
    assert_eq!(std::fs::read(&path).expect("read"), b"mine");
    assert_eq!(place.names(), ["new.db", "other.db", "source.db"]);
}

#[test]
fn what_is_dropped_or_rehearsed_leaves_nothing() {
    let (place, captured, other) = shop("CREATE TABLE item(a);");
    let names = place.names();
    let mut new = target(&place.path("new.db"));
    assert!(new.look().expect("looked").is_none());
    new.begin(&captured.whole()).expect("begun");
    drop(new);
    let mut standing = target(&other);
    standing.begin(&captured.one("word", "word", TableAction::Create)).expect("begun");
    standing.begin_table(0).expect("begun");
    standing.write(&captured.rows[captured.place_of("word")][0]).expect("written");
    drop(standing);
    assert_eq!(count(&other, "SELECT count(*) FROM sqlite_schema"), 1);
    let rehearse = |path: &Path| connector().open_table_target(&location(path), &options(&[]), true).expect("a target");
    let mut dry = rehearse(&place.path("new.db"));
    dry.begin(&captured.whole()).expect("possible");
    dry.begin_table(0).and_then(|()| dry.end_table()).expect("nothing done");
    assert!(dry.finish().expect("nothing done").is_empty());
    let taken = rehearse(&other).begin(&captured.one("item", "item", TableAction::Create));
    refused(&taken.expect_err("refused"), "has a table item already");
    refused(&rehearse(&other).begin(&captured.whole()).expect_err("refused"), "exists");
    assert_eq!(place.names(), names);
}

#[test]
fn one_table_is_created_with_what_belongs_to_it() {
    let (_place, captured, other) = shop("CREATE TABLE log(what); CREATE TABLE mine(a); INSERT INTO mine VALUES (1);");
    let told = captured.restore(&captured.one("item", "item", TableAction::Create), &other).expect("restored");
    assert_eq!(told, ["integrity_check of item found nothing wrong"]);
    assert_eq!(capture(&other).values("item"), captured.values("item"));
    assert_eq!(count(&other, "SELECT count(*) FROM log"), 0, "no trigger fired");
    assert_eq!(count(&other, "SELECT count(*) FROM sqlite_schema WHERE name IN ('by_price', 'logged')"), 2);
    let again = captured.restore(&captured.one("item", "ITEM", TableAction::Create), &other);
    refused(&again.expect_err("refused"), "already");
}

#[test]
fn one_table_is_created_under_another_name() {
    let (_place, captured, other) = shop("CREATE TABLE item(a);");
    let job = captured.one("item", "old \"item\"", TableAction::Create);
    let told = captured.restore(&job, &other).expect("restored");
    assert!(told[0].contains("index by_price") && told[0].contains("trigger logged"), "{told:?}");
    assert_eq!(capture(&other).values("old \"item\""), captured.values("item"));
    let job = captured.one("bare", "bare2", TableAction::Create);
    captured.restore(&job, &other).expect("restored");
    assert_eq!(capture(&other).values("bare2"), captured.values("bare"), "rowids and all");
}

#[test]
fn one_table_goes_to_a_new_file() {
    let (place, captured, _) = shop("");
    let new = place.path("new.db");
    captured.restore(&captured.one("item", "item", TableAction::Create), &new).expect("restored");
    let restored = capture(&new);
    assert_eq!(restored.values("item"), captured.values("item"));
    assert_eq!(restored.catalog.objects.len(), 2);
}

#[test]
fn a_table_is_replaced() {
    let (_place, captured, other) = shop(
        "CREATE TABLE log(what); CREATE TABLE item(a, b); INSERT INTO item VALUES (1, 2); CREATE INDEX by_a ON item(a);
         CREATE VIEW v AS SELECT * FROM item;",
    );
    captured.restore(&captured.one("item", "item", TableAction::Replace), &other).expect("restored");
    assert_eq!(capture(&other).values("item"), captured.values("item"));
    assert_eq!(count(&other, "SELECT count(*) FROM sqlite_schema WHERE name IN ('by_price', 'logged')"), 2);
    assert_eq!(count(&other, "SELECT count(*) FROM sqlite_schema WHERE name = 'by_a'"), 0);
    assert_eq!(count(&other, "SELECT count(*) FROM v"), 3);
    let missing = captured.restore(&captured.one("word", "word", TableAction::Replace), &other);
    refused(&missing.expect_err("refused"), "no table word");
    let view = captured.restore(&captured.one("word", "v", TableAction::Replace), &other);
    refused(&view.expect_err("refused"), "is a view");
}

#[test]
fn rows_are_merged_by_key() {
    let (_place, captured, other) = shop(
        "CREATE TABLE log(what); CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT UNIQUE, price);
         CREATE TRIGGER logged AFTER UPDATE ON item BEGIN INSERT INTO log VALUES (new.name); END;
         INSERT INTO item VALUES (2, 'changed', 0), (9, 'mine', 90);
         CREATE TABLE word(w TEXT COLLATE NOCASE PRIMARY KEY, n) WITHOUT ROWID; INSERT INTO word VALUES ('ONE', 7), ('three', 3);
         ",
    );
    for table in ["item", "word"] {
        captured.restore(&captured.one(table, table, TableAction::Merge), &other).expect("merged");
    }
    let merged = capture(&other);
    let mut expect = captured.values("item");
    expect.push(vec![Value::Integer(9), text("mine"), Value::Integer(90)]);
    assert_eq!(merged.values("item"), expect);
    let words: Vec<Value> = merged.values("word").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(words, [text("one"), text("three"), text("two")]);
    assert_eq!(count(&other, "SELECT count(*) FROM log"), 0, "no trigger fired");
}

#[test]
fn what_cannot_be_merged_is_refused_and_nothing_changes() {
    let (_place, captured, other) = shop(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT UNIQUE, price); INSERT INTO item VALUES (7, 'plum', 0);
         CREATE TABLE word(w TEXT PRIMARY KEY, other) WITHOUT ROWID; CREATE TABLE bare(a INTEGER PRIMARY KEY, b);",
    );
    let merge =
        |table: &str| captured.restore(&captured.one(table, table, TableAction::Merge), &other).expect_err("refused");
    refused(&merge("word"), "its columns are");
    refused(&merge("bare"), "its columns are");
    refused(&merge("item"), "UNIQUE");
    assert_eq!(capture(&other).values("item").len(), 1);
}

#[test]
fn a_locked_or_foreign_target_is_refused() {
    let (place, captured, other) = shop("CREATE TABLE mine(a);");
    let lock = open(&other);
    lock.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    let job = captured.one("item", "item", TableAction::Create);
    let locked = captured.restore(&job, &other).expect_err("refused");
    assert_eq!(locked.kind, ErrorKind::Busy, "{locked}");
    assert!(locked.message.contains("locked") && locked.hint.is_some(), "{locked}");
    lock.execute_batch("COMMIT").expect("free");
    let foreign = place.path("foreign.db");
    std::fs::write(&foreign, vec![0x5a; 4096]).expect("written");
    refused(&captured.restore(&job, &foreign).expect_err("refused"), "no SQLite database");
    let own = captured.one("item", "sqlite_sequence", TableAction::Create);
    assert_eq!(captured.restore(&own, &other).expect_err("refused").kind, ErrorKind::Usage);
}

#[test]
fn statements_that_do_more_than_they_should_are_refused() {
    let (place, mut captured, other) = shop("CREATE TABLE mine(a);");
    let evil = place.path("evil.db");
    let at = captured.place_of("bare");
    for sql in [
        format!("CREATE TABLE bare(a, b); ATTACH '{}' AS x; CREATE TABLE x.y(a)", evil.display()),
        format!("ATTACH '{}' AS x", evil.display()),
        String::new(),
    ] {
        captured.catalog.tables[at].sql = sql;
        let job = captured.one("bare", "bare", TableAction::Create);
        captured.restore(&job, &other).expect_err("refused");
        captured.restore(&captured.whole(), &place.path("new.db")).expect_err("refused");
    }
    assert!(!evil.exists());
    assert_eq!(place.names(), ["other.db", "source.db"]);
}

#[test]
fn what_stands_in_a_target_is_told() {
    let (_place, _, other) =
        shop("CREATE TABLE b(x, y, z AS (x)); INSERT INTO b VALUES (1, 2); CREATE TABLE a(q PRIMARY KEY); ANALYZE;");
    let standing = target(&other).look().expect("looked").expect("there");
    let told: Vec<(&str, usize, u64)> =
        standing.iter().map(|table| (table.name.table.as_str(), table.columns.len(), table.rows)).collect();
    assert_eq!(told, [("a", 1, 0), ("b", 2, 1)]);
}

#[test]
fn a_restored_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let (place, captured, _) = shop("");
    let path = place.path("new.db");
    captured.restore(&captured.whole(), &path).expect("restored");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert!(source(&path).is_ok());
}

#[test]
fn what_only_the_replaced_table_had_is_told() {
    let (_place, captured, other) = shop(
        "CREATE TABLE log(what); CREATE TABLE item(a, b); CREATE INDEX by_a ON item(a); CREATE INDEX by_price ON item(b);
         CREATE TRIGGER theirs AFTER DELETE ON item BEGIN DELETE FROM log; END;",
    );
    let standing = target(&other).look().expect("looked").expect("there");
    let objects: Vec<&str> = standing[0].objects.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(objects, ["by_a", "by_price", "theirs"]);
    let told = captured.restore(&captured.one("item", "item", TableAction::Replace), &other).expect("restored");
    assert!(told[0].ends_with("index by_a, trigger theirs"), "{told:?}");
}

#[test]
fn rowids_that_were_given_are_not_given_again() {
    let sql = |last: i64| {
        format!(
            "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO t VALUES (1, 'x'), ({last}, 'y');
             DELETE FROM t WHERE id > 1;"
        )
    };
    for (captured, standing, expect) in [(500, Some(90), 500), (50, Some(900), 900), (500, None, 500)] {
        for action in [TableAction::Create, TableAction::Replace, TableAction::Merge] {
            if (action == TableAction::Create) != standing.is_none() {
                continue;
            }
            let place = Place::new();
            let source = capture(&place.database(&sql(captured)));
            let other = place.path("other.db");
            open(&other).execute_batch(&standing.map(sql).unwrap_or_default()).expect("made");
            let mut job = source.one("t", "t", action);
            let value = captured.to_string().into_bytes();
            job.tables[0].table.notes.push(datakeep_connector::Note { name: "sequence".to_owned(), value });
            source.restore(&job, &other).expect("restored");
            assert_eq!(count(&other, "SELECT seq FROM sqlite_sequence WHERE name = 't'"), expect, "{action:?}");
        }
    }
}
