//! The API as clients see it, over the real router and a real control database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there, and the line says which")]

mod guard;
mod metrics;
mod problems;
mod world;
