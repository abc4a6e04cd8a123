//! Queries over captured SQLite databases, against SQLite itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there, and the line says which")]

mod answers;
mod bounds;
mod read_only;
mod reading;
mod world;
