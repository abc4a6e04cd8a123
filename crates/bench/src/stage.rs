//! What must be there before the first measurement, and what is deleted after the last one.

use crate::args::{Options, TOOLS};
use crate::install;
use crate::machine;
use crate::tools::{self, Tool};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Tools and folders of a run.
pub struct Stage {
    /// Holds the folders of all runs, and data that are made once.
    pub work: PathBuf,
    /// Folder of this run on the disk.
    pub run: PathBuf,
    /// Folder of this run in memory.
    pub memory: PathBuf,
    /// File system under `run`, in words.
    pub disk: String,
    /// The tools.
    pub tools: Vec<Box<dyn Tool>>,
    /// One line for each tool.
    pub versions: Vec<String>,
    /// Where raw figures go.
    pub json: Option<PathBuf>,
    keep: bool,
    wait: bool,
}

/// ext4 looks through inodes deleted within the last five minutes one by one before it gives out a free one.
const FORGETTING: Duration = Duration::from_secs(330);

impl Stage {
    /// Finds or makes the tools that `wanted` accepts, and names the folders; nothing is written in them yet.
    pub fn set(options: &Options, wanted: impl Fn(&str) -> bool) -> io::Result<Self> {
        let work = work_folder(options)?;
        let disk = machine::file_system(&work)?;
        if disk == "tmpfs" {
            let place = work.display();
            return Err(io::Error::other(format!("{place} is in memory; give a folder on a disk with --work")));
        }
        let mut tools = Vec::new();
        let mut versions = Vec::new();
        for name in TOOLS.into_iter().filter(|name| wanted(name) && !options.skip.iter().any(|other| other == name)) {
            let program = install::program(name, options)?;
            let tool = tools::tool(name, program).ok_or_else(|| io::Error::other(format!("no tool {name}")))?;
            versions.push(tool.version()?);
            tools.push(tool);
        }
        let stamp = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Ok(Self {
            run: work.join(format!("run-{stamp}")),
            memory: options.tmpfs.join(format!("datakeep-bench-{stamp}")),
            work,
            disk,
            tools,
            versions,
            json: options.json.clone(),
            keep: options.keep,
            wait: options.wait,
        })
    }

    /// Makes the folders of this run, where the disk and the memory can hold so many bytes more.
    pub fn open(&self, disk_bytes: u64, memory_bytes: u64) -> io::Result<()> {
        let memory = self.memory.parent().unwrap_or(&self.memory);
        for (folder, needed) in [(self.work.as_path(), disk_bytes), (memory, memory_bytes)] {
            let free = machine::free_bytes(folder)?;
            if free < needed {
                let (needed, free) = (needed >> 20, free >> 20);
                let place = folder.display();
                return Err(io::Error::other(format!(
                    "{place} has {free} MiB free and the bench may need {needed} MiB"
                )));
            }
        }
        self.wait_until_forgotten()?;
        fs::create_dir_all(&self.run)?;
        fs::create_dir_all(&self.memory)
    }

    /// Waits until the file system has forgotten what an earlier run deleted, for that makes new files slow.
    #[expect(clippy::disallowed_methods, reason = "the bench waits for the kernel, and nothing else runs meanwhile")]
    fn wait_until_forgotten(&self) -> io::Result<()> {
        let Ok(stamp) = fs::metadata(self.work.join("deleted")) else { return Ok(()) };
        let age = stamp.modified()?.elapsed().unwrap_or_default();
        if let Some(left) = FORGETTING.checked_sub(age) {
            if self.wait {
                let seconds = left.as_secs();
                eprintln!("waiting {seconds} s: an earlier run deleted many files, which makes new ones slow on ext4");
                std::thread::sleep(left);
            } else {
                eprintln!("notice: a run deleted many files {} s ago; figures on ext4 will be too slow", age.as_secs());
            }
        }
        Ok(())
    }

    /// The tools of one round, the first of which changes from round to round.
    pub fn in_turn(&self, round: usize) -> Vec<&dyn Tool> {
        let mut order: Vec<&dyn Tool> = self.tools.iter().map(AsRef::as_ref).collect();
        let turn = round % order.len().max(1);
        order.rotate_left(turn);
        order
    }

    /// Folder of one tool in one round.
    pub fn folder(&self, tool: &dyn Tool, round: usize) -> PathBuf {
        self.run.join(format!("{}-{round}", tool.name()))
    }

    /// Deletes what this run made, after everything is measured.
    pub fn close(&self) -> io::Result<()> {
        if self.keep {
            eprintln!("kept: {} and {}", self.run.display(), self.memory.display());
            return Ok(());
        }
        for folder in [&self.memory, &self.run] {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        fs::write(self.work.join("deleted"), "a run deleted its files when this was written\n")
    }
}

fn work_folder(options: &Options) -> io::Result<PathBuf> {
    let work = match &options.work {
        Some(work) => work.clone(),
        None => {
            let usual = std::env::temp_dir();
            let memory = machine::file_system(&usual)? == "tmpfs";
            if memory { PathBuf::from("/var/tmp") } else { usual }.join("datakeep-bench")
        }
    };
    fs::create_dir_all(&work)?;
    work.canonicalize()
}

/// Makes data below `work` once: `make` fills a folder, which gets its name only when it is whole.
pub fn once(work: &Path, name: &str, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<PathBuf> {
    let whole = work.join(name);
    if !whole.is_dir() {
        let half = work.join(format!("{name}.half"));
        if half.exists() {
            fs::remove_dir_all(&half)?;
        }
        fs::create_dir_all(&half)?;
        eprintln!("making {}", whole.display());
        make(&half)?;
        fs::rename(&half, &whole)?;
        rustix::fs::sync();
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_made_once_and_whole() {
        let work = tempfile::tempdir().expect("a temporary folder");
        let broken = once(work.path(), "data", |half| {
            fs::write(half.join("a"), "a")?;
            Err(io::Error::other("no more"))
        });
        assert!(broken.is_err() && !work.path().join("data").exists());
        let make = |half: &Path| fs::write(half.join("b"), "b");
        let made = once(work.path(), "data", make).expect("made");
        assert!(made.join("b").exists() && !made.join("a").exists());
        let again = once(work.path(), "data", |_| Err(io::Error::other("made twice"))).expect("there");
        assert_eq!(again, made);
    }
}
