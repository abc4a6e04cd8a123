//! What a failed change means: for the item, or for the whole target.

use crate::sys::words;
use datakeep_connector::ItemError;
use datakeep_model::{ErrorKind, LossCause};
use rustix::io::Errno;

/// The error of a change that failed while doing `what`.
pub(super) fn write_error(what: &str, errno: Errno) -> ItemError {
    let detail = format!("{what}: {}", words(errno));
    let cause = match errno {
        Errno::NOSPC | Errno::DQUOT | Errno::ROFS | Errno::IO => return ItemError::fatal(ErrorKind::Target, detail),
        Errno::ACCESS | Errno::PERM => LossCause::Denied,
        Errno::NAMETOOLONG | Errno::ILSEQ => LossCause::BadName,
        _ => LossCause::Refused,
    };
    match errno {
        Errno::EXIST => refused(format!("{what}: something exists there")),
        Errno::LOOP | Errno::NOTDIR | Errno::XDEV => {
            refused(format!("{what}: a symbolic link or another entry stands in its way"))
        }
        Errno::NOTEMPTY => refused(format!("{what}: a directory that is not empty stands there")),
        _ => ItemError::new(cause, detail),
    }
}

pub(super) fn refused(detail: impl Into<String>) -> ItemError {
    ItemError::new(LossCause::Refused, detail)
}

/// An attribute that could not be set; the item stays.
pub(super) fn attribute_error(what: &str, errno: Errno) -> ItemError {
    ItemError::new(LossCause::Attributes, format!("{what}: {}", words(errno)))
}
