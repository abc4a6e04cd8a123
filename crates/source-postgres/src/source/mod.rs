//! A database opened for reading.

use crate::connect::Connection;
use crate::fault::{Side, out_of_order};
use crate::location::Location;
use crate::options::Settings;
use datakeep_connector::{Catalog, Clock, ConnectorError, RowStream, TableInfo, TableSource};
use datakeep_model::{Mark, SourceInfo};
use std::sync::Arc;

/// One database, read in one state.
pub(crate) struct PostgresSource {
    location: Location,
    info: SourceInfo,
    settings: Settings,
    clock: Arc<dyn Clock>,
    connection: Arc<Connection>,
}

impl PostgresSource {
    /// Connects; nothing is read yet.
    pub fn open(
        location: Location,
        info: SourceInfo,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectorError> {
        let connection = Connection::open(Side::Source, &location)?;
        Ok(Self { location, info, settings, clock, connection })
    }
}

impl TableSource for PostgresSource {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        let _ = (&self.location, &self.settings, &self.clock, &self.connection);
        Err(out_of_order("not yet"))
    }

    fn catalog(&mut self) -> Result<Catalog, ConnectorError> {
        Err(out_of_order("not yet"))
    }

    fn rows<'s>(&'s mut self, _: &TableInfo) -> Result<Box<dyn RowStream + 's>, ConnectorError> {
        Err(out_of_order("not yet"))
    }
}
