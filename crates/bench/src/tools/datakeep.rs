//! Datakeep itself.

use super::{PASSWORD, Place, Tables, Tool};
use serde_json::Value;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Datakeep(pub PathBuf);

impl Datakeep {
    fn command(&self, place: &Place, verb: &str) -> Command {
        let mut command = place.command(&self.0);
        command.env("DATAKEEP_PASSWORD", PASSWORD).env("DATAKEEP_CACHE_DIR", place.private.join("cache"));
        command.arg(verb).arg("--repo");
        match &place.remote {
            None => command.arg(&place.repository),
            Some(remote) => command.arg(format!("s3://{}/{}", remote.bucket, remote.prefix)),
        };
        command
    }

    /// The id of the snapshot with a label; not measured.
    fn snapshot(&self, place: &Place, tag: &str) -> io::Result<String> {
        let output = self.command(place, "snapshots").args(["--json", "--tag", tag]).output()?;
        let listed: Value = serde_json::from_slice(&output.stdout)?;
        id_of(&listed, tag).ok_or_else(|| io::Error::other(format!("no snapshot {tag}: {listed}")))
    }
}

/// The id of the first snapshot with a label in a listing.
fn id_of(listed: &Value, tag: &str) -> Option<String> {
    let snapshots = listed.get("snapshots").unwrap_or(listed).as_array()?;
    let labelled = |snapshot: &&Value| {
        snapshot["tags"].as_array().is_some_and(|tags| tags.iter().any(|known| known.as_str() == Some(tag)))
    };
    snapshots.iter().find(labelled)?["id"].as_str().map(str::to_owned)
}

impl Tool for Datakeep {
    fn name(&self) -> &'static str {
        "datakeep"
    }

    fn program(&self) -> &Path {
        &self.0
    }

    fn durability(&self) -> &'static str {
        "syncs every object and each folder it put a name in; opens and compares each frame"
    }

    fn speaks_s3(&self) -> bool {
        true
    }

    fn tables(&self) -> Option<&dyn Tables> {
        Some(self)
    }

    fn prepare(&self, place: &Place) -> Vec<Command> {
        let mut init = self.command(place, "init");
        init.arg("--quiet");
        vec![init]
    }

    fn backup(&self, place: &Place, tree: &Path, tag: &str) -> Command {
        let mut command = self.command(place, "backup");
        command.arg("--quiet").arg("--source").arg("tree").arg("--tag").arg(tag).arg(tree);
        command
    }

    fn restore(&self, place: &Place, tree: &Path, tag: &str, to: &Path) -> io::Result<Command> {
        let mut selection = OsString::from(self.snapshot(place, tag)? + ":");
        selection.push(tree);
        let mut command = self.command(place, "restore");
        command.arg("--quiet").arg(selection).arg("--to").arg(to);
        Ok(command)
    }

    fn check(&self, place: &Place) -> Option<Command> {
        let mut command = self.command(place, "check");
        command.arg("--quiet").arg("--read-data");
        Some(command)
    }

    fn forget(&self, place: &Place, _gone: &[String], kept: usize) -> Vec<Command> {
        let mut forget = self.command(place, "forget");
        forget.arg("--quiet").arg("--yes").arg("--keep-last").arg(kept.to_string());
        let mut collect = self.command(place, "gc");
        collect.arg("--quiet").arg("--yes");
        vec![forget, collect]
    }
}

impl Tables for Datakeep {
    fn location(&self, database: &Path) -> PathBuf {
        let mut location = OsString::from("sqlite:");
        location.push(database);
        location.into()
    }

    fn rows(&self, place: &Place, tag: &str, table: &str, key: Option<u64>) -> io::Result<Command> {
        let mut command = self.command(place, "rows");
        command.arg(format!("{}:{table}", self.snapshot(place, tag)?));
        match key {
            Some(key) => command.arg("--key").arg(key.to_string()),
            None => command.args(["--limit", "1"]),
        };
        Ok(command)
    }

    fn restore(&self, place: &Place, tag: &str, to: &Path) -> io::Result<Command> {
        let mut command = self.command(place, "restore");
        command.arg("--quiet").arg(self.snapshot(place, tag)?).arg("--to").arg(self.location(to));
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::id_of;
    use serde_json::json;

    #[test]
    fn a_snapshot_is_found_by_its_label() {
        let listed = json!([{"id": "a", "tags": []}, {"id": "b", "tags": ["x", "first"]}]);
        assert_eq!(id_of(&listed, "first"), Some("b".to_owned()));
        assert_eq!(id_of(&json!({"snapshots": listed}), "x"), Some("b".to_owned()));
        assert_eq!(id_of(&listed, "last"), None);
    }
}
