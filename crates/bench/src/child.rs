//! This program once more, as a process of its own.
//!
//! Work with much memory is never done in the bench itself: when Linux starts a program it counts the memory of the
//! process that started it as the least that the new one has held (`ru_maxrss`).

use crate::measure::{self, Usage};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

/// Runs the work of a name; the JSON document that it printed, and what it took.
pub fn run(name: &str, arguments: &[&OsStr], log: &Path) -> io::Result<(Value, Usage)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(name).args(arguments);
    let usage = measure::run(&mut command, log)?;
    Ok((serde_json::from_str(&fs::read_to_string(log)?)?, usage))
}
