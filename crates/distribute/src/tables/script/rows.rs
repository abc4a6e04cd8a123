//! Rows in a script.

use super::plan::TableFate;
use super::{Script, Write};
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
        write: Write<'_, E>,
    ) -> Result<(), E> {
        let Some(new) = &table.new else { return Ok(()) };
        if Self::is_made_anew(fate) {
            if fate == TableFate::Refill {
                write(&format!("DELETE FROM {};", identifier(&table.name.table)))?;
            }
            return each_batch(self.new, new, &mut |rows| {
                if self.cancel.is_some_and(Cancel::is_cancelled) {
                    return Err(DistributeError::Cancelled.into());
                }
                (0..rows.rows()).try_for_each(|row| write(&self.insert(&new.info, &row_of(rows, row))?))?;
                Ok(true)
            });
        }
        self.write_changes(table, &new.info, write)
    }

    /// All deletions, then the rest. A row of which something changes that may have to be unique is deleted and inserted
    /// again: two such rows may exchange their values.
    fn write_changes<E: From<DistributeError>>(
        &self,
        table: &TablePair,
        new: &TableInfo,
        write: Write<'_, E>,
    ) -> Result<(), E> {
        let diff = TableDiff::new(self.old, self.new, table).until(self.cancel);
        let unique = self.unique_columns(new);
        let may_clash = |cells: &[CellChange]| cells.iter().any(|cell| unique.get(cell.column) == Some(&true));
        diff.rows::<E>(&mut |change| match change {
            RowChange::Deleted(row) => {
                let old = table.old.as_ref().map_or(new, |old| &old.info);
                let key: Vec<Cell> = old.key.iter().filter_map(|&at| row.get(at).cloned()).collect();
                write(&self.delete(new, &key)?)
            }
            // What is unique is given up by all before anyone takes it.
            RowChange::Updated { key, cells } if may_clash(&cells) => write(&self.delete(new, &key)?),
            _ => Ok(()),
        })?;
        diff.rows::<E>(&mut |change| match change {
            RowChange::Inserted(row) => write(&self.insert(new, &row)?),
            RowChange::Updated { key, cells } if may_clash(&cells) => self.put_back(table, new, &key, write),
            RowChange::Updated { key, cells } => write(&self.update(new, &key, &cells)?),
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
        write: Write<'_, E>,
    ) -> Result<(), E> {
        let Some(described) = &table.new else { return Ok(()) };
        match crate::tables::row::find_row(self.new, described, key)? {
            Some(rows) => write(&self.insert(new, &row_of(&rows, 0))?),
            None => Ok(()),
        }
    }

    /// Columns whose values may have to differ from row to row, beside the key: named in a unique index, or any where the
    /// table's own statement demands it of something.
    fn unique_columns(&self, table: &TableInfo) -> Vec<bool> {
        let upper = |sql: &str| sql.to_ascii_uppercase();
        let is_hidden = table.key.iter().any(|&at| table.columns.get(at).is_some_and(|column| column.hidden));
        let own = upper(&table.sql);
        let is_any = own.contains("UNIQUE") || (is_hidden && own.contains("PRIMARY"));
        let objects = self.pair.old.objects.iter().chain(&self.pair.new.objects);
        let of_table = objects.filter(|object| object.table.eq_ignore_ascii_case(&table.name.table));
        let indexes: Vec<String> =
            of_table.map(|object| upper(&object.sql)).filter(|sql| sql.contains("UNIQUE")).collect();
        let is_named = |name: &str| indexes.iter().any(|sql| sql.contains(&upper(&name.replace('"', "\"\""))));
        table.columns.iter().map(|column| is_any || is_named(&column.name)).collect()
    }

    fn condition(&self, table: &TableInfo, key: &[Cell]) -> Result<String, DistributeError> {
        let part = |(&at, cell): (&usize, &Cell)| {
            let column = table.columns.get(at).map_or("", |column| column.name.as_str());
            let operator = if cell.is_null() { "IS" } else { "=" };
            Ok(format!("{} {operator} {}", identifier(column), self.value(cell)?))
        };
        let parts: Vec<String> = table.key.iter().zip(key).map(part).collect::<Result<_, DistributeError>>()?;
        Ok(parts.join(" AND "))
    }

    fn delete(&self, table: &TableInfo, key: &[Cell]) -> Result<String, DistributeError> {
        Ok(format!("DELETE FROM {} WHERE {};", identifier(&table.name.table), self.condition(table, key)?))
    }

    fn insert(&self, table: &TableInfo, row: &[Cell]) -> Result<String, DistributeError> {
        let columns: Vec<String> = table.columns.iter().map(|column| identifier(&column.name)).collect();
        let values: Vec<String> = row.iter().map(|cell| self.value(cell)).collect::<Result<_, _>>()?;
        let name = identifier(&table.name.table);
        Ok(format!("INSERT INTO {name}({}) VALUES ({});", columns.join(", "), values.join(", ")))
    }

    fn update(&self, table: &TableInfo, key: &[Cell], cells: &[CellChange]) -> Result<String, DistributeError> {
        let set = |cell: &CellChange| {
            let column = table.columns.get(cell.column).map_or("", |column| column.name.as_str());
            Ok(format!("{} = {}", identifier(column), self.value(&cell.after)?))
        };
        let sets: Vec<String> = cells.iter().map(set).collect::<Result<_, DistributeError>>()?;
        let (name, condition) = (identifier(&table.name.table), self.condition(table, key)?);
        Ok(format!("UPDATE {name} SET {} WHERE {condition};", sets.join(", ")))
    }
}
