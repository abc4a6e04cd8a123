//! Bytes carry their permit: one number caps what a run holds in memory.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A budget of bytes shared by the threads of a run.
#[derive(Clone, Debug)]
pub struct ByteBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    capacity_bytes: u64,
    used_bytes: Mutex<u64>,
    freed: Condvar,
}

impl ByteBudget {
    /// A budget of `capacity_bytes`.
    pub fn new(capacity_bytes: u64) -> Self {
        Self(Arc::new(Shared { capacity_bytes, used_bytes: Mutex::new(0), freed: Condvar::new() }))
    }

    /// Waits until `len_bytes` are free and takes them. A request for more than the whole budget is granted once
    /// nothing else is out, so that no single buffer can wait for ever.
    pub fn acquire(&self, len_bytes: u64) -> Lease {
        let mut used = self.0.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        while *used > 0 && used.saturating_add(len_bytes) > self.0.capacity_bytes {
            used = self.0.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used = used.saturating_add(len_bytes);
        Lease { budget: self.clone(), len_bytes }
    }

    /// Bytes out on lease now.
    pub fn used_bytes(&self) -> u64 {
        *self.0.used_bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A permit for some bytes; given back when dropped.
#[derive(Debug)]
pub struct Lease {
    budget: ByteBudget,
    len_bytes: u64,
}

impl Lease {
    /// Bytes this permit covers.
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut used = self.budget.0.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_sub(self.len_bytes);
        self.budget.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_waits_for_room_and_gives_it_back() {
        let budget = ByteBudget::new(10);
        let first = budget.acquire(8);
        let waiting = budget.clone();
        let thread = std::thread::spawn(move || waiting.acquire(5).len_bytes());
        drop(first);
        assert_eq!(thread.join().expect("the waiter ends"), 5);
        assert_eq!(budget.used_bytes(), 0);
        assert_eq!(budget.acquire(1000).len_bytes(), 1000);
    }
}
