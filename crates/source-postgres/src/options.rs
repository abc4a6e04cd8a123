//! Reads the option map that configuration and command line hand over.

use crate::fault::usage;
use crate::selection::{self, Selection};
use datakeep_connector::options::{one, refuse_unknown, source_name, span};
use datakeep_connector::{ConnectorError, Options};
use datakeep_model::{Secret, escape_for_terminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a lock of somebody else is waited for, unless told otherwise.
const USUAL_PATIENCE: Duration = Duration::from_secs(30);
/// The longest patience a server can be told.
const MOST_PATIENCE: Duration = Duration::from_secs(86_400);

/// Transactions that the oldest one of a server may be behind before a capture warns of it: nothing that works does that.
const USUAL_XMIN_AGE: u64 = 100_000_000;

/// Options that are settings of the connection.
const WORDS: [&str; 3] = ["user", "sslmode", "sslrootcert"];
/// Options of a source alone, but for those that choose tables.
const OF_SOURCE: [&str; 5] = ["host", "name", "databases", "max-replay-lag", "warn-xmin-age"];
/// Options of both sides.
const KNOWN: [&str; 9] =
    ["lock-timeout", "password-file", "password", "pass-file", "home", "pg-dump", WORDS[0], WORDS[1], WORDS[2]];

/// How a database is opened, for reading or writing.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How long a lock is waited for.
    pub patience: Duration,
    /// A file that holds the password and nothing else.
    pub password_file: Option<PathBuf>,
    /// The password itself.
    pub password: Option<Secret>,
    /// A file of passwords as libpq reads it.
    pub pass_file: Option<PathBuf>,
    /// The user's own folder, where there may be such a file.
    pub home: Option<PathBuf>,
    /// Settings of the connection that count where the location says nothing.
    pub words: Vec<(&'static str, String)>,
    /// The `pg_dump` to be used, where one is named.
    pub pg_dump: Option<PathBuf>,
}

/// What a server must be like to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// How far a standby may be behind; `None`: any.
    pub replay_lag: Option<Duration>,
    /// How many transactions the oldest one may be behind before that is told; 0: any.
    pub xmin_age: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { replay_lag: None, xmin_age: USUAL_XMIN_AGE }
    }
}

/// Of which databases of a server snapshots are made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Databases {
    /// The one that is named.
    #[default]
    One,
    /// All that can be connected to, and what belongs to none of them.
    All,
    /// None: what belongs to none of them alone.
    None,
}

/// How a source is opened.
#[derive(Clone, Debug)]
pub(crate) struct SourceOptions {
    pub name: Option<String>,
    pub host: Option<String>,
    /// Which tables are read.
    pub selection: Selection,
    /// What the server must be like.
    pub limits: Limits,
    pub databases: Databases,
    pub settings: Settings,
}

/// The options of a source.
pub(crate) fn read_source(options: &Options) -> Result<SourceOptions, ConnectorError> {
    refuse_unknown(options, &[&OF_SOURCE[..], &selection::OPTIONS[..], &KNOWN[..]].concat())?;
    Ok(SourceOptions {
        name: source_name(options)?,
        host: one(options, "host")?.map(str::to_owned),
        selection: Selection::read(options)?,
        limits: limits(options)?,
        databases: databases(options)?,
        settings: settings(options)?,
    })
}

/// The options of a target.
pub(crate) fn read_target(options: &Options) -> Result<Settings, ConnectorError> {
    refuse_unknown(options, &KNOWN)?;
    settings(options)
}

fn limits(options: &Options) -> Result<Limits, ConnectorError> {
    let replay_lag = span(options, "max-replay-lag", Duration::from_millis(1)..=MOST_PATIENCE)?;
    let Some(given) = one(options, "warn-xmin-age")? else { return Ok(Limits { replay_lag, ..Limits::default() }) };
    let xmin_age = given.parse().map_err(|_| {
        let shown = escape_for_terminal(given.as_bytes());
        usage(format!("option `warn-xmin-age`: `{shown}` is no number of transactions"))
            .with_hint("such as 50000000; 0 never warns")
    })?;
    Ok(Limits { replay_lag, xmin_age })
}

fn databases(options: &Options) -> Result<Databases, ConnectorError> {
    match one(options, "databases")? {
        None => Ok(Databases::One),
        Some("all") => Ok(Databases::All),
        Some("none") => Ok(Databases::None),
        Some(other) => {
            let shown = escape_for_terminal(other.as_bytes());
            Err(usage(format!("option `databases`: `{shown}` is unknown")).with_hint("all, none, or leave it out"))
        }
    }
}

fn words(options: &Options) -> Result<Vec<(&'static str, String)>, ConnectorError> {
    let given = |name: &'static str| Ok(one(options, name)?.map(|value| (name, value.to_owned())));
    let found: Result<Vec<_>, ConnectorError> = WORDS.into_iter().map(given).collect();
    Ok(found?.into_iter().flatten().collect())
}

fn settings(options: &Options) -> Result<Settings, ConnectorError> {
    Ok(Settings {
        patience: patience(options)?,
        password_file: one(options, "password-file")?.map(PathBuf::from),
        password: one(options, "password")?.map(|password| Secret::new(password.as_bytes().to_vec())),
        pass_file: one(options, "pass-file")?.map(PathBuf::from),
        home: one(options, "home")?.map(PathBuf::from),
        words: words(options)?,
        pg_dump: one(options, "pg-dump")?.map(PathBuf::from),
    })
}

/// The password that a file holds, without the line's end.
pub(crate) fn password_of(path: &Path) -> Result<Secret, ConnectorError> {
    let shown = escape_for_terminal(path.as_os_str().as_encoded_bytes());
    let mut bytes =
        std::fs::read(path).map_err(|error| usage(format!("cannot read the password in {shown}: {error}")))?;
    while bytes.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
        bytes.pop();
    }
    if bytes.is_empty() {
        return Err(usage(format!("{shown} holds no password")));
    }
    Ok(Secret::new(bytes))
}

fn patience(options: &Options) -> Result<Duration, ConnectorError> {
    Ok(span(options, "lock-timeout", Duration::from_millis(1)..=MOST_PATIENCE)?.unwrap_or(USUAL_PATIENCE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datakeep_model::ErrorKind;

    fn options(name: &str, values: &[&str]) -> Options {
        Options::from([(name.to_owned(), values.iter().map(|&value| value.to_owned()).collect())])
    }

    #[test]
    fn what_is_given_is_read() {
        let patience = |text| read_target(&options("lock-timeout", &[text])).ok().map(|settings| settings.patience);
        assert_eq!(patience("30"), Some(Duration::from_secs(30)));
        assert_eq!(patience("250ms"), Some(Duration::from_millis(250)));
        assert_eq!([patience("0"), patience("99999999"), patience("soon")], [None; 3]);
    }

    #[test]
    fn what_is_unknown_or_makes_no_sense_is_refused() {
        for (name, values) in
            [("pasword-file", &["/tmp"][..]), ("name", &[]), ("name", &["a", "b"]), ("name", &["a@b"])]
        {
            let error = read_source(&options(name, values)).expect_err("refused");
            assert_eq!(error.kind, ErrorKind::Usage, "{name}");
        }
        for (name, value) in
            [("warn-xmin-age", "-1"), ("max-replay-lag", "soon"), ("databases", "some"), ("include-table", "")]
        {
            assert!(read_source(&options(name, &[value])).is_err(), "{name}");
        }
        let limits = |name, value| read_source(&options(name, &[value])).map(|options| options.limits).ok();
        assert_eq!(limits("warn-xmin-age", "0").map(|limits| limits.xmin_age), Some(0));
        assert_eq!(limits("max-replay-lag", "5s").and_then(|limits| limits.replay_lag), Some(Duration::from_secs(5)));
        assert!(read_target(&options("name", &["a"])).is_err());
    }
}
