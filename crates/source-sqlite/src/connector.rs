//! SQLite as a connector: what it accepts, and the source and target it opens.

use crate::fault::usage;
use crate::source::SqliteSource;
use crate::target::SqliteTarget;
use crate::{open, options};
use datakeep_connector::{
    Capability, Clock, Connector, ConnectorError, Options, Source, SystemClock, TableSource, TableTarget, Target,
};
use datakeep_model::SourceInfo;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Databases in files of SQLite: locations `sqlite:PATH`.
///
/// Options of a source: `name`, `host`; `busy-timeout` (how long a lock is waited for: `5s`, `500ms`); `spool` (the directory
/// for a private copy, which a database in a rollback journal mode needs as long as it is read; the system's temporary directory);
/// `integrity-check` (`none`, `quick` or `full`: what SQLite itself checks before the capture counts as complete). Of a target:
/// `busy-timeout`, and the two last ones for the proof that follows.
#[derive(Clone)]
pub struct SqliteConnector {
    clock: Arc<dyn Clock>,
}

impl Default for SqliteConnector {
    fn default() -> Self {
        Self::new()
    }
}

impl SqliteConnector {
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

impl Connector for SqliteConnector {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    fn capability(&self) -> Capability {
        Capability { source: true, target: true, incremental: false, log: false, seekable: false, tables: true }
    }

    fn accepts(&self, location: &str) -> bool {
        open::is_location(location)
    }

    fn open_source(&self, _: &[String], _: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        Err(no_files())
    }

    fn open_target(&self, _: &str, _: &Options, _: bool) -> Result<Box<dyn Target>, ConnectorError> {
        Err(no_files())
    }

    fn open_tables(&self, location: &str, options: &Options) -> Result<Box<dyn TableSource>, ConnectorError> {
        let options = options::read_source(options)?;
        let path = open::path_of(location)?;
        let info = SourceInfo {
            kind: "sqlite".to_owned(),
            name: options.name.clone().unwrap_or_else(|| derived_name(&path)),
            location: format!("sqlite:{}", path.to_string_lossy()),
            host: options.host.clone().unwrap_or_else(host_name),
        };
        Ok(Box::new(SqliteSource::open(path, info, options, Arc::clone(&self.clock))?))
    }

    fn ask(
        &self,
        location: &str,
        options: &Options,
        sql: &str,
        patience: Duration,
    ) -> Result<Option<String>, ConnectorError> {
        let options = options::read_source(options)?;
        crate::question::ask(&open::path_of(location)?, options.patience, sql, patience)
    }

    fn open_table_target(
        &self,
        location: &str,
        options: &Options,
        dry_run: bool,
    ) -> Result<Box<dyn TableTarget>, ConnectorError> {
        let patience = options::read_target(options)?;
        Ok(Box::new(SqliteTarget::new(open::path_of(location)?, patience, dry_run)))
    }
}

fn no_files() -> ConnectorError {
    usage("a database of SQLite is read and written as tables, not as files")
}

fn derived_name(path: &Path) -> String {
    SourceInfo::to_name(&path.file_stem().unwrap_or_default().to_string_lossy())
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
