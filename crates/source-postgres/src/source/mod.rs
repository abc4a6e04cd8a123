//! A database opened for reading.

pub(crate) mod catalog;
mod decode;
mod guard;
mod key;
mod lock;
mod scope;
pub(crate) mod session;
mod stream;

use crate::connect::Connection;
use crate::fault::{Side, out_of_order};
use crate::location::Location;
use crate::options::{Limits, Settings};
use crate::schema::state::{self, State as Described};
use crate::schema::{self, shown_name};
use crate::selection::Selection;
use crate::{extension, large};
use catalog::RawTable;
use datakeep_connector::{Catalog, Clock, ConnectorError, RowStream, TableInfo, TableName, TableSource};
use datakeep_model::{ErrorKind, Mark, SourceInfo, escape_for_terminal};
use scope::{Broken, Chosen};
use std::collections::HashMap;
use std::sync::Arc;
use stream::TableStream;

/// What is asked for.
pub(crate) struct Asked {
    pub location: Location,
    pub info: SourceInfo,
    pub selection: Selection,
    pub limits: Limits,
    pub settings: Settings,
    pub clock: Arc<dyn Clock>,
}

/// One database, read in one state: that of a transaction whose snapshot other sessions may share.
pub(crate) struct PostgresSource {
    info: SourceInfo,
    clock: Arc<dyn Clock>,
    connection: Arc<Connection>,
    state: State,
    /// What reads the schema; `None` where only rows are to be proven.
    whole: Option<(Location, Settings)>,
    selection: Selection,
    limits: Limits,
    warnings: Vec<String>,
    /// What is read where not all is; known once the tables are locked.
    chosen: Option<Chosen>,
    version: u32,
    encoding: String,
    tables: HashMap<TableName, RawTable>,
}

#[derive(PartialEq, Eq)]
enum State {
    Opened,
    /// Reading; the name of the exported snapshot.
    Begun(Option<String>),
    Completed,
}

impl PostgresSource {
    /// Connects; nothing is read yet.
    pub fn open(asked: Asked) -> Result<Self, ConnectorError> {
        let Asked { location, info, selection, limits, settings, clock } = asked;
        let connection = Connection::open(Side::Source, &location)?;
        let version = session::known_version(&connection)?;
        session::pin(&connection, settings.patience)?;
        selection.check(&connection)?;
        let whole = Some((location, settings));
        Ok(Self { whole, selection, limits, ..Self::on(connection, info, clock, version)? })
    }

    /// Reads tables within the transaction that the connection is in, whose session is pinned already, and leaves it open. The
    /// catalogue has tables only.
    pub fn within(connection: Arc<Connection>, clock: Arc<dyn Clock>) -> Result<Self, ConnectorError> {
        let info = SourceInfo {
            kind: "postgres".to_owned(),
            name: "restored".to_owned(),
            location: connection.place().to_owned(),
            host: String::new(),
        };
        let version = connection.version()?;
        Self::on(connection, info, clock, version)
    }

    fn on(
        connection: Arc<Connection>,
        info: SourceInfo,
        clock: Arc<dyn Clock>,
        version: u32,
    ) -> Result<Self, ConnectorError> {
        let encoding = connection.value("cannot ask the encoding of", "SHOW server_encoding")?;
        Ok(Self {
            info,
            clock,
            connection,
            state: State::Opened,
            whole: None,
            selection: Selection::default(),
            limits: Limits::default(),
            warnings: Vec::new(),
            chosen: None,
            version,
            encoding,
            tables: HashMap::new(),
        })
    }

    fn snapshot(&self) -> Result<Option<&str>, ConnectorError> {
        match &self.state {
            State::Begun(snapshot) => Ok(snapshot.as_deref()),
            State::Opened => Err(out_of_order("begin was not called")),
            State::Completed => Err(out_of_order("the state that was read is given back")),
        }
    }

    /// The schema as its own objects, with the statement of each table beside its columns.
    fn describe(&self, catalog: &mut Catalog, snapshot: Option<&str>) -> Result<(), ConnectorError> {
        let Some((location, settings)) = &self.whole else { return Ok(()) };
        let broken = self.chosen.as_ref().map(|chosen| chosen.broken(&self.connection)).transpose()?;
        let dumped = schema::dump(&schema::Asked {
            location,
            major: self.version / 10_000,
            snapshot,
            patience: settings.patience,
            program: settings.pg_dump.as_deref(),
            without: broken.as_ref().map_or(&[], |broken| &broken.without),
            side: Side::Source,
        })?;
        let mut described = self.described(&dumped.archive, broken.as_ref(), &mut catalog.not_carried)?;
        let statements: HashMap<&str, &str> = described
            .objects
            .iter()
            .filter(|object| object.kind == "TABLE")
            .map(|object| (object.name.as_str(), object.sql.as_str()))
            .collect();
        let is_described = |table: &&mut TableInfo| !large::is_large(&table.name) && extension::added(table).is_none();
        for table in catalog.tables.iter_mut().filter(is_described) {
            let name = shown_name(&table.name.schema, &table.name.table);
            let sql = statements.get(name.as_str()).ok_or_else(|| self.unknown(&name))?;
            table.sql = (*sql).to_owned();
        }
        if catalog.tables.iter().any(|table| large::is_large(&table.name)) {
            large::describe(&self.connection, &mut described.objects)?;
        }
        catalog.objects = described.objects;
        catalog.settings = described.settings;
        catalog.settings.extend(self.selection.notes());
        catalog.not_carried.extend(described.not_carried);
        catalog.not_carried.extend(dumped.warnings);
        Ok(())
    }

    /// What an archive and the catalogue say of what was chosen.
    fn described(
        &self,
        archive: &[u8],
        broken: Option<&Broken>,
        not_carried: &mut Vec<String>,
    ) -> Result<Described, ConnectorError> {
        let (Some(chosen), Some(broken)) = (&self.chosen, broken) else {
            return state::read(&self.connection, schema::read(archive)?, None);
        };
        not_carried.extend(chosen.told(&self.connection, broken));
        let scope = schema::Scope { selection: &chosen.selection, tables: &chosen.tables, broken: &broken.ids };
        let narrowed = schema::read_chosen(archive, &scope)?;
        not_carried.extend(narrowed.left_out);
        state::read(&self.connection, narrowed.objects, Some(&narrowed.ids))
    }

    fn unknown(&self, table: &str) -> ConnectorError {
        let (table, place) = (escape_for_terminal(table.as_bytes()), self.connection.place());
        let message = format!("cannot read {place}: pg_dump does not describe table {table}");
        ConnectorError::new(ErrorKind::Source, message).with_hint("name a newer pg_dump with the option `pg-dump`")
    }
}

impl TableSource for PostgresSource {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        if self.state != State::Opened {
            return Err(out_of_order("begin was called twice"));
        }
        let now = self.clock.now();
        let (snapshot, position) = if self.whole.is_some() {
            self.warnings = guard::check(&self.connection, &self.limits)?;
            catalog::check_rights(&self.connection, &self.selection)?;
            let held = lock::hold(&self.connection, &self.selection)?;
            self.chosen = (!self.selection.is_all()).then(|| Chosen::of(&self.selection, &held));
            (Some(held.snapshot), held.position)
        } else {
            (None, "a transaction of its own".to_owned())
        };
        self.state = State::Begun(snapshot);
        Ok(Mark::Position(now, position))
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    fn catalog(&mut self) -> Result<Catalog, ConnectorError> {
        let snapshot = self.snapshot()?.map(str::to_owned);
        let is_chosen = |oid: u32, schema: &str, name: &str| {
            self.chosen.as_ref().is_none_or(|chosen| chosen.has(oid, schema, name))
        };
        let read = catalog::tables(&self.connection, self.encoding == "SQL_ASCII", self.version, is_chosen)?;
        let mut catalog = Catalog { tables: read.infos, not_carried: read.not_carried, ..Catalog::default() };
        self.tables = read.raw;
        if !self.selection.is_narrow()
            && let Some(large) = large::table(&self.connection)?
        {
            self.tables.insert(large.name.clone(), RawTable::of_server(&large));
            let at = catalog.tables.partition_point(|table| table.name < large.name);
            catalog.tables.insert(at, large);
        }
        self.describe(&mut catalog, snapshot.as_deref())?;
        Ok(catalog)
    }

    fn rows<'s>(&'s mut self, table: &TableInfo) -> Result<Box<dyn RowStream + 's>, ConnectorError> {
        self.snapshot()?;
        let raw =
            self.tables.get(&table.name).ok_or_else(|| out_of_order("rows were asked of a table that is not there"))?;
        Ok(Box::new(TableStream::start(&self.connection, table, raw, &self.encoding)?))
    }

    fn complete(&mut self) -> Result<(), ConnectorError> {
        self.snapshot()?;
        let what = "cannot finish reading";
        // A transaction that was broken would end without an error.
        self.connection.run(what, "SELECT 1")?;
        if self.whole.is_some() {
            self.connection.run(what, "COMMIT")?;
        }
        self.state = State::Completed;
        Ok(())
    }
}
