//! One state of the model: what the store holds, what the actors remember, and the history the invariants need.

use super::scope::{Change, Model};

/// Sessions at most, those of the collectors and those stored at the beginning included. A session has one pack at
/// most, with its own number.
pub const SESSIONS: usize = 10;
/// Chunks that content is made of. A frame holds one chunk, so a pack is a set of chunks.
pub const CHUNKS: usize = 2;
/// Epochs at most: what a scope explores, and room for the rounds of the progress check.
pub const EPOCHS: usize = 8;
/// No session, no pack.
pub const NONE: u8 = 15;

/// A set of sessions or packs.
pub type Set = u16;

/// The numbers in a set, ascending.
pub fn members(set: Set) -> impl Iterator<Item = usize> {
    (0..SESSIONS).filter(move |&number| has(set, number))
}

/// Whether a set holds a number.
pub fn has(set: Set, number: usize) -> bool {
    set >> number & 1 == 1
}

/// The set of one number.
pub fn only(number: usize) -> Set {
    1 << number
}

/// The intent is in the store.
pub const INTENT: u8 = 1;
/// The register says COMMIT.
pub const COMMIT: u8 = 2;
/// The register says ABORT.
pub const ABORT: u8 = 4;
/// The tombstone is in the store.
pub const TOMB: u8 = 8;
/// History: the writer told its user that the snapshot is safe.
pub const ACKED: u8 = 16;
/// History: somebody asked to forget the snapshot.
pub const FORGOTTEN: u8 = 32;
/// History: aborted, void or forgotten at some time, so never to be seen again.
pub const DEAD: u8 = 64;

/// The writer's request for COMMIT may be delivered again.
pub const SENT: u8 = 128;

/// The objects named after a session, and its history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
    pub epoch: u8,
    pub flags: u8,
    /// Per chunk the pack its snapshot uses, or [`NONE`].
    pub reach: [u8; CHUNKS],
}

impl Session {
    const BLANK: Self = Self { epoch: 0, flags: 0, reach: [NONE; CHUNKS] };

    pub fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub fn decided(&self) -> bool {
        self.is(COMMIT | ABORT)
    }
}

/// `condemned/<epoch>`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Condemned {
    pub exists: bool,
    pub packs: Set,
    /// Per chunk the packs whose frame with it was moved.
    pub moved: [Set; CHUNKS],
    /// The pack everything was moved to.
    pub home: u8,
}

/// Old homes to new ones: per pack and chunk a pack, or [`NONE`].
pub type Forward = [[u8; CHUNKS]; SESSIONS];

/// The newest checkpoint. Nobody reads an older one: of those the model keeps the names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    pub epoch: u8,
    pub delete: Set,
    pub listed: Set,
    pub forward: Forward,
}

/// Where a writer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum WriterAt {
    Idle,
    /// Only in the mutant that lists packs before it reads the checkpoint.
    Listed,
    /// Only where listing is a step of its own.
    List,
    Intent,
    /// Only in the mutant that does not probe a second time: the intent of the session at the next epoch.
    Reopen,
    Probe,
    /// It has found a condemned list: is that the one of the round in progress?
    Confirm,
    Upload,
    Commit,
    Acknowledge,
}

impl WriterAt {
    pub const ALL: [Self; 10] = [
        Self::Idle,
        Self::Listed,
        Self::List,
        Self::Intent,
        Self::Reopen,
        Self::Probe,
        Self::Confirm,
        Self::Upload,
        Self::Commit,
        Self::Acknowledge,
    ];
}

/// A writer and its memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Writer {
    pub at: WriterAt,
    /// Sessions it has opened so far; the last one is its current one.
    pub opened: u8,
    /// The epoch it believes in.
    pub epoch: u8,
    /// Per chunk the packs that it may deduplicate against.
    pub view: [Set; CHUNKS],
    /// What it must not deduplicate against, remembered where packs are listed again.
    pub banned: Set,
}

/// Where a collector stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum CollectorAt {
    Idle,
    Decisions,
    Tombstones,
    Packs,
    Intents,
    OwnIntent,
    Copy,
    Condemn,
    Recheck,
    Open,
    Decide,
    SecondLook,
    Publish,
    ReadBack,
    Delete,
    PruneIntents,
    PruneTombstones,
    PruneDecisions,
    PruneLists,
}

impl CollectorAt {
    pub const ALL: [Self; 19] = [
        Self::Idle,
        Self::Decisions,
        Self::Tombstones,
        Self::Packs,
        Self::Intents,
        Self::OwnIntent,
        Self::Copy,
        Self::Condemn,
        Self::Recheck,
        Self::Open,
        Self::Decide,
        Self::SecondLook,
        Self::Publish,
        Self::ReadBack,
        Self::Delete,
        Self::PruneIntents,
        Self::PruneTombstones,
        Self::PruneDecisions,
        Self::PruneLists,
    ];
}

/// A collector and its memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Collector {
    pub at: CollectorAt,
    /// The epoch of the newest checkpoint it has read.
    pub epoch: u8,
    /// Its own session, which holds what it moves.
    pub own: u8,
    /// Commits, then packs, then candidates, then open sessions, then what it would delete.
    pub a: Set,
    /// Decided sessions, then the commits it would list.
    pub b: Set,
    /// Per chunk the packs whose frame with it is live; then those it moves.
    pub live: [Set; CHUNKS],
    /// Only in mutants: a listing it should not use any more.
    pub kept: Set,
}

impl Collector {
    pub const IDLE: Self = Self { at: CollectorAt::Idle, epoch: 0, own: NONE, a: 0, b: 0, live: [0; CHUNKS], kept: 0 };
}

/// Where a reader stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ReaderAt {
    Idle,
    /// Only in the variant that looks at the front first.
    Checkpoint,
    Decisions,
    Tombstones,
    Fence,
    Shows,
}

impl ReaderAt {
    pub const ALL: [Self; 6] =
        [Self::Idle, Self::Checkpoint, Self::Decisions, Self::Tombstones, Self::Fence, Self::Shows];
}

/// A reader and its memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reader {
    pub at: ReaderAt,
    /// The snapshots it has found.
    pub seen: Set,
    /// History: what was aborted, void or forgotten when it began.
    pub dead: Set,
    /// Only in the mutant that reads the checkpoint first: what that makes void. In the variant that looks at the front
    /// first: what had a tombstone.
    pub fence: Set,
    /// Only in that variant: the checkpoint it has seen, and what that lists.
    pub epoch: u8,
    pub listed: Set,
}

impl Reader {
    pub const IDLE: Self = Self { at: ReaderAt::Idle, seen: 0, dead: 0, fence: 0, epoch: 0, listed: 0 };
}

/// Everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    pub sessions: [Session; SESSIONS],
    /// Per pack the chunks in it; 0 when there is no such pack.
    pub packs: [u8; SESSIONS],
    /// By epoch.
    pub condemned: [Condemned; EPOCHS],
    pub newest: Checkpoint,
    /// The epochs of the checkpoints in the store.
    pub checkpoints: Set,
    pub writers: [Writer; 2],
    pub collectors: [Collector; 2],
    pub reader: Reader,
    /// Sessions that collectors have opened.
    pub copies: u8,
    /// Snapshots forgotten.
    pub forgets: u8,
}

impl State {
    /// What a scope begins with.
    pub fn first(model: &Model) -> Self {
        let checkpoint = Checkpoint { epoch: 0, delete: 0, listed: 0, forward: [[NONE; CHUNKS]; SESSIONS] };
        let writer = Writer { at: WriterAt::Idle, opened: 0, epoch: 0, view: [0; CHUNKS], banned: 0 };
        let mut state = Self {
            sessions: [Session::BLANK; SESSIONS],
            packs: [0; SESSIONS],
            condemned: [Condemned::default(); EPOCHS],
            newest: checkpoint,
            checkpoints: 0,
            writers: [writer; 2],
            collectors: [Collector::IDLE; 2],
            reader: Reader::IDLE,
            copies: 0,
            forgets: 0,
        };
        for (number, stored) in model.scope.stored.iter().enumerate() {
            state.packs[number] = stored.pack;
            let flags = INTENT | COMMIT | ACKED;
            state.sessions[number] = Session { epoch: 0, flags, reach: stored.reach };
        }
        state
    }

    /// The fence rule: a commit below the newest checkpoint that is not listed there is void.
    pub fn void(&self, session: usize) -> bool {
        self.sessions[session].epoch < self.newest.epoch && !has(self.newest.listed, session)
    }

    /// Whether a reader sees the snapshot.
    pub fn visible(&self, model: &Model, session: usize) -> bool {
        let fenced = self.void(session) && !model.is(Change::PruneWithoutFence);
        let record = &self.sessions[session];
        record.is(COMMIT) && !record.is(TOMB) && !fenced
    }

    /// Where a frame is now, by the forward map of the newest checkpoint.
    pub fn home(&self, model: &Model, pack: u8, chunk: usize) -> u8 {
        let mut home = pack;
        if self.newest.forward[usize::from(home)][chunk] != NONE {
            home = self.newest.forward[usize::from(home)][chunk];
        }
        if model.is(Change::ForgetForwards) {
            // This mutant's readers look into every condemned list there is, or it would fail at once.
            for list in self.condemned.iter().filter(|list| list.exists) {
                if has(list.moved[chunk], usize::from(home)) {
                    home = list.home;
                }
            }
        }
        home
    }

    /// Whether a pack is there and holds the chunk.
    pub fn holds(&self, pack: u8, chunk: usize) -> bool {
        pack != NONE && self.packs[usize::from(pack)] >> chunk & 1 == 1
    }

    /// The first chunk of a snapshot that a reader does not find, neither where its reach says nor by the forward map.
    pub fn lost_chunk(&self, model: &Model, session: usize) -> Option<usize> {
        (0..CHUNKS).find(|&chunk| match self.sessions[session].reach[chunk] {
            NONE => false,
            pack => !self.holds(pack, chunk) && !self.holds(self.home(model, pack, chunk), chunk),
        })
    }

    /// Per chunk the packs that these sessions use, by the forward map.
    pub fn used(&self, model: &Model, sessions: Set) -> [Set; CHUNKS] {
        let mut used = [0; CHUNKS];
        for session in members(sessions) {
            for (chunk, packs) in used.iter_mut().enumerate() {
                let pack = self.sessions[session].reach[chunk];
                if pack != NONE {
                    *packs |= only(usize::from(self.home(model, pack, chunk)));
                }
            }
        }
        used
    }

    /// The sessions for which something holds.
    pub fn sessions_with(&self, wanted: impl Fn(usize, &Session) -> bool) -> Set {
        let found = self.sessions.iter().enumerate().filter(|(number, session)| wanted(*number, session));
        found.fold(0, |set, (number, _)| set | only(number))
    }

    /// The packs that are there.
    pub fn stored_packs(&self) -> Set {
        (0..SESSIONS).filter(|&pack| self.packs[pack] != 0).fold(0, |set, pack| set | only(pack))
    }

    /// Whether every actor is at rest, by its own will or dead.
    pub fn quiescent(&self) -> bool {
        self.writers.iter().all(|writer| writer.at == WriterAt::Idle)
            && self.collectors.iter().all(|collector| collector.at == CollectorAt::Idle)
    }
}
