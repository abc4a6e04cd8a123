//! A repository in memory, a database in a folder, and queries on both.

use arrow_array::RecordBatch;
use datakeep_connector::{Cancel, Connector, FixedClock, Options};
use datakeep_distribute_sql::{SqlEngine, SqlError, SqlOptions, text_of};
use datakeep_engine::{BackupOptions, RunContext, capture};
use datakeep_model::{Event, Observer, Secret, Timestamp};
use datakeep_source_sqlite::{SqliteConnector, run_script};
use datakeep_store::{InitOptions, KdfParams, NewSlot, OsEntropy, Repository, SlotKind, Unlock};
use datakeep_store_blob::{BlobStore, MemoryStore};
use rusqlite::types::ValueRef;
use std::path::PathBuf;
use std::sync::Arc;

struct Silent;

impl Observer for Silent {
    fn observe(&self, _: &Event) {}
}

pub struct World {
    pub store: MemoryStore,
    folder: tempfile::TempDir,
    window: usize,
    seconds: i64,
}

fn secret() -> Secret {
    Secret::new(b"correct horse".to_vec())
}

pub fn open(blobs: impl BlobStore + 'static) -> Arc<Repository> {
    let locked = datakeep_store::Locked::find(Arc::new(blobs)).unwrap();
    Arc::new(locked.unlock(&Unlock::Password(secret()), Arc::new(OsEntropy), None).unwrap())
}

impl World {
    /// With a database made by these statements, captured once.
    pub fn new(statements: &str) -> Self {
        Self::with_window(8, statements)
    }

    /// With row groups of about twice as many rows.
    pub fn with_window(window: usize, statements: &str) -> Self {
        let store = MemoryStore::new();
        let kdf = KdfParams { memory_kib: 8, passes: 1, lanes: 1 };
        let slot = NewSlot { label: "main".into(), secret: secret(), kind: SlotKind::Password, kdf };
        let now = Timestamp::default();
        Repository::init(Arc::new(store.clone()), &InitOptions::default(), &[slot], Arc::new(OsEntropy), now).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self { store, folder, window, seconds: 1_767_225_600 };
        world.change(statements);
        world
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    /// Runs statements on the database and captures it, a day later than before.
    pub fn change(&mut self, statements: &str) -> String {
        run_script(&self.path(), statements).unwrap();
        self.seconds += 86_400;
        let clock = FixedClock(Timestamp::new(self.seconds, 0));
        let location = format!("sqlite:{}", self.path().display());
        let connector = SqliteConnector::new();
        let mut source = connector.open_tables(&location, &Options::new()).unwrap();
        let mark = source.begin().unwrap();
        let cancel = Cancel::new();
        let context = RunContext { observer: &Silent, cancel: &cancel, clock: &clock };
        let options = BackupOptions { group_window: Some(self.window), ..BackupOptions::default() };
        let report = capture(&open(self.store.clone()), &mut *source, &mark, &options, &context).unwrap();
        report.manifest.unwrap().snapshot.id.to_hex()
    }

    pub fn engine(&self) -> SqlEngine {
        self.engine_with(SqlOptions::default())
    }

    pub fn engine_with(&self, options: SqlOptions) -> SqlEngine {
        engine_over(open(self.store.clone()), options)
    }

    pub fn ask(&self, sql: &str) -> Result<Vec<String>, SqlError> {
        ask(&mut self.engine(), sql)
    }

    /// The answer of SQLite to the same question.
    pub fn sqlite(&self, sql: &str) -> Vec<String> {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let text = |value: ValueRef<'_>| match value {
            ValueRef::Null => "∅".to_string(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => format!("{number:?}"),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let row = |row: &rusqlite::Row<'_>| {
            let cells: Vec<String> = (0..columns).map(|at| text(row.get_ref(at).unwrap())).collect();
            Ok(cells.join("|"))
        };
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    }
}

pub fn engine_over(repository: Arc<Repository>, options: SqlOptions) -> SqlEngine {
    let (manifests, _) = repository.snapshots().unwrap();
    // Days, as `2026-01-05`.
    let parse_time = |text: &str| {
        let day: i64 = text.strip_prefix("2026-01-")?.parse().ok()?;
        Some(Timestamp::new(1_767_225_600 + day * 86_400 - 1, 0))
    };
    SqlEngine::new(repository, manifests, options, Arc::new(parse_time)).unwrap()
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let columns: Vec<Vec<Option<String>>> = batch.columns().iter().map(|column| text_of(column).unwrap()).collect();
    let row = |row: usize| {
        let cells: Vec<&str> = columns.iter().map(|column| column[row].as_deref().unwrap_or("∅")).collect();
        cells.join("|")
    };
    (0..batch.num_rows()).map(row).collect()
}

/// Rows as text, cells parted by bars; of several statements, those of the last.
pub fn ask(engine: &mut SqlEngine, sql: &str) -> Result<Vec<String>, SqlError> {
    let cancel = Cancel::new();
    let mut found = Vec::new();
    for statement in engine.parse(sql)? {
        let Some(mut answer) = engine.run(statement, &cancel)? else { continue };
        found.clear();
        while let Some(batch) = answer.next_batch()? {
            found.extend(lines(&batch));
        }
    }
    Ok(found)
}
