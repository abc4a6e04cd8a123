//! The command line of `forget`.

use clap::Args;

/// `forget`.
#[derive(Args, Debug)]
pub struct ForgetArgs {
    /// Forget these: ids, SOURCE@latest or SOURCE@TIME; else name rules with --keep-...
    #[arg(value_name = "SNAPSHOT")]
    pub snapshots: Vec<String>,
    /// The rules.
    #[command(flatten)]
    pub keep: KeepArgs,
    /// Only of this source; may be repeated
    #[arg(long, value_name = "SOURCE", conflicts_with = "snapshots")]
    pub source: Vec<String>,
    /// Only of this host; may be repeated
    #[arg(long, value_name = "HOST", conflicts_with = "snapshots")]
    pub host: Vec<String>,
    /// Only with this label; may be repeated
    #[arg(long, value_name = "TAG", conflicts_with = "snapshots")]
    pub tag: Vec<String>,
    /// Apply the rules to each group by itself: some of source,host,tags, or none
    #[arg(long, value_name = "LIST", default_value = "source,host", conflicts_with = "snapshots")]
    pub group_by: String,
    /// Time zone of hours, days, weeks, months and years, such as Asia/Shanghai; else that of this machine
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// Show what would be forgotten and write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Show a calendar of the days that are kept and forgotten
    #[arg(long)]
    pub calendar: bool,
    /// Why, to be recorded
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Do not ask before forgetting much
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// What stays. Whatever matches one rule stays.
#[derive(Args, Debug)]
#[group(id = "keep", multiple = true, conflicts_with = "snapshots")]
pub struct KeepArgs {
    /// Keep the newest N; here and below `all` is a number too
    #[arg(long, value_name = "N", value_parser = count)]
    pub keep_last: Option<u32>,
    /// Keep one of each of the newest N hours that have one
    #[arg(long, value_name = "N", value_parser = count)]
    pub keep_hourly: Option<u32>,
    /// Keep one of each of the newest N days that have one
    #[arg(long, value_name = "N", value_parser = count)]
    pub keep_daily: Option<u32>,
    /// Keep one of each of the newest N weeks, Monday to Sunday, that have one
    #[arg(long, value_name = "N", value_parser = count)]
    pub keep_weekly: Option<u32>,
    /// Keep one of each of the newest N months that have one
    #[arg(long, value_name = "N", value_parser = count)]
    pub keep_monthly: Option<u32>,
    /// Keep one of each of the newest N years that have one
    #[arg(long, value_name = "N", value_parser = count)]
    pub keep_yearly: Option<u32>,
    /// Keep all that are no older than this before the newest, such as 36h, 30d, 8w, 6mo or 1y6mo
    #[arg(long, value_name = "SPAN")]
    pub keep_within: Option<String>,
    /// Keep all with this label; may be repeated
    #[arg(long, value_name = "TAG")]
    pub keep_tag: Vec<String>,
    /// Whatever the rules say, keep this many of each group
    #[arg(long, value_name = "N", value_parser = count)]
    pub keep_at_least: Option<u32>,
}

/// A number, or `all`.
pub fn count(text: &str) -> Result<u32, String> {
    if text == "all" {
        return Ok(u32::MAX);
    }
    text.parse().map_err(|_| "a number, or all".to_string())
}
