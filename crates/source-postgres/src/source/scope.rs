//! What was chosen of a database, and what rests on the rest.

use super::catalog::{Relation, number, text};
use super::lock::Held;
use crate::connect::{Connection, TextRow};
use crate::large;
use crate::schema::{CatalogId, shown_name};
use crate::selection::Selection;
use datakeep_connector::ConnectorError;
use datakeep_model::escape_for_terminal;
use std::collections::{HashMap, HashSet};

const WHAT: &str = "cannot read the catalogue of";
/// The number of `pg_class` in itself, the same in every server.
const PG_CLASS: u32 = 1259;

/// The tables that are read where not all are.
pub(crate) struct Chosen {
    pub selection: Selection,
    oids: HashSet<u32>,
    /// Schemas and names of those that are read.
    pub tables: HashSet<(String, String)>,
    left: Vec<Relation>,
    /// Names of those that are read, by their numbers.
    names: HashMap<u32, String>,
}

/// A view, or another relation that is not a table.
struct View {
    relation: Relation,
    kind: &'static str,
}

impl Chosen {
    /// Of the tables that were locked.
    pub fn of(selection: &Selection, held: &Held) -> Self {
        let name = |relation: &Relation| (relation.schema.clone(), relation.name.clone());
        let shown = |relation: &Relation| (relation.oid, shown_name(&relation.schema, &relation.name));
        Self {
            selection: selection.clone(),
            oids: held.locked.iter().map(|relation| relation.oid).collect(),
            tables: held.locked.iter().map(name).collect(),
            left: held.left.clone(),
            names: held.locked.iter().map(shown).collect(),
        }
    }

    /// True for a relation that is read: a table that was locked, or another of a name that was chosen.
    pub fn has(&self, oid: u32, schema: &str, name: &str) -> bool {
        let is_left = || self.left.iter().any(|relation| relation.oid == oid);
        self.oids.contains(&oid) || self.selection.takes(schema, name) && !is_left()
    }

    /// What rests on something that is not read, whatever lies between, and so cannot be made again.
    pub fn broken(&self, connection: &Connection) -> Result<Broken, ConnectorError> {
        let views = views(connection)?;
        let is_taken = |view: &&View| self.selection.takes(&view.relation.schema, &view.relation.name);
        let (taken, left): (Vec<_>, Vec<_>) = views.iter().partition(is_taken);
        let start = self.left.iter().chain(left.iter().map(|view| &view.relation));
        let mut broken = Dependents::read(connection)?.of(start.map(|one| (PG_CLASS, one.oid)), &self.oids);
        let rests = |view: &&&View| broken.ids.contains(&(PG_CLASS, view.relation.oid));
        let resting: Vec<_> = taken.iter().filter(rests).collect();
        let sentence = |view: &&&View| {
            let name = escape_for_terminal(shown_name(&view.relation.schema, &view.relation.name).as_bytes());
            format!("{} {name}: it rests on what is not chosen", view.kind)
        };
        broken.told = resting.iter().map(sentence).collect();
        // To describe a view, the server locks what it reads, and waits for that without end.
        let without = resting.iter().map(|view| &view.relation).chain(left.iter().map(|view| &view.relation));
        // And so does a sequence with the table that has it.
        let sequences = sequences(connection)?;
        let sequences = sequences.iter().filter(|one| broken.ids.contains(&(PG_CLASS, one.oid)));
        let without = self.left.iter().chain(without).chain(sequences);
        broken.without = without.map(|relation| (relation.schema.clone(), relation.name.clone())).collect();
        Ok(broken)
    }

    /// What is not captured though one may expect it, one sentence each.
    pub fn told(&self, connection: &Connection, broken: &Broken) -> Vec<String> {
        let mut names: Vec<_> = broken.tables.iter().filter_map(|oid| self.names.get(oid)).collect();
        names.sort();
        let sentence = |name: &&String| {
            let name = escape_for_terminal(name.as_bytes());
            format!("what table {name} is made with: a table or type that is not chosen must be there before it")
        };
        let mut told: Vec<_> = names.iter().map(sentence).collect();
        told.extend(broken.told.iter().cloned());
        if self.selection.is_narrow() && !large::table(connection).is_ok_and(|table| table.is_none()) {
            told.push("large objects: they belong to no table that could be chosen".to_owned());
        }
        told
    }
}

fn sequences(connection: &Connection) -> Result<Vec<Relation>, ConnectorError> {
    let sql = "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = \
               c.relnamespace WHERE c.relkind = 'S' AND c.oid >= 16384";
    let rows = connection.rows(WHAT, sql)?;
    Ok(rows.iter().map(relation).collect())
}

fn relation(row: &TextRow) -> Relation {
    Relation { oid: number(row, 0), schema: text(row, 1).to_owned(), name: text(row, 2).to_owned() }
}

fn views(connection: &Connection) -> Result<Vec<View>, ConnectorError> {
    let sql = "SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = \
               c.relnamespace WHERE c.relkind IN ('v', 'm', 'f') AND c.oid >= 16384 ORDER BY 2, 3";
    let view = |row: TextRow| View {
        relation: relation(&row),
        kind: match text(&row, 3) {
            "m" => "materialized view",
            "f" => "foreign table",
            _ => "view",
        },
    };
    Ok(connection.rows(WHAT, sql)?.into_iter().map(view).collect())
}

/// What cannot be made where something is not there.
#[derive(Default)]
pub(crate) struct Broken {
    pub ids: HashSet<CatalogId>,
    /// Tables that are read all the same.
    tables: HashSet<u32>,
    /// Views that were chosen, one sentence each.
    told: Vec<String>,
    /// Schemas and names of tables and views that are not to be described.
    pub without: Vec<(String, String)>,
}

/// What rests on what, as the server knows it.
struct Dependents(HashMap<CatalogId, Vec<(CatalogId, bool)>>);

impl Dependents {
    fn read(connection: &Connection) -> Result<Self, ConnectorError> {
        // A view is made by its rule, which the catalogue has the other way round.
        let sql = "SELECT refclassid, refobjid, classid, objid, deptype FROM pg_catalog.pg_depend WHERE deptype IN ('n', 'a', 'i') \
                   AND objid >= 16384 AND refobjid >= 16384 UNION ALL SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, oid, \
                   'pg_catalog.pg_class'::pg_catalog.regclass, ev_class, 'n' FROM pg_catalog.pg_rewrite WHERE rulename = '_RETURN' \
                   AND oid >= 16384";
        let mut dependents: HashMap<CatalogId, Vec<(CatalogId, bool)>> = HashMap::new();
        for row in connection.rows(WHAT, sql)? {
            let id = |row: &TextRow, place: usize| (number(row, place), number(row, place + 1));
            dependents.entry(id(&row, 0)).or_default().push((id(&row, 2), text(&row, 4) == "n"));
        }
        Ok(Self(dependents))
    }

    /// All that rests on these. Tables that are read are not followed: they are read whatever they rest on.
    fn of(&self, start: impl Iterator<Item = CatalogId>, read: &HashSet<u32>) -> Broken {
        let mut broken = Broken::default();
        let mut next: Vec<_> = start.collect();
        while let Some(id) = next.pop() {
            if !broken.ids.insert(id) {
                continue;
            }
            for (other, is_needed) in self.0.get(&id).into_iter().flatten() {
                if other.0 != PG_CLASS || !read.contains(&other.1) {
                    next.push(*other);
                } else if *is_needed {
                    broken.tables.insert(other.1);
                }
            }
        }
        broken
    }
}
