//! What must be there before the first measurement, and what is deleted after the last one.

use crate::args::{Options, TOOLS, Work};
use crate::machine;
use crate::tools::{self, Tool};
use crate::verify::{self, Size};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// Everything a run needs.
pub struct Bench {
    /// The tree, absolute.
    pub tree: PathBuf,
    /// What is in it.
    pub tree_size: Size,
    /// Folder of this run on the disk.
    pub run: PathBuf,
    /// Folder of this run in memory.
    pub memory: PathBuf,
    /// File system under `run`, in words.
    pub disk: String,
    /// The tools, with their versions.
    pub tools: Vec<Box<dyn Tool>>,
    /// One line for each tool.
    pub versions: Vec<String>,
    /// Holds the folder of this run; its parent remembers when a run deleted its files.
    work: PathBuf,
}

const SOURCE_PACKAGE: &str = "linux-source-6.1";

/// ext4 looks through inodes deleted within the last five minutes one by one before it gives out a free one.
const FORGETTING: Duration = Duration::from_secs(330);

/// Finds or makes the tree, the tools and the folders, and reads the tree once.
pub fn prepare(options: &Options) -> io::Result<Bench> {
    let work = work_folder(options)?;
    let disk = machine::file_system(&work)?;
    if disk == "tmpfs" {
        return Err(io::Error::other(format!("{} is in memory; give a folder on a disk with --work", work.display())));
    }
    let tree = tree(options, &work)?;
    let mut tools = Vec::new();
    let mut versions = Vec::new();
    for name in TOOLS.into_iter().filter(|name| !options.skip.iter().any(|skipped| skipped == name)) {
        let program = program(name, options, &work)?;
        let tool = tools::tool(name, program).ok_or_else(|| io::Error::other(format!("no tool {name}")))?;
        versions.push(format!("{name}: {}", tool.version()?));
        tools.push(tool);
    }
    eprintln!("reading {} once", tree.display());
    let tree_size = verify::size(&tree, true)?;
    let stamp = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let run = work.join(format!("run-{stamp}"));
    let memory = options.tmpfs.join(format!("datakeep-bench-{stamp}"));
    let bench = Bench { tree, tree_size, run, memory, disk, tools, versions, work };
    room(options, &bench)?;
    forget(options, &bench.work)?;
    fs::create_dir_all(&bench.run)?;
    fs::create_dir_all(&bench.memory)?;
    Ok(bench)
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

fn tree(options: &Options, work: &Path) -> io::Result<PathBuf> {
    if let Some(tree) = &options.tree {
        let found = tree.canonicalize();
        return found.map_err(|error| io::Error::other(format!("--tree {}: {error}", tree.display())));
    }
    let unpacked = work.join(SOURCE_PACKAGE);
    if !unpacked.is_dir() {
        let archive = PathBuf::from(format!("/usr/src/{SOURCE_PACKAGE}.tar.xz"));
        if !archive.is_file() {
            machine::install(&[SOURCE_PACKAGE])?;
        }
        eprintln!("unpacking {}", archive.display());
        let half = work.join("unpacking");
        fs::create_dir_all(&half)?;
        machine::command_line(Command::new("tar").arg("-C").arg(&half).arg("-xf").arg(&archive))?;
        fs::rename(half.join(SOURCE_PACKAGE), &unpacked)?;
    }
    Ok(unpacked)
}

fn program(name: &str, options: &Options, work: &Path) -> io::Result<PathBuf> {
    if let Some((_, path)) = options.programs.iter().find(|(known, _)| known == name) {
        let found = path.canonicalize();
        return found.map_err(|error| io::Error::other(format!("--{name} {}: {error}", path.display())));
    }
    if let Some(path) = machine::in_path(name) {
        return Ok(path);
    }
    match name {
        "restic" => machine::install(&["restic"])?,
        "bupstash" => return bupstash(work),
        _ => {}
    }
    machine::in_path(name)
        .ok_or_else(|| io::Error::other(format!("no {name} in PATH: give --{name} PATH or --skip {name}")))
}

fn bupstash(work: &Path) -> io::Result<PathBuf> {
    let root = work.join("bupstash");
    let program = root.join("bin/bupstash");
    if !program.is_file() {
        if machine::in_path("pkg-config").is_none() || !Path::new("/usr/include/sodium.h").is_file() {
            machine::install(&["libsodium-dev", "pkg-config"])?;
        }
        eprintln!("building bupstash, a few minutes");
        let mut cargo = Command::new("cargo");
        machine::command_line(
            cargo.args(["install", "bupstash", "--version", "0.12.0", "--locked", "--root"]).arg(&root),
        )?;
    }
    Ok(program)
}

/// Refuses to begin what the disk or the memory cannot hold.
fn room(options: &Options, bench: &Bench) -> io::Result<()> {
    let tree = bench.tree_size.allocated_bytes.max(bench.tree_size.bytes);
    let kept = if options.works.contains(&Work::RestoreDisk) { tree + tree / 2 } else { tree / 2 };
    let disk = kept * (options.rounds * bench.tools.len() + 4) as u64;
    let memory = if options.works.contains(&Work::RestoreMemory) { tree + tree / 2 } else { 0 };
    for (folder, needed) in [(&bench.work, disk), (&options.tmpfs, memory)] {
        let free = machine::free_bytes(folder)?;
        if free < needed {
            let (needed, free) = (needed >> 20, free >> 20);
            let place = folder.display();
            return Err(io::Error::other(format!("{place} has {free} MiB free and the bench may need {needed} MiB")));
        }
    }
    Ok(())
}

/// Waits until the file system has forgotten what an earlier run deleted, for that makes new files slow.
#[expect(clippy::disallowed_methods, reason = "the bench waits for the kernel, and nothing else runs meanwhile")]
fn forget(options: &Options, work: &Path) -> io::Result<()> {
    let Ok(stamp) = fs::metadata(work.join("deleted")) else { return Ok(()) };
    let age = stamp.modified()?.elapsed().unwrap_or_default();
    if let Some(left) = FORGETTING.checked_sub(age) {
        if options.wait {
            eprintln!(
                "waiting {} s: an earlier run deleted many files, which makes new ones slow on ext4",
                left.as_secs()
            );
            std::thread::sleep(left);
        } else {
            eprintln!("notice: a run deleted many files {} s ago; figures on ext4 will be too slow", age.as_secs());
        }
    }
    Ok(())
}

/// Deletes what this run made, after everything is measured.
pub fn clean(options: &Options, bench: &Bench) -> io::Result<()> {
    if options.keep {
        eprintln!("kept: {} and {}", bench.run.display(), bench.memory.display());
        return Ok(());
    }
    fs::remove_dir_all(&bench.memory)?;
    fs::remove_dir_all(&bench.run)?;
    fs::write(bench.work.join("deleted"), "a run deleted its files when this was written\n")
}
