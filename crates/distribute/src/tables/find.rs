//! Tables as people name them.

use crate::error::DistributeError;
use crate::near::nearest;
use datakeep_process_table::TableDescription;

/// How tables are called: `schema.table`.
pub fn names(tables: &[TableDescription]) -> Vec<String> {
    tables.iter().map(|table| table.info.name.to_string()).collect()
}

/// The table of this name: `schema.table`, `schema/table`, or its own name alone where only one schema has one of it.
pub fn find_table<'t>(tables: &'t [TableDescription], wanted: &str) -> Result<&'t TableDescription, DistributeError> {
    let is_it = |table: &&TableDescription| {
        let name = &table.info.name;
        let rest = wanted.strip_prefix(name.schema.as_str());
        rest.is_some_and(|rest| rest.strip_prefix(['.', '/']) == Some(&name.table))
    };
    if let Some(table) = tables.iter().find(is_it) {
        return Ok(table);
    }
    let mut alone = tables.iter().filter(|table| table.info.name.table == wanted);
    match (alone.next(), alone.next()) {
        (Some(table), None) => Ok(table),
        (Some(first), Some(second)) => Err(DistributeError::Ambiguous {
            what: wanted.to_string(),
            candidates: [first, second].map(|table| table.info.name.to_string()).to_vec(),
        }),
        (None, _) => {
            let whole = names(tables);
            let own = tables.iter().map(|table| table.info.name.table.as_str());
            let near = nearest(wanted, own.chain(whole.iter().map(String::as_str))).map(str::to_string);
            Err(DistributeError::NotFound { what: format!("table {wanted}"), near })
        }
    }
}
