//! Arguments of `sql`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// A form of answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum SqlFormat {
    /// Lined up for people
    Table,
    /// Comma-separated values
    Csv,
    /// One JSON object a line
    Json,
    /// An Arrow IPC stream
    Arrow,
    /// A Parquet file
    Parquet,
}

/// `sql`.
#[derive(Args, Debug)]
pub struct SqlArgs {
    /// The statements; without them they come from --file, from standard input, or are asked for one by one
    #[arg(value_name = "QUERY")]
    pub query: Option<String>,
    /// Read the statements from a file
    #[arg(long, short = 'f', value_name = "FILE", conflicts_with = "query")]
    pub file: Option<PathBuf>,
    /// Whose tables are meant where none is named: a snapshot or a source; default: the newest of every source
    #[arg(long, short = 's', value_name = "SNAPSHOT")]
    pub snapshot: Option<String>,
    /// Where no time is named: the newest snapshots at or before this time
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// The form of the answer: table, csv, json (an object a line), arrow (an IPC stream), parquet
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table", hide_possible_values = true)]
    pub format: SqlFormat,
    /// Write the answer to a new file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Rows to give, at most; default: 1000 for a table, all for other forms
    #[arg(long, value_name = "N")]
    pub max_rows: Option<u64>,
    /// How long a statement may take (30s, 10m)
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub timeout: String,
}
