//! `datakeep ls` of a snapshot of tables.

use super::backup::safe;
use super::reader;
use super::show::{TableJson, column_rows};
use crate::errors::Failure;
use crate::open::App;
use crate::out::table;
use crate::words::tr;
use crate::{json, sizes};
use datakeep_distribute::tables::find_table;
use datakeep_model::ExitCode;
use datakeep_process_table::TableDescription;
use datakeep_store::{Manifest, Repository};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Listing {
    snapshot: String,
    items: u64,
}

/// Lists tables, or the columns of one.
pub fn run(
    app: &App,
    repository: Arc<Repository>,
    manifest: &Manifest,
    within: Option<&str>,
    long: bool,
) -> Result<ExitCode, Failure> {
    let reader = reader(repository, manifest)?;
    let tables = reader.tables()?;
    let one = within.map(|name| find_table(&tables, name)).transpose()?;
    let shown: Vec<&TableDescription> = one.map_or_else(|| tables.iter().collect(), |one| vec![one]);
    if app.out.json {
        for table in &shown {
            let statistics = reader.statistics(&table.info.name)?;
            app.out.document(&json::document("table", TableJson::of(table, &statistics, manifest.snapshot.parent)))?;
        }
        let (snapshot, items) = (manifest.snapshot.id.to_hex(), shown.len() as u64);
        app.out.document(&json::document("ls", Listing { snapshot, items }))?;
        return Ok(ExitCode::OK);
    }
    let rows: Vec<Vec<String>> = match one {
        Some(one) => column_rows(one, &reader.statistics(&one.info.name)?),
        None if long => tables.iter().map(long_row).collect(),
        None => tables.iter().map(|table| vec![safe(&table.info.name.to_string())]).collect(),
    };
    let right: &[usize] = match one {
        Some(_) => &[3, 4],
        None if long => &[1, 2],
        None => &[],
    };
    table(&rows, right).iter().try_for_each(|line| app.out.line(line))?;
    Ok(ExitCode::OK)
}

fn long_row(table: &TableDescription) -> Vec<String> {
    let (rows, columns) = (sizes::count(table.rows), sizes::count(table.info.columns.len() as u64));
    vec![
        safe(&table.info.name.to_string()),
        tr!("{rows} rows", "{rows} 行"),
        tr!("{columns} columns", "{columns} 列"),
        json::hex(&table.content_root[..6]),
    ]
}
