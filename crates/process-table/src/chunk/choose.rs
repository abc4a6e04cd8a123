//! Which layout a column gets.

use super::{ChunkError, Layout, encode, suits};
use crate::cells::Cells;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use datakeep_connector::rows::Column;
use std::collections::HashSet;

/// Rows looked at: an eighth of a group, but at least and at most so many.
const SAMPLE_ROWS: std::ops::RangeInclusive<usize> = 2 << 10..=8 << 10;
/// A layout must save this share to be taken instead of a simpler one.
const LEAST_GAIN: f64 = 0.03;
/// A sample does not tell apart what is closer than this: all rows do.
const CLOSE: f64 = 0.25;

/// Chooses the layout that would make the values shortest, judged by a sample of an eighth of the rows from their middle, 2 to 8
/// Ki, and by all rows where the sample shows no clear winner; the simpler one where two are about equal. A dictionary is tried only where values repeat: it never pays otherwise, and the writer would not
/// notice (tables-measured, 3).
///
/// A sample flatters no layout but burdens the dictionary, whose distinct values are written once however many rows there are:
/// its page is expected to grow from the sample to all rows as it grew from half of the sample to all of it, each doubling by
/// the same factor (Heaps' law; H. S. Heaps, Information Retrieval, 1978, section 7.5), the rest in proportion to rows.
///
/// The choice holds for a table, not for a group: callers make it from a first group, keep it, and judge again when the stored
/// share of a column drifts. It costs about half as much as
/// encoding the group, and up to three times as much where all rows are looked at.
pub fn choose(values: &ArrayRef, level: i32) -> Result<Layout, ChunkError> {
    let rows = (values.len() / 8).clamp(*SAMPLE_ROWS.start(), *SAMPLE_ROWS.end()).min(values.len());
    let sample = values.slice((values.len() - rows) / 2, rows);
    let distinct = Distinct::count(&sample);
    let doublings = (values.len().max(1) as f64 / rows.max(1) as f64).log2();
    let mut judged = Vec::new();
    for layout in candidates(values.data_type(), &distinct) {
        let (bytes, form) = encode(&sample, layout, level)?;
        let dictionary = f64::from(form.data_offset_byte);
        let rest = bytes.len() as f64 - dictionary;
        judged.push((layout, dictionary * distinct.growth().powf(doublings) + rest * doublings.exp2()));
    }
    let least = judged.iter().copied().fold((Layout::Plain, f64::INFINITY), |l, r| if r.1 < l.1 { r } else { l });
    // How a dictionary grows is a guess, and a costly one where it is wrong.
    if least.0 != Layout::Dictionary {
        judged.retain(|(_, len)| *len <= least.1 * (1.0 + CLOSE));
    }
    if judged.len() > 1 && rows < values.len() {
        for (layout, len) in &mut judged {
            *len = encode(values, *layout, level)?.0.len() as f64;
        }
    }
    let better = |best: (Layout, f64), other: (Layout, f64)| {
        if other.1 < best.1 * (1.0 - LEAST_GAIN) { other } else { best }
    };
    Ok(judged.into_iter().reduce(better).map_or(Layout::Plain, |(layout, _)| layout))
}

/// Layouts that suit a type, the simplest first.
fn candidates(data_type: &DataType, distinct: &Distinct) -> Vec<Layout> {
    use Layout as L;
    let fitting = match data_type {
        DataType::Boolean => return vec![L::Plain],
        DataType::Utf8 | DataType::Binary => [L::DeltaLength, L::DeltaText],
        DataType::Float32 | DataType::Float64 => [L::Plain, L::Streams],
        _ if suits(L::Delta, data_type) => [L::Delta, L::Plain],
        _ => [L::Plain, L::DeltaText],
    };
    let dictionary = distinct.repeat().then_some(L::Dictionary);
    dictionary.into_iter().chain(fitting.into_iter().filter(|layout| suits(*layout, data_type))).collect()
}

/// How many distinct values a sample has.
struct Distinct {
    typed: usize,
    in_half: usize,
    in_all: usize,
}

impl Distinct {
    fn count(values: &ArrayRef) -> Self {
        let Ok(column) = Column::new(values.clone(), Vec::new()) else {
            return Self { typed: 0, in_half: 0, in_all: 0 };
        };
        let cells = Cells::new(&column);
        let (typed, mut seen, mut in_half) = (cells.typed_rows(), HashSet::new(), 0);
        for (row, bytes) in cells.typed() {
            seen.insert(bytes);
            if row < cells.rows() / 2 {
                in_half = seen.len();
            }
        }
        Self { typed, in_half, in_all: seen.len() }
    }

    /// At most half of the values are distinct.
    fn repeat(&self) -> bool {
        self.in_all <= self.typed / 2
    }

    /// From half of the rows to all of them: 1 where nothing new came, 2 where all is new.
    fn growth(&self) -> f64 {
        (self.in_all as f64 / self.in_half.max(1) as f64).clamp(1.0, 2.0)
    }
}
