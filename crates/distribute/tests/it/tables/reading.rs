//! Databases as they come out of snapshots, and out of restores.

use super::source::{Database, Table, Value, cell, database, declared_as};
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, Hands, RestoreJob, Standing, TableHand, TableInfo, TableTarget};
use datakeep_engine::{EngineError, TablesReader};
use std::sync::{Arc, Mutex};

/// A table of this description without rows.
fn empty(info: &TableInfo) -> Table {
    let columns: Vec<(&str, &'static str)> =
        info.columns.iter().map(|column| (column.name.as_str(), declared_as(&column.declared))).collect();
    let mut table = Table::new(&info.name.table, &columns, &info.key);
    table.sql.clone_from(&info.sql);
    table
}

fn row_of(batch: &RowBatch, row: usize) -> Vec<Value> {
    batch.columns().iter().map(|column| cell(column, row)).collect()
}

fn put_all(table: &mut Table, batch: &RowBatch) {
    (0..batch.rows()).for_each(|row| table.put(row_of(batch, row)));
}

/// All tables of a snapshot.
pub fn read(reader: &TablesReader) -> Result<Database, EngineError> {
    let mut found = Vec::new();
    for description in reader.tables()? {
        let mut table = empty(&description.info);
        reader.each_group(&description.info.name, &[], &mut |group| {
            put_all(&mut table, &reader.rows(&description, &group)?);
            Ok(true)
        })?;
        found.push(table);
    }
    Ok(database(found))
}

/// Every group that can be read: its table and number, and its rows as text.
pub fn restorable(reader: &TablesReader) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    for description in reader.tables().unwrap_or_default() {
        let (name, mut number) = (&description.info.name, 0);
        let _ = reader.each_group(name, &[], &mut |group| {
            if let Ok(batch) = reader.rows(&description, &group) {
                let rows: Vec<Vec<Value>> = (0..batch.rows()).map(|row| row_of(&batch, row)).collect();
                found.push((format!("{name} {number}").into_bytes(), format!("{rows:?}").into_bytes()));
            }
            number += 1;
            Ok(true)
        });
    }
    found
}

/// The first thing in which a database is not the other.
pub fn first_difference(expected: &Database, found: &Database) -> Option<String> {
    if !expected.keys().eq(found.keys()) {
        return Some(format!("tables {:?}, not {:?}", found.keys(), expected.keys()));
    }
    expected.values().zip(found.values()).find_map(|(expected, found)| {
        let name = &expected.name;
        if (&expected.columns, &expected.key, &expected.sql) != (&found.columns, &found.key, &found.sql) {
            return Some(format!("{name}: described as {:?} {:?} {}", found.columns, found.key, found.sql));
        }
        let mut rows = expected.rows.values().zip(found.rows.values());
        let is_same = expected.rows.len() == found.rows.len() && rows.all(|(expected, found)| expected == found);
        (!is_same).then(|| format!("{name}: other rows: {:?}, not {:?}", found.rows.values(), expected.rows.values()))
    })
}

/// A database in memory that is restored into. Nothing is there before the end.
#[derive(Default)]
pub struct ModelTarget {
    job: RestoreJob,
    tables: Vec<Table>,
    /// What others write who may: every table but the first.
    beside: Arc<Mutex<Vec<Table>>>,
    /// What was made visible.
    pub made: Option<Database>,
}

impl TableTarget for ModelTarget {
    fn look(&mut self) -> Result<Option<Vec<Standing>>, ConnectorError> {
        Ok(None)
    }

    fn begin(&mut self, job: &RestoreJob) -> Result<(), ConnectorError> {
        self.job = job.clone();
        Ok(())
    }

    fn hands(&mut self, most: usize) -> Result<Hands, ConnectorError> {
        let hand = || ModelHand { job: self.job.clone(), table: None, beside: Arc::clone(&self.beside) };
        let hands = (0..most).map(|_| Box::new(hand()) as Box<dyn TableHand>).collect();
        Ok(Hands { hands, tables: (1..self.job.tables.len()).collect() })
    }

    fn begin_table(&mut self, number: usize) -> Result<(), ConnectorError> {
        self.tables.push(empty(&self.job.tables[number].table));
        Ok(())
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), ConnectorError> {
        put_all(self.tables.last_mut().expect("a table was begun"), rows);
        Ok(())
    }

    fn end_table(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<String>, ConnectorError> {
        self.tables.append(&mut self.beside.lock().unwrap());
        self.made = Some(database(std::mem::take(&mut self.tables)));
        Ok(Vec::new())
    }
}

struct ModelHand {
    job: RestoreJob,
    table: Option<Table>,
    beside: Arc<Mutex<Vec<Table>>>,
}

impl TableHand for ModelHand {
    fn begin_table(&mut self, number: usize) -> Result<(), ConnectorError> {
        assert!(number > 0, "the first is the target's");
        self.table = Some(empty(&self.job.tables[number].table));
        Ok(())
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), ConnectorError> {
        put_all(self.table.as_mut().expect("a table was begun"), rows);
        Ok(())
    }

    fn end_table(&mut self) -> Result<(), ConnectorError> {
        self.beside.lock().unwrap().extend(self.table.take());
        Ok(())
    }
}
