//! Key order, whatever the names.

use crate::support::{item_path, walk_all};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

fn component() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(1_u8), Just(2_u8), Just(b'a'), Just(b'.'), Just(0xff_u8), Just(b'\n'), 1_u8..=255];
    let name = proptest::collection::vec(byte, 1..5);
    name.prop_filter("valid", |name| datakeep_model::path::check_name(name).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_trees_come_in_key_order(
        tree in proptest::collection::vec((proptest::collection::vec(component(), 1..5), any::<bool>()), 1..60),
        threads in 0_usize..4,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut expect = BTreeSet::new();
        for (parts, is_file) in tree {
            let mut path: PathBuf = dir.path().to_owned();
            path.extend(parts.iter().map(|part| OsStr::from_bytes(part)));
            // A part that is a file already stops this one.
            let made = if is_file {
                std::fs::create_dir_all(path.parent().unwrap()).is_ok() && std::fs::write(&path, b"x").is_ok()
            } else {
                std::fs::create_dir_all(&path).is_ok()
            };
            if made {
                let mut at = path.as_path();
                while at != dir.path() {
                    expect.insert(item_path(at).to_key());
                    at = at.parent().unwrap();
                }
            }
        }
        let walked = walk_all(&[dir.path().to_str().unwrap()], &[], threads);
        prop_assert!(walked.losses.is_empty());
        let top = item_path(dir.path());
        let got: Vec<Vec<u8>> = walked.items.iter().map(|(path, _)| path)
            .filter(|path| path.is_within(&top) && **path != top)
            .map(datakeep_model::ItemPath::to_key)
            .collect();
        // Directories made on the way to a part that failed are there too.
        prop_assert!(expect.iter().all(|key| got.binary_search(key).is_ok()));
        prop_assert!(got.is_sorted());
    }
}
