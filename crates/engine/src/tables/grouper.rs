//! Cuts the rows of a table into groups.

use crate::error::EngineError;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, TableInfo};
use datakeep_model::ErrorKind;
use datakeep_process_table::{Keys, MAX_WINDOW, Splitter, TableHasher, encode_keys};
use std::collections::VecDeque;

/// Values of a group, about: what its rows and width aim at.
const GROUP_TARGET_BYTES: usize = 12 << 20;
/// Rows on average in groups of ordinary tables, and in the shortest.
const MOST_GROUP_ROWS: usize = 64 << 10;
const LEAST_GROUP_ROWS: usize = 1 << 10;
/// A group that is longer than this ends at once, wherever it would end otherwise: rows became much wider than they were when
/// the table was first captured.
const MOST_GROUP_BYTES: usize = 96 << 20;

/// Rows that will be a group.
pub(crate) struct Group {
    /// Its rows, in order.
    pub batches: Vec<RowBatch>,
    /// What orders it among the groups of its table.
    pub order: Vec<u8>,
    /// The normalised key of its first row; empty without a key.
    pub first_key: Vec<u8>,
}

/// The window that makes groups of rows of this width come out well: half of the rows of a group, a power of two.
pub(crate) fn window_for(row_len_bytes: usize) -> usize {
    let rows = GROUP_TARGET_BYTES / row_len_bytes.max(1);
    let power = 1 << (rows.max(2).ilog2());
    (power.clamp(LEAST_GROUP_ROWS, MOST_GROUP_ROWS) / 2).min(MAX_WINDOW)
}

/// Takes the rows of a table in their order and gives groups.
pub(crate) struct Grouper<'a> {
    hasher: &'a TableHasher,
    table: &'a TableInfo,
    numbers: &'a [u32],
    splitter: Splitter,
    pending: VecDeque<(RowBatch, Keys)>,
    /// Number in the table of the first pending row, and of the first that has not come.
    first_row: u64,
    next_row: u64,
    pending_bytes: usize,
    last_key: Vec<u8>,
    groups: u64,
}

impl<'a> Grouper<'a> {
    pub fn new(hasher: &'a TableHasher, table: &'a TableInfo, numbers: &'a [u32], window: usize) -> Self {
        Self {
            hasher,
            table,
            numbers,
            splitter: Splitter::new(window),
            pending: VecDeque::new(),
            first_row: 0,
            next_row: 0,
            pending_bytes: 0,
            last_key: Vec::new(),
            groups: 0,
        }
    }

    /// Takes the next rows; gives the groups that are now known to end.
    pub fn push(&mut self, batch: RowBatch) -> Result<Vec<Group>, EngineError> {
        let (keys, hashes) = self.hash(&batch)?;
        self.pending_bytes += len_bytes(&batch);
        self.next_row += batch.rows() as u64;
        self.pending.push_back((batch, keys));
        let mut groups = Vec::new();
        for hash in hashes {
            let end = self.splitter.push(hash);
            if let Some(end) = end.filter(|end| *end >= self.first_row) {
                groups.extend(self.cut(end + 1));
            }
        }
        if self.pending_bytes > MOST_GROUP_BYTES {
            groups.extend(self.cut(self.next_row));
        }
        Ok(groups)
    }

    /// The last group.
    pub fn finish(mut self) -> Option<Group> {
        self.cut(self.next_row)
    }

    fn hash(&mut self, batch: &RowBatch) -> Result<(Keys, Vec<u64>), EngineError> {
        if self.table.key.is_empty() {
            return Ok((Keys::default(), self.hasher.row_split_hashes(batch, self.numbers)));
        }
        let columns: Vec<_> = self.table.key.iter().map(|&at| &batch.columns()[at]).collect();
        let keys = encode_keys(&columns);
        let is_rising = keys.first_disorder().is_none()
            && (self.next_row == 0 || keys.is_empty() || self.last_key.as_slice() < keys.get(0));
        if !is_rising {
            let text = format!("{}: rows came out of the order of their key, or a key came twice", self.table.name);
            return Err(ConnectorError::new(ErrorKind::Source, text)
                .with_hint("check the database with its own means, for example `PRAGMA integrity_check`")
                .into());
        }
        if let Some(last) = keys.len().checked_sub(1) {
            self.last_key.clear();
            self.last_key.extend_from_slice(keys.get(last));
        }
        let hashes = keys.iter().map(|key| self.hasher.split_hash(key)).collect();
        Ok((keys, hashes))
    }

    /// The pending rows before `end` as a group.
    fn cut(&mut self, end: u64) -> Option<Group> {
        let mut rows = end.checked_sub(self.first_row).filter(|rows| *rows > 0)? as usize;
        self.first_row = end;
        let mut group = Group { batches: Vec::new(), order: Vec::new(), first_key: Vec::new() };
        while rows > 0 {
            let (batch, keys) = self.pending.pop_front()?;
            self.pending_bytes = self.pending_bytes.saturating_sub(len_bytes(&batch));
            let taken = rows.min(batch.rows());
            if group.batches.is_empty() && !keys.is_empty() {
                group.first_key = keys.get(0).to_vec();
            }
            rows -= taken;
            if rows == 0 && !keys.is_empty() {
                group.order = keys.get(taken - 1).to_vec();
            }
            group.batches.push(batch.slice(0, taken));
            if taken < batch.rows() {
                let rest = batch.slice(taken, batch.rows() - taken);
                self.pending_bytes += len_bytes(&rest);
                self.pending.push_front((rest, keys.skip(taken)));
            }
        }
        if self.table.key.is_empty() {
            group.order = self.groups.to_be_bytes().to_vec();
        }
        self.groups += 1;
        Some(group)
    }
}

/// Bytes of the values of some rows, about.
pub(crate) fn len_bytes(batch: &RowBatch) -> usize {
    let column = |column: &datakeep_connector::rows::Column| {
        let typed = column.values().to_data().get_slice_memory_size().unwrap_or(0);
        typed + column.exceptions().iter().map(|exception| exception.bytes.len() + 8).sum::<usize>()
    };
    batch.columns().iter().map(column).sum()
}
