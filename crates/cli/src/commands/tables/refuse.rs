//! Options that mean nothing for what was named: refused, never passed over.

use crate::args::{BackupArgs, RestoreArgs};
use crate::errors::Failure;
use crate::words::tr;

/// Options, and whether they were given.
type Given<'g> = &'g [(&'static str, bool)];

fn first(given: Given<'_>) -> Option<&'static str> {
    given.iter().find(|(_, is_given)| *is_given).map(|(name, _)| *name)
}

/// Refuses the first of the options that was given, in these words.
fn refuse(given: Given<'_>, words: fn(&str) -> String, hint: impl FnOnce() -> String) -> Result<(), Failure> {
    first(given).map_or(Ok(()), |name| Err(Failure::usage(words(name)).hint(hint())))
}

fn for_files(name: &str) -> String {
    tr!("{name} is for files", "{name} 只用于文件")
}

fn for_databases(name: &str) -> String {
    tr!("{name} is for databases", "{name} 只用于数据库")
}

/// What a backup of a database does not know.
pub fn backup_of_tables(args: &BackupArgs) -> Result<(), Failure> {
    let given = [
        ("--exclude", !args.exclude.is_empty()),
        ("--exclude-file", !args.exclude_file.is_empty()),
        ("--exclude-caches", args.exclude_caches),
        ("--exclude-if-present", !args.exclude_if_present.is_empty()),
        ("--exclude-larger-than", args.exclude_larger_than.is_some()),
        ("--one-file-system", args.one_file_system),
        ("--read-everything", args.read_everything),
        ("--ignore-ctime", args.ignore_ctime),
        ("--ignore-inode", args.ignore_inode),
        ("--no-xattrs", args.no_xattrs),
        ("--file-name", args.file_name.is_some()),
    ];
    refuse(&given, for_files, || {
        tr!(
            "tables of PostgreSQL are chosen by --database-option include-table=PATTERN and exclude-table=PATTERN",
            "PostgreSQL 的表用 --database-option include-table=模式 和 exclude-table=模式 选择"
        )
    })
}

/// What a backup of files does not know.
pub fn backup_of_files(args: &BackupArgs) -> Result<(), Failure> {
    refuse(&[("--database-option", !args.database_option.is_empty())], for_databases, name_a_database)
}

/// What a restore of tables does not know.
pub fn restore_of_tables(args: &RestoreArgs) -> Result<(), Failure> {
    let given = [
        ("--include", !args.include.is_empty()),
        ("--exclude", !args.exclude.is_empty()),
        ("--delete", args.delete),
        ("--owner", args.owner),
        ("--setuid", args.setuid),
        ("--devices", args.devices),
        ("--system", args.system),
        ("--no-xattrs", args.no_xattrs),
        ("--fsync", args.fsync),
    ];
    refuse(&given, for_files, || tr!("of tables name one: SNAPSHOT:TABLE", "表请这样指定：备份集:表名"))
}

/// What a restore of files does not know.
pub fn restore_of_files(args: &RestoreArgs) -> Result<(), Failure> {
    let given = [
        ("--merge", args.merge),
        ("--into-table", args.into_table.is_some()),
        ("--key", !args.key.is_empty()),
        ("--database-option", !args.database_option.is_empty()),
    ];
    refuse(&given, for_databases, || {
        tr!(
            "this snapshot holds files: see --overwrite, --include, --delete",
            "此备份集保存的是文件：请参阅 --overwrite、--include、--delete"
        )
    })?;
    match super::connector_of(&args.to) {
        None => Ok(()),
        Some(connector) => {
            super::refuse_secret(&*connector, args.to.to_str().unwrap_or_default())?;
            let shown = datakeep_model::escape_for_terminal(args.to.as_encoded_bytes());
            Err(Failure::usage(tr!("files cannot be restored to {shown}", "无法将文件恢复到 {shown}"))
                .hint(tr!("name a directory: --to DIR", "请指定目录：--to 目录")))
        }
    }
}

fn name_a_database() -> String {
    tr!(
        "name a database: sqlite:PATH or postgres://USER@HOST/DATABASE",
        "请指定数据库：sqlite:路径 或 postgres://用户@主机/数据库"
    )
}
