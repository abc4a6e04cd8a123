//! restic.

use super::{PASSWORD, Place, Tool};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Restic(pub PathBuf);

impl Restic {
    fn command(&self, place: &Place, verb: &str) -> Command {
        let mut command = place.command(&self.0);
        command.env("RESTIC_PASSWORD", PASSWORD).arg("-q").arg("-r");
        match &place.remote {
            None => command.arg(&place.repository),
            Some(remote) => command.arg(format!("s3:{}/{}/{}", remote.endpoint, remote.bucket, remote.prefix)),
        };
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

    fn durability(&self) -> &'static str {
        "syncs every file and its folder"
    }

    fn speaks_s3(&self) -> bool {
        true
    }

    fn prepare(&self, place: &Place) -> Vec<Command> {
        vec![self.command(place, "init")]
    }

    fn backup(&self, place: &Place, tree: &Path, tag: &str) -> Command {
        let mut command = self.command(place, "backup");
        command.arg("--tag").arg(tag).arg(tree);
        command
    }

    fn restore(&self, place: &Place, _tree: &Path, tag: &str, to: &Path) -> io::Result<Command> {
        let mut command = self.command(place, "restore");
        command.arg("latest").arg("--tag").arg(tag).arg("--target").arg(to);
        Ok(command)
    }

    fn check(&self, place: &Place) -> Option<Command> {
        let mut command = self.command(place, "check");
        command.arg("--read-data");
        Some(command)
    }

    fn forget(&self, place: &Place, _gone: &[String], kept: usize) -> Vec<Command> {
        let mut command = self.command(place, "forget");
        // Without grouping by tags, of which each backup has its own.
        command.args(["--group-by", "host,paths", "--prune", "--keep-last"]).arg(kept.to_string());
        vec![command]
    }
}
