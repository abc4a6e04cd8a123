//! What a table comes to while its groups pass.

use datakeep_process_table::describe::ColumnStatistics;
use datakeep_process_table::{Changes, ColumnStats, Distinct, GroupHash, RowSum, TableHasher};

/// Sums over the groups of one table.
pub(crate) struct Totals {
    pub rows: u64,
    pub row_sum: RowSum,
    pub groups: Vec<(u64, GroupHash)>,
    /// What became of the rows; `None` once that is not known of some group.
    pub changes: Option<Changes>,
    /// What is known of the columns.
    pub known: Known,
    /// True when every group was counted anew, so that sketches need nothing of before.
    pub is_recounted: bool,
}

/// What is known of the columns of a table, by their order.
#[derive(Default)]
pub(crate) struct Known {
    columns: Vec<(u32, ColumnStats, Distinct)>,
}

impl Known {
    fn add(&mut self, statistics: &[ColumnStatistics], distinct: Option<&[Distinct]>) {
        for (at, column) in statistics.iter().enumerate() {
            let found = self.columns.iter().position(|(number, ..)| *number == column.number);
            let place = found.unwrap_or_else(|| {
                self.columns.push((column.number, ColumnStats::default(), Distinct::default()));
                self.columns.len() - 1
            });
            let (_, stats, sketch) = &mut self.columns[place];
            *stats = std::mem::take(stats).merged(column.stats.clone());
            if let Some(distinct) = distinct.and_then(|all| all.get(at)) {
                sketch.merge(distinct);
            }
        }
    }

    /// Of the columns of these numbers; with what was known of distinct values before, where not all were counted anew.
    pub fn finish(self, numbers: &[u32], was: Option<&[ColumnStatistics]>) -> Vec<ColumnStatistics> {
        let mut columns = self.columns;
        let mut take = |number: u32| {
            let at = columns.iter().position(|(known, ..)| *known == number);
            let (_, stats, mut distinct) = at.map(|at| columns.swap_remove(at)).unwrap_or_default();
            let was = was.into_iter().flatten().find(|column| column.number == number);
            was.and_then(|column| column.distinct.as_ref()).into_iter().for_each(|was| distinct.merge(was));
            ColumnStatistics { number, stats, distinct: Some(distinct) }
        };
        numbers.iter().map(|number| take(*number)).collect()
    }
}

impl Default for Totals {
    fn default() -> Self {
        let changes = Some(Changes::default());
        let (rows, row_sum, groups, known) = (0, RowSum::default(), Vec::new(), Known::default());
        Self { rows, row_sum, groups, changes, known, is_recounted: true }
    }
}

impl Totals {
    pub fn add(&mut self, rows: u64, row_sum: RowSum, hash: GroupHash) {
        self.rows += rows;
        self.row_sum = self.row_sum.plus(row_sum);
        self.groups.push((rows, hash));
    }

    /// Adds what is known of the columns of a group; without sketches where it stayed as it was.
    pub fn know(&mut self, statistics: &[ColumnStatistics], distinct: Option<&[Distinct]>) {
        self.known.add(statistics, distinct);
        self.is_recounted &= distinct.is_some();
    }

    /// Adds what became of the rows of a group.
    pub fn note(&mut self, changes: Option<Changes>) {
        self.changes = self.changes.zip(changes).map(|(all, one)| Changes {
            inserted: all.inserted + one.inserted,
            updated: all.updated + one.updated,
            deleted: all.deleted + one.deleted,
        });
    }

    pub fn content_root(&self, hasher: &TableHasher) -> [u8; 32] {
        hasher.root(self.groups.iter().map(|(rows, hash)| (*rows, hash)))
    }
}
