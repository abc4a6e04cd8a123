//! What the tests share: repositories that open fast, runs in one call.

use crate::memory::{Tree, TreeTarget};
use datakeep_connector::{Cancel, FixedClock, Source, Target};
use datakeep_distribute::{DistributeError, Overwrite, RestoreReport, RestoreRequest, Selection};
use datakeep_engine::{BackupOptions, BackupReport, EngineError, RunContext, backup};
use datakeep_model::{ChunkId, Event, FileType, ItemPath, Loss, Observer, Secret, Timestamp};
use datakeep_store::{
    ChunkerParams, Entropy, InitOptions, KdfParams, KeyRange, Locked, Manifest, NewSlot, OsEntropy, Part, Repository,
    SeededEntropy, Share, SlotKind, StoreError, Suite, Unlock, Verified, Verify,
};
use datakeep_store_blob::BlobStore;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

/// Cheap to open: what a guess costs is not what is tested here.
pub const KDF: KdfParams = KdfParams { memory_kib: 8, passes: 1, lanes: 1 };
pub const NOW: Timestamp = Timestamp { seconds: 1_700_000_000, nanos: 5 };
pub const PASSWORD: &str = "correct horse";

pub fn unlock(password: &str) -> Unlock {
    Unlock::Password(Secret::new(password.as_bytes().to_vec()))
}

pub fn password_slot(label: &str, password: &str) -> NewSlot {
    let secret = Secret::new(password.as_bytes().to_vec());
    NewSlot { label: label.into(), secret, kind: SlotKind::Password, kdf: KDF }
}

/// Small chunks, nodes and packs, so that small trees have many of each.
pub fn small() -> InitOptions {
    InitOptions {
        chunker: ChunkerParams { min_bytes: 256, avg_bytes: 512, max_bytes: 1024 },
        segment_mib: 1,
        tree_window: 3,
        pack_target_bytes: 3000,
        ..InitOptions::default()
    }
}

pub fn init_with(blobs: impl BlobStore + 'static, options: &InitOptions) -> Arc<Repository> {
    init_by(blobs, options, Arc::new(OsEntropy))
}

/// With keys and ids by this chance.
pub fn init_by(blobs: impl BlobStore + 'static, options: &InitOptions, chance: Arc<dyn Entropy>) -> Arc<Repository> {
    let slot = password_slot("main", PASSWORD);
    Arc::new(Repository::init(Arc::new(blobs), options, &[slot], chance, NOW).unwrap())
}

/// Random bytes of a played history by its seed, a stream of their own for everybody who plays in it: so keys, ids and cuts are
/// the same when it is played again.
pub struct Chance(Vec<Arc<SeededEntropy>>);

impl Chance {
    pub fn new(seed: u64) -> Self {
        let mut random = XorShift::new(seed ^ 0x5eed);
        Self((0..16).map(|_| Arc::new(SeededEntropy::new(random.next_u64()))).collect())
    }

    pub fn of(&self, actor: usize) -> Arc<dyn Entropy> {
        self.0[actor % self.0.len()].clone()
    }

    /// For what is not played by anybody.
    pub fn nobody(&self) -> Arc<dyn Entropy> {
        self.of(self.0.len() - 1)
    }
}

pub fn open(blobs: impl BlobStore + 'static) -> Result<Arc<Repository>, StoreError> {
    open_with(blobs, PASSWORD, Arc::new(OsEntropy))
}

pub fn open_with(
    blobs: impl BlobStore + 'static,
    password: &str,
    entropy: Arc<dyn Entropy>,
) -> Result<Arc<Repository>, StoreError> {
    let locked = Locked::find(Arc::new(blobs))?;
    let with = if locked.config().suite == Suite::Plain { Unlock::Nothing } else { unlock(password) };
    locked.unlock(&with, entropy, None).map(Arc::new)
}

/// Hears everything.
#[derive(Default)]
pub struct Ear {
    pub losses: Mutex<Vec<Loss>>,
    pub warnings: Mutex<Vec<String>>,
}

impl Observer for Ear {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Loss(loss) => self.losses.lock().unwrap().push((*loss).clone()),
            Event::Warning(text) => self.warnings.lock().unwrap().push((*text).to_string()),
            _ => {}
        }
    }
}

/// Two workers, frames of 4 KiB. `slack_ns` is 0: times in these trees are settled long before the mark.
pub fn options() -> BackupOptions {
    BackupOptions { workers: 2, frame_target_bytes: 4 << 10, slack_ns: 0, ..BackupOptions::default() }
}

pub fn run(
    repository: &Arc<Repository>,
    source: &mut dyn Source,
    options: &BackupOptions,
) -> Result<BackupReport, EngineError> {
    run_heard(repository, source, options, &Ear::default(), &Cancel::new())
}

pub fn run_heard(
    repository: &Arc<Repository>,
    source: &mut dyn Source,
    options: &BackupOptions,
    ear: &Ear,
    cancel: &Cancel,
) -> Result<BackupReport, EngineError> {
    // Later runs begin later: the newest snapshot of a source is the parent of its next.
    static RUNS: AtomicI64 = AtomicI64::new(0);
    let clock = FixedClock(Timestamp { seconds: NOW.seconds + RUNS.fetch_add(1, Ordering::Relaxed), ..NOW });
    let mark = source.begin()?;
    backup(repository, source, &mark, options, &RunContext { observer: ear, cancel, clock: &clock })
}

pub fn everything(overwrite: Overwrite) -> RestoreRequest {
    let (place, selection) = (ItemPath::root(), Selection::default());
    RestoreRequest { place, selection, overwrite, delete: false, workers: 2 }
}

pub fn restore_to(
    repository: &Repository,
    manifest: &Manifest,
    target: &dyn Target,
    request: &RestoreRequest,
) -> Result<(RestoreReport, Ear), DistributeError> {
    let (ear, cancel, clock) = (Ear::default(), Cancel::new(), FixedClock(NOW));
    let context = RunContext { observer: &ear, cancel: &cancel, clock: &clock };
    let delete = match request.delete {
        true => datakeep_distribute::plan(repository, manifest, target, "here", request, &context)?.delete,
        false => Vec::new(),
    };
    let report = datakeep_distribute::restore(repository, manifest, target, "here", request, &delete, &context)?;
    Ok((report, ear))
}

/// Restores a snapshot into memory.
pub fn restore_tree(repository: &Repository, manifest: &Manifest) -> Result<(Tree, RestoreReport), DistributeError> {
    let target = TreeTarget::default();
    let (report, _) = restore_to(repository, manifest, &target, &everything(Overwrite::Refuse))?;
    Ok((target.tree(), report))
}

/// Restores a snapshot into memory and compares it.
pub fn assert_restores(repository: &Repository, manifest: &Manifest, expected: &Tree, what: &str) {
    let (found, report) = restore_tree(repository, manifest).unwrap();
    assert_eq!(report.tally.lost, [], "{what}: nothing is lost");
    assert_eq!(report.companion_faults, Vec::<String>::new(), "{what}: no faults beside it");
    crate::memory::assert_same(expected, &found, what);
}

pub fn verify(repository: &Repository) -> Result<Verified, StoreError> {
    repository.verify(Verify { data: Share::All, ..Verify::default() }, &mut |_| true)
}

pub fn assert_sound(repository: &Repository, what: &str) -> Verified {
    let verified = verify(repository).unwrap();
    let faults: Vec<String> = verified.faults.iter().map(|f| format!("{}: {}", f.what, f.error)).collect();
    assert_eq!(faults, Vec::<String>::new(), "{what}: no faults");
    verified
}

/// All content ids of a snapshot by path; holes as their length.
pub fn content_ids(repository: &Repository, manifest: &Manifest) -> BTreeMap<Vec<u8>, Vec<Result<ChunkId, u64>>> {
    let mut decoder = datakeep_store::FrameDecoder::new().unwrap();
    let mut cursor = repository.entries(manifest, KeyRange::default()).unwrap();
    let mut ids = BTreeMap::new();
    while let Some(entry) = cursor.next_entry().unwrap() {
        let parts = datakeep_store::content_parts(repository, &entry.content, &mut decoder).unwrap();
        let id = |part: &Part| match part {
            Part::Chunk(chunk) => Ok(chunk.id),
            Part::Hole(len_bytes) => Err(*len_bytes),
        };
        if entry.meta.file_type == FileType::File {
            ids.insert(entry.key, parts.iter().map(id).collect());
        }
    }
    ids
}

/// Repeatable numbers for tests that choose.
pub use datakeep_testkit::XorShift;
