//! A repository, made or opened: its parts, and what is read through it.

use crate::cache::Cache;
use crate::collect;
use crate::entropy::{Entropy, random};
use crate::error::{StoreError, must_exist};
use crate::format::config::{self, Config};
use crate::format::index::PackRecord;
use crate::format::names::{self, PackClass, PackName};
use crate::format::sealed::{self, ObjectType, SealContext};
use crate::format::version::FormatVersion;
use crate::index::Index;
use crate::keys::{self, NewSlot, Slots};
use crate::near::Near;
use crate::pack::build::PackContext;
use crate::pack::cache::ByteCache;
use crate::pack::{Frame, FrameDecoder, OpenPack};
use crate::view::View;
use datakeep_model::{ChunkId, ChunkKind, RepositoryId, Timestamp};
use datakeep_process::{
    BoundaryHasher, Chunker, ChunkerParams, EvidenceKey, IdHasher, KeyRing, RoleKey, RootKey, Suite,
};
use datakeep_store_blob::{BlobStore, Listed};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

/// Memory for directories of packs in use.
const DIRECTORY_CACHE_BYTES: usize = 16 << 20;
/// Memory for decoded frames.
const FRAME_CACHE_BYTES: usize = 16 << 20;

/// What is decided once, at `init`.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// How it is encrypted.
    pub suite: Suite,
    /// How content is cut.
    pub chunker: ChunkerParams,
    /// See [`Config::segment_mib`].
    pub segment_mib: u32,
    /// See [`Config::tree_window`].
    pub tree_window: u16,
    /// See [`Config::pack_target_bytes`].
    pub pack_target_bytes: u32,
    /// The format. An older one is for programs that know no newer.
    pub version: FormatVersion,
}

impl Default for InitOptions {
    fn default() -> Self {
        Self {
            suite: Suite::Aes256Gcm,
            chunker: ChunkerParams::default(),
            segment_mib: 64,
            tree_window: 200,
            pack_target_bytes: 32 << 20,
            version: FormatVersion::default(),
        }
    }
}

/// Packs that an index does not name.
pub(crate) struct Unindexed {
    pub of: Arc<Index>,
    pub packs: Vec<(PackClass, PackName)>,
}

/// An open repository.
pub struct Repository {
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) config: Config,
    pub(crate) root: RootKey,
    pub(crate) keys: KeyRing,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) slot: String,
    /// What was seen of slots when it was opened.
    pub(crate) slots: Mutex<Option<Slots>>,
    /// What was listed of [`crate::format::version::FRONT`] when it was opened: for the first look at the snapshots.
    pub(crate) front: Mutex<Option<Vec<Listed>>>,
    ids: IdHasher,
    boundary: BoundaryHasher,
    pub(crate) packs: ByteCache<PackName, OpenPack>,
    frames: ByteCache<(PackName, u32), Frame>,
    expected: Mutex<HashMap<PackName, PackRecord>>,
    index: Mutex<Option<Arc<Index>>>,
    /// What reading went past, in words, with the pack where one was missing.
    pub(crate) passed: Mutex<BTreeMap<String, Option<PackName>>>,
    /// Packs that the index does not name, once they were looked for.
    pub(crate) unindexed: Mutex<Option<Unindexed>>,
    pub(crate) view: Mutex<Option<Arc<View>>>,
    /// Commits have been seen that need not be durable yet.
    pub(crate) is_unsettled: AtomicBool,
    /// Reads that did not find what they looked for.
    pub(crate) misses: AtomicU64,
    cache: Option<Arc<Cache>>,
    /// The store read through the cache, by whoever only reads.
    pub(crate) near: Option<Near>,
}

impl Repository {
    /// Makes a repository in an empty place. The config comes last: before it, nothing is there.
    pub fn init(
        blobs: Arc<dyn BlobStore>,
        options: &InitOptions,
        slots: &[NewSlot],
        entropy: Arc<dyn Entropy>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        options.chunker.validate()?;
        let found = Self::look_for_room(&*blobs)?;
        let config = Config {
            version: options.version,
            repository: RepositoryId(random(&*entropy)),
            created_seconds: now.seconds,
            suite: options.suite,
            key_epoch: 0,
            features: [0; 4],
            chunker: options.chunker,
            segment_mib: options.segment_mib.max(1),
            tree_window: options.tree_window,
            pack_target_bytes: options.pack_target_bytes,
        };
        let root = RootKey::from_bytes(random(&*entropy));
        let keys = KeyRing::derive(&root, config.repository, config.key_epoch);
        for slot in slots {
            keys::write_slot(&*blobs, &config, &root, &keys, &*entropy, slot, now)?;
        }
        create_config(&*blobs, &config::encode(&config, &keys.commit))?;
        // Only who made the config may clear up: it is the one step that one of several can win.
        for leftover in &found {
            blobs.delete(&leftover.name)?;
        }
        if !found.is_empty() {
            blobs.barrier()?;
        }
        blobs.hold_reserve(collect::reserve_bytes(0, 0));
        Ok(Self::assemble(blobs, config, root, keys, entropy, None))
    }

    /// Looks whether a repository can be made in a place: [`StoreError::Occupied`] when it holds anything. What an `init`
    /// that did not end has left, which is returned, and what probes have left is nothing.
    pub fn look_for_room(blobs: &dyn BlobStore) -> Result<Vec<Listed>, StoreError> {
        let mut found = blobs.list("")?;
        found.retain(|listed| !listed.name.starts_with(names::PROBES));
        // Slots alone are what an `init` that did not end leaves: no config ever said that they open anything.
        let is_slot = |name: &str| [FormatVersion::One, FormatVersion::Two].iter().any(|v| name.starts_with(v.slots()));
        if let Some(first) = found.iter().find(|listed| !is_slot(&listed.name)) {
            let what = if found.iter().any(|l| l.name == names::CONFIG) { "a repository" } else { first.name.as_str() };
            return Err(StoreError::Occupied { location: blobs.location(), found: what.to_string() });
        }
        Ok(found)
    }

    pub(crate) fn assemble(
        blobs: Arc<dyn BlobStore>,
        config: Config,
        root: RootKey,
        keys: KeyRing,
        entropy: Arc<dyn Entropy>,
        cache: Option<Arc<Cache>>,
    ) -> Self {
        Self {
            ids: IdHasher::new(keys.id.expose()),
            boundary: BoundaryHasher::new(keys.boundary.expose()),
            packs: ByteCache::new(DIRECTORY_CACHE_BYTES),
            frames: ByteCache::new(FRAME_CACHE_BYTES),
            expected: Mutex::default(),
            index: Mutex::default(),
            passed: Mutex::default(),
            unindexed: Mutex::default(),
            view: Mutex::default(),
            is_unsettled: AtomicBool::new(true),
            misses: AtomicU64::new(0),
            slot: String::new(),
            slots: Mutex::default(),
            front: Mutex::default(),
            blobs,
            config,
            root,
            keys,
            entropy,
            cache,
            near: None,
        }
    }

    /// What the repository is.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The byte store beneath.
    pub fn blobs(&self) -> &dyn BlobStore {
        &*self.blobs
    }

    /// Where disposable local copies go.
    pub(crate) fn cache(&self) -> Option<&Arc<Cache>> {
        self.cache.as_ref()
    }

    /// From now on decisions and packs are read through the local cache, if there is one and the store is far away. Not for
    /// checks, collections and repairs: what they judge is what is stored.
    pub fn read_through_cache(&mut self) {
        self.near = self.cache.as_ref().and_then(|cache| Near::new(&self.blobs, cache));
    }

    /// Key slots that are damaged or forged, in words. They do not keep the repository from opening, and are not looked for
    /// before this is asked: slots that opening has read are not read again.
    pub fn slot_warnings(&self) -> Vec<String> {
        let seen = self.slots.lock().unwrap_or_else(PoisonError::into_inner).take();
        let faults = match seen {
            Some(mut slots) => {
                slots.fetch(&*self.blobs, |_| true);
                Ok(keys::faults_of(slots.read, &self.keys.commit))
            }
            None => self.slot_faults(),
        };
        match faults {
            Ok(faults) => faults.into_iter().map(|fault| fault.error.to_string()).collect(),
            Err(error) => vec![error.to_string()],
        }
    }

    /// Computes chunk ids.
    pub fn ids(&self) -> &IdHasher {
        &self.ids
    }

    /// Chooses node boundaries.
    pub fn boundary(&self) -> &BoundaryHasher {
        &self.boundary
    }

    /// The key that names what tables are made of (`process_table::TableHasher`).
    pub fn table_key(&self) -> &RoleKey {
        &self.keys.table
    }

    /// The key that signs evidence of drills; whoever can open the repository has it.
    pub fn evidence_key(&self) -> EvidenceKey {
        EvidenceKey::derive(&self.root, self.config.repository)
    }

    /// A chunker with this repository's secret table.
    pub fn chunker(&self) -> Result<Chunker, StoreError> {
        Ok(Chunker::new(self.keys.chunker.expose(), self.config.chunker)?)
    }

    pub(crate) fn role_key(&self, class: PackClass) -> &RoleKey {
        match class {
            PackClass::Data => &self.keys.data,
            PackClass::Meta => &self.keys.meta,
        }
    }

    pub(crate) fn pack_context(&self, class: PackClass) -> PackContext<'_> {
        PackContext {
            version: self.config.version,
            repository: self.config.repository,
            suite: self.config.suite,
            key_epoch: self.config.key_epoch,
            role_key: self.role_key(class),
        }
    }

    fn seal_context(&self, object_type: ObjectType) -> SealContext<'_> {
        let role_key = match object_type {
            ObjectType::Index | ObjectType::Reach => &self.keys.reach,
            ObjectType::Progress => &self.keys.meta,
            ObjectType::Intent
            | ObjectType::Decision
            | ObjectType::Tags
            | ObjectType::Checkpoint
            | ObjectType::Condemned
            | ObjectType::Tombstone
            | ObjectType::OriginMark
            | ObjectType::Mended => &self.keys.commit,
        };
        SealContext {
            repository: self.config.repository,
            suite: self.config.suite,
            key_epoch: self.config.key_epoch,
            role_key,
        }
    }

    pub(crate) fn seal(&self, object_type: ObjectType, name: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let salt = random(&*self.entropy);
        sealed::seal(&self.seal_context(object_type), object_type, name, salt, plain)
    }

    pub(crate) fn open_sealed(
        &self,
        object_type: ObjectType,
        name: &str,
        stored: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        sealed::open(&self.seal_context(object_type), object_type, name, stored)
    }

    /// As [`Repository::read_sealed`], through the cache where there is one.
    pub(crate) fn read_sealed_near(&self, object_type: ObjectType, name: &str) -> Result<Vec<u8>, StoreError> {
        self.through_cache(|blobs| {
            let stored = blobs.read(name, sealed::MAX_STORED_LEN_BYTES).map_err(must_exist)?;
            self.open_sealed(object_type, name, &stored)
        })
    }

    pub(crate) fn read_sealed(&self, object_type: ObjectType, name: &str) -> Result<Vec<u8>, StoreError> {
        let stored = self.blobs.read(name, sealed::MAX_STORED_LEN_BYTES).map_err(must_exist)?;
        self.open_sealed(object_type, name, &stored)
    }

    /// Tells what index or reach say of packs: length and digest are compared when such a pack is opened.
    pub fn expect_packs(&self, records: impl IntoIterator<Item = PackRecord>) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.extend(records.into_iter().map(|record| (record.name, record)));
    }

    /// Length and digest of a pack: as index or reach say, else as it says itself.
    pub fn pack_record(&self, class: PackClass, name: PackName) -> Result<PackRecord, StoreError> {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
        match expected.filter(|record| record.class == class) {
            Some(record) => Ok(record),
            None => {
                let record = self.open_pack_for_record(class, name)?.record;
                self.expect_packs([record]);
                Ok(record)
            }
        }
    }

    /// Opens a pack whose length and digest are to be written down elsewhere. While nobody has said what they are, only
    /// the end of the pack tells, and nothing proves that: it is read twice, lest a bit that turned on the way be written
    /// down and the pack count as damaged from then on.
    pub(crate) fn open_pack_for_record(&self, class: PackClass, name: PackName) -> Result<OpenPack, StoreError> {
        let expected = self.expected_record(name);
        let pack = self.open_pack_uncached(class, name, expected.as_ref())?;
        if expected.is_none() {
            self.open_pack_uncached(class, name, Some(&pack.record))?;
        }
        Ok(pack)
    }

    /// What index or reach say of a pack, if either has been read and names it.
    pub(crate) fn expected_record(&self, name: PackName) -> Option<PackRecord> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).get(&name).copied()
    }

    /// Opens a pack, from the cache when it is there.
    pub fn open_pack(&self, class: PackClass, name: PackName) -> Result<Arc<OpenPack>, StoreError> {
        if let Some(pack) = self.packs.get(&name).filter(|pack| pack.record.class == class) {
            return Ok(pack);
        }
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
        let pack = self.through_cache(|blobs| self.open_pack_in(blobs, class, name, expected.as_ref()))?;
        let pack = Arc::new(pack);
        self.packs.insert(name, pack.clone(), pack.memory_bytes());
        Ok(pack)
    }

    pub(crate) fn open_pack_uncached(
        &self,
        class: PackClass,
        name: PackName,
        expected: Option<&PackRecord>,
    ) -> Result<OpenPack, StoreError> {
        self.open_pack_in(&*self.blobs, class, name, expected)
    }

    fn open_pack_in(
        &self,
        blobs: &dyn BlobStore,
        class: PackClass,
        name: PackName,
        expected: Option<&PackRecord>,
    ) -> Result<OpenPack, StoreError> {
        let (repository, suite) = (self.config.repository, self.config.suite);
        OpenPack::open(blobs, repository, suite, self.role_key(class), (class, name), expected)
    }

    /// Reads and decodes a frame, past the cache.
    pub fn read_frame(&self, pack: &OpenPack, frame: u32, decoder: &mut FrameDecoder) -> Result<Frame, StoreError> {
        pack.read_frame(&*self.blobs, self.config.repository, frame, decoder)
    }

    pub(crate) fn cached_frame(
        &self,
        pack: &OpenPack,
        frame: u32,
        decoder: &mut FrameDecoder,
    ) -> Result<Arc<Frame>, StoreError> {
        let key = (pack.record.name, frame);
        if let Some(frame) = self.frames.get(&key) {
            return Ok(frame);
        }
        let repository = self.config.repository;
        let decoder = RefCell::new(decoder);
        let read = |blobs: &dyn BlobStore| pack.read_frame(blobs, repository, frame, &mut decoder.borrow_mut());
        let frame = Arc::new(self.through_cache(read)?);
        self.frames.insert(key, frame.clone(), frame.len_bytes() + 64 * frame.chunks());
        Ok(frame)
    }

    /// The index of the sessions that had committed when it was first needed.
    pub fn index(&self) -> Result<Arc<Index>, StoreError> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = &*index {
            return Ok(index.clone());
        }
        Ok(index.insert(Arc::new(Index::load(self)?)).clone())
    }

    /// The index of all sessions that have committed by now: what a run deduplicates against.
    pub fn fresh_index(&self) -> Result<Arc<Index>, StoreError> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        match &*index {
            Some(index) if index.is_fresh(self)? => Ok(index.clone()),
            _ => Ok(index.insert(Arc::new(Index::load(self)?)).clone()),
        }
    }
}

/// Creates the config. A lost answer is resolved by reading it back.
fn create_config(blobs: &dyn BlobStore, config: &[u8]) -> Result<(), StoreError> {
    let Err(error) = blobs.create(names::CONFIG, config) else { return Ok(()) };
    match blobs.read(names::CONFIG, config::MAX_LEN_BYTES) {
        Ok(found) if found == config => Ok(()),
        _ => Err(error.into()),
    }
}

/// The class of packs that holds chunks of a kind.
pub(crate) fn class_of(kind: ChunkKind) -> PackClass {
    match kind {
        ChunkKind::Data => PackClass::Data,
        ChunkKind::Node | ChunkKind::List | ChunkKind::Attributes => PackClass::Meta,
    }
}

pub(crate) fn missing_chunk(id: &ChunkId) -> StoreError {
    StoreError::Missing { object: format!("chunk {id}") }
}
