//! `datakeep ls`.

use crate::args::LsArgs;
use crate::commands::tables;
use crate::errors::Failure;
use crate::items::{self, ItemJson};
use crate::open::App;
use crate::out::table;
use crate::{json, place};
use datakeep_distribute::select::{name_of, relative};
use datakeep_distribute::{Place, list_directory};
use datakeep_model::{ExitCode, FileType, ItemPath, Snapshot, escape_for_terminal};
use datakeep_store::{Entry, KeyRange, Manifest, Repository};
use serde::Serialize;
use std::sync::Arc;

/// Rows held back to line up columns.
const WINDOW_ROWS: usize = 1000;

#[derive(Serialize)]
struct Listing {
    snapshot: String,
    #[serde(flatten)]
    place: json::PathJson,
    items: u64,
}

struct Printer<'a> {
    app: &'a App,
    snapshot: &'a Snapshot,
    long: bool,
    rows: Vec<Vec<String>>,
    items: u64,
}

/// Runs it.
pub fn run(app: &App, args: &LsArgs) -> Result<ExitCode, Failure> {
    let repository = Arc::new(app.open_to_read()?);
    let (name, _) = place::split(&args.place)?;
    let (manifests, _) = app.snapshots_to_read(&repository, &name)?;
    if let Some((manifest, within)) = tables::find(app, &manifests, &args.place)? {
        return tables::list::run(app, repository.clone(), manifest, within.as_deref(), args.long);
    }
    let (manifest, place) = place::resolve(app, &repository, &manifests, &args.place)?;
    let mut printer = Printer { app, snapshot: &manifest.snapshot, long: args.long, rows: Vec::new(), items: 0 };
    if place.entry.meta.file_type != FileType::Directory {
        printer.item(&place.path, &place.entry, escape_for_terminal(place.path.name()))?;
    } else if args.recursive {
        everything(&repository, manifest, &place, &mut printer)?;
    } else {
        for entry in list_directory(&repository, manifest, &place.path)? {
            let name = name_of(&entry).to_vec();
            let path = place.path.join(&name).unwrap_or_default();
            printer.item(&path, &entry, escape_for_terminal(&name))?;
        }
    }
    printer.flush()?;
    if app.out.json {
        let (snapshot, items) = (manifest.snapshot.id.to_hex(), printer.items);
        let place = json::PathJson::absolute(&place.path);
        app.out.document(&json::document("ls", Listing { snapshot, place, items }))?;
    }
    Ok(ExitCode::OK)
}

fn everything(
    repository: &Repository,
    manifest: &Manifest,
    place: &Place,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    let (start, end) = place.path.subtree_range();
    let mut cursor = repository.entries(manifest, KeyRange { start, end })?;
    while let Some(entry) = cursor.next_entry()? {
        let Ok(path) = ItemPath::from_key(&entry.key) else { continue };
        let shown = escape_for_terminal(relative(&path, &place.path).as_bytes());
        printer.item(&path, &entry, shown)?;
    }
    Ok(())
}

impl Printer<'_> {
    fn item(&mut self, path: &ItemPath, entry: &Entry, name: String) -> Result<(), Failure> {
        self.items += 1;
        if self.app.out.json {
            return self.app.out.document(&json::document("item", ItemJson::new(path, entry)));
        }
        let name = items::plain_name(entry, name);
        if !self.long {
            return self.app.out.line(name);
        }
        self.rows.push(items::long_row(self.snapshot, entry, name));
        if self.rows.len() >= WINDOW_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let rows = std::mem::take(&mut self.rows);
        table(&rows, &items::LONG_RIGHT).iter().try_for_each(|line| self.app.out.line(line))
    }
}
