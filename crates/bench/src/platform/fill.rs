//! A control database as years of use leave it: people make what is configured, and history is written beneath them.

use super::http::Connection;
use rusqlite::{Connection as Database, params};
use serde_json::json;
use std::io;
use std::path::Path;

/// Sources, and policies of one source each.
pub const SOURCES: u64 = 500;
/// Repositories.
pub const REPOSITORIES: u64 = 10;

/// Ids of what was made.
pub struct Made {
    repositories: Vec<String>,
    sources: Vec<String>,
    /// Policies, one for each source.
    pub policies: Vec<String>,
}

/// Makes repositories, sources and policies by the API. No policy is due within the bench.
pub fn configure(connection: &mut Connection, folder: &Path) -> io::Result<Made> {
    let mut made = Made { repositories: Vec::new(), sources: Vec::new(), policies: Vec::new() };
    let place = folder.display();
    for number in 0..REPOSITORIES {
        let body = json!({"name": format!("repository {number}"), "location": format!("{place}/repository-{number}")});
        made.repositories.push(add(connection, "/repositories", &body)?);
    }
    for number in 0..SOURCES {
        let body = json!({"name": format!("source {number}"), "location": format!("{place}/source-{number}")});
        let source = add(connection, "/sources", &body)?;
        let repository = &made.repositories[(number % REPOSITORIES) as usize];
        let body = json!({"name": format!("policy {number}"), "repository": repository, "sources": [source],
            "schedule": {"cron": "0 0 1 1 *", "zone": "UTC"}, "rpo_s": 86_400, "retention": {"daily": 7, "weekly": 4}});
        made.policies.push(add(connection, "/policies", &body)?);
        made.sources.push(source);
    }
    Ok(made)
}

fn add(connection: &mut Connection, path: &str, body: &serde_json::Value) -> io::Result<String> {
    let told = connection.call("POST", path, Some(body))?.json()?;
    told["id"].as_str().map(str::to_owned).ok_or_else(|| io::Error::other(format!("{path}: no id was given")))
}

/// Milliseconds from one run to the next.
const STEP_MS: i64 = 60_000;

/// Writes snapshots and runs up to `now_ms`, while no server has the database open.
pub fn history(database: &Path, made: &Made, (snapshots, runs): (u64, u64), now_ms: i64) -> io::Result<()> {
    let failed = |error: rusqlite::Error| io::Error::other(format!("{}: {error}", database.display()));
    let mut open = Database::open(database).map_err(failed)?;
    open.pragma_update(None, "synchronous", "off").map_err(failed)?;
    let work = open.transaction().map_err(failed)?;
    write_snapshots(&work, made, snapshots, now_ms)
        .and_then(|()| write_runs(&work, made, runs, now_ms))
        .map_err(failed)?;
    work.commit().map_err(failed)
}

fn write_snapshots(work: &Database, made: &Made, count: u64, now_ms: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO snapshot(repository_id, id, source, started, seen_ms, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = work.prepare(sql)?;
    for number in 0..count {
        let source = number % SOURCES;
        let at_ms = now_ms - (count - number) as i64 * STEP_MS;
        let id = format!("{number:032x}");
        let started = text_of(at_ms);
        let body = json!({"id": id, "source": format!("source {source}"), "host": "bench", "started": started, "finished": started,
            "kind": "files", "paths": ["/srv/data"], "tags": [], "items": 120_345, "size_bytes": 73_000_111_222_u64,
            "added_bytes": 91_222_333, "losses": 0, "parent": format!("{:032x}", number.saturating_sub(SOURCES))});
        let repository = &made.repositories[(source % REPOSITORIES) as usize];
        insert.execute(params![repository, id, format!("source {source}"), started, at_ms, body.to_string()])?;
    }
    Ok(())
}

fn write_runs(work: &Database, made: &Made, count: u64, now_ms: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO run(id, kind, owner_id, source_id, repository_id, slot_s, lane, attempt, state, queued_ms, started_ms, \
        finished_ms, fence, cancel_asked, code, message, hint, snapshot_id, summary) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?9, ?10, 1, 0, ?11, ?12, '', ?13, ?14)";
    let mut insert = work.prepare(sql)?;
    let step_ms = STEP_MS / 10;
    for number in 0..count {
        let at = (number % SOURCES) as usize;
        let at_ms = now_ms - (count - number) as i64 * step_ms;
        let kind = if (number / SOURCES).is_multiple_of(2) { "backup" } else { "forget" };
        let (state, code, message) = match number % 997 {
            0..=8 => ("failed", "source", "cannot connect to db.example:5432: connection refused"),
            9..=14 => ("partial", "partial", "3 items were lost"),
            15..=16 => ("cancelled", "cancelled", "cancelled"),
            _ => ("complete", "ok", ""),
        };
        let slot = (kind == "backup").then_some(at_ms / 1000);
        let snapshot = (kind == "backup" && state != "failed").then(|| format!("{number:032x}"));
        let summary = json!({"items": 120_345, "size_bytes": 73_000_111_222_u64, "added_bytes": 91_222_333, "seconds": 92.25,
            "losses": 0, "snapshot": snapshot});
        let id = format!("{at_ms:012x}{number:016x}");
        let (policy, source) = (&made.policies[at], &made.sources[at]);
        let repository = &made.repositories[at % REPOSITORIES as usize];
        let lane = format!("{kind}:{source}");
        insert.execute(params![
            id,
            kind,
            policy,
            source,
            repository,
            slot,
            lane,
            state,
            at_ms,
            at_ms + 92_250,
            code,
            message,
            snapshot,
            summary.to_string()
        ])?;
    }
    Ok(())
}

/// An instant as RFC 3339 in UTC. The algorithm is `civil_from_days` of Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms".
fn text_of(at_ms: i64) -> String {
    let (days, of_day) = (at_ms.div_euclid(86_400_000) + 719_468, at_ms.rem_euclid(86_400_000));
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::text_of;

    #[test]
    fn instants_are_those_of_the_calendar() {
        assert_eq!(text_of(0), "1970-01-01T00:00:00Z");
        assert_eq!(text_of(951_782_400_000 + 3_661_000), "2000-02-29T01:01:01Z");
        assert_eq!(text_of(-1000), "1969-12-31T23:59:59Z");
    }
}
