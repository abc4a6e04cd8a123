//! What was made, read before anyone sees it.

use super::session::Beside;
use crate::connect::Connection;
use crate::source::PostgresSource;
use datakeep_connector::{
    Catalog, ConnectorError, FixedClock, RestoreJob, RowStream, TableInfo, TableName, TableSource,
};
use datakeep_model::{Mark, SourceInfo, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

/// A source whose tables have their columns in the order in which they were captured: those of a child whose parent got columns
/// later stand in another when both are made anew.
pub(crate) struct Proof {
    source: PostgresSource,
    orders: Arc<HashMap<TableName, Vec<String>>>,
    /// How to open more sessions that see the same: where all is committed, and nobody else is there.
    beside: Option<Beside>,
}

impl Proof {
    /// Of what this job made, read by the session that made it.
    pub fn new(connection: Arc<Connection>, job: &RestoreJob, beside: Option<Beside>) -> Result<Self, ConnectorError> {
        let names = |table: &TableInfo| table.columns.iter().map(|column| column.name.clone()).collect();
        let orders = job.tables.iter().map(|table| (table.into.clone(), names(&table.table))).collect();
        Ok(Self { source: source(connection)?, orders: Arc::new(orders), beside })
    }
}

fn source(connection: Arc<Connection>) -> Result<PostgresSource, ConnectorError> {
    // When it is proven is of no interest to anyone.
    PostgresSource::within(connection, Arc::new(FixedClock(Timestamp::new(0, 0))))
}

/// The same table with its columns in this order, if it has just these.
fn reordered(table: &TableInfo, names: &[String]) -> Option<TableInfo> {
    let place = |name: &String| table.columns.iter().position(|column| column.name == *name);
    let places: Vec<usize> = names.iter().map(place).collect::<Option<_>>()?;
    if places.len() != table.columns.len() || places.is_sorted() {
        return None;
    }
    let key = table.key.iter().map(|old| places.iter().position(|place| place == old)).collect::<Option<_>>()?;
    let columns = places.iter().map(|place| table.columns[*place].clone()).collect();
    Some(TableInfo { columns, key, ..table.clone() })
}

impl TableSource for Proof {
    fn info(&self) -> SourceInfo {
        self.source.info()
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        self.source.begin()
    }

    fn catalog(&mut self) -> Result<Catalog, ConnectorError> {
        let mut catalog = self.source.catalog()?;
        for table in &mut catalog.tables {
            let other = self.orders.get(&table.name).and_then(|names| reordered(table, names));
            if let Some(other) = other {
                *table = other;
            }
        }
        Ok(catalog)
    }

    fn rows<'s>(&'s mut self, table: &TableInfo) -> Result<Box<dyn RowStream + 's>, ConnectorError> {
        self.source.rows(table)
    }

    fn beside(&mut self, most: usize) -> Result<Vec<Box<dyn TableSource>>, ConnectorError> {
        let Some(beside) = &self.beside else { return Ok(Vec::new()) };
        let mut others: Vec<Box<dyn TableSource>> = Vec::new();
        for _ in 0..most {
            // Where the server takes no more sessions, fewer read.
            let Ok(connection) = beside.open() else { break };
            let other = Self { source: source(connection)?, orders: Arc::clone(&self.orders), beside: None };
            others.push(Box::new(other));
        }
        Ok(others)
    }

    fn complete(&mut self) -> Result<(), ConnectorError> {
        self.source.complete()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::DataType;
    use datakeep_connector::ColumnInfo;

    #[test]
    fn columns_stand_as_they_were_captured() {
        let column = |name: &str| ColumnInfo {
            name: name.to_owned(),
            declared: String::new(),
            data_type: DataType::Int32,
            nullable: true,
            hidden: false,
        };
        let name = TableName { schema: "a".to_owned(), table: "t".to_owned() };
        let columns = ["x", "y", "z"].map(column).to_vec();
        let table =
            TableInfo { name, columns, key: vec![2, 0], sql: String::new(), notes: vec![], rows_estimate: None };
        let names = |names: [&str; 3]| names.map(str::to_owned);
        let other = reordered(&table, &names(["z", "x", "y"])).expect("another order");
        let found: Vec<_> = other.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!((found, other.key), (vec!["z", "x", "y"], vec![0, 1]));
        assert!(reordered(&table, &names(["x", "y", "z"])).is_none());
        assert!(reordered(&table, &names(["x", "y", "w"])).is_none());
    }
}
