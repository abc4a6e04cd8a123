//! The arguments of what looks after the stored bytes and the place they are in: `check`, `scrub`, `repair`, `doctor`.

use clap::{Args, Subcommand};

/// `check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Read and prove every stored byte, not only the structure
    #[arg(long, conflicts_with = "slice")]
    pub read_data: bool,
    /// Read and prove the N-th of T shares of the stored bytes, such as 3/30: T runs prove every byte
    #[arg(long, value_name = "N/T")]
    pub slice: Option<String>,
}

/// `scrub`.
#[derive(Args, Debug)]
pub struct ScrubArgs {}

/// `repair`.
#[derive(Args, Debug)]
pub struct RepairArgs {
    /// Show what is damaged and what would be done; write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Give up a run that has written nothing for so long (90s, 10m, 1h, 2d); if it lives it publishes under a new name, or has to be run again
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub patience: String,
    /// Agree that this snapshot is lost, of which neither the decision nor its copy can be read; may be repeated
    #[arg(long, value_name = "SNAPSHOT")]
    pub give_up: Vec<String>,
    /// Do not wait for runs that are going on; the next repair finishes the work
    #[arg(long)]
    pub no_wait: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// `doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// What to examine; else the environment and the repository
    #[command(subcommand)]
    pub verb: Option<DoctorVerb>,
}

/// What `doctor` can examine by itself.
#[derive(Subcommand, Debug)]
pub enum DoctorVerb {
    /// Probe what the store promises: whether backups are safe on it, and gc beside them; needs no password
    Store,
}
