//! Arguments of `drill`.

use clap::{Args, Subcommand};
use std::num::NonZeroU16;
use std::path::PathBuf;

/// `drill`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct DrillArgs {
    /// What else to do
    #[command(subcommand)]
    pub verb: Option<DrillVerb>,
    /// The snapshots: ids, SOURCE, SOURCE@latest, SOURCE@TIME or latest; each is drilled by itself
    #[arg(value_name = "SNAPSHOT", required = true)]
    pub snapshots: Vec<String>,
    /// Of databases: this statement must give this one value; what follows the last `=` is the value; may be repeated
    #[arg(long, value_name = "SQL=EXPECTED")]
    pub assert: Vec<String>,
    /// Of databases: this statement must give the one value true (or 1); may be repeated
    #[arg(long, value_name = "SQL")]
    pub assert_true: Vec<String>,
    /// Of databases: read assertions from a TOML file of [[assert]] tables with sql, and expected and name where wanted
    #[arg(long, value_name = "FILE")]
    pub assert_file: Option<PathBuf>,
    /// How long each assertion may take (30s, 5m)
    #[arg(long, value_name = "TIME", default_value = "1m")]
    pub assert_timeout: String,
    /// The folder in which a private place is made; by default the system's folder of temporary files
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// Write signed evidence of each drill into a new file in this folder
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
    /// Leave what was restored where it is, and say where
    #[arg(long)]
    pub keep: bool,
    /// The folder of the programs of a PostgreSQL server (postgres, initdb, pg_dump), where they are not found by themselves
    #[arg(long, value_name = "DIR")]
    pub postgres_programs: Option<PathBuf>,
    /// Run this program on what was restored before it is proven (its place is in DATAKEEP_DRILL_PLACE): to see that the proof finds what it spoils
    #[arg(long, value_name = "PROGRAM")]
    pub rehearse_fault: Option<PathBuf>,
    /// Threads that restore
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroU16>,
}

/// What else `drill` can do.
#[derive(Subcommand, Debug)]
pub enum DrillVerb {
    /// Verify the signature of evidence against the repository's key
    Verify(DrillVerifyArgs),
}

/// `drill verify`.
#[derive(Args, Debug)]
pub struct DrillVerifyArgs {
    /// The file of evidence
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}
