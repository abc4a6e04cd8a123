//! What `datakeep show` adds for a snapshot of tables.

use super::backup::safe;
use super::diff::{sentence, words};
use super::{holds_tables, reader};
use crate::errors::Failure;
use crate::json;
use crate::open::App;
use crate::out::{Style, table};
use crate::phrases;
use crate::sizes;
use crate::words::tr;
use datakeep_connector::Note;
use datakeep_distribute::tables::text::shown;
use datakeep_distribute::tables::{Cell, SchemaChange, TablePair, compare_schemas};
use datakeep_process_table::describe::ColumnStatistics;
use datakeep_process_table::{Bound, TableDescription};
use datakeep_store::{Manifest, Repository};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of a table.
#[derive(Serialize)]
pub struct TableJson {
    schema: String,
    table: String,
    rows: u64,
    groups: u64,
    content_root: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_inserted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_updated: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_deleted: Option<u64>,
    columns: Vec<ColumnJson>,
}

/// What is known of a database besides its tables.
#[derive(Serialize)]
pub struct SaidJson {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    selection: BTreeMap<String, Vec<String>>,
    not_carried: Vec<String>,
}

/// Notes of a snapshot that say which tables were chosen.
const SELECTION: [&str; 4] = ["include-schema", "exclude-schema", "include-table", "exclude-table"];

/// What of a schema changed since the snapshot before.
#[derive(Serialize)]
pub struct DriftJson {
    schema: String,
    table: String,
    change: &'static str,
    name: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

/// What is known of a column.
#[derive(Serialize)]
pub struct ColumnJson {
    name: String,
    declared: String,
    stored_as: String,
    nullable: bool,
    hidden: bool,
    key: bool,
    #[serde(flatten)]
    known: Option<KnownJson>,
}

#[derive(Serialize)]
struct KnownJson {
    nulls: u64,
    exceptions: u64,
    distinct_estimate: Option<u64>,
    min: Option<String>,
    max: Option<String>,
    bounds_exact: bool,
}

impl TableJson {
    pub fn of(
        table: &TableDescription,
        statistics: &[ColumnStatistics],
        parent: Option<datakeep_model::SessionId>,
    ) -> Self {
        let column = |(at, column): (usize, &datakeep_connector::ColumnInfo)| {
            let known = statistics.iter().find(|known| known.number == table.numbers[at]);
            ColumnJson {
                name: column.name.clone(),
                declared: column.declared.clone(),
                stored_as: column.data_type.to_string(),
                nullable: column.nullable,
                hidden: column.hidden,
                key: table.info.key.contains(&at),
                known: known.map(|known| KnownJson::of(known, &column.data_type)),
            }
        };
        let changes = table.changes_since(parent);
        Self {
            schema: table.info.name.schema.clone(),
            table: table.info.name.table.clone(),
            rows: table.rows,
            groups: table.groups,
            content_root: json::hex(&table.content_root),
            rows_inserted: changes.map(|changes| changes.inserted),
            rows_updated: changes.map(|changes| changes.updated),
            rows_deleted: changes.map(|changes| changes.deleted),
            columns: table.info.columns.iter().enumerate().map(column).collect(),
        }
    }
}

impl KnownJson {
    fn of(known: &ColumnStatistics, data_type: &arrow_schema::DataType) -> Self {
        let stats = &known.stats;
        let text = |bound: &Bound| bound_text(bound, data_type);
        Self {
            nulls: stats.nulls,
            exceptions: stats.exceptions,
            distinct_estimate: known.distinct.as_ref().map(datakeep_process_table::Distinct::estimate),
            min: stats.bounds.as_ref().map(|(least, _)| text(least)),
            max: stats.bounds.as_ref().map(|(_, most)| text(most)),
            bounds_exact: stats.bounds.as_ref().is_none_or(|(least, most)| least.is_exact() && most.is_exact()),
        }
    }
}

/// A bound for people; `...` where it is cut short.
fn bound_text(bound: &Bound, data_type: &arrow_schema::DataType) -> String {
    let (cell, goes_on) = Cell::of_bound(bound, data_type);
    let text = match cell {
        Cell::Text(text) => text,
        Cell::Real(number) => number.to_string(),
        Cell::Blob(bytes) => format!("x'{}'", json::hex(&bytes)),
        other => shown(&other),
    };
    if goes_on { format!("{text}...") } else { text }
}

/// How the schemas of tables changed since the snapshot that this one was compared with; nothing where that is not there any
/// more.
pub fn drift(
    repository: &Arc<Repository>,
    manifest: &Manifest,
    manifests: &[Manifest],
) -> Result<Option<Vec<TablePair>>, Failure> {
    let parent = manifest.snapshot.parent;
    let Some(parent) = manifests.iter().find(|other| Some(other.snapshot.id) == parent && holds_tables(other)) else {
        return Ok(None);
    };
    let (old, new) = (reader(repository.clone(), parent)?, reader(repository.clone(), manifest)?);
    let changed = compare_schemas(&old, &new)?.tables.into_iter().filter(|table| !table.schema.is_empty());
    Ok(Some(changed.collect()))
}

/// The same for programs.
pub fn drift_documents(drift: &[TablePair]) -> Vec<DriftJson> {
    let of = |table: &TablePair, change: &SchemaChange| {
        let (word, name, before, after) = words(change);
        let (schema, table) = (table.name.schema.clone(), table.name.table.clone());
        DriftJson { schema, table, change: word, name: name.map(Into::into), before, after }
    };
    drift.iter().flat_map(|table| table.schema.iter().map(move |change| of(table, change))).collect()
}

/// The same for people.
pub fn print_drift(app: &App, drift: &[TablePair]) -> Result<(), Failure> {
    for table in drift {
        for change in &table.schema {
            let line = format!("  {}: {}", safe(&table.name.to_string()), sentence(change));
            app.out.line(app.out.styled(Style::Yellow, &line))?;
        }
    }
    Ok(())
}

/// All tables with what is known of them.
pub fn documents(repository: Arc<Repository>, manifest: &Manifest) -> Result<Vec<TableJson>, Failure> {
    let reader = reader(repository, manifest)?;
    let tables = reader.tables()?;
    let parent = manifest.snapshot.parent;
    let one = |table: &TableDescription| Ok(TableJson::of(table, &reader.statistics(&table.info.name)?, parent));
    tables.iter().map(one).collect()
}

/// Prints tables with their rows, and what became of them; what was chosen, and what the snapshot does not hold.
pub fn print(app: &App, repository: Arc<Repository>, manifest: &Manifest) -> Result<(), Failure> {
    let parent = manifest.snapshot.parent;
    let reader = reader(repository, manifest)?;
    let rows: Vec<Vec<String>> = reader.tables()?.iter().map(|table| row(table, parent)).collect();
    table(&rows, &[1]).iter().try_for_each(|line| app.out.line(line))?;
    let known = reader.database()?;
    for (name, pattern) in chosen(&known.settings) {
        let (name, pattern) = (safe(&name), safe(&pattern));
        app.out.line(tr!("  chosen by {name}={pattern}", "  选择条件：{name}={pattern}"))?;
    }
    for sentence in &known.not_carried {
        let sentence = safe(&phrases::spoken(sentence));
        app.out.line(tr!("  not carried: {sentence}", "  未纳入：{sentence}"))?;
    }
    Ok(())
}

/// By which options and patterns tables were chosen; nothing where all were.
fn chosen(settings: &[Note]) -> Vec<(String, String)> {
    let is_chosen = |note: &&Note| SELECTION.contains(&note.name.as_str());
    let patterns = |note: &Note| {
        let text = String::from_utf8_lossy(&note.value).into_owned();
        text.split('\n').map(|pattern| (note.name.clone(), pattern.to_string())).collect::<Vec<_>>()
    };
    settings.iter().filter(is_chosen).flat_map(patterns).collect()
}

/// What was chosen, and what the snapshot does not hold, for programs.
pub fn said(repository: Arc<Repository>, manifest: &Manifest) -> Result<SaidJson, Failure> {
    let known = reader(repository, manifest)?.database()?;
    let mut selection: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, pattern) in chosen(&known.settings) {
        selection.entry(name).or_default().push(pattern);
    }
    Ok(SaidJson { selection, not_carried: known.not_carried })
}

/// A table: its name, rows, and what became of them since the snapshot before.
pub fn row(table: &TableDescription, parent: Option<datakeep_model::SessionId>) -> Vec<String> {
    let rows = sizes::count(table.rows);
    let changes = table.changes_since(parent).map_or_else(String::new, |changes| {
        let [inserted, updated, deleted] = [changes.inserted, changes.updated, changes.deleted].map(sizes::count);
        match changes.inserted + changes.updated + changes.deleted {
            0 => tr!("unchanged", "未变"),
            _ => tr!(
                "{inserted} inserted, {updated} updated, {deleted} deleted",
                "新增 {inserted}，更新 {updated}，删除 {deleted}"
            ),
        }
    });
    vec![safe(&table.info.name.to_string()), tr!("{rows} rows", "{rows} 行"), changes]
}

/// The columns of a table with what is known of them.
pub fn column_rows(table: &TableDescription, statistics: &[ColumnStatistics]) -> Vec<Vec<String>> {
    let heads = [
        tr!("column", "列"),
        tr!("declared", "声明类型"),
        tr!("stored as", "存储类型"),
        tr!("nulls", "空值"),
        tr!("distinct", "不同值"),
        tr!("least", "最小"),
        tr!("greatest", "最大"),
        String::new(),
    ];
    let mut rows = vec![heads.to_vec()];
    for (at, column) in table.info.columns.iter().enumerate() {
        let mut marks = Vec::new();
        for (is_so, word) in [
            (table.info.key.contains(&at), tr!("key", "键")),
            (!column.nullable, tr!("not null", "非空")),
            (column.hidden, tr!("hidden", "隐藏")),
        ] {
            if is_so {
                marks.push(word);
            }
        }
        let known = statistics.iter().find(|known| known.number == table.numbers[at]);
        let known = known.map(|known| KnownJson::of(known, &column.data_type));
        if let Some(exceptions @ 1..) = known.as_ref().map(|known| known.exceptions) {
            let exceptions = sizes::count(exceptions);
            marks.push(tr!("{exceptions} of other types", "{exceptions} 个其他类型的值"));
        }
        let text = |value: Option<&String>| value.map(|text| shortened(&safe(text))).unwrap_or_default();
        rows.push(vec![
            safe(&column.name),
            safe(&column.declared),
            column.data_type.to_string(),
            known.as_ref().map(|known| sizes::count(known.nulls)).unwrap_or_default(),
            known
                .as_ref()
                .and_then(|known| known.distinct_estimate)
                .map(|n| format!("~{}", sizes::count(n)))
                .unwrap_or_default(),
            text(known.as_ref().and_then(|known| known.min.as_ref())),
            text(known.as_ref().and_then(|known| known.max.as_ref())),
            marks.join(", "),
        ]);
    }
    rows
}

/// What stands in one line beside others.
fn shortened(text: &str) -> String {
    const MOST: usize = 24;
    if text.chars().count() <= MOST { text.to_string() } else { text.chars().take(MOST).chain("...".chars()).collect() }
}
