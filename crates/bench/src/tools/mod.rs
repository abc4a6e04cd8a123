//! The tools under measure and how each is called. Every tool has its own home, cache and repository for each round.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a tool keeps things in one round.
#[derive(Clone, Debug)]
pub struct Place {
    /// The repository.
    pub repository: PathBuf,
    /// Caches, keys, logs.
    pub private: PathBuf,
}

impl Place {
    /// A new place below `folder`.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let place = Self { repository: folder.join("repository"), private: folder.join("private") };
        fs::create_dir_all(&place.private)?;
        Ok(place)
    }

    /// A command with nothing of the user's environment but PATH.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", &self.private).env("XDG_CACHE_HOME", self.private.join("cache"));
        command.env("LANG", "C.UTF-8");
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
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
    /// Commands that make an empty repository; not measured.
    fn prepare(&self, place: &Place) -> Vec<Command>;
    /// Backs the tree up; `tag` names this backup.
    fn backup(&self, place: &Place, tree: &Path, tag: &str) -> Command;
    /// Restores the tree into the existing empty folder `to`.
    fn restore(&self, place: &Place, tree: &Path, to: &Path) -> Command;
    /// Proves every stored byte; nothing when the tool cannot.
    fn check(&self, place: &Place) -> Option<Command>;

    /// What it calls itself.
    fn version(&self) -> io::Result<String> {
        let output = Command::new(self.program()).arg(self.version_argument()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.lines().next().unwrap_or("unknown version").to_owned())
    }
}

/// The tool of a name.
pub fn tool(name: &str, program: PathBuf) -> Option<Box<dyn Tool>> {
    match name {
        "datakeep" => Some(Box::new(Datakeep(program))),
        "bupstash" => Some(Box::new(Bupstash(program))),
        "restic" => Some(Box::new(Restic(program))),
        _ => None,
    }
}

struct Datakeep(PathBuf);

impl Datakeep {
    fn command(&self, place: &Place, verb: &str) -> Command {
        let mut command = place.command(&self.0);
        command.env("DATAKEEP_PASSWORD", "a bench").env("DATAKEEP_CACHE_DIR", place.private.join("cache"));
        command.arg(verb).arg("--repo").arg(&place.repository);
        command
    }
}

impl Tool for Datakeep {
    fn name(&self) -> &'static str {
        "datakeep"
    }

    fn program(&self) -> &Path {
        &self.0
    }

    fn prepare(&self, place: &Place) -> Vec<Command> {
        let mut init = self.command(place, "init");
        init.arg("--quiet");
        vec![init]
    }

    fn backup(&self, place: &Place, tree: &Path, _tag: &str) -> Command {
        let mut command = self.command(place, "backup");
        command.arg("--quiet").arg(tree);
        command
    }

    fn restore(&self, place: &Place, tree: &Path, to: &Path) -> Command {
        let mut selection = std::ffi::OsString::from("latest:");
        selection.push(tree);
        let mut command = self.command(place, "restore");
        command.arg("--quiet").arg(selection).arg("--to").arg(to);
        command
    }

    fn check(&self, place: &Place) -> Option<Command> {
        let mut command = self.command(place, "check");
        command.arg("--quiet").arg("--read-data");
        Some(command)
    }
}

struct Bupstash(PathBuf);

impl Bupstash {
    fn command(&self, place: &Place, verb: &str) -> Command {
        let mut command = place.command(&self.0);
        command.arg(verb).arg("-q").arg("-k").arg(place.private.join("key")).arg("-r").arg(&place.repository);
        command
    }
}

impl Tool for Bupstash {
    fn name(&self) -> &'static str {
        "bupstash"
    }

    fn program(&self) -> &Path {
        &self.0
    }

    fn prepare(&self, place: &Place) -> Vec<Command> {
        let mut init = place.command(&self.0);
        init.arg("init").arg("-r").arg(&place.repository);
        let mut key = place.command(&self.0);
        key.arg("new-key").arg("-o").arg(place.private.join("key"));
        vec![init, key]
    }

    fn backup(&self, place: &Place, tree: &Path, tag: &str) -> Command {
        let mut command = self.command(place, "put");
        command.arg("--send-log").arg(place.private.join("send-log")).arg(format!("name={tag}")).arg(tree);
        command
    }

    fn restore(&self, place: &Place, _tree: &Path, to: &Path) -> Command {
        let mut command = self.command(place, "restore");
        command.arg("--query-cache").arg(place.private.join("query-cache")).arg("--into").arg(to).arg("name=first");
        command
    }

    fn check(&self, _place: &Place) -> Option<Command> {
        None
    }
}

struct Restic(PathBuf);

impl Restic {
    fn command(&self, place: &Place, verb: &str) -> Command {
        let mut command = place.command(&self.0);
        command.env("RESTIC_PASSWORD", "a bench").arg("-q").arg("-r").arg(&place.repository);
        command.arg("--cache-dir").arg(place.private.join("cache")).arg(verb);
        command
    }
}

impl Tool for Restic {
    fn name(&self) -> &'static str {
        "restic"
    }

    fn program(&self) -> &Path {
        &self.0
    }

    fn version_argument(&self) -> &'static str {
        "version"
    }

    fn prepare(&self, place: &Place) -> Vec<Command> {
        vec![self.command(place, "init")]
    }

    fn backup(&self, place: &Place, tree: &Path, _tag: &str) -> Command {
        let mut command = self.command(place, "backup");
        command.arg(tree);
        command
    }

    fn restore(&self, place: &Place, _tree: &Path, to: &Path) -> Command {
        let mut command = self.command(place, "restore");
        command.arg("latest").arg("--target").arg(to);
        command
    }

    fn check(&self, place: &Place) -> Option<Command> {
        let mut command = self.command(place, "check");
        command.arg("--read-data");
        Some(command)
    }
}
