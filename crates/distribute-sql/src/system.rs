//! What is known of snapshots, as tables: `datakeep.snapshots`, `datakeep.tables`, `datakeep.columns`, `datakeep.statistics`.
//!
//! `snapshots` has all there are. The others speak of the snapshots that are meant where no source is named, or of the one that
//! stands before them: `"shop@2026-03-01".datakeep.tables`.

use crate::error::SqlError;
use crate::names::{Catalogue, SYSTEM, shown};
use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::ArrowError;
use datafusion::catalog::{MemTable, TableProvider};
use datakeep_distribute::DistributeError;
use datakeep_distribute::near::nearest;
use datakeep_distribute::tables::Cell;
use datakeep_distribute::tables::text;
use datakeep_model::{ContentKind, Timestamp};
use datakeep_process_table::describe::ColumnStatistics;
use datakeep_process_table::{Bound, Changes, TableDescription};
use datakeep_store::Manifest;
use std::sync::Arc;

/// Names of these tables.
pub(crate) const TABLES: [&str; 4] = ["snapshots", "tables", "columns", "statistics"];

/// The table of this name.
pub(crate) fn table(
    catalogue: &Catalogue,
    name: &str,
    manifests: &[&Manifest],
) -> Result<Arc<dyn TableProvider>, SqlError> {
    let batch = match name.to_ascii_lowercase().as_str() {
        "snapshots" => snapshots(catalogue),
        "tables" => tables(&each_table(catalogue, manifests)?),
        "columns" => columns(&each_column(catalogue, manifests)?),
        "statistics" => statistics(&each_column(catalogue, manifests)?),
        _ => {
            let near = nearest(name, TABLES).map(|near| format!("{SYSTEM}.{near}"));
            return Err(DistributeError::NotFound { what: format!("table {SYSTEM}.{name}"), near }.into());
        }
    };
    let failed = |error: String| SqlError::Engine(error);
    let batch = batch.map_err(|error| failed(error.to_string()))?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(|error| failed(error.to_string()))?;
    Ok(Arc::new(table))
}

fn texts<T>(of: &[T], each: impl Fn(&T) -> String) -> ArrayRef {
    Arc::new(of.iter().map(|one| Some(each(one))).collect::<StringArray>())
}

fn some_texts<T>(of: &[T], each: impl Fn(&T) -> Option<String>) -> ArrayRef {
    Arc::new(of.iter().map(each).collect::<StringArray>())
}

fn numbers<T>(of: &[T], each: impl Fn(&T) -> Option<u64>) -> ArrayRef {
    let number = |one: &T| each(one).map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    Arc::new(of.iter().map(number).collect::<Int64Array>())
}

fn truths<T>(of: &[T], each: impl Fn(&T) -> bool) -> ArrayRef {
    Arc::new(of.iter().map(|one| Some(each(one))).collect::<BooleanArray>())
}

fn instants<T>(of: &[T], each: impl Fn(&T) -> Timestamp) -> ArrayRef {
    let micros = |one: &T| {
        let time = each(one);
        Some(time.seconds.saturating_mul(1_000_000).saturating_add(i64::from(time.nanos / 1000)))
    };
    Arc::new(of.iter().map(micros).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn snapshots(catalogue: &Catalogue) -> Result<RecordBatch, ArrowError> {
    let of = &catalogue.manifests;
    let kind = |manifest: &Manifest| match manifest.snapshot.content {
        ContentKind::Tables => "tables",
        _ => "files",
    };
    RecordBatch::try_from_iter([
        ("snapshot", texts(of, |m| m.snapshot.id.to_hex())),
        ("source", texts(of, |m| m.snapshot.source.name.clone())),
        ("kind", texts(of, |m| m.snapshot.source.kind.clone())),
        ("location", texts(of, |m| m.snapshot.source.location.clone())),
        ("host", texts(of, |m| m.snapshot.source.host.clone())),
        ("content", texts(of, |m| kind(m).to_string())),
        ("started", instants(of, |m| m.snapshot.started)),
        ("finished", instants(of, |m| m.snapshot.finished)),
        ("tags", texts(of, |m| m.snapshot.tags.join(", "))),
        ("losses", numbers(of, |m| Some(m.snapshot.losses.len() as u64))),
        ("writer", texts(of, |m| m.snapshot.writer.clone())),
    ])
}

/// A table with the snapshot it is of.
struct Of {
    snapshot: String,
    source: String,
    table: TableDescription,
    changes: Option<Changes>,
}

/// What became of a table since the snapshot's parent. A table that stayed as it was keeps its entry, which then speaks of an
/// earlier parent.
fn changes(manifest: &Manifest, table: &TableDescription) -> Option<Changes> {
    match manifest.snapshot.parent {
        Some(parent) if table.compared_with != Some(parent) => Some(Changes::default()),
        _ => table.changes,
    }
}

fn each_table(catalogue: &Catalogue, manifests: &[&Manifest]) -> Result<Vec<Of>, SqlError> {
    let mut found = Vec::new();
    for manifest in manifests.iter().filter(|manifest| manifest.snapshot.content == ContentKind::Tables) {
        for table in &catalogue.open(manifest)?.tables {
            let (snapshot, source) = (manifest.snapshot.id.to_hex(), manifest.snapshot.source.name.clone());
            let changes = changes(manifest, table);
            found.push(Of { snapshot, source, table: table.clone(), changes });
        }
    }
    Ok(found)
}

fn tables(of: &[Of]) -> Result<RecordBatch, ArrowError> {
    let key = |table: &TableDescription| {
        let names: Vec<&str> = table.info.key.iter().map(|&at| table.info.columns[at].name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    RecordBatch::try_from_iter([
        ("snapshot", texts(of, |of| of.snapshot.clone())),
        ("source", texts(of, |of| of.source.clone())),
        ("schema", texts(of, |of| of.table.info.name.schema.clone())),
        ("table", texts(of, |of| of.table.info.name.table.clone())),
        ("rows", numbers(of, |of| Some(of.table.rows))),
        ("columns", numbers(of, |of| Some(of.table.info.columns.len() as u64))),
        ("groups", numbers(of, |of| Some(of.table.groups))),
        ("key", some_texts(of, |of| key(&of.table))),
        ("inserted", numbers(of, |of| of.changes.map(|changes| changes.inserted))),
        ("updated", numbers(of, |of| of.changes.map(|changes| changes.updated))),
        ("deleted", numbers(of, |of| of.changes.map(|changes| changes.deleted))),
        ("statement", texts(of, |of| of.table.info.sql.clone())),
    ])
}

/// A column with its table.
struct OfColumn {
    snapshot: String,
    source: String,
    schema: String,
    table: String,
    position: u64,
    name: String,
    declared: String,
    shown_as: String,
    nullable: bool,
    hidden: bool,
    data_type: arrow_schema::DataType,
    statistics: Option<ColumnStatistics>,
}

fn each_column(catalogue: &Catalogue, manifests: &[&Manifest]) -> Result<Vec<OfColumn>, SqlError> {
    let mut found = Vec::new();
    for manifest in manifests.iter().filter(|manifest| manifest.snapshot.content == ContentKind::Tables) {
        let opened = catalogue.open(manifest)?;
        for table in &opened.tables {
            let statistics = opened.reader.statistics(&table.info.name)?;
            let shown = shown(&opened, table)?;
            for (at, column) in table.info.columns.iter().enumerate() {
                found.push(OfColumn {
                    snapshot: manifest.snapshot.id.to_hex(),
                    source: manifest.snapshot.source.name.clone(),
                    schema: table.info.name.schema.clone(),
                    table: table.info.name.table.clone(),
                    position: at as u64 + 1,
                    name: column.name.clone(),
                    declared: column.declared.clone(),
                    shown_as: shown.schema.field(at).data_type().to_string(),
                    nullable: column.nullable,
                    hidden: column.hidden,
                    data_type: column.data_type.clone(),
                    statistics: statistics.iter().find(|known| known.number == table.numbers[at]).cloned(),
                });
            }
        }
    }
    Ok(found)
}

fn columns(of: &[OfColumn]) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_from_iter([
        ("snapshot", texts(of, |of| of.snapshot.clone())),
        ("source", texts(of, |of| of.source.clone())),
        ("schema", texts(of, |of| of.schema.clone())),
        ("table", texts(of, |of| of.table.clone())),
        ("position", numbers(of, |of| Some(of.position))),
        ("column", texts(of, |of| of.name.clone())),
        ("declared", texts(of, |of| of.declared.clone())),
        ("type", texts(of, |of| of.shown_as.clone())),
        ("nullable", truths(of, |of| of.nullable)),
        ("hidden", truths(of, |of| of.hidden)),
    ])
}

fn bound(bound: &Bound, data_type: &arrow_schema::DataType) -> String {
    let (cell, goes_on) = Cell::of_bound(bound, data_type);
    let end = if goes_on { "…" } else { "" };
    match cell {
        Cell::Text(text) => format!("{text}{end}"),
        other => format!("{}{end}", text::shown(&other)),
    }
}

fn statistics(of: &[OfColumn]) -> Result<RecordBatch, ArrowError> {
    let count = |each: fn(&ColumnStatistics) -> u64| numbers(of, move |of| of.statistics.as_ref().map(each));
    let bounds = |of: &OfColumn| of.statistics.as_ref().and_then(|known| known.stats.bounds.clone());
    RecordBatch::try_from_iter([
        ("snapshot", texts(of, |of| of.snapshot.clone())),
        ("source", texts(of, |of| of.source.clone())),
        ("schema", texts(of, |of| of.schema.clone())),
        ("table", texts(of, |of| of.table.clone())),
        ("column", texts(of, |of| of.name.clone())),
        ("rows", count(|known| known.stats.rows)),
        ("nulls", count(|known| known.stats.nulls)),
        ("exceptions", count(|known| known.stats.exceptions)),
        ("bytes", count(|known| known.stats.values_len_bytes)),
        (
            "distinct_estimate",
            numbers(of, |of| of.statistics.as_ref().and_then(|known| known.distinct.as_ref()).map(|d| d.estimate())),
        ),
        ("least", some_texts(of, |of| bounds(of).map(|(least, _)| bound(&least, &of.data_type)))),
        ("greatest", some_texts(of, |of| bounds(of).map(|(_, most)| bound(&most, &of.data_type)))),
    ])
}
