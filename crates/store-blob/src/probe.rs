//! Does a store keep the promises that backups and collections rely on?
//!
//! A probe writes a few small objects below `probe/<id>/`, looks at them in every way the repository does, lets racers
//! create the same name at once, and removes everything again. It costs about 100 KiB and, thorough, some 700 calls. What
//! a probe that was killed has left belongs to nobody: nothing refers to a name below `probe/`, and the next probe removes
//! what is older than [`LEFTOVER_AGE_MS`] by the store's own clock. Where the store knows no ages it stays, and does no
//! harm.
//!
//! A probe sees what this machine sees. Whether two machines that mount one file system see the same, only the store's
//! own documentation can tell.

use crate::{BlobError, BlobStore};
use std::sync::{Mutex, PoisonError};

mod checks;
mod race;
#[cfg(test)]
mod tests;

/// Where all names of probes stand.
pub const FOLDER: &str = "probe/";

/// Names of a probe that are this old belong to a probe that was killed: none takes so long.
pub const LEFTOVER_AGE_MS: u64 = 3_600_000;

/// How much is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effort {
    /// Races.
    pub rounds: u32,
    /// Racers in each, on two handles in turn.
    pub racers: u32,
    /// No race begins after so long.
    pub most_race_ms: u64,
}

impl Effort {
    /// Before a first collection, and when a person asks.
    pub const THOROUGH: Self = Self { rounds: 20, racers: 16, most_race_ms: 20_000 };
    /// When a repository is made: enough to know a store that promises nothing.
    pub const QUICK: Self = Self { rounds: 3, racers: 4, most_race_ms: 5_000 };
}

/// What is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// What was staged can be read after a barrier, and is the same.
    ReadAfterWrite,
    /// A second handle reads the same.
    SecondHandle,
    /// Ranges are exact, and one beyond the end is an error.
    Ranges,
    /// Lengths are right, and there is none for what is not there.
    Length,
    /// What was stored is in the next listing.
    ListAfterWrite,
    /// A name can be created once.
    CreateOnce,
    /// Of racers that create a name, exactly one wins, and its bytes stay.
    Race,
    /// What was deleted is gone, by name and in listings.
    Delete,
    /// A name that was deleted can be created again.
    NameReuse,
    /// How far the store's clock is from this machine's. Nothing depends on it.
    Clock,
}

/// Who needs a promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Without it not even a backup is safe.
    Backup,
    /// Without it nothing may be collected while somebody writes.
    Collection,
    /// It is told and decides nothing.
    Nobody,
}

impl Check {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Check::ReadAfterWrite => "read-after-write",
            Check::SecondHandle => "second-handle",
            Check::Ranges => "ranges",
            Check::Length => "length",
            Check::ListAfterWrite => "list-after-write",
            Check::CreateOnce => "create-once",
            Check::Race => "race",
            Check::Delete => "delete",
            Check::NameReuse => "name-reuse",
            Check::Clock => "clock",
        }
    }

    /// Who needs it.
    pub fn need(self) -> Need {
        match self {
            Check::ReadAfterWrite | Check::SecondHandle | Check::Ranges | Check::Length => Need::Backup,
            Check::ListAfterWrite | Check::CreateOnce | Check::Race | Check::Delete | Check::NameReuse => {
                Need::Collection
            }
            Check::Clock => Need::Nobody,
        }
    }
}

/// What came of a check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Which.
    pub check: Check,
    /// True when the promise is kept.
    pub holds: bool,
    /// What was seen, in exact words.
    pub detail: Option<String>,
}

/// What a store is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    /// Collections run beside backups.
    Collecting,
    /// Backups are safe; a collection must be alone.
    ExclusiveWindow,
    /// Not even backups are safe.
    Unusable,
}

impl Tier {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Collecting => "collecting",
            Tier::ExclusiveWindow => "exclusive-window",
            Tier::Unusable => "unusable",
        }
    }

    /// The tier a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        [Tier::Collecting, Tier::ExclusiveWindow, Tier::Unusable].into_iter().find(|tier| tier.as_str() == word)
    }

    fn of(findings: &[Finding]) -> Self {
        let is_broken = |need| findings.iter().any(|finding| !finding.holds && finding.check.need() == need);
        match (is_broken(Need::Backup), is_broken(Need::Collection)) {
            (true, _) => Tier::Unusable,
            (false, true) => Tier::ExclusiveWindow,
            (false, false) => Tier::Collecting,
        }
    }
}

/// What a probe has found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// What the store is good for.
    pub tier: Tier,
    /// Every check, in order.
    pub findings: Vec<Finding>,
    /// Races that were run.
    pub rounds: u32,
    /// Racers in each.
    pub racers: u32,
    /// How far the store's clock is behind this machine's, in milliseconds, about; `None` when the store does not tell.
    pub clock_behind_ms: Option<i64>,
    /// Objects of this probe that could not be removed.
    pub left: u64,
}

/// Probes a store through two handles that share nothing but the store. `id` is a name part that nobody else uses.
///
/// A promise that is broken is a finding. An error is what keeps the probe from finding out: no room, no permission, no
/// connection.
pub fn probe(stores: [&dyn BlobStore; 2], id: &str, effort: Effort) -> Result<Report, BlobError> {
    let place = Place { stores, folder: format!("{FOLDER}{id}/"), made: Mutex::default() };
    let outcome = place.look(effort);
    // However it ended: nothing of it stays.
    let left = place.clean();
    let report = outcome?;
    clear_leftovers(stores[0], &place.folder);
    Ok(Report { left, ..report })
}

/// Why a check did not succeed.
enum Fail {
    /// The store has given a wrong answer.
    Broken(String),
    /// The store has not answered.
    Store(BlobError),
}

impl From<BlobError> for Fail {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Exists { .. } | BlobError::NotFound { .. } | BlobError::Short { .. } => {
                Fail::Broken(error.to_string())
            }
            other => Fail::Store(other),
        }
    }
}

fn broken<T>(detail: impl Into<String>) -> Result<T, Fail> {
    Err(Fail::Broken(detail.into()))
}

/// The folder of a probe, and two ways to it.
struct Place<'a> {
    stores: [&'a dyn BlobStore; 2],
    folder: String,
    made: Mutex<Vec<String>>,
}

impl Place<'_> {
    /// A name here. It is noted: a store that does not list it must get rid of it all the same.
    fn name(&self, what: &str) -> String {
        let name = format!("{}{what}", self.folder);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(name.clone());
        name
    }

    fn clean(&self) -> u64 {
        let names = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        let store = self.stores[0];
        let left = names.iter().filter(|name| store.delete(name).is_err()).count() as u64;
        // What cannot be made durable now is a leftover then.
        let _ = store.barrier();
        store.drop_folder(&self.folder);
        left
    }
}

/// Removes what probes that were killed have left. Failing is no harm.
fn clear_leftovers(store: &dyn BlobStore, own: &str) {
    let Ok(listed) = store.list(FOLDER) else { return };
    let mut folders = std::collections::BTreeSet::new();
    for object in listed.iter().filter(|object| !object.name.starts_with(own)) {
        let is_old = store.age_ms(&object.name).is_ok_and(|age| age.is_some_and(|age| age >= LEFTOVER_AGE_MS));
        if is_old && store.delete(&object.name).is_ok() {
            folders.extend(object.name.rsplit_once('/').map(|(folder, _)| folder));
        }
    }
    let _ = store.barrier();
    folders.iter().for_each(|folder| store.drop_folder(folder));
}
