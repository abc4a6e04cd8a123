//! Directories that can be opened again: descriptors are few, directories are many.
//!
//! A [`DirRef`] knows its parent and its name there, and opens relative to the nearest ancestor whose descriptor is
//! still open, never following a link beneath a root. A bounded cache keeps the descriptors used last.

use crate::sys::{self, Ident, lock};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Resource;
use std::collections::VecDeque;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

/// Most directory descriptors kept open by one cache.
const MOST_DESCRIPTORS: usize = 64;
/// How often an open is tried again when the process is out of descriptors.
const DESCRIPTOR_TRIES: u32 = 20;

/// How a directory is reached.
pub(crate) enum Place {
    /// By an absolute path that the user gave, or a part of it; links in it are followed. `list` when it will be
    /// listed; otherwise search permission is enough.
    Anchor { path: CString, list: bool },
    /// By its name in another directory; links are not followed.
    Child { parent: Arc<DirRef>, name: CString },
    /// By a descriptor that stays open.
    Fixed(Arc<OwnedFd>),
}

/// A directory that can be opened whenever it is needed.
pub(crate) struct DirRef {
    place: Option<Place>,
    ident: OnceLock<Ident>,
    slot: Mutex<Option<Arc<OwnedFd>>>,
    used: AtomicBool,
}

impl DirRef {
    pub fn new(place: Place) -> Arc<Self> {
        let (slot, used) = (Mutex::new(None), AtomicBool::new(false));
        Arc::new(Self { place: Some(place), ident: OnceLock::new(), slot, used })
    }

    fn parent(&self) -> Option<&Arc<DirRef>> {
        match &self.place {
            Some(Place::Child { parent, .. }) => Some(parent),
            _ => None,
        }
    }

    /// What it was when it was first opened.
    pub fn ident(&self) -> Option<Ident> {
        self.ident.get().copied()
    }

    /// True when an ancestor is the same directory.
    pub fn is_within_itself(&self) -> bool {
        let Some(own) = self.ident() else { return false };
        let mut above = self.parent();
        while let Some(dir) = above {
            if dir.ident() == Some(own) {
                return true;
            }
            above = dir.parent();
        }
        false
    }

    fn cached(&self) -> Option<Arc<OwnedFd>> {
        if let Some(Place::Fixed(fd)) = &self.place {
            return Some(Arc::clone(fd));
        }
        let fd = lock(&self.slot).clone();
        if fd.is_some() {
            self.used.store(true, Ordering::Relaxed);
        }
        fd
    }

    fn open_from(&self, base: BorrowedFd<'_>, cache: &FdCache) -> Result<OwnedFd, Errno> {
        let fd = match &self.place {
            Some(Place::Child { name, .. }) => cache.open(base, name, OFlags::NOFOLLOW)?,
            Some(Place::Anchor { path, list: true }) => cache.open(CWD, path, OFlags::empty())?,
            Some(Place::Anchor { path, list: false }) => cache.open(CWD, path, OFlags::PATH)?,
            Some(Place::Fixed(_)) | None => return Err(Errno::NOENT),
        };
        let ident = Ident::of(&sys::look_fd(&fd)?.meta);
        // A directory that was replaced since is not the one whose entries were looked at.
        if *self.ident.get_or_init(|| ident) == ident { Ok(fd) } else { Err(Errno::NOENT) }
    }
}

impl Drop for DirRef {
    /// Lets go of the chain of parents one by one: a tree may be deeper than a stack.
    fn drop(&mut self) {
        let mut place = self.place.take();
        while let Some(Place::Child { parent, .. }) = place {
            place = Arc::into_inner(parent).and_then(|mut dir| dir.place.take());
        }
    }
}

/// Keeps a bounded number of directory descriptors open.
pub(crate) struct FdCache {
    queue: Mutex<VecDeque<Weak<DirRef>>>,
    capacity: usize,
    no_atime: bool,
}

impl FdCache {
    /// A cache that leaves most of the process's descriptors to others.
    pub fn new() -> Self {
        let limit = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let capacity = usize::try_from(limit / 4).unwrap_or(MOST_DESCRIPTORS).clamp(4, MOST_DESCRIPTORS);
        Self { queue: Mutex::default(), capacity, no_atime: rustix::process::geteuid().is_root() }
    }

    /// The descriptor of `dir`, opened if need be.
    pub fn fd(&self, dir: &Arc<DirRef>) -> Result<Arc<OwnedFd>, Errno> {
        if let Some(fd) = dir.cached() {
            return Ok(fd);
        }
        let mut chain = vec![dir];
        let mut base = None;
        while let Some(parent) = chain.last().and_then(|last| last.parent()) {
            base = parent.cached();
            if base.is_some() {
                break;
            }
            chain.push(parent);
        }
        for (below, link) in chain.iter().enumerate().rev() {
            let from = base.as_ref().map_or(CWD, |fd| fd.as_fd());
            let fd = Arc::new(link.open_from(from, self)?);
            // Its siblings will want the parent too; what is further up was wanted by this one only.
            if below < 2 {
                self.keep(link, &fd);
            }
            base = Some(fd);
        }
        base.ok_or(Errno::NOENT)
    }

    fn open(&self, base: BorrowedFd<'_>, name: &CString, extra: OFlags) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC | extra;
        if self.no_atime && !extra.contains(OFlags::PATH) {
            match self.patiently(|| rustix::fs::openat(base, name, flags | OFlags::NOATIME, Mode::empty())) {
                Err(Errno::PERM) => {}
                other => return other,
            }
        }
        self.patiently(|| rustix::fs::openat(base, name, flags, Mode::empty()))
    }

    /// Opens, and when the process is out of descriptors gives back those kept here and tries again.
    pub fn patiently<T>(&self, mut open: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
        let mut tries = 0;
        loop {
            match open() {
                Err(Errno::INTR) => {}
                Err(Errno::MFILE | Errno::NFILE) if tries < DESCRIPTOR_TRIES => {
                    tries += 1;
                    self.forget_all();
                    sys::pause(Duration::from_millis(tries.into()));
                }
                other => return other,
            }
        }
    }

    fn keep(&self, dir: &Arc<DirRef>, fd: &Arc<OwnedFd>) {
        *lock(&dir.slot) = Some(Arc::clone(fd));
        let mut closing = Vec::new();
        let mut queue = lock(&self.queue);
        queue.push_back(Arc::downgrade(dir));
        let mut second_chances = queue.len();
        while queue.len() > self.capacity {
            let Some(oldest) = queue.pop_front() else { break };
            let Some(old) = oldest.upgrade() else { continue };
            if second_chances > 0 && old.used.swap(false, Ordering::Relaxed) {
                second_chances -= 1;
                queue.push_back(oldest);
            } else {
                closing.push(lock(&old.slot).take());
            }
        }
        drop(queue);
        drop(closing);
    }

    fn forget_all(&self) {
        let queue = std::mem::take(&mut *lock(&self.queue));
        for dir in queue.iter().filter_map(Weak::upgrade) {
            lock(&dir.slot).take();
        }
    }
}
