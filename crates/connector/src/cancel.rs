//! Stopping on request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A token that many threads look at between buffers. Once set it stays set.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_set: AtomicBool,
    sleepers: Mutex<()>,
    changed: Condvar,
}

impl Cancel {
    /// A token that nobody has set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everyone who looks to stop.
    pub fn cancel(&self) {
        self.0.is_set.store(true, Ordering::SeqCst);
        // Taken so that nobody falls asleep between its look and the call below.
        let _sleepers = self.0.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.changed.notify_all();
    }

    /// True once asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_set.load(Ordering::Relaxed)
    }

    /// Waits for so long, or until asked to stop; true when asked to stop.
    pub fn wait(&self, at_most: Duration) -> bool {
        let sleepers = self.0.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        let asleep = |_: &mut ()| !self.is_cancelled();
        drop(self.0.changed.wait_timeout_while(sleepers, at_most, asleep).unwrap_or_else(PoisonError::into_inner));
        self.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_it_is_cancelled() {
        let cancel = Cancel::new();
        assert!(!cancel.wait(Duration::ZERO));
        let other = cancel.clone();
        let waiter = std::thread::spawn(move || other.wait(Duration::from_secs(600)));
        cancel.cancel();
        assert!(waiter.join().is_ok_and(|stopped| stopped));
    }
}
