//! Makes objects, one after the other: what everything rests on must succeed, what else fails is told.

use super::losses::Losses;
use crate::connect::Connection;
use crate::fault::words;
use crate::schema::kind::OWNER;
use crate::schema::object::split_places;
use crate::schema::state::{self, MEMBER, ROLE};
use crate::schema::tokens::{Place, tokens};
use crate::sql::{literal, quoted};
use datakeep_connector::{ConnectorError, Note, SchemaObject};
use std::collections::HashSet;
use std::sync::Arc;

/// Kinds that rows or most other objects rest on.
const ESSENTIAL: [&str; 7] = ["DOMAIN", "EXTENSION", "SCHEMA", "SEQUENCE", "SHELL TYPE", "TABLE", "TYPE"];

/// Makes objects in the transaction of a session.
pub(crate) struct Maker {
    pub connection: Arc<Connection>,
    pub losses: Losses,
    /// What is worth telling that is no loss.
    pub told: Vec<String>,
    /// Roles that were made.
    pub made_roles: Vec<String>,
    /// What was set for the captured database.
    pub settings: Vec<Note>,
    roles: HashSet<String>,
    version: u32,
}

impl Maker {
    /// For a session whose transaction has begun.
    pub fn new(connection: Arc<Connection>) -> Result<Self, ConnectorError> {
        let rows = connection.rows("cannot read the roles of", "SELECT rolname FROM pg_catalog.pg_roles")?;
        let roles = rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
        let version = connection.version()?;
        Ok(Self {
            connection,
            losses: Losses::default(),
            told: Vec::new(),
            made_roles: Vec::new(),
            settings: Vec::new(),
            roles,
            version,
        })
    }

    /// Makes an object of the schema.
    pub fn make(&mut self, object: &SchemaObject) -> Result<(), ConnectorError> {
        match object.kind.as_str() {
            _ if object.sql.is_empty() => Ok(()),
            ROLE => self.role(object),
            MEMBER => self.membership(object),
            OWNER => self.owner(object),
            "ACL" | "DEFAULT ACL" => self.each_statement(object),
            kind if ESSENTIAL.contains(&kind) => self.essential(object),
            _ => self.other(object),
        }
    }

    /// Makes what must succeed.
    fn essential(&mut self, object: &SchemaObject) -> Result<(), ConnectorError> {
        if self.attempt(object, &object.sql)? {
            return Ok(());
        }
        let (statement, places) = split_places(&object.sql);
        if !places.is_empty() && self.try_in_part(statement)?.is_ok() {
            self.losses.add(object, "its tablespace or its access method is not there".to_owned());
            return Ok(());
        }
        self.connection.run(&format!("cannot make {} in", shown(object)), statement).map_err(advised)
    }

    /// Makes what may fail.
    fn other(&mut self, object: &SchemaObject) -> Result<(), ConnectorError> {
        let (statement, places) = split_places(&object.sql);
        let Err(mut error) = self.try_in_part(&object.sql)? else { return Ok(()) };
        if !places.is_empty() {
            match self.try_in_part(statement)? {
                Ok(()) => {
                    self.losses.add(object, "its tablespace or its access method is not there".to_owned());
                    return Ok(());
                }
                Err(other) => error = other,
            }
        }
        if self.try_on_path(object, statement)? {
            return Ok(());
        }
        self.losses.add(object, said(&error));
        Ok(())
    }

    /// Functions that name objects without their schema find them only on the path of their database.
    fn try_on_path(&mut self, object: &SchemaObject, statement: &str) -> Result<bool, ConnectorError> {
        let Some(schema) = schema_of(&object.name) else { return Ok(false) };
        let path = if schema == "public" { schema } else { format!("{}, public", quoted(&schema)) };
        let sql = format!("SET LOCAL search_path = {path}; {statement}\n; SET LOCAL search_path = '';");
        let made = self.try_in_part(&sql)?.is_ok();
        if made {
            let what = shown(object);
            self.told.push(format!(
                "{what} was made with the search path {path}: a function in it names objects without their schema"
            ));
        }
        Ok(made)
    }

    /// Keeps triggers and foreign keys of tables that an extension made from firing (`replica`), where the role may do so, until told
    /// otherwise (`origin`): rows of one may refer to those of another that comes later.
    pub fn rest_triggers(&self, role: &str) -> Result<(), ConnectorError> {
        self.try_in_part(&format!("SET LOCAL session_replication_role = {role}")).map(drop)
    }

    /// True when it was made; false when it may be tried in another way.
    fn attempt(&self, object: &SchemaObject, sql: &str) -> Result<bool, ConnectorError> {
        if split_places(&object.sql).1.is_empty() {
            self.connection.run(&format!("cannot make {} in", shown(object)), sql).map_err(advised)?;
            return Ok(true);
        }
        Ok(self.try_in_part(sql)?.is_ok())
    }

    /// Runs statements in a part of the transaction, which is taken back when one fails.
    pub fn try_in_part(&self, sql: &str) -> Result<Result<(), tokio_postgres::Error>, ConnectorError> {
        let what = "cannot go on in";
        let places_back = "SET LOCAL default_tablespace = ''; SET LOCAL default_table_access_method = heap;";
        match self.connection.try_run(&format!("SAVEPOINT part; {sql}\n; {places_back} RELEASE part")) {
            Ok(()) => Ok(Ok(())),
            Err(error) if is_of_statement(&error) => {
                self.connection.run(what, "ROLLBACK TO part; RELEASE part")?;
                Ok(Err(error))
            }
            Err(error) => Err(self.connection.fault(what, &error)),
        }
    }

    /// Makes a role where the server has none of its name.
    fn role(&mut self, object: &SchemaObject) -> Result<(), ConnectorError> {
        // CREATE ROLE name
        let Some(name) = name_at(&object.sql, 2) else { return Ok(()) };
        if self.roles.contains(&name) {
            return Ok(());
        }
        match self.try_in_part(&object.sql)? {
            Ok(()) => {
                let password = state::password(&self.settings, &name);
                let set =
                    password.map(|password| format!("ALTER ROLE {} PASSWORD {}", quoted(&name), literal(password)));
                let has_password = match set {
                    Some(set) => self.try_in_part(&set)?.is_ok(),
                    None => false,
                };
                let without = if has_password { "" } else { ", without a password" };
                let shown = datakeep_model::escape_for_terminal(object.name.as_bytes());
                self.told.push(format!("made the role {shown}{without}"));
                self.made_roles.push(name.clone());
                self.roles.insert(name);
            }
            Err(error) => self.losses.add(object, said(&error)),
        }
        Ok(())
    }

    /// Makes a role a member of another.
    fn membership(&mut self, object: &SchemaObject) -> Result<(), ConnectorError> {
        // GRANT role TO member
        let (Some(role), Some(member)) = (name_at(&object.sql, 1), name_at(&object.sql, 3)) else { return Ok(()) };
        let sql = match self.version >= 160_000 {
            true => object.sql.clone(),
            false if object.sql.contains(" WITH ADMIN TRUE") || object.sql.contains(" WITH ADMIN OPTION") => {
                format!("GRANT {} TO {} WITH ADMIN OPTION", quoted(&role), quoted(&member))
            }
            false => format!("GRANT {} TO {}", quoted(&role), quoted(&member)),
        };
        if let Err(error) = self.try_in_part(&sql)? {
            self.losses.add(object, said(&error));
        }
        Ok(())
    }

    fn owner(&mut self, object: &SchemaObject) -> Result<(), ConnectorError> {
        let last = tokens(&object.sql).iter().rev().find_map(|place| place.name(&object.sql));
        let Some(role) = last.filter(|role| !self.roles.contains(role)) else { return self.other_once(object) };
        let role = datakeep_model::escape_for_terminal(role.as_bytes());
        self.losses.add(object, format!("the server has no role {role}, and the role that restores owns it"));
        Ok(())
    }

    fn other_once(&mut self, object: &SchemaObject) -> Result<(), ConnectorError> {
        if let Err(error) = self.try_in_part(&object.sql)? {
            self.losses.add(object, said(&error));
        }
        Ok(())
    }

    /// Runs statements, each on its own: one that fails does not take the others with it.
    pub fn each_statement(&mut self, object: &SchemaObject) -> Result<(), ConnectorError> {
        if self.try_in_part(&object.sql)?.is_ok() {
            return Ok(());
        }
        for statement in statements(&object.sql) {
            if let Err(error) = self.try_in_part(statement)? {
                self.losses.add(object, said(&error));
            }
        }
        Ok(())
    }
}

/// True for what the statement is to blame for, and not the server's state: room, locks, a shutdown, a cut connection.
fn is_of_statement(error: &tokio_postgres::Error) -> bool {
    const STATES: [&str; 7] = ["08", "40", "53", "55P03", "57", "58030", "XX"];
    let code = error.code().map(tokio_postgres::error::SqlState::code);
    code.is_some_and(|code| !STATES.iter().any(|state| code.starts_with(state)))
}

fn advised(error: ConnectorError) -> ConnectorError {
    match error.hint {
        Some(_) => error,
        None => error.with_hint("make first what it needs, or restore the whole database into one that is not there"),
    }
}

/// What the server said, without anything that may be a cell.
pub(crate) fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| "the connection failed".to_owned(), words)
}

/// The kind and name of an object, for people.
pub(crate) fn shown(object: &SchemaObject) -> String {
    let name = datakeep_model::escape_for_terminal(object.name.as_bytes());
    format!("{} {name}", object.kind.to_lowercase())
}

/// The schema in the name of an object; `None` when it has none.
fn schema_of(name: &str) -> Option<String> {
    let mut places = crate::schema::tokens::each(name);
    let schema = places.next()?.name(name)?;
    places.next()?.is_char(name, ".").then_some(schema)
}

fn name_at(sql: &str, place: usize) -> Option<String> {
    crate::schema::tokens::each(sql).nth(place)?.name(sql)
}

/// The statements of a text that holds no bodies.
pub(crate) fn statements(sql: &str) -> Vec<&str> {
    let places = tokens(sql);
    let ends = places.iter().filter(|place| place.is_char(sql, ";")).map(|place: &Place| place.to);
    let mut from = 0;
    let mut found: Vec<&str> = ends.map(|end| sql[std::mem::replace(&mut from, end)..end].trim()).collect();
    found.push(sql[from..].trim());
    found.retain(|statement| !statement.is_empty() && *statement != ";");
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_ends_with_its_quote() {
        assert_eq!(schema_of("app.o_idx").as_deref(), Some("app"));
        assert_eq!(schema_of("\"a.b\"\"c\".\"d e\"").as_deref(), Some("a.b\"c"));
        assert_eq!((schema_of("plain"), schema_of("f(a.b)"), schema_of("")), (None, None, None));
    }

    #[test]
    fn statements_end_outside_quotes() {
        assert_eq!(
            statements("GRANT a TO \"b;\";\nCOMMENT ON x IS ';';\n"),
            ["GRANT a TO \"b;\";", "COMMENT ON x IS ';';"]
        );
        assert_eq!(statements("SELECT 1"), ["SELECT 1"]);
    }
}
