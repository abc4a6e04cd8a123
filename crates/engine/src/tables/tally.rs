//! What a table comes to while its groups pass.

use datakeep_process_table::{GroupHash, RowSum, TableHasher};

/// Sums over the groups of one table.
#[derive(Default)]
pub(crate) struct Totals {
    pub rows: u64,
    pub row_sum: RowSum,
    pub groups: Vec<(u64, GroupHash)>,
    /// Groups that are not as they were.
    pub groups_new: u64,
}

impl Totals {
    pub fn add(&mut self, rows: u64, row_sum: RowSum, hash: GroupHash) {
        self.rows += rows;
        self.row_sum = self.row_sum.plus(row_sum);
        self.groups.push((rows, hash));
    }

    pub fn content_root(&self, hasher: &TableHasher) -> [u8; 32] {
        hasher.root(self.groups.iter().map(|(rows, hash)| (*rows, hash)))
    }
}
