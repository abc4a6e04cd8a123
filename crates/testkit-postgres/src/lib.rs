//! PostgreSQL for tests: private clusters, each started for a test program and ended with it.
//!
//! ```no_run
//! use datakeep_testkit_postgres::{Cluster, Setup};
//!
//! let cluster = Cluster::start(Setup::of(15));
//! let database = cluster.database("shop");
//! cluster.run(&database, "CREATE TABLE t(a int)");
//! assert_eq!(cluster.ask(&database, "SELECT count(*) FROM t"), "0");
//! ```
//!
//! The programs of a major version are looked for in the folder that `DATAKEEP_POSTGRES_<MAJOR>` names (the one that holds
//! `bin`), where Debian keeps them, and where `./x tools` installs them. A server that is missing fails the test.
//!
//! Nothing here uses the product, so that an error of the product cannot hide in its own mirror.

pub mod certificate;
mod cluster;
mod guard;
mod install;

pub use cluster::{Cluster, Holder, Setup};
pub use install::{Install, schema_file};
