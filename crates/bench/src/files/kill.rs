//! Kills Datakeep in the middle of a first backup and measures how much the next run reads again.

use super::Bench;
use super::goals::MOMENTS;
use crate::measure;
use crate::tools::{Tool, prepare};
use serde_json::Value;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::{Duration, Instant};

/// SIGKILL, signal(7).
const SIGKILL: i32 = 9;

/// One backup killed and done again.
#[derive(Clone, Debug)]
pub struct Kill {
    /// When it was killed.
    pub moment: &'static str,
    /// Bytes the killed run had read from files and elsewhere.
    pub before_bytes: u64,
    /// `read_bytes` of the second run's own summary; nothing when it told none.
    pub told_bytes: Option<u64>,
    /// Bytes the second run read by the kernel's count, its repository included.
    pub counted_bytes: u64,
}

/// The two ways to find the half.
enum Moment {
    Time(Duration),
    Read(u64),
}

/// Kills twice: at half of the time of a run just before, and when half of the tree's bytes have been read. (The median of
/// the rounds would not do: the machine's speed drifts, and a bench of restores has just dirtied its memory.)
pub fn run(bench: &Bench<'_>, tool: &dyn Tool) -> io::Result<Vec<Kill>> {
    let folder = bench.stage.run.join("whole before the kill");
    let place = prepare(tool, &folder, None)?;
    let whole = measure::run(&mut tool.backup(&place, &bench.tree, "first"), &folder.join("first.log"))?;
    rustix::fs::sync();
    let half = Moment::Time(Duration::from_secs_f64(whole.wall_s / 2.0));
    let read = Moment::Read(bench.tree_size.bytes / 2);
    Ok(vec![once(bench, tool, MOMENTS[0], &half)?, once(bench, tool, MOMENTS[1], &read)?])
}

fn once(bench: &Bench<'_>, tool: &dyn Tool, moment: &'static str, when: &Moment) -> io::Result<Kill> {
    let folder = bench.stage.run.join(format!("kill at {moment}"));
    let place = prepare(tool, &folder, None)?;
    let mut child = measure::spawn(&mut tool.backup(&place, &bench.tree, "first"), &folder.join("killed.log"))?;
    let before_bytes = wait_for(&mut child, when)?;
    child.kill()?;
    let status = child.wait()?;
    if status.signal() != Some(SIGKILL) {
        return Err(io::Error::other(format!("the run to be killed at {moment} had ended before: {status}")));
    }
    rustix::fs::sync();
    let log = folder.join("second.log");
    let usage = measure::run(tool.backup(&place, &bench.tree, "first").arg("--json"), &log)?;
    let told_bytes = told(&fs::read_to_string(&log)?);
    let kill = Kill { moment, before_bytes, told_bytes, counted_bytes: usage.read_bytes };
    eprintln!("killed at {moment}: {kill:?}");
    Ok(kill)
}

/// Waits for the moment and tells how much had been read.
#[expect(clippy::disallowed_methods, reason = "the bench looks at another process every millisecond")]
fn wait_for(child: &mut Child, when: &Moment) -> io::Result<u64> {
    let started = Instant::now();
    loop {
        let read = measure::rchar(child.id()).unwrap_or(0);
        let now = match when {
            Moment::Time(half) => started.elapsed() >= *half,
            Moment::Read(half) => read >= *half,
        };
        if now || child.try_wait()?.is_some() {
            return Ok(read);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The last `read_bytes` in the output, be it one document or one to a line.
fn told(output: &str) -> Option<u64> {
    if let Ok(document) = serde_json::from_str::<Value>(output) {
        return find(&document);
    }
    output
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|document| find(&document))
}

fn find(value: &Value) -> Option<u64> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("read_bytes").and_then(Value::as_u64);
            own.or_else(|| fields.values().find_map(find))
        }
        Value::Array(values) => values.iter().find_map(find),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_found() {
        assert_eq!(told("{\"counters\": {\"read_bytes\": 12}}"), Some(12));
        assert_eq!(told("{\"read_bytes\": 1}\n{\"summary\": {\"read_bytes\": 2}}\n{\"type\": \"end\"}\n"), Some(2));
        assert_eq!(told("{\n  \"a\": [{\"read_bytes\": 3}]\n}\n"), Some(3));
        assert_eq!(told("done"), None);
    }
}
