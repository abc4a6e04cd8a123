//! Twelve ways in which one call to a store goes wrong, and at which operations each of them can happen.

/// An operation of a store that can fail. Holding and giving up the reserve have no answer, so nothing can go wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operation {
    /// `BlobStore::stage`.
    Stage,
    /// `BlobStore::barrier`.
    Barrier,
    /// `BlobStore::create`.
    Create,
    /// `BlobStore::read`.
    Read,
    /// `BlobStore::read_at`.
    ReadAt,
    /// `BlobStore::read_tail`.
    ReadTail,
    /// `BlobStore::len_bytes`.
    Len,
    /// `BlobStore::age_ms`.
    Age,
    /// `BlobStore::list`.
    List,
    /// `BlobStore::list_between`.
    ListBetween,
    /// `BlobStore::delete`.
    Delete,
    /// `BlobStore::settle`.
    Settle,
    /// `BlobStore::clear_leftovers`.
    ClearLeftovers,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Stage,
        Self::Barrier,
        Self::Create,
        Self::Read,
        Self::ReadAt,
        Self::ReadTail,
        Self::Len,
        Self::Age,
        Self::List,
        Self::ListBetween,
        Self::Delete,
        Self::Settle,
        Self::ClearLeftovers,
    ];

    /// Its name, for messages and for naming a case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Barrier => "barrier",
            Self::Create => "create",
            Self::Read => "read",
            Self::ReadAt => "read_at",
            Self::ReadTail => "read_tail",
            Self::Len => "len_bytes",
            Self::Age => "age_ms",
            Self::List => "list",
            Self::ListBetween => "list_between",
            Self::Delete => "delete",
            Self::Settle => "settle",
            Self::ClearLeftovers => "clear_leftovers",
        }
    }

    /// True when it leaves the store other than it was.
    pub fn changes(self) -> bool {
        matches!(self, Self::Stage | Self::Barrier | Self::Create | Self::Delete | Self::Settle | Self::ClearLeftovers)
    }
}

/// What goes wrong with one call. The store is as it should be before and after it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FaultKind {
    /// An I/O error before anything happened: a cable, a controller, a connection that was refused.
    Failed,
    /// The call took effect and its answer is an I/O error: a connection that broke while the answer was on its way, a
    /// sync whose error belongs to somebody else.
    LostAnswer,
    /// No room, or a quota: ENOSPC, EDQUOT, 507. Removing needs room where file systems copy before they write.
    Full,
    /// Permission denied: credentials that have just run out, a store that was remounted read-only, 403.
    Denied,
    /// What is there is not found: a stale handle of a network file system, a cache in between that still knows the 404 of
    /// a minute ago. Where absence is an answer (length, age), that is the answer.
    Absent,
    /// Less than there is: a transfer that was cut off without an error, a length from before the last write. A range
    /// that is cut off is `BlobError::Short`; an object is handed out in half; a length is halved.
    Short,
    /// One bit of the bytes is another: memory, a cable or a proxy that does not check what it passes on.
    Altered,
    /// A listing breaks off between its pages. A listing is complete or an error, by type, so an error is what a store must
    /// make of it; a store that hands out half a listing as the whole is no store, and nobody has to survive it.
    CutListing,
    /// The transport has sent the call twice: the first took effect, the second finds the name taken, and only its answer
    /// arrives.
    Duplicate,
    /// Of what was staged, half becomes durable and visible and the other half is lost; the answer is an error. A server or
    /// disk that died and came back in the middle of a sync.
    Torn,
    /// The call waits, and the world goes on: more than a year passes on the store's clock, and others do what they do.
    /// Then it succeeds. A laptop that slept, a tape robot, a hanging mount.
    Stalled,
    /// The age is wrong: somebody has set the store's clock. What is young seems to be older than a year, what is older than
    /// a day seems to be new.
    Skewed,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Failed,
        Self::LostAnswer,
        Self::Full,
        Self::Denied,
        Self::Absent,
        Self::Short,
        Self::Altered,
        Self::CutListing,
        Self::Duplicate,
        Self::Torn,
        Self::Stalled,
        Self::Skewed,
    ];

    /// Its name, for messages and for naming a case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::LostAnswer => "lost-answer",
            Self::Full => "full",
            Self::Denied => "denied",
            Self::Absent => "absent",
            Self::Short => "short",
            Self::Altered => "altered",
            Self::CutListing => "cut-listing",
            Self::Duplicate => "duplicate",
            Self::Torn => "torn",
            Self::Stalled => "stalled",
            Self::Skewed => "skewed",
        }
    }

    /// Whether this can happen at an operation; where it cannot, why. This is the one table of what is not played.
    pub fn applies_to(self, operation: Operation) -> Result<(), &'static str> {
        use Operation::{
            Age, Barrier, ClearLeftovers, Create, Delete, Len, List, ListBetween, Read, ReadAt, ReadTail, Settle, Stage,
        };
        let (where_to, why_not): (&[Operation], _) = match self {
            Self::Failed | Self::Denied | Self::Stalled => (&Operation::ALL, ""),
            Self::LostAnswer => (
                &[Stage, Barrier, Create, Delete, Settle, ClearLeftovers],
                "a call that changes nothing fails the same way before and after its effect",
            ),
            Self::Full => (&[Stage, Barrier, Create, Delete, Settle, ClearLeftovers], "looking needs no room"),
            Self::Absent => (
                &[Read, ReadAt, ReadTail, Len, Age],
                "only what looks at one object by name can miss it; a listing is complete or an error",
            ),
            Self::Short => (&[Read, ReadAt, ReadTail, Len], "it answers with no bytes of an object and with no length"),
            Self::Altered => (&[Read, ReadAt, ReadTail], "it answers with no bytes of an object"),
            Self::CutListing => (&[List, ListBetween], "it is no listing"),
            Self::Duplicate => {
                (&[Stage, Barrier, Create], "doing it twice is the same as doing it once, or nothing can be taken")
            }
            Self::Torn => (&[Barrier], "it handles one object or none, and an object is seen whole or not at all"),
            Self::Skewed => (&[Age], "it answers with no age"),
        };
        if where_to.contains(&operation) { Ok(()) } else { Err(why_not) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table once more, by hand and the other way round: neither can be changed without the other.
    #[test]
    fn what_can_happen_where_is_stated_twice() {
        let common = ["failed", "denied", "stalled"];
        let own = |operation: Operation| -> &'static [&'static str] {
            match operation {
                Operation::Stage | Operation::Create => &["lost-answer", "full", "duplicate"],
                Operation::Barrier => &["lost-answer", "full", "duplicate", "torn"],
                Operation::Read | Operation::ReadAt | Operation::ReadTail => &["absent", "short", "altered"],
                Operation::Len => &["absent", "short"],
                Operation::Age => &["absent", "skewed"],
                Operation::List | Operation::ListBetween => &["cut-listing"],
                Operation::Delete | Operation::Settle | Operation::ClearLeftovers => &["lost-answer", "full"],
            }
        };
        for operation in Operation::ALL {
            for kind in FaultKind::ALL {
                let is_stated = common.contains(&kind.name()) || own(operation).contains(&kind.name());
                let applies = kind.applies_to(operation);
                assert_eq!(applies.is_ok(), is_stated, "{} at {}: {applies:?}", kind.name(), operation.name());
                assert!(applies != Err(""), "{} at {}: a reason is given", kind.name(), operation.name());
            }
        }
    }
}
