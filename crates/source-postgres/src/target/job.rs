//! What is asked of a target, and whether it can be done.

use super::rename::NAME_BYTES_MAX;
use super::{columns, look};
use crate::connect::Connection;
use crate::extension;
use crate::fault::usage;
use crate::sql::{literal, qualified};
use datakeep_connector::{ConnectorError, RestoreJob, TableAction, TableJob, TableName};
use datakeep_model::{ErrorKind, escape_for_terminal};
use std::collections::HashSet;

/// A table's name as people may see it.
pub(crate) fn shown(name: &TableName) -> String {
    escape_for_terminal(name.to_string().as_bytes())
}

/// Refuses a job that makes no sense, whatever stands in the target.
pub(crate) fn check(job: &RestoreJob) -> Result<(), ConnectorError> {
    let mut names = HashSet::new();
    for table in &job.tables {
        let into = &table.into;
        for part in [&into.schema, &into.table] {
            if part.is_empty() || part.contains('\0') || part.len() > NAME_BYTES_MAX {
                let shown = escape_for_terminal(part.as_bytes());
                return Err(usage(format!("`{shown}` cannot be a name in PostgreSQL"))
                    .with_hint(format!("a name has 1 to {NAME_BYTES_MAX} bytes and no zero character")));
            }
        }
        let is_own = into.schema.starts_with("pg_") || into.schema == "information_schema";
        if is_own && !(job.whole && table.table.name == *into) {
            return Err(usage(format!("{} would be a table of the server itself", shown(into))));
        }
        if extension::added(&table.table).is_some() && !job.whole && table.action != TableAction::Merge {
            return Err(usage(format!("{} is a table that an extension makes", shown(into)))
                .with_hint("restore the whole database, or merge its rows into the table of the same extension"));
        }
        if !names.insert(into) {
            return Err(usage(format!("{} is to be restored twice", shown(into))));
        }
    }
    Ok(())
}

/// Refuses a job that does not fit what stands in the target.
pub(crate) fn check_against(connection: &Connection, job: &RestoreJob) -> Result<(), ConnectorError> {
    job.tables.iter().try_for_each(|table| check_table(connection, table))
}

fn refused(message: String, hint: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Target, message).with_hint(hint)
}

fn check_table(connection: &Connection, job: &TableJob) -> Result<(), ConnectorError> {
    let (name, place) = (shown(&job.into), connection.place());
    let found = look::kind_of(connection, &job.into)?;
    match (job.action, found) {
        (TableAction::Create, Some(kind)) => Err(refused(
            format!("{place} has a {kind} {name} already"),
            "restore it under another name, or choose to replace or to merge it",
        )),
        (TableAction::Replace | TableAction::Merge, None) => {
            Err(refused(format!("{place} has no table {name}"), "choose to create it"))
        }
        (TableAction::Replace | TableAction::Merge, Some(kind)) if kind != "table" => {
            Err(refused(format!("{name} in {place} is a {kind}"), "restore the table under another name"))
        }
        (TableAction::Merge, Some(_)) => check_merge(connection, job),
        _ => Ok(()),
    }
}

fn check_merge(connection: &Connection, job: &TableJob) -> Result<(), ConnectorError> {
    let refused = |why: String| {
        let message = format!("cannot merge into table {} of {}: {why}", shown(&job.into), connection.place());
        Err(refused(message, "restore it under another name, or replace it"))
    };
    let standing = columns::read(connection, &job.into)?;
    let there: Vec<&str> =
        standing.iter().filter(|column| !column.is_generated).map(|column| column.name.as_str()).collect();
    let captured: Vec<&str> = columns::captured(&job.table).collect();
    if captured != there {
        let list = |names: &[&str]| escape_for_terminal(names.join(", ").as_bytes());
        return refused(format!("its columns are {}, those captured are {}", list(&there), list(&captured)));
    }
    let key: Vec<&str> = job.table.key.iter().filter_map(|place| captured.get(*place).copied()).collect();
    if key.is_empty() {
        return refused("its rows are not named by a key".to_owned());
    }
    match has_key(connection, &job.into, &key)? {
        true => Ok(()),
        false => {
            let key = escape_for_terminal(key.join(", ").as_bytes());
            refused(format!("it has no unique index on {key}, by which its rows were named"))
        }
    }
}

/// True when a table has a unique index, not put off to the end of a transaction, on just these columns.
fn has_key(connection: &Connection, table: &TableName, key: &[&str]) -> Result<bool, ConnectorError> {
    let names: Vec<_> = key.iter().map(|name| literal(name)).collect();
    let sql = format!(
        "SELECT count(*) FROM pg_catalog.pg_index i WHERE i.indrelid = {}::pg_catalog.regclass AND i.indisunique AND i.indimmediate \
         AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text \
         COLLATE \"C\") FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY \
         ((i.indkey::int2[])[0:i.indnkeyatts - 1])) = (SELECT array_agg(k ORDER BY k COLLATE \"C\") FROM unnest(ARRAY[{}]::text[]) k)",
        literal(&qualified(&table.schema, &table.table)),
        names.join(", ")
    );
    Ok(connection.value("cannot read the keys of a table of", &sql)? != "0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use datakeep_connector::TableInfo;

    fn job(names: &[(&str, &str)]) -> RestoreJob {
        let table = |(schema, table): &(&str, &str)| {
            let name = TableName { schema: (*schema).to_owned(), table: (*table).to_owned() };
            let info = TableInfo {
                name: name.clone(),
                columns: vec![],
                key: vec![],
                sql: String::new(),
                notes: vec![],
                rows_estimate: None,
            };
            TableJob { table: info, into: name, action: TableAction::Create }
        };
        RestoreJob { tables: names.iter().map(table).collect(), ..RestoreJob::default() }
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        assert!(check(&job(&[("a", "t"), ("b", "t"), ("a", "T")])).is_ok());
        let long = "x".repeat(64);
        for names in
            [&[("a", "")][..], &[("a", "t"), ("a", "t")], &[("pg_catalog", "t")], &[("a", "t\0")], &[("a", &long)]]
        {
            assert!(check(&job(names)).is_err(), "{names:?}");
        }
    }
}
