//! One kind of system.

use crate::error::ConnectorError;
use crate::source::Source;
use crate::tables::{TableSource, TableTarget};
use crate::target::Target;
use datakeep_model::ErrorKind;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a connector can do, as plain data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capability {
    /// Can be read.
    pub source: bool,
    /// Can be written.
    pub target: bool,
    /// Unchanged items are recognised without reading them.
    pub incremental: bool,
    /// Changes since a mark can be followed.
    pub log: bool,
    /// Content can be read from any offset.
    pub seekable: bool,
    /// What it reads and writes is tables: it is opened by [`Connector::open_tables`] and [`Connector::open_table_target`].
    pub tables: bool,
}

/// Settings of one opening: name to values, as configuration and command line give them. Unknown names are errors.
pub type Options = BTreeMap<String, Vec<String>>;

/// One of the databases of a server, or what belongs to none of them, as a source of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its name, of which the name of a source can be made.
    pub name: String,
    /// Its location, without a secret.
    pub location: String,
    /// The options it is opened with.
    pub options: Options,
}

/// A statement of a script, with why it stands there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// For people, on one line; empty where the statement explains itself.
    pub comment: String,
    /// The statement, without its end; empty for a comment that stands alone.
    pub sql: String,
}

/// What a script that makes a role is to be like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Role<'a> {
    /// The role's name.
    pub name: &'a str,
    /// Rights on each schema and nothing else, where one right on everything would do.
    pub is_narrow: bool,
}

/// A right that is missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MissingRight {
    /// The right and what it is on: `SELECT on table app.orders`.
    pub what: String,
    /// The statement that gives it.
    pub remedy: String,
    /// False where a backup is made without it, and lacks something.
    pub is_needed: bool,
}

/// Describes one kind of system and opens it. Registered by the binary in one list.
pub trait Connector: Send + Sync {
    /// Short stable word (`files`, `stream`).
    fn kind(&self) -> &'static str;

    /// What it can do.
    fn capability(&self) -> Capability;

    /// True when a location as the user wrote it is this connector's (`/srv`, `file:/srv`, `-`).
    fn accepts(&self, location: &str) -> bool;

    /// True when a location holds a secret: as an argument everybody on the machine could read it.
    fn holds_secret(&self, location: &str) -> bool {
        let _ = location;
        false
    }

    /// Variables of the environment by which programs for this kind of system are told how to connect, and the options they stand
    /// for where those are not given. Later ones count where earlier ones are not set.
    fn surroundings(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Opens places to be read as one source.
    fn open_source(&self, locations: &[String], options: &Options) -> Result<Box<dyn Source>, ConnectorError>;

    /// Opens a place to be written. With `dry_run` nothing is created.
    fn open_target(&self, location: &str, options: &Options, dry_run: bool) -> Result<Box<dyn Target>, ConnectorError>;

    /// Opens a database to be read as tables.
    fn open_tables(&self, location: &str, options: &Options) -> Result<Box<dyn TableSource>, ConnectorError> {
        let _ = options;
        Err(no_tables(self.kind(), location))
    }

    /// The databases of the server at a location, where the options ask for all of them; `None` where they ask for one.
    fn parts(&self, location: &str, options: &Options) -> Result<Option<Vec<Part>>, ConnectorError> {
        let _ = (location, options);
        Ok(None)
    }

    /// The statements that make a role which may read the database at a location and change nothing.
    fn grants(&self, location: &str, options: &Options, role: &Role<'_>) -> Result<Vec<Statement>, ConnectorError> {
        let _ = (options, role);
        Err(no_roles(self.kind(), location))
    }

    /// The role that the location and the options connect as, and the rights it lacks to read the database.
    fn missing_rights(&self, location: &str, options: &Options) -> Result<(String, Vec<MissingRight>), ConnectorError> {
        let _ = options;
        Err(no_roles(self.kind(), location))
    }

    /// Asks a database one question: runs a single statement that changes nothing, for at most `patience`, and gives the one value
    /// of its one row as text; `None` where that is null. Statements that are several, would write, or answer with more or
    /// less than one value are errors, and so is one that takes longer.
    fn ask(
        &self,
        location: &str,
        options: &Options,
        sql: &str,
        patience: Duration,
    ) -> Result<Option<String>, ConnectorError> {
        let _ = (options, sql, patience);
        Err(no_tables(self.kind(), location))
    }

    /// Opens a database to be written. With `dry_run` nothing is created.
    fn open_table_target(
        &self,
        location: &str,
        options: &Options,
        dry_run: bool,
    ) -> Result<Box<dyn TableTarget>, ConnectorError> {
        let _ = (options, dry_run);
        Err(no_tables(self.kind(), location))
    }
}

fn no_tables(kind: &str, location: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Usage, format!("{location}: a location of the kind `{kind}` holds no tables"))
}

fn no_roles(kind: &str, location: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Usage, format!("{location}: a location of the kind `{kind}` knows no roles"))
        .with_hint("whoever may read what is there may back it up")
}
