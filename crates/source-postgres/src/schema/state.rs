//! What `pg_dump` leaves out of a schema and belongs to a database all the same: where sequences stand, which materialised views
//! hold rows, and the roles that are named.

use super::CatalogId;
use super::kind::{REFRESH, SEQUENCE_SET, Section, section};
use super::object::{plain, sequence_set, shown_name};
use crate::connect::{Connection, TextRow};
use crate::sql::{literal, qualified, quoted};
use datakeep_connector::{ConnectorError, Note, SchemaObject};

/// The kind of an object that is a role of the whole server.
pub(crate) const ROLE: &str = "ROLE";
/// Sequences that are asked for at once.
const AT_ONCE: usize = 200;

/// What the objects of a schema do not say.
#[derive(Default)]
pub(crate) struct State {
    /// All objects, those of the schema among them, in the order in which they are to be made.
    pub objects: Vec<SchemaObject>,
    /// What is set for the database as a whole.
    pub settings: Vec<Note>,
    /// What is there and cannot be carried, one sentence each.
    pub not_carried: Vec<String>,
}

/// Adds what a schema's objects do not say, read in the transaction of the connection. Where not all was chosen, `only` is what
/// the objects are known by: nothing is said of others.
pub(crate) fn read(
    connection: &Connection,
    objects: Vec<SchemaObject>,
    only: Option<&[CatalogId]>,
) -> Result<State, ConnectorError> {
    let mut state = State { settings: settings(connection)?, ..State::default() };
    let sequences = sequences(connection, only, &mut state.not_carried)?;
    let refreshed = populated(connection, &objects)?;
    state.objects = roles(connection, only, &mut state)?;
    let (before, after) = divided(objects);
    let (keys, last) = split_at(after, Section::Last);
    for some in [before, sequences, keys, refreshed, last] {
        state.objects.extend(some);
    }
    Ok(state)
}

/// What belongs to no database of a server: all its roles.
pub(crate) fn of_server(connection: &Connection) -> Result<State, ConnectorError> {
    let mut state = State { settings: settings(connection)?, ..State::default() };
    state.objects = roles_of(connection, ALL_ROLES, &mut state)?;
    Ok(state)
}

/// Objects that are made before rows are written, and those made after.
pub(crate) fn divided(objects: Vec<SchemaObject>) -> (Vec<SchemaObject>, Vec<SchemaObject>) {
    split_at(objects, Section::PostData)
}

/// Objects before this part of a restore, and all from there on. What is said of objects has no part of its own and stays behind
/// them.
fn split_at(mut objects: Vec<SchemaObject>, first: Section) -> (Vec<SchemaObject>, Vec<SchemaObject>) {
    let is_behind = |object: &SchemaObject| section(&object.kind).is_some_and(|section| section >= first);
    let at = objects.iter().position(is_behind).unwrap_or(objects.len());
    let behind = objects.split_off(at);
    (objects, behind)
}

fn settings(connection: &Connection) -> Result<Vec<Note>, ConnectorError> {
    let sql = "SELECT current_setting('server_version'), pg_encoding_to_char(encoding), datcollate, datctype \
               FROM pg_catalog.pg_database WHERE datname = current_database()";
    let row = connection.rows("cannot read the settings of", sql)?.into_iter().next().unwrap_or_default();
    let names = ["server-version", "encoding", "collate", "ctype"];
    let note = |(name, value): (&str, Option<String>)| Some(Note { name: name.to_owned(), value: value?.into_bytes() });
    Ok(names.into_iter().zip(row).filter_map(note).collect())
}

fn text(row: &TextRow, place: usize) -> &str {
    row.get(place).and_then(Option::as_deref).unwrap_or_default()
}

/// Objects that are members of no extension and of no session.
fn own(class: &str) -> String {
    format!(
        "n.nspname !~ '^pg_(temp|toast)' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT EXISTS (SELECT FROM \
         pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = {class}.oid AND \
         d.deptype = 'e')"
    )
}

/// The condition that an object is one of those that were chosen; `catalogue` and `oid` are expressions.
fn among(catalogue: &str, oid: &str, only: Option<&[CatalogId]>) -> String {
    let Some(ids) = only else { return "true".to_owned() };
    let list = |numbers: Vec<String>| format!("'{{{}}}'::pg_catalog.oid[]", numbers.join(","));
    let catalogues = list(ids.iter().map(|id| id.0.to_string()).collect());
    let objects = list(ids.iter().map(|id| id.1.to_string()).collect());
    let chosen = format!("ROWS FROM (pg_catalog.unnest({catalogues}), pg_catalog.unnest({objects})) AS chosen(a, b)");
    format!("({catalogue}, {oid}) IN (SELECT a, b FROM {chosen})")
}

/// Where each sequence stands.
fn sequences(
    connection: &Connection,
    only: Option<&[CatalogId]>,
    not_carried: &mut Vec<String>,
) -> Result<Vec<SchemaObject>, ConnectorError> {
    let what = "cannot read the sequences of";
    let sql = format!(
        "SELECT n.nspname, c.relname, pg_catalog.has_sequence_privilege(c.oid, 'SELECT'), tn.nspname, t.relname FROM \
         pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_depend o ON \
         o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.objid = c.oid AND o.objsubid = 0 AND o.refclassid = \
         o.classid AND o.deptype IN ('a', 'i') LEFT JOIN pg_catalog.pg_class t ON t.oid = o.refobjid LEFT JOIN \
         pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace WHERE c.relkind = 'S' AND {} AND {} ORDER BY 1, 2",
        own("c"),
        among("c.tableoid", "c.oid", only)
    );
    let (readable, denied): (Vec<_>, Vec<_>) =
        connection.rows(what, &sql)?.into_iter().partition(|row| text(row, 2) == "t");
    not_carried.extend(denied.iter().map(|row| {
        let name = shown_name(text(row, 0), text(row, 1));
        format!("where the sequence {name} stands: the role needs SELECT on it")
    }));
    let mut objects = Vec::new();
    for some in readable.chunks(AT_ONCE) {
        let one = |(place, row): (usize, &TextRow)| {
            format!("SELECT {place}, last_value, is_called FROM {}", qualified(text(row, 0), text(row, 1)))
        };
        let each: Vec<_> = some.iter().enumerate().map(one).collect();
        for (row, found) in some.iter().zip(connection.rows(what, &(each.join(" UNION ALL ") + " ORDER BY 1"))?) {
            let (schema, name) = (text(row, 0), text(row, 1));
            let table = if text(row, 4).is_empty() { String::new() } else { shown_name(text(row, 3), text(row, 4)) };
            let sql = sequence_set((schema, name), text(&found, 1).parse().unwrap_or(1), text(&found, 2) == "t");
            objects.push(SchemaObject { kind: SEQUENCE_SET.to_owned(), name: shown_name(schema, name), table, sql });
        }
    }
    Ok(objects)
}

/// Materialised views that hold rows, in the order in which they are made.
fn populated(connection: &Connection, objects: &[SchemaObject]) -> Result<Vec<SchemaObject>, ConnectorError> {
    let sql = format!(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE \
         c.relkind = 'm' AND c.relispopulated AND {}",
        own("c")
    );
    let rows = connection.rows("cannot read the materialised views of", &sql)?;
    let refresh = |object: &SchemaObject| {
        let row = rows.iter().find(|row| shown_name(text(row, 0), text(row, 1)) == object.name)?;
        let sql = format!("REFRESH MATERIALIZED VIEW {};", qualified(text(row, 0), text(row, 1)));
        Some(SchemaObject { kind: REFRESH.to_owned(), name: object.name.clone(), table: object.name.clone(), sql })
    };
    Ok(objects.iter().filter(|object| object.kind == "MATERIALIZED VIEW").filter_map(refresh).collect())
}

/// The roles that objects of the database belong to or are granted to, and those they are members of.
fn roles(
    connection: &Connection,
    only: Option<&[CatalogId]>,
    state: &mut State,
) -> Result<Vec<SchemaObject>, ConnectorError> {
    roles_of(connection, &used_roles(&among("s.classid", "s.objid", only)), state)
}

/// The roles that a query gives.
fn roles_of(connection: &Connection, sql: &str, state: &mut State) -> Result<Vec<SchemaObject>, ConnectorError> {
    let what = "cannot read the roles of";
    let rows = connection.rows(what, sql)?;
    let mut objects = Vec::new();
    for row in &rows {
        let name = text(row, 1);
        let sql =
            std::iter::once(create_role(row)).chain(role_settings(connection, row)?).collect::<Vec<_>>().join("\n");
        objects.push(SchemaObject { kind: ROLE.to_owned(), name: plain(name), table: String::new(), sql });
    }
    passwords(connection, &rows, state)?;
    objects.extend(memberships(connection, &rows)?);
    Ok(objects)
}

/// What the note of a setting is called that lets a role log in, before the role's name.
const PASSWORD: &str = "role-password ";

/// What the server keeps of passwords, where the role may read it. It stands among the settings, which nobody is shown.
fn passwords(connection: &Connection, roles: &[TextRow], state: &mut State) -> Result<(), ConnectorError> {
    let what = "cannot read the roles of";
    let logins: Vec<_> = roles.iter().filter(|row| text(row, 6) == "t").collect();
    if logins.is_empty() {
        return Ok(());
    }
    if connection.value(what, "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')")? != "t" {
        let names: Vec<_> = logins.iter().map(|row| plain(text(row, 1))).collect();
        let names = datakeep_model::escape_for_terminal(names.join(", ").as_bytes());
        state.not_carried.push(format!("passwords of roles, which only a superuser may read: {names}"));
        return Ok(());
    }
    let numbers: Vec<_> = logins.iter().map(|row| text(row, 0)).collect();
    let sql = format!(
        "SELECT rolname, rolpassword FROM pg_catalog.pg_authid WHERE rolpassword IS NOT NULL AND oid IN ({}) ORDER BY 1",
        numbers.join(", ")
    );
    for row in connection.rows(what, &sql)? {
        let (name, value) = (format!("{PASSWORD}{}", text(&row, 0)), text(&row, 1).as_bytes().to_vec());
        state.settings.push(Note { name, value });
    }
    Ok(())
}

/// What the server is to keep of a role's password.
pub(crate) fn password<'a>(settings: &'a [Note], role: &str) -> Option<&'a str> {
    let note = settings.iter().find(|note| note.name.strip_prefix(PASSWORD) == Some(role))?;
    std::str::from_utf8(&note.value).ok()
}

const ALL_ROLES: &str = "SELECT r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, \
    r.rolreplication, r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil, pg_catalog.shobj_description(r.oid, 'pg_authid') FROM \
    pg_catalog.pg_roles r WHERE r.oid >= 16384 ORDER BY 2";

/// The query of the roles that objects of the database, of which this is true, belong or are granted to.
fn used_roles(is_chosen: &str) -> String {
    format!(
        "WITH RECURSIVE here AS (SELECT oid, datdba FROM pg_catalog.pg_database WHERE datname = current_database()), used(oid) AS \
         ((SELECT s.refobjid FROM pg_catalog.pg_shdepend s, here WHERE s.refclassid = \
         'pg_catalog.pg_authid'::pg_catalog.regclass AND (s.dbid = here.oid AND {is_chosen} OR s.classid = \
         'pg_catalog.pg_database'::pg_catalog.regclass AND s.objid = here.oid) UNION SELECT datdba FROM here UNION SELECT \
         r.setrole FROM pg_catalog.pg_db_role_setting r, here WHERE r.setdatabase = here.oid) UNION SELECT m.roleid FROM \
         pg_catalog.pg_auth_members m JOIN used ON m.member = used.oid) SELECT r.oid, r.rolname, r.rolsuper, r.rolinherit, \
         r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil, \
         pg_catalog.shobj_description(r.oid, 'pg_authid') FROM pg_catalog.pg_roles r WHERE r.oid IN (SELECT oid FROM used) AND \
         r.oid >= 16384 ORDER BY 2"
    )
}

fn create_role(row: &TextRow) -> String {
    let name = quoted(text(row, 1));
    let words = ["SUPERUSER", "INHERIT", "CREATEROLE", "CREATEDB", "LOGIN", "REPLICATION", "BYPASSRLS"];
    let word = |(place, word): (usize, &&str)| {
        if text(row, place + 2) == "t" { format!(" {word}") } else { format!(" NO{word}") }
    };
    let mut sql = format!("CREATE ROLE {name} WITH{}", words.iter().enumerate().map(word).collect::<String>());
    if text(row, 9) != "-1" {
        sql += &format!(" CONNECTION LIMIT {}", text(row, 9));
    }
    if !text(row, 10).is_empty() {
        sql += &format!(" VALID UNTIL {}", literal(text(row, 10)));
    }
    sql += ";";
    if !text(row, 11).is_empty() {
        sql += &format!("\nCOMMENT ON ROLE {name} IS {};", literal(text(row, 11)));
    }
    sql
}

/// What is set for a role in every database.
fn role_settings(connection: &Connection, role: &TextRow) -> Result<Vec<String>, ConnectorError> {
    let sql = format!(
        "SELECT split_part(s, '=', 1), substr(s, strpos(s, '=') + 1) FROM pg_catalog.pg_db_role_setting r, \
         unnest(r.setconfig) WITH ORDINALITY u(s, o) WHERE r.setrole = {} AND r.setdatabase = 0 ORDER BY o",
        text(role, 0)
    );
    let rows = connection.rows("cannot read the roles of", &sql)?;
    let name = quoted(text(role, 1));
    let set = |row: TextRow| format!("ALTER ROLE {name} SET {} TO {};", setting_name(text(&row, 0)), setting(&row));
    Ok(rows.into_iter().map(set).collect())
}

/// Names of settings may have parts, which are not quoted as one.
fn setting_name(name: &str) -> String {
    name.split('.').map(quoted).collect::<Vec<_>>().join(".")
}

/// Settings that are lists stand as such, already in quotes.
fn setting(row: &TextRow) -> String {
    const LISTS: [&str; 8] = [
        "DateStyle",
        "local_preload_libraries",
        "log_destination",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    ];
    let (name, value) = (text(row, 0), text(row, 1));
    match LISTS.iter().any(|list| list.eq_ignore_ascii_case(name)) && !value.is_empty() {
        true => value.to_owned(),
        false => literal(value),
    }
}

/// Which of the roles are members of which others.
fn memberships(connection: &Connection, roles: &[TextRow]) -> Result<Vec<SchemaObject>, ConnectorError> {
    if roles.is_empty() {
        return Ok(Vec::new());
    }
    let members: Vec<_> = roles.iter().map(|row| text(row, 0)).collect();
    let has_more = connection.version()? >= 160_000;
    let more = if has_more { "m.inherit_option, m.set_option" } else { "true, true" };
    let sql = format!(
        "SELECT r.rolname, b.rolname, bool_or(m.admin_option), {} FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON \
         r.oid = m.roleid JOIN pg_catalog.pg_roles b ON b.oid = m.member WHERE m.member IN ({}) GROUP BY 1, 2 ORDER BY 2, 1",
        more.split(", ").map(|column| format!("bool_or({column})")).collect::<Vec<_>>().join(", "),
        members.join(", ")
    );
    let rows = connection.rows("cannot read the roles of", &sql)?;
    Ok(rows.iter().map(|row| membership(row, has_more)).collect())
}

fn membership(row: &TextRow, has_more: bool) -> SchemaObject {
    let (role, member) = (text(row, 0), text(row, 1));
    let is = |place| if text(row, place) == "t" { "TRUE" } else { "FALSE" };
    let options = match has_more {
        true => format!(" WITH ADMIN {}, INHERIT {}, SET {}", is(2), is(3), is(4)),
        false if text(row, 2) == "t" => " WITH ADMIN OPTION".to_owned(),
        false => String::new(),
    };
    let sql = format!("GRANT {} TO {}{options};", quoted(role), quoted(member));
    SchemaObject {
        kind: MEMBER.to_owned(),
        name: format!("{} {}", plain(role), plain(member)),
        table: String::new(),
        sql,
    }
}

/// The kind of an object that makes one role a member of another.
pub(crate) const MEMBER: &str = "ROLE MEMBERSHIP";
