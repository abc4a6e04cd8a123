//! The pump of tables: rows in, row groups and their tree out.

mod coordinator;

use super::worker::{self};
use crate::backup::coordinate::describe::copied;
use crate::backup::filler::Shared;
use crate::backup::frames::FrameMap;
use crate::backup::packer::{Packer, ToPacker};
use crate::backup::queue::JobQueue;
use crate::backup::{BackupOptions, Before, Original, RunContext, as_passed_by};
use crate::error::EngineError;
use coordinator::Coordinator;
use datakeep_connector::{ByteBudget, TableSource};
use datakeep_model::{ChunkId, ContentKind, Counters, Event, Mark, Phase, SessionId, Snapshot, SourceInfo, Timestamp};
use datakeep_process_table::{TableDescription, TableHasher};
use datakeep_store::{
    BuiltTree, Claims, CommitRequest, Manifest, Reach, Repository, Resumed, SessionInfo, StoreError, Writer,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};

/// Plaintext of a frame of small things.
const FRAME_TARGET_BYTES: usize = 1 << 20;

/// What a capture did.
#[derive(Debug)]
pub struct CaptureReport {
    /// The snapshot.
    pub manifest: Option<Manifest>,
    /// What was done: tables count as files, groups that are new or not as new or known chunks of themselves.
    pub counters: Counters,
    /// The tables as they were captured, by rising name.
    pub tables: Vec<TableDescription>,
    /// What the database holds that is not carried, one sentence each.
    pub not_carried: Vec<String>,
}

/// Captures a database. `mark` is what [`TableSource::begin`] returned. When this returns a manifest, the snapshot is durable
/// and visible. A dry run is refused.
pub fn capture(
    repository: &Arc<Repository>,
    source: &mut dyn TableSource,
    mark: &Mark,
    options: &BackupOptions,
    context: &RunContext<'_>,
) -> Result<CaptureReport, EngineError> {
    store(repository, source, (mark, None), options, context)
}

/// Writes a copy of a snapshot of tables, whose rows `source` gives. The copy says of itself what the original says; the counters
/// in the report are this run's own.
pub fn copy_tables(
    repository: &Arc<Repository>,
    source: &mut dyn TableSource,
    original: &Original,
    options: &BackupOptions,
    context: &RunContext<'_>,
) -> Result<CaptureReport, EngineError> {
    let mark = source.begin()?;
    store(repository, source, (&mark, Some(original)), options, context)
}

fn store(
    repository: &Arc<Repository>,
    source: &mut dyn TableSource,
    (mark, original): (&Mark, Option<&Original>),
    options: &BackupOptions,
    context: &RunContext<'_>,
) -> Result<CaptureReport, EngineError> {
    if options.dry_run {
        let detail = "what a capture would store is only known once it is stored".into();
        return Err(StoreError::Usage { detail }.into());
    }
    let started = context.clock.now();
    let own = source.info();
    let info = original.map_or_else(|| own.clone(), Original::work);
    context.observer.observe(&Event::Phase(Phase::Transferring));
    let session = SessionInfo { source: info.clone(), started };
    let writer = Writer::begin(repository.clone(), &session)?;
    let looked = Before::look((repository, Some(&writer)), (&info, original, ContentKind::Tables), options, context);
    let Before { parent, resumed, mut superseded } = looked.inspect_err(|_| writer.give_up())?;
    let parent = parent.as_ref();
    let run = Run { repository, options, context, info: &own, mark, started, parent, original };
    let (session, register) = (writer.session(), writer.register());
    let report = run.transfer(source, writer, resumed).map_err(|error| as_passed_by(repository, register, error))?;
    source.confirm(mark)?;
    superseded.insert(session);
    let _ = repository.forget_progress(&info, &superseded);
    Ok(report)
}

struct Run<'a> {
    repository: &'a Arc<Repository>,
    options: &'a BackupOptions,
    context: &'a RunContext<'a>,
    info: &'a SourceInfo,
    mark: &'a Mark,
    started: Timestamp,
    parent: Option<&'a Manifest>,
    /// What is copied, when the source is a snapshot of another repository.
    original: Option<&'a Original>,
}

/// What came of the transfer, before the commit.
struct Transferred {
    counters: Counters,
    tables: Vec<TableDescription>,
    not_carried: Vec<String>,
    tree: BuiltTree,
    reach: Reach,
}

impl Run<'_> {
    fn transfer(
        &self,
        source: &mut dyn TableSource,
        writer: Writer,
        resumed: Option<Resumed>,
    ) -> Result<CaptureReport, EngineError> {
        let read = self.pump(source, &writer, resumed).and_then(|read| {
            source.complete()?;
            if self.context.cancel.is_cancelled() { Err(EngineError::Cancelled) } else { Ok(read) }
        });
        let Transferred { counters, tables, not_carried, tree, reach } = read.inspect_err(|_| {
            if !writer.has_progress() {
                writer.give_up();
            }
        })?;
        self.context.observer.observe(&Event::Phase(Phase::Committing));
        let snapshot = self.snapshot(&writer, counters);
        let manifest = writer.commit(CommitRequest { snapshot, tree, reach })?;
        let counters = Counters { stored_bytes: manifest.snapshot.counters.stored_bytes, ..counters };
        Ok(CaptureReport { manifest: Some(manifest), counters, tables, not_carried })
    }

    fn snapshot(&self, writer: &Writer, counters: Counters) -> Snapshot {
        if let Some(original) = self.original {
            let parent = self.parent.map(|parent| parent.snapshot.id);
            return Snapshot { id: writer.session(), parent, ..copied(original, &counters, &[]) };
        }
        Snapshot {
            id: writer.session(),
            epoch: 0,
            source: self.info.clone(),
            mark: self.mark.clone(),
            started: self.started,
            finished: self.context.clock.now(),
            parent: self.parent.map(|parent| parent.snapshot.id),
            content: ContentKind::Tables,
            root: ChunkId([0; 32]),
            roots: Vec::new(),
            counters,
            losses: Vec::new(),
            tags: self.options.tags.clone(),
            writer: self.options.writer.clone(),
            users: Vec::new(),
            groups: Vec::new(),
            origin: None,
        }
    }

    /// Starts the threads, and does the coordinator's part in this one.
    fn pump(
        &self,
        source: &mut dyn TableSource,
        writer: &Writer,
        resumed: Option<Resumed>,
    ) -> Result<Transferred, EngineError> {
        let index = self.repository.fresh_index()?;
        let inherited = resumed.as_ref().map(|resumed| resumed.packs.clone()).unwrap_or_default();
        let sessions: BTreeSet<SessionId> =
            inherited.iter().map(|pack| pack.name.session).chain(resumed.map(|resumed| resumed.session)).collect();
        for session in sessions {
            index.add(self.repository.packs_of_session(session)?);
        }
        let (claims, frames) = (Claims::default(), FrameMap::default());
        let budget = ByteBudget::new(self.options.budget_bytes);
        let chunker = self.repository.chunker()?;
        let hasher = TableHasher::new(self.repository.table_key().expose());
        let shared = Shared {
            repository: self.repository,
            index: index.clone(),
            view: writer.view(),
            claims: &claims,
            frames: &frames,
            budget: &budget,
            cancel: self.context.cancel,
            chunker: &chunker,
            compression: self.options.compression,
            frame_target_bytes: FRAME_TARGET_BYTES,
            segment_bytes: u64::from(self.repository.config().segment_mib) << 20,
        };
        let workers = self.options.workers.max(1);
        let queue = JobQueue::new(workers);
        let (to_packer, from_workers) = sync_channel::<ToPacker>(64);
        let (answer, answers) = channel();
        let packer = Packer::new(writer, &frames, &claims, index, self.mark, inherited);
        std::thread::scope(|scope| {
            for number in 0..workers {
                let (shared, hasher, queue) = (&shared, &hasher, &queue);
                let (to_packer, answer) = (to_packer.clone(), answer.clone());
                let most_inline = self.options.most_inline_len_bytes;
                scope.spawn(move || worker::run(number, (shared, hasher, most_inline), queue, to_packer, &answer));
            }
            scope.spawn(move || packer.run(&from_workers, &answer));
            let result = Coordinator::new(self, writer, (&frames, &hasher), (&queue, to_packer, &answers))
                .and_then(|coordinator| coordinator.run(source));
            queue.close(result.is_err());
            result
        })
    }
}
