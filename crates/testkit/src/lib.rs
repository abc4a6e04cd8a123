//! What tests of every room share: awkward trees, an oracle that sees everything, data made from a seed, and a harness
//! that harms the inputs of decoders.
//!
//! Nothing here uses the product, so that an error of the product cannot hide in its own mirror.

pub mod compare;
pub mod fuzz;
pub mod observe;
pub mod place;
pub mod tree;
pub mod xorshift;

pub use compare::{CompareOptions, HoleRule, compare, compare_with};
pub use observe::{Content, EntryKind, Observed, observe};
pub use place::crates_folder;
pub use tree::{AwkwardTree, LeftOut, Manifest, TreeOptions};
pub use xorshift::{XorShift, random_bytes, text};
