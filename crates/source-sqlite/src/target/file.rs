//! A new file: made beside the place where it will stand, and given its name when it is complete.

use super::job;
use crate::fault::{Side, io_error, shown};
use crate::open;
use crate::sql::literal;
use datakeep_connector::{ConnectorError, RestoreJob};
use datakeep_model::ErrorKind;
use rusqlite::{Connection, OpenFlags, Result};
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files that SQLite keeps beside a database.
const SIDE_FILES: [&str; 3] = ["-journal", "-wal", "-shm"];

/// A file under a temporary name, removed unless it was published.
pub(crate) struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    is_published: bool,
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// Refuses a place where no database can come to stand.
pub(crate) fn check_place(path: &Path) -> std::result::Result<(), ConnectorError> {
    // SQLite would take a journal left by another database for one of the new file, and play it into it.
    if let Some(left) = SIDE_FILES.iter().map(|suffix| beside(path, suffix)).find(|left| left.exists()) {
        let message = format!("{} was left by another database, and would be taken for the new one's", shown(&left));
        return Err(
            ConnectorError::new(ErrorKind::Target, message).with_hint("move it away, or restore to another path")
        );
    }
    let directory = directory_of(path);
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK)
        .map_err(|errno| io_error(Side::Target, "cannot write in", directory, &errno.into()))
}

impl NewFile {
    /// An empty private file in the directory of `path`.
    pub fn make(path: &Path) -> std::result::Result<Self, ConnectorError> {
        check_place(path)?;
        let fault = |error: std::io::Error| io_error(Side::Target, "cannot make", path, &error);
        let name = path
            .file_name()
            .ok_or_else(|| ConnectorError::new(ErrorKind::Target, format!("{} names no file", shown(path))))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".datakeep-{}", super::random_word().map_err(fault)?));
        let temporary = directory_of(path).join(hidden);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(fault)?;
        Ok(Self { path: path.to_owned(), temporary, is_published: false })
    }

    /// Opens the file for the first time: sets what must be set before anything is in it, and begins.
    pub fn open(&self, job: &RestoreJob) -> Result<Connection> {
        let connection = self.reopen()?;
        let number = |name| job::setting(&job.catalog, name).and_then(|value| value.parse::<i64>().ok());
        for (setting, pragma) in [
            ("page-size", "page_size"),
            ("auto-vacuum", "auto_vacuum"),
            ("application-id", "application_id"),
            ("user-version", "user_version"),
        ] {
            if let Some(value) = number(setting) {
                connection.execute_batch(&format!("PRAGMA main.{pragma}={value}"))?;
            }
            if setting == "page-size" {
                let encoding = job::setting(&job.catalog, "encoding").unwrap_or("UTF-8");
                connection.execute_batch(&format!("PRAGMA encoding={}", literal(encoding)))?;
            }
        }
        // Nobody else knows the file, and after a crash it is thrown away: nothing needs to be durable before the end.
        connection.execute_batch(
            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;
             PRAGMA ignore_check_constraints=ON; BEGIN IMMEDIATE;",
        )?;
        Ok(connection)
    }

    /// Where the file lies until it gets its name.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Opens the file as any program would.
    pub fn reopen(&self) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.temporary, flags)?;
        open::settle(&connection, Duration::ZERO)?;
        Ok(connection)
    }

    /// Makes the file durable and gives it its name, unless something has that name by now. No connection to it is open.
    pub fn publish(mut self) -> std::result::Result<(), ConnectorError> {
        let fault = |error: std::io::Error| io_error(Side::Target, "cannot complete", &self.path, &error);
        File::open(&self.temporary).and_then(|file| file.sync_all()).map_err(fault)?;
        check_place(&self.path)?;
        self.rename().map_err(|errno| match errno {
            Errno::EXIST => {
                let message = format!("{} has come to exist meanwhile and was left as it is", shown(&self.path));
                ConnectorError::new(ErrorKind::Target, message).with_hint("restore to another path")
            }
            errno => fault(errno.into()),
        })?;
        self.is_published = true;
        let directory = directory_of(&self.path);
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| io_error(Side::Target, "cannot make durable", directory, &error))
    }

    fn rename(&self) -> std::result::Result<(), Errno> {
        match rustix::fs::renameat_with(CWD, &self.temporary, CWD, &self.path, RenameFlags::NOREPLACE) {
            // A file system that cannot do this can link, which never replaces either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                rustix::fs::linkat(CWD, &self.temporary, CWD, &self.path, rustix::fs::AtFlags::empty())?;
                rustix::fs::unlink(&self.temporary)
            }
            outcome => outcome,
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.is_published {
            return;
        }
        // Nothing can be done about what cannot be removed; its name tells what it is.
        for suffix in SIDE_FILES {
            let _ = std::fs::remove_file(beside(&self.temporary, suffix));
        }
        let _ = std::fs::remove_file(&self.temporary);
    }
}
