//! PostgreSQL databases through the program.

use crate::world::World;
use datakeep_testkit_postgres::{Cluster, Setup};
use std::fs;

const SHOP: &str = "
    CREATE SCHEMA app;
    CREATE TYPE app.state AS ENUM ('open', 'paid', 'gone');
    CREATE TABLE app.customers (id uuid PRIMARY KEY, name text NOT NULL UNIQUE, since date);
    CREATE TABLE app.orders (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer uuid REFERENCES app.customers, price numeric(12,2),
        state app.state, note text, at timestamptz, raw bytea, doubled numeric GENERATED ALWAYS AS (price * 2) STORED);
    CREATE TABLE app.words (word text COLLATE \"C\" PRIMARY KEY, n smallint);
    CREATE TABLE orders (id int PRIMARY KEY, what text);
    CREATE INDEX by_state ON app.orders (state) WHERE note IS NOT NULL;
    CREATE VIEW app.open_orders AS SELECT * FROM app.orders WHERE state = 'open';
    CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'touched'; RETURN NEW; END $$;
    INSERT INTO app.customers VALUES ('6f9619ff-8b86-d011-b42d-00c04fc964ff', 'a', '2026-01-31'),
        ('00000000-0000-0000-0000-000000000001', '北京', NULL);
    INSERT INTO app.orders (customer, price, state, note, at, raw)
        SELECT '6f9619ff-8b86-d011-b42d-00c04fc964ff', i * 0.5, (ARRAY['open', 'paid', 'gone'])[1 + i % 3]::app.state,
            CASE WHEN i % 4 = 0 THEN NULL ELSE 'note ' || i END, timestamptz '2026-01-01 00:00:00Z' + i * interval '1 minute',
            decode(lpad(to_hex(i), 8, '0'), 'hex')
        FROM generate_series(1, 4000) AS i;
    CREATE TRIGGER touched BEFORE UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();
    INSERT INTO app.words VALUES ('b', 2), ('a', 1), ('B', 3);
    INSERT INTO orders VALUES (1, 'another table of the name');";

/// A repository, a database, and where that is.
fn shop(name: &str) -> (World, &'static Cluster, String) {
    let cluster = Cluster::shared(15);
    let database = cluster.database(name);
    cluster.run(&database, SHOP);
    (World::new(), cluster, database)
}

const WITHOUT_TRIGGERS: &str = "SET session_replication_role = replica; ";

#[test]
fn a_database_is_captured_compared_undone_and_put_back() {
    let (world, cluster, database) = shop("cli");
    let location = cluster.location(&database);
    world.run(&["backup", &location, "--source", "shop", "--dry-run"]).expect(0).out_has("app.orders");
    let first = world.run(&["backup", &location, "--source", "shop", "--json"]).expect(0).json();
    assert_eq!((first["items_new"].as_u64(), first["outcome"].as_str()), (Some(4), Some("complete")), "{first}");
    let again = world.run(&["backup", &location, "--source", "shop", "--json"]).expect(0).json();
    assert_eq!((again["items_unchanged"].as_u64(), again["new_bytes"].as_u64()), (Some(4), Some(0)), "{again}");

    let change = "UPDATE app.orders SET price = 7.25, note = 'it''s' WHERE id % 1000 = 0; DELETE FROM app.orders WHERE id = 7;
        UPDATE app.customers SET name = CASE name WHEN 'a' THEN 'b' ELSE 'a' END; INSERT INTO app.words VALUES ('c', NULL);";
    cluster.run(&database, &format!("{WITHOUT_TRIGGERS}{change}"));
    world.run(&["backup", &location, "--source", "shop"]).expect(0).out_has("3 changed");
    world.run(&["show", "shop"]).expect(0).out_has("0 inserted, 4 updated, 1 deleted");
    world.run(&["ls", "shop"]).expect(0).out_has("app.orders").out_has("public.orders");
    world.run(&["ls", "shop:app.orders"]).expect(0).out_has("price");
    world.run(&["diff", "shop", "--stat"]).expect(0).out_has("app.words");
    let diff = world.run(&["diff", "shop", "--json"]).expect(0).lines();
    assert!(diff.iter().any(|line| line["table"] == "orders" && line["change"] == "updated"), "{diff:?}");

    let rows = world.run(&["rows", "shop:app.orders", "--key", "1000", "--history"]).expect(0);
    rows.out_has("7.25");
    world.run(&["rows", "shop:app.customers", "--key", "6f9619ff-8b86-d011-b42d-00c04fc964ff"]).expect(0).out_has("b");
    world.run(&["rows", "shop:app.customers", "--key", "6f96"]).expect(2).err_has("UUID");
    world.run(&["rows", "shop:app.words", "--key", "B"]).expect(0).out_has("3");
    world.run(&["diff", "shop:orders"]).expect(2).err_has("app.orders").err_has("public.orders");

    // There and back again by statements, twice: a script that does not fit changes nothing.
    let undo = world.run(&["diff", "shop", "--undo"]).expect(0).out;
    cluster.run(&database, &undo);
    let state = "SELECT count(*) || ' ' || sum(price) || ' ' || count(note) FROM app.orders";
    let before = cluster.ask(&database, state);
    let refused = cluster.try_run(&database, &undo).expect_err("it is not in that state any more");
    assert!(
        refused.contains("nothing was changed") || refused.contains("aborted") || refused.contains("duplicate"),
        "{refused}"
    );
    assert_eq!(cluster.ask(&database, state), before);
    let undone = world.run(&["backup", &location, "--source", "shop", "--json"]).expect(0).json();
    let root = |document: &serde_json::Value, table: usize| document["tables"][table]["content_root"].clone();
    for table in 0..4 {
        assert_eq!(root(&undone, table), root(&first, table), "table {table} is as it was");
    }

    let to = cluster.location("cli_restored");
    world.run(&["restore", "shop", "--to", &to, "--dry-run"]).expect(0).out_has("app.orders");
    let restored = world.run(&["restore", "shop", "--to", &to, "--json"]).expect(0).json();
    assert_eq!(restored["proof"].as_str(), Some("proven"), "{restored}");
    assert_eq!(cluster.ask("cli_restored", state), before);
    world.run(&["restore", "shop", "--to", &to]).expect(1).err_has("hint");
    let beside = ["restore", "shop:app.orders", "--to", &location, "--into-table", "orders_before"];
    world.run(&beside).expect(0).out_has("proven");
    cluster.run(&database, &format!("{WITHOUT_TRIGGERS} DELETE FROM app.orders WHERE id = 3"));
    world.run(&["restore", "shop:app.orders", "--key", "3", "--to", &location, "--merge"]).expect(0);
    assert_eq!(cluster.ask(&database, "SELECT count(*) FROM app.orders WHERE id = 3"), "1");
    // Rows that were merged stand among others: nothing is said to be proven.
    cluster.run(&database, &format!("{WITHOUT_TRIGGERS} DELETE FROM app.orders WHERE id = 3"));
    let merged = world.run(&["restore", "shop:app.orders", "--to", &location, "--merge", "--json"]).expect(0).json();
    assert_eq!((&merged["proof"], &merged["proven_tables"]), (&"none".into(), &0.into()), "{merged}");
    assert_eq!(cluster.ask(&database, "SELECT count(*) FROM app.orders WHERE id = 3"), "1");
}

#[test]
fn what_is_wrong_with_a_location_is_said() {
    let world = World::new();
    let cluster = Cluster::start(Setup::of(15).tcp().hba("host all all 127.0.0.1/32 scram-sha-256"));
    cluster.run(
        "postgres",
        "CREATE ROLE reader LOGIN PASSWORD 'sesame'; CREATE TABLE t (a int); INSERT INTO t VALUES (1)",
    );
    let port = cluster.port();
    let location = format!("postgres://reader@127.0.0.1:{port}/postgres");
    let secret = format!("postgres://reader:sesame@127.0.0.1:{port}/postgres");
    let said = world.run(&["backup", &secret]).expect(2).err_has("password-file");
    assert!(!said.err.contains("sesame"), "{}", said.err);
    fs::write(world.path("tree/a"), "x").unwrap();
    world.backup().expect(0);
    let said = world.run(&["restore", "tree", "--to", &secret]).expect(2);
    assert!(!said.err.contains("sesame"), "{}", said.err);
    world.run(&["backup", &location, "--database-option", "password=sesame"]).expect(2).err_has("password-file");
    world.run(&["backup", &location, "--lang", "zh"]).expect(16);
    world.run_with(&[("PGPASSWORD", "wrong")], &["backup", &location]).expect(16).err_has("check the user");
    let denied = world.run_with(&[("PGPASSWORD", "sesame")], &["backup", &location]).expect(16);
    denied.err_has("GRANT SELECT").err_has("public.t");
    cluster.run("postgres", "GRANT pg_read_all_data TO reader");
    world.run_with(&[("PGPASSWORD", "sesame")], &["backup", &location, "--source", "a"]).expect(0);
    let file = world.path("password");
    fs::write(&file, "sesame\n").unwrap();
    let option = format!("password-file={}", file.display());
    world.run(&["backup", &location, "--source", "a", "--database-option", &option]).expect(0);
    fs::create_dir_all(world.path("home")).unwrap();
    let own = world.path("home/.pgpass");
    fs::write(&own, format!("127.0.0.1:{port}:*:reader:sesame\n")).unwrap();
    world.run(&["backup", &location, "--source", "a"]).expect(2).err_has("chmod 600");
    fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    world.run(&["backup", &location, "--source", "a"]).expect(0);
    world.run(&["backup", "postgres://reader@127.0.0.1:1/postgres"]).expect(13).err_has("no server listens");
    world.run(&["backup", &format!("postgres://reader@127.0.0.1:{port}/nowhere")]).expect(1).err_has("nowhere");
    world.run(&["backup", &format!("{location}?sslmode=require")]).expect(13).err_has("TLS");
    world.run(&["backup", &format!("{location}?sslmod=require")]).expect(2).err_has("sslmod");
    world.run(&["backup", "postgres:nonsense"]).expect(2).err_has("postgres://USER@HOST");
}
