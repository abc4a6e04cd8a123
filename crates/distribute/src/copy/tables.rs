//! Copies of snapshots of tables.

use super::proof::{Compared, Depth};
use super::source::must_be_there;
use super::{Copier, CopyReport, Excused};
use crate::error::DistributeError;
use datakeep_connector::ConnectorError;
use datakeep_engine::{
    BackupOptions, EngineError, Original, RunContext, SnapshotTables, TablesReader, copy_tables, prove,
};
use datakeep_model::ErrorKind;
use datakeep_process_table::TableDescription;
use datakeep_store::Manifest;
use std::collections::BTreeSet;

impl Copier<'_> {
    /// Copies a snapshot of tables: its rows go through the same pipeline as those of a database.
    pub(super) fn copy_tables(
        &mut self,
        manifest: &Manifest,
        original: &Original,
        (options, depth): (&BackupOptions, Depth),
        context: &RunContext<'_>,
    ) -> Result<CopyReport, DistributeError> {
        let source = TablesReader::new(self.pair.from.clone(), manifest.clone()).and_then(SnapshotTables::new);
        let mut source = source.map_err(|error| self.of_original(manifest, &error))?;
        let report = copy_tables(self.pair.to, &mut source, original, options, context);
        let report = report.map_err(|error| match error {
            // What the source says is of the original; all else is of the second repository.
            EngineError::Connector(_) => self.of_original(manifest, &error),
            error => error.into(),
        })?;
        let Some(copy) = report.manifest else {
            let message = "a copy cannot be a dry run: plan it".to_string();
            return Err(DistributeError::Usage { message, hint: None });
        };
        self.to.push(copy.clone());
        let nothing = Excused { lost: BTreeSet::new(), count: 0 };
        let compared = self.hold((manifest, &copy), &nothing, (depth, options.workers), context)?;
        let (counters, read_bytes) = (report.counters, report.counters.read_bytes);
        Ok(CopyReport { copy, counters, read_bytes, nodes_read: 0, losses: Vec::new(), resumed: None, compared })
    }

    /// What goes wrong while an original is read is said of it, so that other copies need not suffer. One that is forgotten
    /// and collected meanwhile looks like damage, and is gone by right.
    fn of_original(&self, manifest: &Manifest, error: &EngineError) -> DistributeError {
        if error.kind() == ErrorKind::Integrity
            && let Err(gone) = must_be_there(self.pair.from, manifest)
        {
            return gone.into();
        }
        ConnectorError::new(error.kind(), format!("in the repository that is copied from: {error}")).into()
    }

    /// Holds a copy against its original: what is said of the database and its tables; with [`Depth::Content`] all rows, named
    /// in both by the keys of the first repository.
    pub(super) fn hold_tables(
        &self,
        (manifest, copy): (&Manifest, &Manifest),
        depth: Depth,
        context: &RunContext<'_>,
    ) -> Result<Compared, DistributeError> {
        super::tell_phase(context);
        let original = TablesReader::new(self.pair.from.clone(), manifest.clone())?;
        let mut there = SnapshotTables::new(TablesReader::new(self.pair.to.clone(), copy.clone())?)?;
        let tables = original.tables()?;
        let mut differences = Vec::new();
        if original.database()? != there.reader().database()? {
            differences.push("what is said of the database is different".to_string());
        }
        if !tables.iter().map(said).eq(there.tables().iter().map(said)) {
            differences.push("what is said of the tables is different".to_string());
        }
        let (entries, len_bytes) = (tables.len() as u64, manifest.snapshot.counters.len_bytes);
        let mut compared_bytes = 0;
        if depth == Depth::Content && differences.is_empty() {
            let named: Vec<_> = tables.into_iter().map(|table| (table.clone(), table.info.name)).collect();
            let proof = prove(&original, &mut there, &named, 1, context)?;
            differences.extend(proof.difference.map(|found| format!("table {}: {}", found.table, found.what)));
            compared_bytes = len_bytes;
        }
        Ok(Compared { depth, entries, len_bytes, compared_bytes, losses: 0, differences })
    }
}

/// What must be the same in a copy: everything but how it is stored.
fn said(table: &TableDescription) -> (datakeep_connector::TableInfo, u64) {
    (datakeep_connector::TableInfo { rows_estimate: None, ..table.info.clone() }, table.rows)
}
