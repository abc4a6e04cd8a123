//! Reading many small objects: side by side where each has a long way to come.

use crate::error::StoreError;
use crate::repository::Repository;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

/// Threads, at most.
const MOST_THREADS: usize = 32;

/// What `read` makes of every name, in their order, by so many threads.
pub(crate) fn each<T: Send>(
    names: &[String],
    at_once: usize,
    read: &(dyn Fn(&str) -> Result<T, StoreError> + Sync),
) -> Vec<Result<T, StoreError>> {
    let threads = at_once.min(MOST_THREADS).min(names.len());
    if threads <= 1 {
        return names.iter().map(|name| read(name)).collect();
    }
    let next = AtomicUsize::new(0);
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (tell, next) = (tell.clone(), &next);
            scope.spawn(move || {
                while let Some((number, name)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|number| names.get(number).map(|n| (number, n)))
                {
                    let _ = tell.send((number, read(name)));
                }
            });
        }
    });
    drop(tell);
    let mut found: Vec<_> = told.into_iter().collect();
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, result)| result).collect()
}

impl Repository {
    /// What `read` makes of every object, in the order of the names.
    pub(crate) fn read_each<T: Send>(
        &self,
        names: &[String],
        read: &(dyn Fn(&str) -> Result<T, StoreError> + Sync),
    ) -> Vec<Result<T, StoreError>> {
        each(names, self.blobs.reads_at_once(), read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_stand_in_the_order_of_the_names() {
        let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let read = |name: &str| match name {
            "7" => Err(StoreError::Missing { object: name.to_string() }),
            _ => Ok(name.to_string()),
        };
        for at_once in [0, 1, 2, 8, 1000] {
            let found = each(&names, at_once, &read);
            assert_eq!(found.len(), 100);
            for (name, found) in names.iter().zip(found) {
                assert_eq!(found.ok(), Some(name.clone()).filter(|name| name != "7"));
            }
        }
        assert!(each(&[], 8, &read).is_empty());
    }
}
