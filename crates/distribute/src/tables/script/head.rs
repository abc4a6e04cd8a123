//! Beginning and end of a script, and what it does to schemas.

use super::output::{IS_ON, Output, has_rows, is_gone, stands};
use super::plan::{Plan, TableFate, is_own};
use super::statement::Statement;
use super::{Heading, Script};
use crate::error::DistributeError;
use crate::tables::schema::TablePair;
use crate::tables::text::identifier;
use datakeep_connector::{Note, TableInfo};
use datakeep_model::escape_for_terminal;
use datakeep_process_table::TableDescription;

/// The name of a table while it is rebuilt.
const ASIDE: &str = "datakeep table that is rebuilt";

const EXPLAINED: &str = "\
-- Run it on a database that is in the first state; it makes the second, in one transaction. When a statement fails or a row
-- is not as it was in the first state, the statement before COMMIT fails and takes everything back. `sqlite3 -bail` tells
-- the first error alone.
-- Foreign keys and checks are off meanwhile: rows are put exactly as they were captured, and a row that is deleted
-- here takes no other with it. `PRAGMA foreign_keys` only works outside of a transaction; inside of one, run what is
-- between BEGIN and COMMIT: defer_foreign_keys then delays the check to the end, but actions such as ON DELETE CASCADE run.
-- Switch foreign keys on again afterwards if your connection uses them: PRAGMA foreign_keys=ON;";

fn setting<'n>(notes: &'n [Note], name: &str) -> Option<&'n str> {
    notes.iter().find(|note| note.name == name).and_then(|note| std::str::from_utf8(&note.value).ok())
}

fn comment(text: &str) -> String {
    format!("-- {}", escape_for_terminal(text.as_bytes()))
}

impl Script<'_> {
    pub(super) fn write_head<E: From<DistributeError>>(
        &self,
        heading: Heading<'_>,
        plan: &Plan<'_>,
        output: &mut Output<'_, E>,
    ) -> Result<(), E> {
        output.text(&comment(&format!("From {} to {}, by Datakeep.", heading.from, heading.to)))?;
        output.text(EXPLAINED)?;
        for sentence in &plan.left_out {
            output.text(&comment(&format!("Left out: {sentence}")))?;
        }
        let differs = |name: &str| setting(&self.pair.old.settings, name) != setting(&self.pair.new.settings, name);
        for name in ["encoding", "page-size", "auto-vacuum", "journal-mode"].into_iter().filter(|name| differs(name)) {
            output.text(&comment(&format!("Left out: the setting {name}")))?;
        }
        output.text("PRAGMA foreign_keys=OFF;\nPRAGMA ignore_check_constraints=ON;\nPRAGMA legacy_alter_table=ON;")?;
        // Where it cannot begin, the savepoint begins one.
        output.text("BEGIN IMMEDIATE;\nPRAGMA defer_foreign_keys=ON;\nSAVEPOINT datakeep;")?;
        output.begin()
    }

    pub(super) fn write_tail<E: From<DistributeError>>(&self, output: &mut Output<'_, E>) -> Result<(), E> {
        if self.only.is_none() {
            for (name, pragma) in [("user-version", "user_version"), ("application-id", "application_id")] {
                let (old, new) = (setting(&self.pair.old.settings, name), setting(&self.pair.new.settings, name));
                let number = new.filter(|new| old != Some(new)).and_then(|new| new.parse::<i64>().ok());
                if let Some(new) = number {
                    output.schema(&format!("PRAGMA {pragma}={new};"))?;
                    output.prove(&format!("(SELECT {pragma} FROM pragma_{pragma}) = {new}"))?;
                }
            }
        }
        output.end()?;
        output.text("COMMIT;\nPRAGMA legacy_alter_table=OFF;\nPRAGMA ignore_check_constraints=OFF;")
    }

    pub(super) fn write_table_schema<E: From<DistributeError>>(
        &self,
        table: &TablePair,
        fate: TableFate,
        output: &mut Output<'_, E>,
    ) -> Result<(), E> {
        let plain = &table.name.table;
        let name = main(plain);
        let is_as_it_was = table.old.as_ref().map(|old| has_rows(plain, old.rows));
        let Some(new) = &table.new else {
            output.prove(is_as_it_was.as_deref().unwrap_or("1"))?;
            output.schema(&format!("DROP TABLE {name};"))?;
            return output.prove(&is_gone("table", plain));
        };
        match fate {
            TableFate::Make if !is_own(plain) => make(new, output),
            TableFate::Remake => {
                output.prove(is_as_it_was.as_deref().unwrap_or("1"))?;
                output.schema(&format!("DROP TABLE {name};"))?;
                make(new, output)
            }
            TableFate::Rebuild => {
                output.prove(is_as_it_was.as_deref().unwrap_or("1"))?;
                output.schema(&format!("ALTER TABLE {name} RENAME TO {};", identifier(ASIDE)))?;
                make(new, output)?;
                if let (Some(old), Some(is_whole)) = (&table.old, &is_as_it_was) {
                    output.text(&taken_over(table, &old.info, &new.info))?;
                    output.prove_anew(is_whole)?;
                }
                output.schema(&format!("DROP TABLE {};", main(ASIDE)))?;
                output.prove(&is_gone("table", ASIDE))
            }
            _ => Ok(()),
        }
    }
}

/// A table of the database itself, whatever other tables of the name a connection has.
pub(super) fn main(table: &str) -> String {
    format!("main.{}", identifier(table))
}

/// Makes a table of a statement that the plan has read before.
fn make<E: From<DistributeError>>(table: &TableDescription, output: &mut Output<'_, E>) -> Result<(), E> {
    let statement = Statement::read("table", &table.info.sql).map_err(|why| DistributeError::Usage {
        message: format!("cannot print the statement of table {}: {why}", table.info.name),
        hint: Some("print the difference as JSON instead: --json".to_owned()),
    })?;
    output.prove(&is_gone("table", &table.info.name.table))?;
    output.schema(&statement.terminated())?;
    output.prove(&stands(statement.kind, &table.info.name.table, statement.body))
}

/// The statement that fills a table with the columns that stay; those that are new are null, whatever their default.
fn taken_over(table: &TablePair, old: &TableInfo, new: &TableInfo) -> String {
    let into: Vec<String> = new.columns.iter().map(|column| identifier(&column.name)).collect();
    let from = table.columns.iter().map(|from| match from.and_then(|from| old.columns.get(from)) {
        Some(column) => identifier(&column.name),
        None => "NULL".to_owned(),
    });
    let (from, name): (Vec<String>, _) = (from.collect(), main(&table.name.table));
    let (into, from) = (into.join(", "), from.join(", "));
    format!("INSERT OR ABORT INTO {name}({into}) SELECT {from} FROM {} WHERE {IS_ON};", main(ASIDE))
}
