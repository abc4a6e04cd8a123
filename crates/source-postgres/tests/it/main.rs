//! PostgreSQL databases of private clusters: captured, put back and captured again.

mod capture;
mod common;
mod faults;
mod keys;
mod types;
