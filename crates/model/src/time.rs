//! Instants as file systems keep them.

/// An instant: seconds since 1970-01-01T00:00:00Z (negative before it) and nanoseconds `0..1_000_000_000` after that
/// second. The same shape as `statx` and `utimensat` use, so nothing is rounded on the way in or out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp {
    /// Whole seconds since the epoch.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

impl Timestamp {
    /// The instant `seconds` and `nanos` after the epoch. Nanoseconds of a second or more carry over.
    pub fn new(seconds: i64, nanos: u32) -> Self {
        let carry = i64::from(nanos / 1_000_000_000);
        Self { seconds: seconds.saturating_add(carry), nanos: nanos % 1_000_000_000 }
    }

    /// This instant moved by `nanos` nanoseconds (negative: into the past), saturating at the ends of the range.
    pub fn offset_ns(self, nanos: i64) -> Self {
        let total = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos) + i128::from(nanos);
        let seconds = total.div_euclid(1_000_000_000).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Self { seconds: seconds as i64, nanos: total.rem_euclid(1_000_000_000) as u32 }
    }

    /// Nanoseconds from `earlier` to this instant; zero when `earlier` is not earlier.
    pub fn since_ns(self, earlier: Self) -> u64 {
        let total = |t: Self| i128::from(t.seconds) * 1_000_000_000 + i128::from(t.nanos);
        (total(self) - total(earlier)).clamp(0, i128::from(u64::MAX)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_cross_the_second_and_the_epoch() {
        assert_eq!(Timestamp::new(0, 0).offset_ns(-1), Timestamp::new(-1, 999_999_999));
        assert_eq!(Timestamp::new(5, 999_999_999).offset_ns(2), Timestamp::new(6, 1));
        assert_eq!(Timestamp::new(6, 1).since_ns(Timestamp::new(5, 999_999_999)), 2);
        assert_eq!(Timestamp::new(5, 0).since_ns(Timestamp::new(6, 0)), 0);
    }
}
