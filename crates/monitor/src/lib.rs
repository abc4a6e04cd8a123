//! Room 5: what is not well, from plain data.
//!
//! Everything here is a pure function: the present is a parameter, and nothing is read, sent or kept. [`rules`] turns what is known
//! ([`look`]) into findings, [`alert`] findings into alerts that neither flap nor get lost, [`tell`] alerts into what a channel has
//! yet to hear, [`channel`] that into signed messages, and [`metrics`] what is known into OpenMetrics text.

pub mod alert;
pub mod channel;
pub mod facts;
pub mod look;
pub mod metrics;
pub mod rules;
pub mod sign;
pub mod tell;
mod text;
mod words;

pub use alert::{Open, Step, fold};
pub use channel::{ChannelKind, Message, Outgoing, Refusal};
pub use facts::{Facts, Language};
pub use look::{Backup, EndedRun, Look, Named, Outcome, Protection, RepositoryFacts, TableFacts};
pub use rules::{Finding, Rule, RuleSet, Severity, Subject, findings};
pub use tell::{Known, Silence, Told};
