//! What must hold in every state.

use super::collector;
use super::scope::{Model, Moves, Scope};
use super::state::*;
use super::step::{self, Step};
use super::words::CHUNK_NAMES;
use std::fmt;

/// What went wrong.
#[derive(Clone, Debug)]
pub enum Violation {
    /// I1.
    LostAcknowledged { session: usize, detail: &'static str },
    /// I2.
    Incomplete { session: usize, chunk: usize },
    /// I3.
    Risen { session: usize },
    /// I4.
    NoProgress { detail: String },
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostAcknowledged { session, detail } => write!(out, "I1 broken: s{session} is {detail}"),
            Self::Incomplete { session, chunk } => {
                write!(out, "I2 broken: s{session} is visible, and its chunk {} is gone", CHUNK_NAMES[*chunk])
            }
            Self::Risen { session } => write!(out, "I3 broken: s{session} was aborted, void or forgotten, and is seen"),
            Self::NoProgress { detail } => write!(out, "I4 broken: {detail}"),
        }
    }
}

/// The first invariant that does not hold.
pub fn check(model: &Model, state: &State) -> Option<Violation> {
    (0..SESSIONS)
        .find_map(|session| check_session(model, state, session))
        .or_else(|| check_reader(model, state))
        .or_else(|| check_progress(model, state))
}

/// What a reader shows was neither dead when it began, nor is it incomplete (unless it was forgotten since).
fn check_reader(model: &Model, state: &State) -> Option<Violation> {
    if state.reader.at != ReaderAt::Shows {
        return None;
    }
    members(state.reader.seen).find_map(|session| {
        let lost = state.lost_chunk(model, session).filter(|_| !state.sessions[session].is(FORGOTTEN));
        if let Some(chunk) = lost {
            return Some(Violation::Incomplete { session, chunk });
        }
        has(state.reader.dead, session).then_some(Violation::Risen { session })
    })
}

fn check_session(model: &Model, state: &State, session: usize) -> Option<Violation> {
    let record = &state.sessions[session];
    let visible = state.visible(model, session);
    let lost = if visible { state.lost_chunk(model, session) } else { None };
    if record.is(ACKED) && !record.is(FORGOTTEN) && !visible {
        return Some(Violation::LostAcknowledged { session, detail: "acknowledged, and not visible" });
    }
    if record.is(ACKED) && lost.is_some() {
        return Some(Violation::LostAcknowledged { session, detail: "acknowledged, and a frame is gone" });
    }
    if let Some(chunk) = lost {
        return Some(Violation::Incomplete { session, chunk });
    }
    (visible && record.is(DEAD)).then_some(Violation::Risen { session })
}

/// I4: when everybody rests, one collection (two where it has to give sessions up first) leaves exactly the packs
/// that hold a live frame.
fn check_progress(model: &Model, state: &State) -> Option<Violation> {
    if !model.scope.progress || !state.quiescent() {
        return None;
    }
    let scope = Scope { rounds: 7, moves: Moves::Never, lazy: false, fine: true, crashes: false, ..model.scope };
    let model = Model { scope, change: model.change };
    let mut now = *state;
    for last in (0..=3).rev() {
        let epoch = now.newest.epoch;
        let begun = now.condemned[usize::from(epoch) + 1].exists;
        let undecided = now.sessions.iter().any(|session| session.is(INTENT) && !session.decided());
        now = collect(&model, now);
        if now.newest.epoch != epoch + 1 {
            return Some(Violation::NoProgress { detail: "an undisturbed collection made no checkpoint".to_owned() });
        }
        if let Some(found) = (0..SESSIONS).find_map(|session| check_session(&model, &now, session)) {
            return Some(found);
        }
        if !begun && !undecided {
            break;
        }
        if last == 0 {
            return Some(Violation::NoProgress { detail: "sessions stay open for ever".to_owned() });
        }
    }
    let visible = now.sessions_with(|session, _| now.visible(&model, session));
    let used = now.used(&model, visible);
    let (stored, wanted) = (now.stored_packs(), used[0] | used[1]);
    (stored != wanted).then(|| Violation::NoProgress { detail: format!("packs left: {stored:#b}, live: {wanted:#b}") })
}

/// One collection by one collector that nobody disturbs.
fn collect(model: &Model, mut state: State) -> State {
    let mut steps: Vec<Step> = Vec::new();
    loop {
        steps.clear();
        collector::steps(model, &state, 0, &mut steps);
        let Some(step) = steps.first() else { return state };
        state = step.next;
        step::settle(model, &mut state);
        if state.collectors[0].at == CollectorAt::Idle {
            return state;
        }
    }
}
