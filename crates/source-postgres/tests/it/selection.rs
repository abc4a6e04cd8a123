//! Some of the tables of a database: what comes with them, what does not and is told, and how it comes back.

use crate::common::{Captured, Database, MAJORS, check_error, connector, options_for, read_all};
use crate::pouring::{Absent, pour, rows, whole};
use datakeep_connector::{Connector, ConnectorError, Options};
use datakeep_model::ErrorKind;

/// A shop, and what lies around it.
const SHOP: &str = "
    CREATE SCHEMA app; CREATE SCHEMA old;
    CREATE TYPE app.state AS ENUM ('open', 'paid'); CREATE TYPE app.idle AS ENUM ('a'); CREATE DOMAIN old.code AS text;
    CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TABLE app.customers (id int PRIMARY KEY, name text);
    CREATE TABLE app.orders (id serial PRIMARY KEY, customer int REFERENCES app.customers, state app.state, code old.code);
    CREATE TABLE app.lines (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, orders int REFERENCES app.orders);
    CREATE TABLE app.log (id serial, what text);
    CREATE TABLE app.\"Odd name|(x)\" (a int);
    CREATE TABLE old.orders (id int PRIMARY KEY, what text);
    CREATE TABLE events (at date, n int) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
    CREATE INDEX ON events (n);
    CREATE INDEX by_state ON app.orders (state); COMMENT ON COLUMN app.orders.code IS 'of old';
    CREATE TRIGGER touched BEFORE UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();
    CREATE VIEW app.open AS SELECT o.id, c.name FROM app.orders o JOIN app.customers c ON c.id = o.customer;
    CREATE VIEW app.open_names AS SELECT name FROM app.open;
    CREATE MATERIALIZED VIEW app.sums AS SELECT count(*) AS n FROM app.log;
    INSERT INTO app.customers VALUES (1, 'a'); INSERT INTO app.orders (customer, state, code) VALUES (1, 'open', 'x'), (1, 'paid', 'y');
    INSERT INTO app.lines (orders) VALUES (1), (2); INSERT INTO app.log (what) VALUES ('x'); INSERT INTO app.\"Odd name|(x)\" VALUES (7);
    INSERT INTO old.orders VALUES (1, 'b'); INSERT INTO events VALUES ('2026-01-05', 1), ('2026-02-05', 2);";

fn chosen(location: &str, given: &[(&str, &str)]) -> Options {
    let mut options = options_for(location);
    for (name, value) in given {
        options.entry((*name).to_owned()).or_default().push((*value).to_owned());
    }
    options
}

fn try_capture_some(location: &str, given: &[(&str, &str)]) -> Result<Captured, ConnectorError> {
    let mut source = connector().open_tables(location, &chosen(location, given))?;
    source.begin()?;
    let captured = read_all(source.as_mut())?;
    source.complete()?;
    Ok(captured)
}

fn capture_some(database: &Database, given: &[(&str, &str)]) -> Captured {
    try_capture_some(&database.location(), given).expect("captured")
}

fn objects(captured: &Captured, kind: &str) -> Vec<String> {
    captured.catalog.objects.iter().filter(|object| object.kind == kind).map(|object| object.name.clone()).collect()
}

/// Every table that was captured comes back into a new database, with nothing lost.
fn comes_back(database: &Database, captured: &Captured) -> Database {
    let absent = Absent::new(database.cluster);
    let told = pour(captured, &whole(captured), &absent.location()).expect("restored and proven");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    let restored = absent.found();
    let again = restored.capture();
    assert_eq!(again.names(), captured.names());
    for table in &captured.catalog.tables {
        assert_eq!(rows(&again, &table.name), rows(captured, &table.name), "{}", table.name);
    }
    restored
}

#[test]
fn a_table_comes_with_what_belongs_to_it_and_what_it_needs() {
    for major in MAJORS {
        let database = Database::of(major, SHOP);
        let captured = capture_some(&database, &[("include-table", "app.orders")]);
        assert_eq!(captured.names(), ["app.orders"], "{major}");
        assert_eq!(objects(&captured, "TYPE"), ["app.state"]);
        assert_eq!(objects(&captured, "DOMAIN"), ["old.code"]);
        assert_eq!(objects(&captured, "SEQUENCE"), ["app.orders_id_seq"]);
        assert_eq!(objects(&captured, "SEQUENCE SET"), ["app.orders_id_seq"]);
        assert_eq!(objects(&captured, "TRIGGER"), ["app.orders touched"]);
        assert_eq!(objects(&captured, "VIEW"), [""; 0]);
        let told = captured.catalog.not_carried.join("\n");
        assert!(told.contains("fk constraint app.orders orders_customer_fkey") && !told.contains("view"), "{told}");
        let restored = comes_back(&database, &captured);
        assert_eq!(restored.ask("SELECT nextval('app.orders_id_seq')"), "3");
        assert_eq!(restored.ask("SELECT col_description('app.orders'::regclass, 4)"), "of old");
        assert_eq!(restored.ask("SELECT count(*) FROM pg_indexes WHERE schemaname = 'app'"), "2");
    }
}

#[test]
fn a_schema_comes_whole_but_for_what_is_excluded() {
    let database = Database::new(SHOP);
    let captured = capture_some(&database, &[("include-schema", "app"), ("exclude-table", "app.log")]);
    assert_eq!(captured.names(), ["app.Odd name|(x)", "app.customers", "app.lines", "app.orders"]);
    assert_eq!(objects(&captured, "TYPE"), ["app.idle", "app.state"]);
    assert_eq!(objects(&captured, "VIEW"), ["app.open", "app.open_names"]);
    assert_eq!(captured.catalog.not_carried, ["materialized view app.sums: it rests on what is not chosen"]);
    let restored = comes_back(&database, &captured);
    assert_eq!(restored.ask("SELECT name FROM app.open_names"), "a\na");
    let notes: Vec<_> = captured.catalog.settings.iter().filter(|note| note.name.contains("clude-")).collect();
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[test]
fn all_but_some_comes_with_everything_else() {
    let database = Database::new(SHOP);
    database.run("CREATE EXTENSION hstore; SELECT lo_create(0)");
    let given = [("exclude-schema", "old"), ("exclude-table", "cust*"), ("exclude-table", "\"Odd name|(x)\"")];
    let captured = capture_some(&database, &given);
    let expect =
        ["app.lines", "app.log", "app.orders", "pg_catalog.pg_largeobject", "public.events_1", "public.events_2"];
    assert_eq!(captured.names(), expect);
    assert_eq!(objects(&captured, "EXTENSION"), ["hstore"]);
    // What a chosen table needs comes, wherever it is.
    assert_eq!(objects(&captured, "DOMAIN"), ["old.code"]);
    let mut told = captured.catalog.not_carried.clone();
    told.sort();
    assert_eq!(
        told,
        [
            "fk constraint app.orders orders_customer_fkey: it rests on what is not chosen",
            "view app.open: it rests on what is not chosen",
            "view app.open_names: it rests on what is not chosen",
        ]
    );
    comes_back(&database, &captured);
}

#[test]
fn partitions_come_with_their_table_or_alone() {
    let database = Database::new(SHOP);
    let captured = capture_some(&database, &[("include-table", "events")]);
    assert_eq!(captured.names(), ["public.events_1", "public.events_2"]);
    let restored = comes_back(&database, &captured);
    assert_eq!(restored.ask("SELECT count(*) FROM events"), "2");
    let captured = capture_some(&database, &[("include-table", "events_1")]);
    assert_eq!(captured.names(), ["public.events_1"]);
    let restored = comes_back(&database, &captured);
    assert_eq!(restored.ask("SELECT n FROM events_1"), "1");
    let captured = capture_some(&database, &[("include-schema", "public"), ("exclude-table", "events")]);
    assert_eq!(captured.names(), [""; 0]);
}

/// A table whose parent is not chosen is read; that it cannot be made alone is told, then and at restore.
#[test]
fn a_child_without_its_parent_is_told() {
    let database = Database::new(
        "CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent); INSERT INTO child VALUES (1, 2)",
    );
    let captured = capture_some(&database, &[("include-table", "child")]);
    assert_eq!(captured.cells("child"), [["1", "2"]]);
    assert!(
        captured.catalog.not_carried.iter().any(|told| told.contains("public.child")),
        "{:?}",
        captured.catalog.not_carried
    );
    let absent = Absent::new(database.cluster);
    let error = pour(&captured, &whole(&captured), &absent.location()).expect_err("it has no parent");
    check_error(&error, ErrorKind::Target, &["public.parent", "table public.child"]);
    assert!(!absent.exists());
}

/// Rights and locks are needed for what is chosen, and for nothing else.
#[test]
fn what_is_not_chosen_is_neither_locked_nor_read() {
    let database = Database::new(SHOP);
    let role = format!("some_{}", database.name);
    database.run(&format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA app TO {role}; GRANT SELECT ON app.orders, app.orders_id_seq TO {role}"
    ));
    let location = database.cluster.location_as(&role, &database.name);
    let _keeper = database.cluster.hold(&database.name, "BEGIN; LOCK TABLE app.log, app.customers, old.orders");
    let captured = try_capture_some(&location, &[("include-table", "app.orders")]).expect("captured");
    assert_eq!(captured.first("app.orders"), ["1", "2"]);
    let error = try_capture_some(&location, &[("include-schema", "app")]).err().expect("refused");
    check_error(&error, ErrorKind::Denied, &["app.customers", "GRANT SELECT"]);
    assert!(!error.message.contains("old.orders"), "{error}");
}

#[test]
fn a_pattern_for_nothing_is_refused_with_near_names() {
    let database = Database::new(SHOP);
    let refused = |given: &[(&str, &str)]| try_capture_some(&database.location(), given).err().expect("refused");
    check_error(
        &refused(&[("include-table", "app.ordes")]),
        ErrorKind::NotFound,
        &["include-table=app.ordes", "app.orders"],
    );
    check_error(
        &refused(&[("exclude-schema", "ap")]),
        ErrorKind::NotFound,
        &["exclude-schema=ap", "did you mean app?"],
    );
    check_error(
        &refused(&[("include-table", "Odd name|(x)")]),
        ErrorKind::NotFound,
        &["did you mean app.\"Odd name|(x)\"?"],
    );
    check_error(&refused(&[("include-table", "a.b.c")]), ErrorKind::Usage, &["no pattern", "app.orders"]);
}

/// Names that mean something in a regular expression mean themselves.
#[test]
fn odd_names_are_left_out_by_name() {
    let database = Database::new(
        "CREATE TABLE \"a.b\" (x int); CREATE TABLE \"a\"\"c$\" (x int); CREATE TABLE \"a|b*(\" (x int); CREATE TABLE acb (x int);
         CREATE SCHEMA \"S.[x]\"; CREATE TABLE \"S.[x]\".t (x int)",
    );
    let captured = capture_some(&database, &[("include-table", "acb")]);
    assert_eq!(captured.names(), ["public.acb"]);
    assert_eq!(objects(&captured, "TABLE"), ["public.acb"]);
    let captured = capture_some(&database, &[("include-table", "\"a.b\""), ("include-table", "\"S.[x]\".*")]);
    assert_eq!(captured.names(), ["S.[x].t", "public.a.b"]);
    comes_back(&database, &captured);
}

/// With many tables the command line of `pg_dump` stays within its bounds.
#[test]
fn many_tables_are_left_out_at_once() {
    let sql =
        "SELECT format('CREATE TABLE table_number_%s_of_many (a int)', i) FROM generate_series(1, 2500) i \\gexec";
    let database = Database::new(sql);
    let captured = capture_some(&database, &[("include-table", "table_number_7_of_many")]);
    assert_eq!(captured.names(), ["public.table_number_7_of_many"]);
    assert_eq!(objects(&captured, "TABLE").len(), 1);
}
