//! The system calls with which a local store changes things.
//!
//! They stand behind a trait so that tests can note them, fail them, and play what a power loss may leave of them. The
//! trait is a type parameter and its methods are the real calls: the store that everybody uses pays nothing for it.

use super::direct;
use rustix::fs::{self, AtFlags, FallocateFlags, Mode, OFlags, RenameFlags};
/// What the calls answer.
pub use rustix::io::{Errno, Result};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Changes to a file system. Every method does what its name says and nothing else.
pub trait Layer: Send + Sync {
    /// Makes a directory that only its owner may enter.
    fn make_directory(&self, path: &Path) -> Result<()> {
        fs::mkdir(path, Mode::from_raw_mode(0o700))
    }

    /// Removes an empty directory.
    fn remove_directory(&self, path: &Path) -> Result<()> {
        fs::rmdir(path)
    }

    /// Makes an empty file, and opens it; a taken name is an error.
    fn create_file(&self, path: &Path) -> Result<File> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        fs::open(path, flags, Mode::from_raw_mode(0o600)).map(File::from)
    }

    /// Writes all parts to a file that was just made at `path`.
    fn write(&self, file: &mut File, path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
        let _ = path;
        direct::write_all(file, parts)
    }

    /// Sets room aside for a file that was just made at `path`.
    fn allocate(&self, file: &File, path: &Path, len_bytes: u64) -> Result<()> {
        let _ = path;
        fs::fallocate(file, FallocateFlags::empty(), 0, len_bytes)
    }

    /// Makes what was written to the file at `path` durable; its name is not.
    fn sync_file(&self, file: &File, path: &Path) -> Result<()> {
        let _ = path;
        fs::fdatasync(file)
    }

    /// Renames; a taken name is an error.
    fn rename_new(&self, from: &Path, to: &Path) -> Result<()> {
        fs::renameat_with(fs::CWD, from, fs::CWD, to, RenameFlags::NOREPLACE)
    }

    /// Gives a file a second name; a taken one is an error.
    fn link(&self, from: &Path, to: &Path) -> Result<()> {
        fs::linkat(fs::CWD, from, fs::CWD, to, AtFlags::empty())
    }

    /// Removes a name.
    fn unlink(&self, path: &Path) -> Result<()> {
        fs::unlink(path)
    }

    /// Makes the names in a directory durable.
    fn sync_directory(&self, path: &Path) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor: OwnedFd = fs::open(path, flags, Mode::empty())?;
        fs::fsync(&descriptor)
    }
}

/// The file system itself.
#[derive(Clone, Copy, Default, Debug)]
pub struct Disk;

impl Layer for Disk {}
