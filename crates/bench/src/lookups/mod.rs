//! Looking chunks up among ten million: how many a second, and in how much memory.
//!
//! The look-ups are done by a process of their own (this program once more), so that its memory is that of an open
//! repository and no more.

mod fill;

use crate::args::{Options, wrong};
use crate::child;
use crate::goal::Goal;
use crate::report::{self, Heading};
use crate::results::Results;
use crate::stage::{Stage, once};
use datakeep_model::{ChunkId, ChunkKind};
use datakeep_store::{Index, PackClass, Repository, StoreError};
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use std::time::Instant;

/// Options of this workload.
pub const OWN: &[&str] = &["--chunks", "--lookups"];
/// What `--help` says of them.
pub const HELP: &str = "\
\x20 --chunks N         chunks in the repository (default 10000000; with --quick 200000)
  --lookups N        how many of each kind (default 2000000; with --quick 100000)
";
/// The process that looks up, by its name on the command line.
pub const CHILD: &str = "lookups-of-one-process";

const GOAL_PER_SECOND: f64 = 500_000.0;
const GOAL_MB: f64 = 300.0;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern {
    /// Half of them are there, in the order in which they were stored, as files of an older backup are met again.
    Mixed,
    /// All are there.
    Known,
    /// None is there.
    New,
}

impl Pattern {
    const ALL: [Self; 3] = [Self::Mixed, Self::Known, Self::New];

    fn name(self) -> &'static str {
        match self {
            Self::Mixed => "half known",
            Self::Known => "all known",
            Self::New => "all new",
        }
    }

    /// The number of the chunk that is looked for as the `step`th.
    fn number(self, step: u64, chunks: u64) -> u64 {
        match self {
            Self::Mixed if step.is_multiple_of(2) => step / 2 % chunks,
            Self::Known => step % chunks,
            Self::Mixed | Self::New => chunks + step,
        }
    }
}

fn figure(pattern: &str, threads: usize) -> String {
    format!("look-ups, {pattern}, {threads} {}", if threads == 1 { "thread" } else { "threads" })
}

/// The whole bench.
pub fn run(options: &Options) -> io::Result<bool> {
    let chunks = options.number("--chunks", 10_000_000, 200_000)?;
    let count = options.number("--lookups", 2_000_000, 100_000)?;
    let rounds = options.rounds(5);
    let stage = Stage::set(options, |_| false)?;
    let folder = once(&stage.work, &format!("chunks-{chunks}"), |half| fill::fill(half, chunks))?;
    stage.open(chunks * 20, 0)?;
    let mut results = Results::default();
    for round in 0..rounds {
        // The first round makes the cached index, the others find it.
        let kind = if round == 0 { "that makes its cache" } else { "that has its cache" };
        one_process(&stage, &folder, (chunks, count), kind, &mut results)?;
    }
    judge(&mut results);
    let data = format!(
        "{chunks} chunks in packs of {}, {count} look-ups of each kind; the names of chunks are ready",
        fill::CHUNKS_PER_PACK
    );
    let good = report::publish(&stage, &Heading { name: "lookups", data, rounds }, &results)?;
    stage.close()?;
    Ok(good)
}

fn one_process(
    stage: &Stage,
    folder: &Path,
    (chunks, count): (u64, u64),
    kind: &str,
    results: &mut Results,
) -> io::Result<()> {
    let log = stage.run.join("lookups.log");
    let cache = stage.run.join("cache");
    let (chunks, count) = (chunks.to_string(), count.to_string());
    let arguments = [folder.as_ref(), cache.as_os_str(), chunks.as_ref(), count.as_ref()];
    let (told, usage) = child::run(CHILD, &arguments, &log)?;
    results.figure(&format!("opening the index, process {kind}"), told["opening_s"].as_f64().unwrap_or(0.0), "s");
    for speed in told["speeds"].as_array().into_iter().flatten() {
        let (pattern, threads) = (speed["pattern"].as_str().unwrap_or("?"), speed["threads"].as_u64().unwrap_or(0));
        let per_second = speed["per_second"].as_f64().unwrap_or(0.0);
        results.figure(&figure(pattern, threads as usize), per_second, "per second");
    }
    let wrong = told["wrong"].as_array().into_iter().flatten();
    results.wrong.extend(wrong.filter_map(Value::as_str).map(str::to_owned));
    results.figure(&format!("peak memory, process {kind}"), usage.peak_process_bytes as f64 / 1e6, "MB");
    Ok(())
}

fn judge(results: &mut Results) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let what = figure(Pattern::Mixed.name(), cores);
    let found = results.figure_of(&what);
    results.goals.push(Goal::at_least(what, GOAL_PER_SECOND, found, "per second"));
    let peaks = results.figures.iter().filter(|figure| figure.what.starts_with("peak memory"));
    let peak = peaks.map(|figure| figure.value).reduce(f64::max);
    results.goals.push(Goal::at_most("peak memory of any process".to_owned(), GOAL_MB, peak, "MB"));
}

/// The process that looks up: folder of the repository, folder of its cache, chunks, look-ups. Prints one JSON document.
pub fn child(arguments: &[String]) -> io::Result<()> {
    let [folder, cache, chunks, count] = arguments else { return Err(wrong("four arguments are needed".to_owned())) };
    let number = |text: &String| text.parse::<u64>().map_err(io::Error::other);
    let (chunks, count) = (number(chunks)?, number(count)?);
    let repository = fill::open(folder.as_ref(), cache.as_ref()).map_err(io::Error::other)?;
    let begun = Instant::now();
    let index = repository.fresh_index().map_err(io::Error::other)?;
    let opening_s = begun.elapsed().as_secs_f64();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut speeds, mut wrong) = (Vec::new(), Vec::new());
    for pattern in Pattern::ALL {
        for threads in if cores > 1 { vec![1, cores] } else { vec![1] } {
            let (found, per_second) = look_up(&repository, &index, (pattern, chunks, count), threads)?;
            speeds.push(json!({"pattern": pattern.name(), "threads": threads, "per_second": per_second}));
            let expected = (0..count).filter(|&step| pattern.number(step, chunks) < chunks).count() as u64;
            if found != expected {
                wrong.push(format!("{found} of {expected} chunks were found, {}, {threads} threads", pattern.name()));
            }
        }
    }
    println!("{}", json!({"opening_s": opening_s, "speeds": speeds, "wrong": wrong}));
    Ok(())
}

/// Looks `count` chunks up on so many threads; how many were found, and how many look-ups a second all did together.
fn look_up(
    repository: &Repository,
    index: &Index,
    (pattern, chunks, count): (Pattern, u64, u64),
    threads: usize,
) -> io::Result<(u64, f64)> {
    let share = count.div_ceil(threads as u64);
    let parts: Vec<io::Result<(u64, f64)>> = std::thread::scope(|scope| {
        let part = |thread: u64| {
            let steps = thread * share..count.min((thread + 1) * share);
            move || some(repository, index, (pattern, chunks), steps).map_err(io::Error::other)
        };
        let running: Vec<_> = (0..threads as u64).map(|thread| scope.spawn(part(thread))).collect();
        let end = |_| Err(io::Error::other("a thread died"));
        running.into_iter().map(|thread| thread.join().unwrap_or_else(end)).collect()
    });
    let mut sum = (0, 0.0);
    for part in parts {
        let (found, per_second) = part?;
        sum = (sum.0 + found, sum.1 + per_second);
    }
    Ok(sum)
}

/// Names are made in blocks outside the measured time: in a backup that is the work of hashing.
fn some(
    repository: &Repository,
    index: &Index,
    (pattern, chunks): (Pattern, u64),
    steps: std::ops::Range<u64>,
) -> Result<(u64, f64), StoreError> {
    const BLOCK: usize = 4096;
    let (total, mut found, mut seconds) = (steps.end - steps.start, 0, 0.0);
    for first in steps.clone().step_by(BLOCK) {
        let block = first..steps.end.min(first + BLOCK as u64);
        let name = |step| repository.ids().id(ChunkKind::Data, &fill::content(pattern.number(step, chunks)));
        let ids: Vec<ChunkId> = block.map(name).collect();
        let begun = Instant::now();
        for id in &ids {
            found += u64::from(index.lookup(repository, PackClass::Data, id)?.is_some());
        }
        seconds += begun.elapsed().as_secs_f64();
    }
    Ok((found, total as f64 / seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_mixed_chunks_are_known() {
        let known = |pattern: Pattern| (0..1000).filter(|&step| pattern.number(step, 700) < 700).count();
        assert_eq!(Pattern::ALL.map(known), [500, 1000, 0]);
    }

    #[test]
    fn a_small_repository_is_filled_and_searched() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = dir.path().join("repository");
        fill::fill(&folder, 10_000).expect("filled");
        let repository = fill::open(&folder, &dir.path().join("cache")).expect("opened");
        let index = repository.fresh_index().expect("an index");
        for threads in [1, 3] {
            let (found, speed) =
                look_up(&repository, &index, (Pattern::Mixed, 10_000, 5000), threads).expect("looked up");
            assert_eq!(found, 2500);
            assert!(speed > 0.0);
        }
    }
}
