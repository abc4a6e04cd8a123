//! Which columns name the rows of a table, and how a server is asked for rows in the order of that key.
//!
//! The order is that of normalised keys: null, typed values, exceptions by their bytes. A server orders most types alike; where
//! it does not, because of a collation or of values that are exceptions, it is told how.

use super::catalog::{RawColumn, has_value, number, text};
use crate::connect::Connection;
use crate::sql::quoted;
use crate::types::Lane;
use datakeep_connector::{ColumnInfo, ConnectorError, TableName};
use std::collections::HashMap;

/// A unique index that covers all rows and has columns only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Index {
    /// What it is worth as a key, the least the best: of the primary key, chosen by people to identify rows, any other.
    rank: u8,
    /// Numbers of its columns, in its order.
    columns: Vec<i16>,
    name: String,
}

/// Unique indexes by the number of their table, the best first.
pub(crate) fn indexes(connection: &Connection) -> Result<HashMap<u32, Vec<Index>>, ConnectorError> {
    let sql = "SELECT i.indrelid, CASE WHEN i.indisprimary THEN 0 WHEN i.indisreplident THEN 1 WHEN i.indimmediate THEN 2 ELSE 3 \
               END, array_to_string((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1], ' '), c.relname FROM \
               pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indisunique AND i.indisvalid AND \
               i.indisready AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indrelid >= 16384";
    let mut indexes: HashMap<u32, Vec<Index>> = HashMap::new();
    for row in connection.rows("cannot read the keys of", sql)? {
        let columns = text(&row, 2).split(' ').filter_map(|number| number.parse().ok()).collect();
        let index = Index { rank: number(&row, 1), columns, name: text(&row, 3).to_owned() };
        indexes.entry(number(&row, 0)).or_default().push(index);
    }
    for of_table in indexes.values_mut() {
        // Of indexes that are worth the same the shortest, then the first by name: the same one every time.
        of_table.sort_by(|a, b| (a.rank, a.columns.len(), &a.name).cmp(&(b.rank, b.columns.len(), &b.name)));
    }
    Ok(indexes)
}

/// Positions of the columns of the best index whose columns are all captured and never null; empty where there is none.
pub(crate) fn choose(infos: &[ColumnInfo], columns: &[RawColumn], indexes: &[Index]) -> Vec<usize> {
    let places = |index: &Index| -> Option<Vec<usize>> {
        let place = |number: &i16| {
            let place = columns.iter().position(|column| column.number == *number)?;
            (!infos[place].nullable).then_some(place)
        };
        index.columns.iter().map(place).collect()
    };
    indexes.iter().find_map(places).unwrap_or_default()
}

/// A key column as it is asked for.
pub(crate) struct KeyColumn<'a> {
    pub raw: &'a RawColumn,
    /// What is selected for it.
    pub expression: &'a str,
    /// True when it travels as what it is, not as a text.
    pub is_typed: bool,
}

/// Expressions that give the order of the key, most significant first.
pub(crate) fn order(
    connection: &Connection,
    table: &TableName,
    columns: &[KeyColumn<'_>],
    encoding: &str,
) -> Result<Vec<String>, ConnectorError> {
    let mut order = Vec::new();
    for column in columns {
        let name = format!("t.{}", quoted(&column.raw.name));
        if !column.is_typed {
            order.push(by_bytes(column.expression, encoding));
            continue;
        }
        match column.raw.lane {
            // Comparisons of these leave out blanks at the end.
            Lane::Text if column.raw.is_padded => order.push(format!("pg_catalog.bpcharsend({name})")),
            Lane::Text if column.raw.is_by_bytes && has_order_of_utf8(encoding) => order.push(name),
            Lane::Text | Lane::Jsonb => order.push(by_bytes(column.expression, encoding)),
            Lane::Date | Lane::Timestamp | Lane::TimestampTz => {
                // Before all others for the server, an exception for us.
                let is_least = format!("{name} = '-infinity'");
                if has_value(connection, table, &is_least)? {
                    order.push(last_of(&name, column.raw.lane));
                }
                order.push(name);
            }
            Lane::Float4 | Lane::Float8 => {
                let first = is_negative_nan(&name, column.raw.lane);
                if has_value(connection, table, &format!("{name} = 'NaN'"))? {
                    order.push(format!("({first}) DESC"));
                }
                order.push(name);
            }
            _ => order.push(name),
        }
    }
    Ok(order)
}

/// The order of bytes in UTF-8.
fn by_bytes(expression: &str, encoding: &str) -> String {
    match has_order_of_utf8(encoding) {
        true => format!("({expression})::pg_catalog.text COLLATE \"C\""),
        false => format!("pg_catalog.textsend(({expression})::pg_catalog.text)"),
    }
}

/// True where the bytes of texts order as those of UTF-8 do, or are what is kept.
fn has_order_of_utf8(encoding: &str) -> bool {
    matches!(encoding, "UTF8" | "LATIN1" | "SQL_ASCII")
}

/// False for what is typed, true for exceptions: those at either end.
fn last_of(name: &str, lane: Lane) -> String {
    match lane {
        Lane::Date => format!("NOT pg_catalog.isfinite({name})"),
        // The last moment that 64 bits of microseconds since 1970 can say; later ones are exceptions.
        Lane::Timestamp => format!("({name} = '-infinity' OR {name} > '294247-01-10 04:00:54.775807'::timestamp)"),
        _ => format!("({name} = '-infinity' OR {name} > '294247-01-10 04:00:54.775807+00'::timestamptz)"),
    }
}

/// The server holds all that is no number for one greatest value; by its bits it may be the least.
fn is_negative_nan(name: &str, lane: Lane) -> String {
    let send = if lane == Lane::Float4 { "float4send" } else { "float8send" };
    format!("{name} = 'NaN' AND pg_catalog.get_byte(pg_catalog.{send}({name}), 0) > 127")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::DataType;

    fn column(number: i16, nullable: bool) -> (ColumnInfo, RawColumn) {
        let raw = RawColumn {
            number,
            name: format!("c{number}"),
            lane: Lane::Int4,
            is_padded: false,
            is_by_bytes: false,
            writer: Default::default(),
        };
        let info = ColumnInfo {
            name: raw.name.clone(),
            declared: "integer".to_owned(),
            data_type: DataType::Int32,
            nullable,
            hidden: false,
        };
        (info, raw)
    }

    #[test]
    fn a_key_is_captured_and_never_null() {
        let (infos, raw): (Vec<_>, Vec<_>) =
            [column(1, false), column(2, true), column(4, false), column(5, false)].into_iter().unzip();
        let index = |columns: &[i16]| Index { rank: 2, columns: columns.to_vec(), name: String::new() };
        assert_eq!(choose(&infos, &raw, &[index(&[5, 1])]), [3, 0]);
        assert_eq!(choose(&infos, &raw, &[index(&[1, 2]), index(&[4])]), [2], "nulls");
        assert_eq!(choose(&infos, &raw, &[index(&[3])]), [0; 0], "a column that is computed");
        assert_eq!(choose(&infos, &raw, &[]), [0; 0]);
    }
}
