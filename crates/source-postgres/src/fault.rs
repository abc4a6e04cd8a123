//! What a server says, in the words of the connector.
//!
//! The detail, hint and context lines of a server hold cells, and so do the primary messages of some classes of errors. Nothing
//! of these is told: where a message can hold a cell, its code and the names it comes with stand for it.

use datakeep_connector::ConnectorError;
use datakeep_model::{ErrorKind, escape_for_terminal};
use std::error::Error as _;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

/// Which way data flows when something fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// A database is read.
    Source,
    /// A database is written.
    Target,
}

impl Side {
    /// The kind of errors that have no better one.
    pub fn kind(self) -> ErrorKind {
        if self == Self::Source { ErrorKind::Source } else { ErrorKind::Target }
    }
}

pub(crate) fn usage(message: impl Into<String>) -> ConnectorError {
    ConnectorError::new(ErrorKind::Usage, message)
}

pub(crate) fn out_of_order(message: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Internal, message)
}

/// The error of a call that failed while doing `what` (`cannot connect to`, `cannot read table x of`) on the database at `place`.
pub(crate) fn server_error(side: Side, what: &str, place: &str, error: &Error) -> ConnectorError {
    let Some(said) = error.as_db_error() else { return transport_error(side, what, place, error) };
    let (kind, hint) = advice(side, said);
    let fault = ConnectorError::new(kind, format!("{what} {place}: {}", words(said)));
    match hint {
        Some(hint) => fault.with_hint(hint),
        None => fault,
    }
}

/// The words of a server that hold no cell, with its code.
pub(crate) fn words(said: &DbError) -> String {
    let code = said.code().code();
    let message = if is_free_of_cells(code) {
        escape_for_terminal(said.message().as_bytes())
    } else {
        let class = match &code[..code.len().min(2)] {
            "22" => "a value does not fit",
            "P0" => "a function of the database raised an error",
            _ => "the server refused it",
        };
        class.to_owned()
    };
    let names = [("table", said.table()), ("column", said.column()), ("constraint", said.constraint())];
    let told: Vec<String> = names
        .into_iter()
        .filter_map(|(kind, name)| Some((kind, escape_for_terminal(name?.as_bytes()))))
        .filter(|(_, name)| !message.contains(name.as_str()))
        .map(|(kind, name)| format!(", {kind} {name}"))
        .collect();
    format!("{message} (SQLSTATE {code}{})", told.concat())
}

/// True for classes whose primary messages name objects, and never values of rows.
fn is_free_of_cells(code: &str) -> bool {
    const FREE: [&str; 20] = [
        "01", "02", "08", "0A", "0L", "0P", "23", "25", "28", "2B", "3D", "3F", "40", "42", "53", "54", "55", "57",
        "58", "XX",
    ];
    // The last two quote what they could not read, which may be a literal.
    FREE.iter().any(|class| code.starts_with(class)) && !matches!(code, "42601" | "42846")
}

fn advice(side: Side, said: &DbError) -> (ErrorKind, Option<String>) {
    let code = said.code();
    let (kind, hint) = match code.code() {
        "28P01" => {
            (ErrorKind::Denied, "check the user and the password of the location, or name a file with `password-file`")
        }
        "28000" => {
            (ErrorKind::Denied, "the server's pg_hba.conf must let this user in from here, and the user must exist")
        }
        "3D000" => (ErrorKind::NotFound, "check the database's name; `psql -l` lists the names"),
        "42501" => return (ErrorKind::Denied, Some(missing_right(side, said))),
        "55P03" => {
            (ErrorKind::Busy, "another session holds a lock: run it again later, or wait longer with `lock-timeout`")
        }
        "40001" | "40P01" => (ErrorKind::Busy, "run it again; on a standby raise max_standby_streaming_delay"),
        "72000" => (side.kind(), "it took longer than old_snapshot_threshold of the server allows: raise that"),
        "57014" => (ErrorKind::Busy, "someone cancelled it, or the server's own time limit did: run it again"),
        "57P03" | "53300" => (ErrorKind::Busy, "the server takes no connection now: run it again later"),
        "57P01" | "57P02" | "57P05" => (side.kind(), "the server ended the connection: run it again when it is up"),
        "53100" => (side.kind(), "make room on the server's file system"),
        "53200" => {
            (side.kind(), "the server is short of memory, or of room for locks: raise max_locks_per_transaction")
        }
        "0A000" if said.message().contains("extension") => (side.kind(), "install the extension on the server"),
        "58P01" => {
            (side.kind(), "a file is missing on the server: if it is an extension's, install the extension there")
        }
        "42P04" | "42P06" | "42P07" | "42710" => (side.kind(), "something of this name stands there already"),
        "XX000" if said.message().contains("could not open relation with OID") => {
            (ErrorKind::Busy, "the schema changed while it was read: run it again")
        }
        "XX001" | "XX002" => (side.kind(), "the server's own files are damaged: see its log"),
        code if code.starts_with("23") => (side.kind(), "what stands there and what is written contradict each other"),
        _ => return (side.kind(), None),
    };
    (kind, Some(hint.to_owned()))
}

/// What to do where a policy would hide rows.
pub(crate) const POLICIES: &str = "give the role BYPASSRLS, or read as the tables' owner or a superuser";

/// Which right is missing, as far as the server names it.
fn missing_right(side: Side, said: &DbError) -> String {
    let message = escape_for_terminal(said.message().as_bytes());
    let Some(object) = message.strip_prefix("permission denied for ") else {
        let is_hidden = message.contains("row-level security");
        return if is_hidden { POLICIES } else { "run it as a role that may do so" }.to_owned();
    };
    let (kind, name) = object.split_once(' ').unwrap_or((object, ""));
    match (side, kind) {
        (Side::Source, "table" | "view" | "sequence" | "relation") => {
            format!("the role needs SELECT on {kind} {name}: grant it, or make it a member of pg_read_all_data")
        }
        (Side::Source, "schema") => {
            format!("the role needs USAGE on schema {name}: grant it, or make it a member of pg_read_all_data")
        }
        (Side::Source, "large") => {
            "the role needs SELECT on large objects: grant it, or read as a superuser".to_owned()
        }
        _ => format!("grant the role the right on {object}, or run it as the owner"),
    }
}

/// The connection itself failed.
fn transport_error(side: Side, what: &str, place: &str, error: &Error) -> ConnectorError {
    let cause = error.source().map(|source| escape_for_terminal(source.to_string().as_bytes()));
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    let outer = escape_for_terminal(error.to_string().as_bytes());
    let said = match cause {
        Some(cause) if !outer.contains(&cause) => format!("{outer}: {cause}"),
        _ => outer,
    };
    unreached(side, &format!("{what} {place}: {said}"), io.map(std::io::Error::kind), error.is_closed())
}

/// The system failed while doing `what` on the database at `place`.
pub(crate) fn system_error(side: Side, what: &str, place: &str, error: &std::io::Error) -> ConnectorError {
    let said = escape_for_terminal(error.to_string().as_bytes());
    unreached(side, &format!("{what} {place}: {said}"), Some(error.kind()), false)
}

fn unreached(side: Side, message: &str, io: Option<std::io::ErrorKind>, is_closed: bool) -> ConnectorError {
    let hint = match io {
        Some(std::io::ErrorKind::ConnectionRefused) => "no server listens there: check the host and the port",
        Some(std::io::ErrorKind::NotFound) => "no server has its socket there: check the folder and the port",
        Some(std::io::ErrorKind::PermissionDenied) => {
            "run it as a user that may use the socket, or name another server"
        }
        _ if message.contains("certificate") => {
            "name the authority's file with sslrootcert, and the host as the certificate has it"
        }
        _ if message.contains("lookup") => "no host of this name is known: check the location",
        _ if message.contains("password missing") => {
            "the server wants a password: name a file with `password-file`, set PGPASSWORD, or write it into ~/.pgpass"
        }
        _ if message.contains("TLS") => "the server offers no TLS: set ssl = on there, or choose another sslmode",
        _ if is_closed => "the server or the network ended the connection: run it again",
        _ => "check that the server is up and can be reached: run it again",
    };
    let kind = if message.contains("password missing") { ErrorKind::Denied } else { side.kind() };
    ConnectorError::new(kind, message).with_hint(hint)
}

/// True when the error says this.
pub(crate) fn is_state(error: &Error, state: &SqlState) -> bool {
    error.code() == Some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_classes_that_name_objects_are_told() {
        for code in ["42P01", "23505", "57014", "53100", "42501"] {
            assert!(is_free_of_cells(code), "{code}");
        }
        for code in ["22P02", "22001", "P0001", "42601", "99999", "22003"] {
            assert!(!is_free_of_cells(code), "{code}");
        }
    }
}
