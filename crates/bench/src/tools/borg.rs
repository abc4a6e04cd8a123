//! Borg, with the compression of the others.

use super::{PASSWORD, Place, Tool};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Borg(pub PathBuf);

impl Borg {
    fn command(&self, place: &Place, verb: &str) -> Command {
        let mut command = place.command(&self.0);
        command.env("BORG_PASSPHRASE", PASSWORD).env("BORG_BASE_DIR", &place.private);
        command.arg("--error").arg(verb);
        command
    }

    fn archive(place: &Place, tag: &str) -> OsString {
        let mut name = place.repository.clone().into_os_string();
        name.push(format!("::{tag}"));
        name
    }
}

impl Tool for Borg {
    fn name(&self) -> &'static str {
        "borg"
    }

    fn program(&self) -> &Path {
        &self.0
    }

    fn durability(&self) -> &'static str {
        "syncs every segment and its folder (compression zstd,3, encryption repokey-blake2)"
    }

    fn prepare(&self, place: &Place) -> Vec<Command> {
        let mut init = self.command(place, "init");
        init.args(["--encryption", "repokey-blake2"]).arg(&place.repository);
        vec![init]
    }

    fn backup(&self, place: &Place, tree: &Path, tag: &str) -> Command {
        let mut command = self.command(place, "create");
        command.args(["--compression", "zstd,3"]).arg(Self::archive(place, tag)).arg(tree);
        command
    }

    fn restore(&self, place: &Place, _tree: &Path, tag: &str, to: &Path) -> io::Result<Command> {
        let mut command = self.command(place, "extract");
        command.arg(Self::archive(place, tag)).current_dir(to);
        Ok(command)
    }

    fn check(&self, place: &Place) -> Option<Command> {
        let mut command = self.command(place, "check");
        command.arg("--verify-data").arg(&place.repository);
        Some(command)
    }

    fn forget(&self, place: &Place, _gone: &[String], kept: usize) -> Vec<Command> {
        let mut prune = self.command(place, "prune");
        prune.arg("--keep-last").arg(kept.to_string()).arg(&place.repository);
        let mut compact = self.command(place, "compact");
        compact.arg(&place.repository);
        vec![prune, compact]
    }
}
