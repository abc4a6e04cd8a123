//! Coarse error kinds and the exit codes they map to.

/// What kind of thing went wrong, coarse enough to decide what to do about it. Each crate's own error enum maps to one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorKind {
    /// The request itself makes no sense (bad pattern, unknown name, conflicting options).
    Usage,
    /// A named snapshot, path, slot or tag does not exist.
    NotFound,
    /// There is no repository at the place named.
    NoRepository,
    /// Someone else holds what is needed, or lost a race that must be run again.
    Busy,
    /// The password, recovery code or key does not open the repository.
    WrongKey,
    /// The source refused to be read as asked.
    Source,
    /// The store cannot be reached, is full, or refused a write.
    Store,
    /// Stored bytes are not what was written.
    Integrity,
    /// The operating system or a policy denied it.
    Denied,
    /// Written by a version, or with a feature, this program does not know.
    Incompatible,
    /// The target of a restore cannot be written as asked.
    Target,
    /// Stopped on request.
    Cancelled,
    /// A broken invariant or an unexpected failure of the system.
    Internal,
}

impl ErrorKind {
    /// True when trying the same thing again, unchanged, may succeed.
    pub fn is_retryable(self) -> bool {
        matches!(self, ErrorKind::Busy | ErrorKind::Store)
    }

    /// A stable word for JSON output.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Usage => "usage",
            ErrorKind::NotFound => "not-found",
            ErrorKind::NoRepository => "no-repository",
            ErrorKind::Busy => "busy",
            ErrorKind::WrongKey => "wrong-key",
            ErrorKind::Source => "source",
            ErrorKind::Store => "store",
            ErrorKind::Integrity => "integrity",
            ErrorKind::Denied => "denied",
            ErrorKind::Incompatible => "incompatible",
            ErrorKind::Target => "target",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::Internal => "internal",
        }
    }

    /// The exit code of a command that ends with an error of this kind.
    pub fn exit_code(self) -> ExitCode {
        match self {
            ErrorKind::Usage => ExitCode::USAGE,
            ErrorKind::NotFound | ErrorKind::Target | ErrorKind::Internal => ExitCode::FAILURE,
            ErrorKind::NoRepository => ExitCode::NO_REPOSITORY,
            ErrorKind::Busy => ExitCode::BUSY,
            ErrorKind::WrongKey => ExitCode::WRONG_KEY,
            ErrorKind::Source => ExitCode::SOURCE_REFUSED,
            ErrorKind::Store => ExitCode::STORE,
            ErrorKind::Integrity => ExitCode::INTEGRITY,
            ErrorKind::Denied => ExitCode::DENIED,
            ErrorKind::Incompatible => ExitCode::INCOMPATIBLE,
            ErrorKind::Cancelled => ExitCode::CANCELLED,
        }
    }
}

/// Exit codes of the command line. They are a contract: a number never changes its meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExitCode(pub u8);

impl ExitCode {
    /// Everything asked for was done.
    pub const OK: Self = Self(0);
    /// It failed; see the message.
    pub const FAILURE: Self = Self(1);
    /// The command line or configuration is wrong.
    pub const USAGE: Self = Self(2);
    /// Done, but some items were lost (counted and listed).
    pub const PARTIAL: Self = Self(3);
    /// A check or a drill found a fault.
    pub const CHECK_FAILED: Self = Self(4);
    /// A policy was breached.
    pub const POLICY_BREACHED: Self = Self(5);
    /// No repository at the place named.
    pub const NO_REPOSITORY: Self = Self(10);
    /// Busy: try again.
    pub const BUSY: Self = Self(11);
    /// Wrong password or key.
    pub const WRONG_KEY: Self = Self(12);
    /// The source refused.
    pub const SOURCE_REFUSED: Self = Self(13);
    /// The store is unreachable, read-only or full.
    pub const STORE: Self = Self(14);
    /// Stored bytes are damaged.
    pub const INTEGRITY: Self = Self(15);
    /// Permission denied.
    pub const DENIED: Self = Self(16);
    /// Unknown format version or feature.
    pub const INCOMPATIBLE: Self = Self(17);
    /// Cancelled by the user.
    pub const CANCELLED: Self = Self(130);
}
