//! Standbys that are behind or in the way, and servers that cannot vacuum.

use crate::common::{MAJOR, MAJORS, check_error, connector, options, options_for, source};
use datakeep_connector::{Connector, ConnectorError, TableSource};
use datakeep_model::ErrorKind;
use datakeep_testkit_postgres::{Cluster, Setup};

fn begun(location: &str, given: &[(&str, &str)]) -> Result<Box<dyn TableSource>, ConnectorError> {
    let mut all = options_for(location);
    all.extend(options(given));
    let mut source = connector().open_tables(location, &all)?;
    source.begin()?;
    Ok(source)
}

/// Asks until the answer is this: what is waited for is sure to come.
fn wait_for(cluster: &Cluster, sql: &str, expect: &str) {
    for _ in 0..3000 {
        if cluster.ask("postgres", sql) == expect {
            return;
        }
        std::thread::yield_now();
    }
    panic!("{sql} is never {expect}");
}

fn reached(primary: &Cluster, standby: &Cluster, how: &str) {
    // Commits of these servers do not wait for their records to be flushed: this one does, and flushes those before it.
    primary.run("postgres", "SET synchronous_commit = local; SELECT pg_logical_emit_message(true, 'flushed', '')");
    let position = primary.ask("postgres", "SELECT pg_current_wal_flush_lsn()");
    wait_for(standby, &format!("SELECT pg_last_wal_{how}_lsn() >= '{position}'::pg_lsn"), "t");
}

#[test]
fn a_standby_that_is_too_far_behind_is_refused() {
    for major in [MAJOR, 16, 18] {
        let primary = Cluster::start(Setup::of(major));
        let name = primary.database("db");
        primary.run(&name, "CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)");
        let standby = primary.standby();
        let location = standby.location(&name);
        reached(&primary, &standby, "replay");
        let given = [("max-replay-lag", "1ms")];
        // A primary at rest leaves nothing to be replayed.
        begun(&location, &[("max-replay-lag", "1s")]).expect("it has all");
        begun(&primary.location(&name), &given).expect("a primary is not behind");
        standby.run("postgres", "SELECT pg_wal_replay_pause()");
        wait_for(&standby, "SELECT pg_is_wal_replay_paused()", "t");
        primary.run(&name, "SET synchronous_commit = local; INSERT INTO t VALUES (2)");
        reached(&primary, &standby, "receive");
        let error = begun(&location, &given).err().expect("it is behind");
        check_error(&error, ErrorKind::Busy, &["standby", "behind", "0.0 s are allowed", "max-replay-lag"]);
        begun(&location, &[]).expect("nobody asked");
        standby.run("postgres", "SELECT pg_wal_replay_resume()");
        reached(&primary, &standby, "replay");
        begun(&location, &[("max-replay-lag", "1s")]).expect("it has all again");
        // One that receives nothing may be behind by any time.
        primary.stop();
        wait_for(&standby, "SELECT count(*) FROM pg_stat_wal_receiver", "0");
        let error = begun(&location, &given).err().expect("nobody knows");
        check_error(&error, ErrorKind::Busy, &["behind"]);
    }
}

/// What the primary vacuums away, a standby takes from those who read it there, when it may not wait.
#[test]
fn a_conflict_with_recovery_is_told_with_its_remedy() {
    let primary = Cluster::start(Setup::of(MAJOR));
    let name = primary.database("db");
    primary.run(
        &name,
        "CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t SELECT n, repeat('secret', 50) FROM generate_series(1, 200000) n",
    );
    let standby = primary.standby_with(&Setup::of(MAJOR).set("max_standby_streaming_delay", "0"));
    reached(&primary, &standby, "replay");
    let mut source = source(&standby.location(&name)).expect("opened");
    source.begin().expect("begun");
    let catalog = source.catalog().expect("a catalogue");
    let mut rows = source.rows(&catalog.tables[0]).expect("rows");
    assert!(rows.next_batch().expect("read").is_some());
    primary.run(&name, "DELETE FROM t");
    reached(&primary, &standby, "replay");
    primary.run(&name, "VACUUM t");
    // Not replayed: a session that waits for its reader is not ended before that reads on, and holds the replay up.
    reached(&primary, &standby, "receive");
    let end = std::iter::from_fn(|| rows.next_batch().transpose()).find_map(Result::err);
    let error = end.expect("it fails");
    check_error(&error, ErrorKind::Busy, &["public.t", "conflict with recovery", "max_standby_streaming_delay"]);
    drop(rows);
    assert!(source.complete().is_err());
    primary.run(&name, "INSERT INTO t VALUES (7, 'x')");
    reached(&primary, &standby, "replay");
    let again = crate::common::try_capture(&standby.location(&name)).expect("captured");
    assert_eq!(again.first("t"), ["7"]);
}

#[test]
fn what_keeps_a_server_from_vacuuming_is_told_before() {
    for major in MAJORS {
        let cluster = Cluster::start(Setup::of(major).set("max_prepared_transactions", "5"));
        let name = cluster.database("db");
        cluster.run(&name, "CREATE TABLE t (a int)");
        let warnings = |given: &[(&str, &str)]| begun(&cluster.location(&name), given).expect("begun").warnings();
        let held = cluster.hold(&name, "BEGIN; INSERT INTO t VALUES (1)");
        let spend = "SELECT format('INSERT INTO t VALUES (%s)', i) FROM generate_series(1, 40) i \\gexec";
        cluster.run(&name, spend);
        assert_eq!(warnings(&[]), [""; 0], "{major}: hundreds are nothing");
        let told = warnings(&[("warn-xmin-age", "20")]);
        assert!(told.len() == 1 && told[0].contains("transactions old") && told[0].contains("backup"), "{told:?}");
        assert_eq!(warnings(&[("warn-xmin-age", "0")]), [""; 0]);
        drop(held);
        // The server notices that its client is gone a moment later.
        wait_for(&cluster, "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL", "0");
        assert_eq!(warnings(&[("warn-xmin-age", "20")]), [""; 0], "{major}: it is over");
        cluster.run(&name, "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'left behind'");
        cluster.run(&name, spend);
        let told = warnings(&[("warn-xmin-age", "20")]);
        assert!(told.len() == 1 && told[0].contains("prepared transaction left behind"), "{told:?}");
    }
}

/// A role that sees no other sessions is told as well.
#[test]
fn a_reader_with_few_rights_is_warned_as_well() {
    let cluster = Cluster::start(Setup::of(MAJOR));
    let name = cluster.database("db");
    cluster.run(&name, "CREATE TABLE t (a int); CREATE ROLE reader LOGIN; GRANT SELECT ON t TO reader");
    let _held = cluster.hold(&name, "BEGIN; INSERT INTO t VALUES (1)");
    cluster.run(&name, "SELECT format('INSERT INTO t VALUES (%s)', i) FROM generate_series(1, 40) i \\gexec");
    let source = begun(&cluster.location_as("reader", &name), &[("warn-xmin-age", "20")]).expect("begun");
    assert_eq!(source.warnings().len(), 1, "{:?}", source.warnings());
}

#[test]
fn a_server_that_takes_snapshots_away_is_told() {
    let cluster = Cluster::start(Setup::of(MAJOR).set("old_snapshot_threshold", "1h"));
    let name = cluster.database("db");
    let warnings = begun(&cluster.location(&name), &[]).expect("begun").warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("old_snapshot_threshold is 1h"), "{warnings:?}");
}
