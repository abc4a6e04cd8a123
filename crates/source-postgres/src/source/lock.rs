//! One state, and locks that keep it whole.
//!
//! A server's snapshot does not cover everything: after TRUNCATE a table is empty for every snapshot, and a table that is dropped
//! or changed is gone. So tables are locked first, and the snapshot is taken only then: LOCK TABLE needs none (it is taken by the
//! first query of the transaction). What was made, dropped or renamed in between is found by looking again.

use super::catalog::{self, Relation};
use crate::connect::Connection;
use crate::fault::is_state;
use crate::selection::Selection;
use crate::sql::qualified;
use datakeep_connector::ConnectorError;
use datakeep_model::ErrorKind;
use std::collections::HashSet;
use tokio_postgres::error::SqlState;

/// Times that the state is taken anew where the schema changes under it.
const ATTEMPTS_MAX: usize = 5;
/// Tables locked by one statement.
const AT_ONCE: usize = 100;

/// A state that stays as it is.
pub(crate) struct Held {
    /// The name of the snapshot, for other sessions.
    pub snapshot: String,
    /// Where in the log of the server it was taken.
    pub position: String,
    /// The tables that were locked.
    pub locked: HashSet<Relation>,
    /// Those that were not chosen.
    pub left: Vec<Relation>,
}

/// Begins the transaction, locks every table that is chosen, takes the snapshot.
pub(crate) fn hold(connection: &Connection, selection: &Selection) -> Result<Held, ConnectorError> {
    for _ in 0..ATTEMPTS_MAX {
        let locked: HashSet<_> = selection.chosen(connection, catalog::relations(connection)?)?.into_iter().collect();
        if lock(connection, &locked)? {
            let (snapshot, position) = take(connection)?;
            let seen = catalog::relations(connection)?;
            if selection.chosen(connection, seen.clone())?.iter().all(|relation| locked.contains(relation)) {
                let left = seen.into_iter().filter(|relation| !locked.contains(relation)).collect();
                return Ok(Held { snapshot, position, locked, left });
            }
        }
        connection.run("cannot begin anew with", "ROLLBACK")?;
    }
    let message = format!("cannot read {}: tables are made and dropped all the time", connection.place());
    Err(ConnectorError::new(ErrorKind::Busy, message).with_hint("run it again when the schema rests"))
}

/// False when a table is not there any more.
fn lock(connection: &Connection, relations: &HashSet<Relation>) -> Result<bool, ConnectorError> {
    // Everybody's in one order.
    let mut relations: Vec<_> = relations.iter().collect();
    relations.sort_by_key(|relation| relation.oid);
    connection.run("cannot begin to read", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    for some in relations.chunks(AT_ONCE) {
        let names: Vec<_> =
            some.iter().map(|relation| format!("ONLY {}", qualified(&relation.schema, &relation.name))).collect();
        match connection.try_run(&format!("LOCK TABLE {} IN ACCESS SHARE MODE", names.join(", "))) {
            Ok(()) => {}
            Err(error)
                if is_state(&error, &SqlState::UNDEFINED_TABLE) || is_state(&error, &SqlState::INVALID_SCHEMA_NAME) =>
            {
                return Ok(false);
            }
            Err(error) => return Err(connection.fault("cannot lock the tables of", &error)),
        }
    }
    Ok(true)
}

/// The snapshot's name, and the position in the log.
fn take(connection: &Connection) -> Result<(String, String), ConnectorError> {
    let sql = "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.pg_is_in_recovery(), CASE WHEN pg_catalog.pg_is_in_recovery() \
               THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_insert_lsn() END";
    let row = connection.rows("cannot take a snapshot of", sql)?.into_iter().next().unwrap_or_default();
    let text = |place: usize| row.get(place).and_then(Option::as_deref).unwrap_or_default();
    let of = if text(1) == "t" { ", replayed by a standby" } else { "" };
    Ok((text(0).to_owned(), format!("lsn {}{of}", text(2))))
}
