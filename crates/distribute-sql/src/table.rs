//! A table of a snapshot as something to query.

use crate::error::outside;
use crate::prune;
use crate::scan::{Asked, Filter, SnapshotScan};
use crate::statistics;
use crate::values::Shown;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result, Statistics};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datakeep_engine::TablesReader;
use datakeep_process_table::TableDescription;
use datakeep_process_table::describe::ColumnStatistics;
use std::fmt;
use std::sync::Arc;

/// A table of a snapshot. Nothing but its description is read before a query runs.
pub(crate) struct SnapshotTable {
    pub reader: Arc<TablesReader>,
    pub table: TableDescription,
    pub statistics: Vec<ColumnStatistics>,
    pub shown: Shown,
}

impl SnapshotTable {
    /// The table of this description.
    pub fn new(reader: Arc<TablesReader>, table: TableDescription) -> Result<Self> {
        let statistics = reader.statistics(&table.info.name).map_err(outside)?;
        let shown = Shown::new(&table, &statistics);
        Ok(Self { reader, table, statistics, shown })
    }
}

impl fmt::Debug for SnapshotTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of snapshot {}", self.table.info.name, self.reader.manifest().snapshot.id.short())
    }
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        self.shown.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_table_definition(&self) -> Option<&str> {
        Some(&self.table.info.sql)
    }

    /// Groups are left out and rows dropped by conditions where that is cheap; the engine asks again for the rest.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        let all: Vec<usize> = (0..self.table.numbers.len()).collect();
        Some(statistics::of(&self.table, &self.statistics, &self.shown, &all))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = projection.cloned().unwrap_or_else(|| (0..self.table.numbers.len()).collect());
        let asked = Asked {
            conditions: prune::conditions(filters, &self.shown.schema, &self.shown.ways),
            filter: self.filter(state, filters)?,
            // Rows that a condition drops must not use up a limit.
            limit: limit.filter(|_| filters.is_empty()),
            columns,
        };
        let known = statistics::of(&self.table, &self.statistics, &self.shown, &asked.columns);
        let known = if filters.is_empty() { known } else { known.to_inexact() };
        let partitions = state.config().target_partitions().clamp(1, self.table.groups.clamp(1, 1 << 10) as usize);
        let scan =
            SnapshotScan::new(self.reader.clone(), self.table.clone(), self.shown.clone(), asked, known, partitions)?;
        Ok(Arc::new(scan))
    }
}

impl SnapshotTable {
    /// All conditions as one, over just the columns they are about; nothing where there are none.
    fn filter(&self, state: &dyn Session, filters: &[Expr]) -> Result<Option<Filter>> {
        let Some(all) = datafusion::logical_expr::utils::conjunction(filters.to_vec()) else { return Ok(None) };
        let mut positions: Vec<usize> =
            all.column_refs().iter().filter_map(|column| self.shown.schema.index_of(&column.name).ok()).collect();
        positions.sort_unstable();
        positions.dedup();
        if positions.is_empty() {
            return Ok(None);
        }
        let schema = DFSchema::try_from(self.shown.schema.project(&positions)?)?;
        let unqualified = all.column_refs().iter().any(|column| column.relation.is_some());
        let all = if unqualified { datafusion::logical_expr::expr_rewriter::unnormalize_col(all) } else { all };
        Ok(Some((positions, state.create_physical_expr(all, &schema)?)))
    }
}
