//! Databases as tables: capture of a source's rows into row groups ([`capture`]), and reading what is stored of them
//! ([`TablesReader`]).

mod capture;
mod columns;
mod grouper;
mod stored;
mod tally;
mod worker;

pub use capture::{CaptureReport, capture};
pub use stored::{StoredGroup, TablesReader};
