//! The end of a restore: everything but rows, what SQLite says of it, and the step that makes it seen.

use super::file::NewFile;
use super::{Work, job, make, target_error, verify};
use datakeep_connector::ConnectorError;
use std::path::Path;

/// A new file that is complete and has not got its name yet.
pub(super) struct Complete {
    file: NewFile,
    told: Vec<String>,
    is_wal: bool,
}

impl Complete {
    /// Completes and checks a new file.
    pub fn of(mut work: Work, file: NewFile, path: &Path, losses: &mut Vec<String>) -> Result<Self, ConnectorError> {
        let fault = target_error("cannot complete", path);
        work.stand_ins.end_functions(&work.connection).map_err(&fault)?;
        work.give_types_back().map_err(&fault)?;
        make::objects(&mut work, path)?;
        make::own_tables(&work.connection, path, &work.job, &work.held)?;
        make::sequences(&work.connection, &work.job, &work.sequences).map_err(&fault)?;
        make::exact_statements(&work.connection, &work.job).map_err(&fault)?;
        work.connection.execute_batch("COMMIT").map_err(&fault)?;
        losses.append(&mut work.losses);
        // Entries written into the schema are known to the next connection.
        work.connection.close().map_err(|(_, error)| fault(error))?;
        let connection = file.reopen().map_err(&fault)?;
        let mut told = work.stand_ins.told();
        told.append(&mut work.told);
        told.extend(verify::whole(&connection, path)?);
        connection.close().map_err(|(_, error)| fault(error))?;
        Ok(Self { file, told, is_wal: job::setting(&work.job.catalog, "journal-mode") == Some("wal") })
    }

    /// Where it lies.
    pub fn place(&self) -> &Path {
        self.file.temporary()
    }

    /// Gives it its name. Nobody has it open.
    pub fn publish(self, path: &Path) -> Result<Vec<String>, ConnectorError> {
        if self.is_wal {
            let fault = target_error("cannot complete", path);
            let connection = self.file.reopen().map_err(&fault)?;
            connection.execute_batch("PRAGMA journal_mode=WAL").map_err(&fault)?;
            connection.close().map_err(|(_, error)| fault(error))?;
        }
        self.file.publish()?;
        Ok(self.told)
    }
}

/// Completes, checks and commits the changes of a database that stands.
pub(super) fn standing(mut work: Work, path: &Path, losses: &mut Vec<String>) -> Result<Vec<String>, ConnectorError> {
    let fault = target_error("cannot complete the changes of", path);
    work.stand_ins.end_functions(&work.connection).map_err(&fault)?;
    work.give_types_back().map_err(&fault)?;
    make::objects_of_tables(&mut work, path)?;
    make::sequences(&work.connection, &work.job, &work.sequences).map_err(&fault)?;
    let mut told = work.stand_ins.told();
    told.append(&mut work.told);
    for table in &work.job.tables {
        told.push(verify::table(&work.connection, path, &table.into.table)?);
    }
    work.losses.extend(verify::more_dangling(&work.connection, work.dangling_before));
    work.connection.execute_batch("COMMIT").map_err(&fault)?;
    losses.append(&mut work.losses);
    work.connection.close().map_err(|(_, error)| target_error("cannot close", path)(error))?;
    Ok(told)
}
