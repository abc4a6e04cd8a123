use proptest::prelude::*;

use super::*;
use crate::testing::noise;

fn compress(settings: &CompressionSettings, data: &[u8]) -> (Codec, Vec<u8>) {
    let mut out = vec![1, 2, 3];
    let codec = Compressor::new(settings).expect("valid").compress(data, &mut out).expect("compresses");
    (codec, out)
}

fn decompress(codec: Codec, stored: &[u8], raw_len_bytes: usize) -> Result<Vec<u8>, ProcessError> {
    let mut out = Vec::new();
    let outcome = Decompressor::new().expect("memory").decompress(codec, stored, raw_len_bytes, &mut out);
    assert!(outcome.is_ok() || out.is_empty());
    assert!(out.capacity() <= raw_len_bytes.max(8), "{} for {raw_len_bytes}", out.capacity());
    outcome.map(|()| out)
}

fn text(len: usize) -> Vec<u8> {
    noise(11, len).chunks(6).flat_map(|word| word.iter().map(|b| b'a' + b % 26).chain([b' '])).take(len).collect()
}

#[test]
fn presets_are_valid_and_round_trip() {
    let data = text(300_000);
    for settings in [CompressionSettings::FAST, CompressionSettings::DEFAULT, CompressionSettings::HIGH] {
        let (codec, stored) = compress(&settings, &data);
        assert_eq!(codec, Codec::Zstd);
        assert!(decompress(codec, &stored, data.len()).expect("valid") == data);
    }
}

#[test]
fn bad_settings_are_refused() {
    for settings in [
        CompressionSettings { hash_log: Some(60), ..CompressionSettings::DEFAULT },
        CompressionSettings { min_match: Some(2), ..CompressionSettings::DEFAULT },
        CompressionSettings { window_log: Some(40), ..CompressionSettings::DEFAULT },
    ] {
        let refused = Compressor::new(&settings).err().map(|error| error.kind());
        assert_eq!(refused, Some(datakeep_model::ErrorKind::Usage));
    }
}

#[test]
fn a_frame_has_no_size_checksum_or_dictionary() {
    let (_, stored) = compress(&CompressionSettings::DEFAULT, &text(100_000));
    assert_eq!(stored[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    assert_eq!(stored[4], 0, "frame header descriptor");
}

#[test]
fn noise_is_stored_raw_and_text_never_is() {
    for len in [0, 1, 7, 100, 4096, 5000, 65_536, 1_000_000] {
        let data = noise(len as u64, len);
        assert_eq!(compress(&CompressionSettings::DEFAULT, &data), (Codec::Raw, data), "{len}");
    }
    for len in [1000, 4096, 5000, 65_536, 65_537, 1_000_000] {
        assert_eq!(compress(&CompressionSettings::DEFAULT, &text(len)).0, Codec::Zstd, "{len}");
    }
}

#[test]
fn one_page_of_text_among_noise_is_noticed() {
    let mut data = noise(1, 1 << 20);
    data[96 << 10..128 << 10].copy_from_slice(&text(32 << 10));
    assert!(!probe::looks_random(&data));
    assert!(probe::looks_random(&noise(2, 1 << 20)));
}

#[test]
fn one_compressor_serves_many_frames_the_same_way() {
    let mut compressor = Compressor::new(&CompressionSettings::DEFAULT).expect("valid");
    let mut out = Vec::new();
    for len in [200_000, 10, 2_000_000, 30_000] {
        let data = text(len);
        let codec = compressor.compress(&data, &mut out).expect("compresses");
        assert!((codec, out.clone()) == compress(&CompressionSettings::DEFAULT, &data), "{len}");
    }
}

#[test]
fn a_bomb_does_not_go_off() {
    let (codec, stored) = compress(&CompressionSettings::DEFAULT, &vec![0; MAX_FRAME_RAW_LEN_BYTES]);
    assert!(stored.len() < 10_000);
    for raw_len in [0, 1, 1000, MAX_FRAME_RAW_LEN_BYTES - 1] {
        let refused = decompress(codec, &stored, raw_len).err().map(|error| error.kind());
        assert_eq!(refused, Some(datakeep_model::ErrorKind::Integrity), "{raw_len}");
    }
    let too_long = decompress(codec, &stored, MAX_FRAME_RAW_LEN_BYTES + 1);
    assert!(matches!(too_long, Err(ProcessError::FrameTooLong { .. })));
    assert!(decompress(codec, &stored, MAX_FRAME_RAW_LEN_BYTES).is_ok());
    let mut compressor = Compressor::new(&CompressionSettings::DEFAULT).expect("valid");
    let refused = compressor.compress(&vec![0; MAX_FRAME_RAW_LEN_BYTES + 1], &mut Vec::new());
    assert!(matches!(refused, Err(ProcessError::FrameTooLong { .. })));
}

#[test]
fn a_buffer_larger_than_the_frame_does_not_let_more_in() {
    let (codec, stored) = compress(&CompressionSettings::DEFAULT, &[0; 5000]);
    let mut out = Vec::with_capacity(100_000);
    let mut decompressor = Decompressor::new().expect("memory");
    let refused = decompressor.decompress(codec, &stored, 4999, &mut out);
    assert_eq!(refused, Err(ProcessError::FrameLength { expected_bytes: 4999 }));
    assert!(out.is_empty());
    assert_eq!(decompressor.decompress(codec, &stored, 5000, &mut out), Ok(()));
    assert_eq!(out, [0; 5000]);
}

#[test]
fn truncated_extended_and_repeated_frames_are_errors() {
    let data = text(3000);
    let (codec, stored) = compress(&CompressionSettings::DEFAULT, &data);
    for len in 0..stored.len() {
        assert!(decompress(codec, &stored[..len], data.len()).is_err(), "{len}");
    }
    let longer = [&stored[..], &[0]].concat();
    assert!(decompress(codec, &longer, data.len()).is_err());
    let twice = [&stored[..], &stored[..]].concat();
    assert!(decompress(codec, &twice, 2 * data.len()).is_err());
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], &stored[..]].concat();
    assert!(decompress(codec, &skippable, data.len()).is_err());
    assert!(decompress(codec, &skippable[..8], 0).is_err());
    assert!(decompress(codec, &stored, data.len() + 1).is_err());
    assert!(decompress(codec, &stored, data.len() - 1).is_err());
}

#[test]
fn raw_frames_have_exactly_their_length() {
    assert_eq!(decompress(Codec::Raw, b"abc", 3), Ok(b"abc".to_vec()));
    assert_eq!(decompress(Codec::Raw, b"abc", 4), Err(ProcessError::FrameLength { expected_bytes: 4 }));
    assert_eq!(decompress(Codec::Raw, b"", 0), Ok(Vec::new()));
}

#[test]
fn codecs_have_numbers() {
    assert_eq!(Codec::ALL.map(Codec::number), [0, 1]);
    assert_eq!(Codec::ALL.map(|codec| Codec::from_number(codec.number())), Codec::ALL.map(Some));
    assert_eq!(Codec::from_number(2), None);
}

proptest! {
    #[test]
    fn everything_round_trips(seed in any::<u64>(), len in 0usize..60_000, modulus in 1u16..=256, level in -5i32..10) {
        let data: Vec<u8> = noise(seed, len).into_iter().map(|byte| (u16::from(byte) % modulus) as u8).collect();
        let (codec, stored) = compress(&CompressionSettings::level(level), &data);
        prop_assert!(stored.len() <= data.len());
        prop_assert!(decompress(codec, &stored, data.len()).expect("valid") == data);
    }

    #[test]
    fn damage_never_panics_or_overruns(seed in any::<u64>(), flips in proptest::collection::vec(any::<u32>(), 1..8)) {
        let data = text(2000 + (seed % 3000) as usize);
        let (codec, mut stored) = compress(&CompressionSettings::DEFAULT, &data);
        for flip in flips {
            let at = flip as usize % (stored.len() * 8);
            stored[at / 8] ^= 1 << (at % 8);
        }
        let _ = decompress(codec, &stored, data.len());
    }

    #[test]
    fn rubbish_never_panics_or_overruns(rubbish in proptest::collection::vec(any::<u8>(), 0..300), raw_len in 0usize..5000) {
        let _ = decompress(Codec::Zstd, &rubbish, raw_len);
        let framed = [&[0x28, 0xb5, 0x2f, 0xfd], &rubbish[..]].concat();
        let _ = decompress(Codec::Zstd, &framed, raw_len);
    }
}
