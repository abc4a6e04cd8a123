//! Tables that several threads work on at the same time.

use crate::error::EngineError;
use datakeep_process_table::TableDescription;
use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

/// Numbers of tables that wait to be taken: the longest first, so that no thread is left alone with it at the end.
pub(crate) struct Waiting {
    numbers: Mutex<Vec<usize>>,
    is_over: AtomicBool,
}

impl Waiting {
    /// Of these tables, by their numbers.
    pub fn new(numbers: impl IntoIterator<Item = usize>, rows_of: impl Fn(usize) -> u64) -> Self {
        let mut numbers: Vec<usize> = numbers.into_iter().collect();
        numbers.sort_by_key(|&number| (rows_of(number), Reverse(number)));
        Self { numbers: Mutex::new(numbers), is_over: AtomicBool::new(false) }
    }

    /// The next one; `None` at the end, and once it is over.
    pub fn take(&self) -> Option<usize> {
        if self.is_over() {
            return None;
        }
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Nothing that waits is to be done any more, nor what has been begun.
    pub fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// True once it was stopped.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// What a thread did; all others stop when it failed.
    pub fn watched<T>(&self, work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
        work().inspect_err(|_| self.stop())
    }
}

/// What all threads did, the first of them in this one. Of their errors it is one that says more than that somebody was stopped.
pub(crate) fn joined<T>(
    own: Result<T, EngineError>,
    others: Vec<ScopedJoinHandle<'_, Result<T, EngineError>>>,
) -> Result<Vec<T>, EngineError> {
    let gone = || EngineError::Broken("a thread that works on tables is gone");
    let others = others.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(gone())));
    let (mut done, mut fault) = (Vec::new(), None);
    for result in std::iter::once(own).chain(others) {
        match (result, &fault) {
            (Ok(found), _) => done.push(found),
            (Err(error), None | Some(EngineError::Cancelled)) => fault = Some(error),
            (Err(_), Some(_)) => {}
        }
    }
    fault.map_or(Ok(done), Err)
}

/// Rows of tables by their numbers.
pub(crate) fn rows_of<'t>(tables: impl IntoIterator<Item = &'t TableDescription>) -> Vec<u64> {
    tables.into_iter().map(|table| table.rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_is_taken_first_and_nothing_once_it_is_over() {
        let rows = [5, 70, 70, 1];
        let waiting = Waiting::new(0..4, |number| rows[number]);
        let taken: Vec<_> = (0..3).map_while(|_| waiting.take()).collect();
        assert_eq!(taken, [1, 2, 0]);
        assert!(waiting.watched(|| Err::<(), _>(EngineError::Cancelled)).is_err());
        assert_eq!(waiting.take(), None);
    }

    #[test]
    fn the_error_that_is_told_is_the_one_that_stopped_the_others() {
        let told = std::thread::scope(|scope| {
            let others = vec![
                scope.spawn(|| Ok(1)),
                scope.spawn(|| Err(EngineError::Broken("the cause"))),
                scope.spawn(|| Err(EngineError::Cancelled)),
            ];
            joined(Err(EngineError::Cancelled), others)
        });
        assert!(matches!(told, Err(EngineError::Broken("the cause"))));
        let fine = std::thread::scope(|scope| joined(Ok(1), vec![scope.spawn(|| Ok(2))]));
        assert_eq!(fine.expect("both did it"), [1, 2]);
    }
}
