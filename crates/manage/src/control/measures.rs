//! What figures and rules are made of: runs that ended, counted and newest first.

use super::error::at;
use super::runs::{COLUMNS, Run, RunKind, read};
use super::{Control, ControlError, MAX_PAGE};
use sqlx::Row;
use std::collections::BTreeMap;

impl Control {
    /// How many runs there are, by kind and state.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn run_counts(&self) -> Result<BTreeMap<(String, String), u64>, ControlError> {
        let doing = "count runs";
        let sql = "SELECT kind, state, COUNT(*) AS total FROM run GROUP BY kind, state";
        let rows = sqlx::query(sql).fetch_all(self.pool()?).await.map_err(at(doing))?;
        let one = |row: &sqlx::any::AnyRow| {
            let total: i64 = row.try_get("total")?;
            Ok(((row.try_get("kind")?, row.try_get("state")?), u64::try_from(total).unwrap_or(0)))
        };
        rows.iter().map(one).collect::<Result<_, _>>().map_err(at(doing))
    }

    /// Runs of one kind, owner and source that came to a result or failed, newest first. `source` is empty for a repository's own
    /// work.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn ended_runs(
        &self,
        kind: RunKind,
        owner: &str,
        source: &str,
        limit: u32,
    ) -> Result<Vec<Run>, ControlError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM run WHERE kind = $1 AND owner_id = $2 AND source_id = $3 AND \
             state IN ('complete', 'partial', 'failed') ORDER BY id DESC LIMIT $4"
        ));
        let query = sqlx::query(sql).bind(kind.as_str()).bind(owner).bind(source);
        let query = query.bind(i64::from(limit.clamp(1, MAX_PAGE)));
        let rows = query.fetch_all(self.pool()?).await.map_err(at("read the newest runs"))?;
        rows.iter().map(read).collect()
    }

    /// When the check ended that is the `slices`th of those that found everything whole, counted from the newest, in milliseconds
    /// since 1970: every byte was proven since. `None` before so many.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn proven_ms(&self, repository: &str, slices: u32) -> Result<Option<i64>, ControlError> {
        let sql = "SELECT finished_ms FROM run WHERE kind = 'check' AND owner_id = $1 AND source_id = '' AND state = 'complete' \
            ORDER BY id DESC LIMIT 1 OFFSET $2";
        let query = sqlx::query_scalar(sql).bind(repository).bind(i64::from(slices.max(1)) - 1);
        let found: Option<Option<i64>> =
            query.fetch_optional(self.pool()?).await.map_err(at("read the last checks"))?;
        Ok(found.flatten())
    }
}
