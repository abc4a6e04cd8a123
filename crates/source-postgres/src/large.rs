//! Large objects: values in a table of the server's own, cut into pages.
//!
//! They are captured as that table, so what did not change is not stored again, and are written back page by page. Who owns
//! them, who may read them and what is said of them are objects of the schema.

use crate::connect::{Connection, TextRow};
use crate::schema::kind::{Section, section};
use crate::schema::shown_name;
use crate::sql::{literal, quoted};
use arrow_schema::DataType;
use datakeep_connector::{ColumnInfo, ConnectorError, SchemaObject, TableInfo, TableName};
use datakeep_model::{ErrorKind, escape_for_terminal};

const SCHEMA: &str = "pg_catalog";
const TABLE: &str = "pg_largeobject";
/// The kind of an object that makes large objects, in the words of `pg_dump`.
const BLOB: &str = "BLOB";
/// Large objects that one object of the schema makes.
const AT_ONCE: usize = 1000;
/// Bytes of a page: a quarter of a block, of which nearly every server has the usual size.
const PAGE_BYTES: u32 = 2048;
/// Where pages wait for the large objects they are of.
const STAGE: &str = "pg_temp.datakeep_large_objects";
const WHAT: &str = "cannot read the large objects of";

/// True for the table that holds large objects.
pub(crate) fn is_large(name: &TableName) -> bool {
    name.schema == SCHEMA && name.table == TABLE
}

/// True for what is said of large objects.
pub(crate) fn is_of_large(object: &SchemaObject) -> bool {
    object.table == shown_name(SCHEMA, TABLE)
}

/// The table that holds large objects; `None` where there are none.
pub(crate) fn table(connection: &Connection) -> Result<Option<TableInfo>, ConnectorError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_largeobject_metadata), has_table_privilege('pg_largeobject', 'SELECT'), \
               quote_ident(current_user), current_setting('block_size')";
    let row = connection.rows(WHAT, sql)?.into_iter().next().unwrap_or_default();
    if text(&row, 0) != "t" {
        return Ok(None);
    }
    let place = connection.place();
    if text(&row, 1) != "t" {
        let role = escape_for_terminal(text(&row, 2).as_bytes());
        let message = format!("cannot read {place}: the role {role} may not read its large objects");
        let hint = format!("as a superuser: GRANT SELECT ON pg_catalog.pg_largeobject TO {role}");
        return Err(ConnectorError::new(ErrorKind::Denied, message).with_hint(hint));
    }
    if text(&row, 3) != (PAGE_BYTES * 4).to_string() {
        let message = format!("cannot read {place}: it has large objects, and blocks of {} bytes", text(&row, 3));
        return Err(ConnectorError::new(ErrorKind::Incompatible, message).with_hint("8192 are known"));
    }
    let column = |(name, declared, data_type): (&str, &str, DataType)| ColumnInfo {
        name: name.to_owned(),
        declared: declared.to_owned(),
        data_type,
        nullable: false,
        hidden: false,
    };
    let columns = [
        ("loid", "oid", DataType::UInt32),
        ("pageno", "integer", DataType::Int32),
        ("data", "bytea", DataType::Binary),
    ];
    Ok(Some(TableInfo {
        name: TableName { schema: SCHEMA.to_owned(), table: TABLE.to_owned() },
        columns: columns.into_iter().map(column).collect(),
        key: vec![0, 1],
        sql: String::new(),
        notes: Vec::new(),
        rows_estimate: None,
    }))
}

/// Adds what makes large objects, and who may do what with them, among the objects of a schema.
pub(crate) fn describe(connection: &Connection, objects: &mut Vec<SchemaObject>) -> Result<(), ConnectorError> {
    let rows = connection.rows(
        WHAT,
        "SELECT m.oid, pg_get_userbyid(m.lomowner), obj_description(m.oid, 'pg_largeobject'), m.lomacl IS NOT NULL FROM \
         pg_largeobject_metadata m ORDER BY m.oid",
    )?;
    let grants = connection.rows(
        WHAT,
        "SELECT m.oid, CASE g.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(g.grantee) END, g.privilege_type, g.is_grantable FROM \
         pg_largeobject_metadata m, aclexplode(m.lomacl) g ORDER BY m.oid, 2 NULLS FIRST, 3",
    )?;
    let (mut made, mut said) = (Vec::new(), Vec::new());
    for some in rows.chunks(AT_ONCE) {
        let numbers: Vec<_> = some.iter().map(|row| text(row, 0)).collect();
        let first = numbers.first().copied().unwrap_or_default();
        let object = |kind: &str, sql: String| SchemaObject {
            kind: kind.to_owned(),
            name: first.to_owned(),
            table: shown_name(SCHEMA, TABLE),
            sql,
        };
        let numbers = numbers.join(",");
        made.push(object(
            BLOB,
            format!("SELECT pg_catalog.lo_create(o) FROM pg_catalog.unnest('{{{numbers}}}'::pg_catalog.oid[]) o;"),
        ));
        said.push(object("ACL", some.iter().flat_map(|row| statements(row, &grants)).collect::<Vec<_>>().join("\n")));
    }
    insert(objects, made, |object| section(&object.kind).is_some_and(|section| section >= Section::Data));
    insert(objects, said, |object| section(&object.kind).is_some_and(|section| section > Section::Grants));
    Ok(())
}

fn insert(objects: &mut Vec<SchemaObject>, new: Vec<SchemaObject>, is_later: impl Fn(&SchemaObject) -> bool) {
    let at = objects.iter().position(is_later).unwrap_or(objects.len());
    objects.splice(at..at, new);
}

/// What is said of one large object. Rights are those that are granted, and no others.
fn statements(row: &TextRow, grants: &[TextRow]) -> Vec<String> {
    let number: u32 = text(row, 0).parse().unwrap_or_default();
    let owner = quoted(text(row, 1));
    let mut statements = vec![format!("ALTER LARGE OBJECT {number} OWNER TO {owner};")];
    if let Some(comment) = row.get(2).and_then(Option::as_ref) {
        statements.push(format!("COMMENT ON LARGE OBJECT {number} IS {};", literal(comment)));
    }
    if text(row, 3) == "t" {
        statements.push(format!("REVOKE ALL ON LARGE OBJECT {number} FROM {owner};"));
        let first = grants.partition_point(|grant| text(grant, 0).parse().unwrap_or(0u32) < number);
        for grant in grants[first..].iter().take_while(|grant| text(grant, 0) == text(row, 0)) {
            let grantee = grant.get(1).and_then(Option::as_ref).map_or("PUBLIC".to_owned(), |name| quoted(name));
            let option = if text(grant, 3) == "t" { " WITH GRANT OPTION" } else { "" };
            statements.push(format!("GRANT {} ON LARGE OBJECT {number} TO {grantee}{option};", text(grant, 2)));
        }
    }
    statements
}

fn text(row: &TextRow, place: usize) -> &str {
    row.get(place).and_then(Option::as_deref).unwrap_or_default()
}

/// Makes a place where pages wait; its name.
pub(crate) fn begin_pages(connection: &Connection) -> Result<String, ConnectorError> {
    let sql = "CREATE TEMPORARY TABLE datakeep_large_objects (loid oid, pageno int4, data bytea) ON COMMIT DROP";
    connection.run("cannot prepare to write large objects to", sql)?;
    Ok(STAGE.to_owned())
}

/// Writes the pages into the large objects, which are there and empty.
pub(crate) fn end_pages(connection: &Connection) -> Result<(), ConnectorError> {
    let sql = format!(
        "SELECT pg_catalog.lo_put(loid, pageno::pg_catalog.int8 * {PAGE_BYTES}, data) FROM {STAGE} ORDER BY loid, pageno; \
         DROP TABLE {STAGE}"
    );
    connection.run("cannot write large objects to", &sql)
}
