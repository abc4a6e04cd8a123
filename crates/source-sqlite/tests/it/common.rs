//! Captures, restores, and the comparison of both.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, RowBatch};
use datakeep_connector::{
    Catalog, Connector, ConnectorError, FixedClock, Options, RestoreJob, TableAction, TableInfo, TableJob, TableSource,
    TableTarget,
};
use datakeep_model::Timestamp;
use datakeep_source_sqlite::SqliteConnector;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory of its own, and databases in it.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A new database.
    pub fn database(&self, sql: &str) -> PathBuf {
        let path = self.path("source.db");
        let connection = open(&path);
        connection.execute_batch(sql).expect("valid statements");
        path
    }

    /// Names of all that is in the directory, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("readable");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// A connection as an application has it.
pub fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("a database");
    connection.pragma_update(None, "foreign_keys", false).expect("a pragma");
    connection.busy_timeout(std::time::Duration::from_secs(20)).expect("a time");
    connection
}

pub fn connector() -> SqliteConnector {
    SqliteConnector::new().with_clock(Arc::new(FixedClock(Timestamp::new(1_700_000_000, 0))))
}

pub fn location(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

pub fn options(pairs: &[(&str, &str)]) -> Options {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect()
}

pub fn source(path: &Path) -> Result<Box<dyn TableSource>, ConnectorError> {
    connector().open_tables(&location(path), &options(&[("busy-timeout", "50ms")]))
}

pub fn target(path: &Path) -> Box<dyn TableTarget> {
    let options = options(&[("busy-timeout", "50ms")]);
    connector().open_table_target(&location(path), &options, false).expect("a target")
}

/// All that was read of a database.
#[derive(Debug)]
pub struct Captured {
    pub catalog: Catalog,
    /// The batches of each table of the catalogue.
    pub rows: Vec<Vec<RowBatch>>,
}

pub fn read_rows(source: &mut dyn TableSource, table: &TableInfo) -> Result<Vec<RowBatch>, ConnectorError> {
    let mut stream = source.rows(table)?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next_batch()? {
        assert!(batch.rows() > 0, "a batch has rows");
        batches.push(batch);
    }
    assert!(stream.next_batch()?.is_none(), "the end stays the end");
    Ok(batches)
}

pub fn try_capture(path: &Path) -> Result<Captured, ConnectorError> {
    let mut source = source(path)?;
    source.begin()?;
    let catalog = source.catalog()?;
    let rows = catalog.tables.iter().map(|table| read_rows(source.as_mut(), table)).collect::<Result<_, _>>()?;
    source.complete()?;
    Ok(Captured { catalog, rows })
}

pub fn capture(path: &Path) -> Captured {
    let captured = try_capture(path).expect("captured");
    for (table, batches) in captured.catalog.tables.iter().zip(&captured.rows) {
        check_keys(table, batches);
    }
    captured
}

impl Captured {
    pub fn place_of(&self, table: &str) -> usize {
        self.catalog.tables.iter().position(|info| info.name.table == table).expect("captured table")
    }

    pub fn table(&self, table: &str) -> &TableInfo {
        &self.catalog.tables[self.place_of(table)]
    }

    /// The rows of a table, value by value.
    pub fn values(&self, table: &str) -> Vec<Vec<Value>> {
        values(&self.rows[self.place_of(table)])
    }

    /// The job that restores everything.
    pub fn whole(&self) -> RestoreJob {
        let job = |table: &TableInfo| TableJob {
            table: table.clone(),
            into: table.name.clone(),
            action: TableAction::Create,
        };
        RestoreJob { whole: true, catalog: self.catalog.clone(), tables: self.catalog.tables.iter().map(job).collect() }
    }

    /// The job that restores one table.
    pub fn one(&self, table: &str, into: &str, action: TableAction) -> RestoreJob {
        let table = self.table(table).clone();
        let mut name = table.name.clone();
        name.table = into.to_owned();
        RestoreJob { whole: false, catalog: self.catalog.clone(), tables: vec![TableJob { table, into: name, action }] }
    }

    /// Runs a job; what the target told.
    pub fn restore(&self, job: &RestoreJob, path: &Path) -> Result<Vec<String>, ConnectorError> {
        let mut target = target(path);
        target.begin(job)?;
        for (number, table) in job.tables.iter().enumerate() {
            target.begin_table(number)?;
            for batch in &self.rows[self.place_of(&table.table.name.table)] {
                target.write(batch)?;
            }
            target.end_table()?;
        }
        let mut told = target.finish()?;
        told.extend(target.losses());
        Ok(told)
    }
}

/// A value, comparable bit by bit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Value {
    Null,
    Integer(i64),
    /// Bits of a real, turned so that they order as it does.
    Real(u64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
    Exception(u8, Vec<u8>),
}

pub fn real(value: f64) -> Value {
    let bits = value.to_bits();
    Value::Real(if bits >> 63 == 0 { bits | 1 << 63 } else { !bits })
}

pub fn text(value: &str) -> Value {
    Value::Text(value.as_bytes().to_vec())
}

fn value(column: &Column, row: usize) -> Value {
    if let Some(exception) = column.exceptions().iter().find(|exception| exception.row as usize == row) {
        return Value::Exception(exception.kind, exception.bytes.clone());
    }
    let values = column.values();
    if values.is_null(row) {
        return Value::Null;
    }
    match values.data_type() {
        DataType::Int64 => Value::Integer(values.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => real(values.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::Text(values.as_string::<i32>().value(row).as_bytes().to_vec()),
        DataType::Binary => Value::Blob(values.as_binary::<i32>().value(row).to_vec()),
        other => panic!("no column of SQLite is {other}"),
    }
}

pub fn values(batches: &[RowBatch]) -> Vec<Vec<Value>> {
    let of_batch = |batch: &RowBatch| -> Vec<Vec<Value>> {
        (0..batch.rows()).map(|row| batch.columns().iter().map(|column| value(column, row)).collect()).collect()
    };
    batches.iter().flat_map(of_batch).collect()
}

/// Keys rise strictly, in the order that `process_table::key` promises: null, typed values (numbers as numbers, texts and blobs
/// by their bytes), exceptions by kind and bytes. It is the order of [`Value`], since a column has typed values of one type.
pub fn check_keys(table: &TableInfo, batches: &[RowBatch]) {
    if table.key.is_empty() {
        return;
    }
    let rows = values(batches);
    let key = |row: &Vec<Value>| -> Vec<Value> { table.key.iter().map(|place| row[*place].clone()).collect() };
    for pair in rows.windows(2) {
        assert!(key(&pair[0]) < key(&pair[1]), "{}: {:?} before {:?}", table.name, key(&pair[0]), key(&pair[1]));
    }
}

/// Both are the same database: catalogue and every value.
pub fn assert_same(first: &Captured, second: &Captured) {
    assert_eq!(first.catalog, second.catalog);
    for (place, table) in first.catalog.tables.iter().enumerate() {
        assert_eq!(values(&first.rows[place]), values(&second.rows[place]), "rows of {}", table.name);
    }
}

/// Captures, restores whole, captures again: nothing may differ. What was captured, and the restored file.
pub fn check_round_trip(place: &Place, path: &Path) -> (Captured, PathBuf) {
    let first = capture(path);
    let restored = place.path("restored.db");
    let told = first.restore(&first.whole(), &restored).expect("restored");
    assert!(told.iter().any(|sentence| sentence.contains("integrity_check")), "{told:?}");
    assert_same(&first, &capture(&restored));
    let names = place.names();
    assert!(names.iter().all(|name| !name.starts_with('.')), "no temporary file is left: {names:?}");
    (first, restored)
}

/// Whole round trip of a database made by these statements.
pub fn round_trip(sql: &str) -> (Place, Captured, PathBuf) {
    let place = Place::new();
    let path = place.database(sql);
    let (captured, restored) = check_round_trip(&place, &path);
    (place, captured, restored)
}
