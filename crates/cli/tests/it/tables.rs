//! SQLite databases through the program.

use crate::world::{Said, World};
use datakeep_source_sqlite::run_script;
use serde_json::Value;
use std::fs;

const SHOP: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id), price NUMERIC, note);
    CREATE INDEX by_customer ON orders (customer);
    CREATE VIEW open_orders AS SELECT * FROM orders WHERE note = 'open';
    CREATE TABLE \"odd name\" (k TEXT, v BLOB, PRIMARY KEY (k, v)) WITHOUT ROWID;
    INSERT INTO customers VALUES (1, 'a'), (2, '北京');
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      INSERT INTO orders SELECT i, 1 + i % 2, i * 0.5, CASE i % 3 WHEN 0 THEN 'open' WHEN 1 THEN NULL ELSE x'00ff' END FROM n;
    INSERT INTO \"odd name\" VALUES ('x', x'01'), ('x', 'text'), ('y', 3), ('y', 2.5);";

/// A repository, and a database.
fn shop() -> (World, String) {
    let world = World::new();
    run_script(&world.path("shop.db"), SHOP).unwrap();
    let location = format!("sqlite:{}", world.text("shop.db"));
    (world, location)
}

fn change(world: &World, statements: &str) {
    run_script(&world.path("shop.db"), statements).unwrap();
}

fn proof(said: &Said) -> (String, u64) {
    let document = said.json();
    (document["proof"].as_str().unwrap().to_string(), document["proven_rows"].as_u64().unwrap())
}

#[test]
fn a_database_is_captured_looked_at_and_put_back() {
    let (world, location) = shop();
    world.run(&["backup", &location, "--dry-run"]).expect(0).out_has("main.orders").out_has("nothing was written");
    let first = world.run(&["backup", &location, "--json"]).expect(0).json();
    assert_eq!(first["tables"][0]["table"].as_str(), Some("customers"), "{first}");
    assert_eq!((first["items_new"].as_u64(), first["tables"].as_array().unwrap().len()), (Some(3), 3));

    let again = world.run(&["backup", &location, "--json"]).expect(0).json();
    assert_eq!((again["items_unchanged"].as_u64(), again["new_bytes"].as_u64()), (Some(3), Some(0)), "{again}");
    assert!(again["stored_bytes"].as_u64().unwrap() <= 4096, "{again}");

    change(&world, "UPDATE orders SET price = 0 WHERE id % 500 = 0; DELETE FROM orders WHERE id = 7;");
    world.run(&["backup", &location]).expect(0).out_has("3 tables, 5005 rows: 0 tables new, 1 changed, 2 unchanged");
    world.run(&["show", "shop"]).expect(0).out_has("0 inserted, 10 updated, 1 deleted").out_has("3 tables");
    let shown = world.run(&["show", "shop", "--json"]).expect(0).json();
    assert_eq!(shown["mark"]["kind"].as_str(), Some("position"), "{shown}");
    assert_eq!(shown["tables"][2]["rows_updated"].as_u64(), Some(10));
    world.run(&["ls", "shop"]).expect(0).out_has("main.odd name").out_has("main.orders");
    world.run(&["ls", "shop:main.orders"]).expect(0).out_has("price").out_has("of other types");
    let listed = world.run(&["ls", "shop", "--json"]).expect(0).lines();
    assert_eq!((listed.len(), listed[2]["rows"].as_u64(), listed[3]["items"].as_u64()), (4, Some(4999), Some(3)));

    let to = format!("sqlite:{}", world.text("back.db"));
    world.run(&["restore", "shop", "--to", &to, "--dry-run"]).expect(0).out_has("main.orders");
    assert!(!world.path("back.db").exists());
    let back = world.run(&["restore", "shop", "--to", &to, "--json"]).expect(0);
    assert_eq!(proof(&back), ("proven".to_string(), 5005), "{}", back.out);
    // What came back is what was captured: captured again it has the same content.
    let same = world.run(&["backup", &to, "--json"]).expect(0).json();
    let roots = |document: &Value| {
        let tables = document["tables"].as_array().unwrap().iter();
        tables.map(|table| table["content_root"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    let original = world.run(&["backup", &location, "--json"]).expect(0).json();
    assert_eq!(roots(&same), roots(&original));
    world.run(&["check", "--read-data"]).expect(0);
}

#[test]
fn one_table_goes_into_a_database_that_stands() {
    let (world, location) = shop();
    world.run(&["backup", &location]).expect(0);
    change(
        &world,
        "UPDATE orders SET price = -1; DELETE FROM orders WHERE id > 100; INSERT INTO orders (id) VALUES (9000);",
    );
    let id = world.snapshots()[0]["id"].as_str().unwrap().to_string();
    let place = format!("{id}:orders");
    let refused = world.run(&["restore", &place, "--to", &location]).expect(1);
    refused.err_has("holds table main.orders already").err_has("--into-table");
    world.run(&["restore", &place, "--to", &location, "--into-table", "orders_before"]).expect(0).out_has("proven");
    world.run(&["restore", &place, "--to", &location, "--merge"]).expect(0);
    world.run(&["backup", &location]).expect(0);
    let listed = world.run(&["ls", "shop", "--json"]).expect(0).lines();
    let rows =
        |name: &str| listed.iter().find(|table| table["table"] == name).map(|table| table["rows"].as_u64().unwrap());
    assert_eq!((rows("orders"), rows("orders_before")), (Some(5001), Some(5000)), "merged rows stand beside new ones");
    let replaced = world.run(&["restore", &place, "--to", &location, "--overwrite", "always", "--json"]).expect(0);
    assert_eq!(proof(&replaced), ("proven".to_string(), 5000));
}

#[test]
fn what_cannot_be_is_said() {
    let (world, location) = shop();
    world.run(&["backup", &location]).expect(0);
    fs::write(world.path("text.db"), "this is no database, but it is long enough to look at").unwrap();
    let at = |name: &str| format!("sqlite:{}", world.text(name));
    world.run(&["backup", &at("text.db")]).expect(13).err_has("no SQLite database");
    world.run(&["backup", &at("missing.db")]).err_has("missing.db");
    world.run(&["backup", &location, &at("text.db")]).expect(2).err_has("a source by itself");
    world.run(&["ls", "shop:order"]).expect(1).err_has("did you mean orders?");
    world.run(&["restore", "shop", "--to", &location]).expect(1).err_has("a database already");
    world.run(&["restore", "shop", "--to", &world.text("out")]).expect(1).err_has("sqlite:");
    world.run(&["restore", "shop:orders", "--to", &at("x.db"), "--include", "a"]).expect(2).err_has("for files");
    world.run(&["restore", "shop:orders", "--to", &at("x.db"), "--overwrite", "newer"]).expect(2).err_has("--merge");
    world.run(&["restore", "shop:orders", "--to", &at("x.db"), "--merge"]).expect(1).err_has("does not exist");
    world.run(&["cat", "shop:orders"]).expect(2).err_has("holds tables");
    world.run(&["find", "*"]).expect(0).err_has("nothing matches");
    world.run(&["find", "*", "--snapshot", "shop"]).expect(2).err_has("holds tables");
    world.run(&["restore", "shop:nowhere", "--to", &at("x.db")]).expect(1).err_has("nowhere");
    assert!(!world.path("x.db").exists() && !world.path("out").exists());
    let said = world.run_with(&[("LANG", "zh_CN.UTF-8")], &["cat", "shop:orders"]);
    said.expect(2).err_has("保存的是表");
}
