//! `datakeep backup`.

use crate::args::BackupArgs;
use crate::commands::tables;
use crate::errors::Failure;
use crate::losses;
use crate::memory::Memory;
use crate::open::App;
use crate::progress::Watch;
use crate::sources::{self, Chosen};
use crate::words::tr;
use crate::{json, signals, sizes, time};
use datakeep_engine::{BackupOptions, BackupReport, backup};
use datakeep_model::{Counters, ExitCode, escape_for_terminal};
use datakeep_process::CompressionSettings;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Summary {
    snapshot: Option<String>,
    source: String,
    outcome: &'static str,
    dry_run: bool,
    resumed: Option<String>,
    duration_ms: u64,
    #[serde(flatten)]
    counters: json::CountersJson,
    losses: Vec<json::LossJson>,
}

/// Runs it.
pub fn run(app: &App, args: &BackupArgs) -> Result<ExitCode, Failure> {
    let options = options(app, args)?;
    if args.paths.iter().any(|path| tables::connector_of(path).is_some()) {
        return tables::backup::run(app, args, &memory(app).for_tables(options)?);
    }
    tables::refuse::backup_of_files(args)?;
    let options = memory(app).for_files(options)?;
    let locked = app.find()?;
    let chosen: Chosen = sources::choose(app, args)?;
    for note in &chosen.notes {
        app.out.inform(note);
    }
    let mut source = chosen.open()?;
    let unlock = app.unlock_with(&locked)?;
    signals::listen(&app.cancel)?;
    let mut watch = Watch::new(&app.out);
    watch.source = Some(source.info());
    // The source is read ahead while the password is worked on.
    let mark = source.begin()?;
    let repository = Arc::new(app.unlock(locked, &unlock)?);
    let report = backup(&repository, &mut *source, &mark, &options, &app.context(&watch));
    watch.finish();
    let report = report?;
    tell(app, &source.info().name, &report, &options, watch.elapsed_ns())?;
    Ok(if report.counters.losses > 0 { ExitCode::PARTIAL } else { ExitCode::OK })
}

fn memory(app: &App) -> Memory {
    Memory::of(&app.settings).beside_uploads(&app.settings, app.settings.repository.value.as_deref())
}

fn options(app: &App, args: &BackupArgs) -> Result<BackupOptions, Failure> {
    let usual = BackupOptions::default();
    let from_file = |name: &str| app.settings.file.backup(name).last().cloned();
    let workers = match (args.workers, from_file("workers")) {
        (Some(number), _) => usize::from(number),
        (None, Some(text)) => text.parse().ok().filter(|n| (1..=256).contains(n)).ok_or_else(|| {
            Failure::usage(tr!(
                "workers: {text:?} is not a number from 1 to 256",
                "workers：{text:?} 不是 1 到 256 之间的数"
            ))
        })?,
        (None, None) => usual.workers,
    };
    let compression = match args.compression.clone().or_else(|| from_file("compression")) {
        Some(text) => compression(&text)?,
        None => usual.compression,
    };
    Ok(BackupOptions {
        workers,
        compression,
        read_everything: args.read_everything,
        ignore_ctime: args.ignore_ctime,
        ignore_inode: args.ignore_inode,
        resume: !args.no_resume,
        dry_run: args.dry_run,
        tags: args.tag.clone(),
        ..usual
    })
}

pub(super) fn compression(text: &str) -> Result<CompressionSettings, Failure> {
    match text {
        "fast" => Ok(CompressionSettings::FAST),
        "default" => Ok(CompressionSettings::DEFAULT),
        "high" => Ok(CompressionSettings::HIGH),
        _ => match text.parse() {
            Ok(level @ 1..=19) => Ok(CompressionSettings::level(level)),
            _ => Err(Failure::usage(tr!("there is no compression {text:?}", "没有压缩级别 {text:?}"))
                .hint(tr!("there are fast, default, high, and 1 to 19", "可用 fast、default、high 和 1 到 19"))),
        },
    }
}

fn tell(app: &App, source: &str, report: &BackupReport, options: &BackupOptions, nanos: u64) -> Result<(), Failure> {
    let counters = &report.counters;
    let outcome = if counters.losses > 0 { "partial" } else { "complete" };
    let snapshot = report.manifest.as_ref().map(|m| m.snapshot.id);
    if !app.out.json {
        losses::tell(app, &report.losses, counters.losses, false);
    }
    if app.out.json {
        return app.out.document(&json::document(
            "backup",
            Summary {
                snapshot: snapshot.map(|id| id.to_hex()),
                source: source.to_string(),
                outcome,
                dry_run: options.dry_run,
                resumed: report.resumed.map(|id| id.to_hex()),
                duration_ms: nanos / 1_000_000,
                counters: counters.into(),
                losses: report.losses.iter().map(Into::into).collect(),
            },
        ));
    }
    if report.resumed.is_some() {
        app.out.say(tr!("took up what an interrupted run had left", "已接续上次中断的运行"))?;
    }
    summary(app, counters, nanos, options.dry_run)?;
    match snapshot {
        Some(id) => {
            let (id, state, source) =
                (id.short(), losses::state(counters.losses), escape_for_terminal(source.as_bytes()));
            app.out.say(tr!("snapshot {id} of {source}: {state}", "数据源 {source} 的备份集 {id}：{state}"))
        }
        None => app.out.say(tr!("nothing was written (--dry-run)", "未写入任何内容（--dry-run）")),
    }
}

fn summary(app: &App, c: &Counters, nanos: u64, is_dry: bool) -> Result<(), Failure> {
    let items = sizes::count(c.files + c.directories + c.others);
    let len = sizes::bytes(c.len_bytes);
    let [new, changed, unchanged, removed] =
        [c.items_new, c.items_changed, c.items_unchanged, c.items_removed].map(sizes::count);
    app.out.say(tr!(
        "{items} items, {len}: {new} new, {changed} changed, {unchanged} unchanged, {removed} removed",
        "{items} 个条目，{len}：新增 {new}，变化 {changed}，未变 {unchanged}，移除 {removed}"
    ))?;
    let took = time::duration(nanos);
    let rate = sizes::bytes((c.read_bytes as f64 / (nanos.max(1) as f64 / 1e9)) as u64);
    if is_dry {
        return app.out.say(tr!("compared in {took}", "比较用时 {took}"));
    }
    let [read, fresh, stored] = [c.read_bytes, c.new_bytes, c.stored_bytes].map(sizes::bytes);
    // What a plain copy of this state would take, against what was added to the store for it.
    let ratio = sizes::ratio(c.len_bytes, c.stored_bytes).filter(|_| c.len_bytes > 0);
    let ratio = ratio.map_or_else(String::new, |ratio| tr!(", {ratio:.1} : 1", "，{ratio:.1} : 1"));
    app.out.say(tr!(
        "{read} read, {fresh} new, {stored} stored{ratio}; {took}, {rate}/s",
        "读取 {read}，新数据 {fresh}，写入仓库 {stored}{ratio}；用时 {took}，{rate}/s"
    ))
}
