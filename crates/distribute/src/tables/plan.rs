//! Restores of tables: a plan first.

use super::find::find_table;
use crate::error::DistributeError;
use datakeep_connector::{RestoreJob, TableAction, TableJob, TableName};
use datakeep_engine::TablesReader;
use datakeep_process_table::TableDescription;

pub use datakeep_connector::Standing;

/// What happens to a table that stands in the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WhereItStands {
    /// Nothing may stand there.
    #[default]
    Refuse,
    /// It is made anew.
    Replace,
    /// Rows of the same key are overwritten, others added.
    Merge,
}

/// What is to be restored.
#[derive(Clone, Debug, Default)]
pub struct TablesRequest {
    /// Tables by name; none: the whole database.
    pub tables: Vec<String>,
    /// The name that a single table gets in the target.
    pub into: Option<String>,
    /// What happens to what stands there.
    pub standing: WhereItStands,
}

/// What will become of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedTable {
    /// Its name in the snapshot.
    pub name: TableName,
    /// Its name in the target.
    pub into: TableName,
    /// What is done.
    pub action: TableAction,
    /// Rows to be written.
    pub rows: u64,
    /// Rows that stand there now.
    pub standing_rows: Option<u64>,
    /// Kinds and names of what belongs to the table that stands there, is not in the snapshot, and goes with it.
    pub removed: Vec<(String, String)>,
}

/// What a restore would do.
#[derive(Clone, Debug)]
pub struct TablesPlan {
    /// What the target is told.
    pub job: RestoreJob,
    /// The tables' descriptions, in the order of the job's.
    pub tables: Vec<TableDescription>,
    /// For people.
    pub planned: Vec<PlannedTable>,
}

/// Plans a restore; `standing` is what the target has ([`datakeep_connector::TableTarget::look`]).
pub fn plan_tables(
    reader: &TablesReader,
    standing: Option<&[Standing]>,
    location: &str,
    request: &TablesRequest,
) -> Result<TablesPlan, DistributeError> {
    let all = reader.tables()?;
    let whole = request.tables.is_empty();
    if whole && request.into.is_some() {
        return Err(DistributeError::Usage {
            message: "only a single table can get another name".to_string(),
            hint: Some("name the table: SNAPSHOT:TABLE".to_string()),
        });
    }
    if whole && standing.is_some() {
        return Err(DistributeError::TableStands { location: location.to_string(), found: "a database".into() });
    }
    let chosen = match whole {
        true => all.clone(),
        false => request
            .tables
            .iter()
            .map(|wanted| find_table(&all, wanted).cloned())
            .collect::<Result<Vec<_>, DistributeError>>()?,
    };
    let said = reader.database()?;
    let (mut jobs, mut planned) = (Vec::new(), Vec::new());
    for table in &chosen {
        let name = &table.info.name;
        let into = match &request.into {
            Some(into) => TableName { table: into.clone(), ..name.clone() },
            None => name.clone(),
        };
        let there = standing.and_then(|tables| tables.iter().find(|table| table.name == into));
        let action = action(location, &into, there.is_some(), request.standing)?;
        let standing_rows = there.map(|there| there.rows);
        let belongings = there.filter(|_| action == TableAction::Replace).map(|there| there.objects.clone());
        let mut removed = belongings.unwrap_or_default();
        if into == *name {
            let comes_back = |kind: &str, name: &str| {
                said.objects.iter().any(|object| object.kind == kind && object.name.eq_ignore_ascii_case(name))
            };
            removed.retain(|(kind, name)| !comes_back(kind, name));
        }
        let (name, rows) = (name.clone(), table.rows);
        planned.push(PlannedTable { name, into: into.clone(), action, rows, standing_rows, removed });
        jobs.push(TableJob { table: table.info.clone(), into, action });
    }
    let catalog = datakeep_connector::Catalog {
        tables: all.into_iter().map(|table| table.info).collect(),
        objects: said.objects,
        settings: said.settings,
        not_carried: said.not_carried,
    };
    Ok(TablesPlan { job: RestoreJob { whole, catalog, tables: jobs }, tables: chosen, planned })
}

fn action(
    location: &str,
    into: &TableName,
    is_there: bool,
    standing: WhereItStands,
) -> Result<TableAction, DistributeError> {
    match (is_there, standing) {
        (false, WhereItStands::Merge) => {
            Err(DistributeError::NotFound { what: format!("table {into} in {location}"), near: None })
        }
        (false, _) => Ok(TableAction::Create),
        (true, WhereItStands::Replace) => Ok(TableAction::Replace),
        (true, WhereItStands::Merge) => Ok(TableAction::Merge),
        (true, WhereItStands::Refuse) => {
            Err(DistributeError::TableStands { location: location.to_string(), found: format!("table {into}") })
        }
    }
}
