//! Places inside a snapshot, by path and by pattern.

use crate::error::DistributeError;
use crate::near::nearest;
use datakeep_model::{FileType, ItemPath, escape_for_terminal};
use datakeep_store::{Entry, KeyRange, Manifest, Repository};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// A path that exists in a snapshot.
#[derive(Clone, Debug)]
pub struct Place {
    /// The path.
    pub path: ItemPath,
    /// What stands there.
    pub entry: Entry,
}

/// Finds a path in a snapshot; a path that does not exist is an error with the nearest name in its directory.
pub fn look_up(repository: &Repository, manifest: &Manifest, path: &ItemPath) -> Result<Place, DistributeError> {
    let mut cursor = repository.entries(manifest, KeyRange::one(path.to_key()))?;
    match cursor.next_entry()? {
        Some(entry) if entry.key == path.to_key() => Ok(Place { path: path.clone(), entry }),
        _ => Err(missing_path(repository, manifest, path)),
    }
}

fn missing_path(repository: &Repository, manifest: &Manifest, path: &ItemPath) -> DistributeError {
    let near = near_path(repository, manifest, path);
    DistributeError::NotFound { what: format!("{path} in snapshot {}", manifest.snapshot.id.short()), near }
}

/// The nearest path: the deepest directory that exists, and in it the nearest name.
fn near_path(repository: &Repository, manifest: &Manifest, path: &ItemPath) -> Option<String> {
    let (parent, name) = (path.parent()?, path.name().to_vec());
    let siblings = list_directory(repository, manifest, &parent).ok()?;
    if siblings.is_empty() {
        return near_path(repository, manifest, &parent);
    }
    let names: Vec<String> = siblings.iter().map(|entry| escape_for_terminal(name_of(entry))).collect();
    let near = nearest(&escape_for_terminal(&name), names.iter().map(String::as_str))?;
    let parent = parent.to_string();
    Some(format!("{}/{near}", parent.trim_end_matches('/')))
}

/// Last component of an entry's path.
pub fn name_of(entry: &Entry) -> &[u8] {
    entry.key.iter().position(|&byte| byte == 0).map_or(b"", |at| &entry.key[at + 1..])
}

/// The entries of a directory, by name.
pub fn list_directory(
    repository: &Repository,
    manifest: &Manifest,
    directory: &ItemPath,
) -> Result<Vec<Entry>, DistributeError> {
    let start = directory.children_prefix();
    let mut end = start.clone();
    if let Some(last) = end.last_mut() {
        *last = 1;
    }
    let mut cursor = repository.entries(manifest, KeyRange { start, end: Some(end) })?;
    let mut entries = Vec::new();
    while let Some(entry) = cursor.next_entry()? {
        entries.push(entry);
    }
    Ok(entries)
}

/// Which paths are meant: all, or those that patterns choose.
///
/// A pattern without a slash is matched against names at any depth; one with a slash against paths from the selected
/// place down. `*` and `?` stop at slashes, `**` does not. A pattern that matches a directory means everything in it.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    include: Option<GlobSet>,
    exclude: Option<GlobSet>,
}

impl Selection {
    /// Compiles patterns. No include patterns: everything is included.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, DistributeError> {
        Ok(Self { include: compile(include)?, exclude: compile(exclude)? })
    }

    /// True when everything is meant.
    pub fn is_all(&self) -> bool {
        self.include.is_none() && self.exclude.is_none()
    }

    /// True when `path` (relative to the selected place) is meant, by itself or through a directory above it.
    pub fn contains(&self, path: &ItemPath) -> bool {
        let hit = |set: &GlobSet| {
            let mut at = Some(path.clone());
            while let Some(here) = at {
                if !here.is_root() && set.is_match(OsStr::from_bytes(here.as_bytes())) {
                    return true;
                }
                at = here.parent();
            }
            false
        };
        self.include.as_ref().is_none_or(hit) && !self.exclude.as_ref().is_some_and(hit)
    }
}

fn compile(patterns: &[String]) -> Result<Option<GlobSet>, DistributeError> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let usage = |pattern: &str, error: &globset::Error| DistributeError::Usage {
        message: format!("bad pattern {:?}: {}", pattern, error.kind()),
        hint: Some(
            "a pattern is like *.pdf, src/**/*.rs or photo-[0-9]?.jpg; \\ takes the next character as it is".into(),
        ),
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let trimmed = pattern.trim_start_matches('/').trim_end_matches('/');
        let anchored = pattern.trim_end_matches('/').contains('/');
        let text = if anchored { trimmed.to_string() } else { format!("**/{trimmed}") };
        let glob = GlobBuilder::new(&text).literal_separator(true).backslash_escape(true).build();
        set.add(glob.map_err(|error| usage(pattern, &error))?);
    }
    let built = set.build().map_err(|error| usage(&patterns.join(" "), &error))?;
    Ok(Some(built))
}

/// Calls `visit` with every entry beneath `place` that the selection contains and whose kind is asked for.
pub fn find(
    repository: &Repository,
    manifest: &Manifest,
    place: &ItemPath,
    selection: &Selection,
    file_type: Option<FileType>,
    visit: &mut dyn FnMut(&ItemPath, &Entry) -> Result<(), DistributeError>,
) -> Result<(), DistributeError> {
    let (start, end) = place.subtree_range();
    let mut cursor = repository.entries(manifest, KeyRange { start, end })?;
    while let Some(entry) = cursor.next_entry()? {
        if file_type.is_some_and(|wanted| wanted != entry.meta.file_type) {
            continue;
        }
        let Ok(path) = ItemPath::from_key(&entry.key) else { continue };
        if matches_itself(selection, &relative(&path, place)) {
            visit(&path, &entry)?;
        }
    }
    Ok(())
}

/// For searching, an entry must match by itself: what lies in a directory that matches is not meant.
fn matches_itself(selection: &Selection, path: &ItemPath) -> bool {
    let hit = |set: &GlobSet| set.is_match(OsStr::from_bytes(path.as_bytes()));
    selection.include.as_ref().is_none_or(hit) && !selection.exclude.as_ref().is_some_and(hit)
}

/// `path` as seen from `place`.
pub fn relative(path: &ItemPath, place: &ItemPath) -> ItemPath {
    let skip = place.depth();
    path.components().skip(skip).fold(ItemPath::root(), |path, part| path.join(part).unwrap_or(path))
}
