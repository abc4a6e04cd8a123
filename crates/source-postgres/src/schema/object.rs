//! Objects of a schema, out of the entries of an archive.

use super::archive::Entry;
use super::kind::{self, OWNER, Section};
use super::tokens;
use crate::sql::{literal, qualified, quoted};
use datakeep_connector::SchemaObject;
use std::collections::HashMap;

/// A name as the server writes it: in quotes only where it needs them.
pub(crate) fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && name.chars().all(is_plain) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

/// The name of a relation as objects of the catalogue have it.
pub(crate) fn shown_name(schema: &str, name: &str) -> String {
    format!("{}.{}", plain(schema), plain(name))
}

/// The objects of a schema, in the order in which they are to be made. The order is that of the archive, which minds what depends
/// on what, by the parts of a restore.
pub(crate) fn objects(entries: &[Entry]) -> Vec<SchemaObject> {
    let tree = Tree::of(entries);
    let mut placed = Vec::new();
    for entry in entries.iter().filter(|entry| !kind::is_of_session(&entry.kind)) {
        let section = tree.section(entry, 0);
        let table = tree.table(entry, 0).unwrap_or_default();
        let name = name(entry);
        let made = SchemaObject { kind: entry.kind.clone(), name, table, sql: statement(entry) };
        let owner = owner(entry).map(|sql| SchemaObject { kind: OWNER.to_owned(), sql, ..made.clone() });
        placed.push((section, made));
        placed.extend(owner.map(|owner| (section, owner)));
    }
    placed.sort_by_key(|(section, _)| *section);
    placed.into_iter().map(|(_, object)| object).collect()
}

fn name(entry: &Entry) -> String {
    // Names of relations alone are names and nothing else; other tags hold several, or an argument list.
    let tag = if kind::is_relation(&entry.kind) || entry.kind == "INDEX" || entry.kind.starts_with("SEQUENCE") {
        plain(&entry.tag)
    } else {
        entry.tag.clone()
    };
    if entry.schema.is_empty() { tag } else { format!("{}.{tag}", plain(&entry.schema)) }
}

/// The line before a statement that says in which tablespace it makes something.
pub(crate) const TABLESPACE: &str = "SET default_tablespace = ";
const ACCESS_METHOD: &str = "SET default_table_access_method = ";

/// What makes an object. Where it is made elsewhere than in the database's own tablespace, or in another way than usual, that is
/// said first, one line each.
fn statement(entry: &Entry) -> String {
    let definition = entry.definition.trim_end();
    if definition.is_empty() {
        return String::new();
    }
    let mut sql = String::new();
    if !entry.tablespace.is_empty() {
        sql += &format!("{TABLESPACE}{};\n", quoted(&entry.tablespace));
    }
    if !entry.access_method.is_empty() && entry.access_method != "heap" {
        sql += &format!("{ACCESS_METHOD}{};\n", quoted(&entry.access_method));
    }
    sql + definition
}

/// A statement without the lines before it, and these.
pub(crate) fn split_places(sql: &str) -> (&str, Vec<&str>) {
    let mut rest = sql;
    let mut lines = Vec::new();
    while rest.starts_with(TABLESPACE) || rest.starts_with(ACCESS_METHOD) {
        // A name may hold an end of line: the line ends with its fifth token.
        let Some(end) = tokens::each(rest).nth(4).map(|place| place.to) else { break };
        lines.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    (rest, lines)
}

/// The statement that gives an object its owner, as `pg_restore` writes it.
fn owner(entry: &Entry) -> Option<String> {
    if entry.owner.is_empty() || entry.drop.is_empty() {
        return None;
    }
    let what = owned(entry)?;
    Some(format!("ALTER {what} OWNER TO {};", quoted(&entry.owner)))
}

fn owned(entry: &Entry) -> Option<String> {
    let named = |kind: &str| {
        let name = match entry.schema.is_empty() {
            true => quoted(&entry.tag),
            false => qualified(&entry.schema, &entry.tag),
        };
        Some(format!("{kind} {name}"))
    };
    match entry.kind.as_str() {
        "VIEW" | "SEQUENCE" | "MATERIALIZED VIEW" => named("TABLE"),
        "BLOB" => Some(format!("LARGE OBJECT {}", entry.tag.parse::<u32>().ok()?)),
        "AGGREGATE" | "FUNCTION" | "OPERATOR" | "OPERATOR CLASS" | "OPERATOR FAMILY" | "PROCEDURE" => {
            Some(entry.drop.strip_prefix("DROP ")?.trim_end().trim_end_matches(';').to_owned())
        }
        "COLLATION"
        | "CONVERSION"
        | "DATABASE"
        | "DOMAIN"
        | "EVENT TRIGGER"
        | "FOREIGN DATA WRAPPER"
        | "FOREIGN TABLE"
        | "PROCEDURAL LANGUAGE"
        | "PUBLICATION"
        | "SCHEMA"
        | "SERVER"
        | "STATISTICS"
        | "SUBSCRIPTION"
        | "TABLE"
        | "TEXT SEARCH CONFIGURATION"
        | "TEXT SEARCH DICTIONARY"
        | "TYPE" => named(&entry.kind),
        _ => None,
    }
}

/// The kind and name of an entry, for people.
pub(crate) fn shown_entry(entry: &Entry) -> String {
    format!("{} {}", entry.kind.to_lowercase(), datakeep_model::escape_for_terminal(name(entry).as_bytes()))
}

/// Entries by their numbers.
pub(crate) struct Tree<'a> {
    entries: HashMap<i64, &'a Entry>,
}

/// Dependencies are followed so far: a comment on a default of a column of a table.
const DEPTH_MAX: usize = 4;

impl<'a> Tree<'a> {
    pub fn of(entries: &'a [Entry]) -> Self {
        Self { entries: entries.iter().map(|entry| (entry.number, entry)).collect() }
    }

    fn needs(&self, entry: &'a Entry) -> impl Iterator<Item = &'a Entry> {
        entry.needs.iter().filter_map(|number| self.entries.get(number).copied())
    }

    /// The part of a restore in which an entry is made: what is said of others comes with them.
    fn section(&self, entry: &'a Entry, depth: usize) -> Section {
        if let Some(section) = kind::section(&entry.kind)
            && (section != Section::Grants || depth > 0)
        {
            return section;
        }
        let found = (depth < DEPTH_MAX).then(|| self.needs(entry).map(|need| self.section(need, depth + 1)).max());
        match (found.flatten(), entry.kind.contains("ACL")) {
            (Some(Section::Database), _) => Section::Database,
            (_, true) => Section::Grants,
            (found, false) => found.unwrap_or(Section::PreData),
        }
    }

    /// The relation to which an entry belongs.
    pub fn table(&self, entry: &'a Entry, depth: usize) -> Option<String> {
        if kind::is_relation(&entry.kind) {
            return Some(shown_name(&entry.schema, &entry.tag));
        }
        if depth == DEPTH_MAX {
            return None;
        }
        match entry.kind.as_str() {
            "COMMENT" | "ACL" | "SECURITY LABEL" | "SEQUENCE OWNED BY" => {
                self.needs(entry).find_map(|need| self.table(need, depth + 1))
            }
            kind if kind::belongs_to_table(kind) => self.own_table(entry),
            _ => None,
        }
    }

    /// Of the relations that an entry needs the one it is made for: a foreign key needs two.
    fn own_table(&self, entry: &'a Entry) -> Option<String> {
        let relations: Vec<_> = self.needs(entry).filter(|need| kind::is_relation(&need.kind)).collect();
        let begins = |need: &&&Entry| {
            let rest = entry.tag.strip_prefix(&need.tag);
            need.schema == entry.schema && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        // Of names of which one begins another, the longer.
        let named = relations.iter().filter(begins).max_by_key(|need| need.tag.len());
        named.or_else(|| relations.first()).map(|need| shown_name(&need.schema, &need.tag))
    }
}

/// That a sequence stands at a value.
pub(crate) fn sequence_set((schema, name): (&str, &str), value: i64, is_called: bool) -> String {
    format!("SELECT pg_catalog.setval({}, {value}, {is_called});", literal(&qualified(schema, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: i64, kind: &str, tag: &str, needs: &[i64]) -> Entry {
        let schema = if kind == "DATABASE" { "" } else { "app" }.to_owned();
        let definition = format!("CREATE {kind} {tag};\n");
        let (tag, kind, needs) = (tag.to_owned(), kind.to_owned(), needs.to_vec());
        Entry { number, tag, kind, schema, definition, needs, ..Entry::default() }
    }

    fn shown(entries: &[Entry]) -> Vec<String> {
        let shown = |object: SchemaObject| format!("{} {} of {}", object.kind, object.name, object.table);
        objects(entries).into_iter().map(shown).collect()
    }

    #[test]
    fn objects_come_in_the_order_of_a_restore_and_know_their_table() {
        let entries = [
            entry(1, "ENCODING", "ENCODING", &[]),
            entry(2, "DATABASE", "shop", &[]),
            entry(3, "ACL", "DATABASE shop", &[2]),
            entry(4, "TABLE", "o", &[]),
            entry(5, "COMMENT", "COLUMN o.id", &[4]),
            entry(6, "ACL", "TABLE o", &[4]),
            entry(7, "TABLE", "o x", &[]),
            entry(8, "INDEX", "o_i", &[4]),
            entry(9, "COMMENT", "INDEX o_i", &[8]),
            entry(10, "FK CONSTRAINT", "o x o_fk", &[4, 7]),
            entry(11, "SEQUENCE", "s", &[4]),
            entry(12, "SEQUENCE OWNED BY", "s", &[11]),
        ];
        assert_eq!(
            shown(&entries),
            [
                "TABLE app.o of app.o",
                "COMMENT app.COLUMN o.id of app.o",
                "TABLE app.\"o x\" of app.\"o x\"",
                "SEQUENCE app.s of app.o",
                "SEQUENCE OWNED BY app.s of app.o",
                "INDEX app.o_i of app.o",
                "COMMENT app.INDEX o_i of app.o",
                "FK CONSTRAINT app.o x o_fk of app.\"o x\"",
                "ACL app.TABLE o of app.o",
                "DATABASE shop of ",
                "ACL app.DATABASE shop of ",
            ]
        );
    }

    #[test]
    fn owners_and_places_are_said_apart() {
        let made = Entry {
            drop: "DROP TABLE app.o;\n".to_owned(),
            owner: "Me".to_owned(),
            tablespace: "fast\";\n".to_owned(),
            access_method: "columnar".to_owned(),
            ..entry(1, "TABLE", "o", &[])
        };
        let found = objects(&[made]);
        assert_eq!(found[1].sql, "ALTER TABLE \"app\".\"o\" OWNER TO \"Me\";");
        assert_eq!((found[1].kind.as_str(), found[1].table.as_str()), ("OWNER", "app.o"));
        let (statement, places) = split_places(&found[0].sql);
        let expect = ["SET default_tablespace = \"fast\"\";\n\";", "SET default_table_access_method = \"columnar\";"];
        assert_eq!((statement, &places[..]), ("CREATE TABLE o;", &expect[..]));
        let function = Entry {
            drop: "DROP FUNCTION app.f(integer);\n".to_owned(),
            owner: "me".to_owned(),
            ..entry(1, "FUNCTION", "f(integer)", &[])
        };
        assert_eq!(objects(&[function])[1].sql, "ALTER FUNCTION app.f(integer) OWNER TO \"me\";");
    }

    /// Entries that need each other in a circle, or what is not there, do no harm.
    #[test]
    fn circles_end() {
        let entries = [entry(1, "COMMENT", "a", &[2, 9]), entry(2, "COMMENT", "b", &[1])];
        assert_eq!(shown(&entries), ["COMMENT app.a of ", "COMMENT app.b of "]);
    }
}
