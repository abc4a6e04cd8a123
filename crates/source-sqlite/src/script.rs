//! Runs statements: to make an example, or to apply what a comparison has printed.

use crate::fault::{Side, sqlite_error};
use datakeep_connector::ConnectorError;
use rusqlite::Connection;
use std::path::Path;

/// Runs statements on the database at `path`, which is made when it is not there. They stand as far as they came when one fails,
/// unless they are a transaction.
pub fn run_script(path: &Path, statements: &str) -> Result<(), ConnectorError> {
    let failed = |error: rusqlite::Error| sqlite_error(Side::Target, "cannot write", path, &error);
    let connection = Connection::open(path).map_err(failed)?;
    connection.execute_batch(statements).map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        run_script(&path, "CREATE TABLE t(a); INSERT INTO t VALUES (1);").expect("good statements");
        let error = run_script(&path, "INSERT INTO nowhere VALUES (1)").expect_err("no such table");
        assert!(error.to_string().contains("nowhere"), "{error}");
    }
}
