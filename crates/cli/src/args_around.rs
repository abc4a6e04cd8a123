//! Arguments of what stands around the repository: `config`, `demo`, `completion`, `man`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// What to do
    #[command(subcommand)]
    pub verb: ConfigVerb,
}

/// What `config` can do.
#[derive(Subcommand, Debug)]
pub enum ConfigVerb {
    /// Print the configuration file, or what is in force
    Show(ConfigShowArgs),
}

/// `config show`.
#[derive(Args, Debug)]
pub struct ConfigShowArgs {
    /// Print every value in force and where it comes from
    #[arg(long)]
    pub effective: bool,
}

/// `demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Work in this new or empty directory; else in a new one in the system's temporary directory
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Keep the directory
    #[arg(long)]
    pub keep: bool,
    /// Back up this directory instead of a made-up one; it is copied, not changed
    #[arg(long, value_name = "DIR")]
    pub tree: Option<PathBuf>,
}

/// A shell.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shell {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// `completion`.
#[derive(Args, Debug)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Write all pages into this directory
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
