//! A restore that has been begun.

use super::crew::Crew;
use super::database::{NewDatabase, named_database};
use super::fresh::{Fresh, Hand, analyze, is_plain};
use super::load::Load;
use super::make::Maker;
use super::part;
use super::session::{self, Beside};
use super::{columns, job};
use crate::connect::Connection;
use crate::extension;
use crate::location::Location;
use crate::options::Settings;
use crate::schema::kind::OWNER;
use crate::schema::state::divided;
use datakeep_connector::{ConnectorError, Hands, RestoreJob, SchemaObject, TableAction, TableHand};
use datakeep_model::ErrorKind;
use std::sync::Arc;

/// Objects that are made in one transaction where several are allowed.
const AT_ONCE: usize = 100;
const WRITING: &str = "cannot write to";

/// What has been begun. Sessions stand before the database that cannot be removed while they last.
pub(crate) struct Work {
    pub load: Option<Load>,
    /// Others that work beside, where a new database is made whole.
    crew: Option<Crew>,
    /// What those share who write rows, where several do.
    fresh: Option<Arc<Fresh>>,
    /// Where several work: how to open sessions beside this one.
    pub beside: Option<Beside>,
    pub maker: Maker,
    pub job: Arc<RestoreJob>,
    /// What is made when all rows are in.
    after: Vec<SchemaObject>,
    /// What is said of the database as a whole.
    of_database: Vec<SchemaObject>,
    pub rows: u64,
    /// Number of the table whose rows are written.
    loading: usize,
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
        let begun = Self::begin_on(Arc::clone(&connection), settings, job, database);
        if begun.is_err() {
            roll_back(&connection);
        }
        begun
    }

    fn begin_on(
        connection: Arc<Connection>,
        settings: &Settings,
        job: &RestoreJob,
        database: Option<NewDatabase>,
    ) -> Result<Self, ConnectorError> {
        session::begin(&connection)?;
        // Of what stands in an empty database, the server or an extension made everything.
        if database.is_none() && !job.whole {
            job::check_against(&connection, job)?;
        }
        let mut maker = Maker::new(connection)?;
        maker.settings.clone_from(&job.catalog.settings);
        let (after, of_database) = (Vec::new(), Vec::new());
        let mut work = Self {
            load: None,
            crew: None,
            fresh: None,
            beside: None,
            maker,
            job: Arc::new(job.clone()),
            after,
            of_database,
            rows: 0,
            loading: 0,
            database,
        };
        if work.job.whole {
            work.make_whole()?;
            work.share(settings)?;
            if let Some(database) = &work.database {
                work.maker.told.extend(database.left_behind()?);
            }
        } else {
            work.make_parts()?;
        }
        Ok(work)
    }

    /// Takes back what was not committed, before anyone else looks.
    pub fn abandon(mut self) {
        drop(self.load.take());
        roll_back(&self.maker.connection);
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
        self.make_all(&before)
    }

    /// Makes objects. Each of them takes locks, of which a transaction cannot have any number: where nobody sees what is made, it is
    /// committed from time to time.
    fn make_all(&mut self, objects: &[SchemaObject]) -> Result<(), ConnectorError> {
        for some in objects.chunks(AT_ONCE) {
            some.iter().try_for_each(|object| self.maker.make(object))?;
            if let Some(database) = &mut self.database {
                self.maker.connection.run(WRITING, "COMMIT; BEGIN")?;
                database.roles.clone_from(&self.maker.made_roles);
            }
        }
        Ok(())
    }

    /// What nobody else sees may be made by several: what was made so far is committed.
    fn share(&mut self, settings: &Settings) -> Result<(), ConnectorError> {
        let Some(database) = &self.database else { return Ok(()) };
        self.maker.connection.run(WRITING, "COMMIT")?;
        session::widen(&self.maker.connection)?;
        let beside = Beside { location: database.location(), settings: settings.clone() };
        let crew = Crew::open(&beside)?;
        self.fresh = Some(Arc::new(Fresh::new(&crew, std::mem::take(&mut self.after))));
        (self.crew, self.beside) = (Some(crew), Some(beside));
        Ok(())
    }

    /// Sessions that write tables beside this one; none where all is one transaction.
    pub fn hands(&self, most: usize) -> Result<Hands, ConnectorError> {
        let (Some(beside), Some(fresh)) = (&self.beside, &self.fresh) else { return Ok(Hands::default()) };
        let plain = |(number, table)| is_plain(table).then_some(number);
        let tables: Vec<usize> = self.job.tables.iter().enumerate().filter_map(plain).collect();
        let mut hands: Vec<Box<dyn TableHand>> = Vec::new();
        for _ in 0..most.min(tables.len()) {
            // Where the server takes no more sessions, those that it took do the work, or this one alone.
            let Ok(connection) = beside.open() else { break };
            hands.push(Box::new(Hand::new(connection, Arc::clone(&self.job), Arc::clone(fresh))));
        }
        Ok(Hands { hands, tables })
    }

    fn make_parts(&mut self) -> Result<(), ConnectorError> {
        let job = Arc::clone(&self.job);
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
        let rests = extension::added(&table.table).is_some() && self.job.whole;
        self.load = Some(match &self.fresh {
            Some(fresh) => {
                let load = fresh.begin(self.connection(), table)?;
                if rests {
                    self.maker.rest_triggers("replica")?;
                }
                load
            }
            None => {
                if rests {
                    self.maker.rest_triggers("replica")?;
                }
                let standing = columns::read(self.connection(), &table.into)?;
                Load::begin(self.connection(), table, &standing)?
            }
        });
        self.loading = number;
        Ok(())
    }

    /// All rows of the table are given.
    pub fn end_table(&mut self) -> Result<(), ConnectorError> {
        let load = self.load.take().ok_or_else(|| crate::fault::out_of_order("begin_table was not called"))?;
        let rows = load.end()?;
        let table = &self.job.tables[self.loading];
        if self.job.whole && extension::added(&table.table).is_some() {
            self.maker.rest_triggers("origin")?;
        }
        match &self.fresh {
            Some(fresh) => fresh.end(self.connection(), &table.into, rows)?,
            None => self.rows += rows,
        }
        Ok(())
    }

    /// Makes all the rest.
    pub fn complete(&mut self) -> Result<(), ConnectorError> {
        match self.crew.take() {
            Some(crew) => self.complete_shared(crew),
            None => self.complete_alone(),
        }
    }

    /// What others cannot make beside each other is made here, and foreign keys by them all.
    fn complete_shared(&mut self, crew: Crew) -> Result<(), ConnectorError> {
        let is_reference = |object: &SchemaObject| object.kind == "FK CONSTRAINT";
        let (mut keys, rows) = self.fresh.take().map(|fresh| fresh.take_rest()).unwrap_or_default();
        self.rows += rows;
        let first = keys.iter().position(is_reference).unwrap_or(keys.len());
        let (references, rest): (Vec<_>, Vec<_>) = keys.split_off(first).into_iter().partition(is_reference);
        crew.wait()?;
        self.connection().run(WRITING, "BEGIN")?;
        self.make_all(&keys)?;
        self.connection().run(WRITING, "COMMIT")?;
        crew.give(references);
        for (losses, told) in crew.end()? {
            self.maker.losses.extend(losses);
            self.maker.told.extend(told);
        }
        self.connection().run(WRITING, "BEGIN")?;
        self.make_all(&rest)?;
        self.say_of_database()?;
        self.connection().run(WRITING, "COMMIT")
    }

    fn complete_alone(&mut self) -> Result<(), ConnectorError> {
        let after = std::mem::take(&mut self.after);
        after.iter().try_for_each(|object| self.maker.make(object))?;
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

/// Ends a transaction now, and not when the server has noticed that nobody is there.
pub(crate) fn roll_back(connection: &Connection) {
    // A session that is cut has no transaction.
    let _ = connection.try_run("ROLLBACK");
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
