//! What can go wrong on the way out.

use crate::tables::KeyError;
use datakeep_connector::{ConnectorError, ItemError};
use datakeep_engine::EngineError;
use datakeep_model::ErrorKind;
use datakeep_store::StoreError;

/// A failed request.
#[derive(Debug, thiserror::Error)]
pub enum DistributeError {
    /// The repository failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The target failed as a whole.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// The target could not be looked at.
    #[error("cannot look at the target: {0}")]
    Target(#[from] ItemError),
    /// What was asked for does not exist.
    #[error("{what} does not exist")]
    NotFound {
        /// What was asked for.
        what: String,
        /// The nearest that exists.
        near: Option<String>,
    },
    /// There is no snapshot to choose from.
    #[error("the repository has no snapshots yet")]
    NoSnapshots,
    /// What was asked for may mean several things.
    #[error("{what} is ambiguous")]
    Ambiguous {
        /// What was asked for.
        what: String,
        /// What it may mean.
        candidates: Vec<String>,
    },
    /// Stopped on request, and nothing was written.
    #[error("stopped on request")]
    Cancelled,
    /// The request makes no sense.
    #[error("{message}")]
    Usage {
        /// Why.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// What was written is no key of the table.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A table stands in a target and nothing was said of what becomes of it.
    #[error("{location} holds {found} already")]
    TableStands {
        /// The target.
        location: String,
        /// What stands there.
        found: String,
    },
    /// The target holds something and nothing was said about overwriting.
    #[error("{location} is not empty: it holds {found}")]
    TargetNotEmpty {
        /// The target.
        location: String,
        /// One name in it.
        found: String,
    },
}

impl DistributeError {
    /// The coarse kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            DistributeError::Store(error) => error.kind(),
            DistributeError::Engine(error) => error.kind(),
            DistributeError::Connector(error) => error.kind,
            DistributeError::Target(_)
            | DistributeError::TargetNotEmpty { .. }
            | DistributeError::TableStands { .. } => ErrorKind::Target,
            DistributeError::Cancelled => ErrorKind::Cancelled,
            DistributeError::NotFound { .. } | DistributeError::NoSnapshots => ErrorKind::NotFound,
            DistributeError::Ambiguous { .. } | DistributeError::Usage { .. } | DistributeError::Key(_) => {
                ErrorKind::Usage
            }
        }
    }
}
