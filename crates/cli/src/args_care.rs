//! The arguments of what looks after the stored bytes: `check`, `scrub`.

use clap::Args;

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
