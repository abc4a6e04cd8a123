//! What can go wrong with a repository.

use datakeep_model::ErrorKind;
use datakeep_process::ProcessError;
use datakeep_store_blob::BlobError;

/// A failed operation on a repository, saying what was attempted on which object.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing that looks like a repository is there.
    #[error("there is no repository at {location}")]
    NoRepository {
        /// The place.
        location: String,
    },
    /// `init` found a repository, or something else, in the way.
    #[error("{location} is not empty: it holds {found}")]
    Occupied {
        /// The place.
        location: String,
        /// What was found.
        found: String,
    },
    /// Written by a newer version, or with a feature this program does not know.
    #[error("{object}: {detail}")]
    Incompatible {
        /// Object name.
        object: String,
        /// What is unknown.
        detail: String,
    },
    /// A secret was given, and the repository is not encrypted: it may not be the one that was meant.
    #[error("the repository is not encrypted, and a password or recovery code was given")]
    NotEncrypted,
    /// No key slot opens with what was given.
    #[error("{detail}")]
    WrongKey {
        /// Which slots were tried, and what each said.
        detail: String,
    },
    /// A key slot wants more memory than may be spent on it, and no cheaper one opens.
    #[error("{object} wants {memory_mib} MiB of memory, and {limit_mib} MiB are allowed")]
    SlotTooDear {
        /// Object name.
        object: String,
        /// What it wants.
        memory_mib: u32,
        /// What is allowed.
        limit_mib: u32,
    },
    /// Stored bytes are not what was written.
    #[error("{object} is damaged at byte {offset_byte}: expected {expected}, found {found}")]
    Damaged {
        /// Object name.
        object: String,
        /// Where in the object.
        offset_byte: u64,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Damage that was found before, told again.
    #[error("{detail}")]
    Unsound {
        /// What was found.
        detail: String,
    },
    /// A snapshot uses what its own list of used frames (its reach) lacks: nothing keeps a collection from deleting it.
    #[error("the list of what the snapshot uses lacks frame {frame} of {object}: a collection may delete it")]
    Unlisted {
        /// The pack's object name.
        object: String,
        /// The frame within the pack.
        frame: u32,
    },
    /// An object that must exist is gone.
    #[error("{object} is missing")]
    Missing {
        /// Object name.
        object: String,
    },
    /// A snapshot, slot or tag that was asked for does not exist.
    #[error("{what} does not exist")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// A name or prefix fits several things.
    #[error("{what} is ambiguous: {candidates}")]
    Ambiguous {
        /// What was asked for.
        what: String,
        /// What it may mean.
        candidates: String,
    },
    /// Another party decided first; run again.
    #[error("{detail}")]
    Busy {
        /// What happened.
        detail: String,
    },
    /// A collection has passed this session by, and something it relied on may be gone: nothing it wrote is visible.
    /// Run again; what it stored is used.
    #[error("{detail}")]
    Superseded {
        /// What happened.
        detail: String,
    },
    /// The request makes no sense.
    #[error("{detail}")]
    Usage {
        /// Why.
        detail: String,
    },
    /// A limit of the format was reached.
    #[error("{what} exceeds the limit of {limit}")]
    Limit {
        /// What.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// The byte store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// Cutting, hashing, compressing or encrypting failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl StoreError {
    /// Damage in `object` at `offset_byte`.
    pub fn damaged(
        object: impl Into<String>,
        offset_byte: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Damaged { object: object.into(), offset_byte, expected: expected.into(), found: found.into() }
    }

    /// The object that is at fault, where one is.
    pub fn object(&self) -> Option<&str> {
        match self {
            StoreError::Incompatible { object, .. }
            | StoreError::Damaged { object, .. }
            | StoreError::Missing { object }
            | StoreError::SlotTooDear { object, .. } => Some(object),
            _ => None,
        }
    }

    /// The coarse kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            StoreError::NoRepository { .. } => ErrorKind::NoRepository,
            StoreError::Occupied { .. } | StoreError::Usage { .. } | StoreError::Ambiguous { .. } => ErrorKind::Usage,
            StoreError::Incompatible { .. } => ErrorKind::Incompatible,
            StoreError::WrongKey { .. } | StoreError::NotEncrypted | StoreError::SlotTooDear { .. } => {
                ErrorKind::WrongKey
            }
            StoreError::Damaged { .. }
            | StoreError::Unsound { .. }
            | StoreError::Unlisted { .. }
            | StoreError::Missing { .. } => ErrorKind::Integrity,
            StoreError::NotFound { .. } => ErrorKind::NotFound,
            StoreError::Busy { .. } | StoreError::Superseded { .. } => ErrorKind::Busy,
            StoreError::Limit { .. } => ErrorKind::Internal,
            StoreError::Blob(error) => error.kind(),
            StoreError::Process(error) => error.kind(),
        }
    }
}

/// A read of an object that must exist: not found means missing.
pub(crate) fn must_exist(error: BlobError) -> StoreError {
    match error {
        BlobError::NotFound { name } => StoreError::Missing { object: name },
        BlobError::Short { name, len_bytes, wanted_bytes } => {
            StoreError::damaged(name, len_bytes, format!("at least {wanted_bytes} bytes"), format!("{len_bytes} bytes"))
        }
        BlobError::Failed { operation: "read", name, detail } if detail.contains("at most") => {
            StoreError::damaged(name, 0, "a plausible length", detail)
        }
        other => StoreError::Blob(other),
    }
}
