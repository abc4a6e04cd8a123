//! rustic, which keeps restic's format.

use super::{PASSWORD, Place, Tool};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Rustic(pub PathBuf);

impl Rustic {
    fn command(&self, place: &Place, verb: &str) -> Command {
        let mut command = place.command(&self.0);
        command.env("RUSTIC_PASSWORD", PASSWORD).env("XDG_CONFIG_HOME", place.private.join("config"));
        command.args(["--no-progress", "--log-level", "warn", "-r"]);
        match &place.remote {
            None => command.arg(&place.repository),
            Some(remote) => {
                let option = |name: &str| format!("RUSTIC_REPO_OPT_{name}");
                command.env(option("BUCKET"), &remote.bucket).env(option("ROOT"), format!("/{}", remote.prefix));
                command.env(option("ENDPOINT"), &remote.endpoint).env(option("REGION"), &remote.region);
                command.env(option("ACCESS_KEY_ID"), &remote.key).env(option("SECRET_ACCESS_KEY"), &remote.secret);
                command.arg("opendal:s3")
            }
        };
        command.arg("--cache-dir").arg(place.private.join("cache")).arg(verb);
        command
    }
}

impl Tool for Rustic {
    fn name(&self) -> &'static str {
        "rustic"
    }

    fn program(&self) -> &Path {
        &self.0
    }

    fn durability(&self) -> &'static str {
        "syncs every file and no folder, as its source says"
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
        command.arg("--filter-tags").arg(tag).arg("latest").arg(to);
        Ok(command)
    }

    fn check(&self, place: &Place) -> Option<Command> {
        let mut command = self.command(place, "check");
        command.arg("--read-data");
        Some(command)
    }

    fn forget(&self, place: &Place, _gone: &[String], kept: usize) -> Vec<Command> {
        let mut command = self.command(place, "forget");
        // Without the grace of 23 hours that it gives packs by default: the space is to be seen.
        command.args(["--group-by", "host,paths", "--prune", "--instant-delete", "--keep-last"]).arg(kept.to_string());
        vec![command]
    }
}
