//! SQLite databases, made here, captured, put back and captured again.

mod common;
mod consistent;
mod exact;
mod faults;
mod keys;
mod merging;
mod random;
mod schema;
mod targets;
mod values;
