//! What the columns of a table in the target are.

use crate::connect::Connection;
use crate::sql::{literal, qualified};
use crate::types::Lane;
use datakeep_connector::{ConnectorError, TableInfo, TableName};

/// A column of a table that stands.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub name: String,
    pub lane: Lane,
    /// Its value is computed.
    pub is_generated: bool,
    /// Its value is always given by the server, unless it is told otherwise.
    pub is_identity_always: bool,
}

/// The columns of a table, in order; types of domains are those beneath them.
pub(crate) fn read(connection: &Connection, table: &TableName) -> Result<Vec<Column>, ConnectorError> {
    let name = literal(&qualified(&table.schema, &table.table));
    let sql = format!(
        "WITH RECURSIVE base(number, oid, modifier, depth) AS (SELECT attnum, atttypid, atttypmod, 0 FROM pg_catalog.pg_attribute \
         WHERE attrelid = {name}::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped UNION ALL SELECT b.number, t.typbasetype, \
         t.typtypmod, b.depth + 1 FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid AND t.typtype = 'd'), \
         last AS (SELECT DISTINCT ON (number) number, oid, modifier FROM base ORDER BY number, depth DESC) SELECT a.attname, l.oid, \
         l.modifier, a.attgenerated <> '', a.attidentity = 'a' FROM last l JOIN pg_catalog.pg_attribute a ON a.attnum = l.number \
         AND a.attrelid = {name}::pg_catalog.regclass ORDER BY a.attnum"
    );
    let rows = connection.rows("cannot read the columns of a table of", &sql)?;
    let column = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        let (name, oid, modifier) = (next(), next(), next());
        let lane = Lane::of(oid.parse().unwrap_or_default(), modifier.parse().unwrap_or(-1));
        Column { name, lane, is_generated: next() == "t", is_identity_always: next() == "t" }
    };
    Ok(rows.into_iter().map(column).collect())
}

/// Names of the columns whose values a table was captured with.
pub(crate) fn captured(table: &TableInfo) -> impl Iterator<Item = &str> {
    table.columns.iter().filter(|column| !column.hidden).map(|column| column.name.as_str())
}
