//! The control database: what is protected, by whom, and what became of it.
//!
//! SQLite in a file. Every call is one statement or one transaction; time and chance are parameters. What matters here can be
//! made again from repositories: nothing durable is in this database alone but people, policies and history.

pub mod audit;
pub mod catalogue;
mod error;
pub mod events;
mod measures;
pub mod objects;
pub mod password;
pub mod people;
pub mod runs;

pub use error::ControlError;

use error::{at, gone};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyPool, Transaction};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// One migration after another; a number never changes its text once it is released.
const SQLITE: &[&str] = &[include_str!("migrations/sqlite-0001.sql"), include_str!("migrations/sqlite-0002.sql")];

/// Connections of one process: SQLite has one writer, and readers beside it.
const CONNECTIONS: u32 = 4;
/// How long a call waits for a connection or a lock before it says that the database is locked.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest page of any list.
pub const MAX_PAGE: u32 = 500;

/// An open control database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    pool: AnyPool,
    path: PathBuf,
    /// Device and inode of the file that was opened: a file that was moved away takes writes and keeps none.
    identity: (u64, u64),
}

/// One page of a list, and where the next begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// In the order of the list.
    pub items: Vec<T>,
    /// What to ask behind; `None` at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts what was read one longer than asked for.
    fn cut(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Self {
        let is_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = is_more.then(|| items.last().map(cursor)).flatten();
        Self { items, next }
    }
}

/// A new id: in the order of time, and unlike any other by 64 bits of chance.
pub fn new_id(now_ms: i64, chance: [u8; 8]) -> String {
    format!("{:012x}{:016x}", now_ms.max(0), u64::from_be_bytes(chance))
}

impl Control {
    /// Opens the database in a file, makes it when there is none, and brings it to this version.
    ///
    /// # Errors
    /// A file that is no database or of a later version, a full disk, a lock held for more than five seconds.
    pub async fn open(path: &Path) -> Result<Self, ControlError> {
        sqlx::any::install_default_drivers();
        let doing = "open the control database";
        let text = path.to_str().ok_or_else(|| gone("the path of the control database is no UTF-8"))?;
        let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let options = AnyConnectOptions::from_str(&format!("sqlite://{escaped}?mode=rwc")).map_err(at(doing))?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_with(options)
            .await
            .map_err(at(doing))?;
        // Readers beside the writer, from now on and for every connection. What else matters the driver sets: foreign keys hold, a
        // lock is waited for, and each commit is flushed.
        sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&pool).await.map_err(at(doing))?;
        let identity = identity(path)?;
        let control = Self { pool, path: path.to_path_buf(), identity };
        control.migrate().await?;
        Ok(control)
    }

    async fn migrate(&self) -> Result<(), ControlError> {
        let doing = "bring the control database to this version";
        let mut work = self.begin(doing).await?;
        let table = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)";
        sqlx::raw_sql(table).execute(&mut *work).await.map_err(at(doing))?;
        let query = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
        let done: i64 = sqlx::query_scalar(query).fetch_one(&mut *work).await.map_err(at(doing))?;
        let done = usize::try_from(done).unwrap_or(usize::MAX);
        if done > SQLITE.len() {
            return Err(ControlError::Later { found: done, known: SQLITE.len() });
        }
        for (number, text) in SQLITE.iter().enumerate().skip(done) {
            sqlx::raw_sql(*text).execute(&mut *work).await.map_err(at(doing))?;
            let insert = sqlx::query("INSERT INTO schema_version(version) VALUES ($1)").bind(number as i64 + 1);
            insert.execute(&mut *work).await.map_err(at(doing))?;
        }
        work.commit().await.map_err(at(doing))
    }

    /// The pool, when the file is still the one that was opened.
    fn pool(&self) -> Result<&AnyPool, ControlError> {
        if identity(&self.path)? == self.identity {
            return Ok(&self.pool);
        }
        Err(gone("another file stands in its place"))
    }

    /// A transaction that holds the right to write from its beginning: none is refused in its middle.
    async fn begin(&self, doing: &'static str) -> Result<Transaction<'static, Any>, ControlError> {
        self.pool()?.begin_with("BEGIN IMMEDIATE").await.map_err(at(doing))
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// As every call: locked, full or gone.
    pub async fn ping(&self) -> Result<(), ControlError> {
        sqlx::query("SELECT 1").execute(self.pool()?).await.map(|_| ()).map_err(at("ask the control database"))
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn identity(path: &Path) -> Result<(u64, u64), ControlError> {
    let meta = std::fs::metadata(path).map_err(|error| gone(&error.to_string()))?;
    Ok((meta.dev(), meta.ino()))
}
