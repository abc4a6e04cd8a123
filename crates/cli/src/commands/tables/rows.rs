//! `datakeep rows`: rows of a table of a snapshot, one row, its history.

use super::backup::safe;
use super::cells::{ChangedJson, NamedJson, named, show, show_changed, show_named, steps};
use super::diff::pairs;
use super::reader;
use crate::args_rows::RowsArgs;
use crate::errors::Failure;
use crate::open::App;
use crate::out::{Style, table};
use crate::words::tr;
use crate::{json, place, signals, sizes, time};
use datakeep_distribute::DistributeError;
use datakeep_distribute::tables::row::{CellStep, RowHistory, RowStep, find_written, parse_key};
use datakeep_distribute::tables::{Cell, each_batch, find_table, row_of};
use datakeep_engine::TablesReader;
use datakeep_model::{ErrorKind, ExitCode};
use datakeep_process_table::TableDescription;
use datakeep_store::{Manifest, Repository};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct RowJson<'a> {
    schema: &'a str,
    table: &'a str,
    row: Vec<NamedJson<'a>>,
}

#[derive(Serialize)]
struct RowsJson {
    snapshot: String,
    schema: String,
    table: String,
    rows: u64,
    table_rows: u64,
}

#[derive(Serialize)]
struct VersionJson<'a> {
    snapshot: String,
    started: String,
    change: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    row: Vec<NamedJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cells: Vec<ChangedJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a [String]>,
}

#[derive(Serialize)]
struct HistoryJson {
    source: String,
    schema: String,
    table: String,
    snapshots: u64,
    versions: u64,
}

/// Runs it.
pub fn run(app: &App, args: &RowsArgs) -> Result<ExitCode, Failure> {
    let repository = Arc::new(app.open_cached()?);
    let (manifests, _) = app.snapshots(&repository)?;
    let Some((manifest, within)) = super::find(app, &manifests, &args.place)? else {
        let (name, _) = place::split(&args.place)?;
        let id = app.choose(&manifests, &name)?.snapshot.id.short();
        return Err(Failure::usage(tr!("snapshot {id} holds files, no tables", "备份集 {id} 保存的是文件，不是表")));
    };
    let Some(wanted) = within else {
        let id = manifest.snapshot.id.short();
        return Err(Failure::usage(tr!("name the table: {id}:TABLE", "请指定表：{id}:表名"))
            .hint(tr!("see the tables: datakeep ls {id}", "查看有哪些表：datakeep ls {id}")));
    };
    signals::listen(&app.cancel)?;
    let reader = reader(repository.clone(), manifest)?;
    let tables = reader.tables()?;
    if args.history {
        return history(app, args, &repository, (&manifests, manifest), (&tables, &wanted));
    }
    let described = find_table(&tables, &wanted)?;
    match args.key.is_empty() {
        true => first_rows(app, &reader, described, args.limit),
        false => one_row(app, &reader, described, &args.key),
    }
}

fn done(app: &App, reader: &TablesReader, described: &TableDescription, rows: u64) -> Result<(), Failure> {
    if !app.out.json {
        let (rows, all) = (sizes::count(rows), sizes::count(described.rows));
        return app.out.say(tr!("{rows} of {all} rows", "{all} 行中的 {rows} 行"));
    }
    app.out.document(&json::document(
        "rows",
        RowsJson {
            snapshot: reader.manifest().snapshot.id.to_hex(),
            schema: described.info.name.schema.clone(),
            table: described.info.name.table.clone(),
            rows,
            table_rows: described.rows,
        },
    ))
}

fn check_cancelled(app: &App) -> Result<(), Failure> {
    if app.cancel.is_cancelled() { Err(DistributeError::Cancelled.into()) } else { Ok(()) }
}

fn row_document(app: &App, described: &TableDescription, row: &[Cell]) -> Result<(), Failure> {
    let name = &described.info.name;
    let body = RowJson { schema: &name.schema, table: &name.table, row: named(pairs(described, row)) };
    app.out.document(&json::document("row", body))
}

fn first_rows(app: &App, reader: &TablesReader, described: &TableDescription, limit: u64) -> Result<ExitCode, Failure> {
    let mut lines = vec![described.info.columns.iter().map(|column| safe(&column.name)).collect::<Vec<_>>()];
    let mut rows = 0;
    if limit > 0 {
        each_batch::<Failure>(reader, described, &mut |batch| {
            check_cancelled(app)?;
            for row in 0..batch.rows() {
                let cells = row_of(batch, row);
                match app.out.json {
                    true => row_document(app, described, &cells)?,
                    false => lines.push(cells.iter().map(show).collect()),
                }
                rows += 1;
                if rows >= limit {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
    }
    if !app.out.json {
        table(&lines, &[]).iter().try_for_each(|line| app.out.line(line))?;
    }
    done(app, reader, described, rows)?;
    Ok(ExitCode::OK)
}

fn one_row(
    app: &App,
    reader: &TablesReader,
    described: &TableDescription,
    parts: &[String],
) -> Result<ExitCode, Failure> {
    let Some(found) = find_written(reader, described, parts)? else {
        return Err(missing(described, parts, reader.manifest()));
    };
    let cells = row_of(&found, 0);
    if app.out.json {
        row_document(app, described, &cells)?;
        done(app, reader, described, 1)?;
        return Ok(ExitCode::OK);
    }
    let lines: Vec<Vec<String>> =
        pairs(described, &cells).map(|(column, cell)| vec![safe(column), show(cell)]).collect();
    table(&lines, &[]).iter().try_for_each(|line| app.out.line(line))?;
    Ok(ExitCode::OK)
}

/// The error of a key that no row has.
pub(super) fn missing(described: &TableDescription, parts: &[String], manifest: &Manifest) -> Failure {
    let (key, table) = (safe(&parts.join(", ")), safe(&described.info.name.to_string()));
    let id = manifest.snapshot.id.short();
    let message = tr!(
        "table {table} of snapshot {id} has no row with key {key}",
        "备份集 {id} 的表 {table} 中没有键为 {key} 的行"
    );
    Failure::new(ErrorKind::NotFound, message).hint(tr!(
        "see whether it ever had one: datakeep rows {id}:{table} --key {key} --history",
        "查看是否曾有该行：datakeep rows {id}:{table} --key {key} --history"
    ))
}

fn history(
    app: &App,
    args: &RowsArgs,
    repository: &Arc<Repository>,
    (manifests, chosen): (&[Manifest], &Manifest),
    (tables, wanted): (&[TableDescription], &str),
) -> Result<ExitCode, Failure> {
    let source = &chosen.snapshot.source;
    let is_one = |manifest: &&Manifest| {
        let other = &manifest.snapshot.source;
        super::holds_tables(manifest) && other.name == source.name && other.kind == source.kind
    };
    let described = find_table(tables, wanted)?;
    parse_key(described, &args.key)?;
    let name = &described.info.name;
    let (mut history, mut snapshots, mut versions) = (RowHistory::default(), 0, 0);
    for manifest in manifests.iter().filter(is_one) {
        check_cancelled(app)?;
        let reader = reader(repository.clone(), manifest)?;
        let table = reader.table(name)?;
        snapshots += 1;
        if let Some(step) = history.step(&reader, table.as_ref(), &args.key)? {
            versions += u64::from(!matches!(step, RowStep::OtherKey(_)));
            tell_step(app, manifest, &step)?;
        }
    }
    if app.out.json {
        let (schema, table) = (name.schema.clone(), name.table.clone());
        let body = HistoryJson { source: source.name.clone(), schema, table, snapshots, versions };
        app.out.document(&json::document("row-history", body))?;
    } else {
        let (versions, snapshots) = (sizes::count(versions), sizes::count(snapshots));
        app.out
            .say(tr!("{versions} versions in {snapshots} snapshots", "{snapshots} 个备份集中有 {versions} 个版本"))?;
    }
    Ok(ExitCode::OK)
}

fn tell_step(app: &App, manifest: &Manifest, step: &RowStep) -> Result<(), Failure> {
    let of = |cells: &'_ [(String, Cell)]| show_named(cells.iter().map(|(name, cell)| (name.as_str(), cell)));
    let (word, sign, style) = match step {
        RowStep::Inserted(_) => ("inserted", "+", Style::Green),
        RowStep::Deleted(_) => ("deleted", "-", Style::Red),
        RowStep::Updated(_) => ("updated", "M", Style::Yellow),
        RowStep::OtherKey(_) => ("other-key", "?", Style::Yellow),
    };
    let snapshot = &manifest.snapshot;
    if app.out.json {
        let (snapshot, started) = (snapshot.id.to_hex(), time::utc(snapshot.started));
        let mut body = VersionJson { snapshot, started, change: word, row: Vec::new(), cells: Vec::new(), key: None };
        match step {
            RowStep::Inserted(row) | RowStep::Deleted(row) => {
                body.row = named(row.iter().map(|(name, cell)| (name.as_str(), cell)));
            }
            RowStep::Updated(cells) => body.cells = steps(cells),
            RowStep::OtherKey(columns) => body.key = Some(columns),
        }
        return app.out.document(&json::document("row-version", body));
    }
    let what = match step {
        RowStep::Inserted(row) | RowStep::Deleted(row) => of(row),
        RowStep::Updated(cells) => changes(cells),
        RowStep::OtherKey(columns) => other_key(columns),
    };
    let line = format!("{sign}  {}  {}  {what}", time::local(snapshot.started), snapshot.id.short());
    app.out.line(app.out.styled(style, &line))
}

fn changes(cells: &[CellStep]) -> String {
    let cells = cells.iter().map(|cell| show_changed(&cell.column, &cell.before, &cell.after));
    cells.collect::<Vec<_>>().join(", ")
}

fn other_key(columns: &[String]) -> String {
    if columns.is_empty() {
        return tr!("rows of the table have no key here", "此处该表的行没有键");
    }
    let names = safe(&columns.join(", "));
    tr!("the table has another key here: {names}", "此处该表使用另一个键：{names}")
}
