//! What a run counts.

use super::super::RunContext;
use super::super::parents::Known;
use datakeep_model::{Counters, Event, FileType, Loss, Meta, Snapshot};
use std::collections::BTreeSet;

/// What the run has found out so far.
#[derive(Default)]
pub(super) struct Tally {
    pub counters: Counters,
    pub losses: Vec<Loss>,
    pub users: BTreeSet<u32>,
    pub groups: BTreeSet<u32>,
}

impl Tally {
    pub fn lose(&mut self, context: &RunContext<'_>, loss: Loss) {
        self.counters.losses += 1;
        context.observer.observe(&Event::Loss(&loss));
        if self.losses.len() < Snapshot::MAX_LOSS_NOTES {
            self.losses.push(loss);
        }
    }

    /// Counts an item, and tells in one word what it is to the previous snapshot.
    pub fn count(&mut self, meta: &Meta, known: &Known) -> &'static str {
        let counters = &mut self.counters;
        match meta.file_type {
            FileType::File => counters.files += 1,
            FileType::Directory => counters.directories += 1,
            _ => counters.others += 1,
        }
        counters.len_bytes += meta.len_bytes;
        self.users.insert(meta.uid);
        self.groups.insert(meta.gid);
        let (counter, action) = match known {
            Known::New => (&mut counters.items_new, "new"),
            Known::Changed(_) => (&mut counters.items_changed, "changed"),
            Known::Same(..) => (&mut counters.items_unchanged, "unchanged"),
        };
        *counter += 1;
        action
    }

    /// Counts an item as unchanged that was read again and is what it was.
    pub fn is_unchanged_after_all(&mut self) -> &'static str {
        self.counters.items_changed -= 1;
        self.counters.items_unchanged += 1;
        "unchanged"
    }

    /// Takes back the count of an item that is lost: it is not in the snapshot.
    pub fn uncount(&mut self, meta: &Meta, action: &str) {
        let counters = &mut self.counters;
        match action {
            "new" => counters.items_new -= 1,
            "changed" => counters.items_changed -= 1,
            _ => counters.items_unchanged -= 1,
        }
        match meta.file_type {
            FileType::File => counters.files -= 1,
            FileType::Directory => counters.directories -= 1,
            _ => counters.others -= 1,
        }
        counters.len_bytes -= meta.len_bytes;
    }
}
