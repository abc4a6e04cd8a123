//! `datakeep diff`.

use crate::args::DiffArgs;
use crate::commands::tables;
use crate::errors::Failure;
use crate::open::App;
use crate::out::Style;
use crate::words::tr;
use crate::{json, place, sizes};
use datakeep_distribute::{Change, ChangeKind, compare};
use datakeep_model::{ErrorKind, ExitCode, FileType, ItemPath};
use datakeep_store::{Entry, Manifest};
use serde::Serialize;

#[derive(Serialize)]
struct ChangeJson {
    #[serde(flatten)]
    path: json::PathJson,
    change: &'static str,
    file_type: &'static str,
    old_len_bytes: Option<u64>,
    new_len_bytes: Option<u64>,
}

#[derive(Serialize, Default)]
struct Summary {
    old: String,
    new: String,
    items_added: u64,
    items_removed: u64,
    items_content: u64,
    items_type: u64,
    items_metadata: u64,
    added_bytes: u64,
    removed_bytes: u64,
}

/// What is compared: all, or what one path leads to in both.
fn one_path(old: Option<ItemPath>, new: Option<ItemPath>) -> Result<ItemPath, Failure> {
    match (old, new) {
        (Some(old), Some(new)) if old != new => Err(Failure::usage(tr!(
            "{old} and {new} cannot be compared: a difference is that of one thing in two snapshots",
            "无法比较 {old} 与 {new}：差异是同一对象在两个备份集之间的差异"
        ))
        .hint(tr!("name the same in both, or in one of them", "请在两边给出相同的路径，或只在一边给出"))),
        (old, new) => Ok(new.or(old).unwrap_or_default()),
    }
}

/// Runs it.
pub fn run(app: &App, args: &DiffArgs) -> Result<ExitCode, Failure> {
    let repository = std::sync::Arc::new(app.open_cached()?);
    let (manifests, _) = app.snapshots(&repository)?;
    let (old_name, old_path) = place::split(&args.old)?;
    let (new_name, new_path) = args.new.as_deref().map(place::split).transpose()?.unwrap_or_default();
    let first = app.choose(&manifests, &old_name)?;
    let (old, new) = match &args.new {
        Some(_) => (first, app.choose(&manifests, &new_name)?),
        None => (before(&manifests, first)?, first),
    };
    let beneath = one_path(old_path, new_path)?;
    if tables::holds_tables(old) || tables::holds_tables(new) {
        return tables::diff::run(app, args, repository, (old, new), &beneath);
    }
    if args.sql || args.undo {
        return Err(Failure::usage(tr!("--sql and --undo are for tables", "--sql 和 --undo 只用于表")));
    }
    let mut summary = Summary { old: old.snapshot.id.to_hex(), new: new.snapshot.id.to_hex(), ..Summary::default() };
    let mut failed = None;
    let mut seen = false;
    compare(&repository, old, new, &beneath, &mut |change| {
        seen = true;
        summary.count(&change);
        let hidden = args.stat || (args.no_metadata && change.kind == ChangeKind::Metadata);
        if !hidden && failed.is_none() {
            failed = print(app, &change).err();
        }
    })?;
    if let Some(failure) = failed {
        return Err(failure);
    }
    if !seen && !beneath.is_root() {
        must_exist(&repository, old, new, &beneath)?;
    }
    tell(app, &summary)?;
    Ok(ExitCode::OK)
}

/// A path that neither snapshot has is a slip, not an empty difference.
fn must_exist(
    repository: &datakeep_store::Repository,
    old: &Manifest,
    new: &Manifest,
    path: &ItemPath,
) -> Result<(), Failure> {
    place::find(repository, old, path).or_else(|_| place::find(repository, new, path)).map(|_| ())
}

fn before<'m>(manifests: &'m [Manifest], manifest: &Manifest) -> Result<&'m Manifest, Failure> {
    let (id, source) = (manifest.snapshot.id, &manifest.snapshot.source);
    let same =
        manifests.iter().filter(|m| m.snapshot.source.name == source.name && m.snapshot.source.kind == source.kind);
    let older = same.take_while(|m| m.snapshot.id != id).last();
    older.ok_or_else(|| {
        let (id, name) = (id.short(), datakeep_model::escape_for_terminal(source.name.as_bytes()));
        let message = tr!("snapshot {id} is the first of source {name}", "备份集 {id} 是数据源 {name} 的第一个备份集");
        Failure::new(ErrorKind::NotFound, message)
            .hint(tr!("name two snapshots: datakeep diff OLD NEW", "请给出两个备份集：datakeep diff 旧 新"))
    })
}

fn len(entry: Option<&Entry>) -> Option<u64> {
    entry.filter(|entry| entry.meta.file_type == FileType::File).map(|entry| entry.meta.len_bytes)
}

impl Summary {
    fn count(&mut self, change: &Change) {
        let counter = match change.kind {
            ChangeKind::Added => &mut self.items_added,
            ChangeKind::Removed => &mut self.items_removed,
            ChangeKind::Content => &mut self.items_content,
            ChangeKind::Type => &mut self.items_type,
            ChangeKind::Metadata => &mut self.items_metadata,
        };
        *counter += 1;
        if change.kind != ChangeKind::Metadata {
            self.added_bytes += len(change.new.as_ref()).unwrap_or(0);
            self.removed_bytes += len(change.old.as_ref()).unwrap_or(0);
        }
    }
}

fn print(app: &App, change: &Change) -> Result<(), Failure> {
    let (old, new) = (change.old.as_ref(), change.new.as_ref());
    let file_type = new.or(old).map_or(FileType::File, |entry| entry.meta.file_type);
    if app.out.json {
        let path = json::PathJson::absolute(&change.path);
        let (change, file_type) = (change.kind.as_str(), file_type.as_str());
        let (old_len_bytes, new_len_bytes) = (len(old), len(new));
        return app
            .out
            .document(&json::document("change", ChangeJson { path, change, file_type, old_len_bytes, new_len_bytes }));
    }
    let (sign, style) = match change.kind {
        ChangeKind::Added => ("+", Style::Green),
        ChangeKind::Removed => ("-", Style::Red),
        ChangeKind::Content => ("M", Style::Yellow),
        ChangeKind::Type => ("T", Style::Yellow),
        ChangeKind::Metadata => ("m", Style::Dim),
    };
    let size = match (change.kind, len(old), len(new)) {
        (ChangeKind::Metadata, ..) | (_, None, None) => String::new(),
        (_, Some(old), Some(new)) => format!("{} -> {}", sizes::bytes(old), sizes::bytes(new)),
        (_, Some(one), None) | (_, None, Some(one)) => sizes::bytes(one),
    };
    let slash = if file_type == FileType::Directory && !change.path.is_root() { "/" } else { "" };
    let line = format!("{sign}  {}{slash}", change.path);
    let line = app.out.styled(style, &line);
    app.out.line(if size.is_empty() { line } else { format!("{line}  ({size})") })
}

fn tell(app: &App, summary: &Summary) -> Result<(), Failure> {
    if app.out.json {
        return app.out.document(&json::document("diff", summary));
    }
    let [added, removed, content, kind, metadata] =
        [summary.items_added, summary.items_removed, summary.items_content, summary.items_type, summary.items_metadata]
            .map(sizes::count);
    let [more, less] = [summary.added_bytes, summary.removed_bytes].map(sizes::bytes);
    app.out.say(tr!(
        "{added} added (+), {removed} removed (-), {content} changed (M), {kind} of another kind (T), {metadata} metadata only (m); {less} before, {more} now",
        "新增 {added}（+），移除 {removed}（-），内容变化 {content}（M），类型变化 {kind}（T），仅属性 {metadata}（m）；之前 {less}，现在 {more}"
    ))
}
