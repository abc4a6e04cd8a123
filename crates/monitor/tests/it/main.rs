//! Rules, alerts, messages and figures, as whoever uses them sees them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there, and the line says which")]

mod alerts;
mod figures;
mod messages;
mod rules;
mod shop;
