//! Collations that only the application of a database has.
//!
//! SQLite makes no table whose columns name a collation that it does not know. In a new file such a one is stood in for, so that
//! the table can be made. Nothing may be sorted by a stand-in, for its order is not the application's: a table with a key or a
//! unique constraint in that collation is refused, an index is left out.

use crate::fault::words;
use rusqlite::{Connection, OptionalExtension, Result};

const UNKNOWN: &str = "no such collation sequence: ";

/// The collations stood in for on a connection.
pub(crate) struct StandIns {
    may_stand_in: bool,
    names: Vec<String>,
}

impl StandIns {
    /// None yet; in a database that stands there will be none, since its own indexes would be sorted by them.
    pub fn new(may_stand_in: bool) -> Self {
        Self { may_stand_in, names: Vec::new() }
    }

    /// Runs a statement, standing in for what it lacks.
    pub fn execute(&mut self, connection: &Connection, sql: &str) -> Result<()> {
        loop {
            let Err(error) = connection.execute(sql, []) else { return Ok(()) };
            let said = words(&error);
            let Some(name) = said.strip_prefix(UNKNOWN).filter(|_| self.may_stand_in) else { return Err(error) };
            if self.names.iter().any(|known| known == name) {
                return Err(error);
            }
            connection.create_collation(name, |a: &str, b: &str| a.cmp(b))?;
            self.names.push(name.to_owned());
        }
    }

    /// A collation stood in for by which an index of this table is sorted.
    pub fn sorting(&self, connection: &Connection, table: &str) -> Result<Option<String>> {
        for name in &self.names {
            let sql = "SELECT x.coll FROM pragma_index_list(?1, 'main') AS l, pragma_index_xinfo(l.name, 'main') AS x
                       WHERE x.key AND x.coll = ?2 COLLATE NOCASE";
            if let Some(found) = connection.query_row(sql, [table, name], |row| row.get(0)).optional()? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// What is to be told of them.
    pub fn told(&self) -> Vec<String> {
        let told =
            |name: &String| format!("the collation {name} is known to its application alone: no index was built by it");
        self.names.iter().map(told).collect()
    }

    /// Ends them: what is built from here on fails where it needs one.
    pub fn end(&self, connection: &Connection) -> Result<()> {
        self.names.iter().try_for_each(|name| connection.remove_collation(name.as_str()))
    }
}
