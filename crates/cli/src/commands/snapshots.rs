//! `datakeep snapshots`.

use crate::args::SnapshotsArgs;
use crate::errors::Failure;
use crate::losses;
use crate::open::App;
use crate::out::{Style, table};
use crate::words::tr;
use crate::{json, sizes, time};
use datakeep_distribute::near::nearest;
use datakeep_manage::hold_of;
use datakeep_model::{ErrorKind, ExitCode, Snapshot, escape_for_terminal};
use datakeep_store::Manifest;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct List {
    snapshots: Vec<json::SnapshotJson>,
    unreadable: usize,
}

/// Runs it.
pub fn run(app: &App, args: &SnapshotsArgs) -> Result<ExitCode, Failure> {
    let repository = app.open_cached()?;
    let (manifests, unreadable) = app.snapshots(&repository)?;
    let chosen = select(&manifests, args)?;
    let code = if unreadable > 0 { ExitCode::INTEGRITY } else { ExitCode::OK };
    if app.out.json {
        let snapshots = chosen.iter().map(|m| (&m.snapshot).into()).collect();
        app.out.document(&json::document("snapshots", List { snapshots, unreadable }))?;
        return Ok(code);
    }
    if chosen.is_empty() && !manifests.is_empty() {
        let tags: BTreeSet<&str> = manifests.iter().flat_map(|m| m.snapshot.tags.iter().map(String::as_str)).collect();
        let tags = tags.into_iter().map(|tag| escape_for_terminal(tag.as_bytes())).collect::<Vec<_>>().join(", ");
        let tags = if tags.is_empty() { "-".to_string() } else { tags };
        app.out.inform(tr!("no snapshot fits; labels in use: {tags}", "没有符合条件的备份集；现有标签：{tags}"));
        return Ok(code);
    }
    if chosen.is_empty() {
        app.out.inform(tr!(
            "there are no snapshots; make one: datakeep backup PATH",
            "还没有备份集；新建：datakeep backup 路径"
        ));
        return Ok(code);
    }
    let mut rows = vec![heading()];
    rows.extend(chosen.iter().map(|m| row(&m.snapshot)));
    for (index, line) in table(&rows, &[4, 5, 6, 7]).iter().enumerate() {
        app.out.line(if index == 0 { app.out.styled(Style::Bold, line) } else { line.clone() })?;
    }
    Ok(code)
}

/// Fails with a near match when there is no source of this name.
pub fn must_be_source(manifests: &[Manifest], source: &str) -> Result<(), Failure> {
    let names: BTreeSet<&str> = manifests.iter().map(|m| m.snapshot.source.name.as_str()).collect();
    if names.contains(source) {
        return Ok(());
    }
    let shown = escape_for_terminal(source.as_bytes());
    let failure = Failure::new(ErrorKind::NotFound, tr!("there is no source {shown}", "没有数据源 {shown}"));
    let list = names.iter().map(|name| escape_for_terminal(name.as_bytes())).collect::<Vec<_>>().join(", ");
    Err(match nearest(source, names.iter().copied()) {
        Some(near) => failure.hint(tr!("did you mean {near}?", "是否想输入 {near}？")),
        None => failure.hint(tr!("there are: {list}", "现有：{list}")),
    })
}

fn select<'m>(manifests: &'m [Manifest], args: &SnapshotsArgs) -> Result<Vec<&'m Manifest>, Failure> {
    if let Some(source) = &args.source {
        must_be_source(manifests, source)?;
    }
    let mut chosen: Vec<&Manifest> = manifests
        .iter()
        .filter(|m| args.source.as_ref().is_none_or(|source| m.snapshot.source.name == *source))
        .filter(|m| args.host.as_ref().is_none_or(|host| m.snapshot.source.host == *host))
        .filter(|m| args.tag.iter().all(|tag| m.snapshot.tags.contains(tag)))
        .collect();
    if args.latest {
        let mut seen = BTreeSet::new();
        chosen.reverse();
        chosen.retain(|m| seen.insert(&m.snapshot.source.name));
        chosen.reverse();
    }
    let skip = args.last.map_or(0, |last| chosen.len().saturating_sub(last));
    Ok(chosen.split_off(skip))
}

fn heading() -> Vec<String> {
    vec![
        tr!("ID", "编号"),
        tr!("TIME", "时间"),
        tr!("SOURCE", "数据源"),
        tr!("HOST", "主机"),
        tr!("ITEMS", "条目"),
        tr!("SIZE", "大小"),
        tr!("NEW", "新数据"),
        tr!("STORED", "写入"),
        tr!("TAGS", "标签"),
        tr!("STATE", "状态"),
    ]
}

fn row(snapshot: &Snapshot) -> Vec<String> {
    let c = &snapshot.counters;
    let safe = |text: &str| escape_for_terminal(text.as_bytes());
    vec![
        snapshot.id.short(),
        time::local(snapshot.started),
        safe(&snapshot.source.name),
        safe(&snapshot.source.host),
        sizes::count(c.files + c.directories + c.others),
        sizes::bytes(c.len_bytes),
        sizes::bytes(c.new_bytes),
        sizes::bytes(c.stored_bytes),
        safe(&snapshot.tags.join(",")),
        state(snapshot),
    ]
}

fn state(snapshot: &Snapshot) -> String {
    let state = losses::state(snapshot.counters.losses);
    if hold_of(&snapshot.tags).is_some() { tr!("{state}, held", "{state}，已锁定") } else { state }
}
