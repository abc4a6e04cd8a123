//! Which tables of a database are captured.

mod pattern;

use crate::connect::Connection;
use crate::schema::shown_name;
use crate::source::catalog::{Relation, number, text};
use datakeep_connector::{ConnectorError, Note, Options};
use datakeep_model::{ErrorKind, escape_for_terminal};
use pattern::Pattern;
use std::collections::{HashMap, HashSet};

/// The options that choose, which are also the names of the notes that say what was chosen.
pub(crate) const OPTIONS: [&str; 4] = ["include-schema", "exclude-schema", "include-table", "exclude-table"];
const WHAT: &str = "cannot read the catalogue of";
/// Names that an error tells as near ones.
const NEAR_MAX: usize = 3;

/// Patterns that choose tables. With nothing included, everything is; what is excluded is not captured in any case.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Selection {
    include_schema: Vec<Pattern>,
    exclude_schema: Vec<Pattern>,
    include_table: Vec<Pattern>,
    exclude_table: Vec<Pattern>,
}

impl Selection {
    /// Reads the options that choose.
    pub fn read(options: &Options) -> Result<Self, ConnectorError> {
        let read = |option: &str, parts_max| {
            let given = options.get(option).into_iter().flatten();
            given.map(|text| Pattern::parse(option, text, parts_max)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            include_schema: read("include-schema", 1)?,
            exclude_schema: read("exclude-schema", 1)?,
            include_table: read("include-table", 2)?,
            exclude_table: read("exclude-table", 2)?,
        })
    }

    fn lists(&self) -> [(&'static str, &[Pattern]); 4] {
        let lists = [&self.include_schema, &self.exclude_schema, &self.include_table, &self.exclude_table];
        std::array::from_fn(|place| (OPTIONS[place], lists[place].as_slice()))
    }

    /// True where everything is chosen.
    pub fn is_all(&self) -> bool {
        self.lists().iter().all(|(_, patterns)| patterns.is_empty())
    }

    /// True where only what is named is chosen.
    pub fn is_narrow(&self) -> bool {
        !self.include_schema.is_empty() || !self.include_table.is_empty()
    }

    /// True for a schema whose objects are all chosen, but for excluded ones.
    pub fn takes_schema(&self, schema: &str) -> bool {
        let is_in = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.is_of_schema(schema));
        (!self.is_narrow() || is_in(&self.include_schema)) && !is_in(&self.exclude_schema)
    }

    /// True where single tables are excluded.
    pub fn has_excluded_tables(&self) -> bool {
        !self.exclude_table.is_empty()
    }

    /// True for a table or another relation that is chosen by its own name.
    pub fn takes(&self, schema: &str, name: &str) -> bool {
        let is_included = !self.is_narrow()
            || self.include_schema.iter().any(|pattern| pattern.is_of_schema(schema))
            || self.include_table.iter().any(|pattern| pattern.is_of_table(schema, name));
        is_included && !self.excludes(schema, name)
    }

    /// True for a table or another relation that is not to be captured in any case.
    pub fn excludes(&self, schema: &str, name: &str) -> bool {
        self.exclude_schema.iter().any(|pattern| pattern.is_of_schema(schema))
            || self.exclude_table.iter().any(|pattern| pattern.is_of_table(schema, name))
    }

    /// What was chosen, as notes of a snapshot.
    pub fn notes(&self) -> Vec<Note> {
        let note = |(name, patterns): (&str, &[Pattern])| {
            let texts: Vec<_> = patterns.iter().map(|pattern| pattern.text.as_str()).collect();
            (!texts.is_empty()).then(|| Note { name: name.to_owned(), value: texts.join("\n").into_bytes() })
        };
        self.lists().into_iter().filter_map(note).collect()
    }

    /// Refuses a pattern that stands for nothing, with names that are near.
    pub fn check(&self, connection: &Connection) -> Result<(), ConnectorError> {
        if self.is_all() {
            return Ok(());
        }
        let sql = "SELECT n.nspname, c.relname FROM pg_catalog.pg_namespace n LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = \
                   n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') WHERE n.nspname !~ '^pg_' AND n.nspname <> \
                   'information_schema' ORDER BY 1, 2";
        let rows = connection.rows(WHAT, sql)?;
        let names: Vec<(&str, &str)> = rows.iter().map(|row| (text(row, 0), text(row, 1))).collect();
        for (option, patterns) in self.lists() {
            let is_of_schemas = option.ends_with("schema");
            for pattern in patterns {
                let fits = |(schema, name): &(&str, &str)| match is_of_schemas {
                    true => pattern.is_of_schema(schema),
                    false => !name.is_empty() && pattern.is_of_table(schema, name),
                };
                if !names.iter().any(fits) {
                    return Err(nothing(connection, option, pattern, &names));
                }
            }
        }
        Ok(())
    }

    /// The relations that are chosen: partitions and partitioned tables with those they belong to.
    pub fn chosen(&self, connection: &Connection, relations: Vec<Relation>) -> Result<Vec<Relation>, ConnectorError> {
        if self.is_all() {
            return Ok(relations);
        }
        let family = Family::read(connection, &relations)?;
        Ok(relations.iter().filter(|relation| family.takes(self, relation)).cloned().collect())
    }
}

/// The error of a pattern that stands for nothing.
fn nothing(connection: &Connection, option: &str, pattern: &Pattern, names: &[(&str, &str)]) -> ConnectorError {
    let (shown, place) = (escape_for_terminal(pattern.text.as_bytes()), connection.place());
    let is_of_schemas = option.ends_with("schema");
    let message = format!("cannot read {place}: nothing in it is named as `{option}={shown}` says");
    let wanted = pattern.plain();
    let mut near: Vec<(usize, String)> = names
        .iter()
        .filter(|(_, name)| is_of_schemas || !name.is_empty())
        .map(|(schema, name)| match is_of_schemas {
            true => (distance(&wanted, schema), crate::schema::object::plain(schema)),
            false => (distance(&wanted, name), shown_name(schema, name)),
        })
        .filter(|(distance, _)| *distance <= 1 + wanted.chars().count() / 3)
        .collect();
    near.sort();
    near.dedup();
    let near: Vec<_> = near.iter().take(NEAR_MAX).map(|(_, name)| escape_for_terminal(name.as_bytes())).collect();
    let hint = match near.is_empty() {
        true => "a pattern is matched with the names of tables and views, small letters as they are; others in quotes"
            .to_owned(),
        false => format!("did you mean {}?", near.join(", ")),
    };
    ConnectorError::new(ErrorKind::NotFound, message).with_hint(hint)
}

/// Characters that must be put in, taken out or replaced to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, character) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], line + 1);
        for (place, wanted) in other.iter().enumerate() {
            let best = (corner + usize::from(character != *wanted)).min(row[place] + 1).min(row[place + 1] + 1);
            corner = std::mem::replace(&mut row[place + 1], best);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Which relations are partitions of which.
struct Family {
    /// The partitioned table of each partition.
    parents: HashMap<u32, u32>,
    names: HashMap<u32, (String, String)>,
}

impl Family {
    fn read(connection: &Connection, relations: &[Relation]) -> Result<Self, ConnectorError> {
        let sql = "SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid \
                   WHERE c.relispartition";
        let rows = connection.rows(WHAT, sql)?;
        let parents = rows.iter().map(|row| (number(row, 0), number(row, 1))).collect();
        let named = |relation: &Relation| (relation.oid, (relation.schema.clone(), relation.name.clone()));
        Ok(Self { parents, names: relations.iter().map(named).collect() })
    }

    /// A partition is chosen with its partitioned table, and excluded with it.
    fn takes(&self, selection: &Selection, relation: &Relation) -> bool {
        let mut line = vec![(relation.schema.as_str(), relation.name.as_str())];
        let mut seen = HashSet::from([relation.oid]);
        let mut at = relation.oid;
        while let Some(parent) = self.parents.get(&at).copied().filter(|parent| seen.insert(*parent)) {
            line.extend(self.names.get(&parent).map(|(schema, name)| (schema.as_str(), name.as_str())));
            at = parent;
        }
        line.iter().any(|(schema, name)| selection.takes(schema, name))
            && !line.iter().any(|(schema, name)| selection.excludes(schema, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(given: &[(&str, &str)]) -> Selection {
        let mut options = Options::new();
        for (name, value) in given {
            options.entry((*name).to_owned()).or_default().push((*value).to_owned());
        }
        Selection::read(&options).expect("a selection")
    }

    #[test]
    fn what_is_excluded_is_never_taken() {
        let all = selection(&[]);
        assert!(all.is_all() && !all.is_narrow() && all.takes("a", "b") && all.takes_schema("a"));
        let some = selection(&[("include-schema", "app"), ("include-table", "other.x*"), ("exclude-table", "*.log")]);
        for (schema, name, expect) in [
            ("app", "orders", true),
            ("app", "log", false),
            ("other", "x1", true),
            ("other", "y", false),
            ("public", "x1", false),
        ] {
            assert_eq!(some.takes(schema, name), expect, "{schema}.{name}");
        }
        assert!(some.takes_schema("app") && !some.takes_schema("other"));
        let without = selection(&[("exclude-schema", "tmp*"), ("exclude-table", "a"), ("exclude-table", "b")]);
        assert!(without.takes("app", "c") && !without.takes("tmp_1", "c") && !without.takes("app", "b"));
        let notes = without.notes();
        assert_eq!(
            notes.iter().map(|note| note.name.as_str()).collect::<Vec<_>>(),
            ["exclude-schema", "exclude-table"]
        );
        assert_eq!(notes[1].value, b"a\nb");
    }

    #[test]
    fn distances_are_counted() {
        for (one, other, expect) in [("", "", 0), ("order", "orders", 1), ("odrers", "orders", 2), ("abc", "", 3)] {
            assert_eq!(distance(one, other), expect, "{one} {other}");
        }
    }
}
