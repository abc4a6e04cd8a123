//! Finds the pack of a chunk in bounded memory.
//!
//! The index objects of the repository are sorted runs of (first 8 bytes of the id, pack). Large runs live as files in
//! the disposable local cache and cost 1.3 bytes of memory a chunk (a filter and fence keys); small ones, and all of
//! them when there is no cache folder, live in memory at 12 bytes a chunk. A hit is only a candidate: the pack's
//! directory says whether the chunk is really there, so a damaged cache can cost space and never data.

use crate::error::StoreError;
use crate::format::index::{self, IndexRun, PackRecord, fingerprint};
use crate::format::names::{PackClass, PackName, decimal, parse_epoch_session};
use crate::format::sealed::ObjectType;
use crate::pack::OpenPack;
use crate::repository::Repository;
use crate::tree::entry::Location;
use crate::view::WritersView;
use datakeep_model::ChunkId;
use datakeep_store_blob::Listed;
use segment::Segment;
use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

mod segment;

#[cfg(test)]
pub(crate) use segment::tests::{sample_bytes as segment_sample, tried as segment_tried};

const FOLDER: &str = "index/";
/// Runs of fewer chunks stay in memory.
const SMALL_RUN_CHUNKS: usize = 64 << 10;

/// The index of all sessions seen when it was loaded, and of what this run has made durable since.
#[derive(Default)]
pub struct Index {
    /// The objects it was loaded from.
    objects: Vec<Listed>,
    packs: Vec<PackRecord>,
    /// Which of `packs` each object named.
    runs: Vec<(String, Range<usize>)>,
    names: HashSet<PackName>,
    memory: Table,
    segments: Vec<(Segment, u32)>,
    faults: Vec<String>,
    chunks: AtomicU64,
    added: RwLock<(Vec<PackRecord>, Table)>,
}

/// A sorted table in memory.
#[derive(Default)]
struct Table {
    fingerprints: Vec<u64>,
    packs: Vec<u32>,
}

impl Table {
    fn from_entries(mut entries: Vec<(u64, u32)>) -> Self {
        entries.sort_unstable();
        Self { fingerprints: entries.iter().map(|e| e.0).collect(), packs: entries.iter().map(|e| e.1).collect() }
    }

    fn candidates(&self, fingerprint: u64) -> impl Iterator<Item = u32> + '_ {
        let start = self.fingerprints.partition_point(|&f| f < fingerprint);
        let same = self.fingerprints[start..].iter().take_while(move |&&f| f == fingerprint).count();
        self.packs[start..start + same].iter().copied()
    }

    fn merge(&mut self, entries: Vec<(u64, u32)>) {
        let old = self.fingerprints.drain(..).zip(self.packs.drain(..));
        *self = Self::from_entries(old.chain(entries).collect());
    }
}

impl Index {
    /// Loads the index objects of the repository, through the cache folder when there is one.
    pub(crate) fn load(repository: &Repository) -> Result<Self, StoreError> {
        let mut index = Self { objects: repository.blobs.list(FOLDER)?, ..Self::default() };
        let mut small = Vec::new();
        for listed in index.objects.clone() {
            let cached = repository.cache().map(|cache| cache.folder().join(listed.name.replace('/', "-")));
            let start = index.packs.len();
            let loaded = index.load_run(repository, &listed.name, cached.as_deref(), &mut small);
            index.runs.push((listed.name, start..index.packs.len()));
            if let Err(error) = loaded {
                // The index can be made again from packs: without this part chunks are stored again, and none is lost.
                index.faults.push(error.to_string());
            }
        }
        index.names = index.packs.iter().map(|record| record.name).collect();
        index.memory = Table::from_entries(small);
        let segments: u64 = index.segments.iter().map(|(segment, _)| segment.chunks()).sum();
        index.chunks = AtomicU64::new(segments + index.memory.packs.len() as u64);
        Ok(index)
    }

    /// True when no session has added to the repository's index since.
    pub(crate) fn is_fresh(&self, repository: &Repository) -> Result<bool, StoreError> {
        Ok(repository.blobs.list(FOLDER)? == self.objects)
    }

    fn load_run(
        &mut self,
        repository: &Repository,
        object: &str,
        cached: Option<&Path>,
        small: &mut Vec<(u64, u32)>,
    ) -> Result<(), StoreError> {
        let base = self.packs.len() as u32;
        if let Some((packs, segment)) = cached.and_then(Segment::open) {
            self.packs.extend(packs);
            self.segments.push((segment, base));
            return Ok(());
        }
        let run = read_run(repository, object)?;
        // Only what is authentic may say how a pack must look; the cache may not.
        repository.expect_packs(run.packs.iter().copied());
        if run.entries.len() >= SMALL_RUN_CHUNKS
            && let Some(cache) = repository.cache().filter(|cache| cache.admits(Segment::len_bytes(&run)))
            && let Some(segment) = cached.and_then(|path| Segment::create(path, &run))
        {
            cache.note(Segment::len_bytes(&run));
            self.packs.extend(run.packs);
            self.segments.push((segment, base));
            return Ok(());
        }
        self.packs.extend(run.packs);
        small.extend(run.entries.into_iter().map(|(fingerprint, pack)| (fingerprint, pack + base)));
        Ok(())
    }

    /// Every pack that an index object names, with the object.
    pub(crate) fn packs_by_object(&self) -> impl Iterator<Item = (&str, &[PackRecord])> + '_ {
        self.runs.iter().map(|(object, range)| (object.as_str(), &self.packs[range.clone()]))
    }

    /// True when an index object, or what this run has added, names a pack.
    pub(crate) fn names(&self, pack: PackName) -> bool {
        self.names.contains(&pack)
            || self.added.read().unwrap_or_else(PoisonError::into_inner).0.iter().any(|record| record.name == pack)
    }

    /// Index objects that could not be read, in words.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Chunks known.
    pub fn chunks(&self) -> u64 {
        self.chunks.load(Ordering::Relaxed)
    }

    /// True when nothing is known.
    pub fn is_empty(&self) -> bool {
        self.chunks() == 0
    }

    /// Adds packs that this run has made durable.
    pub fn add(&self, packs: Vec<(PackRecord, Vec<ChunkId>)>) {
        let mut added = self.added.write().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Vec::new();
        for (record, ids) in packs {
            let number = added.0.len() as u32;
            added.0.push(record);
            entries.extend(ids.iter().map(|id| (fingerprint(id), number)));
        }
        self.chunks.fetch_add(entries.len() as u64, Ordering::Relaxed);
        added.1.merge(entries);
    }

    /// Where a chunk is, proven by its pack's directory. Packs that a collection has deleted are passed over.
    pub fn lookup(
        &self,
        repository: &Repository,
        class: PackClass,
        id: &ChunkId,
    ) -> Result<Option<Location>, StoreError> {
        let mut view = None;
        self.lookup_in(repository, class, id, &mut |pack| {
            let view = match &mut view {
                Some(view) => view,
                empty => empty.insert(repository.view()?),
            };
            Ok(view.is_gone(pack))
        })
    }

    /// As [`Index::lookup`], for what a new snapshot may refer to: packs that the session may not refer to are passed over.
    pub fn lookup_for_writing(
        &self,
        repository: &Repository,
        view: &WritersView,
        class: PackClass,
        id: &ChunkId,
    ) -> Result<Option<Location>, StoreError> {
        self.lookup_in(repository, class, id, &mut |pack| Ok(!view.holds(pack)))
    }

    fn lookup_in(
        &self,
        repository: &Repository,
        class: PackClass,
        id: &ChunkId,
        is_excluded: &mut dyn FnMut(PackName) -> Result<bool, StoreError>,
    ) -> Result<Option<Location>, StoreError> {
        self.each_place(&|name| repository.open_pack(class, name), (class, id), is_excluded, &mut |_, _| Ok(true))
    }

    /// Shows `accept` every place of a chunk that its pack's directory proves, until it takes one.
    pub(crate) fn each_place(
        &self,
        open: &dyn Fn(PackName) -> Result<Arc<OpenPack>, StoreError>,
        (class, id): (PackClass, &ChunkId),
        is_excluded: &mut dyn FnMut(PackName) -> Result<bool, StoreError>,
        accept: &mut dyn FnMut(&OpenPack, Location) -> Result<bool, StoreError>,
    ) -> Result<Option<Location>, StoreError> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut failed = None;
        let found = self.each_candidate(fingerprint(id), &mut |record| {
            if record.class != class || is_excluded(record.name)? {
                return Ok(None);
            }
            match open(record.name) {
                Ok(pack) => {
                    let at = pack.find(id).map(|(frame, slot)| Location { pack: record.name, frame, slot });
                    match at {
                        Some(at) => Ok(accept(&pack, at)?.then_some(at)),
                        None => Ok(None),
                    }
                }
                // Another pack may hold it as well.
                Err(error) => {
                    failed = Some(error);
                    Ok(None)
                }
            }
        })?;
        match (found, failed) {
            (None, Some(error)) => Err(error),
            (found, _) => Ok(found),
        }
    }

    /// Shows `prove` one pack after the other that may hold a chunk, until it answers where the chunk is.
    fn each_candidate(
        &self,
        fingerprint: u64,
        prove: &mut dyn FnMut(&PackRecord) -> Result<Option<Location>, StoreError>,
    ) -> Result<Option<Location>, StoreError> {
        let mut numbers: Vec<u32> = self.memory.candidates(fingerprint).collect();
        let mut segments = self.segments.iter();
        loop {
            // What the cache says may be anything.
            for record in numbers.drain(..).filter_map(|number| self.packs.get(number as usize)) {
                if let Some(at) = prove(record)? {
                    return Ok(Some(at));
                }
            }
            let Some((segment, base)) = segments.next() else { break };
            segment.candidates(fingerprint, &mut |number| numbers.extend(number.checked_add(*base)));
        }
        // Proving may take a read: the packs of this run are not locked meanwhile.
        let own: Vec<PackRecord> = {
            let added = self.added.read().unwrap_or_else(PoisonError::into_inner);
            added.1.candidates(fingerprint).filter_map(|number| added.0.get(number as usize).copied()).collect()
        };
        for record in &own {
            if let Some(at) = prove(record)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}

/// Reads and proves an index object.
pub(crate) fn read_run(repository: &Repository, object: &str) -> Result<IndexRun, StoreError> {
    let plain = repository.read_sealed(ObjectType::Index, object)?;
    index::decode_run(&plain).map_err(|e| e.of(object))
}

/// True for names that index objects can have.
pub(crate) fn is_index_name(object: &str) -> bool {
    let stem = object.rsplit_once('-').filter(|(_, number)| decimal(number).is_some());
    stem.is_some_and(|(stem, _)| stem.starts_with("index/") && parse_epoch_session(stem).is_some())
}
