//! Tables that an extension makes and people fill: their rows are the people's, the table itself is not.

use crate::connect::Connection;
use crate::sql::qualified;
use datakeep_connector::{ConnectorError, Note, TableInfo};
use std::collections::BTreeMap;

/// The note of a table that says which of its rows people added.
const ADDED: &str = "added-rows";

/// Which rows people added to tables of extensions, by the number of the table; those without any are left out.
pub(crate) fn filled(connection: &Connection) -> Result<BTreeMap<u32, String>, ConnectorError> {
    let what = "cannot read the extensions of";
    let sql = "SELECT c.oid, n.nspname, c.relname, u.condition FROM pg_catalog.pg_extension e, \
               unnest(e.extconfig, e.extcondition) AS u(oid, condition) JOIN pg_catalog.pg_class c ON c.oid = u.oid JOIN \
               pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' ORDER BY c.oid";
    let mut filled = BTreeMap::new();
    for row in connection.rows(what, sql)? {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        let (oid, schema, name, condition) = (next(), next(), next(), next());
        let exists = format!("SELECT EXISTS (SELECT FROM ONLY {} {condition})", qualified(&schema, &name));
        if connection.value(what, &exists)? == "t" {
            filled.insert(oid.parse().unwrap_or_default(), condition);
        }
    }
    Ok(filled)
}

/// Notes for a table of which these rows were added (`WHERE ...`, or nothing for all).
pub(crate) fn notes(condition: &str) -> Vec<Note> {
    vec![Note { name: ADDED.to_owned(), value: condition.as_bytes().to_vec() }]
}

/// Which rows of a table people added; `None` for a table of their own.
pub(crate) fn added(table: &TableInfo) -> Option<&str> {
    let note = table.notes.iter().find(|note| note.name == ADDED)?;
    std::str::from_utf8(&note.value).ok()
}
