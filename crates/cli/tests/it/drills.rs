//! Drills of files, SQLite and PostgreSQL: both verdicts, evidence, and nothing left behind.

use crate::world::World;
use datakeep_testkit_postgres::Cluster;
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A program that does this in a shell.
fn program(world: &World, name: &str, script: &str) -> String {
    let path = world.path(name);
    fs::write(&path, format!("#!/bin/sh\nset -e\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_string()
}

/// A scratch folder that a server's user can reach; below it nothing may be left.
fn scratch() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("dk-").tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

/// A drill with JSON in a scratch folder of its own, which is empty afterwards; its evidence.
#[track_caller]
fn drill(world: &World, code: i32, arguments: &[&str]) -> Value {
    let scratch = scratch();
    let place = scratch.path().to_str().unwrap();
    let said = world.run(&[&["drill", "--json", "--scratch", place], arguments].concat()).expect(code);
    assert!(is_empty(scratch.path()), "something was left in the scratch folder");
    let document = said.json();
    assert_eq!(document["type"], "drill", "{document}");
    document["evidence"]["drill"].clone()
}

fn reasons(drill: &Value) -> String {
    drill["reasons"].to_string()
}

/// A tree with what a file system has.
fn rich() -> World {
    let world = World::new();
    let tree = world.tree();
    fs::write(tree.join("empty"), "").unwrap();
    fs::write(
        tree.join("large"),
        (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>(),
    )
    .unwrap();
    let sparse = fs::File::create(tree.join("sparse")).unwrap();
    sparse.set_len(5 << 20).unwrap();
    fs::hard_link(tree.join("report.txt"), tree.join("sub/another name")).unwrap();
    symlink("report.txt", tree.join("link")).unwrap();
    fs::set_permissions(tree.join("sub"), fs::Permissions::from_mode(0o711)).unwrap();
    world.backup().expect(0);
    world
}

#[test]
fn files_are_restored_and_read_again() {
    let world = rich();
    let found = drill(&world, 0, &["tree"]);
    assert_eq!(found["verdict"], "proven", "{found}");
    assert_eq!(found["counts"]["losses"], 0);
    assert!(found["counts"]["entries"].as_u64() >= Some(8) && found["counts"]["read_bytes"].as_u64() > Some(8_000_000));
    assert_eq!(found["fault_rehearsed"], false);
    let said = world.run(&["drill", "tree", "latest"]).expect(0);
    said.out_has("is proven").out_has("restored in");
    world.run(&["drill", "tree", "--lang", "zh"]).expect(0).out_has("已证明");
    world.run(&["drill", "tree", "--assert", "SELECT 1=1"]).expect(2).err_has("holds files");
    world.run(&["drill"]).expect(2);
}

#[test]
fn files_that_are_not_as_they_were_fail() {
    let world = rich();
    let within = "cd \"$DATAKEEP_DRILL_PLACE\"; cd \"$(dirname \"$(find . -name report.txt)\")\"";
    // Each keeps the length, and those of content the times, too.
    for (fault, words) in [
        (
            "touch -r large t; printf X | dd of=large bs=1 seek=2999999 conv=notrunc; touch -r t large; rm t; touch -d @1 .",
            "large: its content",
        ),
        (
            "touch -r sparse t; printf X | dd of=sparse bs=1 seek=99999 conv=notrunc; touch -r t sparse; rm t",
            "sparse: its content",
        ),
        ("chmod 640 large", "large: its permissions"),
        ("touch -d @5 empty", "empty: its time"),
        ("rm empty", "empty: is missing"),
        ("echo > more", "more: stands there"),
        ("ln -sfn elsewhere link", "link: the link leads"),
        ("cp -p report.txt c; mv c report.txt", "is a file by itself"),
    ] {
        let program = program(&world, "fault", &format!("{within}\n({fault}) 2>/dev/null"));
        let found = drill(&world, 4, &["tree", "--rehearse-fault", &program]);
        assert_eq!(found["verdict"], "failed", "{fault}");
        assert!(reasons(&found).contains(words), "{fault}: {found}");
        assert_eq!(found["fault_rehearsed"], true);
    }
}

#[test]
fn evidence_is_verified_and_forgeries_are_not() {
    let world = World::with_snapshot();
    let folder = world.path("evidence");
    fs::create_dir(&folder).unwrap();
    let folder = folder.to_str().unwrap();
    let said = world.run(&["drill", "tree", "--evidence", folder, "--json"]).expect(0).json();
    let file = said["evidence_file"].as_str().unwrap();
    let verified = world.run(&["drill", "verify", file, "--json"]).expect(0).json();
    assert_eq!((verified["valid"].as_bool(), verified["verdict"].as_str()), (Some(true), Some("proven")), "{verified}");
    world.run(&["drill", "verify", file]).expect(0).out_has("signed by this repository");
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, text.replace("\"verdict\": \"proven\"", "\"verdict\": \"failed\"")).unwrap();
    world.run(&["drill", "verify", file]).expect(4).err_has("not what was signed");
    fs::write(file, "{}").unwrap();
    world.run(&["drill", "verify", file]).expect(2).err_has("no evidence");
    let other = World::with_snapshot();
    fs::write(file, text).unwrap();
    other.run(&["drill", "verify", file]).expect(2).err_has("another repository");
    world.run(&["drill", "verify", "nowhere.json"]).expect(1);
}

#[test]
fn what_was_restored_is_kept_when_asked_for() {
    let world = World::with_snapshot();
    let scratch = scratch();
    let said =
        world.run(&["drill", "tree", "--keep", "--json", "--scratch", scratch.path().to_str().unwrap()]).expect(0);
    let kept = said.json()["kept"].as_str().unwrap().to_string();
    let mode = fs::metadata(&kept).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    let restored = format!("{kept}/files{}/report.txt", world.text("tree"));
    assert_eq!(fs::read_to_string(restored).unwrap(), "first report\n");
}

/// A repository with a snapshot of a database of SQLite.
fn sqlite() -> World {
    let world = World::new();
    let database = Connection::open(world.path("shop.db")).unwrap();
    database
        .execute_batch(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT, price REAL); CREATE INDEX by_price ON orders (price);
             CREATE TABLE notes (text TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO orders SELECT i, 'canary-' || (10000 + i), i * 0.25 FROM n;
             INSERT INTO notes SELECT what FROM orders;",
        )
        .unwrap();
    world.run(&["backup", &format!("sqlite:{}", world.text("shop.db")), "--source", "shop"]).expect(0);
    world
}

#[test]
fn a_sqlite_database_is_proven_and_asked() {
    let world = sqlite();
    let file = world.path("asserts.toml");
    fs::write(&file, "[[assert]]\nname = 'dear'\nsql = 'SELECT max(price) FROM orders'\nexpected = '500'\n").unwrap();
    let asserts = [
        "--assert",
        "SELECT count(*) FROM orders WHERE id = id=2000",
        "--assert-true",
        "SELECT count(*) > 5 FROM notes",
    ];
    let all = [&["shop", "--assert-file", file.to_str().unwrap()][..], &asserts].concat();
    let found = drill(&world, 0, &all);
    assert_eq!(found["verdict"], "proven", "{found}");
    assert_eq!(found["assertions"].as_array().unwrap().len(), 3);
    assert_eq!((found["counts"]["tables"].as_u64(), found["counts"]["rows"].as_u64()), (Some(2), Some(4000)));
    assert_eq!(found["tables"][0]["expected_root"], found["tables"][0]["found_root"]);
    assert!(found["verified"].to_string().contains("integrity_check"));

    let wrong = drill(&world, 4, &["shop", "--assert", "SELECT count(*) FROM orders=1999"]);
    assert_eq!((wrong["verdict"].as_str(), wrong["assertions"][0]["found"].as_str()), (Some("failed"), Some("2000")));
    let writes = drill(&world, 4, &["shop", "--assert", "DELETE FROM orders RETURNING 1=1"]);
    assert!(writes["assertions"].to_string().contains("writes"), "{writes}");
    world.run(&["drill", "shop", "--assert", "SELECT 1"]).expect(2).err_has("no value is expected");
}

/// The file stays a sound database with as many rows of the same length: only a proof by content can tell.
#[test]
fn one_cell_of_a_sqlite_database_that_is_another_fails() {
    let world = sqlite();
    let mut seen = Vec::new();
    for nth in [0, 1] {
        // The first place of this text in the file is in one of both tables, the second in the other.
        let at = "f=\"$DATAKEEP_DRILL_PLACE\"; at=$(LC_ALL=C grep -abo canary-11234 \"$f\" | cut -d: -f1 | sed -n \"$((N+1))p\")";
        let fault = format!("N={nth}\n{at}\nprintf 9 | dd of=\"$f\" bs=1 seek=$((at+7)) conv=notrunc 2>/dev/null");
        let fault = program(&world, "fault", &fault);
        let holds = ["--assert", "SELECT count(*) FROM orders=2000"];
        let found = drill(&world, 4, &[&["shop", "--rehearse-fault", &fault][..], &holds].concat());
        assert_eq!(found["verdict"], "failed", "{found}");
        seen.push(found["reasons"][0].to_string());
        // Evidence holds no cell.
        assert!(!found.to_string().contains("canary"), "{found}");
        assert_eq!(found["assertions"][0]["holds"], true, "the number of rows is the same: {found}");
    }
    let both = ["orders", "notes"].iter().all(|table| seen.iter().any(|reason| reason.contains(table)));
    assert!(both, "{seen:?}");
}

const BASE: &str = "
    CREATE ROLE drill_owner_@; CREATE ROLE \"drill Reader @\"; CREATE SCHEMA app;
    CREATE TABLE app.orders (id bigint PRIMARY KEY, price numeric(12,2), at timestamptz, note text);
    CREATE TABLE app.lines (orders bigint REFERENCES app.orders, n int);
    INSERT INTO app.orders SELECT i, i * 0.5, timestamptz '2026-01-01Z' + i * interval '1 s', 'note ' || i FROM generate_series(1, 3000) AS i;
    INSERT INTO app.lines SELECT i, i % 7 FROM generate_series(1, 3000) AS i;
    CREATE VIEW app.dear AS SELECT * FROM app.orders WHERE price > 100;
    ALTER TABLE app.orders OWNER TO drill_owner_@; GRANT SELECT ON app.orders TO \"drill Reader @\";";

/// A repository with a snapshot of a database of PostgreSQL.
fn postgres(name: &str) -> World {
    let cluster = Cluster::shared(15);
    let database = cluster.database(name);
    cluster.run(&database, &BASE.replace('@', name));
    let world = World::new();
    world.run(&["backup", &cluster.location(&database), "--source", "shop"]).expect(0);
    world
}

fn programs() -> String {
    Cluster::shared(15).install().folder().join("bin").to_str().unwrap().to_string()
}

#[test]
fn a_postgresql_database_is_proven_in_a_server_of_its_own() {
    let world = postgres("proven");
    let programs = programs();
    let asserts =
        ["--assert", "SELECT count(*) FROM app.dear=2800", "--assert-true", "SELECT sum(n) > 0 FROM app.lines"];
    let found = drill(&world, 0, &[&["shop", "--postgres-programs", &programs][..], &asserts].concat());
    assert_eq!(found["verdict"], "proven", "{found}");
    assert_eq!(found["counts"]["rows"], 6000);
    assert_eq!(found["versions"]["postgres"], 15);
    let silent = "SELECT current_setting('listen_addresses') = '' AND current_setting('autovacuum') = 'off'";
    let endless = "SELECT count(*) FROM generate_series(1, 100000000000)=1";
    let writes = "WITH d AS (DELETE FROM app.lines RETURNING 1) SELECT count(*) FROM d=3000";
    let both = "COMMIT; SELECT 1=1";
    let given =
        ["--assert-true", silent, "--assert", endless, "--assert", writes, "--assert", both, "--assert-timeout", "1s"];
    let found = drill(&world, 4, &[&["shop", "--postgres-programs", &programs][..], &given].concat());
    let holds: Vec<_> = (0..4).map(|at| found["assertions"][at]["holds"].as_bool().unwrap()).collect();
    assert_eq!(holds, [false, false, false, true], "what --assert says comes first: {found}");
    world
        .run(&["drill", "shop", "--postgres-programs", "/nowhere"])
        .expect(17)
        .err_has("initdb")
        .err_has("postgresql-15");
}

#[test]
fn one_cell_of_a_postgresql_database_that_is_another_fails() {
    let world = postgres("cell");
    let programs = programs();
    for (table, sql) in [
        ("app.orders", "UPDATE app.orders SET note = 'canary' WHERE id = 1500"),
        ("app.lines", "UPDATE app.lines SET n = n + 7 WHERE orders = 3"),
    ] {
        let fault = program(&world, "fault", &format!("psql -qX -d \"$DATAKEEP_DRILL_PLACE\" -c \"{sql}\""));
        let given = ["shop", "--postgres-programs", &programs, "--rehearse-fault", &fault];
        let found = drill(&world, 4, &[&given[..], &["--assert", "SELECT count(*) FROM app.orders=3000"]].concat());
        assert_eq!(found["verdict"], "failed", "{found}");
        assert!(reasons(&found).contains(table), "{found}");
        assert!(!found.to_string().contains("canary"), "{found}");
        assert_eq!(found["assertions"][0]["holds"], true, "{found}");
    }
}

/// A drill that waits in the midst of its work.
fn waiting(world: &World, scratch: &Path, given: &[&str]) -> Child {
    let fault = program(world, "wait", &format!("touch {}; sleep 2", world.text("waits")));
    let mut command = world.command();
    command.args(["drill", "shop", "--rehearse-fault", &fault, "--scratch", scratch.to_str().unwrap()]).args(given);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the drill waits", || world.path("waits").exists());
    assert!(!is_empty(scratch));
    child
}

#[track_caller]
#[expect(clippy::disallowed_methods, reason = "another process changes what is waited for")]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn nothing_is_left_of_a_drill_that_is_stopped_or_killed() {
    let (of_sqlite, of_postgres, programs) = (sqlite(), postgres("killed"), programs());
    for (world, given) in [(&of_sqlite, vec![]), (&of_postgres, vec!["--postgres-programs", &programs])] {
        for (signal, code) in [(Signal::TERM, Some(130)), (Signal::KILL, None)] {
            let _ = fs::remove_file(world.path("waits"));
            let scratch = scratch();
            let mut child = waiting(world, scratch.path(), &given);
            kill_process(Pid::from_child(&child), signal).unwrap();
            assert_eq!(child.wait().unwrap().code(), code);
            wait_until("the scratch folder is empty", || is_empty(scratch.path()));
            let place = scratch.path().to_str().unwrap().to_string();
            let is_running = || {
                let all = std::process::Command::new("ps").args(["-eo", "args"]).output().unwrap();
                String::from_utf8_lossy(&all.stdout)
                    .lines()
                    .any(|line| line.contains(&place) && line.contains("postgres"))
            };
            wait_until("the server is gone", || !is_running());
        }
    }
}
