//! SQL over snapshots: a query engine that reads what is stored, with no restore.
//!
//! ```text
//! text ─> statement ─> names ─> tables of snapshots ─> plan ─> proven read-only ─> batches of rows
//!                        │                               │
//!            [`names`]: SOURCE@TIME.schema.table         └─ [`scan`]: row groups that bounds and keys
//!            [`system`]: what is known of snapshots          cannot rule out; columns that are asked for
//!            [`functions`]: diff(), history()
//!            [`files`]: CSV, JSON and Parquet in snapshots of files
//! ```
//!
//! The only package that knows a query engine (DataFusion). Nothing here writes into a repository, and no statement can: what
//! is planned is refused unless it only reads. Values come out of the same reader that restores use, each column proven to be
//! the values it is named by. Memory, time and rows are bounded by [`SqlOptions`]; nothing is spilled to a disk, since that
//! would leave a backup's plaintext there.

mod arithmetic;
mod builder;
mod error;
mod files;
mod functions;
mod idents;
mod length;
mod literals;
mod names;
mod prune;
mod scan;
mod session;
mod statistics;
mod sum;
mod system;
mod table;
mod values;
mod write;

pub use error::SqlError;
pub use names::ParseTime;
pub use session::{Answer, SqlEngine, SqlOptions};
pub use write::{Format, Writer, json_rows, text_of};
