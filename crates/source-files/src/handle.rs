//! How a listed entry is reached again: details on demand, content on demand, always relative to its directory.

use crate::dir::{DirRef, FdCache};
use crate::read::FileReader;
use crate::sys::{self, Ident, lock, read_error};
use crate::xattr;
use datakeep_connector::{Details, ItemError, ItemHandle, ItemReader};
use datakeep_model::{FileType, LossCause, Xattr};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Uid;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Descriptors kept at any time between reading details and opening content.
const MOST_KEPT: usize = 16;
/// How often opening is tried while another process gives up a lease on the file.
const LEASE_TRIES: u32 = 50;
const LEASE_WAIT: Duration = Duration::from_millis(20);

/// What all handles of one source share.
pub(crate) struct Env {
    pub cache: FdCache,
    pub xattrs: bool,
    user: Uid,
    kept: AtomicUsize,
}

impl Env {
    pub fn new(xattrs: bool) -> Self {
        Self { cache: FdCache::new(), xattrs, user: rustix::process::geteuid(), kept: AtomicUsize::new(0) }
    }
}

/// The names of one listed directory, each ended by a NUL byte.
pub(crate) struct Names {
    pub dir: Arc<DirRef>,
    pub bytes: Vec<u8>,
    pub env: Arc<Env>,
}

impl Names {
    /// The name that starts at `offset`.
    pub fn at(&self, offset: u32) -> &CStr {
        let tail = self.bytes.get(offset as usize..).unwrap_or_default();
        CStr::from_bytes_until_nul(tail).unwrap_or_default()
    }
}

/// Where the entry of a handle is.
pub(crate) enum Entry {
    /// A name in a listed directory; never followed.
    Named { names: Arc<Names>, offset: u32 },
    /// A directory by itself: the root, an ancestor of a location, a location that ended in a slash.
    Directory { dir: Arc<DirRef>, env: Arc<Env> },
}

/// A handle of a file-system entry.
pub(crate) struct FileHandle {
    pub entry: Entry,
    pub ident: Ident,
    pub file_type: FileType,
    pub uid: u32,
    pub memory: Memory,
}

/// What one call leaves for the next one. Opening a file costs far more than asking an open one for its attributes,
/// so whichever of `details` and `open` comes first does both.
#[derive(Default)]
pub(crate) struct Memory {
    kept: Mutex<Option<Kept>>,
    has_no_xattrs: AtomicBool,
}

/// A descriptor on its way from `details` to `open`.
struct Kept {
    fd: Option<OwnedFd>,
    env: Arc<Env>,
}

impl Kept {
    fn new(fd: OwnedFd, env: &Arc<Env>) -> Self {
        env.kept.fetch_add(1, Ordering::Relaxed);
        Self { fd: Some(fd), env: Arc::clone(env) }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.env.kept.fetch_sub(1, Ordering::Relaxed);
    }
}

impl FileHandle {
    fn xattrs(&self, fd: BorrowedFd<'_>, name: &CStr) -> (Vec<Xattr>, Option<ItemError>) {
        if self.memory.has_no_xattrs.load(Ordering::Relaxed) {
            return (Vec::new(), None);
        }
        let listed = match self.xattrs_by_opening(fd, name) {
            Some(listed) => listed,
            None => {
                let path = xattr::proc_path(fd, name);
                let place = if name.is_empty() { xattr::Place::Through(&path) } else { xattr::Place::Path(&path) };
                xattr::read_all(place)
            }
        };
        listed.unwrap_or_else(|errno| (Vec::new(), Some(attribute_error(errno))))
    }

    /// `None` when it cannot be opened or must not be.
    fn xattrs_by_opening(&self, fd: BorrowedFd<'_>, name: &CStr) -> Option<xattr::Listed> {
        let Entry::Named { names, offset } = &self.entry else { return None };
        match self.file_type {
            FileType::File => {
                let file = self.open_file(names, *offset).ok()?;
                let listed = xattr::read_all(xattr::Place::Fd(file.as_fd()));
                if names.env.kept.load(Ordering::Relaxed) < MOST_KEPT {
                    *lock(&self.memory.kept) = Some(Kept::new(file, &names.env));
                }
                Some(listed)
            }
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let directory = rustix::fs::openat(fd, name, flags, Mode::empty()).ok()?;
                Some(xattr::read_all(xattr::Place::Fd(directory.as_fd())))
            }
            _ => None,
        }
    }

    fn open_once(&self, names: &Names, offset: u32) -> Result<OwnedFd, Errno> {
        let kept = lock(&self.memory.kept).take();
        match kept.and_then(|mut kept| kept.fd.take()) {
            Some(fd) => Ok(fd),
            None => {
                let fd = self.open_file(names, offset)?;
                if names.env.xattrs && !self.memory.has_no_xattrs.load(Ordering::Relaxed) {
                    let has_none =
                        matches!(rustix::fs::flistxattr(&fd, &mut [0_u8; 64]), Ok(0) | Err(Errno::OPNOTSUPP));
                    self.memory.has_no_xattrs.store(has_none, Ordering::Relaxed);
                }
                Ok(fd)
            }
        }
    }

    fn open_file(&self, names: &Names, offset: u32) -> Result<OwnedFd, Errno> {
        let cache = &names.env.cache;
        let directory = cache.fd(&names.dir)?;
        let name = names.at(offset);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = |flags| {
            let mut tries = 0;
            loop {
                match cache.patiently(|| rustix::fs::openat(&directory, name, flags, Mode::empty())) {
                    // Somebody holds a lease; the kernel has asked for it back.
                    Err(Errno::AGAIN) if tries < LEASE_TRIES => tries += 1,
                    other => return other,
                }
                sys::pause(LEASE_WAIT);
            }
        };
        if names.env.user.is_root() || names.env.user.as_raw() == self.uid {
            match open(flags | OFlags::NOATIME) {
                Err(Errno::PERM) => {}
                other => return other,
            }
        }
        open(flags)
    }
}

fn attribute_error(errno: Errno) -> ItemError {
    let cause = if matches!(errno, Errno::NOENT | Errno::STALE) { LossCause::Vanished } else { LossCause::Attributes };
    ItemError::new(cause, format!("list attributes: {}", sys::words(errno)))
}

impl ItemHandle for FileHandle {
    fn details(&self) -> (Details, Option<ItemError>) {
        let (dir, env, name) = match &self.entry {
            Entry::Named { names, offset } => (&names.dir, &names.env, names.at(*offset)),
            Entry::Directory { dir, env } => (dir, env, c""),
        };
        let mut details = Details::default();
        let fd = match env.cache.fd(dir) {
            Ok(fd) => fd,
            Err(errno) => return (details, Some(read_error("open directory", errno))),
        };
        if self.file_type == FileType::Symlink {
            match rustix::fs::readlinkat(&fd, name, Vec::new()) {
                Ok(target) => details.link_target = Some(target.into_bytes()),
                // No longer a link: what was listed is gone.
                Err(Errno::INVAL) => return (details, Some(read_error("read link", Errno::NOENT))),
                Err(errno) => return (details, Some(read_error("read link", errno))),
            }
        }
        if !env.xattrs {
            return (details, None);
        }
        let (xattrs, error) = self.xattrs(fd.as_fd(), name);
        details.xattrs = xattrs;
        (details, error)
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self, start_byte: u64, end_byte: Option<u64>) -> Result<Box<dyn ItemReader>, ItemError> {
        let (Entry::Named { names, offset }, FileType::File) = (&self.entry, self.file_type) else {
            return Err(ItemError::new(LossCause::Unreadable, "only a regular file has content"));
        };
        let fd = self.open_once(names, *offset).map_err(|errno| read_error("open", errno))?;
        let looked = sys::look_fd(&fd).map_err(|errno| read_error("look at", errno))?;
        if looked.meta.file_type != FileType::File {
            return Err(ItemError::new(LossCause::Vanished, "another kind of entry took its place"));
        }
        if Ident::of(&looked.meta) != self.ident {
            return Err(ItemError::new(LossCause::ChangedWhileRead, "another file took its place"));
        }
        Ok(Box::new(FileReader::new(fd, &looked, start_byte, end_byte)))
    }
}
