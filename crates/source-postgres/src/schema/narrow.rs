//! What of a schema belongs to the tables that were chosen.
//!
//! Kept is what was chosen by its name or its schema; what belongs to that (indexes, keys, triggers, grants, comments); and what
//! these need (types, functions, sequences, schemas, extensions), as `pg_dump` says what depends on what. What rests on something
//! that was not chosen (a view, a foreign key) cannot be made again and is left out by name.

use super::archive::Entry;
use super::kind;
use super::object::{Tree, shown_entry, shown_name};
use crate::selection::Selection;
use std::collections::{HashMap, HashSet};

/// An object as the server's catalogue knows it: the number of the catalogue, and its own there.
pub(crate) type CatalogId = (u32, u32);

/// What was chosen.
pub(crate) struct Scope<'a> {
    pub selection: &'a Selection,
    /// Names of the tables that are captured.
    pub tables: &'a HashSet<(String, String)>,
    /// What rests on what was not chosen.
    pub broken: &'a HashSet<CatalogId>,
}

/// What is left of a schema.
#[derive(Default)]
pub(crate) struct Narrowed {
    pub entries: Vec<Entry>,
    /// What was left out though it belongs to what was chosen, one sentence each.
    pub left_out: Vec<String>,
}

/// Kinds that are said of others and go with them.
fn is_said_of_others(kind: &str) -> bool {
    matches!(kind, "COMMENT" | "SECURITY LABEL" | "SEQUENCE OWNED BY") || kind.contains("ACL") && kind != "DEFAULT ACL"
}

/// Kinds that tie two objects together, and are nothing where one of them is not there.
fn is_tie(kind: &str) -> bool {
    matches!(kind, "INDEX ATTACH" | "TABLE ATTACH")
}

/// True for what such a tie ties.
fn is_side(tie: &str, kind: &str) -> bool {
    match tie {
        "TABLE ATTACH" => matches!(kind, "TABLE" | "FOREIGN TABLE"),
        _ => matches!(kind, "INDEX" | "CONSTRAINT"),
    }
}

/// The entries that belong to what was chosen.
pub(crate) fn narrow(entries: Vec<Entry>, scope: &Scope<'_>) -> Narrowed {
    let mut keeping = Keeping {
        places: entries.iter().enumerate().map(|(place, entry)| (entry.number, place)).collect(),
        kept: vec![false; entries.len()],
        tree: Tree::of(&entries),
        entries: &entries,
        scope,
        left_out: Vec::new(),
    };
    keeping.run();
    let Keeping { kept, left_out, .. } = keeping;
    let entries = entries.into_iter().zip(kept).filter_map(|(entry, is_kept)| is_kept.then_some(entry)).collect();
    Narrowed { entries, left_out }
}

struct Keeping<'a> {
    entries: &'a [Entry],
    /// Places of entries by their numbers.
    places: HashMap<i64, usize>,
    tree: Tree<'a>,
    scope: &'a Scope<'a>,
    kept: Vec<bool>,
    left_out: Vec<String>,
}

impl Keeping<'_> {
    fn run(&mut self) {
        for place in 0..self.entries.len() {
            if self.is_chosen(&self.entries[place]) {
                self.keep(place);
            }
        }
        // What belongs to a table may need a type whose comment belongs to it, and so on: each turn keeps something, or is the last.
        loop {
            let more: Vec<usize> = (0..self.entries.len())
                .filter(|place| !self.kept[*place] && self.belongs(&self.entries[*place]))
                .collect();
            if more.is_empty() {
                break;
            }
            more.into_iter().for_each(|place| self.keep(place));
        }
        self.tell();
    }

    fn is_broken(&self, entry: &Entry) -> bool {
        self.scope.broken.contains(&entry.catalog)
    }

    fn is_table(&self, entry: &Entry) -> bool {
        self.scope.tables.contains(&(entry.schema.clone(), entry.tag.clone()))
    }

    /// True for what was chosen by its own name, or that of its schema.
    fn is_chosen(&self, entry: &Entry) -> bool {
        let selection = self.scope.selection;
        match entry.kind.as_str() {
            "TABLE" => self.is_table(entry),
            _ if self.is_broken(entry) => false,
            kind if kind::is_of_session(kind) || kind.starts_with("DATABASE") => true,
            kind if is_said_of_others(kind) || is_tie(kind) => false,
            "SCHEMA" => selection.takes_schema(&entry.tag),
            kind if kind::is_relation(kind) || kind == "SEQUENCE" => selection.takes(&entry.schema, &entry.tag),
            kind if kind::belongs_to_table(kind) => false,
            _ if entry.schema.is_empty() => !selection.is_narrow(),
            _ => selection.takes_schema(&entry.schema),
        }
    }

    /// True for what belongs to something that is kept.
    fn belongs(&self, entry: &Entry) -> bool {
        if self.is_broken(entry) && entry.kind != "TABLE" {
            return false;
        }
        let mut needs = entry.needs.iter().filter_map(|number| self.places.get(number)).peekable();
        let kind = entry.kind.as_str();
        if is_said_of_others(kind) {
            return needs.peek().is_some() && needs.all(|place| self.kept[*place]);
        }
        if is_tie(kind) {
            // Where one side is not described, what that needs stands among the needs instead.
            let is_side = |place: &&usize| is_side(kind, &self.entries[**place].kind);
            return needs.filter(is_side).filter(|place| self.kept[**place]).count() > 1;
        }
        if kind == "PUBLICATION TABLE" {
            return needs.all(|place| self.kept[*place]);
        }
        if kind == "SCHEMA" {
            return self.entries.iter().zip(&self.kept).any(|(other, is_kept)| *is_kept && other.schema == entry.tag);
        }
        // A sequence comes because it was chosen, or is needed by a default.
        let is_part = kind::belongs_to_table(kind) && (kind != "SEQUENCE" || self.tree.table(entry, 0).is_some());
        is_part && self.own_table(entry).is_some_and(|place| self.kept[place])
    }

    fn own_table(&self, entry: &Entry) -> Option<usize> {
        let name = self.tree.table(entry, 0)?;
        let mut needs = entry.needs.iter().filter_map(|number| self.places.get(number).copied());
        needs.find(|place| {
            let need = &self.entries[*place];
            kind::is_relation(&need.kind) && shown_name(&need.schema, &need.tag) == name
        })
    }

    /// Keeps an entry, and all it needs.
    fn keep(&mut self, place: usize) {
        let mut places = vec![place];
        while let Some(place) = places.pop() {
            let entry = &self.entries[place];
            let is_left = entry.kind == "TABLE" && !self.is_table(entry);
            if self.kept[place] || is_left || self.is_broken(entry) && entry.kind != "TABLE" {
                continue;
            }
            self.kept[place] = true;
            places.extend(entry.needs.iter().filter_map(|number| self.places.get(number)));
        }
    }

    /// Tells of what would have been kept, had everything it rests on been chosen.
    fn tell(&mut self) {
        let broken = self.entries.iter().filter(|entry| self.is_broken(entry) && self.would_be_kept(entry));
        self.left_out = broken.map(|entry| format!("{}: it rests on what is not chosen", shown_entry(entry))).collect();
    }

    fn would_be_kept(&self, entry: &Entry) -> bool {
        let selection = self.scope.selection;
        match entry.kind.as_str() {
            "TABLE" | "SEQUENCE" | "INDEX" | "INDEX ATTACH" | "TABLE ATTACH" => false,
            kind if kind::is_relation(kind) => selection.takes(&entry.schema, &entry.tag),
            kind if kind::belongs_to_table(kind) => self.own_table(entry).is_some_and(|place| self.kept[place]),
            kind if is_said_of_others(kind) => false,
            _ if entry.schema.is_empty() => !selection.is_narrow(),
            _ => selection.takes_schema(&entry.schema),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datakeep_connector::Options;

    fn entry(number: i64, kind: &str, tag: &str, needs: &[i64]) -> Entry {
        let (schema, tag) = tag.split_once('.').unwrap_or(("", tag));
        let (schema, tag) = (schema.to_owned(), tag.to_owned());
        let catalog = (1, number as u32);
        Entry { number, catalog, kind: kind.to_owned(), schema, tag, needs: needs.to_vec(), ..Entry::default() }
    }

    /// Two tables of a shop, a foreign key from one to the other, and things around them.
    fn shop() -> Vec<Entry> {
        vec![
            entry(1, "SCHEMA", "app", &[]),
            entry(2, "TYPE", "app.state", &[1]),
            entry(3, "TYPE", "app.idle", &[1]),
            entry(4, "FUNCTION", "app.touch()", &[1]),
            entry(5, "TABLE", "app.orders", &[1, 2]),
            entry(6, "SEQUENCE", "app.orders_id_seq", &[1]),
            entry(7, "SEQUENCE OWNED BY", "app.orders_id_seq", &[6, 5]),
            entry(8, "DEFAULT", "app.orders id", &[6, 5]),
            entry(9, "TRIGGER", "app.orders touched", &[5, 4]),
            entry(10, "FK CONSTRAINT", "app.orders orders_customer_fkey", &[5]),
            entry(11, "VIEW", "app.open", &[5]),
            entry(12, "ACL", "app.TABLE orders", &[5]),
            entry(13, "COMMENT", "app.TYPE idle", &[3]),
            entry(14, "EXTENSION", "hstore", &[]),
            entry(15, "DATABASE PROPERTIES", "shop", &[]),
            entry(16, "INDEX", "app.by_state", &[5]),
            entry(17, "SCHEMA", "other", &[]),
        ]
    }

    fn check(given: &[(&str, &str)], broken: &[i64], expect: &[i64], left_out: &[&str]) {
        let mut options = Options::new();
        for (name, value) in given {
            options.entry((*name).to_owned()).or_default().push((*value).to_owned());
        }
        let selection = Selection::read(&options).expect("a selection");
        let tables = HashSet::from([("app".to_owned(), "orders".to_owned())]);
        let broken = broken.iter().map(|number| (1, *number as u32)).collect();
        let narrowed = narrow(shop(), &Scope { selection: &selection, tables: &tables, broken: &broken });
        let kept: Vec<_> = narrowed.entries.iter().map(|entry| entry.number).collect();
        assert_eq!(kept, expect, "{given:?}");
        assert_eq!(narrowed.left_out, left_out, "{given:?}");
    }

    #[test]
    fn what_belongs_to_a_table_and_what_it_needs_is_kept() {
        let of_table = [1, 2, 4, 5, 6, 7, 8, 9, 12, 15, 16];
        check(
            &[("include-table", "app.orders")],
            &[10],
            &of_table,
            &["fk constraint app.orders orders_customer_fkey: it rests on what is not chosen"],
        );
        let of_schema = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16];
        check(&[("include-schema", "app")], &[], &of_schema, &[]);
        check(
            &[("exclude-table", "app.log")],
            &[11],
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17],
            &["view app.open: it rests on what is not chosen"],
        );
    }
}
