//! What cannot be read is refused in clear words that tell no secret.

use crate::common::{Database, MAJOR, check_error, connector, options, source, try_capture};
use datakeep_connector::{Connector, ConnectorError};
use datakeep_model::ErrorKind;
use datakeep_testkit_postgres::{Cluster, Setup};

fn refused(location: &str) -> ConnectorError {
    try_capture(location).err().expect("refused")
}

#[test]
fn servers_that_are_not_there_are_told() {
    let here = Cluster::shared(MAJOR);
    check_error(
        &refused("postgres://me:secret@no-such-host.invalid/x"),
        ErrorKind::Source,
        &["me@no-such-host.invalid", "host"],
    );
    check_error(
        &refused("postgres://me:secret@127.0.0.1:1/x"),
        ErrorKind::Source,
        &["127.0.0.1:1", "no server listens"],
    );
    let elsewhere = format!("postgres://me:secret@/x?host={}&port=77", here.socket().display());
    check_error(&refused(&elsewhere), ErrorKind::Source, &["no server has its socket there"]);
    check_error(&refused(&here.location("nobody_made_it")), ErrorKind::NotFound, &["nobody_made_it", "3D000"]);
    check_error(&refused(&here.location_as("nobody", "postgres")), ErrorKind::Denied, &["nobody", "28000"]);
}

#[test]
fn passwords_are_asked_for_checked_and_never_told() {
    let cluster = Cluster::start(
        Setup::of(MAJOR).hba("local all guarded scram-sha-256\nlocal all old md5\nlocal all out reject"),
    );
    let sql = "CREATE ROLE guarded LOGIN PASSWORD 'the secret'; SET password_encryption = 'md5';
               CREATE ROLE old LOGIN PASSWORD 'another secret'; CREATE ROLE out LOGIN";
    cluster.run("postgres", sql);
    let name = cluster.database("db");
    let of = |role: &str| cluster.location_as(role, &name);
    check_error(&refused(&of("guarded")), ErrorKind::Denied, &["password"]);
    check_error(
        &refused(&format!("{} password='wrong secret'", of("guarded"))),
        ErrorKind::Denied,
        &["28P01", "guarded"],
    );
    check_error(&refused(&of("out")), ErrorKind::Denied, &["pg_hba.conf"]);
    for (role, password) in [("guarded", "the secret"), ("old", "another secret")] {
        assert!(try_capture(&format!("{} password='{password}'", of(role))).is_ok(), "{role}");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        std::fs::write(&file, format!("{password}\n")).expect("written");
        let given = options(&[("password-file", &file.display().to_string())]);
        let mut source = connector().open_tables(&of(role), &given).expect("opened");
        assert!(!format!("{:?}", source.info()).contains("secret"));
        source.begin().expect("begun");
        source.catalog().expect("pg_dump has the password, too");
    }
    let missing =
        connector().open_tables(&of("old"), &options(&[("password-file", "/nowhere")])).err().expect("refused");
    assert_eq!(missing.kind, ErrorKind::Usage);
}

/// A role that may connect and do nothing else.
fn with_role(database: &Database) -> (String, String) {
    let role = format!("reader_{}", database.name);
    database.run(&format!("CREATE ROLE {role} LOGIN"));
    let location = database.cluster.location_as(&role, &database.name);
    (role, location)
}

#[test]
fn missing_rights_are_told_with_their_grant() {
    let database = Database::new(
        "CREATE SCHEMA app; CREATE TABLE app.a(x int); INSERT INTO app.a VALUES (1); CREATE TABLE b(x int); CREATE SEQUENCE s;
         CREATE TABLE app.\"C d\"(x int)",
    );
    let (role, location) = with_role(&database);
    let words = ["app.a", "app.\"C d\"", "public.b", "GRANT USAGE ON SCHEMA \"app\"", "pg_read_all_data", &role];
    check_error(&refused(&location), ErrorKind::Denied, &words);
    database.run(&format!(
        "GRANT USAGE ON SCHEMA app TO {role}; GRANT SELECT ON app.a TO {role}; GRANT SELECT ON b TO {role}"
    ));
    check_error(&refused(&location), ErrorKind::Denied, &["app.\"C d\"", "GRANT SELECT ON \"app\".\"C d\" TO"]);
    database.run(&format!("GRANT SELECT ON app.\"C d\" TO {role}; GRANT SELECT ON s TO {role}"));
    assert_eq!(try_capture(&location).expect("captured").first("app.a"), ["1"]);
}

/// Rows that a policy would hide are not left out unsaid.
#[test]
fn policies_hide_no_rows() {
    let database = Database::new(
        "CREATE TABLE t(a int); INSERT INTO t VALUES (1), (2); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON t USING (a = 1)",
    );
    let (role, location) = with_role(&database);
    database.run(&format!("GRANT SELECT ON t TO {role}"));
    check_error(&refused(&location), ErrorKind::Denied, &["row-level security", "BYPASSRLS"]);
    database.run(&format!("ALTER ROLE {role} BYPASSRLS"));
    assert_eq!(try_capture(&location).expect("captured").first("t"), ["1", "2"]);
}

#[test]
fn a_lock_of_somebody_else_is_waited_for_and_then_told() {
    let database = Database::new("CREATE TABLE t(a int)");
    let _keeper = database.cluster.hold(&database.name, "BEGIN; LOCK TABLE t");
    let mut source =
        connector().open_tables(&database.location(), &options(&[("lock-timeout", "100ms")])).expect("opened");
    check_error(&source.begin().expect_err("refused"), ErrorKind::Busy, &["lock-timeout", "lock"]);
}

fn large() -> Database {
    Database::new(
        "CREATE TABLE t(a int, b text); INSERT INTO t SELECT n, repeat('secret', 50) FROM generate_series(1, 200000) n",
    )
}

#[test]
fn a_session_that_is_ended_ends_the_capture() {
    let database = large();
    let mut source = source(&database.location()).expect("opened");
    source.begin().expect("begun");
    let catalog = source.catalog().expect("a catalogue");
    let mut rows = source.rows(&catalog.tables[0]).expect("rows");
    assert!(rows.next_batch().expect("read").is_some());
    database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    let error = loop {
        match rows.next_batch() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended as if it were whole"),
            Err(error) => break error,
        }
    };
    check_error(&error, ErrorKind::Source, &["public.t", "rows of"]);
    assert!(rows.next_batch().expect("nothing more").is_none());
    drop(rows);
    assert!(source.complete().is_err());
}

#[test]
fn a_server_that_crashes_ends_the_capture() {
    let cluster = Cluster::start(Setup::of(MAJOR).set("synchronous_commit", "on"));
    let name = cluster.database("db");
    cluster.run(&name, "CREATE TABLE t(a int); INSERT INTO t SELECT generate_series(1, 1000000)");
    let mut source = source(&cluster.location(&name)).expect("opened");
    source.begin().expect("begun");
    let catalog = source.catalog().expect("a catalogue");
    let mut rows = source.rows(&catalog.tables[0]).expect("rows");
    assert!(rows.next_batch().expect("read").is_some());
    cluster.crash();
    let end = std::iter::from_fn(|| rows.next_batch().transpose()).find_map(Result::err);
    check_error(&end.expect("it fails"), ErrorKind::Source, &["public.t"]);
    drop(rows);
    check_error(&source.complete().expect_err("it fails"), ErrorKind::Source, &["postgres"]);
    cluster.resume();
    assert_eq!(try_capture(&cluster.location(&name)).expect("captured").cells("t").len(), 1_000_000);
}

/// What a server says of a value it cannot write tells the value: it is not passed on.
#[test]
fn errors_tell_no_cells() {
    let database = Database::new(
        "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t(m mood); INSERT INTO t VALUES ('sad');
         DELETE FROM pg_enum WHERE enumtypid = 'mood'::regtype",
    );
    let said = database.cluster.try_run(&database.name, "SELECT m FROM t").expect_err("no such label");
    let value = said.trim().rsplit(' ').next().expect("the value");
    assert!(value.parse::<u32>().is_ok(), "{said}");
    let error = refused(&database.location());
    assert_eq!(error.kind, ErrorKind::Source);
    assert!(error.message.contains("public.t") && error.message.contains("22P03"), "{error}");
    assert!(!format!("{error:?}").contains(value), "{error:?}");
}

/// All that a role needs to read a database that has no policies and no large objects.
#[test]
fn a_role_that_may_read_everything_needs_no_more() {
    let database = Database::new(
        "CREATE SCHEMA app; CREATE TABLE app.t(a serial PRIMARY KEY, b text); INSERT INTO app.t(b) VALUES ('x');
         CREATE VIEW app.v AS SELECT * FROM app.t; CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
         REVOKE ALL ON FUNCTION app.f() FROM PUBLIC; CREATE EXTENSION hstore; CREATE EXTENSION citext",
    );
    let (role, location) = with_role(&database);
    database.run(&format!("GRANT pg_read_all_data TO {role}"));
    let (all, own) = (database.capture(), try_capture(&location).expect("captured"));
    crate::common::assert_same(&all, &own);
    assert_eq!(own.catalog.not_carried, all.catalog.not_carried);
    assert_eq!(own.catalog.objects, all.catalog.objects);
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let database = Database::new("CREATE TABLE t(a int)");
    let connector = connector();
    assert!(connector.accepts("postgres://db/x") && connector.accepts("postgresql://db/x"));
    assert!(connector.accepts("postgres:host=db") && !connector.accepts("sqlite:x") && !connector.accepts("postgres"));
    let kind = |location: &str, given: &[(&str, &str)]| {
        connector.open_tables(location, &options(given)).err().map(|error| error.kind)
    };
    assert_eq!(kind("postgres:nonsense", &[]), Some(ErrorKind::Usage));
    assert_eq!(kind(&database.location(), &[("colour", "red")]), Some(ErrorKind::Usage));
    assert_eq!(kind(&database.location(), &[]), None);
    let files = connector.open_source(&[database.location()], &options(&[])).err().map(|error| error.kind);
    assert_eq!(files, Some(ErrorKind::Usage));
    let mut source = source(&database.location()).expect("opened");
    assert!(source.catalog().is_err() && source.complete().is_err(), "begin comes first");
    source.begin().expect("begun");
    let catalog = source.catalog().expect("a catalogue");
    let mut other = catalog.tables[0].clone();
    other.name.table = "nowhere".to_owned();
    assert!(source.rows(&other).is_err());
}

#[test]
fn a_pg_dump_that_is_none_is_told() {
    let database = Database::new("CREATE TABLE t(a int)");
    let given = options(&[("pg-dump", "/nowhere/pg_dump")]);
    let mut source = connector().open_tables(&database.location(), &given).expect("opened");
    source.begin().expect("begun");
    check_error(&source.catalog().expect_err("refused"), ErrorKind::Usage, &["/nowhere/pg_dump", "pg-dump"]);
}
