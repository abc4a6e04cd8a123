//! `cargo xtask soak`: repeats the integration tests with ever new seeds until the time is over or one fails.

use anyhow::{Context, Result, bail};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The variable the tests take their seed from.
const SEED: &str = "DATAKEEP_SEED";

/// Reads the arguments and soaks. The answer is false when a seed failed.
pub fn run(arguments: &[&str]) -> Result<bool> {
    let plan = Plan::parse(arguments)?;
    if !uses_seed(Path::new("crates").join(plan.package.trim_start_matches("datakeep-")).as_path())? {
        bail!("no test of `{}` reads {SEED}, so new seeds would repeat one and the same run", plan.package);
    }
    if !cargo(&plan.package, 0, &["--no-run"])? {
        bail!("the tests of `{}` do not build", plan.package);
    }
    let started = Instant::now();
    let mut runs = 0_u64;
    while started.elapsed() < plan.time {
        let seed = RandomState::new().hash_one(runs);
        if !cargo(&plan.package, seed, &[])? {
            println!(
                "soak: failed after {runs} good runs. Again: {SEED}={seed} cargo test -p {} --tests",
                plan.package
            );
            return Ok(false);
        }
        runs += 1;
    }
    println!("soak: {runs} runs in {} s, each with another seed, all good", started.elapsed().as_secs());
    Ok(true)
}

#[derive(Debug, PartialEq, Eq)]
struct Plan {
    time: Duration,
    package: String,
}

impl Plan {
    fn parse(arguments: &[&str]) -> Result<Self> {
        let mut plan = Self { time: Duration::from_secs(3600), package: "datakeep-engine".to_owned() };
        let mut rest = arguments.iter();
        while let Some(&name) = rest.next() {
            let value = rest.next().with_context(|| format!("{name} needs a value"))?;
            match name {
                "--minutes" => {
                    let minutes: u64 = value.parse().with_context(|| format!("{value} is not a number of minutes"))?;
                    plan.time = Duration::from_secs(minutes * 60);
                }
                "--package" => plan.package = format!("datakeep-{}", value.trim_start_matches("datakeep-")),
                _ => bail!("unknown option {name}; there are --minutes and --package"),
            }
        }
        Ok(plan)
    }
}

/// Whether any Rust file below `folder` names the variable.
fn uses_seed(folder: &Path) -> Result<bool> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        let found = if path.is_dir() {
            uses_seed(&path)?
        } else {
            path.extension().is_some_and(|end| end == "rs") && std::fs::read_to_string(&path)?.contains(SEED)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

fn cargo(package: &str, seed: u64, more: &[&str]) -> Result<bool> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["test", "--quiet", "-p", package, "--tests"];
    let mut command = Command::new(cargo);
    command.args(arguments).args(more).env(SEED, seed.to_string());
    Ok(command.status().context("run cargo")?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let plan = Plan::parse(&["--minutes", "5", "--package", "store"]).expect("well-formed");
        assert_eq!(plan, Plan { time: Duration::from_secs(300), package: "datakeep-store".into() });
        assert!(Plan::parse(&["--minutes"]).is_err());
        assert!(Plan::parse(&["--minutes", "soon"]).is_err());
        assert!(Plan::parse(&["--hours", "5"]).is_err());
    }
}
