//! What stands in a target.

use crate::connect::{Connection, TextRow};
use crate::schema::shown_name;
use crate::sql::{literal, qualified};
use datakeep_connector::{ConnectorError, Standing, TableName};
use std::collections::BTreeMap;

const WHAT: &str = "cannot look into";

/// Schemas of nobody's tables.
const OWN: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// The tables that stand in a database, partitions one by one.
pub(crate) fn standing(connection: &Connection) -> Result<Vec<Standing>, ConnectorError> {
    let sql = format!(
        "SELECT n.nspname, c.relname, a.attname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relkind = 'r' AND \
         c.relpersistence <> 't' AND {OWN} ORDER BY 1, 2, a.attnum"
    );
    let mut tables: BTreeMap<TableName, Standing> = BTreeMap::new();
    for row in connection.rows(WHAT, &sql)? {
        let name = TableName { schema: text(&row, 0).to_owned(), table: text(&row, 1).to_owned() };
        let table =
            tables.entry(name.clone()).or_insert_with(|| Standing { name, columns: vec![], rows: 0, objects: vec![] });
        table.columns.extend(row.get(2).cloned().flatten());
    }
    for table in tables.values_mut() {
        table.rows = rows(connection, &table.name)?;
    }
    belongings(connection, &mut tables)?;
    Ok(tables.into_values().collect())
}

/// Bytes of a table up to which its rows are counted.
const COUNTED_MAX: u64 = 256 << 20;

/// The rows of a table: as many as the server thinks where counting would take long.
fn rows(connection: &Connection, name: &TableName) -> Result<u64, ConnectorError> {
    let table = qualified(&name.schema, &name.table);
    let sql = format!(
        "SELECT reltuples::pg_catalog.int8 FROM pg_catalog.pg_class WHERE oid = {}::pg_catalog.regclass AND reltuples >= 0 AND \
         pg_catalog.pg_relation_size(oid) > {COUNTED_MAX}",
        literal(&table)
    );
    match connection.value(WHAT, &sql)?.parse() {
        Ok(rows) => Ok(rows),
        Err(_) => {
            let sql = format!("SELECT count(*) FROM ONLY {table}");
            Ok(connection.value(WHAT, &sql)?.parse().unwrap_or_default())
        }
    }
}

fn text(row: &TextRow, place: usize) -> &str {
    row.get(place).and_then(Option::as_deref).unwrap_or_default()
}

/// Kinds and names of what belongs to tables, in the words of the objects of a catalogue.
fn belongings(connection: &Connection, tables: &mut BTreeMap<TableName, Standing>) -> Result<(), ConnectorError> {
    let sql = format!(
        "SELECT n.nspname, c.relname, o.kind, o.name, o.is_alone FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = \
         c.relnamespace JOIN (SELECT i.indrelid AS of, 'INDEX' AS kind, ic.relname AS name, true AS is_alone FROM \
         pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid WHERE NOT EXISTS (SELECT FROM \
         pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid) UNION ALL SELECT conrelid, CASE \
         contype WHEN 'f' THEN 'FK CONSTRAINT' ELSE 'CONSTRAINT' END, conname, false FROM pg_catalog.pg_constraint WHERE contype IN \
         ('p', 'u', 'x', 'f') UNION ALL SELECT tgrelid, 'TRIGGER', tgname, false FROM pg_catalog.pg_trigger WHERE NOT tgisinternal \
         UNION ALL SELECT ev_class, 'RULE', rulename, false FROM pg_catalog.pg_rewrite WHERE rulename <> '_RETURN' UNION ALL SELECT \
         polrelid, 'POLICY', polname, false FROM pg_catalog.pg_policy) o ON o.of = c.oid WHERE c.relkind = 'r' AND {OWN} ORDER BY 1, \
         2, 3, 4"
    );
    for row in connection.rows(WHAT, &sql)? {
        let (schema, table, name) = (text(&row, 0), text(&row, 1), text(&row, 3));
        let found = tables.get_mut(&TableName { schema: schema.to_owned(), table: table.to_owned() });
        let Some(found) = found else { continue };
        let name = match text(&row, 4) {
            "t" => shown_name(schema, name),
            _ => format!("{}.{table} {name}", crate::schema::object::plain(schema)),
        };
        found.objects.push((text(&row, 2).to_owned(), name));
    }
    Ok(())
}

/// What stands under a name, in words; `None` when nothing does.
pub(crate) fn kind_of(connection: &Connection, name: &TableName) -> Result<Option<&'static str>, ConnectorError> {
    let sql = format!(
        "SELECT c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {} \
         AND c.relname = {}",
        literal(&name.schema),
        literal(&name.table)
    );
    Ok(match connection.value(WHAT, &sql)?.as_str() {
        "" => None,
        "r" => Some("table"),
        "p" => Some("partitioned table"),
        "v" => Some("view"),
        "m" => Some("materialised view"),
        "S" => Some("sequence"),
        "f" => Some("foreign table"),
        "i" | "I" => Some("index"),
        _ => Some("type"),
    })
}

/// Names of all relations of a schema.
pub(crate) fn relations(connection: &Connection, schema: &str) -> Result<Vec<String>, ConnectorError> {
    let sql = format!(
        "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {}",
        literal(schema)
    );
    Ok(connection.rows(WHAT, &sql)?.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

/// True when the schema is there.
pub(crate) fn has_schema(connection: &Connection, schema: &str) -> Result<bool, ConnectorError> {
    let sql = format!("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = {}", literal(schema));
    Ok(connection.value(WHAT, &sql)? != "0")
}
