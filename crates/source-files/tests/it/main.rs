//! Real files in real directories.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its files has failed")]

mod escape;
mod exclude;
mod limits;
mod order;
mod read;
mod stream;
mod support;
mod target;
mod walk;
