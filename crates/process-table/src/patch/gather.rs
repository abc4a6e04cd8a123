//! Columns put together from runs of rows of others.

use super::PatchError;
use arrow_array::{Array, make_array};
use arrow_data::ArrayData;
use arrow_data::transform::MutableArrayData;
use datakeep_connector::rows::{Column, Exception};

/// A run of rows of one of several columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    pub(super) source: usize,
    pub(super) from: u32,
    pub(super) rows: u32,
}

/// Appends a run, to the one before where it goes on from there.
pub(super) fn push(runs: &mut Vec<Run>, source: usize, from: u32, rows: u32) {
    match runs.last_mut() {
        _ if rows == 0 => {}
        Some(last) if last.source == source && last.from + last.rows == from => last.rows += rows,
        _ => runs.push(Run { source, from, rows }),
    }
}

/// Runs of single rows of one source.
pub(super) fn picked(source: usize, positions: &[u32]) -> Vec<Run> {
    let mut runs = Vec::new();
    for position in positions {
        push(&mut runs, source, *position, 1);
    }
    runs
}

/// The rows of all runs in order. Sources have one type, and runs lie within them.
pub(super) fn gather(sources: &[&Column], runs: &[Run]) -> Result<Column, PatchError> {
    let data: Vec<ArrayData> = sources.iter().map(|source| source.values().to_data()).collect();
    for pair in data.windows(2) {
        super::same("type of a column", pair[0].data_type(), pair[1].data_type())?;
    }
    let rows: usize = runs.iter().map(|run| run.rows as usize).sum();
    let mut made = MutableArrayData::new(data.iter().collect(), false, rows);
    for run in runs {
        let whole = made.try_extend(run.source, run.from as usize, (run.from + run.rows) as usize);
        // Offsets of texts and bytes have 31 bits.
        whole.map_err(|_| PatchError::TooLarge { what: "bytes of a column", most: i32::MAX as u64 })?;
    }
    Ok(Column::new(make_array(made.freeze()), exceptions(sources, runs))?)
}

fn exceptions(sources: &[&Column], runs: &[Run]) -> Vec<Exception> {
    let mut made = Vec::new();
    if sources.iter().all(|source| source.exceptions().is_empty()) {
        return made;
    }
    let mut row = 0u32;
    for run in runs {
        let all = sources[run.source].exceptions();
        let first = all.partition_point(|exception| exception.row < run.from);
        let within = all[first..].iter().take_while(|exception| exception.row < run.from + run.rows);
        made.extend(within.map(|exception| Exception { row: row + exception.row - run.from, ..exception.clone() }));
        row += run.rows;
    }
    made
}
