//! The command line as data. English help stands here; Chinese help in `words::help`.

use crate::args_around::{CompletionArgs, ConfigArgs, DemoArgs, ManArgs};
use crate::args_care::{CheckArgs, DoctorArgs, RepairArgs, ScrubArgs};
use crate::args_copy::CopyArgs;
use crate::args_drill::DrillArgs;
use crate::args_forget::ForgetArgs;
use crate::args_gc::GcArgs;
use crate::args_rows::RowsArgs;
use crate::args_server::ServerArgs;
use crate::args_source::SourceArgs;
use crate::args_sql::SqlArgs;
use crate::args_store::{KeyArgs, StatsArgs, TagArgs};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// The command line.
#[derive(Parser, Debug)]
#[command(
    name = "datakeep",
    version,
    about = "Deduplicating, encrypted backup that is proven, browsable and comparable"
)]
#[command(disable_help_subcommand = true, propagate_version = false)]
pub struct Cli {
    /// What all verbs take.
    #[command(flatten)]
    pub common: Common,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What all verbs take.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// The repository: a directory, or s3://BUCKET/PREFIX [env: DATAKEEP_REPO]
    #[arg(long, short = 'r', global = true, value_name = "PLACE")]
    pub repo: Option<OsString>,
    /// How to speak to an object store: endpoint, region, path-style, … (the manual lists all); may be repeated
    #[arg(long, short = 'o', global = true, value_name = "KEY=VALUE")]
    pub store_option: Vec<String>,
    /// Print JSON on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// With --json: print events as they happen, one to a line, before the final document
    #[arg(long, global = true)]
    pub progress: bool,
    /// Print no summary and no progress
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
    /// Name every item as it is handled
    #[arg(long, short = 'v', global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Language of messages: en or zh [env: DATAKEEP_LANG]
    #[arg(long, global = true, value_name = "LANG")]
    pub lang: Option<String>,
    /// Print no colours [env: NO_COLOR]
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Configuration file [env: DATAKEEP_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of disposable local copies [env: DATAKEEP_CACHE_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// What these copies may take, in MiB; by default 2048, and 0 keeps none [env: DATAKEEP_CACHE_SIZE]
    #[arg(long, global = true, value_name = "MIB")]
    pub cache_size: Option<u32>,
    /// Read the password from a file [env: DATAKEEP_PASSWORD_FILE]
    #[arg(long, global = true, value_name = "FILE", conflicts_with_all = ["password_command", "recovery_code"])]
    pub password_file: Option<PathBuf>,
    /// Run a program that prints the password; split at spaces, quotes group, no shell [env: DATAKEEP_PASSWORD_COMMAND]
    #[arg(long, global = true, value_name = "COMMAND", conflicts_with = "recovery_code")]
    pub password_command: Option<String>,
    /// Open with the recovery code: asked for, or from DATAKEEP_RECOVERY_CODE
    #[arg(long, global = true)]
    pub recovery_code: bool,
    /// Memory that a key slot may ask for, in MiB; by default 1024, and not more than is free [env: DATAKEEP_KDF_LIMIT]
    #[arg(long, global = true, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub kdf_limit: Option<u32>,
    /// Memory that backup, restore, check and copy may hold, and the rows of sql (256M, 2G); by default as suits their threads [env: DATAKEEP_MEMORY]
    #[arg(long, global = true, value_name = "SIZE")]
    pub memory: Option<String>,
    /// Accept a repository that is not encrypted, though a password is configured [env: DATAKEEP_UNENCRYPTED]
    #[arg(long, global = true)]
    pub unencrypted: bool,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Make a repository
    Init(InitArgs),
    /// Take a snapshot of files, of a database (sqlite:PATH, postgres://…), of standard input or of a command's output
    Backup(Box<BackupArgs>),
    /// List snapshots
    Snapshots(SnapshotsArgs),
    /// Show everything about one snapshot
    Show(ShowArgs),
    /// List a directory of a snapshot, or its tables
    Ls(LsArgs),
    /// Find items in snapshots by name
    Find(FindArgs),
    /// Print the content of a file
    Cat(CatArgs),
    /// Compare two snapshots: files, or tables row by row
    Diff(DiffArgs),
    /// Show rows of a table, one row by its key, or what became of it
    Rows(RowsArgs),
    /// Query snapshots with SQL, with no restore: tables, files (CSV, JSON, Parquet), what is known of snapshots
    Sql(SqlArgs),
    /// Bring files or tables back
    Restore(Box<RestoreArgs>),
    /// Restore snapshots into a private place, prove them, and sign what was found
    Drill(Box<DrillArgs>),
    /// Show how much is stored, and how well
    Stats(StatsArgs),
    /// Prove that the repository is whole
    Check(CheckArgs),
    /// Compare the stored bytes with their checksums; needs no password
    Scrub(ScrubArgs),
    /// Save what is whole of damaged packs, set them aside, and make damaged indexes again
    Repair(RepairArgs),
    /// Manage passwords and the recovery code
    Key(KeyArgs),
    /// Change the labels of a snapshot
    Tag(TagArgs),
    /// Forget snapshots, by name or by rules of what to keep
    Forget(Box<ForgetArgs>),
    /// Free what no snapshot uses
    Gc(GcArgs),
    /// Copy snapshots to a second repository, which has a password and a retention of its own
    Copy(Box<CopyArgs>),
    /// Prepare the places that are backed up
    Source(SourceArgs),
    /// Serve the platform: policies, schedule, runs and their history, behind an API
    Server(ServerArgs),
    /// Show the configuration
    Config(ConfigArgs),
    /// Examine the environment and the repository
    Doctor(DoctorArgs),
    /// Show the main work on a fresh example, and prove it
    Demo(DemoArgs),
    /// Print a completion script for a shell
    Completion(CompletionArgs),
    /// Print the manual, or write all its pages
    Man(ManArgs),
}

/// How a new repository is encrypted.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum SuiteName {
    /// AES-256-GCM.
    #[value(name = "aes-256-gcm")]
    Aes256Gcm,
    /// ChaCha20-Poly1305.
    #[value(name = "chacha20-poly1305")]
    ChaCha20Poly1305,
}

/// `init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Cipher; --unencrypted takes none: everyone who can read the repository can read its content
    #[arg(long, value_enum, default_value = "aes-256-gcm", value_name = "SUITE", conflicts_with = "unencrypted")]
    pub suite: SuiteName,
    /// Memory that one guess at the password costs, in MiB
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub kdf_memory: Option<u32>,
    /// Passes over that memory
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub kdf_passes: Option<u32>,
    /// Make no recovery code
    #[arg(long)]
    pub no_recovery_code: bool,
}

/// `backup`.
#[derive(Args, Debug)]
pub struct BackupArgs {
    /// Directories and files; sqlite:PATH or postgres://USER@HOST/DATABASE for a database; `-` for standard input; after --command the program and its arguments
    #[arg(value_name = "PATH", required = true, allow_hyphen_values = false)]
    pub paths: Vec<OsString>,
    /// Name of the source; derived from the paths when not given
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Label of the snapshot; may be repeated
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Leave out what matches, as in a .gitignore; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Read patterns to leave out from a file; may be repeated
    #[arg(long, value_name = "FILE")]
    pub exclude_file: Vec<String>,
    /// Leave out the content of directories marked as caches by CACHEDIR.TAG
    #[arg(long)]
    pub exclude_caches: bool,
    /// Leave out the content of directories that hold an entry of this name; may be repeated
    #[arg(long, value_name = "NAME")]
    pub exclude_if_present: Vec<String>,
    /// Leave out files longer than this, such as 500M or 2G
    #[arg(long, value_name = "SIZE")]
    pub exclude_larger_than: Option<String>,
    /// Do not enter other file systems
    #[arg(long)]
    pub one_file_system: bool,
    /// Read every file, even those that look unchanged
    #[arg(long)]
    pub read_everything: bool,
    /// Do not compare the time of status change
    #[arg(long)]
    pub ignore_ctime: bool,
    /// Do not compare inode numbers
    #[arg(long)]
    pub ignore_inode: bool,
    /// Do not take up what an interrupted run left
    #[arg(long)]
    pub no_resume: bool,
    /// Say what would be done and write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// How hard to compress: fast, default, high, or 1 to 19
    #[arg(long, value_name = "LEVEL")]
    pub compression: Option<String>,
    /// Host name to record
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// How a database is read: SQLite busy-timeout=30s, spool=DIR (for a private copy), integrity-check=quick or full; PostgreSQL include-table=PATTERN and exclude-table, include-schema and exclude-schema, databases=all, lock-timeout=30s, max-replay-lag=30s, warn-xmin-age=N, password-file=FILE, pg-dump=FILE; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub database_option: Vec<String>,
    /// Threads that read and compress
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// Leave out extended attributes and access control lists
    #[arg(long)]
    pub no_xattrs: bool,
    /// Name of the file in the snapshot, for standard input and commands
    #[arg(long, value_name = "NAME")]
    pub file_name: Option<String>,
    /// Store what a program prints: backup --command -- PROGRAM ARGUMENTS
    #[arg(long)]
    pub command: bool,
}

/// `snapshots`.
#[derive(Args, Debug)]
pub struct SnapshotsArgs {
    /// Only of this source
    #[arg(value_name = "SOURCE")]
    pub source: Option<String>,
    /// Only with this label; may be repeated
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Only of this host
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Only the last N
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// Only the newest of each source
    #[arg(long, conflicts_with = "last")]
    pub latest: bool,
}

/// `show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The snapshot: an id, SOURCE, SOURCE@latest, SOURCE@TIME or latest
    #[arg(value_name = "SNAPSHOT", default_value = "latest")]
    pub snapshot: String,
}

/// `ls`.
#[derive(Args, Debug)]
pub struct LsArgs {
    /// A snapshot and a path in it
    #[arg(value_name = "SNAPSHOT[:PATH]", default_value = "latest")]
    pub place: OsString,
    /// Show kind, mode, owner, size and time
    #[arg(long, short = 'l')]
    pub long: bool,
    /// Everything beneath
    #[arg(long, short = 'R')]
    pub recursive: bool,
}

/// Kind of an item, as `find` takes it.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum TypeName {
    /// Regular file.
    #[value(name = "f", alias = "file")]
    File,
    /// Directory.
    #[value(name = "d", alias = "dir")]
    Directory,
    /// Symbolic link.
    #[value(name = "l", alias = "symlink")]
    Symlink,
    /// Named pipe.
    #[value(name = "p", alias = "fifo")]
    Fifo,
    /// Socket.
    #[value(name = "s", alias = "socket")]
    Socket,
    /// Character device.
    #[value(name = "c", alias = "chardev")]
    CharDevice,
    /// Block device.
    #[value(name = "b", alias = "blockdev")]
    BlockDevice,
}

/// `find`.
#[derive(Args, Debug)]
pub struct FindArgs {
    /// A pattern such as *.pdf or src/**/*.rs
    #[arg(value_name = "PATTERN")]
    pub pattern: String,
    /// Look only beneath this path
    #[arg(value_name = "PLACE")]
    pub place: Option<OsString>,
    /// In this snapshot; else in the newest of each source
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "all")]
    pub snapshot: Option<String>,
    /// In all snapshots
    #[arg(long)]
    pub all: bool,
    /// Only of this kind: f, d, l, p, s, c or b
    #[arg(long = "type", value_enum, value_name = "TYPE", hide_possible_values = true)]
    pub kind: Option<TypeName>,
}

/// `cat`.
#[derive(Args, Debug)]
pub struct CatArgs {
    /// A snapshot and a file in it
    #[arg(value_name = "SNAPSHOT:PATH")]
    pub place: OsString,
}

/// `diff`.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// The older snapshot; alone: the snapshot to compare with the one before it
    #[arg(value_name = "OLD[:PATH]", default_value = "latest", display_order = 1)]
    pub old: OsString,
    /// The newer snapshot, and the path to compare beneath
    #[arg(value_name = "NEW[:PATH]", display_order = 2)]
    pub new: Option<OsString>,
    /// Show items of which only metadata differs (this is the default)
    #[arg(long, overrides_with = "no_metadata")]
    pub metadata: bool,
    /// Do not show items of which only metadata differs
    #[arg(long)]
    pub no_metadata: bool,
    /// Print the summary only; of tables: how many rows of each differ
    #[arg(long, alias = "summary")]
    pub stat: bool,
    /// Of tables: print the statements that turn the older state into the newer one
    #[arg(long, conflicts_with_all = ["undo", "stat"])]
    pub sql: bool,
    /// Of tables: print the statements that turn the newer state back into the older one
    #[arg(long, conflicts_with = "stat")]
    pub undo: bool,
}

/// What happens to what stands in the way of a restore.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum OverwriteName {
    /// Keep it.
    Never,
    /// Overwrite what differs.
    Changed,
    /// Overwrite what is older.
    Newer,
    /// Overwrite everything.
    Always,
}

/// `restore`.
#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// A snapshot and a path in it
    #[arg(value_name = "SNAPSHOT[:PATH]")]
    pub place: OsString,
    /// Directory to restore into; for tables a database: sqlite:PATH or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "DIR", required = true)]
    pub to: OsString,
    /// Only what matches; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<String>,
    /// Not what matches; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// What happens to files that stand there: never (kept), changed (overwritten when size or time differ), newer or always
    #[arg(long, value_enum, value_name = "MODE", hide_possible_values = true)]
    pub overwrite: Option<OverwriteName>,
    /// Of a table that stands there: overwrite rows of the same key, add others, remove none
    #[arg(long)]
    pub merge: bool,
    /// The name that a single table gets in the target
    #[arg(long, value_name = "TABLE")]
    pub into_table: Option<String>,
    /// With --merge: only the row of this key; of a key of several columns repeat it, or put commas between
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, requires = "merge")]
    pub key: Vec<String>,
    /// How a database is written and proven: SQLite busy-timeout=30s, spool=DIR (for a private copy); PostgreSQL lock-timeout=30s, password-file=FILE, pg-dump=FILE; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub database_option: Vec<String>,
    /// Remove what the snapshot does not have, in directories that it has
    #[arg(long)]
    pub delete: bool,
    /// Do not ask before removing
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Show what would be done and write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Restore owners and groups (needs to be root)
    #[arg(long)]
    pub owner: bool,
    /// Restore setuid, setgid and sticky bits, and capabilities
    #[arg(long)]
    pub setuid: bool,
    /// Restore device nodes
    #[arg(long)]
    pub devices: bool,
    /// A whole system: --owner --setuid --devices
    #[arg(long)]
    pub system: bool,
    /// Do not restore extended attributes
    #[arg(long)]
    pub no_xattrs: bool,
    /// Make every file durable before going on
    #[arg(long)]
    pub fsync: bool,
    /// Threads that read and write; of a database: tables at the same time, where it can take several
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
}
