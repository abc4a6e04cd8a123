//! Runs one command and measures it with what the kernel counts: wait4(2), proc(5).

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use wait4::Wait4;

/// What one run took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// From spawn to exit, seconds.
    pub wall_s: f64,
    /// User and system time of the process and all its children, seconds.
    pub cpu_s: f64,
    /// Largest resident set of any one process of the run, bytes (exact, from the kernel).
    pub peak_process_bytes: u64,
    /// Largest sum of the resident sets of all processes of the run, bytes, sampled every 50 ms. Pages shared between
    /// processes count in each.
    pub peak_sum_bytes: u64,
    /// Bytes the process itself took in by read calls (`rchar`), its repository included.
    pub read_bytes: u64,
}

/// Runs a command to its good end. Its output goes to `log`; a bad end is an error with the last lines of it.
pub fn run(command: &mut Command, log: &Path) -> io::Result<Usage> {
    let started = Instant::now();
    let mut child = spawn(command, log)?;
    let watch = Watch::start(child.id());
    wait_exited(&child)?;
    let wall_s = started.elapsed().as_secs_f64();
    let read_bytes = rchar(child.id()).unwrap_or(0);
    let peak_sum_bytes = watch.stop();
    let end = child.wait4()?;
    if !end.status.success() {
        let text = fs::read_to_string(log).unwrap_or_default();
        let tail: Vec<&str> = text.lines().rev().take(5).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return Err(io::Error::other(format!("{}: {}\n{}", spoken(command), end.status, tail.join("\n"))));
    }
    let peak_process_bytes = end.rusage.maxrss;
    let cpu_s = (end.rusage.utime + end.rusage.stime).as_secs_f64();
    let peak_sum_bytes = peak_sum_bytes.max(peak_process_bytes);
    Ok(Usage { wall_s, cpu_s, peak_process_bytes, peak_sum_bytes, read_bytes })
}

/// Runs commands one after the other and measures them as one: times add up, of memory the most counts.
pub fn run_all(commands: &mut [Command], log: &Path) -> io::Result<Usage> {
    let mut sum = Usage::default();
    for command in commands {
        let one = run(command, log)?;
        sum.wall_s += one.wall_s;
        sum.cpu_s += one.cpu_s;
        sum.read_bytes += one.read_bytes;
        sum.peak_process_bytes = sum.peak_process_bytes.max(one.peak_process_bytes);
        sum.peak_sum_bytes = sum.peak_sum_bytes.max(one.peak_sum_bytes);
    }
    Ok(sum)
}

/// Starts a command with its output in `log` and no input.
pub fn spawn(command: &mut Command, log: &Path) -> io::Result<Child> {
    let output = File::create(log)?;
    let errors = output.try_clone()?;
    let spawned = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
    spawned.map_err(|error| io::Error::other(format!("{}: {error}", spoken(command))))
}

/// A command as it may be told: without its environment, which holds passwords.
fn spoken(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Waits for the end and leaves the process to be asked about.
fn wait_exited(child: &Child) -> io::Result<()> {
    loop {
        match waitid(WaitId::Pid(Pid::from_child(child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Err(rustix::io::Errno::INTR) => {}
            outcome => return Ok(outcome.map(|_| ())?),
        }
    }
}

/// Bytes a process has read so far.
pub fn rchar(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("rchar: "))?.parse().ok()
}

struct Watch {
    stop: Sender<()>,
    thread: JoinHandle<u64>,
}

impl Watch {
    fn start(pid: u32) -> Self {
        let (stop, stopped) = channel();
        Self { stop, thread: std::thread::spawn(move || watch(pid, &stopped)) }
    }

    fn stop(self) -> u64 {
        drop(self.stop);
        self.thread.join().unwrap_or(0)
    }
}

fn watch(pid: u32, stopped: &Receiver<()>) -> u64 {
    let mut peak = 0;
    loop {
        peak = peak.max(family(pid).into_iter().map(resident).sum());
        if stopped.recv_timeout(Duration::from_millis(50)) != Err(RecvTimeoutError::Timeout) {
            return peak;
        }
    }
}

/// A process and everything it has started.
fn family(pid: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut queue = vec![pid];
    while let Some(pid) = queue.pop() {
        if !found.insert(pid) {
            continue;
        }
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for thread in threads {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            queue.extend(children.split_whitespace().filter_map(|word| word.parse::<u32>().ok()));
        }
    }
    found
}

fn resident(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_measured_with_its_children() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let log = dir.path().join("log");
        let script = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; echo done";
        let usage = run(Command::new("sh").args(["-c", script]), &log).expect("it runs");
        assert!(usage.wall_s > 0.0 && usage.cpu_s > 0.01, "{usage:?}");
        assert!(usage.peak_process_bytes > 500_000 && usage.read_bytes > 0, "{usage:?}");
        assert_eq!(fs::read_to_string(&log).expect("a log"), "done\n");
    }

    #[test]
    fn a_bad_end_is_an_error_with_its_words() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("sh");
        command.args(["-c", "echo no luck >&2; exit 3"]).env("PASSWORD", "hidden");
        let failed = run(&mut command, &dir.path().join("log")).expect_err("it fails").to_string();
        assert!(failed.contains("no luck") && failed.contains("exit 3"), "{failed}");
        assert!(!failed.contains("hidden"), "{failed}");
    }
}
