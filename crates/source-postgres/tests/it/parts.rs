//! Single tables: under another name, in the place of one that stands, among its rows.

use crate::common::{Database, check_error, target, try_capture};
use crate::pouring::{Absent, part, pour, rows};
use datakeep_connector::{TableAction, TableName};
use datakeep_model::ErrorKind;

const SHOP: &str = include_str!("shop.sql");

fn name(schema: &str, table: &str) -> TableName {
    TableName { schema: schema.to_owned(), table: table.to_owned() }
}

#[test]
fn a_table_comes_back_under_another_name_with_all_that_belongs_to_it() {
    let database = Database::new(SHOP);
    database.run(
        "GRANT SELECT ON app.customer TO pg_monitor; CREATE STATISTICS app.customer_s ON id, name FROM app.customer",
    );
    let captured = database.capture();
    let told =
        pour(&captured, &part(&captured, "app.customer", "app.client", TableAction::Create), &database.location());
    assert_eq!(told.expect("restored").losses, [""; 0]);
    let again = database.capture();
    assert_eq!(rows(&again, &name("app", "client")), rows(&captured, &name("app", "customer")));
    assert_eq!(rows(&again, &name("app", "customer")), rows(&captured, &name("app", "customer")));
    let describe = |table: &str| {
        database.ask(&format!(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'app.{table}'::regclass UNION ALL SELECT \
             pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'app.{table}'::regclass UNION ALL SELECT \
             pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'app.{table}'::regclass UNION ALL SELECT relacl::text FROM \
             pg_class WHERE oid = 'app.{table}'::regclass UNION ALL SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE \
             stxrelid = 'app.{table}'::regclass ORDER BY 1"
        ))
    };
    let expect = describe("customer")
        .replace("app.customer", "app.client")
        .replace("customer_", "client_")
        .replace("by_label", "by_label_client");
    assert_eq!(describe("client"), expect);
    assert_eq!(
        database.ask("SELECT nextval('app.client_id_seq'), col_description('app.client'::regclass, 2)"),
        "501|who"
    );
    assert_eq!(database.ask("SELECT obj_description('app.by_label_client'::regclass)"), "an index");
}

#[test]
fn a_table_goes_into_another_schema_or_a_database_that_is_not_there() {
    let database = Database::new(SHOP);
    let captured = database.capture();
    let told = pour(&captured, &part(&captured, "app.orders", "old.orders", TableAction::Create), &database.location());
    assert_eq!(told.expect("restored").losses, [""; 0]);
    let again = database.capture();
    assert_eq!(rows(&again, &name("old", "orders")), rows(&captured, &name("app", "orders")));
    let sql = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'old.orders'::regclass AND contype = 'f'";
    assert_eq!(database.ask(sql), "1", "its foreign key finds its table");
    let absent = Absent::new(database.cluster);
    let log = part(&captured, "app.log_2025", "logs.year", TableAction::Create);
    assert_eq!(pour(&captured, &log, &absent.location()).expect("restored").losses, [""; 0]);
    let made = absent.found();
    let made_rows = rows(&made.capture(), &name("logs", "year"));
    assert_eq!(made_rows, rows(&captured, &name("app", "log_2025")));
    // What it refers to is not there: that is told, and no reason to keep the rows back.
    let absent = Absent::new(database.cluster);
    let orders = part(&captured, "app.orders", "public.orders", TableAction::Create);
    let told = pour(&captured, &orders, &absent.location()).expect("restored");
    assert!(told.losses.iter().any(|loss| loss.contains("orders_customer_fkey")), "{told:?}");
}

#[test]
fn a_table_is_made_anew_in_its_place() {
    let database = Database::new(SHOP);
    let captured = database.capture();
    database.run(
        "ALTER TABLE app.orders DISABLE TRIGGER refuse; DELETE FROM app.orders WHERE id < 500; DROP INDEX app.orders_note_idx; ALTER TABLE \
         app.orders ADD COLUMN more int; DROP MATERIALIZED VIEW app.totals; CREATE TABLE app.refers (o bigint REFERENCES app.orders ON \
         DELETE SET NULL); INSERT INTO app.refers VALUES (700)",
    );
    let told =
        pour(&captured, &part(&captured, "app.orders", "app.orders", TableAction::Replace), &database.location());
    assert_eq!(told.expect("restored").losses, [""; 0]);
    let again = database.capture();
    assert_eq!(rows(&again, &name("app", "orders")), rows(&captured, &name("app", "orders")));
    assert_eq!(again.columns("app.orders"), captured.columns("app.orders"));
    assert_eq!(database.ask("SELECT 'app.orders_note_idx'::regclass"), "app.orders_note_idx");
    let sql = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'app.refers'::regclass";
    assert_eq!(database.ask(sql), "FOREIGN KEY (o) REFERENCES app.orders(id) ON DELETE SET NULL");
    assert_eq!(database.ask("SELECT nextval('app.orders_id_seq')"), "2100");
    // A view would be lost: that is refused, and all stays as it is.
    let error =
        pour(&captured, &part(&captured, "app.customer", "app.customer", TableAction::Replace), &database.location());
    check_error(
        &error.expect_err("a view rests on it"),
        ErrorKind::Target,
        &["app.customer", "views or functions rest on it"],
    );
    assert_eq!(database.ask("SELECT count(*) FROM app.rich"), "500");
}

#[test]
fn rows_are_merged_by_their_key() {
    let database = Database::new(SHOP);
    let captured = database.capture();
    database.run(
        "ALTER TABLE app.orders DISABLE TRIGGER refuse; DELETE FROM app.orders WHERE id BETWEEN 200 AND 300; UPDATE app.orders SET note = \
         'changed', total = 9 WHERE id BETWEEN 400 AND 500; INSERT INTO app.orders (id, customer, note) OVERRIDING SYSTEM VALUE VALUES (9000, \
         1, 'new'); ALTER TABLE app.orders ENABLE ALWAYS TRIGGER refuse; SELECT setval('app.orders_id_seq', 50)",
    );
    let job = part(&captured, "app.orders", "app.orders", TableAction::Merge);
    assert_eq!(pour(&captured, &job, &database.location()).expect("merged").losses, [""; 0]);
    let mut merged = rows(&database.capture(), &name("app", "orders"));
    let last = merged.pop().expect("rows");
    assert_eq!((merged, last[0].as_str()), (rows(&captured, &name("app", "orders")), "9000"), "what was added stays");
    let sql = "SELECT tgenabled, attidentity FROM pg_trigger, pg_attribute WHERE tgname = 'refuse' AND attrelid = 'app.orders'::regclass \
               AND attname = 'id'";
    assert_eq!(database.ask(sql), "A|a", "as they were");
    assert_eq!(database.ask("SELECT nextval('app.orders_id_seq')"), "2100", "no number is given twice");
}

#[test]
fn what_does_not_fit_is_not_merged() {
    let database = Database::new(SHOP);
    let captured = database.capture();
    let merge = |table: &str, into: &str| {
        let error = target(&database.location()).begin(&part(&captured, table, into, TableAction::Merge));
        error.expect_err("refused")
    };
    check_error(&merge("app.orders", "app.customer"), ErrorKind::Target, &["its columns are id, name"]);
    check_error(&merge("app.log_rest", "app.log_rest"), ErrorKind::Target, &["not named by a key"]);
    check_error(&merge("app.orders", "app.nowhere"), ErrorKind::Target, &["has no table app.nowhere"]);
    check_error(&merge("app.orders", "app.rich"), ErrorKind::Target, &["is a view"]);
    database.run("ALTER TABLE app.orders DROP CONSTRAINT orders_pkey");
    check_error(&merge("app.orders", "app.orders"), ErrorKind::Target, &["no unique index on id"]);
    let again = try_capture(&database.location()).expect("captured");
    assert_eq!(rows(&again, &name("app", "customer")), rows(&captured, &name("app", "customer")));
}

/// A partition that is made anew is one again, and publications have it again.
#[test]
fn a_partition_goes_back_to_its_parent() {
    let database = Database::new(SHOP);
    database.run("ALTER TABLE app.log ADD PRIMARY KEY (at, line); CREATE PUBLICATION parts_pub FOR TABLE app.log_2025");
    let captured = database.capture();
    database.run("DELETE FROM app.log");
    let told =
        pour(&captured, &part(&captured, "app.log_2025", "app.log_2025", TableAction::Replace), &database.location());
    assert_eq!(told.expect("restored").losses, [""; 0]);
    let count = database.ask("SELECT count(*), min(tableoid::regclass::text) FROM app.log");
    assert_eq!(count, format!("{}|app.log_2025", rows(&captured, &name("app", "log_2025")).len()));
    assert_eq!(database.ask("SELECT tablename FROM pg_publication_tables WHERE pubname = 'parts_pub'"), "log_2025");
    let sql = "SELECT count(*) FROM pg_index i JOIN pg_inherits h ON h.inhrelid = indexrelid WHERE indrelid = 'app.log_2025'::regclass";
    assert_eq!(database.ask(sql), "2", "its indexes are those of its parent");
}

/// Names are what they are, whatever is in them.
#[test]
fn a_name_may_hold_anything() {
    let odd = "we\"ird.t; DROP TABLE x --";
    let database = Database::new(&format!(
        "CREATE SCHEMA \"{0}\"; CREATE TABLE \"{0}\".\"{0}\" (\"{0}\" serial PRIMARY KEY, b int UNIQUE); \
        INSERT INTO \"{0}\".\"{0}\" VALUES (1, 2)",
        odd.replace('"', "\"\"")
    ));
    let mut captured = database.capture();
    let table = captured.catalog.tables.iter().position(|table| table.name == name(odd, odd)).expect("captured");
    let into = name(odd, "it's \\ \"an.other\"");
    let whole = crate::pouring::whole(&captured);
    let mut job = datakeep_connector::RestoreJob { whole: false, ..whole };
    job.tables = vec![job.tables.swap_remove(table)];
    job.tables[0].into = into.clone();
    captured.catalog.objects.clone_from(&job.catalog.objects);
    assert_eq!(pour(&captured, &job, &database.location()).expect("restored").losses, [""; 0]);
    let again = database.capture();
    assert_eq!(rows(&again, &into), rows(&captured, &name(odd, odd)));
    let indexes = "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE relname ~ 'an.other'";
    assert_eq!(database.ask(indexes), "2");
}
