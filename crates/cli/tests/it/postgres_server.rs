//! Servers of PostgreSQL: some tables of a database, all databases, and the role that reads them.

use crate::world::World;
use datakeep_testkit_postgres::{Cluster, Setup};

const SHOP: &str = "CREATE SCHEMA app; CREATE TABLE app.orders (id serial PRIMARY KEY, what text); CREATE TABLE app.log (a int);
    CREATE VIEW app.last AS SELECT max(a) AS a FROM app.log; INSERT INTO app.orders (what) VALUES ('x'), ('y'); INSERT INTO app.log VALUES (1);
    CREATE TABLE other (a int)";

fn chosen<'a>(location: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["backup", location, "--source", "shop"];
    arguments.extend(options.iter().flat_map(|option| ["--database-option", option]));
    arguments
}

#[test]
fn chosen_tables_are_told_by_the_snapshot() {
    let (world, cluster) = (World::new(), Cluster::shared(15));
    let database = cluster.database("chosen");
    cluster.run(&database, SHOP);
    let location = cluster.location(&database);
    let some = ["include-schema=app", "exclude-table=app.log"];
    let said = world.run(&chosen(&location, &some)).expect(0).out_has("1 tables");
    assert!(said.err.contains("view app.last: it rests on what is not chosen"), "{}", said.err);
    let shown = world.run(&["show", "shop"]).expect(0).out_has("chosen by include-schema=app");
    shown.out_has("chosen by exclude-table=app.log").out_has("not carried: view app.last");
    let shown = world.run(&["show", "shop", "--json"]).expect(0).json();
    assert_eq!(shown["selection"]["exclude-table"], serde_json::json!(["app.log"]), "{shown}");
    assert_eq!(shown["not_carried"].as_array().map(Vec::len), Some(1), "{shown}");
    world.run(&["show", "shop", "--lang", "zh"]).expect(0).out_has("选择条件").out_has("依赖未选择的内容");
    // What is chosen may change from one snapshot to the next.
    world.run(&chosen(&location, &[])).expect(0).out_has("3 tables").out_has("2 tables new");
    let shown = world.run(&["show", "shop"]).expect(0);
    assert!(!shown.out.contains("chosen by"), "{}", shown.out);
    let said = world.run(&chosen(&location, &["include-table=app.order"])).expect(1);
    said.err_has("include-table=app.order").err_has("did you mean app.orders");
    world.run(&chosen(&location, &["include-table=a.b.c"])).expect(2).err_has("no pattern");
    world.run(&["backup", &location, "--exclude", "app.log"]).expect(2).err_has("exclude-table=PATTERN");
    let some = ["include-table=app.orders"];
    world.run(&chosen(&location, &some)).expect(0).out_has("2 removed");
    let to = cluster.location("chosen_restored");
    world.run(&["restore", "shop", "--to", &to]).expect(0).out_has("proven: 1 tables");
    assert_eq!(cluster.ask("chosen_restored", "SELECT nextval('app.orders_id_seq')"), "3");
}

#[test]
fn all_databases_are_backed_up_each_as_its_own_source() {
    let world = World::new();
    let cluster = Cluster::start(Setup::of(15));
    cluster
        .run("postgres", "CREATE ROLE idle_boss CREATEDB; CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader");
    let (one, two) = (cluster.database("one"), cluster.database("two"));
    cluster.run(&one, SHOP);
    cluster.run(&two, "CREATE TABLE t (a int); INSERT INTO t VALUES (7)");
    let location = format!("postgres:host={} user=reader", cluster.socket().display());
    let all = ["backup", location.as_str(), "--database-option", "databases=all"];
    let said = world.run(&all).expect(0).out_has("4 of 4 backed up");
    said.out_has("snapshot").out_has("globals");
    let sources: Vec<_> = world.snapshots().iter().map(|one| one["source"].as_str().unwrap().to_string()).collect();
    assert_eq!(sources, [one.as_str(), "postgres", two.as_str(), "globals"]);
    world.run(&["rows", &format!("{two}:t")]).expect(0).out_has("7");
    // Each is taken up where it was, with or without the others.
    let single = cluster.location(&two);
    world.run(&["backup", &single]).expect(0).out_has("1 unchanged");
    // What belongs to no database comes once, and back.
    let other = Cluster::start(Setup::of(15));
    let to = other.location("postgres");
    world.run(&["restore", "globals", "--to", &to]).expect(0).out_has("made the role idle_boss");
    assert_eq!(other.ask("postgres", "SELECT rolcreatedb FROM pg_roles WHERE rolname = 'idle_boss'"), "t");

    // One that cannot be read is named, and keeps nobody from the others.
    cluster.run("postgres", &format!("REVOKE CONNECT ON DATABASE \"{one}\" FROM PUBLIC"));
    let again = [&all[..], &["--source", "db1"]].concat();
    let said = world.run(&again).expect(3).out_has("3 of 4 backed up").out_has("failed");
    assert!(said.err.contains(&one) && said.err.contains("permission denied"), "{}", said.err);
    let document = world.run(&[&again[..], &["--json"]].concat()).expect(3).json();
    assert_eq!((document["type"].as_str(), document["outcome"].as_str()), (Some("backup-all"), Some("partial")));
    assert_eq!(document["databases"][0]["error"]["code"], 16, "{document}");
    assert_eq!(document["databases"][2]["source"].as_str(), Some(format!("db1-{two}").as_str()));
    cluster.run("postgres", "ALTER ROLE reader NOLOGIN");
    world.run(&all).expect(16);
}

#[test]
fn grants_are_a_script_and_what_is_missing_a_list() {
    let (world, cluster) = (World::bare(), Cluster::shared(15));
    let database = cluster.database("grants");
    cluster.run(&database, SHOP);
    let location = cluster.location(&database);
    let script = world.run(&["source", "grants", &location, "--role", "cli reader"]).expect(0);
    cluster.run(&database, &script.out);
    let own = cluster.location_as("'cli reader'", &database);
    world.run(&["source", "grants", &own, "--check"]).expect(0).out_has("may read everything");
    let narrow =
        world.run(&["source", "grants", &location, "--role", "cli_narrow", "--per-schema", "--lang", "zh"]).expect(0);
    assert!(!narrow.out.contains("pg_read_all_data"), "{}", narrow.out);
    cluster.run(&database, &narrow.out);
    let own = cluster.location_as("cli_narrow", &database);
    world.run(&["source", "grants", &own, "--check"]).expect(0).out_has("pg_authid").out_has("every table");
    cluster.run(&database, "CREATE ROLE cli_poor LOGIN");
    let poor = cluster.location_as("cli_poor", &database);
    let said = world.run(&["source", "grants", &poor, "--check"]).expect(16);
    said.out_has("missing: USAGE on schema app").out_has("SELECT on table app.orders").out_has("GRANT SELECT ON");
    let said = world.run(&["source", "grants", &poor, "--check", "--json"]).expect(16).json();
    assert_eq!((&said["type"], &said["missing"][0]["needed"]), (&"rights".into(), &true.into()), "{said}");
    let said = world.run(&["source", "grants", &location, "--json"]).expect(0).json();
    assert!(said["statements"][0]["sql"].as_str().unwrap().starts_with("CREATE ROLE"), "{said}");
    world.run(&["source", "grants", "/srv/files"]).expect(2).err_has("is no database");
    world.run(&["source", "grants", "sqlite:/srv/a.db"]).expect(2).err_has("no roles");
}

#[test]
fn what_holds_a_server_back_is_warned_of() {
    let world = World::new();
    let cluster = Cluster::start(Setup::of(15));
    let database = cluster.database("old");
    cluster.run(&database, "CREATE TABLE t (a int)");
    let _held = cluster.hold(&database, "BEGIN; INSERT INTO t VALUES (1)");
    cluster.run(&database, "SELECT format('INSERT INTO t VALUES (%s)', i) FROM generate_series(1, 40) i \\gexec");
    let location = cluster.location(&database);
    let said = world.run(&["backup", &location, "--database-option", "warn-xmin-age=20"]).expect(0);
    said.err_has("transactions old");
    let said = world.run(&["backup", &location, "--database-option", "warn-xmin-age=20", "--lang", "zh"]).expect(0);
    said.err_has("个事务");
    assert_eq!(world.run(&["backup", &location]).expect(0).err, "");
    world
        .run(&["backup", &location, "--database-option", "warn-xmin-age=soon"])
        .expect(2)
        .err_has("number of transactions");
}
