//! Directories, links, special entries, and looking at what stands there.

use super::attributes::{Entry, apply, before};
use super::error::{refused, write_error};
use super::remove::{Unlinked, unlink};
use super::{Inner, Spot};
use crate::sys;
use datakeep_connector::{Found, ItemError, ItemSpec};
use datakeep_model::{FileType, ItemPath};
use rustix::fs::{AtFlags, Mode, OFlags, RawDir};
use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

/// What a directory's owner needs to fill it.
const FILLABLE: u16 = 0o700;
const LIST_BUFFER_BYTES: usize = 32 << 10;

impl Inner {
    pub(super) fn look(&self, path: &ItemPath) -> Result<Option<Found>, ItemError> {
        let nothing = |errno| matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::LOOP);
        if path.is_root() {
            let Some(beneath) = &self.beneath else { return Ok(None) };
            let looked = sys::look_fd(beneath.top()).map_err(|errno| sys::read_error("look at", errno))?;
            return Ok(Some(Found { meta: looked.meta, link_target: None }));
        }
        let looked = self.find(path).and_then(|spot| Ok((sys::look_at(&spot.parent, &spot.name)?.meta, spot)));
        let (meta, spot) = match looked {
            Ok(found) => found,
            Err(errno) if nothing(errno) => return Ok(None),
            Err(errno) => return Err(sys::read_error("look at", errno)),
        };
        let link_target = if meta.file_type == FileType::Symlink {
            let target = rustix::fs::readlinkat(&spot.parent, &spot.name, Vec::new());
            Some(target.map_err(|errno| sys::read_error("read link", errno))?.into_bytes())
        } else {
            None
        };
        Ok(Some(Found { meta, link_target }))
    }

    pub(super) fn list(&self, path: &ItemPath) -> Result<Vec<Vec<u8>>, ItemError> {
        match self.open_existing(path, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(fd) => names(&fd).map_err(|errno| sys::read_error("list directory", errno)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(Vec::new()),
            Err(errno) => Err(sys::read_error("open directory", errno)),
        }
    }

    pub(super) fn make_directory(&self, spec: &ItemSpec<'_>) -> Result<(), ItemError> {
        if spec.path.is_root() && !self.settings.dry_run {
            return self.make_fillable(spec.path);
        }
        let spot = self.spot(spec.path)?;
        let make = || rustix::fs::mkdirat(&spot.parent, &spot.name, Mode::from_raw_mode(FILLABLE.into()));
        match make() {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) if spec.replace => {
                let found = sys::look_at(&spot.parent, &spot.name);
                if found.is_ok_and(|looked| looked.meta.file_type == FileType::Directory) {
                    return self.make_fillable(spec.path);
                }
                self.clear(&spot)?;
                make().map_err(|errno| write_error("make directory", errno))
            }
            Err(errno) => Err(write_error("make directory", errno)),
        }
    }

    /// Lets the owner fill a directory that stood there; its final mode comes when it is finished.
    fn make_fillable(&self, path: &ItemPath) -> Result<(), ItemError> {
        let fd = self.open_existing(path, OFlags::PATH | OFlags::DIRECTORY);
        let fd = fd.map_err(|errno| write_error("open directory", errno))?;
        let (meta, _) = before(&fd).map_err(|errno| write_error("look at", errno))?;
        if !path.is_root() {
            self.sweep(&fd);
        }
        if meta.mode & FILLABLE == FILLABLE || meta.uid != self.settings.user {
            return Ok(());
        }
        let place = Entry::place(fd.as_fd());
        place.chmod(meta.mode | FILLABLE).map_err(|errno| write_error("open up directory", errno))
    }

    /// Unlinks what stands at a spot; a directory only when it is empty.
    fn clear(&self, spot: &Spot) -> Result<(), ItemError> {
        let removed = match unlink(&spot.parent, &spot.name) {
            Ok(Unlinked::IsDirectory) => rustix::fs::unlinkat(&spot.parent, &spot.name, AtFlags::REMOVEDIR),
            other => other.map(|_| ()),
        };
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(write_error("replace", errno)),
        }
    }

    pub(super) fn finish_directory(&self, spec: &ItemSpec<'_>) -> Result<(), ItemError> {
        if self.settings.dry_run {
            return Err(refused("a dry run changes nothing"));
        }
        let fd = self.open_existing(spec.path, OFlags::RDONLY | OFlags::DIRECTORY).or_else(|errno| match errno {
            Errno::ACCESS => self.open_existing(spec.path, OFlags::PATH | OFlags::DIRECTORY),
            other => Err(other),
        });
        let fd = fd.map_err(|errno| write_error("open directory", errno))?;
        // Its mode and lists change, and with them what it hands on.
        if let Some(beneath) = &self.beneath {
            beneath.forget_one(spec.path.as_bytes());
        }
        let (_, before) = before(&fd).map_err(|errno| write_error("look at", errno))?;
        apply(&self.settings, &Entry::place(fd.as_fd()), spec, &before)
    }

    pub(super) fn make_special(&self, spec: &ItemSpec<'_>) -> Result<(), ItemError> {
        let file_type = spec.meta.file_type;
        if file_type.is_device() && !self.settings.devices {
            return Err(refused("device nodes are made only when asked for (option `devices`)"));
        }
        let spot = self.spot(spec.path)?;
        if spec.replace {
            self.clear(&spot)?;
        }
        self.make_node(&spot, spec)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = self
            .patiently(|| rustix::fs::openat(&spot.parent, &spot.name, flags, Mode::empty()))
            .map_err(|errno| write_error("open", errno))?;
        let (meta, before) = before(&fd).map_err(|errno| write_error("look at", errno))?;
        if meta.file_type != file_type {
            return Err(refused("another entry took its place"));
        }
        apply(&self.settings, &Entry::place(fd.as_fd()), spec, &before)
    }

    fn make_node(&self, spot: &Spot, spec: &ItemSpec<'_>) -> Result<(), ItemError> {
        use rustix::fs::FileType as Kind;
        let kind = match spec.meta.file_type {
            FileType::Symlink => {
                let Some(text) = spec.link_target else { return Err(refused("a symbolic link without its text")) };
                let made = rustix::fs::symlinkat(text, &spot.parent, &spot.name);
                return made.map_err(|errno| write_error("make link", errno));
            }
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::Socket,
            FileType::CharDevice => Kind::CharacterDevice,
            FileType::BlockDevice => Kind::BlockDevice,
            FileType::File | FileType::Directory => return Err(refused("not a special entry")),
        };
        let mode = Mode::from_raw_mode(u32::from(spec.meta.mode & 0o700));
        rustix::fs::mknodat(&spot.parent, &spot.name, kind, mode, spec.meta.rdev)
            .map_err(|errno| write_error("make special entry", errno))
    }

    pub(super) fn make_hard_link(&self, spec: &ItemSpec<'_>, existing: &ItemPath) -> Result<(), ItemError> {
        let spot = self.spot(spec.path)?;
        let from = self.spot(existing)?;
        let link = |name: &std::ffi::CStr| {
            rustix::fs::linkat(&from.parent, &from.name, &spot.parent, name, AtFlags::empty())
                .map_err(|errno| write_error("link", errno))
        };
        if !spec.replace {
            return link(&spot.name);
        }
        // Not locked, since it is another name of what stands elsewhere: nobody takes it for a leftover.
        let temporary = self.temporary_name();
        let outcome = self.put_in_place(&spot, &temporary, link(&temporary));
        // Renaming one name of a file over another of the same does nothing and leaves both.
        let _ = rustix::fs::unlinkat(&spot.parent, &temporary, AtFlags::empty());
        outcome
    }
}

/// Names in an open directory, unsorted.
pub(super) fn names(fd: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    let mut buffer = vec![MaybeUninit::<u8>::uninit(); LIST_BUFFER_BYTES];
    let mut dir = RawDir::new(fd, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = dir.next() {
        match entry {
            Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
            Ok(entry) => names.push(entry.file_name().to_bytes().to_vec()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(names)
}
