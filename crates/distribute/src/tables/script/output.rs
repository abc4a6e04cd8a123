//! Statements as they are written, so that a script works as a whole or not at all.
//!
//! Programs that run statements one after another go on after an error, the shell `sqlite3` among them. So the script counts
//! what it changed in a table of its own, and its last statement takes everything back unless that is what it should be:
//!
//! - Rows are changed only while this table is there, which it is within the transaction alone: when SQLite itself has ended
//!   that (a full disk), nothing more happens.
//! - Schemas cannot be changed on a condition. A savepoint before each such statement begins a transaction if there is none.
//! - Nothing here is a CHECK: those are off meanwhile.

use super::Write;
use crate::error::DistributeError;
use crate::tables::text::{identifier, text_literal};

/// The table in which a script counts. Its one row is also the condition of all others.
pub(super) const COUNTED: &str = "temp.\"datakeep\"";
/// True within the transaction, an error outside of it.
pub(super) const IS_ON: &str = "(SELECT 1 FROM temp.\"datakeep\")";
/// What is said when the last statement fails, as the name of the column that may not be null.
const FAILED: &str = "nothing was changed: a statement failed, or the database is not in the first state";

/// Where a script is written to.
pub(super) struct Output<'w, E> {
    write: Write<'w, E>,
    /// Rows that have been changed since it was last looked, if all went well.
    due: u64,
    /// How often it was looked.
    proven: u64,
}

impl<'w, E: From<DistributeError>> Output<'w, E> {
    pub(super) fn new(write: Write<'w, E>) -> Self {
        Self { write, due: 0, proven: 0 }
    }

    /// Writes a text as it is. No zero character is in any: programs end at other places there than SQLite does.
    pub(super) fn text(&mut self, text: &str) -> Result<(), E> {
        if text.contains('\0') {
            return Err(DistributeError::Usage {
                message: "a name in this database holds a zero character, which no statement can say".to_owned(),
                hint: Some("print the difference as JSON instead: --json".to_owned()),
            }
            .into());
        }
        (self.write)(text)
    }

    /// A statement that changes one row.
    pub(super) fn row(&mut self, statement: &str) -> Result<(), E> {
        self.due += 1;
        self.text(statement)
    }

    /// A statement that changes a schema or a setting of the database.
    pub(super) fn schema(&mut self, statement: &str) -> Result<(), E> {
        self.text("SAVEPOINT datakeep;")?;
        self.text(statement)
    }

    /// Makes the table in which is counted.
    pub(super) fn begin(&mut self) -> Result<(), E> {
        self.text(&format!("CREATE TEMP TABLE {};", Self::declared()))?;
        self.text(&format!("INSERT INTO {COUNTED} VALUES (total_changes(), 0, 1);"))?;
        self.due = 1;
        Ok(())
    }

    /// Counts on only if all rows were changed since it was last looked, and this holds.
    pub(super) fn prove(&mut self, condition: &str) -> Result<(), E> {
        let due = self.due;
        self.step(&format!("total_changes() - changes = {due} AND {condition}"))
    }

    /// Counts on only if this holds, after a statement that changes rows of an unknown number.
    pub(super) fn prove_anew(&mut self, condition: &str) -> Result<(), E> {
        self.step(condition)
    }

    fn step(&mut self, condition: &str) -> Result<(), E> {
        (self.due, self.proven) = (1, self.proven + 1);
        let set = "SET proven = proven + 1, changes = total_changes()";
        self.text(&format!("UPDATE {COUNTED} {set} WHERE {condition};"))
    }

    /// Takes everything back unless all was as it should be. The table is made again where the transaction was ended, so that
    /// the last statement is there to fail.
    pub(super) fn end(&mut self) -> Result<(), E> {
        let (due, proven) = (self.due, self.proven);
        self.text(&format!("CREATE TEMP TABLE IF NOT EXISTS {};", Self::declared()))?;
        let is_done = format!("SELECT 1 FROM {COUNTED} WHERE proven = {proven} AND total_changes() - changes = {due}");
        self.text(&format!("INSERT OR ROLLBACK INTO {COUNTED} VALUES (0, 0, ({is_done}));"))?;
        self.text(&format!("DROP TABLE IF EXISTS {COUNTED};"))
    }

    fn declared() -> String {
        format!("\"datakeep\"(changes, proven, {} NOT NULL)", identifier(FAILED))
    }
}

/// A condition: the schema holds this object, made by a statement of this body.
pub(super) fn stands(kind: &str, name: &str, body: &str) -> String {
    let (kind, name, body) = (text_literal(&kind.to_ascii_lowercase()), text_literal(name), text_literal(body));
    let entry = format!("type = {kind} AND name = {name} AND instr(sql, {body})");
    format!("EXISTS (SELECT 1 FROM main.sqlite_schema WHERE {entry})")
}

/// A condition: the schema holds no such object.
pub(super) fn is_gone(kind: &str, name: &str) -> String {
    let (kind, name) = (text_literal(&kind.to_ascii_lowercase()), text_literal(name));
    format!("NOT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = {kind} AND name = {name})")
}

/// A condition: the table has so many rows.
pub(super) fn has_rows(table: &str, rows: u64) -> String {
    format!("(SELECT count(*) FROM main.{}) = {rows}", identifier(table))
}
