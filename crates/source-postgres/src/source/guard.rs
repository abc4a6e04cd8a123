//! What a server must be like to be read, and what a long capture would do to it.

use super::catalog::{number, text};
use crate::connect::{Connection, TextRow};
use crate::options::Limits;
use datakeep_connector::ConnectorError;
use datakeep_model::{ErrorKind, escape_for_terminal};
use std::time::Duration;

const WHAT: &str = "cannot ask the state of";

/// Refuses a standby that is too far behind; what else is worth telling, one sentence each.
pub(crate) fn check(connection: &Connection, limits: &Limits) -> Result<Vec<String>, ConnectorError> {
    if let Some(most) = limits.replay_lag {
        check_lag(connection, most)?;
    }
    let mut warnings = Vec::new();
    if limits.xmin_age > 0 {
        warnings.extend(old_transaction(connection, limits.xmin_age)?);
    }
    warnings.extend(snapshot_threshold(connection)?);
    Ok(warnings)
}

/// A standby that receives and has replayed all of it is not behind, however long its primary has been at rest. One that receives
/// nothing may be behind by any time: then the age of what it replayed last counts.
fn check_lag(connection: &Connection, most: Duration) -> Result<(), ConnectorError> {
    let sql = "SELECT pg_catalog.pg_is_in_recovery(), CASE WHEN pg_catalog.pg_last_wal_receive_lsn() = \
               pg_catalog.pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver) THEN 0 ELSE 1000 * \
               pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()) END";
    let row = connection.rows(WHAT, sql)?.into_iter().next().unwrap_or_default();
    if text(&row, 0) != "t" {
        return Ok(());
    }
    let lag_ms = text(&row, 1).parse::<f64>().ok().map(|millis| millis.max(0.0) as u64);
    if lag_ms.is_some_and(|lag_ms| u128::from(lag_ms) <= most.as_millis()) {
        return Ok(());
    }
    let behind =
        lag_ms.map_or_else(|| "an unknown time".to_owned(), |lag_ms| format!("{:.1} s", lag_ms as f64 / 1000.0));
    let message = format!(
        "cannot read {}: the standby is {behind} behind, {:.1} s are allowed",
        connection.place(),
        most.as_secs_f64()
    );
    Err(ConnectorError::new(ErrorKind::Busy, message).with_hint(
        "run it again when the standby has caught up, read the primary, or allow more with `max-replay-lag`",
    ))
}

/// What keeps the server from vacuuming, where that is older than it should be: a capture holds it back further.
fn old_transaction(connection: &Connection, most: u64) -> Result<Option<String>, ConnectorError> {
    // Other roles' sessions are shown to members of pg_monitor alone; the oldest transaction that writes is known to everybody.
    let sql = "SELECT 'a transaction that is open', 0, pg_catalog.txid_snapshot_xmax(s) - pg_catalog.txid_snapshot_xmin(s) FROM \
               pg_catalog.txid_current_snapshot() s UNION ALL SELECT 'the session of process ' || pid, 1, \
               pg_catalog.age(backend_xmin) FROM pg_catalog.pg_stat_activity WHERE pid <> pg_catalog.pg_backend_pid() AND \
               backend_xmin IS NOT NULL UNION ALL SELECT 'the replication slot ' || slot_name, 2, \
               pg_catalog.age(x) FROM pg_catalog.pg_replication_slots, LATERAL (VALUES (xmin), (catalog_xmin)) v(x) \
               WHERE x IS NOT NULL UNION ALL SELECT 'the prepared transaction ' || gid, 2, pg_catalog.age(transaction) FROM \
               pg_catalog.pg_prepared_xacts ORDER BY 3 DESC, 2 DESC LIMIT 1";
    let row = connection.rows(WHAT, sql)?.into_iter().next().unwrap_or_default();
    let age: u64 = number(&row, 2);
    if age <= most {
        return Ok(None);
    }
    let who = escape_for_terminal(text(&row, 0).as_bytes());
    Ok(Some(format!(
        "{who} is {age} transactions old: what was deleted since is not vacuumed, and this backup holds that back until it ends"
    )))
}

/// Versions before 17 may take away what a snapshot sees.
fn snapshot_threshold(connection: &Connection) -> Result<Option<String>, ConnectorError> {
    let sql = "SELECT pg_catalog.current_setting('old_snapshot_threshold') FROM pg_catalog.pg_settings WHERE name = \
               'old_snapshot_threshold' AND setting::pg_catalog.int4 >= 0";
    let row: Option<TextRow> = connection.rows(WHAT, sql)?.into_iter().next();
    Ok(row.map(|row| {
        let shown = escape_for_terminal(text(&row, 0).as_bytes());
        format!("old_snapshot_threshold is {shown} on the server: a backup that takes longer fails")
    }))
}
