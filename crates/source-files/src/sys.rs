//! Small translations between what the kernel says and the words of the model.

use datakeep_connector::ItemError;
use datakeep_model::{FileType, LossCause, Meta, Timestamp};
use rustix::fs::{AtFlags, Statx, StatxFlags, StatxTimestamp, makedev};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::AsFd;

/// Device and inode: what a file is, whatever its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ident {
    pub device: u64,
    pub inode: u64,
}

impl Ident {
    pub fn of(meta: &Meta) -> Self {
        Self { device: meta.device, inode: meta.inode }
    }
}

/// Metadata and the allocated size, which only the reader needs.
pub(crate) struct Looked {
    pub meta: Meta,
    pub allocated_bytes: u64,
}

/// Looks at `name` in `directory` without following a link there and without triggering an automount.
pub(crate) fn look_at(directory: impl AsFd, name: &CStr) -> Result<Looked, Errno> {
    look(directory, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)
}

/// Looks at `name` in `directory`, through a link if there is one.
pub(crate) fn look_through(directory: impl AsFd, name: &CStr) -> Result<Looked, Errno> {
    look(directory, name, AtFlags::NO_AUTOMOUNT)
}

/// Looks at an open descriptor.
pub(crate) fn look_fd(fd: impl AsFd) -> Result<Looked, Errno> {
    look(fd, c"", AtFlags::EMPTY_PATH)
}

fn look(directory: impl AsFd, name: &CStr, flags: AtFlags) -> Result<Looked, Errno> {
    let stat = rustix::fs::statx(directory, name, flags, StatxFlags::BASIC_STATS)?;
    Ok(Looked { meta: meta_of(&stat), allocated_bytes: stat.stx_blocks.saturating_mul(512) })
}

fn meta_of(stat: &Statx) -> Meta {
    let file_type = file_type_of(rustix::fs::FileType::from_raw_mode(stat.stx_mode.into()));
    Meta {
        file_type,
        mode: stat.stx_mode & 0o7777,
        uid: stat.stx_uid,
        gid: stat.stx_gid,
        len_bytes: if file_type == FileType::File { stat.stx_size } else { 0 },
        mtime: instant(&stat.stx_mtime),
        ctime: instant(&stat.stx_ctime),
        inode: stat.stx_ino,
        device: makedev(stat.stx_dev_major, stat.stx_dev_minor),
        links: stat.stx_nlink,
        rdev: if file_type.is_device() { makedev(stat.stx_rdev_major, stat.stx_rdev_minor) } else { 0 },
    }
}

fn instant(time: &StatxTimestamp) -> Timestamp {
    Timestamp { seconds: time.tv_sec, nanos: time.tv_nsec.min(999_999_999) }
}

fn file_type_of(file_type: rustix::fs::FileType) -> FileType {
    use rustix::fs::FileType as Kind;
    match file_type {
        Kind::Directory => FileType::Directory,
        Kind::Symlink => FileType::Symlink,
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
        Kind::CharacterDevice => FileType::CharDevice,
        Kind::BlockDevice => FileType::BlockDevice,
        Kind::RegularFile | Kind::Unknown => FileType::File,
    }
}

/// The kernel's words for an error.
pub(crate) fn words(errno: Errno) -> String {
    std::io::Error::from(errno).to_string()
}

/// What befell an item whose reading ended with this error.
pub(crate) fn cause_of(errno: Errno) -> LossCause {
    match errno {
        Errno::ACCESS | Errno::PERM => LossCause::Denied,
        // A link or a non-directory where a directory or file was listed: what was listed is gone.
        Errno::NOENT | Errno::STALE | Errno::NOTDIR | Errno::LOOP => LossCause::Vanished,
        _ => LossCause::Unreadable,
    }
}

/// The error of an item whose reading ended with this error while doing `what`.
pub(crate) fn read_error(what: &str, errno: Errno) -> ItemError {
    ItemError::new(cause_of(errno), format!("{what}: {}", words(errno)))
}

/// Calls again while a signal interrupts.
pub(crate) fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// Locks, whatever happened to another thread that held it: the data behind these locks is valid at every step.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Waits for another process or thread to give back what the kernel is short of.
#[expect(clippy::disallowed_methods, reason = "nothing signals that a descriptor or a lease was given back")]
pub(crate) fn pause(duration: std::time::Duration) {
    std::thread::sleep(duration);
}
