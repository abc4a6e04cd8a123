//! What SQLite itself says about what was written.

use super::stand_in::is_of_application;
use super::{job, target_error};
use crate::fault::{shown, words};
use crate::sql::quoted;
use datakeep_connector::ConnectorError;
use datakeep_model::{ErrorKind, escape_for_terminal};
use rusqlite::{Connection, Result};
use std::path::Path;

/// Faults that are told one by one.
const MOST_TOLD: usize = 5;

/// As many faults as SQLite can be asked for: it stops at a hundred by itself, and those may all be harmless.
const ALL: &str = "2147483647";
/// Where SQLite stops when it checks one table.
const MOST_OF_TABLE: usize = 100;

/// Checks a new database as a whole.
pub(crate) fn whole(connection: &Connection, path: &Path) -> std::result::Result<Vec<String>, ConnectorError> {
    let mut told = vec![integrity(connection, path, "integrity_check", &format!("integrity_check({ALL})"))?.0];
    told.push(match dangling(connection) {
        Ok(0) => "foreign_key_check found every reference".to_owned(),
        Ok(rows) => format!(
            "foreign_key_check found {rows} rows that refer to none here: those were not captured or not restored"
        ),
        Err(error) => format!("foreign_key_check could not be run: {}", words(&error)),
    });
    Ok(told)
}

/// Checks one table of a database that stands.
pub(crate) fn table(connection: &Connection, path: &Path, table: &str) -> std::result::Result<String, ConnectorError> {
    let name = format!("integrity_check of {}", job::shown_table(table));
    let (told, lines) = integrity(connection, path, &name, &format!("integrity_check({})", quoted(table)))?;
    if lines < MOST_OF_TABLE {
        return Ok(told);
    }
    // Of one table no more than so many can be asked for: what may stand behind them only the check of all tells.
    integrity(connection, path, "integrity_check", &format!("integrity_check({ALL})")).map(|(told, _)| told)
}

/// References that dangle after changes of a database that stands, when they are more than before.
pub(crate) fn more_dangling(connection: &Connection, before: Option<usize>) -> Option<String> {
    match (before, dangling(connection)) {
        (Some(before), Ok(after)) if after > before => Some(format!(
            "foreign_key_check found {after} rows that refer to none here, {before} of them before the restore"
        )),
        _ => None,
    }
}

/// What a check told, and how many lines it had.
fn integrity(
    connection: &Connection,
    path: &Path,
    name: &str,
    pragma: &str,
) -> std::result::Result<(String, usize), ConnectorError> {
    let found = match lines(connection, &format!("PRAGMA main.{pragma}")) {
        Ok(found) => found,
        // Only the application has what an index or a rule needs to be checked.
        Err(error) if is_of_application(&words(&error)) => {
            return Ok((format!("{name} could not be run: {}", words(&error)), 0));
        }
        Err(error) => return Err(target_error("cannot check", path)(error)),
    };
    if found.is_sound {
        return Ok((format!("{name} found nothing wrong"), 1));
    }
    if found.faults.count == 0 {
        let told = format!("{name} found values that break rules of their table, as captured: {}", found.values.list());
        return Ok((told, found.values.count));
    }
    let message = format!("what was written to {} is not sound: {}", shown(path), found.faults.list());
    Err(ConnectorError::new(ErrorKind::Target, message)
        .with_hint("nothing was changed; run it again, and check the disk and memory of this machine"))
}

/// True for what is said about values that a source may hold (rules added later, or not enforced when they came): one word for
/// the value (`NULL`, `TEXT`, `non-INT`), then where it is. What is said of pages and indexes begins with more words.
fn is_of_values(line: &str) -> bool {
    let is_value = |(what, _): (&str, &str)| !what.contains(' ');
    line.starts_with("CHECK constraint failed in ") || line.split_once(" value in ").is_some_and(is_value)
}

/// Lines of one sort: the first of them, and how many there are.
#[derive(Default)]
struct Lines {
    first: Vec<String>,
    count: usize,
}

impl Lines {
    fn push(&mut self, line: &str) {
        if self.count < MOST_TOLD {
            self.first.push(escape_for_terminal(line.as_bytes()));
        }
        self.count += 1;
    }

    fn list(&self) -> String {
        let more =
            if self.count > MOST_TOLD { format!("; and {} more", self.count - MOST_TOLD) } else { String::new() };
        format!("{}{more}", self.first.join("; "))
    }
}

/// What a check found.
#[derive(Default)]
struct Found {
    is_sound: bool,
    values: Lines,
    faults: Lines,
}

fn lines(connection: &Connection, pragma: &str) -> Result<Found> {
    let mut statement = connection.prepare(pragma)?;
    let mut rows = statement.query([])?;
    let mut found = Found::default();
    while let Some(row) = rows.next()? {
        match row.get_ref(0)?.as_str()? {
            "ok" => found.is_sound = true,
            line if is_of_values(line) => found.values.push(line),
            line => found.faults.push(line),
        }
    }
    Ok(found)
}

/// Rows that refer to none.
pub(crate) fn dangling(connection: &Connection) -> Result<usize> {
    let mut statement = connection.prepare("PRAGMA main.foreign_key_check")?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::is_of_values;

    #[test]
    fn what_is_said_of_indexes_is_no_rule_of_values() {
        for line in ["NULL value in t.a", "non-INT value in t.a", "TEXT value in t.a", "CHECK constraint failed in t"] {
            assert!(is_of_values(line), "{line}");
        }
        for line in ["row 3 missing from index a value in b", "Tree 4 page 4 cell 1: Rowid 2 out of order"] {
            assert!(!is_of_values(line), "{line}");
        }
    }
}
