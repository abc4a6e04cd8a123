//! The snapshot before, walked side by side with the database.

use super::grouper::Group;
use super::stored::{StoredGroup, entry_at, group_entries, group_of, table_of};
use crate::backup::parents::NotingReader;
use datakeep_connector::TableInfo;
use datakeep_process_table::TableDescription;
use datakeep_process_table::describe::{ColumnStatistics, group_key, table_key};
use datakeep_store::{
    ChunkRef, Entry, FrameDecoder, KeyRange, Manifest, NodeReader, Repository, StoreError, TreeCursor,
};
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

/// Groups that a new one is compared with, at most.
const MOST_GROUPS: usize = 4;

/// The snapshot before.
pub(crate) struct Parent<'r> {
    repository: &'r Repository,
    manifest: &'r Manifest,
    seen: Rc<RefCell<Vec<ChunkRef>>>,
    decoder: FrameDecoder,
}

impl<'r> Parent<'r> {
    pub fn new(repository: &'r Repository, manifest: &'r Manifest) -> Result<Self, StoreError> {
        Ok(Self { repository, manifest, seen: Rc::default(), decoder: FrameDecoder::new()? })
    }

    fn reader(&self) -> Result<NotingReader<'r>, StoreError> {
        Ok(NotingReader::new(NodeReader::new(self.repository)?, Rc::clone(&self.seen)))
    }

    /// A table as it was.
    pub fn table(&mut self, info: &TableInfo) -> Result<Option<WasTable>, StoreError> {
        let Some(entry) = entry_at(self.reader()?, self.manifest, table_key(&info.name))? else { return Ok(None) };
        let (table, statistics) = table_of(self.repository, &entry, &mut self.decoder)?;
        Ok(Some(WasTable { table, statistics, entry }))
    }

    /// How many tables it had that are none of these, which are by rising name.
    pub fn tables_beside(&self, are: &[TableDescription]) -> Result<u64, StoreError> {
        let keys: BTreeSet<Vec<u8>> = are.iter().map(|table| table_key(&table.info.name)).collect();
        let range = KeyRange { start: b"T".to_vec(), end: Some(b"U".to_vec()) };
        let mut entries = TreeCursor::new(self.reader()?, self.manifest.root, self.manifest.root_level, range);
        let mut count = 0;
        while let Some(entry) = entries.next_entry()? {
            count += u64::from(!keys.contains(&entry.key));
        }
        Ok(count)
    }

    /// A group as it is stored.
    pub fn group(&mut self, entry: Entry) -> Result<StoredGroup, StoreError> {
        group_of(self.repository, entry, &mut self.decoder)
    }

    /// The groups that a table had; none where they are of another key, and so in another order.
    pub fn groups(&mut self, info: &TableInfo, was: &TableDescription) -> Result<Option<WasGroups<'r>>, StoreError> {
        let mut entries = group_entries(self.reader()?, self.manifest, &info.name);
        let next = entries.next_entry()?;
        let prefix = group_key(&info.name, &[]);
        let names = |info: &TableInfo| info.key.iter().map(|&at| info.columns[at].name.clone()).collect::<Vec<_>>();
        let (before, new_before, has_key) = (Vec::new(), Vec::new(), !info.key.is_empty());
        let ahead = VecDeque::new();
        let groups = WasGroups { entries, next, ahead, before, new_before, prefix, has_key, knows_all: true };
        Ok((names(info) == names(&was.info)).then_some(groups))
    }

    /// Nodes of its tree that have been read since this was asked last.
    pub fn take_seen(&self) -> Vec<ChunkRef> {
        self.seen.borrow_mut().drain(..).collect()
    }
}

/// A table as it was.
pub(crate) struct WasTable {
    pub table: TableDescription,
    pub statistics: Vec<ColumnStatistics>,
    pub entry: Entry,
}

/// The groups that a table had, walked side by side with those it has.
pub(crate) struct WasGroups<'r> {
    entries: TreeCursor<NotingReader<'r>>,
    next: Option<Entry>,
    /// Those behind it that have been read.
    ahead: VecDeque<Entry>,
    /// What orders the group before the next, and the last new group: where they are the same, the next ones begin alike.
    before: Vec<u8>,
    new_before: Vec<u8>,
    prefix: Vec<u8>,
    has_key: bool,
    knows_all: bool,
}

impl WasGroups<'_> {
    fn order<'e>(&self, entry: &'e Entry) -> &'e [u8] {
        entry.key.get(self.prefix.len()..).unwrap_or_default()
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        if let Some(entry) = self.next.take() {
            self.before = self.order(&entry).to_vec();
            self.next = match self.ahead.pop_front() {
                Some(entry) => Some(entry),
                None => self.entries.next_entry()?,
            };
        }
        Ok(())
    }

    /// The next group, and those behind it that begin before `order`, as far as they are looked at.
    fn up_to(&mut self, order: &[u8]) -> Result<Vec<Entry>, StoreError> {
        let mut found: Vec<Entry> = self.next.clone().into_iter().collect();
        while self.has_key && found.len() < MOST_GROUPS && found.last().is_some_and(|last| self.order(last) < order) {
            if self.ahead.len() < found.len() {
                let Some(entry) = self.entries.next_entry()? else { break };
                self.ahead.push_back(entry);
            }
            let Some(entry) = self.ahead.get(found.len() - 1) else { break };
            found.push(entry.clone());
        }
        Ok(found)
    }

    /// The groups that held rows like those of this one: from the one that held the first row, if any did, which is the first
    /// that ends at that row or behind it. Without a key, the one of the same number. And whether it is one, and both hold what
    /// became of the same rows.
    pub fn of(&mut self, group: &Group, is_last: bool) -> Result<(Vec<Entry>, bool), StoreError> {
        let least = if self.has_key { &group.first_key } else { &group.order };
        while let Some(entry) = &self.next {
            if self.order(entry) >= least.as_slice() {
                break;
            }
            self.advance()?;
        }
        let begins_alike = self.before == self.new_before;
        self.new_before.clone_from(&group.order);
        let Some(found) = self.next.clone() else {
            // Rows behind all that were there; and so are those of the next group.
            self.knows_all &= begins_alike;
            if begins_alike {
                self.new_before.clone_from(&self.before);
            }
            return Ok((Vec::new(), begins_alike));
        };
        let all = self.up_to(&group.order)?;
        let ends_alike = self.order(&found) == group.order;
        if is_last || self.order(&found) <= group.order.as_slice() {
            self.advance()?;
        }
        // Of the last group that was there, all rows stand in this one: what follows is new.
        let is_last_of_both = self.next.is_none();
        let is_aligned = begins_alike && (ends_alike || is_last_of_both);
        if !ends_alike && (is_last || is_last_of_both) {
            // The table ended elsewhere: what follows begins behind both.
            self.new_before.clone_from(&self.before);
        }
        self.knows_all &= is_aligned;
        Ok((all, is_aligned))
    }

    /// What follows cannot be read.
    pub fn give_up(&mut self) -> (Vec<Entry>, bool) {
        (self.next, self.knows_all) = (None, false);
        self.ahead.clear();
        (Vec::new(), false)
    }

    /// Walks to the end, so that all nodes are known; true when every group was compared with one that holds what became of its
    /// rows.
    pub fn finish(mut self) -> Result<bool, StoreError> {
        let knows_all = self.knows_all && self.next.is_none();
        while self.next.is_some() {
            self.advance()?;
        }
        Ok(knows_all)
    }
}
