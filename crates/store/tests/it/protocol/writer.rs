//! What writers and users do, one store operation per step.

use super::finish;
use super::scope::{Change, Model};
use super::state::*;
use super::step::{Step, Who};

/// The steps a writer may take now.
pub fn steps(model: &Model, state: &State, number: usize, out: &mut Vec<Step>) {
    let who = Who::Writer(number as u8);
    let writer = state.writers[number];
    match writer.at {
        WriterAt::Idle if writer.opened == model.scope.sessions => {}
        WriterAt::Idle if model.is(Change::ListBeforeCheckpoint) => {
            out.push(Step::by(who, lists(model, state, number)))
        }
        WriterAt::Idle | WriterAt::Listed => out.push(Step::by(who, begins(model, state, number))),
        WriterAt::List => out.push(Step::by(who, lists_late(model, state, number))),
        WriterAt::Intent | WriterAt::Reopen => out.push(Step::by(who, creates_intent(model, state, number))),
        WriterAt::Probe => out.push(Step::by(who, probes(model, state, number))),
        WriterAt::Confirm => out.push(Step::by(who, confirms(model, state, number))),
        WriterAt::Upload => uploads(model, state, number, out),
        WriterAt::Commit => out.push(Step::by(who, commits(model, state, number))),
        WriterAt::Acknowledge => out.push(Step::by(who, acknowledges(model, state, number))),
    }
    if model.scope.crashes && writer.at != WriterAt::Idle {
        out.push(Step::death(who, rests(state, number)));
    }
}

/// The snapshots that may be forgotten now.
pub fn forgets(model: &Model, state: &State, out: &mut Vec<Step>) {
    if state.forgets == model.scope.forgets {
        return;
    }
    for session in (0..SESSIONS).filter(|&session| state.visible(model, session)) {
        let mut next = *state;
        next.sessions[session].flags |= TOMB | FORGOTTEN;
        next.forgets += 1;
        out.push(Step::by(Who::User, next));
    }
}

/// A request that the network delivers once more, long after its answer.
pub fn repeats(model: &Model, state: &State, out: &mut Vec<Step>) {
    if !model.scope.repeats {
        return;
    }
    for session in 0..SESSIONS {
        let record = &state.sessions[session];
        if record.is(SENT) && !record.decided() {
            let mut next = *state;
            next.sessions[session].flags |= COMMIT;
            out.push(Step::by(Who::Network, next));
        }
        if model.is(Change::PackReturns) && record.is(SENT) && state.packs[session] == 0 {
            let mut next = *state;
            let own = (0..CHUNKS).filter(|&chunk| usize::from(record.reach[chunk]) == session);
            next.packs[session] = own.fold(0, |chunks, chunk| chunks | 1 << chunk);
            if next != *state {
                out.push(Step::by(Who::Network, next));
            }
        }
    }
}

/// The session a writer is in, or was in last.
pub fn current(model: &Model, writer: &Writer, number: usize) -> usize {
    (model.first_session(number) + usize::from(writer.opened)).saturating_sub(1)
}

fn rests(state: &State, number: usize) -> State {
    let mut next = *state;
    let opened = state.writers[number].opened;
    next.writers[number] = Writer { at: WriterAt::Idle, opened, epoch: 0, view: [0; CHUNKS], banned: 0 };
    next
}

/// Per chunk the packs that hold it.
fn listing(model: &Model, state: &State, banned: Set) -> [Set; CHUNKS] {
    let mut view = [0; CHUNKS];
    for (chunk, packs) in view.iter_mut().enumerate().take(usize::from(model.scope.chunks)) {
        *packs =
            (0..SESSIONS).filter(|&pack| state.packs[pack] >> chunk & 1 == 1).fold(0, |set, pack| set | only(pack));
        *packs &= !banned;
    }
    view
}

/// Only in a mutant: packs are listed first.
fn lists(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    next.writers[number].view = listing(model, state, 0);
    next.writers[number].at = WriterAt::Listed;
    next
}

/// Step 1: the newest checkpoint, then the packs but for those on its delete list. The listing grows stale from here.
fn begins(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    let banned =
        if model.is(Change::DedupCondemned) || model.is(Change::IgnoreDeleteList) { 0 } else { state.newest.delete };
    let mut view = listing(model, state, banned);
    if state.writers[number].at == WriterAt::Listed {
        view = state.writers[number].view.map(|packs| packs & !banned);
    }
    if model.is(Change::TrustOwnPacks) {
        add_own_packs(model, state, number, &mut view);
    }
    let writer = &mut next.writers[number];
    writer.epoch = state.newest.epoch;
    writer.view = view;
    writer.banned = if model.scope.lists_again { banned } else { 0 };
    if model.scope.fine && writer.at == WriterAt::Idle {
        *writer = Writer { at: WriterAt::List, view: [0; CHUNKS], banned, ..*writer };
        return next;
    }
    opens(&mut next, number, WriterAt::Intent);
    next
}

/// The listing as a step of its own.
fn lists_late(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    let writer = &mut next.writers[number];
    writer.view = listing(model, state, writer.banned);
    if !model.scope.lists_again {
        writer.banned = 0;
    }
    opens(&mut next, number, WriterAt::Intent);
    next
}

fn add_own_packs(model: &Model, state: &State, number: usize, view: &mut [Set; CHUNKS]) {
    let first = model.first_session(number);
    for session in first..first + usize::from(state.writers[number].opened) {
        for (chunk, packs) in view.iter_mut().enumerate() {
            if usize::from(state.sessions[session].reach[chunk]) == session {
                *packs |= only(session);
            }
        }
    }
}

/// Takes a new session, whose intent comes next.
fn opens(next: &mut State, number: usize, at: WriterAt) {
    next.writers[number].opened += 1;
    next.writers[number].at = at;
}

/// Step 2.
fn creates_intent(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    let writer = &mut next.writers[number];
    let session = &mut next.sessions[current(model, writer, number)];
    session.epoch = writer.epoch;
    session.flags |= INTENT;
    let unlooked = model.is(Change::SkipProbe) || writer.at == WriterAt::Reopen;
    writer.at = if unlooked { WriterAt::Upload } else { WriterAt::Probe };
    next
}

/// Step 3: a condemned list of the next epoch means a new session there that keeps off what it condemns.
fn probes(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    let writer = &mut next.writers[number];
    let list = &state.condemned[usize::from(writer.epoch) + 1];
    if !list.exists {
        writer.at = WriterAt::Upload;
        return next;
    }
    if !model.is(Change::DedupCondemned) {
        for chunk in 0..CHUNKS {
            let moved = writer.view[chunk] & list.moved[chunk];
            writer.view[chunk] &= !list.packs;
            writer.view[chunk] |= if moved == 0 { 0 } else { only(usize::from(list.home)) };
        }
        writer.banned |= if model.scope.lists_again { list.packs } else { 0 };
    }
    writer.at = WriterAt::Confirm;
    if model.is(Change::NoConfirm) {
        return climbs(model, &next, number);
    }
    next
}

/// The list may have been pruned and created again by a collector that woke up late. While the checkpoint before it
/// is the newest, it has not been.
fn confirms(model: &Model, state: &State, number: usize) -> State {
    if state.newest.epoch == state.writers[number].epoch { climbs(model, state, number) } else { rests(state, number) }
}

/// A new session at the epoch of the list.
fn climbs(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    let writer = &mut next.writers[number];
    if model.is(Change::SelfAbort) {
        finish::aborts_one(&mut next.sessions[current(model, writer, number)]);
    }
    if writer.opened == model.scope.sessions {
        return rests(&next, number);
    }
    writer.epoch += 1;
    let at = if model.is(Change::NoSecondProbe) { WriterAt::Reopen } else { WriterAt::Intent };
    opens(&mut next, number, at);
    next
}

/// Step 4: any content, each chunk from any pack in the view; what is not taken from there goes into the own pack.
fn uploads(model: &Model, state: &State, number: usize, out: &mut Vec<Step>) {
    let who = Who::Writer(number as u8);
    let writer = &state.writers[number];
    let own = current(model, writer, number) as u8;
    if model.scope.lists_again {
        let mut next = *state;
        next.writers[number].view = listing(model, state, writer.banned);
        if next != *state {
            out.push(Step::by(who, next));
        }
    }
    for reach in reaches(model, writer, own) {
        let mut next = *state;
        next.sessions[usize::from(own)].reach = reach;
        let pack = (0..CHUNKS).filter(|&chunk| reach[chunk] == own).fold(0, |chunks, chunk| chunks | 1 << chunk);
        next.packs[usize::from(own)] = pack;
        next.writers[number] =
            Writer { at: WriterAt::Commit, opened: writer.opened, epoch: 0, view: [0; CHUNKS], banned: 0 };
        out.push(Step::by(who, next));
    }
}

fn reaches(model: &Model, writer: &Writer, own: u8) -> Vec<[u8; CHUNKS]> {
    let mut found = vec![[NONE; CHUNKS]];
    for chunk in 0..usize::from(model.scope.chunks) {
        let mut places: Vec<u8> = members(writer.view[chunk]).map(|pack| pack as u8).collect();
        if places.is_empty() || model.scope.duplicates {
            places.push(own);
        }
        let longer = found.iter().flat_map(|reach| {
            places.iter().map(move |&place| {
                let mut reach = *reach;
                reach[chunk] = place;
                reach
            })
        });
        let longer: Vec<_> = longer.collect();
        found.extend(longer);
    }
    found.retain(|reach| reach != &[NONE; CHUNKS]);
    found
}

/// Step 5: the register is created once; ABORT there means to begin again.
fn commits(model: &Model, state: &State, number: usize) -> State {
    let writer = &state.writers[number];
    let session = current(model, writer, number);
    if state.sessions[session].is(ABORT) && !model.is(Change::CommitOverAbort) {
        return rests(state, number);
    }
    let mut next = *state;
    next.sessions[session].flags &= !ABORT;
    next.sessions[session].flags |= COMMIT | if model.scope.repeats { SENT } else { 0 };
    next.writers[number].at = WriterAt::Acknowledge;
    next
}

/// Step 6: the newest checkpoint again; a void commit means to begin again.
fn acknowledges(model: &Model, state: &State, number: usize) -> State {
    let session = current(model, &state.writers[number], number);
    let unlooked = model.is(Change::AckWithoutLook) || model.is(Change::PruneWithoutFence);
    let mut next = rests(state, number);
    if unlooked || !state.void(session) {
        next.sessions[session].flags |= ACKED;
    }
    next
}
