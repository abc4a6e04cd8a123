//! Directories of the target, opened beneath it and through no link, and kept open while they are used.

use crate::sys;
use crate::sys::lock;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::process::Resource;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SHARDS: usize = 8;
const MOST_PER_SHARD: usize = 16;
/// Longest path handed to the kernel at once (its own limit is 4096 with the NUL byte).
const MOST_PATH_BYTES: usize = 4000;
const DESCRIPTOR_TRIES: u32 = 20;
/// How often a resolution is tried again that the kernel gave up because of a rename elsewhere.
const RENAME_TRIES: u32 = 16;

/// An open directory of the target.
pub(super) struct Parent {
    pub fd: OwnedFd,
    /// Its inode, where that can be told.
    pub inode: Option<u64>,
    /// True when what is made in it gets another group or mode than the process would give it.
    pub bequeaths: bool,
}

impl AsFd for Parent {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

type Shard = Mutex<Vec<(Vec<u8>, Arc<Parent>)>>;

/// The directories beneath one descriptor.
pub(super) struct Beneath {
    top: Arc<Parent>,
    shards: [Shard; SHARDS],
    per_shard: usize,
    has_openat2: AtomicBool,
}

impl Beneath {
    pub fn new(top: OwnedFd) -> Self {
        let limit = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let per_shard = usize::try_from(limit / 4).unwrap_or(usize::MAX) / SHARDS;
        Self {
            top: Arc::new(Parent::new(top)),
            shards: Default::default(),
            per_shard: per_shard.clamp(1, MOST_PER_SHARD),
            has_openat2: AtomicBool::new(true),
        }
    }

    /// The directory the target was opened on.
    pub fn top(&self) -> &Arc<Parent> {
        &self.top
    }

    /// The directory at `path` (components joined by `/`).
    pub fn directory(&self, path: &[u8]) -> Result<Arc<Parent>, Errno> {
        if path.is_empty() {
            return Ok(Arc::clone(&self.top));
        }
        let shard = self.shard(path);
        {
            let mut kept = lock(shard);
            if let Some(at) = kept.iter().position(|(key, _)| key == path) {
                let found = kept.remove(at);
                let parent = Arc::clone(&found.1);
                kept.push(found);
                return Ok(parent);
            }
        }
        let parent = Arc::new(Parent::new(self.patiently(|| self.open(path))?));
        let mut kept = lock(shard);
        let oldest = (kept.len() >= self.per_shard).then(|| kept.remove(0));
        kept.push((path.to_vec(), Arc::clone(&parent)));
        drop(kept);
        drop(oldest);
        Ok(parent)
    }

    /// Forgets the directory at `path` and everything beneath it, because it is going away or changing.
    pub fn forget(&self, path: &[u8]) {
        let is_within =
            |key: &[u8]| key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        for shard in &self.shards {
            lock(shard).retain(|(key, _)| !is_within(key));
        }
    }

    /// Forgets the directory at `path` alone.
    pub fn forget_one(&self, path: &[u8]) {
        lock(self.shard(path)).retain(|(key, _)| key != path);
    }

    /// Opens, and when the process is out of descriptors gives back those kept here and tries again.
    pub fn patiently<T>(&self, mut open: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
        let mut tries = 0;
        loop {
            match open() {
                Err(Errno::INTR) => {}
                Err(Errno::MFILE | Errno::NFILE) if tries < DESCRIPTOR_TRIES => {
                    tries += 1;
                    for shard in &self.shards {
                        lock(shard).clear();
                    }
                    sys::pause(Duration::from_millis(tries.into()));
                }
                other => return other,
            }
        }
    }

    fn shard(&self, path: &[u8]) -> &Shard {
        // FNV-1a: short keys, no adversary that gains by a full shard.
        let hash = path
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    fn open(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let mut base: Option<OwnedFd> = None;
        let mut rest = path;
        while !rest.is_empty() {
            let cut = head_len(rest);
            let (head, tail) = rest.split_at(cut);
            let from = base.as_ref().map_or(self.top.as_fd(), |fd| fd.as_fd());
            base = Some(self.open_head(from, head)?);
            rest = tail.strip_prefix(b"/").unwrap_or(tail);
        }
        base.ok_or(Errno::NOENT)
    }

    fn open_head(&self, from: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
        let text = CString::new(path).map_err(|_| Errno::INVAL)?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 0;
        while self.has_openat2.load(Ordering::Relaxed) && tries < RENAME_TRIES {
            match readable_or_path(|flags| rustix::fs::openat2(from, &text, flags, Mode::empty(), resolve)) {
                // Old kernels do not know the call; some sandboxes forbid what they do not know.
                Err(Errno::NOSYS | Errno::PERM) => self.has_openat2.store(false, Ordering::Relaxed),
                Err(Errno::AGAIN) => tries += 1,
                other => return other,
            }
        }
        walk_down(from, path)
    }
}

/// Component by component, which is what `openat2` does in one call.
fn walk_down(from: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
    let mut base: Option<OwnedFd> = None;
    for component in path.split(|&byte| byte == b'/') {
        datakeep_model::path::check_name(component).map_err(|_| Errno::INVAL)?;
        let name = CString::new(component).map_err(|_| Errno::INVAL)?;
        let above = base.as_ref().map_or(from, |fd| fd.as_fd());
        base = Some(readable_or_path(|flags| rustix::fs::openat(above, &name, flags, Mode::empty()))?);
    }
    base.ok_or(Errno::NOENT)
}

/// A directory that may be searched and written but not read serves as a parent all the same.
fn readable_or_path(open: impl Fn(OFlags) -> Result<OwnedFd, Errno>) -> Result<OwnedFd, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match open(flags | OFlags::RDONLY) {
        Err(Errno::ACCESS) => open(flags | OFlags::PATH),
        other => other,
    }
}

/// Length of the longest run of whole components that the kernel takes at once.
fn head_len(path: &[u8]) -> usize {
    if path.len() <= MOST_PATH_BYTES {
        return path.len();
    }
    let cut = path[..MOST_PATH_BYTES].iter().rposition(|&byte| byte == b'/');
    cut.filter(|&cut| cut > 0).or_else(|| path.iter().position(|&byte| byte == b'/')).unwrap_or(path.len())
}

impl Parent {
    fn new(fd: OwnedFd) -> Self {
        let looked = sys::look_fd(&fd).ok();
        let passes_group = looked.as_ref().is_some_and(|looked| looked.meta.mode & 0o2000 != 0);
        let has_default_acl = rustix::fs::fgetxattr(&fd, c"system.posix_acl_default", &mut [0_u8; 4]);
        let has_default_acl = matches!(has_default_acl, Ok(1..) | Err(Errno::RANGE));
        Self { fd, inode: looked.map(|looked| looked.meta.inode), bequeaths: passes_group || has_default_acl }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;

    fn open_top(path: &std::path::Path) -> OwnedFd {
        rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("opens")
    }

    #[test]
    fn links_and_dots_are_refused_with_and_without_openat2() {
        let dir = tempfile::tempdir().expect("temp");
        std::fs::create_dir_all(dir.path().join("top/a/b")).expect("made");
        std::fs::create_dir(dir.path().join("outside")).expect("made");
        std::os::unix::fs::symlink("../outside", dir.path().join("top/link")).expect("made");
        std::os::unix::fs::symlink("../a", dir.path().join("top/a/inner")).expect("made");
        for has_openat2 in [true, false] {
            let beneath = Beneath::new(open_top(&dir.path().join("top")));
            beneath.has_openat2.store(has_openat2, Ordering::Relaxed);
            assert!(beneath.directory(b"a/b").is_ok());
            assert!(beneath.directory(b"").is_ok());
            for bad in [&b"link"[..], b"a/inner", b"a/inner/b", b"..", b"a/../../outside", b"link/x"] {
                assert!(beneath.directory(bad).is_err(), "{has_openat2} {}", String::from_utf8_lossy(bad));
            }
        }
    }

    #[test]
    fn descriptors_are_bounded() {
        let dir = tempfile::tempdir().expect("temp");
        for number in 0..400 {
            std::fs::create_dir(dir.path().join(number.to_string())).expect("made");
        }
        let beneath = Beneath::new(open_top(dir.path()));
        for number in 0..400 {
            beneath.directory(number.to_string().as_bytes()).expect("opens");
        }
        let kept: usize = beneath.shards.iter().map(|shard| lock(shard).len()).sum();
        assert!((SHARDS..=SHARDS * MOST_PER_SHARD).contains(&kept), "{kept}");
        beneath.forget(b"399");
        assert!(beneath.shards.iter().all(|shard| lock(shard).iter().all(|(key, _)| key != b"399")));
    }

    #[test]
    fn long_paths_are_cut_at_components() {
        assert_eq!(head_len(b"a/b"), 3);
        let long = [b"x".repeat(255), vec![b'/']].concat().repeat(40);
        let cut = head_len(&long);
        assert!(cut <= MOST_PATH_BYTES && long[cut] == b'/');
    }
}
