//! How often somebody may fail to sign in.

use std::collections::HashMap;

/// Failures within a window before the next try is refused.
pub const MAX_FAILURES: u32 = 5;
/// Of one address more: several people may share it.
const MAX_FAILURES_ADDRESS: u32 = 20;
const WINDOW_MS: i64 = 5 * 60 * 1000;
/// Names and addresses that are remembered: beyond it whatever is oldest is forgotten, so that a flood of names takes no memory.
const MAX_KEYS: usize = 10_000;

/// Counts failures, of each name and of each address. Pure: the present is a parameter.
#[derive(Debug, Default)]
pub struct LoginLimits {
    /// Failures, and when the window began.
    failures: HashMap<String, (u32, i64)>,
}

impl LoginLimits {
    /// How many seconds to wait before the next try; zero when it may be made now.
    pub fn wait_s(&self, name: &str, address: &str, now_ms: i64) -> i64 {
        let of = |key: String, most: u32| match self.failures.get(&key) {
            Some((count, began_ms)) if *count >= most => (began_ms + WINDOW_MS - now_ms + 999) / 1000,
            _ => 0,
        };
        of(by_name(name), MAX_FAILURES).max(of(by_address(address), MAX_FAILURES_ADDRESS)).clamp(0, WINDOW_MS / 1000)
    }

    /// A try begins: it counts as failed until it has succeeded, so that tries at the same time are counted too.
    pub fn begin(&mut self, name: &str, address: &str, now_ms: i64) {
        self.failures.retain(|_, (_, began_ms)| now_ms - *began_ms < WINDOW_MS && *began_ms <= now_ms);
        for key in [by_name(name), by_address(address)] {
            if self.failures.len() >= MAX_KEYS && !self.failures.contains_key(&key) {
                let oldest =
                    self.failures.iter().min_by_key(|(_, (_, began_ms))| *began_ms).map(|(key, _)| key.clone());
                oldest.and_then(|key| self.failures.remove(&key));
            }
            self.failures.entry(key).or_insert((0, now_ms)).0 += 1;
        }
    }

    /// A try succeeded: the name is free again. Of the address only this try is taken back, since one account of one's own would
    /// free it for others.
    pub fn succeeded(&mut self, name: &str, address: &str) {
        self.failures.remove(&by_name(name));
        if let Some((count, _)) = self.failures.get_mut(&by_address(address)) {
            *count = count.saturating_sub(1);
        }
    }
}

/// A name is kept as its hash: what people type into the wrong field may be a password.
fn by_name(name: &str) -> String {
    format!("name {}", datakeep_manage::control::password::token_hash(name))
}

fn by_address(address: &str) -> String {
    format!("address {address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_held_back_and_let_go() {
        let mut limits = LoginLimits::default();
        for _ in 0..MAX_FAILURES {
            assert_eq!(limits.wait_s("ann", "::1", 1000), 0);
            limits.begin("ann", "::1", 1000);
        }
        assert_eq!(limits.wait_s("ann", "::2", 1000), 300, "wherever from");
        assert_eq!(limits.wait_s("bob", "::1", 1000), 0);
        assert_eq!(limits.wait_s("ann", "::1", 1000 + WINDOW_MS), 0);
        for number in 0..MAX_FAILURES_ADDRESS {
            limits.begin(&format!("n{number}"), "::3", 2000);
        }
        assert_eq!(limits.wait_s("bob", "::3", 2000), 300);
        limits.succeeded("ann", "::9");
        assert_eq!(limits.wait_s("ann", "::9", 2000), 0);
    }

    #[test]
    fn a_flood_of_names_takes_no_memory() {
        let mut limits = LoginLimits::default();
        for number in 0..3 * MAX_KEYS / 100 {
            limits.begin(&format!("{number}"), &format!("a{number}"), number as i64);
        }
        assert!(limits.failures.len() <= MAX_KEYS);
    }
}
