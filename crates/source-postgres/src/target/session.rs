//! The session that writes, and the database it writes to.

use crate::connect::Connection;
use crate::fault::Side;
use crate::location::Location;
use crate::options::Settings;
use crate::schema::tokens::tokens;
use crate::source;
use crate::sql::{literal, quoted};
use datakeep_connector::{Catalog, ConnectorError};
use datakeep_model::ErrorKind;
use std::sync::Arc;

/// Databases that are connected to where the one to be written is not there.
const ALWAYS_THERE: [&str; 2] = ["postgres", "template1"];
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

/// A database that is made under a name of its own, and gets the one it is to have at the end. Dropped before that, it is removed.
pub(crate) struct NewDatabase {
    server: Arc<Connection>,
    location: Location,
    name: String,
    /// Roles that were made for it, and go with it.
    pub roles: Vec<String>,
    is_published: bool,
}

impl NewDatabase {
    /// Makes an empty database as the captured one was made.
    pub fn make(location: &Location, settings: &Settings, catalog: &Catalog) -> Result<Self, ConnectorError> {
        let mut refused = None;
        let server = ALWAYS_THERE.iter().find_map(|name| match open(&location.clone().with_database(name), settings) {
            Ok(found) => found,
            Err(error) => {
                refused.get_or_insert(error);
                None
            }
        });
        let Some(server) = server else {
            let message =
                format!("{} has neither a database `postgres` nor `template1` to connect to", location.shown());
            return Err(refused.unwrap_or_else(|| ConnectorError::new(ErrorKind::Target, message)));
        };
        let name = format!("datakeep_restore_{}", random_word()?);
        let sql = create_database(catalog, &name, server.version()?);
        server.try_run(&sql).map_err(|error| {
            let fault = server.fault("cannot make a database on", &error);
            match fault.hint {
                Some(_) => fault,
                None => fault.with_hint(
                    "make an empty database with an encoding and a collation that the server has, and restore into it",
                ),
            }
        })?;
        Ok(Self { server, location: location.clone(), name, roles: Vec::new(), is_published: false })
    }

    /// Its name until it is published.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is until it is published.
    pub fn location(&self) -> Location {
        self.location.clone().with_database(&self.name)
    }

    /// Gives it its name. Nobody is connected to it.
    pub fn publish(mut self) -> Result<(), ConnectorError> {
        let name = self.location.database().unwrap_or_default();
        let sql = format!("ALTER DATABASE {} RENAME TO {}", quoted(&self.name), quoted(name));
        self.server.run("cannot give the new database its name:", &sql)?;
        self.is_published = true;
        Ok(())
    }
}

impl Drop for NewDatabase {
    fn drop(&mut self) {
        if !self.is_published {
            // What cannot be removed any more keeps its name, which says what it is.
            let _ = self.server.try_run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(&self.name)));
            for role in self.roles.iter().rev() {
                let _ = self.server.try_run(&format!("DROP ROLE IF EXISTS {}", quoted(role)));
            }
        }
    }
}

/// The statement that makes a database like the captured one under another name.
fn create_database(catalog: &Catalog, name: &str, version: u32) -> String {
    let made = catalog.objects.iter().find(|object| object.kind == "DATABASE");
    let Some(sql) = made.map(|object| object.sql.as_str()) else {
        return format!("CREATE DATABASE {} TEMPLATE template0", quoted(name));
    };
    let mut sql = named_database(sql, name);
    if version < 150_000 {
        // Older servers have no other provider, and no word for it.
        sql = sql.replace(" LOCALE_PROVIDER = libc", "");
    }
    sql
}

/// Statements about a database told of another.
pub(crate) fn named_database(sql: &str, name: &str) -> String {
    let places = tokens(sql);
    let (mut to, mut done) = (String::new(), 0);
    for pair in places.windows(2) {
        if pair[0].is_word(sql, "DATABASE") && pair[1].name(sql).is_some() {
            to += &sql[done..pair[1].from];
            to += &quoted(name);
            done = pair[1].to;
        }
    }
    to + &sql[done..]
}

/// A word that nobody else has.
fn random_word() -> Result<String, ConnectorError> {
    let mut bytes = [0; 8];
    let failed = |error: getrandom::Error| ConnectorError::new(ErrorKind::Internal, format!("no random name: {error}"));
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use datakeep_connector::SchemaObject;

    #[test]
    fn statements_are_told_of_another_database() {
        assert_eq!(
            named_database(
                "ALTER DATABASE t1 SET work_mem TO '5MB';\nALTER ROLE r IN DATABASE \"t1\" SET a TO 'DATABASE t1';",
                "n\"1"
            ),
            {
                "ALTER DATABASE \"n\"\"1\" SET work_mem TO '5MB';\nALTER ROLE r IN DATABASE \"n\"\"1\" SET a TO 'DATABASE t1';"
            }
        );
    }

    #[test]
    fn a_database_is_made_as_it_was() {
        let sql =
            "CREATE DATABASE t1 WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';"
                .to_owned();
        let object = SchemaObject { kind: "DATABASE".into(), name: "t1".into(), table: String::new(), sql };
        let catalog = Catalog { objects: vec![object], ..Catalog::default() };
        assert_eq!(create_database(&catalog, "n", 150_000), {
            "CREATE DATABASE \"n\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';"
        });
        assert!(!create_database(&catalog, "n", 140_000).contains("PROVIDER"));
        assert_eq!(create_database(&Catalog::default(), "n", 150_000), "CREATE DATABASE \"n\" TEMPLATE template0");
    }
}
