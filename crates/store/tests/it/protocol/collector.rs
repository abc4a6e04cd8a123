//! The first half of a collection, until the condemned list is there.

use super::finish;
use super::scope::{Change, Model, Moves};
use super::state::*;
use super::step::{Step, Who};

/// The steps a collector may take now.
pub fn steps(model: &Model, state: &State, number: usize, out: &mut Vec<Step>) {
    let who = Who::Collector(number as u8);
    let at = state.collectors[number].at;
    let before = out.len();
    match at {
        CollectorAt::Idle => out.extend(starts(model, state, number).map(|next| Step::by(who, next))),
        CollectorAt::Decisions => out.push(Step::by(who, lists_decisions(model, state, number))),
        CollectorAt::Tombstones => out.push(Step::by(who, lists_tombstones(model, state, number))),
        CollectorAt::Packs => out.push(Step::by(who, lists_packs(model, state, number))),
        CollectorAt::Intents => plans(model, state, number, out),
        CollectorAt::OwnIntent => out.push(Step::by(who, creates_intent(model, state, number))),
        CollectorAt::Copy => out.push(Step::by(who, copies(model, state, number))),
        CollectorAt::Condemn => out.push(Step::by(who, condemns(model, state, number))),
        CollectorAt::Recheck => out.push(Step::by(who, rechecks(state, number))),
        _ => out.push(Step::by(who, finish::step(model, state, number))),
    }
    if !model.scope.fine {
        coarsen(model, number, out, before);
    }
    if model.scope.crashes && at != CollectorAt::Idle {
        let mut next = *state;
        next.collectors[number] = Collector::IDLE;
        out.push(Step::death(who, next));
    }
}

/// In a coarse scope, listings that follow each other are one step.
fn coarsen(model: &Model, number: usize, out: &mut Vec<Step>, from: usize) {
    let glued = [
        CollectorAt::Tombstones,
        CollectorAt::Packs,
        CollectorAt::Intents,
        CollectorAt::PruneTombstones,
        CollectorAt::PruneDecisions,
        CollectorAt::PruneLists,
    ];
    while let Some(step) = out.get(from).filter(|step| glued.contains(&step.next.collectors[number].at)) {
        let state = step.next;
        out.truncate(from);
        let who = Who::Collector(number as u8);
        match state.collectors[number].at {
            CollectorAt::Tombstones => out.push(Step::by(who, lists_tombstones(model, &state, number))),
            CollectorAt::Packs => out.push(Step::by(who, lists_packs(model, &state, number))),
            CollectorAt::Intents => plans(model, &state, number, out),
            _ => out.push(Step::by(who, finish::step(model, &state, number))),
        }
    }
}

/// Step 1: the newest checkpoint; a round that somebody has begun is finished first.
fn starts(model: &Model, state: &State, number: usize) -> Option<State> {
    let epoch = state.newest.epoch;
    let begun = state.condemned[usize::from(epoch) + 1].exists;
    if !begun && epoch >= model.scope.rounds {
        return None;
    }
    let mut next = *state;
    let at = if begun { CollectorAt::Open } else { CollectorAt::Decisions };
    next.collectors[number] = Collector { at, epoch, ..Collector::IDLE };
    Some(next)
}

/// Step 2: decisions first.
fn lists_decisions(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    let collector = &mut next.collectors[number];
    collector.a = state.sessions_with(|number, session| {
        session.is(COMMIT) && (!state.void(number) || model.is(Change::PruneWithoutFence))
    });
    collector.b = state.sessions_with(|_, session| session.decided());
    collector.at = CollectorAt::Tombstones;
    next
}

fn lists_tombstones(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    let collector = &mut next.collectors[number];
    let kept = collector.a & !state.sessions_with(|_, session| session.is(TOMB));
    collector.live = state.used(model, kept);
    collector.kept = if model.is(Change::NoSecondLook) { kept } else { 0 };
    collector.a = 0;
    collector.at = CollectorAt::Packs;
    next
}

fn lists_packs(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    if model.is(Change::IntentsBeforePacks) {
        next.collectors[number].kept = undecided(model, state, number);
    }
    next.collectors[number].a = state.stored_packs();
    next.collectors[number].at = CollectorAt::Intents;
    next
}

/// Intents last: a pack whose session has neither intent nor decision is an orphan. Every choice of packs to condemn.
fn plans(model: &Model, state: &State, number: usize, out: &mut Vec<Step>) {
    let mut collector = state.collectors[number];
    let mut open = undecided(model, state, number);
    if model.is(Change::IntentsBeforePacks) {
        (open, collector.a) = (collector.kept, state.stored_packs());
    }
    let candidates = collector.a & (!open | must_condemn(model, state));
    let live = collector.live[0] | collector.live[1];
    let dead = candidates & !live;
    for left in subsets(if model.scope.lazy { dead & !must_condemn(model, state) } else { 0 }) {
        for from in movable(model, state, number, candidates & live) {
            let mut next = *state;
            let planned = &mut next.collectors[number];
            planned.a = dead & !left | from;
            planned.b = 0;
            planned.kept = if model.is(Change::IntentsBeforePacks) { 0 } else { planned.kept };
            planned.live = collector.live.map(|packs| packs & from);
            planned.at = if from == 0 { CollectorAt::Condemn } else { CollectorAt::OwnIntent };
            if from != 0 && model.is(Change::CondemnBeforeCopy) {
                planned.at = CollectorAt::Condemn;
            }
            if model.is(Change::OpenListedEarly) {
                planned.kept = finish::open_sessions(model, state, collector.epoch);
            }
            out.push(Step::by(Who::Collector(number as u8), next));
        }
    }
}

/// Sessions whose packs are not to be touched: an intent, and no decision when decisions were listed.
fn undecided(model: &Model, state: &State, number: usize) -> Set {
    let collector = &state.collectors[number];
    if model.is(Change::KeepOrphans) {
        return !collector.b;
    }
    let fence = if model.is(Change::FenceDecides) { collector.epoch } else { 0 };
    state.sessions_with(|_, session| session.is(INTENT) && session.epoch >= fence) & !collector.b
}

/// What a checkpoint has ever listed for deletion must stay condemned while it is there: a late deleter may come.
fn must_condemn(model: &Model, state: &State) -> Set {
    if model.is(Change::LeaveListed) { 0 } else { state.newest.delete }
}

/// The sets of packs to move frames out of; the first is empty.
fn movable(model: &Model, state: &State, number: usize, candidates: Set) -> Vec<Set> {
    let live = state.collectors[number].live;
    let chosen = match model.scope.moves {
        _ if state.copies == model.scope.copies => 0,
        Moves::Never => 0,
        Moves::Any => candidates,
        Moves::Partial => {
            let partial =
                |&pack: &usize| (0..CHUNKS).any(|chunk| state.holds(pack as u8, chunk) && !has(live[chunk], pack));
            members(candidates).filter(partial).fold(0, |set, pack| set | only(pack))
        }
    };
    subsets(chosen)
}

/// All subsets, the empty one first.
fn subsets(set: Set) -> Vec<Set> {
    let mut found = vec![0];
    for number in members(set) {
        let larger: Vec<Set> = found.iter().map(|subset| subset | only(number)).collect();
        found.extend(larger);
    }
    found
}

/// Step 3: a session of its own,
fn creates_intent(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    if state.copies == model.scope.copies {
        next.collectors[number] = Collector::IDLE;
        return next;
    }
    let collector = &mut next.collectors[number];
    let own = model.first_copy() + usize::from(state.copies);
    next.copies += 1;
    collector.own = own as u8;
    collector.at = CollectorAt::Copy;
    next.sessions[own].epoch = collector.epoch;
    next.sessions[own].flags |= INTENT;
    next
}

/// and a pack in it with the frames that are still live.
fn copies(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    let collector = &mut next.collectors[number];
    let mut chunks = 0;
    for chunk in 0..CHUNKS {
        if members(collector.live[chunk]).any(|pack| !state.holds(pack as u8, chunk)) {
            *collector = Collector::IDLE;
            return next;
        }
        chunks |= u8::from(collector.live[chunk] != 0) << chunk;
    }
    collector.at = if model.is(Change::CondemnBeforeCopy) { CollectorAt::Open } else { CollectorAt::Condemn };
    next.packs[usize::from(collector.own)] = chunks;
    next
}

/// Step 4: who creates the list leads the round; the others stop.
fn condemns(model: &Model, state: &State, number: usize) -> State {
    let mut next = *state;
    let collector = &mut next.collectors[number];
    let list = &mut next.condemned[usize::from(collector.epoch) + 1];
    if list.exists && !model.is(Change::OverwriteCondemned) {
        if model.is(Change::SelfAbort) && collector.own != NONE {
            finish::aborts_one(&mut next.sessions[usize::from(collector.own)]);
        }
        *collector = Collector::IDLE;
        return next;
    }
    if model.is(Change::CondemnBeforeCopy) && collector.live != [0; CHUNKS] && collector.own == NONE {
        return creates_intent(model, state, number);
    }
    *list = Condemned { exists: true, packs: collector.a, moved: collector.live, home: collector.own };
    *collector = Collector { at: CollectorAt::Recheck, a: 0, live: [0; CHUNKS], own: NONE, ..*collector };
    if model.is(Change::NoRecheck) {
        collector.at = CollectorAt::Open;
    }
    next
}

/// A list of an old epoch may have been pruned and so created again: whoever did that stops.
fn rechecks(state: &State, number: usize) -> State {
    let mut next = *state;
    let collector = &mut next.collectors[number];
    if state.newest.epoch == collector.epoch {
        collector.at = CollectorAt::Open;
    } else {
        *collector = Collector::IDLE;
    }
    next
}
