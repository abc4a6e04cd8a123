//! Who works on the repository at once.

use super::content::{Content, Way};
use super::ledger::{Entry, Seen};
use super::program::{Ended, Fate};
use super::{DATABASE, DATABASE_BACKUP, DATABASE_RESTORE, Soak, WRITERS, database, lock, tree};
use anyhow::{Context, Result, bail};
use datakeep_testkit::{XorShift, observe};
use std::sync::Arc;
use std::time::Duration;

/// Snapshots of one writer that `forget` leaves alone.
const STAY: usize = 2;

/// Changes a tree and backs it up, over and over; the first also keeps a database.
pub fn writer(soak: &Soak, number: u64, seed: u64) {
    let mut chance = XorShift::new(seed.wrapping_mul(31).wrapping_add(number));
    let mut turn = 0;
    soak.act(&format!("writer {number}"), || {
        turn += 1;
        match number == 0 && turn % 3 == 1 {
            true => back_up_database(soak, turn / 3, &mut chance),
            false => back_up_tree(soak, number, &mut chance),
        }
    });
}

fn back_up_tree(soak: &Soak, number: u64, chance: &mut XorShift) -> Result<()> {
    let place = soak.folder.join(format!("tree-{number}"));
    std::fs::create_dir_all(&place)?;
    tree::change(&place, chance)?;
    let source = Source {
        name: format!("tree-{number}"),
        location: place.to_str().context("a path that is text")?.to_owned(),
        writer: number,
        verb: "backup",
        seen: Arc::new(Content::Files(observe(&place)?)),
    };
    back_up(soak, source, Fate::random(chance, Some(40)), chance)
}

fn back_up_database(soak: &Soak, turn: u64, chance: &mut XorShift) -> Result<()> {
    let place = soak.folder.join(DATABASE);
    database::change(&place, chance)?;
    let source = Source {
        name: DATABASE.to_owned(),
        location: database::location(&place)?,
        writer: WRITERS,
        verb: DATABASE_BACKUP,
        seen: Arc::new(Content::Rows(database::rows(&place)?)),
    };
    // There are fewer of these: their fates are not all left to chance.
    let fate = match turn % 4 {
        1 => Fate::Kill(Duration::from_micros(1 << chance.below(18))),
        3 => Fate::Full(chance.below(100)),
        _ => Fate::random(chance, None),
    };
    back_up(soak, source, fate, chance)
}

/// What is backed up, and by whom.
struct Source {
    name: String,
    location: String,
    writer: u64,
    verb: &'static str,
    seen: Seen,
}

fn back_up(soak: &Soak, source: Source, fate: Fate, chance: &mut XorShift) -> Result<()> {
    let workers = (1 + chance.below(3)).to_string();
    let arguments = ["backup", "--json", "--source", &source.name, "--workers", &workers, &source.location];
    let ended = soak.program.meet(fate, &arguments)?;
    if tell(soak, source.verb, &ended)? {
        let said = ended.json()?;
        let id = said["snapshot"].as_str().context("no snapshot in the answer")?;
        soak.ledger.acknowledged(id, source.writer, source.seen);
    } else {
        soak.ledger.unanswered(source.seen);
    }
    Ok(())
}

/// Forgets, collects and repairs.
pub fn janitor(soak: &Soak, seed: u64) {
    let mut chance = XorShift::new(seed.wrapping_mul(37).wrapping_add(100));
    soak.act("janitor", || match chance.below(8) {
        0..4 => forget(soak, &mut chance),
        4..7 => collect(soak, &mut chance),
        _ => repair(soak, &mut chance),
    });
}

fn forget(soak: &Soak, chance: &mut XorShift) -> Result<()> {
    let ids = soak.ledger.leave(chance.below(WRITERS + 1), STAY, 1 + usize::try_from(chance.below(20))?);
    let visible = visible(soak)?;
    // What an earlier `forget` that was killed has forgotten all the same is gone.
    let (ids, over): (Vec<String>, Vec<String>) = ids.into_iter().partition(|id| visible.contains(id));
    soak.ledger.gone(&over);
    if ids.is_empty() {
        return Ok(());
    }
    let mut arguments = vec!["forget", "--yes", "--json"];
    arguments.extend(ids.iter().map(String::as_str));
    let ended = soak.program.meet(Fate::random(chance, None), &arguments)?;
    if tell(soak, "forget", &ended)? {
        soak.ledger.gone(&ids);
    }
    Ok(())
}

fn collect(soak: &Soak, chance: &mut XorShift) -> Result<()> {
    let pick = |chance: &mut XorShift, from: &[&'static str]| {
        from[usize::try_from(chance.below(from.len() as u64)).unwrap_or(0)]
    };
    let (patience, unused) = (pick(chance, &["0s", "1s", "2s", "1h"]), pick(chance, &["0", "10", "30", "100"]));
    let mut arguments =
        vec!["gc", "--yes", "--json", "--max-delete", "100", "--patience", patience, "--max-unused", unused];
    if patience == "1h" || chance.below(3) == 0 {
        arguments.push("--no-wait");
    }
    let ended = soak.program.meet(Fate::random(chance, Some(3)), &arguments)?;
    if tell(soak, "gc", &ended)? {
        let said = ended.json()?;
        if said["moved_bytes"].as_u64().is_some_and(|bytes| bytes > 0) {
            soak.count("gc that moved data");
        }
        if said["given_up"].as_array().is_some_and(|runs| !runs.is_empty()) {
            soak.count("gc that gave up a run");
        }
    }
    Ok(())
}

/// There is nothing to repair: it reads everything, finishes the round of a collection that was killed, and finds no fault.
///
/// Not where harm is planted: it would take harmed packs away, and the check that follows could not name them.
fn repair(soak: &Soak, chance: &mut XorShift) -> Result<()> {
    if soak.expects_faults {
        return Ok(());
    }
    let mut arguments = vec!["repair", "--yes", "--json", "--patience", "1s"];
    if chance.below(2) == 0 {
        arguments.push("--no-wait");
    }
    // There are few repairs: that some are killed is not left to chance alone.
    let fate = match chance.below(3) {
        0 => Fate::Kill(Duration::from_micros(1 << chance.below(18))),
        _ => Fate::random(chance, None),
    };
    let ended = soak.program.meet(fate, &arguments)?;
    if tell(soak, "repair", &ended)? {
        let said = ended.json()?;
        for what in ["packs", "indexes", "reaches", "labels", "lost_snapshots", "not_mended"] {
            if said[what].as_array().is_none_or(|list| !list.is_empty()) {
                bail!("repair found damage where there is none: {}", ended.words());
            }
        }
    }
    Ok(())
}

/// Checks and restores.
pub fn reader(soak: &Soak, seed: u64) {
    let mut chance = XorShift::new(seed.wrapping_mul(41).wrapping_add(200));
    soak.act("reader", || if chance.below(3) == 0 { check(soak, &mut chance) } else { restore(soak, &mut chance) });
}

fn check(soak: &Soak, chance: &mut XorShift) -> Result<()> {
    let reads = chance.below(2) == 0;
    let arguments: &[&str] = if reads { &["check", "--read-data"] } else { &["check"] };
    let ended = soak.program.meet(Fate::random(chance, None), arguments)?;
    if tell(soak, "check", &ended)? && reads {
        soak.count("check --read-data");
    }
    Ok(())
}

fn restore(soak: &Soak, chance: &mut XorShift) -> Result<()> {
    let Some((id, entry)) = soak.ledger.pin(chance.next_u64()) else { return check(soak, chance) };
    let outcome = restore_pinned(soak, &id, &entry, Fate::random(chance, None));
    soak.ledger.unpin(&id);
    outcome
}

fn restore_pinned(soak: &Soak, id: &str, entry: &Entry, fate: Fate) -> Result<()> {
    let location = match entry.writer {
        WRITERS => database::location(&soak.folder.join(DATABASE))?,
        number => soak.folder.join(format!("tree-{number}")).to_str().context("a path that is text")?.to_owned(),
    };
    let way = Way::of(id, &location, &soak.folder.join("restored"))?;
    let ended = soak.program.meet(fate, &["restore", "--json", &way.what, "--to", &way.to])?;
    let verb = if entry.writer == WRITERS { DATABASE_RESTORE } else { "restore" };
    if tell(soak, verb, &ended)? {
        let differences = soak.ledger.differences(id, &way.look()?);
        if !differences.is_empty() {
            bail!("snapshot {id} came back otherwise: {differences:?}");
        }
    }
    Ok(())
}

/// The ids of all visible snapshots.
pub fn visible(soak: &Soak) -> Result<Vec<String>> {
    let said = soak.program.run(&["snapshots", "--json"])?.done("snapshots")?.json()?;
    let list = said["snapshots"].as_array().context("no list of snapshots")?;
    Ok(list.iter().filter_map(|one| one["id"].as_str().map(str::to_owned)).collect())
}

/// Counts how a child ended. True when it did what it was told; an end that nothing explains is a fault.
pub fn tell(soak: &Soak, verb: &str, ended: &Ended) -> Result<bool> {
    let how = match () {
        () if ended.status.success() => "",
        () if ended.was_killed() => " killed",
        () if ended.was_full() => " full",
        // SQLite found no room for a file of its own.
        () if verb == DATABASE_BACKUP && ended.was_full_at_source() => " full",
        () if ended.was_busy() => " busy",
        () => bail!("{verb}: {}", ended.words()),
    };
    soak.count(&format!("{verb}{how}"));
    let done = lock(&soak.counts).values().sum::<u64>();
    if done.is_multiple_of(500) {
        eprintln!("soak: {done} operations");
    }
    Ok(how.is_empty())
}
