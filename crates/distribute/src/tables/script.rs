//! The difference of two snapshots of a database as the statements that turn one into the other: here for SQLite, in
//! [`postgres`] for PostgreSQL.
//!
//! ```text
//! drop objects ─> rebuild or drop tables ─> make tables ─> delete, update, insert rows ─> SQLite's own tables ─> make objects
//! ```
//!
//! Rows are put exactly as they were captured: foreign keys and checks are off meanwhile, triggers of tables that change are
//! dropped before and made again afterwards from the statements that were captured. A table of another schema is made anew
//! from its statement and filled with the columns that stay. Per table all deletions come first, so that what is unique is
//! free for others. A row is changed only where it is as it was ([`rows`]), and a script that does not do all of this does
//! nothing ([`output`]). Statements of a schema that are not what they seem are left out ([`statement`]).

mod head;
mod output;
mod plan;
mod postgres;
mod rows;
mod shadow;
mod statement;

use super::cell::Cell;
use super::schema::TablesPair;
use super::text::{TextEncoding, literal};
use crate::error::DistributeError;
use datakeep_connector::{Cancel, TableName};
use datakeep_engine::TablesReader;
use output::{Output, is_gone, stands};
use plan::{Plan, TableFate};

/// Writes one piece of a script, a whole line or more without the last line's end.
pub type Write<'w, E> = &'w mut dyn FnMut(&str) -> Result<(), E>;

/// Whose statements are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    fn of(old: &TablesReader, new: &TablesReader) -> Result<Self, DistributeError> {
        let [was, is] = [old, new].map(|reader| &reader.manifest().snapshot.source);
        match (was.kind.as_str(), is.kind.as_str()) {
            ("sqlite", "sqlite") => Ok(Self::Sqlite),
            ("postgres", "postgres") => Ok(Self::Postgres),
            (was_kind, kind) => {
                let (name, kind) = if kind == was_kind { (&is.name, kind) } else { (&was.name, was_kind) };
                let message = if was_kind == is.kind {
                    format!("statements are made for SQLite and PostgreSQL; source {name} is of kind {kind}")
                } else {
                    format!("statements turn a database into one of its own kind; source {name} is of kind {kind}")
                };
                let hint = Some("print the difference as JSON instead: --json".to_owned());
                Err(DistributeError::Usage { message, hint })
            }
        }
    }
}

/// Two states of a database, ready to be written as a script.
pub struct Script<'a> {
    old: &'a TablesReader,
    new: &'a TablesReader,
    pair: &'a TablesPair,
    /// Only this table, if any; its own objects belong to it.
    only: Option<&'a TableName>,
    dialect: Dialect,
    encoding: TextEncoding,
    cancel: Option<&'a Cancel>,
}

/// What a script is for, told in its first lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heading<'h> {
    /// The state it is to be run on.
    pub from: &'h str,
    /// The state it makes.
    pub to: &'h str,
}

impl<'a> Script<'a> {
    /// `pair` is of the same two readers. The script turns `old` into `new`; `only`: nothing but the table of this name.
    pub fn new(
        old: &'a TablesReader,
        new: &'a TablesReader,
        pair: &'a TablesPair,
        only: Option<&'a TableName>,
    ) -> Result<Self, DistributeError> {
        let dialect = Dialect::of(old, new)?;
        let setting = pair.old.settings.iter().find(|note| note.name == "encoding");
        let encoding = setting.and_then(|note| std::str::from_utf8(&note.value).ok());
        let encoding = encoding.map(TextEncoding::of_pragma).unwrap_or_default();
        Ok(Self { old, new, pair, only, dialect, encoding, cancel: None })
    }

    /// The same, whose writing ends with [`DistributeError::Cancelled`] soon after `cancel` says so.
    #[must_use]
    pub fn until(self, cancel: &'a Cancel) -> Self {
        Self { cancel: Some(cancel), ..self }
    }

    /// Writes it. Rows are read as they are written: memory does not grow with the difference.
    pub fn write<E: From<DistributeError>>(&self, heading: Heading<'_>, write: Write<'_, E>) -> Result<(), E> {
        if self.dialect == Dialect::Postgres {
            return postgres::write(self, heading, write);
        }
        let plan = Plan::of(self)?;
        let output = &mut Output::new(write);
        self.write_head(heading, &plan, output)?;
        for (kind, object) in plan.dropped.iter().rev() {
            output.prove(&format!("NOT {}", is_gone(kind, &object.name)))?;
            output.schema(&format!("DROP {kind} {};", head::main(&object.name)))?;
            output.prove(&is_gone(kind, &object.name))?;
        }
        for (table, fate) in &plan.tables {
            self.write_table_schema(table, *fate, output)?;
        }
        for (table, fate) in plan.tables.iter().filter(|(table, _)| !plan::is_own(&table.name.table)) {
            self.write_rows(table, *fate, output)?;
        }
        for (table, fate) in plan.tables.iter().filter(|(table, _)| plan::is_own(&table.name.table)) {
            self.write_rows(table, *fate, output)?;
        }
        for (statement, object) in &plan.made {
            output.prove(&is_gone(statement.kind, &object.name))?;
            output.schema(&statement.terminated())?;
            output.prove(&stands(statement.kind, &object.name, statement.body))?;
        }
        self.write_tail(output)
    }

    fn value(&self, cell: &Cell) -> Result<String, DistributeError> {
        literal(cell, self.encoding).ok_or_else(|| DistributeError::Usage {
            message: format!("SQLite has no literal for {} in this database", super::text::shown(cell)),
            hint: Some("print the difference as JSON instead: --json".to_owned()),
        })
    }

    /// True when every row of the table is put anew.
    fn is_made_anew(fate: TableFate) -> bool {
        matches!(fate, TableFate::Make | TableFate::Remake | TableFate::Refill)
    }
}
