//! Beginning and end of a script, and what it does to schemas.

use super::plan::{Plan, TableFate, is_own};
use super::{Heading, Script, Write, terminated};
use crate::error::DistributeError;
use crate::tables::schema::TablePair;
use crate::tables::text::identifier;
use datakeep_connector::{Note, TableInfo};

/// The name of a table while it is rebuilt.
const ASIDE: &str = "datakeep table that is rebuilt";

const EXPLAINED: &str = "\
-- Run it on a database that is in the first state; it makes the second, in one transaction.
-- Foreign keys and checks are off meanwhile: rows are put exactly as they were captured, and a row that is deleted
-- here takes no other with it. `PRAGMA foreign_keys` only works outside of a transaction; inside of one, run what is
-- between BEGIN and COMMIT: defer_foreign_keys then delays the check to the end, but actions such as ON DELETE CASCADE run.
-- Switch foreign keys on again afterwards if your connection uses them: PRAGMA foreign_keys=ON;";

fn setting<'n>(notes: &'n [Note], name: &str) -> Option<&'n str> {
    notes.iter().find(|note| note.name == name).and_then(|note| std::str::from_utf8(&note.value).ok())
}

fn comment(text: &str) -> String {
    format!("-- {}", text.replace(['\n', '\r'], " "))
}

impl Script<'_> {
    pub(super) fn write_head<E>(&self, heading: Heading<'_>, plan: &Plan<'_>, write: Write<'_, E>) -> Result<(), E> {
        write(&comment(&format!("From {} to {}, by Datakeep.", heading.from, heading.to)))?;
        write(EXPLAINED)?;
        for sentence in &plan.left_out {
            write(&comment(&format!("Left out: {sentence}")))?;
        }
        let differs = |name: &str| setting(&self.pair.old.settings, name) != setting(&self.pair.new.settings, name);
        for name in ["encoding", "page-size", "auto-vacuum", "journal-mode"].into_iter().filter(|name| differs(name)) {
            write(&comment(&format!("Left out: the setting {name}")))?;
        }
        write("PRAGMA foreign_keys=OFF;\nPRAGMA ignore_check_constraints=ON;\nPRAGMA legacy_alter_table=ON;")?;
        write("BEGIN IMMEDIATE;\nPRAGMA defer_foreign_keys=ON;")
    }

    pub(super) fn write_tail<E>(&self, write: Write<'_, E>) -> Result<(), E> {
        if self.only.is_none() {
            for (name, pragma) in [("user-version", "user_version"), ("application-id", "application_id")] {
                let (old, new) = (setting(&self.pair.old.settings, name), setting(&self.pair.new.settings, name));
                if let Some(new) = new.filter(|new| old != Some(new) && new.parse::<i64>().is_ok()) {
                    write(&format!("PRAGMA {pragma}={new};"))?;
                }
            }
        }
        write("COMMIT;\nPRAGMA legacy_alter_table=OFF;\nPRAGMA ignore_check_constraints=OFF;")
    }

    pub(super) fn write_table_schema<E: From<DistributeError>>(
        &self,
        table: &TablePair,
        fate: TableFate,
        write: Write<'_, E>,
    ) -> Result<(), E> {
        let name = identifier(&table.name.table);
        let Some(new) = &table.new else { return write(&format!("DROP TABLE {name};")) };
        match fate {
            TableFate::Make if !is_own(&table.name.table) => write(&terminated(&new.info.sql)),
            TableFate::Remake => {
                write(&format!("DROP TABLE {name};"))?;
                write(&terminated(&new.info.sql))
            }
            TableFate::Rebuild => {
                let aside = identifier(ASIDE);
                write(&format!("ALTER TABLE {name} RENAME TO {aside};"))?;
                write(&terminated(&new.info.sql))?;
                if let Some(old) = &table.old {
                    write(&taken_over(table, &old.info, &new.info, &name, &aside))?;
                }
                write(&format!("DROP TABLE {aside};"))
            }
            _ => Ok(()),
        }
    }
}

/// The statement that fills a table with the columns that stay; those that are new are null, whatever their default.
fn taken_over(table: &TablePair, old: &TableInfo, new: &TableInfo, name: &str, aside: &str) -> String {
    let into: Vec<String> = new.columns.iter().map(|column| identifier(&column.name)).collect();
    let from = table.columns.iter().map(|from| match from.and_then(|from| old.columns.get(from)) {
        Some(column) => identifier(&column.name),
        None => "NULL".to_owned(),
    });
    let from: Vec<String> = from.collect();
    format!("INSERT INTO {name}({}) SELECT {} FROM {aside};", into.join(", "), from.join(", "))
}
