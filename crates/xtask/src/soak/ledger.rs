//! What the user was told: which snapshots are there and what each of them holds.

use super::content::Content;
use super::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What a source held when it was backed up.
pub type Seen = Arc<Content>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Acknowledged: must be there.
    Kept,
    /// A `forget` of it began and has not ended well: may be there.
    Leaving,
    /// A `forget` of it was acknowledged: must not be there.
    Gone,
}

#[derive(Clone)]
pub struct Entry {
    pub writer: u64,
    pub seen: Seen,
    pub state: State,
    /// Restores that go on.
    pins: u32,
}

/// All of it.
#[derive(Default)]
pub struct Ledger {
    entries: Mutex<BTreeMap<String, Entry>>,
    /// What backups held that were not acknowledged: they may have become snapshots all the same.
    unknown: Mutex<Vec<Seen>>,
}

impl Ledger {
    pub fn acknowledged(&self, id: &str, writer: u64, seen: Seen) {
        lock(&self.entries).insert(id.to_owned(), Entry { writer, seen, state: State::Kept, pins: 0 });
    }

    pub fn unanswered(&self, seen: Seen) {
        lock(&self.unknown).push(seen);
    }

    pub fn all(&self) -> BTreeMap<String, Entry> {
        lock(&self.entries).clone()
    }

    /// Takes a snapshot that must be there and holds it against `forget`; `choice` picks.
    pub fn pin(&self, choice: u64) -> Option<(String, Entry)> {
        let mut entries = lock(&self.entries);
        let kept: Vec<_> = entries.iter_mut().filter(|(_, entry)| entry.state == State::Kept).collect();
        let count = u64::try_from(kept.len()).unwrap_or(1).max(1);
        let (id, entry) = kept.into_iter().nth(usize::try_from(choice % count).unwrap_or(0))?;
        entry.pins += 1;
        Some((id.clone(), entry.clone()))
    }

    pub fn unpin(&self, id: &str) {
        if let Some(entry) = lock(&self.entries).get_mut(id) {
            entry.pins -= 1;
        }
    }

    /// Up to `most` snapshots of a writer that nobody reads, none of its `stay` newest: they are leaving now.
    pub fn leave(&self, writer: u64, stay: usize, most: usize) -> Vec<String> {
        let mut entries = lock(&self.entries);
        let of_writer = |entry: &Entry| entry.writer == writer && entry.state != State::Gone;
        // Ids begin with nothing that orders them by time, so any of them may stay.
        let ids: Vec<String> = entries.iter().filter(|(_, entry)| of_writer(entry)).map(|(id, _)| id.clone()).collect();
        let free = ids.into_iter().skip(stay).filter(|id| entries.get(id).is_some_and(|entry| entry.pins == 0));
        let chosen: Vec<String> = free.take(most).collect();
        for id in &chosen {
            if let Some(entry) = entries.get_mut(id) {
                entry.state = State::Leaving;
            }
        }
        chosen
    }

    pub fn gone(&self, ids: &[String]) {
        let mut entries = lock(&self.entries);
        for id in ids {
            if let Some(entry) = entries.get_mut(id) {
                entry.state = State::Gone;
            }
        }
    }

    /// In what the restored content of this snapshot differs from what it must equal.
    pub fn differences(&self, id: &str, found: &Content) -> Vec<String> {
        if let Some(entry) = lock(&self.entries).get(id) {
            return entry.seen.differences(found);
        }
        let unknown = lock(&self.unknown);
        let equal = unknown.iter().any(|seen| seen.differences(found).is_empty());
        if equal { Vec::new() } else { vec!["it is nothing that an unanswered backup held".to_owned()] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Result;
    use datakeep_testkit::observe;

    /// The soak can fail: one changed byte, one changed mode and a tree nobody backed up are differences.
    #[test]
    fn what_comes_back_otherwise_is_found_out() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("file");
        std::fs::write(&file, "as it was")?;
        let look = || observe(folder.path()).map(Content::Files);
        let before = Arc::new(look()?);
        let ledger = Ledger::default();
        ledger.acknowledged("one", 0, before.clone());
        ledger.unanswered(before.clone());
        assert_eq!((ledger.differences("one", &before).len(), ledger.differences("two", &before).len()), (0, 0));
        std::fs::write(&file, "as it is.")?;
        let after = look()?;
        assert!(ledger.differences("one", &after).iter().any(|what| what.contains("content")));
        assert_eq!(ledger.differences("two", &after).len(), 1);
        Ok(())
    }

    #[test]
    fn a_snapshot_that_is_read_does_not_leave() {
        let ledger = Ledger::default();
        for id in ["a", "b", "c"] {
            ledger.acknowledged(id, 0, Seen::default());
        }
        let pinned = ledger.pin(1).map(|(id, _)| id);
        assert_eq!(pinned.as_deref(), Some("b"));
        assert_eq!(ledger.leave(0, 1, 9), ["c"]);
        ledger.unpin("b");
        assert_eq!(ledger.leave(0, 1, 9), ["b", "c"], "what has not gone may be told to go again");
        ledger.gone(&["b".to_owned(), "c".to_owned()]);
        assert_eq!(ledger.leave(0, 0, 9), ["a"]);
    }
}
