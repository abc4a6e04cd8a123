//! What is explored: the size of the world, and what is changed in the protocol.

use super::state::{CHUNKS, NONE};

/// A snapshot that is there at the beginning: acknowledged, epoch 0.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// The chunks in its pack.
    pub pack: u8,
    /// Per chunk the pack it uses.
    pub reach: [u8; CHUNKS],
}

/// Which packs a collector may choose to move live frames out of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moves {
    /// None.
    Never,
    /// Those that hold dead frames, too.
    Partial,
    /// All (small packs are merged, too).
    Any,
}

/// The size of the world.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    pub name: &'static str,
    pub stored: &'static [Stored],
    pub writers: u8,
    /// Sessions a writer opens at most.
    pub sessions: u8,
    /// The chunks that writers back up: 1 or 2.
    pub chunks: u8,
    pub collectors: u8,
    /// Sessions that the collectors open at most to move frames.
    pub copies: u8,
    pub moves: Moves,
    /// Checkpoints made at most.
    pub rounds: u8,
    pub forgets: u8,
    /// Whether actors die and forget everything. (Whoever merely stops is a prefix of every run.)
    pub crashes: bool,
    /// Whether old records are removed.
    pub prunes: bool,
    /// Whether a writer lists packs again after the probe.
    pub lists_again: bool,
    /// Whether a writer may store a chunk again although it could deduplicate.
    pub duplicates: bool,
    /// Whether a collector may leave dead packs for a later round.
    pub lazy: bool,
    /// Whether each listing, and each kind of record that is pruned, is a step of its own.
    pub fine: bool,
    /// Whether the network may deliver a commit a second time, however late.
    pub repeats: bool,
    /// Whether somebody reads, one listing per step.
    pub reader: bool,
    /// Whether I4 is checked, too.
    pub progress: bool,
}

impl Scope {
    pub const BASE: Self = Self {
        name: "",
        stored: ONE,
        writers: 1,
        sessions: 2,
        chunks: 1,
        collectors: 1,
        copies: 0,
        moves: Moves::Never,
        rounds: 1,
        forgets: 1,
        crashes: true,
        prunes: true,
        lists_again: false,
        duplicates: false,
        lazy: false,
        fine: false,
        reader: false,
        repeats: false,
        progress: true,
    };
}

/// One pack with chunk a.
pub const ONE: &[Stored] = &[Stored { pack: 1, reach: [0, NONE] }];
/// One pack with a and b, used as a whole by one snapshot and half by another.
pub const SHARED: &[Stored] = &[Stored { pack: 3, reach: [0, 0] }, Stored { pack: 0, reach: [0, NONE] }];

/// One rule of the protocol, changed. Those before the line lose data or show what is dead, and must be caught; those
/// after it are variants that hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// The writer does not look for a condemned list after its intent.
    SkipProbe,
    /// The writer deduplicates against condemned packs.
    DedupCondemned,
    /// The writer deduplicates against packs on the newest checkpoint's delete list.
    IgnoreDeleteList,
    /// COMMIT replaces ABORT in the register.
    CommitOverAbort,
    /// The loser of the race for a condemned list replaces it.
    OverwriteCondemned,
    /// Condemned packs are deleted before open sessions are decided.
    DeleteBeforeWaiting,
    /// Open sessions are neither waited for nor given up.
    NoWaiting,
    /// Open sessions are listed before the condemned list is there.
    OpenListedEarly,
    /// A session is given up by removing its intent.
    AbortByIntent,
    /// Commits are not listed again before the checkpoint.
    NoSecondLook,
    /// Decisions are pruned, and readers and writers know no fence.
    PruneWithoutFence,
    /// A checkpoint does not carry the forward map of its condemned list, which is pruned.
    ForgetForwards,
    /// The collector deletes what it has computed, whatever the stored checkpoint says.
    DeleteOwnList,
    /// The collector deletes what the stored checkpoint of its own round says, though there is a newer one.
    DeleteOwnRound,
    /// The writer believes a condemned list without a second look at the newest checkpoint.
    NoConfirm,
    /// Having changed its epoch, the writer does not probe again.
    NoSecondProbe,
    /// The writer acknowledges without a second look at the newest checkpoint.
    AckWithoutLook,
    /// After ABORT or death, the writer uses packs of its earlier sessions without looking.
    TrustOwnPacks,
    /// The writer's listing of packs is older than the checkpoint it has read.
    ListBeforeCheckpoint,
    /// A collector leaves packs that the newest checkpoint lists for deletion off the next condemned list.
    LeaveListed,
    /// The forward map keeps entries of packs that came off the list.
    KeepSparedForwards,
    /// The condemned list is created before the moved frames are stored.
    CondemnBeforeCopy,
    /// Tombstones of unlisted snapshots are pruned at the fence, not below it.
    PruneTombstonesEarly,
    /// A reader reads the newest checkpoint before it lists decisions, not after.
    ReadFenceFirst,
    /// A reader that looks at the front first never looks again.
    ReadFrontOnly,
    /// Packs whose session has no decision are never collected.
    KeepOrphans,
    /// The store brings a deleted pack back, by a request that it delivers again.
    PackReturns,

    // The line.
    /// The collector does not read the newest checkpoint again after it has condemned.
    NoRecheck,
    /// The condemned list of the newest checkpoint is pruned, too.
    PruneNewestCondemned,
    /// Sessions below the fence count as decided, whatever their register says.
    FenceDecides,
    /// Entries that no listed commit uses are dropped from the forward map.
    DropUnreached,
    /// Who leaves a session decides it ABORT itself.
    SelfAbort,
    /// The three before this one together.
    Together,
    /// A collector lists intents before packs, not after.
    IntentsBeforePacks,
    /// A reader looks at tombstones and the newest checkpoint first, then at decisions, and looks again only where a commit
    /// is not listed by that checkpoint.
    ReadFrontFirst,
}

/// A protocol in a world.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    pub scope: Scope,
    pub change: Option<Change>,
}

impl Model {
    pub fn is(&self, change: Change) -> bool {
        let together = matches!(change, Change::FenceDecides | Change::DropUnreached | Change::SelfAbort);
        self.change == Some(change) || together && self.change == Some(Change::Together)
    }

    /// The first session of a writer.
    pub fn first_session(&self, writer: usize) -> usize {
        self.scope.stored.len() + writer * usize::from(self.scope.sessions)
    }

    /// The first session of the collectors.
    pub fn first_copy(&self) -> usize {
        self.first_session(usize::from(self.scope.writers))
    }
}
