//! The proof of a restore: what stands in the target is captured again, and named as it was named.

use super::grouper::{Group, Grouper};
use super::share::{Waiting, joined, rows_of};
use super::stored::{StoredGroup, TablesReader};
use crate::backup::RunContext;
use crate::error::EngineError;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{RowStream, TableInfo, TableName, TableSource};
use datakeep_model::Event;
use datakeep_process_table::describe::group_key;
use datakeep_process_table::{GroupHash, Keys, RowSum, TableDescription, encode_keys, join};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The first row that is not as it was captured.
#[derive(Clone, Debug)]
pub struct FirstDifference {
    /// The table in the snapshot.
    pub table: TableName,
    /// What is different, in words.
    pub what: String,
    /// Names of its columns.
    pub columns: Vec<String>,
    /// Which of them are the key, by their places.
    pub key: Vec<usize>,
    /// The row as it was captured; one row, or none.
    pub captured: Option<RowBatch>,
    /// The row as it stands in the target.
    pub standing: Option<RowBatch>,
}

/// What came of a proof.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// Tables that were captured again.
    pub tables: u64,
    /// Rows in them.
    pub rows: u64,
    /// The first difference; `None` when everything is as it was captured.
    pub difference: Option<FirstDifference>,
}

/// Captures tables of a target again and compares what they are with what the snapshot says: content roots where rows have a
/// key, or row by row where groups ended elsewhere, else rows and their sum. `tables` are descriptions with the names under which
/// the tables stand in the target; at most `most_threads` of them are read at the same time, where the target can be. Nothing is
/// stored.
pub fn prove(
    reader: &TablesReader,
    target: &mut dyn TableSource,
    tables: &[(TableDescription, TableName)],
    most_threads: usize,
    context: &RunContext<'_>,
) -> Result<Proof, EngineError> {
    target.begin()?;
    let most_others = most_threads.min(tables.len()).saturating_sub(1);
    let others = if most_others > 0 { target.beside(most_others)? } else { Vec::new() };
    let rows = rows_of(tables.iter().map(|(table, _)| table));
    let waiting = Waiting::new(0..tables.len(), |number| rows[number]);
    let lane = Lane { reader, tables, waiting: &waiting, context };
    let done = std::thread::scope(|scope| {
        let beside = |mut source: Box<dyn TableSource>| {
            scope.spawn(move || {
                lane.waiting.watched(|| {
                    source.begin()?;
                    let found = lane.run(&mut *source)?;
                    source.complete()?;
                    Ok(found)
                })
            })
        };
        let others = others.into_iter().map(beside).collect();
        joined(waiting.watched(|| lane.run(target)), others)
    })?;
    target.complete()?;
    let mut proof = Proof::default();
    let mut found = Vec::new();
    for lane in done {
        proof.tables += lane.tables;
        proof.rows += lane.rows;
        found.extend(lane.found);
    }
    found.sort_by_key(|(number, _)| *number);
    proof.difference = found.into_iter().next().map(|(_, difference)| difference);
    Ok(proof)
}

/// One who captures tables again, beside others.
#[derive(Clone, Copy)]
struct Lane<'a> {
    reader: &'a TablesReader,
    tables: &'a [(TableDescription, TableName)],
    waiting: &'a Waiting,
    context: &'a RunContext<'a>,
}

#[derive(Default)]
struct Looked {
    tables: u64,
    rows: u64,
    /// A difference, and the number of its table.
    found: Option<(usize, FirstDifference)>,
}

impl Lane<'_> {
    /// Looks at one table after the other, until somebody finds a difference.
    fn run(&self, source: &mut dyn TableSource) -> Result<Looked, EngineError> {
        let catalog = source.catalog()?;
        let mut looked = Looked::default();
        while let Some(number) = self.waiting.take() {
            let (table, name) = &self.tables[number];
            let found = match catalog.table(name) {
                None => Some(words(table, "it is not there")),
                Some(standing) => match self.table(source, (table, standing))? {
                    Look::Whole(found) => found,
                    Look::Stopped => break,
                },
            };
            looked.tables += 1;
            looked.rows += table.rows;
            if let Some(found) = found {
                looked.found = Some((number, found));
                self.waiting.stop();
            }
        }
        Ok(looked)
    }

    /// Reads a table, while another thread compares what was read.
    fn table(
        &self,
        source: &mut dyn TableSource,
        (table, standing): (&TableDescription, &TableInfo),
    ) -> Result<Look, EngineError> {
        if !has_same_columns(&table.info, standing) {
            return Ok(Look::Whole(Some(words(table, "its columns are others"))));
        }
        let mut info = TableInfo { name: standing.name.clone(), ..table.info.clone() };
        info.sql.clone_from(&standing.sql);
        let mut rows = source.rows(&info)?;
        let reader = self.reader;
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(0);
            let judge = scope.spawn(move || judge_table(reader, table, &batches));
            let is_whole = self.read(&mut *rows, sender);
            let found = judge.join().unwrap_or(Err(EngineError::Broken("a thread that compares tables is gone")));
            Ok(if is_whole? { Look::Whole(found?) } else { Look::Stopped })
        })
    }

    /// False when somebody else has found a difference.
    fn read(&self, rows: &mut dyn RowStream, sender: SyncSender<RowBatch>) -> Result<bool, EngineError> {
        while let Some(batch) = rows.next_batch()? {
            if self.context.cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            if self.waiting.is_over() {
                return Ok(false);
            }
            self.context.observer.observe(&Event::Progress { items: batch.rows() as u64, bytes: 0 });
            if sender.send(batch).is_err() {
                // The first difference is found, or an error: the rest is not read.
                break;
            }
        }
        Ok(true)
    }
}

/// What came of looking at a table.
enum Look {
    Whole(Option<FirstDifference>),
    Stopped,
}

fn words(table: &TableDescription, what: &str) -> FirstDifference {
    let columns = table.info.columns.iter().map(|column| column.name.clone()).collect();
    let (name, what, key) = (table.info.name.clone(), what.to_string(), table.info.key.clone());
    FirstDifference { table: name, what, columns, key, captured: None, standing: None }
}

/// The names of columns, in order: what must be the same for rows to be comparable.
fn has_same_columns(captured: &TableInfo, standing: &TableInfo) -> bool {
    let name = |column: &datakeep_connector::ColumnInfo| (column.name.clone(), column.hidden);
    captured.columns.iter().map(name).eq(standing.columns.iter().map(name)) && captured.key == standing.key
}

fn judge_table(
    reader: &TablesReader,
    table: &TableDescription,
    batches: &Receiver<RowBatch>,
) -> Result<Option<FirstDifference>, EngineError> {
    let mut again = Again::new(reader, table);
    let mut grouper = Grouper::new(reader.hasher(), &table.info, &table.numbers, table.window as usize);
    for batch in batches {
        for group in grouper.push(batch)? {
            if let Some(found) = again.take(group)? {
                return Ok(Some(found));
            }
        }
    }
    if let Some(group) = grouper.finish()
        && let Some(found) = again.take(group)?
    {
        return Ok(Some(found));
    }
    again.judge()
}

/// A table captured again, so far.
struct Again<'a> {
    reader: &'a TablesReader,
    table: &'a TableDescription,
    groups: Vec<(u64, GroupHash)>,
    rows: u64,
    row_sum: RowSum,
    /// Normalised key behind which the next stored group begins.
    from: Vec<u8>,
    /// Rows of the stored group before `from` that have not been compared: none as long as groups are the same.
    captured: RowBatch,
    /// A group ended elsewhere, and rows were compared one by one: roots say nothing then. Writers end groups of many bytes each in
    /// its own way (`docs/format.md`, row groups).
    is_cut_otherwise: bool,
}

impl<'a> Again<'a> {
    fn new(reader: &'a TablesReader, table: &'a TableDescription) -> Self {
        let (groups, row_sum) = (Vec::new(), RowSum::default());
        let captured = RowBatch::default();
        Self { reader, table, groups, rows: 0, row_sum, from: Vec::new(), captured, is_cut_otherwise: false }
    }

    fn take(&mut self, group: Group) -> Result<Option<FirstDifference>, EngineError> {
        let unfit = |error: &dyn std::fmt::Display| datakeep_store::StoreError::Usage { detail: error.to_string() };
        let rows = join(group.batches).map_err(|error| unfit(&error))?;
        let hasher = self.reader.hasher();
        let named: Vec<_> =
            self.table.numbers.iter().copied().zip(rows.columns().iter().map(|column| hasher.column(column))).collect();
        let hash = hasher.group(rows.rows(), &named);
        self.groups.push((rows.rows() as u64, hash));
        self.rows += rows.rows() as u64;
        if self.table.info.key.is_empty() {
            self.row_sum = self.row_sum.plus(hasher.rows(&rows, &self.table.numbers));
            return Ok(None);
        }
        if self.captured.rows() == 0 {
            match self.next_stored()? {
                Some(stored) if stored.description.hash(hasher) == hash => return Ok(None),
                Some(stored) => self.captured = self.reader.rows(self.table, &stored)?,
                None => {}
            }
        }
        self.is_cut_otherwise = true;
        self.compare(rows)
    }

    /// The stored group that follows.
    fn next_stored(&mut self) -> Result<Option<StoredGroup>, EngineError> {
        let mut found = None;
        self.reader.each_group(&self.table.info.name, &self.from, &mut |group| {
            found = Some(group);
            Ok(false)
        })?;
        if let Some(group) = &found {
            let name_len = group_key(&self.table.info.name, &[]).len();
            self.from = group.entry.key.get(name_len..).unwrap_or_default().to_vec();
            self.from.push(0);
        }
        Ok(found)
    }

    fn keys(&self, rows: &RowBatch) -> Keys {
        let columns: Vec<_> = self.table.info.key.iter().map(|&at| &rows.columns()[at]).collect();
        encode_keys(&columns)
    }

    /// Row by row: where a row differs, groups end elsewhere on both sides of it.
    fn compare(&mut self, mut standing: RowBatch) -> Result<Option<FirstDifference>, EngineError> {
        while standing.rows() > 0 {
            if self.captured.rows() == 0 {
                let Some(stored) = self.next_stored()? else {
                    return Ok(Some(self.surplus(&standing, 0)));
                };
                self.captured = self.reader.rows(self.table, &stored)?;
            }
            let common = self.captured.rows().min(standing.rows());
            let found = self.compare_rows(&self.captured.slice(0, common), &standing.slice(0, common));
            if found.is_some() {
                return Ok(found);
            }
            self.captured = self.captured.slice(common, self.captured.rows() - common);
            standing = standing.slice(common, standing.rows() - common);
        }
        Ok(None)
    }

    /// The first difference between as many rows of both.
    fn compare_rows(&self, captured: &RowBatch, standing: &RowBatch) -> Option<FirstDifference> {
        let (old, new) = (self.keys(captured), self.keys(standing));
        let (hasher, numbers) = (self.reader.hasher(), &self.table.numbers);
        for row in 0..captured.rows() {
            match old.get(row).cmp(new.get(row)) {
                std::cmp::Ordering::Less => return Some(self.missing(captured, row)),
                std::cmp::Ordering::Greater => return Some(self.surplus(standing, row)),
                std::cmp::Ordering::Equal => {
                    let (was, is) = (captured.slice(row, 1), standing.slice(row, 1));
                    if hasher.rows(&was, numbers) != hasher.rows(&is, numbers) {
                        return Some(self.differ("a row has other values", Some(was), Some(is)));
                    }
                }
            }
        }
        None
    }

    fn missing(&self, captured: &RowBatch, row: usize) -> FirstDifference {
        self.differ("a row that was captured is missing", Some(captured.slice(row, 1)), None)
    }

    fn surplus(&self, standing: &RowBatch, row: usize) -> FirstDifference {
        self.differ("a row stands there that was not captured", None, Some(standing.slice(row, 1)))
    }

    fn differ(&self, what: &str, captured: Option<RowBatch>, standing: Option<RowBatch>) -> FirstDifference {
        FirstDifference { captured, standing, ..words(self.table, what) }
    }

    /// What is left once all rows that stand there were taken.
    fn judge(mut self) -> Result<Option<FirstDifference>, EngineError> {
        let has_key = !self.table.info.key.is_empty();
        if has_key
            && self.captured.rows() == 0
            && let Some(stored) = self.next_stored()?
        {
            self.captured = self.reader.rows(self.table, &stored)?;
        }
        if self.captured.rows() > 0 {
            return Ok(Some(self.missing(&self.captured, 0)));
        }
        if self.rows != self.table.rows {
            let what = format!("{} rows were captured, {} stand there", self.table.rows, self.rows);
            return Ok(Some(words(self.table, &what)));
        }
        let is_same = match has_key {
            false => self.row_sum == self.table.row_sum,
            true if self.is_cut_otherwise => true,
            true => {
                let root = self.reader.hasher().root(self.groups.iter().map(|(rows, hash)| (*rows, hash)));
                root == self.table.content_root
            }
        };
        Ok((!is_same).then(|| words(self.table, "its rows are others")))
    }
}
