//! `datakeep show`.

use crate::args::ShowArgs;
use crate::commands::tables;
use crate::errors::Failure;
use crate::losses;
use crate::open::App;
use crate::out::table;
use crate::words::tr;
use crate::{json, sizes, time};
use datakeep_model::{ContentKind, ExitCode, Mark, Origin, Snapshot, escape_for_terminal};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    snapshot: json::SnapshotJson,
    epoch: u64,
    roots: Vec<json::PathJson>,
    losses: Vec<json::LossJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tables: Option<Vec<tables::show::TableJson>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    said: Option<tables::show::SaidJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_changes: Option<Vec<tables::show::DriftJson>>,
}

/// Runs it.
pub fn run(app: &App, args: &ShowArgs) -> Result<ExitCode, Failure> {
    let repository = Arc::new(app.open_cached()?);
    let (manifests, _) = app.snapshots(&repository)?;
    let manifest = app.choose(&manifests, &args.snapshot)?;
    let snapshot = &manifest.snapshot;
    let holds_tables = tables::holds_tables(manifest);
    let drift = if holds_tables { tables::show::drift(&repository, manifest, &manifests)? } else { None };
    if app.out.json {
        app.out.document(&json::document(
            "snapshot",
            Shown {
                snapshot: snapshot.into(),
                epoch: snapshot.epoch,
                roots: snapshot.roots.iter().map(json::PathJson::absolute).collect(),
                losses: snapshot.losses.iter().map(Into::into).collect(),
                tables: holds_tables.then(|| tables::show::documents(repository.clone(), manifest)).transpose()?,
                said: holds_tables.then(|| tables::show::said(repository.clone(), manifest)).transpose()?,
                schema_changes: drift.as_deref().map(tables::show::drift_documents),
            },
        ))?;
        return Ok(ExitCode::OK);
    }
    for line in table(&rows(snapshot), &[]) {
        app.out.line(line)?;
    }
    if holds_tables {
        tables::show::print(app, repository.clone(), manifest)?;
        tables::show::print_drift(app, drift.as_deref().unwrap_or_default())?;
    }
    for loss in &snapshot.losses {
        let (path, cause, detail) =
            (&loss.path, losses::cause(loss.cause), escape_for_terminal(loss.detail.as_bytes()));
        app.out.line(format!("  {path}: {cause} ({detail})"))?;
    }
    Ok(ExitCode::OK)
}

fn rows(s: &Snapshot) -> Vec<Vec<String>> {
    let safe = |text: &str| escape_for_terminal(text.as_bytes());
    let c = &s.counters;
    let (mark, mark_time) = match &s.mark {
        Mark::FileTime(time) => (tr!("files as of", "文件时间点"), *time),
        Mark::Stream(time) => (tr!("stream begun", "流起始时间"), *time),
        Mark::Position(time, _) => (tr!("state as of", "数据时间点"), *time),
    };
    let position = match &s.mark {
        Mark::Position(_, position) => format!("{} ({})", time::local_exact(mark_time), safe(position)),
        Mark::FileTime(_) | Mark::Stream(_) => time::local_exact(mark_time),
    };
    let roots: Vec<String> = s.roots.iter().map(ToString::to_string).collect();
    let [files, directories, others] = [c.files, c.directories, c.others].map(sizes::count);
    let [new, changed, unchanged, removed] =
        [c.items_new, c.items_changed, c.items_unchanged, c.items_removed].map(sizes::count);
    let [len, read, fresh, stored] = [c.len_bytes, c.read_bytes, c.new_bytes, c.stored_bytes].map(sizes::bytes);
    let [chunks_new, chunks_known] = [c.chunks_new, c.chunks_known].map(sizes::count);
    let (kind, finished) = (&s.source.kind, time::local(s.finished));
    let took = time::duration(s.finished.since_ns(s.started));
    let pairs = [
        (tr!("snapshot", "备份集"), s.id.to_hex()),
        (tr!("source", "数据源"), format!("{} ({kind})", safe(&s.source.name))),
        (tr!("location", "位置"), safe(&s.source.location)),
        (tr!("host", "主机"), safe(&s.source.host)),
        (tr!("paths", "路径"), roots.join(", ")),
        (tr!("begun", "开始"), time::local(s.started)),
        (tr!("finished", "结束"), tr!("{finished} (after {took})", "{finished}（用时 {took}）")),
        (mark, position),
        (tr!("state", "状态"), losses::state(c.losses)),
        (tr!("tags", "标签"), if s.tags.is_empty() { "-".into() } else { safe(&s.tags.join(", ")) }),
        (
            tr!("items", "条目"),
            match s.content {
                ContentKind::Tables => tr!("{files} tables", "{files} 张表"),
                ContentKind::Files => tr!(
                    "{files} files, {directories} directories, {others} others",
                    "{files} 个文件，{directories} 个目录，{others} 个其他"
                ),
            },
        ),
        (
            tr!("against the one before", "与上一备份集相比"),
            tr!(
                "{new} new, {changed} changed, {unchanged} unchanged, {removed} removed",
                "新增 {new}，变化 {changed}，未变 {unchanged}，移除 {removed}"
            ),
        ),
        (
            tr!("content", "内容"),
            tr!(
                "{len}; {read} read, {fresh} new, {stored} stored",
                "{len}；读取 {read}，新数据 {fresh}，写入仓库 {stored}"
            ),
        ),
        (
            tr!("chunks", "数据块"),
            tr!("{chunks_new} new, {chunks_known} known", "新 {chunks_new}，已有 {chunks_known}"),
        ),
        (tr!("parent", "上一备份集"), s.parent.map_or_else(|| "-".into(), |id| id.to_hex())),
        (tr!("written by", "写入程序"), safe(&s.writer)),
    ];
    let pairs = pairs.into_iter().chain(s.origin.iter().flat_map(origin));
    pairs.map(|(name, value)| vec![name, value]).collect()
}

/// Where a copy comes from: the original, and when it was copied.
fn origin(origin: &Origin) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = Vec::new();
    if let Some(first) = origin.chain.first() {
        let (snapshot, repository) = (first.snapshot, first.repository);
        let text = tr!("snapshot {snapshot} of repository {repository}", "仓库 {repository} 的备份集 {snapshot}");
        rows.push((tr!("copy of", "副本来源"), text));
    }
    let (when, steps) = (time::local(origin.copied), origin.chain.len());
    let text = match steps {
        0 | 1 => when,
        steps => tr!("{when}, by way of {steps} repositories", "{when}，途经 {steps} 个仓库"),
    };
    rows.push((tr!("copied", "复制时间"), text));
    if origin.losses > 0 {
        rows.push((tr!("lost by copying", "复制中丢失"), sizes::count(origin.losses)));
    }
    rows
}
