//! What a script does with each table and object.

use super::Script;
use super::shadow::{self, VIRTUAL_TABLE};
use super::statement::{Statement, keyword};
use crate::error::DistributeError;
use crate::tables::diff::TableDiff;
use crate::tables::schema::{SchemaChange, TablePair};
use datakeep_connector::SchemaObject;
use datakeep_process_table::TableDescription;
use std::collections::BTreeSet;

/// What becomes of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TableFate {
    /// It is made and filled.
    Make,
    /// It is dropped.
    Drop,
    /// It is dropped, made and filled.
    Remake,
    /// It is made anew beside itself, the columns that stay are taken over, then rows are changed.
    Rebuild,
    /// It is emptied and filled.
    Refill,
    /// Rows are changed.
    Change,
    /// It cannot be made or dropped by a statement.
    Leave,
}

/// Everything a script does, rows apart.
pub(super) struct Plan<'a> {
    pub tables: Vec<(&'a TablePair, TableFate)>,
    /// Objects that are dropped, in the order in which they were made, and the words for their kinds.
    pub dropped: Vec<(&'static str, &'a SchemaObject)>,
    /// Objects that are made, in order.
    pub made: Vec<(Statement<'a>, &'a SchemaObject)>,
    /// Tables of which nothing is touched, in lower case.
    left: BTreeSet<String>,
    /// What cannot be said by statements, one sentence each.
    pub left_out: Vec<String>,
}

/// True for a table that SQLite keeps for itself: sequences and statistics.
pub(super) fn is_own(table: &str) -> bool {
    table.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("sqlite_"))
}

impl<'a> Plan<'a> {
    pub(super) fn of(script: &Script<'a>) -> Result<Self, DistributeError> {
        let mut plan = Self {
            tables: Vec::new(),
            dropped: Vec::new(),
            made: Vec::new(),
            left: BTreeSet::new(),
            left_out: Vec::new(),
        };
        plan.virtual_tables(script);
        for table in &script.pair.tables {
            let is_left = plan.left.contains(&table.name.table.to_ascii_lowercase());
            if is_left || script.only.is_some_and(|only| *only != table.name) {
                continue;
            }
            let fate = fate(script, table)?;
            if let Some(why) = fate.and_then(|fate| flaw(table, fate)) {
                plan.leave(table, why);
                continue;
            }
            match fate {
                Some(TableFate::Leave) => plan.left_out.push(format!(
                    "{} is kept by SQLite itself and is neither made nor dropped (statistics: run ANALYZE)",
                    table.name
                )),
                Some(fate) => plan.tables.push((table, fate)),
                None => {}
            }
        }
        plan.keep_sequences(script);
        plan.objects(script);
        Ok(plan)
    }

    /// Rows that are put into other tables move sequences on: they are put right whenever any table is filled. With one table
    /// alone they are left, as those of other tables stand among them.
    fn keep_sequences(&mut self, script: &Script<'a>) {
        if script.only.is_some() {
            return;
        }
        let is_it = |table: &&TablePair| table.name.table.eq_ignore_ascii_case("sqlite_sequence");
        let Some(sequences) = script.pair.tables.iter().find(is_it) else { return };
        let is_there = self.tables.iter().any(|(table, _)| std::ptr::eq(*table, sequences));
        if !is_there && !self.tables.is_empty() && sequences.new.is_some() {
            self.tables.push((sequences, TableFate::Refill));
        }
    }

    fn fate_of(&self, table: &str) -> Option<TableFate> {
        let found = self.tables.iter().find(|(pair, _)| pair.name.table.eq_ignore_ascii_case(table));
        found.map(|(_, fate)| *fate)
    }

    fn objects(&mut self, script: &Script<'a>) {
        let is_kept = |object: &&SchemaObject| {
            let concerns = script.only.is_none_or(|only| object.table.eq_ignore_ascii_case(&only.table));
            concerns && object.kind != VIRTUAL_TABLE && !self.left.contains(&object.table.to_ascii_lowercase())
        };
        let goes = |object: &&SchemaObject| differs(script, object) || self.goes_away(object);
        let old = script.pair.old.objects.iter().filter(is_kept).filter(goes);
        let new = script.pair.new.objects.iter().filter(is_kept).filter(goes);
        let (mut dropped, mut made, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for object in old {
            match keyword(&object.kind) {
                Some(kind) => dropped.push((kind, object)),
                None => left_out.push(format!("{} {}: not dropped, its kind is unknown", object.kind, object.name)),
            }
        }
        for object in new {
            match Statement::read(&object.kind, &object.sql) {
                Ok(statement) => made.push((statement, object)),
                Err(why) => left_out.push(format!("{} {}: not made, {why}", object.kind, object.name)),
            }
        }
        (self.dropped, self.made) = (dropped, made);
        self.left_out.append(&mut left_out);
    }

    fn goes_away(&self, object: &SchemaObject) -> bool {
        match self.fate_of(&object.table) {
            Some(TableFate::Drop | TableFate::Remake | TableFate::Rebuild) => true,
            // A trigger would run for every row that is changed here.
            Some(_) => object.kind == "trigger",
            None => false,
        }
    }

    /// A virtual table that differs keeps what it holds in tables of its own: they are nothing without it.
    fn virtual_tables(&mut self, script: &Script<'a>) {
        let objects = script.pair.old.objects.iter().chain(&script.pair.new.objects);
        for object in objects.filter(|object| object.kind == VIRTUAL_TABLE && differs(script, object)) {
            let shadows: Vec<&str> = script
                .pair
                .tables
                .iter()
                .map(|table| table.name.table.as_str())
                .filter(|table| shadow::belongs(table, object))
                .collect();
            self.left.extend(shadows.iter().map(|table| table.to_ascii_lowercase()));
            let sentence =
                format!("virtual table {}: neither made nor dropped, with its tables {shadows:?}", object.name);
            if script.only.is_none_or(|only| shadows.contains(&only.table.as_str()))
                && !self.left_out.contains(&sentence)
            {
                self.left_out.push(sentence);
            }
        }
    }

    /// A table whose statement is not what it seems is neither made nor dropped, nor is what belongs to it.
    fn leave(&mut self, table: &'a TablePair, why: &str) {
        self.left.insert(table.name.table.to_ascii_lowercase());
        self.left_out.push(format!("table {} with its indexes and triggers: {why}", table.name));
    }
}

fn differs(script: &Script<'_>, object: &SchemaObject) -> bool {
    let mut pairs = script.pair.objects.iter();
    pairs.any(|pair| pair.old.as_ref() == Some(object) || pair.new.as_ref() == Some(object))
}

/// Why the statement of a table that has to be made cannot be printed.
fn flaw(table: &TablePair, fate: TableFate) -> Option<&'static str> {
    let is_made = matches!(fate, TableFate::Make | TableFate::Remake | TableFate::Rebuild);
    let new = table.new.as_ref().filter(|_| is_made && !is_own(&table.name.table))?;
    Statement::read("table", &new.info.sql).err()
}

fn fate(script: &Script<'_>, table: &TablePair) -> Result<Option<TableFate>, DistributeError> {
    let is_sequence = table.name.table.eq_ignore_ascii_case("sqlite_sequence");
    let (old, new) = match (&table.old, &table.new) {
        (Some(old), Some(new)) => (old, new),
        // It comes with the first table that counts, and never goes.
        (None, Some(_)) if is_sequence => return Ok(Some(TableFate::Refill)),
        _ if is_own(&table.name.table) => return Ok(Some(TableFate::Leave)),
        (None, _) => return Ok(Some(TableFate::Make)),
        (_, None) => return Ok(Some(TableFate::Drop)),
    };
    if old.info.sql != new.info.sql {
        return Ok(Some(rebuilt(script, table, new)));
    }
    if table.has_equal_content() {
        return Ok(None);
    }
    let is_by_key = TableDiff::new(script.old, script.new, table).is_by_key();
    if is_own(&table.name.table) || !is_by_key {
        return Ok(Some(TableFate::Refill));
    }
    Ok(Some(TableFate::Change))
}

/// Columns that stay can be taken over where the key stays, and every column that is new may be null until its rows are
/// changed.
fn rebuilt(script: &Script<'_>, table: &TablePair, new: &TableDescription) -> TableFate {
    let may_be_null =
        |(column, from): (&datakeep_connector::ColumnInfo, &Option<usize>)| from.is_some() || column.nullable;
    let can_wait = new.info.columns.iter().zip(&table.columns).all(may_be_null);
    let is_declared_alike = !table
        .schema
        .iter()
        .any(|change| matches!(change, SchemaChange::ColumnDeclared { .. } | SchemaChange::KeyChanged { .. }));
    let is_by_key = TableDiff::new(script.old, script.new, table).is_by_key();
    if can_wait && is_declared_alike && is_by_key { TableFate::Rebuild } else { TableFate::Remake }
}
