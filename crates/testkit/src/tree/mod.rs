//! One tree with every awkward entry a file system can hold.

mod bodies;
mod maker;
mod metadata;
mod names;
mod nodes;

use maker::Maker;
use std::io;
use std::path::Path;

/// What to put into the tree.
#[derive(Clone, Debug)]
pub struct TreeOptions {
    /// Seed of all file contents.
    pub seed: u64,
    /// Files in the folder of many small files.
    pub small_files: usize,
    /// Depth of the nest of folders.
    pub depth: usize,
    /// Whether to make a path of more than 4,096 bytes.
    pub long_path: bool,
    /// Whether to make a file of 1 GiB that is all hole, which takes the oracle about a second to read.
    pub large_hole: bool,
    /// Whether to make what only root can: devices, other owners, `trusted.*`, capabilities. Without root these are
    /// tried all the same and end up in [`Manifest::left_out`].
    pub privileged: bool,
    /// Whether to make files and folders their own owner cannot read, unless root. A backup by that owner is partial.
    pub unreadable: bool,
}

impl Default for TreeOptions {
    fn default() -> Self {
        let root = rustix::process::geteuid().is_root();
        Self {
            seed: 1,
            small_files: 3000,
            depth: 200,
            long_path: true,
            large_hole: true,
            privileged: root,
            unreadable: root,
        }
    }
}

/// Something this machine or file system would not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What.
    pub what: String,
    /// Why, in the words of the system.
    pub why: String,
}

/// What was made.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// Every entry below the root, relative to it, in the order made.
    pub made: Vec<Vec<u8>>,
    /// Everything that could not be made. A test that needs one of these must fail, not pass.
    pub left_out: Vec<LeftOut>,
}

impl Manifest {
    /// Whether an entry of this path was made.
    pub fn has(&self, path: &[u8]) -> bool {
        self.made.iter().any(|made| made == path)
    }
}

/// The builder.
#[derive(Clone, Copy, Debug)]
pub struct AwkwardTree;

impl AwkwardTree {
    /// Fills `dir`, which must exist and be empty. What an ordinary Linux file system must be able to hold is an
    /// error when it fails; what depends on rights or on the file system ends up in the manifest.
    pub fn build(dir: &Path, options: &TreeOptions) -> io::Result<Manifest> {
        let (mut maker, root) = Maker::begin(dir)?;
        names::plain(&mut maker, &root)?;
        names::deep(&mut maker, &root, options)?;
        bodies::sizes(&mut maker, &root, options)?;
        bodies::sparse(&mut maker, &root, options)?;
        bodies::many(&mut maker, &root, options)?;
        nodes::symlinks(&mut maker, &root)?;
        nodes::hard_links(&mut maker, &root)?;
        nodes::special(&mut maker, &root, options)?;
        metadata::modes(&mut maker, &root, options)?;
        metadata::xattrs(&mut maker, &root, options)?;
        metadata::acls(&mut maker, &root)?;
        metadata::owners(&mut maker, &root, options)?;
        metadata::times(&mut maker, &root)?;
        Ok(maker.manifest)
    }
}

/// Makes every folder below `dir` writable by its owner, so that a tree with locked folders can be deleted.
pub fn unlock(dir: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Mode, chmodat};
    let mut queue = vec![dir.to_path_buf()];
    while let Some(folder) = queue.pop() {
        chmodat(CWD, &folder, Mode::RWXU, AtFlags::empty())?;
        let entries = match std::fs::read_dir(&folder) {
            // The long path is out of reach by name; nothing in it is locked.
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() && entry.path().as_os_str().len() < 4000 {
                queue.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
