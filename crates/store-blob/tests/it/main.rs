//! Object stores over real HTTP: a server inside the process that answers as told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there, and the line says which")]

mod causes;
mod conformance;
mod faults;
mod parts;
mod real;
mod requests;
mod vanishing;
mod world;
