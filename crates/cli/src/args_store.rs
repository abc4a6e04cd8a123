//! The command line of the verbs about the store itself.

use clap::{Args, Subcommand};

/// `stats`.
#[derive(Args, Debug)]
pub struct StatsArgs {
    /// Only this snapshot, or only this source
    #[arg(value_name = "SNAPSHOT|SOURCE")]
    pub which: Option<String>,
}

/// `key`.
#[derive(Args, Debug)]
pub struct KeyArgs {
    /// What to do
    #[command(subcommand)]
    pub verb: KeyVerb,
}

/// Cost of guessing a new password.
#[derive(Args, Clone, Copy, Debug)]
pub struct KdfArgs {
    /// Memory that one guess at the password costs, in MiB
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub kdf_memory: Option<u32>,
    /// Passes over that memory
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub kdf_passes: Option<u32>,
}

/// What `key` can do.
#[derive(Subcommand, Debug)]
pub enum KeyVerb {
    /// List key slots
    List,
    /// Add a password
    Add(KeyAddArgs),
    /// Replace the password in use
    ChangePassword(KdfArgs),
    /// Remove a key slot
    Remove(KeyRemoveArgs),
    /// Prove that a password or recovery code opens the repository
    Test,
    /// Make a new recovery code; the old one stops working
    NewRecoveryCode(KdfArgs),
}

/// `key add`.
#[derive(Args, Debug)]
pub struct KeyAddArgs {
    /// Name of the slot, for people
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
    /// Cost of guessing.
    #[command(flatten)]
    pub kdf: KdfArgs,
}

/// `key remove`.
#[derive(Args, Debug)]
pub struct KeyRemoveArgs {
    /// The slot, as `key list` shows it
    #[arg(value_name = "SLOT")]
    pub slot: String,
}

/// `tag`.
#[derive(Args, Debug)]
pub struct TagArgs {
    /// The snapshot: an id, SOURCE, SOURCE@latest, SOURCE@TIME or latest
    #[arg(value_name = "SNAPSHOT")]
    pub snapshot: String,
    /// Add a label; may be repeated
    #[arg(long, value_name = "TAG", conflicts_with = "set")]
    pub add: Vec<String>,
    /// Remove a label; may be repeated
    #[arg(long, value_name = "TAG", conflicts_with = "set")]
    pub remove: Vec<String>,
    /// Replace all labels by these; may be repeated
    #[arg(long, value_name = "TAG")]
    pub set: Vec<String>,
}
