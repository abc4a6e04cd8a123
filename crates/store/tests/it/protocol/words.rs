//! Steps in words, for people who read a counterexample.

use super::scope::Model;
use super::state::*;
use super::step::{Step, Who};
use super::writer::current;

/// What the chunks are called.
pub const CHUNK_NAMES: [&str; CHUNKS] = ["a", "b"];

fn packs(set: Set) -> String {
    let names: Vec<String> = members(set).map(|pack| format!("p{pack}")).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(" ") }
}

fn sessions(set: Set) -> String {
    packs(set).replace('p', "s")
}

fn frames(by_chunk: &[Set; CHUNKS]) -> String {
    let mut names = Vec::new();
    for (chunk, set) in by_chunk.iter().enumerate() {
        names.extend(members(*set).map(|pack| format!("p{pack}.{}", CHUNK_NAMES[chunk])));
    }
    if names.is_empty() { "nothing".to_owned() } else { names.join(" ") }
}

fn reach(reach: &[u8; CHUNKS]) -> String {
    let used = reach.iter().enumerate().filter(|(_, pack)| **pack != NONE);
    used.map(|(chunk, pack)| format!("p{pack}.{}", CHUNK_NAMES[chunk])).collect::<Vec<_>>().join(" ")
}

/// What a scope begins with.
pub fn beginning(state: &State) -> String {
    let mut parts = Vec::new();
    for session in 0..SESSIONS {
        if state.sessions[session].is(COMMIT) {
            parts.push(format!("snapshot s{session} = {}", reach(&state.sessions[session].reach)));
        }
    }
    if parts.is_empty() { "an empty repository".to_owned() } else { parts.join(", ") }
}

/// One step.
pub fn line(model: &Model, before: &State, step: &Step) -> String {
    match step.who {
        Who::User => {
            let tombs = |state: &State| state.sessions_with(|_, session| session.is(FORGOTTEN));
            format!("user         forgets {}", sessions(tombs(&step.next) & !tombs(before)))
        }
        Who::Network => "network      delivers a request a second time".to_owned(),
        Who::Reader => format!("reader       {}", reader_line(&step.next.reader)),
        Who::Writer(number) if step.dies => format!("writer {number}     dies"),
        Who::Writer(number) => {
            format!("writer {number}     {}", writer_line(model, before, &step.next, usize::from(number)))
        }
        Who::Collector(number) if step.dies => format!("collector {}  dies", letter(number)),
        Who::Collector(number) => {
            format!("collector {}  {}", letter(number), collector_line(before, &step.next, usize::from(number)))
        }
    }
}

fn letter(number: u8) -> char {
    char::from(b'A' + number)
}

fn writer_line(model: &Model, before: &State, after: &State, number: usize) -> String {
    let (was, is) = (&before.writers[number], &after.writers[number]);
    let session = current(model, if is.opened > 0 { is } else { was }, number);
    let epoch = after.sessions[session].epoch;
    match was.at {
        WriterAt::Idle if is.at == WriterAt::Listed => format!("lists packs: {}", frames(&is.view)),
        WriterAt::Idle if is.at == WriterAt::List => format!("reads checkpoint {}", is.epoch),
        WriterAt::List => format!("lists packs, may deduplicate against {}", frames(&is.view)),
        WriterAt::Idle | WriterAt::Listed => {
            format!("reads checkpoint {}, may deduplicate against {}", is.epoch, frames(&is.view))
        }
        WriterAt::Intent | WriterAt::Reopen => format!("creates sessions/{epoch}/s{session}"),
        WriterAt::Probe if is.at != WriterAt::Upload => {
            format!("finds condemned/{}, may deduplicate against {} now", was.epoch + 1, frames(&is.view))
        }
        WriterAt::Probe => format!("finds no condemned/{}", was.epoch + 1),
        WriterAt::Confirm => {
            let what = if is.at == WriterAt::Idle { "begins again" } else { "takes its epoch" };
            format!("reads checkpoint {} again, {what}", before.newest.epoch)
        }
        WriterAt::Upload if is.at == WriterAt::Upload => format!("lists packs again: {}", frames(&is.view)),
        WriterAt::Upload if after.packs[session] == 0 => {
            format!("stores nothing new for s{session} = {}", reach(&after.sessions[session].reach))
        }
        WriterAt::Upload => {
            format!("stores pack p{session} for s{session} = {}", reach(&after.sessions[session].reach))
        }
        WriterAt::Commit if is.at == WriterAt::Idle => format!("finds ABORT in commits/{epoch}/s{session}"),
        WriterAt::Commit if before.sessions[session].is(ABORT) => format!("makes COMMIT of ABORT for s{session}"),
        WriterAt::Commit => format!("creates commits/{epoch}/s{session}: COMMIT"),
        WriterAt::Acknowledge if after.sessions[session].is(ACKED) => {
            format!("reads checkpoint {}, acknowledges s{session}", before.newest.epoch)
        }
        WriterAt::Acknowledge => format!("reads checkpoint {}: s{session} is void", before.newest.epoch),
    }
}

fn reader_line(is: &Reader) -> String {
    match is.at {
        ReaderAt::Idle => "is done".to_owned(),
        ReaderAt::Checkpoint => format!("lists tombstones: {}", sessions(is.fence)),
        ReaderAt::Decisions if is.fence != 0 => format!("reads the checkpoint: void are {}", sessions(is.fence)),
        ReaderAt::Decisions => "begins".to_owned(),
        ReaderAt::Tombstones => format!("lists decisions: {}", sessions(is.seen)),
        ReaderAt::Fence => format!("lists tombstones, which leaves {}", sessions(is.seen)),
        ReaderAt::Shows => format!("shows {}", sessions(is.seen)),
    }
}

fn collector_line(before: &State, after: &State, number: usize) -> String {
    let (was, is) = (&before.collectors[number], &after.collectors[number]);
    let epoch = was.epoch + 1;
    match was.at {
        CollectorAt::Idle if is.at == CollectorAt::Open => {
            format!("reads checkpoint {}, finds condemned/{}", is.epoch, is.epoch + 1)
        }
        CollectorAt::Idle => format!("reads checkpoint {}, finds no condemned/{}", is.epoch, is.epoch + 1),
        CollectorAt::Decisions | CollectorAt::Tombstones | CollectorAt::Packs | CollectorAt::Intents => lists(is),
        CollectorAt::OwnIntent => format!("creates sessions/{}/s{}", was.epoch, is.own),
        CollectorAt::Copy if is.at == CollectorAt::Idle => "finds a pack gone and stops".to_owned(),
        CollectorAt::Copy => format!("stores pack p{} with {}", was.own, frames(&was.live)),
        CollectorAt::Condemn if is.at == CollectorAt::Idle => format!("finds condemned/{epoch} and stops"),
        CollectorAt::Condemn => {
            let list = &after.condemned[usize::from(epoch)];
            let home = if list.home == NONE { String::new() } else { format!(" to p{}", list.home) };
            format!("creates condemned/{epoch}: {}; moved {}{home}", packs(list.packs), frames(&list.moved))
        }
        CollectorAt::Recheck if is.at == CollectorAt::Idle => {
            format!("reads checkpoint {} again and stops", before.newest.epoch)
        }
        CollectorAt::Recheck => format!("reads checkpoint {} again", before.newest.epoch),
        _ => finish_line(before, after, number),
    }
}

fn finish_line(before: &State, after: &State, number: usize) -> String {
    let (was, is) = (&before.collectors[number], &after.collectors[number]);
    let gone = before.stored_packs() & !after.stored_packs();
    let epoch = was.epoch + 1;
    match was.at {
        CollectorAt::Open if before.packs != after.packs => format!("deletes {}", packs(gone)),
        CollectorAt::Open => format!("lists sessions up to epoch {}: open are {}", was.epoch, sessions(is.a)),
        CollectorAt::Decide => {
            let changed = before.sessions.iter().zip(&after.sessions).position(|(old, new)| old != new);
            let what = changed.map_or("finds it decided".to_owned(), |session| {
                let how = if after.sessions[session].is(ABORT) { "ABORT" } else { "removes its intent" };
                format!("gives up s{session}: {how}")
            });
            format!("{what}; still to decide: {}", sessions(if is.at == CollectorAt::Decide { is.a } else { 0 }))
        }
        CollectorAt::SecondLook => {
            format!("lists decisions again: would delete {} and list {}", packs(is.a), sessions(is.b))
        }
        CollectorAt::Publish if has(before.checkpoints, usize::from(epoch)) => {
            format!("finds checkpoints/{epoch} already there")
        }
        CollectorAt::Publish if after.newest == before.newest => {
            format!("creates checkpoints/{epoch} again, which was pruned and is not the newest")
        }
        CollectorAt::Publish => {
            let newest = &after.newest;
            format!("creates checkpoints/{epoch}: delete {}; visible {}", packs(newest.delete), sessions(newest.listed))
        }
        CollectorAt::ReadBack => {
            format!("reads checkpoint {}: delete {}", before.newest.epoch, packs(before.newest.delete))
        }
        CollectorAt::Delete => format!("deletes {}", packs(gone)),
        CollectorAt::PruneIntents => "prunes intents of decided sessions below the fence".to_owned(),
        CollectorAt::PruneTombstones => "prunes tombstones below the fence".to_owned(),
        CollectorAt::PruneDecisions => "prunes void decisions below the fence".to_owned(),
        CollectorAt::PruneLists => "prunes old condemned lists and checkpoints".to_owned(),
        _ => "takes a step without words".to_owned(),
    }
}

fn lists(is: &Collector) -> String {
    match is.at {
        CollectorAt::Tombstones => format!("lists decisions: visible {}", sessions(is.a)),
        CollectorAt::Packs => format!("lists tombstones: live are {}", frames(&is.live)),
        CollectorAt::Intents => format!("lists packs: {}", packs(is.a)),
        _ => format!("lists the store: would condemn {}, move {}", packs(is.a), frames(&is.live)),
    }
}
