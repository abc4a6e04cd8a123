//! Backup and restore through a store that speaks S3, behind a bandwidth and a latency.

use crate::args::{Options, wrong};
use crate::data::Kind;
use crate::goal::Goal;
use crate::report::{self, Heading};
use crate::results::Results;
use crate::stage::{Stage, once};
use crate::tools::{self, Remote, Tool};
use crate::verify;
use datakeep_testkit_s3::{Dialect, Endpoint, Pace, S3Server};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Our own server, as the name of this program's work.
pub const CHILD: &str = "s3-server-of-our-own";

/// Options of this workload.
pub const OWN: &[&str] = &["--mib", "--endpoint", "--bucket", "--mb-per-second", "--request-ms"];
/// What `--help` says of them.
pub const HELP: &str = "\
\x20 --mib N            MiB of incompressible data (default 1024; with --quick 16)
  --endpoint URL     a server that is there, as it is; key, secret and region come from AWS_ACCESS_KEY_ID,
                     AWS_SECRET_ACCESS_KEY and AWS_REGION (default: a server of our own)
  --bucket NAME      a bucket that is there (default: bench)
  --mb-per-second N  what our own server lets through (default 50)
  --request-ms N     what it waits before it answers (default 30)
";

const BACKUP: &str = "backup";
const RESTORE: &str = "restore";

/// A server, the repositories in it, and what is known of its speed.
struct Server {
    remote: Remote,
    /// In words.
    speed: String,
    /// It ends with this.
    _process: Option<Running>,
}

/// What our own server is slowed down to.
struct Slowness {
    mb_per_second: u64,
    request_ms: u64,
}

/// The whole bench.
pub fn run(options: &Options) -> io::Result<bool> {
    let mib = options.number("--mib", 1024, 16)?;
    let rounds = options.rounds(3);
    let server = server(options)?;
    let stage = Stage::set(options, |name| !["bupstash", "borg"].contains(&name))?;
    let tree = once(&stage.work, &format!("s3-{mib}"), |half| files(half, mib))?;
    let size = verify::size(&tree, true)?;
    // Some tools keep what they upload in files for a while.
    stage.open(size.bytes, 2 * size.bytes)?;
    let mut results = Results::default();
    results.row(BACKUP, "backup, incompressible", size.bytes);
    results.row(RESTORE, "restore to memory", size.bytes);
    for round in 0..rounds {
        for tool in stage.in_turn(round).into_iter().filter(|tool| tool.speaks_s3()) {
            if let Err(error) = once_through(&stage, tool, round, (&server.remote, &tree), &mut results) {
                results.wrong.push(format!("{}: {error}", tool.name()));
            }
        }
    }
    judge(&mut results, size.bytes);
    let data = format!("{} files, {:.0} MB, incompressible; {}", size.files, size.bytes as f64 / 1e6, server.speed);
    let good = report::publish(&stage, &Heading { name: "s3", data, rounds }, &results)?;
    stage.close()?;
    Ok(good)
}

/// One file for each 16 MiB.
fn files(folder: &Path, mib: u64) -> io::Result<()> {
    for number in 0..mib.div_ceil(16) {
        let len_bytes = (mib - number * 16).min(16) << 20;
        Kind::Noise.write(&folder.join(format!("part-{number:05}.bin")), 1000 + number, len_bytes)?;
    }
    Ok(())
}

fn once_through(
    stage: &Stage,
    tool: &dyn Tool,
    round: usize,
    (remote, tree): (&Remote, &Path),
    results: &mut Results,
) -> io::Result<()> {
    let folder = stage.folder(tool, round);
    let prefix = stage.run.file_name().unwrap_or_default().to_string_lossy();
    let remote = Remote { prefix: format!("{prefix}-{}-{round}", tool.name()), ..remote.clone() };
    let place = tools::prepare(tool, &folder, Some(remote))?;
    let usage = tools::backup(tool, &place, tree, "first", &folder.join("backup.log"))?;
    results.sample(BACKUP, tool.name(), round, usage);
    let to = stage.memory.join(format!("{}-{round}", tool.name()));
    let usage = tools::restore(tool, &place, (tree, "first"), &to, &folder.join("restore.log"))?;
    results.sample(RESTORE, tool.name(), round, usage);
    results.compared(tool.name(), verify::differences(tree, &verify::restored_root(tree, &to))?);
    fs::remove_dir_all(&to)
}

fn judge(results: &mut Results, bytes: u64) {
    for work in [BACKUP, RESTORE] {
        let speed = results.wall(work, "datakeep").map(|wall_s| bytes as f64 / 1e6 / wall_s);
        results.goals.push(Goal::at_least(format!("{work} through S3"), 40.0, speed, "MB/s"));
    }
}

/// The server of the options, or our own.
fn server(options: &Options) -> io::Result<Server> {
    let bucket = options.text("--bucket").unwrap_or("bench").to_owned();
    let slowness = Slowness {
        mb_per_second: options.number("--mb-per-second", 50, 50)?,
        request_ms: options.number("--request-ms", 30, 30)?,
    };
    let Some(endpoint) = options.text("--endpoint") else { return start(&slowness) };
    let given = |name: &str| std::env::var(name).map_err(|_| wrong(format!("--endpoint needs {name} to be set")));
    let remote = Remote {
        endpoint: endpoint.trim_end_matches('/').to_owned(),
        bucket,
        prefix: String::new(),
        region: std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned()),
        key: given("AWS_ACCESS_KEY_ID")?,
        secret: given("AWS_SECRET_ACCESS_KEY")?,
    };
    Ok(Server { remote, speed: format!("the server at {endpoint}, as it is"), _process: None })
}

/// Starts our own server as a process of its own ([`crate::child`] says why).
fn start(slowness: &Slowness) -> io::Result<Server> {
    let Slowness { mb_per_second, request_ms } = slowness;
    let mut process = Command::new(std::env::current_exe()?)
        .args([CHILD, &mb_per_second.to_string(), &request_ms.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let out = process.stdout.take().ok_or_else(|| io::Error::other("the server has no output"))?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    let told: Value = serde_json::from_str(&line)?;
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    let remote = Remote {
        endpoint: text("endpoint"),
        bucket: text("bucket"),
        prefix: String::new(),
        region: text("region"),
        key: text("key"),
        secret: text("secret"),
    };
    let speed = format!("a server of our own at {mb_per_second} MB/s each way and {request_ms} ms a request");
    Ok(Server { remote, speed, _process: Some(Running(process)) })
}

/// A process that ends when nobody needs it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The process of our own server: bytes a second in millions, milliseconds a request. Prints one JSON document that says
/// where it is, and serves until its standard input ends.
pub fn child(arguments: &[String]) -> io::Result<()> {
    let number = |text: Option<&String>| text.and_then(|text| text.parse::<u64>().ok());
    let (Some(mb_per_second), Some(latency_ms)) = (number(arguments.first()), number(arguments.get(1))) else {
        return Err(wrong("two numbers are needed".to_owned()));
    };
    let server = S3Server::start(Dialect::strict());
    let rate = mb_per_second * 1_000_000;
    server.set_pace(Pace { latency_ms, in_bytes_per_s: rate, out_bytes_per_s: rate });
    let Endpoint { url, region, bucket, credentials } = server.endpoint();
    let (key, secret) = (credentials.access_key, credentials.secret_key);
    println!("{}", json!({"endpoint": url, "region": region, "bucket": bucket, "key": key, "secret": secret}));
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::tests::parse;
    use crate::measure::Usage;

    #[test]
    fn the_goal_is_a_speed() {
        let mut results = Results::default();
        results.sample(BACKUP, "datakeep", 0, Usage { wall_s: 2.0, ..Usage::default() });
        judge(&mut results, 100_000_000);
        assert_eq!((results.goals[0].found, results.goals[0].met()), (Some(50.0), Some(true)));
        assert_eq!(results.goals[1].met(), None);
    }

    #[test]
    fn an_endpoint_needs_its_key() {
        let options = parse("--endpoint http://127.0.0.1:1", OWN).expect("valid");
        let outcome = server(&options).map(drop);
        assert!(std::env::var("AWS_ACCESS_KEY_ID").is_ok() || outcome.is_err_and(|e| e.to_string().contains("AWS_")));
    }

    #[test]
    fn data_are_files_of_sixteen_mib() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        files(dir.path(), 17).expect("written");
        let size = verify::size(dir.path(), false).expect("measured");
        assert_eq!((size.files, size.bytes), (2, 17 << 20));
    }
}
