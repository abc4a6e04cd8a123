//! PostgreSQL as a connector: what it accepts, and the source and target it opens.

use crate::fault::usage;
use crate::grants;
use crate::location::{Location, is_location};
use crate::options::{self, Databases, Settings};
use crate::passfile;
use crate::question;
use crate::server::{self, Globals};
use crate::source::{Asked, PostgresSource};
use crate::target::PostgresTarget;
use datakeep_connector::{
    Capability, Clock, Connector, ConnectorError, MissingRight, Options, Part, Role, Source, Statement, SystemClock,
    TableSource, TableTarget, Target,
};
use datakeep_model::SourceInfo;
use std::sync::Arc;
use std::time::Duration;

/// Databases of PostgreSQL: locations `postgres://USER@HOST:PORT/DATABASE` and `postgres:host=HOST dbname=DATABASE`.
///
/// Options of a source: `name`, `host`; `include-schema`, `exclude-schema`, `include-table`, `exclude-table` (patterns as those
/// of `pg_dump`, each as often as wanted: which tables are read); `max-replay-lag` (how far a standby may be
/// behind), `warn-xmin-age` (how many transactions the server's oldest may be behind before that is told); `databases` (`all`:
/// [`Connector::parts`] lists them; `none`: what belongs to no database); `lock-timeout` (how long a lock is waited for: `30s`, `500ms`); `password-file` (a file
/// that holds the password and nothing else), `password`, `pass-file` (as libpq's), `home` (where libpq looks for one), `user`,
/// `sslmode` and `sslrootcert` (where the location says nothing); `pg-dump` (the program that describes the schema, where it is not found by
/// itself). Of a target: those from `lock-timeout` on.
#[derive(Clone)]
pub struct PostgresConnector {
    clock: Arc<dyn Clock>,
}

impl Default for PostgresConnector {
    fn default() -> Self {
        Self::new()
    }
}

impl PostgresConnector {
    /// With the machine's clock.
    pub fn new() -> Self {
        Self { clock: Arc::new(SystemClock) }
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl Connector for PostgresConnector {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn capability(&self) -> Capability {
        Capability { source: true, target: true, incremental: false, log: false, seekable: false, tables: true }
    }

    fn accepts(&self, location: &str) -> bool {
        is_location(location)
    }

    fn holds_secret(&self, location: &str) -> bool {
        Location::parse(location).is_ok_and(|location| location.password().is_some())
    }

    fn surroundings(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("PGPASSWORD", "password"),
            ("PGPASSFILE", "pass-file"),
            ("HOME", "home"),
            ("PGUSER", "user"),
            ("USER", "user"),
            ("PGSSLMODE", "sslmode"),
            ("PGSSLROOTCERT", "sslrootcert"),
        ]
    }

    fn open_source(&self, _: &[String], _: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        Err(no_files())
    }

    fn open_target(&self, _: &str, _: &Options, _: bool) -> Result<Box<dyn Target>, ConnectorError> {
        Err(no_files())
    }

    fn open_tables(&self, location: &str, options: &Options) -> Result<Box<dyn TableSource>, ConnectorError> {
        let options = options::read_source(options)?;
        let location = read_location(location, &options.settings)?;
        let name = match options.databases {
            Databases::None => server::GLOBALS,
            Databases::One => location.database().unwrap_or("postgres"),
            Databases::All => return Err(usage("all databases of a server are no single source")),
        };
        let info = SourceInfo {
            kind: "postgres".to_owned(),
            name: options.name.unwrap_or_else(|| SourceInfo::to_name(name)),
            location: location.shown(),
            host: options.host.unwrap_or_else(host_name),
        };
        let clock = Arc::clone(&self.clock);
        if options.databases == Databases::None {
            return Ok(Box::new(Globals::open(&location, info, &options.settings, clock)?));
        }
        let (selection, limits, settings) = (options.selection, options.limits, options.settings);
        Ok(Box::new(PostgresSource::open(Asked { location, info, selection, limits, settings, clock })?))
    }

    fn parts(&self, location: &str, given: &Options) -> Result<Option<Vec<Part>>, ConnectorError> {
        let options = options::read_source(given)?;
        match options.databases {
            Databases::One | Databases::None => Ok(None),
            Databases::All => {
                server::parts(&read_location(location, &options.settings)?, &options.settings, given).map(Some)
            }
        }
    }

    fn grants(&self, location: &str, options: &Options, role: &Role<'_>) -> Result<Vec<Statement>, ConnectorError> {
        let options = options::read_source(options)?;
        grants::script(&read_location(location, &options.settings)?, &options, role)
    }

    fn missing_rights(&self, location: &str, options: &Options) -> Result<(String, Vec<MissingRight>), ConnectorError> {
        let options = options::read_source(options)?;
        grants::missing(&read_location(location, &options.settings)?, &options)
    }

    fn ask(
        &self,
        location: &str,
        options: &Options,
        sql: &str,
        patience: Duration,
    ) -> Result<Option<String>, ConnectorError> {
        let options = options::read_source(options)?;
        question::ask(&read_location(location, &options.settings)?, sql, patience)
    }

    fn open_table_target(
        &self,
        location: &str,
        options: &Options,
        dry_run: bool,
    ) -> Result<Box<dyn TableTarget>, ConnectorError> {
        let settings = options::read_target(options)?;
        let location = read_location(location, &settings)?;
        Ok(Box::new(PostgresTarget::new(location, settings, dry_run)?))
    }
}

fn read_location(location: &str, settings: &Settings) -> Result<Location, ConnectorError> {
    let location = Location::parse(location)?.with_words(&settings.words)?;
    if location.password().is_some() {
        return Ok(location);
    }
    let password = match (&settings.password_file, &settings.password) {
        (Some(path), _) => Some(options::password_of(path)?),
        (None, Some(password)) => Some(password.clone()),
        (None, None) => passfile::find(settings, &location)?,
    };
    Ok(match password {
        Some(password) => location.with_password(password),
        None => location,
    })
}

fn no_files() -> ConnectorError {
    usage("a database of PostgreSQL is read and written as tables, not as files")
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
