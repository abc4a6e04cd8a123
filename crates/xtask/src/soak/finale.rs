//! When all have stopped: everything that was promised is looked at, and again after records were harmed and repaired.

use super::content::Way;
use super::ledger::State;
use super::{DATABASE_RESTORE, Soak, actors, plant, second};
use anyhow::{Context, Result, bail};

/// Snapshots that are restored once more after each further step: all were before, and their content is read each time.
const FEW: usize = 300;

/// Checks, restores all, collects, and does it again.
pub fn play(soak: &Soak) -> Result<()> {
    look(soak, "at the end", usize::MAX)?;
    let gc = ["gc", "--yes", "--json", "--max-delete", "100", "--patience", "0s", "--max-unused", "0"];
    let said = soak.program.run(&gc)?.done("the last gc")?.json()?;
    if said["moved_bytes"].as_u64().is_some_and(|bytes| bytes > 0) {
        // What it moved is restored next.
        soak.count("gc that moved data");
    }
    look(soak, "after the last gc", FEW)?;
    second::finale(soak)?;
    let harmed = plant::harm_records(&soak.folder.join("repo"))?;
    if harmed.is_empty() {
        return Ok(());
    }
    if soak.program.run(&["check"])?.status.success() {
        bail!("{harmed:?} are harmed, and check says nothing");
    }
    soak.program.run(&["repair", "--yes"])?.done("the repair of records")?;
    soak.count("repair of records");
    look(soak, "after the repair", FEW)?;
    soak.program.run(&gc)?.done("gc after the repair")?;
    look(soak, "after the repair and gc", FEW)
}

/// All content is read and proven, all snapshots are there that must be, and of them at most so many, spread over all, come
/// back as they were.
fn look(soak: &Soak, when: &str, most: usize) -> Result<()> {
    soak.program.run(&["check", "--read-data"])?.done(when)?;
    let visible = actors::visible(soak)?;
    let ledger = soak.ledger.all();
    for (id, entry) in &ledger {
        match entry.state {
            State::Kept if !visible.contains(id) => bail!("{when}: snapshot {id} was acknowledged and is gone"),
            State::Gone if visible.contains(id) => bail!("{when}: snapshot {id} was forgotten and is back"),
            _ => {}
        }
    }
    for id in visible.iter().step_by(visible.len().div_ceil(most).max(1)) {
        let writer = soak.program.run(&["show", id, "--json"])?.done(when)?.json()?;
        let location = writer["location"].as_str().context("a snapshot without a location")?;
        let way = Way::of(id, location, &soak.folder.join("restored"))?;
        soak.program.run(&["restore", &way.what, "--to", &way.to])?.done(when)?;
        let differences = soak.ledger.differences(id, &way.look()?);
        if !differences.is_empty() {
            bail!("{when}: snapshot {id} came back otherwise: {differences:?}");
        }
        soak.count(&format!("restore {when}"));
        if way.is_database {
            soak.count(DATABASE_RESTORE);
        }
    }
    Ok(())
}
