//! A restore that has been begun: how its tables are made and their rows written.

use super::file::NewFile;
use super::merge::Merging;
use super::stand_in::StandIns;
use super::{insert, job, make, target_error};
use crate::source::column::Affinity;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, RestoreJob, TableAction, TableJob};
use rusqlite::Connection;
use std::path::Path;

/// What has been begun. The connection stands first: it is closed before a file is removed.
pub(super) struct Work {
    pub connection: Connection,
    /// `None`: a database that stands there is changed.
    pub file: Option<NewFile>,
    pub job: RestoreJob,
    /// Number of the table whose rows are written, and what writes one.
    pub current: Option<(usize, Way)>,
    /// Rows of SQLite's own tables, which are written last.
    pub held: Vec<(usize, RowBatch)>,
    pub stand_ins: StandIns,
    /// Tables whose columns have no types until their rows are written, and their statements.
    pub untyped: Vec<(String, String)>,
    /// Rows that referred to none in a database that stands, where that could be found out.
    pub dangling_before: Option<usize>,
    /// What SQLite had given to tables that stood there, by their numbers.
    pub sequences: Vec<(usize, i64)>,
    /// Numbers of the tables that only their application can make.
    pub left_out: Vec<usize>,
    pub told: Vec<String>,
    pub losses: Vec<String>,
}

/// How the rows of a table are written.
pub(super) enum Way {
    Adding(insert::Writing, Vec<Affinity>),
    Merging(Box<Merging>),
    /// The table is not there.
    Nowhere,
}

impl Work {
    /// The tables that were made, or stood there.
    pub fn made(&self) -> impl Iterator<Item = &TableJob> {
        let is_made = |number: &usize| !self.left_out.contains(number);
        self.job.tables.iter().enumerate().filter(move |(number, _)| is_made(number)).map(|(_, table)| table)
    }

    /// True for a table that was left out.
    pub fn is_left_out(&self, table: &str) -> bool {
        let mut names = self.left_out.iter().map(|number| &self.job.tables[*number].table.name.table);
        names.any(|name| name.eq_ignore_ascii_case(table))
    }

    pub fn leave_out(&mut self, number: usize, why: &ConnectorError) {
        let name = job::shown_table(&self.job.tables[number].into.table);
        self.losses.push(format!("table {name} was left out, since only its application can make it: {}", why.message));
        self.left_out.push(number);
    }

    pub fn make_tables(&mut self, path: &Path) -> Result<(), ConnectorError> {
        for number in 0..self.job.tables.len() {
            let table = &self.job.tables[number];
            if table.action == TableAction::Replace {
                let fault = target_error("cannot read the schema of", path);
                let gone = job::lost_belongings(&self.connection, &self.job.catalog, table).map_err(&fault)?;
                if !gone.is_empty() {
                    let name = job::shown_table(&table.into.table);
                    self.told.push(format!("removed with the table {name} that stood there: {}", gone.join(", ")));
                }
            }
            let before = make::sequence_of(&self.connection, &table.into.table);
            self.sequences.extend(before.map(|value| (number, value)));
            match make::table(&self.connection, path, table, &mut self.stand_ins)? {
                None => {}
                Some(why) if self.job.whole => self.leave_out(number, &why),
                Some(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// How the rows of a table are written.
    pub fn way(&mut self, number: usize) -> rusqlite::Result<Way> {
        let table = self.job.tables.get(number).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        if self.left_out.contains(&number) {
            return Ok(Way::Nowhere);
        }
        let made = (table.action != TableAction::Merge).then_some(table.into.table.as_str());
        self.stand_ins.begin_table(&self.connection, made)?;
        if made.is_none() {
            self.stand_ins.learn(&self.connection, &insert::merging(table).sql(&[]))?;
            return Ok(Way::Merging(Box::new(Merging::start(&self.connection, table)?)));
        }
        let is_strict = table.table.notes.iter().any(|note| note.name == "strict");
        let affinity = |column: &datakeep_connector::ColumnInfo| Affinity::of(&column.declared, is_strict);
        Ok(Way::Adding(insert::adding(table), table.table.columns.iter().map(affinity).collect()))
    }

    pub fn add(
        &mut self,
        (number, writing, affinities): (usize, &insert::Writing, &[Affinity]),
        path: &Path,
        rows: &RowBatch,
    ) -> Result<(), ConnectorError> {
        let table = &self.job.tables[number];
        let name = &table.into.table;
        if !self.untyped.iter().any(|(known, _)| known == name) && insert::may_change(rows, affinities)? {
            let fault = target_error("cannot keep values as they are in", path);
            let taken = make::take_types(&self.connection, table).map_err(fault)?;
            self.untyped.extend(taken.map(|statement| (name.clone(), statement)));
        }
        insert::write(&self.connection, path, &table.into, writing, rows)
    }

    /// Gives tables the types of their columns again, now that no value is put into them any more.
    pub fn give_types_back(&mut self) -> rusqlite::Result<()> {
        let mut untyped = self.untyped.drain(..);
        untyped.try_for_each(|(table, statement)| make::set_statement(&self.connection, &table, &statement))
    }
}
