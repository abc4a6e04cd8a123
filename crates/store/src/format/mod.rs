//! Everything that is on disk, as `docs/format.md` says.

pub(crate) mod codec;
pub(crate) mod collect;
pub(crate) mod config;
pub(crate) mod decision;
pub(crate) mod index;
pub(crate) mod list;
pub(crate) mod names;
pub(crate) mod node;
pub(crate) mod pack;
pub(crate) mod progress;
pub(crate) mod reach;
pub(crate) mod sealed;
pub(crate) mod slot;
pub(crate) mod version;

#[cfg(test)]
mod tests;
