//! Holds a copy against its original: entry by entry, and on request byte by byte.

use super::content::{EntryHandle, Room};
use super::source::Walk;
use super::{Excused, Pair, tell_phase};
use crate::error::DistributeError;
use datakeep_connector::{Cancel, ConnectorError, ItemError, ItemHandle};
use datakeep_engine::{EngineError, RunContext};
use datakeep_model::{Event, FileType, ItemPath};
use datakeep_store::{Entry, Manifest, StoreError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Every entry with everything but its content: that is as long, with holes in the same places.
    Entries,
    /// The content as well: both are read wholly.
    Content,
}

/// What a comparison found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compared {
    /// How much was compared.
    pub depth: Depth,
    /// Entries of the original.
    pub entries: u64,
    /// Content bytes of the original.
    pub len_bytes: u64,
    /// Content bytes that were read and compared.
    pub compared_bytes: u64,
    /// Entries that the copy lacks or has imperfect, as it said itself.
    pub losses: u64,
    /// Differences of which nothing was said, in words; at most the first [`Compared::MAX_DIFFERENCES`].
    pub differences: Vec<String>,
}

impl Compared {
    /// How many differences are told.
    pub const MAX_DIFFERENCES: usize = 20;

    fn differ(&mut self, key: &[u8], what: &str) {
        if self.differences.len() < Self::MAX_DIFFERENCES {
            let path = ItemPath::from_key(key).map_or_else(|_| "?".into(), |path| path.to_string());
            self.differences.push(format!("{path}: {what}"));
        }
    }
}

/// Two trees walked side by side.
struct Sides {
    original: Walk,
    copy: Walk,
    original_next: Option<Entry>,
    copy_next: Option<Entry>,
}

enum Met {
    /// In both.
    Both(Box<(Entry, Entry)>),
    /// Only in the original.
    Lacks(Vec<u8>),
    /// Only in the copy.
    Extra(Vec<u8>),
}

impl Sides {
    fn new(rooms: &Rooms, (original, copy): (&Manifest, &Manifest)) -> Result<Self, StoreError> {
        let (mut original, mut copy) = (Walk::new(&rooms.original, original)?, Walk::new(&rooms.copy, copy)?);
        let (original_next, copy_next) = (original.next()?, copy.next()?);
        Ok(Self { original, copy, original_next, copy_next })
    }

    fn next(&mut self) -> Result<Option<Met>, StoreError> {
        let (takes_original, takes_copy) = match (&self.original_next, &self.copy_next) {
            (None, None) => return Ok(None),
            (Some(original), Some(copy)) => (original.key <= copy.key, copy.key <= original.key),
            (original, copy) => (original.is_some(), copy.is_some()),
        };
        let original = if takes_original { self.original_next.take() } else { None };
        if takes_original {
            self.original_next = self.original.next()?;
        }
        let copy = if takes_copy { self.copy_next.take() } else { None };
        if takes_copy {
            self.copy_next = self.copy.next()?;
        }
        Ok(match (original, copy) {
            (Some(original), Some(copy)) => Some(Met::Both(Box::new((original, copy)))),
            (Some(original), None) => Some(Met::Lacks(original.key)),
            (None, copy) => copy.map(|copy| Met::Extra(copy.key)),
        })
    }
}

struct Rooms {
    original: Arc<Room>,
    copy: Arc<Room>,
}

/// One comparison and what its threads share.
struct Proof<'a> {
    rooms: Rooms,
    sides: Mutex<Sides>,
    found: Mutex<Compared>,
    excused: &'a Excused,
    context: &'a RunContext<'a>,
    /// A thread has failed: the others need not go on.
    has_failed: AtomicBool,
}

/// Holds a copy against its original. Damage of either is an error.
pub(super) fn compare(
    pair: Pair<'_>,
    (original, copy): (&Manifest, &Manifest),
    excused: &Excused,
    (depth, workers): (Depth, usize),
    context: &RunContext<'_>,
) -> Result<Compared, DistributeError> {
    tell_phase(context);
    let rooms = Rooms { original: Room::new(pair.from.clone()), copy: Room::new(pair.to.clone()) };
    let sides = Mutex::new(Sides::new(&rooms, (original, copy))?);
    let found = Compared { depth, entries: 0, len_bytes: 0, compared_bytes: 0, losses: 0, differences: Vec::new() };
    let proof = Proof { rooms, sides, found: Mutex::new(found), excused, context, has_failed: AtomicBool::new(false) };
    let workers = if depth == Depth::Content { workers.max(1) } else { 1 };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(|| proof.work(depth))).collect();
        let broken = || Err(EngineError::Broken("a comparison stopped").into());
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| broken()))
    })?;
    let mut found = proof.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if found.losses > excused.count {
        let (losses, count) = (found.losses, excused.count);
        found.differ(&[], &format!("{losses} entries are lacking or imperfect, and {count} were told"));
    }
    Ok(found)
}

impl Proof<'_> {
    fn found(&self) -> MutexGuard<'_, Compared> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, depth: Depth) -> Result<(), DistributeError> {
        self.walk(depth).inspect_err(|_| self.has_failed.store(true, Ordering::Relaxed))
    }

    fn walk(&self, depth: Depth) -> Result<(), DistributeError> {
        let mut buffers = (depth == Depth::Content).then(Buffers::new);
        while !self.has_failed.load(Ordering::Relaxed) {
            if self.context.cancel.is_cancelled() {
                return Err(EngineError::Cancelled.into());
            }
            let met = self.sides.lock().unwrap_or_else(PoisonError::into_inner).next()?;
            match met {
                None => return Ok(()),
                Some(Met::Both(both)) => self.both(&both.0, &both.1, buffers.as_mut())?,
                Some(Met::Lacks(key)) => {
                    self.found().entries += 1;
                    self.lacking(&key, "the copy lacks it");
                }
                Some(Met::Extra(key)) => self.found().differ(&key, "only the copy has it"),
            }
        }
        Ok(())
    }

    /// What was told as lost is no difference, and must not be more than was told.
    fn lacking(&self, key: &[u8], what: &str) {
        let mut found = self.found();
        if self.excused.tells_of(key) {
            found.losses += 1;
        } else {
            found.differ(key, what);
        }
    }

    fn both(&self, original: &Entry, copy: &Entry, buffers: Option<&mut Buffers>) -> Result<(), DistributeError> {
        let handle = |room: &Arc<Room>, entry: &Entry| EntryHandle::new(room.clone(), entry.clone(), false);
        let (left, right) = (handle(&self.rooms.original, original), handle(&self.rooms.copy, copy));
        {
            let mut found = self.found();
            found.entries += 1;
            found.len_bytes = found.len_bytes.saturating_add(original.meta.len_bytes);
        }
        if original.meta != copy.meta {
            self.found().differ(&original.key, "other metadata");
        }
        if !self.has_same_details(original, &left, &right)? {
            self.lacking(&original.key, "another link text, attributes, or mark");
        }
        let is_told = buffers.is_some();
        if original.meta.file_type == FileType::File {
            self.content(original, (&left, &right), buffers)?;
        }
        if is_told {
            self.context.observer.observe(&Event::Progress { items: 1, bytes: original.meta.len_bytes });
        }
        Ok(())
    }

    fn has_same_details(
        &self,
        entry: &Entry,
        left: &EntryHandle,
        right: &EntryHandle,
    ) -> Result<bool, DistributeError> {
        let (left, lost) = left.details();
        match lost {
            // Attributes of the original that cannot be read were lost, and told, when they were copied.
            Some(error) if error.fatal.is_none() && self.excused.tells_of(&entry.key) => return Ok(false),
            Some(error) => return Err(failed(&error)),
            None => {}
        }
        let (right, lost) = right.details();
        match lost {
            Some(error) => Err(failed(&error)),
            None => Ok(left == right),
        }
    }

    fn content(
        &self,
        entry: &Entry,
        (left, right): (&EntryHandle, &EntryHandle),
        buffers: Option<&mut Buffers>,
    ) -> Result<(), DistributeError> {
        let outline = |handle: &EntryHandle| handle.outline().map_err(|error| failed(&error));
        if outline(left)? != outline(right)? {
            self.found().differ(&entry.key, "content of another length, or with holes elsewhere");
            return Ok(());
        }
        let Some(buffers) = buffers else { return Ok(()) };
        if !buffers.is_same(left, right, self.context.cancel).map_err(|error| failed(&error))? {
            self.found().differ(&entry.key, "other content");
        }
        let data: u64 = outline(left)?.iter().filter(|(is_hole, _)| !is_hole).map(|(_, len_bytes)| len_bytes).sum();
        self.found().compared_bytes += data;
        Ok(())
    }
}

/// How much is compared at once.
const PIECE_LEN_BYTES: usize = 256 << 10;

/// What a thread compares in.
struct Buffers {
    ours: Vec<u8>,
    theirs: Vec<u8>,
}

impl Buffers {
    fn new() -> Self {
        Self { ours: vec![0; PIECE_LEN_BYTES], theirs: vec![0; PIECE_LEN_BYTES] }
    }

    /// Compares two contents, byte by byte.
    fn is_same(&mut self, left: &EntryHandle, right: &EntryHandle, cancel: &Cancel) -> Result<bool, ItemError> {
        let (mut left, mut right) = (left.open(0, None)?, right.open(0, None)?);
        loop {
            match (left.next_extent()?, right.next_extent()?) {
                (None, None) => return Ok(true),
                (a, b) if a != b => return Ok(false),
                _ => {}
            }
            loop {
                let (a, b) = (left.read(&mut self.ours)?, right.read(&mut self.theirs)?);
                if self.ours[..a] != self.theirs[..b] {
                    return Ok(false);
                }
                if a == 0 || cancel.is_cancelled() {
                    break;
                }
            }
        }
    }
}

fn failed(error: &ItemError) -> DistributeError {
    match error.fatal {
        Some(kind) => ConnectorError::new(kind, error.detail.clone()).into(),
        None => StoreError::Unsound { detail: error.detail.clone() }.into(),
    }
}
