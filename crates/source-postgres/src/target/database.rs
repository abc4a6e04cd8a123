//! A database that is made where there was none.

use super::session;
use crate::connect::Connection;
use crate::location::Location;
use crate::options::Settings;
use crate::schema::tokens::tokens;
use crate::sql::{literal, quoted};
use datakeep_connector::{Catalog, ConnectorError};
use datakeep_model::ErrorKind;
use std::sync::Arc;

/// Databases that are connected to where the one to be written is not there.
const ALWAYS_THERE: [&str; 2] = ["postgres", "template1"];
/// What names of databases begin with that are not complete.
const HEAD: &str = "datakeep_restore_";

/// A database that is made under a name of its own, and gets the one it is to have at the end. Dropped before that, it is removed.
pub(crate) struct NewDatabase {
    server: Arc<Connection>,
    location: Location,
    settings: Settings,
    name: String,
    /// Roles that were made for it, and go with it.
    pub roles: Vec<String>,
    is_published: bool,
}

impl NewDatabase {
    /// Makes an empty database as the captured one was made.
    pub fn make(location: &Location, settings: &Settings, catalog: &Catalog) -> Result<Self, ConnectorError> {
        let server = maintenance(location, settings)?;
        let name = format!("{HEAD}{}", random_word()?);
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
        let (location, settings) = (location.clone(), settings.clone());
        Ok(Self { server, location, settings, name, roles: Vec::new(), is_published: false })
    }

    /// Databases that restores left which were killed: nobody is connected to them. One sentence each.
    pub fn left_behind(&self) -> Result<Vec<String>, ConnectorError> {
        let sql = format!(
            "SELECT datname FROM pg_catalog.pg_database d WHERE starts_with(datname, '{HEAD}') AND datname <> {} AND NOT EXISTS \
             (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid) ORDER BY 1",
            literal(&self.name)
        );
        let rows = self.server.rows("cannot ask for databases of", &sql)?;
        let sentence = |name: String| format!("a restore that was interrupted left the database {name}: drop it");
        Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).map(sentence).collect())
    }

    /// Removes it and the roles that were made for it; false when it could not be.
    fn remove(&self, server: &Connection) -> bool {
        let is_gone = server.try_run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(&self.name))).is_ok();
        for role in self.roles.iter().rev() {
            let _ = server.try_run(&format!("DROP ROLE IF EXISTS {}", quoted(role)));
        }
        is_gone
    }

    /// Its name until it is published.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is until it is published.
    pub fn location(&self) -> Location {
        self.location.clone().called(self.location.database()).with_database(&self.name)
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
            if !self.remove(&self.server)
                && let Ok(again) = maintenance(&self.location, &self.settings)
            {
                self.remove(&again);
            }
        }
    }
}

/// A session of the server that is not one of the database.
fn maintenance(location: &Location, settings: &Settings) -> Result<Arc<Connection>, ConnectorError> {
    let mut refused = None;
    for name in ALWAYS_THERE {
        match session::open(&location.clone().with_database(name), settings) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    let message = format!("{} has neither a database `postgres` nor `template1` to connect to", location.shown());
    Err(refused.unwrap_or_else(|| ConnectorError::new(ErrorKind::Target, message)))
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
