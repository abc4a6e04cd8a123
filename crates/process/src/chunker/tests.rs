use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::testing::{noise, rising};

/// The algorithm as the module documentation tells it, with nothing clever.
fn naive_cut(gear: &[u64; 256], params: &ChunkerParams, data: &[u8], at_end: bool) -> Option<usize> {
    let bits = params.avg_bytes.ilog2();
    let (avg, max) = (params.avg_bytes as usize, params.max_bytes as usize);
    for len in params.min_bytes as usize..max.min(data.len() + 1) {
        let window = &data[len - 64..len];
        let hash =
            (0..64).fold(0u64, |sum, i| sum.wrapping_add(gear[usize::from(window[i])].wrapping_shl(63 - i as u32)));
        let zeros = if len < avg { bits + 2 } else { bits - 2 };
        if hash.leading_zeros() >= zeros {
            return Some(len);
        }
    }
    match data.len() {
        len if len >= max => Some(max),
        0 => None,
        len => at_end.then_some(len),
    }
}

fn all_cuts(data: &[u8], mut next: impl FnMut(&[u8]) -> Option<usize>) -> Vec<usize> {
    let mut rest = data;
    let mut cuts = Vec::new();
    while let Some(len) = next(rest) {
        cuts.push(len);
        rest = &rest[len..];
    }
    assert!(rest.is_empty());
    cuts
}

fn cuts_of(chunker: &Chunker, data: &[u8]) -> Vec<usize> {
    all_cuts(data, |rest| chunker.next_cut(rest, true))
}

fn params(min_bytes: u32, avg_bytes: u32, max_bytes: u32) -> ChunkerParams {
    ChunkerParams { min_bytes, avg_bytes, max_bytes }
}

/// Cuts are part of the format: if this list changes, nothing backed up before is recognised again. It was made by a
/// program in another language, written from the module documentation.
#[test]
fn golden_cuts() {
    let chunker = Chunker::new(&rising(0), ChunkerParams::default()).expect("valid");
    assert_eq!(chunker.gear[0], GOLDEN_GEAR.0);
    assert_eq!(chunker.gear[255], GOLDEN_GEAR.1);
    assert_eq!(cuts_of(&chunker, &noise(1, 4 << 20)), GOLDEN_DEFAULT);
    let chunker = Chunker::new(&rising(1), params(64, 128, 1024)).expect("valid");
    assert_eq!(cuts_of(&chunker, &noise(2, 4000)), GOLDEN_SMALL);
}

const GOLDEN_GEAR: (u64, u64) = (16319989568042247631, 11470580581797331566);
const GOLDEN_DEFAULT: &[usize] = &[
    339244, 293806, 174317, 263711, 301009, 263492, 321759, 252813, 280426, 263150, 316380, 262841, 284827, 300334,
    264546, 11649,
];
const GOLDEN_SMALL: &[usize] = &[
    147, 129, 150, 150, 216, 215, 153, 251, 192, 154, 158, 141, 133, 190, 150, 174, 141, 140, 128, 145, 140, 167, 131,
    128, 130, 47,
];

#[test]
fn the_ends_of_the_contract() {
    let chunker = Chunker::new(&rising(0), params(64, 128, 256)).expect("valid");
    assert_eq!(chunker.next_cut(&[], true), None);
    assert_eq!(chunker.next_cut(&[], false), None);
    assert_eq!(chunker.next_cut(&[1], true), Some(1));
    assert_eq!(chunker.next_cut(&[1; 63], false), None);
    // A run of one byte has one hash; this one is no cut, so only the maximum ends it.
    assert_eq!(chunker.next_cut(&[1; 255], false), None);
    assert_eq!(chunker.next_cut(&[1; 256], false), Some(256));
    assert_eq!(chunker.next_cut(&[1; 999], false), Some(256));
    assert_eq!(chunker.next_cut(&[1; 255], true), Some(255));
}

#[test]
fn bad_parameters_are_refused() {
    for (min, avg, max) in
        [(63, 128, 256), (64, 100, 256), (128, 128, 256), (64, 128, 128), (64, 128, (16 << 20) + 1), (0, 0, 0)]
    {
        assert!(params(min, avg, max).validate().is_err(), "{min} {avg} {max}");
        assert!(Chunker::new(&rising(0), params(min, avg, max)).is_err());
    }
    assert_eq!(params(64, 128, 16 << 20).validate(), Ok(()));
}

#[test]
fn keys_change_cuts() {
    let data = noise(3, 2 << 20);
    let cuts = |first| cuts_of(&Chunker::new(&rising(first), ChunkerParams::default()).expect("valid"), &data);
    assert_ne!(cuts(0), cuts(1));
}

#[test]
fn chunk_lengths_are_as_documented() {
    let chunker = Chunker::new(&rising(0), params(1 << 10, 4 << 10, 16 << 10)).expect("valid");
    let cuts = cuts_of(&chunker, &noise(4, 16 << 20));
    let mean = (16 << 20) / cuts.len();
    assert!((4400..5000).contains(&mean), "{mean}");
    let forced = cuts.iter().filter(|&&len| len == 16 << 10).count();
    assert!(forced * 1000 < cuts.len(), "{forced} of {}", cuts.len());
    assert!(cuts[..cuts.len() - 1].iter().all(|len| (1 << 10..=16 << 10).contains(len)));
}

#[test]
fn a_chunker_is_shared_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<Chunker>();
}

/// Noise with runs and repeats, so that all kinds of windows come up.
fn content(max_len: usize) -> impl Strategy<Value = Vec<u8>> {
    let piece = (any::<u64>(), 0usize..20_000, 0u8..4).prop_map(|(seed, len, kind)| match kind {
        0 => vec![seed as u8; len],
        1 => noise(seed, 16).into_iter().cycle().take(len).collect(),
        2 => noise(seed, len).into_iter().map(|byte| b'a' + byte % 16).collect(),
        _ => noise(seed, len),
    });
    proptest::collection::vec(piece, 0..12).prop_map(move |pieces| {
        let mut data = pieces.concat();
        data.truncate(max_len);
        data
    })
}

fn some_params() -> impl Strategy<Value = ChunkerParams> {
    prop_oneof![
        Just(params(64, 128, 1024)),
        Just(params(100, 1024, 5000)),
        Just(params(1024, 16384, 65536)),
        Just(params(777, 65536, 100_001)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn equals_its_naive_twin(key in any::<[u8; 32]>(), params in some_params(), data in content(120_000)) {
        let chunker = Chunker::new(&key, params).expect("valid");
        let naive = all_cuts(&data, |rest| naive_cut(&chunker.gear, &params, rest, true));
        prop_assert_eq!(cuts_of(&chunker, &data), naive);
        prop_assert_eq!(chunker.next_cut(&data, false), naive_cut(&chunker.gear, &params, &data, false));
    }

    #[test]
    fn more_data_never_changes_a_cut(params in some_params(), data in content(120_000), share in 0usize..1000) {
        let chunker = Chunker::new(&rising(5), params).expect("valid");
        let seen = &data[..data.len() * share / 1000];
        if let Some(len) = chunker.next_cut(seen, false) {
            prop_assert_eq!(chunker.next_cut(&data, false), Some(len));
            prop_assert_eq!(chunker.next_cut(&data, true), Some(len));
        } else {
            prop_assert!(seen.len() < params.max_bytes as usize);
        }
    }

    #[test]
    fn an_insertion_moves_cuts_only_around_itself(seed in any::<u64>(), at in 0usize..400_000, len in 1usize..500) {
        let chunker = Chunker::new(&rising(6), params(256, 1024, 4096)).expect("valid");
        let before = noise(seed, 400_000);
        let mut after = before.clone();
        after.splice(at..at, noise(!seed, len));
        let chunks = |data: &[u8]| {
            let mut rest = data;
            let mut chunks = HashSet::new();
            for len in cuts_of(&chunker, data) {
                chunks.insert(rest[..len].to_vec());
                rest = &rest[len..];
            }
            chunks
        };
        let (before, after) = (chunks(&before), chunks(&after));
        let new = after.difference(&before).count();
        prop_assert!(new <= 24, "{} of {} chunks are new", new, after.len());
    }
}
