//! Versions of the format of a whole repository (`docs/format.md` section 16).

use datakeep_model::SessionId;

/// The format version of a repository, chosen at `init` and kept for its life: a repository of an older version stays
/// readable and writable by programs of that version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[repr(u16)]
pub enum FormatVersion {
    /// Slots below `keys/`, tombstones below `forgotten/`, packs of version 1.
    One = 1,
    /// What a reader looks for first stands in one range of names; packs repeat their header at the end.
    #[default]
    Two = 2,
}

impl FormatVersion {
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }

    /// The folder of key slots, with its slash.
    pub(crate) fn slots(self) -> &'static str {
        match self {
            Self::One => "keys/",
            Self::Two => "config-keys/",
        }
    }

    /// The folder of tombstones, with its slash.
    pub(crate) fn tombstones(self) -> &'static str {
        match self {
            Self::One => "forgotten/",
            Self::Two => "commits-forgotten/",
        }
    }

    /// The name of a snapshot's tombstone.
    pub(crate) fn tombstone(self, session: SessionId) -> String {
        format!("{}{session}", self.tombstones())
    }
}

/// The range of names that holds what a reader looks for first, from (inclusive) and to (exclusive): `checkpoints/`,
/// `commits/`, `commits-copies/`, `commits-forgotten/`, `condemned/`, `config`, `config-keys/`, `copies/`.
pub(crate) const FRONT: (&str, &str) = ("c", "d");
