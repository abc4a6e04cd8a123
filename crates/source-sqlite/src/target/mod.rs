//! A database opened for writing.

mod file;
mod finish;
mod insert;
mod job;
mod make;
mod merge;
mod stand_in;
mod verify;
mod work;

use crate::fault::{Side, io_error, out_of_order, shown, sqlite_error};
use crate::source::SqliteSource;
use crate::{open, sql};
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, RestoreJob, Standing, TableSource, TableTarget};
use datakeep_model::ErrorKind;
use file::NewFile;
use finish::Complete;
use rusqlite::{Connection, OpenFlags};
use stand_in::StandIns;
pub(crate) use stand_in::is_of_application;
use std::path::{Path, PathBuf};
use std::time::Duration;
use work::{Way, Work};

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
    /// A new file that is complete and may be looked at before it gets its name.
    complete: Option<Complete>,
    /// What could not be restored, one sentence each.
    losses: Vec<String>,
    /// Numbers of the tables that were left out.
    left_out: Vec<usize>,
}

impl SqliteTarget {
    /// Opens nothing yet.
    pub fn new(path: PathBuf, patience: Duration, dry_run: bool) -> Self {
        Self { path, patience, dry_run, work: None, complete: None, losses: Vec::new(), left_out: Vec::new() }
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
        let dangling_before = if file.is_none() { verify::dangling(&connection).ok() } else { None };
        let mut work = Work {
            stand_ins: StandIns::new(file.is_some()),
            connection,
            file,
            job: job.clone(),
            current: None,
            held: Vec::new(),
            untyped: Vec::new(),
            dangling_before,
            sequences: Vec::new(),
            left_out: Vec::new(),
            told: Vec::new(),
            losses: Vec::new(),
        };
        work.make_tables(&self.path)?;
        work.stand_ins.end_collations(&work.connection).map_err(target_error("cannot prepare", &self.path))?;
        self.work = Some(work);
        Ok(())
    }

    fn begin_table(&mut self, number: usize) -> Result<(), ConnectorError> {
        if self.dry_run {
            return Ok(());
        }
        let path = self.path.clone();
        let work = self.work()?;
        if number >= work.job.tables.len() {
            return Err(out_of_order("no such table in the job"));
        }
        let way = work.way(number).map_err(target_error("cannot write to", &path))?;
        work.current = Some((number, way));
        Ok(())
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), ConnectorError> {
        if self.dry_run {
            return Ok(());
        }
        let path = self.path.clone();
        let work = self.work()?;
        let (number, mut way) = work.current.take().ok_or_else(|| out_of_order("begin_table was not called"))?;
        let outcome = match &mut way {
            Way::Nowhere => Ok(()),
            Way::Merging(merging) => merging.write(&work.connection, &path, rows),
            Way::Adding(..) if job::is_own(&work.job.tables[number].table.name.table) => {
                work.held.push((number, rows.clone()));
                Ok(())
            }
            Way::Adding(writing, affinities) => work.add((number, writing, affinities), &path, rows),
        };
        match outcome {
            // A column that its application computes and SQLite keeps.
            Err(error) if work.job.whole && is_of_application(&error.message) => {
                let name = &work.job.tables[number].into.table;
                make::remove(&work.connection, name).map_err(target_error("cannot write to", &path))?;
                work.untyped.retain(|(untyped, _)| untyped != name);
                work.leave_out(number, &error);
                way = Way::Nowhere;
            }
            outcome => outcome?,
        }
        work.current = Some((number, way));
        Ok(())
    }

    fn end_table(&mut self) -> Result<(), ConnectorError> {
        if self.dry_run {
            return Ok(());
        }
        let path = self.path.clone();
        let work = self.work()?;
        match work.current.take() {
            Some((_, Way::Merging(merging))) => merging.end(&work.connection, &path),
            Some(_) => Ok(()),
            None => Err(out_of_order("begin_table was not called")),
        }
    }

    fn complete(&mut self) -> Result<Option<Box<dyn TableSource>>, ConnectorError> {
        let Some(mut work) = self.work.take_if(|work| work.file.is_some()) else { return Ok(None) };
        let Some(file) = work.file.take() else { return Ok(None) };
        self.left_out.clone_from(&work.left_out);
        let complete = Complete::of(work, file, &self.path, &mut self.losses)?;
        let source = SqliteSource::private(complete.place().to_owned())?;
        self.complete = Some(complete);
        Ok(Some(Box::new(source)))
    }

    fn finish(&mut self) -> Result<Vec<String>, ConnectorError> {
        if self.dry_run {
            return Ok(Vec::new());
        }
        if self.complete.is_none() {
            drop(self.complete()?);
        }
        if let Some(complete) = self.complete.take() {
            return complete.publish(&self.path);
        }
        let work = self.work.take().ok_or_else(|| out_of_order("begin was not called"))?;
        finish::standing(work, &self.path, &mut self.losses)
    }

    fn losses(&self) -> Vec<String> {
        self.losses.clone()
    }

    fn left_out(&self) -> Vec<usize> {
        self.left_out.clone()
    }
}

/// The name of a table as a statement has it.
fn qualified(table: &str) -> String {
    format!("main.{}", sql::quoted(table))
}
