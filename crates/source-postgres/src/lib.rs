//! PostgreSQL databases as typed tables: read in one consistent state while others write, and put back.
//!
//! ```text
//! postgres://... ── PostgresSource ──> begin: one read-only transaction, its snapshot exported, tables locked    reading
//!                        │              catalog: pg_catalog for tables, pg_dump of the same snapshot for the rest
//!                        └────────────> rows: COPY (SELECT ... ORDER BY key) ──> RowBatch
//! RowBatch ──> PostgresTarget ──> a new database under a name of its own, renamed at the end                    writing
//!                            └──> one transaction in the database that stands there
//! ```
//!
//! # Values
//!
//! Types whose binary form is known for good ([`types::Lane`](crate)) are read and kept as what they are; every other type is
//! kept as the text that the server writes for it under settings that are always the same. A value that its column's type cannot
//! hold (an infinite date, a numeric that is not a number, 24:00:00) is an exception ([`datakeep_connector::rows::Exception`]):
//!
//! | kind | what | bytes |
//! |---|---|---|
//! | 1 | any value | the text that the server writes for it |
//!
//! A table without columns of its own still has rows: they are kept in a hidden column of truths that is no column of the table
//! (`ROW_COLUMN`).

mod connect;
mod connector;
mod extension;
mod fault;
mod grants;
mod large;
mod location;
mod merge;
mod options;
mod passfile;
mod question;
mod schema;
mod scratch;
mod selection;
mod server;
mod socket;
mod source;
mod sql;
mod target;
mod tls;
mod types;

pub use connector::PostgresConnector;
pub use scratch::{Programs, ScratchServer};
