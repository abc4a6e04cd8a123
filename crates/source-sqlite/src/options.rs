//! Reads the option map that configuration and command line hand over.

use crate::fault::usage;
use datakeep_connector::options::{one, refuse_unknown, source_name, span};
use datakeep_connector::{ConnectorError, Options};
use datakeep_model::escape_for_terminal;
use std::path::PathBuf;
use std::time::Duration;

/// How long a lock of somebody else is waited for, unless told otherwise.
const USUAL_PATIENCE: Duration = Duration::from_secs(5);
/// The longest patience SQLite can be told.
const MOST_PATIENCE: Duration = Duration::from_secs(86_400);

/// How thoroughly a source is checked by SQLite itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Check {
    /// Not at all, but for what reading every row finds.
    None,
    /// `PRAGMA quick_check`: every page, but indexes are not compared with rows.
    Quick,
    /// `PRAGMA integrity_check`.
    Full,
}

/// How a source is opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SourceOptions {
    pub name: Option<String>,
    pub host: Option<String>,
    pub spool: PathBuf,
    pub patience: Duration,
    pub check: Check,
}

/// The options of a source.
pub(crate) fn read_source(options: &Options) -> Result<SourceOptions, ConnectorError> {
    refuse_unknown(options, &["busy-timeout", "host", "integrity-check", "name", "spool"])?;
    Ok(SourceOptions {
        name: source_name(options)?,
        host: one(options, "host")?.map(str::to_owned),
        spool: one(options, "spool")?.map_or_else(std::env::temp_dir, PathBuf::from),
        patience: patience(options)?,
        check: check(options)?,
    })
}

/// What counts of the options of a target: how long it waits for locks. The others are for the proof, which captures it again;
/// they are read here, too, so that a wrong one is known before anything is written.
pub(crate) fn read_target(options: &Options) -> Result<Duration, ConnectorError> {
    refuse_unknown(options, &["busy-timeout", "integrity-check", "spool"])?;
    read_source(options).map(|options| options.patience)
}

fn patience(options: &Options) -> Result<Duration, ConnectorError> {
    Ok(span(options, "busy-timeout", Duration::ZERO..=MOST_PATIENCE)?.unwrap_or(USUAL_PATIENCE))
}

fn check(options: &Options) -> Result<Check, ConnectorError> {
    match one(options, "integrity-check")? {
        None | Some("none") => Ok(Check::None),
        Some("quick") => Ok(Check::Quick),
        Some("full") => Ok(Check::Full),
        Some(other) => {
            let other = escape_for_terminal(other.as_bytes());
            Err(usage(format!("option `integrity-check`: `{other}` is unknown")).with_hint("none, quick or full"))
        }
    }
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
        let patience = |text| read_target(&options("busy-timeout", &[text])).ok();
        assert_eq!(patience("30"), Some(Duration::from_secs(30)));
        assert_eq!(patience("2s"), Some(Duration::from_secs(2)));
        assert_eq!(patience("250ms"), Some(Duration::from_millis(250)));
        assert_eq!([patience("-1"), patience("99999999"), patience("soon")], [None; 3]);
        let read = read_source(&options("integrity-check", &["quick"])).map(|options| options.check);
        assert_eq!(read.ok(), Some(Check::Quick));
    }

    #[test]
    fn what_is_unknown_or_makes_no_sense_is_refused() {
        for (name, values) in [
            ("sppol", &["/tmp"][..]),
            ("spool", &[]),
            ("spool", &["a", "b"]),
            ("integrity-check", &["maybe"]),
            ("name", &["a@b"]),
        ] {
            let error = read_source(&options(name, values)).expect_err("refused");
            assert_eq!(error.kind, ErrorKind::Usage, "{name}");
        }
        assert!(read_target(&options("name", &["a"])).is_err() && read_target(&options("spool", &[])).is_err());
        assert!(read_target(&options("spool", &["/tmp"])).is_ok());
    }
}
