//! A database opened for writing.

mod file;
mod insert;
mod job;
mod make;
mod stand_in;
mod verify;

use crate::fault::{Side, io_error, out_of_order, shown, sqlite_error};
use crate::source::catalog;
use crate::{open, sql};
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, RestoreJob, Standing, TableAction, TableTarget};
use datakeep_model::ErrorKind;
use file::NewFile;
use rusqlite::{Connection, OpenFlags};
use stand_in::StandIns;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A word that nobody else has, for names of temporary files.
pub(crate) fn random_word() -> std::io::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

/// The error of a statement on the target at `path`.
pub(crate) fn target_error<'a>(what: &'a str, path: &'a Path) -> impl Fn(rusqlite::Error) -> ConnectorError + 'a {
    move |error| sqlite_error(Side::Target, what, path, &error)
}

/// A database that is made beside the place where it will stand, or that stands and is changed in one transaction.
///
/// A new file is made private to its owner (mode 0600), checked by SQLite, and given its name only if nothing has that name by
/// then.
pub(crate) struct SqliteTarget {
    path: PathBuf,
    patience: Duration,
    dry_run: bool,
    work: Option<Work>,
}

/// What has been begun. The connection stands first: it is closed before a file is removed.
struct Work {
    connection: Connection,
    /// `None`: a database that stands there is changed.
    file: Option<NewFile>,
    job: RestoreJob,
    /// Number of the table whose rows are written, and what writes one.
    current: Option<(usize, insert::Writing)>,
    /// Rows of SQLite's own tables, which are written last.
    held: Vec<(usize, RowBatch)>,
    told: Vec<String>,
}

impl SqliteTarget {
    /// Opens nothing yet.
    pub fn new(path: PathBuf, patience: Duration, dry_run: bool) -> Self {
        Self { path, patience, dry_run, work: None }
    }

    fn stands(&self) -> Result<bool, ConnectorError> {
        match std::fs::symlink_metadata(&self.path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io_error(Side::Target, "cannot look at", &self.path, &error)),
        }
    }

    fn work(&mut self) -> Result<&mut Work, ConnectorError> {
        self.work.as_mut().ok_or_else(|| out_of_order("begin was not called"))
    }

    /// The database that stands there, locked against other writers.
    fn open_standing(&self) -> Result<Connection, ConnectorError> {
        open::check_file(Side::Target, &self.path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&self.path, flags).and_then(|connection| {
            open::settle(&connection, self.patience)?;
            connection
                .execute_batch("PRAGMA synchronous=FULL; PRAGMA ignore_check_constraints=ON; BEGIN IMMEDIATE;")?;
            Ok(connection)
        });
        opened.map_err(target_error("cannot write to", &self.path))
    }

    fn open_work(&self, job: &RestoreJob) -> Result<(Connection, Option<NewFile>), ConnectorError> {
        if !self.stands()? {
            let file = NewFile::make(&self.path)?;
            let connection = file.open(job).map_err(target_error("cannot make", &self.path))?;
            return Ok((connection, Some(file)));
        }
        if job.whole {
            let message = format!("{} exists: a whole database is not restored over another", shown(&self.path));
            return Err(ConnectorError::new(ErrorKind::Target, message)
                .with_hint("restore to another path, or name the tables to be put into it"));
        }
        Ok((self.open_standing()?, None))
    }

    /// What a dry run can find out without making or locking anything.
    fn rehearse(&self, job: &RestoreJob) -> Result<(), ConnectorError> {
        if !self.stands()? {
            return file::check_place(&self.path);
        }
        if job.whole {
            return self.open_work(job).map(drop);
        }
        let connection = open::read_only(Side::Target, &self.path, self.patience)?;
        job::check_against(&connection, &self.path, job)
    }
}

impl TableTarget for SqliteTarget {
    fn look(&mut self) -> Result<Option<Vec<Standing>>, ConnectorError> {
        if !self.stands()? {
            return Ok(None);
        }
        let connection = open::read_only(Side::Target, &self.path, self.patience)?;
        job::standing(&connection).map(Some).map_err(target_error("cannot read", &self.path))
    }

    fn begin(&mut self, job: &RestoreJob) -> Result<(), ConnectorError> {
        job::check(job)?;
        if self.dry_run {
            return self.rehearse(job);
        }
        let (connection, file) = self.open_work(job)?;
        job::check_against(&connection, &self.path, job)?;
        let mut stand_ins = StandIns::new(file.is_some());
        for table in &job.tables {
            make::table(&connection, &self.path, table, &mut stand_ins)?;
        }
        stand_ins.end(&connection).map_err(target_error("cannot prepare", &self.path))?;
        let (job, current, held, told) = (job.clone(), None, Vec::new(), stand_ins.told());
        self.work = Some(Work { connection, file, job, current, held, told });
        Ok(())
    }

    fn begin_table(&mut self, number: usize) -> Result<(), ConnectorError> {
        if self.dry_run {
            return Ok(());
        }
        let path = self.path.clone();
        let work = self.work()?;
        let table = work.job.tables.get(number).ok_or_else(|| out_of_order("no such table in the job"))?;
        let statement = match table.action {
            TableAction::Merge => {
                let standing = catalog::read_table(&work.connection, &table.into.table, String::new())
                    .map_err(target_error("cannot read", &path))?;
                insert::merging(table, &standing)
            }
            TableAction::Create | TableAction::Replace => insert::adding(table),
        };
        work.current = Some((number, statement));
        Ok(())
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), ConnectorError> {
        if self.dry_run {
            return Ok(());
        }
        let path = self.path.clone();
        let work = self.work()?;
        let (number, statement) = work.current.as_ref().ok_or_else(|| out_of_order("begin_table was not called"))?;
        let table = &work.job.tables[*number];
        if job::is_own(&table.table.name.table) {
            work.held.push((*number, rows.clone()));
            return Ok(());
        }
        insert::write(&work.connection, &path, &table.into, statement, rows)
    }

    fn end_table(&mut self) -> Result<(), ConnectorError> {
        if !self.dry_run {
            self.work()?.current.take().ok_or_else(|| out_of_order("begin_table was not called"))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<String>, ConnectorError> {
        if self.dry_run {
            return Ok(Vec::new());
        }
        let mut work = self.work.take().ok_or_else(|| out_of_order("begin was not called"))?;
        match work.file.take() {
            Some(file) => finish_new(work, file, &self.path),
            None => finish_standing(work, &self.path),
        }
    }
}

/// Completes, checks and publishes a new file.
fn finish_new(mut work: Work, file: NewFile, path: &Path) -> Result<Vec<String>, ConnectorError> {
    let fault = target_error("cannot complete", path);
    make::objects(&mut work, path)?;
    make::own_tables(&work.connection, path, &work.job, &work.held)?;
    make::exact_statements(&work.connection, &work.job).map_err(&fault)?;
    work.connection.execute_batch("COMMIT").map_err(&fault)?;
    // Entries written into the schema are known to the next connection.
    work.connection.close().map_err(|(_, error)| fault(error))?;
    let connection = file.reopen().map_err(&fault)?;
    let mut told = work.told;
    told.extend(verify::whole(&connection, path)?);
    if job::setting(&work.job.catalog, "journal-mode") == Some("wal") {
        connection.execute_batch("PRAGMA journal_mode=WAL").map_err(&fault)?;
    }
    connection.close().map_err(|(_, error)| fault(error))?;
    file.publish()?;
    Ok(told)
}

/// Completes, checks and commits the changes of a database that stands.
fn finish_standing(mut work: Work, path: &Path) -> Result<Vec<String>, ConnectorError> {
    make::objects_of_tables(&mut work, path)?;
    let mut told = std::mem::take(&mut work.told);
    for table in &work.job.tables {
        told.push(verify::table(&work.connection, path, &table.into.table)?);
    }
    work.connection.execute_batch("COMMIT").map_err(target_error("cannot complete the changes of", path))?;
    work.connection.close().map_err(|(_, error)| target_error("cannot close", path)(error))?;
    Ok(told)
}

/// The name of a table as a statement has it.
fn qualified(table: &str) -> String {
    format!("main.{}", sql::quoted(table))
}
