//! The statement that reads a table in the order of its key.
//!
//! The order is that of normalised keys: null, then values of the column's type (numbers as numbers, texts and blobs by their
//! bytes in UTF-8), then all others by kind and bytes. SQLite's own order is the same as long as a column holds values of its
//! type alone, texts are kept in UTF-8, and the collation is BINARY; where that does not hold, rows are sorted by a function
//! that gives the normalised key itself.

use crate::sql::quoted;
use crate::{open, value};
use arrow_schema::DataType;
use datakeep_connector::TableInfo;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};

/// Gives the normalised key of a value (first argument) in a column of a type (second), whose wide text is the third.
const KEY: &str = "datakeep_key";
/// Tells whether a value (first argument) is held by a column of a type (second).
const FITS: &str = "datakeep_fits";
/// Gives what a text (first argument) is when UTF-8 cannot say it, from its bytes (second) in an order (third, `le` or `be`).
const WIDE: &str = "datakeep_wide";

/// Makes the functions known that statements of this module call.
pub(crate) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(KEY, 3, flags, |call| match call.get_raw(2) {
        ValueRef::Blob(wide) => Ok([&[3, value::WIDE_TEXT], wide].concat()),
        _ => Ok(normalised(call.get_raw(0), letter(call)?)),
    })?;
    connection.create_scalar_function(WIDE, 3, flags, |call| match (call.get_raw(0), call.get_raw(1)) {
        (ValueRef::Text(text), ValueRef::Blob(raw)) => Ok(value::wide_text(text, raw, letter_at(call, 2)? == b'l')),
        _ => Ok(None),
    })?;
    connection.create_scalar_function(FITS, 2, flags, |call| Ok(fits(call.get_raw(0), letter(call)?)))
}

fn letter(call: &Context<'_>) -> Result<u8> {
    letter_at(call, 1)
}

fn letter_at(call: &Context<'_>, place: usize) -> Result<u8> {
    Ok(call.get_raw(place).as_str()?.bytes().next().unwrap_or_default())
}

/// How a database keeps its texts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    Utf8,
    Utf16le,
    Utf16be,
}

impl Encoding {
    /// The encoding of the main database.
    pub fn of(connection: &Connection) -> Result<Self> {
        Ok(match open::text(connection, "encoding")?.as_str() {
            "UTF-16le" => Self::Utf16le,
            "UTF-16be" => Self::Utf16be,
            _ => Self::Utf8,
        })
    }

    /// The expression for the wide text of a column.
    fn wide(self, column: &str) -> String {
        let order = match self {
            Self::Utf8 => return "NULL".to_owned(),
            Self::Utf16le => "le",
            Self::Utf16be => "be",
        };
        format!("{WIDE}({column}, CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) END, '{order}')")
    }
}

/// The letter of a type in calls of these functions.
fn letter_of(data_type: &DataType) -> char {
    match data_type {
        DataType::Int64 => 'i',
        DataType::Float64 => 'f',
        DataType::Utf8 => 't',
        _ => 'b',
    }
}

fn fits(value: ValueRef<'_>, letter: u8) -> bool {
    match value {
        ValueRef::Null => true,
        ValueRef::Integer(_) => letter == b'i',
        ValueRef::Real(_) => letter == b'f',
        ValueRef::Text(bytes) => letter == b't' && std::str::from_utf8(bytes).is_ok(),
        ValueRef::Blob(_) => letter == b'b',
    }
}

/// As `process_table::key` writes it, but that nothing is escaped: parts are compared each by itself.
fn normalised(value: ValueRef<'_>, letter: u8) -> Vec<u8> {
    match value::to_exception(value) {
        None => vec![1],
        Some((_, bytes)) if fits(value, letter) => [&[2], bytes.as_slice()].concat(),
        Some((kind, bytes)) => [&[3, kind], bytes.as_slice()].concat(),
    }
}

/// Columns that a result can have, unless SQLite was built for more.
const MOST_COLUMNS: usize = 2000;

/// The statements that read the columns of a table in their order, rows in the order of its key, and how many columns of the
/// table each reads: one, unless a table has as many columns as there can be. In a UTF-16 database as many columns follow in
/// each, with the wide text of each where it has one.
pub(crate) fn select(
    connection: &Connection,
    table: &TableInfo,
    is_without_rowid: bool,
) -> Result<Vec<(String, usize)>> {
    let columns: Vec<String> = table.columns.iter().map(|column| of_column(&column.name)).collect();
    let encoding = Encoding::of(connection)?;
    let most = if encoding == Encoding::Utf8 { MOST_COLUMNS } else { MOST_COLUMNS / 2 };
    let scan = if is_without_rowid { "" } else { "NOT INDEXED" };
    let order = match (table.key.is_empty(), is_without_rowid) {
        (true, _) => String::new(),
        // Rowids are integers without exception, whatever type the column was given.
        (false, false) => {
            format!(" ORDER BY {}", key_columns(table).map(|(name, _)| name).collect::<Vec<_>>().join(", "))
        }
        (false, true) => order_by(connection, table, encoding)?,
    };
    let part = |columns: &[String]| {
        let mut read = columns.to_vec();
        if encoding != Encoding::Utf8 {
            read.extend(columns.iter().map(|column| encoding.wide(column)));
        }
        let sql = format!("SELECT {} FROM main.{} AS t {scan}{order}", read.join(", "), quoted(&table.name.table));
        (sql, columns.len())
    };
    Ok(columns.chunks(most).map(part).collect())
}

/// A name that can only be a column's: without a table before it, SQLite takes an unknown one for a text.
fn of_column(name: &str) -> String {
    format!("t.{}", quoted(name))
}

fn key_columns(table: &TableInfo) -> impl Iterator<Item = (String, &DataType)> {
    let columns = table.key.iter().filter_map(|place| table.columns.get(*place));
    columns.map(|column| (of_column(&column.name), &column.data_type))
}

fn order_by(connection: &Connection, table: &TableInfo, encoding: Encoding) -> Result<String> {
    let misfits: Vec<String> = key_columns(table)
        .map(|(name, data_type)| match data_type {
            DataType::Int64 => format!("typeof({name}) <> 'integer'"),
            DataType::Float64 => format!("typeof({name}) <> 'real'"),
            DataType::Utf8 if encoding == Encoding::Utf8 => format!("NOT {FITS}({name}, 't')"),
            // SQLite compares texts as it keeps them: in UTF-16 that is another order than in UTF-8.
            DataType::Utf8 => "1".to_owned(),
            _ => format!("typeof({name}) <> 'blob'"),
        })
        .collect();
    let counts: Vec<String> = misfits.iter().map(|misfit| format!("max({misfit})")).collect();
    let sql = format!("SELECT {} FROM main.{} AS t", counts.join(", "), quoted(&table.name.table));
    let parts = connection.query_row(&sql, [], |row| {
        key_columns(table)
            .enumerate()
            .map(|(place, (name, data_type))| {
                Ok(match row.get::<_, Option<bool>>(place)? {
                    Some(true) => {
                        format!("{KEY}({name}, '{}', {})", letter_of(data_type), encoding.wide(&name))
                    }
                    _ => format!("{name} COLLATE BINARY"),
                })
            })
            .collect::<Result<Vec<String>>>()
    })?;
    Ok(format!(" ORDER BY {}", parts.join(", ")))
}
