//! Writing files: everything relative to descriptors beneath one directory that was opened once.

mod attributes;
mod beneath;
mod entries;
mod error;
mod leftovers;
mod remove;
mod settings;
mod sink;
mod write;

use crate::dir::FdCache;
use crate::location::absolute;
use crate::read::FileReader;
use crate::sys;
use attributes::{Entry, apply, before};
use beneath::{Beneath, Parent};
use datakeep_connector::{ConnectorError, Found, ItemError, ItemReader, ItemSink, ItemSpec, Options, Target};
use datakeep_model::{ErrorKind, FileType, ItemPath};
use error::{refused, write_error};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use settings::Settings;
use std::ffi::CString;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What names of files in the making begin with.
const TEMPORARY_PREFIX: &str = ".datakeep-";

/// A directory that items are written to.
///
/// Options: `owner` gives entries their stored owner and group (by default they belong to whoever runs the restore);
/// `setuid` restores setuid, setgid and sticky bits, capabilities and trusted attributes (left out silently
/// otherwise; without `owner`, setuid and setgid bits only where the entry happens to have its stored owner); `devices` makes device nodes (refused otherwise); `system` is these three; `fsync` makes each file
/// durable before it gets its name; `no-xattrs` restores no extended attributes.
pub struct FilesTarget {
    inner: Arc<Inner>,
}

/// What the target and the files being written share.
struct Inner {
    settings: Settings,
    /// `None` for a dry run into a directory that does not exist yet.
    beneath: Option<Beneath>,
    cache: FdCache,
    token: u64,
    temporaries: AtomicU64,
    /// This machine, where that can be told.
    machine: Option<u64>,
}

/// Where an entry goes: its directory, open, and its name there.
struct Spot {
    parent: Arc<Parent>,
    name: CString,
}

impl FilesTarget {
    /// Opens the directory at `path`, an absolute path; creates it and those above it unless `dry_run`.
    pub(crate) fn open(path: &ItemPath, options: &Options, dry_run: bool) -> Result<Self, ConnectorError> {
        let settings = Settings::read(options, dry_run)?;
        let text = absolute(path);
        if !dry_run {
            let path = Path::new(std::ffi::OsStr::from_bytes(text.to_bytes()));
            std::fs::create_dir_all(path).map_err(|error| cannot_open(&text, &error))?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let beneath = match sys::retry(|| rustix::fs::openat(CWD, &text, flags, Mode::empty())) {
            Ok(fd) => Some(Beneath::new(fd)),
            Err(Errno::NOENT) if dry_run => None,
            Err(errno) => return Err(cannot_open(&text, &errno.into())),
        };
        // Only so that two runs, or a run and its interrupted predecessor, do not meet: files are made exclusively.
        let token = RandomState::new().hash_one(0);
        let (cache, machine) = (FdCache::new(), leftovers::machine());
        let inner = Inner { settings, beneath, cache, token, temporaries: AtomicU64::new(0), machine };
        if let Some(beneath) = &inner.beneath {
            inner.sweep(beneath.top());
        }
        Ok(Self { inner: Arc::new(inner) })
    }
}

fn cannot_open(path: &CString, error: &std::io::Error) -> ConnectorError {
    let kind = match error.kind() {
        std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        _ => ErrorKind::Target,
    };
    let path = datakeep_model::escape_for_terminal(path.to_bytes());
    ConnectorError::new(kind, format!("cannot open target `{path}`: {error}")).with_hint(
        "name a directory that can be written: a directory's contents go into it, a file goes in by its name",
    )
}

impl Inner {
    /// The directories, for reading.
    fn beneath(&self) -> Result<&Beneath, Errno> {
        self.beneath.as_ref().ok_or(Errno::NOENT)
    }

    /// Where `path` goes; refuses to change anything in a dry run.
    fn spot(&self, path: &ItemPath) -> Result<Spot, ItemError> {
        if self.settings.dry_run {
            return Err(refused("a dry run changes nothing"));
        }
        if path.is_root() {
            return Err(refused("the target itself stays a directory"));
        }
        let spot = self.find(path).map_err(|errno| write_error("open its directory", errno))?;
        Ok(spot)
    }

    /// Where `path` is.
    fn find(&self, path: &ItemPath) -> Result<Spot, Errno> {
        let bytes = path.as_bytes();
        let (directory, name) = match bytes.iter().rposition(|&byte| byte == b'/') {
            Some(cut) => (&bytes[..cut], &bytes[cut + 1..]),
            None => (&bytes[..0], bytes),
        };
        datakeep_model::path::check_name(name).map_err(|_| Errno::INVAL)?;
        let name = CString::new(name).map_err(|_| Errno::INVAL)?;
        Ok(Spot { parent: self.beneath()?.directory(directory)?, name })
    }

    /// Opens, with patience when descriptors run out.
    fn patiently<T>(&self, open: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
        match &self.beneath {
            Some(beneath) => beneath.patiently(open),
            None => Err(Errno::NOENT),
        }
    }

    fn open_existing(&self, path: &ItemPath, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        if path.is_root() {
            let top = self.beneath()?.top();
            return self.patiently(|| rustix::fs::openat(top, c".", flags, Mode::empty()));
        }
        let spot = self.find(path)?;
        self.patiently(|| rustix::fs::openat(&spot.parent, &spot.name, flags, Mode::empty()))
    }
}

impl Target for FilesTarget {
    fn look(&self, path: &ItemPath) -> Result<Option<Found>, ItemError> {
        self.inner.look(path)
    }

    fn list(&self, path: &ItemPath) -> Result<Vec<Vec<u8>>, ItemError> {
        self.inner.list(path)
    }

    fn read(&self, path: &ItemPath) -> Result<Box<dyn ItemReader>, ItemError> {
        let fd = self.inner.open_existing(path, OFlags::RDONLY).map_err(|errno| sys::read_error("open", errno))?;
        let looked = sys::look_fd(&fd).map_err(|errno| sys::read_error("look at", errno))?;
        if looked.meta.file_type != FileType::File {
            return Err(ItemError::new(datakeep_model::LossCause::Unreadable, "not a regular file"));
        }
        Ok(Box::new(FileReader::new(fd, &looked, 0, None)))
    }

    fn make_directory(&self, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        self.inner.make_directory(&spec)
    }

    fn write_file(&self, spec: ItemSpec<'_>, parts: &[&[u8]]) -> Result<(), ItemError> {
        self.inner.write_file(&spec, parts)
    }

    fn open_file(&self, spec: ItemSpec<'_>, update: bool) -> Result<Box<dyn ItemSink>, ItemError> {
        Ok(Box::new(sink::FileSink::open(&self.inner, &spec, update)?))
    }

    fn make_special(&self, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        self.inner.make_special(&spec)
    }

    fn make_hard_link(&self, spec: ItemSpec<'_>, existing: &ItemPath) -> Result<(), ItemError> {
        self.inner.make_hard_link(&spec, existing)
    }

    fn set_metadata(&self, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        if self.inner.settings.dry_run {
            return Err(refused("a dry run changes nothing"));
        }
        let fd = self.inner.open_existing(spec.path, OFlags::PATH).map_err(|errno| write_error("open", errno))?;
        let (meta, before) = before(&fd).map_err(|errno| write_error("look at", errno))?;
        if meta.file_type != spec.meta.file_type {
            return Err(refused("another kind of entry stands there"));
        }
        apply(&self.inner.settings, &Entry::place(fd.as_fd()), &spec, &before)
    }

    fn finish_directory(&self, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        self.inner.finish_directory(&spec)
    }

    fn remove(&self, path: &ItemPath) -> Result<(), ItemError> {
        self.inner.remove(path)
    }

    fn finish(&self) -> Result<(), ConnectorError> {
        let (Some(beneath), false) = (&self.inner.beneath, self.inner.settings.dry_run) else { return Ok(()) };
        rustix::fs::syncfs(beneath.top()).map_err(|errno| {
            ConnectorError::new(ErrorKind::Target, format!("make the target durable: {}", sys::words(errno)))
        })
    }
}
