//! Source to store.

pub(crate) mod coordinate;
pub(crate) mod filler;
pub(crate) mod frames;
pub(crate) mod meta;
pub(crate) mod packer;
pub(crate) mod parents;
pub(crate) mod queue;
pub(crate) mod reach;
pub(crate) mod worker;

use crate::error::EngineError;
use datakeep_connector::{Cancel, Clock, Details, ItemError, ItemHandle, Source};
use datakeep_model::{
    ChunkId, ContentKind, Counters, Event, FileType, Loss, Mark, Meta, Observer, Origin as CopiedFrom, Phase,
    SessionId, Snapshot, SourceInfo,
};
use datakeep_process::CompressionSettings;
use datakeep_process_table::aside::MOST_INLINE_LEN_BYTES;
use datakeep_store::{
    Location, Manifest, Reach, Repository, Resumed, SessionInfo, StoreError, Ticket, Writer, WritersView,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How a backup is to be done.
#[derive(Clone, Debug)]
pub struct BackupOptions {
    /// Threads that read and compress.
    pub workers: usize,
    /// How hard to compress.
    pub compression: CompressionSettings,
    /// Plaintext of a frame, at most; less where it compresses badly, so that a frame is quickly fetched.
    pub frame_target_bytes: usize,
    /// Compressed bytes on their way to the store, at most.
    pub budget_bytes: u64,
    /// Read every file, even those that look unchanged.
    pub read_everything: bool,
    /// Do not compare the time of status change (file systems that do not keep it).
    pub ignore_ctime: bool,
    /// Do not compare inode numbers (file systems that do not keep them).
    pub ignore_inode: bool,
    /// Files changed this close to the last look are read again.
    pub slack_ns: i64,
    /// Take up what an interrupted run left.
    pub resume: bool,
    /// Compare only; write nothing.
    pub dry_run: bool,
    /// Labels of the snapshot.
    pub tags: Vec<String>,
    /// Program and version.
    pub writer: String,
    /// Record progress every so many bytes read, at least.
    pub progress_bytes: u64,
    /// Rows that are looked at on both sides of one that might end a row group, in tables that are captured for the first time;
    /// `None`: as suits their width. Groups of a few rows are for tests.
    pub group_window: Option<usize>,
    /// Values of tables that are longer than this stand aside, stored once and referred to. A few bytes are for tests.
    pub most_inline_len_bytes: usize,
}

impl Default for BackupOptions {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(2, usize::from).min(16),
            compression: CompressionSettings::DEFAULT,
            frame_target_bytes: 8 << 20,
            budget_bytes: 4 << 20,
            read_everything: false,
            ignore_ctime: false,
            ignore_inode: false,
            slack_ns: 2_000_000_000,
            resume: true,
            dry_run: false,
            tags: Vec::new(),
            writer: format!("datakeep {}", env!("CARGO_PKG_VERSION")),
            progress_bytes: 12 << 20,
            group_window: None,
            most_inline_len_bytes: MOST_INLINE_LEN_BYTES,
        }
    }
}

/// What a backup did.
#[derive(Debug)]
pub struct BackupReport {
    /// The snapshot; `None` after a dry run.
    pub manifest: Option<Manifest>,
    /// What was done.
    pub counters: Counters,
    /// What was lost; at most the first thousand.
    pub losses: Vec<Loss>,
    /// The interrupted session whose work was taken up.
    pub resumed: Option<datakeep_model::SessionId>,
}

/// The snapshot of another repository that a copy is made of.
#[derive(Clone, Debug)]
pub struct Original {
    /// What it says of itself, with the labels now in force; the copy says the same.
    pub snapshot: Snapshot,
    /// Where the copy comes from. What this run loses is added to its losses.
    pub origin: CopiedFrom,
    /// The snapshot in the repository that is written to which the source compares its items with
    /// ([`datakeep_connector::Sameness::Exact`]).
    pub parent: Option<SessionId>,
}

impl Original {
    /// Whose work an unfinished run is: only another copy of the same snapshot may take it up.
    pub(crate) fn work(&self) -> SourceInfo {
        let Snapshot { source, .. } = &self.snapshot;
        let (name, from) = (&source.name, self.origin.chain.last());
        let from = from.map(|from| format!("{} of {}", from.snapshot, from.repository)).unwrap_or_default();
        SourceInfo { kind: "copy".into(), name: format!("{name} (copy of {from})"), ..source.clone() }
    }
}

/// What the run is watched and stopped by.
pub struct RunContext<'a> {
    /// Hears what happens.
    pub observer: &'a dyn Observer,
    /// Stops the run.
    pub cancel: &'a Cancel,
    /// Tells the time.
    pub clock: &'a dyn Clock,
}

/// One thing for a worker to do: an item, or a range of a large one.
pub(crate) struct Task {
    /// Number of the item in this run.
    pub number: u64,
    /// Number of the range.
    pub segment: usize,
    pub file_type: FileType,
    pub handle: Arc<dyn ItemHandle>,
    pub start_byte: u64,
    pub end_byte: Option<u64>,
    pub expected_len_bytes: u64,
    pub wants_details: bool,
}

/// Where a chunk is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Known(Location),
    Ticket(Ticket),
}

/// A piece of content whose place may not be known yet.
#[derive(Debug)]
pub(crate) enum RawPart {
    Chunk { id: ChunkId, len_bytes: u32, place: Place },
    Hole(u64),
}

/// What came of a task.
pub(crate) struct TaskResult {
    pub number: u64,
    pub segment: usize,
    pub parts: Vec<RawPart>,
    pub details: Option<(Details, Option<ItemError>)>,
    pub error: Option<ItemError>,
    pub meta_after: Option<Meta>,
    pub read_bytes: u64,
    pub filled: filler::Filled,
}

/// What workers and packer tell the coordinator; `T` is what comes of a job.
pub(crate) enum Answer<T> {
    /// A job is done.
    Done(T),
    /// A frame has its place.
    Placed,
    /// The packer has written its last pack.
    Packed,
    /// The run cannot go on.
    Failed(StoreError),
}

/// True when all packs that a snapshot uses are there. One that is not whole is no parent: what the new snapshot shares
/// with it would be missing as well, and is stored again instead.
///
/// One that has been forgotten and is about to be collected is none either.
fn is_whole(
    repository: &Repository,
    view: Option<&WritersView>,
    manifest: &Manifest,
    context: &RunContext<'_>,
) -> bool {
    let missing = |reach: Reach| match view {
        Some(view) if !repository.is_usable(view, &reach) => Ok(None),
        Some(view) => repository.missing_live_packs(view.packs(), &reach).map(Some),
        None => repository.missing_live_packs(&repository.pack_list()?, &reach).map(Some),
    };
    let fault = match repository.known_reach(manifest).and_then(missing) {
        Ok(None) => return false,
        Ok(Some(missing)) if missing.is_empty() => return true,
        Ok(Some(missing)) => {
            format!("{} of its packs are missing or cut short, {} among them", missing.len(), missing[0])
        }
        Err(error) => error.to_string(),
    };
    let id = manifest.snapshot.id.short();
    let text = format!(
        "the previous snapshot {id} is damaged: {fault}; every file is read, and what is missing is stored again"
    );
    context.observer.observe(&Event::Warning(&text));
    false
}

/// What a run that was given up does not find any more is gone by right: the run is to be repeated, nothing is damaged.
pub(crate) fn as_passed_by(
    repository: &Repository,
    register: (u64, datakeep_model::SessionId),
    error: EngineError,
) -> EngineError {
    match error {
        EngineError::Store(StoreError::Missing { object }) if repository.is_passed_by(register) => {
            let detail = format!("a collection gave this run up and has removed what it relied on ({object})");
            StoreError::Superseded { detail }.into()
        }
        other => other,
    }
}

/// What earlier runs of a source have left.
pub(crate) struct Before {
    pub parent: Option<Manifest>,
    pub resumed: Option<Resumed>,
    /// Progress there is now will be of no more use once this run has published its snapshot.
    pub superseded: BTreeSet<SessionId>,
}

impl Before {
    pub fn look(
        (repository, writer): (&Arc<Repository>, Option<&Writer>),
        (work, original, content): (&SourceInfo, Option<&Original>, ContentKind),
        options: &BackupOptions,
        context: &RunContext<'_>,
    ) -> Result<Self, StoreError> {
        let view = writer.map(Writer::view);
        let mut manifests = match &view {
            Some(view) => repository.snapshots_within(view)?,
            None => repository.snapshots()?.0,
        };
        let is_parent = |m: &Manifest| match original {
            Some(original) => Some(m.snapshot.id) == original.parent,
            None => {
                let source = &m.snapshot.source;
                m.snapshot.content == content && source.kind == work.kind && source.name == work.name
            }
        };
        let parent = manifests.iter().rposition(is_parent).map(|at| manifests.swap_remove(at));
        if let (Some(parent), None) = (&parent, original) {
            context.observer.observe(&Event::Previous(&parent.snapshot));
        }
        let parent = parent.filter(|parent| is_whole(repository, view.as_ref(), parent, context));
        let unfinished = repository.unfinished(work)?;
        let superseded = unfinished.sessions();
        let resumed = if options.resume && !options.dry_run { repository.interrupted(unfinished) } else { None };
        // A run whose packs are not all there has done nothing that could be relied on.
        let is_there = |resumed: &Resumed| view.as_ref().is_some_and(|v| v.packs().missing(&resumed.packs).is_empty());
        let resumed = resumed.filter(is_there);
        Ok(Self { parent, resumed, superseded })
    }
}

/// Backs a source up. `mark` is what [`Source::begin`] returned, so that reading ahead can begin before the repository
/// is unlocked. When this returns a manifest, the snapshot is durable and visible.
pub fn backup(
    repository: &Arc<Repository>,
    source: &mut dyn Source,
    mark: &Mark,
    options: &BackupOptions,
    context: &RunContext<'_>,
) -> Result<BackupReport, EngineError> {
    store(repository, source, (mark, None), options, context)
}

/// Writes a copy of a snapshot, whose items `source` gives: through the same pipeline as a backup, cut and named as is
/// the way of the repository that is written to. The copy says of itself what the original says; the counters in the
/// report are this run's own.
pub fn copy(
    repository: &Arc<Repository>,
    source: &mut dyn Source,
    original: &Original,
    options: &BackupOptions,
    context: &RunContext<'_>,
) -> Result<BackupReport, EngineError> {
    let mark = source.begin()?;
    store(repository, source, (&mark, Some(original)), options, context)
}

fn store(
    repository: &Arc<Repository>,
    source: &mut dyn Source,
    (mark, original): (&Mark, Option<&Original>),
    options: &BackupOptions,
    context: &RunContext<'_>,
) -> Result<BackupReport, EngineError> {
    let started = context.clock.now();
    let info = source.info();
    let work = original.map_or_else(|| info.clone(), Original::work);
    context.observer.observe(&Event::Phase(Phase::Transferring));
    // The session comes first: a collector waits for it, so what is found from here on stays.
    let session = SessionInfo { source: work.clone(), started };
    let writer = if options.dry_run { None } else { Some(Writer::begin(repository.clone(), &session)?) };
    let looked = Before::look((repository, writer.as_ref()), (&work, original, ContentKind::Files), options, context);
    let found = looked.inspect_err(|_| {
        // Nothing has been done in it: no collection should wait for it.
        writer.iter().for_each(Writer::give_up);
    })?;
    let Before { parent, resumed, mut superseded } = found;
    let (parent, resumed_session) = (parent.as_ref(), resumed.as_ref().map(|resumed| resumed.session));
    let mut run =
        coordinate::Run { repository, options, context, info, mark, started, parent, resumed_session, original };
    let Some(writer) = writer else { return run.dry(source, resumed) };
    let (session, register) = (writer.session(), writer.register());
    let report = run.transfer(source, writer, resumed).map_err(|error| as_passed_by(repository, register, error))?;
    source.confirm(mark)?;
    superseded.insert(session);
    // Left-over progress costs a little space and nothing else.
    let _ = repository.forget_progress(&work, &superseded);
    Ok(report)
}
