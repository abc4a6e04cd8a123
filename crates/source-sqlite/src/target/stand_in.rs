//! Collations and functions that only the application of a database has.
//!
//! SQLite makes no table whose columns name a collation, or whose rules call a function, that it does not know. Such a one is
//! stood in for, so that the table can be made. Nothing may be sorted by a stand-in, for its order is not the application's: a
//! table with a key or a unique constraint in that collation is refused, an index is left out. A function that stands in fails
//! when its value would be kept; rules are not checked while rows are put back.

use crate::fault::words;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Error, OptionalExtension, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const NO_COLLATION: &str = "no such collation sequence: ";
const NO_FUNCTION: &str = "no such function: ";
/// What a function says that stands in.
const CALLED: &str = "only its application has the function ";

/// True for words of SQLite that say that it needs what only an application has.
pub(crate) fn is_of_application(said: &str) -> bool {
    ["no such collation sequence", "no such function", "unknown function", CALLED].iter().any(|why| said.contains(why))
}

/// What is stood in for on a connection.
pub(crate) struct StandIns {
    may_collate: bool,
    collations: Vec<String>,
    functions: Vec<String>,
    /// True while what functions give is not kept.
    is_idle: Arc<AtomicBool>,
}

impl StandIns {
    /// None yet; in a database that stands there will be no collation, since its own indexes would be sorted by it.
    pub fn new(may_collate: bool) -> Self {
        Self { may_collate, collations: Vec::new(), functions: Vec::new(), is_idle: Arc::default() }
    }

    /// Runs a statement, standing in for what it lacks.
    pub fn execute(&mut self, connection: &Connection, sql: &str) -> Result<()> {
        self.until_known(connection, || connection.execute(sql, []).map(drop))
    }

    /// Compiles a statement, standing in for what it lacks.
    pub fn learn(&mut self, connection: &Connection, sql: &str) -> Result<()> {
        self.until_known(connection, || connection.prepare(sql).map(drop))
    }

    fn until_known(&mut self, connection: &Connection, run: impl Fn() -> Result<()>) -> Result<()> {
        loop {
            let Err(error) = run() else { return Ok(()) };
            if !self.stand_in(connection, &words(&error))? {
                return Err(error);
            }
        }
    }

    /// Stands in for what SQLite says it lacks; false when that cannot be.
    fn stand_in(&mut self, connection: &Connection, said: &str) -> Result<bool> {
        if let Some(name) = said.strip_prefix(NO_COLLATION) {
            if !self.may_collate || self.collations.iter().any(|known| known == name) {
                return Ok(false);
            }
            connection.create_collation(name, |a: &str, b: &str| a.cmp(b))?;
            self.collations.push(name.to_owned());
            return Ok(true);
        }
        let Some(name) = said.strip_prefix(NO_FUNCTION) else { return Ok(false) };
        if self.functions.iter().any(|known| known == name) {
            return Ok(false);
        }
        // Harmless, for all that it does is to fail: so a schema may call it though it is not trusted.
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
        let (says, is_idle) = (format!("{CALLED}{name}"), Arc::clone(&self.is_idle));
        connection.create_scalar_function(name, -1, flags, move |_| match is_idle.load(Ordering::Relaxed) {
            true => Ok(None::<i64>),
            false => Err(Error::UserFunctionError(says.clone().into())),
        })?;
        self.functions.push(name.to_owned());
        Ok(true)
    }

    /// Prepares for rows of a table that was made anew. SQLite computes all columns of a row that it adds; where it keeps none
    /// of these values, functions that stand in need not fail.
    pub fn begin_table(&self, connection: &Connection, table: Option<&str>) -> Result<()> {
        let kept = "SELECT count(*) FROM pragma_table_xinfo(?1, 'main') AS c
                    WHERE c.hidden = 3 OR c.hidden = 2 AND (c.\"notnull\" OR c.name IN (
                      SELECT x.name FROM pragma_index_list(?1, 'main') AS l, pragma_index_xinfo(l.name, 'main') AS x))";
        let is_idle = match table {
            Some(table) if !self.functions.is_empty() => {
                connection.query_row(kept, [table], |row| row.get::<_, i64>(0))? == 0
            }
            _ => false,
        };
        self.is_idle.store(is_idle, Ordering::Relaxed);
        Ok(())
    }

    /// A collation stood in for by which an index of this table is sorted.
    pub fn sorting(&self, connection: &Connection, table: &str) -> Result<Option<String>> {
        for name in &self.collations {
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
        let collation =
            |name: &String| format!("the collation {name} is known to its application alone: no index was built by it");
        let function = |name: &String| {
            format!("the function {name} is known to its application alone: rules that call it were kept, not checked")
        };
        self.collations.iter().map(collation).chain(self.functions.iter().map(function)).collect()
    }

    /// Ends the collations: what is built from here on fails where it needs one.
    pub fn end_collations(&self, connection: &Connection) -> Result<()> {
        self.collations.iter().try_for_each(|name| connection.remove_collation(name.as_str()))
    }

    /// Ends the functions, once all rows are written.
    pub fn end_functions(&self, connection: &Connection) -> Result<()> {
        self.functions.iter().try_for_each(|name| connection.remove_function(name.as_str(), -1))
    }
}
