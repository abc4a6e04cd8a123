//! One question to a database: one statement that changes nothing, one value.

use crate::fault::{Side, shown, sqlite_error, usage};
use crate::open;
use datakeep_connector::ConnectorError;
use datakeep_model::ErrorKind;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, Error, InterruptHandle};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Interrupts a connection that works for too long.
struct Deadline {
    /// Dropped, it ends the waiting.
    _end: Sender<()>,
}

impl Deadline {
    fn new(handle: InterruptHandle, patience: Duration) -> std::io::Result<Self> {
        let (end, ended) = channel::<()>();
        let wait = move || {
            if ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                handle.interrupt();
            }
        };
        std::thread::Builder::new().name("deadline".into()).spawn(wait).map(drop)?;
        Ok(Self { _end: end })
    }
}

/// The one value that a statement answers with, as text (`Connector::ask`). Numbers are written as SQLite has them, blobs as hexadecimal
/// digits.
pub(crate) fn ask(
    path: &Path,
    busy: Duration,
    sql: &str,
    patience: Duration,
) -> Result<Option<String>, ConnectorError> {
    let connection = open::read_only(Side::Source, path, busy)?;
    let _deadline = Deadline::new(connection.get_interrupt_handle(), patience).map_err(|error| {
        ConnectorError::new(ErrorKind::Internal, format!("cannot watch the time of a statement: {error}"))
    })?;
    one_value(&connection, sql).map_err(|fault| match fault {
        Fault::Shape(what) => usage(format!("{what}, and one value was wanted"))
            .with_hint("write one SELECT of one column and one row: SELECT count(*) FROM orders"),
        Fault::Sqlite(Error::SqliteFailure(code, _)) if code.code == rusqlite::ErrorCode::OperationInterrupted => {
            let seconds = patience.as_secs_f64();
            let message = format!("a statement on {} took longer than {seconds} s and was stopped", shown(path));
            ConnectorError::new(ErrorKind::Source, message).with_hint("give it more time, or ask for less")
        }
        Fault::Sqlite(error) => sqlite_error(Side::Source, "cannot ask", path, &error),
    })
}

enum Fault {
    /// The statement is not such a one.
    Shape(&'static str),
    Sqlite(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

fn one_value(connection: &Connection, sql: &str) -> Result<Option<String>, Fault> {
    let mut batch = Batch::new(connection, sql);
    let Some(mut statement) = batch.next()? else { return Err(Fault::Shape("there is no statement")) };
    if !statement.readonly() {
        return Err(Fault::Shape("the statement writes"));
    }
    if statement.column_count() != 1 {
        return Err(Fault::Shape("the statement answers with another number of columns"));
    }
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Err(Fault::Shape("the statement answers with no row")) };
    let value = text(row.get_ref(0)?);
    if rows.next()?.is_some() {
        return Err(Fault::Shape("the statement answers with several rows"));
    }
    drop(rows);
    drop(statement);
    // What follows is never run; that it is there means that the question is not what its author thinks.
    match batch.next()? {
        Some(_) => Err(Fault::Shape("there are several statements")),
        None => Ok(value),
    }
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Some(bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(sql: &str) -> Result<Option<String>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        let connection = Connection::open(&path).expect("a database");
        connection
            .execute_batch(
                "CREATE TABLE t (a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, 2.5)",
            )
            .expect("statements");
        let before = std::fs::read(&path).expect("a file");
        let found = ask(&path, Duration::from_secs(1), sql, Duration::from_millis(300));
        assert_eq!(std::fs::read(&path).expect("a file"), before, "{sql}");
        found.map_err(|error| error.message)
    }

    #[test]
    fn one_value_is_told_as_text() {
        for (sql, expect) in [
            ("SELECT count(*) FROM t", Some("3")),
            ("SELECT b FROM t WHERE a = 1;", Some("x")),
            ("SELECT b FROM t WHERE a = 2", None),
            ("SELECT b FROM t WHERE a = 3", Some("2.5")),
            ("SELECT x'00ff'", Some("00ff")),
            ("WITH w AS (SELECT 1 AS n) SELECT n FROM w", Some("1")),
        ] {
            assert_eq!(asked(sql), Ok(expect.map(str::to_owned)), "{sql}");
        }
    }

    #[test]
    fn everything_else_is_refused_and_changes_nothing() {
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        for (sql, words) in [
            ("", "no statement"),
            ("SELECT 1, 2", "columns"),
            ("SELECT a FROM t", "several rows"),
            ("SELECT a FROM t WHERE a > 9", "no row"),
            ("SELECT 1; DELETE FROM t", "several statements"),
            ("DELETE FROM t", "writes"),
            ("DELETE FROM t RETURNING a", "writes"),
            ("SELECT not_there FROM t LIMIT 1", "no such column"),
            (endless, "took longer"),
        ] {
            let message = asked(sql).expect_err(sql);
            assert!(message.contains(words), "{sql}: {message}");
        }
    }
}
