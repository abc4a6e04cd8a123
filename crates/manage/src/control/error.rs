//! What can go wrong with the control database.

use crate::policy::Fault;
use datakeep_model::ErrorKind;

/// A call that failed. Nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no such thing.
    #[error("there is no {kind} {id}")]
    NotFound {
        /// What kind of thing.
        kind: &'static str,
        /// As it was asked for.
        id: String,
    },
    /// The name is taken.
    #[error("there is already a {kind} of this name")]
    Taken {
        /// What kind of thing.
        kind: &'static str,
    },
    /// Something else names it.
    #[error("this {kind} is named by a policy")]
    InUse {
        /// What kind of thing.
        kind: &'static str,
    },
    /// Somebody changed it in between.
    #[error("this {kind} was changed by somebody else: it has revision {revision} now")]
    Stale {
        /// What kind of thing.
        kind: &'static str,
        /// The revision there is.
        revision: i64,
    },
    /// The run is in a state that does not allow it.
    #[error("the run is {state}")]
    State {
        /// Its state.
        state: String,
    },
    /// The lease was lost: somebody else has decided about the run.
    #[error("the lease of this run was lost")]
    Fenced,
    /// It would leave nobody who can let others in.
    #[error("the last owner stays")]
    LastOwner,
    /// It makes no sense.
    #[error(transparent)]
    Invalid(#[from] Fault),
    /// Somebody else holds the database.
    #[error("the control database is locked: cannot {doing}")]
    Locked {
        /// What was attempted.
        doing: &'static str,
    },
    /// There is no room.
    #[error("there is no room for the control database: cannot {doing}")]
    Full {
        /// What was attempted.
        doing: &'static str,
    },
    /// The database cannot be reached, or is not the one that was opened.
    #[error("the control database is gone: {detail}")]
    Gone {
        /// Why.
        detail: String,
    },
    /// Written by a later version.
    #[error("the control database has version {found}, and this program knows {known}")]
    Later {
        /// What it has.
        found: usize,
        /// What is known.
        known: usize,
    },
    /// What is stored is not what was written.
    #[error("the control database is damaged: {detail}")]
    Damaged {
        /// Where, and how.
        detail: String,
    },
    /// Anything else.
    #[error("cannot {doing}: {detail}")]
    Other {
        /// What was attempted.
        doing: &'static str,
        /// The database's own words.
        detail: String,
    },
}

impl ControlError {
    /// The coarse kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Taken { .. } | Self::InUse { .. } | Self::State { .. } | Self::LastOwner | Self::Invalid(_) => {
                ErrorKind::Usage
            }
            Self::Stale { .. } | Self::Fenced | Self::Locked { .. } => ErrorKind::Busy,
            Self::Full { .. } | Self::Gone { .. } => ErrorKind::Store,
            Self::Later { .. } => ErrorKind::Incompatible,
            Self::Damaged { .. } => ErrorKind::Integrity,
            Self::Other { .. } => ErrorKind::Internal,
        }
    }
}

pub(crate) fn gone(detail: &str) -> ControlError {
    ControlError::Gone { detail: detail.to_string() }
}

/// Says what was attempted, and sorts the driver's error.
pub(crate) fn at(doing: &'static str) -> impl Fn(sqlx::Error) -> ControlError {
    move |error| sort(doing, &error)
}

/// SQLite's primary result codes (sqlite.org/rescode.html) are the low byte of what the driver tells.
fn sort(doing: &'static str, error: &sqlx::Error) -> ControlError {
    let detail = error.to_string();
    match error {
        sqlx::Error::PoolTimedOut => ControlError::Locked { doing },
        sqlx::Error::Io(_) | sqlx::Error::PoolClosed => ControlError::Gone { detail },
        sqlx::Error::Database(database) => {
            let code = database.code().and_then(|code| code.parse::<u32>().ok()).map_or(0, |code| code & 0xff);
            match code {
                5 | 6 => ControlError::Locked { doing },
                13 => ControlError::Full { doing },
                8 | 10 | 14 => ControlError::Gone { detail },
                11 | 26 => ControlError::Damaged { detail },
                _ => ControlError::Other { doing, detail },
            }
        }
        sqlx::Error::ColumnDecode { .. } => ControlError::Damaged { detail },
        _ => ControlError::Other { doing, detail },
    }
}

/// Whether the driver says that a row of this key stands there already.
pub(crate) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Whether the driver says that a row names what is not there, or is named.
pub(crate) fn is_named(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
}
