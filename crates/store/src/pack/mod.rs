//! Packs: building, sealing, opening.

pub mod build;
pub mod cache;
pub mod read;
pub(crate) mod tail;

pub use build::{PackBuilder, PlainFrame, SealedPack};
pub use read::{Frame, FrameDecoder, OpenPack};

/// Packs of tree nodes, lists and attributes are sealed at this length: with the frame that goes beyond it and the directory
/// they stay below half a mebibyte, which a reader behind a network reads in one request.
pub const META_PACK_TARGET_BYTES: usize = 352 << 10;
