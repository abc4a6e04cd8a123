//! Rowids that SQLite never gives again: what was given last, for tables that are restored by themselves.

use crate::errors::Failure;
use datakeep_connector::Note;
use datakeep_distribute::tables::{Cell, TablesPlan, row_of};
use datakeep_engine::TablesReader;

/// The table in which SQLite keeps the rowid that it gave last in each table declared AUTOINCREMENT.
const SEQUENCES: &str = "sqlite_sequence";

/// Notes at each table of a job what its sequence was; a whole database has them among its tables.
pub fn note(reader: &TablesReader, plan: &mut TablesPlan) -> Result<(), Failure> {
    if plan.job.whole {
        return Ok(());
    }
    let tables = reader.tables()?;
    let Some(table) = tables.iter().find(|table| table.info.name.table == SEQUENCES) else { return Ok(()) };
    let at = |name: &str| table.info.columns.iter().position(|column| column.name == name);
    let (Some(name), Some(value)) = (at("name"), at("seq")) else { return Ok(()) };
    let mut found = Vec::new();
    reader.each_group(&table.info.name, &[], &mut |group| {
        let rows = reader.rows(table, &group)?;
        for row in (0..rows.rows()).map(|row| row_of(&rows, row)) {
            if let (Some(Cell::Text(name)), Some(Cell::Integer(value))) = (row.get(name), row.get(value)) {
                found.push((name.clone(), *value));
            }
        }
        Ok(true)
    })?;
    for job in &mut plan.job.tables {
        let of_table = |(name, _): &&(String, i64)| *name == job.table.name.table;
        let notes = found
            .iter()
            .find(of_table)
            .map(|(_, value)| Note { name: "sequence".to_string(), value: value.to_string().into_bytes() });
        job.table.notes.extend(notes);
    }
    Ok(())
}
