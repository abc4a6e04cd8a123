//! Finding what an interrupted run of a source has done.

use crate::error::StoreError;
use crate::format::index::PackRecord;
use crate::format::names;
use crate::format::node;
use crate::format::progress::{self, Progress};
use crate::format::sealed::ObjectType;
use crate::pack::OpenPack;
use crate::repository::Repository;
use crate::tree::entry::{Entry, Node};
use datakeep_model::{ChunkId, Mark, SessionId, SourceInfo};
use datakeep_process::mac;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The folder name of a source's progress: nothing of the source's name can be read from it.
pub(crate) fn source_key(repository: &Repository, source: &SourceInfo) -> String {
    let data = [source.kind.as_bytes(), b"\0", source.name.as_bytes()].concat();
    let mac = mac(&repository.keys.commit, b"source", &data);
    datakeep_model::ObjectDigest(mac).to_hex()[..32].to_string()
}

/// Progress that runs of one source have left: names of records by session and number.
pub struct Unfinished(BTreeMap<SessionId, BTreeMap<u32, String>>);

impl Unfinished {
    /// The sessions that have left it.
    pub fn sessions(&self) -> BTreeSet<SessionId> {
        self.0.keys().copied().collect()
    }
}

/// What an interrupted run left: entries it had finished, in key order, and packs it had made durable.
pub struct Resumed {
    /// The interrupted session.
    pub session: SessionId,
    /// The point it was reading at.
    pub mark: Mark,
    /// Packs named by its progress.
    pub packs: Vec<PackRecord>,
    records: VecDeque<String>,
    leaves: VecDeque<Vec<u8>>,
    entries: VecDeque<Entry>,
    /// Key of the last entry.
    reached: Vec<u8>,
}

impl Resumed {
    /// The next entry; `None` at the end of what was done. A damaged record ends it early: less is resumed, nothing is
    /// lost.
    pub fn next_entry(&mut self, repository: &Repository) -> Option<Entry> {
        loop {
            if let Some(entry) = self.entries.pop_front() {
                return Some(entry);
            }
            if let Some(leaf) = self.leaves.pop_front() {
                let Ok(Node::Leaf(entries)) = node::decode(&leaf) else { return None };
                self.entries = entries.into();
                continue;
            }
            let record = self.records.pop_front()?;
            self.leaves = read_record(repository, &record).ok()?.leaves.into();
        }
    }
}

fn read_record(repository: &Repository, name: &str) -> Result<Progress, StoreError> {
    let plain = repository.read_sealed(ObjectType::Progress, name)?;
    progress::decode(&plain).map_err(|e| e.of(name))
}

/// Reads and proves a progress object, and looks for the packs it names: they were durable before it.
pub(crate) fn check_record(repository: &Repository, name: &str) -> Result<(), StoreError> {
    let record = read_record(repository, name)?;
    record
        .packs
        .iter()
        .try_for_each(|pack| repository.open_pack_uncached(pack.class, pack.name, Some(pack)).map(|_| ()))
}

impl Repository {
    /// Lists the progress that runs of this source have left.
    pub fn unfinished(&self, source: &SourceInfo) -> Result<Unfinished, StoreError> {
        let folder = names::progress_folder(&source_key(self, source));
        let mut sessions: BTreeMap<SessionId, BTreeMap<u32, String>> = BTreeMap::new();
        for listed in self.blobs.list(&folder)? {
            let Some((session, number)) = names::parse_session_number(&listed.name) else { continue };
            sessions.entry(session).or_default().insert(number, listed.name);
        }
        Ok(Unfinished(sessions))
    }

    /// What unfinished runs left: of the one that got farthest in key order, as far as it can be read. (Lengths would not
    /// tell: few large records compress better than many small ones.)
    pub fn interrupted(&self, unfinished: Unfinished) -> Option<Resumed> {
        let usable = unfinished.0.into_iter().filter_map(|(session, records)| self.usable(session, records));
        usable.max_by(|a, b| a.reached.cmp(&b.reached))
    }

    /// The records of a session up to the first that is missing or damaged; `None` when that is the first of all.
    fn usable(&self, session: SessionId, records: BTreeMap<u32, String>) -> Option<Resumed> {
        let mut packs = Vec::new();
        let mut mark = None;
        let mut usable = VecDeque::new();
        let mut last_leaf = Vec::new();
        for (expected, (number, name)) in records.into_iter().enumerate() {
            if number as usize != expected {
                break;
            }
            let Ok(record) = read_record(self, &name) else { break };
            mark.get_or_insert(record.mark);
            packs.extend(record.packs);
            last_leaf = record.leaves.into_iter().next_back().unwrap_or(last_leaf);
            usable.push_back(name);
        }
        self.expect_packs(packs.iter().copied());
        let reached = match node::decode(&last_leaf) {
            Ok(Node::Leaf(entries)) => entries.into_iter().next_back().map(|entry| entry.key).unwrap_or_default(),
            _ => Vec::new(),
        };
        let (leaves, entries) = (VecDeque::new(), VecDeque::new());
        Some(Resumed { session, mark: mark?, packs, records: usable, leaves, entries, reached })
    }

    /// All durable packs of a session, those without index included, with their chunks: a resumed run deduplicates
    /// against them.
    pub fn packs_of_session(&self, session: SessionId) -> Result<Vec<(PackRecord, Vec<ChunkId>)>, StoreError> {
        let mut found = Vec::new();
        for folder in ["data", "meta"] {
            let folder = format!("{folder}/{}/", &session.to_hex()[..2]);
            // What its records name is durable; what it has stored since need not be, and is built on.
            self.blobs.settle(&folder)?;
            for listed in self.blobs.list(&folder)? {
                let Some((class, name)) = names::PackName::parse(&listed.name) else { continue };
                if name.session != session {
                    continue;
                }
                if let Ok(pack) = self.open_pack_for_record(class, name) {
                    found.push((pack.record, ids(&pack)));
                }
            }
        }
        self.expect_packs(found.iter().map(|(record, _)| *record));
        Ok(found)
    }

    /// Removes progress records of a source: of `sessions` that are decided or superseded. Failure is no harm.
    pub fn forget_progress(&self, source: &SourceInfo, sessions: &BTreeSet<SessionId>) -> Result<(), StoreError> {
        let folder = names::progress_folder(&source_key(self, source));
        for listed in self.blobs.list(&folder)? {
            if names::parse_session_number(&listed.name).is_some_and(|(session, _)| sessions.contains(&session)) {
                self.blobs.delete(&listed.name)?;
            }
        }
        Ok(())
    }
}

fn ids(pack: &OpenPack) -> Vec<ChunkId> {
    pack.chunks().iter().map(|chunk| chunk.id).collect()
}
