//! The catalogue of snapshots: what repositories said the last time they were asked. It can be thrown away and read again.

use super::error::at;
use super::{Control, ControlError, MAX_PAGE, Page};
use sqlx::Row;
use std::collections::BTreeMap;

/// A snapshot in the catalogue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Id of the repository in this database.
    pub repository: String,
    /// Id of the snapshot.
    pub id: String,
    /// Name of its source.
    pub source: String,
    /// When its run began, as RFC 3339 in UTC.
    pub started: String,
    /// The document of the command line, as JSON.
    pub body: String,
}

impl Control {
    /// Replaces what is known of one repository.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn refresh(&self, repository: &str, snapshots: &[Listed], now_ms: i64) -> Result<(), ControlError> {
        let doing = "refresh the catalogue";
        let mut work = self.begin(doing).await?;
        let upsert = "INSERT INTO snapshot(repository_id, id, source, started, seen_ms, body) VALUES ($1, $2, $3, $4, $5, $6) \
            ON CONFLICT (repository_id, id) DO UPDATE SET source = excluded.source, started = excluded.started, \
            seen_ms = excluded.seen_ms, body = excluded.body";
        for one in snapshots {
            let query = sqlx::query(upsert).bind(repository).bind(one.id.as_str()).bind(one.source.as_str());
            let query = query.bind(one.started.as_str()).bind(now_ms).bind(one.body.as_str());
            query.execute(&mut *work).await.map_err(at(doing))?;
        }
        let delete = sqlx::query("DELETE FROM snapshot WHERE repository_id = $1 AND seen_ms <> $2")
            .bind(repository)
            .bind(now_ms);
        delete.execute(&mut *work).await.map_err(at(doing))?;
        work.commit().await.map_err(at(doing))
    }

    /// Snapshots before a cursor, newest first; of one source when it is named.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn snapshots(&self, source: &str, before: &str, limit: u32) -> Result<Page<Listed>, ControlError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let (started, id) = before.split_once('/').unwrap_or_default();
        // What might be asked for keeps a database from using its indexes: each question has only what is asked for.
        let (conditions, asked): (&str, &[&str]) = match (source.is_empty(), started.is_empty()) {
            (true, true) => ("ORDER BY started DESC, id DESC LIMIT $1", &[]),
            (false, true) => ("WHERE source = $1 ORDER BY started DESC, id DESC LIMIT $2", &[source]),
            (true, false) => ("WHERE (started, id) < ($1, $2) ORDER BY started DESC, id DESC LIMIT $3", &[started, id]),
            (false, false) => (
                "WHERE source = $1 AND (started, id) < ($2, $3) ORDER BY started DESC, id DESC LIMIT $4",
                &[source, started, id],
            ),
        };
        let sql = format!("SELECT repository_id, id, source, started, body FROM snapshot {conditions}");
        let query = asked.iter().fold(sqlx::query(sqlx::AssertSqlSafe(sql)), |query, value| query.bind(*value));
        let query = query.bind(i64::from(limit) + 1);
        let rows = query.fetch_all(self.pool()?).await.map_err(at("list snapshots"))?;
        let one = |row: &sqlx::any::AnyRow| {
            Ok(Listed {
                repository: row.try_get("repository_id")?,
                id: row.try_get("id")?,
                source: row.try_get("source")?,
                started: row.try_get("started")?,
                body: row.try_get("body")?,
            })
        };
        let items: Vec<Listed> = rows.iter().map(one).collect::<Result<_, _>>().map_err(at("list snapshots"))?;
        Ok(Page::cut(items, limit, |one| format!("{}/{}", one.started, one.id)))
    }

    /// When the newest snapshot of each source in each repository began, as RFC 3339.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn newest(&self) -> Result<BTreeMap<(String, String), String>, ControlError> {
        let sql = "SELECT repository_id, source, MAX(started) AS started FROM snapshot GROUP BY repository_id, source";
        let rows = sqlx::query(sql).fetch_all(self.pool()?).await.map_err(at("read the newest snapshots"))?;
        let one = |row: &sqlx::any::AnyRow| {
            Ok(((row.try_get("repository_id")?, row.try_get("source")?), row.try_get("started")?))
        };
        rows.iter().map(one).collect::<Result<_, _>>().map_err(at("read the newest snapshots"))
    }
}
