//! Retention against a plain twin, and what holds for every history and every policy.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there, and the line says which")]

#[cfg(feature = "control")]
mod control;
mod examples;
mod histories;
mod properties;
mod twin;
