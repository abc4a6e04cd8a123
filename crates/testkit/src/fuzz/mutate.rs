//! Harm done to valid inputs, the same for the same seed.

use crate::xorshift::XorShift;

/// Longest input tried.
const MAX_LEN_BYTES: usize = 64 << 10;
/// Bytes at which decoders turn: ends of ranges, separators, digits.
const BYTES: [u8; 14] = [0, 1, 2, 3, 0x2f, 0x30, 0x2d, 0x3a, 0x40, 0x5c, 0x7f, 0x80, 0xfe, 0xff];
/// Variable-length integers at the ends of their ranges, too large, and not in their shortest form.
const VARINTS: [&[u8]; 10] = [
    &[0],
    &[0x7f],
    &[0x80, 0x01],
    &[0xff, 0xff, 0x3f],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0x80, 0x80, 0x80, 0x80, 0x10],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    &[0xff; 11],
    &[0x81, 0x00],
];
/// Fixed-width integers at the ends of their ranges.
const WIDE: [u64; 7] = [0, 1, 0x7fff_ffff, 0xffff_ffff, 1 << 32, i64::MAX as u64, u64::MAX];

/// One harmed input made of valid ones.
pub fn harmed(chance: &mut XorShift, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = pick(chance, seeds).cloned().unwrap_or_default();
    if chance.below(64) == 0 {
        let len = below(chance, 200);
        bytes = (0..len).map(|_| chance.next_u64() as u8).collect();
    }
    for _ in 0..=chance.below(5) {
        harm(chance, &mut bytes, seeds);
    }
    bytes.truncate(MAX_LEN_BYTES);
    bytes
}

fn below(chance: &mut XorShift, bound: usize) -> usize {
    chance.below(bound.max(1) as u64) as usize
}

fn pick<'a, T>(chance: &mut XorShift, from: &'a [T]) -> Option<&'a T> {
    from.get(below(chance, from.len()))
}

fn harm(chance: &mut XorShift, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let (len, at) = (bytes.len(), below(chance, bytes.len()));
    let run = 1 + below(chance, 16).min(len.saturating_sub(at + 1));
    match chance.below(11) {
        0 | 1 if len > 0 => bytes[at] ^= 1 << chance.below(8),
        2 | 3 if len > 0 => bytes[at] = pick(chance, &BYTES).copied().unwrap_or(0),
        4 if len > 0 => bytes[at] = bytes[at].wrapping_add(if chance.below(2) == 0 { 1 } else { 0xff }),
        5 => bytes.truncate(at),
        6 => {
            let (count, byte) = (1 + below(chance, 40), pick(chance, &BYTES).copied().unwrap_or(0));
            bytes.resize(len + count, byte);
        }
        7 => put(chance, bytes, at, pick_varint),
        8 => put(chance, bytes, at, |chance| pick(chance, &WIDE).map(|w| w.to_le_bytes().to_vec()).unwrap_or_default()),
        9 if len > 0 => {
            let part: Vec<u8> = bytes.drain(at..at + run).collect();
            if chance.below(2) == 0 {
                (0..2).for_each(|_| drop(bytes.splice(at..at, part.iter().copied())));
            }
        }
        _ => {
            let other = pick(chance, seeds).cloned().unwrap_or_default();
            bytes.truncate(at);
            bytes.extend_from_slice(&other[below(chance, other.len()).min(other.len())..]);
        }
    }
}

fn pick_varint(chance: &mut XorShift) -> Vec<u8> {
    pick(chance, &VARINTS).map(|bytes| bytes.to_vec()).unwrap_or_default()
}

/// Puts bytes in, or over what stands there.
fn put(chance: &mut XorShift, bytes: &mut Vec<u8>, at: usize, what: impl Fn(&mut XorShift) -> Vec<u8>) {
    let what = what(chance);
    let end = if chance.below(2) == 0 { at } else { (at + what.len()).min(bytes.len()) };
    bytes.splice(at..end, what);
}
