//! What SQLite says, in the words of the connector.

use datakeep_connector::ConnectorError;
use datakeep_model::{ErrorKind, escape_for_terminal};
use rusqlite::{Error, ErrorCode};
use std::path::Path;

/// Which way data flows when something fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// A database is read.
    Source,
    /// A database is written.
    Target,
}

/// A path as people may see it.
pub(crate) fn shown(path: &Path) -> String {
    escape_for_terminal(path.as_os_str().as_encoded_bytes())
}

/// The error of a call that failed while doing `what` (`cannot read`, `cannot read table x of`) on the database at `path`.
pub(crate) fn sqlite_error(side: Side, what: &str, path: &Path, error: &Error) -> ConnectorError {
    let code = code(error);
    let said = words(error);
    let (kind, hint) = match side {
        Side::Source => source_advice(code),
        Side::Target => target_advice(code),
    };
    let place = shown(path);
    let message = match code {
        Some(ErrorCode::NotADatabase) => {
            format!("{what} {place}: it is no SQLite database, or it is encrypted ({said})")
        }
        Some(ErrorCode::DatabaseCorrupt) => format!("{what} {place}: the database is damaged ({said})"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("{what} {place}: another connection keeps it locked ({said})")
        }
        _ => format!("{what} {place}: {said}"),
    };
    let error = ConnectorError::new(kind, message);
    match hint.or_else(|| needs_application(&said)) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The error of a system call that failed while doing `what` on `path`.
pub(crate) fn io_error(side: Side, what: &str, path: &Path, error: &std::io::Error) -> ConnectorError {
    use std::io::ErrorKind as Io;
    let kind = match (side, error.kind()) {
        (Side::Source, Io::NotFound) => ErrorKind::NotFound,
        (Side::Source, Io::PermissionDenied) => ErrorKind::Denied,
        (Side::Source, _) => ErrorKind::Source,
        (Side::Target, _) => ErrorKind::Target,
    };
    let fault = ConnectorError::new(kind, format!("{what} {}: {error}", shown(path)));
    match error.kind() {
        Io::NotFound if side == Side::Source => {
            fault.with_hint("nothing stands there; a relative path begins at the current directory")
        }
        Io::PermissionDenied => fault.with_hint("run it as a user that may do so"),
        Io::StorageFull | Io::QuotaExceeded => fault.with_hint("make room, or choose another place"),
        _ => fault,
    }
}

pub(crate) fn usage(message: impl Into<String>) -> ConnectorError {
    ConnectorError::new(ErrorKind::Usage, message)
}

pub(crate) fn out_of_order(message: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Internal, message)
}

/// Advice where a table or an index calls what only its application has.
fn needs_application(said: &str) -> Option<&'static str> {
    // A key in an order that is not known leaves no way to read its table.
    let is_without_way = said.contains("no query solution");
    (is_without_way || crate::target::is_of_application(said)).then_some(
        "only the application that made the database knows this collation or function: restore the other tables, or back the \
         file up as a file while nothing writes to it",
    )
}

fn code(error: &Error) -> Option<ErrorCode> {
    match error {
        Error::SqliteFailure(failure, _) | Error::SqlInputError { error: failure, .. } => Some(failure.code),
        _ => None,
    }
}

/// The words of SQLite alone: no statement, which may hold data.
pub(crate) fn words(error: &Error) -> String {
    let said = match error {
        Error::SqliteFailure(_, Some(message)) => message.clone(),
        Error::SqliteFailure(failure, None) => failure.to_string(),
        Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    escape_for_terminal(without_cells(&said).as_bytes())
}

/// The words of SQLite's functions that end with the value they could not take: the value is a cell, and is not told.
fn without_cells(said: &str) -> &str {
    let ends = ["bad JSON path", "JSON path error near"];
    ends.into_iter().find(|words| said.starts_with(words)).unwrap_or(said)
}

fn source_advice(code: Option<ErrorCode>) -> (ErrorKind, Option<&'static str>) {
    const UNFINISHED: &str = "a crash left a transaction unfinished: open the database once with its application, or with \
                              `sqlite3 FILE .schema`, as a user that may write it";
    match code {
        Some(ErrorCode::NotADatabase) => (
            ErrorKind::Source,
            Some(
                "name the file of a database; an encrypted one (SQLCipher and the like) looks the same and cannot be read: \
                  back it up as a file while nothing writes to it",
            ),
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            ErrorKind::Source,
            Some("run `sqlite3 FILE 'PRAGMA integrity_check'`, and `sqlite3 FILE .recover` to save what can be saved"),
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            ErrorKind::Busy,
            Some("run it again when the other program is done, or wait longer with the option `busy-timeout`"),
        ),
        Some(ErrorCode::ReadOnly) => (ErrorKind::Source, Some(UNFINISHED)),
        Some(ErrorCode::CannotOpen) => (
            ErrorKind::Source,
            Some(
                "a database in WAL mode is read with its `-wal` and `-shm` files beside it: they must be there or the \
                  directory writable by this user",
            ),
        ),
        Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
            (ErrorKind::Denied, Some("run it as a user that may read it"))
        }
        Some(ErrorCode::DiskFull) => (
            ErrorKind::Source,
            Some("make room for temporary files, or name another directory with the option `spool`"),
        ),
        _ => (ErrorKind::Source, None),
    }
}

fn target_advice(code: Option<ErrorCode>) -> (ErrorKind, Option<&'static str>) {
    let kind = match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Busy,
        _ => ErrorKind::Target,
    };
    let hint = match code {
        Some(ErrorCode::DiskFull) => Some("make room on the target's file system, or restore to another place"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Some("run it as a user that may write it"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Some("stop the program that uses it, or wait longer with the option `busy-timeout`")
        }
        Some(ErrorCode::NotADatabase) => Some("restore to the file of a database, or to a place where nothing stands"),
        Some(ErrorCode::CannotOpen) => Some("the directory must exist and be writable by this user"),
        Some(ErrorCode::DatabaseCorrupt) => Some("the target is damaged: restore to a new file instead"),
        Some(ErrorCode::ConstraintViolation) => {
            Some("what stands in the target and what is restored contradict each other: restore to a new file or name")
        }
        _ => None,
    };
    (kind, hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn check(side: Side, code: i32, kind: ErrorKind, word: &str) {
        let error = Error::SqliteFailure(ffi::Error::new(code), None);
        let fault = sqlite_error(side, "cannot write to", Path::new("/srv/a\nb.db"), &error);
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.message.starts_with("cannot write to /srv/a\\nb.db: "), "{fault}");
        let hint = fault.hint.unwrap_or_default();
        assert!(hint.contains(word), "{hint}");
    }

    /// Columns and indexes that are computed call functions on cells, and an error says which cell it was.
    #[test]
    fn the_words_of_functions_hold_no_cell() {
        let connection = rusqlite::Connection::open_in_memory().expect("a database");
        for path in ["secret cell", "$secret cell"] {
            let failed = connection.query_row("SELECT json_extract('{}', ?1)", [path], |_| Ok(()));
            let said = words(&failed.expect_err("it is no path"));
            assert!(!said.contains("secret") && said.contains("JSON path"), "{said}");
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        check(Side::Target, ffi::SQLITE_FULL, ErrorKind::Target, "make room");
        check(Side::Target, ffi::SQLITE_READONLY, ErrorKind::Target, "may write it");
        check(Side::Target, ffi::SQLITE_BUSY, ErrorKind::Busy, "busy-timeout");
        check(Side::Target, ffi::SQLITE_CANTOPEN, ErrorKind::Target, "directory");
        check(Side::Source, ffi::SQLITE_FULL, ErrorKind::Source, "spool");
        check(Side::Source, ffi::SQLITE_BUSY, ErrorKind::Busy, "busy-timeout");
        check(Side::Source, ffi::SQLITE_READONLY_ROLLBACK, ErrorKind::Source, "crash");
        check(Side::Source, ffi::SQLITE_NOTADB, ErrorKind::Source, "SQLCipher");
        check(Side::Source, ffi::SQLITE_CORRUPT, ErrorKind::Source, "integrity_check");
        check(Side::Source, ffi::SQLITE_CANTOPEN, ErrorKind::Source, "-wal");
        check(Side::Source, ffi::SQLITE_PERM, ErrorKind::Denied, "may read it");
    }
}
