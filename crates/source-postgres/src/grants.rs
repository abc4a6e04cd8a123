//! What a role needs to read a database, as statements, and what a role lacks.

use crate::connect::{Connection, TextRow};
use crate::fault::{Side, usage};
use crate::location::Location;
use crate::options::SourceOptions;
use crate::schema::object::plain;
use crate::schema::shown_name;
use crate::selection::Selection;
use crate::source::catalog::{OWN, Relation, number, relations, text};
use crate::source::session;
use crate::sql::{literal, qualified, quoted};
use datakeep_connector::{ConnectorError, MissingRight, Role, Statement};
use datakeep_model::escape_for_terminal;
use std::collections::BTreeSet;
use std::sync::Arc;

const WHAT: &str = "cannot read the rights of";
/// The version since which a role may be given all that is to be read at once.
const READ_ALL_SINCE: u32 = 140_000;
/// The longest name of a role.
const NAME_BYTES_MAX: usize = 63;

/// A session, and the version of its server.
struct Server {
    connection: Arc<Connection>,
    version: u32,
}

fn open(location: &Location, options: &SourceOptions) -> Result<(Server, Vec<Relation>), ConnectorError> {
    let connection = Connection::open(Side::Source, location)?;
    let version = session::known_version(&connection)?;
    session::pin(&connection, options.settings.patience)?;
    options.selection.check(&connection)?;
    let tables = options.selection.chosen(&connection, relations(&connection)?)?;
    Ok((Server { connection, version }, tables))
}

fn shown(text: &str) -> String {
    escape_for_terminal(text.as_bytes())
}

/// The statements that make a role which may read what is chosen of a database.
pub(crate) fn script(
    location: &Location,
    options: &SourceOptions,
    role: &Role<'_>,
) -> Result<Vec<Statement>, ConnectorError> {
    if role.name.is_empty() || role.name.len() > NAME_BYTES_MAX || role.name.contains('\0') {
        let error = usage(format!("`{}` cannot be the name of a role", shown(role.name)));
        return Err(error.with_hint("a name has 1 to 63 bytes"));
    }
    let (server, tables) = open(location, options)?;
    let is_narrow = role.is_narrow || server.version < READ_ALL_SINCE || !options.selection.is_all();
    let mut script = Script { role: quoted(role.name), server: &server.connection, statements: Vec::new() };
    script.begin(role.name)?;
    if is_narrow {
        script.rights(&options.selection, &tables)?;
    } else {
        let all = "reads all tables, sequences and large objects of the server, those to come with them, and the passwords that the \
                   server keeps of roles: --per-schema leaves these out";
        script.add(all, format!("GRANT pg_read_all_data TO {}", script.role));
    }
    script.policies(&tables)?;
    Ok(script.statements)
}

struct Script<'s> {
    /// In quotes.
    role: String,
    server: &'s Connection,
    statements: Vec<Statement>,
}

impl Script<'_> {
    fn add(&mut self, comment: &str, sql: String) {
        self.statements.push(Statement { comment: comment.to_owned(), sql });
    }

    fn begin(&mut self, name: &str) -> Result<(), ConnectorError> {
        let rows = self.server.rows(WHAT, "SELECT current_database(), rolname FROM pg_catalog.pg_roles")?;
        let database = rows.first().map(|row| text(row, 0)).unwrap_or_default().to_owned();
        let what = format!("a role that reads the database {} and changes nothing", shown(&database));
        if rows.iter().any(|row| text(row, 1) == name) {
            self.add(&format!("{what}; it is there already"), String::new());
        } else {
            let sql = format!("CREATE ROLE {} LOGIN", self.role);
            self.add(&format!("{what}; give it a password with \\password in psql"), sql);
        }
        let sql = format!("GRANT CONNECT ON DATABASE {} TO {}", quoted(&database), self.role);
        self.add("", sql);
        Ok(())
    }

    /// Rights on each schema, and on what will be made in it by those who own something there now; or on single tables, where not
    /// all of a schema is chosen.
    fn rights(&mut self, selection: &Selection, tables: &[Relation]) -> Result<(), ConnectorError> {
        let whole: BTreeSet<String> = schemas(self.server)?
            .into_iter()
            .filter(|schema| selection.takes_schema(schema) && !selection.has_excluded_tables())
            .collect();
        let used: BTreeSet<&String> = tables.iter().map(|table| &table.schema).chain(&whole).collect();
        for schema in used {
            self.add("", format!("GRANT USAGE ON SCHEMA {} TO {}", quoted(schema), self.role));
            if whole.contains(schema) {
                self.of_schema(schema)?;
            } else {
                let own: Vec<_> = tables.iter().filter(|table| table.schema == *schema).collect();
                self.of_tables(&own)?;
            }
        }
        if !selection.is_narrow() {
            let sql = format!("GRANT SELECT ON pg_catalog.pg_largeobject TO {}", self.role);
            self.add("large objects: given by a superuser", sql);
        }
        Ok(())
    }

    fn of_schema(&mut self, schema: &str) -> Result<(), ConnectorError> {
        let (name, role) = (quoted(schema), self.role.clone());
        for kind in ["TABLES", "SEQUENCES"] {
            self.add("", format!("GRANT SELECT ON ALL {kind} IN SCHEMA {name} TO {role}"));
        }
        let sql = format!(
            "SELECT DISTINCT r.rolname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN \
             pg_catalog.pg_roles r ON r.oid IN (c.relowner, n.nspowner) WHERE n.nspname = {} ORDER BY 1",
            literal(schema)
        );
        for row in self.server.rows(WHAT, &sql)? {
            let owner = quoted(text(&row, 0));
            for kind in ["TABLES", "SEQUENCES"] {
                let sql = format!(
                    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {name} GRANT SELECT ON {kind} TO {role}"
                );
                let comment = format!("what {} will make there", shown(text(&row, 0)));
                self.add(if kind == "TABLES" { &comment } else { "" }, sql);
            }
        }
        Ok(())
    }

    /// Single tables, and the sequences of their columns.
    fn of_tables(&mut self, tables: &[&Relation]) -> Result<(), ConnectorError> {
        let numbers: Vec<_> = tables.iter().map(|table| table.oid.to_string()).collect();
        let sql = format!(
            "SELECT DISTINCT n.nspname, c.relname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid = CASE WHEN \
             d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass THEN d.objid ELSE d.refobjid END AND c.relkind = 'S' JOIN \
             pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_attrdef a ON a.oid = d.objid AND d.classid \
             = 'pg_catalog.pg_attrdef'::pg_catalog.regclass WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND \
             coalesce(a.adrelid, d.refobjid) = ANY ('{{{}}}'::pg_catalog.oid[]) ORDER BY 1, 2",
            numbers.join(",")
        );
        let sequences = self.server.rows(WHAT, &sql)?;
        let names = tables.iter().map(|table| qualified(&table.schema, &table.name));
        for name in names.chain(sequences.iter().map(|row| qualified(text(row, 0), text(row, 1)))) {
            self.add("", format!("GRANT SELECT ON {name} TO {}", self.role));
        }
        Ok(())
    }

    /// Where policies would hide rows.
    fn policies(&mut self, tables: &[Relation]) -> Result<(), ConnectorError> {
        let sql = "SELECT oid FROM pg_catalog.pg_class WHERE relrowsecurity";
        let guarded: BTreeSet<u32> = self.server.rows(WHAT, sql)?.iter().map(|row| number(row, 0)).collect();
        let names: Vec<_> = tables
            .iter()
            .filter(|table| guarded.contains(&table.oid))
            .map(|table| shown(&shown_name(&table.schema, &table.name)))
            .collect();
        if !names.is_empty() {
            let comment = format!("row-level security would hide rows of {}", names.join(", "));
            self.add(&comment, format!("ALTER ROLE {} BYPASSRLS", self.role));
        }
        Ok(())
    }
}

/// Schemas that belong to people.
fn schemas(connection: &Connection) -> Result<Vec<String>, ConnectorError> {
    let sql = "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1";
    let rows = connection.rows(WHAT, sql)?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

/// The role of the location, and what it lacks to read what is chosen.
pub(crate) fn missing(
    location: &Location,
    options: &SourceOptions,
) -> Result<(String, Vec<MissingRight>), ConnectorError> {
    let (server, tables) = open(location, options)?;
    let connection = &server.connection;
    let role = connection.value(WHAT, "SELECT current_user")?;
    let mut lacks = Lacks { role: quoted(&role), found: Vec::new() };
    lacks.schemas(connection, &tables)?;
    lacks.relations(connection, &options.selection, &tables)?;
    if !options.selection.is_narrow() {
        lacks.large_objects(connection)?;
        lacks.passwords(connection)?;
    }
    Ok((shown(&plain(&role)), lacks.found))
}

struct Lacks {
    /// In quotes.
    role: String,
    found: Vec<MissingRight>,
}

impl Lacks {
    fn add(&mut self, what: String, remedy: String, is_needed: bool) {
        self.found.push(MissingRight { what: shown(&what), remedy: shown(&remedy), is_needed });
    }

    fn schemas(&mut self, connection: &Connection, tables: &[Relation]) -> Result<(), ConnectorError> {
        let sql = "SELECT nspname FROM pg_catalog.pg_namespace WHERE NOT pg_catalog.has_schema_privilege(oid, 'USAGE')";
        let closed: BTreeSet<String> =
            connection.rows(WHAT, sql)?.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
        let used: BTreeSet<&String> = tables.iter().map(|table| &table.schema).collect();
        for schema in used.into_iter().filter(|schema| closed.contains(*schema)) {
            let remedy = format!("GRANT USAGE ON SCHEMA {} TO {}", quoted(schema), self.role);
            self.add(format!("USAGE on schema {}", plain(schema)), remedy, true);
        }
        Ok(())
    }

    fn relations(
        &mut self,
        connection: &Connection,
        selection: &Selection,
        tables: &[Relation],
    ) -> Result<(), ConnectorError> {
        let sql = format!(
            "SELECT n.nspname, c.relname, c.oid, c.relkind, pg_catalog.has_table_privilege(c.oid, 'SELECT'), c.relkind <> 'S' AND \
             pg_catalog.row_security_active(c.oid) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = \
             c.relnamespace WHERE c.relkind IN ('r', 'p', 'S') AND {OWN} ORDER BY c.relkind = 'S', 1, 2"
        );
        let chosen: BTreeSet<u32> = tables.iter().map(|table| table.oid).collect();
        let is_chosen = |row: &&TextRow| match text(row, 3) {
            "S" => selection.takes(text(row, 0), text(row, 1)),
            _ => chosen.contains(&number(row, 2)),
        };
        for row in connection.rows(WHAT, &sql)?.iter().filter(is_chosen) {
            let (name, is_sequence) = (shown_name(text(row, 0), text(row, 1)), text(row, 3) == "S");
            if text(row, 4) != "t" {
                let remedy = format!("GRANT SELECT ON {} TO {}", qualified(text(row, 0), text(row, 1)), self.role);
                let kind = if is_sequence { "sequence" } else { "table" };
                self.add(format!("SELECT on {kind} {name}"), remedy, !is_sequence);
            } else if text(row, 5) == "t" {
                let remedy = format!("ALTER ROLE {} BYPASSRLS", self.role);
                self.add(format!("BYPASSRLS: row-level security hides rows of table {name}"), remedy, true);
            }
        }
        Ok(())
    }

    fn large_objects(&mut self, connection: &Connection) -> Result<(), ConnectorError> {
        let sql = "SELECT (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata) > 0 AND NOT \
                   pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')";
        if connection.value(WHAT, sql)? == "t" {
            let remedy = format!("GRANT SELECT ON pg_catalog.pg_largeobject TO {}", self.role);
            self.add("SELECT on table pg_catalog.pg_largeobject, which holds large objects".to_owned(), remedy, true);
        }
        Ok(())
    }

    fn passwords(&mut self, connection: &Connection) -> Result<(), ConnectorError> {
        let sql = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')";
        if connection.value(WHAT, sql)? != "t" {
            let remedy = format!("GRANT SELECT ON pg_catalog.pg_authid TO {}", self.role);
            self.add("SELECT on table pg_catalog.pg_authid, which holds passwords of roles".to_owned(), remedy, false);
        }
        Ok(())
    }
}
