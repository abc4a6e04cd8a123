//! Opening a database: where it lies, and how a connection is set so that nothing in the file can act.

use crate::fault::{Side, io_error, shown, sqlite_error, usage};
use datakeep_connector::ConnectorError;
use datakeep_model::ErrorKind;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SCHEME: &str = "sqlite:";

/// True for a location of this connector.
pub(crate) fn is_location(location: &str) -> bool {
    location.starts_with(SCHEME)
}

/// The absolute path that a location names.
pub(crate) fn path_of(location: &str) -> Result<PathBuf, ConnectorError> {
    let path = location.strip_prefix(SCHEME).unwrap_or_default();
    if path.is_empty() || path.contains('\0') {
        let error = usage(format!("`{}` names no file", datakeep_model::escape_for_terminal(location.as_bytes())));
        return Err(error.with_hint("write sqlite:PATH, such as sqlite:/srv/app/data.db"));
    }
    std::path::absolute(path).map_err(|error| io_error(Side::Source, "cannot find", Path::new(path), &error))
}

/// Refuses what is no regular file before SQLite is asked, whose words for it say little.
pub(crate) fn check_file(side: Side, path: &Path) -> Result<(), ConnectorError> {
    let kind = if side == Side::Source { ErrorKind::Source } else { ErrorKind::Target };
    let meta = std::fs::metadata(path).map_err(|error| io_error(side, "cannot open", path, &error))?;
    if meta.is_dir() {
        let error = ConnectorError::new(kind, format!("{} is a directory, not a database", shown(path)));
        return Err(error.with_hint("name the file of the database within it"));
    }
    if !meta.is_file() {
        return Err(ConnectorError::new(kind, format!("{} is no regular file", shown(path))));
    }
    rustix::fs::access(path, rustix::fs::Access::READ_OK)
        .map_err(|errno| io_error(side, "cannot open", path, &std::io::Error::from(errno)))
}

/// A connection that can only read, and whose file cannot make it do anything else.
pub(crate) fn read_only(side: Side, path: &Path, patience: Duration) -> Result<Connection, ConnectorError> {
    check_file(side, path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let fault = |error: rusqlite::Error| sqlite_error(side, "cannot open", path, &error);
    let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
    settle(&connection, patience).and_then(|()| guard(&connection)).map_err(fault)?;
    Ok(connection)
}

/// What every connection is set to.
pub(crate) fn settle(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(patience)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // No trigger may fire, and no foreign key act, because of what is read or put back.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
    // Old schemas write texts in double quotes; a schema is read as it was written.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, true)?;
    Ok(())
}

/// What a connection that reads is set to besides.
pub(crate) fn guard(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "query_only", true)
}

/// The number that a pragma tells.
pub(crate) fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.query_row(&format!("PRAGMA main.{pragma}"), [], |row| row.get(0))
}

/// The text that a pragma tells.
pub(crate) fn text(connection: &Connection, pragma: &str) -> rusqlite::Result<String> {
    connection.query_row(&format!("PRAGMA main.{pragma}"), [], |row| row.get(0))
}
