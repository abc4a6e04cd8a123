//! Runs `pg_dump`, which knows better than anyone else how a schema is made again.

use crate::fault::Side;
use crate::location::Location;
use crate::sql::quoted;
use datakeep_connector::ConnectorError;
use datakeep_model::{ErrorKind, escape_for_terminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The newest major version whose archives are known here.
const NEWEST_KNOWN: u32 = 18;
/// Folders of which each holds folders of versions.
pub(crate) const FOLDERS: [(&str, &str); 5] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr", "bin"),
    ("/usr/local", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
];
/// Tables that one pattern names.
const TABLES_PER_PATTERN: usize = 200;
/// Lines of what `pg_dump` says that are told.
const LINES_MAX: usize = 4;

/// What is asked of `pg_dump`.
pub(crate) struct Asked<'a> {
    /// The database.
    pub location: &'a Location,
    /// The server's major version.
    pub major: u32,
    /// The exported snapshot to be read; none: what is there now.
    pub snapshot: Option<&'a str>,
    /// How long a lock is waited for.
    pub patience: Duration,
    /// The program, where one is named.
    pub program: Option<&'a Path>,
    /// Tables and views that are not wanted: they are neither locked nor described. Schemas and names.
    pub without: &'a [(String, String)],
    /// Which way data flows.
    pub side: Side,
}

/// What `pg_dump` wrote.
pub(crate) struct Dumped {
    /// The archive.
    pub archive: Vec<u8>,
    /// What it warned of.
    pub warnings: Vec<String>,
}

/// The schema of a database as an archive, for [`super::read`].
pub(crate) fn dump(asked: &Asked<'_>) -> Result<Dumped, ConnectorError> {
    let program = match asked.program {
        Some(program) => named(program, asked.major)?,
        None => find(asked.major)?,
    };
    let mut command = Command::new(&program);
    command.args(["--format=custom", "--schema-only", "--no-password", "--encoding=UTF8"]);
    command.arg(format!("--lock-wait-timeout={}", asked.patience.as_millis()));
    if let Some(snapshot) = asked.snapshot {
        command.arg(format!("--snapshot={snapshot}"));
    }
    command.args(excluded(asked.without).into_iter().map(|pattern| format!("--exclude-table={pattern}")));
    command.arg("--dbname").arg(asked.location.conninfo());
    // What it says is read for its meaning.
    command.env("LC_ALL", "C").env_remove("PGOPTIONS").stdin(Stdio::null());
    if let Some(password) = asked.location.password() {
        command.env("PGPASSWORD", std::ffi::OsStr::new(&*String::from_utf8_lossy(password.expose())));
    }
    let shown = shown(&program);
    let output = command.output().map_err(|error| {
        ConnectorError::new(asked.side.kind(), format!("cannot run {shown}: {error}"))
            .with_hint("name a pg_dump that can be run with the option `pg-dump`")
    })?;
    let said = said(&output.stderr);
    if !output.status.success() {
        return Err(refused(asked, &said));
    }
    let warnings = said.into_iter().filter(|line| line.contains("warning:")).collect();
    Ok(Dumped { archive: output.stdout, warnings })
}

/// Patterns of `pg_dump` for just these tables. A pattern is a regular expression but for what is quoted, so one stands for many:
/// each costs a query, and a command line has an end.
fn excluded(without: &[(String, String)]) -> Vec<String> {
    let mut sorted: Vec<_> = without.iter().collect();
    sorted.sort();
    let mut patterns = Vec::new();
    for of_schema in sorted.chunk_by(|one, other| one.0 == other.0) {
        for some in of_schema.chunks(TABLES_PER_PATTERN) {
            let names: Vec<_> = some.iter().map(|(_, name)| quoted(name)).collect();
            patterns.push(format!("{}.({})", quoted(&some[0].0), names.join("|")));
        }
    }
    patterns
}

fn refused(asked: &Asked<'_>, said: &[String]) -> ConnectorError {
    let told: Vec<_> = said.iter().take(LINES_MAX).map(String::as_str).collect();
    let has = |word: &str| said.iter().any(|line| line.contains(word));
    let (kind, hint) = if has("lock timeout") || has("could not obtain lock") {
        (ErrorKind::Busy, "another session holds a lock: run it again later, or wait longer with `lock-timeout`")
    } else if has("permission denied") {
        (
            ErrorKind::Denied,
            "pg_dump locks every table: the role needs SELECT on each, or membership of pg_read_all_data",
        )
    } else if has("invalid snapshot") || has("snapshot") && has("does not exist") {
        (ErrorKind::Busy, "the exported snapshot was gone: connect to the server itself, not through a pooler")
    } else {
        (asked.side.kind(), "run pg_dump --schema-only on it by hand: it must succeed")
    };
    let message = format!("cannot read the schema of {}: {}", asked.location.shown(), told.join("; "));
    ConnectorError::new(kind, message).with_hint(hint)
}

/// Lines of what a program said.
fn said(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let line = |line: &str| escape_for_terminal(line.trim().as_bytes());
    // A detail may hold more than names of objects.
    let is_told = |line: &&str| !line.trim().is_empty() && !line.contains("DETAIL:") && !line.contains("detail:");
    text.lines().filter(is_told).map(line).collect()
}

fn shown(program: &Path) -> String {
    escape_for_terminal(program.as_os_str().as_encoded_bytes())
}

fn named(program: &Path, major: u32) -> Result<PathBuf, ConnectorError> {
    match version(program) {
        Some(found) if found >= major => Ok(program.to_owned()),
        Some(found) => {
            let message = format!("{} is of version {found}, the server is of version {major}", shown(program));
            Err(ConnectorError::new(ErrorKind::Usage, message).with_hint(wanted(major)))
        }
        None => {
            let message = format!("{} is no pg_dump that can be run", shown(program));
            Err(ConnectorError::new(ErrorKind::Usage, message).with_hint(wanted(major)))
        }
    }
}

fn wanted(major: u32) -> String {
    format!(
        "install the client programs of PostgreSQL {major} or newer (on Debian `postgresql-client-{major}`), or name their pg_dump with the option `pg-dump`"
    )
}

/// The newest program of this machine that can read a server of this version, of those whose archives are known.
fn find(major: u32) -> Result<PathBuf, ConnectorError> {
    let found: Vec<_> = candidates().into_iter().filter_map(|path| Some((version(&path)?, path))).collect();
    let newest = found.iter().map(|(version, _)| *version).max();
    let fit = found.into_iter().filter(|(version, _)| *version >= major);
    match fit.max_by_key(|(version, _)| (*version <= NEWEST_KNOWN, *version)) {
        Some((_, path)) => Ok(path),
        None => {
            let there =
                newest.map_or("none is there".to_owned(), |newest| format!("the newest here is of version {newest}"));
            let message = format!("a server of version {major} needs a pg_dump of at least this version: {there}");
            Err(ConnectorError::new(ErrorKind::Incompatible, message).with_hint(wanted(major)))
        }
    }
}

/// Programs that may be there: in the folders of versions, and the one that a shell would run.
fn candidates() -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from("pg_dump")];
    for (folder, bin) in FOLDERS {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let paths_there = entries.flatten().map(|entry| entry.path().join(bin).join("pg_dump"));
        paths.extend(paths_there.filter(|path| path.is_file()));
    }
    paths.sort();
    paths
}

/// The major version of a program; `None` where it cannot be run or is another.
fn version(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    read_version(std::str::from_utf8(&output.stdout).ok()?)
}

fn read_version(said: &str) -> Option<u32> {
    let version = said.trim().strip_prefix("pg_dump (PostgreSQL) ")?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(read_version("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(read_version("pg_dump (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(read_version("mysqldump 10.19"), None);
    }

    #[test]
    fn tables_are_left_out_by_few_patterns() {
        let table = |schema: &str, name: &str| (schema.to_owned(), name.to_owned());
        let patterns = excluded(&[table("b", "x"), table("a", "it's"), table("a", "C \"d\"")]);
        assert_eq!(patterns, ["\"a\".(\"C \"\"d\"\"\"|\"it's\")", "\"b\".(\"x\")"]);
        let many: Vec<_> = (0..1000).map(|number| table("a", &number.to_string())).collect();
        assert_eq!((excluded(&many).len(), excluded(&[]).len()), (5, 0));
    }

    #[test]
    fn a_program_that_is_none_or_too_old_is_refused_by_name() {
        let error = named(Path::new("/nowhere/pg_dump"), 15).expect_err("none");
        assert!(error.message.contains("/nowhere/pg_dump"), "{error}");
        let error = find(99).expect_err("none so new");
        assert_eq!(error.kind, ErrorKind::Incompatible);
        assert!(
            error.message.contains("99") && error.hint.is_some_and(|hint| hint.contains("pg-dump")),
            "{}",
            error.message
        );
    }
}
