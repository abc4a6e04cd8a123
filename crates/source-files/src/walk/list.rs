//! The work of the walker threads: list one directory, look at a slice of its entries.

use crate::dir::{DirRef, Place};
use crate::exclude::{CACHE_TAG_NAME, CACHE_TAG_SIGNATURE, Exclude};
use crate::handle::{Env, Names};
use crate::location::{Point, absolute};
use crate::sys::{self, Looked, cause_of, words};
use datakeep_model::{FileType, ItemPath, Loss, LossCause, Meta, escape_for_terminal};
use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Entries per batch and per unit of work.
pub(crate) const CHUNK_ENTRIES: usize = 4096;
/// Buffer for `getdents64`: nearly every directory in one call.
const LIST_BUFFER_BYTES: usize = 64 << 10;

/// What the whole walk shares.
pub(crate) struct Scope {
    pub env: Arc<Env>,
    pub exclude: Exclude,
    pub one_file_system: bool,
}

/// What a directory's entries are taken to be.
#[derive(Clone)]
pub(crate) struct Plan {
    /// True when everything in it is wanted; else only its points are.
    pub is_whole: bool,
    /// Places asked for from here on down.
    pub point: Option<Arc<Point>>,
    /// Length of the path of the location this lies beneath, its slash included.
    pub root_len: usize,
    /// File system of that location.
    pub device: u64,
}

/// A name as the directory told it.
pub(crate) struct Raw {
    offset: u32,
    len: u16,
    hint: Hint,
    inode: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    Unknown,
    Directory,
    Other,
}

/// A listed directory.
pub(crate) struct Listing {
    pub names: Arc<Names>,
    raws: Vec<Raw>,
    pub plan: Plan,
    pub losses: Vec<Loss>,
}

impl Listing {
    pub fn chunk_count(&self) -> usize {
        self.raws.len().div_ceil(CHUNK_ENTRIES)
    }

    pub fn entry_count(&self) -> usize {
        self.raws.len()
    }

    fn name(&self, raw: &Raw) -> &[u8] {
        let start = raw.offset as usize;
        self.names.bytes.get(start..start + usize::from(raw.len)).unwrap_or_default()
    }
}

/// An entry that was looked at.
pub(crate) struct Entry {
    pub offset: u32,
    pub meta: Meta,
    /// For a directory reached by the user's own words: how its details are read.
    pub itself: Option<Arc<DirRef>>,
}

/// A directory to be descended into.
pub(crate) struct SubDir {
    offset: u32,
    itself: Option<Arc<DirRef>>,
    plan: Plan,
}

impl SubDir {
    pub fn path(&self, names: &Names, parent: &ItemPath) -> ItemPath {
        // The name was checked when it was listed.
        parent.join(names.at(self.offset).to_bytes()).unwrap_or_default()
    }

    pub fn open(&self, names: &Names) -> (Arc<DirRef>, Plan) {
        let dir = self.itself.clone().unwrap_or_else(|| {
            DirRef::new(Place::Child { parent: Arc::clone(&names.dir), name: names.at(self.offset).to_owned() })
        });
        (dir, self.plan.clone())
    }
}

/// A slice of a directory, looked at.
#[derive(Default)]
pub(crate) struct Chunk {
    pub entries: Vec<Entry>,
    pub losses: Vec<Loss>,
    pub subdirs: Vec<SubDir>,
}

/// Lists `dir`. What cannot be listed comes back empty with a loss.
pub(crate) fn list(scope: &Scope, dir: &Arc<DirRef>, path: &ItemPath, plan: Plan) -> Listing {
    let mut found = Found { bytes: Vec::new(), raws: Vec::new(), losses: Vec::new(), plan };
    if let Err((cause, detail)) = found.fill(scope, dir, path) {
        found.losses.push(Loss { path: path.clone(), cause, detail });
    }
    let Found { mut bytes, mut raws, losses, plan } = found;
    raws.sort_unstable_by(|a, b| name_in(&bytes, a).cmp(name_in(&bytes, b)));
    bytes.shrink_to_fit();
    raws.shrink_to_fit();
    let names = Arc::new(Names { dir: Arc::clone(dir), bytes, env: Arc::clone(&scope.env) });
    Listing { names, raws, plan, losses }
}

fn name_in<'a>(bytes: &'a [u8], raw: &Raw) -> &'a [u8] {
    let start = raw.offset as usize;
    bytes.get(start..start + usize::from(raw.len)).unwrap_or_default()
}

struct Found {
    bytes: Vec<u8>,
    raws: Vec<Raw>,
    losses: Vec<Loss>,
    plan: Plan,
}

type Failure = (LossCause, String);

fn failure(what: &str, errno: Errno) -> Failure {
    (cause_of(errno), format!("{what}: {}", words(errno)))
}

impl Found {
    fn fill(&mut self, scope: &Scope, dir: &Arc<DirRef>, path: &ItemPath) -> Result<(), Failure> {
        let fd = scope.env.cache.fd(dir).map_err(|errno| failure("open directory", errno))?;
        if !self.plan.is_whole {
            self.add_points();
            return Ok(());
        }
        if dir.is_within_itself() {
            let detail = "the directory is one of its own ancestors (a mount that leads back)";
            return Err((LossCause::Loop, detail.to_owned()));
        }
        // It may have become a mount point when it was opened.
        if scope.one_file_system && dir.ident().is_some_and(|ident| ident.device != self.plan.device) {
            return Ok(());
        }
        self.read_names(&fd, path)?;
        if self.is_marked(scope, &fd) {
            // The points beneath it were asked for by name; nothing else of it was.
            self.plan.is_whole = false;
            (self.bytes, self.raws) = (Vec::new(), Vec::new());
            self.add_points();
        }
        Ok(())
    }

    fn add_points(&mut self) {
        let point = self.plan.point.clone();
        for name in point.iter().flat_map(|point| point.children.keys()) {
            let _ = self.add(name, Hint::Unknown, 0);
        }
    }

    fn add(&mut self, name: &[u8], hint: Hint, inode: u64) -> Result<(), Failure> {
        let too_many = || (LossCause::Unreadable, "the directory has more names than can be held".to_owned());
        let offset = u32::try_from(self.bytes.len()).map_err(|_| too_many())?;
        let len = u16::try_from(name.len()).map_err(|_| too_many())?;
        self.bytes.extend_from_slice(name);
        self.bytes.push(0);
        self.raws.push(Raw { offset, len, hint, inode });
        Ok(())
    }

    fn read_names(&mut self, fd: &OwnedFd, path: &ItemPath) -> Result<(), Failure> {
        let mut buffer = vec![MaybeUninit::<u8>::uninit(); LIST_BUFFER_BYTES];
        let mut dir = RawDir::new(fd, &mut buffer);
        while let Some(entry) = dir.next() {
            let entry = match entry {
                Err(Errno::INTR) => continue,
                other => other.map_err(|errno| failure("list directory", errno))?,
            };
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let hint = match entry.file_type() {
                rustix::fs::FileType::Unknown => Hint::Unknown,
                rustix::fs::FileType::Directory => Hint::Directory,
                _ => Hint::Other,
            };
            match path.join(name) {
                Ok(_) => self.add(name, hint, entry.ino())?,
                Err(error) => {
                    let shown = escape_for_terminal(&name[..name.len().min(64)]);
                    let detail = format!("name {shown}: {error}");
                    self.losses.push(Loss { path: path.clone(), cause: LossCause::BadName, detail });
                }
            }
        }
        Ok(())
    }

    fn is_marked(&self, scope: &Scope, fd: &OwnedFd) -> bool {
        let exclude = &scope.exclude;
        let has = |wanted: &[u8]| self.raws.iter().any(|raw| name_in(&self.bytes, raw) == wanted);
        exclude.if_present.iter().any(|name| has(name))
            || (exclude.caches && has(CACHE_TAG_NAME) && has_cache_signature(fd).unwrap_or(false))
    }
}

fn has_cache_signature(directory: &OwnedFd) -> Result<bool, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(directory, CACHE_TAG_NAME, flags, Mode::empty())?;
    if sys::look_fd(&fd)?.meta.file_type != FileType::File {
        return Ok(false);
    }
    let mut start = [0; CACHE_TAG_SIGNATURE.len()];
    let len = sys::retry(|| rustix::io::pread(&fd, &mut start, 0))?;
    Ok(start.get(..len) == Some(CACHE_TAG_SIGNATURE))
}

/// Looks at the entries of chunk `index` of a listed directory.
pub(crate) fn look(scope: &Scope, listing: &Listing, path: &ItemPath, index: usize) -> Chunk {
    let start = index * CHUNK_ENTRIES;
    let range = start..(start + CHUNK_ENTRIES).min(listing.raws.len());
    let mut chunk = Chunk::default();
    let fd = match scope.env.cache.fd(&listing.names.dir) {
        Ok(fd) => fd,
        Err(errno) => {
            let (cause, detail) = failure("open directory", errno);
            chunk.losses.push(Loss { path: path.clone(), cause, detail });
            return chunk;
        }
    };
    let mut looker = Looker { scope, listing, path, fd: &fd, relative: Vec::new(), relative_len: 0, chunk };
    looker.prepare();
    looker.run(range);
    looker.chunk
}

struct Looker<'a> {
    scope: &'a Scope,
    listing: &'a Listing,
    path: &'a ItemPath,
    fd: &'a OwnedFd,
    /// Path relative to the location, for the patterns; the entry's name is put at its end.
    relative: Vec<u8>,
    relative_len: usize,
    chunk: Chunk,
}

impl Looker<'_> {
    fn prepare(&mut self) {
        if let Some(directory) = self.path.as_bytes().get(self.listing.plan.root_len..) {
            self.relative.extend_from_slice(directory);
            if !directory.is_empty() {
                self.relative.push(b'/');
            }
        }
        self.relative_len = self.relative.len();
    }

    fn run(&mut self, range: Range<usize>) {
        let raws = &self.listing.raws[range];
        self.chunk.entries.reserve(raws.len());
        // In the order of inodes, which is the order on disk for most file systems.
        let mut order: Vec<u32> = (0..).take(raws.len()).collect();
        order.sort_unstable_by_key(|&at| raws[at as usize].inode);
        let mut looks: Vec<Option<Result<Looked, Errno>>> = Vec::with_capacity(raws.len());
        looks.resize_with(raws.len(), || None);
        for at in order {
            let raw = &raws[at as usize];
            if !self.is_left_out_unseen(raw) {
                looks[at as usize] = Some(self.look_at(raw));
            }
        }
        for (raw, looked) in raws.iter().zip(looks) {
            match looked {
                None => {}
                Some(Ok(looked)) => self.take(raw, looked.meta),
                Some(Err(errno)) => self.lose(raw, errno),
            }
        }
    }

    fn point(&self, raw: &Raw) -> Option<&Arc<Point>> {
        self.listing.plan.point.as_ref()?.children.get(self.listing.name(raw))
    }

    fn cstr(&self, raw: &Raw) -> &CStr {
        self.listing.names.at(raw.offset)
    }

    fn look_at(&self, raw: &Raw) -> Result<Looked, Errno> {
        match self.point(raw) {
            // The user's own words, or on the way to them: links are followed.
            Some(point) if !self.listing.plan.is_whole && (!point.is_root || point.follow) => {
                sys::look_through(self.fd, self.cstr(raw))
            }
            _ => sys::look_at(self.fd, self.cstr(raw)),
        }
    }

    fn matches(&mut self, raw: &Raw, is_directory: bool) -> bool {
        self.relative.truncate(self.relative_len);
        self.relative.extend_from_slice(self.listing.name(raw));
        self.scope.exclude.leaves_out(&self.relative, is_directory)
    }

    /// True when the entry is left out for its name and the type the directory told, so it need not be looked at.
    fn is_left_out_unseen(&mut self, raw: &Raw) -> bool {
        self.listing.plan.is_whole
            && self.scope.exclude.has_patterns()
            && raw.hint != Hint::Unknown
            && self.point(raw).is_none()
            && self.matches(raw, raw.hint == Hint::Directory)
    }

    fn is_left_out(&mut self, raw: &Raw, meta: &Meta) -> bool {
        let is_directory = meta.file_type == FileType::Directory;
        let is_known =
            raw.hint != Hint::Unknown && (raw.hint == Hint::Directory) == is_directory && self.point(raw).is_none();
        (!is_known && self.scope.exclude.has_patterns() && self.matches(raw, is_directory))
            || (meta.file_type == FileType::File && self.scope.exclude.is_too_large(meta.len_bytes))
    }

    fn take(&mut self, raw: &Raw, meta: Meta) {
        let point = self.point(raw).cloned();
        let is_root = point.as_ref().is_some_and(|point| point.is_root);
        let plan = &self.listing.plan;
        let mut is_whole = plan.is_whole || is_root;
        if plan.is_whole && !is_root && self.is_left_out(raw, &meta) {
            if point.is_none() {
                return;
            }
            is_whole = false;
        }
        if meta.file_type != FileType::Directory {
            // A file on the way to a point that was expected beneath it has nothing to give.
            if is_whole || point.is_none() {
                self.chunk.entries.push(Entry { offset: raw.offset, meta, itself: None });
            }
            return;
        }
        self.take_directory(raw, meta, point, is_whole, is_root);
    }

    fn take_directory(&mut self, raw: &Raw, meta: Meta, point: Option<Arc<Point>>, is_whole: bool, is_root: bool) {
        let plan = &self.listing.plan;
        let begins = is_root && !plan.is_whole;
        let crosses = self.scope.one_file_system && !is_root && meta.device != plan.device;
        let is_whole = is_whole && !(plan.is_whole && crosses);
        let itself = match &point {
            Some(point) if !plan.is_whole && (!point.is_root || point.follow) => {
                let path = self.path.join(self.listing.name(raw)).unwrap_or_default();
                Some(DirRef::new(Place::Anchor { path: absolute(&path), list: is_whole }))
            }
            _ => None,
        };
        if is_whole || point.is_some() {
            let root_len = if begins {
                self.path.as_bytes().len() + usize::from(!self.path.is_root()) + usize::from(raw.len) + 1
            } else {
                plan.root_len
            };
            let device = if is_root { meta.device } else { plan.device };
            let plan = Plan { is_whole, point, root_len, device };
            self.chunk.subdirs.push(SubDir { offset: raw.offset, itself: itself.clone(), plan });
        }
        self.chunk.entries.push(Entry { offset: raw.offset, meta, itself });
    }

    fn lose(&mut self, raw: &Raw, errno: Errno) {
        let path = self.path.join(self.listing.name(raw)).unwrap_or_else(|_| self.path.clone());
        let (cause, detail) = failure("look at", errno);
        self.chunk.losses.push(Loss { path, cause, detail });
    }
}
