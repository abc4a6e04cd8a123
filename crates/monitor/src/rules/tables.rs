//! Tables of the newest backup against those before it.
//!
//! A number of rows is unusual when it differs from the median of the backups before by more than a share of that median, and by more
//! than six times the median absolute deviation scaled to a standard deviation (factor 1.4826; P. Rousseeuw and C. Croux, *Alternatives
//! to the Median Absolute Deviation*, JASA 88, 1993). For numbers that vary normally around a middle, six deviations come about twice
//! in a thousand million backups; numbers of real tables have heavier tails, and the share keeps small tables quiet.

use super::{FEWEST, RuleSet, median};
use crate::facts::{Facts, RowChange, SchemaChange, SchemaChangeKind};
use crate::look::{Backup, TableFacts};
use std::collections::BTreeMap;

/// Most tables that one finding names; it counts all.
const MAX_NAMED: usize = 10;
/// Scaled deviations that are still usual.
const DEVIATIONS: f64 = 6.0;
/// From the median absolute deviation to the standard deviation of a normal distribution.
const SCALE: f64 = 1.4826;

fn by_name(tables: &[TableFacts]) -> BTreeMap<&str, &TableFacts> {
    tables.iter().map(|table| (table.name.as_str(), table)).collect()
}

/// Tables that have an unusual number of rows.
pub(super) fn rows(newest: &Backup, before: &[Backup], set: &RuleSet) -> Option<Facts> {
    let tables = newest.tables.as_ref()?;
    let past: Vec<BTreeMap<&str, &TableFacts>> =
        before.iter().filter_map(|one| one.tables.as_deref().map(by_name)).collect();
    let change = |table: &TableFacts| {
        let counts: Vec<u64> = past.iter().filter_map(|one| one.get(table.name.as_str())).map(|one| one.rows).collect();
        let usual = unusual(table.rows, counts, set)?;
        Some(RowChange { table: table.name.clone(), rows: table.rows, usual })
    };
    let mut changes: Vec<RowChange> = tables.iter().filter_map(change).collect();
    let total = changes.len() as u64;
    // What lost or gained the largest share first.
    changes.sort_by_key(|change| {
        std::cmp::Reverse(change.rows.abs_diff(change.usual).saturating_mul(1000) / change.usual.max(1))
    });
    changes.truncate(MAX_NAMED);
    (total > 0).then(|| Facts::Rows { run: newest.run.clone(), changes, total })
}

/// The usual number, when this one is not.
fn unusual(rows: u64, counts: Vec<u64>, set: &RuleSet) -> Option<u64> {
    if counts.len() < FEWEST {
        return None;
    }
    let usual = median(counts.clone());
    let deviation = median(counts.iter().map(|count| count.abs_diff(usual)).collect()) as f64 * SCALE;
    let apart = rows.abs_diff(usual);
    let is_far = u128::from(apart) * 100 >= u128::from(usual) * u128::from(set.rows_percent.max(1));
    (usual >= set.rows_min.max(1) && is_far && apart as f64 > DEVIATIONS * deviation).then_some(usual)
}

/// Tables that came, went, or have another number of columns than in the backup before.
pub(super) fn schema(newest: &Backup, before: &[Backup]) -> Option<Facts> {
    let (new, old) = (by_name(newest.tables.as_ref()?), by_name(before.first()?.tables.as_ref()?));
    let mut changes = Vec::new();
    for (name, table) in &new {
        let kind = match old.get(name) {
            None => SchemaChangeKind::Added,
            Some(was) if was.columns != table.columns => {
                SchemaChangeKind::Columns { before: was.columns, after: table.columns }
            }
            Some(_) => continue,
        };
        changes.push(SchemaChange { table: (*name).to_string(), kind });
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    changes.extend(gone.map(|name| SchemaChange { table: (*name).to_string(), kind: SchemaChangeKind::Removed }));
    let total = changes.len() as u64;
    // What is gone matters most.
    changes.sort_by_key(|change| !matches!(change.kind, SchemaChangeKind::Removed));
    changes.truncate(MAX_NAMED);
    (total > 0).then(|| Facts::Schema { run: newest.run.clone(), changes, total })
}
