//! What is known of the source from earlier: an interrupted run and the newest snapshot, walked side by side with it.

use super::meta::MetaWriter;
use datakeep_connector::{Item, Sameness};
use datakeep_model::{ErrorKind, Mark, Meta, Timestamp};
use datakeep_store::{
    ChunkRef, Entry, KeyRange, Manifest, Node, NodeReader, NodeSource, Repository, Resumed, StoreError, TreeCursor,
    WritersView,
};
use std::cell::RefCell;
use std::rc::Rc;

/// Notes the nodes it loads, so that equal nodes of the new tree need not be written.
pub(crate) struct NotingReader<'a> {
    inner: NodeReader<'a>,
    seen: Rc<RefCell<Vec<ChunkRef>>>,
}

impl<'a> NotingReader<'a> {
    pub fn new(inner: NodeReader<'a>, seen: Rc<RefCell<Vec<ChunkRef>>>) -> Self {
        Self { inner, seen }
    }
}

impl NodeSource for NotingReader<'_> {
    fn load_node(&mut self, node: &ChunkRef) -> Result<Node, StoreError> {
        let loaded = self.inner.load_node(node)?;
        self.seen.borrow_mut().push(*node);
        Ok(loaded)
    }
}

/// How an item compares with what is known.
pub(crate) enum Known {
    /// Not known.
    New,
    /// Known and different, or not to be trusted: then with what it was, for what is read may turn out to be the same.
    Changed(Option<Box<Entry>>),
    /// Known and the same: its content need not be read.
    Same(Box<Entry>, Origin),
}

/// Where something is known from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// The run that was interrupted.
    Interrupted,
    /// The newest snapshot.
    Snapshot,
}

/// How sameness is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judgement {
    pub ignore_ctime: bool,
    pub ignore_inode: bool,
    pub read_everything: bool,
    pub slack_ns: i64,
}

pub(crate) struct Parents<'a> {
    repository: &'a Repository,
    judgement: Judgement,
    /// What this run may refer to; a run that only looks refers to nothing.
    view: Option<WritersView>,
    resumed: Option<Resumed>,
    resumed_next: Option<Entry>,
    resumed_mark: Timestamp,
    tree: Option<TreeCursor<NotingReader<'a>>>,
    tree_next: Option<Entry>,
    tree_mark: Timestamp,
    seen: Rc<RefCell<Vec<ChunkRef>>>,
    fault: Option<StoreError>,
    /// Entries of the parent that the source no longer has.
    pub removed: u64,
}

fn mark_time(mark: &Mark) -> Timestamp {
    match mark {
        Mark::FileTime(time) | Mark::Stream(time) | Mark::Position(time, _) => *time,
    }
}

impl<'a> Parents<'a> {
    pub fn new(
        repository: &'a Repository,
        parent: Option<&Manifest>,
        (resumed, view): (Option<Resumed>, Option<WritersView>),
        judgement: Judgement,
    ) -> Result<Self, StoreError> {
        let seen = Rc::default();
        let tree = match parent {
            None => None,
            Some(manifest) => {
                let reader = NotingReader { inner: NodeReader::new(repository)?, seen: Rc::clone(&seen) };
                Some(TreeCursor::new(reader, manifest.root, manifest.root_level, KeyRange::default()))
            }
        };
        let resumed_mark = resumed.as_ref().map(|r| mark_time(&r.mark)).unwrap_or_default();
        let tree_mark = parent.map(|m| mark_time(&m.snapshot.mark)).unwrap_or_default();
        let mut parents = Self {
            repository,
            judgement,
            view,
            resumed,
            resumed_next: None,
            resumed_mark,
            tree,
            tree_next: None,
            tree_mark,
            seen,
            fault: None,
            removed: 0,
        };
        parents.advance_resumed();
        parents.advance_tree()?;
        Ok(parents)
    }

    fn advance_resumed(&mut self) -> Option<Entry> {
        let next = self.resumed.as_mut().and_then(|resumed| resumed.next_entry(self.repository));
        std::mem::replace(&mut self.resumed_next, next)
    }

    fn advance_tree(&mut self) -> Result<Option<Entry>, StoreError> {
        let next = match self.tree.as_mut().map(TreeCursor::next_entry) {
            None => None,
            Some(Ok(next)) => next,
            // A parent is a hint: where it cannot be understood, the source is read again.
            Some(Err(error)) if matches!(error.kind(), ErrorKind::Integrity | ErrorKind::Incompatible) => {
                (self.tree, self.fault) = (None, Some(error));
                None
            }
            Some(Err(error)) => return Err(error),
        };
        Ok(std::mem::replace(&mut self.tree_next, next))
    }

    /// Compares the next item of the source. Called with ascending keys.
    pub fn compare(&mut self, key: &[u8], item: &Item) -> Result<Known, StoreError> {
        let (meta, sameness) = (&item.meta, item.handle.sameness());
        while self.resumed_next.as_ref().is_some_and(|entry| entry.key.as_slice() < key) {
            self.advance_resumed();
        }
        while self.tree_next.as_ref().is_some_and(|entry| entry.key.as_slice() < key) {
            self.advance_tree()?;
            self.removed += 1;
        }
        let resumed = match &self.resumed_next {
            Some(entry) if entry.key == key => self.advance_resumed(),
            _ => None,
        };
        let old = match &self.tree_next {
            Some(entry) if entry.key == key => self.advance_tree()?,
            _ => None,
        };
        let was_alike = old.as_ref().filter(|entry| self.looks_same(entry, meta)).cloned().map(Box::new);
        let is_known = old.is_some();
        let resumed = (resumed, self.resumed_mark, Origin::Interrupted);
        for (entry, mark, origin) in [resumed, (old, self.tree_mark, Origin::Snapshot)] {
            if let Some(entry) = entry
                && match sameness {
                    Sameness::Unknown => self.is_same(&entry, mark, meta),
                    Sameness::Exact { as_in_parent, read_again } => {
                        self.is_exactly_same(&entry, origin, meta, (as_in_parent, read_again))
                    }
                }
                && (origin == Origin::Snapshot || self.is_usable(&entry))
            {
                return Ok(Known::Same(Box::new(entry), origin));
            }
        }
        Ok(if is_known { Known::Changed(was_alike) } else { Known::New })
    }

    /// What an interrupted run has done may rest on what a collection deletes. (A parent is looked at as a whole before
    /// the walk begins.)
    fn is_usable(&self, entry: &Entry) -> bool {
        self.view.as_ref().is_none_or(|view| self.repository.is_entry_usable(view, entry))
    }

    /// Damage met since the last call.
    pub fn take_fault(&mut self) -> Option<StoreError> {
        self.fault.take()
    }

    /// Counts what is left of the parent as removed, and tells which nodes exist.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        while self.advance_tree()?.is_some() {
            self.removed += 1;
        }
        Ok(())
    }

    /// Hands over the nodes loaded since the last call.
    pub fn tell_nodes(&mut self, meta: &mut MetaWriter<'_>) {
        self.seen.borrow_mut().drain(..).for_each(|node| meta.know(node));
    }

    /// Same kind, length, times, inode and owner; and not changed so close to the moment it was last looked at that a
    /// later change could hide in the same tick of the file system's clock.
    fn is_same(&self, old: &Entry, mark: Timestamp, meta: &Meta) -> bool {
        let judgement = &self.judgement;
        !judgement.read_everything
            && !old.changed_while_read
            && self.looks_same(old, meta)
            && meta.ctime.offset_ns(judgement.slack_ns) < mark
    }

    /// What the source says of an item that cannot have changed, held against what is there. An interrupted run has read
    /// this very item, but of one that is imperfect anyway it does not say what it lost itself.
    fn is_exactly_same(
        &self,
        old: &Entry,
        origin: Origin,
        meta: &Meta,
        (as_in_parent, read_again): (bool, bool),
    ) -> bool {
        let is_told = match origin {
            Origin::Interrupted => !read_again && old.meta == *meta,
            Origin::Snapshot => as_in_parent,
        };
        !self.judgement.read_everything
            && is_told
            && old.changed_while_read == read_again
            && (old.meta.file_type, old.meta.len_bytes) == (meta.file_type, meta.len_bytes)
    }

    /// As far as can be seen without knowing when it was looked at.
    fn looks_same(&self, old: &Entry, meta: &Meta) -> bool {
        let judgement = &self.judgement;
        let was = &old.meta;
        let stable = |m: &Meta| (m.file_type, m.mode, m.uid, m.gid, m.len_bytes, m.mtime, m.rdev, m.links);
        stable(was) == stable(meta)
            && (judgement.ignore_ctime || was.ctime == meta.ctime)
            && (judgement.ignore_inode || was.inode == meta.inode)
    }
}
