//! What a script does with each table and object.

use super::{Script, VIRTUAL_TABLE};
use crate::error::DistributeError;
use crate::tables::diff::TableDiff;
use crate::tables::schema::{SchemaChange, TablePair};
use datakeep_connector::SchemaObject;
use datakeep_process_table::TableDescription;

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
    /// Objects that are dropped, in the order in which they were made.
    pub dropped: Vec<&'a SchemaObject>,
    /// Objects that are made, in order.
    pub made: Vec<&'a SchemaObject>,
    /// What cannot be said by statements, one sentence each.
    pub left_out: Vec<String>,
}

/// True for a table that SQLite keeps for itself: sequences and statistics.
pub(super) fn is_own(table: &str) -> bool {
    table.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("sqlite_"))
}

impl<'a> Plan<'a> {
    pub(super) fn of(script: &Script<'a>) -> Result<Self, DistributeError> {
        let mut plan = Self { tables: Vec::new(), dropped: Vec::new(), made: Vec::new(), left_out: Vec::new() };
        for table in &script.pair.tables {
            if script.only.is_some_and(|only| only != table.name.table) {
                continue;
            }
            match fate(script, table)? {
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
        let differs = |object: &SchemaObject| {
            script
                .pair
                .objects
                .iter()
                .any(|pair| pair.old.as_ref() == Some(object) || pair.new.as_ref() == Some(object))
        };
        let concerns = |object: &SchemaObject| script.only.is_none_or(|only| object.table.eq_ignore_ascii_case(only));
        let goes_away = |plan: &Self, object: &SchemaObject| match plan.fate_of(&object.table) {
            Some(TableFate::Drop | TableFate::Remake | TableFate::Rebuild) => true,
            // A trigger would run for every row that is changed here.
            Some(_) => object.kind == "trigger",
            None => false,
        };
        for object in script.pair.old.objects.iter().filter(|object| concerns(object)) {
            match object.kind.as_str() {
                VIRTUAL_TABLE if differs(object) => self.leave_out(object),
                VIRTUAL_TABLE => {}
                _ if differs(object) || goes_away(self, object) => self.dropped.push(object),
                _ => {}
            }
        }
        for object in script.pair.new.objects.iter().filter(|object| concerns(object)) {
            match object.kind.as_str() {
                VIRTUAL_TABLE if differs(object) => self.leave_out(object),
                VIRTUAL_TABLE => {}
                _ if differs(object) || goes_away(self, object) => self.made.push(object),
                _ => {}
            }
        }
    }

    fn leave_out(&mut self, object: &SchemaObject) {
        self.left_out.push(format!("virtual table {}: neither made nor dropped", object.name));
    }
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
