//! SQLite databases, made here, captured, put back and captured again.

mod common;
mod consistent;
mod faults;
mod keys;
mod random;
mod schema;
mod targets;
mod values;
