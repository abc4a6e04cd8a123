//! Names that last: a name is durable when its directory was synced after it was given, and so is every directory above.
//!
//! A directory or an object that is seen need not be durable: whoever made it may have been killed, or may be about to
//! sync. So nothing that this process has not synced itself counts.

use super::layer::Layer;
use super::{LocalStore, failure};
use crate::{BlobError, is_valid_name};
use rustix::io::Errno;
use std::path::Path;
use std::sync::PoisonError;

impl<L: Layer> LocalStore<L> {
    /// Makes the directory of an object, each new level durable in its parent.
    pub(super) fn make_directory(&self, path: &Path, name: &str) -> Result<(), BlobError> {
        let Some(directory) = path.parent() else { return Ok(()) };
        match self.layer.make_directory(directory) {
            Ok(()) => {
                let above = directory.parent().unwrap_or(Path::new(""));
                self.sync_names(above, name).inspect_err(|_| {
                    // The next one who needs it makes it anew.
                    let _ = self.layer.remove_directory(directory);
                })?;
                self.set_settled(directory);
                Ok(())
            }
            Err(Errno::EXIST) => Ok(()),
            Err(Errno::NOENT) if directory.parent().is_some() => {
                self.make_directory(directory, name)?;
                self.make_directory(path, name)
            }
            Err(error) => Err(failure("make the directory of", name, error)),
        }
    }

    pub(super) fn sync_directory(&self, directory: Option<&Path>, name: &str) -> Result<(), BlobError> {
        let directory = match directory {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            _ => Path::new("."),
        };
        self.layer.sync_directory(directory).map_err(|error| failure("sync the directory of", name, error))
    }

    /// Makes the names in a directory durable, and once per handle those of the directories above it.
    pub(super) fn sync_names(&self, directory: &Path, name: &str) -> Result<(), BlobError> {
        self.sync_directory(Some(directory), name)?;
        let mut at = directory;
        while at.starts_with(&self.root) && !self.is_settled(at) {
            match self.sync_directory(at.parent(), name) {
                // What the store's own folder stands in may be nobody's to open.
                Err(BlobError::Denied { .. }) if at == self.root => {}
                other => other?,
            }
            self.set_settled(at);
            at = at.parent().unwrap_or(Path::new(""));
        }
        Ok(())
    }

    /// Makes durable what is seen beneath a directory of the store.
    pub(super) fn sync_beneath(&self, directory: &Path, name: &str) -> Result<(), BlobError> {
        let entries = match std::fs::read_dir(directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| failure("list", name, super::errno(&error)))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| failure("list", name, super::errno(&error)))?;
            let is_ours = entry.file_name().to_str().is_some_and(is_valid_name);
            if is_ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.sync_beneath(&entry.path(), name)?;
            }
        }
        self.sync_names(directory, name)
    }

    /// The answer to a name that is taken. Whoever gets it may take the object there for stored, so it has to be.
    pub(super) fn taken(&self, path: &Path, name: &str) -> BlobError {
        let synced = path.parent().map_or(Ok(()), |directory| self.sync_names(directory, name));
        synced.err().unwrap_or_else(|| BlobError::Exists { name: name.to_string() })
    }

    /// Takes back an object of which nobody knows whether it is durable: a sync that failed may never be made good by
    /// another, so nobody should build on it. Where that fails too, at least this handle does not find it: a caller that
    /// reads back what it could not store must not take it for stored.
    pub(super) fn take_back(&self, path: &Path, name: &str) {
        if self.layer.unlink(path).is_err() {
            self.doubtful.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_string());
        }
    }

    pub(super) fn refuse_doubtful(&self, name: &str) -> Result<(), BlobError> {
        if !self.doubtful.lock().unwrap_or_else(PoisonError::into_inner).contains(name) {
            return Ok(());
        }
        let detail = "it could not be made durable".to_string();
        Err(BlobError::Failed { operation: "read", name: name.to_string(), detail })
    }

    fn is_settled(&self, directory: &Path) -> bool {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).contains(directory)
    }

    fn set_settled(&self, directory: &Path) {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).insert(directory.to_path_buf());
    }
}
