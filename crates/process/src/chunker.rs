//! Content-defined cutting: where a file is cut depends on the bytes near the cut alone, so that an insertion moves
//! cuts only around itself and everything else is recognised as known.
//!
//! # Algorithm (number 1)
//!
//! FastCDC (Xia et al., USENIX ATC 2016, and IEEE TPDS 2020) with a secret gear table.
//!
//! - **Table.** `gear[0..256]`: keyed BLAKE3 with the chunker key over the bytes of [`GEAR_LABEL`], extended output,
//!   the first 2048 bytes read as 256 little-endian `u64`. A secret table keeps the lengths of chunks, which a store
//!   can see, from being matched against those of known files.
//! - **Hash.** The hash of length `L` of a chunk is that of its 64 bytes `w[0..64]` ending there:
//!   `h = sum(gear[w[i]] << (63 - i))` modulo 2^64, or stepwise `h = (h << 1) + gear[byte]`: older bytes are shifted out
//!   by themselves.
//! - **Test.** Let `bits = log2(avg)`. A length `L` is a cut when the highest `n` bits of its hash are all zero, that is
//!   when `h < 2^(64 - n)`, with `n = bits + 2` where `L < avg` and `n = bits - 2` where `L >= avg` (normalised chunking,
//!   level 2). The high bits are those that all 64 bytes of the window reach.
//! - **Cut.** The first cut with `min <= L < max`; without one, `max`, or the end of the data where that comes first.
//!   The test of length `min` looks at the bytes `min - 64 .. min`; nothing before them is read.
//!
//! # Speed
//!
//! Stepping the hash is a chain of two dependent operations a byte, so one chain leaves most of a core idle. A long
//! range is scanned in blocks of four lanes side by side, each warmed with the 63 bytes before it; only in a block that
//! has a cut is the first one looked for step by step. This changes no cut.

use crate::error::ProcessError;

/// What the gear table is drawn over (module documentation).
pub const GEAR_LABEL: &[u8] = b"datakeep chunker 1 gear table";

/// Bytes that the hash depends on.
const WINDOW_LEN_BYTES: usize = 64;
const LANES: usize = 4;
const LANE_LEN_BYTES: usize = 2048;
const BLOCK_LEN_BYTES: usize = LANES * LANE_LEN_BYTES;

/// How long chunks get.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ChunkerParams {
    /// No chunk but the last of a file is shorter.
    pub min_bytes: u32,
    /// Where cuts become sixteen times as likely; a power of two. The mean is about a seventh above it.
    pub avg_bytes: u32,
    /// No chunk is longer.
    pub max_bytes: u32,
}

impl Default for ChunkerParams {
    fn default() -> Self {
        Self { min_bytes: 64 << 10, avg_bytes: 256 << 10, max_bytes: 1 << 20 }
    }
}

impl ChunkerParams {
    /// The smallest `min_bytes`: the window of the hash.
    pub const LEAST_MIN_BYTES: u32 = WINDOW_LEN_BYTES as u32;
    /// The largest `max_bytes`: a chunk must fit a frame.
    pub const MOST_MAX_BYTES: u32 = crate::compress::MAX_FRAME_RAW_LEN_BYTES as u32;

    /// Refuses sizes that are out of order or out of range.
    pub fn validate(&self) -> Result<(), ProcessError> {
        let refuse = |why| Err(ProcessError::ChunkerParams(why));
        if self.min_bytes < Self::LEAST_MIN_BYTES {
            return refuse("the minimum is below 64 bytes");
        }
        if !self.avg_bytes.is_power_of_two() {
            return refuse("the average is not a power of two");
        }
        if self.min_bytes >= self.avg_bytes || self.avg_bytes >= self.max_bytes {
            return refuse("minimum, average and maximum do not rise");
        }
        if self.max_bytes > Self::MOST_MAX_BYTES {
            return refuse("the maximum is above 16 MiB");
        }
        Ok(())
    }
}

/// Finds cuts. Holds no state between calls; one serves any number of threads.
pub struct Chunker {
    gear: Box<[u64; 256]>,
    params: ChunkerParams,
    strict_limit: u64,
    loose_limit: u64,
}

impl Chunker {
    /// A chunker with the gear table of `key`.
    pub fn new(key: &[u8; 32], params: ChunkerParams) -> Result<Self, ProcessError> {
        params.validate()?;
        let bits = params.avg_bytes.ilog2();
        Ok(Self {
            gear: gear_table(key),
            params,
            strict_limit: 1 << (64 - (bits + 2)),
            loose_limit: 1 << (64 - (bits - 2)),
        })
    }

    /// The parameters it was made with.
    pub fn params(&self) -> ChunkerParams {
        self.params
    }

    /// Length of the first chunk of `data`. `None` when that depends on bytes not seen yet (`data` is shorter than the
    /// maximum, has no cut and is not `at_end`) and when `data` is empty. Each call looks from the start of `data`, so
    /// callers do best to come with at least `max_bytes`.
    pub fn next_cut(&self, data: &[u8], at_end: bool) -> Option<usize> {
        let [min, avg, max] =
            [self.params.min_bytes, self.params.avg_bytes, self.params.max_bytes].map(|len| len as usize);
        // Length `max` is a cut whatever its hash, and length `data.len()` can be tested only where it is below that.
        let end = max.min(data.len() + 1);
        let found = self
            .scan(data, min, avg.min(end), self.strict_limit)
            .or_else(|| self.scan(data, avg, end, self.loose_limit));
        match found {
            Some(len) => Some(len),
            None if data.len() >= max => Some(max),
            None if at_end && !data.is_empty() => Some(data.len()),
            None => None,
        }
    }

    /// The first length in `from..to` whose hash is below `limit`.
    fn scan(&self, data: &[u8], mut from: usize, to: usize, limit: u64) -> Option<usize> {
        while from + BLOCK_LEN_BYTES <= to {
            if self.block_has_cut(data, from, limit) {
                return self.scan_stepwise(data, from, from + BLOCK_LEN_BYTES, limit);
            }
            from += BLOCK_LEN_BYTES;
        }
        self.scan_stepwise(data, from, to, limit)
    }

    fn scan_stepwise(&self, data: &[u8], from: usize, to: usize, limit: u64) -> Option<usize> {
        if from >= to {
            return None;
        }
        let mut hash = self.warm(data, from);
        for (index, &byte) in data[from - 1..to - 1].iter().enumerate() {
            hash = self.step(hash, byte);
            if hash < limit {
                return Some(from + index);
            }
        }
        None
    }

    /// True when a length in the block of lengths that starts with `from` has a hash below `limit`.
    fn block_has_cut(&self, data: &[u8], from: usize, limit: u64) -> bool {
        let block = &data[from - 1..from - 1 + BLOCK_LEN_BYTES];
        let (lanes, _) = block.as_chunks::<LANE_LEN_BYTES>();
        let [a, b, c, d] = lanes else { return true };
        let [mut ha, mut hb, mut hc, mut hd]: [u64; LANES] =
            std::array::from_fn(|lane| self.warm(data, from + lane * LANE_LEN_BYTES));
        for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
            ha = self.step(ha, *a);
            hb = self.step(hb, *b);
            hc = self.step(hc, *c);
            hd = self.step(hd, *d);
            if ha < limit || hb < limit || hc < limit || hd < limit {
                return true;
            }
        }
        false
    }

    /// The hash over the 63 bytes that precede the last byte of length `len`.
    fn warm(&self, data: &[u8], len: usize) -> u64 {
        data[len - WINDOW_LEN_BYTES..len - 1].iter().fold(0, |hash, &byte| self.step(hash, byte))
    }

    #[inline(always)]
    fn step(&self, hash: u64, byte: u8) -> u64 {
        (hash << 1).wrapping_add(self.gear[usize::from(byte)])
    }
}

fn gear_table(key: &[u8; 32]) -> Box<[u64; 256]> {
    let mut drawn = [0u8; 2048];
    blake3::Hasher::new_keyed(key).update(GEAR_LABEL).finalize_xof().fill(&mut drawn);
    let mut gear = Box::new([0u64; 256]);
    for (entry, bytes) in gear.iter_mut().zip(drawn.as_chunks::<8>().0) {
        *entry = u64::from_le_bytes(*bytes);
    }
    gear
}

#[cfg(test)]
mod tests;
