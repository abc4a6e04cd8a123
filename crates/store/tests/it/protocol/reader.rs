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
    let front_only = model.is(Change::ReadFrontOnly);
    let front_first = front_only || model.is(Change::ReadFrontFirst);
    match reader.at {
        ReaderAt::Idle => {
            reader.dead = state.sessions_with(|_, session| session.is(DEAD));
            reader.fence = if fence_first { fence(state) } else { 0 };
            reader.at = ReaderAt::Decisions;
            if front_first {
                reader.fence = state.sessions_with(|_, session| session.is(TOMB));
                reader.at = ReaderAt::Checkpoint;
                // One listing shows both, at the same moment or not.
                out.push(Step::by(Who::Reader, with_checkpoint(state, next)));
            }
        }
        ReaderAt::Checkpoint => next = with_checkpoint(state, next),
        ReaderAt::Decisions => {
            reader.seen = state.sessions_with(|_, session| session.is(COMMIT));
            reader.at = ReaderAt::Tombstones;
            if front_first {
                let (epoch, listed) = (reader.epoch, reader.listed);
                let void = state.sessions_with(|number, session| session.epoch < epoch && !has(listed, number));
                reader.seen &= !reader.fence & !void;
                (reader.fence, reader.epoch, reader.listed) = (0, 0, 0);
                if front_only || reader.seen & !listed == 0 {
                    reader.at = ReaderAt::Shows;
                }
            }
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

fn with_checkpoint(state: &State, mut next: State) -> State {
    (next.reader.epoch, next.reader.listed) = (state.newest.epoch, state.newest.listed);
    next.reader.at = ReaderAt::Decisions;
    next
}

/// The sessions that the newest checkpoint makes void.
fn fence(state: &State) -> Set {
    (0..SESSIONS).filter(|&session| state.void(session)).fold(0, |set, session| set | only(session))
}
