//! `datakeep backup sqlite:PATH` and `datakeep backup postgres://...`.

use super::{connector_of, database_options, one_location};
use crate::args::BackupArgs;
use crate::errors::Failure;
use crate::open::App;
use crate::out::table;
use crate::phrases;
use crate::progress::Watch;
use crate::words::tr;
use crate::{json, signals, sizes, time};
use datakeep_connector::{Catalog, Connector, Options, TableSource};
use datakeep_engine::{BackupOptions, CaptureReport, capture};
use datakeep_model::{ExitCode, Mark, SessionId, SourceInfo, escape_for_terminal};
use datakeep_process_table::TableDescription;
use datakeep_store::Repository;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Summary {
    snapshot: Option<String>,
    source: String,
    outcome: &'static str,
    dry_run: bool,
    duration_ms: u64,
    #[serde(flatten)]
    counters: json::CountersJson,
    tables: Vec<TableJson>,
    not_carried: Vec<String>,
}

#[derive(Serialize)]
struct TableJson {
    schema: String,
    table: String,
    columns: usize,
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_root: Option<String>,
}

impl TableJson {
    fn of(described: &TableDescription) -> Self {
        let content_root = Some(json::hex(&described.content_root));
        Self { rows: Some(described.rows), content_root, ..Self::planned(&described.info) }
    }

    fn planned(info: &datakeep_connector::TableInfo) -> Self {
        Self {
            schema: info.name.schema.clone(),
            table: info.name.table.clone(),
            columns: info.columns.len(),
            rows: info.rows_estimate,
            content_root: None,
        }
    }
}

/// Runs it.
pub fn run(app: &App, args: &BackupArgs, options: &BackupOptions) -> Result<ExitCode, Failure> {
    super::refuse::backup_of_tables(args)?;
    let location = one_location(&args.paths)?;
    let connector = connector_of(args.paths[0].as_os_str())
        .ok_or_else(|| Failure::usage(tr!("this version cannot read {location}", "当前版本无法读取 {location}")))?;
    super::refuse_secret(&*connector, location)?;
    let locked = app.find()?;
    let given = open_options(app, &*connector, args)?;
    if let Some(parts) = connector.parts(location, &given)? {
        let unlock = app.unlock_with(&locked)?;
        signals::listen(&app.cancel)?;
        let repository = Arc::new(app.unlock(locked, &unlock)?);
        return super::server::run(app, &*connector, &repository, &parts, options);
    }
    let mut source = connector.open_tables(location, &given)?;
    let unlock = app.unlock_with(&locked)?;
    signals::listen(&app.cancel)?;
    let mut watch = Watch::new(&app.out);
    watch.source = Some(source.info());
    let mark = begin(app, &mut *source)?;
    let repository = Arc::new(app.unlock(locked, &unlock)?);
    if options.dry_run {
        drop(repository);
        let catalog = source.catalog()?;
        source.complete()?;
        watch.finish();
        show_plan(app, &source.info(), &catalog)?;
        return Ok(ExitCode::OK);
    }
    let report = capture(&repository, &mut *source, &mark, options, &app.context(&watch));
    watch.finish();
    tell(app, &*source, &report?, watch.elapsed_ns())?;
    Ok(ExitCode::OK)
}

/// Fixes the state that is read, and tells what a person should know of it.
fn begin(app: &App, source: &mut dyn TableSource) -> Result<Mark, Failure> {
    let mark = source.begin()?;
    for sentence in source.warnings() {
        app.out.warn(safe(&phrases::spoken(&sentence)));
    }
    Ok(mark)
}

/// Backs one database of several up; the snapshot, where one is made.
pub(super) fn one_of_several(
    app: &App,
    source: &mut dyn TableSource,
    repository: &Arc<Repository>,
    options: &BackupOptions,
) -> Result<Option<SessionId>, Failure> {
    let mut watch = Watch::new(&app.out);
    watch.source = Some(source.info());
    let mark = begin(app, source)?;
    if options.dry_run {
        let catalog = source.catalog()?;
        source.complete()?;
        watch.finish();
        show_plan(app, &source.info(), &catalog)?;
        return Ok(None);
    }
    let report = capture(repository, source, &mark, options, &app.context(&watch));
    watch.finish();
    let report = report?;
    tell(app, source, &report, watch.elapsed_ns())?;
    Ok(report.manifest.map(|manifest| manifest.snapshot.id))
}

fn open_options(app: &App, connector: &dyn Connector, args: &BackupArgs) -> Result<Options, Failure> {
    let mut options = database_options(connector, &args.database_option)?;
    let host = args.host.clone().or_else(|| app.settings.file.backup("host").last().cloned());
    for (name, value) in [("name", args.source.clone()), ("host", host)] {
        if let Some(value) = value {
            options.insert(name.to_string(), vec![value]);
        }
    }
    Ok(options)
}

fn show_plan(app: &App, source: &SourceInfo, catalog: &Catalog) -> Result<(), Failure> {
    if app.out.json {
        return app.out.document(&json::document(
            "backup",
            Summary {
                snapshot: None,
                source: source.name.clone(),
                outcome: "complete",
                dry_run: true,
                duration_ms: 0,
                counters: (&datakeep_model::Counters::default()).into(),
                tables: catalog.tables.iter().map(TableJson::planned).collect(),
                not_carried: catalog.not_carried.clone(),
            },
        ));
    }
    let rows: Vec<Vec<String>> =
        catalog.tables.iter().map(|table| vec![safe(&table.name.to_string()), columns(table.columns.len())]).collect();
    table(&rows, &[1]).iter().try_for_each(|line| app.out.line(line))?;
    warn_of_what_is_not_carried(app, &catalog.not_carried);
    app.out.say(tr!("nothing was written (--dry-run)", "未写入任何内容（--dry-run）"))
}

fn columns(count: usize) -> String {
    let count = sizes::count(count as u64);
    tr!("{count} columns", "{count} 列")
}

pub(super) fn safe(text: &str) -> String {
    escape_for_terminal(text.as_bytes())
}

fn warn_of_what_is_not_carried(app: &App, not_carried: &[String]) {
    for sentence in not_carried {
        let sentence = safe(&phrases::spoken(sentence));
        app.out.warn(tr!("not carried: {sentence}", "未纳入：{sentence}"));
    }
}

fn tell(app: &App, source: &dyn TableSource, report: &CaptureReport, nanos: u64) -> Result<(), Failure> {
    let (counters, info) = (&report.counters, source.info());
    let snapshot = report.manifest.as_ref().map(|manifest| manifest.snapshot.id);
    if app.out.json {
        return app.out.document(&json::document(
            "backup",
            Summary {
                snapshot: snapshot.map(|id| id.to_hex()),
                source: info.name,
                outcome: "complete",
                dry_run: false,
                duration_ms: nanos / 1_000_000,
                counters: counters.into(),
                tables: report.tables.iter().map(TableJson::of).collect(),
                not_carried: report.not_carried.clone(),
            },
        ));
    }
    warn_of_what_is_not_carried(app, &report.not_carried);
    let [tables, new, changed, unchanged] =
        [counters.files, counters.items_new, counters.items_changed, counters.items_unchanged].map(sizes::count);
    let removed = sizes::count(counters.items_removed);
    let rows = sizes::count(report.tables.iter().map(|table| table.rows).sum());
    app.out.say(tr!(
        "{tables} tables, {rows} rows: {new} tables new, {changed} changed, {unchanged} unchanged, {removed} removed",
        "{tables} 张表，{rows} 行：新增 {new} 张，变化 {changed} 张，未变 {unchanged} 张，删除 {removed} 张"
    ))?;
    if counters.files == 0 && counters.items_removed > 0 {
        app.out.warn(tr!(
            "the database holds no table any more; the snapshot before had {removed}",
            "数据库中已没有任何表；上一个备份集有 {removed} 张"
        ));
    }
    let took = time::duration(nanos);
    let [read, fresh, stored] = [counters.read_bytes, counters.new_bytes, counters.stored_bytes].map(sizes::bytes);
    let ratio = sizes::ratio(counters.read_bytes, counters.stored_bytes).filter(|_| counters.read_bytes > 0);
    let ratio = ratio.map_or_else(String::new, |ratio| tr!(", {ratio:.1} : 1", "，{ratio:.1} : 1"));
    app.out.say(tr!(
        "{read} of values read, {fresh} new, {stored} stored{ratio}; {took}",
        "读取数据 {read}，新数据 {fresh}，写入仓库 {stored}{ratio}；用时 {took}"
    ))?;
    if let Some(id) = snapshot {
        let (id, source) = (id.short(), safe(&info.name));
        app.out.say(tr!("snapshot {id} of {source}: complete", "数据源 {source} 的备份集 {id}：完整"))?;
    }
    Ok(())
}
