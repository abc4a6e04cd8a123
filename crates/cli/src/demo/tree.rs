//! The example tree: a small office's files, deterministic, with everything that backups get wrong.

use rustix::fs::{XattrFlags, setxattr};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// Departments, customers each, letters each.
const SHAPE: (usize, usize, usize) = (8, 20, 18);
const BINARY_LEN_BYTES: usize = 6 << 20;
const SPARSE_LEN_BYTES: u64 = 64 << 20;

/// A generator after Marsaglia, "Xorshift RNGs", 2003.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(len).collect()
    }

    fn text(&mut self, words: usize) -> String {
        const WORDS: [&str; 24] = [
            "order", "invoice", "river", "delivery", "the", "of", "morning", "quality", "and", "report", "storage",
            "harbour", "paper", "account", "season", "with", "number", "garden", "engine", "from", "仓库", "数据",
            "备份", "恢复",
        ];
        let mut text = String::new();
        for number in 0..words {
            text.push_str(WORDS[(self.next() % WORDS.len() as u64) as usize]);
            text.push(if number % 12 == 11 { '\n' } else { ' ' });
        }
        text
    }
}

/// Fills `root`, which must not exist.
pub fn build(root: &Path) -> io::Result<()> {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let (departments, customers, letters) = SHAPE;
    for department in 0..departments {
        for customer in 0..customers {
            let folder = root.join(format!("department-{department}/customers/{customer:03}"));
            fs::create_dir_all(&folder)?;
            for letter in 0..letters {
                let words = 300 + (dice.next() % 700) as usize;
                file(&folder.join(format!("letter-{letter:02}.txt")), dice.text(words).as_bytes(), &mut dice)?;
            }
        }
    }
    file(&root.join("warehouse.db"), &dice.bytes(BINARY_LEN_BYTES), &mut dice)?;
    oddities(root, &mut dice)
}

fn file(path: &Path, body: &[u8], dice: &mut Dice) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(body)?;
    let seconds = 1_700_000_000 + dice.next() % 30_000_000;
    let nanos = (dice.next() % 1_000_000_000) as u32;
    file.set_modified(UNIX_EPOCH + Duration::new(seconds, nanos))
}

/// Links, holes, names, modes and attributes.
fn oddities(root: &Path, dice: &mut Dice) -> io::Result<()> {
    let folder = root.join("odd");
    fs::create_dir_all(folder.join("empty"))?;
    symlink("../department-0", folder.join("link-to-directory"))?;
    symlink("nowhere/at all", folder.join("dangling"))?;
    file(&folder.join("one"), b"one file, two names\n", dice)?;
    fs::hard_link(folder.join("one"), folder.join("two"))?;
    let sparse = File::create(folder.join("sparse.img"))?;
    sparse.set_len(SPARSE_LEN_BYTES)?;
    sparse.write_all_at(&dice.bytes(100_000), 16 << 20)?;
    let newline_and_escape = OsStr::from_bytes(b"two\nlines and \x1b[31mred");
    file(&folder.join(newline_and_escape), b"a name is not to be trusted\n", dice)?;
    // Some file systems refuse names that are not UTF-8; then there is one fewer.
    let _ = file(&folder.join(OsStr::from_bytes(b"not-utf8-\xff\xfe")), b"bytes\n", dice);
    file(&folder.join("中文文件名.txt"), "内容\n".as_bytes(), dice)?;
    file(&folder.join("secret"), b"only for the owner\n", dice)?;
    fs::set_permissions(folder.join("secret"), fs::Permissions::from_mode(0o600))?;
    file(&folder.join("script.sh"), b"#!/bin/sh\necho hello\n", dice)?;
    fs::set_permissions(folder.join("script.sh"), fs::Permissions::from_mode(0o755))?;
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.join("pipe"), rustix::fs::Mode::from_raw_mode(0o640))?;
    file(&folder.join("attributes"), b"with a comment\n", dice)?;
    // Not every file system has extended attributes.
    let _ = setxattr(folder.join("attributes"), "user.comment", b"kept\0whole", XattrFlags::empty());
    Ok(())
}

/// What happened, for the story.
pub struct Changes {
    /// Where somebody wrote.
    pub edited: Vec<String>,
    /// New.
    pub added: Vec<String>,
    /// Gone.
    pub deleted: Vec<String>,
    /// From, to.
    pub renamed: (String, String),
}

/// A day's work on a tree of any shape: writes into the largest file, edits, adds, deletes and renames a few.
pub fn change(root: &Path) -> io::Result<Changes> {
    let mut files = plain_files(root, root)?;
    files.sort();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let largest = files.iter().max_by_key(|(_, len)| *len).map(|(name, _)| name.clone());
    let mut small: Vec<String> =
        files.into_iter().map(|(name, _)| name).filter(|name| Some(name) != largest.as_ref()).collect();
    let mut changes =
        Changes { edited: Vec::new(), added: Vec::new(), deleted: Vec::new(), renamed: Default::default() };
    if let Some(name) = largest {
        let file = OpenOptions::new().write(true).open(root.join(&name))?;
        file.write_all_at(b"one row was updated", file.metadata()?.len() / 2)?;
        changes.edited.push(name);
    }
    let mut pick = |small: &mut Vec<String>| {
        (!small.is_empty()).then(|| small.swap_remove((dice.next() % small.len() as u64) as usize))
    };
    if let Some(name) = pick(&mut small) {
        OpenOptions::new().append(true).open(root.join(&name))?.write_all(b"a line was added\n")?;
        changes.edited.push(name);
    }
    if let Some(name) = pick(&mut small) {
        fs::remove_file(root.join(&name))?;
        changes.deleted.push(name);
    }
    if let Some(name) = pick(&mut small) {
        let to = format!("{name}.renamed");
        fs::rename(root.join(&name), root.join(&to))?;
        changes.renamed = (name, to);
    }
    fs::write(root.join("new today.txt"), "written today\n")?;
    changes.added.push("new today.txt".into());
    Ok(changes)
}

/// Regular files with one name, that name being UTF-8, relative to the root.
fn plain_files(root: &Path, folder: &Path) -> io::Result<Vec<(String, u64)>> {
    use std::os::unix::fs::MetadataExt;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.is_dir() {
            found.extend(plain_files(root, &entry.path())?);
        } else if meta.is_file()
            && meta.nlink() == 1
            && meta.mode() & 0o200 != 0
            && let Some(name) = entry.path().strip_prefix(root).ok().and_then(Path::to_str)
            && !name.contains(char::is_control)
        {
            // Holes are no content to write into for a story about bytes.
            found.push((name.to_string(), meta.blocks() * 512));
        }
    }
    Ok(found)
}
