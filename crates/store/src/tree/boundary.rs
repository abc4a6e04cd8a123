//! Where nodes end: strict local maxima of a keyed hash.

use std::collections::VecDeque;

/// Cuts a stream of elements into nodes. The cut depends on the hashes of the elements near by and on nothing else.
pub(crate) struct Cutter<T> {
    window: usize,
    /// Hashes of the last elements: from `window` before the oldest undecided one on.
    hashes: VecDeque<u64>,
    /// Position in `hashes` of the oldest undecided element.
    next: usize,
    undecided: VecDeque<T>,
    node: Vec<T>,
    pushed: u64,
}

impl<T> Cutter<T> {
    pub fn new(window: usize) -> Self {
        Self {
            window: window.max(1),
            hashes: VecDeque::new(),
            next: 0,
            undecided: VecDeque::new(),
            node: Vec::new(),
            pushed: 0,
        }
    }

    /// Number of elements so far.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Takes an element and returns a node when one is complete.
    pub fn push(&mut self, hash: u64, element: T) -> Option<Vec<T>> {
        self.pushed += 1;
        self.hashes.push_back(hash);
        self.undecided.push_back(element);
        if self.undecided.len() <= self.window {
            return None;
        }
        self.decide()
    }

    /// Returns what is left, as nodes. A level of at most `window` elements is one node.
    pub fn finish(&mut self) -> Vec<Vec<T>> {
        let mut nodes = Vec::new();
        let whole = self.pushed <= self.window as u64;
        while !self.undecided.is_empty() {
            if whole {
                self.node.extend(self.undecided.pop_front());
            } else {
                nodes.extend(self.decide());
            }
        }
        if !self.node.is_empty() {
            nodes.push(std::mem::take(&mut self.node));
        }
        nodes
    }

    fn decide(&mut self) -> Option<Vec<T>> {
        let ends = self.is_peak();
        self.node.extend(self.undecided.pop_front());
        self.next += 1;
        if self.next > self.window {
            self.hashes.pop_front();
            self.next -= 1;
        }
        ends.then(|| std::mem::take(&mut self.node))
    }

    fn is_peak(&self) -> bool {
        let here = self.hashes[self.next];
        let last = (self.next + self.window).min(self.hashes.len() - 1);
        // Outwards from the element: a higher neighbour, if there is one, is usually near.
        (1..=self.window).all(|distance| {
            let left = self.next.checked_sub(distance).is_none_or(|at| self.hashes[at] < here);
            let right = self.next + distance > last || self.hashes[self.next + distance] < here;
            left && right
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(hashes: &[u64], window: usize) -> Vec<Vec<usize>> {
        let mut nodes = vec![Vec::new()];
        for (at, hash) in hashes.iter().enumerate() {
            nodes.last_mut().expect("a node").push(at);
            let near = at.saturating_sub(window)..(at + window + 1).min(hashes.len());
            let peak = near.clone().all(|other| other == at || hashes[other] < *hash);
            if hashes.len() > window && peak {
                nodes.push(Vec::new());
            }
        }
        nodes.retain(|node| !node.is_empty());
        nodes
    }

    proptest! {
        #[test]
        fn cuts_equal_the_definition(hashes in proptest::collection::vec(0u64..50, 0..200), window in 1usize..12) {
            let mut cutter = Cutter::new(window);
            let mut nodes: Vec<Vec<usize>> = Vec::new();
            for (at, hash) in hashes.iter().enumerate() {
                nodes.extend(cutter.push(*hash, at));
            }
            nodes.extend(cutter.finish());
            prop_assert_eq!(nodes, naive(&hashes, window));
        }
    }
}
