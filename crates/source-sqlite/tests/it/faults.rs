//! What cannot be read is refused in clear words.

use crate::common::{Place, connector, location, open, options, source, try_capture};
use datakeep_connector::{Connector, ConnectorError};
use datakeep_model::ErrorKind;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

fn check(error: &ConnectorError, kind: ErrorKind, words: &[&str]) {
    assert_eq!(error.kind, kind, "{error}");
    for word in words {
        assert!(error.message.contains(word), "`{word}` is not in: {error}");
    }
    assert!(error.hint.is_some(), "{error}");
}

fn refused(path: &Path) -> ConnectorError {
    try_capture(path).expect_err("refused")
}

#[test]
fn what_is_no_database_is_refused() {
    let place = Place::new();
    let path = place.path("x.db");
    std::fs::write(&path, vec![0xa5; 8192]).expect("written");
    check(&refused(&path), ErrorKind::Source, &["x.db", "no SQLite database", "encrypted"]);
    check(&refused(&place.path("missing.db")), ErrorKind::NotFound, &["missing.db"]);
    std::fs::create_dir(place.path("d")).expect("made");
    check(&refused(&place.path("d")), ErrorKind::Source, &["is a directory"]);
    assert_eq!(place.names(), ["d", "x.db"], "nothing was made");
}

#[test]
fn a_locked_database_is_busy() {
    for mode in ["DELETE", "WAL"] {
        let place = Place::new();
        let path = place.database(&format!("PRAGMA journal_mode={mode}; CREATE TABLE t(a);"));
        let other = open(&path);
        let lock = "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; INSERT INTO t VALUES (1);";
        other.execute_batch(lock).expect("locked");
        check(&refused(&path), ErrorKind::Busy, &["source.db", "locked"]);
        other.execute_batch("COMMIT").expect("done");
    }
}

#[test]
fn a_damaged_page_is_told_with_its_table() {
    let place = Place::new();
    let path = place.database(
        "PRAGMA page_size=4096; CREATE TABLE good(a); INSERT INTO good VALUES (1); CREATE TABLE hurt(a);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO hurt SELECT 'row ' || i || ' with some text' FROM n;",
    );
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).expect("opened");
    file.seek(SeekFrom::Start(4096 * 120)).expect("in the file");
    file.write_all(&[0xff; 4096]).expect("written");
    drop(file);
    check(&refused(&path), ErrorKind::Source, &["source.db", "main.hurt", "damaged", "rows"]);
    let options = options(&[("integrity-check", "quick")]);
    let mut source = connector().open_tables(&location(&path), &options).expect("opened");
    source.begin().expect("begun");
    check(&source.complete().expect_err("refused"), ErrorKind::Source, &["damaged"]);
}

#[test]
fn a_transaction_that_a_crash_left_is_not_undone_here() {
    let place = Place::new();
    let path = place.database(
        "CREATE TABLE t(a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO t SELECT 'row ' || i FROM n;",
    );
    let crashing = open(&path);
    crashing.execute_batch("PRAGMA cache_size=5; BEGIN; UPDATE t SET a = a || ' changed';").expect("under way");
    let crashed = place.path("crashed.db");
    std::fs::copy(&path, &crashed).expect("copied");
    std::fs::copy(place.path("source.db-journal"), place.path("crashed.db-journal")).expect("copied");
    let error = refused(&crashed);
    check(&error, ErrorKind::Source, &["crashed.db"]);
    assert!(error.hint.expect("advice").contains("crash"));
    assert!(place.path("crashed.db-journal").exists(), "it is left to its application");
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let place = Place::new();
    let path = place.database("CREATE TABLE t(a);");
    let connector = connector();
    assert!(connector.accepts("sqlite:x") && !connector.accepts("/x") && !connector.accepts("sqlite"));
    let kind = |location: &str, given: &[(&str, &str)]| {
        connector.open_tables(location, &options(given)).err().map(|error| error.kind)
    };
    assert_eq!(kind("sqlite:", &[]), Some(ErrorKind::Usage));
    assert_eq!(kind(&location(&path), &[("immutable", "true")]), Some(ErrorKind::Usage));
    assert_eq!(kind(&location(&path), &[]), None);
    let files = connector.open_source(&[location(&path)], &options(&[])).err().map(|error| error.kind);
    assert_eq!(files, Some(ErrorKind::Usage));
    let mut source = source(&path).expect("opened");
    assert!(source.catalog().is_err() && source.complete().is_err(), "begin comes first");
    source.begin().expect("begun");
    assert!(source.begin().is_err(), "only once");
    source.complete().expect("complete");
    assert!(source.catalog().is_err(), "complete comes last");
}

#[test]
fn a_source_is_named_after_its_file() {
    let place = Place::new();
    std::fs::write(place.path("my:shop.db"), b"").expect("written");
    let info = source(&place.path("my:shop.db")).expect("opened").info();
    assert_eq!((info.kind.as_str(), info.name.as_str()), ("sqlite", "my-shop"));
    assert_eq!(info.location, location(&place.path("my:shop.db")));
    assert!(!info.host.is_empty());
    let given = options(&[("name", "shop"), ("host", "web-1")]);
    let info = connector().open_tables(&location(&place.path("my:shop.db")), &given).expect("opened").info();
    assert_eq!((info.name.as_str(), info.host.as_str()), ("shop", "web-1"));
}
