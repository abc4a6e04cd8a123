//! What runs told while they worked, and the items they lost.

use super::error::at;
use super::runs::RunItem;
use super::{Control, ControlError, MAX_PAGE, Page};
use sqlx::Row;

/// One event of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunEvent {
    /// Counts from 1 within the run.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// A stable word, such as `phase` or `loss`.
    pub kind: String,
    /// The executor's document, as JSON.
    pub body: String,
}

impl Control {
    /// Writes events down; one that stands there already is left.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn add_events(&self, run: &str, events: &[RunEvent]) -> Result<(), ControlError> {
        let doing = "write events down";
        let mut work = self.begin(doing).await?;
        for event in events {
            let sql = "INSERT INTO run_event(run_id, seq, at_ms, kind, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
            let query = sqlx::query(sql)
                .bind(run)
                .bind(event.seq)
                .bind(event.at_ms)
                .bind(event.kind.as_str())
                .bind(event.body.as_str());
            query.execute(&mut *work).await.map_err(at(doing))?;
        }
        work.commit().await.map_err(at(doing))
    }

    /// Events behind a number, at most [`MAX_PAGE`].
    ///
    /// # Errors
    /// Of the database only.
    pub async fn events(&self, run: &str, after: i64) -> Result<Vec<RunEvent>, ControlError> {
        let sql = "SELECT seq, at_ms, kind, body FROM run_event WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let query = sqlx::query(sql).bind(run).bind(after).bind(i64::from(MAX_PAGE));
        let rows = query.fetch_all(self.pool()?).await.map_err(at("read events"))?;
        let one = |row: &sqlx::any::AnyRow| {
            let (seq, at_ms) = (row.try_get("seq")?, row.try_get("at_ms")?);
            Ok(RunEvent { seq, at_ms, kind: row.try_get("kind")?, body: row.try_get("body")? })
        };
        rows.iter().map(one).collect::<Result<_, _>>().map_err(at("read events"))
    }

    /// Lost items of a run behind a number.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn items(&self, run: &str, after: i64, limit: u32) -> Result<Page<(i64, RunItem)>, ControlError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let sql = "SELECT seq, path, cause, detail FROM run_item WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let query = sqlx::query(sql).bind(run).bind(after).bind(i64::from(limit) + 1);
        let rows = query.fetch_all(self.pool()?).await.map_err(at("read items"))?;
        let one = |row: &sqlx::any::AnyRow| {
            let item =
                RunItem { path: row.try_get("path")?, cause: row.try_get("cause")?, detail: row.try_get("detail")? };
            Ok((row.try_get("seq")?, item))
        };
        let items: Vec<(i64, RunItem)> = rows.iter().map(one).collect::<Result<_, _>>().map_err(at("read items"))?;
        Ok(Page::cut(items, limit, |(seq, _)| seq.to_string()))
    }
}
