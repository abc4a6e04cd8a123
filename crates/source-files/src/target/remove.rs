//! Removing a tree: relative to descriptors, following nothing, whatever its depth.

use super::entries::names;
use super::error::{refused, write_error};
use super::{Inner, Spot};
use crate::dir::{DirRef, Place};
use crate::sys;
use datakeep_connector::ItemError;
use datakeep_model::{FileType, ItemPath};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// A directory being emptied.
struct Level {
    dir: Arc<DirRef>,
    name: CString,
    /// Subdirectories still to be removed.
    rest: Vec<CString>,
}

/// What unlinking a name came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unlinked {
    Gone,
    IsDirectory,
}

/// Unlinks anything but a directory.
pub(super) fn unlink(parent: impl AsFd, name: &CStr) -> Result<Unlinked, Errno> {
    match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(Unlinked::Gone),
        Err(Errno::ISDIR) => Ok(Unlinked::IsDirectory),
        // What POSIX asks for, and some file systems answer.
        Err(Errno::PERM) => match sys::look_at(&parent, name) {
            Ok(looked) if looked.meta.file_type == FileType::Directory => Ok(Unlinked::IsDirectory),
            _ => Err(Errno::PERM),
        },
        Err(errno) => Err(errno),
    }
}

impl Inner {
    pub(super) fn remove(&self, path: &ItemPath) -> Result<(), ItemError> {
        let spot = self.spot(path)?;
        if unlink(&spot.parent, &spot.name).map_err(|errno| write_error("remove", errno))? == Unlinked::Gone {
            return Ok(());
        }
        if let Some(beneath) = &self.beneath {
            beneath.forget(path.as_bytes());
        }
        self.remove_tree(&spot).map_err(|errno| match errno {
            Errno::BUSY => refused("remove: something is mounted there or beneath"),
            other => write_error("remove", other),
        })
    }

    fn remove_tree(&self, spot: &Spot) -> Result<(), Errno> {
        let top = DirRef::new(Place::Fixed(self.duplicate(spot)?));
        let mut stack = vec![self.enter(&top, spot.name.clone())?];
        while let Some(level) = stack.last_mut() {
            if let Some(name) = level.rest.pop() {
                let dir = Arc::clone(&level.dir);
                stack.push(self.enter(&dir, name)?);
                continue;
            }
            let Some(level) = stack.pop() else { break };
            let above = stack.last().map_or(&top, |level| &level.dir);
            let fd = self.cache.fd(above)?;
            match rustix::fs::unlinkat(&fd, &level.name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn duplicate(&self, spot: &Spot) -> Result<Arc<OwnedFd>, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Arc::new(self.patiently(|| rustix::fs::openat(&spot.parent, c".", flags, Mode::empty()))?))
    }

    /// Unlinks everything in a directory but its subdirectories, which come back as work left.
    fn enter(&self, above: &Arc<DirRef>, name: CString) -> Result<Level, Errno> {
        let dir = DirRef::new(Place::Child { parent: Arc::clone(above), name: name.clone() });
        let fd = match self.cache.fd(&dir) {
            Err(Errno::ACCESS) => {
                self.open_up(above, &name)?;
                self.cache.fd(&dir)?
            }
            other => other?,
        };
        let mode = sys::look_fd(&fd)?.meta.mode;
        if mode & 0o300 != 0o300 {
            // Its owner may remove what is in it once it may write to it.
            let _ = rustix::fs::fchmod(&fd, Mode::from_raw_mode(u32::from(mode | 0o700)));
        }
        let mut rest = Vec::new();
        for entry in names(&fd)? {
            let entry = CString::new(entry).map_err(|_| Errno::INVAL)?;
            if unlink(&fd, &entry)? == Unlinked::IsDirectory {
                rest.push(entry);
            }
        }
        Ok(Level { dir, name, rest })
    }

    fn open_up(&self, above: &Arc<DirRef>, name: &CStr) -> Result<(), Errno> {
        let parent = self.cache.fd(above)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&parent, name, flags, Mode::empty())?;
        let path = crate::xattr::proc_path(fd.as_fd(), c"");
        rustix::fs::chmod(&path, Mode::RWXU)
    }
}
