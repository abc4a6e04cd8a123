//! The second half of a collection: any host may take it up where another died.

use super::scope::{Change, Model};
use super::state::*;

/// The one step a collector can take from here.
pub fn step(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    match state.collectors[number].at {
        CollectorAt::Open => lists_open(model, &mut next, number),
        CollectorAt::Decide => aborts(model, &mut next, number),
        CollectorAt::SecondLook => looks_again(model, &mut next, number),
        CollectorAt::Publish => publishes(model, &mut next, number),
        CollectorAt::ReadBack => reads_back(model, &mut next, number),
        CollectorAt::Delete => deletes(model, &mut next, number),
        CollectorAt::PruneIntents => prunes_intents(model, &mut next, number),
        CollectorAt::PruneTombstones => prunes_tombstones(model, &mut next, number),
        CollectorAt::PruneDecisions => prunes_decisions(&mut next, number),
        CollectorAt::PruneLists => prunes_lists(model, &mut next, number),
        _ => {}
    }
    next
}

/// Sessions at or below an epoch that have no decision.
pub fn open_sessions(model: &Model, state: &State, epoch: u8) -> Set {
    let fence = if model.is(Change::FenceDecides) { epoch } else { 0 };
    let within = fence..=epoch;
    state.sessions_with(|_, session| session.is(INTENT) && within.contains(&session.epoch) && !session.decided())
}

/// ABORT by whoever it is, unless the session is decided.
pub fn aborts_one(session: &mut Session) {
    if !session.decided() {
        session.flags |= ABORT;
    }
}

/// Step 5: which sessions may not know the condemned list.
fn lists_open(model: &Model, next: &mut State, number: usize) {
    let mut open = open_sessions(model, next, next.collectors[number].epoch);
    let collector = &mut next.collectors[number];
    if model.is(Change::OpenListedEarly) {
        open = collector.kept;
        collector.kept = 0;
    }
    if model.is(Change::NoWaiting) {
        open = 0;
    }
    if model.is(Change::DeleteBeforeWaiting) {
        let list = &next.condemned[usize::from(collector.epoch) + 1];
        for pack in members(list.packs) {
            next.packs[pack] = 0;
        }
    }
    collector.a = open;
    collector.at = CollectorAt::Decide;
    skip_decided(next, number);
}

/// Waiting is taking no step: whoever decides by itself needs nothing here.
fn skip_decided(next: &mut State, number: usize) {
    let decided = next.sessions_with(|_, session| session.decided());
    let collector = &mut next.collectors[number];
    collector.a &= !decided;
    if collector.a == 0 {
        collector.at = CollectorAt::SecondLook;
    }
}

/// Patience is over: ABORT through the same register.
fn aborts(model: &Model, next: &mut State, number: usize) {
    let Some(session) = members(next.collectors[number].a).next() else { return };
    let record = &mut next.sessions[session];
    if model.is(Change::AbortByIntent) {
        record.flags &= !INTENT;
    } else {
        aborts_one(record);
    }
    next.collectors[number].a &= !only(session);
    skip_decided(next, number);
}

/// Step 6: what a commit uses and the forward map does not carry comes off the list.
fn looks_again(model: &Model, next: &mut State, number: usize) {
    let epoch = next.collectors[number].epoch;
    let list = next.condemned[usize::from(epoch) + 1];
    let mut listed = next.sessions_with(|session, _| next.visible(model, session));
    let mut looked_at = listed;
    if model.is(Change::NoSecondLook) && next.collectors[number].kept != 0 {
        looked_at = next.collectors[number].kept;
        listed = looked_at;
    }
    let used = next.used(model, looked_at);
    let spared = (0..CHUNKS).fold(0, |set, chunk| set | used[chunk] & !list.moved[chunk]);
    let collector = &mut next.collectors[number];
    collector.kept = 0;
    collector.a = list.packs & !spared;
    collector.b = listed;
    collector.at = CollectorAt::Publish;
}

/// Step 7: created once; a name below the newest may have been pruned, and what is created there nobody reads.
fn publishes(model: &Model, next: &mut State, number: usize) {
    let collector = next.collectors[number];
    let epoch = collector.epoch + 1;
    let mut own = collector.a;
    if collector.epoch == next.newest.epoch {
        let forward = composed(model, next, epoch, collector.a, collector.b);
        next.newest = Checkpoint { epoch, delete: collector.a, listed: collector.b, forward };
    } else if has(next.checkpoints, usize::from(epoch)) && !model.is(Change::DeleteOwnList) {
        own = if epoch == next.newest.epoch { next.newest.delete } else { 0 };
    }
    next.checkpoints |= only(usize::from(epoch));
    let reads_own = model.is(Change::DeleteOwnList) || model.is(Change::DeleteOwnRound);
    let at = if reads_own { CollectorAt::Delete } else { CollectorAt::ReadBack };
    next.collectors[number] = Collector { at, a: if reads_own { own } else { 0 }, ..Collector::IDLE };
    if reads_own {
        skip_deleted(model, next, number);
    }
}

/// The old forward map followed by the new one. Only what is deleted is forwarded.
fn composed(model: &Model, state: &State, epoch: u8, delete: Set, listed: Set) -> Forward {
    let list = &state.condemned[usize::from(epoch)];
    let mut forward = state.newest.forward;
    if model.is(Change::ForgetForwards) {
        return forward;
    }
    let gone = if model.is(Change::KeepSparedForwards) { list.packs } else { delete };
    for (pack, homes) in forward.iter_mut().enumerate() {
        for (chunk, home) in homes.iter_mut().enumerate() {
            let now = if *home == NONE { pack } else { usize::from(*home) };
            if has(list.moved[chunk] & gone, now) {
                *home = list.home;
            }
        }
    }
    if model.is(Change::DropUnreached) {
        drop_unreached(state, listed, &mut forward);
    }
    forward
}

/// A variant: an entry that no listed commit uses by its old name is not carried on.
fn drop_unreached(state: &State, listed: Set, forward: &mut Forward) {
    for (pack, homes) in forward.iter_mut().enumerate() {
        for (chunk, home) in homes.iter_mut().enumerate() {
            if !members(listed).any(|session| usize::from(state.sessions[session].reach[chunk]) == pack) {
                *home = NONE;
            }
        }
    }
}

/// Step 8: the delete list of the newest checkpoint in the store, whoever made it.
fn reads_back(model: &Model, next: &mut State, number: usize) {
    let a = next.newest.delete;
    next.collectors[number] = Collector { at: CollectorAt::Delete, a, ..Collector::IDLE };
    skip_deleted(model, next, number);
}

fn skip_deleted(model: &Model, next: &mut State, number: usize) {
    let stored = next.stored_packs();
    let collector = &mut next.collectors[number];
    collector.a &= stored;
    if collector.a == 0 {
        *collector = Collector::IDLE;
        if model.scope.prunes {
            collector.at = CollectorAt::PruneIntents;
        }
    }
}

fn deletes(model: &Model, next: &mut State, number: usize) {
    if let Some(pack) = members(next.collectors[number].a).next() {
        next.packs[pack] = 0;
        next.collectors[number].a &= !only(pack);
    }
    skip_deleted(model, next, number);
}

/// Intents go before decisions, or a session would look undecided again.
fn prunes_intents(model: &Model, next: &mut State, number: usize) {
    let newest = next.newest.epoch;
    for session in next.sessions.iter_mut().filter(|session| session.epoch < newest) {
        if session.decided() || model.is(Change::FenceDecides) {
            session.flags &= !INTENT;
        }
    }
    next.collectors[number].at = CollectorAt::PruneTombstones;
}

fn prunes_tombstones(model: &Model, next: &mut State, number: usize) {
    for session in 0..SESSIONS {
        let early = model.is(Change::PruneTombstonesEarly) && !has(next.newest.listed, session);
        if early || next.void(session) {
            next.sessions[session].flags &= !TOMB;
        }
    }
    next.collectors[number].at = CollectorAt::PruneDecisions;
}

/// Aborted, void and forgotten sessions below the fence: the fence alone keeps them out of sight.
fn prunes_decisions(next: &mut State, number: usize) {
    for session in 0..SESSIONS {
        if next.void(session) {
            next.sessions[session].flags &= !(COMMIT | ABORT);
        }
    }
    next.collectors[number].at = CollectorAt::PruneLists;
}

/// Condemned lists and checkpoints older than the newest checkpoint. Its own condemned list stays: a writer that
/// reads an old epoch must not meet a list that somebody created again.
fn prunes_lists(model: &Model, next: &mut State, number: usize) {
    let newest = usize::from(next.newest.epoch);
    let end = if model.is(Change::PruneNewestCondemned) { newest + 1 } else { newest };
    for list in &mut next.condemned[..end] {
        *list = Condemned::default();
    }
    next.checkpoints &= !(only(newest) - 1);
    next.collectors[number] = Collector::IDLE;
}
