//! Arguments of `rows`.

use clap::Args;
use std::ffi::OsString;

/// `rows`.
#[derive(Args, Debug)]
pub struct RowsArgs {
    /// A snapshot and a table in it
    #[arg(value_name = "SNAPSHOT:TABLE")]
    pub place: OsString,
    /// The row of this key; of a key of several columns repeat it, or put commas between
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub key: Vec<String>,
    /// What became of that row in all snapshots of the source
    #[arg(long, requires = "key")]
    pub history: bool,
    /// Without --key: the first N rows
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u64,
}
