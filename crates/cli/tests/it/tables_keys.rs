//! One row by its key, however the key and the table are.

use crate::tables_diff::Database;

#[test]
fn a_history_goes_on_where_the_table_had_another_key() {
    let create = "CREATE TABLE t(k INT, j INT, v, PRIMARY KEY(k, j)) WITHOUT ROWID; INSERT INTO t VALUES (1,1,'a')";
    let first = "CREATE TABLE t(k INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1,'a')";
    let database = Database::changed(first, &format!("DROP TABLE t; {create}"));
    for changes in [
        "INSERT INTO t VALUES (2,2,'b')",
        "DROP TABLE t; CREATE TABLE t(rowid, _rowid_, oid)",
        &format!("DROP TABLE t; {first}; UPDATE t SET v = 'b'"),
    ] {
        database.sql(changes);
        database.backup();
    }
    let run = |options: &[&str]| {
        database.world.run(&[&["rows", "app:t", "--key", "1", "--history"], options].concat()).expect(0)
    };
    run(&[]).out_has("the table has another key here: k, j").out_has("have no key here").out_has("v: 'a' -> 'b'");
    run(&[]).out_has("2 versions in 5 snapshots");
    let lines = run(&["--json"]).lines();
    let changes: Vec<&str> = lines.iter().filter_map(|line| line["change"].as_str()).collect();
    assert_eq!(changes, ["inserted", "other-key", "other-key", "updated"]);
    assert_eq!(lines[1]["key"], serde_json::json!(["k", "j"]));
    assert_eq!(lines[2]["key"], serde_json::json!([]));
    let said = database.world.run(&["--lang", "zh", "rows", "app:t", "--key", "1", "--history"]).expect(0);
    said.out_has("此处该表使用另一个键：k, j").out_has("此处该表的行没有键");
}

#[test]
fn a_key_finds_whatever_number_equals_it() {
    let many = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 160) INSERT INTO";
    let first = format!(
        "CREATE TABLE r(k NUMERIC, v, PRIMARY KEY(k)) WITHOUT ROWID;
        {many} r SELECT i + 0.5, 1 FROM n; INSERT INTO r VALUES (1,'one'),(-2.0,'two');
        CREATE TABLE z(k BLOB, v, PRIMARY KEY(k)) WITHOUT ROWID;
        {many} z SELECT i + 0.5, 1 FROM n; INSERT INTO z VALUES (-0.0,'zero'),(3,'three'),(9007199254740993,'big');
        CREATE TABLE i(k BLOB, v, PRIMARY KEY(k)) WITHOUT ROWID;
        {many} i SELECT i, 1 FROM n; INSERT INTO i VALUES (1.5,'half'),(2.0,'two'),('3','text'),(9e999,'end');
        CREATE TABLE x(k BLOB, v, PRIMARY KEY(k)) WITHOUT ROWID;
        {many} x SELECT 't' || i, 1 FROM n; INSERT INTO x VALUES (7,'seven'),('8','text'),(8,'eight');"
    );
    let database = Database::changed(&first, "CREATE TABLE more(a)");
    let finds = |table: &str, key: &str, value: &str| {
        let place = format!("app:{table}");
        database.world.run(&["rows", &place, "--key", key]).expect(0).out_has(&format!("'{value}'"));
        database.world.run(&["rows", &place, "--key", key, "--history"]).expect(0).out_has(&format!("'{value}'"));
    };
    for (table, key, value) in [
        ("r", "1", "one"),
        ("r", "1.0", "one"),
        ("r", "-2", "two"),
        ("z", "0", "zero"),
        ("z", "0.0", "zero"),
        ("z", "-0.0", "zero"),
        ("z", "3", "three"),
        ("z", "9007199254740993", "big"),
        ("i", "1.5", "half"),
        ("i", "2", "two"),
        ("i", "2.0", "two"),
        ("i", "'3'", "text"),
        ("i", "Infinity", "end"),
        ("x", "7", "seven"),
        ("x", "8", "text"),
    ] {
        finds(table, key, value);
    }
    for (table, key) in [("i", "3"), ("z", "9007199254740992"), ("r", "100"), ("x", "'7'")] {
        database.world.run(&["rows", &format!("app:{table}"), "--key", key]).expect(1);
    }
    database.world.run(&["rows", "app:i", "--key", "nan"]).expect(2).err_has("takes an integer");
}

#[test]
fn the_older_snapshot_comes_first_in_the_help() {
    let world = crate::world::World::new();
    for lang in ["en", "zh"] {
        let help = world.run(&["--lang", lang, "diff", "--help"]).expect(0).out;
        let places: Vec<usize> = ["\n  [OLD[:PATH]]", "\n  [NEW[:PATH]]"].map(|name| help.find(name).unwrap()).to_vec();
        assert!(places.is_sorted(), "{help}");
        assert!(help.contains("[OLD[:PATH]] [NEW[:PATH]]"), "{help}");
    }
}
