//! Statements that a person asks one by one can be stopped one by one.

use crate::errors::Failure;
use crate::signals::hear;
use datakeep_connector::Cancel;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::SIGTERM;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// What is going on, of the things that a person does one after the other.
#[derive(Clone)]
enum Now {
    /// A statement runs.
    Statement(Cancel),
    /// The next is waited for; the terminal as it was before, where standard input is one.
    Waiting(Option<Box<Termios>>),
}

/// Whose turn it is: a statement's, or the person's.
#[derive(Clone)]
pub struct Turns {
    now: Arc<Mutex<Now>>,
    /// Everything is to end.
    all: Cancel,
}

impl Turns {
    fn set(&self, now: Now) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// The next statement begins: what stopped the one before does not stop it.
    pub fn next(&self) -> Cancel {
        let cancel = Cancel::new();
        self.set(Now::Statement(cancel.clone()));
        cancel
    }

    /// Waits for the person by `wait`, which may change how the terminal behaves; `None` when everything is to end.
    pub fn wait<T>(&self, wait: impl FnOnce() -> T) -> Option<T> {
        self.set(Now::Waiting(tcgetattr(std::io::stdin()).ok().map(Box::new)));
        // Who is asked to end from now on ends at once; who was asked before is seen here.
        if self.all.is_cancelled() {
            return None;
        }
        let answer = wait();
        self.next();
        Some(answer)
    }

    fn now(&self) -> Now {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// From now on SIGINT stops the statement that runs, and once more the process. SIGTERM sets `cancel`, too; where nothing runs,
/// it ends the process and leaves the terminal as it was.
pub fn listen_by_turns(cancel: &Cancel) -> Result<Turns, Failure> {
    let turns = Turns { now: Arc::new(Mutex::new(Now::Statement(Cancel::new()))), all: cancel.clone() };
    let (current, all) = (turns.clone(), cancel.clone());
    hear(move |signal| {
        let is_term = signal == SIGTERM;
        if is_term {
            all.cancel();
        }
        match current.now() {
            Now::Statement(turn) => {
                let is_second = turn.is_cancelled();
                turn.cancel();
                is_second
            }
            Now::Waiting(before) if is_term => {
                // Whoever ended us wants us gone, whatever becomes of the terminal.
                let _ = before.map(|before| tcsetattr(std::io::stdin(), OptionalActions::Now, &before));
                let _ = writeln!(std::io::stderr());
                true
            }
            Now::Waiting(_) => false,
        }
    })?;
    Ok(turns)
}
