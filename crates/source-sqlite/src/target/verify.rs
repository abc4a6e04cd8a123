//! What SQLite itself says about what was written.

use super::{job, target_error};
use crate::fault::{shown, words};
use crate::sql::quoted;
use datakeep_connector::ConnectorError;
use datakeep_model::{ErrorKind, escape_for_terminal};
use rusqlite::{Connection, Result};
use std::path::Path;

/// Faults that are told one by one.
const MOST_TOLD: usize = 5;

/// Checks a new database as a whole.
pub(crate) fn whole(connection: &Connection, path: &Path) -> std::result::Result<Vec<String>, ConnectorError> {
    let mut told = vec![integrity(connection, path, "integrity_check", "integrity_check")?];
    told.push(match foreign_keys(connection) {
        Ok(0) => "foreign_key_check found every reference".to_owned(),
        Ok(rows) => format!("foreign_key_check found {rows} rows that refer to none here: those were not captured or not restored"),
        Err(error) => format!("foreign_key_check could not be run: {}", words(&error)),
    });
    Ok(told)
}

/// Checks one table of a database that stands.
pub(crate) fn table(connection: &Connection, path: &Path, table: &str) -> std::result::Result<String, ConnectorError> {
    let name = format!("integrity_check of {}", job::shown_table(table));
    integrity(connection, path, &name, &format!("integrity_check({})", quoted(table)))
}

fn integrity(
    connection: &Connection,
    path: &Path,
    name: &str,
    pragma: &str,
) -> std::result::Result<String, ConnectorError> {
    let found = match lines(connection, &format!("PRAGMA main.{pragma}")) {
        Ok(found) => found,
        // Only the application has what an index needs to be checked.
        Err(error) if words(&error).contains("no such collation sequence") => {
            return Ok(format!("{name} could not be run: {}", words(&error)));
        }
        Err(error) => return Err(target_error("cannot check", path)(error)),
    };
    if found == ["ok"] {
        return Ok(format!("{name} found nothing wrong"));
    }
    let (captured, faults): (Vec<String>, Vec<String>) = found.into_iter().partition(|line| is_of_values(line));
    if faults.is_empty() {
        return Ok(format!("{name} found values that break rules of their table, as captured: {}", list(&captured)));
    }
    let message = format!("what was written to {} is not sound: {}", shown(path), list(&faults));
    Err(ConnectorError::new(ErrorKind::Target, message)
        .with_hint("nothing was changed; run it again, and check the disk and memory of this machine"))
}

/// True for what is said about values that a source may hold (rules added later, or not enforced when they came).
fn is_of_values(line: &str) -> bool {
    line.starts_with("CHECK constraint failed in ") || line.starts_with("NULL value in ") || line.contains(" value in ")
}

fn list(lines: &[String]) -> String {
    let shown: Vec<String> = lines.iter().take(MOST_TOLD).map(|line| escape_for_terminal(line.as_bytes())).collect();
    let more = if lines.len() > MOST_TOLD { format!("; and {} more", lines.len() - MOST_TOLD) } else { String::new() };
    format!("{}{more}", shown.join("; "))
}

fn lines(connection: &Connection, pragma: &str) -> Result<Vec<String>> {
    connection.prepare(pragma)?.query_map([], |row| row.get(0))?.collect()
}

fn foreign_keys(connection: &Connection) -> Result<usize> {
    let mut statement = connection.prepare("PRAGMA main.foreign_key_check")?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}
