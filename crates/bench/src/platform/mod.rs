//! The platform's server with years of history: how long its lists take, what it holds, and many clients at once.

mod fill;
mod http;
mod server;

use crate::args::Options;
use crate::goal::Goal;
use crate::report::{self, Heading};
use crate::results::Results;
use crate::stage::{Stage, once};
use http::Connection;
use server::Server;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Options of this workload.
pub const OWN: &[&str] = &["--snapshots", "--runs", "--clients", "--seconds"];
/// What `--help` says of them.
pub const HELP: &str = "\
\x20 --snapshots N      snapshots in the catalogue (default 100000; with --quick 5000)
  --runs N           runs in the history (default 1000000; with --quick 20000)
  --clients N        clients at once (default 200; with --quick 20)
  --seconds N        how long these ask (default 300; with --quick 10)
";

const GOAL_LIST_MS: f64 = 200.0;
const GOAL_OVERVIEW_MS: f64 = 100.0;
const GOAL_REST_MB: f64 = 80.0;
/// Resident memory after so many clients, against what it was after a quarter of their time.
const GOAL_GROWTH: f64 = 1.1;

/// A list that people look at, and the requests of which it is made.
struct Page {
    name: String,
    paths: Vec<String>,
}

/// The whole bench.
pub fn run(options: &Options) -> io::Result<bool> {
    let snapshots = options.number("--snapshots", 100_000, 5000)?;
    let runs = options.number("--runs", 1_000_000, 20_000)?;
    let clients = options.number("--clients", 200, 20)?;
    let seconds = options.number("--seconds", 300, 10)?;
    let rounds = options.rounds(40);
    let stage = Stage::set(options, |name| name == "datakeep")?;
    let program = options.programs.iter().find(|(name, _)| name == "datakeep").map(|(_, path)| path.clone());
    let program = program.ok_or_else(|| crate::args::wrong("--datakeep must name the program".to_owned()))?;
    let name = format!("platform-{snapshots}-{runs}");
    let made = once(&stage.work, &name, |half| make(&program, half, (snapshots, runs)))?;
    stage.open(2 * fs::metadata(made.join("control.db"))?.len() + (256 << 20), 0)?;
    let data = copied(&made, &stage.run.join("data"))?;
    let mut results = Results::default();
    let server = Server::start(&program, &data, &stage.run.join("server.log"))?;
    rest(&server, &mut results)?;
    let mut connection = server.owner()?;
    let pages = pages(&mut connection)?;
    latencies(&mut connection, &pages, rounds, &mut results)?;
    crowd(&server, &connection, &pages, (clients, Duration::from_secs(seconds)), &mut results)?;
    server.stop()?;
    let words = format!(
        "{snapshots} snapshots, {runs} runs, {} sources and policies; {clients} clients for {seconds} s",
        fill::SOURCES
    );
    let good = report::publish(&stage, &Heading { name: "platform", data: words, rounds }, &results)?;
    stage.close()?;
    Ok(good)
}

fn make(program: &Path, folder: &Path, counts: (u64, u64)) -> io::Result<()> {
    let server = Server::start(program, folder, &folder.join("server.log"))?;
    let made = fill::configure(&mut server.owner()?, folder)?;
    server.stop()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    fill::history(&folder.join("control.db"), &made, counts, now.as_millis() as i64)
}

/// What was made is for other runs, too.
fn copied(from: &Path, to: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(to.to_path_buf())
}

#[expect(clippy::disallowed_methods, reason = "what is measured is a server that nobody asks anything for a while")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

fn rest(server: &Server, results: &mut Results) -> io::Result<()> {
    pause(Duration::from_secs(10));
    let resident = server.resident_bytes()? as f64 / 1e6;
    results.figure("resident memory at rest", resident, "MB");
    results.goals.push(Goal::at_most("resident memory at rest".to_owned(), GOAL_REST_MB, Some(resident), "MB"));
    Ok(())
}

/// The lists of the console, from their beginning and from their middle.
fn pages(connection: &mut Connection) -> io::Result<Vec<Page>> {
    let first = |connection: &mut Connection, path: &str| -> io::Result<String> {
        let told = connection.get(path)?;
        Ok(told["next"].as_str().unwrap_or_default().to_owned())
    };
    let policy = connection.get("/policies?limit=1")?["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    // So far back as nobody pages by hand: the cursor of an old run.
    let old_run =
        format!("{:012x}", connection.get("/runs?limit=1")?["items"][0]["queued_ms"].as_i64().unwrap_or(0) / 2);
    let next_snapshots = first(connection, "/snapshots?limit=500")?;
    let next_runs = first(connection, "/runs?limit=500")?;
    let one = |name: &str, path: String| Page { name: name.to_owned(), paths: vec![path] };
    let overview = ["/overdue", "/runs?limit=500", "/runs?state=running&limit=20", "/runs?state=failed&limit=5"];
    Ok(vec![
        Page { name: "overview".to_owned(), paths: overview.into_iter().map(str::to_owned).collect() },
        one("runs", "/runs".to_owned()),
        one("runs, a later page", format!("/runs?cursor={next_runs}")),
        one("runs, beyond the last", format!("/runs?cursor={old_run}")),
        one("failed runs", "/runs?state=failed".to_owned()),
        one("cancelled runs", "/runs?state=cancelled".to_owned()),
        one("waiting runs", "/runs?state=queued".to_owned()),
        one("runs of a policy", format!("/runs?owner={policy}")),
        one("failed runs of a policy", format!("/runs?owner={policy}&state=failed")),
        one("runs of nobody", "/runs?owner=nobody".to_owned()),
        one("snapshots", "/snapshots".to_owned()),
        one("snapshots, a later page", format!("/snapshots?cursor={next_snapshots}")),
        one("snapshots of a source", "/snapshots?source=source%207".to_owned()),
        one("snapshots of no source", "/snapshots?source=nothing".to_owned()),
        one("sources", "/sources".to_owned()),
        one("policies", "/policies".to_owned()),
        one("repositories", "/repositories".to_owned()),
        one("audit", "/audit".to_owned()),
        one("users", "/users".to_owned()),
    ])
}

fn latencies(connection: &mut Connection, pages: &[Page], rounds: usize, results: &mut Results) -> io::Result<()> {
    let mut slowest = 0f64;
    for page in pages {
        let mut taken = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let begun = Instant::now();
            for path in &page.paths {
                connection.get(path).map_err(|error| io::Error::other(format!("{path}: {error}")))?;
            }
            taken.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        let p95 = percentile(&mut taken, 95);
        results.figure(&format!("{}, 95th percentile", page.name), p95, "ms");
        match page.name.as_str() {
            "overview" => results.goals.push(Goal::at_most("overview".to_owned(), GOAL_OVERVIEW_MS, Some(p95), "ms")),
            _ => slowest = slowest.max(p95),
        }
    }
    results.goals.push(Goal::at_most("slowest list".to_owned(), GOAL_LIST_MS, Some(slowest), "ms"));
    Ok(())
}

/// The value that so many of a hundred do not exceed, by nearest rank.
fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1) - 1;
    values.get(rank).copied().unwrap_or(0.0)
}

/// Many clients, each with a connection of its own, one list after another.
fn crowd(
    server: &Server,
    connection: &Connection,
    pages: &[Page],
    (clients, duration): (u64, Duration),
    results: &mut Results,
) -> io::Result<()> {
    let (stop, answered, errors) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let first_error = std::sync::Mutex::new(None);
    let work = |number: u64, mut connection: Connection| {
        let mut at = number as usize;
        while !stop.load(Ordering::Relaxed) {
            let page = &pages[at % pages.len()];
            for path in &page.paths {
                match connection.get(path) {
                    Ok(_) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                    Err(error) => {
                        errors.fetch_add(1, Ordering::Relaxed);
                        if let Ok(mut first) = first_error.lock() {
                            first.get_or_insert_with(|| format!("{path}: {error}"));
                        }
                        // Where its connection is gone, so is this client.
                        return;
                    }
                }
            }
            at += 1;
        }
    };
    let connections = (0..clients).map(|_| connection.another()).collect::<io::Result<Vec<_>>>()?;
    let begun = Instant::now();
    let (early, late) = std::thread::scope(|scope| -> io::Result<(u64, u64)> {
        for (number, connection) in connections.into_iter().enumerate() {
            let work = &work;
            scope.spawn(move || work(number as u64, connection));
        }
        pause(duration / 4);
        let early = server.resident_bytes();
        pause(duration - duration / 4);
        let late = server.resident_bytes();
        stop.store(true, Ordering::Relaxed);
        Ok((early?, late?))
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    results.figure("requests of all clients", answered.load(Ordering::Relaxed) as f64 / seconds, "per second");
    results.figure("resident memory with all clients", late as f64 / 1e6, "MB");
    let growth = late as f64 / early.max(1) as f64;
    results.goals.push(Goal::at_most("growth of memory with all clients".to_owned(), GOAL_GROWTH, Some(growth), "x"));
    let errors = errors.load(Ordering::Relaxed) as f64;
    results.goals.push(Goal::at_most("errors of all clients".to_owned(), 0.0, Some(errors), ""));
    results.wrong.extend(first_error.into_inner().ok().flatten());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut values: Vec<f64> = (1..=40).rev().map(f64::from).collect();
        assert_eq!((percentile(&mut values, 95), percentile(&mut values, 50)), (38.0, 20.0));
        assert_eq!((percentile(&mut [7.0], 95), percentile(&mut [], 95)), (7.0, 0.0));
    }
}
