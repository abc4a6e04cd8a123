//! The two pumps: source to store ([`backup`], and [`copy`] where the source is another store) and store to target
//! ([`restore`]).
//!
//! All threads of a run are started here, in scopes that end with the run. What they hold is bounded by a byte budget;
//! every channel has a bound.

pub mod backup;
mod error;
pub mod restore;
pub mod tables;

pub use backup::{BackupOptions, BackupReport, Original, RunContext, backup, copy};
pub use error::EngineError;
pub use restore::{Action, RestoreItem, RestorePump, RestoreTally};
pub use tables::{
    CaptureReport, FirstDifference, LinkedGroups, Poured, Proof, SnapshotTables, StoredGroup, TablesReader,
    TouchedRows, capture, copy_tables, pour, pour_rows, prove,
};
