//! Drives the real `datakeep` as a user does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there, and the line says which")]

mod canaries;
mod care;
mod collecting;
mod copying;
mod demo;
mod drills;
mod errors;
mod forgetting;
mod full_disk;
mod golden;
mod json;
mod keys;
mod killing;
mod languages;
mod memory;
mod millions;
mod object;
mod partial;
mod peak;
mod postgres;
mod postgres_kills;
mod postgres_server;
mod probing;
mod restoring;
mod round_trip;
mod secrets;
#[cfg(feature = "server")]
mod server;
mod sources;
#[cfg(feature = "sql")]
mod sql;
mod tables;
mod tables_diff;
mod tables_keys;
mod tables_script;
mod tables_target;
mod world;
