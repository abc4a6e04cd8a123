//! Looks at a tree without any help from the program that is on trial, and compares two looks.

use datakeep_process::DigestWriter;
use rustix::fs::{SeekFrom, lgetxattr, llistxattr, seek};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Everything about an entry that a restore must bring back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    kind: char,
    mode: u32,
    mtime: (i64, i64),
    len_bytes: u64,
    digest: String,
    link: Option<Vec<u8>>,
    /// The first of all names of this entry inside the tree.
    first_name: Vec<u8>,
    holes: Vec<(u64, u64)>,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// A look at a tree: relative path to entry.
pub type Look = BTreeMap<Vec<u8>, Seen>;

/// What was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Extent {
    /// Entries.
    pub entries: u64,
    /// Content bytes.
    pub bytes: u64,
}

/// Looks at everything below and including `root`.
pub fn look(root: &Path) -> io::Result<Look> {
    let (mut look, mut first, mut queue) = (Look::new(), BTreeMap::new(), vec![root.to_path_buf()]);
    let mut paths = Vec::new();
    while let Some(path) = queue.pop() {
        if path.symlink_metadata()?.is_dir() {
            for entry in fs::read_dir(&path)? {
                queue.push(entry?.path());
            }
        }
        paths.push(path);
    }
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(root).unwrap_or(&path).as_os_str().as_bytes().to_vec();
        let meta = path.symlink_metadata()?;
        let first_name = first.entry((meta.dev(), meta.ino())).or_insert_with(|| name.clone()).clone();
        look.insert(name, see(&path, &meta, first_name)?);
    }
    Ok(look)
}

fn see(path: &Path, meta: &fs::Metadata, first_name: Vec<u8>) -> io::Result<Seen> {
    let kind = meta.file_type();
    let letter = match () {
        () if kind.is_file() => 'f',
        () if kind.is_dir() => 'd',
        () if kind.is_symlink() => 'l',
        () if kind.is_fifo() => 'p',
        () if kind.is_socket() => 's',
        () if kind.is_char_device() => 'c',
        () => 'b',
    };
    let (digest, holes) = if letter == 'f' { content(path)? } else { (String::new(), Vec::new()) };
    Ok(Seen {
        kind: letter,
        // Links have no mode of their own.
        mode: if letter == 'l' { 0 } else { meta.mode() & 0o7777 },
        mtime: (meta.mtime(), meta.mtime_nsec()),
        len_bytes: if letter == 'f' { meta.len() } else { 0 },
        digest,
        link: if letter == 'l' { Some(fs::read_link(path)?.as_os_str().as_bytes().to_vec()) } else { None },
        first_name,
        holes,
        xattrs: attributes(path),
    })
}

fn content(path: &Path) -> io::Result<(String, Vec<(u64, u64)>)> {
    let mut file = File::open(path)?;
    let (mut digest, mut buffer) = (DigestWriter::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => digest.update(&buffer[..count]),
        }
    }
    Ok((digest.finish().to_hex(), holes(&file)?))
}

fn holes(file: &File) -> io::Result<Vec<(u64, u64)>> {
    let (len, mut at, mut holes) = (file.metadata()?.len(), 0, Vec::new());
    while at < len {
        let start = match seek(file, SeekFrom::Hole(at)) {
            Ok(start) => start,
            Err(Errno::INVAL | Errno::OPNOTSUPP) => break,
            Err(error) => return Err(error.into()),
        };
        if start >= len {
            break;
        }
        let end = match seek(file, SeekFrom::Data(start)) {
            Ok(end) => end,
            Err(Errno::NXIO) => len,
            Err(error) => return Err(error.into()),
        };
        holes.push((start, end - start));
        at = end;
    }
    Ok(holes)
}

/// Attributes of the name space `user`, which anyone may set. A file system without them has none.
fn attributes(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let (mut names, mut value) = (vec![0u8; 64 << 10], vec![0u8; 64 << 10]);
    let len = llistxattr(path, &mut names[..]).unwrap_or(0);
    let mut found = BTreeMap::new();
    for name in names[..len].split(|&byte| byte == 0).filter(|name| name.starts_with(b"user.")) {
        if let Ok(len) = lgetxattr(path, name, &mut value[..]) {
            found.insert(name.to_vec(), value[..len].to_vec());
        }
    }
    found
}

/// Every difference between two looks, as paths with the names of what differs.
pub fn differences(expected: &Look, found: &Look) -> Vec<String> {
    let shown = |path: &[u8]| datakeep_model::escape_for_terminal(path);
    let mut list = Vec::new();
    for (path, seen) in expected {
        match found.get(path) {
            None => list.push(format!("{}: missing", shown(path))),
            Some(other) if other != seen => {
                list.push(format!("{}: {}", shown(path), what_differs(seen, other).join(", ")))
            }
            Some(_) => {}
        }
    }
    list.extend(
        found.keys().filter(|path| !expected.contains_key(*path)).map(|path| format!("{}: extra", shown(path))),
    );
    list
}

fn what_differs(a: &Seen, b: &Seen) -> Vec<&'static str> {
    let checks = [
        (a.kind == b.kind, "kind"),
        (a.mode == b.mode, "mode"),
        (a.mtime == b.mtime, "mtime"),
        (a.len_bytes == b.len_bytes, "length"),
        (a.digest == b.digest, "content"),
        (a.link == b.link, "link text"),
        (a.first_name == b.first_name, "hard links"),
        (a.holes == b.holes, "holes"),
        (a.xattrs == b.xattrs, "attributes"),
    ];
    checks.into_iter().filter(|(same, _)| !same).map(|(_, name)| name).collect()
}

/// How much a look covers.
pub fn extent(look: &Look) -> Extent {
    Extent { entries: look.len() as u64, bytes: look.values().map(|seen| seen.len_bytes).sum() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_a_changed_mode_and_a_missing_name_are_seen() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), "1").unwrap();
        fs::write(root.path().join("b"), "1").unwrap();
        let before = look(root.path()).unwrap();
        assert!(differences(&before, &look(root.path()).unwrap()).is_empty());
        fs::write(root.path().join("a"), "2").unwrap();
        fs::set_permissions(root.path().join("b"), fs::Permissions::from_mode(0o600)).unwrap();
        let after = look(root.path()).unwrap();
        let list = differences(&before, &after).join("\n");
        assert!(list.contains("content") && list.contains("mode"), "{list}");
        fs::remove_file(root.path().join("a")).unwrap();
        assert!(differences(&before, &look(root.path()).unwrap()).join("\n").contains("a: missing"));
    }
}
