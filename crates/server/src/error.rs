//! Why the server does not start, or stopped.

use datakeep_manage::control::ControlError;
use datakeep_model::ErrorKind;

/// A server that failed.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data folder cannot be used.
    #[error("cannot use the data folder {path}: {detail}")]
    Folder {
        /// The folder.
        path: String,
        /// The system's own words.
        detail: String,
    },
    /// Another server works in the data folder.
    #[error("another server works in the data folder {path}")]
    Held {
        /// The folder.
        path: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}: {detail}")]
    Listen {
        /// The address.
        listen: String,
        /// The system's own words.
        detail: String,
    },
    /// The control database.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The system refused threads or signals.
    #[error("cannot start: {detail}")]
    Start {
        /// The system's own words.
        detail: String,
    },
}

impl ServerError {
    /// The coarse kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Folder { .. } => ErrorKind::Denied,
            Self::Held { .. } => ErrorKind::Busy,
            Self::Listen { .. } | Self::Start { .. } => ErrorKind::Internal,
            Self::Control(error) => error.kind(),
        }
    }
}
