//! One kind of system.

use crate::error::ConnectorError;
use crate::source::Source;
use crate::target::Target;
use std::collections::BTreeMap;

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
}

/// Settings of one opening: name to values, as configuration and command line give them. Unknown names are errors.
pub type Options = BTreeMap<String, Vec<String>>;

/// Describes one kind of system and opens it. Registered by the binary in one list.
pub trait Connector: Send + Sync {
    /// Short stable word (`files`, `stream`).
    fn kind(&self) -> &'static str;

    /// What it can do.
    fn capability(&self) -> Capability;

    /// True when a location as the user wrote it is this connector's (`/srv`, `file:/srv`, `-`).
    fn accepts(&self, location: &str) -> bool;

    /// Opens places to be read as one source.
    fn open_source(&self, locations: &[String], options: &Options) -> Result<Box<dyn Source>, ConnectorError>;

    /// Opens a place to be written. With `dry_run` nothing is created.
    fn open_target(&self, location: &str, options: &Options, dry_run: bool) -> Result<Box<dyn Target>, ConnectorError>;
}
