//! Where the frames of this run ended up.

use datakeep_store::{Location, PackName, Ticket};
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
}
