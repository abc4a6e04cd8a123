//! The tools under measure and how each is called. Every tool has its own home, cache and repository for each round.

mod borg;
mod bupstash;
mod datakeep;
mod restic;
mod rustic;

use crate::measure::{self, Usage};
use crate::verify::{self, Size};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The password of every repository.
const PASSWORD: &str = "a bench";

/// A server that speaks S3, and a place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// `http://HOST:PORT`.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// What the names of this repository's objects begin with.
    pub prefix: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The public half of the key.
    pub key: String,
    /// The secret half of the key.
    pub secret: String,
}

/// Where a tool keeps things in one round.
#[derive(Clone, Debug)]
pub struct Place {
    /// The repository, where it is on the disk.
    pub repository: PathBuf,
    /// The repository, where it is not on the disk.
    pub remote: Option<Remote>,
    /// Caches, keys, logs.
    pub private: PathBuf,
}

impl Place {
    /// The place below `folder`, made when it is not there.
    pub fn create(folder: &Path, remote: Option<Remote>) -> io::Result<Self> {
        let place = Self { repository: folder.join("repository"), remote, private: folder.join("private") };
        fs::create_dir_all(&place.private)?;
        Ok(place)
    }

    /// What is stored in a repository on the disk.
    pub fn size(&self) -> io::Result<Size> {
        rustix::fs::sync();
        verify::size(&self.repository, false)
    }

    /// A command with nothing of the user's environment but PATH.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", &self.private).env("XDG_CACHE_HOME", self.private.join("cache"));
        command.env("LANG", "C.UTF-8");
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        if let Some(remote) = &self.remote {
            command.env("AWS_ACCESS_KEY_ID", &remote.key).env("AWS_SECRET_ACCESS_KEY", &remote.secret);
            command.env("AWS_REGION", &remote.region).env("AWS_DEFAULT_REGION", &remote.region);
            command.env("AWS_ENDPOINT_URL", &remote.endpoint);
        }
        command
    }
}

/// One backup tool.
pub trait Tool {
    /// Its name in the table.
    fn name(&self) -> &'static str;
    /// The program.
    fn program(&self) -> &Path;
    /// The arguments that make it tell its version.
    fn version_argument(&self) -> &'static str {
        "--version"
    }
    /// What it makes durable by default before it says that a backup is done, and with which settings it runs.
    fn durability(&self) -> &'static str;
    /// Whether it can keep a repository in S3.
    fn speaks_s3(&self) -> bool {
        false
    }
    /// Commands that make an empty repository; not measured.
    fn prepare(&self, place: &Place) -> Vec<Command>;
    /// Backs the tree up; `tag` names this backup.
    fn backup(&self, place: &Place, tree: &Path, tag: &str) -> Command;
    /// Restores what was backed up under `tag` from the tree into the existing empty folder `to`.
    fn restore(&self, place: &Place, tree: &Path, tag: &str, to: &Path) -> io::Result<Command>;
    /// Proves every stored byte; nothing when the tool cannot.
    fn check(&self, place: &Place) -> Option<Command>;
    /// Forgets the backups `gone` so that the newest `kept` stay, and gives the space back.
    fn forget(&self, place: &Place, gone: &[String], kept: usize) -> Vec<Command>;

    /// How it looks into databases and puts them back; nothing for a tool that knows files only.
    fn tables(&self) -> Option<&dyn Tables> {
        None
    }

    /// What it calls itself.
    fn version(&self) -> io::Result<String> {
        let output = Command::new(self.program()).arg(self.version_argument()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().next().unwrap_or("unknown version");
        Ok(if line.starts_with(self.name()) { line.to_owned() } else { format!("{}: {line}", self.name()) })
    }
}

/// What a tool does that captures tables and not the files in which they stand.
pub trait Tables {
    /// What [`Tool::backup`] is to back up: the database in this file.
    fn location(&self, database: &Path) -> PathBuf;
    /// Shows the row of a key, or without one the first row and how many there are, of a table of the backup `tag`.
    fn rows(&self, place: &Place, tag: &str, table: &str, key: Option<u64>) -> io::Result<Command>;
    /// Makes the new database `to` of the backup `tag`.
    fn restore(&self, place: &Place, tag: &str, to: &Path) -> io::Result<Command>;
}

/// The tool of a name.
pub fn tool(name: &str, program: PathBuf) -> Option<Box<dyn Tool>> {
    match name {
        "datakeep" => Some(Box::new(datakeep::Datakeep(program))),
        "bupstash" => Some(Box::new(bupstash::Bupstash(program))),
        "restic" => Some(Box::new(restic::Restic(program))),
        "borg" => Some(Box::new(borg::Borg(program))),
        "rustic" => Some(Box::new(rustic::Rustic(program))),
        _ => None,
    }
}

/// Makes an empty repository; not measured.
pub fn prepare(tool: &dyn Tool, folder: &Path, remote: Option<Remote>) -> io::Result<Place> {
    let place = Place::create(folder, remote)?;
    for mut command in tool.prepare(&place) {
        measure::run(&mut command, &folder.join("prepare.log"))?;
    }
    rustix::fs::sync();
    Ok(place)
}

/// Backs up and measures it; what it left to be written is written before this returns, unmeasured.
pub fn backup(tool: &dyn Tool, place: &Place, tree: &Path, tag: &str, log: &Path) -> io::Result<Usage> {
    written(&mut tool.backup(place, tree, tag), log)
}

/// Measures a command; what was to be written before it is written before, and what it left to be written after,
/// unmeasured.
pub fn written(command: &mut Command, log: &Path) -> io::Result<Usage> {
    rustix::fs::sync();
    let usage = measure::run(command, log);
    rustix::fs::sync();
    usage
}

/// Restores into the new folder `to` and measures it, as [`backup`] does.
pub fn restore(tool: &dyn Tool, place: &Place, (tree, tag): (&Path, &str), to: &Path, log: &Path) -> io::Result<Usage> {
    fs::create_dir(to)?;
    written(&mut tool.restore(place, tree, tag, to)?, log)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::TOOLS;

    #[test]
    fn every_tool_is_known_and_sees_no_foreign_environment() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let place = Place::create(dir.path(), None).expect("a place");
        for name in TOOLS {
            let tool = tool(name, PathBuf::from(name)).expect("known");
            assert_eq!(tool.name(), name);
            assert!(!tool.durability().is_empty());
            let command = tool.backup(&place, Path::new("/tree"), "one");
            assert!(command.get_envs().any(|(key, value)| key == "HOME" && value == Some(place.private.as_os_str())));
            assert!(command.get_args().any(|argument| argument == "/tree"), "{command:?}");
        }
        assert!(tool("tar", PathBuf::new()).is_none());
    }

    #[test]
    fn a_remote_place_is_told_by_the_environment_and_no_secret_by_an_argument() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let text = |text: &str| text.to_owned();
        let remote = Remote {
            endpoint: text("http://127.0.0.1:1"),
            bucket: text("b"),
            prefix: text("p"),
            region: text("r"),
            key: text("public-half"),
            secret: text("secret-half"),
        };
        let place = Place::create(dir.path(), Some(remote)).expect("a place");
        for name in TOOLS {
            let tool = tool(name, PathBuf::from(name)).expect("known");
            if tool.speaks_s3() {
                let command = tool.backup(&place, Path::new("/tree"), "one");
                assert!(command.get_envs().any(|(_, value)| value == Some("secret-half".as_ref())), "{command:?}");
                assert!(!command.get_args().any(|argument| argument.to_string_lossy().contains("secret-half")));
            }
        }
    }
}
