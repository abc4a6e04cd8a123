//! The proof of a restore: what stands in the target is captured again, and named as it was named.

use super::grouper::{Group, Grouper};
use super::stored::{StoredGroup, TablesReader};
use crate::backup::RunContext;
use crate::error::EngineError;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{TableInfo, TableName, TableSource};
use datakeep_model::Event;
use datakeep_process_table::{GroupHash, Keys, RowSum, TableDescription, encode_keys, join};

/// The first row that is not as it was captured.
#[derive(Clone, Debug)]
pub struct FirstDifference {
    /// The table in the snapshot.
    pub table: TableName,
    /// What is different, in words.
    pub what: String,
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
/// key, else rows and their sum. `tables` are descriptions with the names under which the tables stand in the target. Nothing is
/// stored.
pub fn prove(
    reader: &TablesReader,
    target: &mut dyn TableSource,
    tables: &[(TableDescription, TableName)],
    context: &RunContext<'_>,
) -> Result<Proof, EngineError> {
    target.begin()?;
    let catalog = target.catalog()?;
    let mut proof = Proof::default();
    for (table, name) in tables {
        let standing = catalog.table(name);
        let found = match standing {
            None => Some(words(table, "it is not there")),
            Some(standing) => prove_table(reader, target, (table, standing), context)?,
        };
        proof.tables += 1;
        proof.rows += table.rows;
        if found.is_some() {
            proof.difference = found;
            break;
        }
    }
    target.complete()?;
    Ok(proof)
}

fn words(table: &TableDescription, what: &str) -> FirstDifference {
    FirstDifference { table: table.info.name.clone(), what: what.to_string(), captured: None, standing: None }
}

/// The names of columns, in order: what must be the same for rows to be comparable.
fn has_same_columns(captured: &TableInfo, standing: &TableInfo) -> bool {
    let name = |column: &datakeep_connector::ColumnInfo| (column.name.clone(), column.hidden);
    captured.columns.iter().map(name).eq(standing.columns.iter().map(name)) && captured.key == standing.key
}

fn prove_table(
    reader: &TablesReader,
    target: &mut dyn TableSource,
    (table, standing): (&TableDescription, &TableInfo),
    context: &RunContext<'_>,
) -> Result<Option<FirstDifference>, EngineError> {
    if !has_same_columns(&table.info, standing) {
        return Ok(Some(words(table, "its columns are others")));
    }
    let mut info = TableInfo { name: standing.name.clone(), ..table.info.clone() };
    info.sql.clone_from(&standing.sql);
    let mut again = Again::new(reader, table);
    let mut grouper = Grouper::new(reader.hasher(), &table.info, &table.numbers, table.window as usize);
    let mut rows = target.rows(&info)?;
    while let Some(batch) = rows.next_batch()? {
        if context.cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        context.observer.observe(&Event::Progress { items: batch.rows() as u64, bytes: 0 });
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
    Ok(again.judge())
}

/// A table captured again, so far.
struct Again<'a> {
    reader: &'a TablesReader,
    table: &'a TableDescription,
    groups: Vec<(u64, GroupHash)>,
    rows: u64,
    row_sum: RowSum,
    /// Normalised key behind which the next group begins.
    from: Vec<u8>,
}

impl<'a> Again<'a> {
    fn new(reader: &'a TablesReader, table: &'a TableDescription) -> Self {
        Self { reader, table, groups: Vec::new(), rows: 0, row_sum: RowSum::default(), from: Vec::new() }
    }

    fn take(&mut self, group: Group) -> Result<Option<FirstDifference>, EngineError> {
        let unfit = |error: &dyn std::fmt::Display| datakeep_store::StoreError::Usage { detail: error.to_string() };
        let rows = join(&group.batches).map_err(|error| unfit(&error))?;
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
        let stored = self.stored_at(&group.order)?;
        if let Some(stored) = &stored
            && stored.entry.key.ends_with(&group.order)
            && stored.description.hash(hasher) == hash
        {
            self.from.clone_from(&group.order);
            self.from.push(0);
            return Ok(None);
        }
        self.first_difference(&rows, stored).map(Some)
    }

    /// The stored group that holds this key, or would.
    fn stored_at(&self, key: &[u8]) -> Result<Option<StoredGroup>, EngineError> {
        let mut found = None;
        let from = if self.from.is_empty() { &[][..] } else { self.from.as_slice() };
        self.reader.each_group(&self.table.info.name, from, &mut |group| {
            found = Some(group);
            Ok(false)
        })?;
        let _ = key;
        Ok(found)
    }

    fn keys(&self, rows: &RowBatch) -> Keys {
        let columns: Vec<_> = self.table.info.key.iter().map(|&at| &rows.columns()[at]).collect();
        encode_keys(&columns)
    }

    fn first_difference(
        &self,
        standing: &RowBatch,
        stored: Option<StoredGroup>,
    ) -> Result<FirstDifference, EngineError> {
        let captured = match &stored {
            Some(group) => self.reader.rows(self.table, group)?,
            None => {
                return Ok(self.differ("a row stands there that was not captured", None, Some(standing.slice(0, 1))));
            }
        };
        let (old, new) = (self.keys(&captured), self.keys(standing));
        let one = |rows: &RowBatch, row: usize| Some(rows.slice(row, 1));
        for row in 0..old.len().min(new.len()) {
            match old.get(row).cmp(new.get(row)) {
                std::cmp::Ordering::Less => {
                    return Ok(self.differ("a row that was captured is missing", one(&captured, row), None));
                }
                std::cmp::Ordering::Greater => {
                    return Ok(self.differ("a row stands there that was not captured", None, one(standing, row)));
                }
                std::cmp::Ordering::Equal => {
                    let (was, is) = (captured.slice(row, 1), standing.slice(row, 1));
                    let hasher = self.reader.hasher();
                    if hasher.rows(&was, &self.table.numbers) != hasher.rows(&is, &self.table.numbers) {
                        return Ok(self.differ("a row has other values", Some(was), Some(is)));
                    }
                }
            }
        }
        let common = old.len().min(new.len());
        Ok(match old.len() > new.len() {
            true => self.differ("a row that was captured is missing", one(&captured, common), None),
            false if new.len() > common => {
                self.differ("a row stands there that was not captured", None, one(standing, common))
            }
            false => self.differ("rows are grouped otherwise", None, None),
        })
    }

    fn differ(&self, what: &str, captured: Option<RowBatch>, standing: Option<RowBatch>) -> FirstDifference {
        FirstDifference { captured, standing, ..words(self.table, what) }
    }

    fn judge(&self) -> Option<FirstDifference> {
        if self.rows != self.table.rows {
            let what = format!("{} rows were captured, {} stand there", self.table.rows, self.rows);
            return Some(words(self.table, &what));
        }
        let is_same = match self.table.info.key.is_empty() {
            true => self.row_sum == self.table.row_sum,
            false => {
                let root = self.reader.hasher().root(self.groups.iter().map(|(rows, hash)| (*rows, hash)));
                root == self.table.content_root
            }
        };
        (!is_same).then(|| words(self.table, "its rows are others"))
    }
}
