//! A database opened for writing.

mod columns;
mod crew;
mod database;
mod encode;
mod fresh;
mod job;
mod load;
mod look;
mod losses;
mod make;
mod merge;
mod part;
mod pipe;
mod proof;
mod rename;
mod session;
mod verify;
mod work;

use crate::fault::{out_of_order, usage};
use crate::location::Location;
use crate::options::Settings;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, Hands, RestoreJob, Standing, TableSource, TableTarget};
use proof::Proof;
use std::sync::Arc;
use work::Work;

/// One database, written whole or in part.
///
/// A database that is not there is made under a name of its own, `datakeep_restore_` and a random word, and gets its own when all
/// is in it; one that stands is changed in one transaction. Rows are copied between what they need and what they would run into.
pub(crate) struct PostgresTarget {
    location: Location,
    settings: Settings,
    dry_run: bool,
    work: Option<Work>,
    is_complete: bool,
    losses: Vec<String>,
}

impl PostgresTarget {
    /// A target; nothing is connected yet.
    pub fn new(location: Location, settings: Settings, dry_run: bool) -> Result<Self, ConnectorError> {
        if location.database().is_none() {
            return Err(usage("the location names no database").with_hint("write postgres://USER@HOST/DATABASE"));
        }
        Ok(Self { location, settings, dry_run, work: None, is_complete: false, losses: Vec::new() })
    }

    fn work(&mut self) -> Result<&mut Work, ConnectorError> {
        self.work.as_mut().ok_or_else(|| out_of_order("begin was not called"))
    }

    /// What a dry run can find out without making anything.
    fn rehearse(&self, job: &RestoreJob) -> Result<(), ConnectorError> {
        let Some(connection) = session::open(&self.location, &self.settings)? else { return Ok(()) };
        work::check(&connection, job, false)?;
        if job.whole { Ok(()) } else { job::check_against(&connection, job) }
    }

    fn make_rest(&mut self) -> Result<(), ConnectorError> {
        if !self.is_complete {
            self.work()?.complete()?;
            self.is_complete = true;
        }
        Ok(())
    }
}

impl Drop for PostgresTarget {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            work.abandon();
        }
    }
}

impl TableTarget for PostgresTarget {
    fn look(&mut self) -> Result<Option<Vec<Standing>>, ConnectorError> {
        let Some(connection) = session::open(&self.location, &self.settings)? else { return Ok(None) };
        // Into an empty database a whole one can be restored as if none were there.
        match session::is_empty(&connection)? {
            true => Ok(None),
            false => look::standing(&connection).map(Some),
        }
    }

    fn begin(&mut self, job: &RestoreJob) -> Result<(), ConnectorError> {
        job::check(job)?;
        if self.dry_run {
            return self.rehearse(job);
        }
        self.work = Some(Work::begin(&self.location, &self.settings, job)?);
        Ok(())
    }

    fn hands(&mut self, most: usize) -> Result<Hands, ConnectorError> {
        if self.dry_run {
            return Ok(Hands::default());
        }
        self.work()?.hands(most)
    }

    fn begin_table(&mut self, number: usize) -> Result<(), ConnectorError> {
        if self.dry_run {
            return Ok(());
        }
        self.work()?.begin_table(number)
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), ConnectorError> {
        if self.dry_run {
            return Ok(());
        }
        let load = self.work()?.load.as_mut();
        load.ok_or_else(|| out_of_order("begin_table was not called"))?.write(rows)
    }

    fn end_table(&mut self) -> Result<(), ConnectorError> {
        if self.dry_run {
            return Ok(());
        }
        self.work()?.end_table()
    }

    fn complete(&mut self) -> Result<Option<Box<dyn TableSource>>, ConnectorError> {
        if self.dry_run {
            return Ok(None);
        }
        self.make_rest()?;
        let work = self.work()?;
        Ok(Some(Box::new(Proof::new(Arc::clone(work.connection()), &work.job, work.beside.clone())?)))
    }

    fn finish(&mut self) -> Result<Vec<String>, ConnectorError> {
        if self.dry_run {
            return Ok(Vec::new());
        }
        self.make_rest()?;
        let work = self.work.take().ok_or_else(|| out_of_order("begin was not called"))?;
        verify::publish(work, &self.location, &self.settings, &mut self.losses)
    }

    fn losses(&self) -> Vec<String> {
        self.losses.clone()
    }
}
