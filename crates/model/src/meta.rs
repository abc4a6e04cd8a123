//! What is known of an item besides its content.

use crate::time::Timestamp;

/// The kind of a file-system entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum FileType {
    /// A regular file.
    File = 0,
    /// A directory.
    Directory = 1,
    /// A symbolic link.
    Symlink = 2,
    /// A named pipe.
    Fifo = 3,
    /// A Unix-domain socket.
    Socket = 4,
    /// A character device.
    CharDevice = 5,
    /// A block device.
    BlockDevice = 6,
}

impl FileType {
    /// All types in order of their number.
    pub const ALL: [FileType; 7] = [
        FileType::File,
        FileType::Directory,
        FileType::Symlink,
        FileType::Fifo,
        FileType::Socket,
        FileType::CharDevice,
        FileType::BlockDevice,
    ];

    /// The type with this number; `None` when unknown.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The number that stands for the type on disk.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// A stable word for JSON output.
    pub fn as_str(self) -> &'static str {
        match self {
            FileType::File => "file",
            FileType::Directory => "dir",
            FileType::Symlink => "symlink",
            FileType::Fifo => "fifo",
            FileType::Socket => "socket",
            FileType::CharDevice => "chardev",
            FileType::BlockDevice => "blockdev",
        }
    }

    /// True for character and block devices.
    pub fn is_device(self) -> bool {
        matches!(self, FileType::CharDevice | FileType::BlockDevice)
    }
}

/// An extended attribute: full name with its name space (`user.comment`, `system.posix_acl_access`) and value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Xattr {
    /// Name with name space; any bytes but NUL.
    pub name: Vec<u8>,
    /// Value; any bytes.
    pub value: Vec<u8>,
}

/// Everything `statx` tells that a restore or a comparison needs. Link texts and extended attributes are read only
/// when an item is new or changed, and travel apart from this.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Meta {
    /// Kind of entry.
    pub file_type: FileType,
    /// Permission bits with setuid, setgid and sticky: the low 12 bits of `st_mode`.
    pub mode: u16,
    /// Owning user id.
    pub uid: u32,
    /// Owning group id.
    pub gid: u32,
    /// Content length in bytes for regular files, else 0.
    pub len_bytes: u64,
    /// Last change of content.
    pub mtime: Timestamp,
    /// Last change of content or metadata. Cannot be restored; it is how unchanged files are recognised.
    pub ctime: Timestamp,
    /// Inode number.
    pub inode: u64,
    /// Device number of the file system the entry lives on.
    pub device: u64,
    /// Number of hard links.
    pub links: u32,
    /// Device number the entry stands for, when it is a device.
    pub rdev: u64,
}

impl Meta {
    /// Plain metadata for an item that comes from no file system (standard input, a command).
    pub fn synthetic(file_type: FileType, mode: u16, mtime: Timestamp) -> Self {
        Self {
            file_type,
            mode,
            uid: 0,
            gid: 0,
            len_bytes: 0,
            mtime,
            ctime: mtime,
            inode: 0,
            device: 0,
            links: 1,
            rdev: 0,
        }
    }

    /// True when the entry is a regular file that has other names.
    pub fn is_hard_linked(&self) -> bool {
        self.links > 1 && self.file_type != FileType::Directory
    }
}
