//! How long rows are, however they are cut into batches.

use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, RowBatch};

/// What a value of a length of its own takes besides.
const OFFSET_LEN_BYTES: usize = 4;
/// What an exception takes besides its bytes.
const EXCEPTION_LEN_BYTES: usize = 8;

/// Bytes of the values of some rows: the sum of those of each.
pub(crate) fn len_bytes(batch: &RowBatch) -> usize {
    batch.columns().iter().map(column_len_bytes).sum()
}

fn column_len_bytes(column: &Column) -> usize {
    let rows = column.rows();
    let typed = match offsets(column) {
        Some(offsets) => rows * OFFSET_LEN_BYTES + between(offsets, 0, rows),
        None => rows * width(column.values().data_type()),
    };
    typed + column.exceptions().iter().map(|exception| exception.bytes.len() + EXCEPTION_LEN_BYTES).sum::<usize>()
}

/// Bytes of the values of each row.
pub(crate) fn row_lens(batch: &RowBatch) -> Vec<usize> {
    let mut lens = vec![0; batch.rows()];
    for column in batch.columns() {
        match offsets(column) {
            Some(offsets) => {
                lens.iter_mut()
                    .enumerate()
                    .for_each(|(row, len)| *len += OFFSET_LEN_BYTES + between(offsets, row, row + 1));
            }
            None => lens.iter_mut().for_each(|len| *len += width(column.values().data_type())),
        }
        for exception in column.exceptions() {
            lens[exception.row as usize] += exception.bytes.len() + EXCEPTION_LEN_BYTES;
        }
    }
    lens
}

fn between(offsets: &[i32], from: usize, to: usize) -> usize {
    match (offsets.get(from), offsets.get(to)) {
        (Some(from), Some(to)) => (to - from) as usize,
        _ => 0,
    }
}

fn offsets(column: &Column) -> Option<&[i32]> {
    match column.values().data_type() {
        DataType::Utf8 => Some(column.values().as_string::<i32>().value_offsets()),
        DataType::Binary => Some(column.values().as_binary::<i32>().value_offsets()),
        _ => None,
    }
}

fn width(data_type: &DataType) -> usize {
    match data_type {
        DataType::FixedSizeBinary(len) => *len as usize,
        other => other.primitive_width().unwrap_or(1),
    }
}
