//! Files as a connector: what it accepts, and the source and target it opens.

use crate::exclude::Exclude;
use crate::handle::Env;
use crate::location::{self, Location, Point};
use crate::options::{Reader, usage};
use crate::owner;
use crate::target::FilesTarget;
use crate::walk::{Plan, Scope, Walk};
use datakeep_connector::{
    Capability, Clock, Connector, ConnectorError, ItemStream, Options, Source, SystemClock, Target,
};
use datakeep_model::{ErrorKind, ItemPath, Mark, SourceInfo};
use std::sync::Arc;

/// Walker threads ahead of the consumer, unless told otherwise.
const USUAL_THREADS: usize = 2;

/// Directory trees and single files of this machine.
#[derive(Clone)]
pub struct FilesConnector {
    clock: Arc<dyn Clock>,
    threads: usize,
}

impl Default for FilesConnector {
    fn default() -> Self {
        Self::new()
    }
}

impl FilesConnector {
    /// With the machine's clock and the usual number of walker threads.
    pub fn new() -> Self {
        Self { clock: Arc::new(SystemClock), threads: USUAL_THREADS }
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With another number of walker threads; with none the consumer does all the work itself.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }
}

impl Connector for FilesConnector {
    fn kind(&self) -> &'static str {
        "files"
    }

    fn capability(&self) -> Capability {
        Capability { source: true, target: true, incremental: true, log: false, seekable: true, tables: false }
    }

    fn accepts(&self, location: &str) -> bool {
        location::is_path(location)
    }

    fn open_source(&self, locations: &[String], options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        let known = [&Exclude::OPTIONS[..], &["one-file-system", "host", "name", "no-xattrs"]].concat();
        let options = Reader::new(options, &known)?;
        let one_file_system = options.flag("one-file-system")?;
        let given = parse_locations(locations)?;
        let roots = merged(&given, one_file_system);
        let info = SourceInfo {
            kind: "files".to_owned(),
            name: options.source_name()?.unwrap_or_else(|| location::derived_name(&roots)),
            location: roots.iter().map(location_text).collect::<Vec<_>>().join(", "),
            host: options.one("host")?.map_or_else(host_name, str::to_owned),
        };
        let env = Arc::new(Env::new(!options.flag("no-xattrs")?));
        let scope = Scope { env, exclude: Exclude::read(&options)?, one_file_system };
        let point = Point::tree(&given);
        let plan = Plan { is_whole: point.is_root, point: Some(point), root_len: 0, device: 0 };
        let (clock, threads) = (Arc::clone(&self.clock), self.threads);
        let roots = roots.into_iter().map(|location| location.path).collect();
        Ok(Box::new(FilesSource { info, roots, prepared: Some((scope, plan)), walk: None, clock, threads }))
    }

    fn open_target(&self, location: &str, options: &Options, dry_run: bool) -> Result<Box<dyn Target>, ConnectorError> {
        let location = location::parse(location, &current_directory()?)?;
        Ok(Box::new(FilesTarget::open(&location.path, options, dry_run)?))
    }
}

fn current_directory() -> Result<std::path::PathBuf, ConnectorError> {
    let error = |error| ConnectorError::new(ErrorKind::Source, format!("cannot tell the current directory: {error}"));
    std::env::current_dir().map_err(error)
}

fn parse_locations(locations: &[String]) -> Result<Vec<Location>, ConnectorError> {
    if locations.is_empty() {
        return Err(usage("no location was given").with_hint("name at least one directory or file"));
    }
    let current = current_directory()?;
    let mut given: Vec<Location> = Vec::new();
    for text in locations {
        let location = location::parse(text, &current)?;
        location::check_exists(&location, text)?;
        match given.iter_mut().find(|other| other.path == location.path) {
            Some(other) => other.follow |= location.follow,
            None => given.push(location),
        }
    }
    Ok(given)
}

/// The locations without those that lie in another one. On one file system each they may be mounts, which only their
/// own mention brings in.
fn merged(given: &[Location], one_file_system: bool) -> Vec<Location> {
    let is_nested = |inner: &&Location| given.iter().any(|o| o.path != inner.path && inner.path.is_within(&o.path));
    given.iter().filter(|location| one_file_system || !is_nested(location)).cloned().collect()
}

fn location_text(location: &Location) -> String {
    format!("/{}", String::from_utf8_lossy(location.path.as_bytes()))
}

pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Files opened for reading.
struct FilesSource {
    info: SourceInfo,
    roots: Vec<ItemPath>,
    prepared: Option<(Scope, Plan)>,
    walk: Option<Walk>,
    clock: Arc<dyn Clock>,
    threads: usize,
}

impl Source for FilesSource {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn roots(&self) -> Vec<ItemPath> {
        self.roots.clone()
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        let (scope, plan) = self.prepared.take().ok_or_else(|| out_of_order("begin was called twice"))?;
        let mark = Mark::FileTime(self.clock.now());
        self.walk = Some(Walk::start(scope, plan, self.threads)?);
        Ok(mark)
    }

    fn items(&mut self) -> Result<Box<dyn ItemStream>, ConnectorError> {
        let walk = self.walk.take().ok_or_else(|| out_of_order("items is called once, after begin"))?;
        Ok(Box::new(walk))
    }

    fn owner_names(&self, users: &[u32], groups: &[u32]) -> (Vec<(u32, String)>, Vec<(u32, String)>) {
        (owner::names("/etc/passwd", users), owner::names("/etc/group", groups))
    }
}

pub(crate) fn out_of_order(message: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Internal, message)
}
