//! What tests of every room share: awkward trees, an oracle that sees everything, and data made from a seed.
//!
//! Nothing here uses the product, so that an error of the product cannot hide in its own mirror.

pub mod compare;
pub mod observe;
pub mod tree;
pub mod xorshift;

pub use compare::{CompareOptions, HoleRule, compare, compare_with};
pub use observe::{Content, EntryKind, Observed, observe};
pub use tree::{AwkwardTree, LeftOut, Manifest, TreeOptions};
pub use xorshift::{XorShift, random_bytes, text};
