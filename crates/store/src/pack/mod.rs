//! Packs: building, sealing, opening.

pub mod build;
pub mod cache;
pub mod read;

pub use build::{PackBuilder, PlainFrame, SealedPack};
pub use read::{Frame, FrameDecoder, OpenPack};
