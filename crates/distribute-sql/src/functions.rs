//! Table functions: how a table differs between two snapshots, and what became of one row.
//!
//! `diff(TABLE, OLD, NEW)`: a row for each row that differs: `change` (`inserted`, `updated`, `deleted`), `changed` (the columns
//! that differ, for updated ones), the columns of the key, and every other column as `before_NAME` and `after_NAME`. Of an updated
//! row only what differs is told; the rest is null on both sides.
//!
//! `history(TABLE, KEY, ...)`: a row for each version of the row of this key in the snapshots of its source, the oldest first, up to
//! the one that the name means: `snapshot`, `started`, `change`, and all columns as the table has them there; of a deleted row as
//! they were last. A column is the same one however it was called.
//!
//! A column of a table that is called like one of ours is told as `NAME_1`.

use crate::builder::{Rows, cell_type};
use crate::error::{SqlError, outside};
use crate::literals::literals;
use crate::names::{Catalogue, Opened, shown};
use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{MemTable, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::PartitionStream;
use datakeep_distribute::DistributeError;
use datakeep_distribute::tables::row::{RowHistory, RowStep, parse_key};
use datakeep_distribute::tables::{Cell, Row, RowChange, TableDiff, TablePair, compare_schemas, same_columns};
use datakeep_model::{ContentKind, Timestamp};
use datakeep_process_table::TableDescription;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Rows of a batch.
const BATCH_ROWS: usize = 4096;

/// `diff`.
pub(crate) struct Diff(pub Arc<Catalogue>);

impl fmt::Debug for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("diff")
    }
}

impl TableFunctionImpl for Diff {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let usage = ("diff", "diff('TABLE', 'OLD SNAPSHOT', 'NEW SNAPSHOT')");
        let words = literals(args.exprs(), usage, 3..=3).map_err(outside)?;
        let compared = Compared::new(&self.0, &words[0], (&words[1], &words[2])).map_err(outside)?;
        let schema = compared.schema.clone();
        Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(compared)])?))
    }
}

/// Where a cell of a row that differs comes from.
#[derive(Clone, Copy)]
struct Shows {
    /// Position in the table as it was.
    old: Option<usize>,
    /// Position in the table as it is.
    new: Option<usize>,
}

struct Compared {
    old: Arc<Opened>,
    new: Arc<Opened>,
    pair: TablePair,
    /// Columns of the key, then the others.
    key: Vec<Shows>,
    others: Vec<Shows>,
    schema: SchemaRef,
}

impl fmt::Debug for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "diff of {}", self.pair.name)
    }
}

impl Compared {
    fn new(catalogue: &Catalogue, table: &str, (old, new): (&str, &str)) -> Result<Self, SqlError> {
        let found = [new, old].map(|snapshot| catalogue.described(table, Some(snapshot)));
        let name = match &found {
            [Ok((_, described)), _] | [_, Ok((_, described))] => described.info.name.clone(),
            [Err(_), Err(_)] => {
                let [new, _] = found;
                return Err(new.err().unwrap_or(SqlError::Empty));
            }
        };
        let open = |name: &str| catalogue.open(catalogue.snapshot(name)?);
        let (old, new) = (open(old)?, open(new)?);
        let pairs = compare_schemas(&old.reader, &new.reader)?;
        let gone = || DistributeError::NotFound { what: format!("table {name}"), near: None };
        let pair = pairs.tables.into_iter().find(|pair| pair.name == name).ok_or_else(gone)?;
        let is_by_key = TableDiff::new(&old.reader, &new.reader, &pair).is_by_key();
        let (key, others) = columns(&pair, is_by_key);
        let schema = diff_schema(&pair, (&old, &new), &key, &others)?;
        Ok(Self { old, new, pair, key, others, schema })
    }

    fn row(&self, change: &RowChange) -> Row {
        let word = |word: &str| Cell::Text(word.to_string());
        let of = |row: &Row, at: Option<usize>| at.and_then(|at| row.get(at)).cloned().unwrap_or_default();
        let mut cells = Vec::with_capacity(2 + self.key.len() + 2 * self.others.len());
        match change {
            RowChange::Inserted(row) => {
                cells.extend([word("inserted"), Cell::Null]);
                cells.extend(self.key.iter().map(|shows| of(row, shows.new)));
                cells.extend(self.others.iter().flat_map(|shows| [Cell::Null, of(row, shows.new)]));
            }
            RowChange::Deleted(row) => {
                cells.extend([word("deleted"), Cell::Null]);
                cells.extend(self.key.iter().map(|shows| of(row, shows.old)));
                cells.extend(self.others.iter().flat_map(|shows| [of(row, shows.old), Cell::Null]));
            }
            RowChange::Updated { key, cells: changes } => {
                let names: Vec<&str> = changes.iter().map(|cell| self.pair.column_name(cell.column)).collect();
                cells.extend([word("updated"), Cell::Text(names.join(", "))]);
                cells.extend((0..self.key.len()).map(|at| of(key, Some(at))));
                for shows in &self.others {
                    let change = changes.iter().find(|cell| Some(cell.column) == shows.new);
                    let both = change.map(|change| [change.before.clone(), change.after.clone()]);
                    cells.extend(both.unwrap_or_default());
                }
            }
        }
        cells
    }

    fn run(&self, give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<(), SqlError> {
        let mut rows = Rows::new(self.schema.clone());
        let diff = TableDiff::new(&self.old.reader, &self.new.reader, &self.pair);
        let told = diff.rows::<Ended>(&mut |change| {
            rows.push(&self.row(&change));
            let is_wanted =
                rows.len() < BATCH_ROWS || give(rows.take().map_err(|error| Ended::Failed(engine(&error)))?);
            if is_wanted { Ok(()) } else { Err(Ended::Enough) }
        });
        match told {
            Err(Ended::Failed(error)) => Err(error),
            Err(Ended::Enough) => Ok(()),
            Ok(_) => {
                if rows.len() > 0 {
                    give(rows.take().map_err(|error| engine(&error))?);
                }
                Ok(())
            }
        }
    }
}

/// Why the telling of changes ended early.
enum Ended {
    Enough,
    Failed(SqlError),
}

impl From<DistributeError> for Ended {
    fn from(error: DistributeError) -> Self {
        Self::Failed(error.into())
    }
}

fn engine(error: &arrow_schema::ArrowError) -> SqlError {
    SqlError::Engine(error.to_string())
}

/// The columns of a pair of tables: those of the key, and all others; a column that is gone comes last.
fn columns(pair: &TablePair, is_by_key: bool) -> (Vec<Shows>, Vec<Shows>) {
    let described = pair.new.as_ref().or(pair.old.as_ref());
    let key: Vec<usize> = described.filter(|_| is_by_key).map(|table| table.info.key.clone()).unwrap_or_default();
    let count = |table: &Option<TableDescription>| table.as_ref().map_or(0, |table| table.info.columns.len());
    if pair.new.is_none() {
        let of = |at: usize| Shows { old: Some(at), new: None };
        let others = (0..count(&pair.old)).filter(|at| !key.contains(at)).map(of).collect();
        return (key.into_iter().map(of).collect(), others);
    }
    let of = |at: usize| Shows { old: pair.columns.get(at).copied().flatten(), new: Some(at) };
    let mut others: Vec<Shows> = (0..count(&pair.new)).filter(|at| !key.contains(at)).map(of).collect();
    let is_gone = |at: &usize| !pair.columns.contains(&Some(*at));
    others.extend((0..count(&pair.old)).filter(is_gone).map(|at| Shows { old: Some(at), new: None }));
    (key.into_iter().map(of).collect(), others)
}

fn diff_schema(
    pair: &TablePair,
    (old, new): (&Opened, &Opened),
    key: &[Shows],
    others: &[Shows],
) -> Result<SchemaRef, SqlError> {
    let was = pair.old.as_ref().map(|table| shown(old, table)).transpose()?;
    let is = pair.new.as_ref().map(|table| shown(new, table)).transpose()?;
    let field = |shown: &Option<crate::values::Shown>, at: Option<usize>| {
        shown.as_ref().zip(at).map(|(shown, at)| shown.schema.field(at).clone())
    };
    let one = |shows: &Shows| {
        let (before, after) = (field(&was, shows.old), field(&is, shows.new));
        let name = after.as_ref().or(before.as_ref()).map(|field| field.name().clone()).unwrap_or_default();
        let data_type = match (before, after) {
            (Some(before), Some(after)) if before.data_type() != after.data_type() => DataType::Utf8,
            (Some(field), _) | (None, Some(field)) => cell_type(field.data_type()),
            (None, None) => DataType::Utf8,
        };
        (name, data_type)
    };
    let mut fields = vec![Field::new("change", DataType::Utf8, false), Field::new("changed", DataType::Utf8, true)];
    fields.extend(key.iter().map(one).map(|(name, data_type)| Field::new(name, data_type, true)));
    for (name, data_type) in others.iter().map(one) {
        fields.push(Field::new(format!("before_{name}"), data_type.clone(), true));
        fields.push(Field::new(format!("after_{name}"), data_type, true));
    }
    Ok(Arc::new(Schema::new(distinct(fields))))
}

/// Names that were given before get a number.
fn distinct(fields: Vec<Field>) -> Vec<Field> {
    let all: BTreeSet<String> = fields.iter().map(|field| field.name().clone()).collect();
    let mut given = BTreeSet::new();
    let one = |field: Field| {
        let is_free = |name: &String| !given.contains(name) && (name == field.name() || !all.contains(name));
        let numbered = (1..).map(|number: u32| format!("{}_{number}", field.name()));
        let name = std::iter::once(field.name().clone()).chain(numbered).find(is_free).unwrap_or_default();
        given.insert(name.clone());
        field.with_name(name)
    };
    fields.into_iter().map(one).collect()
}

impl PartitionStream for Compared {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (old, new, pair) = (self.old.clone(), self.new.clone(), self.pair.clone());
        let (key, others, schema) = (self.key.clone(), self.others.clone(), self.schema.clone());
        let compared = Self { old, new, pair, key, others, schema };
        let mut builder = RecordBatchReceiverStream::builder(self.schema.clone(), 2);
        let sender = builder.tx();
        builder.spawn_blocking(move || {
            compared.run(&mut |batch| sender.blocking_send(Ok(batch)).is_ok()).map_err(outside)
        });
        builder.build()
    }
}

/// `history`.
pub(crate) struct History(pub Arc<Catalogue>);

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("history")
    }
}

impl TableFunctionImpl for History {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let usage = ("history", "history('TABLE', KEY, ...)");
        let words = literals(args.exprs(), usage, 2..=64).map_err(outside)?;
        let batch = versions(&self.0, &words[0], &words[1..]).map_err(outside)?;
        Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
    }
}

struct Version {
    snapshot: String,
    started: Timestamp,
    change: &'static str,
    /// As wide as the table is where the history ends.
    row: Row,
}

fn versions(catalogue: &Catalogue, table: &str, key: &[String]) -> Result<RecordBatch, SqlError> {
    let (newest, described) = catalogue.named(table)?;
    parse_key(&described, key).map_err(DistributeError::from)?;
    let last = &newest.reader.manifest().snapshot;
    let mut history = RowHistory::default();
    let mut found = Vec::new();
    for manifest in &catalogue.manifests {
        let snapshot = &manifest.snapshot;
        if snapshot.content != ContentKind::Tables
            || snapshot.source.name != last.source.name
            || snapshot.source.kind != last.source.kind
        {
            continue;
        }
        let opened = catalogue.open(manifest)?;
        let table = opened.tables.iter().find(|table| table.info.name == described.info.name);
        let before = history.row().map(|row| as_described(row, &described));
        let step = history.step(&opened.reader, table, key)?;
        let now = || history.row().map(|row| as_described(row, &described));
        let version = step.map(|step| match step {
            RowStep::Inserted(_) => ("inserted", now()),
            RowStep::Updated(_) => ("updated", now()),
            RowStep::Deleted(_) => ("deleted", before),
            RowStep::OtherKey(_) => ("other-key", None),
        });
        if let Some((change, row)) = version {
            let row = row.unwrap_or_default();
            found.push(Version { snapshot: snapshot.id.to_hex(), started: snapshot.started, change, row });
        }
        if snapshot.id == last.id {
            break;
        }
    }
    batch_of(&described, &found)
}

/// A row of a table, as wide as the table is later.
fn as_described((table, row): (&TableDescription, &Row), described: &TableDescription) -> Row {
    let cell = |from: Option<usize>| from.and_then(|from| row.get(from)).cloned().unwrap_or_default();
    same_columns(table, described).into_iter().map(cell).collect()
}

/// Columns are those of the table where the history ends; their types are those that hold all versions.
fn batch_of(described: &TableDescription, versions: &[Version]) -> Result<RecordBatch, SqlError> {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![
        Field::new("snapshot", DataType::Utf8, false),
        Field::new("started", instant, false),
        Field::new("change", DataType::Utf8, false),
    ];
    let micros = |time: Timestamp| time.seconds.saturating_mul(1_000_000).saturating_add(i64::from(time.nanos / 1000));
    let started: TimestampMicrosecondArray = versions.iter().map(|version| Some(micros(version.started))).collect();
    let texts = |each: &dyn Fn(&Version) -> String| -> ArrayRef {
        Arc::new(versions.iter().map(|version| Some(each(version))).collect::<StringArray>())
    };
    let mut arrays: Vec<ArrayRef> = vec![
        texts(&|version| version.snapshot.clone()),
        Arc::new(started.with_timezone("UTC")),
        texts(&|version| version.change.to_string()),
    ];
    for (at, column) in described.info.columns.iter().enumerate() {
        let cells: Vec<Cell> =
            versions.iter().map(|version| version.row.get(at).cloned().unwrap_or_default()).collect();
        let data_type = common_type(&cells);
        let field = Field::new(&column.name, data_type, true);
        let mut rows = Rows::new(Arc::new(Schema::new(vec![field.clone()])));
        cells.iter().for_each(|cell| rows.push(std::slice::from_ref(cell)));
        arrays.push(rows.take().map_err(|error| engine(&error))?.column(0).clone());
        fields.push(field);
    }
    RecordBatch::try_new(Arc::new(Schema::new(distinct(fields))), arrays).map_err(|error| engine(&error))
}

fn common_type(cells: &[Cell]) -> DataType {
    let all = |is: &dyn Fn(&Cell) -> bool| cells.iter().all(|cell| cell.is_null() || is(cell));
    match () {
        () if all(&|cell| matches!(cell, Cell::Integer(_))) => DataType::Int64,
        () if all(&|cell| matches!(cell, Cell::Real(_))) => DataType::Float64,
        () if all(&|cell| matches!(cell, Cell::Bool(_))) => DataType::Boolean,
        () if all(&|cell| matches!(cell, Cell::Blob(_))) => DataType::Binary,
        () => DataType::Utf8,
    }
}
