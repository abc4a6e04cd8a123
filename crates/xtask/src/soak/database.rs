//! A SQLite database that changes a little from backup to backup, written and read by SQLite itself.

use anyhow::{Context, Result};
use datakeep_testkit::{XorShift, random_bytes, text};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params};
use std::path::{Path, PathBuf};

/// How locations of databases begin.
pub const SCHEME: &str = "sqlite:";

/// After so many differences the rest is not told.
const ENOUGH: usize = 3;

const SCHEMA: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age, photo BLOB);
    CREATE TABLE words (word TEXT, place INT, seen REAL, PRIMARY KEY (word, place)) WITHOUT ROWID;
    CREATE TABLE log (what, number);
    CREATE INDEX by_name ON people (name);
    CREATE VIEW old_people AS SELECT * FROM people WHERE age > 60;";

fn file(folder: &Path) -> PathBuf {
    folder.join("data.db")
}

/// The location of the database in a folder.
pub fn location(folder: &Path) -> Result<String> {
    Ok(format!("{SCHEME}{}", file(folder).to_str().context("a path that is text")?))
}

/// Some changes in one transaction; the first time, the database is made.
pub fn change(folder: &Path, chance: &mut XorShift) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut connection = Connection::open(file(folder))?;
    // A reader sees one state whichever way the database keeps its journal.
    let mode = if chance.below(2) == 0 { "wal" } else { "delete" };
    connection.pragma_update(None, "journal_mode", mode)?;
    let transaction = connection.transaction()?;
    let is_new = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))? == 0;
    if is_new {
        transaction.execute_batch(SCHEMA)?;
    }
    for _ in 0..if is_new { 300 } else { chance.below(60) } {
        one(&transaction, chance)?;
    }
    if chance.below(6) == 0 {
        // What many rows have in common changes in all of them.
        transaction.execute("UPDATE people SET age = age + 1", [])?;
    }
    transaction.commit()?;
    Ok(())
}

fn some_text(chance: &mut XorShift) -> String {
    let len = chance.below(60);
    String::from_utf8_lossy(&text(chance.below(1 << 20), usize::try_from(len).unwrap_or(0))).into_owned()
}

fn one(connection: &Connection, chance: &mut XorShift) -> Result<()> {
    let id = i64::try_from(chance.below(500))?;
    match chance.below(8) {
        0 => connection.execute("DELETE FROM people WHERE id = ?1", [id])?,
        1 => connection.execute("DELETE FROM words WHERE place = ?1", [id % 50])?,
        2 => connection.execute("INSERT INTO log VALUES (?1, ?2)", params![some_text(chance), id])?,
        3 => {
            let seen = f64::from_bits(chance.next_u64() >> 2);
            let word = some_text(chance);
            connection.execute("INSERT OR REPLACE INTO words VALUES (?1, ?2, ?3)", params![word, id % 50, seen])?
        }
        4 => {
            // Now and then so large that it is stored by itself.
            let bits = 8 + chance.below(10);
            let photo = random_bytes(chance.next_u64(), usize::try_from(chance.below(1 << bits))?);
            connection.execute("UPDATE people SET photo = ?2 WHERE id = ?1", params![id, photo])?
        }
        _ => {
            // Ages are numbers, texts, or nothing.
            let age = match chance.below(4) {
                0 => Value::Null,
                1 => Value::Text(some_text(chance)),
                _ => Value::Integer(id % 90),
            };
            let sql = "INSERT INTO people (id, name, age) VALUES (?1, ?2, ?3)
                       ON CONFLICT (id) DO UPDATE SET name = excluded.name, age = excluded.age";
            connection.execute(sql, params![id, some_text(chance), age])?
        }
    };
    Ok(())
}

/// Schema and rows, a line each.
pub fn rows(folder: &Path) -> Result<Vec<String>> {
    // A database in WAL mode is read through files beside it, which are made when they are missing.
    let connection = Connection::open_with_flags(file(folder), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut found = lines(&connection, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name")?;
    for query in [
        "SELECT 'people', * FROM people ORDER BY id",
        "SELECT 'words', * FROM words ORDER BY word, place",
        "SELECT 'log', rowid, * FROM log ORDER BY rowid",
    ] {
        found.extend(lines(&connection, query)?);
    }
    Ok(found)
}

fn lines(connection: &Connection, query: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(query)?;
    let columns = statement.column_count();
    let line =
        |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get::<_, Value>(at).map(|value| shown(&value))).collect();
    let rows = statement.query_map([], line)?.collect::<rusqlite::Result<Vec<Vec<String>>>>()?;
    Ok(rows.into_iter().map(|row| row.join("|")).collect())
}

/// Values that are not the same are not shown alike.
fn shown(value: &Value) -> String {
    match value {
        Value::Real(number) => format!("real {:016x}", number.to_bits()),
        other => format!("{other:?}"),
    }
}

/// The first lines in which two databases differ.
pub fn differences(expected: &[String], found: &[String]) -> Vec<String> {
    let short = |line: Option<&String>| line.map_or("nothing".to_owned(), |line| line.chars().take(120).collect());
    let at = (0..expected.len().max(found.len())).filter(|&at| expected.get(at) != found.get(at));
    at.take(ENOUGH).map(|at| format!("{} is {}", short(expected.get(at)), short(found.get(at)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_cell_is_seen() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut chance = XorShift::new(3);
        change(folder.path(), &mut chance)?;
        let was = rows(folder.path())?;
        assert!(was.len() > 100 && differences(&was, &rows(folder.path())?).is_empty());
        for statement in [
            "UPDATE people SET age = 'x' WHERE id = (SELECT max(id) FROM people)",
            "DELETE FROM log WHERE rowid = 1",
            "UPDATE words SET seen = -seen WHERE place = (SELECT max(place) FROM words)",
            "DROP INDEX by_name",
        ] {
            let connection = Connection::open(file(folder.path()))?;
            let before = rows(folder.path())?;
            connection.execute_batch(statement)?;
            assert!(!differences(&before, &rows(folder.path())?).is_empty(), "{statement}");
        }
        Ok(())
    }
}
