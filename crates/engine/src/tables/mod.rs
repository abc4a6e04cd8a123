//! Databases as tables: capture of a source's rows into row groups ([`capture`]), reading what is stored of them
//! ([`TablesReader`]), writing them to a target ([`pour`]), and the proof of that ([`prove`]).

mod capture;
mod columns;
mod grouper;
mod patching;
mod pour;
mod prove;
mod stored;
mod tally;
mod worker;

pub use capture::{CaptureReport, capture};
pub use pour::{Poured, pour, pour_rows};
pub use prove::{FirstDifference, Proof, prove};
pub use stored::{StoredGroup, TablesReader};
