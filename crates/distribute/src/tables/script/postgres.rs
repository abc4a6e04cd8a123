//! The rows in which two snapshots of a PostgreSQL database differ, as statements.
//!
//! ```text
//! BEGIN ─> per table: delete, update, insert ─> does every statement count one row? ─> COMMIT, or an error and nothing
//! ```
//!
//! Each statement writes the number of rows that it changed into a temporary table; before COMMIT a block raises an error
//! unless each of them is one. PostgreSQL lets nothing of a transaction stand in which something failed (manual, 3.4), so a
//! script works as a whole or not at all, whatever program runs it.
//!
//! Schemas are not changed: tables whose columns differ are left out by name.

use super::{Heading, Script, Write};
use crate::error::DistributeError;
use crate::tables::cell::{Cell, row_of};
use crate::tables::diff::{CellChange, RowChange, TableDiff};
use crate::tables::row::find_row;
use crate::tables::schema::TablePair;
use crate::tables::text::{hex, identifier, shown};
use arrow_schema::DataType;
use datakeep_connector::{ColumnInfo, SchemaObject, TableInfo, TableName};
use datakeep_model::escape_for_terminal;

const EXPLAINED: &str = "\
-- Run it on a database that is in the first state; it makes the second, in one transaction. When a statement fails or a row
-- is not as it was in the first state, an error before COMMIT takes everything back.
-- Rows are put exactly as they were captured: triggers, rules and the checks of foreign keys are off meanwhile where there
-- are any, which only a superuser may ask for, or who was granted SET on session_replication_role.";

/// Under these settings values are read as they were written when they were captured.
const SETTINGS: &str = "\
SET LOCAL standard_conforming_strings = on;
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL timezone = 'UTC';
SET LOCAL extra_float_digits = 3;
SET LOCAL bytea_output = 'hex';
SET LOCAL xmloption = content;
SET LOCAL search_path = '';
SET LOCAL row_security = off;
SET LOCAL client_encoding = 'UTF8';
SET CONSTRAINTS ALL DEFERRED;
CREATE TEMPORARY TABLE datakeep(changed bigint NOT NULL) ON COMMIT DROP;";

/// Kinds of objects that do something when rows change.
const ACTING: [&str; 3] = ["trigger", "rule", "fk constraint"];

/// One table that both snapshots have with the same columns.
struct Rows<'a> {
    pair: &'a TablePair,
    info: &'a TableInfo,
    /// For each column, whether its values may have to differ from row to row.
    is_unique: Vec<bool>,
}

/// Writes the script.
pub(super) fn write<E: From<DistributeError>>(
    script: &Script<'_>,
    heading: Heading<'_>,
    write: Write<'_, E>,
) -> Result<(), E> {
    let (tables, left_out) = plan(script);
    write(&comment(&format!("From {} to {}, by Datakeep.", heading.from, heading.to)))?;
    write(EXPLAINED)?;
    left_out.iter().try_for_each(|sentence| write(&comment(&format!("Left out: {sentence}"))))?;
    write("BEGIN;")?;
    write(SETTINGS)?;
    let objects = || script.pair.old.objects.iter().chain(&script.pair.new.objects);
    if objects().any(|object| ACTING.contains(&object.kind.to_ascii_lowercase().as_str())) {
        write("SET LOCAL session_replication_role = replica;")?;
    }
    let mut statements = 0u64;
    for table in &tables {
        table.write(script, &mut |statement| {
            statements += 1;
            write(&counted(&statement))
        })?;
    }
    write(&format!(
        "DO $datakeep$ BEGIN\n  IF (SELECT count(*) FROM pg_temp.datakeep WHERE changed = 1) <> {statements} THEN\n    \
         RAISE EXCEPTION 'nothing was changed: a row is not as it was in the first state';\n  END IF;\nEND $datakeep$;\nCOMMIT;"
    ))
}

fn comment(text: &str) -> String {
    format!("-- {}", escape_for_terminal(text.as_bytes()))
}

/// A statement whose rows are counted.
fn counted(statement: &str) -> String {
    format!("WITH c AS ({statement} RETURNING 1) INSERT INTO pg_temp.datakeep SELECT count(*) FROM c;")
}

/// The tables of which rows can be written, and what cannot.
fn plan<'a>(script: &Script<'a>) -> (Vec<Rows<'a>>, Vec<String>) {
    let (mut tables, mut left_out) = (Vec::new(), Vec::new());
    let asked = |pair: &&TablePair| script.only.is_none_or(|only| *only == pair.name);
    for pair in script.pair.tables.iter().filter(asked) {
        match (&pair.old, &pair.new) {
            (Some(old), Some(new)) if has_same_columns(&old.info, &new.info) => {
                let is_unique = unique_columns(script, &new.info);
                tables.push(Rows { pair, info: &new.info, is_unique });
            }
            (Some(_), Some(_)) => left_out.push(format!("table {}: its columns or its key are others", pair.name)),
            (None, _) => left_out.push(format!("table {}, which the first state does not have", pair.name)),
            (_, None) => left_out.push(format!("table {}, which the second state does not have", pair.name)),
        }
    }
    if script.only.is_none() {
        let named = |object: &SchemaObject| format!("{} {}", object.kind.to_lowercase(), object.name);
        let differing = script.pair.objects.iter().filter_map(|pair| pair.new.as_ref().or(pair.old.as_ref()));
        left_out.extend(differing.map(|object| format!("{}, which differs", named(object))));
    }
    (tables, left_out)
}

fn has_same_columns(old: &TableInfo, new: &TableInfo) -> bool {
    let said = |table: &TableInfo| -> Vec<(String, String)> {
        table.columns.iter().map(|column| (column.name.clone(), column.declared.clone())).collect()
    };
    said(old) == said(new) && old.key == new.key
}

/// Columns that stand in something that makes rows differ, beside the key: as far as names tell, more rather than fewer.
fn unique_columns(script: &Script<'_>, table: &TableInfo) -> Vec<bool> {
    let objects = script.pair.old.objects.iter().chain(&script.pair.new.objects);
    let makes_differ = |object: &&SchemaObject| {
        let sql = object.sql.to_ascii_uppercase();
        let is_here = object.table == table.name.table || object.sql.contains(&table.name.table);
        is_here && ["UNIQUE", "PRIMARY KEY", "EXCLUDE"].iter().any(|word| sql.contains(word))
    };
    let statements: Vec<&str> = objects.filter(makes_differ).map(|object| object.sql.as_str()).collect();
    // An index may be of an expression of generated columns, which are not captured and so not known by name.
    let is_in = |column: &ColumnInfo| statements.iter().any(|sql| sql.contains(&column.name) || sql.contains("(("));
    table.columns.iter().map(is_in).collect()
}

impl Rows<'_> {
    /// All deletions, then the rest; a row of which something changes that may have to be unique is deleted and inserted again,
    /// since two such rows may exchange their values.
    fn write<E: From<DistributeError>>(
        &self,
        script: &Script<'_>,
        statement: &mut dyn FnMut(String) -> Result<(), E>,
    ) -> Result<(), E> {
        let diff = TableDiff::new(script.old, script.new, self.pair).until(script.cancel);
        let may_clash = |cells: &[CellChange]| cells.iter().any(|cell| self.is_unique.get(cell.column) == Some(&true));
        diff.rows::<E>(&mut |change| match change {
            RowChange::Deleted(row) => {
                let was: Vec<_> = row.iter().enumerate().collect();
                statement(self.delete(&was)?)
            }
            RowChange::Updated { key, cells } if may_clash(&cells) => statement(self.delete(&self.was(&key, &cells))?),
            _ => Ok(()),
        })?;
        diff.rows::<E>(&mut |change| match change {
            RowChange::Inserted(row) => statement(self.insert(&row)?),
            RowChange::Updated { key, cells } if may_clash(&cells) => {
                let Some(described) = &self.pair.new else { return Ok(()) };
                match find_row(script.new, described, &key)? {
                    Some(rows) => statement(self.insert(&row_of(&rows, 0))?),
                    None => Ok(()),
                }
            }
            RowChange::Updated { key, cells } => statement(self.update(&key, &cells)?),
            RowChange::Deleted(_) => Ok(()),
        })?;
        Ok(())
    }

    /// The key, and the cells that differ as they were.
    fn was<'r>(&'r self, key: &'r [Cell], cells: &'r [CellChange]) -> Vec<(usize, &'r Cell)> {
        let changed = cells.iter().map(|cell| (cell.column, &cell.before));
        self.info.key.iter().copied().zip(key).chain(changed).collect()
    }

    fn name(&self) -> String {
        qualified(&self.info.name)
    }

    fn column(&self, at: usize) -> Result<&ColumnInfo, DistributeError> {
        let message = || format!("table {} has no column {at}", self.info.name);
        self.info.columns.get(at).ok_or_else(|| DistributeError::Usage { message: message(), hint: None })
    }

    fn condition(&self, was: &[(usize, &Cell)]) -> Result<String, DistributeError> {
        let one = |(at, cell): &(usize, &Cell)| {
            let column = self.column(*at)?;
            let value = literal(column, cell)?;
            let name = identifier(&column.name);
            Ok(match (cell.is_null(), is_compared_as_text(column)) {
                (true, _) => format!("{name} IS NULL"),
                (_, true) => format!("{name}::text COLLATE \"C\" = {}", text(cell)?),
                _ => format!("{name} = {value}"),
            })
        };
        let parts: Vec<String> = was.iter().map(one).collect::<Result<_, DistributeError>>()?;
        Ok(parts.join(" AND "))
    }

    fn delete(&self, was: &[(usize, &Cell)]) -> Result<String, DistributeError> {
        let (name, condition) = (self.name(), self.condition(was)?);
        if self.info.key.is_empty() {
            // Of rows that are equal in everything one goes.
            let one = format!("SELECT ctid FROM ONLY {name} WHERE {condition} LIMIT 1");
            return Ok(format!("DELETE FROM ONLY {name} WHERE ctid = ({one})"));
        }
        Ok(format!("DELETE FROM ONLY {name} WHERE {condition}"))
    }

    fn update(&self, key: &[Cell], cells: &[CellChange]) -> Result<String, DistributeError> {
        let set = |cell: &CellChange| {
            let column = self.column(cell.column)?;
            Ok(format!("{} = {}", identifier(&column.name), literal(column, &cell.after)?))
        };
        let sets: Vec<String> = cells.iter().map(set).collect::<Result<_, DistributeError>>()?;
        let condition = self.condition(&self.was(key, cells))?;
        Ok(format!("UPDATE ONLY {} SET {} WHERE {condition}", self.name(), sets.join(", ")))
    }

    fn insert(&self, row: &[Cell]) -> Result<String, DistributeError> {
        let columns: Vec<String> = self.info.columns.iter().map(|column| identifier(&column.name)).collect();
        let value = |(column, cell)| literal(column, cell);
        let values: Vec<String> = self.info.columns.iter().zip(row).map(value).collect::<Result<_, _>>()?;
        let (name, columns, values) = (self.name(), columns.join(", "), values.join(", "));
        match row.is_empty() {
            true => Ok(format!("INSERT INTO {name} DEFAULT VALUES")),
            false => Ok(format!("INSERT INTO {name}({columns}) OVERRIDING SYSTEM VALUE VALUES ({values})")),
        }
    }
}

fn qualified(name: &TableName) -> String {
    format!("{}.{}", identifier(&name.schema), identifier(&name.table))
}

/// True where a type may have no equality, or one that takes different texts for the same. Texts of `character(n)` lose their
/// blanks when they become `text`, and are compared as they are.
fn is_compared_as_text(column: &ColumnInfo) -> bool {
    let is_padded = column.declared.starts_with("character(") || column.declared.starts_with("bpchar");
    column.data_type == DataType::Utf8 && !is_padded
}

/// A cell as an expression of its column's type.
fn literal(column: &ColumnInfo, cell: &Cell) -> Result<String, DistributeError> {
    if cell.is_null() {
        return Ok("NULL".to_owned());
    }
    let value = match (cell, &column.data_type) {
        (Cell::Blob(bytes), DataType::FixedSizeBinary(_)) => format!("'{}'", hex(bytes)),
        _ => text(cell)?,
    };
    Ok(if column.declared.is_empty() { value } else { format!("{value}::{}", column.declared) })
}

/// The text that PostgreSQL reads as exactly this value, as a literal.
fn text(cell: &Cell) -> Result<String, DistributeError> {
    let said = match cell {
        Cell::Bool(truth) => truth.to_string(),
        Cell::Integer(number) => number.to_string(),
        Cell::Unsigned(number) => number.to_string(),
        Cell::Real(number) if number.is_nan() => "NaN".to_owned(),
        Cell::Real(number) if number.is_infinite() => if *number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        Cell::Real(number) => format!("{number:?}"),
        Cell::Text(said) => said.clone(),
        Cell::Written(said) => moment(said),
        Cell::Blob(bytes) => format!(r"\x{}", hex(bytes)),
        Cell::Null | Cell::RawText(_) | Cell::WideText(_) | Cell::Unknown { .. } => {
            return Err(DistributeError::Usage {
                message: format!("PostgreSQL has no literal for {}", shown(cell)),
                hint: Some("print the difference as JSON instead: --json".to_owned()),
            });
        }
    };
    Ok(format!("'{}'", said.replace('\'', "''")))
}

/// A date or an instant as ISO 8601 writes it, in PostgreSQL's words: years before the first are years BC.
fn moment(said: &str) -> String {
    let (sign, rest) = match said.as_bytes().first() {
        Some(b'-') => (-1, &said[1..]),
        Some(b'+') => (1, &said[1..]),
        _ => (1, said),
    };
    let Some((year, behind)) = rest.split_once('-') else { return said.to_owned() };
    let Ok(year) = year.parse::<i64>() else { return said.to_owned() };
    let behind = behind.replacen('T', " ", 1);
    match sign * year {
        year if year > 0 => format!("{year:04}-{behind}"),
        year => format!("{:04}-{behind} BC", 1 - year),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(declared: &str, data_type: DataType) -> ColumnInfo {
        ColumnInfo { name: "c".into(), declared: declared.into(), data_type, nullable: true, hidden: false }
    }

    #[test]
    fn moments_are_said_as_postgresql_reads_them() {
        for (said, expected) in [
            ("2026-01-31", "2026-01-31"),
            ("+10000-01-01", "10000-01-01"),
            ("0000-03-15", "0001-03-15 BC"),
            ("-0043-03-15", "0044-03-15 BC"),
            ("2026-01-31T18:00:00.250Z", "2026-01-31 18:00:00.250Z"),
            ("-0043-03-15T01:00:00Z", "0044-03-15 01:00:00Z BC"),
            ("-12.50", "-12.50"),
            ("18:00:00", "18:00:00"),
        ] {
            assert_eq!(moment(said), expected, "{said}");
        }
    }

    #[test]
    fn values_are_literals_of_their_type() {
        let real = column("real", DataType::Float32);
        assert_eq!(literal(&real, &Cell::Real(f64::from(0.1f32))).ok().as_deref(), Some("'0.10000000149011612'::real"));
        assert_eq!(literal(&real, &Cell::Real(f64::NEG_INFINITY)).ok().as_deref(), Some("'-Infinity'::real"));
        let said = column("text", DataType::Utf8);
        assert_eq!(literal(&said, &Cell::Text("it's \\ so".into())).ok().as_deref(), Some("'it''s \\ so'::text"));
        assert_eq!(literal(&said, &Cell::Null).ok().as_deref(), Some("NULL"));
        assert!(literal(&said, &Cell::RawText(vec![0xff])).is_err());
        let uuid = column("uuid", DataType::FixedSizeBinary(2));
        assert_eq!(literal(&uuid, &Cell::Blob(vec![1, 255])).ok().as_deref(), Some("'01ff'::uuid"));
        let bytes = column("bytea", DataType::Binary);
        assert_eq!(literal(&bytes, &Cell::Blob(vec![0, 255])).ok().as_deref(), Some(r"'\x00ff'::bytea"));
    }
}
