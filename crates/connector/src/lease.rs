//! Bytes carry their permit: one number caps what a run holds in memory.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A budget of bytes shared by the threads of a run.
#[derive(Clone, Debug)]
pub struct ByteBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    capacity_bytes: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used_bytes: u64,
    /// Numbers given to those who wait, and the number whose turn it is. Without turns a thread that is quick takes
    /// whatever is freed, and one that waits may wait for the whole run.
    next_turn: u64,
    turn: u64,
}

impl ByteBudget {
    /// A budget of `capacity_bytes`.
    pub fn new(capacity_bytes: u64) -> Self {
        Self(Arc::new(Shared { capacity_bytes, state: Mutex::default(), changed: Condvar::new() }))
    }

    /// Waits until `len_bytes` are free and takes them; first come, first served. A request for more than the whole
    /// budget is granted once nothing else is out, so that no single buffer can wait for ever.
    pub fn acquire(&self, len_bytes: u64) -> Lease {
        let mut state = self.lock();
        let turn = state.next_turn;
        state.next_turn += 1;
        let fits = |used: u64| used == 0 || used.saturating_add(len_bytes) <= self.0.capacity_bytes;
        while state.turn != turn || !fits(state.used_bytes) {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.used_bytes = state.used_bytes.saturating_add(len_bytes);
        state.turn += 1;
        self.0.changed.notify_all();
        Lease { budget: self.clone(), len_bytes }
    }

    /// Bytes out on lease now.
    pub fn used_bytes(&self) -> u64 {
        self.lock().used_bytes
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut state = self.budget.lock();
        state.used_bytes = state.used_bytes.saturating_sub(self.len_bytes);
        self.budget.0.changed.notify_all();
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
