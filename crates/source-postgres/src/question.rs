//! One question to a database: one statement that changes nothing, one value.

use crate::connect::Connection;
use crate::fault::{Side, usage};
use crate::location::Location;
use datakeep_connector::ConnectorError;
use std::time::Duration;

/// The one value that a statement answers with, as the server writes it (`Connector::ask`).
pub(crate) fn ask(location: &Location, sql: &str, patience: Duration) -> Result<Option<String>, ConnectorError> {
    let connection = Connection::open(Side::Source, location)?;
    let patience_ms = patience.as_millis().clamp(1, 86_400_000);
    let begin =
        format!("SET default_transaction_read_only = on; BEGIN READ ONLY; SET LOCAL statement_timeout = {patience_ms}");
    connection.run("cannot ask", &begin)?;
    // Preparing tells what it is before it runs: the server prepares one statement and no more, and one that ends the transaction
    // answers with nothing.
    if connection.columns("cannot ask", sql)?.len() != 1 {
        return Err(not_one("the statement answers with another number of columns"));
    }
    let mut rows = connection.rows("cannot ask", sql)?.into_iter();
    let value = rows.next().ok_or_else(|| not_one("the statement answers with no row"))?;
    if rows.next().is_some() {
        return Err(not_one("the statement answers with several rows"));
    }
    Ok(value.into_iter().next().flatten())
}

fn not_one(what: &str) -> ConnectorError {
    usage(format!("{what}, and one value was wanted"))
        .with_hint("write one SELECT of one column and one row: SELECT count(*) FROM orders")
}
