//! The roof: what is decided about snapshots and sources, and the book it is kept in.
//!
//! Decisions are pure functions from plain data to plain data: [`retention`] says which snapshots stay and why, [`schedule`] and
//! [`due`] what is to be started, [`access`] who may do what. None of them reads a clock, the environment or a repository; a
//! decision is a plan that somebody else applies. `control` (feature `control`) keeps what was decided and what became of it in a
//! database.

pub mod access;
mod calendar;
#[cfg(feature = "control")]
pub mod control;
pub mod due;
mod lineage;
pub mod past;
pub mod plan;
pub mod policy;
pub mod retention;
pub mod schedule;
pub mod span;
mod words;

#[cfg(test)]
mod fuzz;

pub use access::{Permission, Role};
pub use past::{GroupBy, GroupKey, Past, Scope, hold_of};
pub use plan::{Decision, Group, Plan, Refusal, decide, decide_named};
pub use policy::{Fault, PolicySpec, RepositorySpec, RetentionSpec, SourceSpec};
pub use retention::{Reason, Retention, SlotRule};
pub use schedule::{CatchUp, Schedule, ScheduleSpec};
pub use span::Span;
