//! Restores that break in their middle: nothing half-written is left to be taken for a database.

use crate::common::{Captured, Database, MAJOR, check_error, target};
use crate::pouring::{fill, pour, whole};
use datakeep_connector::{ConnectorError, TableTarget};
use datakeep_model::ErrorKind;
use datakeep_testkit_postgres::{Cluster, Setup};
use std::path::Path;
use std::process::Command;

const LARGE: &str = "CREATE TABLE small (a int PRIMARY KEY); INSERT INTO small VALUES (1);
    CREATE TABLE large (a int PRIMARY KEY, b text); INSERT INTO large SELECT n, repeat('secret' || n, 20) FROM generate_series(1, 150000) n;
    CREATE INDEX by_b ON large (b)";

/// A few rows of each table are written, then this happens, then the rest is tried.
fn broken(captured: &Captured, location: &str, happen: impl FnOnce()) -> ConnectorError {
    let mut target = target(location);
    let job = whole(captured);
    target.begin(&job).expect("begun");
    let mut happen = Some(happen);
    let end = write_until_error(captured, &mut *target, &mut || {
        if let Some(happen) = happen.take() {
            happen();
        }
    });
    drop(target);
    end.expect_err("it breaks")
}

fn write_until_error(
    captured: &Captured,
    target: &mut dyn TableTarget,
    happen: &mut dyn FnMut(),
) -> Result<(), ConnectorError> {
    for (number, batches) in captured.rows.iter().enumerate() {
        target.begin_table(number)?;
        for batch in batches {
            target.write(batch)?;
            happen();
        }
        target.end_table()?;
    }
    drop(target.complete()?);
    target.finish().map(drop)
}

fn databases(cluster: &Cluster) -> String {
    cluster.ask(
        "postgres",
        "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname ~ '^(datakeep|made)'",
    )
}

#[test]
fn a_server_that_crashes_in_a_restore_keeps_nothing_of_it() {
    let captured = Database::new(LARGE).capture();
    let cluster = Cluster::start(Setup::of(MAJOR).set("fsync", "off"));
    let error = broken(&captured, &cluster.location("made"), || cluster.crash());
    assert_eq!(error.kind, ErrorKind::Target, "{error}");
    assert!(error.hint.is_some() && !error.message.contains("secret"), "{error:?}");
    cluster.resume();
    let left = databases(&cluster);
    assert!(!left.contains("made"), "{left}");
    // The next one succeeds, and names what the crash left.
    let told = pour(&captured, &whole(&captured), &cluster.location("made")).expect("restored");
    assert_eq!(told.losses, [""; 0]);
    if left.contains("datakeep_restore_") {
        assert!(told.verified.iter().any(|said| said.contains(&left) && said.contains("drop it")), "{told:?}");
    }
    assert_eq!(cluster.ask("made", "SELECT count(*) FROM large"), "150000");
    let empty = cluster.database("empty");
    broken(&captured, &cluster.location(&empty), || cluster.crash());
    cluster.resume();
    assert_eq!(cluster.ask(&empty, "SELECT count(*) FROM pg_class WHERE relname IN ('small', 'large')"), "0");
}

#[test]
fn a_session_that_is_ended_in_a_restore_leaves_nothing() {
    let captured = Database::new(LARGE).capture();
    let cluster = Cluster::start(Setup::of(MAJOR));
    let end_all = || {
        cluster.run(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'datakeep'",
        );
    };
    let empty = cluster.database("empty");
    let error = broken(&captured, &cluster.location(&empty), end_all);
    check_error(&error, ErrorKind::Target, &["postgres"]);
    assert_eq!(cluster.ask(&empty, "SELECT count(*) FROM pg_class WHERE relname IN ('small', 'large')"), "0");
    let error = broken(&captured, &cluster.location("made"), end_all);
    check_error(&error, ErrorKind::Target, &["postgres"]);
    assert!(!databases(&cluster).contains("made"));
    pour(&captured, &whole(&captured), &cluster.location("made")).expect("restored");
}

/// A file system of its own, of so many MiB, that a server may write to; gone when it is dropped.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where only root can make one, and this is not root.
    fn new(size_mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={size_mib}m,mode=0755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(folder.path()).status();
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("NOT TESTED without root: a server's full disk");
            return None;
        }
        let disk = Self { folder };
        let space = disk.space();
        std::fs::create_dir(&space).expect("a folder");
        for (program, what) in [("chown", "postgres:postgres"), ("chmod", "700")] {
            assert!(Command::new(program).arg(what).arg(&space).status().is_ok_and(|status| status.success()));
        }
        let reach = Command::new("chmod").arg("755").arg(disk.folder.path()).status();
        assert!(reach.is_ok_and(|status| status.success()));
        Some(disk)
    }

    fn space(&self) -> std::path::PathBuf {
        self.folder.path().join("space")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let lazily = |path: &Path| Command::new("umount").arg("--lazy").arg(path).status();
        assert!(lazily(self.folder.path()).is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[test]
fn a_full_disk_of_the_server_ends_a_restore_and_leaves_nothing() {
    let captured = Database::new(LARGE).capture();
    let Some(disk) = SmallDisk::new(24) else { return };
    let cluster = Cluster::start(Setup::of(MAJOR));
    cluster.run("postgres", &format!("CREATE TABLESPACE narrow LOCATION '{}'", disk.space().display()));
    cluster.run("postgres", "CREATE DATABASE cramped TABLESPACE narrow TEMPLATE template0");
    let mut restore = target(&cluster.location("cramped"));
    let job = whole(&captured);
    let end = fill(&captured, &job, &mut *restore).and_then(|()| restore.complete().map(drop));
    drop(restore);
    let error = end.expect_err("it does not fit");
    check_error(&error, ErrorKind::Target, &["53100", "make room"]);
    assert_eq!(cluster.ask("cramped", "SELECT count(*) FROM pg_class WHERE relname IN ('small', 'large')"), "0");
    // With room elsewhere it succeeds: the server is as it was.
    pour(&captured, &whole(&captured), &cluster.location("made")).expect("restored");
    drop(cluster);
}
