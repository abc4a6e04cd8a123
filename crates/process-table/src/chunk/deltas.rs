//! Reads DELTA_BINARY_PACKED integers: the lengths in text pages, and how long runs of others are.
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
    first: i64,
}

/// The numbers of a run of exactly `count`, and the bytes it takes; `None` when it is harmed.
pub(super) fn read(bytes: &[u8], count: usize) -> Option<(Vec<i32>, usize)> {
    let mut deltas = Deltas { bytes, at: 0 };
    let head = deltas.head(count)?;
    let mut numbers = Vec::with_capacity(count);
    if count > 0 {
        numbers.push(head.first as i32);
    }
    while numbers.len() < count {
        let least = unzigzag(deltas.varint()?);
        let mut last = i64::from(*numbers.last()?);
        deltas.block(&head, count - numbers.len(), 32, |delta| {
            last = i64::from(last.wrapping_add(least).wrapping_add(delta as i64) as i32);
            numbers.push(last as i32);
        })?;
    }
    Some((numbers, deltas.at))
}

/// The bytes that a run of exactly `count` numbers of so many bits takes; `None` when it is harmed.
pub(super) fn measure(bytes: &[u8], count: usize, bits: usize) -> Option<usize> {
    let mut deltas = Deltas { bytes, at: 0 };
    let head = deltas.head(count)?;
    let mut left = count.saturating_sub(1);
    while left > 0 {
        deltas.varint()?;
        left -= deltas.block(&head, left, bits, |_| ())?;
    }
    Some(deltas.at)
}

impl Deltas<'_> {
    fn head(&mut self, count: usize) -> Option<Head> {
        let (block, parts, numbers) = (self.varint()?, self.varint()?, self.varint()?);
        let first = unzigzag(self.varint()?);
        let is_usual = (1..=MAX_BLOCK).contains(&block) && block % 128 == 0 && (1..=MAX_PARTS).contains(&parts);
        if !is_usual || block % parts != 0 || (block / parts) % 32 != 0 || numbers != count as u64 {
            return None;
        }
        Some(Head { parts: parts as usize, part_numbers: (block / parts) as usize, first })
    }

    /// Gives the deltas of a block whose least one was read, at most `most` of them; how many there were.
    fn block(&mut self, head: &Head, most: usize, bits: usize, mut give: impl FnMut(u64)) -> Option<usize> {
        let widths = self.bytes.get(self.at..self.at + head.parts)?;
        self.at += head.parts;
        let mut given = 0;
        for width in widths {
            let left = (most - given).min(head.part_numbers);
            if left == 0 {
                // Parts behind the last number are not written, whatever width they claim.
                break;
            }
            let width = usize::from(*width);
            let part = self.bytes.get(self.at..self.at + width * head.part_numbers / 8).filter(|_| width <= bits)?;
            self.at += part.len();
            if bits <= 32 {
                (0..left).for_each(|at| give(super::runs::bits(part, at * width, width)));
            }
            given += left;
        }
        Some(given)
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
