//! What is known at one moment, as plain data: whoever looks fills it in.

use serde::{Deserialize, Serialize};

/// Something with an id and a name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Named {
    /// Never changes.
    pub id: String,
    /// What people call it.
    pub name: String,
}

crate::words::words!(
    /// How a run ended.
    Outcome {
        /// Nothing was lost.
        Complete = "complete",
        /// Items were lost.
        Partial = "partial",
        /// Without a result.
        Failed = "failed",
        /// Somebody asked.
        Cancelled = "cancelled",
    }
);

/// A run that ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndedRun {
    /// Its id.
    pub id: String,
    /// What it did, such as `backup` or `check`.
    pub kind: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The stable word of its error; `ok` where there is none.
    pub code: String,
    /// The error in words.
    pub message: String,
    /// Seconds since 1970.
    pub finished_s: i64,
}

/// A table as a backup saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableFacts {
    /// With its schema, where it has one.
    pub name: String,
    /// How many rows.
    pub rows: u64,
    /// How many columns.
    pub columns: u64,
}

/// What a backup that took a snapshot said of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Backup {
    /// Id of its run.
    pub run: String,
    /// When it ended, in seconds since 1970.
    pub finished_s: i64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Size of what the source holds, in bytes.
    pub len_bytes: u64,
    /// Read from the source, in bytes.
    pub read_bytes: u64,
    /// Not found in the repository, before compression, in bytes.
    pub new_bytes: u64,
    /// Written to the store, in bytes.
    pub stored_bytes: u64,
    /// Items that were lost.
    pub items_lost: u64,
    /// The tables of a database; `None` of files, and where the record does not say.
    pub tables: Option<Vec<TableFacts>>,
}

/// One source under one policy.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Protection {
    /// The policy.
    pub policy: Named,
    /// The source.
    pub source: Named,
    /// The repository.
    pub repository: Named,
    /// Since when somebody asks for snapshots, in seconds since 1970.
    pub since_s: i64,
    /// How old the newest snapshot may become, in seconds.
    pub rpo_s: Option<u64>,
    /// When the newest snapshot began, in seconds since 1970.
    pub newest_s: Option<i64>,
    /// Since when a snapshot that the schedule promises is not there, in seconds since 1970.
    pub overdue_since_s: Option<i64>,
    /// The time between two slots of the schedule, in seconds.
    pub expected_interval_s: Option<i64>,
    /// The newest backup that ended otherwise than cancelled.
    pub last: Option<EndedRun>,
    /// How many of the newest backups failed, one after another.
    pub failures: u32,
    /// Backups that took a snapshot, newest first.
    pub history: Vec<Backup>,
    /// When it was last drilled with success, in seconds since 1970.
    pub drilled_s: Option<i64>,
}

/// One repository.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RepositoryFacts {
    /// The repository.
    pub repository: Named,
    /// Since when it is known, in seconds since 1970.
    pub since_s: i64,
    /// Every stored byte was proven at or after this moment; `None` before the first whole round of checks.
    pub proven_s: Option<i64>,
    /// What is stored in it, in bytes, and when that was told, in seconds since 1970.
    pub stored: Option<(u64, i64)>,
    /// The newest run of each kind of its own work.
    pub work: Vec<EndedRun>,
}

/// Everything that is known at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Look {
    /// The present, in seconds since 1970.
    pub now_s: i64,
    /// What policies that do not rest protect.
    pub protections: Vec<Protection>,
    /// All repositories.
    pub repositories: Vec<RepositoryFacts>,
}
