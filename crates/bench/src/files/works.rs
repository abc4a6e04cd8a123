//! The kinds of work of this workload, and which are wanted.

use crate::args::{Options, wrong};
use std::io;

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

    /// What people read.
    pub fn title(self, disk: &str) -> String {
        match self {
            Self::First => "first backup".to_owned(),
            Self::Unchanged => "unchanged".to_owned(),
            Self::Check => "check, every byte read".to_owned(),
            Self::RestoreMemory => "restore to memory".to_owned(),
            Self::RestoreDisk => format!("restore to {disk}"),
        }
    }
}

/// What is wanted of this workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What; the first backup is always done, as everything else needs it.
    pub works: Vec<Work>,
    /// Whether to kill datakeep half way.
    pub kill: bool,
}

impl Wanted {
    /// Reads `--only`.
    pub fn from(options: &Options) -> io::Result<Self> {
        let Some(only) = options.text("--only") else {
            return Ok(Self { works: Work::ALL.to_vec(), kill: true });
        };
        let names: Vec<&str> = only.split(',').collect();
        let known = |name: &str| name == "kill" || Work::ALL.iter().any(|work| work.name() == name);
        if let Some(unknown) = names.iter().find(|name| !known(name)) {
            return Err(wrong(format!("{unknown} is not a work of this bench")));
        }
        let works = Work::ALL.into_iter().filter(|work| *work == Work::First || names.contains(&work.name()));
        Ok(Self { works: works.collect(), kill: names.contains(&"kill") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::tests::parse;

    #[test]
    fn works_are_chosen() {
        let wanted = |line| parse(line, &["--only"]).and_then(|options| Wanted::from(&options));
        let some = wanted("--only unchanged,restore-ext4").expect("valid");
        assert_eq!(some.works, [Work::First, Work::Unchanged, Work::RestoreDisk]);
        assert!(!some.kill && wanted("").expect("valid").kill);
        assert!(wanted("--only everything").is_err());
    }
}
