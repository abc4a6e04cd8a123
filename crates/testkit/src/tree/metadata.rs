//! Awkward modes, times, owners, extended attributes and access lists.

use super::TreeOptions;
use super::maker::{Maker, Spot};
use crate::xorshift::random_bytes;
use rustix::fs::{AtFlags, Gid, StatxFlags, Uid, chownat, statx};
use std::io;

/// `modes/` and `locked/`: every special bit, none at all, and a folder nobody may write to.
pub fn modes(maker: &mut Maker, root: &Spot, options: &TreeOptions) -> io::Result<()> {
    let spot = maker.dir(root, b"modes")?;
    for mode in [0o400, 0o444, 0o600, 0o644, 0o755, 0o777, 0o4755, 0o2755, 0o6711, 0o1644, 0o7777] {
        let name = format!("file-{mode:04o}").into_bytes();
        maker.file(&spot, &name, b"body")?;
        maker.mode(&spot, &name, mode)?;
    }
    for mode in [0o700, 0o755, 0o1777, 0o2775, 0o3711] {
        let name = format!("folder-{mode:04o}").into_bytes();
        maker.dir(&spot, &name)?;
        maker.mode(&spot, &name, mode)?;
    }
    if options.unreadable {
        maker.file(&spot, b"file-0000", b"nobody reads this")?;
        maker.mode(&spot, b"file-0000", 0)?;
        let closed = maker.dir(&spot, b"folder-0000")?;
        maker.file(&closed, b"inside", b"nor this")?;
        maker.mode(&spot, b"folder-0000", 0)?;
    } else {
        maker.leave_out("file and folder of mode 0000", "not asked for");
    }
    let locked = maker.dir(root, b"locked")?;
    maker.file(&locked, b"file", b"in a folder of mode 0555")?;
    let inner = maker.dir(&locked, b"inner")?;
    maker.file(&inner, b"file", b"in a folder of mode 0500")?;
    maker.mode(&locked, b"inner", 0o500)?;
    maker.mode(root, b"locked", 0o555)
}

/// `times/`: before, at and long after the epoch, with and without nanoseconds.
pub fn times(maker: &mut Maker, root: &Spot) -> io::Result<()> {
    let spot = maker.dir(root, b"times")?;
    let times: [(&[u8], i64, u32); 7] = [
        (b"epoch", 0, 0),
        (b"epoch-and-a-bit", 0, 1),
        (b"negative", -86_400 * 365, 0),
        (b"negative-ns", -1, 999_999_999),
        (b"ns", 1_700_000_000, 123_456_789),
        (b"year-2038", 2_147_483_648, 5),
        (b"year-2200", 7_258_118_400, 1),
    ];
    for (name, seconds, nanoseconds) in times {
        maker.file(&spot, name, name)?;
        maker.mtime(&spot, name, seconds, nanoseconds)?;
        let seen = statx(&spot.fd, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)?.stx_mtime;
        if (seen.tv_sec, seen.tv_nsec) != (seconds, nanoseconds) {
            maker.leave_out(&format!("time {seconds}.{nanoseconds:09}"), "the file system keeps another");
        }
    }
    maker.symlink(&spot, b"old-link", b"epoch")?;
    maker.mtime(&spot, b"old-link", 1_000_000_000, 42)?;
    let folder = maker.dir(&spot, b"old-folder")?;
    maker.file(&folder, b"young-file", b"younger than its folder")?;
    maker.mtime(&spot, b"old-folder", 1_000_000_000, 7)?;
    maker.mtime(root, b"times", 946_684_800, 250_000_000)
}

/// `xattrs/`: on files, folders and links; empty, binary, large, security.
pub fn xattrs(maker: &mut Maker, root: &Spot, options: &TreeOptions) -> io::Result<()> {
    let spot = maker.dir(root, b"xattrs")?;
    maker.dir(&spot, b"folder")?;
    maker.symlink(&spot, b"link", b"file")?;
    for name in ["file", "large", "huge", "capable"] {
        maker.file(&spot, name.as_bytes(), name.as_bytes())?;
    }
    let binary = random_bytes(options.seed.wrapping_add(300), 60 * 1024);
    let user: [(&str, &str, &[u8]); 7] = [
        ("file", "user.empty", b""),
        ("file", "user.binary", b"\0\xff\n\x1b"),
        ("file", "user.\u{e9}-\u{5907}", b"name beyond ASCII"),
        ("folder", "user.note", b"on a folder"),
        ("folder", "user.z", b"second"),
        ("large", "user.large", &binary[..3000]),
        ("huge", "user.huge", &binary),
    ];
    for (name, key, value) in user {
        let made = maker.xattr(&spot, name.as_bytes(), key, value);
        maker.attempt(&format!("{key} of {} bytes on {name}", value.len()), made);
    }
    // VFS_CAP_REVISION_2 with the effective bit; cap_net_bind_service permitted (capabilities(7), linux/capability.h).
    let mut capability = [0; 20];
    capability[..4].copy_from_slice(&0x0200_0001_u32.to_le_bytes());
    capability[4..8].copy_from_slice(&(1_u32 << 10).to_le_bytes());
    let root_only: [(&str, &str, &[u8]); 3] = [
        ("link", "trusted.note", b"on a link"),
        ("file", "trusted.note", b"on a file"),
        ("capable", "security.capability", &capability),
    ];
    for (name, key, value) in root_only {
        if options.privileged {
            let made = maker.xattr(&spot, name.as_bytes(), key, value);
            maker.attempt(&format!("{key} on {name}"), made);
        } else {
            maker.leave_out(&format!("{key} on {name}"), "not asked for");
        }
    }
    Ok(())
}

/// Tags of access list entries (linux/posix_acl.h).
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// `acls/`: access lists on a file and a folder, and a default list that children inherit.
pub fn acls(maker: &mut Maker, root: &Spot) -> io::Result<()> {
    let spot = maker.dir(root, b"acls")?;
    let nobody = u32::MAX;
    let access = |user: u16| {
        access_list(&[
            (USER_OBJ, user, nobody),
            (USER, 4, 1234),
            (GROUP_OBJ, 4, nobody),
            (GROUP, 6, 5678),
            (MASK, 6, nobody),
            (OTHER, 0, nobody),
        ])
    };
    let default = access_list(&[
        (USER_OBJ, 7, nobody),
        (USER, 7, 4321),
        (GROUP_OBJ, 5, nobody),
        (MASK, 7, nobody),
        (OTHER, 1, nobody),
    ]);
    maker.file(&spot, b"file", b"with an access list")?;
    let folder = maker.dir(&spot, b"folder")?;
    let lists: [(&[u8], &str, &[u8]); 3] = [
        (b"file", "system.posix_acl_access", &access(6)),
        (b"folder", "system.posix_acl_access", &access(7)),
        (b"folder", "system.posix_acl_default", &default),
    ];
    for (name, key, value) in lists {
        let made = maker.xattr(&spot, name, key, value);
        maker.attempt(&format!("{key} on {}", String::from_utf8_lossy(name)), made);
    }
    maker.file(&folder, b"inherits", b"from the default list")?;
    maker.dir(&folder, b"inherits-too")?;
    Ok(())
}

/// The form the kernel takes (linux/posix_acl_xattr.h): version 2, then tag, permissions, id, little-endian.
fn access_list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&permissions.to_le_bytes());
        bytes.extend_from_slice(&id.to_le_bytes());
    }
    bytes
}

/// `owners/`: entries of users and groups that do not exist.
pub fn owners(maker: &mut Maker, root: &Spot, options: &TreeOptions) -> io::Result<()> {
    let spot = maker.dir(root, b"owners")?;
    maker.file(&spot, b"file", b"owned by 1234")?;
    maker.file(&spot, b"setuid", b"owned by 1234, setuid")?;
    maker.symlink(&spot, b"link", b"file")?;
    maker.dir(&spot, b"folder")?;
    let owners: [(&[u8], u32, u32); 4] =
        [(b"file", 1234, 5678), (b"setuid", 1234, 5678), (b"link", 4321, 8765), (b"folder", 3_000_000_000, 70_000)];
    for (name, user, group) in owners {
        let what = format!("{} owned by {user}:{group}", String::from_utf8_lossy(name));
        if options.privileged {
            let (user, group) = (Some(Uid::from_raw(user)), Some(Gid::from_raw(group)));
            let made = chownat(&spot.fd, name, user, group, AtFlags::SYMLINK_NOFOLLOW);
            maker.attempt(&what, made.map_err(io::Error::from));
        } else {
            maker.leave_out(&what, "not asked for");
        }
    }
    // Changing the owner clears the bit, so it is set last.
    maker.mode(&spot, b"setuid", 0o4755)
}
