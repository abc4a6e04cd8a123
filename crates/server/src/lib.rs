//! The roof: the API of the platform, its scheduler, and the executor that runs the same program a person would.
//!
//! A request passes the guard ([`guard`]), which knows from the API's own description which right it needs; the scheduler asks
//! `manage::due` what is to be started and queues it; executors claim runs under leases and start `datakeep` as a child: arguments
//! and references to secrets in, events out. The server holds no password of a repository and carries no byte of a backup.

pub mod api;
mod chance;
#[cfg(feature = "console")]
mod console;
mod error;
mod executor;
mod guard;
mod limits;
mod lines;
#[cfg(not(feature = "console"))]
mod pages;
pub mod problem;
mod report;
mod scheduler;
mod serve;
mod state;
mod task;
mod watch;

pub use chance::{Chance, OsChance};
pub use error::ServerError;
pub use guard::{Declared, declared};
pub use limits::{LoginLimits, MAX_FAILURES};
pub use report::{Report, report};
pub use scheduler::tick;
pub use serve::{ServerConfig, Started, run};
pub use state::{App, app, router};
