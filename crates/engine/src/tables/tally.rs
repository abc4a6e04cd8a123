//! What a table comes to while its groups pass.

use datakeep_process_table::{Changes, GroupHash, RowSum, TableHasher};

/// Sums over the groups of one table.
pub(crate) struct Totals {
    pub rows: u64,
    pub row_sum: RowSum,
    pub groups: Vec<(u64, GroupHash)>,
    /// What became of the rows; `None` once that is not known of some group.
    pub changes: Option<Changes>,
}

impl Default for Totals {
    fn default() -> Self {
        let changes = Some(Changes::default());
        Self { rows: 0, row_sum: RowSum::default(), groups: Vec::new(), changes }
    }
}

impl Totals {
    pub fn add(&mut self, rows: u64, row_sum: RowSum, hash: GroupHash) {
        self.rows += rows;
        self.row_sum = self.row_sum.plus(row_sum);
        self.groups.push((rows, hash));
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
