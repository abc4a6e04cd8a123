//! The program killed while it reads or writes a database: the server is left as it was, and the next run works.

use crate::world::World;
use datakeep_testkit_postgres::Cluster;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};

const LARGE: &str = "CREATE TABLE first (a int PRIMARY KEY); INSERT INTO first VALUES (1);
    CREATE TABLE large (a int PRIMARY KEY, b text);
    INSERT INTO large SELECT n, md5(n::text) || md5((n * 7)::text) || md5((n * 31)::text) FROM generate_series(1, 400000) n";

fn sessions(cluster: &Cluster, condition: &str) -> bool {
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'datakeep%' AND {condition}");
    cluster.ask("postgres", &sql) != "0"
}

/// Waits for what must come: a question to the server takes its time.
fn wait(what: &str, is_so: impl Fn() -> bool) {
    assert!((0..3000).any(|_| is_so()), "never: {what}");
}

fn start(world: &World, arguments: &[&str]) -> Child {
    let mut command = world.command();
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Kills the program once the server runs such a statement for it; the server ends its sessions by itself.
fn kill_at(world: &World, cluster: &Cluster, arguments: &[&str], statement: &str) {
    let mut child = start(world, arguments);
    wait(statement, || sessions(cluster, &format!("query LIKE '{statement}'")));
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(9), "it ended before it was killed");
    wait("no session is left", || !sessions(cluster, "true"));
    let locks =
        "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname IN ('first', 'large')";
    assert_eq!(cluster.ask("postgres", locks), "0");
}

#[test]
fn a_client_killed_in_mid_capture_leaves_nothing_and_the_next_run_works() {
    let world = World::new();
    let cluster = Cluster::start(datakeep_testkit_postgres::Setup::of(15));
    let database = cluster.database("killed");
    cluster.run(&database, LARGE);
    let location = cluster.location(&database);
    let backup = ["backup", location.as_str(), "--source", "killed"];
    kill_at(&world, &cluster, &backup, "COPY (SELECT%large%");
    assert_eq!(world.snapshots().len(), 0, "nothing is published");
    world.run(&["check", "--read-data"]).expect(0);
    world.run(&backup).expect(0).out_has("complete");
    // Nobody waits for the one that is gone.
    cluster.run(&database, "SET lock_timeout = '1s'; ALTER TABLE large ADD COLUMN c int");

    // And so with a restore: the target's name is not taken, and what is left is named.
    let to = cluster.location("whole");
    kill_at(&world, &cluster, &["restore", "killed", "--to", &to], "COPY %FROM STDIN%");
    let names = "SELECT string_agg(datname, ' ') FROM pg_database WHERE datname ~ '^datakeep_restore_|^whole'";
    let left = cluster.ask("postgres", names);
    assert!(left.starts_with("datakeep_restore_") && !left.contains(' '), "{left}");
    world.run(&["restore", "killed", "--to", &to]).expect(0).out_has("proven").out_has(&left);
    assert_eq!(cluster.ask("whole", "SELECT count(*) FROM large"), "400000");
    cluster.run("postgres", &format!("DROP DATABASE \"{left}\""));
    // Into an empty database everything is one transaction.
    let empty = cluster.database("empty");
    let to = cluster.location(&empty);
    kill_at(&world, &cluster, &["restore", "killed", "--to", &to], "COPY %FROM STDIN%");
    assert_eq!(cluster.ask(&empty, "SELECT count(*) FROM pg_class WHERE relname IN ('first', 'large')"), "0");
    world.run(&["restore", "killed", "--to", &to]).expect(0).out_has("proven");
}

#[test]
fn a_server_that_crashes_in_mid_capture_publishes_nothing() {
    let world = World::new();
    let cluster = Cluster::start(datakeep_testkit_postgres::Setup::of(15));
    let database = cluster.database("crashed");
    cluster.run(&database, LARGE);
    let location = cluster.location(&database);
    let mut command = world.command();
    command.args(["backup", &location, "--source", "crashed"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait("the table is read", || sessions(&cluster, "query LIKE 'COPY (SELECT%large%'"));
    cluster.crash();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(13), "{said}");
    assert!(said.contains("crashed"), "{said}");
    assert_eq!(world.snapshots().len(), 0);
    cluster.resume();
    world.run(&["backup", &location, "--source", "crashed"]).expect(0).out_has("complete");
    world.run(&["check", "--read-data"]).expect(0);
}
