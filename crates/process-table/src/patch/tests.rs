//! Patches against a naive model: rows as vectors of values.

use super::*;
use crate::key::{Keys, encode_keys};
use arrow_array::builder::{BinaryBuilder, FixedSizeBinaryBuilder, StringBuilder};
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow_buffer::i256;
use arrow_schema::TimeUnit;
use datakeep_connector::rows::Exception;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A cell of the model.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Value {
    Null,
    Number(i64),
    Exception(u8, Vec<u8>),
}

type Rows = BTreeMap<i64, Vec<Value>>;

fn all_types() -> Vec<DataType> {
    use DataType as T;
    vec![
        T::Boolean,
        T::Int8,
        T::Int16,
        T::Int32,
        T::Int64,
        T::UInt8,
        T::UInt16,
        T::UInt32,
        T::UInt64,
        T::Float32,
        T::Float64,
        T::Date32,
        T::Time64(TimeUnit::Microsecond),
        T::Timestamp(TimeUnit::Microsecond, None),
        T::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into())),
        T::Utf8,
        T::Binary,
        T::FixedSizeBinary(5),
        T::Decimal128(12, 2),
        T::Decimal128(38, 4),
        T::Decimal256(60, 0),
    ]
}

fn primitive<T: ArrowPrimitiveType>(
    numbers: &[Option<i64>],
    data_type: &DataType,
    of: fn(i64) -> T::Native,
) -> ArrayRef {
    let array: PrimitiveArray<T> = numbers.iter().map(|number| number.map(of)).collect();
    Arc::new(array.with_data_type(data_type.clone()))
}

/// Values of a type from numbers, alike for few numbers and all different for many.
fn array(data_type: &DataType, n: &[Option<i64>]) -> ArrayRef {
    use DataType as T;
    match data_type {
        T::Boolean => Arc::new(n.iter().map(|n| n.map(|n| n % 2 == 0)).collect::<BooleanArray>()),
        T::Int8 => primitive::<Int8Type>(n, data_type, |n| n as i8),
        T::Int16 => primitive::<Int16Type>(n, data_type, |n| n as i16),
        T::Int32 => primitive::<Int32Type>(n, data_type, |n| n as i32),
        T::Int64 => primitive::<Int64Type>(n, data_type, |n| n),
        T::UInt8 => primitive::<UInt8Type>(n, data_type, |n| n as u8),
        T::UInt16 => primitive::<UInt16Type>(n, data_type, |n| n as u16),
        T::UInt32 => primitive::<UInt32Type>(n, data_type, |n| n as u32),
        T::UInt64 => primitive::<UInt64Type>(n, data_type, |n| n as u64),
        T::Float32 => primitive::<Float32Type>(n, data_type, |n| f32::from_bits(n as u32)),
        T::Float64 => primitive::<Float64Type>(n, data_type, |n| f64::from_bits(n as u64)),
        T::Date32 => primitive::<Date32Type>(n, data_type, |n| n as i32),
        T::Time64(_) => primitive::<Time64MicrosecondType>(n, data_type, |n| n),
        T::Timestamp(..) => primitive::<TimestampMicrosecondType>(n, data_type, |n| n),
        T::Decimal128(..) => primitive::<Decimal128Type>(n, data_type, |n| i128::from(n % 1_000_000_000)),
        T::Decimal256(..) => primitive::<Decimal256Type>(n, data_type, |n| i256::from_i128(n.into())),
        T::Utf8 => texts(n),
        T::Binary => bytes(n),
        T::FixedSizeBinary(len) => fixed(n, *len),
        other => panic!("{other}"),
    }
}

fn texts(numbers: &[Option<i64>]) -> ArrayRef {
    let mut made = StringBuilder::new();
    numbers.iter().for_each(|n| made.append_option(n.map(|n| format!("ä{n}"))));
    Arc::new(made.finish())
}

fn bytes(numbers: &[Option<i64>]) -> ArrayRef {
    let mut made = BinaryBuilder::new();
    numbers.iter().for_each(|n| made.append_option(n.map(|n| vec![n as u8; (n as usize) % 50])));
    Arc::new(made.finish())
}

fn fixed(numbers: &[Option<i64>], len: i32) -> ArrayRef {
    let mut made = FixedSizeBinaryBuilder::new(len);
    for n in numbers {
        match n {
            Some(n) => made.append_value(&n.to_le_bytes()[..len as usize]).expect("of this length"),
            None => made.append_null(),
        }
    }
    Arc::new(made.finish())
}

fn batch(types: &[DataType], rows: &Rows) -> RowBatch {
    let key = Column::new(Arc::new(rows.keys().copied().map(Some).collect::<PrimitiveArray<Int64Type>>()), vec![]);
    let mut columns = vec![key.expect("numbers")];
    for (at, data_type) in types.iter().enumerate() {
        let (mut numbers, mut exceptions) = (Vec::new(), Vec::new());
        for (row, values) in rows.values().enumerate() {
            numbers.push(if let Value::Number(number) = &values[at] { Some(*number) } else { None });
            if let Value::Exception(kind, bytes) = &values[at] {
                exceptions.push(Exception { row: row as u32, kind: *kind, bytes: bytes.clone() });
            }
        }
        columns.push(Column::new(array(data_type, &numbers), exceptions).expect("a column"));
    }
    RowBatch::new(columns).expect("even")
}

fn keys(batch: &RowBatch) -> Keys {
    encode_keys(&[&batch.columns()[0]])
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        3 => (0i64..6).prop_map(Value::Number),
        3 => any::<i64>().prop_map(Value::Number),
        1 => (1u8..4, proptest::collection::vec(any::<u8>(), 0..5)).prop_map(|(kind, bytes)| Value::Exception(kind, bytes)),
    ]
}

/// Three generations of a table: some rows go, some change in some columns, some come.
fn generations() -> impl Strategy<Value = (Vec<DataType>, [Rows; 3])> {
    let types = proptest::sample::subsequence(all_types(), 0..6);
    types.prop_flat_map(|types| {
        let row = || proptest::collection::vec(value(), types.len());
        let some = proptest::collection::btree_map(0i64..60, row(), 0..40);
        let changes = || proptest::collection::vec((0i64..60, 0u8..6, 0usize..6, row()), 0..30);
        let (to_second, to_third) = (changes(), changes());
        (Just(types), some, to_second, to_third).prop_map(|(types, first, to_second, to_third)| {
            let second = changed(&first, &to_second);
            let third = changed(&second, &to_third);
            (types, [first, second, third])
        })
    })
}

fn changed(rows: &Rows, changes: &[(i64, u8, usize, Vec<Value>)]) -> Rows {
    let mut rows = rows.clone();
    for (key, what, column, values) in changes {
        match (what, rows.get_mut(key)) {
            (0, _) => drop(rows.remove(key)),
            (1..=3, Some(row)) if !values.is_empty() => {
                row[column % values.len()] = values[column % values.len()].clone()
            }
            _ => drop(rows.insert(*key, values.clone())),
        }
    }
    rows
}

fn diffed(old: &RowBatch, new: &RowBatch) -> Patch {
    diff(old, &keys(old), new, &keys(new), &vec![true; old.columns().len()]).expect("a patch")
}

fn assert_equal(left: &RowBatch, right: &RowBatch) {
    assert_eq!(left.rows(), right.rows());
    for (left, right) in left.columns().iter().zip(right.columns()) {
        assert!(equal(left, right), "{left:?} and {right:?}");
        assert_eq!(left.values().to_data(), right.values().to_data());
        assert_eq!(left.exceptions(), right.exceptions());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_patch_makes_new_of_old((column_types, [old, new, last]) in generations()) {
        let [old, new, last] = [&old, &new, &last].map(|rows| batch(&column_types, rows));
        let patch = diffed(&old, &new);
        assert_equal(&apply(&old, &patch).expect("applied"), &new);
        let column_types = types(&old);
        let again = decode(&encode(&patch), &column_types).expect("decoded");
        prop_assert_eq!(&again, &patch);
        assert_equal(&apply(&old, &again).expect("applied"), &new);
        prop_assert!(diffed(&new, &new).is_empty());

        let both = squash(&patch, &diffed(&new, &last)).expect("squashed");
        assert_equal(&apply(&old, &both).expect("applied"), &last);
        prop_assert_eq!(&decode(&encode(&both), &column_types).expect("decoded"), &both);

        let by_position = by_position(&old, &new, &vec![true; column_types.len()]).expect("a patch");
        assert_equal(&apply(&old, &by_position).expect("applied"), &new);
    }

    #[test]
    fn a_patch_holds_no_more_than_what_changed((column_types, [old, new, _]) in generations()) {
        let patch = diffed(&batch(&column_types, &old), &batch(&column_types, &new));
        let gone: Vec<u32> = old.keys().enumerate().filter(|(_, key)| !new.contains_key(key)).map(|(at, _)| at as u32).collect();
        let come: Vec<u32> = new.keys().enumerate().filter(|(_, key)| !old.contains_key(key)).map(|(at, _)| at as u32).collect();
        prop_assert_eq!(patch.deleted(), gone);
        prop_assert_eq!(patch.inserted_at(), come);
        for update in patch.updated() {
            let at = update.column as usize - 1;
            let all: Vec<_> = old.iter().collect();
            for position in &update.positions {
                let (key, values) = all[*position as usize];
                prop_assert_ne!(&new[key][at], &values[at]);
            }
        }
    }

    #[test]
    fn a_column_may_be_left_out((column_types, [old, new, last]) in generations(), out in 0usize..7) {
        let [old, new, last] = [&old, &new, &last].map(|rows| batch(&column_types, rows));
        let (column_types, out) = (types(&old), out % old.columns().len());
        let patch = diffed(&old, &new).without_column(out);
        prop_assert_eq!(&decode(&encode(&patch), &column_types).expect("decoded"), &patch);
        prop_assert!(apply(&old, &patch).is_err());
        let both = squash(&patch, &diffed(&new, &last)).expect("squashed");
        for at in 0..column_types.len() {
            let applied = apply_column(&old.columns()[at], &patch, at);
            prop_assert_eq!(applied.is_err(), at == out);
            prop_assert!(applied.is_err() || equal(&applied.expect("applied"), &new.columns()[at]));
            let applied = apply_column(&old.columns()[at], &both, at);
            prop_assert!(applied.is_err() || equal(&applied.expect("applied"), &last.columns()[at]));
        }
    }

    #[test]
    fn a_patch_is_made_for_what_is_stored_and_for_what_it_touches(
        (column_types, [old, new, last]) in generations(), more in proptest::collection::btree_set(0u32..60, 0..20)
    ) {
        let [old, new, last] = [&old, &new, &last].map(|rows| batch(&column_types, rows));
        let (first, second) = (diffed(&old, &new), diffed(&new, &last));
        for patches in [&[][..], std::slice::from_ref(&first), &[first.clone(), second.clone()]] {
            let live = survivors(old.rows(), patches).expect("survivors");
            let left = |row: &u32| patches.iter().try_fold(*row, |row, patch| {
                let before = patch.deleted().iter().filter(|gone| **gone < row).count() as u32;
                let is_gone = patch.deleted().contains(&row);
                let stays = (0..patch.new_rows() as u32).filter(|at| !patch.inserted_at().contains(at));
                if is_gone { None } else { stays.into_iter().nth((row - before) as usize) }
            });
            prop_assert_eq!(&live, &(0..old.rows() as u32).filter(|row| left(row).is_some()).collect::<Vec<_>>());
            let patch = diffed(&pick(&old, &live).expect("picked"), &last).among(old.rows(), &live).expect("a patch");
            assert_equal(&apply(&old, &patch).expect("applied"), &last);
            prop_assert_eq!(&decode(&encode(&patch), &types(&old)).expect("decoded"), &patch);
        }
        prop_assert!(survivors(old.rows() + 1, std::slice::from_ref(&first)).is_err());

        let touched = first.updated().iter().flat_map(|update| update.positions.iter().copied());
        let touched: std::collections::BTreeSet<u32> = touched.chain(first.deleted().iter().copied()).collect();
        let more = more.into_iter().filter(|row| (*row as usize) < old.rows());
        let at: Vec<u32> = touched.iter().copied().chain(more).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        let within = first.within(&at).expect("within");
        let expected: Vec<u32> = {
            let new_keys: Vec<Vec<u8>> = keys(&new).iter().map(<[u8]>::to_vec).collect();
            let kept: Vec<Vec<u8>> = at.iter().map(|row| keys(&old).get(*row as usize).to_vec()).collect();
            let come = |row: &u32| first.inserted_at().contains(row);
            (0..new.rows() as u32).filter(|row| come(row) || kept.contains(&new_keys[*row as usize])).collect()
        };
        let found = apply(&pick(&old, &at).expect("picked"), &within).expect("applied");
        assert_equal(&found, &pick(&new, &expected).expect("picked"));
        if let Some(row) = touched.first() {
            let fewer: Vec<u32> = at.iter().copied().filter(|at| at != row).collect();
            prop_assert!(first.within(&fewer).is_err());
        }
        prop_assert!(first.within(&[old.rows() as u32]).is_err());
    }

    #[test]
    fn some_rows_are_made_of_those_they_come_from(
        (column_types, [old, new, _]) in generations(), some in proptest::collection::btree_set(0u32..60, 0..20)
    ) {
        let [old, new] = [&old, &new].map(|rows| batch(&column_types, rows));
        let patch = diffed(&old, &new);
        let some: Vec<u32> = some.into_iter().filter(|row| (*row as usize) < new.rows()).collect();
        let (from, alone) = patch.giving(&some).expect("a patch");
        prop_assert!(from.len() + alone.inserted_at().len() == some.len());
        let found = apply(&pick(&old, &from).expect("picked"), &alone).expect("applied");
        assert_equal(&found, &pick(&new, &some).expect("picked"));
        prop_assert!(patch.giving(&[new.rows() as u32]).is_err());
    }

    #[test]
    fn harmed_patches_end_in_an_error_or_in_another_patch(
        (column_types, [old, new, _]) in generations(), harm in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..3), cut in any::<usize>()
    ) {
        let old = batch(&column_types, &old);
        let column_types = types(&old);
        let bytes = encode(&diffed(&old, &batch(&column_types[1..], &new)));
        let mut harmed = bytes.clone();
        harm.iter().for_each(|(at, byte)| harmed[at % bytes.len()] = *byte);
        for harmed in [&harmed[..], &bytes[..cut % bytes.len()], &[&bytes[..], &[0]].concat()] {
            if let Ok(patch) = decode(harmed, &column_types) {
                prop_assert_eq!(&decode(&encode(&patch), &column_types).expect("decoded"), &patch);
                let whole = (0..patch.columns()).all(|column| patch.inserted_in(column).is_some());
                if patch.old_rows() != old.rows() || !whole {
                    prop_assert!(patch.columns() == 0 || apply(&old, &patch).is_err());
                } else {
                    prop_assert_eq!(apply(&old, &patch).expect("applied").rows(), if patch.columns() == 0 { 0 } else { patch.new_rows() });
                }
            }
        }
        prop_assert!(decode(&[&bytes[..], &[0]].concat(), &column_types).is_err());
    }
}

#[test]
fn sizes_add_up_to_about_the_encoding() {
    let rows: Rows = (0..2000).map(|key| (key, vec![Value::Number(key * 7); 3])).collect();
    let column_types = [DataType::Int32, DataType::Utf8, DataType::Float64];
    let old = batch(&column_types, &rows);
    let changes: Vec<_> = (0..60).map(|n| (n * 31, (n % 4) as u8, 1, vec![Value::Number(n); 3])).collect();
    let patch = diffed(&old, &batch(&column_types, &changed(&rows, &changes)));
    let (sizes, len) = (patch.sizes(), encode(&patch).len());
    assert_eq!(sizes.columns_len_bytes.len(), 4);
    assert!(sizes.total_len_bytes().abs_diff(len) < 8, "{sizes:?} for {len} bytes");
    let fewer = encode(&patch.clone().without_column(2)).len();
    assert!((len - sizes.columns_len_bytes[2]).abs_diff(fewer) < 8);
}

#[test]
fn what_does_not_fit_is_refused() {
    let rows: Rows = (0..5).map(|key| (key, vec![Value::Number(key)])).collect();
    let [old, other] = [DataType::Int32, DataType::Utf8].map(|data_type| batch(&[data_type], &rows));
    assert!(matches!(diff(&old, &keys(&old), &other, &keys(&other), &[true; 2]), Err(PatchError::Mismatch { .. })));
    assert!(matches!(
        diff(&old, &keys(&old), &old, &keys(&old.slice(1, 4)), &[true; 2]),
        Err(PatchError::Mismatch { .. })
    ));
    let patch = diffed(&old, &old.slice(1, 4));
    assert_eq!(patch.deleted(), [0]);
    assert!(apply(&old.slice(1, 4), &patch).is_err());
    assert!(apply(&other, &patch).is_err());
    assert!(squash(&patch, &patch).is_err());
    assert!(decode(&encode(&patch), &types(&other)).is_ok(), "types are the caller's");
    assert!(decode(&encode(&patch), &types(&other)[..1]).is_err());
}

#[test]
fn exceptions_that_only_move_are_no_updates() {
    let odd = |key: i64| vec![Value::Exception(4, vec![key as u8])];
    let rows: Rows = (0..100).map(|key| (key, odd(key))).collect();
    let fewer: Rows = (1..100).map(|key| (key, odd(key))).collect();
    let [old, new] = [&rows, &fewer].map(|rows| batch(&[DataType::Int32], rows));
    let patch = diffed(&old, &new);
    assert_eq!((patch.deleted(), patch.updated().len()), (&[0][..], 0));
}
