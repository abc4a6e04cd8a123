//! A capture that was interrupted is not begun again.

use super::making::{heavy, value};
use super::source::{Database, ModelSource, Table, Value, database};
use super::{assert_reads, captured, captured_until, groups_of, init_with, places, snapshot};
use crate::support::{XorShift, assert_sound, open};
use datakeep_connector::Cancel;
use datakeep_engine::{BackupOptions, EngineError};
use datakeep_store::InitOptions;
use datakeep_store_blob::{BlobStore, MemoryStore};
use datakeep_testkit::random_bytes;

fn often() -> BackupOptions {
    BackupOptions { workers: 1, frame_target_bytes: 16 << 10, budget_bytes: 64 << 10, ..groups_of(80) }
}

/// Some megabytes, in packs of 40 KB.
fn many_rows() -> Database {
    let mut chance = XorShift::new(81);
    let mut table = Table::new("many", &[("id", "INT"), ("body", "BLOB"), ("n", "INT")], &[0]);
    for number in 0..4000 {
        let body = Value::Bytes(random_bytes(number as u64, 900));
        table.put(vec![Value::Int(number), body, value("INT", &mut chance)]);
    }
    database([heavy(&mut chance), table])
}

fn data_bytes(store: &MemoryStore) -> u64 {
    store.list("data/").unwrap().iter().map(|listed| listed.len_bytes).sum()
}

#[test]
fn what_an_interrupted_capture_stored_is_not_stored_again() {
    let database = many_rows();
    let whole = MemoryStore::new();
    init_with(whole.clone(), &places());
    let expected = snapshot(&open(whole.clone()).unwrap(), &database, &often());
    let store = MemoryStore::new();
    init_with(store.clone(), &places());
    let cancel = Cancel::new();
    let mut source = ModelSource { cancel_after: Some((3700, cancel.clone())), ..ModelSource::new("model", &database) };
    let repository = open(store.clone()).unwrap();
    let error = captured_until(&repository, &mut source, &often(), &cancel).expect_err("cancelled");
    assert!(matches!(error, EngineError::Cancelled), "{error}");
    assert_eq!(open(store.clone()).unwrap().snapshots().unwrap().0.len(), 0);
    assert!(!store.list("progress/").unwrap().is_empty(), "it recorded what it stored");
    let done = data_bytes(&store);
    assert!(done * 2 > data_bytes(&whole), "it came far: {done} of {}", data_bytes(&whole));
    let report = captured(&open(store.clone()).unwrap(), &mut ModelSource::new("model", &database), &often()).unwrap();
    let (again, all) = (report.counters.stored_bytes, expected.snapshot.counters.stored_bytes);
    assert!(again * 100 < all * 50, "{again} bytes of {all} stored again");
    assert!(data_bytes(&store) * 100 < data_bytes(&whole) * 115, "{} bytes", data_bytes(&store));
    let repository = open(store.clone()).unwrap();
    assert_reads(&repository, &report.manifest.unwrap(), &database, "resumed");
    assert_sound(&repository, "resumed");
    assert!(store.list("progress/").unwrap().is_empty());
}

/// Far from the first record that is due by itself: who is stopped makes one.
#[test]
fn what_a_capture_stored_before_it_was_stopped_is_not_stored_again() {
    let database = many_rows();
    let large_packs = InitOptions { pack_target_bytes: 32 << 20, ..places() };
    let store = MemoryStore::new();
    init_with(store.clone(), &large_packs);
    let cancel = Cancel::new();
    let mut source = ModelSource { cancel_after: Some((3700, cancel.clone())), ..ModelSource::new("model", &database) };
    captured_until(&open(store.clone()).unwrap(), &mut source, &often(), &cancel).expect_err("cancelled");
    assert_eq!(store.list("progress/").unwrap().len(), 1);
    let done = data_bytes(&store);
    let report = captured(&open(store.clone()).unwrap(), &mut ModelSource::new("model", &database), &often()).unwrap();
    let all = data_bytes(&store);
    assert!(done * 2 > all && done < all, "{done} of {all} bytes were there");
    let repository = open(store.clone()).unwrap();
    assert_reads(&repository, &report.manifest.unwrap(), &database, "resumed");
    assert_sound(&repository, "resumed");
    assert!(store.list("progress/").unwrap().is_empty());
}
