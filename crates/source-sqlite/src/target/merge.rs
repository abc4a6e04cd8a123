//! Rows merged into a table that stands: written, read back, and counted.
//!
//! What stands there has rules of its own. So each row is read again once it is written and must be what was captured, class and
//! bits; and afterwards the table must have the rows it had and the new ones, none less.

use super::insert::{Writing, bind, each_row, merging, wide_order};
use super::{job, qualified, target_error};
use crate::fault::shown;
use crate::source::order::Encoding;
use crate::sql::quoted;
use crate::value;
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ConnectorError, TableJob};
use datakeep_model::{ErrorKind, escape_for_terminal};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result, Statement};
use std::path::Path;

/// Keys merged so far, where keys that were captured as two may be one.
const SEEN: &str = "temp.datakeep_merged";

/// A table that rows are merged into.
pub(crate) struct Merging {
    writing: Writing,
    /// Its name for people, and as a statement has it.
    name: String,
    qualified: String,
    columns: Vec<String>,
    key: Vec<usize>,
    rows_before: i64,
    rows_added: i64,
    has_collations: bool,
}

impl Merging {
    /// Looks at the table before its first row is written.
    pub fn start(connection: &Connection, job: &TableJob) -> Result<Self> {
        let qualified = qualified(&job.into.table);
        let collations = key_collations(connection, &job.into.table)?;
        let has_collations = collations.iter().any(|collation| !collation.eq_ignore_ascii_case("BINARY"));
        if has_collations {
            make_seen(connection, &collations)?;
        }
        Ok(Self {
            writing: merging(job),
            name: job::shown_table(&job.into.table),
            rows_before: count(connection, &qualified)?,
            qualified,
            columns: job.table.columns.iter().map(|column| column.name.clone()).collect(),
            key: job.table.key.clone(),
            rows_added: 0,
            has_collations,
        })
    }

    /// Writes rows, and reads each again.
    pub fn write(
        &mut self,
        connection: &Connection,
        path: &Path,
        rows: &RowBatch,
    ) -> std::result::Result<(), ConnectorError> {
        let what = format!("cannot merge rows into table {} of", self.name);
        let fault = target_error(&what, path);
        let mut plain = Statements::prepare(connection, self, &[]).map_err(&fault)?;
        let mut added = 0;
        each_row(rows, self.columns.len(), |values, wide| {
            let order = if wide.is_empty() { Encoding::Utf8 } else { wide_order(connection, path, &what)? };
            let outcome = if wide.is_empty() {
                plain.merge(values, (wide, order), &self.key)
            } else {
                let statements = Statements::prepare(connection, self, wide);
                statements.and_then(|mut statements| statements.merge(values, (wide, order), &self.key))
            };
            match outcome.map_err(&fault)? {
                Outcome::Added => added += 1,
                Outcome::Overwritten => {}
                Outcome::Twice => return Err(self.refused(path, "two rows that were captured have one key there")),
                Outcome::Other(place) => {
                    let column = escape_for_terminal(self.columns.get(place).map_or(&b"?"[..], |name| name.as_bytes()));
                    let why = format!("a value of column {column} would not stand as it was captured");
                    return Err(self.refused(path, &why));
                }
            }
            Ok(())
        })?;
        self.rows_added += added;
        Ok(())
    }

    /// Counts: no row that stood there may be gone.
    pub fn end(&self, connection: &Connection, path: &Path) -> std::result::Result<(), ConnectorError> {
        let found = count(connection, &self.qualified).map_err(target_error("cannot count rows of", path))?;
        if found == self.rows_before + self.rows_added {
            return Ok(());
        }
        let (before, added) = (self.rows_before, self.rows_added);
        self.refused_with(path, format!("it had {before} rows and got {added} new ones, but would have {found}"))
    }

    fn refused_with(&self, path: &Path, why: String) -> std::result::Result<(), ConnectorError> {
        Err(self.refused(path, &why))
    }

    fn refused(&self, path: &Path, why: &str) -> ConnectorError {
        let message = format!("cannot merge into table {} of {}: {why}; nothing was changed", self.name, shown(path));
        ConnectorError::new(ErrorKind::Target, message).with_hint("restore it under another name, or replace it")
    }
}

/// What became of a row.
enum Outcome {
    Added,
    Overwritten,
    /// A row merged before has the same key there.
    Twice,
    /// The value at this place is another one, or the whole row is gone (place 0).
    Other(usize),
}

/// The statements that merge a row.
struct Statements<'c> {
    seen: Option<Statement<'c>>,
    write: Statement<'c>,
    read: Statement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection, merging: &Merging, wide: &[usize]) -> Result<Self> {
        let as_text = |place: usize, number: usize| {
            if wide.contains(&place) { format!("CAST(?{number} AS TEXT)") } else { format!("?{number}") }
        };
        let numbered = || merging.key.iter().enumerate().map(|(at, place)| (*place, as_text(*place, at + 1)));
        let is_it: Vec<String> =
            numbered().map(|(place, bound)| format!("{} IS {bound}", quoted(&merging.columns[place]))).collect();
        let column = |(place, name): (usize, &String)| {
            if wide.contains(&place) { format!("CAST({} AS BLOB)", quoted(name)) } else { quoted(name) }
        };
        let columns: Vec<String> = merging.columns.iter().enumerate().map(column).collect();
        let read = format!("SELECT {} FROM {} WHERE {}", columns.join(", "), merging.qualified, is_it.join(" AND "));
        let bound: Vec<String> = numbered().map(|(_, bound)| bound).collect();
        let seen = format!("INSERT OR IGNORE INTO {SEEN} VALUES ({})", bound.join(", "));
        Ok(Self {
            seen: if merging.has_collations { Some(connection.prepare(&seen)?) } else { None },
            write: connection.prepare(&merging.writing.sql(wide))?,
            read: connection.prepare(&read)?,
        })
    }

    fn merge(
        &mut self,
        values: &[ValueRef<'_>],
        (wide, order): (&[usize], Encoding),
        key: &[usize],
    ) -> Result<Outcome> {
        let of_key: Vec<ValueRef<'_>> = key.iter().map(|place| values[*place]).collect();
        let wide_of_key: Vec<usize> = (0..key.len()).filter(|at| wide.contains(&key[*at])).collect();
        let key_wide = Some((wide_of_key.as_slice(), order));
        if let Some(seen) = &mut self.seen {
            bind(seen, &of_key, key_wide)?;
            if seen.raw_execute()? == 0 {
                return Ok(Outcome::Twice);
            }
        }
        bind(&mut self.read, &of_key, key_wide)?;
        let was_there = self.read.raw_query().next()?.is_some();
        bind(&mut self.write, values, Some((wide, order)))?;
        self.write.raw_execute()?;
        let mut rows = self.read.raw_query();
        let Some(row) = rows.next()? else { return Ok(Outcome::Other(0)) };
        for (place, value) in values.iter().enumerate() {
            if !is_same(*value, row.get_ref(place)?, wide.contains(&place) && order == Encoding::Utf16le) {
                return Ok(Outcome::Other(place));
            }
        }
        Ok(if was_there { Outcome::Overwritten } else { Outcome::Added })
    }
}

/// True for the same class and bits; of a wide text the captured bytes are big-endian.
fn is_same(captured: ValueRef<'_>, stands: ValueRef<'_>, is_swapped: bool) -> bool {
    match (captured, stands) {
        (ValueRef::Real(a), ValueRef::Real(b)) => a.to_bits() == b.to_bits(),
        (ValueRef::Blob(a), ValueRef::Blob(b)) if is_swapped => value::swapped(a) == b,
        (a, b) => a == b,
    }
}

fn count(connection: &Connection, qualified: &str) -> Result<i64> {
    connection.query_row(&format!("SELECT count(*) FROM {qualified}"), [], |row| row.get(0))
}

/// The collations of a primary key that has an index, in its order.
fn key_collations(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let sql = "SELECT x.coll FROM pragma_index_list(?1, 'main') AS l, pragma_index_xinfo(l.name, 'main') AS x
               WHERE l.origin = 'pk' AND x.key ORDER BY x.seqno";
    connection.prepare(sql)?.query_map([table], |row| row.get(0))?.collect()
}

fn make_seen(connection: &Connection, collations: &[String]) -> Result<()> {
    let of = |(at, collation): (usize, &String)| (format!("k{at} COLLATE {}", quoted(collation)), format!("k{at}"));
    let (columns, key): (Vec<String>, Vec<String>) = collations.iter().enumerate().map(of).unzip();
    connection.execute_batch(&format!(
        "DROP TABLE IF EXISTS {SEEN}; CREATE TABLE {SEEN}({}, PRIMARY KEY({})) WITHOUT ROWID;",
        columns.join(", "),
        key.join(", ")
    ))
}
