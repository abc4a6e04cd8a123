//! Arguments of `source`.

use clap::{Args, Subcommand};
use std::ffi::OsString;

/// `source`.
#[derive(Args, Debug)]
pub struct SourceArgs {
    /// What to do
    #[command(subcommand)]
    pub verb: SourceVerb,
}

/// What `source` can do.
#[derive(Subcommand, Debug)]
pub enum SourceVerb {
    /// Print the statements that make a role which may read a database and change nothing
    Grants(SourceGrantsArgs),
}

/// `source grants`.
#[derive(Args, Debug)]
pub struct SourceGrantsArgs {
    /// The database: postgres://USER@HOST/DATABASE; it is looked into as this user
    #[arg(value_name = "LOCATION")]
    pub location: OsString,
    /// Name of the role
    #[arg(long, value_name = "NAME", default_value = "datakeep")]
    pub role: String,
    /// Rights on each schema and nothing else, where one right on everything would do
    #[arg(long)]
    pub per_schema: bool,
    /// Instead: list the rights that the user of the location lacks
    #[arg(long, conflicts_with_all = ["role", "per_schema"])]
    pub check: bool,
    /// How the database is read, as for backup; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub database_option: Vec<String>,
}
