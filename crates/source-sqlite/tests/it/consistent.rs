//! One state is read, whatever writers do meanwhile, and writers are not kept from writing.

use crate::common::{Place, Value, check_keys, open, read_rows, source};
use datakeep_model::Mark;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const TOTAL: i64 = 1000;

/// Moves money between two accounts in every transaction, and changes the schema in every tenth, until told to stop.
fn write_on(path: &Path, stop: &AtomicBool, transactions: &AtomicU64) {
    let connection = open(path);
    connection.pragma_update(None, "synchronous", false).expect("set");
    let mut number = 0;
    while !stop.load(Ordering::Acquire) {
        let schema = match number % 20 {
            9 => format!("CREATE TABLE extra{number}(a); ALTER TABLE account ADD COLUMN c{number};"),
            19 => format!("DROP TABLE extra{}; ALTER TABLE account DROP COLUMN c{};", number - 10, number - 10),
            _ => String::new(),
        };
        let sql = format!(
            "BEGIN IMMEDIATE; UPDATE account SET amount = amount - 1 WHERE id = 1; {schema}
             INSERT INTO entry(amount) VALUES (1); UPDATE account SET amount = amount + 1 WHERE id = 2; COMMIT;"
        );
        connection.execute_batch(&sql).expect("written");
        number += 1;
        transactions.fetch_add(1, Ordering::AcqRel);
    }
}

/// Lets the writer commit so many transactions.
fn wait_for(transactions: &AtomicU64, more: u64) {
    let from = transactions.load(Ordering::Acquire);
    while transactions.load(Ordering::Acquire) < from + more {
        std::thread::yield_now();
    }
}

fn check_while_writing(journal_mode: &str) {
    let place = Place::new();
    let path = place.database(&format!(
        "PRAGMA journal_mode={journal_mode}; PRAGMA synchronous=OFF;
         CREATE TABLE account(id INTEGER PRIMARY KEY, amount INTEGER); INSERT INTO account VALUES (1, {TOTAL}), (2, 0);
         CREATE TABLE entry(id INTEGER PRIMARY KEY, amount INTEGER, filler DEFAULT 'some text that takes room');"
    ));
    let (stop, transactions) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| write_on(&path, &stop, &transactions));
        let outcome = std::panic::catch_unwind(|| {
            for _ in 0..8 {
                wait_for(&transactions, 3);
                check_one(&path, &transactions);
            }
        });
        stop.store(true, Ordering::Release);
        outcome.expect("consistent");
    });
}

fn check_one(path: &Path, transactions: &AtomicU64) {
    let options = crate::common::options(&[("busy-timeout", "60s"), ("integrity-check", "full")]);
    let connector = crate::common::connector();
    use datakeep_connector::Connector;
    let mut source = connector.open_tables(&crate::common::location(path), &options).expect("opened");
    source.begin().expect("begun");
    // These are committed while the state is held, and must not be seen.
    wait_for(transactions, 3);
    let catalog = source.catalog().expect("told");
    wait_for(transactions, 12);
    let mut rows = Vec::new();
    for table in &catalog.tables {
        let batches = read_rows(source.as_mut(), table).expect("read");
        check_keys(table, &batches);
        rows.push(crate::common::values(&batches));
        wait_for(transactions, 1);
    }
    source.complete().expect("one state");
    let named = |name: &str| catalog.tables.iter().position(|table| table.name.table == name).expect("there");
    let amount = |row: &Vec<Value>| if let Value::Integer(amount) = row[1] { amount } else { panic!("no number") };
    let (accounts, entries) = (&rows[named("account")], &rows[named("entry")]);
    assert_eq!(accounts.iter().map(amount).sum::<i64>(), TOTAL);
    assert_eq!(amount(&accounts[1]), entries.len() as i64, "both tables are of one state");
}

#[test]
fn a_database_in_wal_mode_is_read_in_one_state() {
    check_while_writing("WAL");
}

#[test]
fn a_database_with_a_rollback_journal_is_read_in_one_state() {
    check_while_writing("DELETE");
}

#[test]
fn a_copy_leaves_nothing_behind_and_nothing_is_made_beside_the_database() {
    let place = Place::new();
    let path = place.database("CREATE TABLE t(a); INSERT INTO t VALUES (1);");
    let spool = place.path("spool");
    std::fs::create_dir(&spool).expect("made");
    let options = crate::common::options(&[("spool", spool.to_str().expect("text"))]);
    use datakeep_connector::Connector;
    let mut source = crate::common::connector().open_tables(&crate::common::location(&path), &options).expect("opened");
    source.begin().expect("begun");
    assert_eq!(std::fs::read_dir(&spool).expect("there").count(), 0, "the copy has no name");
    let catalog = source.catalog().expect("told");
    // Even removing the database changes nothing any more.
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(read_rows(source.as_mut(), &catalog.tables[0]).expect("read").len(), 1);
    source.complete().expect("complete");
    drop(source);
    assert_eq!(place.names(), ["spool"]);
}

#[test]
fn marks_count_changes() {
    let place = Place::new();
    let path = place.database("CREATE TABLE t(a);");
    let mark = || {
        let mut source = source(&path).expect("opened");
        match source.begin().expect("begun") {
            Mark::Position(time, position) => {
                assert_eq!(time.seconds, 1_700_000_000);
                position
            }
            other => panic!("{other:?}"),
        }
    };
    let first = mark();
    assert_eq!(first, mark(), "nothing changed");
    let connection = open(&path);
    connection.execute_batch("INSERT INTO t VALUES (1); CREATE TABLE u(a);").expect("written");
    assert_ne!(first, mark());
    connection.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE w(a);").expect("written");
    let in_wal = mark();
    connection.execute_batch("CREATE TABLE x(a);").expect("written");
    assert_ne!(in_wal, mark());
}

#[test]
fn locks_of_this_process_outlive_a_capture() {
    let place = Place::new();
    let path = place.database("CREATE TABLE t(a); INSERT INTO t VALUES (1);");
    let writer = open(&path);
    writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (2);").expect("locked");
    let captured = crate::common::capture(&path);
    assert_eq!(captured.values("t").len(), 1, "what is not committed is not seen");
    // Another process asks the kernel, not this process's SQLite.
    let sql = "BEGIN IMMEDIATE; ROLLBACK;";
    match std::process::Command::new("sqlite3").arg(&path).arg(sql).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("locked"), "the lock is gone: {said}");
        }
        Err(error) => eprintln!("SKIPPED: whether locks outlive a capture: no sqlite3 to ask: {error}"),
    }
    writer.execute_batch("COMMIT").expect("committed");
}
