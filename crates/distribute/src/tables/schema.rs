//! How the schemas of two snapshots differ.

use crate::error::DistributeError;
use datakeep_connector::{SchemaObject, TableName};
use datakeep_engine::TablesReader;
use datakeep_process_table::{DatabaseDescription, TableDescription};
use std::collections::BTreeMap;

/// One difference between what a table was and is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SchemaChange {
    /// The table is new.
    TableAdded,
    /// The table is gone.
    TableRemoved,
    /// A column is new.
    ColumnAdded(String),
    /// A column is gone.
    ColumnRemoved(String),
    /// A column has another name.
    ColumnRenamed {
        /// As it was.
        old: String,
        /// As it is.
        new: String,
    },
    /// A column is declared otherwise.
    ColumnDeclared {
        /// Its name now.
        column: String,
        /// As it was: the declared type, and `NOT NULL` where nulls are forbidden.
        old: String,
        /// As it is.
        new: String,
    },
    /// Rows are named by other columns.
    KeyChanged {
        /// As it was; empty: rows had no key.
        old: Vec<String>,
        /// As it is.
        new: Vec<String>,
    },
    /// The statement that makes the table is another one, though its columns and key are as they were.
    StatementChanged,
}

/// A table of one or of both snapshots.
#[derive(Clone, Debug)]
pub struct TablePair {
    /// Its name.
    pub name: TableName,
    /// As it was.
    pub old: Option<TableDescription>,
    /// As it is.
    pub new: Option<TableDescription>,
    /// For each column it has now, the position of the same column as it was. Columns are the same by their numbers where
    /// both snapshots are of one source, else by name.
    pub columns: Vec<Option<usize>>,
    /// How its schema differs.
    pub schema: Vec<SchemaChange>,
}

/// An index, view, trigger or other object that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectPair {
    /// As it was; `None`: it is new.
    pub old: Option<SchemaObject>,
    /// As it is; `None`: it is gone.
    pub new: Option<SchemaObject>,
}

/// Two snapshots of tables, and how their schemas differ. Rows are compared by [`super::TableDiff`].
#[derive(Clone, Debug)]
pub struct TablesPair {
    /// All tables of both, by rising name.
    pub tables: Vec<TablePair>,
    /// The objects that differ, by kind and name.
    pub objects: Vec<ObjectPair>,
    /// What was said of the old database as a whole.
    pub old: DatabaseDescription,
    /// What is said of the new one.
    pub new: DatabaseDescription,
}

/// As it was, and as it is.
type Sides<T> = (Option<T>, Option<T>);

/// Compares schemas. Reads descriptions only.
pub fn compare_schemas(old: &TablesReader, new: &TablesReader) -> Result<TablesPair, DistributeError> {
    let is_one_source = {
        let (old, new) = (&old.manifest().snapshot.source, &new.manifest().snapshot.source);
        old.name == new.name && old.kind == new.kind
    };
    let mut tables: BTreeMap<TableName, Sides<TableDescription>> = BTreeMap::new();
    for table in old.tables()? {
        let name = table.info.name.clone();
        tables.entry(name).or_default().0 = Some(table);
    }
    for table in new.tables()? {
        let name = table.info.name.clone();
        tables.entry(name).or_default().1 = Some(table);
    }
    let tables = tables.into_iter().map(|(name, (old, new))| TablePair::of(name, old, new, is_one_source)).collect();
    let (old, new) = (old.database()?, new.database()?);
    Ok(TablesPair { tables, objects: compare_objects(&old.objects, &new.objects), old, new })
}

fn compare_objects(old: &[SchemaObject], new: &[SchemaObject]) -> Vec<ObjectPair> {
    let mut pairs: BTreeMap<(&str, &str), Sides<&SchemaObject>> = BTreeMap::new();
    for object in old {
        pairs.entry((&object.kind, &object.name)).or_default().0 = Some(object);
    }
    for object in new {
        pairs.entry((&object.kind, &object.name)).or_default().1 = Some(object);
    }
    let differ = pairs.into_values().filter(|(old, new)| old != new);
    differ.map(|(old, new)| ObjectPair { old: old.cloned(), new: new.cloned() }).collect()
}

impl TablePair {
    fn of(name: TableName, old: Option<TableDescription>, new: Option<TableDescription>, is_one_source: bool) -> Self {
        let (columns, schema) = match (&old, &new) {
            (Some(old), Some(new)) => {
                let columns = pair_columns(old, new, is_one_source);
                let schema = schema_changes(old, new, &columns);
                (columns, schema)
            }
            (None, Some(new)) => (vec![None; new.info.columns.len()], vec![SchemaChange::TableAdded]),
            _ => (Vec::new(), vec![SchemaChange::TableRemoved]),
        };
        Self { name, old, new, columns, schema }
    }

    /// True when the rows are known to be the same from what is said of both tables: nothing has to be read.
    pub fn has_equal_content(&self) -> bool {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => {
                let in_place = self.columns.iter().enumerate().all(|(at, from)| *from == Some(at));
                old.content_root == new.content_root
                    && old.numbers == new.numbers
                    && in_place
                    && old.info.key == new.info.key
            }
            _ => false,
        }
    }

    /// The name of a column of the table as it is.
    pub fn column_name(&self, column: usize) -> &str {
        let found = self.new.as_ref().and_then(|new| new.info.columns.get(column));
        found.map_or("", |column| column.name.as_str())
    }

    /// Rows before and after.
    pub fn rows(&self) -> (u64, u64) {
        let rows = |table: &Option<TableDescription>| table.as_ref().map_or(0, |table| table.rows);
        (rows(&self.old), rows(&self.new))
    }
}

/// For each column of a table as it is, the position of the same column in the table as it was, both of one source.
pub fn same_columns(old: &TableDescription, new: &TableDescription) -> Vec<Option<usize>> {
    pair_columns(old, new, true)
}

/// By number, but where that would take columns of the same name apart: then numbers began anew in between.
fn pair_columns(old: &TableDescription, new: &TableDescription, is_one_source: bool) -> Vec<Option<usize>> {
    let old_name = |at: usize| old.info.columns[at].name.as_str();
    let at_name = |table: &TableDescription, name: &str| table.info.columns.iter().position(|it| it.name == name);
    let by_name = || new.info.columns.iter().map(|column| at_name(old, &column.name)).collect();
    if !is_one_source {
        return by_name();
    }
    let at_number = |number: &u32| old.numbers.iter().position(|known| known == number);
    let by_number: Vec<Option<usize>> = new.numbers.iter().map(at_number).collect();
    let is_renamed = |old: usize, new_name: &str| old_name(old) != new_name;
    let mut pairs = new.info.columns.iter().zip(&by_number);
    let is_plausible = pairs.all(|(column, from)| match from {
        Some(from) if is_renamed(*from, &column.name) => {
            at_name(new, old_name(*from)).is_none() && at_name(old, &column.name).is_none()
        }
        Some(_) => true,
        None => at_name(old, &column.name).is_none(),
    });
    if is_plausible { by_number } else { by_name() }
}

fn schema_changes(old: &TableDescription, new: &TableDescription, columns: &[Option<usize>]) -> Vec<SchemaChange> {
    let mut changes = Vec::new();
    for (at, column) in old.info.columns.iter().enumerate() {
        if !columns.contains(&Some(at)) {
            changes.push(SchemaChange::ColumnRemoved(column.name.clone()));
        }
    }
    for (column, from) in new.info.columns.iter().zip(columns) {
        let Some(was) = from.and_then(|from| old.info.columns.get(from)) else {
            changes.push(SchemaChange::ColumnAdded(column.name.clone()));
            continue;
        };
        if was.name != column.name {
            changes.push(SchemaChange::ColumnRenamed { old: was.name.clone(), new: column.name.clone() });
        }
        let (before, after) = (declaration(was), declaration(column));
        if before != after {
            changes.push(SchemaChange::ColumnDeclared { column: column.name.clone(), old: before, new: after });
        }
    }
    let mapped: Vec<Option<usize>> = new.info.key.iter().map(|&at| columns.get(at).copied().flatten()).collect();
    if !mapped.iter().copied().eq(old.info.key.iter().map(|&at| Some(at))) {
        changes.push(SchemaChange::KeyChanged { old: key_names(old), new: key_names(new) });
    }
    if changes.is_empty() && old.info.sql != new.info.sql {
        changes.push(SchemaChange::StatementChanged);
    }
    changes
}

fn declaration(column: &datakeep_connector::ColumnInfo) -> String {
    let end = if column.nullable { "" } else { " NOT NULL" };
    format!("{}{end}", column.declared).trim().to_owned()
}

/// The names of a table's key columns, in the order of the key.
pub fn key_names(table: &TableDescription) -> Vec<String> {
    table.info.key.iter().filter_map(|&at| table.info.columns.get(at)).map(|column| column.name.clone()).collect()
}
