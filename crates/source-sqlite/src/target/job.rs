//! What is asked of a target, and whether it can be done.

use crate::fault::{shown, usage};
use crate::source::catalog::{self, MAIN};
use crate::source::column::Affinity;
use crate::sql::quoted;
use datakeep_connector::{Catalog, ConnectorError, RestoreJob, Standing, TableAction, TableInfo, TableJob, TableName};
use datakeep_model::{ErrorKind, escape_for_terminal};
use rusqlite::{Connection, OptionalExtension, Result};
use std::collections::HashSet;
use std::path::Path;

/// True for a table that SQLite keeps for itself: sequences and statistics.
pub(crate) fn is_own(table: &str) -> bool {
    table.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("sqlite_"))
}

/// What was set for the captured database.
pub(crate) fn setting<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a str> {
    let note = catalog.settings.iter().find(|note| note.name == name)?;
    std::str::from_utf8(&note.value).ok()
}

pub(crate) fn shown_table(name: &str) -> String {
    escape_for_terminal(name.as_bytes())
}

/// Refuses a job that makes no sense, whatever stands in the target.
pub(crate) fn check(job: &RestoreJob) -> std::result::Result<(), ConnectorError> {
    let mut names = HashSet::new();
    for table in &job.tables {
        let name = shown_table(&table.into.table);
        if table.into.schema != MAIN {
            return Err(usage(format!(
                "{}: a database of SQLite has no schema but `main`",
                shown_table(&table.into.schema)
            )));
        }
        if table.into.table.is_empty() || table.into.table.contains('\0') {
            return Err(usage(format!("`{name}` cannot be the name of a table")));
        }
        if is_own(&table.into.table) && !(job.whole && table.into == table.table.name) {
            return Err(
                usage(format!("{name} is kept by SQLite itself")).with_hint("it is restored with the whole database")
            );
        }
        if !names.insert(table.into.table.to_ascii_lowercase()) {
            return Err(usage(format!("{name} is to be restored twice")));
        }
    }
    Ok(())
}

/// Refuses a job that does not fit what stands in the target.
pub(crate) fn check_against(
    connection: &Connection,
    path: &Path,
    job: &RestoreJob,
) -> std::result::Result<(), ConnectorError> {
    for table in &job.tables {
        let what = format!("cannot look for table {} in", shown_table(&table.into.table));
        let found = kind_of(connection, &table.into.table).map_err(super::target_error(&what, path))?;
        check_table(connection, path, table, found.as_deref())?;
    }
    Ok(())
}

fn check_table(
    connection: &Connection,
    path: &Path,
    job: &TableJob,
    found: Option<&str>,
) -> std::result::Result<(), ConnectorError> {
    let (name, place) = (shown_table(&job.into.table), shown(path));
    let refused = |message: String, hint: &str| Err(ConnectorError::new(ErrorKind::Target, message).with_hint(hint));
    match (job.action, found) {
        (TableAction::Create, Some(kind)) if !is_own(&job.into.table) => refused(
            format!("{place} has a {kind} {name} already"),
            "restore it under another name, or choose to replace or to merge it",
        ),
        (TableAction::Replace | TableAction::Merge, None) => {
            refused(format!("{place} has no table {name}"), "choose to create it")
        }
        (TableAction::Replace | TableAction::Merge, Some(kind)) if kind != "table" => {
            refused(format!("{name} in {place} is a {kind}"), "restore the table under another name")
        }
        (TableAction::Merge, Some(_)) => check_merge(connection, path, job),
        _ => Ok(()),
    }
}

fn check_merge(connection: &Connection, path: &Path, job: &TableJob) -> std::result::Result<(), ConnectorError> {
    let name = shown_table(&job.into.table);
    let standing = catalog::read_table(connection, &job.into.table, String::new())
        .map_err(super::target_error(&format!("cannot read table {name} of"), path))?;
    let names = |table: &TableInfo| -> Vec<String> {
        table.columns.iter().map(|column| column.name.to_ascii_lowercase()).collect()
    };
    let refused = |why: String| {
        let message = format!("cannot merge into table {name} of {}: {why}", shown(path));
        Err(ConnectorError::new(ErrorKind::Target, message).with_hint("restore it under another name, or replace it"))
    };
    let (captured, there) = (names(&job.table), names(&standing));
    if captured != there {
        let list = |names: &[String]| escape_for_terminal(names.join(", ").as_bytes());
        return refused(format!("its columns are {}, those captured are {}", list(&there), list(&captured)));
    }
    if standing.key.is_empty() || standing.key != job.table.key {
        return refused("its rows are not named by the same key".to_owned());
    }
    if standing.key.iter().any(|place| standing.columns[*place].hidden) {
        let message = format!(
            "cannot merge into table {name} of {}: it declares no key of its own, and the rowids that SQLite gives are given \
             again to other rows",
            shown(path)
        );
        return Err(ConnectorError::new(ErrorKind::Target, message)
            .with_hint("restore the table under another name, or into a new file"));
    }
    match other_affinity(&job.table, &standing) {
        Some(column) => {
            refused(format!("column {column} changes values that it is given in another way than the captured one"))
        }
        None => Ok(()),
    }
}

/// A column, in words, in which values would not stay what they were in the captured one.
fn other_affinity(captured: &TableInfo, standing: &TableInfo) -> Option<String> {
    let is_strict = |table: &TableInfo| table.notes.iter().any(|note| note.name == "strict");
    let (old, new) = (is_strict(captured), is_strict(standing));
    let mut pairs = captured.columns.iter().zip(&standing.columns);
    let (was, is) = pairs.find(|(was, is)| Affinity::of(&was.declared, old) != Affinity::of(&is.declared, new))?;
    let [name, was, is] = [&is.name, &was.declared, &is.declared].map(|text| escape_for_terminal(text.as_bytes()));
    Some(format!("{name} (captured as `{was}`, here `{is}`)"))
}

/// `table`, `view` or `virtual table`: what has this name.
fn kind_of(connection: &Connection, name: &str) -> Result<Option<String>> {
    let sql = "SELECT CASE WHEN type = 'table' AND coalesce(rootpage, 0) = 0 THEN 'virtual table' ELSE type END
               FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE";
    connection.query_row(sql, [name], |row| row.get(0)).optional()
}

/// The tables that stand in a database, but for SQLite's own.
pub(crate) fn standing(connection: &Connection) -> Result<Vec<Standing>> {
    let sql = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND coalesce(rootpage, 0) <> 0 ORDER BY name";
    let names: Vec<String> = connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
    names.into_iter().filter(|name| !is_own(name)).map(|name| standing_table(connection, name)).collect()
}

fn standing_table(connection: &Connection, name: String) -> Result<Standing> {
    let sql = "SELECT name FROM pragma_table_xinfo(?1, 'main') WHERE hidden = 0 ORDER BY cid";
    let columns = connection.prepare(sql)?.query_map([&name], |row| row.get(0))?.collect::<Result<_>>()?;
    let count = format!("SELECT count(*) FROM main.{}", quoted(&name));
    let rows: i64 = connection.query_row(&count, [], |row| row.get(0))?;
    let objects = belongings(connection, &name)?;
    let name = TableName { schema: MAIN.to_owned(), table: name };
    Ok(Standing { name, columns, rows: rows.unsigned_abs(), objects })
}

/// Kinds and names of the indexes and triggers that somebody made for a table.
pub(crate) fn belongings(connection: &Connection, table: &str) -> Result<Vec<(String, String)>> {
    let sql = "SELECT type, name FROM main.sqlite_schema
               WHERE tbl_name = ?1 COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, name";
    connection.prepare(sql)?.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// What belongs to a table that stands and will not come back with the captured one, in words.
pub(crate) fn lost_belongings(connection: &Connection, catalog: &Catalog, job: &TableJob) -> Result<Vec<String>> {
    let comes_back = |kind: &str, name: &str| {
        let is_it = |o: &datakeep_connector::SchemaObject| o.kind == kind && o.name.eq_ignore_ascii_case(name);
        job.into == job.table.name && catalog.objects.iter().any(is_it)
    };
    let there = belongings(connection, &job.into.table)?;
    let gone = there.iter().filter(|(kind, name)| !comes_back(kind, name));
    Ok(gone.map(|(kind, name)| format!("{kind} {}", shown_table(name))).collect())
}
