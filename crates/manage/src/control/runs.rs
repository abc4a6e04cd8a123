//! The queue and the history of runs.
//!
//! A run is queued once for its slot, claimed under a lease with a fence that grows, and ends in exactly one of four states: every
//! change names the state it starts from, so of two that would end it one finds nothing to change.

use super::error::{at, is_taken};
use super::{Control, ControlError, Page};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::BTreeMap;

crate::words::words!(
    /// What a run does.
    RunKind {
        /// Takes a snapshot of one source.
        Backup = "backup",
        /// Applies the retention of a policy to one source.
        Forget = "forget",
        /// Collects garbage of a repository.
        Gc = "gc",
        /// Checks the next slice of a repository.
        Check = "check",
        /// Reads the list of snapshots of a repository.
        Catalogue = "catalogue",
    }
);

crate::words::words!(
    /// How a run stands.
    RunState {
        /// Waits.
        Queued = "queued",
        /// Somebody holds its lease.
        Running = "running",
        /// Ended, and nothing was lost.
        Complete = "complete",
        /// Ended, and items were lost.
        Partial = "partial",
        /// Ended without a result.
        Failed = "failed",
        /// Ended because somebody asked.
        Cancelled = "cancelled",
    }
);

impl RunState {
    /// Whether it stays so.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRun {
    /// Its id, see [`super::new_id`].
    pub id: String,
    /// What it does.
    pub kind: RunKind,
    /// The policy, or for a repository's own work the repository.
    pub owner: String,
    /// The source; empty for a repository's own work.
    pub source: String,
    /// The repository.
    pub repository: String,
    /// The slot it stands for, in seconds since 1970; `None` for one that a person asked for.
    pub slot_s: Option<i64>,
}

/// A run as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// What was to be done.
    pub what: NewRun,
    /// 1, and one more with each retry.
    pub attempt: i64,
    /// The run this one repeats.
    pub retry_of: Option<String>,
    /// How it stands.
    pub state: RunState,
    /// Milliseconds since 1970.
    pub queued_ms: i64,
    /// When it was first claimed.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub finished_ms: Option<i64>,
    /// Somebody asked it to stop.
    pub is_cancel_asked: bool,
    /// How it ended.
    pub ending: Option<Ending>,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
    /// One of the four that stay.
    pub state: RunState,
    /// A stable word: of the error kind, or `ok`.
    pub code: String,
    /// In English, for people.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// The snapshot that was taken.
    pub snapshot: Option<String>,
    /// The executor's final document, as JSON.
    pub summary: String,
}

/// The right to work on a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The run.
    pub run: Run,
    /// Grows with each claim: an older one can change nothing.
    pub fence: i64,
}

/// Which runs a list shows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RunFilter {
    /// Only in this state.
    pub state: Option<RunState>,
    /// Only of this policy or repository.
    pub owner: Option<String>,
}

pub(super) const COLUMNS: &str = "id, kind, owner_id, source_id, repository_id, slot_s, attempt, retry_of, state, queued_ms, started_ms, \
    finished_ms, fence, cancel_asked, code, message, hint, snapshot_id, summary";

pub(super) fn read(row: &AnyRow) -> Result<Run, ControlError> {
    from_row(row)
        .map_err(at("read a run"))?
        .ok_or_else(|| ControlError::Damaged { detail: "a run of an unknown kind or state".into() })
}

fn from_row(row: &AnyRow) -> Result<Option<Run>, sqlx::Error> {
    let (kind, state): (String, String) = (row.try_get("kind")?, row.try_get("state")?);
    let (Some(kind), Some(state)) = (RunKind::parse(&kind), RunState::parse(&state)) else { return Ok(None) };
    let text = |name: &str| row.try_get::<Option<String>, _>(name).map(Option::unwrap_or_default);
    let ending = Ending {
        state,
        code: text("code")?,
        message: text("message")?,
        hint: text("hint")?,
        snapshot: row.try_get("snapshot_id")?,
        summary: text("summary")?,
    };
    Ok(Some(Run {
        what: NewRun {
            id: row.try_get("id")?,
            kind,
            owner: row.try_get("owner_id")?,
            source: row.try_get("source_id")?,
            repository: row.try_get("repository_id")?,
            slot_s: row.try_get("slot_s")?,
        },
        attempt: row.try_get("attempt")?,
        retry_of: row.try_get("retry_of")?,
        state,
        queued_ms: row.try_get("queued_ms")?,
        started_ms: row.try_get("started_ms")?,
        finished_ms: row.try_get("finished_ms")?,
        is_cancel_asked: row.try_get::<i64, _>("cancel_asked")? != 0,
        ending: state.is_end().then_some(ending),
    }))
}

/// Runs of one lane go one after another: of one source, and of one kind of work on one repository.
fn lane(run: &NewRun) -> String {
    match run.source.is_empty() {
        true => format!("{}:{}", run.kind.as_str(), run.repository),
        false => format!("{}:{}", run.kind.as_str(), run.source),
    }
}

const INSERT: &str = "INSERT INTO run(id, kind, owner_id, source_id, repository_id, slot_s, lane, attempt, retry_of, state, queued_ms, \
    fence, cancel_asked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'queued', $10, 0, 0) ON CONFLICT DO NOTHING";

fn insert<'q>(
    run: &'q NewRun,
    attempt: i64,
    retry_of: Option<&'q str>,
    now_ms: i64,
) -> sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments> {
    let query = sqlx::query(INSERT).bind(run.id.as_str()).bind(run.kind.as_str()).bind(run.owner.as_str());
    let query = query.bind(run.source.as_str()).bind(run.repository.as_str()).bind(run.slot_s).bind(lane(run));
    query.bind(attempt).bind(retry_of).bind(now_ms)
}

impl Control {
    /// Queues runs, all or none. Those whose slot has a run already are left out; returns how many were queued.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn enqueue(&self, runs: &[NewRun], now_ms: i64) -> Result<u64, ControlError> {
        let doing = "queue runs";
        let mut work = self.begin(doing).await?;
        let mut queued = 0;
        for run in runs {
            queued += insert(run, 1, None, now_ms).execute(&mut *work).await.map_err(at(doing))?.rows_affected();
        }
        work.commit().await.map_err(at(doing))?;
        Ok(queued)
    }

    /// The newest slot of each policy that has a run of this kind, or of each repository for a kind that is a repository's own
    /// work. One look into an index for each of them, however many runs there were.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn last_slots(&self, kind: RunKind) -> Result<BTreeMap<String, i64>, ControlError> {
        let doing = "read the last slots";
        let owners = match kind {
            RunKind::Backup | RunKind::Forget => "policy",
            RunKind::Gc | RunKind::Check | RunKind::Catalogue => "repository",
        };
        let sql = format!(
            "SELECT owner_id, slot_s FROM (SELECT o.id AS owner_id, \
             (SELECT MAX(r.slot_s) FROM run r WHERE r.kind = $1 AND r.owner_id = o.id) AS slot_s FROM {owners} o) AS last \
             WHERE slot_s IS NOT NULL"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(kind.as_str());
        let rows = query.fetch_all(self.pool()?).await.map_err(at(doing))?;
        rows.iter()
            .map(|row| Ok((row.try_get("owner_id").map_err(at(doing))?, row.try_get("slot_s").map_err(at(doing))?)))
            .collect()
    }

    /// How many checks of a repository came to a verdict: everything was whole, or something is damaged.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn count_verdicts(&self, repository: &str) -> Result<i64, ControlError> {
        let sql = "SELECT COUNT(*) FROM run WHERE kind = 'check' AND owner_id = $1 AND (state = 'complete' OR code = 'integrity')";
        sqlx::query_scalar(sql).bind(repository).fetch_one(self.pool()?).await.map_err(at("count checks"))
    }

    /// Takes the oldest queued run whose lane is free, under a lease until `until_ms`.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn claim(&self, holder: &str, now_ms: i64, until_ms: i64) -> Result<Option<Lease>, ControlError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "UPDATE run SET state = 'running', holder = $1, lease_until_ms = $2, fence = fence + 1, started_ms = COALESCE(started_ms, $3) \
             WHERE state = 'queued' AND id = (SELECT q.id FROM run q WHERE q.state = 'queued' AND NOT EXISTS \
             (SELECT 1 FROM run r WHERE r.state = 'running' AND r.lane = q.lane) ORDER BY q.id LIMIT 1) RETURNING {COLUMNS}"
        ));
        let row = sqlx::query(sql).bind(holder).bind(until_ms).bind(now_ms).fetch_optional(self.pool()?).await;
        let row = match row {
            // Somebody else took a run of this lane at the same time.
            Err(error) if is_taken(&error) => None,
            other => other.map_err(at("claim a run"))?,
        };
        let Some(row) = row else { return Ok(None) };
        let fence = row.try_get("fence").map_err(at("claim a run"))?;
        Ok(Some(Lease { run: read(&row)?, fence }))
    }

    /// Prolongs a lease; says whether somebody asked to cancel.
    ///
    /// # Errors
    /// [`ControlError::Fenced`] when the lease is no more.
    pub async fn heartbeat(&self, id: &str, fence: i64, until_ms: i64) -> Result<bool, ControlError> {
        let sql = "UPDATE run SET lease_until_ms = $1 WHERE id = $2 AND fence = $3 AND state = 'running' RETURNING cancel_asked";
        let query = sqlx::query_scalar(sql).bind(until_ms).bind(id).bind(fence);
        let asked: Option<i64> = query.fetch_optional(self.pool()?).await.map_err(at("prolong a lease"))?;
        asked.map(|asked| asked != 0).ok_or(ControlError::Fenced)
    }

    /// Ends a run, with its lost items.
    ///
    /// # Errors
    /// [`ControlError::Fenced`] when the lease is no more: the run ended otherwise, and stays so.
    pub async fn finish(
        &self,
        id: &str,
        fence: i64,
        end: &Ending,
        items: &[RunItem],
        now_ms: i64,
    ) -> Result<(), ControlError> {
        let doing = "end a run";
        let mut work = self.begin(doing).await?;
        let sql = "UPDATE run SET state = $1, finished_ms = $2, lease_until_ms = NULL, code = $3, message = $4, hint = $5, snapshot_id = $6, \
            summary = $7 WHERE id = $8 AND fence = $9 AND state = 'running'";
        let query =
            sqlx::query(sql).bind(end.state.as_str()).bind(now_ms).bind(end.code.as_str()).bind(end.message.as_str());
        let query =
            query.bind(end.hint.as_str()).bind(end.snapshot.as_deref()).bind(end.summary.as_str()).bind(id).bind(fence);
        if query.execute(&mut *work).await.map_err(at(doing))?.rows_affected() == 0 {
            return Err(ControlError::Fenced);
        }
        for (seq, item) in items.iter().enumerate() {
            let sql = "INSERT INTO run_item(run_id, seq, path, cause, detail) VALUES ($1, $2, $3, $4, $5)";
            let query = sqlx::query(sql).bind(id).bind(seq as i64 + 1).bind(item.path.as_str());
            query.bind(item.cause.as_str()).bind(item.detail.as_str()).execute(&mut *work).await.map_err(at(doing))?;
        }
        work.commit().await.map_err(at(doing))
    }

    /// Fails the runs whose lease has run out: whoever held it is dead or cannot be heard. Returns them.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn reap(&self, now_ms: i64) -> Result<Vec<String>, ControlError> {
        let sql = "UPDATE run SET state = 'failed', finished_ms = $1, lease_until_ms = NULL, code = 'lease-lost', \
            message = 'the process that did it ended without a word', hint = 'retry it; what was stored is used again' \
            WHERE state = 'running' AND lease_until_ms < $1 RETURNING id";
        sqlx::query_scalar(sql).bind(now_ms).fetch_all(self.pool()?).await.map_err(at("end runs whose lease ran out"))
    }

    /// Gives up the leases of one holder at once: for a process that starts anew under its old name and knows that the old one is
    /// dead. Returns how many.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn expire(&self, holder: &str) -> Result<u64, ControlError> {
        let query =
            sqlx::query("UPDATE run SET lease_until_ms = 0 WHERE state = 'running' AND holder = $1").bind(holder);
        Ok(query.execute(self.pool()?).await.map_err(at("give up leases"))?.rows_affected())
    }

    /// Asks a run to stop: one that waits ends at once, one that runs when its holder hears of it.
    ///
    /// # Errors
    /// One that is not there, or has ended.
    pub async fn cancel(&self, id: &str, now_ms: i64) -> Result<Run, ControlError> {
        let doing = "cancel a run";
        let sql = "UPDATE run SET cancel_asked = 1, state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END, \
            finished_ms = CASE state WHEN 'queued' THEN $1 ELSE NULL END, code = CASE state WHEN 'queued' THEN 'cancelled' ELSE NULL END, \
            message = CASE state WHEN 'queued' THEN 'cancelled before it began' ELSE NULL END WHERE id = $2 AND state IN ('queued', 'running')";
        let done = sqlx::query(sql).bind(now_ms).bind(id).execute(self.pool()?).await.map_err(at(doing))?;
        let run = self.run(id).await?;
        if done.rows_affected() == 0 { Err(ControlError::State { state: run.state.as_str().into() }) } else { Ok(run) }
    }

    /// Queues an ended run again, under a new id.
    ///
    /// # Errors
    /// One that is not there, or has not ended.
    pub async fn retry(&self, id: &str, new_id: &str, now_ms: i64) -> Result<Run, ControlError> {
        let old = self.run(id).await?;
        if !old.state.is_end() {
            return Err(ControlError::State { state: old.state.as_str().into() });
        }
        let run = NewRun { id: new_id.to_string(), slot_s: None, ..old.what };
        let query = insert(&run, old.attempt + 1, Some(id), now_ms);
        query.execute(self.pool()?).await.map_err(at("queue a run again"))?;
        self.run(new_id).await
    }

    /// One run.
    ///
    /// # Errors
    /// One that is not there.
    pub async fn run(&self, id: &str) -> Result<Run, ControlError> {
        let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM run WHERE id = $1"));
        let row = sqlx::query(sql).bind(id).fetch_optional(self.pool()?).await.map_err(at("read a run"))?;
        read(&row.ok_or_else(|| ControlError::NotFound { kind: "run", id: id.to_string() })?)
    }

    /// Runs before a cursor, newest first.
    ///
    /// # Errors
    /// Of the database only.
    pub async fn runs(&self, filter: &RunFilter, before: &str, limit: u32) -> Result<Page<Run>, ControlError> {
        let limit = limit.clamp(1, super::MAX_PAGE);
        // Only what is asked for stands in the question: what might be asked for keeps a database from using its indexes.
        let asked = [
            ("id <", (!before.is_empty()).then_some(before)),
            ("state =", filter.state.map(RunState::as_str)),
            ("owner_id =", filter.owner.as_deref()),
        ];
        let asked: Vec<(&str, &str)> = asked.into_iter().filter_map(|(what, value)| Some((what, value?))).collect();
        let numbered = asked.iter().enumerate().map(|(number, (what, _))| format!("{what} ${}", number + 1));
        let conditions = match asked.is_empty() {
            true => String::new(),
            false => format!("WHERE {}", numbered.collect::<Vec<_>>().join(" AND ")),
        };
        let last = asked.len() + 1;
        let sql = format!("SELECT {COLUMNS} FROM run {conditions} ORDER BY id DESC LIMIT ${last}");
        let query = asked.iter().fold(sqlx::query(sqlx::AssertSqlSafe(sql)), |query, (_, value)| query.bind(*value));
        let query = query.bind(i64::from(limit) + 1);
        let rows = query.fetch_all(self.pool()?).await.map_err(at("list runs"))?;
        let items: Vec<Run> = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page::cut(items, limit, |run| run.what.id.clone()))
    }
}

/// An item that a run lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunItem {
    /// Where it is.
    pub path: String,
    /// A stable word.
    pub cause: String,
    /// The system's own words.
    pub detail: String,
}
