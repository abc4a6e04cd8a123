//! Queries through the program.

use crate::world::World;
use datakeep_source_sqlite::run_script;
use std::fs;
use std::process::Stdio;

const SHOP: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, price REAL, note);
    INSERT INTO customers VALUES (1, 'a'), (2, '北京');
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      INSERT INTO orders SELECT i, 1 + i % 2, i * 0.5, CASE i % 3 WHEN 0 THEN 'open' WHEN 1 THEN NULL ELSE x'00ff' END FROM n;";

/// A repository with two snapshots of a database.
fn shop() -> World {
    let world = World::new();
    run_script(&world.path("shop.db"), SHOP).unwrap();
    let location = format!("sqlite:{}", world.text("shop.db"));
    world.run(&["backup", &location]).expect(0);
    run_script(&world.path("shop.db"), "DELETE FROM orders WHERE id > 4000; UPDATE orders SET price = 0 WHERE id = 7;")
        .unwrap();
    world.run(&["backup", &location]).expect(0);
    world
}

#[test]
fn questions_are_answered_in_many_forms() {
    let world = shop();
    let said = world.run(&[
        "sql",
        "SELECT c.name, count(*) AS n FROM orders o JOIN customers c ON c.id = o.customer GROUP BY 1 ORDER BY 1",
    ]);
    said.expect(0).out_has("name     n").out_has("a     2000").out_has("北京  2000").err_has("2 rows");
    let csv =
        world.run(&["sql", "--format", "csv", "SELECT id, note, price FROM orders WHERE id < 4 ORDER BY id"]).expect(0);
    assert_eq!(csv.out, "id,note,price\n1,,0.5\n2,x'00ff',1.0\n3,open,1.5\n");
    let json =
        world.run(&["sql", "--format", "json", "SELECT id, note FROM orders WHERE id IN (1, 3) ORDER BY id"]).expect(0);
    assert_eq!(json.out, "{\"id\":1,\"note\":null}\n{\"id\":3,\"note\":\"open\"}\n");
    let documents = world.run(&["sql", "--json", "SELECT id, price FROM orders WHERE id = 7"]).expect(0).lines();
    assert_eq!(documents[0]["row"][1]["value"], 0.0);
    assert_eq!((documents[1]["rows"].as_u64(), documents[1]["columns"][0]["type"].as_str()), (Some(1), Some("Int64")));
    let empty = world.run(&["sql", "--format", "csv", "SELECT id FROM orders WHERE id < 0"]).expect(0);
    assert_eq!(empty.out, "id\n");
    world.run(&["sql", "SELECT id FROM orders", "--max-rows", "3"]).expect(0).err_has("there are more");
    let several =
        world.run_fed(b"SELECT 1 AS one; SET datakeep.as_of = '2020-01-01'; SELECT 2 AS two;", &["sql"]).expect(0);
    several.out_has("one").out_has("two");
    let id = world.snapshots()[0]["id"].as_str().unwrap().to_string();
    let was = format!("SELECT count(*) AS n FROM \"{id}\".orders");
    assert_eq!(world.run(&["sql", "--format", "csv", &was]).expect(0).out, "n\n5000\n");
    let of = world.run(&["sql", "--format", "csv", "--snapshot", &id, "SELECT count(*) AS n FROM orders"]).expect(0);
    assert_eq!(of.out, "n\n5000\n");
}

#[test]
fn files_of_answers_are_whole_and_can_be_asked_again() {
    let world = shop();
    fs::create_dir(world.path("tree/exports")).unwrap();
    for (format, end) in [("parquet", "parquet"), ("csv", "csv"), ("json", "jsonl")] {
        let to = world.text(&format!("tree/exports/orders.{end}"));
        world.run(&["sql", "--format", format, "--output", &to, "SELECT id, customer, price FROM orders"]).expect(0);
        world.run(&["sql", "--format", format, "--output", &to, "SELECT 1"]).expect(1).err_has("is there already");
    }
    // What somebody else has under the other name stays.
    fs::write(world.path("mine.csv.part"), "mine").unwrap();
    world.run(&["sql", "--format", "csv", "--output", &world.text("mine.csv"), "SELECT 1"]).err_has("mine.csv.part");
    assert_eq!(fs::read(world.path("mine.csv.part")).unwrap(), b"mine");
    let arrow = world.text("orders.arrow");
    world.run(&["sql", "--format", "arrow", "--output", &arrow, "SELECT id FROM orders"]).expect(0);
    assert!(fs::metadata(&arrow).unwrap().len() > 4000 * 8);
    assert!(fs::read_dir(world.path("tree/exports")).unwrap().all(|entry| !entry.unwrap().path().ends_with(".part")));
    let tree = world.text("tree");
    world.run(&["backup", &tree, "--source", "files"]).expect(0);
    for end in ["parquet", "csv", "jsonl"] {
        let sql = format!(
            "SELECT count(*) AS n, sum(f.price) = sum(o.price) AS same FROM '{tree}/exports/orders.{end}' f JOIN orders o USING (id)"
        );
        assert_eq!(world.run(&["sql", "--format", "csv", &sql]).expect(0).out, "n,same\n4000,true\n", "{end}");
    }
    let sql = format!("SELECT count(*) FROM 'files@latest:{tree}/exports/orders.csv'");
    world.run(&["sql", &sql]).expect(0).out_has("4000");
    world.run(&["sql", &format!("SELECT * FROM '{tree}/exports/order.csv'")]).expect(1).err_has("orders.csv?");
    fs::write(world.path("tree/broken.parquet"), "PAR1 this is none PAR1").unwrap();
    world.run(&["backup", &tree, "--source", "files"]).expect(0);
    world
        .run(&["sql", &format!("SELECT * FROM '{tree}/broken.parquet'")])
        .expect(2)
        .err_has("cannot be read as a table");
}

#[test]
fn what_cannot_be_asked_is_told() {
    let world = shop();
    world.run(&["sql", "SELEC 1"]).expect(2).err_has("no SQL, at line 1, column 1");
    world.run(&["sql", "SELECT * FROM orders WHERE"]).expect(2).err_has("no SQL");
    world.run(&["sql", "SELECT * FROM orderz"]).expect(1).err_has("did you mean orders?");
    world.run(&["sql", "SELECT pric FROM orders"]).expect(1).err_has("no column pric").err_has("did you mean price?");
    world.run(&["sql", "DELETE FROM orders"]).expect(2).err_has("read only").err_has("DELETE FROM");
    world.run(&["sql", "SELECT * FROM \"shop@1999-01-01\".orders"]).expect(1).err_has("at or before 1999-01-01");
    world.run(&["sql", "--memory", "5", "SELECT 1"]).expect(2).err_has("memory: \"5\" is no size");
    world.run(&["sql", "--timeout", "soon", "SELECT 1"]).expect(2).err_has("--timeout soon");
    world.run(&["sql", "--snapshot", "nothing", "SELECT 1"]).expect(1).err_has("nothing");
    world.run(&["sql", "--file", &world.text("missing.sql")]).err_has("missing.sql");
    world.run(&["sql", ""]).expect(2).err_has("no statement");
    world.run(&["sql", "--json", "--format", "csv", "SELECT 1"]).expect(2).err_has("do not go together");
    world
        .run(&[
            "sql",
            "--timeout",
            "1",
            "SELECT count(*) FROM orders a, orders b, orders c WHERE a.price + b.price > c.price",
        ])
        .expect(2)
        .err_has("--timeout 1h");
    let zh = world.run_with(&[("LANG", "zh_CN.UTF-8")], &["sql", "DELETE FROM orders"]);
    zh.expect(2).err_has("备份集是只读的");
    world.run(&["sql", "--lang", "zh", "SELECT * FROM 'x.csv'"]).expect(1).err_has("不存在：文件的备份集");
    let bare = World::new();
    bare.run(&["sql", "SELECT * FROM t"]).expect(1).err_has("no snapshots");
    bare.run(&["sql", "SELECT 1 + 1 AS two"]).expect(0).out_has("two");
}

#[test]
fn files_of_answers_take_one_and_readers_may_leave() {
    let world = shop();
    let out = world.text("answer.txt");
    let two = "SELECT 1 AS one; SELECT 2 AS two";
    for format in ["csv", "parquet"] {
        world.run(&["sql", "--format", format, "--output", &out, two]).expect(2).err_has("one query");
        assert!(!world.path("answer.txt").exists(), "nothing is begun");
    }
    world.run(&["sql", "--json", "--output", &out, "SELECT 1"]).expect(2).err_has("--format");
    world.run(&["sql", "--output", &out, "EXPLAIN SELECT id FROM orders"]).expect(0);
    assert!(fs::read_to_string(&out).unwrap().contains("SnapshotScan"));
    let dated = format!("SET datakeep.as_of = '{}'; SELECT count(*) AS n FROM orders", "2100-01-01");
    let dated_out = world.text("dated.csv");
    world.run(&["sql", "--format", "csv", "--output", &dated_out, &dated]).expect(0);
    assert_eq!(fs::read_to_string(&dated_out).unwrap(), "n\n4000\n");
    for format in ["csv", "json", "arrow", "table"] {
        // Longer than any pipe, and nobody reads it.
        let many = "SELECT a.id AS x, b.id AS y FROM orders a, orders b";
        let mut child = world
            .command()
            .args(["sql", "--format", format, many])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let left = child.wait_with_output().unwrap();
        assert!(left.status.success(), "{format}: {}", String::from_utf8_lossy(&left.stderr));
    }
}

/// Runs the program named by the arguments on a terminal, answers when it asks, then ends it by SIGTERM while it waits; prints
/// what it said, what became of it, and whether the terminal is as it was.
const ON_A_TERMINAL: &str = r#"
import os, pty, signal, sys, termios
signal.alarm(300)
controller, terminal = pty.openpty()
before = termios.tcgetattr(terminal)
child = os.fork()
if child == 0:
    os.setsid()
    for number in (0, 1, 2):
        os.dup2(terminal, number)
    os.environ["TERM"] = "xterm"
    os.execv(sys.argv[1], sys.argv[1:])
said = b""
def wait_for(text):
    global said
    while text not in said:
        said += os.read(controller, 65536)
    said = said.split(text, 1)[1]
for answer, heard in [(b"SELECT 40 + 2 AS answer;\r", b"42"), (b"SELECT nothing;\r", b"error")]:
    wait_for(b"datakeep> ")
    os.write(controller, answer)
    wait_for(heard)
wait_for(b"datakeep> ")
os.kill(child, signal.SIGTERM)
status = os.waitpid(child, 0)[1]
print("status", os.waitstatus_to_exitcode(status), "terminal", before == termios.tcgetattr(terminal))
"#;

#[test]
fn who_asks_one_by_one_is_answered_and_ended_at_any_time() {
    let world = shop();
    let command = world.command();
    let mut python = std::process::Command::new("python3");
    python.arg("-c").arg(ON_A_TERMINAL).arg(command.get_program()).arg("sql");
    python.env("HOME", world.path("home")).env_remove("XDG_STATE_HOME");
    command.get_envs().for_each(|(name, value)| match value {
        Some(value) => drop(python.env(name, value)),
        None => drop(python.env_remove(name)),
    });
    python.env("HOME", world.path("home")).current_dir(world.path(""));
    let output = python.output().expect("python3 is here");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "status 130 terminal True\n", "{}", String::from_utf8_lossy(&output.stderr));
    let remembered = fs::read_to_string(world.path("home/.local/state/datakeep/sql-history")).unwrap();
    assert!(remembered.contains("SELECT 40 + 2 AS answer;"), "{remembered}");
}
