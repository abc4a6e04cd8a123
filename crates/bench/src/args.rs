//! The arguments of every bench, read by hand: `clap` lives at the door.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// What `--help` says of the options that all workloads share.
pub const HELP: &str = "\
\x20 --work DIR         folder on a real disk for data, repositories and restored trees (default: in the temporary folder)
  --tmpfs DIR        folder in memory for restores (default: /dev/shm)
  --TOOL PATH        the program of a tool (datakeep, bupstash, restic, borg, rustic; default: from PATH, else from the
                     folder of tools, else installed by apt or built by cargo into that folder)
  --skip LIST        of: datakeep,bupstash,restic,borg,rustic
  --rounds N         how often
  --quick            one round, and little data where the data are made
  --json FILE        write all raw figures
  --keep             leave repositories and restored trees behind
  --no-wait          do not wait five minutes after an earlier run has deleted its files
";

/// The names of the tools.
pub const TOOLS: [&str; 5] = ["datakeep", "bupstash", "restic", "borg", "rustic"];

/// How and where to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Folder on a disk.
    pub work: Option<PathBuf>,
    /// Folder in memory.
    pub tmpfs: PathBuf,
    /// Programs by name, where said.
    pub programs: Vec<(String, PathBuf)>,
    /// How often, where said.
    pub rounds: Option<usize>,
    /// One round and little data.
    pub quick: bool,
    /// Tools left out.
    pub skip: Vec<String>,
    /// Where raw figures go.
    pub json: Option<PathBuf>,
    /// Whether to leave everything behind.
    pub keep: bool,
    /// Whether to wait until the file system has forgotten an earlier run.
    pub wait: bool,
    /// Options of the workload itself, by name with its dashes.
    own: BTreeMap<String, String>,
}

impl Options {
    /// Reads the arguments after the name of the workload, which takes the options `own`, each with a value.
    pub fn parse(arguments: &[String], own: &[&str]) -> io::Result<Self> {
        let mut options = Self {
            work: None,
            tmpfs: PathBuf::from("/dev/shm"),
            programs: Vec::new(),
            rounds: None,
            quick: false,
            skip: Vec::new(),
            json: None,
            keep: false,
            wait: true,
            own: BTreeMap::new(),
        };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            match name.as_str() {
                "--quick" => options.quick = true,
                "--keep" => options.keep = true,
                "--no-wait" => options.wait = false,
                _ => {
                    let value = rest.next().ok_or_else(|| wrong(format!("{name} is unknown or needs a value")))?;
                    if own.contains(&name.as_str()) {
                        options.own.insert(name.clone(), value.clone());
                    } else {
                        options.set(name, value)?;
                    }
                }
            }
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> io::Result<()> {
        match name {
            "--work" => self.work = Some(value.into()),
            "--tmpfs" => self.tmpfs = value.into(),
            "--json" => self.json = Some(value.into()),
            "--rounds" => {
                let rounds = value.parse().ok().filter(|&rounds| rounds > 0);
                self.rounds = Some(rounds.ok_or_else(|| wrong(format!("{value} is not a number of rounds")))?);
            }
            "--skip" => {
                for tool in value.split(',') {
                    if !TOOLS.contains(&tool) {
                        return Err(wrong(format!("{tool} is not one of {}", TOOLS.join(", "))));
                    }
                    self.skip.push(tool.to_owned());
                }
            }
            _ => match name.strip_prefix("--").filter(|tool| TOOLS.contains(tool)) {
                Some(tool) => self.programs.push((tool.to_owned(), value.into())),
                None => return Err(wrong(format!("unknown option {name}"))),
            },
        }
        Ok(())
    }

    /// How often, where the workload's usual number is `usual`.
    pub fn rounds(&self, usual: usize) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { usual })
    }

    /// One of the workload's own options.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.own.get(name).map(String::as_str)
    }

    /// One of the workload's own options, a number above zero; else `quick` or `usual`.
    pub fn number(&self, name: &str, usual: u64, quick: u64) -> io::Result<u64> {
        match self.text(name) {
            None => Ok(if self.quick { quick } else { usual }),
            Some(text) => {
                let number = text.parse().ok().filter(|&number| number > 0);
                number.ok_or_else(|| wrong(format!("{name} {text}: not a number above zero")))
            }
        }
    }
}

/// An error of whoever typed the command.
pub fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Options as they would be typed.
    pub fn parse(line: &str, own: &[&str]) -> io::Result<Options> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>(), own)
    }

    #[test]
    fn arguments_are_read() {
        let line = "--files 12 --rounds 3 --skip datakeep --bupstash b";
        let options = parse(line, &["--files"]).expect("valid");
        assert_eq!(options.rounds(5), 3);
        assert_eq!(options.skip, ["datakeep"]);
        assert_eq!(options.programs, [("bupstash".to_owned(), "b".into())]);
        assert_eq!(options.number("--files", 7, 8).expect("a number"), 12);
        assert_eq!(options.number("--others", 7, 8).expect("a number"), 7);
        let quick = parse("--quick", &[]).expect("valid");
        assert_eq!((quick.rounds(5), quick.number("--files", 7, 8).expect("a number")), (1, 8));
    }

    #[test]
    fn wrong_arguments_are_named() {
        for line in ["--rounds 0", "--rounds many", "--skip tar", "--what", "--what now", "--files 1", "--work"] {
            assert!(parse(line, &[]).is_err(), "{line}");
        }
        let files = parse("--files none", &["--files"]).expect("its value is read later");
        assert!(files.number("--files", 1, 1).is_err());
    }
}
