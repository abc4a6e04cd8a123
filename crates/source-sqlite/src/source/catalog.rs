//! What a database is made of, as `sqlite_schema` and pragmas tell it.

use super::column::{self, RawColumn, SAMPLE_ROWS};
use crate::open;
use crate::sql::quoted;
use arrow_schema::DataType;
use datakeep_connector::{Catalog, ColumnInfo, Note, SchemaObject, TableInfo, TableName};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Result};

/// The kind of a virtual table among the objects of a schema; the others are SQLite's own words.
pub(crate) const VIRTUAL_TABLE: &str = "virtual-table";
/// The only schema that is captured.
pub(crate) const MAIN: &str = "main";

/// Names under which a rowid can be reached, unless columns have them.
const ROWID_NAMES: [&str; 3] = ["rowid", "_rowid_", "oid"];
/// A span of rowids beyond which it tells nothing about how many there are.
const WIDEST_SPAN: i64 = 1 << 34;

/// A row of `sqlite_schema`.
struct Entry {
    kind: String,
    name: String,
    table: String,
    /// True when it has pages of its own.
    is_stored: bool,
    sql: Option<String>,
}

/// What could not be read, in words, and why.
pub(crate) struct Unreadable(pub String, pub rusqlite::Error);

impl From<rusqlite::Error> for Unreadable {
    fn from(error: rusqlite::Error) -> Self {
        Self("cannot read the schema of".to_owned(), error)
    }
}

/// What the database is made of. `is_wal`: whether it is in WAL mode, which a copy of it does not tell.
pub(crate) fn read(connection: &Connection, is_wal: bool) -> std::result::Result<Catalog, Unreadable> {
    let mut catalog = Catalog { settings: settings(connection, is_wal)?, ..Catalog::default() };
    for entry in entries(connection, &mut catalog.not_carried)? {
        match (entry.kind.as_str(), entry.is_stored) {
            ("table", true) if is_old_statistics(&entry.name) => catalog.not_carried.push(format!(
                "{}: statistics of an old version, which ANALYZE makes anew",
                datakeep_model::escape_for_terminal(entry.name.as_bytes())
            )),
            ("table", true) => {
                let sql = entry.sql.unwrap_or_default();
                let table = read_table(connection, &entry.name, sql).map_err(|error| {
                    let shown = datakeep_model::escape_for_terminal(entry.name.as_bytes());
                    Unreadable(format!("cannot read the columns of table {shown} of"), error)
                })?;
                if table.key.is_empty() {
                    let shown = datakeep_model::escape_for_terminal(entry.name.as_bytes());
                    catalog
                        .not_carried
                        .push(format!("{shown}: its rowids, which columns of the names rowid, _rowid_ and oid hide"));
                }
                catalog.tables.push(table);
            }
            _ => catalog.objects.extend(object(entry)),
        }
    }
    catalog.tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(catalog)
}

fn is_old_statistics(name: &str) -> bool {
    name.eq_ignore_ascii_case("sqlite_stat2") || name.eq_ignore_ascii_case("sqlite_stat3")
}

/// An index that a constraint made has no statement: its table makes it.
fn object(entry: Entry) -> Option<SchemaObject> {
    let sql = entry.sql?;
    let is_virtual = entry.kind == "table";
    let kind = if is_virtual { VIRTUAL_TABLE.to_owned() } else { entry.kind };
    let owns_itself = is_virtual || kind == "view";
    let table = if owns_itself { String::new() } else { entry.table };
    Some(SchemaObject { kind, name: entry.name, table, sql })
}

/// The schema. What bytes make a statement is up to whoever wrote it: what is no UTF-8 cannot be carried as it is, and is told.
fn entries(connection: &Connection, not_carried: &mut Vec<String>) -> Result<Vec<Entry>> {
    let mut statement = connection.prepare(
        "SELECT type, name, tbl_name, coalesce(rootpage, 0) <> 0, sql FROM main.sqlite_schema ORDER BY rowid",
    )?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, is_stored): (String, bool) = (row.get(0)?, row.get(3)?);
        let texts = [1, 2, 4].map(|place| row.get_ref(place).map(utf8));
        let [name, table, sql] = texts;
        let (name, table, sql) = (name?, table?, sql?);
        let is_carried = [&name, &table, &sql].iter().all(|text| text.is_whole);
        let shown = datakeep_model::escape_for_terminal(name.text.as_bytes());
        let is_table = kind == "table" && is_stored;
        if !is_carried && is_table {
            not_carried.push(format!("{shown}: bytes of its statement that are no UTF-8, which come back as U+FFFD"));
        } else if !is_carried {
            not_carried.push(format!("{shown}: the {kind}, whose statement is no UTF-8"));
            continue;
        }
        let sql = (!sql.is_null).then_some(sql.text);
        entries.push(Entry { kind, name: name.text, table: table.text, is_stored, sql });
    }
    Ok(entries)
}

/// A text of the schema, whatever its bytes.
struct Text {
    text: String,
    is_whole: bool,
    is_null: bool,
}

fn utf8(value: ValueRef<'_>) -> Text {
    let ValueRef::Text(bytes) = value else { return Text { text: String::new(), is_whole: true, is_null: true } };
    let text = String::from_utf8_lossy(bytes);
    Text { is_whole: matches!(text, std::borrow::Cow::Borrowed(_)), text: text.into_owned(), is_null: false }
}

fn settings(connection: &Connection, is_wal: bool) -> Result<Vec<Note>> {
    let note = |name: &str, value: String| Note { name: name.to_owned(), value: value.into_bytes() };
    let number = |name: &str, pragma: &str| open::number(connection, pragma).map(|value| note(name, value.to_string()));
    Ok(vec![
        number("application-id", "application_id")?,
        number("auto-vacuum", "auto_vacuum")?,
        note("encoding", open::text(connection, "encoding")?),
        note("journal-mode", if is_wal { "wal" } else { "delete" }.to_owned()),
        number("page-size", "page_size")?,
        note("sqlite-version", rusqlite::version().to_owned()),
        number("user-version", "user_version")?,
    ])
}

/// True for a table whose rows are kept by primary key.
pub(crate) fn is_without_rowid(connection: &Connection, table: &str) -> Result<bool> {
    Ok(flags(connection, table)?.0)
}

/// Whether a table is WITHOUT ROWID, and STRICT.
fn flags(connection: &Connection, table: &str) -> Result<(bool, bool)> {
    let sql = "SELECT wr, strict FROM pragma_table_list(?1) WHERE schema = 'main'";
    let found = connection.query_row(sql, [table], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.unwrap_or_default())
}

fn raw_columns(connection: &Connection, table: &str) -> Result<Vec<RawColumn>> {
    let sql = r#"SELECT name, type, "notnull", pk, hidden IN (2, 3) FROM pragma_table_xinfo(?1, 'main') ORDER BY cid"#;
    let mut statement = connection.prepare(sql)?;
    let column = |row: &rusqlite::Row<'_>| {
        Ok(RawColumn {
            name: row.get(0)?,
            declared: row.get(1)?,
            not_null: row.get(2)?,
            key_place: row.get(3)?,
            is_generated: row.get(4)?,
        })
    };
    statement.query_map([table], column)?.collect()
}

/// The column that is another name for the rowid: the only one of the primary key, declared INTEGER, and without an index for
/// the key (`INTEGER PRIMARY KEY DESC` has one, and is none).
fn rowid_alias(connection: &Connection, table: &str, columns: &[RawColumn]) -> Result<Option<String>> {
    let mut key = columns.iter().filter(|column| column.key_place > 0);
    let (Some(only), None) = (key.next(), key.next()) else { return Ok(None) };
    if !only.declared.eq_ignore_ascii_case("INTEGER") {
        return Ok(None);
    }
    let sql = "SELECT count(*) FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'";
    let indexes: i64 = connection.query_row(sql, [table], |row| row.get(0))?;
    Ok((indexes == 0).then(|| only.name.clone()))
}

/// A table of the database. Generated columns are left out: their values are computed anew from the others.
pub(crate) fn read_table(connection: &Connection, name: &str, sql: String) -> Result<TableInfo> {
    let all = raw_columns(connection, name)?;
    let (is_without_rowid, is_strict) = flags(connection, name)?;
    let alias = if is_without_rowid { None } else { rowid_alias(connection, name, &all)? };
    let kept: Vec<&RawColumn> = all.iter().filter(|column| !column.is_generated).collect();
    let sample = column::sample(connection, name, is_without_rowid, &kept)?;
    let forbids_null = |column: &RawColumn| {
        column.not_null || alias.as_ref() == Some(&column.name) || (is_without_rowid && column.key_place > 0)
    };
    let described = kept.iter().enumerate();
    let mut columns: Vec<ColumnInfo> =
        described.map(|(place, column)| sample.describe(place, column, is_strict, !forbids_null(column))).collect();
    let key = if is_without_rowid {
        primary_key(&kept)
    } else if let Some(alias) = &alias {
        columns.iter().position(|column| column.name == *alias).into_iter().collect()
    } else if let Some(rowid) = hidden_rowid(&all) {
        columns.insert(0, rowid);
        vec![0]
    } else {
        Vec::new()
    };
    let rowid = if is_without_rowid { None } else { key.first().map(|place| columns[*place].name.clone()) };
    let flag = |name: &str, is_set: bool| is_set.then(|| Note { name: name.to_owned(), value: Vec::new() });
    Ok(TableInfo {
        name: TableName { schema: MAIN.to_owned(), table: name.to_owned() },
        rows_estimate: estimate(connection, name, rowid.as_deref(), sample.rows)?,
        columns,
        key,
        sql,
        notes: [flag("strict", is_strict), flag("without-rowid", is_without_rowid)].into_iter().flatten().collect(),
    })
}

fn primary_key(columns: &[&RawColumn]) -> Vec<usize> {
    let mut key: Vec<usize> = (0..columns.len()).filter(|place| columns[*place].key_place > 0).collect();
    key.sort_by_key(|place| columns[*place].key_place);
    key
}

fn hidden_rowid(columns: &[RawColumn]) -> Option<ColumnInfo> {
    let is_taken = |name: &&&str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    let name = ROWID_NAMES.iter().find(|name| !is_taken(name))?;
    Some(ColumnInfo {
        name: (*name).to_owned(),
        declared: "INTEGER".to_owned(),
        data_type: DataType::Int64,
        nullable: false,
        hidden: true,
    })
}

/// Rows of a table: exactly when it is small, else by the span of its rowids.
fn estimate(connection: &Connection, table: &str, rowid: Option<&str>, sampled: usize) -> Result<Option<u64>> {
    if sampled < SAMPLE_ROWS {
        return Ok(Some(sampled as u64));
    }
    let Some(rowid) = rowid else { return Ok(None) };
    // Two statements: each finds its end of the table at once.
    let end = |order: &str| {
        let (rowid, table) = (quoted(rowid), quoted(table));
        let sql = format!("SELECT t.{rowid} FROM main.{table} AS t NOT INDEXED ORDER BY 1 {order} LIMIT 1");
        connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).optional()
    };
    let (Some(first), Some(last)) = (end("ASC")?, end("DESC")?) else { return Ok(None) };
    let span = last.checked_sub(first).filter(|span| *span < WIDEST_SPAN);
    Ok(span.map(|span| span.unsigned_abs() + 1))
}
