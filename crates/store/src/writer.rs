//! One session: from the intent to the decision (`docs/concurrency.md`).

use crate::entropy::random;
use crate::error::StoreError;
use crate::format::config::check_features;
use crate::format::decision::{self, Decision, Manifest};
use crate::format::index::{self, IndexRun, PackRecord, fingerprint};
use crate::format::names::{self, PackClass, PackName};
use crate::format::node;
use crate::format::pack::ChunkInfo;
use crate::format::progress::{self, Progress};
use crate::format::reach::{self, FrameSet, Reach};
use crate::format::sealed::ObjectType;
use crate::pack::{PackBuilder, SealedPack};
use crate::progress::source_key;
use crate::repository::Repository;
use crate::session::{self, Opened};
use crate::tree::builder::BuiltTree;
use crate::tree::entry::{Entry, Location};
use crate::view::{WritersView, newest_epoch};
use datakeep_model::{Mark, ObjectDigest, SessionId, Snapshot, SourceInfo, Timestamp};
use datakeep_process::digest;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How often a session is published anew because a collection has passed it by.
const MAX_REBASES: usize = 4;

/// Entries per run in a progress record.
const PROGRESS_RUN_ENTRIES: usize = 4096;

/// Who writes, and what for.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// The source.
    pub source: SourceInfo,
    /// When the run began.
    pub started: Timestamp,
}

/// What a commit publishes.
pub struct CommitRequest {
    /// The snapshot; its id, epoch and root are filled in.
    pub snapshot: Snapshot,
    /// The tree.
    pub tree: BuiltTree,
    /// What it uses.
    pub reach: Reach,
}

/// A session that writes. Nothing it writes is visible before [`Writer::commit`]; dropping it leaves only an intent
/// and unreferenced packs.
pub struct Writer {
    repository: Arc<Repository>,
    epoch: u64,
    /// The session, and what it may refer to.
    view: WritersView,
    info: SessionInfo,
    next_seq: AtomicU32,
    next_progress: AtomicU32,
    stored_bytes: AtomicU64,
    written: Mutex<IndexRun>,
}

impl Writer {
    /// Steps 1 to 3 of the protocol: the epoch, the intent, the look for a newer condemned list.
    pub fn begin(repository: Arc<Repository>, info: &SessionInfo) -> Result<Self, StoreError> {
        check_features(&repository.config, 0, "read")?;
        check_features(&repository.config, 1, "written")?;
        // Left-over temporary files take room and do no other harm.
        let _ = repository.blobs.clear_leftovers();
        let Opened { epoch, view } = session::open(&repository, info)?;
        Ok(Self {
            repository,
            epoch,
            view,
            info: info.clone(),
            next_seq: AtomicU32::new(0),
            next_progress: AtomicU32::new(0),
            stored_bytes: AtomicU64::new(0),
            written: Mutex::default(),
        })
    }

    /// The repository.
    pub fn repository(&self) -> &Arc<Repository> {
        &self.repository
    }

    /// The session, which will be the snapshot's id.
    pub fn session(&self) -> SessionId {
        self.view.session
    }

    /// The epoch this session belongs to.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// True when it has recorded progress, so that a later run can take it up.
    pub fn has_progress(&self) -> bool {
        self.next_progress.load(Ordering::Relaxed) > 0
    }

    /// Decides that nothing comes of this session, so that nobody waits for it.
    pub fn give_up(&self) {
        let _ = session::abort(&self.repository, self.epoch, self.session());
    }

    /// The epoch and the session: the name of its decision register.
    pub fn register(&self) -> (u64, SessionId) {
        (self.epoch, self.session())
    }

    /// What this session may refer to.
    pub fn view(&self) -> WritersView {
        self.view.clone()
    }

    /// Bytes handed to the store so far.
    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes.load(Ordering::Relaxed)
    }

    /// An empty pack under the next name.
    pub fn new_pack(&self, class: PackClass) -> PackBuilder {
        let seq = self.next_seq.fetch_add(1, Ordering::Relaxed);
        PackBuilder::new(PackName { session: self.session(), seq }, class)
    }

    /// Seals a pack: salt, encryption, read-back of every frame.
    pub fn seal_pack(&self, builder: PackBuilder) -> Result<SealedPack, StoreError> {
        let class = builder.class();
        builder.seal(&self.repository.pack_context(class), random(&*self.repository.entropy))
    }

    /// Hands a pack to the store; it is durable after the next [`Writer::barrier`].
    pub fn stage_pack(&self, pack: &mut SealedPack) -> Result<(), StoreError> {
        let object = pack.record.name.object(pack.record.class);
        self.repository.blobs.stage_shared(&object, Arc::new(std::mem::take(&mut pack.bytes)))?;
        self.stored_bytes.fetch_add(pack.record.len_bytes, Ordering::Relaxed);
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let number = written.packs.len() as u32;
        written.packs.push(pack.record);
        written.entries.extend(pack.chunks.iter().map(|chunk| (fingerprint(&chunk.id), number)));
        Ok(())
    }

    /// Notes a pack of another session, so that this session's index names it.
    pub(crate) fn adopt_pack(&self, record: PackRecord, chunks: &[ChunkInfo]) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let number = written.packs.len() as u32;
        written.packs.push(record);
        written.entries.extend(chunks.iter().map(|chunk| (fingerprint(&chunk.id), number)));
    }

    /// Makes everything staged durable.
    pub fn barrier(&self) -> Result<(), StoreError> {
        Ok(self.repository.blobs.barrier()?)
    }

    /// Records progress, once everything staged is durable: entries that were read, in key order after those of the previous
    /// record. `packs`, and everything else the entries refer to, have been staged.
    pub fn put_progress(&self, mark: &Mark, packs: Vec<PackRecord>, entries: &[Entry]) -> Result<(), StoreError> {
        let leaves = entries.chunks(PROGRESS_RUN_ENTRIES).map(|run| node::encode_leaf(run.iter())).collect();
        let number = self.next_progress.fetch_add(1, Ordering::Relaxed);
        let name = names::progress(&source_key(&self.repository, &self.info.source), self.session(), number);
        let record = Progress { epoch: self.epoch, mark: mark.clone(), packs, leaves };
        let sealed = self.repository.seal(ObjectType::Progress, &name, &progress::encode(&record))?;
        self.repository.blobs.create_after_staged(&name, sealed)?;
        Ok(())
    }

    fn stage_sealed(&self, object_type: ObjectType, name: &str, plain: &[u8]) -> Result<ObjectDigest, StoreError> {
        let sealed = self.repository.seal(object_type, name, plain)?;
        self.repository.blobs.stage(name, &[&sealed])?;
        self.stored_bytes.fetch_add(sealed.len() as u64, Ordering::Relaxed);
        Ok(digest(&sealed))
    }

    pub(crate) fn stage_index(&self) -> Result<Vec<ObjectDigest>, StoreError> {
        let mut run = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        run.entries.sort_unstable();
        let mut digests = Vec::new();
        for (number, entries) in run.entries.chunks(index::MAX_ENTRIES).enumerate() {
            let part = IndexRun { packs: run.packs.clone(), entries: entries.to_vec() };
            let name = names::index(self.epoch, self.session(), number as u32);
            digests.push(self.stage_sealed(ObjectType::Index, &name, &index::encode_run(&part))?);
        }
        Ok(digests)
    }

    /// Packs durable, then index and reach durable, then the decision: three barriers, one visible step. Returns when
    /// the snapshot is durable and visible.
    ///
    /// When a collection has passed this session by, everything the snapshot refers to is looked up anew and published by
    /// a new session; [`StoreError::Superseded`] when something it refers to is no longer there.
    pub fn commit(mut self, request: CommitRequest) -> Result<Manifest, StoreError> {
        self.barrier().inspect_err(|_| self.give_up_unless(self.has_progress()))?;
        let CommitRequest { snapshot, mut tree, mut reach } = request;
        for rebases in 0..MAX_REBASES {
            let prepared = self.prepare(snapshot.clone(), &tree, &reach);
            // As long as nothing is decided, this can be; afterwards only the register knows.
            let is_resumable = rebases == 0 && self.has_progress();
            let manifest = prepared.inspect_err(|_| self.give_up_unless(is_resumable))?;
            match self.publish(manifest) {
                Err(StoreError::Superseded { .. }) => {
                    let rebased = self.rebase(&mut tree, &mut reach);
                    // Nobody should wait for a session that comes to nothing.
                    rebased.inspect_err(|_| self.give_up())?;
                }
                other => {
                    self.repository.blobs.hold_reserve(self.view.packs.reserve_bytes(self.stored_bytes()));
                    return other;
                }
            }
        }
        self.give_up();
        Err(superseded("collections have passed this run by again and again"))
    }

    fn give_up_unless(&self, is_resumable: bool) {
        if !is_resumable {
            self.give_up();
        }
    }

    /// Makes durable what a decision names.
    fn prepare(&self, mut snapshot: Snapshot, tree: &BuiltTree, reach: &Reach) -> Result<Manifest, StoreError> {
        let index_digests = self.stage_index()?;
        let reach_name = names::reach(self.epoch, self.session());
        let reach_digest = self.stage_sealed(ObjectType::Reach, &reach_name, &reach::encode(reach))?;
        self.barrier()?;
        if snapshot.parent.is_some() {
            // The parent may have been seen before it is durable.
            self.repository.settle_commits()?;
        }
        snapshot.id = self.session();
        snapshot.epoch = self.epoch;
        snapshot.root = tree.root.id;
        snapshot.counters.stored_bytes = self.stored_bytes();
        Ok(Manifest { snapshot, root: tree.root, root_level: tree.level, reach_digest, index_digests })
    }

    fn publish(&self, manifest: Manifest) -> Result<Manifest, StoreError> {
        self.decide(&manifest)?;
        // The decision is durable: that it has no second copy yet is no failure, and the next collection makes it.
        let copy = || drop(self.repository.copy_decision(self.register(), &decision::encode_commit(&manifest)));
        // Step 8: acknowledged only if no fence has passed this epoch meanwhile.
        if self.repository.blobs.reads_at_once() > 1 {
            // Where a request takes long, both are made at once. The copy of a void commit is as void as the commit.
            std::thread::scope(|scope| {
                scope.spawn(copy);
                self.must_not_be_void()
            })?;
        } else {
            self.must_not_be_void()?;
            copy();
        }
        Ok(manifest)
    }

    fn must_not_be_void(&self) -> Result<(), StoreError> {
        let newest = newest_epoch(&*self.repository.blobs)?;
        if newest > self.epoch && self.repository.refresh_view_strictly()?.is_void(self.epoch, self.session()) {
            return Err(superseded("a collection was finished before this run could publish its snapshot"));
        }
        Ok(())
    }

    /// A new session that keeps what this one has written and looks again at everything its snapshot refers to.
    fn rebase(&mut self, tree: &mut BuiltTree, reach: &mut Reach) -> Result<(), StoreError> {
        let opened = session::open(&self.repository, &self.info)?;
        (self.epoch, self.view) = (opened.epoch, opened.view);
        let view = &self.view;
        let mut current = Reach::default();
        for (name, (record, frames)) in &reach.packs {
            for frame in (0..record.frames).filter(|frame| frames.contains(*frame)) {
                let at = Location { pack: *name, frame, slot: 0 };
                let to =
                    view.place(at).ok_or_else(|| superseded("a collection has removed what this run relied on"))?;
                let moved =
                    if to.pack == *name { *record } else { self.repository.pack_record(record.class, to.pack)? };
                current.packs.entry(to.pack).or_insert_with(|| (moved, FrameSet::default())).1.insert(to.frame);
            }
        }
        if !view.packs.missing(current.packs.values().map(|(record, _)| record)).is_empty() {
            return Err(superseded("a collection has removed what this run relied on"));
        }
        if let Some(at) = tree.root.at {
            tree.root.at = view.place(at);
        }
        *reach = current;
        Ok(())
    }

    /// Creates the decision register. A lost answer is resolved by reading it back.
    fn decide(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let name = names::decision(self.epoch, self.session());
        let sealed = self.repository.seal(ObjectType::Decision, &name, &decision::encode_commit(manifest))?;
        let error = match self.repository.blobs.create(&name, &sealed) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        match self.repository.blobs.read(&name, crate::format::sealed::MAX_STORED_LEN_BYTES) {
            Ok(found) if found == sealed => Ok(()),
            Ok(found) => Err(self.lost_decision(&name, &found)),
            Err(_) => Err(error.into()),
        }
    }

    fn lost_decision(&self, name: &str, found: &[u8]) -> StoreError {
        let opened = self.repository.open_sealed(ObjectType::Decision, name, found);
        match opened.map(|plain| decision::decode(&plain, self.session(), self.epoch)) {
            Ok(Ok(Decision::Abort)) => superseded("a collection gave this run up because it made no progress"),
            _ => StoreError::damaged(name, 0, "this session's decision", "another"),
        }
    }
}

fn superseded(what: &str) -> StoreError {
    StoreError::Superseded { detail: what.to_string() }
}
