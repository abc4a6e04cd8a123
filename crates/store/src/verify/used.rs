//! Whether a snapshot says of everything in its tree that it uses it: what it does not name a collection deletes.

use crate::format::names::PackName;
use crate::format::reach::{FrameSet, Reach};
use crate::tree::entry::Location;
use crate::view::View;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The frames that a snapshot names as used, where they were then and where they are now.
pub(super) struct Used {
    view: Arc<View>,
    frames: BTreeMap<PackName, FrameSet>,
}

impl Used {
    pub fn of(view: Arc<View>, reach: &Reach) -> Self {
        let mut frames: BTreeMap<PackName, FrameSet> = BTreeMap::new();
        for (&pack, (record, used)) in &reach.packs {
            for frame in (0..record.frames).filter(|frame| used.contains(*frame)) {
                let then = Location { pack, frame, slot: 0 };
                let now = [Some(then), view.for_reading(then), view.moved(then)];
                now.into_iter().flatten().for_each(|at| frames.entry(at.pack).or_default().insert(at.frame));
            }
        }
        Self { view, frames }
    }

    /// True for what lies in such a frame, wherever that was or is.
    pub fn holds(&self, at: Location) -> bool {
        let is_in = |at: Location| self.frames.get(&at.pack).is_some_and(|frames| frames.contains(at.frame));
        is_in(at) || self.view.for_reading(at).is_some_and(is_in) || self.view.moved(at).is_some_and(is_in)
    }
}
