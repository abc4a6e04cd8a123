//! Makes single entries relative to open folders, so that no path is too long, and remembers what was made.

use super::{LeftOut, Manifest};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, XattrFlags, chmodat, linkat, lsetxattr, mkdirat,
    mknodat, openat, symlinkat, utimensat,
};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// An open folder of the tree.
pub struct Spot {
    /// The folder.
    pub fd: OwnedFd,
    path: Vec<u8>,
}

impl Spot {
    fn below(&self, name: &[u8]) -> Vec<u8> {
        let mut path = self.path.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        path
    }

    /// A path of an entry that follows no link at its end and works at any depth.
    fn by_descriptor(&self, name: &[u8]) -> Vec<u8> {
        let mut path = format!("/proc/self/fd/{}/", self.fd.as_raw_fd()).into_bytes();
        path.extend_from_slice(name);
        path
    }
}

/// Makes entries and keeps the manifest.
pub struct Maker {
    /// What was made so far.
    pub manifest: Manifest,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Maker {
    /// Begins in an existing folder.
    pub fn begin(dir: &Path) -> io::Result<(Self, Spot)> {
        let fd = openat(CWD, dir, FOLDER, Mode::empty())?;
        Ok((Self { manifest: Manifest::default() }, Spot { fd, path: Vec::new() }))
    }

    /// Keeps the reason when something that depends on the machine was refused.
    pub fn attempt<T>(&mut self, what: &str, outcome: io::Result<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.leave_out(what, &error.to_string());
                None
            }
        }
    }

    /// Notes something that is not there.
    pub fn leave_out(&mut self, what: &str, why: &str) {
        self.manifest.left_out.push(LeftOut { what: what.to_owned(), why: why.to_owned() });
    }

    /// A new folder, open.
    pub fn dir(&mut self, at: &Spot, name: &[u8]) -> io::Result<Spot> {
        mkdirat(&at.fd, name, Mode::from_raw_mode(0o755))?;
        let fd = openat(&at.fd, name, FOLDER, Mode::empty())?;
        self.manifest.made.push(at.below(name));
        Ok(Spot { fd, path: at.below(name) })
    }

    /// A new file with a body; it is an error when the name is taken.
    pub fn file(&mut self, at: &Spot, name: &[u8], body: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(openat(&at.fd, name, flags, Mode::from_raw_mode(0o644))?);
        self.manifest.made.push(at.below(name));
        file.write_all(body)?;
        Ok(file)
    }

    /// A symbolic link with any text.
    pub fn symlink(&mut self, at: &Spot, name: &[u8], text: &[u8]) -> io::Result<()> {
        symlinkat(text, &at.fd, name)?;
        self.manifest.made.push(at.below(name));
        Ok(())
    }

    /// One more name for an entry, which is not followed when it is a symbolic link.
    pub fn link(&mut self, from: &Spot, old: &[u8], to: &Spot, new: &[u8]) -> io::Result<()> {
        linkat(&from.fd, old, &to.fd, new, AtFlags::empty())?;
        self.manifest.made.push(to.below(new));
        Ok(())
    }

    /// A fifo, a socket or a device.
    pub fn node(&mut self, at: &Spot, name: &[u8], kind: FileType, device: u64) -> io::Result<()> {
        mknodat(&at.fd, name, kind, Mode::from_raw_mode(0o640), device)?;
        self.manifest.made.push(at.below(name));
        Ok(())
    }

    /// Sets permission bits, free of the umask.
    pub fn mode(&self, at: &Spot, name: &[u8], mode: u32) -> io::Result<()> {
        Ok(chmodat(&at.fd, name, Mode::from_raw_mode(mode), AtFlags::empty())?)
    }

    /// Sets an extended attribute of the entry itself.
    pub fn xattr(&self, at: &Spot, name: &[u8], key: &str, value: &[u8]) -> io::Result<()> {
        Ok(lsetxattr(at.by_descriptor(name).as_slice(), key, value, XattrFlags::empty())?)
    }

    /// Sets the modification time of the entry itself.
    pub fn mtime(&self, at: &Spot, name: &[u8], seconds: i64, nanoseconds: u32) -> io::Result<()> {
        let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() };
        let times = Timestamps { last_access: time, last_modification: time };
        Ok(utimensat(&at.fd, name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}
