//! What every store must do, as a suite that each implementation runs.

use crate::probe::{self, Effort, Tier};
use crate::{BlobError, BlobStore, Listed};

/// Runs the suite; `make` gives a fresh, empty store each time. Panics with what failed.
pub fn check(make: &mut dyn FnMut() -> Box<dyn BlobStore>) {
    reads_back_what_was_written(&*make());
    creates_once(&*make());
    keeps_what_collections_rely_on(&*make());
    lists_completely(&*make());
    refuses_bad_names(&*make());
}

fn reads_back_what_was_written(store: &dyn BlobStore) {
    store.stage("data/ab/x-1", &[b"hello ", b"", b"world"]).expect("staged");
    store.barrier().expect("durable");
    assert_eq!(store.read("data/ab/x-1", 100).expect("read"), b"hello world");
    assert!(store.read("data/ab/x-1", 10).is_err(), "a limit on the length holds");
    let mut part = [0; 5];
    store.read_at("data/ab/x-1", 6, &mut part).expect("read");
    assert_eq!(&part, b"world");
    assert!(matches!(store.read_at("data/ab/x-1", 7, &mut part), Err(BlobError::Short { .. })));
    assert_eq!(store.read_tail("data/ab/x-1", 5).expect("read"), (11, b"world".to_vec()));
    assert_eq!(store.read_tail("data/ab/x-1", 100).expect("read"), (11, b"hello world".to_vec()));
    assert_eq!(store.read_tail("data/ab/x-1", 0).expect("read"), (11, Vec::new()));
    assert!(store.read_tail("data/ab/none", 10).is_err_and(|e| e.is_not_found()));
    assert!(store.read_along_bytes() > 0 && store.reads_at_once() > 0);
    assert_eq!(store.len_bytes("data/ab/x-1").expect("looked"), Some(11));
    assert_eq!(store.len_bytes("data/ab/none").expect("looked"), None);
    assert!(store.read("data/ab/none", 10).is_err_and(|e| e.is_not_found()));
    store.delete("data/ab/x-1").expect("deleted");
    store.delete("data/ab/x-1").expect("deleting twice is fine");
    assert_eq!(store.len_bytes("data/ab/x-1").expect("looked"), None);
}

fn creates_once(store: &dyn BlobStore) {
    store.create("commits/0/a", b"first").expect("created");
    assert!(matches!(store.create("commits/0/a", b"second"), Err(BlobError::Exists { .. })));
    store.stage("commits/0/a", &[b"third"]).and_then(|()| store.barrier()).expect_err("a taken name");
    assert_eq!(store.read("commits/0/a", 100).expect("read"), b"first");
    store.create("empty", b"").expect("created");
    assert_eq!(store.read("empty", 0).expect("read"), b"");
    assert_eq!(store.read_tail("empty", 9).expect("read"), (0, Vec::new()));
}

fn keeps_what_collections_rely_on(store: &dyn BlobStore) {
    let report = probe::probe([store, store], "0123", Effort::THOROUGH).expect("an answer");
    assert_eq!(report.tier, Tier::Collecting, "{report:?}");
    assert_eq!(store.list("").expect("listed"), [], "a probe leaves nothing");
}

fn lists_completely(store: &dyn BlobStore) {
    for number in 0..50 {
        store.stage(&format!("index/{}/n-{number}", number % 3), &[&[0; 7]]).expect("staged");
    }
    store.barrier().expect("durable");
    store.create("indexes", b"near").expect("created");
    let all = store.list("index/").expect("listed");
    assert_eq!(all.len(), 50);
    assert!(all.is_sorted() && all.iter().all(|l| l.len_bytes == 7));
    assert_eq!(store.list("index/1/").expect("listed").len(), 17);
    assert_eq!(store.list("").expect("listed").len(), 51);
    assert!(store.list("nothing/").expect("listed").is_empty());
    for (from, to) in [
        ("", "z"),
        ("i", "j"),
        ("index/", "index0"),
        ("index/1/", "index/2/n-14"),
        ("index/2/n-2", "indexes"),
        ("indexes", "indexes"),
        ("j", "i"),
        ("index/0/n-3", "index/0/n-30"),
        ("a", "b"),
        ("indexes", "indexes0"),
    ] {
        let mut expected = all.clone();
        expected.push(Listed { name: "indexes".into(), len_bytes: 4 });
        expected.retain(|listed| from <= listed.name.as_str() && listed.name.as_str() < to);
        assert_eq!(store.list_between(from, to).expect("listed"), expected, "{from} to {to}");
    }
}

fn refuses_bad_names(store: &dyn BlobStore) {
    for bad in ["", "/a", "a/", "a//b", "../a", "a/../b", "A", "a\0", ".tmp", "a b"] {
        assert!(store.create(bad, b"x").is_err(), "{bad:?} is not a name");
    }
}
