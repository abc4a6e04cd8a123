//! PostgreSQL databases of private clusters: captured, put back and captured again.

mod breaking;
mod capture;
mod circumstances;
mod common;
mod faults;
mod grants;
mod guards;
mod keys;
mod large;
mod majors;
mod objects;
mod parts;
mod pouring;
mod real;
mod refusals;
mod restore;
mod selection;
mod tls;
mod types;
