//! The arguments of the bench, read by hand: `clap` lives at the door.

use std::path::PathBuf;

/// What `--help` says.
pub const HELP: &str = "\
datakeep-bench files [OPTIONS]

  --tree DIR         tree to back up (default: Debian's Linux source 6.1, installed and unpacked when missing)
  --work DIR         folder on a real disk for repositories and restored trees (default: in the temporary folder)
  --tmpfs DIR        folder in memory for restores (default: /dev/shm)
  --datakeep PATH    release build of datakeep (default: from PATH)
  --bupstash PATH    (default: from PATH, else built by cargo into the work folder)
  --restic PATH      (default: from PATH, else installed by apt)
  --rounds N         rounds, 5 unless said otherwise
  --quick            one round
  --only LIST        of: first,unchanged,check,restore-tmpfs,restore-ext4,kill
  --skip LIST        of: datakeep,bupstash,restic
  --json FILE        write all raw figures
  --keep             leave repositories and restored trees behind
  --no-wait          do not wait five minutes after an earlier run has deleted its files
";

/// One kind of work that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// Into an empty repository.
    First,
    /// Again, nothing has changed.
    Unchanged,
    /// Every stored byte read and proven.
    Check,
    /// Into a folder in memory.
    RestoreMemory,
    /// Into a new folder on the disk.
    RestoreDisk,
}

impl Work {
    /// All, in the order they are done.
    pub const ALL: [Self; 5] = [Self::First, Self::Unchanged, Self::Check, Self::RestoreMemory, Self::RestoreDisk];

    /// The name on the command line and in the results.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Unchanged => "unchanged",
            Self::Check => "check",
            Self::RestoreMemory => "restore-tmpfs",
            Self::RestoreDisk => "restore-ext4",
        }
    }
}

/// What to measure, with what, where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Tree to back up.
    pub tree: Option<PathBuf>,
    /// Folder on a disk.
    pub work: Option<PathBuf>,
    /// Folder in memory.
    pub tmpfs: PathBuf,
    /// Programs by name, where said.
    pub programs: Vec<(String, PathBuf)>,
    /// How often.
    pub rounds: usize,
    /// What; the first backup is always done, as everything else needs it.
    pub works: Vec<Work>,
    /// Whether to kill datakeep half way.
    pub kill: bool,
    /// Tools left out.
    pub skip: Vec<String>,
    /// Where raw figures go.
    pub json: Option<PathBuf>,
    /// Whether to leave everything behind.
    pub keep: bool,
    /// Whether to wait until the file system has forgotten an earlier run.
    pub wait: bool,
}

/// The names of the tools.
pub const TOOLS: [&str; 3] = ["datakeep", "bupstash", "restic"];

impl Options {
    /// Reads the arguments after `files`.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            tree: None,
            work: None,
            tmpfs: PathBuf::from("/dev/shm"),
            programs: Vec::new(),
            rounds: 5,
            works: Work::ALL.to_vec(),
            kill: true,
            skip: Vec::new(),
            json: None,
            keep: false,
            wait: true,
        };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            match name.as_str() {
                "--quick" => options.rounds = 1,
                "--keep" => options.keep = true,
                "--no-wait" => options.wait = false,
                _ => {
                    let value = rest.next().ok_or_else(|| format!("{name} is unknown or needs a value"))?;
                    options.set(name, value)?;
                }
            }
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "--tree" => self.tree = Some(value.into()),
            "--work" => self.work = Some(value.into()),
            "--tmpfs" => self.tmpfs = value.into(),
            "--json" => self.json = Some(value.into()),
            "--datakeep" | "--bupstash" | "--restic" => self.programs.push((name[2..].to_owned(), value.into())),
            "--rounds" => {
                let rounds = value.parse().ok().filter(|&rounds| rounds > 0);
                self.rounds = rounds.ok_or_else(|| format!("{value} is not a number of rounds"))?;
            }
            "--only" => self.only(value)?,
            "--skip" => {
                for tool in value.split(',') {
                    if !TOOLS.contains(&tool) {
                        return Err(format!("{tool} is not one of {}", TOOLS.join(", ")));
                    }
                    self.skip.push(tool.to_owned());
                }
            }
            _ => return Err(format!("unknown option {name}")),
        }
        Ok(())
    }

    fn only(&mut self, value: &str) -> Result<(), String> {
        let names: Vec<&str> = value.split(',').collect();
        let known = |name: &str| name == "kill" || Work::ALL.iter().any(|work| work.name() == name);
        if let Some(unknown) = names.iter().find(|name| !known(name)) {
            return Err(format!("{unknown} is not a work of this bench"));
        }
        self.kill = names.contains(&"kill");
        self.works =
            Work::ALL.into_iter().filter(|work| *work == Work::First || names.contains(&work.name())).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_read() {
        let options =
            parse("--tree t --rounds 3 --only unchanged,restore-ext4 --skip datakeep --bupstash b").expect("valid");
        assert_eq!(options.tree, Some("t".into()));
        assert_eq!(options.rounds, 3);
        assert_eq!(options.works, [Work::First, Work::Unchanged, Work::RestoreDisk]);
        assert!(!options.kill);
        assert_eq!(options.skip, ["datakeep"]);
        assert_eq!(options.programs, [("bupstash".to_owned(), "b".into())]);
        assert_eq!(parse("--quick").expect("valid").rounds, 1);
    }

    #[test]
    fn wrong_arguments_are_named() {
        for line in
            ["--rounds 0", "--rounds many", "--only everything", "--skip borg", "--what", "--what now", "--tree"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
