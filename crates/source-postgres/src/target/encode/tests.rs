use super::*;
use arrow_array::{Decimal256Array, Int64Array};
use std::sync::Arc;

fn text(value: Value<'_>) -> String {
    let mut to = Vec::new();
    text::put(value, &mut to);
    String::from_utf8(to).expect("text")
}

fn binary(lane: Lane, value: Value<'_>) -> Vec<u8> {
    let mut to = Vec::new();
    binary::put(lane, value, &mut to);
    to.split_off(4)
}

#[test]
fn values_are_written_as_the_server_reads_them() {
    assert_eq!(text(Value::Null), "\\N");
    assert_eq!(text(Value::Text(b"a\tb\\N\r\n\x0b")), "a\\tb\\\\N\\r\\n\x0b");
    assert_eq!(text(Value::Bytes(&[0, 255])), "\\\\x00ff");
    assert_eq!(text(Value::Float8(-0.0)), "-0e0");
    assert_eq!(text(Value::Float8(f64::MIN_POSITIVE / 4.0)), "5.562684646268003e-309");
    assert_eq!(text(Value::Float4(16_777_216.0)), "1.6777216e7");
    assert_eq!(text(Value::Float4(f32::NEG_INFINITY)), "-Infinity");
    assert_eq!(text(Value::Decimal(-5, 3)), "-0.005");
    assert_eq!(text(Value::Decimal(1234, 0)), "1234");
    assert_eq!(text(Value::WideDecimal(i256::from_i128(-12345), 2)), "-123.45");
}

#[test]
fn days_are_those_of_the_calendar() {
    assert_eq!(text(Value::Date(0)), "1970-01-01");
    assert_eq!(text(Value::Date(11_016)), "2000-02-29");
    assert_eq!(text(Value::Date(-719_162)), "0001-01-01");
    assert_eq!(text(Value::Date(-719_163)), "0001-12-31 BC");
    assert_eq!(text(Value::Date(-2_440_588)), "4714-11-24 BC");
    assert_eq!(text(Value::Timestamp(-1, false)), "1969-12-31 23:59:59.999999");
    assert_eq!(text(Value::Timestamp(-719_163 * 86_400_000_000 + 1, true)), "0001-12-31 00:00:00.000001+00 BC");
    assert_eq!(text(Value::Time(86_399_999_999)), "23:59:59.999999");
}

/// The bytes are those of `numeric_send`.
#[test]
fn numbers_have_digits_of_base_ten_thousand() {
    let of = |value, scale| binary(Lane::Numeric { precision: 38, scale }, Value::Decimal(value, scale));
    assert_eq!(of(0, 0), [0, 0, 0xff, 0xff, 0, 0, 0, 0]);
    assert_eq!(of(12_345, 2), [0, 2, 0, 0, 0, 0, 0, 2, 0, 123, 0x11, 0x94]);
    assert_eq!(of(-1, 5), [0, 2, 0xff, 0xff, 0x40, 0, 0, 5, 0, 0, 0x03, 0xe8]);
    let wide = |value, scale| binary(Lane::Numeric { precision: 76, scale }, Value::WideDecimal(value, scale));
    for (value, scale) in [(12_345_i128, 2), (-1, 5), (7, 38), (i128::MAX / 2, 38), (10_i128.pow(37), 3), (99_999, 4)] {
        assert_eq!(wide(i256::from_i128(value), scale)[4..], of(value, scale)[4..], "{value} {scale}");
    }
}

#[test]
fn rows_are_binary_only_where_every_value_can_be() {
    let exception = |bytes: &[u8]| Exception { row: 1, kind: 1, bytes: bytes.to_vec() };
    let column = |exceptions| {
        let values = Int64Array::from(vec![Some(1), None]);
        Column::new(Arc::new(values), exceptions).expect("a column")
    };
    let rows_of = |column| RowBatch::new(vec![column]).expect("rows");
    assert_eq!(format(&rows_of(column(vec![])), &[Lane::Int8]), Format::Binary);
    assert_eq!(format(&rows_of(column(vec![])), &[Lane::Int4]), Format::Text);
    assert_eq!(format(&rows_of(column(vec![])), &[Lane::Exact]), Format::Text);
    assert_eq!(format(&rows_of(column(vec![exception(b"a")])), &[Lane::Int8]), Format::Text);
    assert_eq!(format(&RowBatch::default(), &[]), Format::Text);
    let wide = Decimal256Array::from(vec![Some(i256::from_i128(5)), None]);
    let wide = wide.with_precision_and_scale(50, 2).expect("a scale");
    let wide = rows_of(Column::new(Arc::new(wide), vec![exception(b"NaN")]).expect("a column"));
    assert_eq!(format(&wide, &[Lane::Numeric { precision: 50, scale: 2 }]), Format::Binary);
}

#[test]
fn exceptions_stand_in_their_rows() {
    let values = Int64Array::from(vec![None, None, Some(3)]);
    let column = Column::new(Arc::new(values), vec![Exception { row: 1, kind: 1, bytes: b"x\ty".to_vec() }]);
    let batch = RowBatch::new(vec![column.expect("a column")]).expect("rows");
    let mut written = Vec::new();
    let given: Result<(), Option<()>> = rows(&batch, (Format::Text, &[]), &mut |piece| {
        written.extend(piece);
        Ok(())
    });
    assert_eq!((given, written.as_slice()), (Ok(()), &b"\\N\nx\\ty\n3\n"[..]));
}

/// What is long goes in parts, and is the same.
#[test]
fn long_values_are_written_in_parts() {
    let long = "a\tb\\中\n".repeat(PIECE_BYTES / 3);
    let texts = StringArray::from(vec![Some("short"), None, Some(long.as_str())]);
    let bytes = BinaryArray::from(vec![Some(&long.as_bytes()[1..]), Some(b"x"), None]);
    let column = |values: ArrayRef| Column::new(values, Vec::new()).expect("a column");
    let batch = RowBatch::new(vec![column(Arc::new(texts.clone())), column(Arc::new(bytes.clone()))]).expect("rows");
    let value = |column: usize, row: usize| match column {
        _ if batch.columns()[column].values().is_null(row) => Value::Null,
        0 => Value::Text(texts.value(row).as_bytes()),
        _ => Value::Bytes(bytes.value(row)),
    };
    for (format, lanes) in [
        (Format::Text, [Lane::Text, Lane::Bytea]),
        (Format::Binary, [Lane::Text, Lane::Bytea]),
        (Format::Binary, [Lane::Jsonb, Lane::Bytea]),
    ] {
        let (mut pieces, mut whole) = (Vec::new(), Vec::new());
        let given: Result<(), Option<()>> = rows(&batch, (format, &lanes), &mut |piece| {
            pieces.push(piece);
            Ok(())
        });
        assert_eq!(given, Ok(()));
        for row in 0..3 {
            match format {
                Format::Text => {
                    text::put(value(0, row), &mut whole);
                    whole.push(b'\t');
                    text::put(value(1, row), &mut whole);
                    whole.push(b'\n');
                }
                Format::Binary => {
                    whole.extend_from_slice(&[0, 2]);
                    (0..2).for_each(|column| binary::put(lanes[column], value(column, row), &mut whole));
                }
            }
        }
        assert!(pieces.concat() == whole, "{format:?} {lanes:?}");
        assert!(pieces.len() > 4 && pieces.iter().all(|piece| piece.len() < 4 * PIECE_BYTES), "{}", pieces.len());
    }
}
