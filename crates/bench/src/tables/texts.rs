//! The table as others store it: as statements, and as CSV through zstd; and whether two databases hold the same rows.

use super::data::{COLUMNS, STATEMENT, TABLE, sql};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The compression of the CSV that Datakeep is held against.
const CSV_LEVEL: i32 = 3;

fn open(path: &Path) -> io::Result<Connection> {
    sql(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY))
}

fn each_row(path: &Path, mut act: impl FnMut(&Row<'_>) -> io::Result<()>) -> io::Result<()> {
    let connection = open(path)?;
    let mut statement = sql(connection.prepare(&format!("SELECT * FROM {TABLE} ORDER BY id")))?;
    let mut rows = sql(statement.query([]))?;
    while let Some(row) = sql(rows.next())? {
        act(row)?;
    }
    Ok(())
}

fn hex(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

/// Writes the table as the `.dump` of SQLite's shell does: one statement for each row.
pub fn dump(database: &Path, to: &Path) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(to)?);
    writeln!(out, "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n{STATEMENT};")?;
    each_row(database, |row| {
        write!(out, "INSERT INTO {TABLE} VALUES(")?;
        for at in 0..COLUMNS {
            if at > 0 {
                out.write_all(b",")?;
            }
            literal(&mut out, sql(row.get_ref(at))?)?;
        }
        out.write_all(b");\n")
    })?;
    out.write_all(b"COMMIT;\n")?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn literal(out: &mut impl Write, value: ValueRef<'_>) -> io::Result<()> {
    match value {
        ValueRef::Null => out.write_all(b"NULL"),
        ValueRef::Integer(number) => write!(out, "{number}"),
        ValueRef::Real(number) => write!(out, "{number:?}"),
        ValueRef::Text(text) => quoted(out, text, b'\''),
        ValueRef::Blob(bytes) => {
            out.write_all(b"X'")?;
            hex(out, bytes)?;
            out.write_all(b"'")
        }
    }
}

/// A text between quotes; a quote in it stands twice.
fn quoted(out: &mut impl Write, text: &[u8], quote: u8) -> io::Result<()> {
    out.write_all(&[quote])?;
    for (at, part) in text.split(|byte| *byte == quote).enumerate() {
        if at > 0 {
            out.write_all(&[quote, quote])?;
        }
        out.write_all(part)?;
    }
    out.write_all(&[quote])
}

/// Writes the table as CSV compressed by zstd; how many bytes it takes.
pub fn csv(database: &Path, to: &Path) -> io::Result<u64> {
    let zstd = zstd::Encoder::new(File::create(to)?, CSV_LEVEL)?;
    let mut out = BufWriter::with_capacity(1 << 17, zstd);
    each_row(database, |row| {
        for at in 0..COLUMNS {
            if at > 0 {
                out.write_all(b",")?;
            }
            field(&mut out, sql(row.get_ref(at))?)?;
        }
        out.write_all(b"\n")
    })?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    Ok(file.metadata()?.len())
}

fn field(out: &mut impl Write, value: ValueRef<'_>) -> io::Result<()> {
    match value {
        ValueRef::Null => Ok(()),
        ValueRef::Integer(number) => write!(out, "{number}"),
        ValueRef::Real(number) => write!(out, "{number}"),
        ValueRef::Text(text) if text.iter().any(|byte| b",\"\n".contains(byte)) => quoted(out, text, b'"'),
        ValueRef::Text(text) => out.write_all(text),
        ValueRef::Blob(bytes) => hex(out, bytes),
    }
}

/// In what the table of a restored database differs; empty means that all rows are equal.
pub fn differences(original: &Path, restored: &Path) -> io::Result<Vec<String>> {
    let other = open(restored)?;
    let mut statement = sql(other.prepare(&format!("SELECT * FROM {TABLE} ORDER BY id")))?;
    let mut theirs = sql(statement.query([]))?;
    let mut found = Vec::new();
    each_row(original, |ours| {
        if found.is_empty() {
            let theirs = sql(theirs.next())?;
            let is_same = match theirs {
                None => false,
                Some(theirs) => {
                    (0..COLUMNS).all(|at| matches!((ours.get_ref(at), theirs.get_ref(at)), (Ok(a), Ok(b)) if a == b))
                }
            };
            if !is_same {
                found.push(format!("row {:?} is not what it was", sql(ours.get_ref(0))?));
            }
        }
        Ok(())
    })?;
    if found.is_empty() && sql(theirs.next())?.is_some() {
        found.push("there are more rows than there were".to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::data::{Change, make};
    use super::*;

    #[test]
    fn a_dump_makes_the_same_table() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (original, dumped) = (dir.path().join("a.db"), dir.path().join("dump.sql"));
        make(&original, 500).expect("made");
        Connection::open(&original)
            .expect("opened")
            .execute("UPDATE orders SET note = 'it''s, \"so\"' WHERE id = 7", [])
            .expect("changed");
        dump(&original, &dumped).expect("dumped");
        let back = dir.path().join("b.db");
        let text = std::fs::read_to_string(&dumped).expect("read");
        Connection::open(&back).expect("opened").execute_batch(&text).expect("run");
        assert_eq!(differences(&original, &back).expect("compared"), [] as [&str; 0]);
        Change::Append.apply(&back, 500).expect("changed");
        assert_eq!(differences(&original, &back).expect("compared").len(), 1);
        assert_eq!(differences(&back, &original).expect("compared").len(), 1);
        Change::Updates.apply(&original, 500).expect("changed");
        assert_eq!(differences(&original, &back).expect("compared").len(), 1);
    }

    #[test]
    fn csv_is_what_zstd_gives_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (original, packed) = (dir.path().join("a.db"), dir.path().join("a.csv.zst"));
        make(&original, 500).expect("made");
        let bytes = csv(&original, &packed).expect("written");
        let text = zstd::decode_all(File::open(&packed).expect("opened")).expect("decompressed");
        let lines: Vec<&str> = std::str::from_utf8(&text).expect("text").lines().collect();
        assert_eq!((lines.len(), lines[0].split(',').count()), (500, COLUMNS));
        assert!(bytes > 0 && bytes < text.len() as u64);
        let mut out = Vec::new();
        field(&mut out, ValueRef::Text(b"a,\"b\"")).expect("written");
        assert_eq!(out, b"\"a,\"\"b\"\"\"");
    }
}
