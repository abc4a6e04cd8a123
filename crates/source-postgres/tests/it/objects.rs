//! Every kind of object that a database can hold comes back.

use crate::common::Database;
use crate::pouring::{Absent, assert_restored, pour, whole};
use std::sync::Once;

const OBJECTS: &str = include_str!("objects.sql");

/// A database with them all. Roles are of the whole server, which other tests use, too.
fn made() -> Database {
    static ROLES: Once = Once::new();
    let database = Database::new("");
    ROLES.call_once(|| database.run("CREATE ROLE ob_owner; CREATE ROLE ob_reader LOGIN; CREATE ROLE ob_writer"));
    database.run(OBJECTS);
    database
}

#[test]
fn every_kind_of_object_comes_back() {
    let database = made();
    let captured = database.capture();
    let absent = Absent::new(database.cluster);
    let told = pour(&captured, &whole(&captured), &absent.location()).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    let restored = absent.found();
    assert_restored(&database, &captured, &restored);
    for sql in [
        "SELECT last_value, is_called FROM ob.counter",
        "SELECT last_value, is_called FROM ob.fresh",
        "SELECT last_value, is_called FROM ob.of_d",
        "SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1",
        "SELECT n FROM ob.a_first",
        "SELECT b FROM ob.computed ORDER BY 1",
        "SELECT tgname, tgenabled, tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, tgrelid::regclass::text",
        "SELECT conname, convalidated FROM pg_constraint ORDER BY conrelid::regclass::text, conname",
        "SELECT tableoid::regclass::text, count(*) FROM ob.parts GROUP BY 1 ORDER BY 1",
        "SELECT oid, lomowner::regrole, lomacl, obj_description(oid, 'pg_largeobject'), md5(lo_get(oid)) FROM pg_largeobject_metadata \
         ORDER BY 1",
        "SELECT subenabled, subslotname, subconninfo FROM pg_subscription s, pg_database d WHERE d.oid = subdbid AND datname = \
         current_database()",
    ] {
        assert_eq!(database.ask(sql), restored.ask(sql), "{sql}");
    }
    // A restored subscription would follow a server that somebody else follows.
    assert_eq!(
        restored.ask(
            "SELECT count(*) FROM pg_subscription s, pg_database d WHERE d.oid = subdbid AND subenabled AND \
        datname = current_database()"
        ),
        "0"
    );
}

#[test]
fn every_kind_of_object_comes_back_into_an_empty_database() {
    let database = made();
    let captured = database.capture();
    let empty = Database::new("");
    let told = pour(&captured, &whole(&captured), &empty.location()).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    assert_restored(&database, &captured, &empty);
}
