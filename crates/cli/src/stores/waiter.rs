//! Patience with stores: waits end when the run is to stop, and people are told what is waited for.

use crate::out::Out;
use crate::words::tr;
use datakeep_connector::Cancel;
use datakeep_store::{Entropy, OsEntropy};
use datakeep_store_blob::{Retry, Waiter};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A store that does not come back is told of this often.
const TOLD_EVERY_MS: u64 = 30_000;
/// Nothing has been told yet.
const NEVER: u64 = u64::MAX;

/// The machine's time, chance and standard error.
pub struct Patience {
    begun: Instant,
    cancel: Cancel,
    told_at_ms: AtomicU64,
}

impl Patience {
    /// Waits until `cancel` says no.
    pub fn new(cancel: Cancel) -> Self {
        Self { begun: Instant::now(), cancel, told_at_ms: AtomicU64::new(NEVER) }
    }
}

impl Waiter for Patience {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn wait_ms(&self, duration_ms: u64) -> bool {
        !self.cancel.wait(Duration::from_millis(duration_ms))
    }

    fn draw(&self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        OsEntropy.fill(&mut bytes);
        u64::from_le_bytes(bytes).checked_rem(below).unwrap_or(0)
    }

    fn told(&self, retry: &Retry<'_>) {
        // A hiccup is nobody's business.
        if retry.tried_ms + retry.wait_ms < 2_000 {
            return;
        }
        let now_ms = self.now_ms();
        let last_ms = self.told_at_ms.load(Ordering::Relaxed);
        if last_ms != NEVER && now_ms.saturating_sub(last_ms) < TOLD_EVERY_MS {
            return;
        }
        self.told_at_ms.store(now_ms, Ordering::Relaxed);
        let (error, left) = (retry.error, retry.patience_ms.saturating_sub(retry.tried_ms) / 1000);
        Out::aside(&tr!(
            "the store does not answer as it should ({error}); trying for {left} s more",
            "存储应答异常（{error}）；将继续重试 {left} 秒"
        ));
    }
}
