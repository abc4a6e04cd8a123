//! Where row groups end: a local maximum of keyed hashes of keys.
//!
//! A row ends its group when the hash of its key is strictly greater than those of the `window` rows before it and of the
//! `window` rows after it, and so many rows there are on both sides. Nothing else decides: not the values beside the key, not
//! where reading began, not how many read at once. An update never moves an edge; a row that comes or goes moves those within
//! `window` rows at most. Groups have more than `window` rows, about 2·window + 1 on average, but for a table of fewer rows.
//!
//! N. Bjørner, A. Blass, Y. Gurevich: Content-dependent chunking for differential compression, the local maximum approach.
//! JCSS 79 (2013).

use std::collections::VecDeque;

/// The longest window: groups of 128 Ki rows on average.
pub const MAX_WINDOW: usize = 64 << 10;

/// Finds the ends of groups in a stream of hashes. A row is judged once `window` rows after it have been seen.
#[derive(Clone, Debug)]
pub struct Splitter {
    window: usize,
    /// Rows seen.
    seen: u64,
    /// Falling hashes of rows that are still the greatest of all since: the first is the greatest of the last
    /// 2·window + 1.
    greatest: VecDeque<(u64, u64)>,
}

impl Splitter {
    /// A window of so many rows on each side, from 1 to [`MAX_WINDOW`].
    pub fn new(window: usize) -> Self {
        Self { window: window.clamp(1, MAX_WINDOW), seen: 0, greatest: VecDeque::new() }
    }

    /// Takes the hash of the next row. The answer is the number of a row that ends a group, counted from 0, once that is
    /// known; numbers rise.
    pub fn push(&mut self, hash: u64) -> Option<u64> {
        while self.greatest.back().is_some_and(|(_, least)| *least < hash) {
            self.greatest.pop_back();
        }
        self.greatest.push_back((self.seen, hash));
        self.seen += 1;
        let window = self.window as u64;
        // The row that now has `window` rows behind it; before it there must be as many.
        let judged = self.seen.checked_sub(window + 1)?;
        let first = judged.checked_sub(window)?;
        while self.greatest.front().is_some_and(|(row, _)| *row < first) {
            self.greatest.pop_front();
        }
        let mut greatest = self.greatest.iter();
        let (row, hash) = greatest.next()?;
        let is_strict = greatest.next().is_none_or(|(_, next)| next < hash);
        (*row == judged && is_strict).then_some(judged)
    }

    /// Rows seen so far.
    pub fn seen(&self) -> u64 {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(hashes: &[u64], window: usize) -> Vec<u64> {
        let is_end = |&row: &usize| {
            row >= window
                && row + window < hashes.len()
                && (row - window..=row + window).all(|other| other == row || hashes[other] < hashes[row])
        };
        (0..hashes.len()).filter(is_end).map(|row| row as u64).collect()
    }

    fn split(hashes: &[u64], window: usize) -> Vec<u64> {
        let mut splitter = Splitter::new(window);
        hashes.iter().filter_map(|hash| splitter.push(*hash)).collect()
    }

    proptest! {
        #[test]
        fn a_stream_is_split_as_the_definition_says(hashes in proptest::collection::vec(0u64..40, 0..300), window in 1usize..12) {
            prop_assert_eq!(split(&hashes, window), naive(&hashes, window));
        }

        #[test]
        fn readers_of_parts_find_the_same_ends(
            hashes in proptest::collection::vec(any::<u64>(), 60..400), window in 1usize..12, cuts in proptest::collection::vec(0usize..400, 0..4)
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(hashes.len())).chain([0, hashes.len()]).collect();
            cuts.sort_unstable();
            let mut found = Vec::new();
            for part in cuts.windows(2) {
                // Each reads `window` rows more on both sides than it judges.
                let (from, to) = (part[0].saturating_sub(window), (part[1] + window).min(hashes.len()));
                let own = split(&hashes[from..to], window).into_iter().map(|row| row + from as u64);
                found.extend(own.filter(|row| (part[0] as u64..part[1] as u64).contains(row)));
            }
            prop_assert_eq!(found, naive(&hashes, window));
        }

        #[test]
        fn a_row_that_goes_moves_only_ends_nearby(
            hashes in proptest::collection::vec(any::<u64>(), 100..300), window in 1usize..10, gone in 0usize..100
        ) {
            let mut fewer = hashes.clone();
            fewer.remove(gone);
            let far = |ends: Vec<u64>, removed: bool| -> Vec<u64> {
                let near = (gone as u64).saturating_sub(window as u64)..=(gone + window) as u64;
                ends.into_iter().map(|row| if removed && row >= gone as u64 { row + 1 } else { row }).filter(|row| !near.contains(row)).collect()
            };
            // The ends of the table move, too: only what is away from them is compared.
            let inner = |rows: Vec<u64>| -> Vec<u64> {
                rows.into_iter().filter(|row| *row > window as u64 + 1 && *row + (window as u64) + 2 < hashes.len() as u64).collect()
            };
            prop_assert_eq!(inner(far(split(&hashes, window), false)), inner(far(split(&fewer, window), true)));
        }
    }

    #[test]
    fn groups_are_as_long_as_they_should_be() {
        let hashes: Vec<u64> = (0..200_000u64)
            .map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(0xbf58_476d_1ce4_e5b9))
            .collect();
        let ends = split(&hashes, 500);
        let lengths: Vec<u64> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = lengths.iter().sum::<u64>() / lengths.len() as u64;
        assert!((900..1100).contains(&mean), "{mean} rows a group");
        assert!(lengths.iter().all(|len| *len > 500));
    }

    #[test]
    fn equal_hashes_end_nothing() {
        assert_eq!(split(&[5; 100], 3), Vec::<u64>::new());
        assert_eq!(split(&[1, 1, 1, 9, 1, 1, 1, 9, 1, 1, 1], 3), [3, 7]);
    }
}
