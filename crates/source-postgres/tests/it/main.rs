//! PostgreSQL databases of private clusters: captured, put back and captured again.

mod capture;
mod circumstances;
mod common;
mod faults;
mod keys;
mod large;
mod majors;
mod objects;
mod parts;
mod pouring;
mod refusals;
mod restore;
mod tls;
mod types;
