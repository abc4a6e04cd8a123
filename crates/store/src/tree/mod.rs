//! The snapshot tree: a Merkle search tree over sorted byte keys (`docs/format.md` section 7).

pub mod boundary;
pub mod builder;
pub mod diff;
pub mod entry;
pub mod reader;
