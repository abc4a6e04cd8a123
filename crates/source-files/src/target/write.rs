//! Whole files, thousands in a second: create, write, time, close.

use super::attributes::{Before, Entry, apply};
use super::error::write_error;
use super::settings::PLAIN_BITS;
use super::{Inner, Spot};
use datakeep_connector::{ItemError, ItemSpec};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};

/// Most slices the kernel takes at once (`IOV_MAX`).
const MOST_SLICES: usize = 1024;

impl Inner {
    pub(super) fn write_file(&self, spec: &ItemSpec<'_>, parts: &[&[u8]]) -> Result<(), ItemError> {
        let spot = self.spot(spec.path)?;
        if !spec.replace {
            return self.fill_new(&spot, &spot.name, spec, parts);
        }
        let made = self.make_temporary(&spot, spec, OFlags::WRONLY)?;
        let outcome = self.fill(&spot, &made.name, (&made.fd, &made.before), spec, parts);
        // It stays open, and so locked, until it has its name.
        self.put_in_place(&spot, &made.name, outcome)
    }

    /// Gives a file in the making its name, unless its content is not good; what stood there stays until then.
    pub(super) fn put_in_place(
        &self,
        spot: &Spot,
        temporary: &CStr,
        outcome: Result<(), ItemError>,
    ) -> Result<(), ItemError> {
        if let Err(error) = &outcome
            && error.cause != datakeep_model::LossCause::Attributes
        {
            // Already gone when it could not even be made.
            let _ = rustix::fs::unlinkat(&spot.parent, temporary, AtFlags::empty());
            return outcome;
        }
        let rename = || rustix::fs::renameat(&spot.parent, temporary, &spot.parent, &spot.name);
        let renamed = match rename() {
            Err(Errno::ISDIR) => {
                rustix::fs::unlinkat(&spot.parent, &spot.name, AtFlags::REMOVEDIR).and_then(|()| rename())
            }
            other => other,
        };
        if let Err(errno) = renamed {
            let _ = rustix::fs::unlinkat(&spot.parent, temporary, AtFlags::empty());
            return Err(write_error("replace", errno));
        }
        outcome
    }

    fn fill_new(&self, spot: &Spot, name: &CStr, spec: &ItemSpec<'_>, parts: &[&[u8]]) -> Result<(), ItemError> {
        let (fd, before) = self.create(spot, name, spec, OFlags::WRONLY)?;
        self.fill(spot, name, (&fd, &before), spec, parts)
    }

    /// Fills a file that was made under `name`.
    fn fill(
        &self,
        spot: &Spot,
        name: &CStr,
        (fd, before): (&OwnedFd, &Before),
        spec: &ItemSpec<'_>,
        parts: &[&[u8]],
    ) -> Result<(), ItemError> {
        let written =
            write_all(fd, parts).and_then(|()| if self.settings.fsync { rustix::fs::fdatasync(fd) } else { Ok(()) });
        if let Err(errno) = written {
            // Made by this call, so nobody else's: half a file helps nobody.
            let _ = rustix::fs::unlinkat(&spot.parent, name, AtFlags::empty());
            return Err(write_error("write", errno));
        }
        apply(&self.settings, &Entry::Open(fd.as_fd()), spec, before)
    }

    /// Makes a file that was not there, with as much of its mode as can be given at once.
    pub(super) fn create(
        &self,
        spot: &Spot,
        name: &CStr,
        spec: &ItemSpec<'_>,
        access: OFlags,
    ) -> Result<(OwnedFd, Before), ItemError> {
        let settings = &self.settings;
        let foreign = settings.owner && (spec.meta.uid, spec.meta.gid) != (settings.user, settings.group);
        // Until it has its owner, or when a list will say more than the mode, it is nobody else's.
        let mode = if foreign || !spec.xattrs.is_empty() { 0o600 } else { spec.meta.mode & PLAIN_BITS };
        let flags = access | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = self
            .patiently(|| rustix::fs::openat(&spot.parent, name, flags, Mode::from_raw_mode(mode.into())))
            .map_err(|errno| write_error("create", errno))?;
        let before = if spot.parent.bequeaths {
            super::before(&fd).map_err(|errno| write_error("look at", errno))?.1
        } else {
            let mode = mode & !settings.umask;
            Before { uid: settings.user, gid: settings.group, mode, has_attributes: false }
        };
        Ok((fd, before))
    }
}

/// Writes all parts, one after another, from the file's present position.
fn write_all(fd: &OwnedFd, parts: &[&[u8]]) -> Result<(), Errno> {
    if let [part] = parts {
        return write_slice(fd, part);
    }
    for group in parts.chunks(MOST_SLICES) {
        let mut slices: Vec<IoSlice<'_>> = group.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match rustix::io::writev(fd, rest) {
                Ok(0) => return Err(Errno::IO),
                Ok(count) => IoSlice::advance_slices(&mut rest, count),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}

fn write_slice(fd: &OwnedFd, mut data: &[u8]) -> Result<(), Errno> {
    while !data.is_empty() {
        match rustix::io::write(fd, data) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => data = &data[count..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
