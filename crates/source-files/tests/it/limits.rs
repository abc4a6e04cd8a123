//! Few descriptors: everything still works.

use crate::support::{content, open_target, path, spec, walk};
use datakeep_model::{FileType, Meta, Timestamp};

const VARIABLE: &str = "DATAKEEP_TEST_FEW_DESCRIPTORS";

/// Runs the test below in a process of its own, so that the limit meets no other test.
#[test]
fn forty_descriptors_are_enough() {
    let program = std::env::current_exe().unwrap();
    let status = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" --exact limits::with_few_descriptors --test-threads 1"])
        .arg(program)
        .env(VARIABLE, "1")
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn with_few_descriptors() {
    if std::env::var_os(VARIABLE).is_none() {
        return;
    }
    assert_eq!(rustix::process::getrlimit(rustix::process::Resource::Nofile).current, Some(40));
    let dir = tempfile::tempdir().unwrap();
    let target = open_target(dir.path(), &[]);
    let directory = Meta::synthetic(FileType::Directory, 0o755, Timestamp::new(1, 0));
    let file = Meta::synthetic(FileType::File, 0o644, Timestamp::new(1, 0));
    let mut deep = datakeep_model::ItemPath::root();
    for level in 0..60 {
        deep = deep.join(format!("d{level}").as_bytes()).unwrap();
        target.make_directory(spec(&deep, &directory)).unwrap();
        for other in 0..3 {
            let side = deep.join(format!("side{other}").as_bytes()).unwrap();
            target.make_directory(spec(&side, &directory)).unwrap();
            target.write_file(spec(&side.join(b"f").unwrap(), &file), &[b"data"]).unwrap();
        }
    }
    let walked = walk(dir.path(), &[]);
    assert!(walked.losses.is_empty(), "{:?}", walked.losses.first());
    // All items are held while they are read: descriptors are opened again as needed.
    for (_, item) in walked.items.iter().filter(|(_, item)| item.meta.file_type == FileType::File) {
        assert!(item.handle.details().1.is_none());
        assert_eq!(content(item), b"data");
    }
    target.remove(&path("d0")).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
