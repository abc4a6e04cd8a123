//! Large objects: pages of a table of the server's own.

use crate::common::{Database, assert_same, check_error, source};
use crate::pouring::{Absent, pour, whole};
use datakeep_model::ErrorKind;

const CONTENT: &str = "SELECT oid, md5(lo_get(oid)), length(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY oid";
const SAID: &str = "SELECT oid, pg_get_userbyid(lomowner), (SELECT array_agg(a::text ORDER BY \
    a::text) FROM unnest(lomacl) a), obj_description(oid, 'pg_largeobject') FROM \
    pg_largeobject_metadata ORDER BY oid";

fn made(owner: &str) -> Database {
    let database = Database::new(&format!("CREATE ROLE {owner}"));
    database.run(&format!(
        "SELECT lo_create(70001); SELECT lo_from_bytea(70002, decode(repeat('00ff5c27', 3000), 'hex'));
         SELECT lo_from_bytea(70003, 'x'), lo_put(70003, 100000, 'far');
         ALTER LARGE OBJECT 70002 OWNER TO {owner}; COMMENT ON LARGE OBJECT 70002 IS 'it''s one';
         GRANT SELECT ON LARGE OBJECT 70003 TO PUBLIC; GRANT UPDATE ON LARGE OBJECT 70003 TO {owner} WITH GRANT OPTION;
         CREATE TABLE t(n int PRIMARY KEY, o oid); INSERT INTO t VALUES (1, 70002)"
    ));
    database
}

#[test]
fn they_come_back_with_their_owners_and_rights() {
    let database = made("lo_owner");
    let captured = database.capture();
    let table = captured.table("pg_catalog.pg_largeobject");
    assert_eq!(captured.key("pg_catalog.pg_largeobject"), ["loid", "pageno"]);
    assert!(table.rows_estimate.is_none());
    let absent = Absent::new(database.cluster);
    let told = pour(&captured, &whole(&captured), &absent.location()).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    let restored = absent.found();
    assert_eq!(restored.ask(CONTENT), database.ask(CONTENT));
    assert_eq!(restored.ask(SAID), database.ask(SAID));
    assert_same(&captured, &restored.capture());
}

#[test]
fn a_role_that_may_not_read_them_is_told_so() {
    let database = made("lo_other");
    database.run("CREATE ROLE lo_reader LOGIN; GRANT SELECT ON t TO lo_reader");
    let location = database.cluster.location_as("lo_reader", &database.name);
    let mut source = source(&location).expect("opened");
    source.begin().expect("begun");
    let error = source.catalog().expect_err("refused");
    check_error(
        &error,
        ErrorKind::Denied,
        &["large objects", "GRANT SELECT ON pg_catalog.pg_largeobject TO lo_reader"],
    );
    drop(source);
    database.run("GRANT SELECT ON pg_catalog.pg_largeobject TO lo_reader");
    assert_eq!(crate::common::try_capture(&location).expect("captured").catalog.tables.len(), 2);
}
