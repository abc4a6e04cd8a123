//! Small changes of a tree, the same for the same tree and version.

use datakeep_testkit::{XorShift, text};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Of ten thousand files, so many are changed from one version to the next.
const CHANGED_OF_TEN_THOUSAND: usize = 75;

/// Makes version `version` out of the one before; answers how many files were touched.
pub fn apply(tree: &Path, version: u64) -> io::Result<usize> {
    let mut files = Vec::new();
    list(tree, &mut files)?;
    files.sort();
    let count = (files.len() * CHANGED_OF_TEN_THOUSAND / 10_000).max(1).min(files.len());
    let mut chance = XorShift::new(version);
    for number in 0..count {
        let file = files.swap_remove(chance.below(files.len() as u64) as usize);
        change(&file, &format!("v{version}-{number}"), &mut chance)?;
    }
    Ok(count)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Of a hundred changes 70 insert a line, 15 append, 5 make a new file beside, 5 delete, 5 rename.
fn change(file: &Path, name: &str, chance: &mut XorShift) -> io::Result<()> {
    let line = text(chance.next_u64(), 60);
    let beside = file.with_file_name(format!("{name}.txt"));
    match chance.below(100) {
        0..70 => {
            let mut body = fs::read(file)?;
            let at = chance.below(body.len() as u64 + 1) as usize;
            body.splice(at..at, line);
            fs::write(file, body)
        }
        70..85 => {
            let mut body = fs::read(file)?;
            body.extend_from_slice(&line);
            fs::write(file, body)
        }
        85..90 => fs::write(beside, text(chance.next_u64(), 5000)),
        90..95 => fs::remove_file(file),
        _ => fs::rename(file, beside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data;
    use crate::verify::differences;

    #[test]
    fn versions_are_the_same_for_everybody_and_differ_a_little() {
        let make = || {
            let dir = tempfile::tempdir().expect("a temporary folder");
            data::small_files(dir.path(), 4000).expect("made");
            dir
        };
        let (left, right, old) = (make(), make(), make());
        for version in 2..5 {
            assert_eq!(apply(left.path(), version).expect("changed"), 30);
            apply(right.path(), version).expect("changed");
        }
        assert_eq!(differences(left.path(), right.path()).expect("compared"), [] as [&str; 0]);
        assert!(!differences(left.path(), old.path()).expect("compared").is_empty());
        let mut files = Vec::new();
        list(left.path(), &mut files).expect("listed");
        assert!((3980..=4020).contains(&files.len()), "{}", files.len());
    }
}
