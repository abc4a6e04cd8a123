//! The arguments of `gc`.

use clap::Args;

/// `gc`.
#[derive(Args, Debug)]
pub struct GcArgs {
    /// Show what would be deleted and moved, and why the rest stays; write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Rewrite a pack when more than this share of it is unused, in percent; 100 rewrites none
    #[arg(long, value_name = "PERCENT", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub max_unused: u32,
    /// Give up a run that has written nothing for so long (90s, 10m, 1h, 2d); if it lives it publishes under a new name, or has to be run again
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub patience: String,
    /// Say of a run, by the beginning of its id, that its process has ended: it is given up whatever the store promises; may be repeated
    #[arg(long, value_name = "RUN", conflicts_with = "dry_run")]
    pub ended: Vec<String>,
    /// Do not wait for runs that are going on; the next gc finishes the round
    #[arg(long)]
    pub no_wait: bool,
    /// Delete more than half of the stored bytes without asking, up to --max-delete
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Beyond this share of the stored bytes, in percent, --yes is not enough: the share is asked for on the terminal; 64 MiB are always allowed
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub max_delete: u32,
}
