//! Where the frames of this run ended up.

use super::{Place, RawPart};
use datakeep_store::{ChunkRef, Location, PackName, Part, Ticket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};

/// Frames are numbered when they are begun and get their place when they are handed over. In between, chunks in them
/// are known by their ticket.
#[derive(Default)]
pub(crate) struct FrameMap {
    next: AtomicU32,
    places: RwLock<Vec<Option<(PackName, u32)>>>,
}

impl FrameMap {
    /// A number for a new frame.
    pub fn begin(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Frame `serial` is number `frame` of `pack`.
    pub fn place(&self, serial: u32, pack: PackName, frame: u32) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let serial = serial as usize;
        if places.len() <= serial {
            places.resize(serial + 1, None);
        }
        places[serial] = Some((pack, frame));
    }

    /// The location behind a ticket; `None` while its frame is being filled.
    pub fn resolve(&self, ticket: Ticket) -> Option<Location> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let (pack, frame) = places.get(ticket.serial as usize).copied().flatten()?;
        Some(Location { pack, frame, slot: ticket.slot })
    }

    /// A piece of content with the place it has by now.
    pub fn part(&self, part: RawPart) -> Part {
        match part {
            RawPart::Hole(len_bytes) => Part::Hole(len_bytes),
            RawPart::Chunk { id, len_bytes, place } => {
                let at = match place {
                    Place::Known(at) => Some(at),
                    Place::Ticket(ticket) => self.resolve(ticket),
                };
                Part::Chunk(ChunkRef { id, len_bytes, at })
            }
        }
    }
}
