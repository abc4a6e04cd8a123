//! The decoders of this crate as targets of the harness in `testkit::fuzz`.

use crate::chunk::{self, ChunkForm, Layout};
use crate::rowcodec::{decode_exceptions, encode_exceptions};
use crate::{ColumnStats, Distinct, TableHasher, patch};
use arrow_array::{Array, ArrayRef, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_testkit::fuzz::{self, CountedHeap, Target, Verdict};
use std::sync::Arc;

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

const ROWS: usize = 600;

fn types() -> Vec<DataType> {
    vec![DataType::Int64, DataType::Utf8, DataType::Float64, DataType::Int32, DataType::Decimal128(30, 2)]
}

/// Columns of these types; `salt` changes some of their values.
fn columns(salt: i64) -> Vec<Column> {
    let rows = || 0..ROWS as i64;
    let some = |n: i64| (n % 7 != 3).then_some(if n % 13 == 0 { n + salt } else { n });
    let texts = rows().map(|n| some(n).map(|n| format!("https://example.org/{}", n % 50)));
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(rows().collect::<Int64Array>()),
        Arc::new(texts.collect::<StringArray>()),
        Arc::new(rows().map(|n| some(n).map(|n| n as f64 / 3.0)).collect::<Float64Array>()),
        Arc::new(rows().map(|n| some(n).map(|n| n as i32 * 1_000)).collect::<Int32Array>()),
        Arc::new(
            rows()
                .map(|n| some(n).map(i128::from))
                .collect::<Decimal128Array>()
                .with_precision_and_scale(30, 2)
                .expect("fitting"),
        ),
    ];
    let odd = |at: usize| if at == 0 { Vec::new() } else { exceptions() };
    let columns = arrays.into_iter().enumerate();
    columns.map(|(at, values)| Column::new(values, odd(at)).expect("supported")).collect()
}

fn exceptions() -> Vec<Exception> {
    [3, 10, 24].into_iter().map(|row| Exception { row, kind: 1 + row as u8, bytes: vec![7; row as usize] }).collect()
}

fn encoded(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes);
    bytes
}

fn same<T, E>(decoded: Result<T, E>, encode: impl FnOnce(&T, &mut Vec<u8>)) -> Verdict {
    decoded.map_or(Verdict::Refused, |made| Verdict::Same(encoded(|to| encode(&made, to))))
}

fn column_form(input: &[u8]) -> Verdict {
    same(ChunkForm::decode(input), ChunkForm::encode)
}

/// The number of a type, the length of the form, the form, the chunk.
fn column_chunk(input: &[u8]) -> Verdict {
    let Some(([number, len], rest)) = input.split_first_chunk::<2>() else { return Verdict::Refused };
    let (types, parts) = (types(), rest.split_at_checked(usize::from(*len)));
    let (Some(data_type), Some((form, bytes))) = (types.get(usize::from(*number)), parts) else {
        return Verdict::Refused;
    };
    let Ok(form) = ChunkForm::decode(form) else { return Verdict::Refused };
    // A chunk may grow to its stated length; here only to a little.
    if form.raw_len_bytes.max(form.values_len_bytes) > 1 << 20 || form.rows > 1 << 16 {
        return Verdict::Refused;
    }
    let Ok(values) = chunk::decode(bytes, data_type, &form) else { return Verdict::Refused };
    assert_eq!(
        (values.len(), values.null_count(), values.data_type()),
        (form.rows as usize, form.nulls as usize, data_type)
    );
    assert_eq!(chunk::values_len_bytes(&values), form.values_len_bytes);
    Verdict::Taken
}

fn chunks() -> Vec<Vec<u8>> {
    let mut made = Vec::new();
    for (number, column) in columns(0).iter().enumerate() {
        let layouts = (0..6).filter_map(Layout::from_number);
        for layout in layouts.filter(|layout| chunk::suits(*layout, column.values().data_type())) {
            let (bytes, form) = chunk::encode(column.values(), layout, 1).expect("encoded");
            let form = encoded(|to| form.encode(to));
            made.push([&[number as u8, form.len() as u8], &form[..], &bytes].concat());
        }
    }
    made
}

fn row_exceptions(input: &[u8]) -> Verdict {
    same(decode_exceptions(input, ROWS), |exceptions, to| encode_exceptions(exceptions, to))
}

fn group_patch(input: &[u8]) -> Verdict {
    patch::decode(input, &types()).map_or(Verdict::Refused, |patch| Verdict::Like(patch::encode(&patch)))
}

fn patches() -> Vec<Vec<u8>> {
    let batch = |salt| RowBatch::new(columns(salt)).expect("even");
    let (old, new) = (batch(0), batch(5));
    let by_position = |old: &RowBatch, new: &RowBatch| patch::by_position(old, new, &[true; 5]).expect("a patch");
    let patches = [
        by_position(&old, &new),
        by_position(&old.slice(0, 500), &new),
        by_position(&old, &new.slice(0, 77)).without_column(2),
        by_position(&old, &old),
    ];
    patches.iter().map(patch::encode).collect()
}

fn column_statistics(input: &[u8]) -> Verdict {
    same(ColumnStats::decode(input), ColumnStats::encode)
}

fn distinct_sketch(input: &[u8]) -> Verdict {
    same(Distinct::decode(input), Distinct::encode)
}

fn sketches() -> Vec<Vec<u8>> {
    let hasher = TableHasher::new(&[1; 32]);
    let mut large = Distinct::default();
    (0..5_000u32).for_each(|value| large.add(hasher.distinct_hash(&value.to_le_bytes())));
    let small = columns(0).iter().map(|column| Distinct::of(column, &hasher)).collect::<Vec<_>>();
    small.iter().chain([&large, &Distinct::default()]).map(|sketch| encoded(|to| sketch.encode(to))).collect()
}

#[test]
fn fuzz() {
    let chunks = chunks();
    let forms = chunks.iter().map(|chunk| chunk[2..2 + usize::from(chunk[1])].to_vec()).collect();
    let statistics = columns(0).iter().map(|column| encoded(|to| ColumnStats::of(column).encode(to))).collect();
    let targets = [
        Target::bytes("column-form", forms, column_form),
        // The form says how long pages and values are.
        Target::bytes("column-chunk", chunks, column_chunk).with_memory(64, 16 << 20),
        Target::bytes("exceptions", vec![vec![0], encoded(|to| encode_exceptions(&exceptions(), to))], row_exceptions),
        // A null takes a bit, and the width of its column once it is read.
        Target::bytes("patch", patches(), group_patch).with_memory(256, 4 << 20),
        Target::bytes("statistics", statistics, column_statistics),
        Target::bytes("distinct", sketches(), distinct_sketch),
    ];
    fuzz_all(&targets);
}

/// As `fuzz::check`, which demands that `testkit::fuzz::TABLE` lists the targets.
fn fuzz_all(targets: &[Target]) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, seconds) = (number("DATAKEEP_SEED").unwrap_or(1), number("DATAKEEP_FUZZ_SECONDS"));
    for target in targets {
        match fuzz::try_target(target, &[], first, seconds.map(std::time::Duration::from_secs)) {
            Ok(tally) => println!("{tally:?}"),
            Err(fault) => panic!("{fault:?}"),
        }
    }
}
