//! How a session is set, so that a value is written in the same way by every server, and nothing ends what is read.

use crate::connect::Connection;
use datakeep_connector::ConnectorError;
use datakeep_model::ErrorKind;
use std::time::Duration;

/// The oldest and the newest major version that is read.
const MAJORS: std::ops::RangeInclusive<u32> = 13..=18;

/// Settings that not every version has.
const NO_LIMITS: &str = "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN \
    ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')";

/// Sets a session: values as texts in one form whatever the server's own settings are, names with their schema, no filters, no
/// limits of time but that for locks.
pub(crate) fn pin(connection: &Connection, patience: Duration) -> Result<(), ConnectorError> {
    let encoding = if is_raw(connection)? { "SQL_ASCII" } else { "UTF8" };
    let settings = format!(
        "SET client_encoding = '{encoding}'; SET search_path = ''; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; \
         SET timezone = 'UTC'; SET extra_float_digits = 3; SET bytea_output = 'hex'; SET lc_monetary = 'C'; \
         SET xmloption = 'content'; SET standard_conforming_strings = on; SET row_security = off; \
         SET synchronize_seqscans = off; SET jit = off; SET statement_timeout = 0; SET lock_timeout = {}",
        patience.as_millis()
    );
    let what = "cannot prepare a session of";
    connection.run(what, &settings)?;
    connection.rows(what, NO_LIMITS).map(drop)
}

/// True where texts are bytes of no known encoding.
pub(crate) fn is_raw(connection: &Connection) -> Result<bool, ConnectorError> {
    Ok(connection.value("cannot ask the encoding of", "SHOW server_encoding")? == "SQL_ASCII")
}

/// The server's version, if it is one that is known.
pub(crate) fn known_version(connection: &Connection) -> Result<u32, ConnectorError> {
    let version = connection.version()?;
    check_version(version, connection.place()).map(|()| version)
}

fn check_version(version: u32, place: &str) -> Result<(), ConnectorError> {
    let major = version / 10_000;
    if MAJORS.contains(&major) {
        return Ok(());
    }
    let (first, last) = (MAJORS.start(), MAJORS.end());
    let message = format!("{place} is of version {major}: versions {first} to {last} are known");
    let hint =
        if major > *last { "use a newer datakeep" } else { "upgrade the server: its version gets no more repairs" };
    Err(ConnectorError::new(ErrorKind::Incompatible, message).with_hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_are_not_known_are_refused() {
        assert!(check_version(130_000, "x").is_ok() && check_version(180_004, "x").is_ok());
        for version in [90_624, 120_022, 190_000, 0] {
            let error = check_version(version, "postgres://db/x").expect_err("refused");
            assert_eq!(error.kind, ErrorKind::Incompatible);
            assert!(error.hint.is_some() && error.message.contains("13 to 18"), "{error}");
        }
    }
}
