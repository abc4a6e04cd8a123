//! What ends a run.

use datakeep_connector::ConnectorError;
use datakeep_model::ErrorKind;
use datakeep_store::StoreError;

/// A run that could not go on. Items that were merely lost are no errors; they are counted.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The repository failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source or target failed as a whole.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// Stopped on request. What was done is kept for the next run.
    #[error("cancelled; what was stored so far is reused by the next run")]
    Cancelled,
    /// A thread of the run ended in a broken invariant.
    #[error("a worker stopped unexpectedly: {0}")]
    Broken(&'static str),
}

impl EngineError {
    /// The coarse kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            EngineError::Store(error) => error.kind(),
            EngineError::Connector(error) => error.kind,
            EngineError::Cancelled => ErrorKind::Cancelled,
            EngineError::Broken(_) => ErrorKind::Internal,
        }
    }

    /// What to do about it, when that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            EngineError::Connector(error) => error.hint.as_deref(),
            _ => None,
        }
    }
}
