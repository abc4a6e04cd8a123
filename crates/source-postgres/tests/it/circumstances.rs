//! Restores under circumstances: other encodings, no superuser, what the target has not got, functions that need a path.

use crate::common::{Database, MAJOR, check_error, try_capture};
use crate::pouring::{Absent, assert_restored, pour, rows, whole};
use datakeep_connector::TableName;
use datakeep_model::ErrorKind;
use datakeep_testkit_postgres::{Cluster, Setup};

fn name(schema: &str, table: &str) -> TableName {
    TableName { schema: schema.to_owned(), table: table.to_owned() }
}

/// A function in an index that names a table without its schema works on the path of its database, and on no other.
#[test]
fn functions_that_need_a_path_get_it() {
    let database = Database::new(
        "CREATE TABLE rates (code text PRIMARY KEY, rate numeric); INSERT INTO rates VALUES ('a', 2); \
         CREATE FUNCTION rate(text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT rate FROM rates WHERE code = $1); END $$; \
         CREATE TABLE sales (code text, n int); INSERT INTO sales VALUES ('a', 1); CREATE INDEX by_rate ON sales (rate(code)); \
         CREATE MATERIALIZED VIEW worth AS SELECT n * rate(code) AS worth FROM sales",
    );
    let captured = database.capture();
    let absent = Absent::new(database.cluster);
    let told = pour(&captured, &whole(&captured), &absent.location()).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    assert!(
        told.verified.iter().any(|what| what.contains("index public.by_rate") && what.contains("search path")),
        "{told:?}"
    );
    let restored = absent.found();
    assert_eq!(restored.ask("SELECT worth FROM worth"), "2");
    assert_restored(&database, &captured, &restored);
}

/// Columns that a parent gets later stand behind those of its children; made anew they stand before them.
#[test]
fn children_come_back_in_whatever_order_their_columns_are() {
    let database = Database::new(
        "CREATE TABLE parent (a int); CREATE TABLE child (b int, k int PRIMARY KEY) INHERITS (parent); ALTER TABLE parent ADD COLUMN c text; \
         INSERT INTO child (a, b, c, k) SELECT i, -i, 'c' || i, i FROM generate_series(1, 9) i",
    );
    let captured = database.capture();
    let absent = Absent::new(database.cluster);
    let told = pour(&captured, &whole(&captured), &absent.location()).expect("restored and proven");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    let sql = "SELECT a, b, c, k FROM child ORDER BY k";
    assert_eq!(absent.found().ask(sql), database.ask(sql));
}

#[test]
fn a_database_of_another_encoding_comes_back_in_its_own() {
    let cluster = Cluster::start(Setup::of(MAJOR).encoding("LATIN1"));
    let database = cluster.database("latin");
    cluster.run(&database, "SET client_encoding = 'UTF8'; CREATE TABLE \"größe\" (k text PRIMARY KEY, v text DEFAULT 'ß'); INSERT INTO \"größe\" VALUES ('é', 'ü'), ('z', DEFAULT)");
    let captured = try_capture(&cluster.location(&database)).expect("captured");
    let told = pour(&captured, &whole(&captured), &cluster.location("again")).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    assert_eq!(cluster.ask("again", "SHOW server_encoding"), "LATIN1");
    let again = try_capture(&cluster.location("again")).expect("captured");
    let table = name("public", "größe");
    assert_eq!(rows(&again, &table), rows(&captured, &table));
    // Into an encoding that has all of it, and into one that has not.
    let wide = Database::new("");
    assert_eq!(pour(&captured, &whole(&captured), &wide.location()).expect("restored").losses, [""; 0]);
    assert_eq!(rows(&wide.capture(), &table), rows(&captured, &table));
    let euro = Database::new("CREATE TABLE t (a text); INSERT INTO t VALUES ('€ secret')");
    let captured = euro.capture();
    let narrow = cluster.database("narrow");
    let error = pour(&captured, &whole(&captured), &cluster.location(&narrow)).expect_err("it has no euro");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    assert_eq!(
        (error.kind, cluster.ask(&narrow, "SELECT count(*) FROM pg_class WHERE relname = 't'").as_str()),
        (ErrorKind::Target, "0")
    );
}

#[test]
fn bytes_of_no_encoding_come_back() {
    let cluster = Cluster::start(Setup::of(MAJOR).encoding("SQL_ASCII"));
    let database = cluster.database("bytes");
    cluster.run(&database, "SET client_encoding = 'SQL_ASCII'; CREATE TABLE t (k text PRIMARY KEY, v varchar, a text[], b bytea); INSERT INTO t VALUES \
        (E'\\xff\\xfe', E'\\xe9', ARRAY[E'\\xc3'], '\\xff'), ('plain', NULL, '{}', '')");
    let captured = try_capture(&cluster.location(&database)).expect("captured");
    let told = pour(&captured, &whole(&captured), &cluster.location("again")).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    let again = try_capture(&cluster.location("again")).expect("captured");
    assert_eq!(rows(&again, &name("public", "t")), rows(&captured, &name("public", "t")));
}

/// Who is no superuser restores what is his, and is told what is not.
#[test]
fn a_role_that_may_only_make_databases_restores_them() {
    let database = Database::new(
        "CREATE ROLE plain_owner; CREATE ROLE plain_maker LOGIN CREATEDB; CREATE TABLE t (id serial PRIMARY KEY, v text); INSERT INTO t (v) \
         VALUES ('a'), ('b'); CREATE TABLE u (t int REFERENCES t); INSERT INTO u VALUES (1); ALTER TABLE u OWNER TO plain_owner; GRANT SELECT \
         ON t TO plain_owner",
    );
    let captured = database.capture();
    let absent = Absent::new(database.cluster);
    let location = database.cluster.location_as("plain_maker", &absent.name);
    let told = pour(&captured, &whole(&captured), &location).expect("restored");
    assert!(told.losses.iter().any(|loss| loss.contains("owner public.u")), "{told:?}");
    let restored = absent.found();
    let again = restored.capture();
    for table in ["t", "u"] {
        assert_eq!(rows(&again, &name("public", table)), rows(&captured, &name("public", table)));
    }
    assert_eq!(restored.ask("SELECT relowner::regrole FROM pg_class WHERE relname = 'u'"), "plain_maker");
    assert_eq!(restored.ask("SELECT has_table_privilege('plain_owner', 't', 'SELECT')"), "t");
}

#[test]
fn a_tablespace_and_an_owner_that_are_not_there_are_losses() {
    let cluster = Cluster::start(Setup::of(MAJOR));
    let made = "CREATE ROLE gone_owner;\nSET allow_in_place_tablespaces = on;\nCREATE TABLESPACE fast LOCATION ''";
    cluster.run("postgres", made);
    let database = cluster.database("spaced");
    cluster.run(
        &database,
        "CREATE TABLE t (a int PRIMARY KEY USING INDEX TABLESPACE fast) TABLESPACE fast; INSERT INTO t VALUES (1); \
        ALTER TABLE t OWNER TO gone_owner; CREATE INDEX i ON t (a) TABLESPACE fast",
    );
    let mut captured = try_capture(&cluster.location(&database)).expect("captured");
    let told = pour(&captured, &whole(&captured), &cluster.location("same")).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    let spaces = "SELECT relname, spcname FROM pg_class c JOIN pg_tablespace s ON s.oid = reltablespace WHERE relname IN ('t', 'i', 't_pkey') ORDER BY 1";
    assert_eq!(cluster.ask("same", spaces), "i|fast\nt|fast\nt_pkey|fast");
    captured.catalog.objects.retain(|object| object.kind != "ROLE");
    let other = Database::new("");
    let told = pour(&captured, &whole(&captured), &other.location()).expect("restored");
    let all = told.losses.join("; ");
    assert!(
        all.contains("no role gone_owner") && all.contains("table public.t") && all.contains("index public.i"),
        "{all}"
    );
    assert_eq!(rows(&other.capture(), &name("public", "t")), rows(&captured, &name("public", "t")));
}

/// A transaction has room for so many locks, and a new database is not made in one.
#[test]
fn many_tables_need_not_many_locks() {
    let sql = "SELECT format('CREATE TABLE t%s (a int PRIMARY KEY, b text UNIQUE)', i) FROM generate_series(1, 700) i \\gexec";
    let database = Database::new(sql);
    let captured = database.capture();
    let small = Cluster::start(Setup::of(MAJOR).set("max_locks_per_transaction", "10").set("max_connections", "20"));
    let told = pour(&captured, &whole(&captured), &small.location("many")).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    assert_eq!(
        small.ask("many", "SELECT count(*) FROM pg_index WHERE indrelid >= 16384 AND indrelid::regclass::text ~ '^t'"),
        "1400"
    );
    let empty = small.database("empty");
    let error = pour(&captured, &whole(&captured), &small.location(&empty)).expect_err("too many for one transaction");
    check_error(&error, ErrorKind::Target, &["max_locks_per_transaction"]);
    assert_eq!(small.ask(&empty, "SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]'"), "0");
}

/// Rows that people added to tables of an extension come back into those that the extension made.
#[test]
fn what_was_added_to_tables_of_extensions_comes_back() {
    let made = "CREATE EXTENSION hstore; CREATE TABLE kinds (k int PRIMARY KEY, of int, note text); CREATE TABLE items (k int REFERENCES \
                kinds, n text); INSERT INTO kinds VALUES (1, 0, 'of the extension'); ALTER EXTENSION hstore ADD TABLE kinds; ALTER EXTENSION \
                hstore ADD TABLE items; UPDATE pg_extension SET extconfig = ARRAY['kinds'::regclass, 'items'::regclass], extcondition = \
                ARRAY['WHERE k > 100', ''] WHERE extname = 'hstore';";
    let added =
        "INSERT INTO kinds VALUES (101, 1, 'added'), (102, 1, NULL); INSERT INTO items VALUES (1, 'a'), (102, 'b');";
    let database = Database::new(&format!("{made}{added} CREATE TABLE t (a hstore); INSERT INTO t VALUES ('a=>1')"));
    let captured = database.capture();
    assert_eq!(captured.cells("kinds").len(), 2, "the extension's own row is not captured");
    let made_alike = Database::new(made);
    let told = pour(&captured, &whole(&captured), &made_alike.location()).expect("restored");
    assert_eq!(told.losses, [""; 0], "{told:?}");
    for sql in ["SELECT * FROM kinds ORDER BY 1", "SELECT * FROM items ORDER BY 1", "SELECT * FROM t"] {
        assert_eq!(made_alike.ask(sql), database.ask(sql), "{sql}");
    }
    assert_eq!(made_alike.ask("SHOW session_replication_role"), "origin");
}
