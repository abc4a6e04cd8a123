//! Measures how fast a database is read and put back: `cargo run --release --example capture -- ROWS [wal]`.

use datakeep_connector::{Connector, Options, RestoreJob, TableAction, TableJob};
use datakeep_source_sqlite::SqliteConnector;
use std::time::Instant;

const MAKE: &str =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, customer INTEGER, product INTEGER, amount INTEGER, price REAL,
    discount REAL, status TEXT, city TEXT, note TEXT, day DATE, flag BOOLEAN, reference BLOB);
    CREATE TABLE w(a TEXT, b INTEGER, c TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;";

fn fill(path: &std::path::Path, rows: u64, is_wal: bool) -> rusqlite::Result<()> {
    let connection = rusqlite::Connection::open(path)?;
    connection.execute_batch(if is_wal { "PRAGMA journal_mode=WAL" } else { "PRAGMA journal_mode=MEMORY" })?;
    connection.execute_batch("PRAGMA synchronous=OFF")?;
    connection.execute_batch(MAKE)?;
    let series = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})");
    connection.execute_batch(&format!(
        "BEGIN; {series} INSERT INTO t SELECT i, i * 7919 % 100000, i % 5000, i % 10, i * 0.37, i % 7 / 100.0,
             CASE i % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'paid' ELSE 'shipped' END, 'city number ' || (i % 800),
             'a note for row ' || i, '2024-01-' || (i % 28), i % 2, randomblob(16) FROM n;
         {series} INSERT INTO w SELECT 'key ' || (i % 1000), i, 'value ' || i FROM n WHERE i % 4 = 0; COMMIT;"
    ))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().unwrap_or_else(|| "2000000".to_owned()).parse()?;
    let is_wal = arguments.next().is_some();
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("data.db");
    fill(&path, rows, is_wal)?;
    println!("{} MiB", std::fs::metadata(&path)?.len() >> 20);
    let connector = SqliteConnector::new();
    let location = format!("sqlite:{}", path.display());
    let start = Instant::now();
    let mut source = connector.open_tables(&location, &Options::new())?;
    let mark = source.begin()?;
    println!("begin {:?}: {mark:?}", start.elapsed());
    let catalog = source.catalog()?;
    println!("catalog {:?}", start.elapsed());
    let job = |table: &datakeep_connector::TableInfo| TableJob {
        table: table.clone(),
        into: table.name.clone(),
        action: TableAction::Create,
    };
    let job = RestoreJob { whole: true, tables: catalog.tables.iter().map(job).collect(), catalog: catalog.clone() };
    let restored = format!("sqlite:{}", directory.path().join("restored.db").display());
    let mut target = connector.open_table_target(&restored, &Options::new(), false)?;
    target.begin(&job)?;
    for (number, table) in catalog.tables.iter().enumerate() {
        let start = Instant::now();
        let mut batches = Vec::new();
        let mut rows = 0;
        let mut stream = source.rows(table)?;
        while let Some(batch) = stream.next_batch()? {
            rows += batch.rows();
            batches.push(batch);
        }
        drop(stream);
        let (width, seconds) = (table.columns.len(), start.elapsed().as_secs_f64());
        println!(
            "{}: {rows} rows of {width} columns in {seconds:.2} s, {:.0} rows/s",
            table.name,
            rows as f64 / seconds
        );
        let start = Instant::now();
        target.begin_table(number)?;
        batches.iter().try_for_each(|batch| target.write(batch))?;
        target.end_table()?;
        let seconds = start.elapsed().as_secs_f64();
        println!("    put back in {seconds:.2} s, {:.0} rows/s", rows as f64 / seconds);
    }
    source.complete()?;
    let start = Instant::now();
    println!("{:?}", target.finish()?);
    println!("finish {:?}", start.elapsed());
    Ok(())
}
