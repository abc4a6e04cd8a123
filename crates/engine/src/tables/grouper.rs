//! Cuts the rows of a table into groups.

use super::checks::check_batch;
use super::measure::{len_bytes, row_lens};
use crate::error::EngineError;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, TableInfo};
use datakeep_model::ErrorKind;
use datakeep_process_table::chunk::MAX_ROWS;
use datakeep_process_table::describe::group_key;
use datakeep_process_table::{Keys, MAX_WINDOW, Splitter, TableHasher, encode_keys};
use std::collections::VecDeque;

/// Values of a group, about: what its rows and width aim at.
const GROUP_TARGET_BYTES: usize = 12 << 20;
/// Rows on average in groups of ordinary tables, and in the shortest.
const MOST_GROUP_ROWS: usize = 64 << 10;
const LEAST_GROUP_ROWS: usize = 1 << 8;
/// A group ends at the row with which it is longer than this, wherever it would end otherwise: rows became much wider than they
/// were when the table was first captured, or few are much wider than the first.
const MOST_GROUP_BYTES: usize = 36 << 20;

/// Keys of entries, at most: a node of the tree holds some hundred of them.
const MOST_ENTRY_KEY_BYTES: usize = 32 << 10;
/// What orders the last group of a table whose last row has a longer key: it stands behind all keys.
const BEHIND_ALL_KEYS: u8 = 255;
/// A group that nothing but longer keys could end is given up when it has so many bytes.
const MOST_UNENDED_BYTES: usize = 384 << 20;

fn only_long_keys(table: &TableInfo) -> EngineError {
    let text = format!("{}: hundreds of megabytes of rows have keys longer than 32 KiB", table.name);
    ConnectorError::new(ErrorKind::Source, text).with_hint("give the table a shorter primary key").into()
}

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
    /// Rows and bytes with which a group ends wherever it would end otherwise.
    most_rows: u64,
    most_bytes: usize,
    /// A row with a longer key ends a group only at the end of the table.
    most_key_bytes: usize,
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
            most_rows: MAX_ROWS as u64,
            most_bytes: MOST_GROUP_BYTES,
            most_key_bytes: MOST_ENTRY_KEY_BYTES.saturating_sub(group_key(&table.name, &[]).len()),
        }
    }

    /// Takes the next rows; gives the groups that are now known to end. Where they end does not depend on where batches do.
    pub fn push(&mut self, batch: RowBatch) -> Result<Vec<Group>, EngineError> {
        check_batch(self.table, &batch)?;
        let (keys, hashes) = self.hash(&batch)?;
        let mut to_come = len_bytes(&batch);
        self.pending_bytes += to_come;
        let lens = (self.pending_bytes > self.most_bytes).then(|| row_lens(&batch));
        let mut next = self.next_row;
        self.next_row += batch.rows() as u64;
        let can_end: Option<Vec<bool>> = keys
            .iter()
            .any(|key| key.len() > self.most_key_bytes)
            .then(|| keys.iter().map(|key| key.len() <= self.most_key_bytes).collect());
        self.pending.push_back((batch, keys));
        let mut groups = Vec::new();
        for (row, hash) in hashes.into_iter().enumerate() {
            let end = self.splitter.push(hash);
            if let Some(end) = end.filter(|end| *end >= self.first_row) {
                groups.extend(self.cut(end + 1));
            }
            next += 1;
            to_come -= lens.as_ref().map_or(0, |lens| lens[row]);
            let len_bytes = if lens.is_some() { self.pending_bytes - to_come } else { 0 };
            let is_long = len_bytes > self.most_bytes || next - self.first_row >= self.most_rows;
            if is_long && can_end.as_ref().is_none_or(|can_end| can_end[row]) {
                groups.extend(self.cut(next));
            } else if len_bytes > MOST_UNENDED_BYTES {
                return Err(only_long_keys(self.table));
            }
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
        // 0 is greater than no other.
        let hash = |key: &[u8]| if key.len() > self.most_key_bytes { 0 } else { self.hasher.split_hash(key) };
        let hashes = keys.iter().map(hash).collect();
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
                let last = keys.get(taken - 1);
                group.order = if last.len() > self.most_key_bytes { vec![BEHIND_ALL_KEYS] } else { last.to_vec() };
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, StringArray};
    use arrow_schema::DataType;
    use datakeep_connector::rows::{Column, Exception};
    use datakeep_connector::{ColumnInfo, TableName};
    use std::sync::Arc;

    fn table() -> TableInfo {
        let (name, declared) = ("a".to_string(), "TEXT".to_string());
        let column = ColumnInfo { name, declared, data_type: DataType::Utf8, nullable: true, hidden: false };
        TableInfo {
            name: TableName { schema: "main".into(), table: "t".into() },
            columns: vec![column],
            key: Vec::new(),
            sql: String::new(),
            notes: Vec::new(),
            rows_estimate: None,
        }
    }

    /// Rows in each group, with batches of so many rows.
    fn lens(all: &RowBatch, batch_rows: usize, (most_rows, most_bytes): (u64, usize)) -> Vec<usize> {
        let (hasher, table) = (TableHasher::new(&[1; 32]), table());
        let mut grouper = Grouper { most_rows, most_bytes, ..Grouper::new(&hasher, &table, &[0], 3) };
        let mut groups = Vec::new();
        for from in (0..all.rows()).step_by(batch_rows) {
            groups.extend(grouper.push(all.slice(from, batch_rows.min(all.rows() - from))).expect("rows"));
        }
        groups.extend(grouper.finish());
        groups.iter().map(|group| group.batches.iter().map(RowBatch::rows).sum()).collect()
    }

    fn batch(texts: Vec<Option<String>>, exceptions: Vec<Exception>) -> RowBatch {
        let values: ArrayRef = Arc::new(StringArray::from(texts));
        RowBatch::new(vec![Column::new(values, exceptions).expect("valid")]).expect("even")
    }

    #[test]
    fn rows_that_are_all_alike_make_no_group_that_cannot_be_read() {
        let all = batch(vec![Some("same".into()); 250], Vec::new());
        for batch_rows in [1, 7, 100, 250] {
            assert_eq!(lens(&all, batch_rows, (100, usize::MAX)), [100, 100, 50], "batches of {batch_rows}");
        }
    }

    #[test]
    fn wide_rows_end_groups_wherever_batches_end() {
        let text = |row: usize| (row % 7 != 3).then(|| "x".repeat(row % 40));
        let odd = |row: usize| Exception { row: row as u32, kind: 3, bytes: vec![5; row % 60] };
        let all = batch((0..400).map(text).collect(), (0..400).filter(|row| row % 7 == 3).map(odd).collect());
        assert_eq!(row_lens(&all).iter().sum::<usize>(), len_bytes(&all));
        let expected = lens(&all, 400, (20, 150));
        assert!(expected.len() > 60 && expected.iter().sum::<usize>() == 400, "{expected:?}");
        for batch_rows in [1, 2, 13, 64, 399] {
            assert_eq!(lens(&all, batch_rows, (20, 150)), expected, "batches of {batch_rows}");
        }
        let natural = lens(&all, 64, (u64::MAX, usize::MAX));
        assert!(natural.len() < expected.len() && natural.len() > 30, "{natural:?}");
    }
}
