//! Which tables a database has, and their columns, as the server's catalogue tells them.

use super::key::{self, Index};
use crate::connect::{Connection, TextRow};
use crate::extension;
use crate::fault::POLICIES;
use crate::schema::shown_name;
use crate::selection::Selection;
use crate::sql::{qualified, quoted};
use crate::types::{Lane, ROW_COLUMN};
use arrow_schema::DataType;
use datakeep_connector::{ColumnInfo, ConnectorError, TableInfo, TableName};
use datakeep_model::{ErrorKind, escape_for_terminal};
use std::collections::{HashMap, HashSet};

/// Of relations those that belong to people: not to the server, an extension or a session.
pub(crate) const OWN: &str = "n.nspname !~ '^pg_(temp|toast)' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT EXISTS \
    (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND \
    d.deptype = 'e')";
const WHAT: &str = "cannot read the catalogue of";

/// A table, or the parent of partitions.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Relation {
    pub oid: u32,
    pub schema: String,
    pub name: String,
}

/// What is known of a column besides what everyone may know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RawColumn {
    /// Its number in its table (`attnum`).
    pub number: i16,
    pub name: String,
    pub lane: Lane,
    /// True for `char(n)`, whose comparisons leave out the blanks at the end.
    pub is_padded: bool,
    /// True for texts whose own collation is that of their bytes: an index on them has the order that is asked for.
    pub is_by_bytes: bool,
    /// Writes its values as texts.
    pub writer: Writer,
}

/// What writes values of a type as texts. It is called by name, since a cast to text may be anyone's own and say something else.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Writer {
    /// The type itself, whatever domain a column is of.
    type_name: String,
    function: String,
}

impl RawColumn {
    /// The expression for a value as the text that the server writes.
    pub fn written(&self) -> String {
        let Writer { type_name, function } = &self.writer;
        format!("pg_catalog.textin({function}(t.{}::{type_name}))", quoted(&self.name))
    }
}

/// What is known of a table besides what everyone may know.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawTable {
    pub columns: Vec<RawColumn>,
}

impl RawTable {
    /// A table of the server's own, whose columns are of types that travel as what they are.
    pub fn of_server(table: &TableInfo) -> Self {
        let column = |(place, info): (usize, &ColumnInfo)| RawColumn {
            number: place as i16 + 1,
            name: info.name.clone(),
            lane: match info.data_type {
                DataType::UInt32 => Lane::Oid,
                DataType::Int32 => Lane::Int4,
                _ => Lane::Bytea,
            },
            is_padded: false,
            is_by_bytes: false,
            writer: Writer::default(),
        };
        Self { columns: table.columns.iter().enumerate().map(column).collect() }
    }
}

/// The tables of a database.
#[derive(Default)]
pub(crate) struct Tables {
    /// As everyone sees them, by rising name.
    pub infos: Vec<TableInfo>,
    /// What is known besides.
    pub raw: HashMap<TableName, RawTable>,
    /// What is there and cannot be carried.
    pub not_carried: Vec<String>,
}

pub(crate) fn text(row: &TextRow, place: usize) -> &str {
    row.get(place).and_then(Option::as_deref).unwrap_or_default()
}

pub(crate) fn number<N: std::str::FromStr + Default>(row: &TextRow, place: usize) -> N {
    text(row, place).parse().unwrap_or_default()
}

/// What is to be locked.
pub(crate) fn relations(connection: &Connection) -> Result<Vec<Relation>, ConnectorError> {
    let sql = format!(
        "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = \
         c.relnamespace WHERE c.relkind IN ('r', 'p') AND {OWN} ORDER BY c.oid"
    );
    let relation = |row: TextRow| Relation {
        oid: number(&row, 0),
        schema: text(&row, 1).to_owned(),
        name: text(&row, 2).to_owned(),
    };
    Ok(connection.rows(WHAT, &sql)?.into_iter().map(relation).collect())
}

/// Reads the tables of a database that are chosen. `is_raw`: texts are bytes of no known encoding.
pub(crate) fn tables(
    connection: &Connection,
    is_raw: bool,
    version: u32,
    is_chosen: impl Fn(u32, &str, &str) -> bool,
) -> Result<Tables, ConnectorError> {
    // Tables of extensions are the people's as far as they filled them.
    let filled = extension::filled(connection)?;
    let of_extensions: Vec<_> = filled.keys().map(u32::to_string).collect();
    let own = format!("({OWN} OR c.oid = ANY ('{{{}}}'::pg_catalog.oid[]))", of_extensions.join(","));
    let mut columns = columns(connection, &own, is_raw, version)?;
    let mut indexes = key::indexes(connection)?;
    let mut tables = Tables { not_carried: not_carried(connection, &is_chosen)?, ..Tables::default() };
    let sql = format!(
        "SELECT c.oid, n.nspname, c.relname, c.reltuples::pg_catalog.int8, c.relpersistence = 'u' AND \
         pg_catalog.pg_is_in_recovery() FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'r' AND {own}"
    );
    for row in connection.rows(WHAT, &sql)? {
        let oid: u32 = number(&row, 0);
        let own = columns.remove(&oid).unwrap_or_default();
        let name = TableName { schema: text(&row, 1).to_owned(), table: text(&row, 2).to_owned() };
        if !is_chosen(oid, &name.schema, &name.table) {
            continue;
        }
        if text(&row, 4) == "t" {
            let shown = escape_for_terminal(shown_name(&name.schema, &name.table).as_bytes());
            tables.not_carried.push(format!("{shown}: rows of an unlogged table, which a standby has not got"));
            continue;
        }
        let estimate: i64 = number(&row, 3);
        let indexes = indexes.remove(&oid).unwrap_or_default();
        let (info, raw) = table(&name, own, &indexes);
        // Below 0 nobody has counted yet; 0 says the same in old versions.
        let rows_estimate = u64::try_from(estimate).ok().filter(|rows| *rows > 0);
        let notes = filled.get(&oid).map(|condition| extension::notes(condition)).unwrap_or_default();
        tables.infos.push(TableInfo { rows_estimate, notes, ..info });
        tables.raw.insert(name, raw);
    }
    tables.infos.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

fn table(name: &TableName, columns: Vec<(ColumnInfo, RawColumn)>, indexes: &[Index]) -> (TableInfo, RawTable) {
    let (mut infos, raw): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let key = key::choose(&infos, &raw, indexes);
    if infos.is_empty() {
        infos.push(row_column());
    }
    let info = TableInfo {
        name: name.clone(),
        columns: infos,
        key,
        sql: String::new(),
        notes: Vec::new(),
        rows_estimate: None,
    };
    (info, RawTable { columns: raw })
}

/// The column that stands for the rows of a table without columns.
fn row_column() -> ColumnInfo {
    ColumnInfo {
        name: ROW_COLUMN.to_owned(),
        declared: String::new(),
        data_type: DataType::Boolean,
        nullable: false,
        hidden: true,
    }
}

/// Columns by the number of their table.
type Columns = HashMap<u32, Vec<(ColumnInfo, RawColumn)>>;

/// The columns of every table that are not computed, in their order.
fn columns(connection: &Connection, own: &str, is_raw: bool, version: u32) -> Result<Columns, ConnectorError> {
    let bases = domains(connection)?;
    let writers = writers(connection)?;
    // Since version 18 a column may forbid nulls from now on, and hold some.
    let is_sure = match version >= 180_000 {
        true => {
            "AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND \
             k.conkey = ARRAY[a.attnum] AND NOT k.convalidated)"
        }
        false => "",
    };
    let provider = if version >= 150_000 { "AND datlocprovider = 'c'" } else { "" };
    let is_c = format!(
        "EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = current_database() AND datcollate IN ('C', 'POSIX') {provider})"
    );
    let sql = format!(
        "SELECT a.attrelid, a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid, a.atttypmod, \
         a.attnotnull {is_sure}, l.oid = 100 AND {is_c} OR l.collprovider = 'c' AND l.collcollate IN ('C', 'POSIX') FROM \
         pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = \
         c.relnamespace LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND \
         a.attgenerated = '' AND {own} ORDER BY a.attrelid, a.attnum"
    );
    let mut columns: HashMap<u32, Vec<_>> = HashMap::new();
    for row in connection.rows(WHAT, &sql)? {
        let (base, modifier) = base_type(&bases, number(&row, 4), number(&row, 5));
        let lane = Lane::of(base, modifier);
        let raw = RawColumn {
            number: number(&row, 1),
            name: text(&row, 2).to_owned(),
            lane,
            is_padded: base == 1042,
            is_by_bytes: text(&row, 7) == "t",
            writer: writers.get(&base).cloned().unwrap_or_default(),
        };
        let data_type = if is_raw && lane.data_type() == DataType::Utf8 { DataType::Binary } else { lane.data_type() };
        let info = ColumnInfo {
            name: raw.name.clone(),
            declared: text(&row, 3).to_owned(),
            data_type,
            nullable: text(&row, 6) != "t",
            hidden: false,
        };
        columns.entry(number(&row, 0)).or_default().push((info, raw));
    }
    Ok(columns)
}

/// Domains by their numbers, with the type they are made of.
fn domains(connection: &Connection) -> Result<HashMap<u32, (u32, i32)>, ConnectorError> {
    let sql = "SELECT oid, typbasetype, typtypmod FROM pg_catalog.pg_type WHERE typtype = 'd'";
    let domain = |row: TextRow| (number(&row, 0), (number(&row, 1), number(&row, 2)));
    Ok(connection.rows(WHAT, sql)?.into_iter().map(domain).collect())
}

fn base_type(domains: &HashMap<u32, (u32, i32)>, mut oid: u32, mut modifier: i32) -> (u32, i32) {
    // Domains of domains end: each was made of one that was there.
    while let Some(&(base, own)) = domains.get(&oid) {
        (oid, modifier) = (base, own);
    }
    (oid, modifier)
}

/// What writes values, by the type.
fn writers(connection: &Connection) -> Result<HashMap<u32, Writer>, ConnectorError> {
    // With a modifier of -1 a type of characters or bits is of any length. Some types are written by the function of another.
    let sql = "SELECT t.oid, pg_catalog.format_type(t.oid, -1) || CASE WHEN a.typtype <> 'p' AND a.oid <> t.oid THEN '::' || \
               pg_catalog.format_type(a.oid, -1) ELSE '' END, n.nspname, p.proname FROM pg_catalog.pg_type t JOIN \
               pg_catalog.pg_proc p ON p.oid = t.typoutput JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN \
               pg_catalog.pg_type a ON a.oid = p.proargtypes[0] WHERE \
               t.typtype <> 'p' AND t.oid IN (SELECT atttypid FROM pg_catalog.pg_attribute UNION SELECT typbasetype FROM \
               pg_catalog.pg_type)";
    let writer = |row: TextRow| {
        let function = qualified(text(&row, 2), text(&row, 3));
        (number(&row, 0), Writer { type_name: text(&row, 1).to_owned(), function })
    };
    Ok(connection.rows(WHAT, sql)?.into_iter().map(writer).collect())
}

/// What holds rows that are not read, one sentence each.
fn not_carried(
    connection: &Connection,
    is_chosen: impl Fn(u32, &str, &str) -> bool,
) -> Result<Vec<String>, ConnectorError> {
    let foreign = format!(
        "SELECT n.nspname, c.relname, c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'f' AND {OWN} ORDER BY 1, 2"
    );
    let name = |row: &TextRow| escape_for_terminal(shown_name(text(row, 0), text(row, 1)).as_bytes());
    let rows = connection.rows(WHAT, &foreign)?;
    let is_chosen = |row: &&TextRow| is_chosen(number(row, 2), text(row, 0), text(row, 1));
    let sentences = rows
        .iter()
        .filter(is_chosen)
        .map(|row| format!("{}: rows of a foreign table, which another server keeps", name(row)))
        .collect();
    Ok(sentences)
}

/// Refuses a role that may not read all that is chosen, with what it may not read.
pub(crate) fn check_rights(connection: &Connection, selection: &Selection) -> Result<(), ConnectorError> {
    let sql = format!(
        "SELECT n.nspname, c.relname, pg_catalog.quote_ident(current_user), pg_catalog.has_schema_privilege(n.oid, 'USAGE'), \
         pg_catalog.row_security_active(c.oid), c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = \
         c.relnamespace WHERE c.relkind IN ('r', 'p') AND {OWN} AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND \
         pg_catalog.has_table_privilege(c.oid, 'SELECT') AND NOT pg_catalog.row_security_active(c.oid)) ORDER BY 5, 1, 2"
    );
    let mut rows = connection.rows(WHAT, &sql)?;
    if !rows.is_empty() && !selection.is_all() {
        let chosen: HashSet<u32> =
            selection.chosen(connection, relations(connection)?)?.iter().map(|relation| relation.oid).collect();
        rows.retain(|row| chosen.contains(&number(row, 5)));
    }
    let Some(first) = rows.first() else { return Ok(()) };
    let shown = |sql: &str| escape_for_terminal(sql.as_bytes());
    let role = shown(text(first, 2));
    // Rights come first: rows that policies hide are of no use to a role that may read none.
    let is_hidden = text(first, 4) == "t";
    let named = rows.iter().filter(|row| (text(row, 4) == "t") == is_hidden);
    let names: Vec<_> = named.map(|row| shown(&shown_name(text(row, 0), text(row, 1)))).collect();
    let more = if names.len() > SHOWN_MAX { format!(" and {} more", names.len() - SHOWN_MAX) } else { String::new() };
    let names = names[..names.len().min(SHOWN_MAX)].join(", ");
    let place = connection.place();
    let refused = |message| ConnectorError::new(ErrorKind::Denied, message);
    if is_hidden {
        let message =
            format!("cannot read {place}: row-level security hides rows of {names}{more} from the role {role}");
        return Err(refused(message).with_hint(POLICIES));
    }
    let grant = match text(first, 3) {
        "t" => format!("GRANT SELECT ON {} TO {role}", shown(&qualified(text(first, 0), text(first, 1)))),
        _ => format!("GRANT USAGE ON SCHEMA {} TO {role}, and SELECT on its tables", shown(&quoted(text(first, 0)))),
    };
    let hint = format!("{grant}; or for all at once, from version 14 on: GRANT pg_read_all_data TO {role}");
    Err(refused(format!("cannot read {place}: the role {role} may not read {names}{more}")).with_hint(hint))
}

/// Names that one error tells.
const SHOWN_MAX: usize = 5;

/// Whether a column holds a value that this condition is true for.
pub(crate) fn has_value(connection: &Connection, table: &TableName, condition: &str) -> Result<bool, ConnectorError> {
    let table = qualified(&table.schema, &table.table);
    let sql = format!("SELECT EXISTS (SELECT FROM ONLY {table} t WHERE {condition})");
    Ok(connection.value("cannot read the keys of", &sql)? == "t")
}
