//! Restores: a plan first, then the plan applied.

use crate::error::DistributeError;
use crate::select::{Selection, list_directory, look_up, name_of, relative};
use datakeep_connector::Target;
use datakeep_engine::{Action, EngineError, RestoreItem, RestorePump, RestoreTally, RunContext};
use datakeep_model::{ErrorKind, Event, FileType, ItemPath, Phase, escape_for_terminal};
use datakeep_store::{Attributes, Entry, KeyRange, Manifest, Repository};
use std::collections::BTreeSet;

/// What happens to what stands in the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overwrite {
    /// Nothing may stand there: a target that is not empty is refused before anything is written.
    Refuse,
    /// What stands there stays; only what is missing is made.
    Never,
    /// What differs in kind, length or time of change is overwritten; of large files only the parts that differ.
    Changed,
    /// As `Changed`, but only when the snapshot's time of change is later.
    Newer,
    /// Everything is written anew.
    Always,
}

/// What is to be restored.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// The place in the snapshot: a directory's contents go into the target, a file goes under its name.
    pub place: ItemPath,
    /// Which of it.
    pub selection: Selection,
    /// What happens to what stands in the way.
    pub overwrite: Overwrite,
    /// Remove what the snapshot does not have, in directories that it has.
    pub delete: bool,
    /// Threads.
    pub workers: usize,
}

/// What a restore would do.
#[derive(Clone, Debug, Default)]
pub struct RestorePlan {
    /// Items to be made.
    pub create: u64,
    /// Items to be replaced or updated.
    pub overwrite: u64,
    /// Items whose metadata alone would be set.
    pub metadata_only: u64,
    /// Items that are as they should be.
    pub skip: u64,
    /// Content bytes of items to be made or overwritten.
    pub content_bytes: u64,
    /// What would be removed.
    pub delete: Vec<ItemPath>,
    /// True when the target is empty or missing.
    pub target_is_empty: bool,
}

/// What a restore did.
#[derive(Clone, Debug, Default)]
pub struct RestoreReport {
    /// What was done.
    pub tally: RestoreTally,
    /// Damage beside the restored data (`Repository::companions`), and what reading went past.
    pub companion_faults: Vec<String>,
}

/// Items per window.
const WINDOW_ITEMS: usize = 8 << 10;
/// Chunk references per window, about.
const WINDOW_REFS: usize = 64 << 10;

struct Planner<'a> {
    repository: &'a Repository,
    manifest: &'a Manifest,
    target: &'a dyn Target,
    request: &'a RestoreRequest,
    target_is_empty: bool,
    /// Directories made for the sake of what is beneath them, when patterns select.
    wanted: Option<BTreeSet<Vec<u8>>>,
}

impl<'a> Planner<'a> {
    fn new(
        repository: &'a Repository,
        manifest: &'a Manifest,
        target: &'a dyn Target,
        location: &str,
        request: &'a RestoreRequest,
    ) -> Result<Self, DistributeError> {
        let place = look_up(repository, manifest, &request.place)?;
        let standing = target.list(&ItemPath::root())?;
        let single = place.entry.meta.file_type != FileType::Directory;
        // A single file may go into a directory that holds other things, as long as its own name is free.
        let in_the_way = standing.iter().find(|name| !single || name.as_slice() == request.place.name());
        if let (Overwrite::Refuse, Some(found)) = (request.overwrite, in_the_way) {
            let found = escape_for_terminal(found);
            return Err(DistributeError::TargetNotEmpty { location: location.to_string(), found });
        }
        let target_is_empty = standing.is_empty();
        let mut planner = Self { repository, manifest, target, request, target_is_empty, wanted: None };
        if !request.selection.is_all() {
            planner.wanted = Some(planner.wanted_directories()?);
        }
        Ok(planner)
    }

    /// Every directory that must exist because something in it is selected.
    fn wanted_directories(&self) -> Result<BTreeSet<Vec<u8>>, DistributeError> {
        let mut wanted = BTreeSet::new();
        let mut found = false;
        self.each_entry(&mut |path, _| {
            if self.request.selection.contains(path) {
                found = true;
                let mut above = path.parent();
                while let Some(directory) = above {
                    if !wanted.insert(directory.to_key()) {
                        break;
                    }
                    above = directory.parent();
                }
            }
            Ok(())
        })?;
        if found {
            return Ok(wanted);
        }
        Err(DistributeError::NotFound { what: "an entry that matches the patterns".into(), near: None })
    }

    /// All entries of the place in key order, with paths relative to the target.
    fn each_entry(
        &self,
        visit: &mut dyn FnMut(&ItemPath, Entry) -> Result<(), DistributeError>,
    ) -> Result<(), DistributeError> {
        let place = look_up(self.repository, self.manifest, &self.request.place)?;
        if place.entry.meta.file_type != FileType::Directory {
            let path = ItemPath::root()
                .join(self.request.place.name())
                .map_err(|error| DistributeError::Usage { message: error.to_string(), hint: None })?;
            return visit(&path, place.entry);
        }
        visit(&ItemPath::root(), place.entry)?;
        let (start, end) = self.request.place.subtree_range();
        let mut cursor = self.repository.entries(self.manifest, KeyRange { start, end })?;
        let mut directories = DirectoryStack::default();
        while let Some(entry) = cursor.next_entry()? {
            let path = checked_path(&entry)?;
            directories.check(&path, &entry, &self.request.place)?;
            visit(&relative(&path, &self.request.place), entry)?;
        }
        Ok(())
    }

    fn action(&self, path: &ItemPath, entry: &Entry) -> Result<Action, DistributeError> {
        if self.target_is_empty {
            return Ok(Action::Create);
        }
        let Some(found) = self.target.look(path)? else { return Ok(Action::Create) };
        let (want, have) = (&entry.meta, &found.meta);
        let same_type = want.file_type == have.file_type;
        let later = want.mtime > have.mtime;
        if want.file_type == FileType::Directory {
            return Ok(match self.request.overwrite {
                Overwrite::Refuse | Overwrite::Never => Action::Keep,
                _ if same_type => Action::Metadata,
                Overwrite::Newer if !later => Action::Keep,
                _ => Action::Replace,
            });
        }
        let same = same_type
            && want.len_bytes == have.len_bytes
            && want.mtime == have.mtime
            && want.rdev == have.rdev
            && entry.link_target == found.link_target;
        Ok(match self.request.overwrite {
            Overwrite::Refuse | Overwrite::Never => Action::Keep,
            Overwrite::Always => Action::Replace,
            Overwrite::Changed | Overwrite::Newer if same => self.metadata_or_skip(entry, have),
            Overwrite::Newer if !later => Action::Keep,
            // Not in place for `newer`: a file half written looks newer than the snapshot, and would be left so.
            Overwrite::Changed if same_type && want.file_type == FileType::File => Action::Update,
            Overwrite::Changed | Overwrite::Newer => Action::Replace,
        })
    }

    fn metadata_or_skip(&self, entry: &Entry, have: &datakeep_model::Meta) -> Action {
        let owner = |meta: &datakeep_model::Meta| (meta.mode, meta.uid, meta.gid);
        let same = owner(&entry.meta) == owner(have) && entry.attributes == Attributes::None;
        if same { Action::Skip } else { Action::Metadata }
    }

    fn is_selected(&self, path: &ItemPath, entry: &Entry) -> bool {
        match &self.wanted {
            None => true,
            Some(wanted) => {
                let above = entry.meta.file_type == FileType::Directory && wanted.contains(&path.to_key());
                above || self.request.selection.contains(path)
            }
        }
    }

    /// Calls `visit` with every item to be looked at, its action decided.
    fn each_item(
        &self,
        visit: &mut dyn FnMut(RestoreItem) -> Result<(), DistributeError>,
    ) -> Result<(), DistributeError> {
        self.each_entry(&mut |path, entry| {
            if !self.is_selected(path, &entry) {
                return Ok(());
            }
            // The target itself stands already; it is filled, not made.
            let action = match path.is_root() {
                true if self.target_is_empty => Action::Metadata,
                _ => self.action(path, &entry)?,
            };
            visit(RestoreItem { path: path.clone(), entry, action })
        })
    }

    /// What stands in directories of the snapshot and is not in it.
    fn extras(&self) -> Result<Vec<ItemPath>, DistributeError> {
        let mut extras = Vec::new();
        if !self.request.delete || self.target_is_empty {
            return Ok(extras);
        }
        self.each_entry(&mut |path, entry| {
            if entry.meta.file_type != FileType::Directory {
                // A directory in the way of something else: everything in it is foreign.
                if self.is_selected(path, &entry) && self.action(path, &entry)? == Action::Replace {
                    let names = self.target.list(path)?;
                    extras.extend(names.iter().filter_map(|name| path.join(name).ok()));
                }
                return Ok(());
            }
            let in_snapshot = ItemPath::from_key(&entry.key).unwrap_or_default();
            let kept: BTreeSet<Vec<u8>> = list_directory(self.repository, self.manifest, &in_snapshot)?
                .iter()
                .map(|entry| name_of(entry).to_vec())
                .collect();
            for name in self.target.list(path)? {
                if !kept.contains(&name)
                    && let Ok(extra) = path.join(&name)
                    && self.request.selection.contains(&extra)
                {
                    extras.push(extra);
                }
            }
            Ok(())
        })?;
        Ok(extras)
    }
}

/// Refuses an entry whose parent in the snapshot is no directory: such a tree was not made by a backup.
#[derive(Default)]
struct DirectoryStack {
    known: BTreeSet<Vec<u8>>,
}

impl DirectoryStack {
    fn check(&mut self, path: &ItemPath, entry: &Entry, place: &ItemPath) -> Result<(), DistributeError> {
        let parent = path.parent().unwrap_or_default();
        if parent != *place && !self.known.contains(parent.as_bytes()) {
            let (what, found) = (format!("the tree at {path}"), "an entry beneath something that is no directory");
            return Err(datakeep_store::StoreError::damaged(what, 0, "an entry in a directory", found).into());
        }
        if entry.meta.file_type == FileType::Directory {
            self.known.insert(path.as_bytes().to_vec());
        }
        Ok(())
    }
}

fn checked_path(entry: &Entry) -> Result<ItemPath, DistributeError> {
    ItemPath::from_key(&entry.key).map_err(|error| {
        let name = format!("the tree at {}", escape_for_terminal(&entry.key));
        datakeep_store::StoreError::damaged(name, 0, "a path that can exist", error.to_string()).into()
    })
}

/// Works out what a restore would do. Looks at the target and changes nothing. With an observer that wants items, each
/// is told with its action.
pub fn plan(
    repository: &Repository,
    manifest: &Manifest,
    target: &dyn Target,
    location: &str,
    request: &RestoreRequest,
    context: &RunContext<'_>,
) -> Result<RestorePlan, DistributeError> {
    context.observer.observe(&Event::Phase(Phase::Planning));
    let planner = Planner::new(repository, manifest, target, location, request)?;
    let mut plan = RestorePlan { target_is_empty: planner.target_is_empty, ..RestorePlan::default() };
    planner.each_item(&mut |item| {
        let len_bytes = item.entry.meta.len_bytes;
        match item.action {
            Action::Create => plan.create += 1,
            Action::Replace | Action::Update => plan.overwrite += 1,
            Action::Metadata => plan.metadata_only += 1,
            Action::Skip | Action::Keep => plan.skip += 1,
        }
        if !matches!(item.action, Action::Skip | Action::Keep | Action::Metadata) {
            plan.content_bytes += len_bytes;
        }
        if context.observer.wants_items() {
            let (path, file_type, action) = (&item.path, item.entry.meta.file_type, item.action.as_str());
            context.observer.observe(&Event::Item { path, file_type, action, len_bytes });
        }
        Ok(())
    })?;
    plan.delete = planner.extras()?;
    Ok(plan)
}

/// Restores. `delete` is what the plan listed for removal; nothing else is removed.
pub fn restore(
    repository: &Repository,
    manifest: &Manifest,
    target: &dyn Target,
    location: &str,
    request: &RestoreRequest,
    delete: &[ItemPath],
    context: &RunContext<'_>,
) -> Result<RestoreReport, DistributeError> {
    // The restore of a whole snapshot looks at everything the snapshot left, that of a part at nothing more than it needs.
    let whole = manifest.snapshot.roots.iter().all(|root| root.is_within(&request.place));
    let whole = whole && request.selection.is_all();
    // Reach names every pack with its length and digest: they are compared as packs are opened.
    let reach_fault = whole.then(|| repository.reach(manifest).err().map(|error| error.to_string())).flatten();
    let planner = Planner::new(repository, manifest, target, location, request)?;
    let mut deleted = 0;
    for path in delete {
        target.remove(path)?;
        deleted += 1;
    }
    let mut pump = RestorePump::new(repository, target, context, request.workers);
    let tally = transfer(&planner, &mut pump)
        .and_then(|()| Ok(pump.finish(deleted)?))
        .map_err(|error| in_target(error, location))?;
    let mut companion_faults = match whole {
        true => repository.companions(manifest).faults.iter().map(ToString::to_string).collect(),
        false => Vec::new(),
    };
    companion_faults.extend(reach_fault);
    companion_faults.extend(repository.passed_damage([manifest]));
    Ok(RestoreReport { tally, companion_faults })
}

fn transfer(planner: &Planner<'_>, pump: &mut RestorePump<'_>) -> Result<(), DistributeError> {
    let (mut window, mut refs) = (Vec::new(), 0);
    planner.each_item(&mut |item| {
        item.entry.for_each_ref(|_| refs += 1);
        window.push(item);
        if window.len() >= WINDOW_ITEMS || refs >= WINDOW_REFS {
            refs = 0;
            pump.write(std::mem::take(&mut window))?;
        }
        Ok(())
    })?;
    Ok(pump.write(window)?)
}

/// A target that fails is named: paths in it are relative, and look like paths of the snapshot.
fn in_target(error: DistributeError, location: &str) -> DistributeError {
    match error {
        DistributeError::Engine(EngineError::Connector(mut error)) if error.kind == ErrorKind::Target => {
            let location = escape_for_terminal(location.as_bytes());
            error.message = format!("target {location}: {}", error.message);
            error.into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datakeep_connector::ConnectorError;

    #[test]
    fn a_target_that_fails_is_named() {
        let full = |kind| EngineError::from(ConnectorError::new(kind, "cannot write a/b: No space left")).into();
        let text = |kind| in_target(full(kind), "/mnt/\x1b").to_string();
        assert_eq!(text(ErrorKind::Target), "target /mnt/\\x1b: cannot write a/b: No space left");
        assert_eq!(text(ErrorKind::Denied), "cannot write a/b: No space left");
    }
}
