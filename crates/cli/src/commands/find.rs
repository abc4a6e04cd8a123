//! `datakeep find`.

use crate::args::{FindArgs, TypeName};
use crate::commands::tables::holds_tables;
use crate::errors::Failure;
use crate::items::ItemJson;
use crate::open::App;
use crate::out::Style;
use crate::words::tr;
use crate::{json, place, sizes, time};
use datakeep_distribute::{DistributeError, Selection, find, look_up};
use datakeep_model::{ExitCode, FileType, ItemPath, escape_for_terminal};
use datakeep_store::Manifest;
use serde::Serialize;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;

#[derive(Serialize)]
struct Hit {
    snapshot: String,
    source: String,
    #[serde(flatten)]
    item: ItemJson,
}

fn kind(name: TypeName) -> FileType {
    match name {
        TypeName::File => FileType::File,
        TypeName::Directory => FileType::Directory,
        TypeName::Symlink => FileType::Symlink,
        TypeName::Fifo => FileType::Fifo,
        TypeName::Socket => FileType::Socket,
        TypeName::CharDevice => FileType::CharDevice,
        TypeName::BlockDevice => FileType::BlockDevice,
    }
}

/// Runs it.
pub fn run(app: &App, args: &FindArgs) -> Result<ExitCode, Failure> {
    let selection = Selection::new(std::slice::from_ref(&args.pattern), &[])?;
    let beneath = args.place.as_ref().map_or(Ok(ItemPath::root()), |path| place::parse_path(path.as_bytes()))?;
    let repository = app.open_cached()?;
    let (manifests, _) = app.snapshots(&repository)?;
    let mut chosen = chosen(app, args, &manifests)?;
    // Tables have no paths: who names a snapshot of tables is told so, else they are passed by.
    chosen.retain(|manifest| !holds_tables(manifest));
    let (mut hits, mut searched, mut missing) = (0, 0, None);
    for manifest in &chosen {
        if let Err(error) = look_up(&repository, manifest, &beneath) {
            missing.get_or_insert(error);
            continue;
        }
        searched += 1;
        let mut heading = (chosen.len() > 1 && !app.out.json).then(|| heading(manifest));
        let mut failed = None;
        find(&repository, manifest, &beneath, &selection, args.kind.map(kind), &mut |path, entry| {
            hits += 1;
            let printed = if app.out.json {
                let (snapshot, source) = (manifest.snapshot.id.to_hex(), manifest.snapshot.source.name.clone());
                app.out.document(&json::document("item", Hit { snapshot, source, item: ItemJson::new(path, entry) }))
            } else {
                let first = heading.take().map_or(Ok(()), |text| app.out.line(app.out.styled(Style::Bold, &text)));
                first.and_then(|()| app.out.line(path.to_string()))
            };
            printed.map_err(|failure| {
                failed = Some(failure);
                DistributeError::Usage { message: "output failed".into(), hint: None }
            })
        })
        .map_err(|error| failed.take().unwrap_or_else(|| error.into()))?;
    }
    if let (0, Some(error)) = (searched, missing) {
        return Err(error.into());
    }
    if app.out.json {
        app.out.document(&json::document("find", serde_json::json!({"items": hits, "snapshots": searched})))?;
    } else if hits == 0 {
        app.out.inform(tr!("nothing matches", "没有匹配的条目"));
    } else if app.out.verbose {
        let count = sizes::count(hits);
        app.out.inform(tr!("{count} items", "{count} 个条目"));
    }
    Ok(ExitCode::OK)
}

fn heading(manifest: &Manifest) -> String {
    let (id, when) = (manifest.snapshot.id.short(), time::local(manifest.snapshot.started));
    let source = escape_for_terminal(manifest.snapshot.source.name.as_bytes());
    format!("{source}@{id}  {when}")
}

/// One snapshot, all, or the newest of each source.
fn chosen<'m>(app: &App, args: &FindArgs, manifests: &'m [Manifest]) -> Result<Vec<&'m Manifest>, Failure> {
    if let Some(name) = &args.snapshot {
        let manifest = app.choose(manifests, name)?;
        place::must_hold_files(manifest)?;
        return Ok(vec![manifest]);
    }
    if args.all {
        return Ok(manifests.iter().collect());
    }
    let mut seen = BTreeSet::new();
    let mut newest: Vec<_> = manifests.iter().rev().filter(|m| seen.insert(&m.snapshot.source.name)).collect();
    newest.reverse();
    Ok(newest)
}
