//! SQLite databases as typed tables: read consistently while others write, and put back.
//!
//! ```text
//! sqlite:PATH ── SqliteSource ──> begin: one read transaction, or a private copy      reading
//!                     │            catalog: sqlite_schema and pragmas
//!                     └──────────> rows: SELECT in the order of the key ──> RowBatch
//! RowBatch ──> SqliteTarget ──> a new file beside the target, published in one step   writing
//!                          └──> one transaction on the database that stands there
//! ```
//!
//! The file of a database is only ever opened by SQLite itself: closing any other descriptor of it would drop the locks that
//! SQLite holds on it in this process.
//!
//! # Values
//!
//! SQLite gives every value its own storage class, whatever its column declares. A value of its column's class is a typed one;
//! any other is an exception ([`datakeep_connector::rows::Exception`]) of these kinds:
//!
//! | kind | class | bytes |
//! |---|---|---|
//! | 2 | integer | 64 bits big-endian, the sign bit turned, so that bytes order as numbers |
//! | 3 | real | IEEE 754 big-endian, the sign bit turned, or all bits where it was set (total order) |
//! | 4 | text | UTF-8 as SQLite gives it, valid or not |
//! | 5 | blob | as it is |
//! | 6 | text in a UTF-16 database that is no valid UTF-16, so that UTF-8 cannot say it | UTF-16 big-endian |

mod bare;
mod connector;
mod fault;
mod open;
mod options;
mod question;
mod script;
mod source;
mod sql;
mod target;
mod value;

pub use connector::SqliteConnector;
pub use script::run_script;
