//! Room 4: everything that leaves the repository.
//!
//! Snapshots are chosen by what people write ([`choose`]), places inside them by path and pattern ([`select`]);
//! a restore is a plan first ([`restore`]), and so are copies in a second repository ([`mod@copy`]); comparison
//! ([`compare`]) serves files, directories and whole snapshots. What stands in a folder is held against its snapshot
//! by [`standing`].

pub mod choose;
pub mod compare;
pub mod copy;
mod error;
pub mod near;
pub mod restore;
pub mod select;
pub mod standing;
pub mod tables;

#[cfg(test)]
mod fuzz;

pub use choose::{Chosen, choose, split_place};
pub use compare::{Change, ChangeKind, compare};
pub use error::DistributeError;
pub use restore::{Overwrite, RestorePlan, RestoreReport, RestoreRequest, plan, restore};
pub use select::{Place, Selection, find, list_directory, look_up};
pub use standing::{Attributes, Held, hold};
