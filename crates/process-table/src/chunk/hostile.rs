//! Chunks that claim what is not so, and chunks at the edges.

use super::*;
use arrow_array::{RecordBatch, StringArray, new_null_array};
use bytes::Bytes;
use datakeep_testkit::fuzz::peak_of;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{FileMetaData, ParquetMetaDataBuilder, RowGroupMetaData};

fn texts(count: usize, of: impl Fn(usize) -> String) -> ArrayRef {
    Arc::new(StringArray::from_iter_values((0..count).map(of)))
}

fn encoded(values: &ArrayRef, layout: Layout) -> (Vec<u8>, ChunkForm) {
    encode(values, layout, 1).expect("encoded")
}

fn comes_back(values: &ArrayRef, layout: Layout) {
    let (bytes, form) = encoded(values, layout);
    let found = decode(&bytes, values.data_type(), &form).expect("decoded");
    assert!(found.to_data() == values.to_data(), "{} rows of {layout:?}", found.len());
}

#[test]
fn few_bytes_do_not_become_many_unless_they_say_so() {
    // 75 MB of texts in a few KiB.
    let long = texts(25_000, |_| "x".repeat(3_000));
    for (layout, most) in [(Layout::Dictionary, 48 << 20), (Layout::DeltaText, 4 << 20)] {
        let (bytes, form) = encoded(&long, layout);
        assert!(bytes.len() < 20_000, "{} bytes", bytes.len());
        assert!(decode(&bytes, &DataType::Utf8, &form).expect("decoded").to_data() == long.to_data());
        let less = ChunkForm { values_len_bytes: 10 << 20, ..form };
        let (decoded, peak) = peak_of(|| decode(&bytes, &DataType::Utf8, &less));
        assert!(matches!(decoded, Err(ChunkError::TooLarge { .. })), "{decoded:?}");
        assert!(peak < most, "{peak} bytes for {layout:?}");
    }
}

#[test]
fn a_form_that_says_anything_else_is_refused() {
    let values = texts(3_000, |row| format!("text {}", row % 40));
    let values: ArrayRef = arrow_select::concat::concat(&[&values, &new_null_array(&DataType::Utf8, 5)]).expect("made");
    let (bytes, form) = encoded(&values, Layout::Dictionary);
    let change = |change: fn(&mut ChunkForm, u32)| {
        for by in [1, u32::MAX] {
            let mut other = form;
            change(&mut other, by);
            assert!(decode(&bytes, &DataType::Utf8, &other).is_err(), "{other:?}");
        }
    };
    change(|form, by| form.rows = form.rows.wrapping_add(by));
    change(|form, by| form.nulls = form.nulls.wrapping_add(by));
    change(|form, by| form.data_offset_byte = form.data_offset_byte.wrapping_add(by));
    change(|form, by| form.raw_len_bytes = form.raw_len_bytes.wrapping_add_signed(i64::from(by as i32)));
    change(|form, by| form.values_len_bytes = form.values_len_bytes.wrapping_add_signed(i64::from(by as i32)));
    for layout in (0..6).filter_map(Layout::from_number).filter(|layout| *layout != form.layout) {
        assert!(decode(&bytes, &DataType::Utf8, &ChunkForm { layout, ..form }).is_err(), "{layout:?}");
    }
    assert!(decode(&[&bytes[..], &bytes].concat(), &DataType::Utf8, &form).is_err());
}

#[test]
fn columns_at_the_edges_come_back() {
    // More distinct values than a dictionary holds: the rest is plain.
    comes_back(&texts(6_000, |row| format!("{row:01000}")), Layout::Dictionary);
    comes_back(&texts(70_000, |row| format!("{row}")).slice(1_000, 60_000), Layout::DeltaLength);
    let types = [DataType::Utf8, DataType::Int32, DataType::Float64, DataType::FixedSizeBinary(3), DataType::Boolean];
    for data_type in types {
        let nulls = new_null_array(&data_type, 300);
        let layouts = (0..6).filter_map(Layout::from_number).filter(|layout| suits(*layout, &data_type));
        layouts.for_each(|layout| comes_back(&nulls, layout));
    }
    let long = new_null_array(&DataType::Boolean, MAX_ROWS + 1);
    assert!(matches!(encode(&long, Layout::Plain, 1), Err(ChunkError::TooLarge { what: "rows", .. })));
    let wide = new_null_array(&DataType::FixedSizeBinary(1 << 20), 300);
    assert!(matches!(encode(&wide, Layout::Plain, 1), Err(ChunkError::TooLarge { .. })));
    assert!(matches!(encode(&long, Layout::Streams, 1), Err(ChunkError::TooLarge { .. })));
    assert!(matches!(encode(&wide.slice(0, 1), Layout::Delta, 1), Err(ChunkError::Unsuited { .. })));
}

#[test]
fn chunks_of_many_groups_make_one_file() {
    let schema =
        Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true), Field::new("name", DataType::Utf8, true)]));
    let descriptor = Arc::new(ArrowSchemaConverter::new().convert(&schema).expect("converted"));
    let (mut file, mut groups, mut expected) = (b"PAR1".to_vec(), Vec::new(), Vec::new());
    for rows in [900usize, 50, 2_000] {
        let ids: ArrayRef = Arc::new((0..rows as i64).collect::<arrow_array::Int64Array>());
        let columns = [(ids, Layout::Delta), (texts(rows, |row| format!("{}", row % 9)), Layout::Dictionary)];
        let mut made = Vec::new();
        for (at, (values, layout)) in columns.iter().enumerate() {
            let (bytes, form) = encoded(values, *layout);
            let (base, len) = (file.len() as u64, bytes.len() as u64);
            made.push(column_metadata(&form, descriptor.column(at), base, len).expect("metadata"));
            file.extend(bytes);
        }
        let group = RowGroupMetaData::builder(descriptor.clone()).set_num_rows(rows as i64).set_column_metadata(made);
        groups.push(group.build().expect("a group"));
        let columns = columns.into_iter().map(|(values, _)| values).collect();
        expected.push(RecordBatch::try_new(schema.clone(), columns).expect("a batch"));
    }
    let head = FileMetaData::new(1, 2_950, None, None, descriptor, None);
    let metadata = Arc::new(ParquetMetaDataBuilder::new(head).set_row_groups(groups).build());
    let metadata = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new()).expect("metadata");
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(Bytes::from(file), metadata);
    let reader = reader.with_batch_size(10_000).build().expect("a reader");
    let found: Vec<RecordBatch> = reader.collect::<Result<_, _>>().expect("read");
    let found = arrow_select::concat::concat_batches(&schema, &found).expect("one");
    assert_eq!(found, arrow_select::concat::concat_batches(&schema, &expected).expect("one"));
}
