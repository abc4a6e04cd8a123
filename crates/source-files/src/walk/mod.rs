//! The parallel walk, in key order and in bounded memory.
//!
//! Walker threads list directories ahead of the consumer. The **frontier** holds, for every directory that has work
//! left, its earliest piece: listing it, looking at its next slice of entries, or listing its next subdirectory. It is
//! sorted by key, and walkers always take the first piece, so they run ahead along the path of the consumer. What is
//! looked at and not yet consumed is bounded. The consumer never waits for work that nobody has taken: it takes it
//! itself, past the bound, so the walk cannot stop whatever the bound.

pub(crate) mod list;
mod state;
mod stream;

pub(crate) use list::{Plan, Scope};
pub(crate) use stream::Walk;
