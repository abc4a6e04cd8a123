//! The scan of a table: row groups that may hold an answer, read, proven and given on in batches.
//!
//! Which groups these are is found when the first partition runs, and by the tree: the walk begins at the group where the key's
//! least value may be, and ends behind its greatest. Partitions take the groups in turn. Of a group, the columns that conditions
//! are about are read first; where no row fulfils them, nothing else is.

use crate::error::{SqlError, outside};
use crate::prune::{self, Condition};
use crate::values::{Shown, shown};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, assert_or_internal_err};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};
use datakeep_engine::{StoredGroup, TablesReader};
use datakeep_process_table::TableDescription;
use datakeep_store::StoreError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a batch, at most.
const BATCH_ROWS: usize = 8192;

/// A condition, and the positions of the columns it is over.
pub(crate) type Filter = (Vec<usize>, Arc<dyn PhysicalExpr>);

/// What a query asks of a table.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Positions of the columns it wants, in the order in which it wants them.
    pub columns: Vec<usize>,
    /// What bounds can tell of.
    pub conditions: Vec<Condition>,
    /// What rows must fulfil, over the columns at these positions.
    pub filter: Option<Filter>,
    /// It needs no more rows than these.
    pub limit: Option<usize>,
}

/// What all partitions share.
struct Shared {
    reader: Arc<TablesReader>,
    table: TableDescription,
    shown: Shown,
    asked: Asked,
    /// As wide as what is asked for.
    schema: SchemaRef,
    /// Groups to read, once somebody has looked; the walk is made once, also when the plan runs again.
    groups: Mutex<Option<Arc<Vec<StoredGroup>>>>,
}

/// The scan as a plan.
pub(crate) struct SnapshotScan {
    shared: Arc<Shared>,
    known: Arc<Statistics>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SnapshotScan {
    pub fn new(
        reader: Arc<TablesReader>,
        table: TableDescription,
        shown: Shown,
        asked: Asked,
        known: Statistics,
        partitions: usize,
    ) -> Result<Self> {
        let schema = Arc::new(shown.schema.project(&asked.columns)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let shared = Shared { reader, table, shown, asked, schema, groups: Mutex::new(None) };
        Ok(Self {
            shared: Arc::new(shared),
            known: Arc::new(known),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    fn partitions(&self) -> usize {
        self.properties.partitioning.partition_count()
    }
}

impl fmt::Debug for SnapshotScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotScan: {}", self.shared.table.info.name)
    }
}

impl DisplayAs for SnapshotScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { reader, table, schema, asked, .. } = &*self.shared;
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let (snapshot, columns) = (reader.manifest().snapshot.id.short(), names.join(", "));
        write!(f, "SnapshotScan: {} of {snapshot}, columns=[{columns}], groups={}", table.info.name, table.groups)?;
        if let Some((_, filter)) = &asked.filter {
            write!(f, ", filter={filter}")?;
        }
        asked.limit.map_or(Ok(()), |limit| write!(f, ", limit={limit}"))
    }
}

impl ExecutionPlan for SnapshotScan {
    fn name(&self) -> &'static str {
        "SnapshotScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        match &self.shared.asked.filter {
            Some((_, filter)) => visit(filter),
            None => Ok(TreeNodeRecursion::Continue),
        }
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let partitions = self.partitions();
        assert_or_internal_err!(partition < partitions, "partition {partition} of {partitions}");
        let reservation = MemoryConsumer::new(format!("rows of {}", self.shared.table.info.name.table))
            .register(context.memory_pool());
        let count = |name: &'static str| MetricBuilder::new(&self.metrics).counter(name, partition);
        let mut work = Work {
            shared: self.shared.clone(),
            reservation,
            rows: count("output_rows"),
            read: count("groups_read"),
            skipped: count("groups_skipped"),
            left: self.shared.asked.limit.unwrap_or(usize::MAX),
        };
        let mut builder = RecordBatchReceiverStream::builder(self.shared.schema.clone(), 2);
        let sender = builder.tx();
        builder.spawn_blocking(move || {
            work.run((partition, partitions), &mut |batch| sender.blocking_send(Ok(batch)).is_ok())
        });
        Ok(builder.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        match args.partition() {
            // How rows are spread over partitions is found when they run.
            Some(_) => Ok(Arc::new(Statistics::new_unknown(&self.shared.schema))),
            None => Ok(self.known.clone()),
        }
    }
}

/// One partition at work.
struct Work {
    shared: Arc<Shared>,
    reservation: MemoryReservation,
    rows: Count,
    read: Count,
    skipped: Count,
    /// Rows that may still be given.
    left: usize,
}

/// Takes a batch; false when no more are wanted.
type Give<'g> = &'g mut dyn FnMut(RecordBatch) -> bool;

impl Work {
    fn run(&mut self, (first, step): (usize, usize), give: Give<'_>) -> Result<()> {
        let groups = self.shared.groups(&self.skipped)?;
        for group in groups.iter().skip(first).step_by(step) {
            if self.left == 0 || !self.group(group, give)? {
                break;
            }
        }
        Ok(())
    }

    /// Reads a group and gives its rows; false when no more are wanted.
    fn group(&mut self, group: &StoredGroup, give: Give<'_>) -> Result<bool> {
        let shared = self.shared.clone();
        let asked = &shared.asked;
        if asked.columns.is_empty() && asked.filter.is_none() {
            return self.pass(&shared.only_counted(group.description.rows as usize)?, give);
        }
        self.reservation.try_resize(shared.needed_bytes(group, &asked.columns))?;
        self.read.add(1);
        let (rows, keep, had) = match &asked.filter {
            None => (group.description.rows as usize, None, Vec::new()),
            Some((positions, filter)) => {
                let columns = shared.columns(group, positions)?;
                let schema = Arc::new(shared.shown.schema.project(positions)?);
                let batch = RecordBatch::try_new(schema, columns.clone())?;
                let keep = filter.evaluate(&batch)?.into_array(batch.num_rows())?;
                let keep = keep.as_any().downcast_ref::<BooleanArray>().cloned();
                if keep.as_ref().is_some_and(|keep| keep.true_count() == 0) {
                    self.reservation.free();
                    return Ok(true);
                }
                (batch.num_rows(), keep, positions.iter().copied().zip(columns).collect())
            }
        };
        let batch = shared.batch(group, rows, &had)?;
        drop(had);
        let batch = match &keep {
            Some(keep) if keep.true_count() < rows => filter_record_batch(&batch, keep)?,
            _ => batch,
        };
        self.reservation.try_resize(batch.get_array_memory_size())?;
        let goes_on = self.pass(&batch, give)?;
        drop(batch);
        self.reservation.free();
        Ok(goes_on)
    }

    fn pass(&mut self, batch: &RecordBatch, give: Give<'_>) -> Result<bool> {
        let mut from = 0;
        while from < batch.num_rows() && self.left > 0 {
            let rows = BATCH_ROWS.min(batch.num_rows() - from).min(self.left);
            self.rows.add(rows);
            self.left -= rows;
            if !give(batch.slice(from, rows)) {
                return Ok(false);
            }
            from += rows;
        }
        Ok(self.left > 0)
    }
}

impl Shared {
    /// The groups that may hold an answer.
    fn groups(&self, skipped: &Count) -> Result<Arc<Vec<StoredGroup>>> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(groups) = &*groups {
            return Ok(groups.clone());
        }
        let range = prune::key_range(&self.table, &self.asked.conditions);
        let first = self.table.info.key.first().map(|&at| self.table.numbers[at]);
        let mut found = Vec::new();
        let (mut seen, mut rows) = (0u64, 0usize);
        self.reader
            .each_group(&self.table.info.name, range.from.as_deref().unwrap_or_default(), &mut |group| {
                let key = group.statistics.iter().find(|known| Some(known.number) == first);
                let is_behind = range.to.is_some()
                    && key.is_some_and(|known| {
                        known.stats.bounds.is_some() && !known.stats.may_hold(None, range.to.as_deref())
                    });
                if is_behind {
                    return Ok(false);
                }
                seen += 1;
                if prune::may_hold(&self.table, &group.statistics, &self.asked.conditions) {
                    rows += group.description.rows as usize;
                    found.push(group);
                }
                Ok(self.asked.limit.is_none_or(|limit| rows < limit))
            })
            .map_err(outside)?;
        skipped.add(self.table.groups.saturating_sub(found.len() as u64).max(seen - found.len() as u64) as usize);
        Ok(groups.insert(Arc::new(found)).clone())
    }

    /// Rows of which nothing is asked but how many there are.
    fn only_counted(&self, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), Vec::new(), &options)?)
    }

    /// About what reading these columns of a group takes: pages and values.
    fn needed_bytes(&self, group: &StoredGroup, positions: &[usize]) -> usize {
        let wanted = |number: u32| positions.iter().any(|&at| self.table.numbers[at] == number);
        let columns = group.description.columns.iter().filter(|column| wanted(column.number));
        // Of which column a large value is stands in its exceptions alone.
        let may_be_large = columns.clone().any(|column| column.exceptions_len_bytes > 0);
        let large: u64 = group.description.large.iter().filter(|_| may_be_large).map(|large| large.len_bytes).sum();
        let chunks = columns.filter_map(|column| column.chunk.as_ref());
        let inline = chunks.map(|(form, len_bytes)| 2 * form.values_len_bytes + form.raw_len_bytes + len_bytes);
        let needed = inline.sum::<u64>().saturating_add(large.saturating_mul(2));
        usize::try_from(needed).unwrap_or(usize::MAX)
    }

    fn columns(&self, group: &StoredGroup, positions: &[usize]) -> Result<Vec<ArrayRef>> {
        let columns = self.reader.columns(&self.table, group, positions).map_err(outside)?;
        let show = |(column, &at): (_, &usize)| shown(column, self.shown.ways[at]).ok_or_else(|| self.unforeseen(at));
        columns.iter().zip(positions).map(show).collect()
    }

    /// Values that the table's statistics do not tell of: shown as nulls they would be lost.
    fn unforeseen(&self, at: usize) -> datafusion::error::DataFusionError {
        let name = &self.table.info.name;
        let what = format!("column {} of table {name}", self.table.info.columns[at].name);
        let detail = StoreError::damaged(what, 0, "values of its type", "others, of which its statistics do not tell");
        outside(SqlError::Distribute(detail.into()))
    }

    /// What is asked for of a group; columns that are there already are not read again.
    fn batch(&self, group: &StoredGroup, rows: usize, had: &[(usize, ArrayRef)]) -> Result<RecordBatch> {
        let has = |at: usize| had.iter().find(|(position, _)| *position == at).map(|(_, values)| values.clone());
        let mut missing: Vec<usize> = self.asked.columns.iter().copied().filter(|&at| has(at).is_none()).collect();
        missing.sort_unstable();
        missing.dedup();
        let read: Vec<(usize, ArrayRef)> = missing.iter().copied().zip(self.columns(group, &missing)?).collect();
        let of = |at: &usize| {
            has(*at).or_else(|| read.iter().find(|(position, _)| position == at).map(|(_, values)| values.clone()))
        };
        let columns: Option<Vec<ArrayRef>> = self.asked.columns.iter().map(of).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns.unwrap_or_default(), &options)?)
    }
}
