//! All steps from a state, and the bookkeeping after each.

use super::scope::{Change, Model};
use super::state::*;
use super::{collector, reader, writer};

/// Who takes a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    User,
    Network,
    Reader,
    Writer(u8),
    Collector(u8),
}

/// One step.
#[derive(Clone, Copy)]
pub struct Step {
    pub who: Who,
    /// The actor dies and forgets everything.
    pub dies: bool,
    pub next: State,
}

impl Step {
    pub fn by(who: Who, next: State) -> Self {
        Self { who, dies: false, next }
    }

    pub fn death(who: Who, next: State) -> Self {
        Self { who, dies: true, next }
    }
}

/// Everything that may happen next.
pub fn all(model: &Model, state: &State, out: &mut Vec<Step>) {
    out.clear();
    for number in 0..usize::from(model.scope.writers) {
        writer::steps(model, state, number, out);
    }
    for number in 0..usize::from(model.scope.collectors) {
        collector::steps(model, state, number, out);
    }
    writer::forgets(model, state, out);
    writer::repeats(model, state, out);
    reader::steps(model, state, out);
    for step in out.iter_mut() {
        settle(model, &mut step.next);
    }
}

/// Collectors differ in nothing but their memory: of two equal worlds one is explored.
pub fn canonical(state: &State) -> State {
    let mut state = *state;
    let key = |collector: &Collector| {
        (collector.at as u8, collector.epoch, collector.own, collector.a, collector.b, collector.live, collector.kept)
    };
    if key(&state.collectors[0]) < key(&state.collectors[1]) {
        state.collectors.swap(0, 1);
    }
    state
}

/// Writes history down, and blanks what can have no effect any more, so that equal futures are equal states.
pub fn settle(model: &Model, state: &mut State) {
    for session in 0..SESSIONS {
        let void = state.sessions[session].flags != 0 && state.void(session);
        if void || state.sessions[session].is(ABORT | FORGOTTEN) {
            state.sessions[session].flags |= DEAD;
        }
        if state.sessions[session].is(FORGOTTEN) {
            state.sessions[session].flags &= !ACKED;
        }
    }
    let mut open = 0;
    for (number, writer) in state.writers.iter().enumerate() {
        if !matches!(writer.at, WriterAt::Idle | WriterAt::Listed | WriterAt::List) {
            open |= only(writer::current(model, writer, number));
        }
    }
    for session in members(!open) {
        blank(model, &mut state.sessions[session]);
    }
}

/// No writer can commit this session any more.
fn blank(model: &Model, session: &mut Session) {
    if session.is(SENT)
        || session.is(COMMIT)
        || session.is(ACKED) && !session.is(FORGOTTEN)
        || model.is(Change::TrustOwnPacks)
    {
        return;
    }
    session.reach = [NONE; CHUNKS];
    if !session.is(INTENT | ABORT | TOMB) {
        session.epoch = 0;
        session.flags = 0;
    }
}
