//! Reads runs of small numbers: levels, which tell nulls, and numbers into a dictionary. Apache Parquet format, Encodings.md,
//! "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)".

/// What is in a run of runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Found {
    /// Numbers that are not 0.
    pub(super) set: usize,
    /// The greatest number.
    pub(super) greatest: u64,
}

/// Reads exactly `count` numbers of `width` bits, at most 32. `None` when bytes end before, or a run goes on further than the
/// padding of the last one.
pub(super) fn read(mut bytes: &[u8], width: usize, count: usize) -> Option<Found> {
    let (mut found, mut left) = (Found::default(), count);
    while left > 0 {
        let indicator = varint(&mut bytes)?;
        let run = usize::try_from(indicator >> 1).ok()?;
        if indicator & 1 == 1 {
            // So many groups of eight.
            let taken = left.min(run.checked_mul(8)?);
            let packed = take(&mut bytes, run.checked_mul(width)?)?;
            if run == 0 || run > left.div_ceil(8) {
                return None;
            }
            (0..taken).for_each(|at| found.add(bits(packed, at * width, width), 1));
            left -= taken;
        } else {
            let number = take(&mut bytes, width.div_ceil(8))?;
            if run == 0 || run > left {
                return None;
            }
            found.add(bits(number, 0, 8 * number.len()), run);
            left -= run;
        }
    }
    (found.greatest >> width == 0).then_some(found)
}

impl Found {
    fn add(&mut self, number: u64, times: usize) {
        self.set += if number > 0 { times } else { 0 };
        self.greatest = self.greatest.max(number);
    }
}

fn take<'b>(bytes: &mut &'b [u8], len: usize) -> Option<&'b [u8]> {
    let (taken, behind) = bytes.split_at_checked(len)?;
    *bytes = behind;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..35).step_by(7) {
        let byte = take(bytes, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Up to 32 bits from a bit on, lowest first.
pub(super) fn bits(bytes: &[u8], from: usize, width: usize) -> u64 {
    let near = &bytes[(from / 8).min(bytes.len())..bytes.len().min(from / 8 + 8)];
    let mut word = [0; 8];
    word[..near.len()].copy_from_slice(near);
    (u64::from_le_bytes(word) >> (from % 8)) & ((1 << width) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_as_they_are_written() {
        // Eight numbers of three bits, 0 to 7: the example of the specification; then 7 five times.
        let bytes = [3, 0b1000_1000, 0b1100_0110, 0b1111_1010, 10, 7];
        assert_eq!(read(&bytes, 3, 13), Some(Found { set: 12, greatest: 7 }));
        assert_eq!(read(&bytes, 3, 4), Some(Found { set: 3, greatest: 3 }), "the rest is padding");
        assert_eq!(read(&bytes, 3, 14), None);
        assert_eq!(read(&bytes, 3, 12), None);
        assert_eq!(read(&[10, 8], 3, 5), None, "more than three bits");
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f], 1, 5), None);
    }
}
