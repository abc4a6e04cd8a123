//! Differences of tables: told, as statements that lead there and back, through time, and one row at a time.

use crate::world::{Said, World};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::fs;

const FIRST: &str = "
CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL, age, note TEXT);
INSERT INTO people VALUES (1,'Ann',30,NULL),(2,'Bob','forty','it''s'),(3,'Cy',1.5,'x'),(-4,'Dee',x'00ff','');
CREATE TABLE \"odd \"\"名\"(\"a \"\"b\" TEXT, \"rowid\" BLOB);
INSERT INTO \"odd \"\"名\" VALUES ('one',x'01'),('two',NULL),(NULL,x'');
CREATE TABLE pairs(a TEXT, b INT, v REAL, PRIMARY KEY(a, b)) WITHOUT ROWID;
INSERT INTO pairs VALUES ('x',1,0.1),('x',2,1e300),('y',1,-0.0),('y','z',5e-324);
CREATE TABLE empty(z);
CREATE TABLE going(q TEXT UNIQUE);
INSERT INTO going VALUES ('a'),('b');
CREATE TABLE slots(id INTEGER PRIMARY KEY AUTOINCREMENT, place INT UNIQUE, what TEXT);
INSERT INTO slots(place, what) VALUES (1,'one'),(2,'two'),(3,'three');
CREATE TABLE wide(id INTEGER PRIMARY KEY, a TEXT, b INT);
INSERT INTO wide VALUES (1,'p',1),(2,'q',2);
CREATE TABLE less(id INTEGER PRIMARY KEY, gone INT, kept TEXT NOT NULL DEFAULT 'k');
INSERT INTO less VALUES (1,1,'p'),(2,2,'q');
CREATE TABLE hidden(t, rowid, _rowid_, oid);
INSERT INTO hidden VALUES (1,2,3,4),(1,2,3,4),(5,6,7,8);
CREATE TABLE log(t);
CREATE INDEX by_name ON people(name);
CREATE VIEW old_people AS SELECT * FROM people WHERE age > 30;
CREATE TRIGGER noisy AFTER UPDATE ON people BEGIN INSERT INTO log VALUES(new.name); END;
PRAGMA user_version=3;
";

const CHANGES: &str = "
DROP TRIGGER noisy;
UPDATE people SET name = 'Bobby', age = 41 WHERE id = 2;
DELETE FROM people WHERE id = 3;
UPDATE people SET note = CAST(x'61006200' AS TEXT) WHERE id = 1;
UPDATE people SET note = CAST(x'ff' AS TEXT), age = 9223372036854775807 WHERE id = -4;
INSERT INTO people VALUES (9,'Eve',9e999,'line
two'),(10,'Flo',-9223372036854775808,'semi; -- colon'),(11,'Gus',0.30000000000000004,'中文');
UPDATE \"odd \"\"名\" SET \"a \"\"b\" = 'ONE' WHERE \"a \"\"b\" = 'one';
DELETE FROM \"odd \"\"名\" WHERE \"a \"\"b\" IS NULL;
DELETE FROM pairs WHERE a = 'x' AND b = 1;
UPDATE pairs SET v = 2.2250738585072011e-308 WHERE b = 'z';
INSERT INTO pairs VALUES ('x',3,1.7976931348623157e308),('Z',x'00',123456789.123456789);
DROP TABLE going;
CREATE TABLE coming(k INTEGER PRIMARY KEY, v TEXT) STRICT;
INSERT INTO coming VALUES (1,'a'),(2,NULL);
UPDATE slots SET place = place + 10; UPDATE slots SET place = 13 - place + 1;
INSERT INTO slots(place, what) VALUES (70,'seventy'); DELETE FROM slots WHERE place = 70;
ALTER TABLE wide ADD COLUMN c TEXT DEFAULT 'd';
INSERT INTO wide VALUES (3,'r',3,NULL);
ALTER TABLE wide RENAME COLUMN b TO bb;
ALTER TABLE less DROP COLUMN gone;
UPDATE less SET kept = 'new' WHERE id = 2;
DELETE FROM hidden WHERE t = 5; INSERT INTO hidden VALUES (1,2,3,4),(NULL,'x',x'00',1.5);
DROP INDEX by_name;
CREATE UNIQUE INDEX by_name ON people(name, id);
CREATE TRIGGER noisy AFTER UPDATE ON people BEGIN INSERT INTO log VALUES(new.id); END;
CREATE VIEW names AS SELECT name FROM people;
PRAGMA user_version=4;
";

/// Everything that is in a database, as text: two with the same are the same.
pub fn dump(path: &std::path::Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut lines = Vec::new();
    let mut schema = connection.prepare("SELECT type, name, tbl_name, coalesce(sql,'') FROM sqlite_schema").unwrap();
    let entries: Vec<[String; 4]> = schema
        .query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for [kind, name, table, sql] in &entries {
        lines.push(format!("{kind}|{name}|{table}|{sql}"));
        if kind == "table" {
            let quoted = name.replace('"', "\"\"");
            let is_hidden = name == "hidden";
            let has_rowid = !sql.contains("WITHOUT ROWID") && !is_hidden && !name.starts_with("odd");
            let rowid = if has_rowid { "rowid, " } else { "" };
            rows(&connection, &format!("SELECT {rowid}* FROM \"{quoted}\""), name, &mut lines);
        }
    }
    rows(&connection, "PRAGMA user_version", "user_version", &mut lines);
    lines.sort();
    lines
}

fn rows(connection: &Connection, sql: &str, name: &str, lines: &mut Vec<String>) {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let cells: Vec<String> = (0..columns)
            .map(|at| match row.get_ref(at).unwrap() {
                ValueRef::Real(real) => format!("real {:016x}", real.to_bits()),
                other => format!("{other:?}"),
            })
            .collect();
        lines.push(format!("{name}: {cells:?}"));
    }
}

pub fn apply(path: &std::path::Path, sql: &str) {
    if let Err(error) = Connection::open(path).unwrap().execute_batch(sql) {
        panic!("{error}\n{sql}");
    }
}

pub struct Database {
    pub world: World,
}

impl Database {
    /// Two snapshots; `a.db` and `b.db` are what they hold.
    pub fn changed(first: &str, changes: &str) -> Self {
        let made = Self { world: World::new() };
        made.sql(first);
        made.backup();
        fs::copy(made.world.path("app.db"), made.world.path("a.db")).unwrap();
        made.sql(changes);
        made.backup();
        fs::copy(made.world.path("app.db"), made.world.path("b.db")).unwrap();
        made
    }

    pub fn sql(&self, sql: &str) {
        apply(&self.world.path("app.db"), sql);
    }

    pub fn backup(&self) {
        let place = format!("sqlite:{}", self.world.text("app.db"));
        self.world.run(&["backup", "--source", "app", &place]).expect(0);
    }

    pub fn ids(&self) -> Vec<String> {
        self.world.snapshots().iter().map(|snapshot| snapshot["id"].as_str().unwrap().to_owned()).collect()
    }

    pub fn diff(&self, options: &[&str]) -> Said {
        let ids = self.ids();
        let last = ids.len() - 1;
        let (old, new) = (format!("app@{}", ids[last - 1]), format!("app@{}", ids[last]));
        self.world.run(&[&["diff", &old, &new], options].concat()).expect(0)
    }

    /// The statements lead from each state to the other.
    #[track_caller]
    pub fn proves_both_ways(&self) {
        let (a, b) = (self.world.path("a.db"), self.world.path("b.db"));
        let (before, after) = (dump(&a), dump(&b));
        let sql = self.diff(&["--sql"]).out;
        apply(&a, &sql);
        assert_eq!(dump(&a), after, "{sql}");
        let undo = self.diff(&["--undo"]).out;
        apply(&b, &undo);
        assert_eq!(dump(&b), before, "{undo}");
    }
}

#[test]
fn statements_lead_there_and_back() {
    Database::changed(FIRST, CHANGES).proves_both_ways();
}

/// A small row of pseudo-random numbers.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn value(&mut self) -> String {
        match self.below(9) {
            0 => "NULL".into(),
            1 => format!("{}", self.below(1 << 20)),
            2 => format!("{:e}", f64::from_bits(self.0.rotate_left(13) & !(1 << 62))),
            3 => format!("'t{}'", self.below(100)),
            4 => format!("x'{:08x}'", self.below(1 << 30)),
            5 => format!("CAST(x'{:02x}00{:02x}' AS TEXT)", self.below(256), self.below(256)),
            6 => format!("-{}.0", self.below(1000)),
            7 => format!("{}.{}", self.below(1 << 30), self.below(1 << 30)),
            _ => format!("'{}'", "long ".repeat(self.below(40) as usize)),
        }
    }

    fn changes(&mut self) -> String {
        (0..60)
            .map(|_| {
                let (key, table) = (self.below(400), ["r", "p", "n"][self.below(3) as usize]);
                let column = if table == "p" { "k" } else { "rowid" };
                match self.below(4) {
                    0 => format!("DELETE FROM {table} WHERE {column} = {key};\n"),
                    1 => format!("INSERT OR REPLACE INTO {table}({column}, b) VALUES ({key}, {});\n", self.value()),
                    2 => format!("UPDATE OR IGNORE {table} SET u = {} WHERE {column} = {key};\n", self.below(500)),
                    _ => format!("UPDATE {table} SET b = {} WHERE {column} = {key};\n", self.value()),
                }
            })
            .collect()
    }
}

#[test]
fn statements_lead_there_and_back_whatever_changes() {
    for seed in 0..4 {
        let mut chance = Chance(seed);
        let mut first = "CREATE TABLE r(id INTEGER PRIMARY KEY, b, u INT UNIQUE);
            CREATE TABLE p(k, b, u, PRIMARY KEY(k)) WITHOUT ROWID; CREATE TABLE n(b, u); CREATE UNIQUE INDEX nu ON n(u);"
            .to_owned();
        for table in ["r(id, b)", "p(k, b)", "n(rowid, b)"] {
            for key in 0..300 {
                first += &format!("INSERT INTO {table} VALUES ({key}, {});\n", chance.value());
            }
        }
        let changes = chance.changes();
        Database::changed(&first, &changes).proves_both_ways();
    }
}

#[test]
fn one_table_is_changed_alone() {
    let database = Database::changed(FIRST, CHANGES);
    let ids = database.ids();
    let [old, new] = [&ids[0], &ids[1]];
    let sql = database.world.run(&["diff", old, &format!("{new}:people"), "--sql"]).expect(0).out;
    let a = database.world.path("a.db");
    let others = |lines: Vec<String>| -> Vec<String> {
        lines.into_iter().filter(|line| !line.contains("people") && !line.contains("user_version")).collect()
    };
    let before = others(dump(&a));
    apply(&a, &sql);
    assert_eq!(others(dump(&a)), before);
    let people =
        |lines: Vec<String>| -> Vec<String> { lines.into_iter().filter(|line| line.starts_with("people:")).collect() };
    assert_eq!(people(dump(&a)), people(dump(&database.world.path("b.db"))));
    database.world.run(&["diff", old, &format!("{new}:peeple")]).expect(1).err_has("did you mean people?");
}

#[test]
fn people_and_programs_are_told_what_differs() {
    let database = Database::changed(FIRST, CHANGES);
    let said = database.diff(&[]);
    for words in [
        "M  main.people  id=2  name: 'Bob' -> 'Bobby', age: 'forty' -> 41",
        "-  main.people  id=3, name='Cy', age=1.5, note='x'",
        "+  main.people  id=9",
        "S  main.going: table removed",
        "S  main.wide: column b is now called bb",
        "S  main.less: column gone removed",
        "M  main.less  id=2  kept: 'q' -> 'new'",
        "+  view names",
    ] {
        assert!(said.out.contains(words), "{words} is not in {}", said.out);
    }
    database.diff(&["--summary"]).out_has("main.people").out_has("4 -> 6");
    let lines = database.diff(&["--json"]).lines();
    let updated = lines.iter().find(|line| line["change"] == "updated" && line["key"][0]["value"] == -4).unwrap();
    assert_eq!(updated["type"], "row-change");
    assert_eq!(updated["cells"][0]["before"], "hex:00ff");
    assert_eq!(updated["cells"][0]["after"], "integer:9223372036854775807");
    assert_eq!(updated["cells"][1]["after"], "text-hex:ff");
    let summary = lines.last().unwrap();
    assert_eq!(summary["type"], "tables-diff");
    let people = summary["tables"].as_array().unwrap().iter().find(|table| table["table"] == "people").unwrap();
    let counts =
        ["rows_before", "rows_after", "rows_inserted", "rows_updated", "rows_deleted"].map(|it| people[it].as_u64());
    assert_eq!(counts, [4, 6, 3, 3, 1].map(Some));
    let hidden = summary["tables"].as_array().unwrap().iter().find(|table| table["table"] == "hidden").unwrap();
    assert_eq!((&hidden["rows_inserted"], &hidden["rows_deleted"]), (&2.into(), &1.into()));
    // Nothing differs from itself.
    let id = &database.ids()[0];
    let none = database.world.run(&["diff", id, id, "--json"]).expect(0).json();
    assert_eq!((&none["rows_updated"], &none["schema_changes"]), (&0.into(), &0.into()));
}

#[test]
fn files_and_tables_are_not_compared() {
    let database = Database::changed("CREATE TABLE t(a)", "INSERT INTO t VALUES (1)");
    database.world.backup().expect(0);
    database.world.run(&["diff", "app", "tree"]).expect(2).err_has("cannot be compared");
    let tree =
        database.world.run(&["snapshots", "tree", "--json"]).json()["snapshots"][0]["id"].as_str().unwrap().to_owned();
    database.world.run(&["diff", &tree, &tree, "--sql"]).expect(2).err_has("for tables");
    database.world.run(&["rows", "tree:x"]).expect(2).err_has("holds files");
}

#[test]
fn a_row_is_shown_and_followed() {
    let database = Database::changed(FIRST, CHANGES);
    database.sql("DELETE FROM people WHERE id = 2");
    database.backup();
    let run = |arguments: &[&str]| database.world.run(&[&["rows"], arguments].concat());
    run(&["app:people", "--key", "9"]).expect(0).out_has("'Eve'").out_has("Infinity");
    run(&["app:pairs", "--key", "x,2"]).expect(0).out_has("1e300");
    run(&["app:pairs", "--key", "y", "--key", "'z'"]).expect(0);
    run(&["app:pairs", "--key", "y"]).expect(2).err_has("a, b");
    run(&["app:people", "--key", "two"]).expect(2).err_has("takes an integer");
    run(&["app:people", "--key", "77"]).expect(1).err_has("--history");
    run(&["app:peple", "--key", "1"]).expect(1).err_has("did you mean people?");
    run(&["app:hidden", "--key", "1"]).expect(2).err_has("no key");
    run(&["app:people", "--limit", "2"]).expect(0).out_has("2 of 5 rows");
    let history = run(&["app:people", "--key", "2", "--history", "--json"]).expect(0).lines();
    let changes: Vec<&str> = history.iter().filter_map(|line| line["change"].as_str()).collect();
    assert_eq!(changes, ["inserted", "updated", "deleted"]);
    assert_eq!(history[1]["cells"][0]["before"], "Bob");
    run(&["app:people", "--key", "2", "--history"]).expect(0).out_has("name: 'Bob' -> 'Bobby'").out_has("3 versions");
}

/// Whatever is wrong with a key is said in Chinese and in nothing else.
#[test]
fn wrong_keys_are_told_in_chinese() {
    let database = Database::changed(FIRST, CHANGES);
    let to = format!("sqlite:{}", database.world.text("b.db"));
    let restore = ["restore", "app:people", "--to", &to, "--merge", "--key", "two"];
    let cases: [(&[&str], i32, &[&str]); 6] = [
        (&["rows", "app:people", "--key", "two"], 2, &["键列 id 需要整数：`two` 不是", "例如 42；"]),
        (&restore, 2, &["键列 id 需要整数：`two` 不是", "例如 42；"]),
        (
            &["rows", "app:pairs", "--key", "y"],
            2,
            &["的键由 2 列组成，而给出了 1 个值", "请为以下每一列给出一个值：a, b"],
        ),
        (&["rows", "app:hidden", "--key", "1"], 2, &["表 main.hidden 的行没有键", "请改为比较整个备份集"]),
        (&["rows", "app:people", "--key", "77"], 1, &["没有键为 77 的行", "查看是否曾有该行"]),
        (&["rows", "app:peple", "--key", "1"], 1, &["不存在：表 peple", "是否想输入 people？"]),
    ];
    for (arguments, code, expected) in cases {
        let said = database.world.run(&[&["--lang", "zh"], arguments].concat()).expect(code);
        for words in expected {
            assert!(said.err.contains(words), "{words:?} is not in: {}", said.err);
        }
        for english in [" takes ", " is none", "such as", " parts", "have no key", "give one", "instead", "无法执行"]
        {
            assert!(!said.err.contains(english), "{arguments:?}: {english}: {}", said.err);
        }
    }
}

#[test]
fn one_row_is_put_back() {
    let database = Database::changed(FIRST, CHANGES);
    let place = format!("app@{}:people", database.ids()[0]);
    let to = format!("sqlite:{}", database.world.text("b.db"));
    let run = |key: &str, more: &[&str]| {
        database.world.run(&[&["restore", &place, "--key", key, "--to", &to, "--merge"], more].concat())
    };
    let b = database.world.path("b.db");
    let before = dump(&b);
    run("2", &["--dry-run"]).expect(0).out_has("name: 'Bobby' -> 'Bob'");
    assert_eq!(dump(&b), before);
    run("2", &[]).expect(0).out_has("proven");
    run("3", &[]).expect(0).out_has("+  main.people  id=3");
    let people = |lines: Vec<String>| lines.into_iter().filter(|line| line.starts_with("people:")).collect::<Vec<_>>();
    let is = people(dump(&b));
    assert_eq!(is.len(), 7);
    let was = people(dump(&database.world.path("a.db")));
    assert_eq!(is.iter().filter(|line| was.contains(line)).count(), 2);
    assert_eq!(run("2", &["--json"]).expect(0).json()["action"], "keep");
    run("99", &[]).expect(1).err_has("no row with key");
    database.world.run(&["restore", &place, "--key", "2", "--to", &to]).expect(2);
}
