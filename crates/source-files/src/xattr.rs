//! Extended attributes, access control lists and capabilities among them, read without following a link.

use crate::sys::{retry, words};
use datakeep_connector::ItemError;
use datakeep_model::{LossCause, Xattr};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};

/// The kernel's limit for one value and for one list of names.
const MAX_LEN_BYTES: usize = 1 << 16;
/// What nearly every list and value fits in.
const USUAL_LEN_BYTES: usize = 512;

/// How an entry's attributes are reached.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// By a path whose last component is not followed.
    Path(&'a CStr),
    /// By a path that is followed: the descriptor link of an open directory.
    Through(&'a CStr),
    /// By an open descriptor.
    Fd(BorrowedFd<'a>),
}

impl Place<'_> {
    fn list(self, buffer: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Place::Path(path) => rustix::fs::llistxattr(path, buffer),
            Place::Through(path) => rustix::fs::listxattr(path, buffer),
            Place::Fd(fd) => rustix::fs::flistxattr(fd, buffer),
        }
    }

    fn get(self, name: &CStr, buffer: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Place::Path(path) => rustix::fs::lgetxattr(path, name, buffer),
            Place::Through(path) => rustix::fs::getxattr(path, name, buffer),
            Place::Fd(fd) => rustix::fs::fgetxattr(fd, name, buffer),
        }
    }
}

/// The path of `name` in an open directory, through the process's table of descriptors: one call where opening,
/// asking and closing would be three. The directory itself when `name` is empty.
pub(crate) fn proc_path(directory: BorrowedFd<'_>, name: &CStr) -> CString {
    let mut bytes = format!("/proc/self/fd/{}", directory.as_raw_fd()).into_bytes();
    if !name.is_empty() {
        bytes.push(b'/');
        bytes.extend_from_slice(name.to_bytes());
    }
    CString::new(bytes).unwrap_or_default()
}

/// Attributes, and the first error beside them; or why they could not be listed.
pub(crate) type Listed = Result<(Vec<Xattr>, Option<ItemError>), Errno>;

/// All attributes, sorted by name, with the first error beside those that could be read. `Err` when they could not
/// even be listed.
pub(crate) fn read_all(place: Place<'_>) -> Listed {
    let names = match grown(|buffer| place.list(buffer)) {
        Ok(names) => names,
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok((Vec::new(), None)),
        Err(errno) => return Err(errno),
    };
    let (mut xattrs, mut error) = (Vec::new(), None);
    for name in names.split_inclusive(|&byte| byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        match grown(|buffer| place.get(name, buffer)) {
            Ok(value) => xattrs.push(Xattr { name: name.to_bytes().to_vec(), value }),
            // Gone since the list, or listed by a file system that does not answer for it.
            Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            Err(errno) => {
                let text = datakeep_model::escape_for_terminal(name.to_bytes());
                let detail = format!("read attribute {text}: {}", words(errno));
                error.get_or_insert_with(|| ItemError::new(LossCause::Attributes, detail));
            }
        }
    }
    xattrs.sort();
    Ok((xattrs, error))
}

fn grown(mut call: impl FnMut(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut usual = [0; USUAL_LEN_BYTES];
    match retry(|| call(&mut usual)) {
        Ok(len) => Ok(usual[..len].to_vec()),
        Err(Errno::RANGE) => {
            let mut large = vec![0; MAX_LEN_BYTES];
            let len = retry(|| call(&mut large))?;
            large.truncate(len);
            large.shrink_to_fit();
            Ok(large)
        }
        Err(errno) => Err(errno),
    }
}
