//! Store to target.
//!
//! Items come in windows, in key order, each with an action that a plan has decided (`distribute`). Within a window
//! directories are made first; then every frame that is needed is read and decoded once, by any worker, and written to
//! all the files that use it; hard links come last. Directories get their final metadata at the very end, from the
//! bottom up.

mod files;

use crate::backup::RunContext;
use crate::error::EngineError;
use datakeep_connector::{ItemError, ItemSpec, Target};
use datakeep_model::{Counters, ErrorKind, Event, FileType, ItemPath, Loss, LossCause, Snapshot, Xattr};
use datakeep_store::{Attributes, Entry, FrameDecoder, Repository, StoreError};
use files::FileWork;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What is to be done with an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing stands there.
    Create,
    /// Something stands there and is to be replaced as a whole.
    Replace,
    /// A regular file stands there; only what differs is written.
    Update,
    /// The content is right, the metadata is not.
    Metadata,
    /// It is as it should be.
    Skip,
    /// It stays as it is, whatever it is.
    Keep,
}

impl Action {
    /// A stable word for JSON output.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Replace => "overwrite",
            Action::Update => "update",
            Action::Metadata => "metadata",
            Action::Skip | Action::Keep => "skip",
        }
    }
}

/// One item of a restore.
#[derive(Clone, Debug)]
pub struct RestoreItem {
    /// Where it goes, relative to the target.
    pub path: ItemPath,
    /// What it is.
    pub entry: Entry,
    /// What is to be done.
    pub action: Action,
}

/// What a restore did.
#[derive(Clone, Debug, Default)]
pub struct RestoreTally {
    /// Items made.
    pub created: u64,
    /// Items replaced or updated.
    pub overwritten: u64,
    /// Items that were as they should be.
    pub skipped: u64,
    /// Items whose metadata alone was set.
    pub metadata_only: u64,
    /// Items removed because the snapshot does not have them.
    pub deleted: u64,
    /// Content bytes written.
    pub written_bytes: u64,
    /// Content bytes that stood there already.
    pub kept_bytes: u64,
    /// Frames read and proven.
    pub frames: u64,
    /// Items lost.
    pub losses: u64,
    /// Items lost because stored bytes are damaged.
    pub damaged: u64,
    /// The first thousand losses.
    pub lost: Vec<Loss>,
}

/// A restore being done.
pub struct RestorePump<'a> {
    repository: &'a Repository,
    target: &'a dyn Target,
    context: &'a RunContext<'a>,
    workers: usize,
    tally: Mutex<RestoreTally>,
    /// Ends the run; set by whoever fails first.
    failure: Mutex<Option<EngineError>>,
    /// First name of each hard-link group: (device, inode) in the snapshot -> path in the target.
    groups: HashMap<(u64, u64), ItemPath>,
    directories: Vec<(ItemPath, Entry)>,
}

impl<'a> RestorePump<'a> {
    /// A pump into `target`.
    pub fn new(
        repository: &'a Repository,
        target: &'a dyn Target,
        context: &'a RunContext<'a>,
        workers: usize,
    ) -> Self {
        Self {
            repository,
            target,
            context,
            workers: workers.max(1),
            tally: Mutex::default(),
            failure: Mutex::default(),
            groups: HashMap::new(),
            directories: Vec::new(),
        }
    }

    /// Writes a window of items: all names of a directory's entries come after the directory itself.
    pub fn write(&mut self, items: Vec<RestoreItem>) -> Result<(), EngineError> {
        self.context.observer.observe(&Event::Phase(datakeep_model::Phase::Transferring));
        let mut rest = Vec::with_capacity(items.len());
        for item in items {
            if self.context.cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            match (item.entry.meta.file_type, item.action) {
                (_, Action::Keep) => self.done(&item, 0),
                (FileType::Directory, _) => self.directory(item)?,
                _ => rest.push(item),
            }
        }
        let mut decoder = FrameDecoder::searching()?;
        while !rest.is_empty() {
            rest = self.write_files(rest, &mut decoder)?;
        }
        Ok(())
    }

    /// Writes entries that are no directories. Returns further names of files whose first name was lost: one of them
    /// is the first to be tried next.
    fn write_files(
        &mut self,
        items: Vec<RestoreItem>,
        decoder: &mut FrameDecoder,
    ) -> Result<Vec<RestoreItem>, EngineError> {
        let (mut files, mut links, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            match self.first_of_group(&item) {
                Some(first) => links.push((item, first)),
                None => files.push(item),
            }
        }
        let lost = FileWork::plan(self, files, decoder)?.run(self)?;
        self.groups.retain(|_, first| !lost.contains(first));
        for (item, first) in links {
            match lost.contains(&first) {
                true => again.push(item),
                false => self.hard_link(&item, &first, decoder)?,
            }
        }
        Ok(again)
    }

    /// The first name of the item's hard-link group, when it has one before this.
    fn first_of_group(&mut self, item: &RestoreItem) -> Option<ItemPath> {
        let meta = &item.entry.meta;
        if !meta.is_hard_linked() {
            return None;
        }
        match self.groups.entry((meta.device, meta.inode)) {
            std::collections::hash_map::Entry::Occupied(first) => Some(first.get().clone()),
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(item.path.clone());
                None
            }
        }
    }

    fn directory(&mut self, item: RestoreItem) -> Result<(), EngineError> {
        if item.action == Action::Keep {
            self.done(&item, 0);
            return Ok(());
        }
        let spec = spec(&item, &[]);
        match self.target.make_directory(spec) {
            Ok(()) => self.done(&item, 0),
            Err(error) => return self.lose(&item.path, error),
        }
        self.directories.push((item.path, item.entry));
        Ok(())
    }

    fn hard_link(&self, item: &RestoreItem, first: &ItemPath, decoder: &mut FrameDecoder) -> Result<(), EngineError> {
        let xattrs = self.xattrs(&item.path, &item.entry, decoder)?;
        let standing = |path| self.target.look(path).ok().flatten().map(|found| (found.meta.device, found.meta.inode));
        if item.action != Action::Create && standing(&item.path).is_some() && standing(&item.path) == standing(first) {
            self.done(&RestoreItem { action: Action::Skip, ..item.clone() }, 0);
            return Ok(());
        }
        let replace = item.action != Action::Create;
        match self.target.make_hard_link(ItemSpec { replace, ..spec(item, &xattrs) }, first) {
            Ok(()) => self.done(item, 0),
            Err(error) => return self.lose(&item.path, error),
        }
        Ok(())
    }

    /// Gives directories their final metadata and makes everything durable.
    pub fn finish(self, deleted: u64) -> Result<RestoreTally, EngineError> {
        let mut decoder = FrameDecoder::searching()?;
        for (path, entry) in self.directories.iter().rev() {
            let xattrs = self.xattrs(path, entry, &mut decoder)?;
            let item = ItemSpec { path, meta: &entry.meta, link_target: None, xattrs: &xattrs, replace: true };
            if let Err(error) = self.target.finish_directory(item) {
                self.lose(path, error)?;
            }
        }
        self.target.finish()?;
        let mut tally = self.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        tally.deleted = deleted;
        Ok(tally)
    }

    fn xattrs(&self, path: &ItemPath, entry: &Entry, decoder: &mut FrameDecoder) -> Result<Vec<Xattr>, EngineError> {
        if entry.attributes == Attributes::None {
            return Ok(Vec::new());
        }
        match self.repository.attributes(&entry.attributes, decoder) {
            Ok(xattrs) => Ok(xattrs),
            Err(error) => self.lose(path, damaged(&error)).map(|()| Vec::new()),
        }
    }

    fn done(&self, item: &RestoreItem, written_bytes: u64) {
        let len_bytes = item.entry.meta.len_bytes;
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        match item.action {
            Action::Create => tally.created += 1,
            Action::Replace | Action::Update => tally.overwritten += 1,
            Action::Metadata => tally.metadata_only += 1,
            Action::Skip | Action::Keep => tally.skipped += 1,
        }
        tally.written_bytes += written_bytes;
        tally.kept_bytes += len_bytes.saturating_sub(written_bytes);
        drop(tally);
        let observer = self.context.observer;
        if observer.wants_items() {
            let (file_type, action) = (item.entry.meta.file_type, item.action.as_str());
            observer.observe(&Event::Item { path: &item.path, file_type, action, len_bytes });
        }
        observer.observe(&Event::Progress { items: 1, bytes: len_bytes });
    }

    /// Counts a loss. An error that is the target's as a whole ends the run.
    fn lose(&self, path: &ItemPath, error: ItemError) -> Result<(), EngineError> {
        if let Some(kind) = error.fatal {
            let path = datakeep_model::escape_for_terminal(path.as_bytes());
            let text = format!("cannot write {path}: {}", error.detail);
            let hint = "make room, or make it writable, and run again with --overwrite changed: what is there is kept";
            return Err(datakeep_connector::ConnectorError::new(kind, text).with_hint(hint).into());
        }
        let loss = Loss { path: path.clone(), cause: error.cause, detail: error.detail };
        self.context.observer.observe(&Event::Loss(&loss));
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.losses += 1;
        tally.damaged += u64::from(loss.cause == LossCause::Damaged);
        if tally.lost.len() < Snapshot::MAX_LOSS_NOTES {
            tally.lost.push(loss);
        }
        Ok(())
    }

    fn fail(&self, error: EngineError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn has_failed(&self) -> bool {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// A repository's error as the loss of an item. Damage is told as damage, and so is a version that is not known: a
/// fault of the repository never looks like one of the item. The rest is unreadable.
pub(crate) fn damaged(error: &StoreError) -> ItemError {
    let cause = match error.kind() {
        ErrorKind::Integrity | ErrorKind::Incompatible => LossCause::Damaged,
        _ => LossCause::Unreadable,
    };
    ItemError::new(cause, error.to_string())
}

pub(crate) fn spec<'s>(item: &'s RestoreItem, xattrs: &'s [Xattr]) -> ItemSpec<'s> {
    ItemSpec {
        path: &item.path,
        meta: &item.entry.meta,
        link_target: item.entry.link_target.as_deref(),
        xattrs,
        replace: item.action != Action::Create,
    }
}

impl RestoreTally {
    /// The tally in the words of a run.
    pub fn counters(&self) -> Counters {
        Counters {
            items_new: self.created,
            items_changed: self.overwritten,
            items_unchanged: self.skipped,
            losses: self.losses,
            ..Counters::default()
        }
    }
}
