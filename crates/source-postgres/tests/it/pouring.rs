//! Restores of what was captured, and the comparison of both.

use crate::common::{Captured, Database, cells, read_all, target, try_capture};
use datakeep_connector::{
    ConnectorError, Hands, RestoreJob, TableAction, TableInfo, TableJob, TableName, TableSource, TableTarget,
};
use datakeep_testkit_postgres::Cluster;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A database that is not there, on a server of others'.
pub struct Absent {
    pub cluster: &'static Cluster,
    pub name: String,
}

impl Absent {
    pub fn new(cluster: &'static Cluster) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self { cluster, name: format!("absent_{}", COUNT.fetch_add(1, Ordering::Relaxed)) }
    }

    pub fn location(&self) -> String {
        self.cluster.location(&self.name)
    }

    pub fn exists(&self) -> bool {
        let sql = format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", self.name);
        self.cluster.ask("postgres", &sql) == "1"
    }

    /// It is there now.
    pub fn found(self) -> Database {
        assert!(self.exists());
        Database { cluster: self.cluster, name: self.name }
    }
}

/// A job of a whole database.
pub fn whole(captured: &Captured) -> RestoreJob {
    let job =
        |table: &TableInfo| TableJob { table: table.clone(), into: table.name.clone(), action: TableAction::Create };
    RestoreJob {
        whole: true,
        catalog: captured.catalog.clone(),
        tables: captured.catalog.tables.iter().map(job).collect(),
    }
}

/// A job of one table.
pub fn part(captured: &Captured, table: &str, into: &str, action: TableAction) -> RestoreJob {
    let table = captured.table(table).clone();
    let (schema, name) = into.split_once('.').unwrap_or(("public", into));
    let into = TableName { schema: schema.to_owned(), table: name.to_owned() };
    RestoreJob { whole: false, catalog: captured.catalog.clone(), tables: vec![TableJob { table, into, action }] }
}

/// What a restore says of itself.
#[derive(Debug)]
pub struct Told {
    pub verified: Vec<String>,
    pub losses: Vec<String>,
}

/// Restores what was captured; what was made is read before it is seen.
pub fn pour(captured: &Captured, job: &RestoreJob, location: &str) -> Result<Told, ConnectorError> {
    let mut target = target(location);
    fill(captured, job, &mut *target)?;
    if let Some(mut source) = target.complete()? {
        prove(captured, job, &mut *source);
    }
    let verified = target.finish()?;
    Ok(Told { verified, losses: target.losses() })
}

/// All up to the last row: every second table by one who writes beside the target, where there may be such.
pub fn fill(captured: &Captured, job: &RestoreJob, target: &mut dyn TableTarget) -> Result<(), ConnectorError> {
    target.begin(job)?;
    let Hands { mut hands, tables } = target.hands(2)?;
    let rows = |number: usize| captured.rows[place(captured, &job.tables[number].table.name)].iter();
    let is_by_hand = |number: usize| !hands.is_empty() && tables.contains(&number) && number.is_multiple_of(2);
    let (by_hand, own): (Vec<usize>, Vec<usize>) = (0..job.tables.len()).partition(|&number| is_by_hand(number));
    std::thread::scope(|scope| {
        let one = hands.pop();
        let beside = scope.spawn(move || {
            let Some(mut hand) = one else { return Ok(()) };
            by_hand.into_iter().try_for_each(|number| {
                hand.begin_table(number)?;
                rows(number).try_for_each(|batch| hand.write(batch))?;
                hand.end_table()
            })
        });
        let done = own.into_iter().try_for_each(|number| {
            target.begin_table(number)?;
            rows(number).try_for_each(|batch| target.write(batch))?;
            target.end_table()
        });
        done.and(beside.join().expect("a hand"))
    })
}

fn place(captured: &Captured, name: &TableName) -> usize {
    captured.catalog.tables.iter().position(|table| table.name == *name).unwrap_or_else(|| panic!("no table {name}"))
}

/// The rows of a table: in their order where they have a key, else in any.
pub fn rows(captured: &Captured, name: &TableName) -> Vec<Vec<String>> {
    let place = place(captured, name);
    let mut rows = cells(&captured.rows[place]);
    if captured.catalog.tables[place].key.is_empty() {
        rows.sort();
    }
    rows
}

fn prove(captured: &Captured, job: &RestoreJob, source: &mut dyn TableSource) {
    source.begin().expect("a state");
    for mut other in source.beside(1).expect("a session beside") {
        other.begin().expect("the same state");
        assert_same(&read_all(&mut *other).expect("rows"), captured, job);
        other.complete().expect("the end");
    }
    let again = read_all(source).expect("rows");
    source.complete().expect("the end");
    assert_same(&again, captured, job);
}

fn assert_same(again: &Captured, captured: &Captured, job: &RestoreJob) {
    for table in job.tables.iter().filter(|table| table.action != TableAction::Merge) {
        assert_eq!(rows(again, &table.into), rows(captured, &table.table.name), "{}", table.into);
    }
}

/// The schema as PostgreSQL's own program writes it.
pub fn dump(database: &Database) -> String {
    let own = database.cluster.install().program("pg_dump");
    let mut command = if own.is_file() { Command::new(own) } else { Command::new("pg_dump") };
    let output = command.args(["--schema-only", "--dbname"]).arg(database.cluster.conninfo(&database.name)).output();
    let output = output.expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let is_kept = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
    text.lines().filter(is_kept).collect::<Vec<_>>().join("\n")
}

/// Rows and schema are what they were.
pub fn assert_restored(database: &Database, captured: &Captured, restored: &Database) {
    let again = try_capture(&restored.location()).expect("captured again");
    assert_eq!(again.names(), captured.names());
    for table in &captured.catalog.tables {
        assert_eq!(rows(&again, &table.name), rows(captured, &table.name), "{}", table.name);
    }
    let (before, after) = (dump(database), dump(restored));
    for (number, (one, other)) in before.lines().zip(after.lines()).enumerate() {
        assert_eq!(one, other, "line {} of the schema", number + 1);
    }
    assert_eq!(before.lines().count(), after.lines().count());
}
