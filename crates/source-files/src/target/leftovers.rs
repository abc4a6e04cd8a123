//! Files in the making, and what a restore that was killed has left of them.
//!
//! A file that is written under a temporary name is locked (`flock`) until it has its own: the lock goes with the process,
//! however that ends. So a file that can be locked has no writer any more. That it is one of ours its name proves: it
//! ends in a sum over this machine, the directory's inode and the rest of the name, which the copy of a leftover in
//! another directory, or a name that a user has thought of, does not have. Another machine's files are left alone: on a
//! file system that is shared, locks need not be.

use super::{Inner, Spot, TEMPORARY_PREFIX};
use crate::sys::{self, Ident};
use datakeep_connector::{ItemError, ItemSpec};
use datakeep_model::FileType;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;

/// Digits of a sum.
const SUM_DIGITS: usize = 16;
/// How often a file is made anew that a sweep elsewhere took for a leftover before it was locked.
const MAKE_TRIES: u32 = 4;

/// A file in the making.
pub(super) struct Made {
    pub name: CString,
    /// Keeps it locked: to be closed once it has its name.
    pub fd: OwnedFd,
    pub before: super::attributes::Before,
}

/// What tells this machine from others; `None` when that is not known.
pub(super) fn machine() -> Option<u64> {
    let read = |path: &str| std::fs::read(path).ok().filter(|text| text.len() > SUM_DIGITS);
    // Without an identity of its own, at least what runs since it was started.
    let identity = read("/etc/machine-id").or_else(|| read("/proc/sys/kernel/random/boot_id"))?;
    let name = rustix::system::uname();
    Some(sum(&[&identity, name.nodename().to_bytes()]))
}

/// FNV-1a over parts: against accidents, not against anybody.
fn sum(parts: &[&[u8]]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let part = |hash: u64, part: &&[u8]| fold(part.iter().fold(hash, fold), &0xff);
    parts.iter().fold(0xcbf2_9ce4_8422_2325, part)
}

/// The sum that a name in a directory ends in.
fn sum_of_name(machine: u64, inode: u64, stem: &[u8]) -> u64 {
    sum(&[&machine.to_le_bytes(), &inode.to_le_bytes(), stem])
}

/// True for a name that this machine has given to a file in the making in this directory.
fn is_ours(machine: u64, inode: u64, name: &[u8]) -> bool {
    let Some(cut) = name.len().checked_sub(SUM_DIGITS).filter(|cut| *cut > TEMPORARY_PREFIX.len()) else {
        return false;
    };
    let (head, digits) = name.split_at(cut);
    let Some(stem) = head.strip_suffix(b"-").filter(|stem| stem.starts_with(TEMPORARY_PREFIX.as_bytes())) else {
        return false;
    };
    digits == format!("{:016x}", sum_of_name(machine, inode, stem)).as_bytes()
}

/// Locks a file that was just made. `Ok(false)`: somebody else has, or has removed it already.
fn hold(fd: &OwnedFd) -> Result<bool, Errno> {
    match sys::retry(|| rustix::fs::flock(fd, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Ok(sys::look_fd(fd)?.meta.links > 0),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno),
    }
}

impl Inner {
    /// A name nobody else uses. Nobody ever takes what has it for a leftover.
    pub(super) fn temporary_name(&self) -> CString {
        let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
        CString::new(format!("{TEMPORARY_PREFIX}{number}-{:016x}", self.token)).unwrap_or_default()
    }

    /// Makes a file under a temporary name. Should this process be killed, a later restore finds out and removes it.
    pub(super) fn make_temporary(&self, spot: &Spot, spec: &ItemSpec<'_>, access: OFlags) -> Result<Made, ItemError> {
        let plain = || {
            let name = self.temporary_name();
            self.create(spot, &name, spec, access).map(|(fd, before)| Made { name, fd, before })
        };
        let (Some(machine), Some(inode)) = (self.machine, spot.parent.inode) else { return plain() };
        for _ in 0..MAKE_TRIES {
            let stem = self.temporary_name();
            let digits = sum_of_name(machine, inode, stem.to_bytes());
            let name =
                CString::new([stem.to_bytes(), format!("-{digits:016x}").as_bytes()].concat()).unwrap_or_default();
            let (fd, before) = self.create(spot, &name, spec, access)?;
            let held = hold(&fd);
            if let Ok(true) = held {
                return Ok(Made { name, fd, before });
            }
            let _ = rustix::fs::unlinkat(&spot.parent, &name, AtFlags::empty());
            if held.is_err() {
                break;
            }
        }
        // A file system that locks nothing: what is not locked must not look like a leftover.
        plain()
    }

    /// Removes files of restores that were killed from a directory. What cannot be looked at, locked or removed stays.
    pub(super) fn sweep(&self, directory: impl AsFd) {
        let (Some(machine), false) = (self.machine, self.settings.dry_run) else { return };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(fd) = self.patiently(|| rustix::fs::openat(&directory, c".", flags, Mode::empty())) else { return };
        let Ok(looked) = sys::look_fd(&fd) else { return };
        for name in super::entries::names(&fd).unwrap_or_default() {
            if is_ours(machine, looked.meta.inode, &name)
                && let Ok(name) = CString::new(name)
            {
                let _ = self.remove_dead(&fd, &name);
            }
        }
    }

    fn remove_dead(&self, directory: &OwnedFd, name: &CStr) -> Result<(), Errno> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = |access| self.patiently(|| rustix::fs::openat(directory, name, flags | access, Mode::empty()));
        // Some file systems lock only what can be written.
        let fd = open(OFlags::RDWR).or_else(|_| open(OFlags::RDONLY))?;
        let looked = sys::look_fd(&fd)?.meta;
        if looked.file_type != FileType::File || looked.links != 1 {
            return Ok(());
        }
        sys::retry(|| rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive))?;
        // From here on its writer, had it one that was about to lock it, makes another.
        if Ident::of(&sys::look_at(directory, name)?.meta) == Ident::of(&looked) {
            rustix::fs::unlinkat(directory, name, AtFlags::empty())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::FilesTarget;
    use super::*;
    use datakeep_connector::{Options, Target};
    use datakeep_model::{ItemPath, Meta, Timestamp};
    use std::collections::BTreeSet;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    #[test]
    fn only_names_made_here_for_this_directory_are_ours() {
        let stem = b".datakeep-3-0123456789abcdef";
        let named = |machine, inode| {
            let digits = format!("-{:016x}", sum_of_name(machine, inode, stem));
            [&stem[..], digits.as_bytes()].concat()
        };
        assert!(is_ours(7, 9, &named(7, 9)));
        assert!(!is_ours(8, 9, &named(7, 9)), "another machine");
        assert!(!is_ours(7, 8, &named(7, 9)), "another directory");
        let name = named(7, 9);
        for at in 0..name.len() {
            let mut other = name.clone();
            other[at] ^= 1;
            assert!(!is_ours(7, 9, &other), "{at}");
            assert!(!is_ours(7, 9, &name[..at]) && !is_ours(7, 9, &name[at + 1..]), "{at}");
        }
        for foreign in [&stem[..], b".datakeep-", b"", b".datakeep-config", b".datakeep--0000000000000000"] {
            assert!(!is_ours(7, 9, foreign), "{}", String::from_utf8_lossy(foreign));
        }
    }

    fn target(folder: &Path) -> FilesTarget {
        let path = ItemPath::parse(folder.as_os_str().as_bytes()).expect("a path");
        FilesTarget::open(&path, &Options::default(), false).expect("opens")
    }

    fn listed(folder: &Path) -> BTreeSet<String> {
        let name =
            |entry: std::io::Result<std::fs::DirEntry>| entry.expect("read").file_name().into_string().expect("text");
        std::fs::read_dir(folder).expect("read").map(name).collect()
    }

    fn spec<'a>(path: &'a ItemPath, meta: &'a Meta) -> ItemSpec<'a> {
        ItemSpec { path, meta, link_target: None, xattrs: &[], replace: true }
    }

    /// What is closed without a name is what a killed process leaves: the kernel closes, and nothing else happens.
    #[test]
    fn the_next_restore_removes_what_the_dead_have_left_and_nothing_else() {
        let folder = tempfile::tempdir().expect("temp");
        let (top, sub, elsewhere) =
            (folder.path().join("top"), folder.path().join("top/sub"), folder.path().join("other"));
        for directory in [&sub, &elsewhere] {
            std::fs::create_dir_all(directory).expect("made");
        }
        let when = Timestamp::new(1_234_567_890, 0);
        let (meta, directory) =
            (Meta::synthetic(FileType::File, 0o600, when), Meta::synthetic(FileType::Directory, 0o755, when));
        let first = target(&top);
        let make = |path: &str| {
            let path = ItemPath::parse(path.as_bytes()).expect("a path");
            let spot = first.inner.spot(&path).expect("a place");
            first.inner.make_temporary(&spot, &spec(&path, &meta), OFlags::RDWR).expect("made")
        };
        let [living, dead, below] = ["a", "b", "sub/c"].map(make);
        let name = |made: &Made| made.name.to_str().expect("text").to_string();
        let [living_name, dead_name, below_name] = [&living, &dead, &below].map(name);
        let users = [".datakeep-notes", ".datakeep-0-0123456789abcdef", "report"];
        users.iter().for_each(|user| std::fs::write(top.join(user), "mine").expect("written"));
        // Copies of leftovers, and another name of one, are the user's.
        std::fs::write(elsewhere.join(&dead_name), "mine").expect("written");
        std::fs::write(sub.join(&dead_name), "mine").expect("written");
        drop((dead.fd, below.fd));

        let dry =
            FilesTarget::open(&ItemPath::parse(top.as_os_str().as_bytes()).expect("a path"), &Options::default(), true);
        drop(dry.expect("opens"));
        assert!(listed(&top).contains(&dead_name), "a dry run changes nothing");
        let second = target(&top);
        let expected: BTreeSet<String> =
            users.iter().map(|user| user.to_string()).chain(["sub".into(), living_name.clone()]).collect();
        assert_eq!(listed(&top), expected);
        assert!(listed(&sub).contains(&below_name), "not looked at yet");
        let path = ItemPath::parse(b"sub").expect("a path");
        second.make_directory(spec(&path, &directory)).expect("there");
        assert_eq!(listed(&sub), [dead_name.clone()].into());
        assert_eq!(listed(&elsewhere), [dead_name].into());
        assert_eq!(std::fs::read(top.join("report")).expect("read"), b"mine");
        drop(target(&elsewhere));
        assert_eq!(listed(&elsewhere).len(), 1, "a copy");
        // The living one goes once its process does.
        drop(living.fd);
        drop(target(&top));
        assert!(!listed(&top).contains(&living_name));
    }
}
