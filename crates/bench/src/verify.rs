//! Whether a restored tree is the tree: names, types, link texts and every byte, as `diff -r --no-dereference` says.
//! Modes and times are not compared, as bupstash and restic are called with their defaults.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// After so many differences the rest is not looked at.
const ENOUGH: usize = 10;

/// Where the tree stands below the folder a tool restored to: at its full path, by its name, or right there.
pub fn restored_root(tree: &Path, to: &Path) -> PathBuf {
    let whole = to.join(tree.strip_prefix("/").unwrap_or(tree));
    let named = to.join(tree.file_name().unwrap_or_default());
    [whole, named].into_iter().find(|candidate| candidate.is_dir()).unwrap_or_else(|| to.to_path_buf())
}

/// The first differences between two trees; empty means equal.
pub fn differences(tree: &Path, restored: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    folder(tree, restored, &mut found)?;
    Ok(found)
}

fn folder(left: &Path, right: &Path, found: &mut Vec<String>) -> io::Result<()> {
    let names = |path: &Path| -> io::Result<BTreeSet<OsString>> {
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    };
    let (ours, theirs) = (names(left)?, names(right)?);
    for name in ours.union(&theirs) {
        if found.len() >= ENOUGH {
            return Ok(());
        }
        let (left, right) = (left.join(name), right.join(name));
        match (ours.contains(name), theirs.contains(name)) {
            (true, true) => entry(&left, &right, found)?,
            (true, false) => found.push(format!("{} is missing", right.display())),
            _ => found.push(format!("{} was not in the tree", right.display())),
        }
    }
    Ok(())
}

fn entry(left: &Path, right: &Path, found: &mut Vec<String>) -> io::Result<()> {
    let (ours, theirs) = (fs::symlink_metadata(left)?, fs::symlink_metadata(right)?);
    if ours.file_type() != theirs.file_type() {
        found.push(format!("{} is of another type", right.display()));
    } else if ours.is_dir() {
        folder(left, right, found)?;
    } else if ours.is_symlink() {
        if fs::read_link(left)? != fs::read_link(right)? {
            found.push(format!("{} points elsewhere", right.display()));
        }
    } else if ours.is_file() && (ours.len() != theirs.len() || !same_bytes(left, right)?) {
        found.push(format!("{} has other bytes", right.display()));
    }
    Ok(())
}

fn same_bytes(left: &Path, right: &Path) -> io::Result<bool> {
    let (mut left, mut right) = (File::open(left)?, File::open(right)?);
    let (mut ours, mut theirs) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let length = left.read(&mut ours)?;
        if length == 0 {
            return Ok(right.read(&mut theirs)? == 0);
        }
        match right.read_exact(&mut theirs[..length]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            outcome => outcome?,
        }
        if ours[..length] != theirs[..length] {
            return Ok(false);
        }
    }
}

/// Length and allocated bytes of all regular files below a folder, and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Sum of lengths.
    pub bytes: u64,
    /// Sum of allocated blocks.
    pub allocated_bytes: u64,
    /// Regular files.
    pub files: u64,
}

/// Measures a folder; with `read`, reads every byte of it once so that it stands in the page cache.
pub fn size(folder: &Path, read: bool) -> io::Result<Size> {
    use std::os::unix::fs::MetadataExt;
    let mut size = Size::default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            let below = self::size(&entry.path(), read)?;
            size.bytes += below.bytes;
            size.allocated_bytes += below.allocated_bytes;
            size.files += below.files;
        } else if metadata.is_file() {
            size.bytes += metadata.len();
            size.allocated_bytes += metadata.blocks() * 512;
            size.files += 1;
            if read {
                io::copy(&mut File::open(entry.path())?, &mut io::sink())?;
            }
        }
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(dir.path().join("a")).expect("a folder");
        fs::write(dir.path().join("a/f"), vec![1; 100_000]).expect("a file");
        std::os::unix::fs::symlink("f", dir.path().join("a/l")).expect("a link");
        dir
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let (left, right) = (tree(), tree());
        assert_eq!(differences(left.path(), right.path()).expect("compared"), [] as [&str; 0]);
        let mut body = vec![1; 100_000];
        body[99_999] = 2;
        fs::write(right.path().join("a/f"), body).expect("written");
        fs::remove_file(right.path().join("a/l")).expect("removed");
        fs::write(right.path().join("b"), "").expect("written");
        assert_eq!(differences(left.path(), right.path()).expect("compared").len(), 3);
    }

    #[test]
    fn the_restored_root_is_found_and_sizes_are_sums() {
        let dir = tree();
        let to = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(restored_root(dir.path(), to.path()), to.path());
        let whole = to.path().join(dir.path().strip_prefix("/").expect("absolute"));
        fs::create_dir_all(&whole).expect("folders");
        assert_eq!(restored_root(dir.path(), to.path()), whole);
        let size = size(dir.path(), true).expect("measured");
        assert_eq!((size.bytes, size.files), (100_000, 1));
    }
}
