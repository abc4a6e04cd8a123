//! `datakeep diff` of two snapshots of tables.

use super::backup::safe;
use super::cells::{ChangedJson, NamedJson, changed, named, show_changed, show_named};
use super::{holds_tables, reader};
use crate::args::DiffArgs;
use crate::errors::Failure;
use crate::open::App;
use crate::out::{Style, table};
use crate::words::tr;
use crate::{json, signals, sizes};
use datakeep_distribute::DistributeError;
use datakeep_distribute::near::nearest;
use datakeep_distribute::tables::script::{Heading, Script};
use datakeep_distribute::tables::{
    Cell, ObjectPair, Row, RowChange, RowCounts, SchemaChange, TableDiff, TablePair, TablesPair, compare_schemas,
};
use datakeep_engine::TablesReader;
use datakeep_model::{ExitCode, ItemPath};
use datakeep_process_table::TableDescription;
use datakeep_store::{Manifest, Repository};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct RowJson<'a> {
    schema: &'a str,
    table: &'a str,
    change: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    key: Vec<NamedJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    row: Vec<NamedJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cells: Vec<ChangedJson<'a>>,
}

#[derive(Serialize)]
struct SchemaJson<'a> {
    schema: &'a str,
    table: &'a str,
    change: &'static str,
    name: Option<&'a str>,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Serialize)]
struct TableJson {
    schema: String,
    table: String,
    rows_before: u64,
    rows_after: u64,
    rows_inserted: u64,
    rows_updated: u64,
    rows_deleted: u64,
    by_key: bool,
}

#[derive(Serialize)]
struct Summary {
    old: String,
    new: String,
    tables: Vec<TableJson>,
    schema_changes: u64,
    rows_inserted: u64,
    rows_updated: u64,
    rows_deleted: u64,
}

/// Runs it.
pub fn run(
    app: &App,
    args: &DiffArgs,
    repository: Arc<Repository>,
    (old, new): (&Manifest, &Manifest),
    beneath: &ItemPath,
) -> Result<ExitCode, Failure> {
    if let Some(files) = [old, new].into_iter().find(|manifest| !holds_tables(manifest)) {
        let id = files.snapshot.id.short();
        return Err(Failure::usage(tr!(
            "snapshot {id} holds files, the other one tables: they cannot be compared",
            "备份集 {id} 保存的是文件，另一个保存的是表：无法比较"
        ))
        .hint(tr!(
            "name two snapshots of databases: datakeep snapshots",
            "请给出两个数据库备份集：datakeep snapshots"
        )));
    }
    signals::listen(&app.cancel)?;
    let (before, after) = (reader(repository.clone(), old)?, reader(repository, new)?);
    let pair = compare_schemas(&before, &after)?;
    let only = (!beneath.is_root()).then(|| String::from_utf8_lossy(beneath.as_bytes()).into_owned());
    let only = only.map(|wanted| find(&pair, &wanted)).transpose()?;
    if args.sql || args.undo {
        return script(app, (&before, &after, &pair), only, args.undo);
    }
    let shown = pair.tables.iter().filter(|table| only.is_none_or(|only| std::ptr::eq(only, *table)));
    let listing = Listing { app, old: &before, new: &after, is_summary: args.stat };
    let (mut tables, mut schema_changes) = (Vec::new(), 0);
    for table in shown {
        schema_changes += listing.schema(table)?;
        tables.push(listing.rows(table)?);
    }
    for object in pair.objects.iter().filter(|object| only.is_none_or(|only| belongs(object, only))) {
        schema_changes += 1;
        listing.object(object)?;
    }
    let sum = |one: fn(&TableJson) -> u64| tables.iter().map(one).sum();
    let summary = Summary {
        old: old.snapshot.id.to_hex(),
        new: new.snapshot.id.to_hex(),
        schema_changes,
        rows_inserted: sum(|table| table.rows_inserted),
        rows_updated: sum(|table| table.rows_updated),
        rows_deleted: sum(|table| table.rows_deleted),
        tables,
    };
    tell(app, &summary, args.stat)?;
    Ok(ExitCode::OK)
}

fn belongs(object: &ObjectPair, table: &TablePair) -> bool {
    let is_it = |of: &str| of.eq_ignore_ascii_case(&table.name.table) || of == table.name.to_string();
    [&object.old, &object.new].into_iter().flatten().any(|object| is_it(&object.table))
}

fn find<'p>(pair: &'p TablesPair, wanted: &str) -> Result<&'p TablePair, Failure> {
    let is_whole = |table: &&TablePair| {
        let name = &table.name;
        name.to_string() == wanted || format!("{}/{}", name.schema, name.table) == wanted
    };
    if let Some(found) = pair.tables.iter().find(is_whole) {
        return Ok(found);
    }
    let mut alone = pair.tables.iter().filter(|table| table.name.table == wanted);
    match (alone.next(), alone.next()) {
        (Some(found), None) => Ok(found),
        (Some(first), Some(second)) => {
            let candidates = [first, second].map(|table| table.name.to_string()).to_vec();
            Err(DistributeError::Ambiguous { what: wanted.to_owned(), candidates }.into())
        }
        (None, _) => {
            let near = nearest(wanted, pair.tables.iter().map(|table| table.name.table.as_str())).map(str::to_owned);
            Err(DistributeError::NotFound { what: format!("table {wanted}"), near }.into())
        }
    }
}

fn script(
    app: &App,
    (old, new, pair): (&TablesReader, &TablesReader, &TablesPair),
    only: Option<&TablePair>,
    is_undo: bool,
) -> Result<ExitCode, Failure> {
    let name = |reader: &TablesReader| {
        let snapshot = &reader.manifest().snapshot;
        format!("{}@{}", snapshot.source.name, snapshot.id.short())
    };
    let back = if is_undo { Some(compare_schemas(new, old)?) } else { None };
    let (from, to, pair) = match &back {
        Some(back) => (new, old, back),
        None => (old, new, pair),
    };
    let script = Script::new(from, to, pair, only.map(|table| &table.name))?.until(&app.cancel);
    script.write::<Failure>(Heading { from: &name(from), to: &name(to) }, &mut |text| {
        app.out.raw(text.as_bytes())?;
        app.out.raw(b"\n")
    })?;
    Ok(ExitCode::OK)
}

struct Listing<'a> {
    app: &'a App,
    old: &'a TablesReader,
    new: &'a TablesReader,
    is_summary: bool,
}

/// What of a schema changed: word, name, before, after.
pub(super) type Words<'a> = (&'static str, Option<&'a str>, Option<String>, Option<String>);

pub(super) fn words(change: &SchemaChange) -> Words<'_> {
    use SchemaChange as S;
    match change {
        S::TableAdded => ("table-added", None, None, None),
        S::TableRemoved => ("table-removed", None, None, None),
        S::ColumnAdded(name) => ("column-added", Some(name), None, None),
        S::ColumnRemoved(name) => ("column-removed", Some(name), None, None),
        S::ColumnRenamed { old, new } => ("column-renamed", Some(new), Some(old.clone()), Some(new.clone())),
        S::ColumnDeclared { column, old, new } => ("column-type", Some(column), Some(old.clone()), Some(new.clone())),
        S::KeyChanged { old, new } => ("key", None, Some(old.join(", ")), Some(new.join(", "))),
        S::StatementChanged => ("statement", None, None, None),
    }
}

/// The same for people.
pub(super) fn sentence(change: &SchemaChange) -> String {
    use SchemaChange as S;
    match change {
        S::TableAdded => tr!("table added", "新增表"),
        S::TableRemoved => tr!("table removed", "删除表"),
        S::ColumnAdded(name) => {
            let name = safe(name);
            tr!("column {name} added", "新增列 {name}")
        }
        S::ColumnRemoved(name) => {
            let name = safe(name);
            tr!("column {name} removed", "删除列 {name}")
        }
        S::ColumnRenamed { old, new } => {
            let (old, new) = (safe(old), safe(new));
            tr!("column {old} is now called {new}", "列 {old} 改名为 {new}")
        }
        S::ColumnDeclared { column, old, new } => {
            let (column, old, new) = (safe(column), safe(old), safe(new));
            tr!("column {column} declared as {old} -> {new}", "列 {column} 的声明：{old} -> {new}")
        }
        S::KeyChanged { old, new } => {
            let (old, new) = (safe(&old.join(", ")), safe(&new.join(", ")));
            tr!("key ({old}) -> ({new})", "键 ({old}) -> ({new})")
        }
        S::StatementChanged => tr!("its statement is another one", "建表语句有变化"),
    }
}

impl Listing<'_> {
    fn schema(&self, table: &TablePair) -> Result<u64, Failure> {
        for change in &table.schema {
            let (schema, name) = (&table.name.schema, &table.name.table);
            if self.app.out.json {
                let (word, column, before, after) = words(change);
                let change = SchemaJson { schema, table: name, change: word, name: column, before, after };
                self.app.out.document(&json::document("schema-change", change))?;
            } else {
                let line = format!("S  {}: {}", safe(&table.name.to_string()), sentence(change));
                self.app.out.line(self.app.out.styled(Style::Yellow, &line))?;
            }
        }
        Ok(table.schema.len() as u64)
    }

    fn object(&self, pair: &ObjectPair) -> Result<(), Failure> {
        let Some(object) = pair.new.as_ref().or(pair.old.as_ref()) else { return Ok(()) };
        let (word, sign) = match (&pair.old, &pair.new) {
            (None, _) => ("object-added", "+"),
            (_, None) => ("object-removed", "-"),
            _ => ("object-changed", "S"),
        };
        if self.app.out.json {
            let sql =
                |object: &Option<datakeep_connector::SchemaObject>| object.as_ref().map(|object| object.sql.clone());
            return self.app.out.document(&json::document(
                "schema-change",
                SchemaJson {
                    schema: "",
                    table: &object.table,
                    change: word,
                    name: Some(&object.name),
                    before: sql(&pair.old),
                    after: sql(&pair.new),
                },
            ));
        }
        let line = format!("{sign}  {} {}", safe(&object.kind), safe(&object.name));
        self.app.out.line(self.app.out.styled(Style::Yellow, &line))
    }

    fn rows(&self, table: &TablePair) -> Result<TableJson, Failure> {
        let diff = TableDiff::new(self.old, self.new, table).until(Some(&self.app.cancel));
        let RowCounts { inserted, updated, deleted } =
            diff.rows::<Failure>(&mut |change| if self.is_summary { Ok(()) } else { self.row(table, &change) })?;
        let (rows_before, rows_after) = table.rows();
        Ok(TableJson {
            schema: table.name.schema.clone(),
            table: table.name.table.clone(),
            rows_before,
            rows_after,
            rows_inserted: inserted,
            rows_updated: updated,
            rows_deleted: deleted,
            by_key: diff.is_by_key(),
        })
    }

    fn row(&self, table: &TablePair, change: &RowChange) -> Result<(), Failure> {
        if self.app.out.json { self.row_json(table, change) } else { self.row_line(table, change) }
    }

    fn row_json(&self, table: &TablePair, change: &RowChange) -> Result<(), Failure> {
        let (schema, name) = (&table.name.schema, &table.name.table);
        let whole = |word, described: &Option<TableDescription>, row: &Row| {
            let row = described.as_ref().map(|described| named(pairs(described, row))).unwrap_or_default();
            let body = RowJson { schema, table: name, change: word, key: Vec::new(), row, cells: Vec::new() };
            self.app.out.document(&json::document("row-change", body))
        };
        match change {
            RowChange::Inserted(row) => whole("inserted", &table.new, row),
            RowChange::Deleted(row) => whole("deleted", &table.old, row),
            RowChange::Updated { key, cells } => {
                let key = table.new.as_ref().map(|described| named(key_pairs(described, key))).unwrap_or_default();
                let cells = cells.iter().map(|cell| changed(table.column_name(cell.column), &cell.before, &cell.after));
                let (change, row, cells) = ("updated", Vec::new(), cells.collect());
                let body = RowJson { schema, table: name, change, key, row, cells };
                self.app.out.document(&json::document("row-change", body))
            }
        }
    }

    fn row_line(&self, table: &TablePair, change: &RowChange) -> Result<(), Failure> {
        let name = safe(&table.name.to_string());
        let whole = |sign: &str, style, described: &Option<TableDescription>, row: &Row| {
            let row = described.as_ref().map(|described| show_named(pairs(described, row))).unwrap_or_default();
            self.app.out.line(self.app.out.styled(style, &format!("{sign}  {name}  {row}")))
        };
        match change {
            RowChange::Inserted(row) => whole("+", Style::Green, &table.new, row),
            RowChange::Deleted(row) => whole("-", Style::Red, &table.old, row),
            RowChange::Updated { key, cells } => {
                let key = table.new.as_ref().map(|described| show_named(key_pairs(described, key))).unwrap_or_default();
                let cells: Vec<String> = cells
                    .iter()
                    .map(|cell| show_changed(table.column_name(cell.column), &cell.before, &cell.after))
                    .collect();
                let line = format!("M  {name}  {key}  {}", cells.join(", "));
                self.app.out.line(self.app.out.styled(Style::Yellow, &line))
            }
        }
    }
}

/// The cells of a row with the names of their columns.
pub(super) fn pairs<'a>(table: &'a TableDescription, row: &'a [Cell]) -> impl Iterator<Item = (&'a str, &'a Cell)> {
    table.info.columns.iter().map(|column| column.name.as_str()).zip(row)
}

fn key_pairs<'a>(table: &'a TableDescription, key: &'a [Cell]) -> impl Iterator<Item = (&'a str, &'a Cell)> {
    let columns = table.info.key.iter().filter_map(|&at| table.info.columns.get(at));
    columns.map(|column| column.name.as_str()).zip(key)
}

fn tell(app: &App, summary: &Summary, is_summary: bool) -> Result<(), Failure> {
    if app.out.json {
        return app.out.document(&json::document("tables-diff", summary));
    }
    if is_summary {
        let row = |table: &TableJson| {
            let count = |sign: &str, count: u64| format!("{sign}{}", sizes::count(count));
            let rows = format!("{} -> {}", sizes::count(table.rows_before), sizes::count(table.rows_after));
            let (inserted, updated) = (count("+", table.rows_inserted), count("M", table.rows_updated));
            let name = safe(&format!("{}.{}", table.schema, table.table));
            vec![name, rows, inserted, updated, count("-", table.rows_deleted)]
        };
        let rows: Vec<Vec<String>> = summary.tables.iter().map(row).collect();
        table(&rows, &[1, 2, 3, 4]).iter().try_for_each(|line| app.out.line(line))?;
    }
    let [inserted, updated, deleted, schema] =
        [summary.rows_inserted, summary.rows_updated, summary.rows_deleted, summary.schema_changes].map(sizes::count);
    app.out.say(tr!(
        "rows: {inserted} inserted (+), {updated} updated (M), {deleted} deleted (-); {schema} changes of the schema (S)",
        "行：新增 {inserted}（+），更新 {updated}（M），删除 {deleted}（-）；表结构变化 {schema}（S）"
    ))
}
