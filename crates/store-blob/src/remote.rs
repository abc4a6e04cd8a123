//! Why a store across a network did not do what it was asked for.

use datakeep_model::ErrorKind;

/// What stood in the way. Decides whether trying again is worth it, and what a person can do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RemoteCause {
    /// No connection: name not known, refused, no route, or no answer to the attempt.
    Unreachable,
    /// The connection could not be secured: certificate not trusted, name does not fit, no common version.
    NotSecure,
    /// The answer did not come in time. What was asked for may have happened.
    TimedOut,
    /// The connection ended in the middle, or the answer was not whole. What was asked for may have happened.
    Broken,
    /// The store asks for patience.
    Overloaded {
        /// How long it wants to be left alone, where it said so.
        retry_after_ms: Option<u64>,
    },
    /// The store failed inside.
    ServerFault,
    /// Another request on the same name was under way.
    Conflict,
    /// What was sent did not arrive as it was.
    Garbled,
    /// No credentials were found anywhere.
    NoCredentials,
    /// The store does not know the key, or the secret does not fit it.
    WrongCredentials,
    /// The credentials were good and are no longer.
    ExpiredCredentials,
    /// The store and this machine disagree about the time.
    ClockSkew {
        /// How far this machine is ahead of the store, in seconds, where the store told its time.
        ahead_seconds: Option<i64>,
    },
    /// The bucket is in another region.
    WrongRegion {
        /// Where it is, if the store said so.
        region: Option<String>,
    },
    /// There is no such bucket.
    NoBucket,
    /// The store does not know this kind of request.
    Unsupported,
    /// Any other refusal.
    Refused,
    /// The wait for the store was ended from outside.
    Stopped,
}

impl RemoteCause {
    /// True when trying the same again may succeed, without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            RemoteCause::Unreachable
                | RemoteCause::TimedOut
                | RemoteCause::Broken
                | RemoteCause::Overloaded { .. }
                | RemoteCause::ServerFault
                | RemoteCause::Conflict
                | RemoteCause::Garbled
        )
    }

    /// A stable word.
    pub fn as_str(&self) -> &'static str {
        match self {
            RemoteCause::Unreachable => "unreachable",
            RemoteCause::NotSecure => "not-secure",
            RemoteCause::TimedOut => "timed-out",
            RemoteCause::Broken => "broken",
            RemoteCause::Overloaded { .. } => "overloaded",
            RemoteCause::ServerFault => "server-fault",
            RemoteCause::Conflict => "conflict",
            RemoteCause::Garbled => "garbled",
            RemoteCause::NoCredentials => "no-credentials",
            RemoteCause::WrongCredentials => "wrong-credentials",
            RemoteCause::ExpiredCredentials => "expired-credentials",
            RemoteCause::ClockSkew { .. } => "clock-skew",
            RemoteCause::WrongRegion { .. } => "wrong-region",
            RemoteCause::NoBucket => "no-bucket",
            RemoteCause::Unsupported => "unsupported",
            RemoteCause::Refused => "refused",
            RemoteCause::Stopped => "stopped",
        }
    }

    /// The coarse kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            RemoteCause::NoCredentials | RemoteCause::WrongCredentials | RemoteCause::ExpiredCredentials => {
                ErrorKind::Denied
            }
            RemoteCause::Stopped => ErrorKind::Cancelled,
            _ => ErrorKind::Store,
        }
    }
}
