//! Rows put among those that stand: those of the same key are overwritten, others added, none removed.

use super::columns::{Column, captured};
use crate::connect::Connection;
use crate::sql::{literal, qualified, quoted};
use datakeep_connector::{ConnectorError, TableJob};

/// Where rows wait until all are there.
const STAGE: &str = "pg_temp.datakeep_stage";

/// A merge that has begun.
pub(crate) struct Merge {
    table: String,
    statement: String,
    /// What is to be as it was when rows are in.
    back: Vec<String>,
}

impl Merge {
    /// Makes the place where rows wait, and keeps triggers of the table from firing until they are in.
    pub fn begin(connection: &Connection, job: &TableJob, standing: &[Column]) -> Result<Self, ConnectorError> {
        let what =
            format!("cannot prepare table {} of", datakeep_model::escape_for_terminal(job.into.to_string().as_bytes()));
        let table = qualified(&job.into.schema, &job.into.table);
        let names: Vec<&str> = captured(&job.table).collect();
        let list = names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let stage = format!(
            "DROP TABLE IF EXISTS {STAGE}; CREATE TEMP TABLE datakeep_stage ON COMMIT DROP AS SELECT {list} FROM ONLY {table} WITH NO DATA"
        );
        connection.run(&what, &stage)?;
        let mut back = Vec::new();
        for (off, on) in triggers(connection, &what, &table)?.into_iter().chain(identities(&table, &names, standing)) {
            connection.run(&what, &off)?;
            back.push(on);
        }
        Ok(Self { statement: statement(&table, &names, &job.table.key), table, back })
    }

    /// What rows are copied into.
    pub fn stage(&self) -> &str {
        STAGE
    }

    /// Puts the rows in, and everything else as it was.
    pub fn end(self, connection: &Connection, name: &str) -> Result<(), ConnectorError> {
        let what = format!("cannot merge rows into table {name} of");
        connection.run(&what, &self.statement)?;
        for sql in &self.back {
            connection.run(&what, sql)?;
        }
        connection.run(&what, &format!("DROP TABLE {STAGE}; ANALYZE {}", self.table))
    }
}

fn statement(table: &str, names: &[&str], key: &[usize]) -> String {
    let list = |names: &[&str]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let keys: Vec<&str> = key.iter().filter_map(|place| names.get(*place).copied()).collect();
    let others = names.iter().filter(|name| !keys.contains(name));
    let set: Vec<_> = others.map(|name| format!("{0} = EXCLUDED.{0}", quoted(name))).collect();
    let action = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) };
    let (all, keys) = (list(names), list(&keys));
    format!(
        "INSERT INTO {table} ({all}) OVERRIDING SYSTEM VALUE SELECT {all} FROM {STAGE} ON CONFLICT ({keys}) DO {action}"
    )
}

/// Statements that keep a table's own triggers from firing, and those that make them fire again as they did.
fn triggers(connection: &Connection, what: &str, table: &str) -> Result<Vec<(String, String)>, ConnectorError> {
    let sql = format!(
        "SELECT tgname, tgenabled FROM pg_catalog.pg_trigger WHERE tgrelid = {}::pg_catalog.regclass AND NOT tgisinternal AND \
         tgenabled <> 'D'",
        literal(table)
    );
    let rows = connection.rows(what, &sql)?;
    let pair = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().flatten();
        let (name, state) = (quoted(&values.next()?), values.next()?);
        let word = match state.as_str() {
            "A" => "ALWAYS ",
            "R" => "REPLICA ",
            _ => "",
        };
        Some((
            format!("ALTER TABLE {table} DISABLE TRIGGER {name}"),
            format!("ALTER TABLE {table} ENABLE {word}TRIGGER {name}"),
        ))
    };
    Ok(rows.into_iter().filter_map(pair).collect())
}

/// Statements that let values of columns be changed that the server always gives, and those that forbid it again.
fn identities(table: &str, names: &[&str], standing: &[Column]) -> Vec<(String, String)> {
    let always = standing.iter().filter(|column| column.is_identity_always && names.contains(&column.name.as_str()));
    let set = |column: &Column, word: &str| {
        format!("ALTER TABLE {table} ALTER COLUMN {} SET GENERATED {word}", quoted(&column.name))
    };
    always.map(|column| (set(column, "BY DEFAULT"), set(column, "ALWAYS"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_key_is_overwritten() {
        assert_eq!(statement("\"a\".\"t\"", &["k", "v\""], &[0]), {
            "INSERT INTO \"a\".\"t\" (\"k\", \"v\"\"\") OVERRIDING SYSTEM VALUE SELECT \"k\", \"v\"\"\" FROM pg_temp.datakeep_stage ON \
             CONFLICT (\"k\") DO UPDATE SET \"v\"\"\" = EXCLUDED.\"v\"\"\""
        });
        assert!(statement("t", &["k"], &[0]).ends_with("DO NOTHING"));
    }
}
