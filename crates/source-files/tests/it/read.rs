//! Content: holes, ranges, and files that change meanwhile.

use crate::support::{Walked, content, drain, walk};
use datakeep_connector::Extent;
use datakeep_model::LossCause;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const MIB: u64 = 1 << 20;

fn walked(make: impl FnOnce(&Path)) -> (tempfile::TempDir, PathBuf, Walked) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    make(&file);
    let walked = walk(dir.path(), &[]);
    (dir, file, walked)
}

/// A file with data at these places, `len` long.
fn sparse(file: &Path, data: &[(u64, usize)], len: u64) {
    let open = File::create(file).unwrap();
    open.set_len(len).unwrap();
    for &(offset, count) in data {
        open.write_all_at(&vec![0xab; count], offset).unwrap();
    }
}

fn check_extents(data: &[(u64, usize)], len: u64, range: (u64, Option<u64>), expect: &[(bool, u64)]) {
    let (_dir, file, walked) = walked(|file| sparse(file, data, len));
    let mut reader = walked.item(&file).handle.open(range.0, range.1).unwrap();
    let (extents, bytes) = drain(&mut *reader);
    let all = std::fs::read(&file).unwrap();
    let end = range.1.unwrap_or(len).min(len) as usize;
    assert!(bytes == all[range.0 as usize..end], "bytes differ: {data:?} {range:?}");
    assert_eq!(extents, expect, "{data:?} {len} {range:?}");
    assert_eq!(reader.finish().unwrap().meta_after.as_ref(), Some(&walked.item(&file).meta));
}

#[test]
fn holes_are_told_from_data() {
    let m = MIB;
    check_extents(&[], 3 * m, (0, None), &[(true, 3 * m)]);
    check_extents(&[(m, m as usize)], 3 * m, (0, None), &[(true, m), (false, m), (true, m)]);
    check_extents(&[(0, m as usize)], 2 * m, (0, None), &[(false, m), (true, m)]);
    check_extents(&[(m, m as usize)], 2 * m, (0, None), &[(true, m), (false, m)]);
    check_extents(&[(m, m as usize)], 3 * m, (m / 2, Some(m + 5)), &[(true, m / 2), (false, 5)]);
    check_extents(&[(m, m as usize)], 3 * m, (2 * m, Some(9 * m)), &[(true, m)]);
    check_extents(&[], 3 * m, (m, Some(m + 100)), &[(false, 100)]);
    check_extents(&[(0, 10)], 10, (0, None), &[(false, 10)]);
    check_extents(&[(0, 10)], 10, (3, Some(7)), &[(false, 4)]);
}

#[test]
fn a_terabyte_of_nothing_is_one_hole() {
    let (_dir, file, walked) = walked(|file| sparse(file, &[], 1 << 40));
    let mut reader = walked.item(&file).handle.open(0, None).unwrap();
    assert_eq!(reader.next_extent().unwrap(), Some(Extent::Hole { len_bytes: 1 << 40 }));
    assert_eq!(reader.next_extent().unwrap(), None);
}

#[test]
fn extents_may_be_skipped_and_buffers_may_be_small() {
    let (_dir, file, walked) = walked(|file| sparse(file, &[(0, 65_536), (2 * MIB, 65_536)], 3 * MIB));
    let mut reader = walked.item(&file).handle.open(0, None).unwrap();
    let mut kinds = Vec::new();
    while let Some(extent) = reader.next_extent().unwrap() {
        kinds.push(matches!(extent, Extent::Hole { .. }));
        let mut byte = [0; 1];
        let count = reader.read(&mut byte).unwrap();
        assert_eq!(count, usize::from(matches!(extent, Extent::Data { .. })));
    }
    assert_eq!(kinds, [false, true, false, true]);
    let mut reader = walked.item(&file).handle.open(0, Some(10)).unwrap();
    reader.next_extent().unwrap();
    let mut buffer = [0; 7];
    assert_eq!([7, 3, 0], [(); 3].map(|()| reader.read(&mut buffer).unwrap()));
}

#[test]
fn files_without_a_length_are_read_to_their_end() {
    let walked = walk(Path::new("/proc/self/limits"), &[]);
    let item = walked.item(Path::new("/proc/self/limits"));
    assert_eq!(item.meta.len_bytes, 0);
    assert!(content(item).starts_with(b"Limit"));
}

#[test]
fn a_file_that_grows_or_shrinks_is_told_by_its_metadata() {
    let (_dir, file, walked) = walked(|file| std::fs::write(file, vec![1; 100_000]).unwrap());
    let item = walked.item(&file);
    let mut reader = item.handle.open(0, None).unwrap();
    let mut ranged = item.handle.open(0, Some(100_000)).unwrap();
    File::options().append(true).open(&file).unwrap().write_all(&[2; 50]).unwrap();
    assert_eq!(drain(&mut *reader).1.len(), 100_050);
    assert_eq!(drain(&mut *ranged).1.len(), 100_000);
    let after = reader.finish().unwrap().meta_after.unwrap();
    assert!(after != item.meta && after.len_bytes == 100_050);

    let mut reader = item.handle.open(0, Some(100_000)).unwrap();
    assert_eq!(reader.next_extent().unwrap(), Some(Extent::Data { len_bytes: 100_000 }));
    File::options().write(true).open(&file).unwrap().set_len(40).unwrap();
    let mut buffer = vec![0; 100_000];
    assert_eq!(reader.read(&mut buffer).unwrap(), 40);
    assert_eq!(reader.next_extent().unwrap(), None);
    assert_eq!(reader.finish().unwrap().meta_after.unwrap().len_bytes, 40);
}

#[test]
fn a_sparse_file_that_changes_is_read_without_surprise() {
    let (_dir, file, walked) = walked(|file| sparse(file, &[(MIB, 65_536)], 2 * MIB));
    let mut reader = walked.item(&file).handle.open(0, None).unwrap();
    assert_eq!(reader.next_extent().unwrap(), Some(Extent::Hole { len_bytes: MIB }));
    let mut open = File::options().write(true).open(&file).unwrap();
    open.set_len(10).unwrap();
    assert_eq!(drain(&mut *reader).1.len(), 0);
    open.set_len(0).unwrap();
    open.seek(SeekFrom::Start(0)).unwrap();
    assert_ne!(reader.finish().unwrap().meta_after.as_ref(), Some(&walked.item(&file).meta));
}

#[test]
fn what_took_its_place_is_not_read() {
    let cause = |replace: &dyn Fn(&Path)| {
        let (_dir, file, walked) = walked(|file| std::fs::write(file, b"mine").unwrap());
        std::fs::rename(&file, file.with_extension("old")).unwrap();
        replace(&file);
        walked.item(&file).handle.open(0, None).err().map(|error| error.cause)
    };
    assert_eq!(cause(&|_| ()), Some(LossCause::Vanished));
    assert_eq!(cause(&|file| std::os::unix::fs::symlink("/etc/passwd", file).unwrap()), Some(LossCause::Vanished));
    let fifo = |file: &Path| rustix::fs::mkfifoat(rustix::fs::CWD, file, rustix::fs::Mode::RUSR).unwrap();
    assert_eq!(cause(&fifo), Some(LossCause::Vanished));
    assert_eq!(cause(&|file| std::fs::create_dir(file).unwrap()), Some(LossCause::Vanished));
    assert_eq!(cause(&|file| std::fs::write(file, b"other").unwrap()), Some(LossCause::ChangedWhileRead));
}

#[test]
fn a_descriptor_kept_by_details_does_not_hide_a_change() {
    let (_dir, file, walked) = walked(|file| std::fs::write(file, b"mine").unwrap());
    let item = walked.item(&file);
    assert!(item.handle.details().1.is_none());
    std::fs::write(&file, b"changed").unwrap();
    let mut reader = item.handle.open(0, None).unwrap();
    assert_eq!(drain(&mut *reader).1, b"changed");
    assert_ne!(reader.finish().unwrap().meta_after.as_ref(), Some(&item.meta));
}
