//! `datakeep ls` of a snapshot of tables.

use super::backup::safe;
use super::reader;
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
struct TableJson<'a> {
    schema: &'a str,
    table: &'a str,
    rows: u64,
    groups: u64,
    content_root: String,
    columns: Vec<ColumnJson<'a>>,
}

#[derive(Serialize)]
struct ColumnJson<'a> {
    name: &'a str,
    declared: &'a str,
    stored_as: String,
    nullable: bool,
    hidden: bool,
    key: bool,
}

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
            app.out.document(&json::document("table", TableJson::of(table)))?;
        }
        let (snapshot, items) = (manifest.snapshot.id.to_hex(), shown.len() as u64);
        app.out.document(&json::document("ls", Listing { snapshot, items }))?;
        return Ok(ExitCode::OK);
    }
    let rows: Vec<Vec<String>> = match one {
        Some(one) => column_rows(one),
        None if long => tables.iter().map(long_row).collect(),
        None => tables.iter().map(|table| vec![safe(&table.info.name.to_string())]).collect(),
    };
    let right: &[usize] = if one.is_none() && long { &[1, 2] } else { &[] };
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

fn column_rows(table: &TableDescription) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (at, column) in table.info.columns.iter().enumerate() {
        let mut marks = Vec::new();
        if table.info.key.contains(&at) {
            marks.push(tr!("key", "键"));
        }
        if !column.nullable {
            marks.push(tr!("not null", "非空"));
        }
        if column.hidden {
            marks.push(tr!("hidden", "隐藏"));
        }
        rows.push(vec![safe(&column.name), safe(&column.declared), column.data_type.to_string(), marks.join(", ")]);
    }
    rows
}

impl<'a> TableJson<'a> {
    fn of(table: &'a TableDescription) -> Self {
        let column = |(at, column): (usize, &'a datakeep_connector::ColumnInfo)| ColumnJson {
            name: &column.name,
            declared: &column.declared,
            stored_as: column.data_type.to_string(),
            nullable: column.nullable,
            hidden: column.hidden,
            key: table.info.key.contains(&at),
        };
        Self {
            schema: &table.info.name.schema,
            table: &table.info.name.table,
            rows: table.rows,
            groups: table.groups,
            content_root: json::hex(&table.content_root),
            columns: table.info.columns.iter().enumerate().map(column).collect(),
        }
    }
}
