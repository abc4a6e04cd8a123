//! Owner, mode, extended attributes, times: in this order, because changing the owner clears setuid bits and
//! capabilities, setting a list changes the mode, and everything changes times.

use super::error::attribute_error;
use super::settings::Settings;
use crate::xattr;
use datakeep_connector::{ItemError, ItemSpec};
use datakeep_model::{FileType, LossCause, Meta, Xattr};
use rustix::fs::{AtFlags, CWD, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

const ACL_ACCESS: &[u8] = b"system.posix_acl_access";
/// Bits that must not stay when the entry does not have its stored owner: they would lend out somebody else's rights.
const SET_ID_BITS: u16 = 0o6000;

/// The entry that gets attributes: never a name that somebody could exchange, always an open descriptor.
pub(super) enum Entry<'a> {
    /// Open for reading or writing.
    Open(BorrowedFd<'a>),
    /// Open as a place only (`O_PATH`): a link, a special entry, something that cannot be read.
    Place { fd: BorrowedFd<'a>, path: CString },
}

impl<'a> Entry<'a> {
    pub fn place(fd: BorrowedFd<'a>) -> Self {
        let path = CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap_or_default();
        Entry::Place { fd, path }
    }

    fn chown(&self, user: Option<Uid>, group: Option<Gid>) -> Result<(), Errno> {
        match self {
            Entry::Open(fd) => rustix::fs::fchown(fd, user, group),
            Entry::Place { fd, .. } => rustix::fs::chownat(fd, c"", user, group, AtFlags::EMPTY_PATH),
        }
    }

    pub fn chmod(&self, mode: u16) -> Result<(), Errno> {
        let mode = Mode::from_raw_mode(mode.into());
        match self {
            Entry::Open(fd) => rustix::fs::fchmod(fd, mode),
            Entry::Place { path, .. } => rustix::fs::chmod(path, mode),
        }
    }

    fn xattr_place(&self) -> xattr::Place<'_> {
        match self {
            Entry::Open(fd) => xattr::Place::Fd(*fd),
            Entry::Place { path, .. } => xattr::Place::Through(path),
        }
    }

    fn set_xattr(&self, name: &CStr, value: &[u8]) -> Result<(), Errno> {
        match self {
            Entry::Open(fd) => rustix::fs::fsetxattr(fd, name, value, XattrFlags::empty()),
            Entry::Place { path, .. } => rustix::fs::setxattr(path, name, value, XattrFlags::empty()),
        }
    }

    fn remove_xattr(&self, name: &CStr) -> Result<(), Errno> {
        match self {
            Entry::Open(fd) => rustix::fs::fremovexattr(fd, name),
            Entry::Place { path, .. } => rustix::fs::removexattr(path, name),
        }
    }

    fn set_times(&self, times: &Timestamps) -> Result<(), Errno> {
        match self {
            Entry::Open(fd) => rustix::fs::futimens(fd, times),
            Entry::Place { path, .. } => rustix::fs::utimensat(CWD, path, times, AtFlags::empty()),
        }
    }
}

/// What is known of the entry before it gets its attributes.
pub(super) struct Before {
    pub uid: u32,
    pub gid: u32,
    pub mode: u16,
    /// True when it may have attributes of its own: it is not new, or its directory bequeaths some.
    pub has_attributes: bool,
}

impl Before {
    /// Something that stood there.
    pub fn old(meta: &Meta) -> Self {
        Self { uid: meta.uid, gid: meta.gid, mode: meta.mode, has_attributes: true }
    }
}

/// Gives `entry` the attributes of `spec`. Goes on after an error and returns the first.
pub(super) fn apply(
    settings: &Settings,
    entry: &Entry<'_>,
    spec: &ItemSpec<'_>,
    before: &Before,
) -> Result<(), ItemError> {
    let mut first = None;
    let mut note = |result: Result<(), ItemError>| {
        if let Err(error) = result {
            first.get_or_insert(error);
        }
    };
    let mut mode = settings.mode(spec.meta.mode);
    let is_foreign = (spec.meta.uid, spec.meta.gid) != (before.uid, before.gid);
    let changes_owner = settings.owner && is_foreign;
    if is_foreign && !settings.owner && mode & SET_ID_BITS != 0 {
        mode &= !SET_ID_BITS;
        let owner = format!("{}:{}", spec.meta.uid, spec.meta.gid);
        let detail = format!("setuid and setgid bits left out: the owner {owner} was not asked for (--owner)");
        note(Err(ItemError::new(LossCause::Attributes, detail)));
    }
    if changes_owner && let Err(error) = change_owner(entry, spec.meta) {
        mode &= !SET_ID_BITS;
        note(Err(error));
    }
    let lost_bits = changes_owner && mode & SET_ID_BITS != 0;
    if spec.meta.file_type != FileType::Symlink && (mode != before.mode || lost_bits) {
        note(entry.chmod(mode).map_err(|errno| attribute_error("set mode", errno)));
    }
    if settings.xattrs && (before.has_attributes || !spec.xattrs.is_empty()) {
        note(apply_xattrs(settings, entry, spec.xattrs, before.has_attributes));
    }
    note(apply_time(entry, spec.meta));
    first.map_or(Ok(()), Err)
}

fn change_owner(entry: &Entry<'_>, meta: &Meta) -> Result<(), ItemError> {
    let (user, group) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
    entry.chown(Some(user), Some(group)).map_err(|errno| {
        // One's own group can be given even where the user cannot.
        let _ = entry.chown(None, Some(group));
        attribute_error(&format!("set owner {}:{}", meta.uid, meta.gid), errno)
    })
}

fn apply_xattrs(
    settings: &Settings,
    entry: &Entry<'_>,
    wanted: &[Xattr],
    has_attributes: bool,
) -> Result<(), ItemError> {
    let mut result = Ok(());
    let present = if has_attributes {
        xattr::read_all(entry.xattr_place()).map(|(present, _)| present).unwrap_or_default()
    } else {
        Vec::new()
    };
    for old in &present {
        if is_ours(settings, &old.name) && !wanted.iter().any(|new| new.name == old.name) {
            let outcome = named(&old.name, "remove", |name| entry.remove_xattr(name));
            result = result.and(outcome);
        }
    }
    for new in wanted.iter().filter(|new| settings.wants_xattr(&new.name)) {
        if !present.contains(new) {
            let outcome = named(&new.name, "set", |name| entry.set_xattr(name, &new.value));
            result = result.and(outcome);
        }
    }
    result
}

/// True for attributes that are removed where the stored item does not have them. Security labels are the machine's.
fn is_ours(settings: &Settings, name: &[u8]) -> bool {
    let is_plain = name.starts_with(b"user.") || name == ACL_ACCESS || name == b"system.posix_acl_default";
    is_plain || (settings.setuid && (name == b"security.capability" || name.starts_with(b"trusted.")))
}

fn named(name: &[u8], verb: &str, set: impl FnOnce(&CStr) -> Result<(), Errno>) -> Result<(), ItemError> {
    let text = CString::new(name).map_err(|_| Errno::INVAL);
    text.and_then(|name| set(&name)).map_err(|errno| {
        attribute_error(&format!("{verb} attribute {}", datakeep_model::escape_for_terminal(name)), errno)
    })
}

fn apply_time(entry: &Entry<'_>, meta: &Meta) -> Result<(), ItemError> {
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: meta.mtime.seconds, tv_nsec: meta.mtime.nanos.into() },
    };
    entry.set_times(&times).map_err(|errno| attribute_error("set time", errno))
}

/// The attributes of the entry behind a descriptor, as they are before a change.
pub(super) fn before(fd: impl AsFd) -> Result<(Meta, Before), Errno> {
    let meta = crate::sys::look_fd(fd)?.meta;
    let before = Before::old(&meta);
    Ok((meta, before))
}
