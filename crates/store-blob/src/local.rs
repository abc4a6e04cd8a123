//! A store in a directory of a local file system.
//!
//! An object is written under a temporary name in its own directory, `fdatasync`ed, renamed with `RENAME_NOREPLACE`
//! (or linked, where the file system cannot), and its directory is `fsync`ed. A failed sync poisons the temporary
//! file: it is removed, never synced again (a second `fsync` may report success for data that is lost; see the
//! PostgreSQL `fsync` reports of 2018).

use crate::{BlobError, BlobStore, Listed, is_valid_name};
use layer::{Disk, Layer};
use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

mod direct;
mod durable;
#[doc(hidden)]
pub mod layer;
mod leftovers;

/// Prefix of names that are not objects yet.
const TEMPORARY_PREFIX: &str = ".tmp-";

/// Room set aside for a collection on a full disk: a condemned list, a checkpoint and their folders.
const RESERVE_NAME: &str = ".reserve";
/// So much of it is lent at a time: some small objects and what their folders take.
const LENT_LEN_BYTES: u64 = 32 << 10;

/// Open files kept for reading.
const MAX_OPEN_FILES: usize = 32;

/// A store in a directory.
pub struct LocalStore<L: Layer = Disk> {
    root: PathBuf,
    layer: L,
    counter: AtomicU64,
    staged: Mutex<Vec<Staged>>,
    deleted_in: Mutex<BTreeSet<PathBuf>>,
    /// Directories whose own names are durable.
    settled: Mutex<BTreeSet<PathBuf>>,
    /// Objects that could neither be made durable nor removed.
    doubtful: Mutex<BTreeSet<String>>,
    open: Mutex<BTreeMap<String, std::sync::Arc<File>>>,
}

struct Staged {
    name: String,
    temporary: PathBuf,
    file: File,
}

impl LocalStore {
    /// A store in `root`, which need not exist yet: the first write makes it.
    pub fn new(root: &Path) -> Self {
        Self::with_layer(root, Disk)
    }
}

impl<L: Layer> LocalStore<L> {
    /// A store whose changes go through a layer of the caller's: for tests.
    #[doc(hidden)]
    pub fn with_layer(root: &Path, layer: L) -> Self {
        Self {
            root: root.to_path_buf(),
            layer,
            counter: AtomicU64::new(0),
            staged: Mutex::new(Vec::new()),
            deleted_in: Mutex::default(),
            settled: Mutex::default(),
            doubtful: Mutex::default(),
            open: Mutex::new(BTreeMap::new()),
        }
    }

    fn path(&self, name: &str, operation: &'static str) -> Result<PathBuf, BlobError> {
        if is_valid_name(name) {
            return Ok(self.root.join(name));
        }
        Err(BlobError::Failed { operation, name: format!("{name:?}"), detail: "not a valid object name".into() })
    }

    fn write_temporary(&self, name: &str, parts: &[&[u8]]) -> Result<Staged, BlobError> {
        let path = self.path(name, "write")?;
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let suffix = format!("{TEMPORARY_PREFIX}{}-{number}-{:p}", std::process::id(), self);
        let temporary = path.parent().unwrap_or(&self.root).join(suffix);
        let created = match self.layer.create_file(&temporary) {
            Err(Errno::NOENT) => {
                self.make_directory(&path, name)?;
                self.layer.create_file(&temporary)
            }
            other => other,
        };
        let mut file = created.map_err(|error| failure("create", name, error))?;
        if let Err(error) = self.layer.write(&mut file, &temporary, parts) {
            let _ = self.layer.unlink(&temporary);
            return Err(failure("write", name, errno(&error)));
        }
        Ok(Staged { name: name.to_string(), temporary, file })
    }

    fn sync_temporary(&self, staged: &Staged) -> Result<(), BlobError> {
        self.layer.sync_file(&staged.file, &staged.temporary).map_err(|error| {
            let _ = self.layer.unlink(&staged.temporary);
            failure("sync", &staged.name, error)
        })
    }

    fn publish(&self, staged: &Staged) -> Result<PathBuf, BlobError> {
        let path = self.path(&staged.name, "publish")?;
        let moved = self.layer.rename_new(&staged.temporary, &path);
        let done = match moved {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                let linked = self.layer.link(&staged.temporary, &path);
                let _ = self.layer.unlink(&staged.temporary);
                linked
            }
            other => other,
        };
        done.map_err(|error| {
            let _ = self.layer.unlink(&staged.temporary);
            match error {
                Errno::EXIST => BlobError::Exists { name: staged.name.clone() },
                error => failure("publish", &staged.name, error),
            }
        })?;
        Ok(path)
    }

    fn publish_all(&self, staged: &[Staged]) -> Result<(), BlobError> {
        for object in staged {
            self.sync_temporary(object)?;
        }
        let mut directories = std::mem::take(&mut *self.deleted_in.lock().unwrap_or_else(PoisonError::into_inner));
        for object in staged {
            let path = self.publish(object)?;
            directories.extend(path.parent().map(Path::to_path_buf));
        }
        directories.iter().try_for_each(|directory| self.sync_names(directory, "the repository"))
    }

    fn open_for_reading(&self, name: &str) -> Result<std::sync::Arc<File>, BlobError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(name) {
            return Ok(file.clone());
        }
        self.refuse_doubtful(name)?;
        let path = self.path(name, "read")?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let descriptor = fs::open(&path, flags, Mode::empty()).map_err(|error| failure("read", name, error))?;
        let file = std::sync::Arc::new(File::from(descriptor));
        if open.len() >= MAX_OPEN_FILES {
            open.clear();
        }
        open.insert(name.to_string(), file.clone());
        Ok(file)
    }

    fn forget_open(&self, name: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn list_into(&self, name: &str, directory: &Path, found: &mut Vec<Listed>) -> Result<(), BlobError> {
        let entries = match std::fs::read_dir(directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| failure("list", name, errno(&error)))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| failure("list", name, errno(&error)))?;
            let file_name = entry.file_name();
            let Some(file_name) = file_name.to_str().filter(|n| is_valid_name(n)) else { continue };
            let child = if name.is_empty() { file_name.to_string() } else { format!("{name}/{file_name}") };
            let meta = match entry.metadata() {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                other => other.map_err(|error| failure("list", &child, errno(&error)))?,
            };
            if meta.is_dir() {
                self.list_into(&child, &entry.path(), found)?;
            } else if meta.is_file() {
                found.push(Listed { name: child, len_bytes: meta.len() });
            }
        }
        Ok(())
    }
}

impl<L: Layer> BlobStore for LocalStore<L> {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        let staged = self.write_temporary(name, parts)?;
        self.staged.lock().unwrap_or_else(PoisonError::into_inner).push(staged);
        Ok(())
    }

    fn barrier(&self) -> Result<(), BlobError> {
        let staged = std::mem::take(&mut *self.staged.lock().unwrap_or_else(PoisonError::into_inner));
        let result = self.publish_all(&staged);
        if result.is_err() {
            for object in &staged {
                let _ = self.layer.unlink(&object.temporary);
            }
        }
        result
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        if self.len_bytes(name)?.is_some() {
            return Err(self.taken(&self.path(name, "create")?, name));
        }
        let staged = self.write_temporary(name, &[bytes])?;
        self.sync_temporary(&staged)?;
        let path = match self.publish(&staged) {
            Err(BlobError::Exists { .. }) => return Err(self.taken(&self.path(name, "create")?, name)),
            other => other?,
        };
        let directory = path.parent().unwrap_or(&self.root);
        self.sync_names(directory, name).inspect_err(|_| self.take_back(&path, name))
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        let file = self.open_for_reading(name)?;
        let len_bytes = file.metadata().map_err(|error| failure("read", name, errno(&error)))?.len();
        if len_bytes > max_len_bytes {
            let detail = format!("{len_bytes} bytes long; at most {max_len_bytes} are possible");
            return Err(BlobError::Failed { operation: "read", name: name.to_string(), detail });
        }
        let mut bytes = vec![0; len_bytes as usize];
        file.read_exact_at(&mut bytes, 0).map_err(|error| failure("read", name, errno(&error)))?;
        self.forget_open(name);
        Ok(bytes)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        let file = self.open_for_reading(name)?;
        file.read_exact_at(buffer, offset_byte).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => BlobError::Short {
                name: name.to_string(),
                len_bytes: file.metadata().map_or(0, |m| m.len()),
                wanted_bytes: offset_byte.saturating_add(buffer.len() as u64),
            },
            _ => failure("read", name, errno(&error)),
        })
    }

    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        let file = self.open_for_reading(name)?;
        let len_bytes = file.metadata().map_err(|error| failure("read", name, errno(&error)))?.len();
        let mut tail = vec![0; len_bytes.min(max_len_bytes) as usize];
        self.read_at(name, len_bytes - tail.len() as u64, &mut tail)?;
        Ok((len_bytes, tail))
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.refuse_doubtful(name)?;
        match fs::lstat(self.path(name, "look at")?) {
            Ok(stat) => Ok(Some(u64::try_from(stat.st_size).unwrap_or(0))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(failure("look at", name, error)),
        }
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        match std::fs::metadata(self.path(name, "look at")?) {
            Ok(meta) => {
                let age = meta.modified().ok().and_then(|time| time.elapsed().ok());
                // A time in the future says nothing, so the object counts as new.
                Ok(Some(age.map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failure("look at", name, errno(&error))),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        let name = prefix.trim_end_matches('/');
        let directory = if name.is_empty() { self.root.clone() } else { self.path(name, "list")? };
        let mut found = Vec::new();
        self.list_into(name, &directory, &mut found)?;
        // A folder that is not there is an empty one, but only while the store itself is there: a disk that has been
        // unmounted must not look like an empty store.
        if found.is_empty() && !name.is_empty() {
            std::fs::metadata(&self.root).map_err(|error| failure("list", name, errno(&error)))?;
        }
        found.sort();
        Ok(found)
    }

    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        let mut found = Vec::new();
        // A disk that has been unmounted must not look like an empty store.
        for entry in std::fs::read_dir(&self.root).map_err(|error| failure("list", "", errno(&error)))? {
            let entry = entry.map_err(|error| failure("list", "", errno(&error)))?;
            let name = entry.file_name();
            // Neither the name nor anything beneath it lies in the range.
            let may_hold = |name: &&str| is_valid_name(name) && *name < to && format!("{name}0").as_str() > from;
            let Some(name) = name.to_str().filter(may_hold) else { continue };
            match entry.metadata() {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(failure("list", name, errno(&error))),
                Ok(meta) if meta.is_dir() => self.list_into(name, &entry.path(), &mut found)?,
                Ok(meta) if meta.is_file() => {
                    found.push(Listed { name: name.to_string(), len_bytes: meta.len() });
                }
                Ok(_) => {}
            }
        }
        found.retain(|listed| (from..to).contains(&listed.name.as_str()));
        found.sort();
        Ok(found)
    }

    fn settle(&self, prefix: &str) -> Result<(), BlobError> {
        let name = prefix.trim_end_matches('/');
        self.sync_beneath(&self.path(name, "sync")?, name)
    }

    fn clear_leftovers(&self) -> Result<u64, BlobError> {
        Ok(leftovers::clear(&self.root))
    }

    fn drop_folder(&self, name: &str) {
        let Ok(path) = self.path(name.trim_end_matches('/'), "remove") else { return };
        // The folder above as well, when this was the last in it; never the store itself.
        for folder in path.ancestors().take(2).filter(|folder| *folder != self.root) {
            let _ = fs::rmdir(folder);
        }
    }

    fn hold_reserve(&self, len_bytes: u64) {
        let path = self.root.join(RESERVE_NAME);
        match std::fs::metadata(&path) {
            Ok(held) if held.len() >= len_bytes / 2 => return,
            Ok(_) => self.release_reserve(),
            Err(_) => {}
        }
        let Ok(file) = self.layer.create_file(&path) else { return };
        // A store with little room needs it for backups more than for later.
        let free_bytes = fs::fstatvfs(&file).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
        let held = free_bytes / 16 >= len_bytes && self.layer.allocate(&file, &path, len_bytes).is_ok();
        if !held {
            let _ = self.layer.unlink(&path);
        }
    }

    fn release_reserve(&self) {
        let _ = self.layer.unlink(&self.root.join(RESERVE_NAME));
    }

    fn lend_reserve(&self) {
        let Ok(file) = std::fs::OpenOptions::new().write(true).open(self.root.join(RESERVE_NAME)) else { return };
        let held = file.metadata().map_or(0, |held| held.len());
        // Nothing rests on these bytes: whether they are gone after a crash is all the same.
        let _ = file.set_len(held.saturating_sub(LENT_LEN_BYTES));
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.forget_open(name);
        let path = self.path(name, "delete")?;
        match self.layer.unlink(&path) {
            Ok(()) => {
                let mut deleted_in = self.deleted_in.lock().unwrap_or_else(PoisonError::into_inner);
                deleted_in.extend(path.parent().map(Path::to_path_buf));
                Ok(())
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(error) => Err(failure("delete", name, error)),
        }
    }
}

impl<L: Layer> Drop for LocalStore<L> {
    fn drop(&mut self) {
        for object in self.staged.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = self.layer.unlink(&object.temporary);
        }
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

fn failure(operation: &'static str, name: &str, error: Errno) -> BlobError {
    let (name, detail) = (name.to_string(), std::io::Error::from(error).to_string());
    match error {
        Errno::NOENT => BlobError::NotFound { name },
        Errno::ACCESS | Errno::PERM | Errno::ROFS => BlobError::Denied { operation, name, detail },
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => BlobError::Full { operation, name, detail },
        _ => BlobError::Failed { operation, name, detail },
    }
}

#[cfg(test)]
mod tests;
