//! The arguments of `copy`.

use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// `copy`.
#[derive(Args, Debug)]
pub struct CopyArgs {
    /// The snapshots: ids, SOURCE, SOURCE@latest, SOURCE@TIME or latest; none for everything that the other repository never had
    #[arg(value_name = "SNAPSHOT", conflicts_with_all = ["source", "host", "tag", "all"])]
    pub snapshots: Vec<String>,
    /// The repository to copy to [env: DATAKEEP_TO_REPO]
    #[arg(long, value_name = "PLACE")]
    pub to: Option<OsString>,
    /// As --store-option, for the object store that is copied to; what is not said is as for the first one
    #[arg(long, value_name = "KEY=VALUE")]
    pub to_store_option: Vec<String>,
    /// Read the password of the repository to copy to from a file [env: DATAKEEP_TO_PASSWORD_FILE]
    #[arg(long, value_name = "FILE", conflicts_with = "to_password_command")]
    pub to_password_file: Option<PathBuf>,
    /// Run a program that prints the password of the repository to copy to; as --password-command [env: DATAKEEP_TO_PASSWORD_COMMAND]
    #[arg(long, value_name = "COMMAND")]
    pub to_password_command: Option<String>,
    /// Open the repository to copy to with its recovery code: asked for, or from DATAKEEP_TO_RECOVERY_CODE
    #[arg(long, conflicts_with_all = ["to_password_file", "to_password_command"])]
    pub to_recovery_code: bool,
    /// Only of this source
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Only of this host
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Only with this label; may be repeated
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Also what the other repository has forgotten, and what came from there and is there no more
    #[arg(long)]
    pub all: bool,
    /// Read copies back and compare them with the originals, byte by byte; also those there already that are named
    #[arg(long)]
    pub verify: bool,
    /// Say what would be copied and write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// How hard to compress: fast, default, high, or 1 to 19
    #[arg(long, value_name = "LEVEL")]
    pub compression: Option<String>,
    /// Threads that read and compress
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
}
