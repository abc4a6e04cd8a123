//! Tables of snapshots: found by name, planned and put back, compared, followed through time.

mod cell;
pub mod diff;
mod find;
mod history;
mod key;
mod key_error;
mod key_value;
mod plan;
pub mod row;
mod schema;
pub mod script;
pub mod text;

pub use cell::{Cell, Row, row_of};
pub use diff::{CellChange, RowChange, RowCounts, TableDiff, each_batch};
pub use find::{find_table, names};
pub use key_error::{KeyError, KeyType};
pub use plan::{PlannedTable, Standing, TablesPlan, TablesRequest, WhereItStands, plan_tables};
pub use row::{CellStep, RowHistory, RowStep};
pub use schema::{ObjectPair, SchemaChange, TablePair, TablesPair, compare_schemas, key_names, same_columns};
