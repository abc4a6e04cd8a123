//! `datakeep stats`.

use crate::args_store::StatsArgs;
use crate::errors::Failure;
use crate::open::App;
use crate::out::{Style, table};
use crate::words::tr;
use crate::{json, sizes};
use datakeep_model::{ExitCode, escape_for_terminal};
use datakeep_store::{Manifest, PackClass, PackName, Repository};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Serialize, Clone, Copy, Default)]
struct Class {
    objects: u64,
    stored_bytes: u64,
}

#[derive(Serialize)]
struct SourceStats {
    source: String,
    snapshots: u64,
    items: u64,
    newest_len_bytes: u64,
    len_bytes: u64,
    added_bytes: u64,
    newest: String,
}

#[derive(Serialize)]
struct Whole {
    snapshots: u64,
    sources: Vec<SourceStats>,
    len_bytes: u64,
    objects: u64,
    stored_bytes: u64,
    classes: BTreeMap<String, Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<Used>,
}

/// What chosen snapshots use.
#[derive(Serialize, Default)]
struct Used {
    packs: u64,
    packs_bytes: u64,
    exclusive_packs: u64,
    exclusive_bytes: u64,
}

/// Runs it.
pub fn run(app: &App, args: &StatsArgs) -> Result<ExitCode, Failure> {
    let repository = app.open_cached()?;
    let (manifests, _) = app.snapshots(&repository)?;
    let chosen = chosen(app, &manifests, args.which.as_deref())?;
    let used = args.which.as_ref().map(|_| used(&repository, &manifests, &chosen)).transpose()?;
    let mut classes: BTreeMap<String, Class> = BTreeMap::new();
    for listed in repository.blobs().list("").map_err(Failure::from)? {
        let folder = listed.name.split('/').next().unwrap_or_default().to_string();
        let class = classes.entry(folder).or_default();
        class.objects += 1;
        class.stored_bytes += listed.len_bytes;
    }
    let whole = Whole {
        snapshots: chosen.len() as u64,
        sources: sources(&chosen),
        len_bytes: chosen.iter().map(|m| m.snapshot.counters.len_bytes).sum(),
        objects: classes.values().map(|class| class.objects).sum(),
        stored_bytes: classes.values().map(|class| class.stored_bytes).sum(),
        classes,
        used,
    };
    if app.out.json {
        app.out.document(&json::document("stats", whole))?
    } else {
        tell(app, &whole)?
    }
    Ok(ExitCode::OK)
}

/// All, those of a source, or one.
fn chosen<'m>(app: &App, manifests: &'m [Manifest], which: Option<&str>) -> Result<Vec<&'m Manifest>, Failure> {
    let Some(name) = which else { return Ok(manifests.iter().collect()) };
    let of_source: Vec<_> = manifests.iter().filter(|m| m.snapshot.source.name == name).collect();
    if of_source.is_empty() { Ok(vec![app.choose(manifests, name)?]) } else { Ok(of_source) }
}

fn used(repository: &Repository, all: &[Manifest], chosen: &[&Manifest]) -> Result<Used, Failure> {
    let ids: BTreeSet<_> = chosen.iter().map(|m| m.snapshot.id).collect();
    let mut packs: BTreeMap<(PackClass, PackName), u64> = BTreeMap::new();
    let mut others = BTreeSet::new();
    for manifest in all {
        let reach = repository.reach(manifest)?;
        let is_chosen = ids.contains(&manifest.snapshot.id);
        for (record, _) in reach.packs.values() {
            if is_chosen {
                packs.insert((record.class, record.name), record.len_bytes);
            } else {
                others.insert((record.class, record.name));
            }
        }
    }
    let mut used = Used { packs: packs.len() as u64, packs_bytes: packs.values().sum(), ..Used::default() };
    for (_, len_bytes) in packs.iter().filter(|(key, _)| !others.contains(key)) {
        used.exclusive_packs += 1;
        used.exclusive_bytes += len_bytes;
    }
    Ok(used)
}

fn sources(chosen: &[&Manifest]) -> Vec<SourceStats> {
    let mut by_name: BTreeMap<&str, Vec<&Manifest>> = BTreeMap::new();
    for manifest in chosen {
        by_name.entry(&manifest.snapshot.source.name).or_default().push(manifest);
    }
    let stats = |(name, list): (&str, Vec<&Manifest>)| {
        let newest = &list.last()?.snapshot;
        let c = &newest.counters;
        Some(SourceStats {
            source: name.to_string(),
            snapshots: list.len() as u64,
            items: c.files + c.directories + c.others,
            newest_len_bytes: c.len_bytes,
            len_bytes: list.iter().map(|m| m.snapshot.counters.len_bytes).sum(),
            added_bytes: list.iter().map(|m| m.snapshot.counters.stored_bytes).sum(),
            newest: newest.id.to_hex(),
        })
    };
    by_name.into_iter().filter_map(stats).collect()
}

fn class_name(folder: &str) -> String {
    match folder {
        "data" => tr!("packs of content", "内容数据包"),
        "meta" => tr!("packs of trees", "目录数据包"),
        "index" => tr!("index", "索引"),
        "reach" => tr!("lists of packs in use", "引用清单"),
        "commits" => tr!("snapshots", "备份集"),
        "sessions" => tr!("sessions", "会话"),
        "tags" => tr!("labels", "标签"),
        "progress" => tr!("unfinished runs", "未完成的运行"),
        "keys" | "config-keys" => tr!("key slots", "密钥槽"),
        "commits-copies" => tr!("snapshots, a second time", "备份集记录的副本"),
        "commits-forgotten" | "forgotten" => tr!("marks of forgotten snapshots", "遗忘标记"),
        "origins" => tr!("marks of forgotten copies", "已遗忘副本的标记"),
        "mended" => tr!("lists of packs in use, made again", "重建的引用清单"),
        "condemned" => tr!("lists of what is to go", "待删清单"),
        "checkpoints" => tr!("checkpoints", "检查点"),
        "copies" => tr!("checkpoints, a second time", "检查点的副本"),
        "quarantine" => tr!("damaged objects set aside", "隔离的损坏对象"),
        "config" => tr!("configuration", "仓库配置"),
        other => other.to_string(),
    }
}

fn tell(app: &App, whole: &Whole) -> Result<(), Failure> {
    let (snapshots, sources) = (sizes::count(whole.snapshots), sizes::count(whole.sources.len() as u64));
    let (len, stored) = (sizes::bytes(whole.len_bytes), sizes::bytes(whole.stored_bytes));
    app.out.line(tr!(
        "snapshots: {snapshots}, sources: {sources}, {len} in all",
        "{sources} 个数据源的 {snapshots} 个备份集，逻辑大小共 {len}"
    ))?;
    if let Some(used) = &whole.used {
        let [packs, only] = [used.packs, used.exclusive_packs].map(sizes::count);
        let [bytes, only_bytes] = [used.packs_bytes, used.exclusive_bytes].map(sizes::bytes);
        app.out.line(tr!(
            "they use {packs} packs ({bytes}), of which {only} ({only_bytes}) nobody else uses",
            "使用 {packs} 个数据包（{bytes}），其中 {only} 个（{only_bytes}）不被其他备份集使用"
        ))?;
    } else if let Some(ratio) = sizes::ratio(whole.len_bytes, whole.stored_bytes) {
        app.out.line(tr!(
            "stored in {stored}: {ratio:.2} : 1 by deduplication and compression",
            "仓库占用 {stored}：去重与压缩比 {ratio:.2} : 1"
        ))?;
    }
    app.out.line("")?;
    let mut rows = vec![vec![
        tr!("SOURCE", "数据源"),
        tr!("SNAPSHOTS", "备份集"),
        tr!("ITEMS", "条目"),
        tr!("NEWEST", "最新大小"),
        tr!("ALL", "逻辑总量"),
        tr!("STORED", "写入"),
    ]];
    rows.extend(whole.sources.iter().map(|s| {
        let name = escape_for_terminal(s.source.as_bytes());
        let [newest, all, added] = [s.newest_len_bytes, s.len_bytes, s.added_bytes].map(sizes::bytes);
        vec![name, sizes::count(s.snapshots), sizes::count(s.items), newest, all, added]
    }));
    print(app, &rows, &[1, 2, 3, 4, 5])?;
    app.out.line("")?;
    let mut rows = vec![vec![tr!("IN THE REPOSITORY", "仓库内容"), tr!("OBJECTS", "对象"), tr!("STORED", "占用")]];
    let rest = whole.classes.iter();
    rows.extend(
        rest.map(|(folder, c)| vec![class_name(folder), sizes::count(c.objects), sizes::bytes(c.stored_bytes)]),
    );
    rows.push(vec![tr!("all", "合计"), sizes::count(whole.objects), stored]);
    print(app, &rows, &[1, 2])
}

fn print(app: &App, rows: &[Vec<String>], right: &[usize]) -> Result<(), Failure> {
    for (index, line) in table(rows, right).iter().enumerate() {
        app.out.line(if index == 0 { app.out.styled(Style::Bold, line) } else { line.clone() })?;
    }
    Ok(())
}
