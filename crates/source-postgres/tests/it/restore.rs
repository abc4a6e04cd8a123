//! Whole databases: restored where there is none, and where one is empty.

use crate::common::{Database, MAJOR, check_error, target, try_capture};
use crate::pouring::{Absent, assert_restored, fill, pour, whole};
use datakeep_model::ErrorKind;
use datakeep_testkit_postgres::{Cluster, Setup};

const SHOP: &str = include_str!("shop.sql");

#[test]
fn a_database_comes_back_where_there_is_none() {
    let database = Database::new(SHOP);
    let name = &database.name;
    database.run(&format!(
        "CREATE ROLE shop_clerk LOGIN; CREATE ROLE shop_boss; GRANT shop_boss TO shop_clerk; GRANT SELECT (id, name) ON app.customer TO \
         shop_clerk WITH GRANT OPTION; ALTER TABLE app.log OWNER TO shop_clerk; ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON \
         TABLES TO shop_clerk; ALTER DATABASE {name} SET work_mem = '7MB'; COMMENT ON DATABASE {name} IS 'of wares'"
    ));
    let captured = database.capture();
    let absent = Absent::new(database.cluster);
    let told = pour(&captured, &whole(&captured), &absent.location()).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    let restored = absent.found();
    assert_restored(&database, &captured, &restored);
    for sql in [
        "SELECT nextval('app.customer_id_seq')",
        "SELECT last_value, is_called FROM app.orders_id_seq",
        "SELECT count(*), sum(total) FROM app.totals",
        "SELECT relispopulated FROM pg_class WHERE relname IN ('totals', 'idle') ORDER BY relname",
        "SHOW work_mem",
        "SELECT shobj_description(oid, 'pg_database'), datacl FROM pg_database WHERE datname = current_database()",
        "SELECT tgenabled FROM pg_trigger WHERE tgname = 'refuse'",
    ] {
        assert_eq!(database.ask(sql), restored.ask(sql), "{sql}");
    }
}

#[test]
fn a_database_comes_back_into_an_empty_one() {
    let database = Database::new(SHOP);
    let captured = database.capture();
    let empty = Database::new("");
    assert!(target(&empty.location()).look().expect("a look").is_none(), "as if none were there");
    let told = pour(&captured, &whole(&captured), &empty.location()).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    assert_restored(&database, &captured, &empty);
    let error = pour(&captured, &whole(&captured), &empty.location()).expect_err("it is not empty any more");
    check_error(&error, ErrorKind::Target, &["holds something already", "another name"]);
    let standing = target(&empty.location()).look().expect("a look").expect("a database");
    let orders = standing.iter().find(|table| table.name.table == "orders").expect("orders");
    assert_eq!(orders.rows, 2000);
    let has = |kind: &str, name: &str| orders.objects.iter().any(|(a, b)| a == kind && b == name);
    assert!(has("INDEX", "app.orders_note_idx") && has("CONSTRAINT", "app.orders orders_pkey"), "{:?}", orders.objects);
    assert!(has("TRIGGER", "app.orders refuse") && has("FK CONSTRAINT", "app.orders orders_customer_fkey"));
    assert!(
        orders.objects.iter().all(|(kind, name)| captured
            .catalog
            .objects
            .iter()
            .any(|o| o.kind == *kind && o.name == *name))
    );
}

/// Roles are the server's: another server gets those it has not got.
#[test]
fn another_server_gets_the_roles_it_needs() {
    let database = Database::new(
        "CREATE ROLE other_boss CREATEDB; CREATE ROLE other_clerk LOGIN PASSWORD 'secret' CONNECTION LIMIT 3 VALID UNTIL '2030-01-01'; GRANT other_boss TO \
         other_clerk WITH ADMIN OPTION; ALTER ROLE other_clerk SET search_path = app, public; COMMENT ON ROLE other_clerk IS 'it''s me'; \
         CREATE ROLE other_nobody; CREATE TABLE t (a int); ALTER TABLE t OWNER TO other_clerk; REVOKE ALL ON t FROM other_clerk",
    );
    let captured = database.capture();
    assert!(captured.catalog.objects.iter().all(|object| !object.sql.contains("SCRAM")), "nobody is shown it");
    database.run("CREATE ROLE other_reader LOGIN; GRANT SELECT ON t TO other_reader");
    let reader = try_capture(&database.cluster.location_as("other_reader", &database.name)).expect("captured");
    assert!(reader.catalog.not_carried.iter().any(|what| what.contains("passwords") && what.contains("other_clerk")));
    let other = Cluster::start(Setup::of(MAJOR));
    let told = pour(&captured, &whole(&captured), &other.location("again")).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    assert!(told.verified.iter().any(|what| what == "made the role other_clerk"), "{told:?}");
    let sql = "SELECT rolname, rolcreatedb, rolcanlogin, rolconnlimit, rolvaliduntil, rolconfig, shobj_description(oid, 'pg_authid'), \
        (SELECT array_agg((roleid::regrole, admin_option)) FROM pg_auth_members WHERE member = r.oid) FROM pg_roles r WHERE rolname IN \
        ('other_boss', 'other_clerk', 'other_nobody') ORDER BY 1";
    let expect = database.ask(sql);
    let password = "SELECT rolpassword FROM pg_authid WHERE rolname = 'other_clerk'";
    assert_eq!(other.ask("again", password), database.ask(password));
    assert_eq!(other.ask("again", sql), expect.lines().take(2).collect::<Vec<_>>().join("\n"));
    assert_eq!(
        other.ask("again", "SELECT relowner::regrole, relacl FROM pg_class WHERE relname = 't'"),
        "other_clerk|{}"
    );
}

#[test]
fn nothing_is_left_of_a_restore_that_ends_early() {
    let cluster = Cluster::start(Setup::of(MAJOR));
    let database = Database::new(SHOP);
    let captured = database.capture();
    let names = || cluster.ask("postgres", "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database");
    let before = names();
    let mut absent = target(&cluster.location("never"));
    fill(&captured, &whole(&captured), &mut *absent).expect("rows");
    assert_ne!(names(), before);
    drop(absent);
    assert_eq!(names(), before);
    let empty = cluster.database("empty");
    let mut standing = target(&cluster.location(&empty));
    fill(&captured, &whole(&captured), &mut *standing).expect("rows");
    drop(standing.complete().expect("complete"));
    let mut second = target(&cluster.location(&empty));
    let error = second.begin(&whole(&captured)).expect_err("two at once");
    check_error(&error, ErrorKind::Busy, &["another restore"]);
    drop(standing);
    assert_eq!(cluster.ask(&empty, "SELECT count(*) FROM pg_namespace WHERE nspname = 'app'"), "0");
}
