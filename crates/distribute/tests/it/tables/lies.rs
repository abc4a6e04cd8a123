//! A source that lies or fails: the run says so, and leaves nothing.

use super::making::{change_rows, some_tables};
use super::source::{Lie, ModelSource, Value, type_of};
use super::{assert_reads, captured, captured_until, groups_of, init_with, places, snapshot, stored_bytes};
use crate::support::{XorShift, assert_sound, open};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_connector::{Cancel, Catalog};
use datakeep_engine::{BackupOptions, EngineError};
use datakeep_store_blob::{BlobStore, MemoryStore};

fn backwards(rows: RowBatch) -> RowBatch {
    let parts = [rows.slice(rows.rows() / 2, rows.rows() - rows.rows() / 2), rows.slice(0, rows.rows() / 2)];
    datakeep_process_table::join(parts.to_vec()).unwrap()
}

fn twice(rows: RowBatch) -> RowBatch {
    datakeep_process_table::join(vec![rows.slice(0, 1), rows]).unwrap()
}

fn again(rows: RowBatch) -> RowBatch {
    // What the first batch gave already, or before it.
    let least = Value::Int(i64::MIN);
    let column = super::source::column(&DataType::Int64, &vec![&least; rows.rows()]);
    replaced(&rows, 0, column)
}

fn replaced(rows: &RowBatch, at: usize, column: Column) -> RowBatch {
    let mut columns = rows.columns().to_vec();
    columns[at] = column;
    RowBatch::new(columns).unwrap()
}

fn without_a_column(rows: RowBatch) -> RowBatch {
    RowBatch::new(rows.columns()[..rows.columns().len() - 1].to_vec()).unwrap()
}

fn without_columns(_: RowBatch) -> RowBatch {
    RowBatch::default()
}

fn without_rows(rows: RowBatch) -> RowBatch {
    rows.slice(0, 0)
}

fn with_a_column_more(rows: RowBatch) -> RowBatch {
    RowBatch::new([rows.columns(), &rows.columns()[..1]].concat()).unwrap()
}

fn of_another_type(rows: RowBatch) -> RowBatch {
    let text = Value::Text("text".into());
    let column = super::source::column(&type_of("TEXT"), &vec![&text; rows.rows()]);
    replaced(&rows, 1, column)
}

fn with_a_value_aside(rows: RowBatch) -> RowBatch {
    let aside = Exception { row: 0, kind: 255, bytes: vec![0; 33] };
    let values = arrow_array::new_null_array(rows.columns()[1].values().data_type(), rows.rows());
    replaced(&rows, 1, Column::new(values, vec![aside]).unwrap())
}

fn of_another_key_type(rows: RowBatch) -> RowBatch {
    let texts: Vec<Value> = (0..rows.rows()).map(|row| Value::Text(format!("{row:04}"))).collect();
    replaced(&rows, 0, super::source::column(&type_of("TEXT"), &texts.iter().collect::<Vec<_>>()))
}

fn unsorted(catalog: &mut Catalog) {
    catalog.tables.reverse();
}

fn doubled(catalog: &mut Catalog) {
    let first = catalog.tables[0].clone();
    catalog.tables.insert(0, first);
}

fn with_a_key_beyond(catalog: &mut Catalog) {
    catalog.tables[1].key = vec![99];
}

fn with_an_odd_type(catalog: &mut Catalog) {
    catalog.tables[1].columns[0].data_type = DataType::LargeUtf8;
}

fn with_a_missing_table(catalog: &mut Catalog) {
    catalog.tables[1].name.table = "lonely".into();
}

fn without_any_column(catalog: &mut Catalog) {
    catalog.tables[1].columns.clear();
    catalog.tables[1].key.clear();
}

/// What is to be heard of each.
fn lies() -> Vec<(Lie, &'static str)> {
    vec![
        (Lie::Batch("long", backwards), "order"),
        (Lie::Batch("long", twice), "order"),
        (Lie::Batch("long", again), "order"),
        (Lie::Batch("long", without_a_column), "main.long"),
        (Lie::Batch("long", without_columns), "main.long"),
        (Lie::Batch("long", without_rows), "main.long"),
        (Lie::Batch("long", with_a_column_more), "main.long"),
        (Lie::Batch("long", of_another_type), "main.long"),
        (Lie::Batch("long", of_another_key_type), "main.long"),
        (Lie::Batch("long", with_a_value_aside), "kind 255"),
        (Lie::Batch("keyless", without_a_column), "main.keyless"),
        (Lie::Batch("keyless", without_columns), "main.keyless"),
        (Lie::Batch("keyless", of_another_type), "main.keyless"),
        (Lie::FailAfter("long", 0), "connection"),
        (Lie::FailAfter("long", 130), "connection"),
        (Lie::FailAfter("wide", 64), "connection"),
        (Lie::Unreadable("small"), "permission"),
        (Lie::Incomplete, "state"),
        (Lie::Catalog(unsorted), "order"),
        (Lie::Catalog(doubled), "order"),
        (Lie::Catalog(with_a_key_beyond), "its key"),
        (Lie::Catalog(with_an_odd_type), "has a type"),
        (Lie::Catalog(with_a_missing_table), "no such table"),
        (Lie::Catalog(without_any_column), "without rows"),
    ]
}

/// What was begun and never decided.
fn open_sessions(store: &MemoryStore) -> Vec<String> {
    let names = |folder: &str| -> Vec<String> {
        let listed = store.list(folder).unwrap();
        listed.iter().map(|object| object.name.trim_start_matches(folder).to_string()).collect()
    };
    let decided = names("commits/");
    names("sessions/").into_iter().filter(|session| !decided.contains(session)).collect()
}

#[test]
fn whatever_a_source_does_wrong_is_said_and_nothing_is_published() {
    let mut chance = XorShift::new(3);
    let first = some_tables(&mut chance);
    let mut second = first.clone();
    second.values_mut().for_each(|table| change_rows(table, &mut chance));
    let (empty, one) = (MemoryStore::new(), MemoryStore::new());
    init_with(empty.clone(), &places());
    init_with(one.clone(), &places());
    let manifest = snapshot(&open(one.clone()).unwrap(), &first, &groups_of(30));
    for (lie, word) in lies() {
        for (store, workers, cuts) in [(&empty, 1, 0), (&one, 1, 0), (&one, 3, 9)] {
            let what = format!("{lie:?}, {workers} workers");
            let store = store.fork();
            let before = store.list("commits/").unwrap().len();
            let repository = open(store.clone()).unwrap();
            let mut source = ModelSource { cuts, ..ModelSource::lying("model", &second, lie.clone()) };
            let options = BackupOptions { workers, ..groups_of(30) };
            let error = captured(&repository, &mut source, &options).expect_err(&what);
            assert!(error.to_string().contains(word), "{what}: {error}");
            assert!(!source.confirmed, "{what}");
            let repository = open(store.clone()).unwrap();
            let (manifests, faults) = repository.snapshots().unwrap();
            assert_eq!((manifests.len(), faults.len()), (before, 0), "{what}");
            let is_recorded = !store.list("progress/").unwrap().is_empty();
            assert!(is_recorded || open_sessions(&store).is_empty(), "{what}: a session stays open");
            assert_sound(&repository, &what);
            if before > 0 {
                assert_reads(&repository, &manifest, &first, &what);
            }
            let next = snapshot(&repository, &second, &groups_of(30));
            assert_reads(&repository, &next, &second, &what);
        }
    }
}

#[test]
fn a_capture_that_is_cancelled_leaves_nothing_visible() {
    let database = some_tables(&mut XorShift::new(5));
    let rows: usize = database.values().map(|table| table.rows.len()).sum();
    let empty = MemoryStore::new();
    init_with(empty.clone(), &places());
    for after in [1, 100, 300, rows / 2, rows - 1, rows] {
        let store = empty.fork();
        let cancel = Cancel::new();
        let mut source =
            ModelSource { cancel_after: Some((after, cancel.clone())), ..ModelSource::new("model", &database) };
        let repository = open(store.clone()).unwrap();
        let error = captured_until(&repository, &mut source, &groups_of(30), &cancel).expect_err("cancelled");
        assert!(matches!(error, EngineError::Cancelled), "after {after} rows: {error}");
        assert!(!source.confirmed);
        assert_eq!(open(store.clone()).unwrap().snapshots().unwrap().0.len(), 0, "after {after} rows");
        // What recorded its progress stays, to be taken up.
        let progress = store.list("progress/").unwrap().len();
        assert!(progress > 0 || open_sessions(&store).is_empty(), "after {after} rows");
        let next = snapshot(&open(store.clone()).unwrap(), &database, &groups_of(30));
        assert_reads(&open(store).unwrap(), &next, &database, "after a cancelled capture");
    }
}

/// A dry run could not say more than what a catalogue says: it is refused, and stores nothing.
#[test]
fn a_dry_run_stores_nothing() {
    let database = some_tables(&mut XorShift::new(8));
    let store = MemoryStore::new();
    let repository = init_with(store.clone(), &places());
    let before = stored_bytes(&store);
    let options = BackupOptions { dry_run: true, ..groups_of(30) };
    let error = captured(&repository, &mut ModelSource::new("model", &database), &options).expect_err("refused");
    assert_eq!((error.kind(), stored_bytes(&store)), (datakeep_model::ErrorKind::Usage, before));
}
