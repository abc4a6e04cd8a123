//! Two errors, kept apart on purpose: one ends the run, one loses an item.

use datakeep_model::{ErrorKind, LossCause};

/// The connector cannot go on at all.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ConnectorError {
    /// Coarse kind.
    pub kind: ErrorKind,
    /// What was attempted on what, and what the system said. No secrets.
    pub message: String,
    /// What to do about it, when that is known.
    pub hint: Option<String>,
}

impl ConnectorError {
    /// An error with no hint.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same error with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// One item could not be read or written. Becomes a loss and never ends a run, unless it is [`ItemError::fatal`].
#[derive(Clone, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct ItemError {
    /// What befell it.
    pub cause: LossCause,
    /// The system's own words.
    pub detail: String,
    /// Set when the fault is the system's as a whole (full, read-only, gone), so that going on is pointless.
    pub fatal: Option<ErrorKind>,
}

impl ItemError {
    /// An error that concerns the item alone.
    pub fn new(cause: LossCause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into(), fatal: None }
    }

    /// An error that ends the run.
    pub fn fatal(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { cause: LossCause::Refused, detail: detail.into(), fatal: Some(kind) }
    }
}
