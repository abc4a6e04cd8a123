//! Rows of a database that nobody sees yet: each table in a transaction of its own, by several sessions at the same time.

use super::columns;
use super::crew::{Crew, Giver};
use super::load::Load;
use super::work::roll_back;
use crate::connect::Connection;
use crate::fault::out_of_order;
use crate::schema::kind::ANALYZE;
use crate::schema::shown_name;
use crate::sql::qualified;
use crate::{extension, large};
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, RestoreJob, SchemaObject, TableHand, TableJob, TableName};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const WRITING: &str = "cannot write to";

/// What all share who write rows.
pub(crate) struct Fresh {
    giver: Giver,
    /// What is made when all rows are in.
    after: Mutex<Vec<SchemaObject>>,
    rows: AtomicU64,
}

/// True for tables that anybody may write: those of extensions have triggers and foreign keys already, and what is large has
/// pages.
pub(crate) fn is_plain(table: &TableJob) -> bool {
    extension::added(&table.table).is_none() && !large::is_large(&table.into)
}

impl Fresh {
    /// `after` is what is made when all rows are in; what belongs to one table alone is made by the crew as soon as its rows are.
    pub fn new(crew: &Crew, after: Vec<SchemaObject>) -> Self {
        Self { giver: crew.giver(), after: Mutex::new(after), rows: AtomicU64::new(0) }
    }

    /// Begins to write a table.
    pub fn begin(&self, connection: &Arc<Connection>, table: &TableJob) -> Result<Load, ConnectorError> {
        connection.run(WRITING, "BEGIN")?;
        if is_plain(table) {
            // A table that was emptied in the same transaction takes rows as one that was made in it.
            let sql = format!("TRUNCATE ONLY {}", qualified(&table.into.schema, &table.into.table));
            connection.run(WRITING, &sql)?;
        }
        let standing = columns::read(connection, &table.into)?;
        Load::begin(connection, table, &standing)
    }

    /// All rows of a table were given to [`Load`] and taken.
    pub fn end(&self, connection: &Connection, into: &TableName, rows: u64) -> Result<(), ConnectorError> {
        connection.run(WRITING, "COMMIT")?;
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.giver.give(self.take_ready(&shown_name(&into.schema, &into.table)));
        if !large::is_large(into) {
            let (name, sql) = (shown_name(&into.schema, &into.table), analyze(into));
            self.giver.give([SchemaObject { kind: ANALYZE.to_owned(), name: name.clone(), table: name, sql }]);
        }
        Ok(())
    }

    fn take_ready(&self, table: &str) -> Vec<SchemaObject> {
        let is_ready =
            |object: &SchemaObject| object.table == table && matches!(object.kind.as_str(), "INDEX" | "CONSTRAINT");
        let mut after = self.after.lock().unwrap_or_else(PoisonError::into_inner);
        let (ready, rest) = std::mem::take(&mut *after).into_iter().partition(is_ready);
        *after = rest;
        ready
    }

    /// What is left to be made, and the rows that were written.
    pub fn take_rest(&self) -> (Vec<SchemaObject>, u64) {
        let rest = std::mem::take(&mut *self.after.lock().unwrap_or_else(PoisonError::into_inner));
        (rest, self.rows.load(Ordering::Relaxed))
    }
}

/// The statement that gathers what plans need of a table.
pub(crate) fn analyze(name: &TableName) -> String {
    format!("ANALYZE {}", qualified(&name.schema, &name.table))
}

/// One who writes plain tables beside others, in a session of its own.
pub(crate) struct Hand {
    connection: Arc<Connection>,
    job: Arc<RestoreJob>,
    fresh: Arc<Fresh>,
    /// What is being written, and the number of its table.
    load: Option<(usize, Load)>,
}

impl Hand {
    /// With a session that is in no transaction.
    pub fn new(connection: Arc<Connection>, job: Arc<RestoreJob>, fresh: Arc<Fresh>) -> Self {
        Self { connection, job, fresh, load: None }
    }
}

impl TableHand for Hand {
    fn begin_table(&mut self, number: usize) -> Result<(), ConnectorError> {
        let table = self.job.tables.get(number).ok_or_else(|| out_of_order("no such table in the job"))?;
        self.load = Some((number, self.fresh.begin(&self.connection, table)?));
        Ok(())
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), ConnectorError> {
        let (_, load) = self.load.as_mut().ok_or_else(|| out_of_order("begin_table was not called"))?;
        load.write(rows)
    }

    fn end_table(&mut self) -> Result<(), ConnectorError> {
        let (number, load) = self.load.take().ok_or_else(|| out_of_order("begin_table was not called"))?;
        let rows = load.end()?;
        self.fresh.end(&self.connection, &self.job.tables[number].into, rows)
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        // What it has not ended is taken back before the database is removed.
        if self.load.take().is_some() {
            roll_back(&self.connection);
        }
    }
}
