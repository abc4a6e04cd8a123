//! What columns, groups, tables and rows are, whatever bytes they are stored in.
//!
//! Identity is a keyed hash of canonical values, never of encoded ones: a better encoder re-stores nothing, an unchanged group is
//! never encoded, and a table that is captured, restored and captured again has the same root. Columns, groups and roots are
//! named by keyed BLAKE3; their inputs are long. Keys and rows are short, and BLAKE3 on short inputs would cost more than all
//! columns together (measured): they get XXH3 with a secret of 192 bytes, which nobody without the key can aim at.

use crate::cells::{Cell, Cells};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, RowBatch};
use std::fmt;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_secret, xxh3_128_with_secret};

/// Identity of the values of one column of a group.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ColumnHash(pub [u8; 32]);

/// Identity of a group: of its rows, in their order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct GroupHash(pub [u8; 32]);

/// The name of the bytes of a value that stands aside ([`crate::aside`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LargeName(pub [u8; 32]);

/// Identity of a set of rows, whatever their order: the sum of their hashes modulo 2^128. Adding rows adds, taking rows away
/// subtracts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RowSum(pub u128);

impl RowSum {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// This without those.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl fmt::Debug for RowSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

const SECRET_LEN_BYTES: usize = 192;
/// A row that is longer than this is hashed in pieces.
const MOST_ROW_COPY_BYTES: usize = 1 << 20;

/// Hashes rows, columns, groups and tables of one repository.
pub struct TableHasher {
    column: [u8; 32],
    group: [u8; 32],
    root: [u8; 32],
    large: [u8; 32],
    split: [u8; SECRET_LEN_BYTES],
    row: [u8; SECRET_LEN_BYTES],
    distinct: [u8; SECRET_LEN_BYTES],
}

impl TableHasher {
    /// Keys for each purpose from the repository's key for tables: keyed BLAKE3 over `datakeep table PURPOSE 1`, extended to the
    /// length needed.
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            column: derive(key, "column"),
            group: derive(key, "group"),
            root: derive(key, "root"),
            large: derive(key, "large"),
            split: derive(key, "split"),
            row: derive(key, "row"),
            distinct: derive(key, "distinct"),
        }
    }

    /// The hash of a row's key that decides where groups end.
    pub fn split_hash(&self, key: &[u8]) -> u64 {
        xxh3_64_with_secret(key, &self.split)
    }

    /// The hash of a typed value that counts it among the distinct ones ([`crate::stats::Distinct`]).
    pub fn distinct_hash(&self, value: &[u8]) -> u64 {
        xxh3_64_with_secret(value, &self.distinct)
    }

    /// The name of a large value.
    pub fn large(&self, value: &[u8]) -> LargeName {
        LargeName(*blake3::keyed_hash(&self.large, value).as_bytes())
    }

    /// The identity of a column.
    pub fn column(&self, column: &Column) -> ColumnHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.column);
        let cells = Cells::new(column);
        put_type(cells.data_type(), &mut hasher);
        put_len(cells.rows(), &mut hasher);
        put_len(cells.typed_rows(), &mut hasher);
        if cells.typed_rows() < cells.rows() {
            put_bitmap(&cells, &mut hasher);
        }
        put_values(&cells, &mut hasher);
        put_len(cells.exceptions().len(), &mut hasher);
        for exception in cells.exceptions() {
            hasher.update(&exception.row.to_le_bytes());
            hasher.update(&[exception.kind]);
            put_len(exception.bytes.len(), &mut hasher);
            hasher.update(&exception.bytes);
        }
        ColumnHash(*hasher.finalize().as_bytes())
    }

    /// The identity of a group of rows from those of its columns, each with the column's number in the table.
    pub fn group(&self, rows: usize, columns: &[(u32, ColumnHash)]) -> GroupHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.group);
        put_len(rows, &mut hasher);
        put_len(columns.len(), &mut hasher);
        for (number, hash) in columns {
            hasher.update(&number.to_le_bytes());
            hasher.update(&hash.0);
        }
        GroupHash(*hasher.finalize().as_bytes())
    }

    /// The identity of a table's content from that of its groups, in their order.
    pub fn root<'g>(&self, groups: impl IntoIterator<Item = (u64, &'g GroupHash)>) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.root);
        for (rows, hash) in groups {
            hasher.update(&rows.to_le_bytes());
            hasher.update(&hash.0);
        }
        *hasher.finalize().as_bytes()
    }

    /// The sum over rows. `numbers` are those of the columns in the table. A null adds nothing to its row: a column that is
    /// added and null everywhere changes no sum.
    pub fn rows(&self, batch: &RowBatch, numbers: &[u32]) -> RowSum {
        let mut sum = RowSum::default();
        self.each_row(batch, numbers, |hash| sum = sum.plus(RowSum(hash)));
        sum
    }

    /// What decides where groups of a table without a key end: hashes of rows, in order.
    pub fn row_split_hashes(&self, batch: &RowBatch, numbers: &[u32]) -> Vec<u64> {
        let mut hashes = Vec::with_capacity(batch.rows());
        self.each_row(batch, numbers, |hash| hashes.push(hash as u64));
        hashes
    }

    fn each_row(&self, batch: &RowBatch, numbers: &[u32], mut take: impl FnMut(u128)) {
        let cells: Vec<Cells<'_>> = batch.columns().iter().map(Cells::new).collect();
        let mut columns: Vec<_> = numbers.iter().zip(cells.iter().map(Cells::iter)).collect();
        let mut row = Vec::new();
        for _ in 0..batch.rows() {
            row.clear();
            let mut long = None;
            for (number, cells) in &mut columns {
                put_cell(**number, cells.next().unwrap_or(Cell::Null), |bytes| self.put(bytes, &mut row, &mut long));
            }
            take(match long {
                None => xxh3_128_with_secret(&row, &self.row),
                Some(mut hasher) => {
                    hasher.update(&row);
                    hasher.digest128()
                }
            });
        }
    }

    /// More bytes of a row, which are gathered as long as they are few: most rows are short, and hashed in one go.
    #[inline]
    fn put(&self, bytes: &[u8], row: &mut Vec<u8>, long: &mut Option<Box<Xxh3>>) {
        if row.len() + bytes.len() <= MOST_ROW_COPY_BYTES {
            append(row, bytes);
            return;
        }
        let hasher = long.get_or_insert_with(|| Box::new(Xxh3::with_secret(self.row)));
        hasher.update(row);
        hasher.update(bytes);
        row.clear();
    }
}

fn derive<const LEN: usize>(key: &[u8; 32], purpose: &str) -> [u8; LEN] {
    let mut made = [0; LEN];
    let label = format!("datakeep table {purpose} 1");
    blake3::Hasher::new_keyed(key).update(label.as_bytes()).finalize_xof().fill(&mut made);
    made
}

fn put_len(len: usize, hasher: &mut blake3::Hasher) {
    hasher.update(&(len as u64).to_le_bytes());
}

/// One bit a row, the lowest first: 1 where there is a typed value.
fn put_bitmap(cells: &Cells<'_>, hasher: &mut blake3::Hasher) {
    let mut bits = vec![0u8; cells.rows().div_ceil(8)];
    for row in (0..cells.rows()).filter(|&row| cells.is_typed(row)) {
        bits[row / 8] |= 1 << (row % 8);
    }
    hasher.update(&bits);
}

/// Typed values in order; of those that differ in length first all lengths.
fn put_values(cells: &Cells<'_>, hasher: &mut blake3::Hasher) {
    let is_whole = cells.typed_rows() == cells.rows();
    let typed = || (0..cells.rows()).filter(|&row| cells.is_typed(row));
    if cells.is_variable() {
        let lens: Vec<u8> = typed().flat_map(|row| (cells.bytes(row).len() as u32).to_le_bytes()).collect();
        hasher.update(&lens);
        let (offsets, bytes) = cells.variable();
        if let (true, Some(from), Some(to)) = (is_whole, offsets.first(), offsets.last()) {
            hasher.update(&bytes[*from as usize..*to as usize]);
        } else {
            for row in typed() {
                hasher.update(cells.bytes(row));
            }
        }
    } else if is_whole {
        hasher.update(cells.fixed());
    } else {
        let values: Vec<u8> = typed().flat_map(|row| cells.bytes(row).iter().copied()).collect();
        hasher.update(&values);
    }
}

/// The type, so that equal bytes of different types are different values.
fn put_type(data_type: &DataType, hasher: &mut blake3::Hasher) {
    let (code, parameters) = crate::types::code_of(data_type);
    hasher.update(&[code, parameters.len() as u8]);
    hasher.update(&parameters);
}

/// Appends bytes. What is as long as a number is copied in place: a call of the C library takes longer.
#[inline]
fn append(row: &mut Vec<u8>, bytes: &[u8]) {
    if let Ok(word) = <&[u8; 8]>::try_from(bytes) {
        row.extend_from_slice(word);
    } else if let Ok(word) = <&[u8; 4]>::try_from(bytes) {
        row.extend_from_slice(word);
    } else if let Ok(word) = <&[u8; 16]>::try_from(bytes) {
        row.extend_from_slice(word);
    } else if let [byte] = bytes {
        row.push(*byte);
    } else {
        row.extend_from_slice(bytes);
    }
}

#[inline]
fn put_cell(number: u32, cell: Cell<'_>, mut put: impl FnMut(&[u8])) {
    let (kind, bytes) = match cell {
        Cell::Null => return,
        Cell::Typed(bytes) => (0, bytes),
        Cell::Exception(exception) => (exception.kind, exception.bytes.as_slice()),
    };
    let mut heading = [0; 9];
    heading[..4].copy_from_slice(&number.to_le_bytes());
    heading[4] = kind;
    heading[5..].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
    put(&heading);
    put(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};
    use datakeep_connector::rows::Exception;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn hasher() -> TableHasher {
        TableHasher::new(&[7; 32])
    }

    fn plain(values: impl Array + 'static) -> Column {
        Column::new(Arc::new(values) as ArrayRef, Vec::new()).expect("a supported type")
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    type Row = (Option<i64>, Option<String>, Option<bool>, u8);

    /// A column of each layout, and one with exceptions, from chance.
    fn columns(rows: &[Row]) -> Vec<Column> {
        let numbers: ArrayRef = Arc::new(rows.iter().map(|row| row.0.filter(|_| row.3 > 40)).collect::<Int64Array>());
        let odd = |(at, row): (usize, &(_, _, _, u8))| {
            (row.3 <= 20).then(|| Exception { row: at as u32, kind: 1 + row.3 % 3, bytes: vec![row.3; 3] })
        };
        let exceptions = rows.iter().enumerate().filter_map(odd).collect();
        vec![
            Column::new(numbers, exceptions).expect("valid"),
            plain(rows.iter().map(|row| row.1.as_deref()).collect::<StringArray>()),
            plain(rows.iter().map(|row| row.2).collect::<BooleanArray>()),
            plain(rows.iter().map(|row| Some(f64::from(row.3))).collect::<Float64Array>()),
        ]
    }

    fn some_rows() -> impl Strategy<Value = Vec<Row>> {
        let row = (any::<Option<i64>>(), proptest::option::of("[a-c]{0,5}"), any::<Option<bool>>(), any::<u8>());
        proptest::collection::vec(row, 1..60)
    }

    #[test]
    fn these_are_the_hashes_of_the_format() {
        let hasher = hasher();
        let numbers = plain(Int64Array::from(vec![Some(1), None, Some(-3)]));
        let texts = plain(StringArray::from(vec!["a", "", "ccc"]));
        let by_hand = |key: &[u8; 32], bytes: &[u8]| hex(blake3::keyed_hash(key, bytes).as_bytes());
        let mut expected = vec![5, 0];
        expected.extend(3u64.to_le_bytes());
        expected.extend(2u64.to_le_bytes());
        expected.push(0b101);
        expected.extend(1i64.to_le_bytes());
        expected.extend((-3i64).to_le_bytes());
        expected.extend(0u64.to_le_bytes());
        assert_eq!(hex(&hasher.column(&numbers).0), by_hand(&hasher.column, &expected));
        let mut expected = vec![16, 0];
        expected.extend(3u64.to_le_bytes());
        expected.extend(3u64.to_le_bytes());
        expected.extend([1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
        expected.extend(b"accc");
        expected.extend(0u64.to_le_bytes());
        assert_eq!(hex(&hasher.column(&texts).0), by_hand(&hasher.column, &expected));
        let key = blake3::Hasher::new_keyed(&[7; 32]).update(b"datakeep table column 1").finalize();
        assert_eq!(hex(&hasher.column), hex(key.as_bytes()));
    }

    #[test]
    fn equal_bytes_of_another_type_are_another_column() {
        let hasher = hasher();
        let wide = hasher.column(&plain(Int64Array::from(vec![1, 2])));
        assert_ne!(wide, hasher.column(&plain(Int32Array::from(vec![1, 2]))));
        assert_ne!(wide, hasher.column(&plain(Float64Array::from(vec![f64::from_bits(1), f64::from_bits(2)]))));
    }

    #[test]
    fn a_null_adds_nothing_to_a_row() {
        let hasher = hasher();
        let numbers = plain(Int64Array::from(vec![1, 2]));
        let nothing = plain(StringArray::from(vec![None::<&str>, None]));
        let alone = RowBatch::new(vec![numbers.clone()]).expect("even");
        let both = RowBatch::new(vec![numbers, nothing]).expect("even");
        assert_eq!(hasher.rows(&alone, &[4]), hasher.rows(&both, &[4, 5]));
        assert_ne!(hasher.rows(&alone, &[4]), hasher.rows(&alone, &[3]));
    }

    proptest! {
        #[test]
        fn a_slice_is_the_same_as_its_rows_alone(rows in some_rows(), from in 0usize..60, len in 0usize..60) {
            let hasher = hasher();
            let from = from.min(rows.len() - 1);
            let len = len.min(rows.len() - from);
            for (whole, alone) in columns(&rows).iter().zip(columns(&rows[from..from + len])) {
                prop_assert_eq!(hasher.column(&whole.slice(from, len)), hasher.column(&alone));
            }
        }

        #[test]
        fn another_value_is_another_column(rows in some_rows(), at in 0usize..60, change in 1u8..) {
            let hasher = hasher();
            let mut changed = rows.clone();
            let at = at % rows.len();
            changed[at].3 = changed[at].3.wrapping_add(change);
            prop_assert_ne!(hasher.column(&columns(&rows)[3]), hasher.column(&columns(&changed)[3]));
            let mut changed = rows.clone();
            changed[at].1 = Some(format!("{}x", changed[at].1.clone().unwrap_or_default()));
            prop_assert_ne!(hasher.column(&columns(&rows)[1]), hasher.column(&columns(&changed)[1]));
        }

        #[test]
        fn a_sum_knows_no_order_and_can_be_taken_apart(rows in some_rows(), cut in 0usize..60) {
            let hasher = hasher();
            let sum = |rows: &[Row]| match rows {
                [] => RowSum::default(),
                rows => hasher.rows(&RowBatch::new(columns(rows)).expect("even"), &[0, 1, 2, 9]),
            };
            let (before, after) = rows.split_at(cut.min(rows.len()));
            let mut turned = rows.clone();
            turned.reverse();
            prop_assert_eq!(sum(&rows), sum(before).plus(sum(after)));
            prop_assert_eq!(sum(&rows).minus(sum(after)), sum(before));
            prop_assert_eq!(sum(&rows), sum(&turned));
        }
    }

    #[test]
    fn rows_that_are_hashed_in_pieces_have_the_same_hash() {
        let hasher = TableHasher::new(&[3; 32]);
        for lens in [vec![1 << 20, 5], vec![5, (1 << 20) - 23], vec![3 << 20, 0, 2 << 20, 17], vec![700_000, 700_000]] {
            let texts: Vec<String> = lens.iter().map(|len| "ab".repeat(len / 2)).collect();
            let columns = texts.iter().map(|text| plain(StringArray::from(vec![text.as_str()])));
            let batch = RowBatch::new(columns.collect()).expect("even");
            let numbers: Vec<u32> = (7..).take(lens.len()).collect();
            let mut whole = Vec::new();
            for (number, text) in numbers.iter().zip(&texts) {
                put_cell(*number, Cell::Typed(text.as_bytes()), |bytes| whole.extend_from_slice(bytes));
            }
            let expected = RowSum(xxh3_128_with_secret(&whole, &hasher.row));
            assert_eq!(hasher.rows(&batch, &numbers), expected, "{lens:?}");
        }
    }
}
