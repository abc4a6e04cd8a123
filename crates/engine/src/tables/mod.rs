//! Databases as tables: capture of a source's rows into row groups ([`capture`]), reading what is stored of them
//! ([`TablesReader`]), writing them to a target ([`pour`]), and the proof of that ([`prove`]).

mod before;
mod capture;
mod checks;
mod columns;
mod grouper;
mod joining;
mod large;
mod linked;
mod measure;
mod nulls;
mod patching;
mod pour;
mod prove;
mod share;
mod snapshot;
mod stored;
mod tally;
mod worker;

pub use capture::{CaptureReport, capture, copy_tables};
pub use linked::{LinkedGroups, TouchedRows};
pub use pour::{Poured, pour, pour_rows};
pub use prove::{FirstDifference, Proof, prove};
pub use snapshot::SnapshotTables;
pub use stored::{StoredGroup, TablesReader};
