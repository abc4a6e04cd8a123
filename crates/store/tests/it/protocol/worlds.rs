//! The worlds that are explored, and the changes of the protocol that are tried in them.

use super::scope::{Change, Moves, SHARED, Scope};

const BASE: Scope = Scope::BASE;

/// One writer, one collector, one round: the smallest world in which anything can go wrong.
const SMALLEST: Scope = Scope { name: "smallest", ..BASE };
/// Two writers, with two sessions each.
const WRITERS: Scope = Scope { name: "two writers", writers: 2, ..BASE };
/// Two collectors in two rounds.
const COLLECTORS: Scope = Scope { name: "two collectors", collectors: 2, rounds: 2, ..BASE };
/// Two collectors in one round, and whatever is visible gets forgotten.
const FORGETTING: Scope = Scope { name: "forgetting", collectors: 2, forgets: 2, ..BASE };
/// One collector in three rounds.
const ROUNDS: Scope = Scope { name: "three rounds", rounds: 3, ..BASE };
/// A writer each in two rounds.
const PASSING: Scope = Scope { name: "passing by", writers: 2, sessions: 1, rounds: 2, ..BASE };
/// Half of a pack is moved; a late commit may use the other half.
const MOVING: Scope =
    Scope { name: "moving", stored: SHARED, chunks: 2, copies: 1, moves: Moves::Partial, rounds: 2, ..BASE };
/// What was moved is moved again, or spared and then moved.
const MOVING_ON: Scope = Scope { name: "moving on", rounds: 3, copies: 2, forgets: 2, crashes: false, ..MOVING };
/// Two collectors, one of which wakes up two rounds late.
const LATE: Scope =
    Scope { name: "waking late", sessions: 3, collectors: 2, rounds: 2, forgets: 2, crashes: false, ..BASE };
/// A collector may leave dead packs where they are.
const LAZY: Scope = Scope { name: "lazy", lazy: true, ..COLLECTORS };
/// Somebody reads.
const READING: Scope = Scope { name: "reading", reader: true, rounds: 2, ..BASE };
/// Somebody reads while snapshots are forgotten.
const READING_ON: Scope = Scope { name: "reading on", forgets: 1, sessions: 1, ..READING };
/// The network delivers commits a second time.
const REPEATING: Scope = Scope { name: "repeating", rounds: 3, repeats: true, ..BASE };
/// A collector wakes up late, and so does the network.
const RETURNING: Scope = Scope { name: "returning", stored: &[], sessions: 2, forgets: 1, repeats: true, ..LATE };
/// Each listing is a step; writers list again and store again.
const FINE: Scope = Scope { name: "fine steps", fine: true, lists_again: true, duplicates: true, rounds: 2, ..BASE };

/// What every test run explores, all of it.
pub const NORMAL: &[Scope] = &[
    SMALLEST, WRITERS, COLLECTORS, FORGETTING, ROUNDS, MOVING, MOVING_ON, LATE, LAZY, READING, REPEATING, RETURNING,
    FINE,
];

/// What is explored when it is asked for, all of it.
pub const LARGE: &[Scope] = &[
    Scope { name: "large: two writers, fine steps", writers: 2, rounds: 1, ..FINE },
    Scope { name: "large: two writers, two rounds", rounds: 2, ..WRITERS },
    Scope { name: "large: two writers, two collectors", collectors: 2, ..WRITERS },
    Scope {
        name: "large: two writers, moving",
        stored: SHARED,
        chunks: 2,
        copies: 1,
        moves: Moves::Partial,
        ..WRITERS
    },
    Scope { name: "large: two collectors, three rounds", rounds: 3, ..COLLECTORS },
    Scope { name: "large: two collectors, moving", copies: 1, moves: Moves::Any, ..COLLECTORS },
    Scope { name: "large: two collectors, each moving", collectors: 2, copies: 2, rounds: 1, ..MOVING },
    Scope { name: "large: waking late, with deaths", crashes: true, forgets: 1, ..LATE },
    Scope { name: "large: waking late, three rounds", stored: &[], rounds: 3, forgets: 1, repeats: true, ..LATE },
    Scope { name: "large: chains of moves", copies: 2, moves: Moves::Any, ..ROUNDS },
];

/// Where the variants are explored, too, when large worlds are asked for.
pub const LARGE_FOR_VARIANTS: &[Scope] = &[
    Scope { name: "large: two collectors, three rounds", rounds: 3, ..COLLECTORS },
    Scope { name: "large: two collectors, each moving", collectors: 2, copies: 2, rounds: 1, ..MOVING },
    Scope { name: "large: waking late, three rounds", stored: &[], rounds: 3, forgets: 1, repeats: true, ..LATE },
];

/// A broken protocol and the world in which that shows.
pub const MUTANTS: &[(Change, Scope)] = &[
    (Change::SkipProbe, SMALLEST),
    (Change::DedupCondemned, SMALLEST),
    (Change::IgnoreDeleteList, SMALLEST),
    (Change::CommitOverAbort, SMALLEST),
    (Change::OverwriteCondemned, FORGETTING),
    (Change::DeleteBeforeWaiting, SMALLEST),
    (Change::NoWaiting, SMALLEST),
    (Change::OpenListedEarly, SMALLEST),
    (Change::AbortByIntent, SMALLEST),
    (Change::NoSecondLook, SMALLEST),
    (Change::PruneWithoutFence, SMALLEST),
    (Change::ForgetForwards, MOVING),
    (Change::DeleteOwnList, FORGETTING),
    (Change::DeleteOwnRound, LATE),
    (Change::NoConfirm, LATE),
    (Change::NoSecondProbe, ROUNDS),
    (Change::AckWithoutLook, SMALLEST),
    (Change::TrustOwnPacks, ROUNDS),
    (Change::ListBeforeCheckpoint, PASSING),
    (Change::LeaveListed, LAZY),
    (Change::KeepSparedForwards, MOVING_ON),
    (Change::CondemnBeforeCopy, MOVING),
    (Change::PruneTombstonesEarly, SMALLEST),
    (Change::ReadFenceFirst, READING),
    (Change::ReadFrontOnly, READING),
    (Change::KeepOrphans, SMALLEST),
    (Change::PackReturns, RETURNING),
];

/// Variants that hold, and the worlds in which they would have failed if any.
pub const VARIANTS: &[(Change, Scope)] = &[
    (Change::NoRecheck, FORGETTING),
    (Change::NoRecheck, COLLECTORS),
    (Change::PruneNewestCondemned, FORGETTING),
    (Change::PruneNewestCondemned, COLLECTORS),
    (Change::FenceDecides, COLLECTORS),
    (Change::FenceDecides, ROUNDS),
    (Change::DropUnreached, MOVING_ON),
    (Change::SelfAbort, FORGETTING),
    (Change::SelfAbort, MOVING),
    (Change::Together, COLLECTORS),
    (Change::Together, MOVING_ON),
    (Change::Together, REPEATING),
    (Change::IntentsBeforePacks, FINE),
    (Change::ReadFrontFirst, READING),
    (Change::ReadFrontFirst, READING_ON),
];
