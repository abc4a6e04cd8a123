//! What cannot be done is refused by name, before anything is seen of it.

use crate::common::{Database, MAJOR, check_error, connector, options, target};
use crate::pouring::{Absent, fill, part, pour, whole};
use datakeep_connector::{Connector, SchemaObject, TableAction};
use datakeep_model::ErrorKind;
use datakeep_testkit_postgres::{Cluster, Setup};

const SMALL: &str =
    "CREATE TABLE t (id int PRIMARY KEY, secret_cell text); INSERT INTO t VALUES (1, 'secret'), (2, 'b')";

fn begin_error(location: &str, job: &datakeep_connector::RestoreJob) -> datakeep_connector::ConnectorError {
    target(location).begin(job).expect_err("refused")
}

#[test]
fn a_table_that_stands_is_not_written_over() {
    let database = Database::new(SMALL);
    let captured = database.capture();
    let job = part(&captured, "t", "t", TableAction::Create);
    check_error(
        &begin_error(&database.location(), &job),
        ErrorKind::Target,
        &["has a table public.t already", "replace"],
    );
    database.run("CREATE VIEW v AS SELECT 1 AS a");
    let job = part(&captured, "t", "v", TableAction::Create);
    check_error(&begin_error(&database.location(), &job), ErrorKind::Target, &["has a view public.v already"]);
    let job = part(&captured, "t", "pg_catalog.t", TableAction::Create);
    assert_eq!(begin_error(&database.location(), &job).kind, ErrorKind::Usage);
}

#[test]
fn an_extension_that_is_missing_is_named() {
    let database = Database::new(SMALL);
    let mut captured = database.capture();
    for name in ["no_such_thing", "plpgsql", "\"Nor this\""] {
        let sql = format!("CREATE EXTENSION IF NOT EXISTS {name} WITH SCHEMA public;");
        let object = SchemaObject { kind: "EXTENSION".into(), name: name.into(), table: String::new(), sql };
        captured.catalog.objects.insert(0, object);
    }
    let absent = Absent::new(database.cluster);
    let error = begin_error(&absent.location(), &whole(&captured));
    check_error(&error, ErrorKind::Target, &["extensions", "no_such_thing", "Nor this", "install"]);
    assert!(!error.message.contains("plpgsql") && !absent.exists());
}

#[test]
fn a_type_that_is_missing_is_named() {
    let database =
        Database::new("CREATE TYPE mood AS ENUM ('a'); CREATE TABLE m (id int, m mood); INSERT INTO m VALUES (1, 'a')");
    let captured = database.capture();
    let other = Database::new("");
    let error = begin_error(&other.location(), &part(&captured, "m", "m", TableAction::Create));
    check_error(&error, ErrorKind::Target, &["public.mood", "table public.m"]);
}

#[test]
fn a_role_without_rights_is_told_which() {
    let database = Database::new(SMALL);
    let captured = database.capture();
    database.run("CREATE ROLE refused_writer LOGIN");
    let absent = Absent::new(database.cluster);
    let error = begin_error(&database.cluster.location_as("refused_writer", &absent.name), &whole(&captured));
    check_error(&error, ErrorKind::Denied, &["permission denied to create database"]);
    let location = database.cluster.location_as("refused_writer", &database.name);
    let error = begin_error(&location, &part(&captured, "t", "u", TableAction::Create));
    check_error(&error, ErrorKind::Denied, &["permission denied for schema public"]);
    let error = begin_error(&location, &part(&captured, "t", "t", TableAction::Replace));
    check_error(&error, ErrorKind::Denied, &["must be owner of table t"]);
}

#[test]
fn a_lock_is_not_waited_for_longer_than_allowed() {
    let database = Database::new(SMALL);
    let captured = database.capture();
    let held = Held::new(&database, "LOCK TABLE t IN ACCESS SHARE MODE");
    let opened = connector().open_table_target(&database.location(), &options(&[("lock-timeout", "200ms")]), false);
    let error = opened.expect("a target").begin(&part(&captured, "t", "t", TableAction::Replace)).expect_err("locked");
    check_error(&error, ErrorKind::Busy, &["lock", "lock-timeout"]);
    drop(held);
    let job = part(&captured, "t", "t", TableAction::Replace);
    assert_eq!(pour(&captured, &job, &database.location()).expect("restored").losses, [""; 0]);
}

/// A session that holds a lock until it is dropped.
struct Held {
    child: std::process::Child,
}

impl Held {
    fn new(database: &Database, sql: &str) -> Self {
        use std::io::{BufRead, Write};
        let mut command = std::process::Command::new(database.cluster.install().program("psql"));
        command.args(["--no-psqlrc", "--quiet", "--dbname"]).arg(database.cluster.conninfo(&database.name));
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().expect("psql runs");
        let input = child.stdin.as_mut().expect("an input");
        writeln!(input, "BEGIN; {sql}; \\echo held").expect("written");
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.as_mut().expect("an output")).read_line(&mut line).expect("a line");
        assert_eq!(line.trim(), "held");
        Self { child }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().expect("psql ends");
    }
}

/// What contradicts what stands there is told without the cells that do.
#[test]
fn no_cell_is_told() {
    let database = Database::new(
        "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, secret int REFERENCES parent); \
         INSERT INTO parent VALUES (424242); INSERT INTO c VALUES (1, 424242)",
    );
    let captured = database.capture();
    database.run("DELETE FROM c; DELETE FROM parent");
    let job = part(&captured, "c", "c", TableAction::Merge);
    let error = pour(&captured, &job, &database.location()).expect_err("it refers to nothing");
    let told = format!("{error:?}");
    assert!(!told.contains("424242") && told.contains("23503") && told.contains("c_secret_fkey"), "{told}");
    assert_eq!(database.ask("SELECT count(*) FROM c"), "0");
}

#[test]
fn a_server_that_ends_leaves_what_was_there() {
    let cluster = Cluster::start(Setup::of(MAJOR));
    let name = cluster.database("kept");
    cluster.run(&name, SMALL);
    let database = Database::new(SMALL);
    let captured = database.capture();
    let mut target = target(&cluster.location(&name));
    fill(&captured, &part(&captured, "t", "t", TableAction::Replace), &mut *target).expect("rows");
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    cluster.run("postgres", others);
    let error = target.finish().expect_err("the connection is cut");
    check_error(&error, ErrorKind::Target, &["run it again"]);
    drop(target);
    assert_eq!(cluster.ask(&name, "SELECT count(*) FROM t"), "2");
}

#[test]
fn a_rehearsal_makes_nothing() {
    let database = Database::new(SMALL);
    let captured = database.capture();
    let dry = |location: &str| connector().open_table_target(location, &options(&[]), true).expect("a target");
    let absent = Absent::new(database.cluster);
    let mut target = dry(&absent.location());
    fill(&captured, &whole(&captured), &mut *target).expect("nothing in the way");
    assert!(
        target.complete().expect("nothing").is_none()
            && target.finish().expect("nothing").is_empty()
            && !absent.exists()
    );
    let error = dry(&database.location()).begin(&whole(&captured)).expect_err("it holds something");
    check_error(&error, ErrorKind::Target, &["holds something already"]);
}

#[test]
fn what_is_left_of_a_new_database_is_removed_or_told() {
    let cluster = Cluster::start(Setup::of(MAJOR));
    let database = Database::new(SMALL);
    let captured = database.capture();
    let names = || cluster.ask("postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'datakeep_restore_%'");
    let mut first = target(&cluster.location("cut"));
    fill(&captured, &whole(&captured), &mut *first).expect("rows");
    let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    cluster.run("postgres", all);
    let error = first.finish().expect_err("all its sessions are cut");
    check_error(&error, ErrorKind::Target, &["run it again"]);
    assert_eq!(names(), "1");
    drop(first);
    assert_eq!(names(), "0", "a new session removes it");
    cluster.run("postgres", "CREATE DATABASE datakeep_restore_0123456789abcdef");
    let told = pour(&captured, &whole(&captured), &cluster.location("cut")).expect("restored");
    assert!(told.verified.iter().any(|what| what.contains("datakeep_restore_0123456789abcdef: drop it")), "{told:?}");
}
