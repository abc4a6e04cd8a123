//! Tables and everything else that a schema has, made by their own statements.

use super::stand_in::{StandIns, is_of_application};
use super::{Work, insert, job, qualified, target_error};
use crate::bare;
use crate::fault::{shown, words};
use crate::source::catalog::VIRTUAL_TABLE;
use crate::sql;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, RestoreJob, SchemaObject, TableAction, TableJob};
use datakeep_model::ErrorKind;
use rusqlite::{Connection, Result, params};
use std::path::Path;

/// The note of a table that says which rowid was given last in it, where rowids are never given again.
const SEQUENCE: &str = "sequence";

/// Makes a table of the job, or empties its place and makes it, or leaves it as it stands. The answer says why only its
/// application can make it, if so: then it is not there.
pub(crate) fn table(
    connection: &Connection,
    path: &Path,
    job: &TableJob,
    stand_ins: &mut StandIns,
) -> std::result::Result<Option<ConnectorError>, ConnectorError> {
    let name = job::shown_table(&job.into.table);
    if job.action == TableAction::Merge || job::is_own(&job.into.table) {
        return Ok(None);
    }
    if job.action == TableAction::Replace {
        let what = format!("cannot remove table {name} of");
        let statement = format!("DROP TABLE {}", qualified(&job.into.table));
        connection.execute_batch(&statement).map_err(target_error(&what, path))?;
    }
    let statement = if job.into.table == job.table.name.table {
        Some(job.table.sql.clone()).filter(|statement| sql::creates(statement, "TABLE"))
    } else {
        sql::renamed_table(&job.table.sql, &job.into.table)
    };
    let Some(statement) = statement else {
        let message = format!("cannot make table {name} in {}: no statement that makes it was captured", shown(path));
        return Err(ConnectorError::new(ErrorKind::Incompatible, message));
    };
    let what = format!("cannot make table {name} in");
    let fault = target_error(&what, path);
    if let Err(error) = stand_ins.execute(connection, &statement) {
        let is_of_application = is_of_application(&words(&error));
        let error = fault(error);
        return if is_of_application { Ok(Some(error)) } else { Err(error) };
    }
    let Some(collation) = stand_ins.sorting(connection, &job.into.table).map_err(&fault)? else {
        return Ok(None);
    };
    remove(connection, &job.into.table).map_err(&fault)?;
    let message =
        format!("{what} {}: it is sorted by {collation}, a collation that only its application has", shown(path));
    Ok(Some(
        ConnectorError::new(ErrorKind::Target, message)
            .with_hint("restore the other tables, or back the file up as a file while nothing writes to it"),
    ))
}

/// Removes a table that cannot be filled.
pub(crate) fn remove(connection: &Connection, table: &str) -> Result<()> {
    connection.execute_batch(&format!("DROP TABLE {}", qualified(table)))
}

/// Takes the types of its columns from a table, which would change what is put into it, and gives the statement that it had;
/// `None` where that cannot be.
pub(crate) fn take_types(connection: &Connection, job: &TableJob) -> Result<Option<String>> {
    let sql = "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    let statement: String = connection.query_row(sql, [&job.into.table], |row| row.get(0))?;
    let is_without_rowid = job.table.notes.iter().any(|note| note.name == "without-rowid");
    let rowid = job.table.key.first().filter(|_| !is_without_rowid).and_then(|place| job.table.columns.get(*place));
    let Some(bare) = bare::without_types(&statement, rowid.map(|column| column.name.as_str())) else { return Ok(None) };
    set_statement(connection, &job.into.table, &bare)?;
    Ok(Some(statement))
}

/// Writes the statement of a table into the schema, and reads the schema again.
pub(crate) fn set_statement(connection: &Connection, table: &str, statement: &str) -> Result<()> {
    connection.execute_batch("PRAGMA writable_schema=ON")?;
    let sql = "UPDATE main.sqlite_schema SET sql = ?2 WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    connection.execute(sql, [table, statement])?;
    connection.execute_batch("PRAGMA writable_schema=RESET")
}

/// Makes all objects of a new database whose tables were made, in their order.
///
/// Indexes are built. Views, triggers and virtual tables are written into the schema as they were: so a virtual table finds its
/// shadow tables as they were captured and makes none itself, and no module needs to be there.
pub(crate) fn objects(work: &mut Work, path: &Path) -> std::result::Result<(), ConnectorError> {
    let is_renamed = |table: &&TableJob| table.table.name.table != table.into.table;
    let told: Vec<String> = work.made().filter(is_renamed).filter_map(|table| came_without(&work.job, table)).collect();
    let made: Vec<&str> =
        work.made().filter(|table| !is_renamed(table)).map(|table| table.table.name.table.as_str()).collect();
    let is_left_out = |object: &SchemaObject| work.is_left_out(&object.table);
    let mut losses = Vec::new();
    for object in &work.job.catalog.objects {
        let belongs = made.iter().any(|name| name.eq_ignore_ascii_case(&object.table));
        let comes_with_whole = work.job.whole && (object.table.is_empty() || is_of_view(&work.job, object));
        if is_left_out(object) || (!belongs && !comes_with_whole) {
            continue;
        }
        if object.kind == "index" {
            losses.extend(index(&work.connection, path, object)?);
        } else {
            entry(&work.connection, object).map_err(target_error("cannot write the schema of", path))?;
        }
    }
    work.losses.extend(losses);
    work.told.extend(told);
    Ok(())
}

/// That a table got another name, and so nothing that is made for the one it had.
fn came_without(job: &RestoreJob, table: &TableJob) -> Option<String> {
    let of_table = |object: &&SchemaObject| object.table.eq_ignore_ascii_case(&table.table.name.table);
    let objects = job.catalog.objects.iter().filter(of_table);
    let names: Vec<String> = objects.map(|o| format!("{} {}", o.kind, job::shown_table(&o.name))).collect();
    let into = job::shown_table(&table.into.table);
    (!names.is_empty()).then(|| format!("{into} has another name than it had and came without {}", names.join(", ")))
}

/// True for a trigger of a view.
fn is_of_view(job: &RestoreJob, object: &SchemaObject) -> bool {
    let is_it = |view: &SchemaObject| view.kind == "view" && view.name.eq_ignore_ascii_case(&object.table);
    job.catalog.objects.iter().any(is_it)
}

/// Builds an index. One that needs what only its application has (a collation, a function) is left out, and told.
fn index(
    connection: &Connection,
    path: &Path,
    object: &SchemaObject,
) -> std::result::Result<Option<String>, ConnectorError> {
    let name = job::shown_table(&object.name);
    if !sql::creates(&object.sql, "INDEX") {
        let message = format!("cannot make index {name}: no statement that makes it was captured");
        return Err(ConnectorError::new(ErrorKind::Incompatible, message));
    }
    let Err(error) = connection.execute(&object.sql, []) else { return Ok(None) };
    let said = words(&error);
    if is_of_application(&said) {
        return Ok(Some(format!("index {name} was left out, since only its application can build it: {said}")));
    }
    Err(target_error(&format!("cannot build index {name} in"), path)(error))
}

fn entry(connection: &Connection, object: &SchemaObject) -> Result<()> {
    let kind = if object.kind == VIRTUAL_TABLE { "table" } else { &object.kind };
    let table = if object.table.is_empty() { &object.name } else { &object.table };
    connection.execute_batch("PRAGMA writable_schema=ON")?;
    let sql = "INSERT INTO main.sqlite_schema(type, name, tbl_name, rootpage, sql) VALUES (?1, ?2, ?3, 0, ?4)";
    connection.execute(sql, params![kind, object.name, table, object.sql])?;
    connection.execute_batch("PRAGMA writable_schema=OFF")
}

/// Makes indexes and triggers of the tables that were made anew under their own name in a database that stands.
pub(crate) fn objects_of_tables(work: &mut Work, path: &Path) -> std::result::Result<(), ConnectorError> {
    for table in work.job.tables.iter().filter(|table| table.action != TableAction::Merge) {
        let name = &table.table.name.table;
        if *name != table.into.table {
            work.told.extend(came_without(&work.job, table));
            continue;
        }
        for object in work.job.catalog.objects.iter().filter(|object| object.table.eq_ignore_ascii_case(name)) {
            if object.kind == "index" {
                work.losses.extend(index(&work.connection, path, object)?);
            } else if sql::creates(&object.sql, "TRIGGER") {
                let what = format!("cannot make trigger {} in", job::shown_table(&object.name));
                work.connection.execute(&object.sql, []).map_err(target_error(&what, path))?;
            }
        }
    }
    Ok(())
}

/// Fills SQLite's own tables: the sequences last, since every row added to another table moved them; statistics as they were.
pub(crate) fn own_tables(
    connection: &Connection,
    path: &Path,
    job: &RestoreJob,
    held: &[(usize, RowBatch)],
) -> std::result::Result<(), ConnectorError> {
    let own: Vec<&TableJob> = job.tables.iter().filter(|table| job::is_own(&table.into.table)).collect();
    for table in &own {
        let what = format!("cannot make {} in", job::shown_table(&table.into.table));
        make_own(connection, &table.into.table).map_err(target_error(&what, path))?;
    }
    let wanted = |name: &str| own.iter().any(|table| table.into.table.eq_ignore_ascii_case(name));
    for name in ["sqlite_stat1", "sqlite_stat4"].into_iter().filter(|name| !wanted(name)) {
        connection
            .execute_batch(&format!("DROP TABLE IF EXISTS main.{name}"))
            .map_err(target_error("cannot complete", path))?;
    }
    for (number, rows) in held {
        let table = &job.tables[*number];
        insert::write(connection, path, &table.into, &insert::adding(table), rows)?;
    }
    Ok(())
}

/// The greatest rowid that SQLite has given in a table whose rowids are never given again.
pub(crate) fn sequence_of(connection: &Connection, table: &str) -> Option<i64> {
    let sql = "SELECT max(seq) FROM main.sqlite_sequence WHERE name = ?1 COLLATE NOCASE";
    // Without such tables there is none of sequences.
    connection.query_row(sql, [table], |row| row.get(0)).ok().flatten()
}

/// Sets the sequences of single tables to the greater of what was captured and what stood there: no rowid is given again.
pub(crate) fn sequences(connection: &Connection, job: &RestoreJob, before: &[(usize, i64)]) -> Result<()> {
    for (number, table) in job.tables.iter().enumerate().filter(|_| !job.whole) {
        let note = table.table.notes.iter().find(|note| note.name == SEQUENCE);
        let captured = note.and_then(|note| std::str::from_utf8(&note.value).ok()?.parse::<i64>().ok());
        let stood = before.iter().find(|(known, _)| *known == number).map(|(_, value)| *value);
        let (Some(least), Some(name)) = (captured.max(stood), sequence_name(connection, &table.into.table)?) else {
            continue;
        };
        let sql = "UPDATE main.sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1";
        if connection.execute(sql, params![name, least])? == 0 {
            connection.execute("INSERT INTO main.sqlite_sequence(name, seq) VALUES (?1, ?2)", params![name, least])?;
        }
    }
    Ok(())
}

/// The name under which a table has a sequence, as it is written; `None` for a table that has none.
fn sequence_name(connection: &Connection, table: &str) -> Result<Option<String>> {
    let sql = "SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    let (name, statement): (String, String) =
        connection.query_row(sql, [table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(sql::has_word(&statement, "AUTOINCREMENT").then_some(name))
}

/// Has SQLite make one of its own tables, and empties it.
fn make_own(connection: &Connection, name: &str) -> Result<()> {
    if name.eq_ignore_ascii_case("sqlite_sequence") {
        connection.execute_batch(
            "CREATE TABLE main.datakeep_sequence(a INTEGER PRIMARY KEY AUTOINCREMENT);
             DROP TABLE main.datakeep_sequence;",
        )?;
    } else {
        connection.execute_batch("ANALYZE main.sqlite_schema")?;
    }
    connection.execute_batch(&format!("DELETE FROM {}", qualified(name)))
}

/// Writes the statements of tables and indexes into the schema byte by byte as they were captured, where SQLite wrote them
/// otherwise.
pub(crate) fn exact_statements(connection: &Connection, job: &RestoreJob) -> Result<()> {
    let tables = job.tables.iter().filter(|table| table.into == table.table.name);
    let tables = tables.map(|table| ("table", &table.table.name.table, &table.table.sql));
    let indexes = job.catalog.objects.iter().filter(|object| object.kind == "index");
    let indexes = indexes.map(|object| ("index", &object.name, &object.sql));
    connection.execute_batch("PRAGMA writable_schema=ON")?;
    let mut statement = connection.prepare(
        "UPDATE main.sqlite_schema SET sql = ?3
         WHERE type = ?1 AND name = ?2 AND rootpage > 0 AND sql IS NOT NULL AND sql IS NOT ?3",
    )?;
    for (kind, name, sql) in tables.chain(indexes) {
        statement.execute(params![kind, name, sql])?;
    }
    connection.execute_batch("PRAGMA writable_schema=OFF")
}
