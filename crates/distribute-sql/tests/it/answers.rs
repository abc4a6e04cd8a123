//! Answers are those of the database as it was.

use crate::world::{World, ask};
use datakeep_distribute_sql::SqlError;
use datakeep_testkit::XorShift;

const TABLES: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c REAL, \"Mixed Case\" INTEGER);
    CREATE TABLE u (k TEXT, n INTEGER, PRIMARY KEY (k, n)) WITHOUT ROWID;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      INSERT INTO t SELECT 2 * i, CASE i % 7 WHEN 0 THEN NULL ELSE i * 37 % 500 END, 'w' || (i * 31 % 90), i * 0.25, i % 5 FROM n;
    INSERT INTO u SELECT 'k' || (id % 40), id FROM t WHERE id % 3 = 0;";

fn condition(chance: &mut XorShift, depth: u64) -> String {
    let number = |chance: &mut XorShift| chance.below(600) as i64 - 50;
    let op = ["=", "<", "<=", ">", ">=", "<>"][chance.below(6) as usize];
    match chance.below(if depth == 0 { 7 } else { 10 }) {
        0 => format!("a {op} {}", number(chance)),
        1 => format!("id {op} {}", 10 * number(chance)),
        2 => format!("b {op} 'w{}'", chance.below(95)),
        3 => format!("a BETWEEN {} AND {}", number(chance), number(chance)),
        4 => format!("id IN ({}, {}, {})", 6 * number(chance), number(chance), 2 * number(chance)),
        5 => ["a IS NULL", "a IS NOT NULL", "b IS NULL"][chance.below(3) as usize].to_string(),
        6 => format!("c {op} {}.5", number(chance)),
        7 => format!("({} AND {})", condition(chance, depth - 1), condition(chance, depth - 1)),
        8 => format!("({} OR {})", condition(chance, depth - 1), condition(chance, depth - 1)),
        _ => format!("NOT ({})", condition(chance, depth - 1)),
    }
}

fn question(chance: &mut XorShift) -> String {
    let condition = condition(chance, 2);
    match chance.below(5) {
        0 => format!("SELECT id, a, b, c FROM t WHERE {condition} ORDER BY id"),
        1 => format!("SELECT count(*), count(a), sum(a), min(id), max(id), min(b), max(b) FROM t WHERE {condition}"),
        2 => format!("SELECT b, count(*), max(a) FROM t WHERE {condition} GROUP BY b ORDER BY b NULLS FIRST"),
        3 => format!("SELECT t.id, u.k FROM t JOIN u ON u.n = t.id WHERE {condition} ORDER BY t.id, u.k"),
        _ => format!("SELECT id FROM t WHERE {condition} ORDER BY id DESC LIMIT {}", chance.below(40)),
    }
}

#[test]
fn random_questions_are_answered_as_sqlite_does() {
    let mut world = World::new(TABLES);
    let mut chance = XorShift::new(7);
    let changes = [
        "SELECT 1;",
        "UPDATE t SET a = a + 1000 WHERE id % 97 = 0; DELETE FROM t WHERE id BETWEEN 100 AND 160 OR id > 5900;",
        "INSERT INTO t SELECT id + 1, a, b, c, 0 FROM t WHERE id % 50 = 0; UPDATE t SET b = NULL WHERE id % 211 = 0; DELETE FROM t WHERE a = 3;",
        "UPDATE t SET a = NULL WHERE a > 900; DELETE FROM t WHERE id < 50; DELETE FROM u WHERE n % 2 = 0;",
    ];
    for statements in changes {
        world.change(statements);
        let mut engine = world.engine();
        for _ in 0..60 {
            let sql = question(&mut chance);
            assert_eq!(ask(&mut engine, &sql).unwrap(), world.sqlite(&sql), "{sql}");
        }
        for sql in ["SELECT count(*) FROM t", "SELECT min(id), max(id), max(b), min(a), max(a) FROM t"] {
            assert_eq!(ask(&mut engine, sql).unwrap(), world.sqlite(sql), "{sql}");
        }
    }
}

#[test]
fn names_mean_what_people_expect() {
    let mut world = World::new(TABLES);
    world.change("DELETE FROM t WHERE id > 100;");
    for name in
        ["t", "T", "main.t", "shop.t", "shop.main.t", "Shop.MAIN.T", "\"shop@latest\".t", "\"shop@2026-01-03\".main.t"]
    {
        assert_eq!(world.ask(&format!("SELECT count(*) FROM {name}")).unwrap(), ["50"], "{name}");
    }
    assert_eq!(world.ask("SELECT count(*) FROM \"shop@2026-01-02\".t").unwrap(), ["3000"]);
    let mixed = world.ask("SELECT sum(\"Mixed Case\"), max(T.ID) FROM t WHERE A IS NOT NULL").unwrap();
    assert_eq!(mixed, world.sqlite("SELECT sum(\"Mixed Case\"), max(id) FROM t WHERE a IS NOT NULL"));
    let joined = "SELECT count(*) FROM t AS now JOIN \"shop@2026-01-02\".t AS was USING (id)";
    assert_eq!(world.ask(joined).unwrap(), ["50"]);
    let within = "WITH x AS (SELECT id FROM t), t AS (SELECT 1 AS one) SELECT count(*) FROM x CROSS JOIN t";
    assert_eq!(world.ask(within).unwrap(), ["50"]);
    assert_eq!(world.ask("SELECT 1 + 1").unwrap(), ["2"]);
}

#[test]
fn time_travel_by_setting() {
    let mut world = World::new(TABLES);
    world.change("DELETE FROM t;");
    let mut engine = world.engine();
    let count = "SELECT count(*) FROM t";
    assert_eq!(ask(&mut engine, count).unwrap(), ["0"]);
    assert_eq!(ask(&mut engine, &format!("SET datakeep.as_of = '2026-01-02'; {count}")).unwrap(), ["3000"]);
    assert_eq!(ask(&mut engine, count).unwrap(), ["3000"], "it stays");
    assert_eq!(ask(&mut engine, &format!("SET datakeep.as_of = DEFAULT; {count}")).unwrap(), ["0"]);
    let error = ask(&mut engine, "SET datakeep.as_of = 'yesterday'").unwrap_err();
    assert!(matches!(&error, SqlError::Plan(words) if words.contains("yesterday")), "{error}");
    let error = ask(&mut engine, &format!("SET datakeep.as_of = '2026-01-01'; {count}")).unwrap_err();
    assert!(error.to_string().contains("at or before 2026-01-01"), "{error}");
}

#[test]
fn values_of_any_type_are_shown() {
    let world = World::new(
        "CREATE TABLE m (id INTEGER PRIMARY KEY, v, n INTEGER, s TEXT, b BLOB, r REAL);
         INSERT INTO m VALUES (1, 5, 1, 'a', x'00ff', 1.5), (2, 'five', 'text', x'01', NULL, 2.0), (3, NULL, NULL, NULL, x'', NULL),
           (4, 2.5, 9007199254740993, '', x'0a', 1e300);",
    );
    let all = world.ask("SELECT id, v, n, s, r FROM m ORDER BY id").unwrap();
    let expected = ["1|5|1|a|1.5", "2|five|text|x'01'|2.0", "3|∅|∅|∅|∅", "4|2.5|9007199254740993||1e300"];
    assert_eq!(all, expected);
    let lens = world.ask("SELECT length(b), length('价格'), length(12345), length(NULL) FROM m ORDER BY id").unwrap();
    assert_eq!(lens, ["2|2|5|∅", "∅|2|5|∅", "0|2|5|∅", "1|2|5|∅"], "of bytes as of texts");
    assert_eq!(world.ask("SELECT count(*), count(v), count(n) FROM m").unwrap(), ["4|3|3"], "they are no nulls");
    assert_eq!(world.ask("SELECT id FROM m WHERE n = 'text'").unwrap(), ["2"]);
    assert_eq!(world.ask("SELECT id FROM m WHERE v IS NULL").unwrap(), ["3"]);
}

#[test]
fn integers_beside_floats_are_numbers() {
    let mut world = World::new(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, price NUMERIC, few NUMERIC, big NUMERIC);
         INSERT INTO p VALUES (1, 9, 1.5, 9007199254740993), (2, 10, 2, 0.5), (3, 100.5, 0.25, 1), (4, 2.25, -0.75, 2), (5, NULL, NULL, NULL);",
    );
    let first = world.change("SELECT 1;");
    let numbers = |lines: Vec<String>| -> Vec<String> {
        let number = |cell: &str| cell.strip_suffix(".0").unwrap_or(cell).to_string();
        lines.iter().map(|line| line.split('|').map(number).collect::<Vec<_>>().join("|")).collect()
    };
    for generation in 0..2 {
        for query in [
            "SELECT max(price), min(price), sum(price), count(price), max(few), min(few) FROM p",
            "SELECT id FROM p WHERE price IS NOT NULL ORDER BY price DESC",
            "SELECT id FROM p WHERE few IS NOT NULL ORDER BY few, id",
            "SELECT id FROM p WHERE price > 9 AND few < 2.5 ORDER BY id",
            "SELECT id, price * 2, few + price FROM p WHERE id BETWEEN 1 AND 4 ORDER BY id",
            "SELECT id FROM p WHERE price = 10 OR price = 2.25 ORDER BY id",
        ] {
            assert_eq!(numbers(world.ask(query).unwrap()), numbers(world.sqlite(query)), "{generation}: {query}");
        }
        // What no float is exactly is not rounded: it is text, with all that stands beside it.
        assert_eq!(world.ask("SELECT big FROM p WHERE id < 3 ORDER BY id").unwrap(), ["9007199254740993", "0.5"]);
        world.change("UPDATE p SET price = 11 WHERE id = 4; REPLACE INTO p VALUES (6, 0.125, 8, 0);");
    }
    let diff =
        format!("SELECT id, before_price, after_price FROM diff('p', '{first}', 'shop') WHERE change = 'updated'");
    assert_eq!(world.ask(&diff).unwrap(), ["4|2.25|11.0"]);
}

#[test]
fn differences_and_histories_are_tables() {
    let mut world = World::new(TABLES);
    let first = world.change("SELECT 1;");
    let second = world.change("UPDATE t SET a = -1, b = NULL WHERE id = 10; DELETE FROM t WHERE id = 12; INSERT INTO t VALUES (11, 7, 'x', 0.5, 1);");
    let diff = format!(
        "SELECT id, change, changed, before_a, after_a, after_b FROM diff('t', '{first}', '{second}') ORDER BY id"
    );
    let found = world.ask(&diff).unwrap();
    assert_eq!(found, ["10|updated|a, b|185|-1|∅", "11|inserted|∅|∅|7|x", "12|deleted|∅|222|∅|∅"]);
    assert_eq!(world.ask("SELECT count(*) FROM diff('t', 'shop@2026-01-02', 'shop')").unwrap(), ["3"]);
    assert_eq!(world.ask("SELECT count(*) FROM diff('t', 'shop', 'shop')").unwrap(), ["0"]);
    let history = world.ask("SELECT change, a, b FROM history('t', 10)").unwrap();
    assert_eq!(history, ["inserted|185|w65", "updated|-1|∅"]);
    let joined = "SELECT d.id, t.a FROM diff('t', 'shop@2026-01-02', 'shop') d JOIN t ON t.id = d.id ORDER BY 1";
    assert_eq!(world.ask(joined).unwrap(), ["10|-1", "11|7"]);
    for wrong in [
        "diff('t')",
        "diff('nothing', 'shop', 'shop')",
        "diff('t', 'nowhere', 'shop')",
        "history('t', 'x', 'y')",
        "diff(1 + 1, 'shop', 'shop')",
    ] {
        let error = world.ask(&format!("SELECT * FROM {wrong}")).unwrap_err();
        assert!(matches!(error, SqlError::Plan(_) | SqlError::Distribute(_)), "{wrong}: {error:?}");
    }
}

#[test]
fn what_is_known_is_tables() {
    let mut world = World::new(TABLES);
    // Where no row comes or goes no group ends elsewhere, and all that changed is known.
    world.change("UPDATE t SET a = -7 WHERE id IN (2, 4);");
    assert_eq!(
        world.ask("SELECT count(*), min(source), min(content) FROM datakeep.snapshots").unwrap(),
        ["2|shop|tables"]
    );
    let tables = world.ask("SELECT \"table\", rows, key, updated, deleted FROM datakeep.tables ORDER BY 1").unwrap();
    assert_eq!(tables, ["t|3000|id|2|0", "u|1000|k, n|0|0"]);
    let columns =
        world.ask("SELECT \"column\", type FROM datakeep.columns WHERE \"table\" = 't' ORDER BY position").unwrap();
    assert_eq!(columns, ["id|Int64", "a|Int64", "b|Utf8", "c|Float64", "Mixed Case|Int64"]);
    let known = world
        .ask("SELECT rows, nulls, least, greatest FROM datakeep.statistics WHERE \"table\" = 't' AND \"column\" = 'id'")
        .unwrap();
    assert_eq!(known, ["3000|0|2|6000"]);
    assert_eq!(
        world.ask("SELECT rows FROM \"shop@2026-01-02\".datakeep.tables WHERE \"table\" = 't'").unwrap(),
        ["3000"]
    );
    assert_eq!(world.ask("SHOW TABLES").unwrap().len(), 2);
    assert_eq!(world.ask("DESCRIBE t").unwrap().len(), 5);
}

#[test]
fn a_row_is_followed_through_other_names_of_its_columns() {
    let mut world = World::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, price INTEGER, \"change\" TEXT, gone TEXT);
         INSERT INTO t VALUES (1, 10, 'a', 'x'), (2, 20, 'b', 'y');",
    );
    let first = "2026-01-02";
    world.change("ALTER TABLE t RENAME COLUMN price TO cost;");
    world.change("UPDATE t SET cost = 11 WHERE id = 1; ALTER TABLE t DROP COLUMN gone; ALTER TABLE t ADD COLUMN fresh DEFAULT 'f';");
    world.change("DELETE FROM t WHERE id = 1;");
    let history = "SELECT \"change\", cost, change_1, fresh FROM history('t', 1)";
    let expected = ["inserted|10|a|∅", "updated|11|a|f", "deleted|11|a|f"];
    assert_eq!(world.ask(history).unwrap(), expected, "a column is the same by its number");
    for named in ["shop.t", "shop.main.t", "main.t", "SHOP.T"] {
        assert_eq!(world.ask(&history.replace("'t'", &format!("'{named}'"))).unwrap(), expected, "{named}");
    }
    let then = format!("SELECT \"change\", price, gone FROM history('shop@{first}.t', 1)");
    assert_eq!(world.ask(&then).unwrap(), ["inserted|10|x"], "the history ends where the name says");
    let mut engine = world.engine();
    let as_of = "SET datakeep.as_of = '2026-01-04'; SELECT \"change\", cost FROM history('t', 1)";
    assert_eq!(ask(&mut engine, as_of).unwrap(), ["inserted|10", "updated|11"]);
    let diff =
        format!("SELECT id, \"change\", before_cost, after_cost, before_gone FROM diff('t', 'shop@{first}', 'shop')");
    assert_eq!(world.ask(&diff).unwrap(), ["1|deleted|10|∅|x", "2|updated|∅|∅|∅"]);
}

#[test]
fn whole_numbers_are_exact_or_an_error() {
    let most = i64::MAX;
    let world = World::new(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, g INTEGER);
         INSERT INTO t VALUES (1, {most}, 1), (2, 1, 1), (3, {most}, 2), (4, -5, 2), (5, NULL, 3), (6, -2, 4), (7, -2, 4);"
    ));
    for wrong in [
        "SELECT sum(a) FROM t",
        "SELECT g, sum(a) FROM t GROUP BY g",
        "SELECT id, sum(a) OVER (ORDER BY id) FROM t",
        "SELECT id, sum(a) OVER (ORDER BY id ROWS 1 PRECEDING) FROM t",
        "SELECT a + 1 FROM t",
        "SELECT id FROM t WHERE a * 2 > 0",
        "SELECT -3 - a FROM t WHERE id = 1",
        "SELECT max(a + id) FROM t",
        "SELECT id FROM t ORDER BY a + id",
        "SELECT 9223372036854775807 + 1",
        "SELECT -(a - a - 9223372036854775807 - 1) FROM t WHERE id = 1",
        "SELECT (SELECT sum(a) FROM t) + 1",
    ] {
        let error = world.ask(wrong).unwrap_err();
        assert!(matches!(&error, SqlError::Value(text) if text.contains("DECIMAL(38, 0)")), "{wrong}: {error:?}");
    }
    for (query, expected) in [
        ("SELECT sum(a) FROM t WHERE g <> 1", "9223372036854775798"),
        ("SELECT sum(DISTINCT a), sum(a) FROM t WHERE g = 4", "-2|-4"),
        ("SELECT sum(a) FROM t WHERE g = 3", "∅"),
        ("SELECT sum(CAST(a AS DECIMAL(38, 0))) FROM t", "18446744073709551606"),
        ("SELECT sum(a) FILTER (WHERE g = 2), count(*) FROM t", "9223372036854775802|7"),
        (
            "SELECT -a, a - 1, a * 1, 2 * 3 + 4 FROM t WHERE id = 1",
            "-9223372036854775807|9223372036854775806|9223372036854775807|10",
        ),
        ("SELECT sum(id + 1) AS s FROM t HAVING sum(id + 1) > 3", "35"),
        ("SELECT g + 1, count(*) FROM t GROUP BY g + 1 ORDER BY g + 1 DESC LIMIT 1", "5|2"),
        ("SELECT id FROM t WHERE id = 2 + 3", "5"),
        ("SELECT CAST('2026-01-31' AS DATE) + INTERVAL '1 day'", "2026-02-01"),
        ("SELECT CASE WHEN id > 2 THEN 0 ELSE id + 1 END FROM t WHERE id = 2", "3"),
        (
            "SELECT sum(a) OVER (PARTITION BY g ORDER BY id ROWS 1 PRECEDING) FROM t WHERE g = 4 ORDER BY id LIMIT 1 OFFSET 1",
            "-4",
        ),
    ] {
        assert_eq!(world.ask(query).unwrap(), [expected], "{query}");
    }
    let plan = world.ask("EXPLAIN SELECT id + 1 FROM t").unwrap().join("\n");
    assert!(plan.contains("t.id + Int64(1)"), "told as it was written: {plan}");
}
