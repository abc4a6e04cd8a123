//! The decoders of this crate as targets of the harness in `testkit::fuzz`.

use crate::testing::noise;
use crate::{Codec, CompressionSettings, Compressor, Decompressor, RecoveryCode};
use datakeep_testkit::fuzz::{self, CountedHeap, Target, Verdict};

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

/// Case, blanks and hyphens do not matter: what is written by the program is the one form that comes back.
fn recovery_code(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    RecoveryCode::parse(text).map_or(Verdict::Refused, |code| Verdict::Like(RecoveryCode::encode(&code).into_bytes()))
}

/// A codec, the length that the caller expects, and the stored bytes.
fn stored(codec: Codec, raw_len_bytes: u32, data: &[u8]) -> Vec<u8> {
    [&[codec.number()], &raw_len_bytes.to_le_bytes()[..], data].concat()
}

fn frame(input: &[u8]) -> Verdict {
    let Some((head, data)) = input.split_first_chunk::<5>() else { return Verdict::Refused };
    let Some(codec) = Codec::from_number(head[0]) else { return Verdict::Refused };
    let raw_len_bytes = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let mut out = Vec::new();
    let outcome = Decompressor::new().expect("memory").decompress(codec, data, raw_len_bytes, &mut out);
    assert_eq!(out.len(), if outcome.is_ok() { raw_len_bytes } else { 0 });
    assert!(out.capacity() <= raw_len_bytes.max(8));
    if outcome.is_ok() { Verdict::Taken } else { Verdict::Refused }
}

#[test]
fn fuzz() {
    let code = RecoveryCode::encode(&[0x5a; 20]);
    let codes = [code.as_str(), "00000-00001-00002-00003-00004-00005-00006-00007", &code.to_lowercase()];
    let mut frames = vec![stored(Codec::Raw, 3, b"abc"), stored(Codec::Raw, 0, b"")];
    for data in [vec![0; 5000], b"rows and rows of text. ".repeat(90), noise(3, 3000), vec![7; 200_000]] {
        let mut compressor = Compressor::new(&CompressionSettings::DEFAULT).expect("valid");
        let mut out = Vec::new();
        let codec = compressor.compress(&data, &mut out).expect("it compresses");
        frames.push(stored(codec, data.len() as u32, &out));
    }
    let targets = [
        Target::text("recovery-code", &codes, recovery_code),
        // The caller says how long the plaintext is, and has room for it: one frame at most.
        Target::bytes("frame", frames, frame).with_memory(64, (16 << 20) + (1 << 20)),
    ];
    fuzz::check("process", &targets);
}
