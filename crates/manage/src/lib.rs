//! The roof: what is decided about snapshots, as pure functions from plain data to plain data.
//!
//! So far [`retention`]: which snapshots stay and why. Nothing here reads a clock, the environment or a repository, and
//! nothing here forgets anything: a decision is a plan that somebody else applies.

mod calendar;
mod lineage;
pub mod past;
pub mod plan;
pub mod retention;
pub mod span;

#[cfg(test)]
mod fuzz;

pub use past::{GroupBy, GroupKey, Past, Scope, hold_of};
pub use plan::{Decision, Group, Plan, Refusal, decide, decide_named};
pub use retention::{Reason, Retention, SlotRule};
pub use span::Span;
