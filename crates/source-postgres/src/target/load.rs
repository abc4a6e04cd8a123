//! Writes the rows of one table.

use super::columns::{Column, captured};
use super::encode::{self, Format};
use super::merge::Merge;
use super::pipe::{Fault, Pipe};
use crate::connect::Connection;
use crate::extension;
use crate::large;
use crate::sql::{qualified, quoted};
use crate::types::Lane;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, TableAction, TableJob};
use datakeep_model::{ErrorKind, escape_for_terminal};
use std::sync::Arc;

/// A table whose rows are written.
pub(crate) struct Load {
    connection: Arc<Connection>,
    /// For people.
    name: String,
    /// What rows are copied into, and their columns.
    into: String,
    lanes: Vec<Lane>,
    has_no_columns: bool,
    /// The table was made in this transaction, and nobody can have seen it without these rows.
    is_new: bool,
    copy: Option<(Format, Pipe)>,
    given: u64,
    taken: u64,
    merge: Option<Merge>,
    is_large: bool,
}

impl Load {
    /// Begins to write rows into a table that stands in the target with these columns.
    pub fn begin(connection: &Arc<Connection>, job: &TableJob, standing: &[Column]) -> Result<Self, ConnectorError> {
        let names: Vec<&str> = captured(&job.table).collect();
        let lane =
            |name: &&str| standing.iter().find(|column| column.name == **name).map_or(Lane::Exact, |found| found.lane);
        let merge = match job.action {
            TableAction::Merge => Some(Merge::begin(connection, job, standing)?),
            _ => None,
        };
        let is_large = large::is_large(&job.into);
        let target = match &merge {
            Some(merge) => merge.stage().to_owned(),
            None if is_large => large::begin_pages(connection)?,
            None => qualified(&job.into.schema, &job.into.table),
        };
        let list: Vec<_> = names.iter().map(|name| quoted(name)).collect();
        let columns = if list.is_empty() { String::new() } else { format!(" ({})", list.join(", ")) };
        Ok(Self {
            connection: Arc::clone(connection),
            name: escape_for_terminal(job.into.to_string().as_bytes()),
            into: format!("{target}{columns}"),
            lanes: names.iter().map(lane).collect(),
            has_no_columns: names.is_empty(),
            is_new: merge.is_none() && extension::added(&job.table).is_none(),
            copy: None,
            given: 0,
            taken: 0,
            merge,
            is_large,
        })
    }

    /// Writes rows, in the form that can hold them all.
    pub fn write(&mut self, rows: &RowBatch) -> Result<(), ConnectorError> {
        if rows.rows() == 0 {
            return Ok(());
        }
        let format = if self.has_no_columns { Format::Text } else { encode::format(rows, &self.lanes) };
        if self.copy.as_ref().is_none_or(|(open, _)| *open != format) {
            self.end_copy()?;
            self.begin_copy(format)?;
        }
        self.given += rows.rows() as u64;
        let Some((_, copy)) = &mut self.copy else { return Ok(()) };
        let mut give = |piece: Vec<u8>| copy.write(piece);
        let written = match self.has_no_columns {
            true => give(encode::EMPTY_ROW.repeat(rows.rows())).map_err(Some),
            false => encode::rows(rows, (format, &self.lanes), &mut give),
        };
        written.map_err(|error| error.map_or_else(|| self.unknown_type(), |fault| self.fault(fault)))
    }

    /// All rows are given.
    pub fn end(mut self) -> Result<u64, ConnectorError> {
        self.end_copy()?;
        if self.given != self.taken {
            let message = format!("table {}: {} rows were given and {} taken", self.name, self.given, self.taken);
            return Err(ConnectorError::new(ErrorKind::Target, message));
        }
        if let Some(merge) = self.merge.take() {
            merge.end(&self.connection, &self.name)?;
        }
        if self.is_large {
            large::end_pages(&self.connection)?;
        }
        Ok(self.given)
    }

    fn begin_copy(&mut self, format: Format) -> Result<(), ConnectorError> {
        let word = if format == Format::Binary { "binary" } else { "text" };
        let freeze = if self.is_new { ", FREEZE true" } else { "" };
        let sql = format!("COPY {} FROM STDIN (FORMAT {word}{freeze})", self.into);
        let copy = self.connection.copy_in(&sql).map_err(|error| self.fault(Some(error)))?;
        let failed = |error| ConnectorError::new(ErrorKind::Internal, format!("no thread to write rows: {error}"));
        let mut copy = Pipe::new(copy).map_err(failed)?;
        if let Some(head) = encode::begin(format) {
            copy.write(head).map_err(|fault| self.fault(fault))?;
        }
        self.copy = Some((format, copy));
        Ok(())
    }

    fn end_copy(&mut self) -> Result<(), ConnectorError> {
        let Some((format, mut copy)) = self.copy.take() else { return Ok(()) };
        let ended = match encode::end(format) {
            Some(tail) => copy.write(tail).and_then(|()| copy.finish()),
            None => copy.finish(),
        };
        self.taken += ended.map_err(|fault| self.fault(fault))?;
        Ok(())
    }

    fn fault(&self, fault: Fault) -> ConnectorError {
        let what = format!("cannot write rows of table {} to", self.name);
        match fault {
            Some(error) => self.connection.fault(&what, &error),
            None => ConnectorError::new(
                ErrorKind::Internal,
                format!("{what} {}: sending broke down", self.connection.place()),
            ),
        }
    }

    fn unknown_type(&self) -> ConnectorError {
        let message = format!("table {}: a column has a type that PostgreSQL has no values of", self.name);
        ConnectorError::new(ErrorKind::Target, message)
    }
}
