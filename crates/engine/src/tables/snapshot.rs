//! A snapshot of tables as a source of tables.

use super::stored::TablesReader;
use crate::error::EngineError;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{Catalog, ConnectorError, RowStream, TableInfo, TableSource};
use datakeep_model::{ErrorKind, Mark, SourceInfo};
use datakeep_process_table::TableDescription;
use datakeep_process_table::describe::group_key;

/// Gives the tables of a snapshot as they were captured: for a copy in another repository, and for comparing one with its
/// original.
pub struct SnapshotTables {
    reader: TablesReader,
    tables: Vec<TableDescription>,
}

impl SnapshotTables {
    /// Of the snapshot that `reader` reads.
    pub fn new(reader: TablesReader) -> Result<Self, EngineError> {
        let tables = reader.tables()?;
        Ok(Self { reader, tables })
    }

    /// What reads it.
    pub fn reader(&self) -> &TablesReader {
        &self.reader
    }

    /// Its tables.
    pub fn tables(&self) -> &[TableDescription] {
        &self.tables
    }
}

fn as_source(error: EngineError) -> ConnectorError {
    match error {
        EngineError::Connector(error) => error,
        error => ConnectorError::new(error.kind(), format!("the snapshot that is read: {error}")),
    }
}

impl TableSource for SnapshotTables {
    fn info(&self) -> SourceInfo {
        self.reader.manifest().snapshot.source.clone()
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        Ok(self.reader.manifest().snapshot.mark.clone())
    }

    fn catalog(&mut self) -> Result<Catalog, ConnectorError> {
        let said = self.reader.database().map_err(as_source)?;
        Ok(Catalog {
            tables: self.tables.iter().map(|table| table.info.clone()).collect(),
            objects: said.objects,
            settings: said.settings,
            not_carried: said.not_carried,
        })
    }

    fn rows<'s>(&'s mut self, table: &TableInfo) -> Result<Box<dyn RowStream + 's>, ConnectorError> {
        let found = self.tables.iter().find(|known| known.info.name == table.name);
        let missing =
            || ConnectorError::new(ErrorKind::NotFound, format!("table {} is not in the snapshot", table.name));
        Ok(Box::new(Groups { reader: &self.reader, table: found.ok_or_else(missing)?, from: Some(Vec::new()) }))
    }
}

/// Row group by row group.
struct Groups<'s> {
    reader: &'s TablesReader,
    table: &'s TableDescription,
    /// What orders the next group; `None` at the end.
    from: Option<Vec<u8>>,
}

impl RowStream for Groups<'_> {
    fn next_batch(&mut self) -> Result<Option<RowBatch>, ConnectorError> {
        let Some(from) = self.from.take() else { return Ok(None) };
        let name = &self.table.info.name;
        let prefix = group_key(name, &[]).len();
        let mut found = None;
        let taken = self.reader.each_group(name, &from, &mut |group| {
            found = Some(group);
            Ok(false)
        });
        taken.map_err(as_source)?;
        let Some(group) = found else { return Ok(None) };
        let mut next = group.entry.key.get(prefix..).unwrap_or_default().to_vec();
        next.push(0);
        self.from = Some(next);
        self.reader.rows(self.table, &group).map(Some).map_err(as_source)
    }
}
