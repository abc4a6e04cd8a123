//! Databases as typed tables: what a source of tables tells and gives, and what a target of tables takes.
//!
//! A [`TableSource`] fixes one consistent state in [`TableSource::begin`]; everything it tells and gives afterwards is of that
//! state. It is used as `begin`, `catalog`, `rows` of each table in any order, `complete`, and (once the snapshot is durable)
//! `confirm`. A [`TableTarget`] is used as `look`, `begin`, then per table `begin_table`, `write`, ..., `end_table`, then
//! `complete` where what was made is to be looked at before it is seen, and `finish`.

use crate::error::ConnectorError;
use crate::rows::RowBatch;
use arrow_schema::DataType;
use datakeep_model::{Mark, SourceInfo};
use std::fmt;

/// The name of a table: that of its schema, and its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TableName {
    /// The schema's (SQLite: `main`).
    pub schema: String,
    /// The table's own.
    pub table: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// Something the source knows under a name, and reads again when it restores: opaque to everyone else.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Note {
    /// What it is (`sql`, `page-size`).
    pub name: String,
    /// What is known.
    pub value: Vec<u8>,
}

/// An object of a schema that is no table of rows: a view, an index, a trigger, a virtual table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SchemaObject {
    /// Its kind, in the source's words (`index`, `view`).
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table it belongs to; empty when to none.
    pub table: String,
    /// The statement that makes it; empty when none does.
    pub sql: String,
}

/// One column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// The type as the source declares it, in its own words; may be empty.
    pub declared: String,
    /// The type of its typed values; what does not fit is an exception ([`crate::rows`]).
    pub data_type: DataType,
    /// False where the source forbids nulls.
    pub nullable: bool,
    /// True for what people did not define and do not see (SQLite: a rowid that is no column).
    pub hidden: bool,
}

/// One table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableInfo {
    /// Its name.
    pub name: TableName,
    /// Its columns, in order.
    pub columns: Vec<ColumnInfo>,
    /// Positions of the columns that name a row, in the order of the key. Rows come in rising order of their normalised keys
    /// (`process_table::key`: null, then typed values, then exceptions by kind and bytes). Empty: rows have no key and come in
    /// their physical order.
    pub key: Vec<usize>,
    /// The statement that makes it.
    pub sql: String,
    /// What else its source needs to make it again.
    pub notes: Vec<Note>,
    /// About how many rows it has, where that is cheap to know.
    pub rows_estimate: Option<u64>,
}

/// All that a database is made of, its rows apart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Catalog {
    /// Its tables, by rising name, no name twice.
    pub tables: Vec<TableInfo>,
    /// Everything else that has a name, in the order in which it is to be made.
    pub objects: Vec<SchemaObject>,
    /// What is set for the database as a whole.
    pub settings: Vec<Note>,
    /// What is there and cannot be carried, one sentence each.
    pub not_carried: Vec<String>,
}

impl Catalog {
    /// The table of this name.
    pub fn table(&self, name: &TableName) -> Option<&TableInfo> {
        self.tables.iter().find(|table| table.name == *name)
    }
}

/// Rows of one table, in the order that [`TableInfo::key`] promises.
pub trait RowStream {
    /// The next rows: a batch with a column for each of the table's, never without rows; `None` at the end.
    ///
    /// A batch is at most some thousand rows and a few MiB long, but for a single row that is longer.
    fn next_batch(&mut self) -> Result<Option<RowBatch>, ConnectorError>;
}

/// A database opened for reading.
pub trait TableSource: Send {
    /// Kind, derived name, location and host.
    fn info(&self) -> SourceInfo;

    /// Fixes the state that is read. Called once, first.
    fn begin(&mut self) -> Result<Mark, ConnectorError>;

    /// What a person should know before the rows are read, one sentence each. Known once [`TableSource::begin`] has returned.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is there. The types of columns are the source's proposal: whoever asks for rows may change them.
    fn catalog(&mut self) -> Result<Catalog, ConnectorError>;

    /// The rows of a table of the catalogue, whose columns may have been given other types; values that these cannot hold are
    /// exceptions.
    fn rows<'s>(&'s mut self, table: &TableInfo) -> Result<Box<dyn RowStream + 's>, ConnectorError>;

    /// More sources of the very same state, at most so many, for others who read other tables at the same time; none where that
    /// cannot be. Called after [`TableSource::begin`]. Each is used as a source that has been opened, and is dropped before this one.
    fn beside(&mut self, most: usize) -> Result<Vec<Box<dyn TableSource>>, ConnectorError> {
        let _ = most;
        Ok(Vec::new())
    }

    /// Called after the last row was read: the last word on whether all that was given is one consistent state. An error means
    /// that no snapshot is made.
    fn complete(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    /// Called after the snapshot is durable.
    fn confirm(&mut self, mark: &Mark) -> Result<(), ConnectorError> {
        let _ = mark;
        Ok(())
    }
}

/// What becomes of a table that is restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TableAction {
    /// It is not there and is made.
    Create,
    /// It is there: it is dropped and made anew, with everything that belongs to it.
    Replace,
    /// It is there with the same columns: rows of the same key are overwritten, others added, none removed.
    Merge,
}

/// A table to be restored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableJob {
    /// The table as it was captured.
    pub table: TableInfo,
    /// Its name in the target.
    pub into: TableName,
    /// What becomes of it.
    pub action: TableAction,
}

/// What is to be restored.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RestoreJob {
    /// True when a whole database is made where there was none: its settings and all objects, too.
    pub whole: bool,
    /// The catalogue it was captured with.
    pub catalog: Catalog,
    /// The tables, in the order in which their rows will be written.
    pub tables: Vec<TableJob>,
}

/// A table that stands in a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Its name.
    pub name: TableName,
    /// Names of its columns, in order.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: u64,
    /// Kinds and names of what belongs to it (indexes, triggers) and goes where it is made anew.
    pub objects: Vec<(String, String)>,
}

/// Writes rows of tables of a target's job beside the target, and beside others of its kind: per table `begin_table`, `write`, ...,
/// `end_table`. Dropped in the middle of a table it leaves none of its rows.
pub trait TableHand: Send {
    /// The rows of this table of the job follow.
    fn begin_table(&mut self, number: usize) -> Result<(), ConnectorError>;

    /// Writes rows of the table begun last, whose columns are those of its [`TableJob::table`].
    fn write(&mut self, rows: &RowBatch) -> Result<(), ConnectorError>;

    /// All rows of the table begun last are written.
    fn end_table(&mut self) -> Result<(), ConnectorError>;
}

/// Those who write beside a target.
#[derive(Default)]
pub struct Hands {
    /// Each of them writes one table at a time. They are dropped before the target is used any further.
    pub hands: Vec<Box<dyn TableHand>>,
    /// Numbers of the job's tables that they may write, in any order; the target writes the others itself, in theirs.
    pub tables: Vec<usize>,
}

/// A database opened for writing. Nothing of what it writes is seen by others before [`TableTarget::finish`] has returned;
/// dropped before that, it leaves what was there as it was.
pub trait TableTarget: Send {
    /// The tables that stand there now; `None` when there is no database yet.
    fn look(&mut self) -> Result<Option<Vec<Standing>>, ConnectorError>;

    /// Prepares what is to be restored: makes tables, but nothing yet that rows could run into (indexes, triggers, views).
    fn begin(&mut self, job: &RestoreJob) -> Result<(), ConnectorError>;

    /// Others who write tables at the same time, at most so many; none where tables can only be written one after the other. Called
    /// after [`TableTarget::begin`], if at all.
    fn hands(&mut self, most: usize) -> Result<Hands, ConnectorError> {
        let _ = most;
        Ok(Hands::default())
    }

    /// The rows of this table of the job follow.
    fn begin_table(&mut self, number: usize) -> Result<(), ConnectorError>;

    /// Writes rows of the table begun last, whose columns are those of its [`TableJob::table`].
    fn write(&mut self, rows: &RowBatch) -> Result<(), ConnectorError>;

    /// All rows of the table begun last are written.
    fn end_table(&mut self) -> Result<(), ConnectorError>;

    /// Makes the rest where nobody sees it yet, and gives a source that reads what was made, so that it can be proven before
    /// [`TableTarget::finish`] makes it visible; the source is dropped before that. `None` where only what is visible can be read.
    fn complete(&mut self) -> Result<Option<Box<dyn TableSource>>, ConnectorError> {
        Ok(None)
    }

    /// Makes the rest, verifies what was made by the engine's own means, and makes it visible and durable in one step. The
    /// answer says what was verified, one sentence each.
    fn finish(&mut self) -> Result<Vec<String>, ConnectorError>;

    /// What was asked for and could not be made, or stands there other than it should, one sentence each. Known once
    /// [`TableTarget::finish`] has returned.
    fn losses(&self) -> Vec<String> {
        Vec::new()
    }

    /// Numbers of the job's tables that could not be made and were left out, each of them told by [`TableTarget::losses`]. Known
    /// once [`TableTarget::complete`] has returned.
    fn left_out(&self) -> Vec<usize> {
        Vec::new()
    }
}
