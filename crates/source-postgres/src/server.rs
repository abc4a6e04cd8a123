//! A server as a whole: its databases, and what belongs to none of them.

use crate::connect::Connection;
use crate::fault::{Side, out_of_order};
use crate::location::Location;
use crate::options::Settings;
use crate::schema::state;
use crate::source::catalog::text;
use crate::source::session;
use datakeep_connector::{Catalog, Clock, ConnectorError, Note, Options, Part, RowStream, TableInfo, TableSource};
use datakeep_model::{Mark, SourceInfo, escape_for_terminal};
use std::sync::Arc;

/// The database that every server has, unless somebody dropped it.
const MAINTENANCE: &str = "postgres";
/// The name of what belongs to no database.
pub(crate) const GLOBALS: &str = "globals";
/// The option that says of which databases snapshots are made, and its value for none.
const DATABASES: &str = "databases";
const NONE: &str = "none";
/// What the note of a setting of the server is called, before the setting's name.
const SERVER_SETTING: &str = "server-setting ";

fn open(location: &Location, settings: &Settings) -> Result<Arc<Connection>, ConnectorError> {
    let connection = Connection::open(Side::Source, location)?;
    session::known_version(&connection)?;
    session::pin(&connection, settings.patience)?;
    Ok(connection)
}

/// Every database that takes connections, templates apart, by rising name, and what belongs to none. One that the role may not
/// connect to is among them: that it cannot be read is told where it is tried.
pub(crate) fn parts(location: &Location, settings: &Settings, options: &Options) -> Result<Vec<Part>, ConnectorError> {
    let any = if location.has_database() { location.clone() } else { location.clone().with_database(MAINTENANCE) };
    let connection = open(&any, settings)?;
    let sql = "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname";
    let rows = connection.rows("cannot list the databases of", sql)?;
    let mut own = options.clone();
    own.remove(DATABASES);
    let database =
        |name: String| Part { location: location.clone().with_database(&name).written(), name, options: own.clone() };
    let mut parts: Vec<Part> =
        rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).map(database).collect();
    own.insert(DATABASES.to_owned(), vec![NONE.to_owned()]);
    parts.push(Part { name: GLOBALS.to_owned(), location: any.written(), options: own });
    Ok(parts)
}

/// What belongs to no database: all roles, and how the server is set.
pub(crate) struct Globals {
    info: SourceInfo,
    connection: Arc<Connection>,
    clock: Arc<dyn Clock>,
}

impl Globals {
    /// Connects; nothing is read yet.
    pub fn open(
        location: &Location,
        info: SourceInfo,
        settings: &Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectorError> {
        Ok(Self { info, connection: open(location, settings)?, clock })
    }

    /// What somebody set in the server's files, as far as the role may see it.
    fn settings(&self) -> Result<Vec<Note>, ConnectorError> {
        let sql = "SELECT name, pg_catalog.current_setting(name) FROM pg_catalog.pg_settings WHERE source = 'configuration file' \
                   ORDER BY name";
        let rows = self.connection.rows("cannot read the settings of", sql)?;
        let note = |row: &crate::connect::TextRow| Note {
            name: format!("{SERVER_SETTING}{}", text(row, 0)),
            value: text(row, 1).as_bytes().to_vec(),
        };
        Ok(rows.iter().map(note).collect())
    }

    fn tablespaces(&self) -> Result<Vec<String>, ConnectorError> {
        let sql = "SELECT spcname FROM pg_catalog.pg_tablespace WHERE oid >= 16384 ORDER BY 1";
        let rows = self.connection.rows("cannot read the settings of", sql)?;
        let sentence = |row: &crate::connect::TextRow| {
            let name = escape_for_terminal(text(row, 0).as_bytes());
            format!("the tablespace {name}: a server that is to have it needs a folder for it first")
        };
        Ok(rows.iter().map(sentence).collect())
    }
}

impl TableSource for Globals {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        let now = self.clock.now();
        self.connection.run("cannot begin to read", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        Ok(Mark::Position(now, "a transaction of its own".to_owned()))
    }

    fn catalog(&mut self) -> Result<Catalog, ConnectorError> {
        let state = state::of_server(&self.connection)?;
        let mut catalog = Catalog { objects: state.objects, settings: state.settings, ..Catalog::default() };
        catalog.settings.extend(self.settings()?);
        catalog.not_carried = state.not_carried;
        catalog.not_carried.extend(self.tablespaces()?);
        Ok(catalog)
    }

    fn rows<'s>(&'s mut self, _: &TableInfo) -> Result<Box<dyn RowStream + 's>, ConnectorError> {
        Err(out_of_order("rows were asked of a table that is not there"))
    }

    fn complete(&mut self) -> Result<(), ConnectorError> {
        self.connection.run("cannot finish reading", "COMMIT")
    }
}
