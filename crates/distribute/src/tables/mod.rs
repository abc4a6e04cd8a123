//! Tables of snapshots: found by name, planned and put back.

mod find;
mod plan;

pub use find::{find_table, names};
pub use plan::{PlannedTable, Standing, TablesPlan, TablesRequest, WhereItStands, plan_tables};
