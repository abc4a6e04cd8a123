//! Columns: what they declare, and the type that most of their values have.

use crate::sql::quoted;
use arrow_schema::DataType;
use datakeep_connector::ColumnInfo;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Rows that are looked at to choose types.
pub(crate) const SAMPLE_ROWS: usize = 1000;
/// Values of another class that must have been seen before a declaration is overruled.
const LEAST_TO_OVERRULE: usize = 16;

/// A column as SQLite tells it.
#[derive(Clone, Debug)]
pub(crate) struct RawColumn {
    pub name: String,
    pub declared: String,
    pub not_null: bool,
    /// Place in the primary key, from 1; 0 when it has none.
    pub key_place: i64,
    /// True when its values are computed from others.
    pub is_generated: bool,
}

/// How a column treats values that are put into it (datatypes, section 3.1), as far as it decides the type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lean {
    /// Values are of this type, or of another only where they could not be turned.
    To(u8),
    /// Anything goes; without values it is this.
    Any(u8),
}

const INTEGER: u8 = 0;
const REAL: u8 = 1;
const TEXT: u8 = 2;
const BLOB: u8 = 3;

fn lean(declared: &str, is_strict: bool) -> Lean {
    let declared = declared.to_ascii_uppercase();
    let has = |part| declared.contains(part);
    if is_strict && declared == "ANY" {
        Lean::Any(BLOB)
    } else if has("INT") {
        Lean::To(INTEGER)
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Lean::To(TEXT)
    } else if has("BLOB") || declared.is_empty() {
        if is_strict { Lean::To(BLOB) } else { Lean::Any(BLOB) }
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Lean::To(REAL)
    } else {
        Lean::Any(INTEGER)
    }
}

/// What a column does to values that are put into it (datatypes, section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Affinity {
    /// Texts that are numbers become numbers, reals that are integers become integers; INTEGER does the same.
    Numeric,
    /// Numbers become reals.
    Real,
    /// Numbers become texts.
    Text,
    /// Nothing.
    None,
}

impl Affinity {
    /// That of a declaration.
    pub fn of(declared: &str, is_strict: bool) -> Self {
        match lean(declared, is_strict) {
            Lean::To(INTEGER) | Lean::Any(INTEGER) => Self::Numeric,
            Lean::To(REAL) | Lean::Any(REAL) => Self::Real,
            Lean::To(TEXT) | Lean::Any(TEXT) => Self::Text,
            Lean::To(_) | Lean::Any(_) => Self::None,
        }
    }

    /// False when it may change this value. It errs on the side of caution.
    pub fn keeps(self, value: ValueRef<'_>) -> bool {
        match (self, value) {
            (Self::None, _) | (_, ValueRef::Null | ValueRef::Blob(_)) => true,
            (Self::Numeric, ValueRef::Integer(_)) | (Self::Text, ValueRef::Text(_)) => true,
            // A real beyond all integers, or with a fraction, stays one.
            (Self::Numeric, ValueRef::Real(real)) => real.fract() != 0.0 || real.abs() >= 1e19,
            (Self::Real, ValueRef::Real(_)) => true,
            // Every number begins like this, white space apart.
            (Self::Numeric | Self::Real, ValueRef::Text(text)) => !text
                .iter()
                .find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r'))
                .is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.')),
            (Self::Text | Self::Real, ValueRef::Integer(_)) | (Self::Text, ValueRef::Real(_)) => false,
        }
    }
}

/// How many of the values looked at have which class, per column.
pub(crate) struct Sample {
    /// Rows looked at.
    pub rows: usize,
    counts: Vec<[usize; 4]>,
}

/// Looks at the first rows of a table in their physical order.
pub(crate) fn sample(
    connection: &Connection,
    table: &str,
    is_without_rowid: bool,
    columns: &[&RawColumn],
) -> rusqlite::Result<Sample> {
    let classes: Vec<String> = columns.iter().map(|column| format!("typeof(t.{})", quoted(&column.name))).collect();
    let scan = if is_without_rowid { "" } else { "NOT INDEXED" };
    let sql = format!("SELECT {} FROM main.{} AS t {scan} LIMIT {SAMPLE_ROWS}", classes.join(", "), quoted(table));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut sample = Sample { rows: 0, counts: vec![[0; 4]; columns.len()] };
    while let Some(row) = rows.next()? {
        sample.rows += 1;
        for (place, counts) in sample.counts.iter_mut().enumerate() {
            let class = match row.get_ref(place)? {
                ValueRef::Text(b"integer") => INTEGER,
                ValueRef::Text(b"real") => REAL,
                ValueRef::Text(b"text") => TEXT,
                ValueRef::Text(b"blob") => BLOB,
                _ => continue,
            };
            counts[usize::from(class)] += 1;
        }
    }
    Ok(sample)
}

impl Sample {
    fn class(&self, place: usize, lean: Lean) -> u8 {
        let counts = self.counts.get(place).copied().unwrap_or_default();
        // Of equally frequent classes the first: the choice depends on nothing but the values.
        let most = (0..4u8).rev().max_by_key(|class| counts[usize::from(*class)]).unwrap_or(BLOB);
        let seen = counts[usize::from(most)];
        match lean {
            // Among equally frequent classes, and without any, what it declares.
            Lean::Any(usual) if seen == counts[usize::from(usual)] => usual,
            Lean::Any(_) => most,
            Lean::To(usual) if seen >= LEAST_TO_OVERRULE && seen > counts[usize::from(usual)] => most,
            Lean::To(usual) => usual,
        }
    }

    /// The column as it is captured.
    pub fn describe(&self, place: usize, column: &RawColumn, is_strict: bool, nullable: bool) -> ColumnInfo {
        let data_type = match self.class(place, lean(&column.declared, is_strict)) {
            INTEGER => DataType::Int64,
            REAL => DataType::Float64,
            TEXT => DataType::Utf8,
            _ => DataType::Binary,
        };
        ColumnInfo { name: column.name.clone(), declared: column.declared.clone(), data_type, nullable, hidden: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_lean_to_types() {
        for (declared, expect) in [
            ("INTEGER", Lean::To(INTEGER)),
            ("unsigned big int", Lean::To(INTEGER)),
            ("CHARINT", Lean::To(INTEGER)),
            ("VARCHAR(10)", Lean::To(TEXT)),
            ("clob", Lean::To(TEXT)),
            ("", Lean::Any(BLOB)),
            ("BLOB", Lean::Any(BLOB)),
            ("double precision", Lean::To(REAL)),
            ("DECIMAL(10,2)", Lean::Any(INTEGER)),
            ("ANY", Lean::Any(INTEGER)),
        ] {
            assert_eq!(lean(declared, false), expect, "{declared}");
        }
        assert_eq!(lean("ANY", true), Lean::Any(BLOB));
        assert_eq!(lean("BLOB", true), Lean::To(BLOB));
    }

    #[test]
    fn the_most_frequent_class_decides() {
        let sample = |counts| Sample { rows: 0, counts: vec![counts] };
        assert_eq!(sample([0, 0, 0, 0]).class(0, Lean::Any(BLOB)), BLOB);
        assert_eq!(sample([2, 2, 1, 0]).class(0, Lean::Any(BLOB)), INTEGER);
        assert_eq!(sample([2, 2, 1, 2]).class(0, Lean::Any(BLOB)), BLOB);
        assert_eq!(sample([2, 3, 1, 0]).class(0, Lean::Any(INTEGER)), REAL);
        assert_eq!(sample([0, 0, 3, 0]).class(0, Lean::To(INTEGER)), INTEGER);
        assert_eq!(sample([5, 0, 30, 0]).class(0, Lean::To(INTEGER)), TEXT);
    }
}
