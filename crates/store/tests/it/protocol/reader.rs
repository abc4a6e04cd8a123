//! A reader finds out which snapshots there are, one listing per step.

use super::scope::{Change, Model};
use super::state::*;
use super::step::{Step, Who};

/// The step a reader may take now.
pub fn steps(model: &Model, state: &State, out: &mut Vec<Step>) {
    if !model.scope.reader {
        return;
    }
    let mut next = *state;
    let reader = &mut next.reader;
    let fence_first = model.is(Change::ReadFenceFirst);
    match reader.at {
        ReaderAt::Idle => {
            reader.dead = state.sessions_with(|_, session| session.is(DEAD));
            reader.fence = if fence_first { fence(state) } else { 0 };
            reader.at = ReaderAt::Decisions;
        }
        ReaderAt::Decisions => {
            reader.seen = state.sessions_with(|_, session| session.is(COMMIT));
            reader.at = ReaderAt::Tombstones;
        }
        ReaderAt::Tombstones => {
            reader.seen &= !state.sessions_with(|_, session| session.is(TOMB));
            reader.at = ReaderAt::Fence;
        }
        ReaderAt::Fence => {
            reader.seen &= !if fence_first { reader.fence } else { fence(state) };
            reader.fence = 0;
            reader.at = ReaderAt::Shows;
        }
        ReaderAt::Shows => *reader = Reader::IDLE,
    }
    out.push(Step::by(Who::Reader, next));
}

/// The sessions that the newest checkpoint makes void.
fn fence(state: &State) -> Set {
    (0..SESSIONS).filter(|&session| state.void(session)).fold(0, |set, session| set | only(session))
}
