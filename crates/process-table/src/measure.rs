//! What things cost and save, on a made-up group of 64 Ki rows and 12 columns. Prints; run with optimisation:
//! `CARGO_PROFILE_TEST_OPT_LEVEL=3 cargo test -p datakeep-process-table measure -- --ignored --nocapture --test-threads 1`.

use crate::chunk::{self, Layout};
use crate::key::encode_keys;
use crate::{ColumnStats, Distinct, TableHasher, patch};
use arrow_array::{
    Array, ArrayRef, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use datakeep_connector::rows::{Column, RowBatch};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: u64 = 64 << 10;
const COLUMNS: usize = 12;

/// The finaliser of splitmix64.
fn noise(n: u64) -> u64 {
    let mixed = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// A row: its key, and how often it was changed in which columns.
#[derive(Clone, Copy)]
struct Row {
    key: u64,
    changed: [u64; COLUMNS],
}

impl Row {
    fn noise(&self, column: usize) -> u64 {
        noise(self.key ^ self.changed[column] << 40 ^ (column as u64) << 56)
    }
}

fn text(row: &Row) -> String {
    const WORDS: [&str; 16] = [
        "quick",
        "final",
        "ironic",
        "deposits",
        "sleep",
        "above",
        "the",
        "furiously",
        "even",
        "packages",
        "along",
        "carefully",
        "special",
        "requests",
        "haggle",
        "slyly",
    ];
    let noise = row.noise(8);
    (0..5).map(|at| WORDS[(noise >> (4 * at) & 15) as usize]).collect::<Vec<_>>().join(" ")
}

fn group(rows: &[Row]) -> RowBatch {
    let each = || rows.iter();
    let pick = |column: usize, of: &'static [&'static str]| -> ArrayRef {
        Arc::new(each().map(|row| Some(of[row.noise(column) as usize % of.len()])).collect::<StringArray>())
    };
    let micros =
        |row: &Row, column| 1_700_000_000_000_000 + (row.key * 1_000_003 + row.noise(column) % 60_000_000) as i64;
    let random = each().map(|row| [row.noise(10), noise(row.noise(10))].map(u64::to_le_bytes).concat());
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(each().map(|row| row.key as i64).collect::<Int64Array>()),
        Arc::new(each().map(|row| (row.noise(1) % 200_000) as i32).collect::<Int32Array>()),
        Arc::new(each().map(|row| (row.noise(2) % 50) as i32).collect::<Int32Array>()),
        pick(3, &["open", "shipped", "paid", "returned", "cancelled"]),
        pick(4, &["AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB", "REG AIR"]),
        Arc::new(TimestampMicrosecondArray::from_iter_values(each().map(|row| micros(row, 5)))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(each().map(|row| micros(row, 6)))),
        Arc::new(each().map(|row| (row.noise(7) % 1_000_000) as f64 / 100.0).collect::<Float64Array>()),
        Arc::new(StringArray::from_iter_values(each().map(text))),
        Arc::new(each().map(|row| (row.noise(9) % 10_000_000) as i64).collect::<Int64Array>()),
        Arc::new(FixedSizeBinaryArray::try_from_iter(random).expect("of one length")),
        Arc::new(each().map(|row| f64::from_bits(row.noise(11) >> 2)).collect::<Float64Array>()),
    ];
    RowBatch::new(arrays.into_iter().map(|array| Column::new(array, vec![]).expect("supported")).collect())
        .expect("even")
}

fn rows() -> Vec<Row> {
    (0..ROWS).map(|key| Row { key: key * 2, changed: [0; COLUMNS] }).collect()
}

/// Bytes in memory: values, offsets.
fn bytes_of(batch: &RowBatch) -> usize {
    batch.columns().iter().map(|column| column.values().to_data().get_slice_memory_size().expect("known")).sum()
}

/// The shortest of some runs.
fn timed<T>(mut run: impl FnMut() -> T) -> (T, Duration) {
    let mut best: Option<(T, Duration)> = None;
    for _ in 0..15 {
        let begun = Instant::now();
        let made = run();
        let took = begun.elapsed();
        if best.as_ref().is_none_or(|(_, least)| took < *least) {
            best = Some((made, took));
        }
    }
    best.expect("it ran")
}

fn layouts(batch: &RowBatch) -> Vec<Layout> {
    batch.columns().iter().map(|column| chunk::choose(column.values(), 1).expect("chosen")).collect()
}

fn stored(batch: &RowBatch, layouts: &[Layout]) -> usize {
    let columns = batch.columns().iter().zip(layouts);
    columns.map(|(column, layout)| chunk::encode(column.values(), *layout, 1).expect("encoded").0.len()).sum()
}

#[test]
#[ignore = "measures and prints"]
fn measure_chunks() {
    let batch = group(&rows());
    let (layouts, took) = timed(|| layouts(&batch));
    let len = bytes_of(&batch);
    println!("group of {len} bytes; layouts chosen in {took:.1?}");
    let mb_s = |len: usize, took: Duration| len as f64 / took.as_secs_f64() / 1e6;
    for (column, layout) in batch.columns().iter().zip(&layouts) {
        let ((bytes, form), took) = timed(|| chunk::encode(column.values(), *layout, 1).expect("encoded"));
        let (_, back) = timed(|| chunk::decode(&bytes, column.values().data_type(), &form).expect("decoded"));
        let len = form.values_len_bytes as usize;
        println!(
            "{:>24} {layout:?}: {len} -> {} bytes, encoded in {took:.1?} ({:.0} MB/s), decoded in {back:.1?}",
            column.values().data_type().to_string(),
            bytes.len(),
            mb_s(len, took)
        );
    }
    let (stored, took) = timed(|| stored(&batch, &layouts));
    println!("all: {stored} bytes in {took:.1?}, {:.0} MB/s of Arrow", mb_s(len, took));
    let few: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let (_, took) = timed(|| chunk::encode(&few, Layout::Delta, 1).expect("encoded"));
    println!("a chunk of one row in {took:.1?}");
    let hasher = TableHasher::new(&[1; 32]);
    let (_, took) = timed(|| batch.columns().iter().map(ColumnStats::of).collect::<Vec<_>>());
    let (_, sketched) = timed(|| batch.columns().iter().map(|c| Distinct::of(c, &hasher)).collect::<Vec<_>>());
    println!("statistics in {took:.1?}, sketches in {sketched:.1?}");
}

fn measure_patch(what: &str, old: &[Row], new: &[Row], touched: &[usize]) {
    let (old, new) = (group(old), group(new));
    let keys = |batch: &RowBatch| encode_keys(&[&batch.columns()[0]]);
    let (old_keys, new_keys) = (keys(&old), keys(&new));
    let changed: Vec<bool> = (0..COLUMNS).map(|column| touched.contains(&column)).collect();
    let (made, diffed) = timed(|| patch::diff(&old, &old_keys, &new, &new_keys, &changed).expect("a patch"));
    let (bytes, encoded) = timed(|| patch::encode(&made));
    let types: Vec<_> = old.columns().iter().map(|column| column.values().data_type().clone()).collect();
    let (_, decoded) = timed(|| patch::decode(&bytes, &types).expect("decoded"));
    let (found, applied) = timed(|| patch::apply(&old, &made).expect("applied"));
    assert!(found.columns().iter().zip(new.columns()).all(|(a, b)| a.values().to_data() == b.values().to_data()));
    let zstd = zstd::bulk::compress(&bytes, 1).expect("compressed").len();
    let whole = stored(&old, &layouts(&old));
    let share = zstd as f64 * 100.0 / whole as f64;
    println!("{what}: {} bytes, zstd {zstd} of {whole}: {share:.2} %; {} cells", bytes.len(), made.touched_cells());
    println!("  diff {diffed:.1?}, encode {encoded:.1?}, decode {decoded:.1?}, apply {applied:.1?}");
    println!("  {:?}", made.sizes());
}

#[test]
#[ignore = "measures and prints"]
fn measure_patches() {
    let old = rows();
    let touch = |row: &Row, columns: &[usize]| {
        let mut row = *row;
        columns.iter().for_each(|column| row.changed[*column] += 1);
        row
    };
    let is_hit = |row: &Row, one_in: u64| noise(row.key ^ 0xabcd).is_multiple_of(one_in);
    let touched = [2, 3, 6];
    let new: Vec<Row> = old.iter().map(|row| if is_hit(row, 100) { touch(row, &touched) } else { *row }).collect();
    measure_patch("1 % of rows, 3 columns", &old, &new, &touched);
    let all: Vec<usize> = (1..COLUMNS).collect();
    let mixed = |row: &Row| match noise(row.key ^ 0xabcd) % 300 {
        0 => vec![],
        1 => vec![*row, Row { key: row.key + 1, ..*row }],
        2 => vec![touch(row, &all)],
        _ => vec![*row],
    };
    let new: Vec<Row> = old.iter().flat_map(mixed).collect();
    measure_patch("1 % mixed, all columns", &old, &new, &all);
}
