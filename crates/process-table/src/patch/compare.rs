//! Which cells of two columns differ.

use crate::cells::{Cell, Cells};

/// Rows compared at once: most blocks are equal, and equal bytes are found equal fast.
const BLOCK_ROWS: usize = 64;

/// One column, ready to be compared.
pub(super) struct View<'a> {
    cells: &'a Cells<'a>,
    width: usize,
    fixed: &'a [u8],
    offsets: &'a [i32],
    bytes: &'a [u8],
    is_whole: bool,
}

impl<'a> View<'a> {
    pub(super) fn new(cells: &'a Cells<'a>) -> Self {
        let is_whole = cells.typed_rows() == cells.rows();
        if cells.is_variable() {
            let (offsets, bytes) = cells.variable();
            return Self { cells, width: 0, fixed: &[], offsets, bytes, is_whole };
        }
        let fixed = cells.fixed();
        Self { cells, width: fixed.len() / cells.rows().max(1), fixed, offsets: &[], bytes: &[], is_whole }
    }

    fn bytes_of(&self, from: usize, to: usize) -> &[u8] {
        if self.cells.is_variable() {
            &self.bytes[self.offsets[from] as usize..self.offsets[to] as usize]
        } else {
            &self.fixed[from * self.width..to * self.width]
        }
    }

    fn cell(&self, row: usize) -> Cell<'_> {
        if self.is_whole || self.cells.is_typed(row) {
            return Cell::Typed(self.bytes_of(row, row + 1));
        }
        let exceptions = self.cells.exceptions();
        let found = exceptions.binary_search_by_key(&row, |exception| exception.row as usize);
        found.ok().and_then(|at| exceptions.get(at)).map_or(Cell::Null, Cell::Exception)
    }

    /// Calls `differs` with the distance from the first row of each row that differs.
    pub(super) fn compare(
        &self,
        from: usize,
        other: &Self,
        other_from: usize,
        rows: usize,
        mut differs: impl FnMut(usize),
    ) {
        for block in (0..rows).step_by(BLOCK_ROWS) {
            let to = rows.min(block + BLOCK_ROWS);
            if self.is_alike(from + block, other, other_from + block, to - block) {
                continue;
            }
            for row in (block..to).filter(|row| !is_same(self.cell(from + row), other.cell(other_from + row))) {
                differs(row);
            }
        }
    }

    /// True only when all rows are equal; false may be wrong.
    fn is_alike(&self, from: usize, other: &Self, other_from: usize, rows: usize) -> bool {
        if self.bytes_of(from, from + rows) != other.bytes_of(other_from, other_from + rows) {
            return false;
        }
        let mut all = 0..rows;
        if self.cells.is_variable() {
            let len = |offsets: &[i32], row: usize| offsets[row + 1] - offsets[row];
            if !all.clone().all(|row| len(self.offsets, from + row) == len(other.offsets, other_from + row)) {
                return false;
            }
        }
        let is_typed = |row: usize| self.cells.is_typed(from + row) && other.cells.is_typed(other_from + row);
        self.is_whole && other.is_whole || all.all(is_typed)
    }
}

/// The same in whatever rows they stand.
fn is_same(left: Cell<'_>, right: Cell<'_>) -> bool {
    match (left, right) {
        (Cell::Exception(left), Cell::Exception(right)) => left.kind == right.kind && left.bytes == right.bytes,
        (left, right) => left == right,
    }
}
