//! Time as a parameter.

use datakeep_model::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the present comes from. Used for display, patience and to distrust files changed at this very moment;
/// never to decide that something may be deleted.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => Timestamp::new(i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
            Err(before) => {
                let before = before.duration();
                Timestamp::new(0, 0).offset_ns(-i64::try_from(before.as_nanos()).unwrap_or(i64::MAX))
            }
        }
    }
}

/// A clock that always tells the same time, for tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}
