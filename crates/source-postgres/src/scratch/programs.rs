//! Where the programs of a server are.

use crate::schema::FOLDERS;
use datakeep_connector::ConnectorError;
use datakeep_model::{ErrorKind, escape_for_terminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The programs of one version: a server, and what makes its data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Programs {
    bin: PathBuf,
    major: u32,
}

impl Programs {
    /// The oldest version that is here and not older than `major`; or those in `named`, if it is new enough.
    pub fn find(major: u32, named: Option<&Path>) -> Result<Self, ConnectorError> {
        if let Some(bin) = named {
            let here = Self::at(bin).ok_or_else(|| {
                missing(format!("there are no `postgres` and `initdb` that can be run in {}", shown(bin)), major)
            })?;
            return match here.major >= major {
                true => Ok(here),
                false => Err(missing(format!("{} is of version {}", shown(bin), here.major), major)),
            };
        }
        let mut here: Vec<Self> = candidates().iter().filter_map(|bin| Self::at(bin)).collect();
        here.sort_by_key(|programs| programs.major);
        let newest = here.last().map(|programs| programs.major);
        here.into_iter().find(|programs| programs.major >= major).ok_or_else(|| {
            let there = newest.map_or("none is here".to_owned(), |newest| format!("the newest here is {newest}"));
            missing(format!("`postgres` and `initdb` of version {major} or newer are missing: {there}"), major)
        })
    }

    fn at(bin: &Path) -> Option<Self> {
        let output = Command::new(bin.join("postgres")).arg("--version").stdin(Stdio::null()).output().ok()?;
        let major = read_version(std::str::from_utf8(&output.stdout).ok()?)?;
        bin.join("initdb").is_file().then(|| Self { bin: bin.to_owned(), major })
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The server.
    pub(super) fn server(&self) -> PathBuf {
        self.bin.join("postgres")
    }

    /// What makes a server's data.
    pub(super) fn initdb(&self) -> PathBuf {
        self.bin.join("initdb")
    }

    /// The `pg_dump` beside them, if there is one.
    pub fn pg_dump(&self) -> Option<PathBuf> {
        Some(self.bin.join("pg_dump")).filter(|path| path.is_file())
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut bins = Vec::new();
    for (folder, bin) in FOLDERS {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        bins.extend(entries.flatten().map(|entry| entry.path().join(bin)));
    }
    bins.sort();
    bins
}

fn read_version(said: &str) -> Option<u32> {
    let version = said.trim().strip_prefix("postgres (PostgreSQL) ")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn shown(path: &Path) -> String {
    escape_for_terminal(path.as_os_str().as_encoded_bytes())
}

fn missing(message: String, major: u32) -> ConnectorError {
    ConnectorError::new(ErrorKind::Incompatible, message).with_hint(format!(
        "a drill needs a server of its own: install PostgreSQL {major} or newer (on Debian `postgresql-{major}`), or name the folder of its programs with --postgres-programs"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(read_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(read_version("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(read_version("initdb (PostgreSQL) 15.1\n"), None);
    }

    #[test]
    fn missing_programs_are_named_with_what_to_do() {
        let error = Programs::find(15, Some(Path::new("/nowhere"))).expect_err("none");
        assert!(error.message.contains("/nowhere") && error.message.contains("initdb"), "{error}");
        assert!(error.hint.is_some_and(|hint| hint.contains("postgresql-15")));
        let error = Programs::find(900, None).expect_err("none is so new");
        assert!(error.message.contains("900"), "{error}");
    }
}
