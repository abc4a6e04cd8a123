//! The tree holds what it says, the oracle sees all of it, and every change is named.

use super::*;
use crate::compare::{CompareOptions, HoleRule, compare, compare_with};
use crate::observe::{EntryKind, Observed, observe};
use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps, XattrFlags, chmodat, lsetxattr, utimensat};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

fn build() -> (tempfile::TempDir, Manifest, Vec<Observed>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let options = TreeOptions { small_files: 50, large_hole: false, ..TreeOptions::default() };
    let manifest = AwkwardTree::build(dir.path(), &options).expect("the tree is built");
    let seen = observe(dir.path()).expect("the tree is observed");
    (dir, manifest, seen)
}

fn find<'a>(seen: &'a [Observed], path: &str) -> &'a Observed {
    seen.iter().find(|entry| entry.path == path.as_bytes()).expect(path)
}

fn done(dir: tempfile::TempDir) {
    unlock(dir.path()).expect("unlocked");
    dir.close().expect("deleted");
}

#[test]
fn the_oracle_sees_exactly_what_was_made() {
    let (dir, manifest, seen) = build();
    for left_out in &manifest.left_out {
        println!("left out: {}: {}", left_out.what, left_out.why);
    }
    let made: BTreeSet<&[u8]> = manifest.made.iter().map(Vec::as_slice).collect();
    let found: BTreeSet<&[u8]> =
        seen.iter().map(|entry| entry.path.as_slice()).filter(|path| !path.is_empty()).collect();
    assert_eq!(made, found);
    assert!(manifest.has(b"names/new\nline"));
    assert!(seen.iter().any(|entry| entry.path.len() > 4096));
    for kind in [EntryKind::File, EntryKind::Folder, EntryKind::Symlink, EntryKind::Fifo, EntryKind::Socket] {
        assert!(seen.iter().any(|entry| entry.kind == kind), "{kind:?}");
    }
    assert_eq!(compare(&seen, &observe(dir.path()).expect("again")), [] as [&str; 0]);
    done(dir);
}

#[test]
fn awkward_things_are_what_they_should_be() {
    let (dir, manifest, seen) = build();
    assert_eq!(find(&seen, "hard/one").names.len(), 3);
    assert_eq!(find(&seen, "hard/left/here").names.len(), 3);
    assert!(find(&seen, "hard/right/twin").names.is_empty());
    assert_eq!(find(&seen, "sparse/leading").holes, [(0, (2 << 20) - (64 << 10))]);
    assert_eq!(find(&seen, "sparse/all-hole").holes, [(0, 3 << 20)]);
    assert_eq!(find(&seen, "sizes/zeros-2m").holes, []);
    assert_eq!(find(&seen, "times/negative-ns").mtime_ns, -1);
    assert_eq!(find(&seen, "times/year-2200").mtime_ns, 7_258_118_400_000_000_001);
    assert_eq!(find(&seen, "modes/file-6711").mode, 0o6711);
    assert_eq!(find(&seen, "locked").mode, 0o555);
    assert_eq!(find(&seen, "symlinks/outside").link.as_deref(), Some(b"../../../../../../../../etc/passwd".as_slice()));
    if !manifest.left_out.iter().any(|left| left.what.contains("posix_acl_default")) {
        assert!(find(&seen, "acls/folder").xattrs.contains_key(b"system.posix_acl_default".as_slice()));
        assert!(find(&seen, "acls/folder/inherits").xattrs.contains_key(b"system.posix_acl_access".as_slice()));
    }
    done(dir);
}

#[test]
fn two_trees_of_one_seed_differ_only_in_times() {
    let ((left, _, before), (right, _, after)) = (build(), build());
    let timeless = |entries: &[Observed]| -> Vec<Observed> {
        entries.iter().map(|entry| Observed { mtime_ns: 0, ..entry.clone() }).collect()
    };
    assert_eq!(compare(&timeless(&before), &timeless(&after)), [] as [&str; 0]);
    done(left);
    done(right);
}

/// Applies one change to a fresh small tree and expects exactly one kind of difference at `path`.
fn check(path: &str, what: &str, change: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("file"), vec![7; 300_000]).expect("a file");
    fs::write(dir.path().join("other"), b"other").expect("a file");
    symlink("file", dir.path().join("link")).expect("a link");
    let before = observe(dir.path()).expect("observed");
    change(dir.path());
    let options = CompareOptions { ignore_root: true, ..CompareOptions::default() };
    let found = compare_with(&before, &observe(dir.path()).expect("observed"), &options);
    let wanted = format!("{path}: {what}");
    assert!(found.iter().any(|difference| difference.starts_with(&wanted)), "{wanted}: {found:?}");
}

#[test]
fn every_change_is_named() {
    check("file", "missing", |dir| fs::remove_file(dir.join("file")).expect("removed"));
    check("new", "not expected", |dir| fs::write(dir.join("new"), b"").expect("written"));
    check("file", "content", |dir| fs::write(dir.join("file"), vec![8; 300_000]).expect("written"));
    check("file", "size", |dir| fs::write(dir.join("file"), b"").expect("written"));
    check("file", "mode", |dir| chmodat(CWD, dir.join("file"), Mode::RWXU, AtFlags::empty()).expect("changed"));
    check("file", "mtime", |dir| {
        let time = Timespec { tv_sec: 5, tv_nsec: 1 };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, dir.join("file"), &times, AtFlags::empty()).expect("changed");
    });
    check("link", "link text", |dir| {
        fs::remove_file(dir.join("link")).expect("removed");
        symlink("nowhere", dir.join("link")).expect("a link");
    });
    check("file", "hard-link group", |dir| fs::hard_link(dir.join("file"), dir.join("twin")).expect("linked"));
    check("other", "type", |dir| {
        fs::remove_file(dir.join("other")).expect("removed");
        fs::create_dir(dir.join("other")).expect("made");
    });
    check("file", "xattr user.a", |dir| {
        lsetxattr(dir.join("file"), "user.a", b"1", XattrFlags::empty()).expect("set");
    });
    check("file", "holes", |dir| {
        let file = fs::OpenOptions::new().write(true).open(dir.join("file")).expect("opened");
        file.set_len(0).expect("emptied");
        file.set_len(300_000).expect("grown");
    });
}

#[test]
fn holes_can_be_compared_by_blocks_or_not_at_all() {
    let (dir, _, seen) = build();
    let mut other = seen.clone();
    let entry = other.iter_mut().find(|entry| entry.path == b"sparse/leading").expect("there");
    entry.holes[0].1 -= 100;
    assert_eq!(compare(&seen, &other).len(), 1);
    let coarse = CompareOptions { holes: HoleRule::Blocks(1 << 20), ..CompareOptions::default() };
    assert_eq!(compare_with(&seen, &other, &coarse), [] as [&str; 0]);
    let blind = CompareOptions { holes: HoleRule::Ignore, ..CompareOptions::default() };
    assert_eq!(compare_with(&seen, &other, &blind), [] as [&str; 0]);
    done(dir);
}
