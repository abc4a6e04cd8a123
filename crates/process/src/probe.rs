//! A cheap look at data before work is spent on compressing it.
//!
//! Bytes that are encrypted or compressed already are as good as uniformly random one by one; text, code and tables
//! are far from it. The probe counts, in short samples, how many pairs of bytes are equal: a uniform source gives 1/256
//! of all pairs, any other more (this is the order-0 collision entropy, which is never above Shannon's, so the probe
//! errs on the side of trying). It cannot see repeats of random-looking blocks; whole chunks that repeat are found by
//! deduplication before.

/// One sample is taken from each stretch of this length.
const STRETCH_LEN_BYTES: usize = 32 << 10;
const SAMPLE_LEN_BYTES: usize = 2 << 10;
/// Below this, trying costs less than it can lose.
const LEAST_LEN_BYTES: usize = 4 << 10;

/// True when every sample of `data` looks random, so that compressing it is a waste.
pub(crate) fn looks_random(data: &[u8]) -> bool {
    data.len() >= LEAST_LEN_BYTES && data.chunks(STRETCH_LEN_BYTES).all(|stretch| sample_is_random(middle(stretch)))
}

fn middle(stretch: &[u8]) -> &[u8] {
    let len = stretch.len().min(SAMPLE_LEN_BYTES);
    let start = (stretch.len() - len) / 2;
    &stretch[start..start + len]
}

/// For 2048 uniform bytes the number of equal pairs deviates from its mean by 1.1 %; one eighth above the mean is
/// eleven times that, and means 0.17 bits of 8 could be saved at best.
fn sample_is_random(sample: &[u8]) -> bool {
    // Two tables, so that runs of one byte do not wait for their own counter.
    let mut counts = [[0u32; 256]; 2];
    let (pairs, rest) = sample.as_chunks::<2>();
    for [even, odd] in pairs {
        counts[0][usize::from(*even)] += 1;
        counts[1][usize::from(*odd)] += 1;
    }
    for byte in rest {
        counts[0][usize::from(*byte)] += 1;
    }
    let equal: u64 = (0..256)
        .map(|byte| u64::from(counts[0][byte] + counts[1][byte]))
        .map(|count| count * count.saturating_sub(1))
        .sum();
    let all = sample.len() as u64 * (sample.len() as u64).saturating_sub(1);
    // A short tail of a stretch tells little; a lenient limit there leaves the verdict to the full samples.
    let slack = if sample.len() >= SAMPLE_LEN_BYTES { 8 } else { 1 };
    equal * 256 * slack <= all * (slack + 1)
}
