//! The program as a child: undisturbed, killed at a random moment, or on a disk that holds no more.

use super::second;
use anyhow::{Context, Result, bail};
use datakeep_testkit::XorShift;
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What happens to a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Nothing,
    /// SIGKILL after this time.
    Kill(Duration),
    /// No file may grow beyond so many blocks of 512 bytes.
    Full(u64),
}

impl Fate {
    /// About every third child meets something; `Full` where it writes, below so many blocks.
    pub fn random(chance: &mut XorShift, most_blocks: Option<u64>) -> Self {
        match chance.below(8) {
            0 | 1 => Self::Kill(Duration::from_micros(1 << chance.below(19) | chance.below(4000))),
            2 => most_blocks.map_or(Self::Nothing, |most| Self::Full(chance.below(most))),
            _ => Self::Nothing,
        }
    }
}

/// How a child ended, and what it said.
pub struct Ended {
    pub fate: Fate,
    pub status: ExitStatus,
    out: String,
    err: String,
}

/// Exit codes of the contract.
const BUSY: i32 = 11;
const SOURCE: i32 = 13;
const STORE: i32 = 14;
const DAMAGED: i32 = 15;

impl Ended {
    /// The last line as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(self.out.lines().last().unwrap_or_default()).with_context(|| self.words())
    }

    pub fn was_killed(&self) -> bool {
        matches!(self.fate, Fate::Kill(_)) && self.status.signal() == Some(9)
    }

    /// It looked, and found damage.
    pub fn found_damage(&self) -> bool {
        self.status.code() == Some(DAMAGED)
    }

    pub fn was_full(&self) -> bool {
        matches!(self.fate, Fate::Full(_)) && self.status.code() == Some(STORE)
    }

    /// The same, where the source needs a file of its own.
    pub fn was_full_at_source(&self) -> bool {
        matches!(self.fate, Fate::Full(_)) && self.status.code() == Some(SOURCE)
    }

    pub fn was_busy(&self) -> bool {
        self.status.code() == Some(BUSY)
    }

    pub fn words(&self) -> String {
        format!("{:?}, {}: {} {}", self.fate, self.status, self.out.trim(), self.err.trim())
    }

    /// It must have succeeded.
    pub fn done(self, what: &str) -> Result<Self> {
        if self.status.success() { Ok(self) } else { bail!("{what}: {}", self.words()) }
    }
}

/// The built program and where it works.
pub struct Program {
    binary: PathBuf,
    folder: PathBuf,
    runs: AtomicU64,
}

impl Program {
    pub fn new(folder: &Path) -> Result<Self> {
        let own = std::env::current_exe().context("find this program")?;
        Ok(Self { binary: own.with_file_name("datakeep"), folder: folder.to_owned(), runs: AtomicU64::new(0) })
    }

    /// Runs it undisturbed.
    pub fn run(&self, arguments: &[&str]) -> Result<Ended> {
        self.meet(Fate::Nothing, arguments)
    }

    /// Runs it and lets it meet its fate.
    pub fn meet(&self, fate: Fate, arguments: &[&str]) -> Result<Ended> {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let (out, err) = (self.folder.join(format!("out-{number}")), self.folder.join(format!("err-{number}")));
        let mut command = self.command(fate);
        command.args(arguments).stdout(sink(fate, &out)?).stderr(sink(fate, &err)?);
        let mut child = command.spawn().with_context(|| format!("run {}", self.binary.display()))?;
        // Read while it runs: a child that says more than a pipe holds would wait for ever.
        let pipes = (child.stdout.take().map(drain), child.stderr.take().map(drain));
        let status = end(&mut child, fate).with_context(|| format!("datakeep {}", arguments.join(" ")))?;
        let (out, err) = (said(pipes.0, &out)?, said(pipes.1, &err)?);
        Ok(Ended { fate, status, out, err })
    }

    fn command(&self, fate: Fate) -> Command {
        let mut command = match fate {
            Fate::Full(blocks) => {
                let mut shell = Command::new("sh");
                let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
                shell.args(["-c", &script]).arg(&self.binary);
                shell
            }
            _ => Command::new(&self.binary),
        };
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LANG", "C.UTF-8");
        command.env("HOME", self.folder.join("home")).env("DATAKEEP_REPO", self.folder.join("repo"));
        command.env("TMPDIR", self.folder.join("tmp"));
        command.envs(second::environment(&self.folder));
        command.env("DATAKEEP_PASSWORD", "soak").current_dir(&self.folder).stdin(Stdio::null());
        command
    }
}

/// Where a child speaks to: a file, which takes any length, or a pipe, which is no file that could be too long.
fn sink(fate: Fate, path: &Path) -> Result<Stdio> {
    Ok(if matches!(fate, Fate::Full(_)) { Stdio::piped() } else { File::create(path)?.into() })
}

type Drained = JoinHandle<std::io::Result<Vec<u8>>>;

fn drain(mut pipe: impl Read + Send + 'static) -> Drained {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).map(|_| bytes)
    })
}

fn said(pipe: Option<Drained>, path: &Path) -> Result<String> {
    let bytes = match pipe {
        Some(pipe) => pipe.join().map_err(|_| anyhow::anyhow!("a reader of a pipe panicked"))??,
        None => {
            let bytes = std::fs::read(path)?;
            std::fs::remove_file(path)?;
            bytes
        }
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// How long a child may take: one that hangs is a fault. Long enough for a copy of all that several writers have made since the
/// last one, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);

fn end(child: &mut Child, fate: Fate) -> Result<ExitStatus> {
    let (_quiet, clock) = mpsc::channel::<()>();
    let wait = |time: Duration| {
        let _ = clock.recv_timeout(time);
    };
    if let Fate::Kill(after) = fate {
        wait(after);
        child.kill().context("kill")?;
        return child.wait().context("wait");
    }
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("wait")? {
            return Ok(status);
        }
        if begun.elapsed() > PATIENCE {
            child.kill().context("kill")?;
            bail!("a child hung for {PATIENCE:?}: {:?}", child.wait());
        }
        wait(Duration::from_millis(2));
    }
}
