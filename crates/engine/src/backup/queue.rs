//! Hands jobs to workers, and asks workers to give out what they hold back.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

/// What a worker is to do next.
pub(crate) enum Next<J> {
    /// Do this.
    Job(J),
    /// Hand over the frame being filled.
    Flush,
    /// Hand over the frame being filled, and end.
    End,
}

struct State<J> {
    jobs: VecDeque<J>,
    flush: Vec<bool>,
    closed: bool,
}

/// A first-in-first-out queue of jobs. The bound is kept by the one who pushes ([`JobQueue::waiting`]).
pub(crate) struct JobQueue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
}

impl<J> JobQueue<J> {
    pub fn new(workers: usize) -> Self {
        let state = State { jobs: VecDeque::new(), flush: vec![false; workers], closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn push(&self, job: J) {
        self.lock().jobs.push_back(job);
        self.changed.notify_one();
    }

    /// Jobs not yet taken.
    pub fn waiting(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Asks every worker to hand over the frame it is filling.
    pub fn flush(&self) {
        self.lock().flush.fill(true);
        self.changed.notify_all();
    }

    /// No more jobs; those waiting are still done unless `drop_jobs`.
    pub fn close(&self, drop_jobs: bool) {
        let mut state = self.lock();
        state.closed = true;
        if drop_jobs {
            state.jobs.clear();
        }
        self.changed.notify_all();
    }

    /// Waits for something to do.
    pub fn next(&self, worker: usize) -> Next<J> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Next::Job(job);
            }
            if std::mem::take(&mut state.flush[worker]) {
                return Next::Flush;
            }
            if state.closed {
                return Next::End;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
