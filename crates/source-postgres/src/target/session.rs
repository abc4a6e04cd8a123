//! The session that writes.

use crate::connect::Connection;
use crate::fault::Side;
use crate::location::Location;
use crate::options::Settings;
use crate::schema::tokens::tokens;
use crate::source;
use crate::sql::literal;
use datakeep_connector::{Catalog, ConnectorError};
use datakeep_model::ErrorKind;
use std::sync::Arc;

/// Of all restores into a database one at a time.
const RESTORE_LOCK: i64 = 0x6461_7461_6b65_6570;

/// A session that writes, with settings that are always the same; `None` when there is no such database.
pub(crate) fn open(location: &Location, settings: &Settings) -> Result<Option<Arc<Connection>>, ConnectorError> {
    let connection = match Connection::open(Side::Target, location) {
        Ok(connection) => connection,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    settle(&connection, settings)?;
    Ok(Some(connection))
}

fn settle(connection: &Connection, settings: &Settings) -> Result<(), ConnectorError> {
    source::session::pin(connection, settings.patience)?;
    let sql = "SET check_function_bodies = off; SET client_min_messages = warning; SET default_tablespace = ''; SET \
               default_table_access_method = heap; SET default_transaction_read_only = off; SET default_transaction_isolation = \
               'read committed'";
    connection.run("cannot prepare a session of", sql)
}

/// Where more sessions are opened on a database that nobody else sees.
#[derive(Clone)]
pub(crate) struct Beside {
    pub location: Location,
    pub settings: Settings,
}

impl Beside {
    /// Another session.
    pub fn open(&self) -> Result<Arc<Connection>, ConnectorError> {
        let gone = || ConnectorError::new(ErrorKind::Target, "the database that was made is gone");
        let connection = open(&self.location, &self.settings)?.ok_or_else(gone)?;
        // All locks in this database are our own.
        connection.run("cannot prepare a session of", "SET lock_timeout = 0")?;
        widen(&connection)?;
        Ok(connection)
    }
}

/// Lets a session sort what an index is made of in a quarter of a GiB, if it has less.
pub(crate) fn widen(connection: &Connection) -> Result<(), ConnectorError> {
    let sql = "SET synchronous_commit = off; SELECT pg_catalog.set_config('maintenance_work_mem', '256MB', false) FROM \
               pg_catalog.pg_settings WHERE name = 'maintenance_work_mem' AND setting::pg_catalog.int8 < 262144";
    connection.run("cannot prepare a session of", sql)
}

/// Begins the transaction in which all is made, if no other restore has one in this database.
pub(crate) fn begin(connection: &Connection) -> Result<(), ConnectorError> {
    let what = "cannot begin to write to";
    connection.run(what, "BEGIN")?;
    let sql = format!("SELECT pg_catalog.pg_try_advisory_xact_lock({RESTORE_LOCK})");
    if connection.value(what, &sql)? == "t" {
        return Ok(());
    }
    let message = format!("another restore writes to {} now", connection.place());
    Err(ConnectorError::new(ErrorKind::Busy, message).with_hint("run it again when the other one is done"))
}

/// True when nobody has made anything in the database: members of extensions apart, it is as it was when it was made.
pub(crate) fn is_empty(connection: &Connection) -> Result<bool, ConnectorError> {
    let found = |class: &str, also: &str| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.{class} c WHERE c.oid >= 16384 {also} AND NOT EXISTS (SELECT FROM \
             pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.{class}'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype \
             = 'e'))"
        )
    };
    let sql = format!(
        "SELECT NOT ({} OR {} OR {} OR {} OR EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata))",
        found("pg_class", "AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'"),
        found("pg_proc", ""),
        found("pg_type", "AND c.typrelid = 0 AND c.typelem = 0"),
        found("pg_namespace", "AND c.nspname !~ '^pg_(temp|toast_temp)_'"),
    );
    Ok(connection.value("cannot look into", &sql)? == "t")
}

/// Which of the extensions that objects need the server has not got.
pub(crate) fn missing_extensions(connection: &Connection, catalog: &Catalog) -> Result<Vec<String>, ConnectorError> {
    let named = catalog.objects.iter().filter(|object| object.kind == "EXTENSION");
    let mut missing = Vec::new();
    for extension in named {
        let sql = &extension.sql;
        // CREATE EXTENSION IF NOT EXISTS name
        let name = tokens(sql)
            .iter()
            .skip(2)
            .filter_map(|place| place.name(sql))
            .find(|word| !matches!(word.as_str(), "if" | "not" | "exists"));
        let Some(name) = name else { continue };
        let sql = format!("SELECT count(*) FROM pg_catalog.pg_available_extensions WHERE name = {}", literal(&name));
        if connection.value("cannot ask for extensions of", &sql)? == "0" {
            missing.push(name);
        }
    }
    Ok(missing)
}
