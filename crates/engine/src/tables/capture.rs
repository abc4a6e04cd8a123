//! The pump of tables: rows in, row groups and their tree out.

use super::before::{Parent, WasGroups, WasTable};
use super::checks::check_catalog;
use super::columns::{Inherited, inherit};
use super::grouper::{Group, Grouper, window_for};
use super::measure::len_bytes;
use super::stored::{self, StoredGroup, described};
use super::tally::Totals;
use super::worker::{self, GroupJob, GroupResult, NewGroup, Outcome, TableWork};
use crate::backup::coordinate::describe::copied;
use crate::backup::filler::Shared;
use crate::backup::frames::FrameMap;
use crate::backup::meta::MetaWriter;
use crate::backup::packer::{Packer, ToPacker};
use crate::backup::queue::JobQueue;
use crate::backup::reach::ReachBuilder;
use crate::backup::{Answer, BackupOptions, Before, Original, Place, RawPart, RunContext, as_passed_by};
use crate::error::EngineError;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ByteBudget, Catalog, ConnectorError, TableInfo, TableSource};
use datakeep_model::{
    ChunkId, ChunkKind, ContentKind, Counters, ErrorKind, Event, FileType, Mark, Meta, Phase, SessionId, Snapshot,
    SourceInfo, Timestamp,
};
use datakeep_process_table::describe::{ColumnStatistics, DATABASE_KEY, group_key, table_key};
use datakeep_process_table::{
    Changes, DatabaseDescription, Layout, MAX_WINDOW, TableDescription, TableHasher, chunk, join,
};
use datakeep_store::long::shorten;
use datakeep_store::{
    BuiltTree, Claims, CommitRequest, Content, Entry, FrameDecoder, Manifest, Part, Reach, Repository, Resumed,
    SessionInfo, StoreError, TreeBuilder, Writer,
};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

/// Groups that wait for a worker, at most: each may be some 25 MiB long.
const MAX_WAITING_GROUPS: usize = 1;
/// Plaintext of a frame of small things.
const FRAME_TARGET_BYTES: usize = 1 << 20;

/// Keys of entries, at most: a node of the tree holds some hundred of them.
const MAX_KEY_LEN_BYTES: usize = 32 << 10;

fn key_too_long(table: &TableInfo, len_bytes: usize) -> EngineError {
    let text = format!("{}: a row has a key of {len_bytes} bytes; keys up to 32 KiB can be stored", table.name);
    ConnectorError::new(ErrorKind::Source, text).with_hint("give the table a shorter primary key").into()
}

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

/// What an entry says: its description, and what is known of its columns.
type Said<'s> = (Vec<u8>, &'s [ColumnStatistics]);

/// What is on its way into the tree, in order.
enum Pending {
    Group { key: Vec<u8>, result: Option<Box<GroupResult>> },
    Table(Box<TableEnd>),
}

/// A table of which all rows have been read.
struct TableEnd {
    work: Arc<TableWork>,
    next_number: u32,
    window: usize,
    was: Option<TableDescription>,
    was_entry: Option<Entry>,
    was_statistics: Vec<ColumnStatistics>,
    /// True when every group the table had was compared with one it has.
    knows_all: bool,
}

struct Coordinator<'r, 'a> {
    run: &'r Run<'a>,
    hasher: &'r TableHasher,
    frames: &'r FrameMap,
    queue: &'r JobQueue<GroupJob>,
    packer: SyncSender<ToPacker>,
    answers: &'r Receiver<Answer<GroupResult>>,
    parent: Option<Parent<'r>>,
    meta: MetaWriter<'r>,
    tree: TreeBuilder<'r>,
    reach: ReachBuilder,
    counters: Counters,
    pending: VecDeque<Pending>,
    /// Number of the first pending thing.
    first: u64,
    outstanding: usize,
    flush_asked: bool,
    packed: bool,
    totals: Totals,
    tables: Vec<TableDescription>,
    ends: Vec<Entry>,
}

impl<'r, 'a> Coordinator<'r, 'a> {
    fn new(
        run: &'r Run<'a>,
        writer: &'r Writer,
        (frames, hasher): (&'r FrameMap, &'r TableHasher),
        (queue, packer, answers): (&'r JobQueue<GroupJob>, SyncSender<ToPacker>, &'r Receiver<Answer<GroupResult>>),
    ) -> Result<Self, EngineError> {
        let repository: &Repository = run.repository;
        let parent = match run.parent {
            None => None,
            Some(manifest) => Some(Parent::new(repository, manifest)?),
        };
        Ok(Self {
            run,
            hasher,
            frames,
            queue,
            answers,
            parent,
            meta: MetaWriter::new(writer, packer.clone())?,
            packer,
            tree: TreeBuilder::new(repository.boundary(), usize::from(repository.config().tree_window)),
            reach: ReachBuilder::new(writer.view()),
            counters: Counters::default(),
            pending: VecDeque::new(),
            first: 0,
            outstanding: 0,
            flush_asked: false,
            packed: false,
            totals: Totals::default(),
            tables: Vec::new(),
            ends: Vec::new(),
        })
    }

    fn run(mut self, source: &mut dyn TableSource) -> Result<Transferred, EngineError> {
        let catalog = source.catalog()?;
        check_catalog(&catalog)?;
        self.expect(&catalog);
        let database = DatabaseDescription::of(&catalog).encode();
        self.put_entry(DATABASE_KEY.to_vec(), Vec::new(), (database, &[]))?;
        for info in &catalog.tables {
            self.table(source, info)?;
        }
        while !self.pending.is_empty() {
            self.settle()?;
            if !self.pending.is_empty() {
                self.wait()?;
            }
        }
        for entry in std::mem::take(&mut self.ends) {
            self.push(entry)?;
        }
        self.finish(catalog.not_carried)
    }

    fn expect(&self, catalog: &Catalog) {
        let mut estimates = catalog.tables.iter().map(|table| table.rows_estimate);
        let rows = estimates.try_fold(0u64, |sum, rows| Some(sum.saturating_add(rows?)));
        if let Some(items) = rows {
            self.run.context.observer.observe(&Event::Expect { items, bytes: 0 });
        }
    }

    fn table(&mut self, source: &mut dyn TableSource, info: &TableInfo) -> Result<(), EngineError> {
        let was = match self.parent.as_mut().map(|parent| parent.table(info)) {
            Some(was) => self.as_hint(was)?.flatten(),
            None => None,
        };
        let (was, was_statistics, was_entry) = match was {
            Some(WasTable { table, statistics, entry }) => (Some(table), statistics, Some(entry)),
            None => (None, Vec::new(), None),
        };
        let keeps_types = self.run.original.is_none();
        let Inherited { info, numbers, next_number, layouts } = inherit(info.clone(), was.as_ref(), keeps_types);
        let mut was_groups = self.groups_before(&info, was.as_ref())?;
        let mut rows = source.rows(&info)?;
        let mut first = rows.next_batch()?;
        let window = match (&was, self.run.options.group_window, &first) {
            // Of a table without rows nobody knew how wide they would be.
            (Some(was), ..) if was.rows > 0 => was.window as usize,
            (_, Some(window), _) => window.clamp(1, MAX_WINDOW),
            (_, None, Some(batch)) => window_for(len_bytes(batch) / batch.rows().max(1)),
            (_, None, None) => window_for(1),
        };
        let mut grouper = Grouper::new(self.hasher, &info, &numbers, window);
        let mut work: Option<Arc<TableWork>> = None;
        let work_of = |layouts: Vec<Layout>| {
            let types = info.columns.iter().map(|column| column.data_type.clone());
            let types: Vec<_> = numbers.iter().copied().zip(types).collect();
            let is_patchable = was.as_ref().is_some_and(|was| stored::types(was) == types);
            Arc::new(TableWork { info: info.clone(), numbers: numbers.clone(), layouts, types, is_patchable })
        };
        let make = |group: &Group| -> Result<Arc<TableWork>, EngineError> {
            Ok(work_of(choose_layouts(&layouts, &group.batches)?))
        };
        while let Some(batch) = first.take().map_or_else(|| rows.next_batch(), |batch| Ok(Some(batch)))? {
            let read = batch.rows() as u64;
            for group in grouper.push(batch)? {
                let work = match &work {
                    Some(work) => work,
                    None => work.insert(make(&group)?),
                };
                self.group(work.clone(), (group, false), was_groups.as_mut())?;
            }
            self.run.context.observer.observe(&Event::Progress { items: read, bytes: 0 });
            self.take_answers(false)?;
            self.settle()?;
            self.check_cancelled()?;
        }
        drop(rows);
        if let Some(group) = grouper.finish() {
            let work = match &work {
                Some(work) => work,
                None => work.insert(make(&group)?),
            };
            self.group(work.clone(), (group, true), was_groups.as_mut())?;
        }
        let knows_all = match was_groups {
            Some(groups) => self.as_hint(groups.finish())?.unwrap_or(false),
            None => was.is_none(),
        };
        let work =
            work.unwrap_or_else(|| work_of(layouts.iter().map(|layout| layout.unwrap_or(Layout::Plain)).collect()));
        self.pending.push_back(Pending::Table(Box::new(TableEnd {
            work,
            next_number,
            window,
            was,
            was_entry,
            was_statistics,
            knows_all,
        })));
        Ok(())
    }

    fn groups_before(
        &mut self,
        info: &TableInfo,
        was: Option<&TableDescription>,
    ) -> Result<Option<WasGroups<'r>>, EngineError> {
        let (Some(parent), Some(was)) = (&mut self.parent, was) else { return Ok(None) };
        let groups = parent.groups(info, was);
        Ok(self.as_hint(groups)?.flatten())
    }

    fn group(
        &mut self,
        table: Arc<TableWork>,
        (group, is_last): (Group, bool),
        was: Option<&mut WasGroups<'r>>,
    ) -> Result<(), EngineError> {
        while self.queue.waiting() > MAX_WAITING_GROUPS {
            self.wait()?;
            self.settle()?;
            self.check_cancelled()?;
        }
        let (entries, is_aligned) = match was {
            Some(groups) => match self.as_hint(groups.of(&group, is_last))? {
                Some(found) => found,
                None => groups.give_up(),
            },
            None => (Vec::new(), true),
        };
        let (wanted, mut was) = (entries.len(), VecDeque::new());
        for entry in entries {
            let Some(stored) = self.parent.as_mut().map(|parent| parent.group(entry)) else { break };
            let Some(stored) = self.as_hint(stored)? else { break };
            was.push_back(stored);
        }
        let is_aligned = is_aligned && was.len() == wanted;
        let key = group_key(&table.info.name, &group.order);
        if key.len() > MAX_KEY_LEN_BYTES {
            return Err(key_too_long(&table.info, key.len()));
        }
        let number = self.first + self.pending.len() as u64;
        self.pending.push_back(Pending::Group { key, result: None });
        self.queue.push(GroupJob { number, table, group, was, is_aligned });
        self.outstanding += 1;
        self.flush_asked = false;
        Ok(())
    }

    /// The snapshot before is a hint: where it cannot be understood, rows are stored as if they were new.
    fn as_hint<T>(&self, read: Result<T, StoreError>) -> Result<Option<T>, EngineError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error) if matches!(error.kind(), ErrorKind::Integrity | ErrorKind::Incompatible) => {
                let text = format!("the previous snapshot is damaged: {error}; what it says of these rows is not used");
                self.run.context.observer.observe(&Event::Warning(&text));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn check_cancelled(&self) -> Result<(), EngineError> {
        if self.run.context.cancel.is_cancelled() { Err(EngineError::Cancelled) } else { Ok(()) }
    }

    /// Waits for an answer. When every group has been answered, what is missing lies in frames that workers are still filling.
    fn wait(&mut self) -> Result<(), EngineError> {
        if self.outstanding == 0 && !self.flush_asked {
            self.flush_asked = true;
            self.queue.flush();
        }
        self.take_answers(true)
    }

    fn take_answers(&mut self, wait: bool) -> Result<(), EngineError> {
        let mut first = if wait {
            Some(self.answers.recv().map_err(|_| EngineError::Broken("every worker is gone"))?)
        } else {
            None
        };
        while let Some(answer) = first.take().or_else(|| self.answers.try_recv().ok()) {
            match answer {
                Answer::Done(result) => {
                    self.outstanding -= 1;
                    let place = result.number.checked_sub(self.first);
                    let pending = place.and_then(|place| self.pending.get_mut(place as usize));
                    if let Some(Pending::Group { result: slot, .. }) = pending {
                        *slot = Some(Box::new(result));
                    }
                }
                Answer::Placed => {}
                Answer::Packed => self.packed = true,
                Answer::Failed(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Moves what is finished from the front into the tree.
    fn settle(&mut self) -> Result<(), EngineError> {
        loop {
            match self.pending.front() {
                Some(Pending::Table(_)) => {}
                Some(Pending::Group { result: Some(result), .. }) if self.is_placed(result) => {}
                _ => return Ok(()),
            }
            self.first += 1;
            match self.pending.pop_front() {
                Some(Pending::Group { key, result: Some(result) }) => self.settle_group(key, *result)?,
                Some(Pending::Table(end)) => self.settle_table(*end)?,
                _ => return Ok(()),
            }
        }
    }

    fn is_placed(&self, result: &GroupResult) -> bool {
        let Outcome::New(group) = &result.outcome else { return true };
        group.parts.iter().all(|part| match part {
            RawPart::Chunk { place: Place::Ticket(ticket), .. } => self.frames.resolve(*ticket).is_some(),
            _ => true,
        })
    }

    fn settle_group(&mut self, key: Vec<u8>, result: GroupResult) -> Result<(), EngineError> {
        self.totals.note(result.changes);
        self.counters.read_bytes += result.read_bytes;
        self.counters.len_bytes += result.read_bytes;
        result.filled.add_to(&mut self.counters);
        match result.outcome {
            Outcome::Same(group) => {
                self.totals.add(u64::from(group.description.rows), group.description.row_sum, result.hash);
                self.totals.know(&group.statistics, None);
                let StoredGroup { entry, parts, .. } = *group;
                self.reach.add_parts(self.run.repository, &parts)?;
                if let Content::List { .. } = entry.content {
                    self.reach.add_entry(self.run.repository, &entry, &mut FrameDecoder::new()?)?;
                }
                self.push(Entry { key, ..entry })
            }
            Outcome::New(group) => {
                let NewGroup { description, parts, statistics, distinct } = *group;
                self.totals.know(&statistics, Some(&distinct));
                self.totals.add(u64::from(description.rows), description.row_sum, result.hash);
                let parts = parts.into_iter().map(|part| self.frames.part(part)).collect();
                self.put_entry(key, parts, (description.encode(), &statistics))
            }
        }
    }

    fn settle_table(&mut self, end: TableEnd) -> Result<(), EngineError> {
        let TableEnd { work, next_number, window, was, was_entry, was_statistics, knows_all } = end;
        let totals = std::mem::take(&mut self.totals);
        let content_root = totals.content_root(self.hasher);
        let (statistics, is_recounted) = (totals.known, totals.is_recounted);
        let is_same = was.as_ref().is_some_and(|was| was.content_root == content_root && was.info.sql == work.info.sql);
        let counter = match (&was, is_same) {
            (None, _) => &mut self.counters.items_new,
            (_, true) => &mut self.counters.items_unchanged,
            (_, false) => &mut self.counters.items_changed,
        };
        *counter += 1;
        self.counters.files += 1;
        let description = TableDescription {
            info: work.info.clone(),
            numbers: work.numbers.clone(),
            next_number,
            layouts: work.layouts.clone(),
            window: window as u32,
            rows: totals.rows,
            groups: totals.groups.len() as u64,
            row_sum: totals.row_sum,
            content_root,
            compared_with: self.run.parent.map(|parent| parent.snapshot.id),
            changes: was.as_ref().and_then(|was| match totals.rows {
                0 => Some(Changes { deleted: was.rows, ..Changes::default() }),
                _ => totals.changes.filter(|_| knows_all),
            }),
        };
        if let Some((was, entry)) = was.as_ref().zip(was_entry).filter(|(was, _)| says_the_same(was, &description)) {
            // Nothing is written of a table that stays as it was.
            self.reach.add_entry(self.run.repository, &entry, &mut FrameDecoder::new()?)?;
            self.ends.push(entry);
            self.tables.push(TableDescription { changes: description.changes, ..was.clone() });
            return Ok(());
        }
        let was = was.as_ref().filter(|_| !is_recounted).map(|_| was_statistics.as_slice());
        let statistics = statistics.finish(&work.numbers, was);
        let entry = self.entry(table_key(&work.info.name), Vec::new(), (description.encode(), &statistics))?;
        self.ends.push(entry);
        self.tables.push(description);
        Ok(())
    }

    fn put_entry(&mut self, key: Vec<u8>, parts: Vec<Part>, said: Said<'_>) -> Result<(), EngineError> {
        let entry = self.entry(key, parts, said)?;
        self.push(entry)
    }

    fn entry(
        &mut self,
        key: Vec<u8>,
        parts: Vec<Part>,
        (description, statistics): Said<'_>,
    ) -> Result<Entry, EngineError> {
        self.reach.add_parts(self.run.repository, &parts)?;
        let len_bytes = parts.iter().map(Part::len_bytes).sum();
        let (content, attributes) = shorten(parts, described(description, statistics), &mut self.meta)?;
        let meta = Meta { len_bytes, ..Meta::synthetic(FileType::File, 0, Timestamp::default()) };
        Ok(Entry { key, meta, link_target: None, attributes, content, changed_while_read: false })
    }

    fn push(&mut self, entry: Entry) -> Result<(), EngineError> {
        if let Some(parent) = &self.parent {
            parent.take_seen().into_iter().for_each(|node| self.meta.know(node));
        }
        Ok(self.tree.push(entry, &mut self.meta)?)
    }

    fn finish(self, not_carried: Vec<String>) -> Result<Transferred, EngineError> {
        let Self { tree, mut meta, mut reach, packer, queue, answers, counters, tables, run, mut packed, .. } = self;
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
        Ok(Transferred { counters, tables, not_carried, tree: built, reach })
    }
}

/// True when a table is what it was, whatever became of it before.
fn says_the_same(was: &TableDescription, is: &TableDescription) -> bool {
    let timeless = |table: &TableDescription| TableDescription {
        info: TableInfo { rows_estimate: None, ..table.info.clone() },
        compared_with: None,
        changes: None,
        ..table.clone()
    };
    timeless(was) == timeless(is)
}

/// How columns are written: as before, or as suits the rows of the first group.
fn choose_layouts(known: &[Option<Layout>], batches: &[RowBatch]) -> Result<Vec<Layout>, EngineError> {
    let unfit =
        |error: &dyn std::fmt::Display| StoreError::Usage { detail: format!("rows cannot be encoded: {error}") };
    if known.iter().all(Option::is_some) {
        return Ok(known.iter().copied().flatten().collect());
    }
    let rows = join(batches).map_err(|error| unfit(&error))?;
    let choose = |(column, known): (&datakeep_connector::rows::Column, &Option<Layout>)| match known {
        Some(layout) => Ok(*layout),
        None => chunk::choose(column.values(), 1).map_err(|error| unfit(&error).into()),
    };
    rows.columns().iter().zip(known).map(choose).collect()
}
