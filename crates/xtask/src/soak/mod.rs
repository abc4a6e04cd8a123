//! `cargo xtask soak`: writers, a collector, readers and a copier to a second repository at once, through the real program,
//! with kills and a disk that is full, until the time is over; then everything that was promised is looked at. With `--plant` it
//! harms stored packs itself and is good when it finds that out.

mod actors;
mod content;
mod database;
mod finale;
mod ledger;
mod plant;
mod program;
mod second;
mod tree;

use anyhow::{Context, Result, bail};
use ledger::Ledger;
use program::Program;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Every operation and every fault. One that never happened makes the soak worthless.
const MUST_HAPPEN: &[&str] = &[
    "backup",
    "backup killed",
    "backup full",
    DATABASE_BACKUP,
    "backup of a database killed",
    "backup of a database full",
    DATABASE_RESTORE,
    "forget",
    "forget killed",
    "gc",
    "gc killed",
    "gc full",
    "gc that moved data",
    "gc that gave up a run",
    "repair",
    "repair killed",
    "repair of records",
    "check",
    "check --read-data",
    "check killed",
    "restore",
    "restore killed",
    "copy",
    "copy killed",
    "copy full",
    "copy that was made",
    "forget there",
    "gc there",
    "gc there killed",
    "restore there",
];

/// Writers at once. In the ledger, the database that the first of them keeps is of a writer after the last.
const WRITERS: u64 = 3;

/// The database as a source, and its folder.
const DATABASE: &str = "database";
const DATABASE_BACKUP: &str = "backup of a database";
const DATABASE_RESTORE: &str = "restore of a database";

/// What all actors share.
struct Soak {
    folder: PathBuf,
    program: Program,
    ledger: Ledger,
    /// What is in the second repository.
    copies: Ledger,
    ends: Instant,
    stop: AtomicBool,
    counts: Mutex<BTreeMap<String, u64>>,
    faults: Mutex<Vec<String>>,
    /// Harm is planted: faults are what is wanted.
    expects_faults: bool,
    /// Names of packs that were harmed on purpose.
    harmed: Mutex<BTreeSet<String>>,
}

impl Soak {
    fn new(folder: &Path, plan: &Plan) -> Result<Self> {
        let program = Program::new(folder)?;
        ["home", "tmp"].iter().try_for_each(|name| std::fs::create_dir_all(folder.join(name)))?;
        Ok(Self {
            folder: folder.to_owned(),
            program,
            ledger: Ledger::default(),
            copies: Ledger::default(),
            ends: Instant::now() + plan.time,
            stop: AtomicBool::new(false),
            counts: Mutex::default(),
            faults: Mutex::default(),
            expects_faults: plan.plants,
            harmed: Mutex::default(),
        })
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.ends && !self.stop.load(Ordering::SeqCst)
    }

    fn count(&self, what: &str) {
        *lock(&self.counts).entry(what.to_owned()).or_default() += 1;
    }

    /// Something that must not be; everyone stops, so that the repository stays as it is.
    fn fault(&self, what: String) {
        if !self.expects_faults {
            eprintln!("soak: FAULT: {what}");
        }
        lock(&self.faults).push(what);
        self.stop.store(true, Ordering::SeqCst);
    }

    /// An actor's work until the end; what it cannot do at all is a fault of the soak.
    fn act(&self, name: &str, mut work: impl FnMut() -> Result<()>) {
        while self.goes_on() {
            if let Err(error) = work() {
                self.fault(format!("{name}: {error:#}"));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the arguments and soaks. The answer is false when something was wrong.
pub fn run(arguments: &[&str]) -> Result<bool> {
    let plan = Plan::parse(arguments)?;
    build()?;
    let folder = tempfile::Builder::new().prefix("datakeep-soak-").tempdir()?;
    println!("soak: {} s, again with: {}", plan.time.as_secs(), plan.again());
    let soak = Soak::new(folder.path(), &plan)?;
    soak.program.run(&["init", "--kdf-memory", "1", "--kdf-passes", "1", "--no-recovery-code"])?.done("init")?;
    second::init(&soak)?;
    std::thread::scope(|scope| {
        for number in 0..WRITERS {
            let soak = &soak;
            scope.spawn(move || actors::writer(soak, number, plan.seed));
        }
        scope.spawn(|| actors::janitor(&soak, plan.seed));
        scope.spawn(|| actors::reader(&soak, plan.seed));
        scope.spawn(|| second::copier(&soak, plan.seed));
        scope.spawn(|| second::keeper(&soak, plan.seed));
        if plan.plants {
            scope.spawn(|| plant::harm(&soak));
        }
    });
    if lock(&soak.faults).is_empty() {
        // With planted harm, this is where it is found at the latest.
        finale::play(&soak).unwrap_or_else(|error| soak.fault(format!("{error:#}")));
    } else if !plan.plants {
        let still = soak.program.run(&["check", "--read-data"])?;
        println!("soak: the repository when all is quiet: {}", still.words());
    }
    if plan.plants {
        let is_found = plant::is_found(&soak)?;
        if !is_found {
            println!("soak: again with: {}", plan.again());
        }
        return Ok(is_found);
    }
    Ok(summary(&soak, &plan, folder))
}

fn summary(soak: &Soak, plan: &Plan, folder: tempfile::TempDir) -> bool {
    let counts = lock(&soak.counts);
    for (what, count) in counts.iter() {
        println!("soak: {count:6}  {what}");
    }
    let faults = lock(&soak.faults);
    let never: Vec<&str> = MUST_HAPPEN.iter().copied().filter(|what| !counts.contains_key(*what)).collect();
    for fault in faults.iter() {
        println!("soak: FAULT: {fault}");
    }
    if faults.is_empty() && !never.is_empty() {
        println!("soak: never happened, so nothing is proven: {}", never.join(", "));
    }
    if faults.is_empty() && never.is_empty() {
        println!("soak: all good");
        return true;
    }
    println!("soak: everything is left in {}", folder.keep().display());
    println!("soak: again with: {}", plan.again());
    false
}

fn build() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["build", "--quiet", "-p", "datakeep-cli"]).status().context("run cargo")?;
    if status.success() { Ok(()) } else { bail!("datakeep does not build") }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    time: Duration,
    seed: u64,
    /// Harms packs on the way, which must be found.
    plants: bool,
}

impl Plan {
    fn parse(arguments: &[&str]) -> Result<Self> {
        let mut plan =
            Self { time: Duration::from_secs(3600), seed: RandomState::new().hash_one(0) >> 32, plants: false };
        let mut rest = arguments.iter();
        while let Some(&name) = rest.next() {
            if name == "--plant" {
                plan.plants = true;
                continue;
            }
            let value = rest.next().with_context(|| format!("{name} needs a value"))?;
            let number: u64 = value.parse().with_context(|| format!("{value} is not a number"))?;
            match name {
                "--seconds" => plan.time = Duration::from_secs(number),
                "--seed" => plan.seed = number,
                _ => bail!("unknown option {name}; there are --seconds, --seed and --plant"),
            }
        }
        Ok(plan)
    }

    fn again(&self) -> String {
        let plant = if self.plants { " --plant" } else { "" };
        format!("./x soak --seconds {} --seed {}{plant}", self.time.as_secs(), self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let plan = Plan::parse(&["--seconds", "5", "--seed", "7"]).expect("well-formed");
        assert_eq!(plan, Plan { time: Duration::from_secs(5), seed: 7, plants: false });
        assert_eq!(plan.again(), "./x soak --seconds 5 --seed 7");
        assert_eq!(Plan { plants: true, ..plan }.again(), "./x soak --seconds 5 --seed 7 --plant");
        for wrong in [&["--seconds"][..], &["--seconds", "soon"], &["--hours", "5"]] {
            assert!(Plan::parse(wrong).is_err());
        }
    }
}
