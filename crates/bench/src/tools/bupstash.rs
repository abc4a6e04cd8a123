//! bupstash.

use super::{Place, Tool};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Bupstash(pub PathBuf);

impl Bupstash {
    fn command(&self, place: &Place, verb: &str) -> Command {
        let mut command = place.command(&self.0);
        command.arg(verb).arg("-q").arg("-k").arg(place.private.join("key")).arg("-r").arg(&place.repository);
        command
    }

    fn reading(&self, place: &Place, verb: &str) -> Command {
        let mut command = self.command(place, verb);
        command.arg("--query-cache").arg(place.private.join("query-cache"));
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

    fn durability(&self) -> &'static str {
        "syncs every object, the folders of objects and its logs"
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

    fn restore(&self, place: &Place, _tree: &Path, tag: &str, to: &Path) -> io::Result<Command> {
        let mut command = self.reading(place, "restore");
        command.arg("--into").arg(to).arg(format!("name={tag}"));
        Ok(command)
    }

    fn check(&self, _place: &Place) -> Option<Command> {
        None
    }

    fn forget(&self, place: &Place, gone: &[String], _kept: usize) -> Vec<Command> {
        let mut remove = self.reading(place, "rm");
        remove.arg("--allow-many");
        for (number, tag) in gone.iter().enumerate() {
            if number > 0 {
                remove.arg("or");
            }
            remove.arg(format!("name={tag}"));
        }
        let mut collect = place.command(&self.0);
        collect.arg("gc").arg("-q").arg("-r").arg(&place.repository);
        vec![remove, collect]
    }
}
