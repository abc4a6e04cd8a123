//! The table, made from numbers: a row of a number is the same on every machine; and what changes in it.

use crate::data::Kind;
use datakeep_testkit::XorShift;
use rusqlite::{Connection, Statement, params};
use std::io;
use std::path::Path;

/// The table.
pub const TABLE: &str = "orders";
/// Its columns, the key first.
pub const COLUMNS: usize = 12;
/// What makes it.
pub const STATEMENT: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, state TEXT NOT NULL, \
     country TEXT NOT NULL, email TEXT NOT NULL, article TEXT NOT NULL, price REAL NOT NULL, pieces INTEGER NOT NULL, \
     placed TEXT NOT NULL, changed INTEGER, note TEXT, token BLOB NOT NULL)";

const INSERT: &str = "INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const UPDATE_ALL: &str = "UPDATE orders SET customer = ?2, state = ?3, country = ?4, email = ?5, article = ?6, price = ?7, \
     pieces = ?8, placed = ?9, changed = ?10, note = ?11, token = ?12 WHERE id = ?1";
const UPDATE_SOME: &str = "UPDATE orders SET state = ?2, price = ?3, changed = ?4 WHERE id = ?1";

const STATES: [&str; 6] = ["open", "paid", "packed", "sent", "returned", "cancelled"];
const COUNTRIES: [&str; 12] = ["CN", "DE", "US", "FR", "JP", "BR", "IN", "GB", "KR", "NL", "SE", "ZA"];
const HOSTS: [&str; 5] = ["example.com", "example.org", "mail.example", "post.example", "shop.example"];
const WORDS_PER_NOTE: usize = 6;
const SECONDS_PER_ROW: u64 = 7;

/// An error of SQLite as one of everything else here.
pub fn sql<T>(result: rusqlite::Result<T>) -> io::Result<T> {
    result.map_err(io::Error::other)
}

/// Makes rows.
pub struct Maker {
    words: Vec<String>,
}

impl Maker {
    /// A maker; all are alike.
    pub fn new() -> Self {
        let text = String::from_utf8_lossy(&Kind::Prose.bytes(5, 1 << 16)).into_owned();
        Self { words: text.split_whitespace().map(str::to_owned).collect() }
    }

    fn note(&self, chance: &mut XorShift) -> Option<String> {
        if chance.below(10) == 0 {
            return None;
        }
        let mut word = || self.words[chance.below(self.words.len() as u64) as usize].as_str();
        Some((0..WORDS_PER_NOTE).map(|_| word()).collect::<Vec<_>>().join(" "))
    }

    /// Writes the row of a number with a statement of twelve values; another `version` has other values in all columns
    /// but the key.
    fn put(&self, statement: &mut Statement<'_>, id: u64, version: u64) -> rusqlite::Result<()> {
        let chance = &mut XorShift::new(id.wrapping_mul(64).wrapping_add(version));
        let customer = chance.below(1000 + id / 10);
        let email = format!("{}.{customer}@{}", pick(&self.words, customer), pick(&HOSTS, customer));
        let changed = (chance.below(4) > 0).then(|| int(id * SECONDS_PER_ROW + chance.below(1_000_000)));
        let mut token = [0; 16];
        token[..8].copy_from_slice(&chance.next_u64().to_le_bytes());
        token[8..].copy_from_slice(&chance.next_u64().to_le_bytes());
        statement.execute(params![
            int(id),
            int(customer),
            pick(&STATES, chance.below(6)),
            pick(&COUNTRIES, chance.below(12).min(chance.below(12))),
            email,
            format!("A-{:05}", chance.below(50_000).min(chance.below(50_000))),
            price(chance),
            int(1 + chance.below(20).min(chance.below(20))),
            moment(id * SECONDS_PER_ROW + chance.below(SECONDS_PER_ROW)),
            changed,
            self.note(chance),
            token,
        ])?;
        Ok(())
    }
}

/// A number as SQLite knows it.
fn int(number: u64) -> i64 {
    number.cast_signed()
}

fn pick<T>(list: &[T], number: u64) -> &T {
    &list[(number % list.len() as u64) as usize]
}

fn price(chance: &mut XorShift) -> f64 {
    chance.below(100_000) as f64 / 100.0
}

/// A moment of 2020 and after, in the form in which SQLite's functions take it. Months have 28 days here.
fn moment(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (years, day) = (days / 336, days % 336);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{}-{:02}-{:02} {hour:02}:{minute:02}:{second:02}", 2020 + years, 1 + day / 28, 1 + day % 28)
}

/// Opens a database to be changed in one transaction that nothing has to survive: the bench makes it anew.
fn open(path: &Path) -> io::Result<Connection> {
    let connection = sql(Connection::open(path))?;
    sql(connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN"))?;
    Ok(connection)
}

fn close(connection: Connection) -> io::Result<()> {
    sql(connection.execute_batch("COMMIT"))?;
    connection.close().map_err(|(_, error)| io::Error::other(error))
}

/// Makes the database with the rows 1 to `rows`.
pub fn make(path: &Path, rows: u64) -> io::Result<()> {
    let (connection, maker) = (open(path)?, Maker::new());
    sql(connection.execute_batch(STATEMENT))?;
    {
        let mut insert = sql(connection.prepare(INSERT))?;
        sql((1..=rows).try_for_each(|id| maker.put(&mut insert, id, 0)))?;
    }
    close(connection)
}

/// The first key from `least` on that a row has.
pub fn key_from(path: &Path, least: u64) -> io::Result<u64> {
    let connection = sql(Connection::open(path))?;
    let found = connection.query_row("SELECT min(id) FROM orders WHERE id >= ?1", [int(least)], |row| row.get(0));
    sql(found.map(i64::cast_unsigned))
}

/// What becomes of the table between two backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// Three columns of one row of a hundred, anywhere.
    Updates,
    /// One row of a hundred: a third updated in all columns, a third deleted, a third put in at the end.
    Mixed,
    /// As many rows as one of a hundred, put in at the end.
    Append,
}

/// Numbers of rows that are drawn for a change: not two alike.
fn drawn(rows: u64, count: u64, seed: u64) -> Vec<u64> {
    // One of each stretch of rows: anywhere, and never twice.
    let (chance, stretch) = (&mut XorShift::new(seed), rows / count.max(1));
    (0..count).map(|at| 1 + at * stretch + chance.below(stretch.max(1))).collect()
}

impl Change {
    /// Makes it in the database that began with `rows` rows.
    pub fn apply(self, path: &Path, rows: u64) -> io::Result<()> {
        let one_of_a_hundred = rows / 100;
        match self {
            Self::None => Ok(()),
            Self::Updates => updates(path, &drawn(rows, one_of_a_hundred, 1)),
            Self::Mixed => mixed(path, rows, one_of_a_hundred / 3),
            Self::Append => append(path, one_of_a_hundred, 2),
        }
    }
}

fn updates(path: &Path, ids: &[u64]) -> io::Result<()> {
    let connection = open(path)?;
    {
        let mut update = sql(connection.prepare(UPDATE_SOME))?;
        for &id in ids {
            let chance = &mut XorShift::new(id.wrapping_add(1 << 40));
            let (state, changed) = (pick(&STATES, chance.below(6)), chance.below(1 << 31));
            sql(update.execute(params![int(id), state, price(chance), int(changed)]))?;
        }
    }
    close(connection)
}

fn mixed(path: &Path, rows: u64, third: u64) -> io::Result<()> {
    let (connection, maker) = (open(path)?, Maker::new());
    {
        let mut update = sql(connection.prepare(UPDATE_ALL))?;
        sql(drawn(rows, third, 3).into_iter().try_for_each(|id| maker.put(&mut update, id, 1)))?;
        let mut delete = sql(connection.prepare("DELETE FROM orders WHERE id = ?1"))?;
        sql(drawn(rows, third, 4).into_iter().try_for_each(|id| delete.execute([int(id)]).map(|_| ())))?;
    }
    close(connection)?;
    append(path, third, 1)
}

fn append(path: &Path, count: u64, version: u64) -> io::Result<()> {
    let (connection, maker) = (open(path)?, Maker::new());
    {
        let last: i64 = sql(connection.query_row("SELECT max(id) FROM orders", [], |row| row.get(0)))?;
        let last = last.cast_unsigned();
        let mut insert = sql(connection.prepare(INSERT))?;
        sql((last + 1..=last + count).try_for_each(|id| maker.put(&mut insert, id, version)))?;
    }
    close(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows, and how many differ from the table as it was made.
    fn look(path: &Path, original: &Path) -> (i64, i64) {
        let connection = Connection::open(path).expect("opened");
        connection.execute("ATTACH ?1 AS was", [original.to_str().expect("text")]).expect("attached");
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).expect("a number");
        let new = number("SELECT count(*) FROM (SELECT * FROM orders EXCEPT SELECT * FROM was.orders)");
        (number("SELECT count(*) FROM orders"), new)
    }

    #[test]
    fn changes_touch_one_row_of_a_hundred_and_are_the_same_for_everybody() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (original, path) = (dir.path().join("original.db"), dir.path().join("changed.db"));
        make(&original, 3000).expect("made");
        for (change, rows, new) in [
            (Change::None, 3000, 0),
            (Change::Updates, 3000, 30),
            (Change::Mixed, 3000, 20),
            (Change::Append, 3030, 30),
        ] {
            std::fs::copy(&original, &path).expect("copied");
            change.apply(&path, 3000).expect("changed");
            let (found, differ) = look(&path, &original);
            assert_eq!(found, rows, "{change:?}");
            // A row that is drawn to be updated may be drawn to be deleted.
            assert!(differ <= new && differ + 2 >= new, "{change:?}: {differ}");
        }
        let again = dir.path().join("again.db");
        make(&again, 3000).expect("made");
        assert_eq!(look(&again, &original), (3000, 0));
    }

    #[test]
    fn moments_are_moments() {
        assert_eq!(moment(0), "2020-01-01 00:00:00");
        assert_eq!(moment(336 * 86_400 + 28 * 86_400 + 3661), "2021-02-01 01:01:01");
    }
}
