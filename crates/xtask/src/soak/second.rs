//! The second repository, of another password: who copies to it, and who forgets, collects and reads there.

use super::Soak;
use super::actors::tell;
use super::content::Way;
use super::ledger::{Seen, State};
use super::program::{Ended, Fate};
use anyhow::{Context, Result, bail};
use datakeep_testkit::XorShift;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// Its folder, and the file of its password.
const FOLDER: &str = "second";
const PASSWORD_FILE: &str = "second-password";
const PASSWORD: &str = "soak there";

/// Copies that `forget` leaves alone.
const STAY: usize = 3;

/// What a child must know to copy there.
pub fn environment(folder: &Path) -> [(&'static str, std::ffi::OsString); 2] {
    [("DATAKEEP_TO_REPO", folder.join(FOLDER).into()), ("DATAKEEP_TO_PASSWORD", PASSWORD.into())]
}

/// Makes it.
pub fn init(soak: &Soak) -> Result<()> {
    let file = soak.folder.join(PASSWORD_FILE);
    std::fs::write(&file, PASSWORD)?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    let cheap = ["init", "--kdf-memory", "1", "--kdf-passes", "1", "--no-recovery-code"];
    run(soak, &[&cheap[..], &["--suite", "chacha20-poly1305"]].concat())?.done("init there")?;
    Ok(())
}

/// A command on it that meets its fate.
fn meet(soak: &Soak, fate: Fate, arguments: &[&str]) -> Result<Ended> {
    soak.program.meet(fate, &[arguments, &["--repo", FOLDER, "--password-file", PASSWORD_FILE]].concat())
}

fn run(soak: &Soak, arguments: &[&str]) -> Result<Ended> {
    meet(soak, Fate::Nothing, arguments)
}

/// Copies what is new to it, over and over; now and then everything.
pub fn copier(soak: &Soak, seed: u64) {
    let mut chance = XorShift::new(seed.wrapping_mul(43).wrapping_add(300));
    let mut turn = 0;
    let mut is_begun = false;
    soak.act("copier", || {
        // Where one source has no snapshot yet, there is rightly none to be copied.
        if !is_begun {
            let writers: BTreeSet<u64> = soak.ledger.all().values().map(|entry| entry.writer).collect();
            is_begun = writers.len() == NEWEST.len();
            std::thread::yield_now();
            return Ok(());
        }
        turn += 1;
        // On a slow machine there are few runs: their fates are not all left to chance.
        let fate = match turn % 5 {
            2 => Fate::Kill(Duration::from_micros(1 << chance.below(18))),
            4 => Fate::Full(chance.below(20)),
            _ => Fate::random(&mut chance, Some(40)),
        };
        copy(soak, fate, turn <= EVERYTHING_TURNS, &mut chance)
    });
}

/// Turns in which everything is copied that is new. Later there is ever more of it: writers are faster than one copier.
const EVERYTHING_TURNS: u64 = 12;
/// What is copied then.
const NEWEST: [&str; super::WRITERS as usize + 1] =
    ["tree-0@latest", "tree-1@latest", "tree-2@latest", "database@latest"];

fn copy(soak: &Soak, fate: Fate, everything: bool, chance: &mut XorShift) -> Result<()> {
    let workers = (1 + chance.below(3)).to_string();
    let mut arguments = vec!["copy", "--json", "--workers", &workers];
    if chance.below(4) == 0 {
        arguments.push("--verify");
    }
    match everything {
        true if chance.below(4) == 0 => arguments.push("--all"),
        true => {}
        false => arguments.extend(NEWEST),
    }
    let ended = soak.program.meet(fate, &arguments)?;
    if tell(soak, "copy", &ended)? {
        note(soak, &ended.json()?)?;
    }
    Ok(())
}

/// Enters into the ledger what a copy says that it has made.
fn note(soak: &Soak, said: &Value) -> Result<()> {
    let originals = soak.ledger.all();
    for one in said["snapshots"].as_array().context("a copy without a list")? {
        let state = one["state"].as_str().unwrap_or_default();
        match state {
            "copied" => {}
            "gone" => soak.count("copy of what was gone"),
            "there" | "forgotten" | "came-from-there" => {}
            _ => bail!("a copy that is {state}: {one}"),
        }
        if state == "copied" {
            let (original, copy) = (one["snapshot"].as_str(), one["copy"].as_str());
            let (original, copy) = original.zip(copy).context("a copy without a name")?;
            // What an unanswered backup has made is in no list: it is looked for when it comes back.
            let entry = originals.get(original);
            let (writer, seen) = entry.map_or((0, Seen::default()), |entry| (entry.writer, entry.seen.clone()));
            soak.copies.acknowledged(copy, writer, seen);
            soak.count("copy that was made");
        }
    }
    Ok(())
}

/// Forgets, collects, checks and restores there.
pub fn keeper(soak: &Soak, seed: u64) {
    let mut chance = XorShift::new(seed.wrapping_mul(47).wrapping_add(400));
    soak.act("keeper of the second", || match chance.below(8) {
        0..=1 => forget(soak, &mut chance),
        2..=4 => collect(soak, &mut chance),
        5 => check(soak, &mut chance),
        _ => restore(soak, &mut chance),
    });
}

fn forget(soak: &Soak, chance: &mut XorShift) -> Result<()> {
    let ids = soak.copies.leave(chance.below(super::WRITERS + 1), STAY, 1 + usize::try_from(chance.below(6))?);
    let visible = copies(soak)?;
    // What an earlier `forget` that was killed has forgotten all the same is gone.
    let (ids, over): (Vec<String>, Vec<String>) = ids.into_iter().partition(|id| visible.contains_key(id));
    soak.copies.gone(&over);
    if ids.is_empty() {
        return Ok(());
    }
    let arguments: Vec<&str> =
        ["forget", "--yes", "--json"].into_iter().chain(ids.iter().map(String::as_str)).collect();
    if tell(soak, "forget there", &meet(soak, Fate::random(chance, None), &arguments)?)? {
        soak.copies.gone(&ids);
    }
    Ok(())
}

fn collect(soak: &Soak, chance: &mut XorShift) -> Result<()> {
    let patience = ["0s", "1s", "2s"][usize::try_from(chance.below(3))?];
    let unused = ["0", "30", "100"][usize::try_from(chance.below(3))?];
    let gc = ["gc", "--yes", "--json", "--max-delete", "100", "--patience", patience, "--max-unused", unused];
    let ended = meet(soak, Fate::random(chance, Some(3)), &gc)?;
    if tell(soak, "gc there", &ended)? && ended.json()?["given_up"].as_array().is_some_and(|runs| !runs.is_empty()) {
        soak.count("gc there that gave up a copy");
    }
    Ok(())
}

fn check(soak: &Soak, chance: &mut XorShift) -> Result<()> {
    tell(soak, "check there", &meet(soak, Fate::random(chance, None), &["check", "--read-data"])?).map(|_| ())
}

fn restore(soak: &Soak, chance: &mut XorShift) -> Result<()> {
    let Some((id, _)) = soak.copies.pin(chance.next_u64()) else { return check(soak, chance) };
    let outcome = copies(soak).and_then(|copies| {
        let copy = copies.get(&id).with_context(|| format!("copy {id} was acknowledged and is gone"))?;
        compare(soak, (&id, copy), Fate::random(chance, None))
    });
    soak.copies.unpin(&id);
    outcome
}

/// A copy that is visible.
struct Copy {
    original: String,
    location: String,
}

/// All copies that are visible, by their id.
fn copies(soak: &Soak) -> Result<BTreeMap<String, Copy>> {
    let said = run(soak, &["snapshots", "--json"])?.done("snapshots there")?.json()?;
    let list = said["snapshots"].as_array().context("no list of snapshots")?;
    let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("no text in {said}"));
    let one = |one: &Value| {
        let copy = Copy { original: text(&one["origin"]["snapshot"])?, location: text(&one["location"])? };
        Ok((text(&one["id"])?, copy))
    };
    list.iter().map(one).collect()
}

/// Restores a copy and holds it against that of which its original was made.
fn compare(soak: &Soak, (id, copy): (&str, &Copy), fate: Fate) -> Result<()> {
    let way = Way::of(id, &copy.location, &soak.folder.join("restored-there"))?;
    let ended = meet(soak, fate, &["restore", "--json", &way.what, "--to", &way.to])?;
    if tell(soak, "restore there", &ended)? {
        let differences = soak.ledger.differences(&copy.original, &way.look()?);
        if !differences.is_empty() {
            bail!("copy {id} of {} came back otherwise: {differences:?}", copy.original);
        }
    }
    Ok(())
}

/// The last copy, of everything that is new; then everything that was promised there is looked at, twice.
pub fn finale(soak: &Soak) -> Result<()> {
    let last = [&["copy", "--json", "--verify"][..], &NEWEST].concat();
    let last = soak.program.run(&last)?.done("the last copy")?;
    note(soak, &last.json()?)?;
    look(soak, "at the end")?;
    let gc = ["gc", "--yes", "--max-delete", "100", "--patience", "0s", "--max-unused", "0"];
    run(soak, &gc)?.done("the last gc there")?;
    look(soak, "after the last gc there")
}

fn look(soak: &Soak, when: &str) -> Result<()> {
    run(soak, &["check", "--read-data"])?.done(when)?;
    let visible = copies(soak)?;
    for (id, entry) in &soak.copies.all() {
        match entry.state {
            State::Kept if !visible.contains_key(id) => bail!("{when}: copy {id} was acknowledged and is gone"),
            State::Gone if visible.contains_key(id) => bail!("{when}: copy {id} was forgotten and is back"),
            _ => {}
        }
    }
    for (id, copy) in &visible {
        compare(soak, (id, copy), Fate::Nothing).with_context(|| when.to_owned())?;
    }
    Ok(())
}
