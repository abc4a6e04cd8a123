//! Patterns of names, as the client programs of PostgreSQL have them.

use crate::fault::usage;
use datakeep_connector::ConnectorError;
use datakeep_model::escape_for_terminal;

/// A character of a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Piece {
    /// This one.
    One(char),
    /// Any single one.
    Any,
    /// Any number of any.
    Rest,
}

/// A pattern of a name, or of a schema's and a name within it: `*` stands for any characters, `?` for a single one; letters are
/// made small and `.` divides, but in double quotes nothing is special, and a quote is doubled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pattern {
    /// As it was given.
    pub text: String,
    /// Of the schema, where one is named, then of the name.
    parts: Vec<Vec<Piece>>,
}

impl Pattern {
    /// Reads the pattern that an option gives: of a schema (`parts_max` 1), or of a table (2).
    pub fn parse(option: &str, text: &str, parts_max: usize) -> Result<Self, ConnectorError> {
        let parts = read(text).filter(|parts| parts.len() <= parts_max && parts.iter().all(|part| !part.is_empty()));
        let parts = parts.ok_or_else(|| {
            let shown = escape_for_terminal(text.as_bytes());
            let hint = match parts_max {
                1 => "such as app, app_*, or '\"With Capitals\"'",
                _ => "such as orders, app.orders, app.*, or 'app.\"With Capitals\"'",
            };
            usage(format!("option `{option}`: `{shown}` is no pattern")).with_hint(hint)
        })?;
        Ok(Self { text: text.to_owned(), parts })
    }

    /// True for this schema, by a pattern of schemas.
    pub fn is_of_schema(&self, schema: &str) -> bool {
        matches!(self.parts.as_slice(), [part] if fits(part, schema))
    }

    /// True for this table, by a pattern of tables: one without a schema stands for tables of any.
    pub fn is_of_table(&self, schema: &str, name: &str) -> bool {
        match self.parts.as_slice() {
            [own, part] => fits(own, schema) && fits(part, name),
            [part] => fits(part, name),
            _ => false,
        }
    }

    /// The last part without what stands for others: what a person may have meant.
    pub fn plain(&self) -> String {
        let one = |piece: &Piece| if let Piece::One(character) = piece { Some(*character) } else { None };
        self.parts.last().map(|part| part.iter().filter_map(one).collect()).unwrap_or_default()
    }
}

fn read(text: &str) -> Option<Vec<Vec<Piece>>> {
    let mut parts = vec![Vec::new()];
    let mut characters = text.chars().peekable();
    let mut is_quoted = false;
    while let Some(character) = characters.next() {
        let piece = match (character, is_quoted) {
            ('"', true) if characters.next_if_eq(&'"').is_some() => Piece::One('"'),
            ('"', _) => {
                is_quoted = !is_quoted;
                continue;
            }
            ('.', false) => {
                parts.push(Vec::new());
                continue;
            }
            ('*', false) => Piece::Rest,
            ('?', false) => Piece::Any,
            (_, true) => Piece::One(character),
            (_, false) => Piece::One(character.to_ascii_lowercase()),
        };
        parts.last_mut()?.push(piece);
    }
    (!is_quoted).then_some(parts)
}

/// True where a pattern stands for a whole text. Where a `*` took too few characters, it takes one more.
fn fits(pattern: &[Piece], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(place) {
            Some(Piece::Rest) => {
                star = Some((place, at));
                place += 1;
            }
            Some(Piece::Any) => (at, place) = (at + 1, place + 1),
            Some(Piece::One(character)) if *character == text[at] => (at, place) = (at + 1, place + 1),
            _ => {
                let Some((before, taken)) = star else { return false };
                star = Some((before, taken + 1));
                (at, place) = (taken + 1, before + 1);
            }
        }
    }
    pattern[place..].iter().all(|piece| *piece == Piece::Rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, schema: &str, name: &str, expect: bool) {
        let pattern = Pattern::parse("include-table", pattern, 2).expect("a pattern");
        assert_eq!(pattern.is_of_table(schema, name), expect, "{pattern:?} {schema}.{name}");
    }

    #[test]
    fn tables_are_matched_as_pg_dump_does() {
        check("orders", "app", "orders", true);
        check("ORDERS", "app", "orders", true);
        check("orders", "app", "Orders", false);
        check("\"Orders\"", "app", "Orders", true);
        check("app.*", "app", "orders", true);
        check("app.*", "apps", "orders", false);
        check("a?p.o*s", "app", "orders", true);
        check("*.*", "x", "y", true);
        check("\"a.b\".\"*\"", "a.b", "*", true);
        check("\"a.b\".\"*\"", "a.b", "c", false);
        check("\"say \"\"a\"\"\"", "x", "say \"a\"", true);
        check("*_2026_*", "x", "log_2026_01", true);
        check("größe*", "x", "größen", true);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (text, parts_max) in [("", 2), ("a.b.c", 2), (".a", 2), ("a.", 2), ("\"open", 2), ("a.b", 1)] {
            let error = Pattern::parse("include-table", text, parts_max).expect_err("refused");
            assert!(error.hint.is_some() && error.message.contains("include-table"), "{text}: {error}");
        }
        assert_eq!(Pattern::parse("include-table", "app.Ord*", 2).expect("read").plain(), "ord");
    }

    proptest! {
        /// In quotes a name stands for itself and for nothing else.
        #[test]
        fn a_quoted_name_is_itself(name in "\\PC{1,12}", other in "\\PC{1,12}") {
            let quoted = format!("\"{}\"", name.replace('"', "\"\""));
            let pattern = Pattern::parse("include-schema", &quoted, 1).expect("a pattern");
            prop_assert!(pattern.is_of_schema(&name));
            prop_assert_eq!(pattern.is_of_schema(&other), name == other);
        }
    }
}
