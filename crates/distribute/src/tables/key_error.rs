//! Keys that cannot be keys of a table, as facts: whoever speaks to people puts them into words.

use thiserror::Error;

/// What a column of a key takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyType {
    /// Whole numbers.
    Integer,
    /// Numbers with a fraction.
    Real,
    /// Bytes, written as `x'00ff'`.
    Bytes,
    /// True or false.
    Truth,
    /// A UUID.
    Uuid,
    /// A day.
    Date,
    /// A day and a time of it.
    Instant,
    /// Values that can be written as text or bytes only.
    Other,
}

impl KeyType {
    /// A value as it is written.
    pub fn example(self) -> &'static str {
        match self {
            Self::Integer => "42",
            Self::Real => "1.5",
            Self::Bytes => "x'00ff'",
            Self::Truth => "true",
            Self::Uuid => "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            Self::Date => "2026-01-31",
            Self::Instant => "2026-01-31T18:00:00",
            Self::Other => "'text'",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Integer => "an integer",
            Self::Real => "a real number",
            Self::Bytes => "bytes",
            Self::Truth => "true or false",
            Self::Uuid => "a UUID",
            Self::Date => "a date",
            Self::Instant => "a date with a time, in UTC",
            Self::Other => "a value of a type that cannot be written here",
        }
    }
}

/// Why what was written is no key of a table.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum KeyError {
    /// The table has none.
    #[error("rows of table {table} have no key")]
    None {
        /// `schema.table`.
        table: String,
    },
    /// The key has more columns or less.
    #[error("the key of table {table} has {} parts, not {found}", columns.len())]
    Parts {
        /// `schema.table`.
        table: String,
        /// The columns of its key.
        columns: Vec<String>,
        /// How many values were written.
        found: usize,
    },
    /// A value that the column does not take.
    #[error("key column {column} takes {}: `{text}` is none", takes.words())]
    Part {
        /// The column.
        column: String,
        /// What it takes.
        takes: KeyType,
        /// What was written.
        text: String,
    },
}
