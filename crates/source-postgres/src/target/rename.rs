//! Statements about a table told of another: every name in them that is the table's, or of something that belongs to it.

use crate::schema::tokens::{Place, Token, tokens};
use crate::sql::{literal, qualified, quoted};
use std::collections::BTreeMap;

/// The longest name that a server keeps.
pub(crate) const NAME_BYTES_MAX: usize = 63;

/// Schema and name of a relation.
pub(crate) type Name = (String, String);

/// New names of relations. Empty: nothing changes.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Names {
    map: BTreeMap<Name, Name>,
}

impl Names {
    /// Gives a relation another name.
    pub fn insert(&mut self, from: Name, to: Name) {
        if from != to {
            self.map.insert(from, to);
        }
    }

    /// The name that a relation gets.
    pub fn get<'a>(&'a self, from: &'a Name) -> &'a Name {
        self.map.get(from).unwrap_or(from)
    }

    /// True where this name is given already.
    pub fn is_given(&self, to: &Name) -> bool {
        self.map.values().any(|given| given == to)
    }

    /// A statement with the new names; `schema` is that of the relation it speaks of, for names that stand without one.
    pub fn apply(&self, sql: &str, schema: &str) -> String {
        if self.map.is_empty() {
            return sql.to_owned();
        }
        let places = tokens(sql);
        let (mut to, mut done, mut at) = (String::new(), 0, 0);
        while at < places.len() {
            let found = self.qualified(sql, &places, at).or_else(|| self.in_text(sql, &places, at));
            match found.or_else(|| self.alone(sql, &places, at, schema)) {
                Some((last, name)) => {
                    to += &sql[done..places[at].from];
                    to += &name;
                    (done, at) = (places[last].to, last + 1);
                }
                None => at += 1,
            }
        }
        to + &sql[done..]
    }

    fn new_name(&self, schema: String, name: String) -> Option<&Name> {
        self.map.get(&(schema, name))
    }

    /// `schema.name` at this token: the last token of it, and what stands there instead.
    fn qualified(&self, sql: &str, places: &[Place], at: usize) -> Option<(usize, String)> {
        let [schema, dot, name] = places.get(at..at + 3)? else { return None };
        let is_part = at > 0 && places[at - 1].is_char(sql, ".");
        if !dot.is_char(sql, ".") || is_part || is_call(sql, places, at) {
            return None;
        }
        let (schema, name) = self.new_name(schema.name(sql)?, name.name(sql)?)?;
        Some((at + 2, qualified(schema, name)))
    }

    /// `'schema.name'::regclass` or `setval('schema.name'`.
    fn in_text(&self, sql: &str, places: &[Place], at: usize) -> Option<(usize, String)> {
        let text = places[at].of(sql);
        if places[at].token != Token::Text || !names_relation(sql, places, at) {
            return None;
        }
        let content = text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'");
        let [schema, dot, name] = tokens(&content)[..] else { return None };
        let found = dot.is_char(&content, ".").then_some((schema.name(&content)?, name.name(&content)?))?;
        let (schema, name) = self.new_name(found.0, found.1)?;
        Some((at, literal(&qualified(schema, name)).trim_start().to_owned()))
    }

    /// The name of an index or of what one is behind, which stands without its schema.
    fn alone(&self, sql: &str, places: &[Place], at: usize, schema: &str) -> Option<(usize, String)> {
        let before = places.get(at.checked_sub(1)?)?;
        let is_cluster = before.is_word(sql, "ON") && at > 1 && places[at - 2].is_word(sql, "CLUSTER");
        let is_name = before.is_word(sql, "INDEX") || before.is_word(sql, "CONSTRAINT") || is_cluster;
        let is_part = places.get(at + 1).is_some_and(|next| next.is_char(sql, "."));
        if !is_name || is_part {
            return None;
        }
        let (_, name) = self.new_name(schema.to_owned(), places[at].name(sql)?)?;
        Some((at, quoted(name)))
    }
}

/// True for what looks like the call of a function that has a relation's name.
fn is_call(sql: &str, places: &[Place], at: usize) -> bool {
    const BEFORE: [&str; 9] = ["TABLE", "ONLY", "REFERENCES", "INTO", "ON", "EXISTS", "OF", "FROM", "JOIN"];
    let is_open = places.get(at + 3).is_some_and(|next| next.is_char(sql, "("));
    is_open && !(at > 0 && BEFORE.iter().any(|word| places[at - 1].is_word(sql, word)))
}

fn names_relation(sql: &str, places: &[Place], at: usize) -> bool {
    let is_cast = match places.get(at + 1..at + 4) {
        Some([one, other, class]) => one.is_char(sql, ":") && other.is_char(sql, ":") && class.is_word(sql, "regclass"),
        _ => false,
    };
    let is_set = at > 1 && places[at - 1].is_char(sql, "(") && places[at - 2].is_word(sql, "setval");
    is_cast || is_set
}

/// The name of what belongs to a table, for another table.
pub(crate) fn derived(name: &str, table: &str, new_table: &str) -> String {
    match name.strip_prefix(table) {
        Some(rest) => shortened(new_table, rest),
        None => shortened(name, &format!("_{new_table}")),
    }
}

/// A name with this end, as long as a name can be.
pub(crate) fn shortened(head: &str, end: &str) -> String {
    let end = &end[..floor(end, NAME_BYTES_MAX / 2)];
    let head = &head[..floor(head, NAME_BYTES_MAX - end.len())];
    format!("{head}{end}")
}

/// The most bytes of a text up to so many, that are whole characters.
fn floor(text: &str, bytes: usize) -> usize {
    (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(schema: &str, name: &str) -> Name {
        (schema.to_owned(), name.to_owned())
    }

    fn names() -> Names {
        let mut names = Names::default();
        names.insert(name("app", "o"), name("app", "n"));
        names.insert(name("app", "o_pkey"), name("app", "n_pkey"));
        names.insert(name("app", "o_id_seq"), name("app", "n_id_seq"));
        names
    }

    fn check(sql: &str, expect: &str) {
        assert_eq!(names().apply(sql, "app"), expect, "{sql}");
    }

    #[test]
    fn names_change_wherever_they_stand() {
        check("CREATE TABLE app.o (\n    o app.o\n);", "CREATE TABLE \"app\".\"n\" (\n    o \"app\".\"n\"\n);");
        check("ALTER TABLE ONLY app.o\n ADD CONSTRAINT o_pkey PRIMARY KEY (id);", {
            "ALTER TABLE ONLY \"app\".\"n\"\n ADD CONSTRAINT \"n_pkey\" PRIMARY KEY (id);"
        });
        check("ALTER TABLE app.o CLUSTER ON o_pkey;", "ALTER TABLE \"app\".\"n\" CLUSTER ON \"n_pkey\";");
        check("SET DEFAULT nextval('app.o_id_seq'::regclass)", {
            "SET DEFAULT nextval('\"app\".\"n_id_seq\"'::regclass)"
        });
        check("SELECT pg_catalog.setval('\"app\".\"o_id_seq\"', 4, true);", {
            "SELECT pg_catalog.setval('\"app\".\"n_id_seq\"', 4, true);"
        });
        check("ALTER SEQUENCE app.o_id_seq OWNED BY app.o.id;", {
            "ALTER SEQUENCE \"app\".\"n_id_seq\" OWNED BY \"app\".\"n\".id;"
        });
        check("COMMENT ON INDEX app.o_pkey IS 'app.o';", "COMMENT ON INDEX \"app\".\"n_pkey\" IS 'app.o';");
    }

    #[test]
    fn other_names_stay() {
        for sql in [
            "CHECK ((app.o(x) > 0))",
            "DEFAULT 'app.o_id_seq'::text",
            "x.app.o",
            "SELECT $$ app.o $$, '/* app.o'",
            "CONSTRAINT o_check CHECK (o_pkey > 0)",
            "ON o_pkey",
        ] {
            check(sql, sql);
        }
        assert_eq!(Names::default().apply("app.o", "app"), "app.o");
    }

    #[test]
    fn names_are_derived_and_fit() {
        assert_eq!(derived("o_pkey", "o", "orders"), "orders_pkey");
        assert_eq!(derived("by_day", "o", "n"), "by_day_n");
        let long = derived(&"é".repeat(31), "o", &"ü".repeat(31));
        assert!(long.len() <= NAME_BYTES_MAX && long.contains("_ü"), "{long}");
    }

    proptest! {
        /// Whatever a statement is: without new names it stays, and with them no known name is left in it.
        #[test]
        fn any_statement_is_told(parts in prop::collection::vec("app\\.o|app|o|\"|'|\\$\\$|INDEX|o_pkey|::regclass|setval|[(;.é]", 0..20)) {
            let sql = parts.join(" ");
            prop_assert_eq!(Names::default().apply(&sql, "app"), sql.clone());
            let told = names().apply(&sql, "app");
            prop_assert_eq!(names().apply(&told, "app"), told);
        }
    }
}
