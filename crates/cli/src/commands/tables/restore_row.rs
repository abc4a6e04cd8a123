//! `datakeep restore SNAPSHOT:TABLE --key K --merge`: one row into a table that stands.

use super::backup::safe;
use super::cells::{NamedJson, named, show_changed, show_named};
use super::diff::pairs;
use super::rows::missing;
use crate::errors::Failure;
use crate::json;
use crate::open::App;
use crate::progress::Watch;
use crate::words::tr;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{Connector, Options, TableInfo};
use datakeep_distribute::tables::row::{cell_steps, find_written, normalised_key, row_among};
use datakeep_distribute::tables::{Cell, Row, TablesPlan, row_of};
use datakeep_engine::{TablesReader, pour_rows};
use datakeep_model::ExitCode;
use datakeep_process_table::TableDescription;
use datakeep_store::Manifest;
use serde::Serialize;

#[derive(Serialize)]
struct ReportJson<'a> {
    snapshot: String,
    target: &'a str,
    table: String,
    into: String,
    action: &'static str,
    before: Option<Vec<NamedJson<'a>>>,
    after: Vec<NamedJson<'a>>,
    proof: &'static str,
}

/// A row that is put back.
pub struct RowJob<'a> {
    pub connector: &'a dyn Connector,
    pub to: &'a str,
    pub options: &'a Options,
    pub manifest: &'a Manifest,
    pub reader: &'a TablesReader,
    /// A merge of one table.
    pub plan: &'a TablesPlan,
}

impl RowJob<'_> {
    /// Runs it.
    pub fn run(&self, app: &App, parts: &[String], dry_run: bool) -> Result<ExitCode, Failure> {
        let (Some(table), Some(job)) = (self.plan.tables.first(), self.plan.job.tables.first()) else {
            return Err(Failure::usage(tr!("--key needs a table: SNAPSHOT:TABLE", "--key 需要指定表：备份集:表名")));
        };
        if self.plan.tables.len() > 1 {
            return Err(Failure::usage(tr!(
                "--key needs one table: SNAPSHOT:TABLE",
                "--key 需要指定一张表：备份集:表名"
            )));
        }
        let found = find_written(self.reader, table, parts)?.ok_or_else(|| missing(table, parts, self.manifest))?;
        let after = row_of(&found, 0);
        let key: Row = table.info.key.iter().filter_map(|&at| after.get(at).cloned()).collect();
        // What the target would refuse it refuses before anything is compared.
        self.connector.open_table_target(self.to, self.options, true)?.begin(&self.plan.job)?;
        let before = self.standing(table, &job.into, &key)?;
        let mut losses = Vec::new();
        if !dry_run && before.as_ref() != Some(&after) {
            losses = self.write(app, &found)?;
        }
        let stands = if dry_run { None } else { Some(self.standing(table, &job.into, &key)?.as_ref() == Some(&after)) };
        super::restore::tell_losses(app, &losses);
        self.tell(app, table, (before.as_ref(), &after), (stands, dry_run))?;
        Ok(match (stands, losses.is_empty()) {
            (Some(false), _) => ExitCode::INTEGRITY,
            (_, false) => ExitCode::PARTIAL,
            (_, true) => ExitCode::OK,
        })
    }

    fn write(&self, app: &App, row: &RowBatch) -> Result<Vec<String>, Failure> {
        let watch = Watch::new(&app.out);
        let mut target = self.connector.open_table_target(self.to, self.options, false)?;
        let poured = pour_rows(&mut *target, &self.plan.job, row, &app.context(&watch));
        watch.finish();
        Ok(poured?.losses)
    }

    /// The row of this key as it stands in the target: rows up to it are read.
    fn standing(
        &self,
        table: &TableDescription,
        into: &datakeep_connector::TableName,
        key: &[Cell],
    ) -> Result<Option<Row>, Failure> {
        let Some(wanted) = normalised_key(table, key) else { return Ok(None) };
        let mut source = self.connector.open_tables(self.to, self.options)?;
        source.begin()?;
        let catalog = source.catalog()?;
        let Some(standing) = catalog.table(into) else { return Ok(None) };
        let names = |info: &TableInfo| info.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        if names(standing) != names(&table.info) || standing.key != table.info.key {
            // The target says why it cannot be merged.
            return Ok(None);
        }
        let info = TableInfo { name: standing.name.clone(), sql: standing.sql.clone(), ..table.info.clone() };
        let mut rows = source.rows(&info)?;
        while let Some(batch) = rows.next_batch()? {
            match row_among(table, &batch, &wanted) {
                Ok(found) => return Ok(Some(row_of(&found, 0))),
                Err(true) => {}
                Err(false) => return Ok(None),
            }
        }
        Ok(None)
    }

    fn tell(
        &self,
        app: &App,
        table: &TableDescription,
        (before, after): (Option<&Row>, &Row),
        (stands, dry_run): (Option<bool>, bool),
    ) -> Result<(), Failure> {
        let action = match before {
            None => "insert",
            Some(before) if before == after => "keep",
            Some(_) => "update",
        };
        let into = self.plan.job.tables.first().map(|job| job.into.to_string()).unwrap_or_default();
        if app.out.json {
            let proof = match stands {
                None => "none",
                Some(true) => "proven",
                Some(false) => "different",
            };
            let body = ReportJson {
                snapshot: self.manifest.snapshot.id.to_hex(),
                target: self.to,
                table: table.info.name.to_string(),
                into,
                action,
                before: before.map(|row| named(pairs(table, row))),
                after: named(pairs(table, after)),
                proof,
            };
            let kind = if dry_run { "restore-row-plan" } else { "restore-row" };
            return app.out.document(&json::document(kind, body));
        }
        app.out.line(line(&safe(&into), table, before, after))?;
        match stands {
            None => app.out.line(tr!("nothing was written (--dry-run)", "未写入任何内容（--dry-run）")),
            Some(true) => app.out.say(tr!("proven: the row stands as it was captured", "已证明：该行与备份时完全一致")),
            Some(false) => {
                app.out.warn(tr!("the row does NOT stand as it was captured", "该行与备份时不一致"));
                Ok(())
            }
        }
    }
}

fn line(into: &str, table: &TableDescription, before: Option<&Row>, after: &Row) -> String {
    let owned = |row: &Row| pairs(table, row).map(|(name, cell)| (name.to_owned(), cell.clone())).collect::<Vec<_>>();
    match before {
        None => format!("+  {into}  {}", show_named(pairs(table, after))),
        Some(before) if before == after => format!("=  {into}  {}", show_named(pairs(table, after))),
        Some(before) => {
            let steps = cell_steps(&owned(before), &owned(after));
            let steps: Vec<String> =
                steps.iter().map(|step| show_changed(&step.column, &step.before, &step.after)).collect();
            format!("M  {into}  {}", steps.join(", "))
        }
    }
}
