//! One worker: names the columns of a group, and encodes those that are not stored yet.

use super::grouper::Group;
use super::joining;
use super::large;
use super::measure::len_bytes;
use super::patching::{self, MOST_PATCHES, Patched, Tools};
use super::stored::{StoredGroup, aligned};
use crate::backup::filler::{Filled, Filler, Shared};
use crate::backup::packer::ToPacker;
use crate::backup::queue::{JobQueue, Next};
use crate::backup::worker::Alarm;
use crate::backup::{Answer, Place, RawPart};
use arrow_schema::DataType;
use datakeep_connector::TableInfo;
use datakeep_connector::rows::{Column, RowBatch};
use datakeep_model::ErrorKind;
use datakeep_process_table::aside::Aside;
use datakeep_process_table::chunk::{decode, encode};
use datakeep_process_table::describe::ColumnStatistics;
use datakeep_process_table::patch::stored_len;
use datakeep_process_table::rowcodec::encode_exceptions;
use datakeep_process_table::{
    Changes, ColumnHash, ColumnStats, Distinct, GroupColumn, GroupDescription, GroupHash, Layout, RowSum, TableHasher,
    join,
};
use datakeep_store::{Part, Repository, StoreError};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};

/// How hard pages of a type are compressed: of numbers more costs much and gains little; of texts level 3 saves a fifth and more
/// (docs/benchmarks.md, tables). It follows from the type alone, so that whoever captures the same rows makes the same bytes.
pub(crate) fn level_of(data_type: &DataType) -> i32 {
    if *data_type == DataType::Utf8 { 3 } else { 1 }
}
/// A patch is written where it saves so much of the bytes of writing the group anew.
const LEAST_SAVED_PERCENT: u64 = 25;
/// What is stored of a group that is no longer than this is one chunk.
const SMALL_GROUP_BYTES: usize = 64 << 10;
/// What is stored of a column that is at least this long can be read by itself.
const APART_LEN_BYTES: usize = 32 << 10;

/// What all groups of a table have in common.
pub(crate) struct TableWork {
    pub info: TableInfo,
    /// The numbers of its columns.
    pub numbers: Vec<u32>,
    /// How they are written.
    pub layouts: Vec<Layout>,
    /// Their types by their numbers.
    pub types: Vec<(u32, DataType)>,
    /// True when the snapshot before has the same columns, of the same types, in the same order.
    pub is_patchable: bool,
}

/// A group to be stored.
pub(crate) struct GroupJob {
    /// Number in this run.
    pub number: u64,
    pub table: Arc<TableWork>,
    pub group: Group,
    /// The groups of the snapshot before that hold rows of the same keys, in order: the first holds what became the first row,
    /// if any does.
    pub was: VecDeque<StoredGroup>,
    /// True when it begins and ends where that one does, or at the end of the table, or is new between two that stayed: then
    /// what became of its rows is what became of the table's.
    pub is_aligned: bool,
}

/// What came of it.
pub(crate) struct GroupResult {
    pub number: u64,
    pub hash: GroupHash,
    pub outcome: Outcome,
    pub read_bytes: u64,
    pub filled: Filled,
    /// What became of its rows; `None` when that is not known.
    pub changes: Option<Changes>,
}

/// How a group is stored.
pub(crate) enum Outcome {
    /// As it was.
    Same(Box<StoredGroup>),
    /// Anew, as a whole or in part.
    New(Box<NewGroup>),
}

/// A group that is stored anew, as a whole or in part.
pub(crate) struct NewGroup {
    pub description: GroupDescription,
    pub parts: Vec<RawPart>,
    pub statistics: Vec<ColumnStatistics>,
    /// Sketches of the distinct values of its columns.
    pub distinct: Vec<Distinct>,
}

pub(crate) fn run(
    number: usize,
    (shared, hasher, most_inline_len_bytes): (&Shared<'_>, &TableHasher, usize),
    queue: &JobQueue<GroupJob>,
    packer: SyncSender<ToPacker>,
    answers: &Sender<Answer<GroupResult>>,
) {
    let _alarm = Alarm(answers);
    let work = || -> Result<(), StoreError> {
        let mut worker = Worker {
            shared,
            repository: shared.repository,
            hasher,
            filler: Filler::new(shared, packer)?,
            most_inline_len_bytes,
            max_chunk_bytes: max_chunk(shared),
        };
        loop {
            match queue.next(number) {
                Next::Flush => worker.filler.flush()?,
                Next::End => return worker.filler.flush(),
                Next::Job(job) => {
                    let result = worker.group(job)?;
                    let _ = answers.send(Answer::Done(result));
                }
            }
        }
    };
    if let Err(error) = work() {
        let _ = answers.send(Answer::Failed(error));
    }
}

fn max_chunk(shared: &Shared<'_>) -> usize {
    shared.chunker.params().max_bytes as usize
}

struct Worker<'a> {
    shared: &'a Shared<'a>,
    repository: &'a Repository,
    hasher: &'a TableHasher,
    filler: Filler<'a>,
    max_chunk_bytes: usize,
    /// What is longer stands aside.
    most_inline_len_bytes: usize,
}

/// A column on its way.
pub(crate) struct Piece {
    pub column: GroupColumn,
    pub bytes: Bytes,
}

/// What is stored of a column: encoded now, or as it was.
pub(crate) enum Bytes {
    Fresh(Vec<u8>),
    /// Encoded now, and worth compressing.
    Loose(Vec<u8>),
    Known(Vec<Part>),
    /// One after another.
    Joined(Vec<Bytes>),
}

impl Worker<'_> {
    fn group(&mut self, job: GroupJob) -> Result<GroupResult, StoreError> {
        let GroupJob { number, table, group, mut was, is_aligned } = job;
        let read_bytes = group.batches.iter().map(len_bytes).sum::<usize>() as u64;
        let rows = join(group.batches).map_err(|error| cannot(&table.info, &error))?;
        let hashes: Vec<ColumnHash> = rows.columns().iter().map(|column| self.hasher.column(column)).collect();
        let named: Vec<_> = table.numbers.iter().copied().zip(hashes.iter().copied()).collect();
        let hash = self.hasher.group(rows.rows(), &named);
        let mut filled = Filled::default();
        let is_same = was.front().is_some_and(|was| was.description.hash(self.hasher) == hash);
        let same = if is_same { was.pop_front() } else { None };
        let (outcome, changes) = match same {
            Some(same) => (Outcome::Same(Box::new(same)), Some(Changes::default())),
            None => {
                let (group, changes) = self.anew(&table, (&rows, &hashes), was.make_contiguous(), &mut filled)?;
                (Outcome::New(Box::new(group)), changes)
            }
        };
        let changes = changes.filter(|_| is_aligned);
        Ok(GroupResult { number, hash, outcome, read_bytes, filled, changes })
    }

    /// Stores a group that is not as it was.
    fn anew(
        &mut self,
        table: &TableWork,
        (rows, hashes): (&RowBatch, &[ColumnHash]),
        was: &[StoredGroup],
        filled: &mut Filled,
    ) -> Result<(NewGroup, Option<Changes>), StoreError> {
        let aside = Aside::of(rows, &table.info.key, self.most_inline_len_bytes, self.hasher)
            .map_err(|error| cannot(&table.info, &error))?;
        let row_sum = self.hasher.rows(rows, &table.numbers);
        // What was set aside and would not be now is not listed any more: nothing that refers to it may stay.
        let is_usable = !was.iter().any(|was| large::has_shorter(&was.description, self.most_inline_len_bytes));
        let was = if is_usable { was } else { &[] };
        let stored = self.store(table, (&aside, row_sum, hashes), was, filled);
        let ((mut description, mut parts, changes), was) = match stored {
            // What was stored before cannot be read: the rows are here, and are stored as if they were new.
            Err(error) if !was.is_empty() && error.kind() == ErrorKind::Integrity => {
                let (description, parts) = self.rewrite(table, (aside.rows(), row_sum), (hashes, None), filled)?;
                ((description, parts, None), &[][..])
            }
            stored => (stored?, was),
        };
        let (large, more) = large::put(&aside, was, (self.shared, &mut self.filler), filled)?;
        description.large = large;
        parts.extend(more);
        check_readable(&table.info, &description)?;
        let (statistics, distinct) = self.statistics(table, rows);
        Ok((NewGroup { description, parts, statistics, distinct }, changes.filter(|_| is_usable)))
    }

    /// All of it but its large values.
    fn store(
        &mut self,
        table: &TableWork,
        (aside, row_sum, hashes): (&Aside<'_>, RowSum, &[ColumnHash]),
        was: &[StoredGroup],
        filled: &mut Filled,
    ) -> Result<(GroupDescription, Vec<RawPart>, Option<Changes>), StoreError> {
        let rows = aside.rows();
        let Some(first) = was.first().filter(|_| table.is_patchable) else {
            let changes = Changes { inserted: rows.rows() as u64, ..Changes::default() };
            let changes = was.is_empty().then_some(changes);
            let (description, parts) = self.rewrite(table, (rows, row_sum), (hashes, was.first()), filled)?;
            return Ok((description, parts, changes));
        };
        let most_inline_len_bytes = self.most_inline_len_bytes;
        let tools = Tools { repository: self.repository, hasher: self.hasher, most_inline_len_bytes };
        // Of rows of several groups, none says what became of them.
        let (mut changes, mut is_worth_joining) = (None, true);
        if was.len() == 1 {
            let found = patching::find_changes(&tools, table, first, (rows, hashes))?;
            let moves_rows = found.patch.moves_rows();
            is_worth_joining = moves_rows || first.description.patches.len() >= MOST_PATCHES;
            changes = told(table, &found);
            let least = patching::rewrite_len(first, hashes);
            if let Some(patched) = patching::as_patch(&tools, table, first, (rows, row_sum, hashes), found)?
                && patched.fresh_len_bytes() * 100 <= least * (100 - LEAST_SAVED_PERCENT)
            {
                patching::proven(&tools, table, (first, &patched), rows)?;
                return self.put_patched(patched, changes, filled);
            }
        }
        if is_worth_joining && let Some(joined) = joining::as_joined(&tools, table, was, (rows, row_sum, hashes))? {
            let stored = large::stored_hashes(aside, hashes, self.hasher);
            joining::proven(&tools, table, &joined, &stored)?;
            return self.put_patched(joined, changes, filled);
        }
        let (description, parts) = self.rewrite(table, (rows, row_sum), (hashes, Some(first)), filled)?;
        Ok((description, parts, changes))
    }

    fn put_patched(
        &mut self,
        patched: Patched,
        changes: Option<Changes>,
        filled: &mut Filled,
    ) -> Result<(GroupDescription, Vec<RawPart>, Option<Changes>), StoreError> {
        let Patched { description, pieces, patches } = patched;
        let mut parts = Vec::new();
        for bytes in pieces.into_iter().map(|piece| piece.bytes).chain(patches) {
            self.put_bytes(bytes, &mut parts, filled)?;
        }
        Ok((description, parts, changes))
    }

    fn statistics(&self, table: &TableWork, rows: &RowBatch) -> (Vec<ColumnStatistics>, Vec<Distinct>) {
        let known = |(number, column): (&u32, &Column)| ColumnStatistics {
            number: *number,
            stats: ColumnStats::of(column),
            distinct: None,
        };
        let statistics = table.numbers.iter().zip(rows.columns()).map(known).collect();
        let distinct = rows.columns().iter().map(|column| Distinct::of(column, self.hasher)).collect();
        (statistics, distinct)
    }

    /// Columns that are as they were stay; the others are encoded.
    fn rewrite(
        &mut self,
        table: &TableWork,
        (rows, row_sum): (&RowBatch, RowSum),
        (hashes, was): (&[ColumnHash], Option<&StoredGroup>),
        filled: &mut Filled,
    ) -> Result<(GroupDescription, Vec<RawPart>), StoreError> {
        let mut pieces = Vec::with_capacity(hashes.len());
        for (at, (column, hash)) in rows.columns().iter().zip(hashes).enumerate() {
            let number = table.numbers[at];
            let piece = match was.and_then(|was| known(was, number, hash)) {
                Some(piece) => piece,
                None => fresh(table, (at, column), (number, *hash))?,
            };
            pieces.push(piece);
        }
        let columns = pieces.iter().map(|piece| piece.column.clone()).collect();
        let (rows, patches) = (rows.rows() as u32, Vec::new());
        let description = GroupDescription { rows, base_rows: rows, row_sum, columns, patches, large: Vec::new() };
        let parts = self.put(pieces, filled)?;
        Ok((description, parts))
    }

    fn put(&mut self, pieces: Vec<Piece>, filled: &mut Filled) -> Result<Vec<RawPart>, StoreError> {
        let fresh = |piece: &Piece| match &piece.bytes {
            Bytes::Fresh(bytes) | Bytes::Loose(bytes) => Some(bytes.len()),
            Bytes::Known(_) | Bytes::Joined(_) => None,
        };
        let lens: Option<Vec<usize>> = pieces.iter().map(fresh).collect();
        if lens.is_some_and(|lens| lens.iter().sum::<usize>() <= SMALL_GROUP_BYTES) {
            let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.fresh().iter().copied()).collect();
            return if all.is_empty() { Ok(Vec::new()) } else { Ok(vec![self.filler.chunk(&all, filled)?]) };
        }
        let mut parts = Vec::new();
        for Piece { bytes, .. } in pieces {
            self.put_bytes(bytes, &mut parts, filled)?;
        }
        Ok(parts)
    }

    fn put_bytes(&mut self, bytes: Bytes, parts: &mut Vec<RawPart>, filled: &mut Filled) -> Result<(), StoreError> {
        match bytes {
            Bytes::Known(known) => parts.extend(known.iter().filter_map(as_known)),
            Bytes::Joined(all) => {
                return all.into_iter().try_for_each(|bytes| self.put_bytes(bytes, parts, filled));
            }
            Bytes::Fresh(bytes) if bytes.len() >= APART_LEN_BYTES => {
                for chunk in bytes.chunks(self.max_chunk_bytes) {
                    parts.push(self.filler.chunk_apart(chunk.to_vec(), filled)?);
                }
            }
            Bytes::Fresh(bytes) | Bytes::Loose(bytes) => {
                for chunk in bytes.chunks(self.max_chunk_bytes) {
                    parts.push(self.filler.chunk(chunk, filled)?);
                }
            }
        }
        Ok(())
    }
}

/// What became of rows. Without a key nobody knows which row became which, unless rows only came, or only went, at the end.
fn told(table: &TableWork, found: &patching::Found) -> Option<Changes> {
    let is_known = !table.info.key.is_empty() || found.changes.updated == 0;
    is_known.then_some(found.changes)
}

impl Bytes {
    fn fresh(&self) -> &[u8] {
        match self {
            Self::Fresh(bytes) | Self::Loose(bytes) => bytes,
            Self::Known(_) | Self::Joined(_) => &[],
        }
    }

    /// What it stores anew, about.
    pub fn stored_len_bytes(&self) -> u64 {
        match self {
            Self::Fresh(bytes) => bytes.len() as u64,
            Self::Loose(bytes) => stored_len(bytes) as u64,
            Self::Known(_) => 0,
            Self::Joined(all) => all.iter().map(Self::stored_len_bytes).sum(),
        }
    }
}

pub(crate) fn as_known(part: &Part) -> Option<RawPart> {
    match part {
        Part::Chunk(chunk) => {
            let place = Place::Known(chunk.at?);
            Some(RawPart::Chunk { id: chunk.id, len_bytes: chunk.len_bytes, place })
        }
        Part::Hole(_) => None,
    }
}

/// The column as it is stored in the snapshot before, when it holds these values with no patch outstanding.
pub(crate) fn known(was: &StoredGroup, number: u32, hash: &ColumnHash) -> Option<Piece> {
    let at = was.description.columns.iter().position(|column| column.number == number)?;
    let column = &was.description.columns[at];
    if column.hash != *hash || (column.contains_patches as usize) < was.description.patches.len() {
        return None;
    }
    let parts = aligned(&was.parts, was.description.column_start_byte(at), column.len_bytes())?;
    let column = GroupColumn { contains_patches: 0, ..column.clone() };
    Some(Piece { column, bytes: Bytes::Known(parts) })
}

/// Encodes a column, and proves that it decodes to the same values.
pub(crate) fn fresh(
    table: &TableWork,
    (at, column): (usize, &Column),
    (number, hash): (u32, ColumnHash),
) -> Result<Piece, StoreError> {
    let values = column.values();
    let mut bytes = Vec::new();
    let mut chunk = None;
    if values.null_count() < values.len() {
        let cannot = |error| cannot_column(&table.info, at, &error);
        let (encoded, form) = encode(values, table.layouts[at], level_of(values.data_type())).map_err(cannot)?;
        let proof = decode(&encoded, values.data_type(), &form).map_err(cannot)?;
        if proof.to_data() != values.to_data() {
            let found = "other values: check this machine's memory";
            return Err(StoreError::damaged("an encoded column", 0, "the values that were encoded", found));
        }
        chunk = Some((form, encoded.len() as u64));
        bytes = encoded;
    }
    let chunk_len = bytes.len();
    if !column.exceptions().is_empty() {
        encode_exceptions(column.exceptions(), &mut bytes);
    }
    let exceptions_len_bytes = (bytes.len() - chunk_len) as u64;
    let column = GroupColumn { number, hash, chunk, exceptions_len_bytes, contains_patches: 0 };
    // Pages are compressed, exceptions are not.
    let is_loose = exceptions_len_bytes as usize > chunk_len / 4;
    Ok(Piece { column, bytes: if is_loose { Bytes::Loose(bytes) } else { Bytes::Fresh(bytes) } })
}

/// That nothing of a group is beyond the limits of those who read it.
fn check_readable(table: &TableInfo, description: &GroupDescription) -> Result<(), StoreError> {
    let read = GroupDescription::decode(&description.encode()).map_err(|error| cannot(table, &error))?;
    if read == *description { Ok(()) } else { Err(cannot(table, &"what is said of a row group does not come back")) }
}

fn cannot(table: &TableInfo, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Usage { detail: format!("table {}: {error}", table.name) }
}

fn cannot_column(table: &TableInfo, at: usize, error: &dyn std::fmt::Display) -> StoreError {
    let column = table.columns.get(at).map_or("?", |column| column.name.as_str());
    StoreError::Usage { detail: format!("table {}, column {column}: {error}", table.name) }
}
