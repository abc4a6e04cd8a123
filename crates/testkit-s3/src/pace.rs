//! How fast a server is, for benches.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How fast a server is. The default is as fast as it can.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pace {
    /// Real milliseconds before each answer.
    pub latency_ms: u64,
    /// Bytes per second of request bodies over all connections; 0 for no bound.
    pub in_bytes_per_s: u64,
    /// Bytes per second of answers' bodies over all connections; 0 for no bound.
    pub out_bytes_per_s: u64,
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    In,
    Out,
}

/// How many bytes are sent or received between two waits.
pub(crate) const PIECE_LEN_BYTES: usize = 64 << 10;

struct State {
    pace: Pace,
    /// When the line is free again, in and out.
    free: [Option<Instant>; 2],
    is_stopped: bool,
}

/// Makes connections wait, and lets none wait when the server stops.
pub(crate) struct Pacer {
    state: Mutex<State>,
    stopped: Condvar,
}

impl Pacer {
    pub(crate) fn new() -> Self {
        let state = State { pace: Pace::default(), free: [None; 2], is_stopped: false };
        Self { state: Mutex::new(state), stopped: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, pace: Pace) {
        let mut state = self.lock();
        (state.pace, state.free) = (pace, [None; 2]);
    }

    pub(crate) fn latency_ms(&self) -> u64 {
        self.lock().pace.latency_ms
    }

    pub(crate) fn stop(&self) {
        self.lock().is_stopped = true;
        self.stopped.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().is_stopped
    }

    /// Waits, or returns at once when the server stops.
    pub(crate) fn wait(&self, time: Duration) {
        if !time.is_zero() {
            let is_running = |state: &mut State| !state.is_stopped;
            let (_state, _timeout) =
                self.stopped.wait_timeout_while(self.lock(), time, is_running).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until the line had time for so many bytes.
    pub(crate) fn pass(&self, direction: Direction, len_bytes: usize) {
        let wait = {
            let mut state = self.lock();
            let (rate, lane) = match direction {
                Direction::In => (state.pace.in_bytes_per_s, 0),
                Direction::Out => (state.pace.out_bytes_per_s, 1),
            };
            if rate == 0 {
                return;
            }
            let now = Instant::now();
            let free = state.free[lane].map_or(now, |free| free.max(now));
            let free = free + Duration::from_secs_f64(len_bytes as f64 / rate as f64);
            state.free[lane] = Some(free);
            free - now
        };
        self.wait(wait);
    }
}
