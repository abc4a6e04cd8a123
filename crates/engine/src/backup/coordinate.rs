//! The thread that walks source and parents side by side, hands out work, and puts the tree together in order.

mod complete;
pub(crate) mod describe;
mod dry;
mod jobs;
mod tally;

use self::tally::Tally;
use super::filler::Shared;
use super::frames::FrameMap;
use super::meta::MetaWriter;
use super::packer::{Packer, ToPacker};
use super::parents::{Judgement, Known, Origin, Parents};
use super::queue::JobQueue;
use super::reach::ReachBuilder;
use super::worker;
use super::{Answer, BackupOptions, BackupReport, Original, Place, RawPart, RunContext, Task, TaskResult};
use crate::error::EngineError;
use complete::Read;
use datakeep_connector::{ByteBudget, Item, ItemBatch, Source};
use datakeep_model::{ChunkKind, Counters, Event, FileType, ItemPath, Mark, Phase, SessionId, SourceInfo, Timestamp};
use datakeep_store::{
    BuiltTree, Claims, CommitRequest, Content, Entry, FrameDecoder, Manifest, Reach, Repository, Resumed, StoreError,
    TreeBuilder, Writer,
};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

/// Items between the walk and the tree, at most.
const MAX_PENDING: usize = 32 << 10;
/// Jobs waiting for a worker, at most.
const MAX_WAITING_JOBS: usize = 8;
/// Entries in one progress record, at most.
const MAX_PROGRESS_ENTRIES: usize = 8 << 10;

/// One run and what it was given.
pub(crate) struct Run<'a> {
    pub repository: &'a Arc<Repository>,
    pub options: &'a BackupOptions,
    pub context: &'a RunContext<'a>,
    pub info: SourceInfo,
    pub mark: &'a Mark,
    pub started: Timestamp,
    pub parent: Option<&'a Manifest>,
    pub resumed_session: Option<SessionId>,
    /// What is copied, when the source is a snapshot of another repository.
    pub original: Option<&'a Original>,
}

/// An item on its way into the tree.
struct Pending {
    entry: Entry,
    action: &'static str,
    /// What it was in the previous snapshot, if it looks the same and had to be read all the same.
    was: Option<Box<Entry>>,
    /// Results still to come; with them what has come.
    missing: usize,
    segments: Vec<Option<TaskResult>>,
    /// Read in this run.
    fresh: bool,
    /// Not in any snapshot yet: read in this run, or in one before it that was interrupted. A run that is interrupted
    /// in its turn passes all of it on.
    is_progress: bool,
}

impl Run<'_> {
    fn judgement(&self) -> Judgement {
        Judgement {
            ignore_ctime: self.options.ignore_ctime,
            ignore_inode: self.options.ignore_inode,
            read_everything: self.options.read_everything,
            slack_ns: self.options.slack_ns,
        }
    }

    fn tell_item(&self, key: &[u8], file_type: FileType, action: &'static str, len_bytes: u64) {
        let observer = self.context.observer;
        if observer.wants_items()
            && let Ok(path) = ItemPath::from_key(key)
        {
            observer.observe(&Event::Item { path: &path, file_type, action, len_bytes });
        }
        observer.observe(&Event::Progress { items: 1, bytes: len_bytes });
    }

    /// The whole run, up to the commit.
    pub fn transfer(
        &mut self,
        source: &mut dyn Source,
        writer: Writer,
        resumed: Option<Resumed>,
    ) -> Result<BackupReport, EngineError> {
        let (tally, tree, reach) = self.read(source, &writer, resumed).inspect_err(|_| {
            // Nobody can take this run up: no collection should wait for it.
            if !writer.has_progress() {
                writer.give_up();
            }
        })?;
        self.context.observer.observe(&Event::Phase(Phase::Committing));
        let snapshot = self.snapshot(source, &writer, &tally);
        let manifest = writer.commit(CommitRequest { snapshot, tree, reach })?;
        let counters = Counters { stored_bytes: manifest.snapshot.counters.stored_bytes, ..tally.counters };
        Ok(BackupReport { manifest: Some(manifest), counters, losses: tally.losses, resumed: self.resumed_session })
    }

    fn read(
        &self,
        source: &mut dyn Source,
        writer: &Writer,
        resumed: Option<Resumed>,
    ) -> Result<(Tally, BuiltTree, Reach), EngineError> {
        let all = self.pump(source, writer, resumed)?;
        source.complete()?;
        if self.context.cancel.is_cancelled() { Err(EngineError::Cancelled) } else { Ok(all) }
    }

    /// Starts the threads, and does the coordinator's part in this one.
    fn pump(
        &self,
        source: &mut dyn Source,
        writer: &Writer,
        resumed: Option<Resumed>,
    ) -> Result<(Tally, BuiltTree, Reach), EngineError> {
        let index = self.repository.fresh_index()?;
        for fault in index.faults() {
            let text = format!("{fault}: part of the index is not used, and chunks may be stored again");
            self.context.observer.observe(&Event::Warning(&text));
        }
        // An interrupted run may have taken up another before it: what it passes on lies in packs of both.
        let inherited = resumed.as_ref().map(|resumed| resumed.packs.clone()).unwrap_or_default();
        let sessions: BTreeSet<SessionId> =
            inherited.iter().map(|pack| pack.name.session).chain(self.resumed_session).collect();
        for session in sessions {
            index.add(self.repository.packs_of_session(session)?);
        }
        let (claims, frames) = (Claims::default(), FrameMap::default());
        let budget = ByteBudget::new(self.options.budget_bytes);
        let chunker = self.repository.chunker()?;
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
            frame_target_bytes: self.options.frame_target_bytes,
            segment_bytes: u64::from(self.repository.config().segment_mib) << 20,
        };
        let workers = self.options.workers.max(1);
        let queue = JobQueue::new(workers);
        let (to_packer, from_workers) = sync_channel::<ToPacker>(64);
        let (answer, answers) = channel();
        let packer = Packer::new(writer, &frames, &claims, shared.index.clone(), self.mark, inherited);
        std::thread::scope(|scope| {
            for number in 0..workers {
                let (shared, queue, to_packer, answer) = (&shared, &queue, to_packer.clone(), answer.clone());
                scope.spawn(move || worker::run(number, shared, queue, to_packer, &answer));
            }
            scope.spawn(move || packer.run(&from_workers, &answer));
            let result = Coordinator::new(self, writer, &frames, &queue, to_packer, &answers, resumed)
                .and_then(|coordinator| coordinator.run(source));
            queue.close(result.is_err());
            result
        })
    }
}

fn key_of(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    // The root's own key is empty; everything else lies in a directory.
    if name.is_empty() { Vec::new() } else { [prefix, name].concat() }
}

struct Coordinator<'r, 'a> {
    run: &'r Run<'a>,
    frames: &'r FrameMap,
    queue: &'r JobQueue<Vec<Task>>,
    packer: SyncSender<ToPacker>,
    answers: &'r Receiver<Answer<Vec<TaskResult>>>,
    parents: Parents<'r>,
    meta: MetaWriter<'r>,
    tree: TreeBuilder<'r>,
    reach: ReachBuilder,
    decoder: FrameDecoder,
    tally: Tally,
    pending: VecDeque<Pending>,
    /// Number of the first pending item.
    first: u64,
    job: Vec<Task>,
    job_bytes: u64,
    /// Jobs handed out and not yet answered. Counted here, where the answers arrive: what workers say of themselves
    /// is always a moment old.
    outstanding: usize,
    /// Entries for the next record of progress, and their content bytes.
    done: Vec<Entry>,
    done_bytes: u64,
    /// Content bytes read, and the first pending item, when it was last seen to it that items leave.
    looked_at: (u64, u64),
    flush_asked: bool,
    packed: bool,
}

impl<'r, 'a> Coordinator<'r, 'a> {
    fn new(
        run: &'r Run<'a>,
        writer: &'r Writer,
        frames: &'r FrameMap,
        queue: &'r JobQueue<Vec<Task>>,
        packer: SyncSender<ToPacker>,
        answers: &'r Receiver<Answer<Vec<TaskResult>>>,
        resumed: Option<Resumed>,
    ) -> Result<Self, EngineError> {
        let repository = run.repository;
        Ok(Self {
            run,
            frames,
            queue,
            answers,
            parents: Parents::new(repository, run.parent, (resumed, Some(writer.view())), run.judgement())?,
            meta: MetaWriter::new(writer, packer.clone())?,
            packer,
            tree: TreeBuilder::new(repository.boundary(), usize::from(repository.config().tree_window)),
            reach: ReachBuilder::new(writer.view()),
            decoder: FrameDecoder::new()?,
            tally: Tally::default(),
            pending: VecDeque::new(),
            first: 0,
            job: Vec::new(),
            job_bytes: 0,
            outstanding: 0,
            done: Vec::new(),
            done_bytes: 0,
            looked_at: (0, 0),
            flush_asked: false,
            packed: false,
        })
    }

    fn run(mut self, source: &mut dyn Source) -> Result<(Tally, BuiltTree, Reach), EngineError> {
        let mut stream = source.items()?;
        loop {
            self.take_answers(false)?;
            self.settle()?;
            self.check_cancelled()?;
            if self.pending.len() >= MAX_PENDING || self.queue.waiting() >= MAX_WAITING_JOBS {
                self.wait()?;
                continue;
            }
            match stream.next_batch()? {
                Some(batch) => self.take_batch(batch)?,
                None => break,
            }
        }
        self.send_job();
        while !self.pending.is_empty() {
            self.settle()?;
            self.check_cancelled()?;
            if !self.pending.is_empty() {
                self.wait()?;
            }
        }
        self.finish()
    }

    fn check_cancelled(&mut self) -> Result<(), EngineError> {
        if !self.run.context.cancel.is_cancelled() {
            return Ok(());
        }
        self.send_progress()?;
        Err(EngineError::Cancelled)
    }

    fn take_batch(&mut self, batch: ItemBatch) -> Result<(), EngineError> {
        batch.losses.into_iter().for_each(|loss| self.tally.lose(self.run.context, loss));
        let prefix = batch.directory.children_prefix();
        for item in batch.items {
            let key = key_of(&prefix, &item.name);
            let known = self.parents.compare(&key, &item)?;
            let action = self.tally.count(&item.meta, &known);
            match known {
                Known::Same(old, origin) => self.keep(*old, origin, item, action),
                Known::New => self.fetch(key, item, (action, None)),
                Known::Changed(was) => self.fetch(key, item, (action, was)),
            }
        }
        self.parents.tell_nodes(&mut self.meta);
        if let Some(fault) = self.parents.take_fault() {
            let text = format!("the previous snapshot cannot be read on: {fault}; what is unknown is read again");
            self.run.context.observer.observe(&Event::Warning(&text));
        }
        Ok(())
    }

    fn keep(&mut self, old: Entry, origin: Origin, item: Item, action: &'static str) {
        let entry = Entry { meta: item.meta, ..old };
        let is_progress = origin == Origin::Interrupted;
        let segments = Vec::new();
        let pending = Pending { entry, action, was: None, missing: 0, segments, fresh: false, is_progress };
        self.pending.push_back(pending);
    }

    /// Moves finished items from the front into the tree.
    fn settle(&mut self) -> Result<(), EngineError> {
        while let Some(front) = self.pending.front() {
            if front.missing > 0 || !self.is_placed(front) {
                break;
            }
            let Some(pending) = self.pending.pop_front() else { break };
            self.first += 1;
            self.settle_one(pending)?;
        }
        let read = self.tally.counters.read_bytes;
        // The share keeps the number of records small for large runs, and what a kill can cost small.
        let due = self.run.options.progress_bytes.max(read / 50);
        if self.done_bytes >= due || self.done.len() >= MAX_PROGRESS_ENTRIES {
            self.send_progress()?;
        }
        if read - self.looked_at.0 >= due {
            // The first item may lie in the frame of a worker that the others leave no jobs to: it holds up all that
            // come after it, and nothing would be recorded as done.
            if self.first == self.looked_at.1 && !self.pending.is_empty() {
                self.queue.flush();
            }
            self.looked_at = (read, self.first);
        }
        Ok(())
    }

    fn is_placed(&self, pending: &Pending) -> bool {
        let parts = pending.segments.iter().flatten().flat_map(|result| &result.parts);
        parts.into_iter().all(|part| match part {
            RawPart::Chunk { place: Place::Ticket(ticket), .. } => self.frames.resolve(*ticket).is_some(),
            _ => true,
        })
    }

    fn settle_one(&mut self, pending: Pending) -> Result<(), EngineError> {
        let Pending { mut entry, mut action, was, segments, fresh, is_progress, .. } = pending;
        if fresh {
            match self.complete(&mut entry, (action, was.as_deref()), segments)? {
                Read::Lost => return Ok(()),
                Read::Alike => action = self.tally.is_unchanged_after_all(),
                Read::Different => {}
            }
        }
        self.run.tell_item(&entry.key, entry.meta.file_type, action, entry.meta.len_bytes);
        if !fresh {
            // What was read is noted with its parts.
            self.reach.add_entry(self.run.repository, &entry, &mut self.decoder)?;
        }
        if is_progress && entry.content != Content::Empty {
            self.done_bytes = self.done_bytes.saturating_add(entry.meta.len_bytes);
            self.done.push(entry.clone());
        }
        self.tree.push(entry, &mut self.meta)?;
        Ok(())
    }

    fn send_progress(&mut self) -> Result<(), StoreError> {
        if self.done.is_empty() {
            return Ok(());
        }
        self.done_bytes = 0;
        self.meta.flush_content()?;
        let _ = self.packer.send(ToPacker::Progress(std::mem::take(&mut self.done)));
        Ok(())
    }

    fn finish(mut self) -> Result<(Tally, BuiltTree, Reach), EngineError> {
        self.parents.finish()?;
        self.parents.tell_nodes(&mut self.meta);
        self.tally.counters.items_removed = self.parents.removed;
        let Self { tree, mut meta, mut reach, packer, queue, answers, tally, run, mut packed, .. } = self;
        let built = tree.finish(&mut meta)?;
        meta.flush()?;
        for chunk in &meta.used {
            reach.add_chunk(run.repository, ChunkKind::Node, chunk)?;
        }
        drop((meta, packer));
        queue.close(false);
        while !packed {
            match answers.recv().map_err(|_| EngineError::Broken("the packer is gone"))? {
                Answer::Failed(error) => return Err(error.into()),
                Answer::Packed => packed = true,
                Answer::Done(_) | Answer::Placed => {}
            }
        }
        let reach = reach.finish(run.repository)?;
        Ok((tally, built, reach))
    }
}
