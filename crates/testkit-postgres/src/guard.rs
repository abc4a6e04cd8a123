//! Ends what a test started, however the test ends.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input, then runs the command and removes the folder.
const SCRIPT: &str = "folder=$1; shift; cat >/dev/null; cd /; \"$@\" >/dev/null 2>&1; rm -rf -- \"$folder\"";

/// Runs a command and removes a folder when it is dropped, or when the process is gone: killed, too, since its end of a pipe
/// closes with it.
pub(crate) struct Guard(Child);

impl Guard {
    pub fn new(folder: &Path, command: &Command) -> Self {
        let mut guard = Command::new("sh");
        guard.args(["-c", SCRIPT, "guard"]).arg(folder).arg(command.get_program()).args(command.get_args());
        // A signal to the group of the test is not for it.
        guard.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(guard.spawn().expect("a shell"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Without its answer there is nothing else to be done.
        let _ = self.0.wait();
    }
}
