//! Rows in a script. One is changed or deleted only where it still holds the values that it had in the first state, and by
//! `OR ABORT`, which a table's own `ON CONFLICT` does not overrule: that may end the transaction, or delete other rows.

use super::Script;
use super::head::main;
use super::output::{COUNTED, IS_ON, Output, has_rows};
use super::plan::{TableFate, is_own};
use super::statement::index_columns;
use crate::error::DistributeError;
use crate::tables::cell::{Cell, row_of};
use crate::tables::diff::{CellChange, RowChange, TableDiff, each_batch};
use crate::tables::schema::TablePair;
use crate::tables::text::identifier;
use datakeep_connector::{Cancel, TableInfo};

impl Script<'_> {
    pub(super) fn write_rows<E: From<DistributeError>>(
        &self,
        table: &TablePair,
        fate: TableFate,
        output: &mut Output<'_, E>,
    ) -> Result<(), E> {
        let Some(new) = &table.new else { return Ok(()) };
        if Self::is_made_anew(fate) {
            if fate == TableFate::Refill {
                self.empty(table, output)?;
            }
            return each_batch(self.new, new, &mut |rows| {
                if self.cancel.is_some_and(Cancel::is_cancelled) {
                    return Err(DistributeError::Cancelled.into());
                }
                (0..rows.rows()).try_for_each(|row| output.row(&self.insert(&new.info, &row_of(rows, row))?))?;
                Ok(true)
            });
        }
        self.write_changes(table, &new.info, output)
    }

    /// SQLite's own tables change by other statements: they are not looked at before.
    fn empty<E: From<DistributeError>>(&self, table: &TablePair, output: &mut Output<'_, E>) -> Result<(), E> {
        let name = &table.name.table;
        match table.old.as_ref().filter(|_| !is_own(name)) {
            Some(old) => output.prove(&has_rows(name, old.rows))?,
            None => output.prove("1")?,
        }
        output.text(&format!("DELETE FROM {} WHERE {IS_ON};", main(name)))?;
        output.prove_anew(&has_rows(name, 0))
    }

    /// All deletions, then the rest. A row of which something changes that may have to be unique is deleted and inserted
    /// again: two such rows may exchange their values.
    fn write_changes<E: From<DistributeError>>(
        &self,
        table: &TablePair,
        new: &TableInfo,
        output: &mut Output<'_, E>,
    ) -> Result<(), E> {
        let diff = TableDiff::new(self.old, self.new, table).until(self.cancel);
        let unique = self.unique_columns(new);
        let may_clash = |cells: &[CellChange]| cells.iter().any(|cell| unique.get(cell.column) == Some(&true));
        diff.rows::<E>(&mut |change| match change {
            RowChange::Deleted(row) => {
                let old = table.old.as_ref().map_or(new, |old| &old.info);
                let key: Vec<Cell> = old.key.iter().filter_map(|&at| row.get(at).cloned()).collect();
                output.row(&self.delete(new, &key, &rest_of(table, new, &row))?)
            }
            // What is unique is given up by all before anyone takes it.
            RowChange::Updated { key, cells } if may_clash(&cells) => {
                output.row(&self.delete(new, &key, &before(&cells))?)
            }
            _ => Ok(()),
        })?;
        diff.rows::<E>(&mut |change| match change {
            RowChange::Inserted(row) => output.row(&self.insert(new, &row)?),
            RowChange::Updated { key, cells } if may_clash(&cells) => self.put_back(table, new, &key, output),
            RowChange::Updated { key, cells } => output.row(&self.update(new, &key, &cells)?),
            RowChange::Deleted(_) => Ok(()),
        })?;
        Ok(())
    }

    /// The whole row as it is.
    fn put_back<E: From<DistributeError>>(
        &self,
        table: &TablePair,
        new: &TableInfo,
        key: &[Cell],
        output: &mut Output<'_, E>,
    ) -> Result<(), E> {
        let Some(described) = &table.new else { return Ok(()) };
        match crate::tables::row::find_row(self.new, described, key)? {
            Some(rows) => output.row(&self.insert(new, &row_of(&rows, 0))?),
            None => Ok(()),
        }
    }

    /// Columns whose values may have to differ from row to row, beside the key: those of a unique index, and all where that is
    /// of what is computed of them (expressions, generated columns), or where the table's own statement demands it of some.
    fn unique_columns(&self, table: &TableInfo) -> Vec<bool> {
        let has = |sql: &str, word: &str| sql.to_ascii_uppercase().contains(word);
        let is_hidden = table.key.iter().any(|&at| table.columns.get(at).is_some_and(|column| column.hidden));
        let mut unique =
            vec![has(&table.sql, "UNIQUE") || (is_hidden && has(&table.sql, "PRIMARY")); table.columns.len()];
        let objects = self.pair.old.objects.iter().chain(&self.pair.new.objects);
        let of_table = objects.filter(|object| object.table.eq_ignore_ascii_case(&table.name.table));
        for index in of_table.filter(|object| has(&object.sql, "UNIQUE")) {
            let at = |name: &String| table.columns.iter().position(|it| it.name.eq_ignore_ascii_case(name));
            let named: Option<Vec<usize>> = index_columns(&index.sql).and_then(|names| names.iter().map(at).collect());
            match named {
                Some(named) => named.into_iter().for_each(|at| unique[at] = true),
                None => unique.fill(true),
            }
        }
        unique
    }

    fn condition(&self, table: &TableInfo, key: &[Cell]) -> Result<String, DistributeError> {
        let part = |(&at, cell): (&usize, &Cell)| {
            let operator = if cell.is_null() { "IS" } else { "=" };
            Ok(format!("{} {operator} {}", column(table, at), self.value(cell)?))
        };
        let parts: Vec<String> = table.key.iter().zip(key).map(part).collect::<Result<_, DistributeError>>()?;
        Ok(parts.join(" AND "))
    }

    /// Values as they are compared: by their classes, not by how the column would take them, and byte by byte.
    fn is(&self, table: &TableInfo, cells: &[(usize, &Cell)]) -> Result<String, DistributeError> {
        if cells.is_empty() {
            return Ok(String::new());
        }
        let has_collation = table.sql.to_ascii_uppercase().contains("COLLATE");
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for (at, cell) in cells {
            let end = if has_collation && matches!(cell, Cell::Text(_)) { " COLLATE BINARY" } else { "" };
            columns.push(format!("+{}", column(table, *at)));
            values.push(format!("{}{end}", self.value(cell)?));
        }
        // One comparison of rows: a table may have more columns than an expression may be deep.
        Ok(format!(" AND ({}) IS ({})", columns.join(", "), values.join(", ")))
    }

    fn delete(&self, table: &TableInfo, key: &[Cell], was: &[(usize, &Cell)]) -> Result<String, DistributeError> {
        let (name, condition, was) = (main(&table.name.table), self.condition(table, key)?, self.is(table, was)?);
        Ok(format!("DELETE FROM {name} WHERE {condition}{was} AND {IS_ON};"))
    }

    fn insert(&self, table: &TableInfo, row: &[Cell]) -> Result<String, DistributeError> {
        let columns: Vec<String> = table.columns.iter().map(|column| identifier(&column.name)).collect();
        let values: Vec<String> = row.iter().map(|cell| self.value(cell)).collect::<Result<_, _>>()?;
        let (name, columns, values) = (main(&table.name.table), columns.join(", "), values.join(", "));
        Ok(format!("INSERT OR ABORT INTO {name}({columns}) SELECT {values} FROM {COUNTED};"))
    }

    fn update(&self, table: &TableInfo, key: &[Cell], cells: &[CellChange]) -> Result<String, DistributeError> {
        let set = |cell: &CellChange| Ok(format!("{} = {}", column(table, cell.column), self.value(&cell.after)?));
        let sets: Vec<String> = cells.iter().map(set).collect::<Result<_, DistributeError>>()?;
        let (name, condition) = (main(&table.name.table), self.condition(table, key)?);
        let was = self.is(table, &before(cells))?;
        Ok(format!("UPDATE OR ABORT {name} SET {} WHERE {condition}{was} AND {IS_ON};", sets.join(", ")))
    }
}

fn column(table: &TableInfo, at: usize) -> String {
    table.columns.get(at).map(|column| identifier(&column.name)).unwrap_or_default()
}

fn before(cells: &[CellChange]) -> Vec<(usize, &Cell)> {
    cells.iter().map(|cell| (cell.column, &cell.before)).collect()
}

/// The values of a row that is gone, beside its key, by their columns as they are.
fn rest_of<'r>(table: &TablePair, new: &TableInfo, row: &'r [Cell]) -> Vec<(usize, &'r Cell)> {
    let of = |(at, from): (usize, &Option<usize>)| Some((at, row.get((*from)?)?));
    table.columns.iter().enumerate().filter_map(of).filter(|(at, _)| !new.key.contains(at)).collect()
}
