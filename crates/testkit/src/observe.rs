//! The oracle: everything that can be seen of a tree, seen with plain system calls and no product code.

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, SeekFrom, Statx, StatxFlags, openat, readlinkat, seek, statx};
use rustix::fs::{lgetxattr, llistxattr};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// The body of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Not a regular file.
    None,
    /// BLAKE3 of the bytes, read from the first to the last with holes as zeros.
    Hash([u8; 32]),
    /// The system would not let us read it.
    Unreadable(String),
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Relative to the root; empty for the root itself.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time in nanoseconds since the epoch.
    pub mtime_ns: i128,
    /// Length in bytes; zero for what is neither file nor link.
    pub size: u64,
    /// Body.
    pub content: Content,
    /// Text of a symbolic link.
    pub link: Option<Vec<u8>>,
    /// Extended attributes with access lists and capabilities, as the kernel gives them.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Major and minor number of a device.
    pub rdev: (u32, u32),
    /// All names inside the tree of this one entry, when there are several; else empty.
    pub names: BTreeSet<Vec<u8>>,
    /// Holes of a file as first byte and length, in order; a file system without holes shows none.
    pub holes: Vec<(u64, u64)>,
}

type Inode = (u32, u32, u64);

/// Every entry of the tree with `dir` itself as the first, sorted by path. Mounted file systems are entered.
pub fn observe(dir: &Path) -> io::Result<Vec<Observed>> {
    let mut walk = Walk::default();
    let root = openat(CWD, dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    walk.entry(&root, b".", Vec::new())?;
    let groups: BTreeMap<Inode, BTreeSet<Vec<u8>>> = walk.groups;
    let mut entries = Vec::with_capacity(walk.entries.len());
    for (inode, mut entry) in walk.entries {
        if let Some(names) = inode.and_then(|inode| groups.get(&inode)).filter(|names| names.len() > 1) {
            entry.names = names.clone();
        }
        entries.push(entry);
    }
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(entries)
}

#[derive(Default)]
struct Walk {
    entries: Vec<(Option<Inode>, Observed)>,
    groups: BTreeMap<Inode, BTreeSet<Vec<u8>>>,
}

impl Walk {
    fn entry(&mut self, at: &OwnedFd, name: &[u8], path: Vec<u8>) -> io::Result<()> {
        let stat = statx(at, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)?;
        let kind = kind_of(&stat).ok_or_else(|| named(&path, "an entry of unknown type"))?;
        let inode = (kind != EntryKind::Folder).then_some((stat.stx_dev_major, stat.stx_dev_minor, stat.stx_ino));
        if let Some(inode) = inode {
            self.groups.entry(inode).or_default().insert(path.clone());
        }
        let mut seen = described(at, name, &path, kind, &stat)?;
        if kind == EntryKind::File {
            body(at, name, &mut seen)?;
        }
        self.entries.push((inode, seen));
        if kind == EntryKind::Folder { self.folder(at, name, &path) } else { Ok(()) }
    }

    fn folder(&mut self, at: &OwnedFd, name: &[u8], path: &[u8]) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match openat(at, name, flags, Mode::empty()) {
            Ok(folder) => folder,
            Err(Errno::ACCESS) => {
                let last = self.entries.iter_mut().rev().find(|(_, entry)| entry.path == path);
                if let Some((_, entry)) = last {
                    entry.content = Content::Unreadable(Errno::ACCESS.to_string());
                }
                return Ok(());
            }
            Err(error) => return Err(named(path, &error.to_string())),
        };
        for child in Dir::read_from(&folder)? {
            let child = child?;
            let name = child.file_name().to_bytes();
            if name != b"." && name != b".." {
                let mut below = path.to_vec();
                if !below.is_empty() {
                    below.push(b'/');
                }
                below.extend_from_slice(name);
                self.entry(&folder, name, below)?;
            }
        }
        Ok(())
    }
}

fn named(path: &[u8], what: &str) -> io::Error {
    io::Error::other(format!("{}: {what}", path.escape_ascii()))
}

fn kind_of(stat: &Statx) -> Option<EntryKind> {
    Some(match u32::from(stat.stx_mode) & 0o170_000 {
        0o100_000 => EntryKind::File,
        0o040_000 => EntryKind::Folder,
        0o120_000 => EntryKind::Symlink,
        0o010_000 => EntryKind::Fifo,
        0o140_000 => EntryKind::Socket,
        0o020_000 => EntryKind::CharDevice,
        0o060_000 => EntryKind::BlockDevice,
        _ => return None,
    })
}

fn described(at: &OwnedFd, name: &[u8], path: &[u8], kind: EntryKind, stat: &Statx) -> io::Result<Observed> {
    let device = matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice);
    let sized = matches!(kind, EntryKind::File | EntryKind::Symlink);
    let link = if kind == EntryKind::Symlink { Some(readlinkat(at, name, Vec::new())?.into_bytes()) } else { None };
    Ok(Observed {
        path: path.to_vec(),
        kind,
        mode: u32::from(stat.stx_mode) & 0o7777,
        uid: stat.stx_uid,
        gid: stat.stx_gid,
        mtime_ns: i128::from(stat.stx_mtime.tv_sec) * 1_000_000_000 + i128::from(stat.stx_mtime.tv_nsec),
        size: if sized { stat.stx_size } else { 0 },
        content: Content::None,
        link,
        xattrs: xattrs(at, name).map_err(|error| named(path, &format!("its extended attributes: {error}")))?,
        rdev: if device { (stat.stx_rdev_major, stat.stx_rdev_minor) } else { (0, 0) },
        names: BTreeSet::new(),
        holes: Vec::new(),
    })
}

fn xattrs(at: &OwnedFd, name: &[u8]) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut path = format!("/proc/self/fd/{}/", at.as_raw_fd()).into_bytes();
    path.extend_from_slice(name);
    let path = path.as_slice();
    let mut buffer = vec![0; 65_536];
    let length = match llistxattr(path, buffer.as_mut_slice()) {
        Err(Errno::OPNOTSUPP) => 0,
        length => length?,
    };
    let mut found = BTreeMap::new();
    let mut value = vec![0; 65_536];
    for key in buffer[..length].split(|&byte| byte == 0).filter(|key| !key.is_empty()) {
        let length = lgetxattr(path, key, value.as_mut_slice())?;
        found.insert(key.to_vec(), value[..length].to_vec());
    }
    Ok(found)
}

fn body(at: &OwnedFd, name: &[u8], seen: &mut Observed) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = match openat(at, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(error @ (Errno::ACCESS | Errno::PERM)) => {
            seen.content = Content::Unreadable(error.to_string());
            return Ok(());
        }
        Err(error) => return Err(named(&seen.path, &error.to_string())),
    };
    seen.holes = holes(&file, seen.size).map_err(|error| named(&seen.path, &error.to_string()))?;
    seek(&file, SeekFrom::Start(0))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut buffer).map_err(|error| named(&seen.path, &error.to_string()))?;
        if length == 0 {
            break;
        }
        hasher.update(&buffer[..length]);
    }
    seen.content = Content::Hash(*hasher.finalize().as_bytes());
    Ok(())
}

fn holes(file: &impl AsFd, size: u64) -> rustix::io::Result<Vec<(u64, u64)>> {
    let mut holes = Vec::new();
    let mut at = 0;
    while at < size {
        let data = match seek(file, SeekFrom::Data(at)) {
            Err(Errno::NXIO) => size,
            data => data?.min(size),
        };
        if data > at {
            holes.push((at, data - at));
        }
        if data >= size {
            break;
        }
        at = seek(file, SeekFrom::Hole(data))?;
    }
    Ok(holes)
}
