//! About how many distinct values there are.
//!
//! HyperLogLog: P. Flajolet, E. Fusy, O. Gandouet, F. Meunier, HyperLogLog: the analysis of a near-optimal cardinality
//! estimation algorithm, AofA 2007. The estimate is the improved one of O. Ertl, New cardinality estimation algorithms for
//! HyperLogLog sketches, arXiv:1702.01284 (2017), section 2.3: without bias from one value to 2^64, and without tables.

use crate::cells::{Cells, is_same};
use crate::codec::{CodecError, Reader, put_varint};
use crate::hash::TableHasher;
use datakeep_connector::rows::Column;

const INDEX_BITS: u32 = 10;
const REGISTERS: usize = 1 << INDEX_BITS;
/// The greatest rank: one more than there are bits beside the index.
const MAX_RANK: u8 = 64 - INDEX_BITS as u8 + 1;
const DENSE_LEN_BYTES: usize = REGISTERS * 6 / 8;

const DENSE: u8 = 0;
const SPARSE: u8 = 1;

/// A sketch of a set of values: its size is known to about 3.3 % (standard error), however large it is; 1 KiB in memory, a few
/// bytes up to 769 when stored. Hashes are keyed, so sketches of one repository can be merged, and nobody without its key can
/// choose values that spoil one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Distinct {
    registers: Vec<u8>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self { registers: vec![0; REGISTERS] }
    }
}

impl Distinct {
    /// Of the typed values of a column.
    pub fn of(column: &Column, hasher: &TableHasher) -> Self {
        let (cells, mut made) = (Cells::new(column), Self::default());
        let mut before: Option<&[u8]> = None;
        for (_, bytes) in cells.typed() {
            if !before.is_some_and(|before| is_same(before, bytes)) {
                made.add(hasher.distinct_hash(bytes));
                before = Some(bytes);
            }
        }
        made
    }

    /// Adds a value by its hash.
    pub fn add(&mut self, hash: u64) {
        let index = (hash >> (64 - INDEX_BITS)) as usize;
        // A bit behind the last one ends the count.
        let rank = ((hash << INDEX_BITS | 1 << (INDEX_BITS - 1)).leading_zeros() + 1) as u8;
        self.registers[index] = self.registers[index].max(rank);
    }

    /// The sketch of both sets together.
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.registers.iter_mut().zip(&other.registers) {
            *own = (*own).max(*other);
        }
    }

    /// About how many distinct values were added.
    pub fn estimate(&self) -> u64 {
        let mut counts = [0f64; MAX_RANK as usize + 1];
        self.registers.iter().for_each(|rank| counts[usize::from(*rank)] += 1.0);
        let all = REGISTERS as f64;
        let last = counts[usize::from(MAX_RANK)];
        let middle = &counts[1..usize::from(MAX_RANK)];
        let sum = middle.iter().rev().fold(all * tau(1.0 - last / all), |sum, count| 0.5 * (sum + count));
        let sum = sum + all * sigma(counts[0] / all);
        (all * all / (2.0 * std::f64::consts::LN_2) / sum).round() as u64
    }

    /// Appends: 0 and all ranks in 6 bits each, lowest bits first; or 1, varint number of ranks above 0, their differences of
    /// index less one as varints, and the ranks as bytes; whichever is shorter.
    pub fn encode(&self, to: &mut Vec<u8>) {
        let at = to.len();
        let set = || self.registers.iter().enumerate().filter(|(_, rank)| **rank > 0);
        to.push(SPARSE);
        put_varint(set().count() as u64, to);
        let mut next = 0;
        for (index, _) in set() {
            put_varint((index - next) as u64, to);
            next = index + 1;
        }
        to.extend(set().map(|(_, rank)| *rank));
        if to.len() - at <= DENSE_LEN_BYTES {
            return;
        }
        to.truncate(at);
        to.push(DENSE);
        for four in self.registers.chunks_exact(4) {
            let word = four.iter().rev().fold(0u32, |word, rank| word << 6 | u32::from(*rank));
            to.extend_from_slice(&word.to_le_bytes()[..3]);
        }
    }

    /// Reads what [`Distinct::encode`] wrote, and nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let registers = match reader.byte("form of a sketch")? {
            DENSE => dense(&mut reader)?,
            SPARSE => sparse(&mut reader)?,
            _ => return Err(reader.refuse("form of a sketch", "no form has this number")),
        };
        let made = Self { registers };
        let mut again = Vec::new();
        made.encode(&mut again);
        if again.first() != bytes.first() {
            return Err(reader.refuse("form of a sketch", "the other one is shorter"));
        }
        reader.finish()?;
        Ok(made)
    }
}

fn dense(reader: &mut Reader<'_>) -> Result<Vec<u8>, CodecError> {
    let mut registers = Vec::with_capacity(REGISTERS);
    for word in reader.bytes(DENSE_LEN_BYTES, "ranks")?.chunks_exact(3) {
        let word = u32::from_le_bytes([word[0], word[1], word[2], 0]);
        registers.extend((0..4).map(|at| (word >> (6 * at)) as u8 & 0x3f));
    }
    if registers.iter().any(|rank| *rank > MAX_RANK) {
        return Err(reader.refuse("ranks", "beyond the greatest"));
    }
    Ok(registers)
}

fn sparse(reader: &mut Reader<'_>) -> Result<Vec<u8>, CodecError> {
    let count = reader.count(REGISTERS, 2, "ranks")?;
    let (mut indices, mut next) = (Vec::with_capacity(count), 0);
    for _ in 0..count {
        let index = next + reader.at_most(REGISTERS as u64, "indices of ranks")? as usize;
        if index >= REGISTERS {
            return Err(reader.refuse("indices of ranks", "not so many"));
        }
        indices.push(index);
        next = index + 1;
    }
    let mut registers = vec![0; REGISTERS];
    for (index, rank) in indices.into_iter().zip(reader.bytes(count, "ranks")?) {
        if !(1..=MAX_RANK).contains(rank) {
            return Err(reader.refuse("ranks", "0, or beyond the greatest"));
        }
        registers[index] = *rank;
    }
    Ok(registers)
}

/// Ertl, algorithm 6: what registers at 0 add.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * y;
        y += y;
        if sum == before {
            return sum;
        }
    }
}

/// Ertl, algorithm 6: what registers at their greatest take away.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        y *= 0.5;
        sum -= (1.0 - x).powi(2) * y;
        if sum == before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sketch(values: std::ops::Range<u64>) -> Distinct {
        let (hasher, mut made) = (TableHasher::new(&[7; 32]), Distinct::default());
        values.for_each(|value| made.add(hasher.distinct_hash(&value.to_le_bytes())));
        made
    }

    fn encoded(sketch: &Distinct) -> Vec<u8> {
        let mut bytes = Vec::new();
        sketch.encode(&mut bytes);
        bytes
    }

    #[test]
    fn estimates_are_near() {
        for (values, hundredths) in [(0, 0), (1, 0), (10, 0), (1_000, 7), (100_000, 10), (1_000_000, 10)] {
            let sketch = sketch(0..values);
            let found = sketch.estimate();
            assert!(found.abs_diff(values) * 100 <= values * hundredths, "{found} instead of {values}");
            assert_eq!(Distinct::decode(&encoded(&sketch)), Ok(sketch));
        }
        assert!(encoded(&sketch(0..10)).len() <= 32);
        assert_eq!(encoded(&sketch(0..9_000)).len(), 1 + DENSE_LEN_BYTES);
    }

    #[test]
    fn merging_is_adding() {
        let mut both = sketch(0..600);
        both.merge(&sketch(400..1000));
        assert_eq!(both, sketch(0..1000));
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_would_be_written(
            at in any::<usize>(), byte in any::<u8>(), values in prop_oneof![0u64..20, 300u64..5000]
        ) {
            let mut bytes = encoded(&sketch(0..values));
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(sketch) = Distinct::decode(&bytes) {
                prop_assert_eq!(encoded(&sketch), bytes);
            }
        }
    }
}
