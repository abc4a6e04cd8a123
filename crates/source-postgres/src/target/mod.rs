//! A database opened for writing.

mod encode;

use crate::location::Location;
use crate::options::Settings;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, RestoreJob, Standing, TableTarget};

/// One database, written whole or in part.
pub(crate) struct PostgresTarget {
    location: Location,
    settings: Settings,
    dry_run: bool,
}

impl PostgresTarget {
    /// A target; nothing is connected yet.
    pub fn new(location: Location, settings: Settings, dry_run: bool) -> Result<Self, ConnectorError> {
        Ok(Self { location, settings, dry_run })
    }
}

impl TableTarget for PostgresTarget {
    fn look(&mut self) -> Result<Option<Vec<Standing>>, ConnectorError> {
        let _ = (&self.location, &self.settings, self.dry_run);
        Ok(None)
    }

    fn begin(&mut self, _: &RestoreJob) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn begin_table(&mut self, _: usize) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn write(&mut self, _: &RowBatch) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn end_table(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<String>, ConnectorError> {
        Ok(Vec::new())
    }
}
