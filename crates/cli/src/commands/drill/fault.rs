//! Faults on request: a drill that never fails is not known to be one.

use super::Job;
use crate::errors::Failure;
use crate::words::tr;
use datakeep_model::{ErrorKind, escape_for_terminal};
use std::process::{Command, Stdio};

/// Where the program finds what was restored: a folder, a file, or the words of libpq.
const PLACE: &str = "DATAKEEP_DRILL_PLACE";

impl Job<'_> {
    /// Runs the program that is to spoil what was restored, if one was named.
    pub(super) fn rehearse_fault(&self, place: &str) -> Result<(), Failure> {
        let Some(program) = &self.args.rehearse_fault else { return Ok(()) };
        let shown = escape_for_terminal(program.as_os_str().as_encoded_bytes());
        let mut command = Command::new(program);
        // It sees nothing of our environment: passwords may stand there.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env(PLACE, place);
        let done = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
        let status = done.map_err(|error| Failure::io(tr!("cannot run {shown}", "无法运行 {shown}"), &error))?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(ErrorKind::Internal, tr!("{shown} failed: {status}", "{shown} 失败：{status}")))
    }
}
