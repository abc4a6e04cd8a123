//! What is left out of a walk.

use crate::support::{walk, walk_all};
use std::path::Path;

fn tree(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"some text").unwrap();
    }
    dir
}

fn check(dir: &Path, pairs: &[(&str, &[&str])], expect: &[&str]) {
    assert_eq!(walk(dir, pairs).beneath(dir), expect, "{pairs:?}");
}

#[test]
fn patterns_are_relative_to_the_location_and_are_not_entered() {
    let dir = tree(&["a/x.o", "a/x.c", "b/a/y", "top"]);
    check(dir.path(), &[("exclude", &["*.o"])], &["a", "a/x.c", "b", "b/a", "b/a/y", "top"]);
    check(dir.path(), &[("exclude", &["/a"])], &["b", "b/a", "b/a/y", "top"]);
    check(dir.path(), &[("exclude", &["a"])], &["b", "top"]);
    check(dir.path(), &[("exclude", &["a/", "!a/"])], &["a", "a/x.c", "a/x.o", "b", "b/a", "b/a/y", "top"]);
    // As in git: what lies in an excluded directory cannot be taken back.
    check(dir.path(), &[("exclude", &["/a", "!/a/x.c"])], &["b", "b/a", "b/a/y", "top"]);
    check(dir.path(), &[("exclude", &["/a/*", "!/a/x.c"])], &["a", "a/x.c", "b", "b/a", "b/a/y", "top"]);
    check(dir.path(), &[("exclude", &["*"])], &[]);
}

#[test]
fn a_location_named_inside_an_excluded_directory_is_kept() {
    let dir = tree(&["cache/keep/x", "cache/drop/y", "z"]);
    let (top, keep) = (dir.path().to_str().unwrap(), dir.path().join("cache/keep"));
    let walked = walk_all(&[top, keep.to_str().unwrap()], &[("exclude", &["cache"])], 2);
    assert_eq!(walked.beneath(dir.path()), ["cache", "cache/keep", "cache/keep/x", "z"]);
}

#[test]
fn marked_directories_are_entries_only() {
    let dir = tree(&["a/.nobackup", "a/x", "b/y"]);
    check(dir.path(), &[("exclude-if-present", &[".nobackup"])], &["a", "b", "b/y"]);
    check(dir.path(), &[("exclude-if-present", &["none", ".nobackup"])], &["a", "b", "b/y"]);
}

#[test]
fn caches_are_known_by_the_signature_of_their_tag() {
    let dir = tree(&["good/x", "bad/CACHEDIR.TAG", "bad/x", "link/x"]);
    let tag = b"Signature: 8a477f597d28d172789f06886806bc55\n# comment\n";
    std::fs::write(dir.path().join("good/CACHEDIR.TAG"), tag).unwrap();
    std::os::unix::fs::symlink("../good/CACHEDIR.TAG", dir.path().join("link/CACHEDIR.TAG")).unwrap();
    let expect = ["bad", "bad/CACHEDIR.TAG", "bad/x", "good", "link", "link/CACHEDIR.TAG", "link/x"];
    check(dir.path(), &[("exclude-caches", &[])], &expect);
}

#[test]
fn large_files_are_left_out() {
    let dir = tree(&["small"]);
    std::fs::write(dir.path().join("large"), vec![0; 2049]).unwrap();
    std::fs::write(dir.path().join("limit"), vec![0; 2048]).unwrap();
    check(dir.path(), &[("exclude-larger-than", &["2K"])], &["limit", "small"]);
}
