//! Copies a database: `copy FROM TO`, both as locations. Shows how long each step takes.

use datakeep_connector::{
    Connector, ConnectorError, Options, RestoreJob, TableAction, TableInfo, TableJob, TableSource,
};
use datakeep_source_postgres::PostgresConnector;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = &arguments[..] else {
        eprintln!("copy FROM TO");
        return ExitCode::from(2);
    };
    match copy(from, to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n{}", error.hint.as_deref().unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

fn copy(from: &str, to: &str) -> Result<(), ConnectorError> {
    let start = Instant::now();
    let step = |what: &str| println!("{:8.3} s  {what}", start.elapsed().as_secs_f64());
    let connector = PostgresConnector::new();
    let mut source = connector.open_tables(from, &Options::new())?;
    source.begin()?;
    let catalog = source.catalog()?;
    step("catalogue read");
    catalog.not_carried.iter().for_each(|what| println!("not carried: {what}"));
    let job =
        |table: &TableInfo| TableJob { table: table.clone(), into: table.name.clone(), action: TableAction::Create };
    let tables = catalog.tables.iter().map(job).collect();
    let job = RestoreJob { whole: true, catalog, tables };
    let mut target = connector.open_table_target(to, &Options::new(), false)?;
    target.begin(&job)?;
    step("tables made");
    for (number, table) in job.tables.iter().enumerate() {
        target.begin_table(number)?;
        let mut rows = source.rows(&table.table)?;
        while let Some(batch) = rows.next_batch()? {
            target.write(&batch)?;
        }
        target.end_table()?;
    }
    step("rows written");
    let proof = target.complete()?;
    step("all made");
    if let Some(mut proof) = proof {
        compare(&mut *source, &mut *proof, &job)?;
        step("compared");
    }
    source.complete()?;
    target.finish()?.iter().for_each(|what| println!("{what}"));
    step("finished");
    target.losses().iter().for_each(|what| println!("lost: {what}"));
    Ok(())
}

/// Every table of one is that of the other.
fn compare(one: &mut dyn TableSource, other: &mut dyn TableSource, job: &RestoreJob) -> Result<(), ConnectorError> {
    other.begin()?;
    let catalog = other.catalog()?;
    for table in &job.tables {
        let Some(standing) = catalog.table(&table.into) else {
            println!("different: {} is not there", table.into);
            continue;
        };
        let names = |table: &TableInfo| table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        if names(standing) != names(&table.table) || standing.key != table.table.key {
            println!("different: columns or key of {}", table.into);
            continue;
        }
        let (mut before, mut after) = (one.rows(&table.table)?, other.rows(standing)?);
        loop {
            let (before, after) = (before.next_batch()?, after.next_batch()?);
            let is_same = match (&before, &after) {
                (Some(before), Some(after)) => before.columns().iter().zip(after.columns()).all(|(before, after)| {
                    before.values() == after.values() && before.exceptions() == after.exceptions()
                }),
                (before, after) => before.is_none() && after.is_none(),
            };
            if !is_same {
                println!("different: rows of {}", table.into);
            }
            if !is_same || before.is_none() {
                break;
            }
        }
    }
    other.complete()
}
