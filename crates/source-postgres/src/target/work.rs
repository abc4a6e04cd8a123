//! A restore that has been begun.

use super::load::Load;
use super::make::Maker;
use super::part;
use super::session::{self, NewDatabase, named_database};
use super::{columns, job};
use crate::connect::Connection;
use crate::location::Location;
use crate::options::Settings;
use crate::schema::kind::OWNER;
use crate::schema::state::divided;
use datakeep_connector::{ConnectorError, RestoreJob, SchemaObject, TableAction};
use datakeep_model::ErrorKind;
use std::sync::Arc;

/// What has been begun. Sessions stand before the database that cannot be removed while they last.
pub(crate) struct Work {
    pub load: Option<Load>,
    pub maker: Maker,
    pub job: RestoreJob,
    /// What is made when all rows are in.
    after: Vec<SchemaObject>,
    /// What is said of the database as a whole.
    of_database: Vec<SchemaObject>,
    pub rows: u64,
    /// `None`: a database that stands is changed.
    pub database: Option<NewDatabase>,
}

impl Work {
    /// Opens the database, or makes one, and makes all that rows need.
    pub fn begin(location: &Location, settings: &Settings, job: &RestoreJob) -> Result<Self, ConnectorError> {
        let (connection, database) = match session::open(location, settings)? {
            Some(connection) => (connection, None),
            None => {
                let database = NewDatabase::make(location, settings, &job.catalog)?;
                let connection = session::open(&database.location(), settings)?;
                let gone = || ConnectorError::new(ErrorKind::Target, "the database that was made is gone");
                (connection.ok_or_else(gone)?, Some(database))
            }
        };
        check(&connection, job, database.is_some())?;
        session::begin(&connection)?;
        if database.is_none() {
            job::check_against(&connection, job)?;
        }
        let maker = Maker::new(connection)?;
        let (after, of_database) = (Vec::new(), Vec::new());
        let mut work = Self { load: None, maker, job: job.clone(), after, of_database, rows: 0, database };
        if job.whole {
            work.make_whole()?
        } else {
            work.make_parts()?
        }
        Ok(work)
    }

    pub fn connection(&self) -> &Arc<Connection> {
        &self.maker.connection
    }

    fn make_whole(&mut self) -> Result<(), ConnectorError> {
        let mut objects = self.job.catalog.objects.clone();
        let at = objects.iter().position(|object| object.kind == "DATABASE").unwrap_or(objects.len());
        self.of_database = objects.split_off(at);
        let (before, after) = divided(objects);
        self.after = after;
        before.iter().try_for_each(|object| self.maker.make(object))
    }

    fn make_parts(&mut self) -> Result<(), ConnectorError> {
        let job = self.job.clone();
        let mut back = Vec::new();
        for table in job.tables.iter().filter(|table| table.action != TableAction::Merge) {
            let referring = part::make_room(self.connection(), table)?;
            back.extend(referring);
        }
        for table in &job.tables {
            if table.action == TableAction::Merge {
                self.after.extend(part::sequences_at_least(&job.catalog, table));
                continue;
            }
            let part = part::of(self.connection(), &job.catalog, table)?;
            part.before.iter().try_for_each(|object| self.maker.make(object))?;
            self.after.extend(part.after);
        }
        // Keys before what refers to them, whichever table they are of.
        let (references, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.after).into_iter().partition(|object| object.kind == "FK CONSTRAINT");
        self.after = others;
        self.after.extend(references);
        self.after.extend(back);
        Ok(())
    }

    /// The rows of this table follow.
    pub fn begin_table(&mut self, number: usize) -> Result<(), ConnectorError> {
        let Some(table) = self.job.tables.get(number) else {
            return Err(crate::fault::out_of_order("no such table in the job"));
        };
        let standing = columns::read(self.connection(), &table.into)?;
        self.load = Some(Load::begin(self.connection(), table, &standing)?);
        Ok(())
    }

    /// Makes all the rest.
    pub fn complete(&mut self) -> Result<(), ConnectorError> {
        for object in std::mem::take(&mut self.after) {
            self.maker.make(&object)?;
        }
        self.say_of_database()?;
        // Plans are bad until the server knows what it holds; it is no loss where it may not look.
        let analyze: Vec<_> = match self.job.whole {
            true => vec!["ANALYZE".to_owned()],
            false => self.job.tables.iter().map(|table| analyze(&table.into)).collect(),
        };
        for sql in analyze {
            let _ = self.maker.try_in_part(&sql)?;
        }
        Ok(())
    }

    /// What is said of the captured database is said of this one, whatever its name.
    fn say_of_database(&mut self) -> Result<(), ConnectorError> {
        let name = match &self.database {
            Some(database) => database.name().to_owned(),
            None => self.connection().value("cannot ask the name of", "SELECT current_database()")?,
        };
        let is_new = self.database.is_some();
        for mut object in std::mem::take(&mut self.of_database) {
            object.sql = named_database(&object.sql, &name);
            match object.kind.as_str() {
                "DATABASE" => {}
                // A database that was there is whose it was.
                OWNER if !is_new => {}
                OWNER => self.maker.make(&object)?,
                _ => self.maker.each_statement(&object)?,
            }
        }
        Ok(())
    }

    /// Sentences on what was made.
    pub fn verified(&self) -> Vec<String> {
        let tables = self.job.tables.len();
        let mut told = vec![format!("the server took {} rows of {tables} tables, and says so of each", self.rows)];
        told.extend(self.maker.told.iter().cloned());
        told
    }
}

fn analyze(name: &datakeep_connector::TableName) -> String {
    format!("ANALYZE {}", crate::sql::qualified(&name.schema, &name.table))
}

/// Refuses what can be seen to fail before anything is made.
pub(crate) fn check(connection: &Connection, job: &RestoreJob, is_new: bool) -> Result<(), ConnectorError> {
    if !job.whole {
        return Ok(());
    }
    if !is_new && !session::is_empty(connection)? {
        let message =
            format!("{} holds something already: a whole database is not restored over another", connection.place());
        return Err(ConnectorError::new(ErrorKind::Target, message)
            .with_hint("restore to another name, or name the tables to be put into it"));
    }
    let missing = session::missing_extensions(connection, &job.catalog)?;
    if missing.is_empty() {
        return Ok(());
    }
    let names = datakeep_model::escape_for_terminal(missing.join(", ").as_bytes());
    let message =
        format!("the database needs extensions that the server of {} has not got: {names}", connection.place());
    Err(ConnectorError::new(ErrorKind::Target, message)
        .with_hint("install their packages on the server, or restore the tables that need none of them"))
}
