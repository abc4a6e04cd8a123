//! Reads DELTA_BINARY_PACKED integers of 32 bits: the lengths in text pages.
//!
//! The Parquet library makes room for as many lengths as a page claims, and for values as long as lengths claim. Here they are
//! read first, with limits. Apache Parquet format, Encodings.md, "Delta Encoding (DELTA_BINARY_PACKED = 5)".

use crate::codec::unzigzag;

/// Numbers in a block; larger ones, and more parts of one, are nobody's.
const MAX_BLOCK: u64 = 1 << 16;
const MAX_PARTS: u64 = 512;

struct Deltas<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The first numbers of a run.
struct Head {
    parts: usize,
    part_numbers: usize,
    numbers: usize,
    first: i64,
}

/// True when a run claims at most so many numbers, in blocks of a usual size.
pub(super) fn claims_at_most(bytes: &[u8], most: usize) -> bool {
    Deltas { bytes, at: 0 }.head(most).is_some()
}

/// The numbers of a run of at most `most`, and the bytes it takes; `None` when it is harmed.
pub(super) fn read(bytes: &[u8], most: usize) -> Option<(Vec<i32>, usize)> {
    let mut deltas = Deltas { bytes, at: 0 };
    let head = deltas.head(most)?;
    let mut numbers = Vec::with_capacity(head.numbers);
    if head.numbers > 0 {
        numbers.push(head.first as i32);
    }
    while numbers.len() < head.numbers {
        deltas.block(&head, &mut numbers)?;
    }
    Some((numbers, deltas.at))
}

impl Deltas<'_> {
    fn head(&mut self, most: usize) -> Option<Head> {
        let (block, parts, numbers) = (self.varint()?, self.varint()?, self.varint()?);
        let first = unzigzag(self.varint()?);
        let is_usual = (1..=MAX_BLOCK).contains(&block) && block % 128 == 0 && (1..=MAX_PARTS).contains(&parts);
        if !is_usual || block % parts != 0 || (block / parts) % 32 != 0 || numbers > most as u64 {
            return None;
        }
        Some(Head { parts: parts as usize, part_numbers: (block / parts) as usize, numbers: numbers as usize, first })
    }

    fn block(&mut self, head: &Head, numbers: &mut Vec<i32>) -> Option<()> {
        let least = unzigzag(self.varint()?);
        let widths = self.bytes.get(self.at..self.at + head.parts)?;
        self.at += head.parts;
        for width in widths {
            let left = (head.numbers - numbers.len()).min(head.part_numbers);
            if left == 0 {
                // Parts behind the last number are not written, whatever width they claim.
                break;
            }
            let width = usize::from(*width);
            let part = self.bytes.get(self.at..self.at + width * head.part_numbers / 8).filter(|_| width <= 32)?;
            self.at += part.len();
            let mut last = i64::from(*numbers.last()?);
            for at in 0..left {
                last = last.wrapping_add(least).wrapping_add(bits(part, at * width, width) as i64);
                numbers.push(last as i32);
                last = i64::from(last as i32);
            }
        }
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

/// Up to 32 bits from a bit on, lowest first.
fn bits(bytes: &[u8], from: usize, width: usize) -> u64 {
    let near = &bytes[(from / 8).min(bytes.len())..bytes.len().min(from / 8 + 8)];
    let mut word = [0; 8];
    word[..near.len()].copy_from_slice(near);
    (u64::from_le_bytes(word) >> (from % 8)) & ((1 << width) - 1)
}
