//! What a run tells the outside world while it works. One enum, one observer method; words and colours are made by
//! whoever listens.

use crate::meta::FileType;
use crate::path::ItemPath;
use crate::snapshot::Snapshot;

/// What a run is busy with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Unlocking and opening the repository.
    Opening,
    /// Reading the source and writing the store.
    Transferring,
    /// Comparing and listing what is to be done.
    Planning,
    /// Making everything durable and publishing the snapshot.
    Committing,
    /// Reading stored data to prove it.
    Verifying,
}

impl Phase {
    /// A stable word for JSON output.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Opening => "opening",
            Phase::Transferring => "transferring",
            Phase::Planning => "planning",
            Phase::Committing => "committing",
            Phase::Verifying => "verifying",
        }
    }
}

/// Why an item, or a part of it, is not in the snapshot or not in the target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum LossCause {
    /// Reading or writing it failed.
    Unreadable = 0,
    /// Permission was denied.
    Denied = 1,
    /// It vanished between listing and reading.
    Vanished = 2,
    /// It changed while it was read: what is stored is what was read, and may mix two states.
    ChangedWhileRead = 3,
    /// Its extended attributes or access control list could not be read or set.
    Attributes = 4,
    /// A directory that contains itself by way of a mount; not entered a second time.
    Loop = 5,
    /// Its name cannot exist in a snapshot or target.
    BadName = 6,
    /// Its stored bytes are damaged.
    Damaged = 7,
    /// The target refused it.
    Refused = 8,
}

impl LossCause {
    /// All causes in order of their number.
    pub const ALL: [LossCause; 9] = [
        LossCause::Unreadable,
        LossCause::Denied,
        LossCause::Vanished,
        LossCause::ChangedWhileRead,
        LossCause::Attributes,
        LossCause::Loop,
        LossCause::BadName,
        LossCause::Damaged,
        LossCause::Refused,
    ];

    /// The cause with this number; `None` when unknown.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The number that stands for the cause on disk.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// A stable word for JSON output.
    pub fn as_str(self) -> &'static str {
        match self {
            LossCause::Unreadable => "unreadable",
            LossCause::Denied => "denied",
            LossCause::Vanished => "vanished",
            LossCause::ChangedWhileRead => "changed-while-read",
            LossCause::Attributes => "attributes",
            LossCause::Loop => "loop",
            LossCause::BadName => "bad-name",
            LossCause::Damaged => "damaged",
            LossCause::Refused => "refused",
        }
    }
}

/// One item that is missing or imperfect, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loss {
    /// The item.
    pub path: ItemPath,
    /// What befell it.
    pub cause: LossCause,
    /// The system's own words.
    pub detail: String,
}

/// What a run has done so far. Counters only grow within a run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// Regular files seen.
    pub files: u64,
    /// Directories seen.
    pub directories: u64,
    /// Other entries seen (links, pipes, sockets, devices).
    pub others: u64,
    /// Items not in the parent snapshot.
    pub items_new: u64,
    /// Items that differ from the parent snapshot.
    pub items_changed: u64,
    /// Items recognised as unchanged without being read.
    pub items_unchanged: u64,
    /// Items of the parent snapshot that are gone.
    pub items_removed: u64,
    /// Content length of all regular files.
    pub len_bytes: u64,
    /// Content bytes read from the source.
    pub read_bytes: u64,
    /// Content bytes not found in the repository, before compression.
    pub new_bytes: u64,
    /// Bytes written to the store.
    pub stored_bytes: u64,
    /// Chunks not found in the repository.
    pub chunks_new: u64,
    /// Chunks found in the repository.
    pub chunks_known: u64,
    /// Items lost (see [`Loss`]).
    pub losses: u64,
}

/// What a run tells.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A phase began.
    Phase(Phase),
    /// The work ahead is known, or known better: entries and content bytes.
    Expect {
        /// Number of items.
        items: u64,
        /// Content bytes.
        bytes: u64,
    },
    /// A backup will be compared with this snapshot, the newest of its source.
    Previous(&'a Snapshot),
    /// Work was done since the last such event: entries and content bytes handled, read or not.
    Progress {
        /// Number of items.
        items: u64,
        /// Content bytes.
        bytes: u64,
    },
    /// One item was handled (told only when the run was asked to tell of each).
    Item {
        /// The item.
        path: &'a ItemPath,
        /// Its kind.
        file_type: FileType,
        /// One of `new`, `changed`, `unchanged`, `removed`, `create`, `overwrite`, `skip`, `delete`.
        action: &'static str,
        /// Its content length.
        len_bytes: u64,
    },
    /// An item is lost or imperfect.
    Loss(&'a Loss),
    /// Something a person should know and that is no loss.
    Warning(&'a str),
}

/// Listens to a run. Called from several threads; must return quickly and must not fail.
pub trait Observer: Send + Sync {
    /// Takes note of one event.
    fn observe(&self, event: &Event<'_>);

    /// True when the run should send [`Event::Item`] for each item.
    fn wants_items(&self) -> bool {
        false
    }
}

/// Listens and forgets.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullObserver;

impl Observer for NullObserver {
    fn observe(&self, _event: &Event<'_>) {}
}
