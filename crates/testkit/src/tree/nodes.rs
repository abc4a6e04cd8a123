//! Entries that are neither files nor folders, and entries with several names.

use super::TreeOptions;
use super::maker::{Maker, Spot};
use rustix::fs::{FileType, makedev};
use std::io;

/// `symlinks/`: every text a link can have.
pub fn symlinks(maker: &mut Maker, root: &Spot) -> io::Result<()> {
    let spot = maker.dir(root, b"symlinks")?;
    maker.dir(&spot, b"folder")?;
    maker.file(&spot, b"file", b"the target")?;
    let texts: [(&[u8], &[u8]); 11] = [
        (b"to-file", b"file"),
        (b"to-folder", b"folder"),
        (b"to-folder-slash", b"folder/"),
        (b"dangling", b"nowhere"),
        (b"absolute", b"/etc/hostname"),
        (b"outside", b"../../../../../../../../etc/passwd"),
        (b"loop", b"loop"),
        (b"ping", b"pong"),
        (b"pong", b"ping"),
        (b"not-utf-8", b"\xff\xfe\n\x1b[31m"),
        (b"dot", b"."),
    ];
    for (name, text) in texts {
        maker.symlink(&spot, name, text)?;
    }
    for length in [255, 1000, 4095] {
        let made = maker.symlink(&spot, format!("text-{length}").as_bytes(), &vec![b't'; length]);
        maker.attempt(&format!("symbolic link with a text of {length} bytes"), made);
    }
    Ok(())
}

/// `hard/`: two groups of files, one of them over several folders, a link and a fifo with two names.
pub fn hard_links(maker: &mut Maker, root: &Spot) -> io::Result<()> {
    let spot = maker.dir(root, b"hard")?;
    let (left, right) = (maker.dir(&spot, b"left")?, maker.dir(&spot, b"right")?);
    maker.file(&spot, b"one", b"the first group")?;
    maker.link(&spot, b"one", &spot, b"two")?;
    maker.link(&spot, b"one", &spot, b"three\n")?;
    maker.file(&left, b"here", b"the second group, far apart")?;
    maker.link(&left, b"here", &right, b"there")?;
    maker.link(&left, b"here", root, b"a third name at the top")?;
    maker.file(&right, b"twin", b"the second group, far apart")?;
    maker.file(&left, b"empty", b"")?;
    maker.link(&left, b"empty", &right, b"empty")?;
    maker.symlink(&spot, b"link", b"one")?;
    let made = maker.link(&spot, b"link", &right, b"link");
    maker.attempt("symbolic link with two names", made);
    maker.node(&spot, b"fifo", FileType::Fifo, 0)?;
    let made = maker.link(&spot, b"fifo", &left, b"fifo");
    maker.attempt("fifo with two names", made);
    Ok(())
}

/// `special/`: fifo, socket, devices.
pub fn special(maker: &mut Maker, root: &Spot, options: &TreeOptions) -> io::Result<()> {
    let spot = maker.dir(root, b"special")?;
    maker.node(&spot, b"fifo", FileType::Fifo, 0)?;
    maker.node(&spot, b"socket", FileType::Socket, 0)?;
    let devices: [(&[u8], FileType, u64, &str); 3] = [
        (b"null", FileType::CharacterDevice, makedev(1, 3), "character device"),
        (b"loop", FileType::BlockDevice, makedev(7, 0), "block device"),
        (b"big-numbers", FileType::CharacterDevice, makedev(4000, 1_000_000), "device with large numbers"),
    ];
    for (name, kind, device, what) in devices {
        if options.privileged {
            let made = maker.node(&spot, name, kind, device);
            maker.attempt(what, made);
        } else {
            maker.leave_out(what, "not asked for");
        }
    }
    Ok(())
}
