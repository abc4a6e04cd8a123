//! Single tables: what belongs to each of them, under the name that it gets.

use super::look;
use super::rename::{Name, Names, derived, shortened};
use crate::connect::Connection;
use crate::schema::kind::SEQUENCE_SET;
use crate::schema::shown_name;
use crate::schema::state::divided;
use crate::schema::tokens::tokens;
use crate::sql::{literal, qualified, quoted};
use datakeep_connector::{Catalog, ConnectorError, SchemaObject, TableAction, TableJob, TableName};
use std::collections::HashSet;

/// What is made with a single table, before its rows are written and after.
#[derive(Default)]
pub(crate) struct Part {
    pub before: Vec<SchemaObject>,
    pub after: Vec<SchemaObject>,
}

/// Kinds that never come with a single table: an index is attached with its table.
const NEVER: [&str; 3] = ["INDEX ATTACH", "MATERIALIZED VIEW DATA", "STATISTICS DATA"];
/// Kinds that tie a table to others, which know it by its name.
const TIES: [&str; 2] = ["PUBLICATION TABLE", "TABLE ATTACH"];

/// What belongs to a table that is made, with the names that all of it gets.
pub(crate) fn of(connection: &Connection, catalog: &Catalog, job: &TableJob) -> Result<Part, ConnectorError> {
    let from = &job.table.name;
    let table = shown_name(&from.schema, &from.table);
    let mut own: Vec<SchemaObject> = catalog.objects.iter().filter(|object| object.table == table).cloned().collect();
    own.retain(|object| !NEVER.contains(&object.kind.as_str()));
    let (ties, mut own): (Vec<_>, Vec<_>) = own.into_iter().partition(|object| TIES.contains(&object.kind.as_str()));
    if !own.iter().any(|object| object.kind == "TABLE") {
        own.insert(
            0,
            SchemaObject { kind: "TABLE".to_owned(), name: table.clone(), table, sql: job.table.sql.clone() },
        );
    }
    let sequences: HashSet<_> =
        own.iter().filter(|object| object.kind == "SEQUENCE").map(|object| object.name.clone()).collect();
    // Owners of sequences are known by the sequence.
    own.retain(|object| object.kind != SEQUENCE_SET || sequences.contains(&object.name));
    let names = names(connection, job, &own)?;
    for object in &mut own {
        object.sql = names.apply(&object.sql, &from.schema);
        object.name = shown_as(object, &names, from, &job.into);
    }
    // Where sequences stand is said when the table has its rows.
    let (before, mut after) = divided(own);
    let (sets, before) = before.into_iter().partition(|object| object.kind == SEQUENCE_SET);
    after.splice(0..0, sets);
    if job.into == *from {
        after.extend(ties);
    }
    Ok(Part { before, after })
}

/// Names of objects are told as they are in the target, where that is another.
fn shown_as(object: &SchemaObject, names: &Names, from: &TableName, into: &TableName) -> String {
    let places = tokens(&object.name);
    match places[..] {
        [schema, dot, name] if dot.is_char(&object.name, ".") => {
            let found = (schema.name(&object.name).unwrap_or_default(), name.name(&object.name).unwrap_or_default());
            let (schema, name) = names.get(&found);
            shown_name(schema, name)
        }
        _ if from != into => format!("{} (of {})", object.name, shown_name(&into.schema, &into.table)),
        _ => object.name.clone(),
    }
}

/// The new names of a table and of what belongs to it; none, where it keeps its own.
fn names(connection: &Connection, job: &TableJob, own: &[SchemaObject]) -> Result<Names, ConnectorError> {
    let (from, into) = (&job.table.name, &job.into);
    let mut names = Names::default();
    if from == into {
        return Ok(names);
    }
    let name = |name: &TableName| (name.schema.clone(), name.table.clone());
    names.insert(name(from), name(into));
    let taken: HashSet<String> = look::relations(connection, &into.schema)?.into_iter().collect();
    for object in own {
        let Some(old) = relation_of(object, &from.schema) else { continue };
        let wanted = if from.table == into.table { old.1.clone() } else { derived(&old.1, &from.table, &into.table) };
        let is_free = |name: &str| !taken.contains(name) && !names.is_given(&(into.schema.clone(), name.to_owned()));
        let others = (1..).map(|number| shortened(&wanted, &format!("_{number}")));
        let free = std::iter::once(wanted.clone()).chain(others).find(|name| is_free(name)).unwrap_or_default();
        names.insert(old, (into.schema.clone(), free));
    }
    Ok(names)
}

/// The relation that an object makes in the schema of its table, or makes an index of its own name for.
fn relation_of(object: &SchemaObject, schema: &str) -> Option<Name> {
    let sql = &object.sql;
    let places = tokens(sql);
    let after = |word: &str| {
        let at = places.iter().position(|place| place.is_word(sql, word))?;
        places.get(at + 1)?.name(sql)
    };
    let name = match object.kind.as_str() {
        "INDEX" => after("INDEX"),
        "CONSTRAINT" => after("CONSTRAINT"),
        // STATISTICS and SEQUENCE are named `schema.name`.
        "SEQUENCE" | "STATISTICS" => tokens(&object.name).get(2).and_then(|place| place.name(&object.name)),
        _ => None,
    };
    name.map(|name| (schema.to_owned(), name))
}

/// Makes room for a table that is made anew: drops the one that stands there. Foreign keys of other tables that refer to it come
/// back afterwards.
pub(crate) fn make_room(connection: &Connection, job: &TableJob) -> Result<Vec<SchemaObject>, ConnectorError> {
    let table = qualified(&job.into.schema, &job.into.table);
    if job.action != TableAction::Replace {
        if !look::has_schema(connection, &job.into.schema)? {
            let sql = format!("CREATE SCHEMA {}", quoted(&job.into.schema));
            connection.run("cannot make a schema in", &sql)?;
        }
        return Ok(Vec::new());
    }
    let shown = super::job::shown(&job.into);
    let what = format!("cannot replace table {shown} of");
    let sql = format!(
        "SELECT n.nspname, c.relname, k.conname, pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k JOIN \
         pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f' \
         AND k.confrelid = {0}::pg_catalog.regclass AND k.conrelid <> k.confrelid AND k.conparentid = 0",
        literal(&table)
    );
    let mut back = Vec::new();
    for row in connection.rows(&what, &sql)? {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        let (schema, other, name, definition) = (next(), next(), next(), next());
        let of = qualified(&schema, &other);
        connection.run(&what, &format!("ALTER TABLE {of} DROP CONSTRAINT {}", quoted(&name)))?;
        back.push(SchemaObject {
            kind: "FK CONSTRAINT".to_owned(),
            name: format!("{schema}.{other} {name}"),
            table: shown_name(&schema, &other),
            sql: format!("ALTER TABLE {of} ADD CONSTRAINT {} {definition}", quoted(&name)),
        });
    }
    connection.try_run(&format!("DROP TABLE {table}")).map_err(|error| {
        let fault = connection.fault(&what, &error);
        match error.code().map(tokio_postgres::error::SqlState::code) {
            Some("2BP01") => fault.with_hint("views or functions rest on it: drop them first, or merge the table"),
            _ => fault,
        }
    })?;
    Ok(back)
}

/// Where the sequences of a merged table must stand at least.
pub(crate) fn sequences_at_least(catalog: &Catalog, job: &TableJob) -> Vec<SchemaObject> {
    let table = shown_name(&job.table.name.schema, &job.table.name.table);
    let mut sets: Vec<SchemaObject> =
        catalog.objects.iter().filter(|object| object.kind == SEQUENCE_SET && object.table == table).cloned().collect();
    sets.retain_mut(|object| {
        at_least(object).is_some_and(|sql| {
            object.sql = sql;
            true
        })
    });
    sets
}

/// `SELECT pg_catalog.setval('name', value, called)` that never goes back.
fn at_least(object: &SchemaObject) -> Option<String> {
    let sql = &object.sql;
    let places = tokens(sql);
    let text = places.iter().find(|place| place.token == crate::schema::tokens::Token::Text)?.of(sql);
    let content = text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'");
    let value = sql.rsplit(", ").nth(1)?.parse::<i64>().ok()?;
    let is_called = sql.ends_with("true);");
    is_called.then(|| format!("SELECT pg_catalog.setval({text}, GREATEST({value}, last_value), true) FROM {content};"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, name: &str, sql: &str) -> SchemaObject {
        SchemaObject { kind: kind.into(), name: name.into(), table: "app.o".into(), sql: sql.into() }
    }

    #[test]
    fn relations_of_a_table_are_found() {
        let found = |kind, name, sql| relation_of(&object(kind, name, sql), "app").map(|(_, name)| name);
        assert_eq!(
            found("INDEX", "app.\"O i\"", "CREATE UNIQUE INDEX \"O i\" ON app.o USING btree (a);").as_deref(),
            Some("O i")
        );
        assert_eq!(
            found("CONSTRAINT", "app.o o_pkey", "ALTER TABLE ONLY app.o\n ADD CONSTRAINT o_pkey PRIMARY KEY (a);")
                .as_deref(),
            { Some("o_pkey") }
        );
        assert_eq!(found("SEQUENCE", "app.o_id_seq", "CREATE SEQUENCE app.o_id_seq;").as_deref(), Some("o_id_seq"));
        assert_eq!(found("TRIGGER", "app.o t", "CREATE TRIGGER t"), None);
    }

    #[test]
    fn sequences_never_go_back() {
        let set = object(SEQUENCE_SET, "app.s", "SELECT pg_catalog.setval('\"app\".\"it''s\"', 42, true);");
        assert_eq!(at_least(&set).as_deref(), {
            Some("SELECT pg_catalog.setval('\"app\".\"it''s\"', GREATEST(42, last_value), true) FROM \"app\".\"it's\";")
        });
    }
}
