//! Statements that a person asks one by one can be stopped one by one.

use crate::errors::Failure;
use crate::signals::hear;
use datakeep_connector::Cancel;
use signal_hook::consts::SIGTERM;
use std::sync::{Arc, Mutex, PoisonError};

/// What is going on, of the things that a person has done one after the other.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<Cancel>>);

impl Turns {
    /// The next begins: what stopped the one before does not stop it.
    pub fn next(&self) -> Cancel {
        let cancel = Cancel::new();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cancel.clone();
        cancel
    }

    fn current(&self) -> Cancel {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// From now on SIGINT stops what is going on, and once more the process; SIGTERM sets `cancel`, too.
pub fn listen_by_turns(cancel: &Cancel) -> Result<Turns, Failure> {
    let turns = Turns::default();
    let (current, all) = (turns.clone(), cancel.clone());
    hear(move |signal| {
        let turn = current.current();
        let is_second = turn.is_cancelled();
        turn.cancel();
        if signal == SIGTERM {
            all.cancel();
        }
        is_second
    })?;
    Ok(turns)
}
