//! A database opened for reading.

pub(crate) mod catalog;
pub(crate) mod column;
mod mark;
pub(crate) mod order;
mod spool;
mod stream;

use crate::fault::{Side, out_of_order, shown, sqlite_error};
use crate::open;
use crate::options::{Check, SourceOptions};
use datakeep_connector::{Catalog, Clock, ConnectorError, RowStream, TableInfo, TableSource};
use datakeep_model::{ErrorKind, Mark, SourceInfo};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use stream::TableStream;

/// One database, read in one state.
///
/// In WAL mode that state is a read transaction on the database itself, which hinders no writer. In a rollback journal mode a
/// reader keeps writers from committing; so the database is copied first, in one step, and the copy is read.
pub(crate) struct SqliteSource {
    path: PathBuf,
    info: SourceInfo,
    options: SourceOptions,
    clock: Arc<dyn Clock>,
    /// Before `begin` the database; after it whatever holds the state that is read.
    connection: Connection,
    is_wal: bool,
    /// True when nobody else knows the file: then it is read as it is, whatever its journal mode.
    is_private: bool,
    has_begun: bool,
}

impl SqliteSource {
    /// Opens the database for reading; nothing is read yet.
    pub fn open(
        path: PathBuf,
        info: SourceInfo,
        options: SourceOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectorError> {
        let connection = open::read_only(Side::Source, &path, options.patience)?;
        Ok(Self { path, info, options, clock, connection, is_wal: false, is_private: false, has_begun: false })
    }

    /// Opens a file that nobody else knows.
    pub fn private(path: PathBuf) -> Result<Self, ConnectorError> {
        let info = SourceInfo {
            kind: "sqlite".to_owned(),
            name: "restored".to_owned(),
            location: format!("sqlite:{}", path.to_string_lossy()),
            host: String::new(),
        };
        let options = crate::options::read_source(&datakeep_connector::Options::new())?;
        let source = Self::open(path, info, options, Arc::new(datakeep_connector::SystemClock))?;
        Ok(Self { is_private: true, ..source })
    }

    fn fault(&self, what: &str) -> impl Fn(rusqlite::Error) -> ConnectorError {
        |error| sqlite_error(Side::Source, what, &self.path, &error)
    }

    fn check_begun(&self) -> Result<(), ConnectorError> {
        if !self.has_begun {
            return Err(out_of_order("begin was not called"));
        }
        if self.connection.is_autocommit() {
            let message = format!("cannot go on reading {}: the transaction that is read has ended", shown(&self.path));
            return Err(ConnectorError::new(ErrorKind::Source, message).with_hint("run it again"));
        }
        Ok(())
    }

    fn run_check(&self, pragma: &str) -> Result<(), ConnectorError> {
        let told: String = open::text(&self.connection, pragma).map_err(self.fault("cannot check"))?;
        if told == "ok" {
            return Ok(());
        }
        let told = datakeep_model::escape_for_terminal(told.as_bytes());
        let message = format!("{} is damaged: {pragma} says: {told}", shown(&self.path));
        Err(ConnectorError::new(ErrorKind::Source, message)
            .with_hint("`sqlite3 FILE .recover` saves what can be saved; a damaged index is made anew with REINDEX"))
    }
}

/// Makes a collation known, in whatever order.
fn stand_in(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    connection.create_collation(name, |a: &str, b: &str| a.cmp(b))
}

/// Starts the transaction and takes its snapshot, which SQLite does at the first read.
fn begin_reading(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    open::number(connection, "schema_version").map(drop)
}

impl TableSource for SqliteSource {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        if self.has_begun {
            return Err(out_of_order("begin was called twice"));
        }
        let now = self.clock.now();
        open::text(&self.connection, "journal_mode").map_err(self.fault("cannot read"))?;
        let before = mark::log_position(&self.path);
        begin_reading(&self.connection).map_err(self.fault("cannot read"))?;
        self.is_wal = open::text(&self.connection, "journal_mode").map_err(self.fault("cannot read"))? == "wal";
        let position = mark::position(&self.path, &self.connection, before.filter(|_| self.is_wal))
            .map_err(self.fault("cannot read"))?;
        if !self.is_wal && !self.is_private {
            let copy = spool::copy(&self.connection, &self.path, &self.options.spool)?;
            // The database is given back to its writers: from here on only the copy is read.
            self.connection = copy;
            begin_reading(&self.connection).map_err(self.fault("cannot read the copy of"))?;
        }
        self.has_begun = true;
        Ok(Mark::Position(now, position))
    }

    fn catalog(&mut self) -> Result<Catalog, ConnectorError> {
        self.check_begun()?;
        if self.options.check == Check::None {
            // Nothing is read in the order of a collation: one that only the application has is not needed. Only where
            // SQLite is to check the order of indexes it must not be told another.
            self.connection.collation_needed(stand_in).map_err(self.fault("cannot read"))?;
        }
        let read = catalog::read(&self.connection, self.is_wal);
        read.map_err(|catalog::Unreadable(what, error)| sqlite_error(Side::Source, &what, &self.path, &error))
    }

    fn rows<'s>(&'s mut self, table: &TableInfo) -> Result<Box<dyn RowStream + 's>, ConnectorError> {
        self.check_begun()?;
        order::register(&self.connection).map_err(self.fault("cannot read"))?;
        Ok(Box::new(TableStream::start(&self.connection, &self.path, table)?))
    }

    fn complete(&mut self) -> Result<(), ConnectorError> {
        self.check_begun()?;
        match self.options.check {
            Check::None => {}
            Check::Quick => self.run_check("quick_check")?,
            Check::Full => self.run_check("integrity_check")?,
        }
        self.connection.execute_batch("COMMIT").map_err(self.fault("cannot finish reading"))
    }
}
