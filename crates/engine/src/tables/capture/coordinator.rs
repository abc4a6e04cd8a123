//! Keeps groups and tables in order: what workers have stored goes into the tree.

mod reading;

use super::{Run, Transferred};
use crate::backup::frames::FrameMap;
use crate::backup::meta::MetaWriter;
use crate::backup::packer::ToPacker;
use crate::backup::queue::JobQueue;
use crate::backup::reach::ReachBuilder;
use crate::backup::{Answer, Place, RawPart};
use crate::error::EngineError;
use crate::tables::before::Parent;
use crate::tables::checks::check_catalog;
use crate::tables::stored::{StoredGroup, described};
use crate::tables::tally::Totals;
use crate::tables::worker::{GroupJob, GroupResult, NewGroup, Outcome, TableWork};
use datakeep_connector::{Catalog, TableInfo, TableSource};
use datakeep_model::{ChunkKind, Counters, Event, FileType, Meta, Timestamp};
use datakeep_process_table::describe::{ColumnStatistics, DATABASE_KEY, table_key};
use datakeep_process_table::{Changes, DatabaseDescription, TableDescription, TableHasher};
use datakeep_store::long::shorten;
use datakeep_store::{Entry, FrameDecoder, Part, Repository, TreeBuilder, Writer};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

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

pub(super) struct Coordinator<'r, 'a> {
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
    decoder: FrameDecoder,
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
    pub fn new(
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
            decoder: FrameDecoder::new()?,
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

    pub fn run(mut self, source: &mut dyn TableSource) -> Result<Transferred, EngineError> {
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
        if let Some(removed) = self.parent.as_ref().map(|parent| parent.tables_beside(&self.tables)) {
            self.counters.items_removed = self.as_hint(removed)?.unwrap_or(0);
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

    /// A run that is stopped records what it has stored, so that the next one does not store it again.
    fn check_cancelled(&mut self) -> Result<(), EngineError> {
        if !self.run.context.cancel.is_cancelled() {
            return Ok(());
        }
        self.meta.flush_content()?;
        let _ = self.packer.send(ToPacker::Progress(Vec::new()));
        Err(EngineError::Cancelled)
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
                // A long description is a chunk of its own.
                let StoredGroup { entry, .. } = *group;
                self.reach.add_entry(self.run.repository, &entry, &mut self.decoder)?;
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
            self.reach.add_entry(self.run.repository, &entry, &mut self.decoder)?;
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
