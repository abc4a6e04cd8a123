//! Chunks of every type, in every layout, whole and harmed.

use super::*;
use arrow_array::{
    BinaryArray, BooleanArray, Decimal128Array, Decimal256Array, FixedSizeBinaryArray, Float64Array, Int16Array,
    Int64Array, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use proptest::prelude::*;

const LAYOUTS: [Layout; 6] =
    [Layout::Plain, Layout::Dictionary, Layout::Delta, Layout::DeltaLength, Layout::DeltaText, Layout::Streams];

/// Arrays of many types from the same numbers, a null for every seventh.
fn arrays(numbers: &[i64]) -> Vec<ArrayRef> {
    let some = |at: usize| (at % 7 != 3).then_some(numbers[at]);
    let each = || (0..numbers.len()).map(some);
    let fixed = each().map(|n| n.map(|n| n.to_be_bytes()));
    let texts: Vec<Option<String>> = each().map(|n| n.map(|n| format!("row {n}"))).collect();
    vec![
        Arc::new(each().collect::<Int64Array>()),
        Arc::new(each().map(|n| n.map(|n| n as i16)).collect::<Int16Array>()),
        Arc::new(each().map(|n| n.map(|n| n as u64)).collect::<UInt64Array>()),
        Arc::new(each().map(|n| n.map(|n| n > 0)).collect::<BooleanArray>()),
        Arc::new(each().map(|n| n.map(|n| f64::from_bits(n as u64))).collect::<Float64Array>()),
        Arc::new(StringArray::from_iter(texts.iter().map(Option::as_deref))),
        Arc::new(BinaryArray::from_iter(each().map(|n| n.map(|n| n.to_le_bytes().to_vec())))),
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(fixed, 8).expect("of one length")),
        Arc::new(TimestampMicrosecondArray::from_iter(each()).with_timezone("UTC")),
        Arc::new(decimals(each(), 15)),
        Arc::new(decimals(each(), 38)),
        Arc::new(wide_decimals(each(), 15)),
        Arc::new(wide_decimals(each(), 60)),
    ]
}

fn decimals(numbers: impl Iterator<Item = Option<i64>>, precision: u8) -> Decimal128Array {
    let within = |n: i64| i128::from(n % 1_000_000_000_000_000);
    let array = numbers.map(|n| n.map(within)).collect::<Decimal128Array>();
    array.with_precision_and_scale(precision, 2).expect("fitting")
}

fn wide_decimals(numbers: impl Iterator<Item = Option<i64>>, precision: u8) -> Decimal256Array {
    let within = |n: i64| arrow_buffer::i256::from_i128(i128::from(n % 1_000_000_000_000_000));
    let array = numbers.map(|n| n.map(within)).collect::<Decimal256Array>();
    array.with_precision_and_scale(precision, 2).expect("fitting")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_is_encoded_is_decoded_in_every_layout_that_is_chosen(
        numbers in proptest::collection::vec(prop_oneof![0i64..5, any::<i64>()], 1..200)
    ) {
        for values in arrays(&numbers) {
            let chosen = choose(&values, 1).expect("chosen");
            for layout in [chosen, Layout::Plain] {
                let (bytes, form) = encode(&values, layout, 1).expect("encoded");
                let found = decode(&bytes, values.data_type(), &form).expect("decoded");
                prop_assert_eq!(found.to_data(), values.to_data());
            }
        }
    }

    #[test]
    fn chunks_one_after_another_are_a_chunk_and_give_single_rows(
        numbers in proptest::collection::vec(prop_oneof![0i64..5, any::<i64>()], 1..120),
        cuts in [any::<usize>(), any::<usize>()],
        picked in proptest::collection::btree_set(0u32..120, 0..12),
        bit in 0u8..8,
    ) {
        for values in arrays(&numbers) {
            let rows = values.len();
            let mut cuts = cuts.map(|cut| cut % (rows + 1));
            cuts.sort_unstable();
            let [first, second] = cuts;
            for layout in LAYOUTS.into_iter().filter(|layout| suits(*layout, values.data_type())) {
                let parts = [(0, first), (first, second), (second, rows)];
                let parts = parts.map(|(from, to)| encode(&values.slice(from, to - from), layout, 1).expect("encoded"));
                let forms: Vec<ChunkForm> = parts.iter().map(|(_, form)| *form).collect();
                let (bytes, form) = match splice(&forms) {
                    Some(form) => (parts.iter().flat_map(|(bytes, _)| bytes.clone()).collect(), form),
                    None => {
                        prop_assert!(forms.iter().any(ChunkForm::has_dictionary));
                        encode(&values, layout, 1).expect("encoded")
                    }
                };
                let data_type = values.data_type();
                let found = decode(&bytes, data_type, &form).expect("decoded");
                prop_assert_eq!(found.to_data(), values.to_data());
                let picked: Vec<u32> = picked.iter().copied().filter(|row| (*row as usize) < rows).collect();
                let some = decode_rows(&bytes, data_type, &form, &picked).expect("decoded");
                let expected = arrow_select::take::take(&values, &arrow_array::UInt32Array::from(picked.clone()), None);
                prop_assert_eq!(some.to_data(), expected.expect("taken").to_data());
                prop_assert!(decode_rows(&bytes, data_type, &form, &[rows as u32]).is_err());
                prop_assert!(decode_rows(&bytes, data_type, &form, &[0, 0]).is_err());
                // Harm ends in an error, or in other values.
                let mut harmed = bytes.clone();
                let at = second % harmed.len();
                harmed[at] ^= 1 << bit;
                if let Ok(some) = decode_rows(&harmed, data_type, &form, &picked) {
                    prop_assert_eq!(some.len(), picked.len());
                }
                let _ = decode_rows(&bytes[..at], data_type, &form, &picked);
            }
        }
    }

    #[test]
    fn harmed_chunks_end_in_an_error_or_in_other_values(
        numbers in proptest::collection::vec(any::<i64>(), 1..100), at in any::<usize>(), bit in 0u8..8, cut in any::<usize>()
    ) {
        for values in arrays(&numbers) {
            let (bytes, form) = encode(&values, choose(&values, 1).expect("chosen"), 1).expect("encoded");
            let mut flipped = bytes.clone();
            let at = at % bytes.len();
            flipped[at] ^= 1 << bit;
            for harmed in [flipped, bytes[..cut % bytes.len()].to_vec()] {
                if let Ok(found) = decode(&harmed, values.data_type(), &form) {
                    prop_assert_eq!(found.len(), values.len());
                    prop_assert_eq!(found.data_type(), values.data_type());
                }
            }
        }
    }
}

fn chosen(values: impl Array + 'static) -> Layout {
    choose(&(Arc::new(values) as ArrayRef), 1).expect("chosen")
}

#[test]
fn columns_get_the_layout_that_suits_them() {
    let rows = 20_000i64;
    // The finaliser of splitmix64: no pattern for a compressor to find.
    let noise = |n: i64| {
        let mixed = (n as u64 ^ n as u64 >> 30).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    assert_eq!(chosen((0..rows).collect::<Int64Array>()), Layout::Delta, "a key");
    assert_eq!(
        chosen((0..rows).map(|n| Some((noise(n) % 1000) as i64 * 7_777_777)).collect::<Int64Array>()),
        Layout::Dictionary
    );
    let states = ["open", "shipped", "paid", "returned"];
    let texts = (0..rows).map(|n| Some(states[(noise(n) % 4) as usize]));
    assert_eq!(chosen(texts.collect::<StringArray>()), Layout::Dictionary);
    let unique = StringArray::from_iter_values((0..rows).map(|n| format!("{:016x}", noise(n))));
    assert_eq!(chosen(unique), Layout::DeltaLength);
    let sorted = StringArray::from_iter_values((0..rows).map(|n| format!("https://example.org/items/{:09}", n * 3)));
    assert_eq!(chosen(sorted), Layout::DeltaText);
}

#[test]
fn the_chosen_layout_is_shorter_than_the_writers_default() {
    let values: ArrayRef = Arc::new((0..65_536i64).map(|n| Some(n * 3)).collect::<Int64Array>());
    let chosen = encode(&values, choose(&values, 1).expect("chosen"), 1).expect("encoded").0.len();
    let default = encode(&values, Layout::Dictionary, 1).expect("encoded").0.len();
    assert!(chosen * 5 < default, "{chosen} bytes instead of {default}");
}

#[test]
fn layouts_have_fixed_numbers() {
    for (number, layout) in LAYOUTS.into_iter().enumerate() {
        assert_eq!(Layout::from_number(number as u8), Some(layout));
    }
    assert_eq!(Layout::from_number(6), None);
}

#[test]
fn chunks_that_are_none_together_are_told_apart() {
    let numbers: ArrayRef = Arc::new((0..100i64).map(Some).collect::<Int64Array>());
    let [plain, delta, dictionary] = [Layout::Plain, Layout::Delta, Layout::Dictionary]
        .map(|layout| encode(&numbers, layout, 1).expect("encoded").1);
    assert_eq!(splice(&[]), None);
    assert_eq!(splice(&[dictionary]), Some(dictionary));
    assert_eq!(splice(&[plain, delta]), None);
    assert_eq!(splice(&[dictionary, dictionary]), None);
    assert_eq!(splice(&[delta; 3]).map(|form| (form.rows, form.values_len_bytes)), Some((300, 2400)));
    let long = ChunkForm { rows: MAX_ROWS as u32, ..delta };
    assert_eq!(splice(&[long, delta]), None);
    assert_eq!(splice(&[ChunkForm { raw_len_bytes: MAX_LEN_BYTES, ..delta }, delta]), None);
}

#[test]
fn no_rows_are_no_bytes() {
    let values: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    let (bytes, form) = encode(&values, Layout::Delta, 1).expect("encoded");
    assert!(bytes.is_empty());
    assert_eq!(decode(&bytes, values.data_type(), &form).expect("decoded").len(), 0);
}
