//! A private copy of a database, for as long as it is read.

use crate::fault::{Side, io_error, sqlite_error};
use crate::open;
use datakeep_connector::ConnectorError;
use datakeep_model::ErrorKind;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Copies the state that `source` reads, in one step: steps would begin anew with every change, and never end on a busy
/// database. Nobody else can open the copy: its name is gone before its first byte is written.
pub(crate) fn copy(source: &Connection, path: &Path, spool: &Path) -> Result<Connection, ConnectorError> {
    let mut copy = nameless(spool)?;
    let fault = |error: rusqlite::Error| {
        sqlite_error(Side::Source, &format!("cannot copy to {}", crate::fault::shown(spool)), path, &error)
    };
    let step = Backup::new(source, &mut copy).and_then(|backup| backup.step(-1)).map_err(fault)?;
    if step != StepResult::Done {
        let message = format!("cannot copy {}: it is locked", crate::fault::shown(path));
        return Err(ConnectorError::new(ErrorKind::Busy, message).with_hint("run it again"));
    }
    open::guard(&copy).map_err(fault)?;
    Ok(copy)
}

/// An empty database in a file without a name.
fn nameless(spool: &Path) -> Result<Connection, ConnectorError> {
    let fault = |error: &std::io::Error| {
        let error = io_error(Side::Source, "cannot make a temporary file in", spool, error);
        ConnectorError { kind: ErrorKind::Source, ..error }
            .with_hint("name a directory that can be written with the option `spool`")
    };
    let directory = Directory::make(spool).map_err(|error| fault(&error))?;
    let file = directory.0.join("copy");
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).map_err(|error| fault(&error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(&file, flags).and_then(|connection| {
        open::settle(&connection, Duration::ZERO)?;
        // Without a journal nothing is ever looked for beside the file, whose name is about to go.
        connection.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")?;
        Ok(connection)
    });
    opened.map_err(|error| sqlite_error(Side::Source, "cannot open a temporary file in", spool, &error))
}

/// A directory that is removed with what is in it, once nobody needs its name any more.
struct Directory(PathBuf);

impl Directory {
    fn make(within: &Path) -> std::io::Result<Self> {
        let path = within.join(format!("datakeep-{}", crate::target::random_word()?));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed is private and empty of names that mean anything: the system's own cleaning takes it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
