//! Small least-recently-used caches with a bound in bytes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// A cache of shared values that holds at most a given number of bytes (and always the newest value).
pub struct ByteCache<K, V> {
    capacity_bytes: usize,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    values: HashMap<K, (Arc<V>, usize, u64)>,
    used_bytes: usize,
    tick: u64,
}

impl<K: Eq + Hash + Clone, V> ByteCache<K, V> {
    /// A cache of `capacity_bytes`.
    pub fn new(capacity_bytes: usize) -> Self {
        Self { capacity_bytes, state: Mutex::new(State { values: HashMap::new(), used_bytes: 0, tick: 0 }) }
    }

    /// The value, when it is here.
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tick += 1;
        let tick = state.tick;
        let (value, _, used) = state.values.get_mut(key)?;
        *used = tick;
        Some(value.clone())
    }

    /// Takes a value out.
    pub fn remove(&self, key: &K) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, len_bytes, _)) = state.values.remove(key) {
            state.used_bytes -= len_bytes;
        }
    }

    /// Puts a value in and older ones out.
    pub fn insert(&self, key: K, value: Arc<V>, len_bytes: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tick += 1;
        let tick = state.tick;
        if let Some((_, old, _)) = state.values.insert(key.clone(), (value, len_bytes, tick)) {
            state.used_bytes -= old;
        }
        state.used_bytes += len_bytes;
        while state.used_bytes > self.capacity_bytes && state.values.len() > 1 {
            let oldest = state.values.iter().filter(|(k, _)| **k != key).min_by_key(|(_, (_, _, tick))| *tick);
            let Some(oldest) = oldest.map(|(k, _)| k.clone()) else { break };
            if let Some((_, len_bytes, _)) = state.values.remove(&oldest) {
                state.used_bytes -= len_bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leave_first() {
        let cache = ByteCache::new(10);
        cache.insert(1, Arc::new("a"), 4);
        cache.insert(2, Arc::new("b"), 4);
        assert!(cache.get(&1).is_some());
        cache.insert(3, Arc::new("c"), 4);
        assert!(cache.get(&2).is_none() && cache.get(&1).is_some() && cache.get(&3).is_some());
        cache.insert(4, Arc::new("huge"), 100);
        assert!(cache.get(&4).is_some() && cache.get(&1).is_none());
    }
}
