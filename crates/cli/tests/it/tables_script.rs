//! What scripts of a difference must not do: run what a database has planted, stop half way, overwrite what others changed.

use crate::tables_diff::{Database, apply, dump};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a script as people do, in the folder of the database; what it said, nothing where the shell is not there.
fn shell(path: &Path, sql: &str) -> Option<String> {
    let mut command = Command::new("sqlite3");
    command.arg(path).current_dir(path.parent().unwrap());
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().ok()?;
    child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// The script leads from one database to the other in the shell, too.
#[track_caller]
fn shell_leads(from: &Path, sql: &str, to: &[String]) {
    if let Some(said) = shell(from, sql) {
        assert_eq!((said.as_str(), dump(from).as_slice()), ("", to), "{sql}");
    }
}

fn plant(view: &str) -> String {
    let text = view.replace('\'', "''");
    format!("PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = '{text}' WHERE name = 'v';")
}

#[test]
fn what_a_schema_has_planted_is_not_run() {
    for planted in [
        "CREATE VIEW v AS SELECT 1;\n.shell touch pwned\nSELECT 1",
        "CREATE VIEW v AS SELECT\ngo\n.shell touch FROM t go",
        "CREATE VIEW v AS SELECT 1 /* x */; DROP TABLE t",
    ] {
        let first = format!("CREATE TABLE t(a); CREATE VIEW v AS SELECT 1; {}", plant(planted));
        let database = Database::changed(&first, "DROP VIEW v; INSERT INTO t VALUES (1)");
        let undo = database.diff(&["--undo"]).out;
        let left = undo.lines().filter(|line| line.starts_with("-- Left out: view v: not made,")).count();
        assert_eq!(left, 1, "{undo}");
        assert!(!undo.contains("touch") && !undo.contains("CREATE VIEW"), "{undo}");
        let b = database.world.path("b.db");
        shell(&b, &undo);
        assert!(!database.world.path("pwned").exists(), "{undo}");
    }
}

/// Not even what follows a table: its rows are left as well.
#[test]
fn a_table_that_is_no_statement_is_left_whole() {
    let plant = "PRAGMA writable_schema=ON;
        UPDATE sqlite_schema SET sql = sql || ';' || char(10) || '.shell touch pwned' WHERE name = 't'";
    let first = format!("CREATE TABLE t(a); INSERT INTO t VALUES (1); CREATE INDEX i ON t(a); {plant}");
    let database = Database::changed(&first, "DROP TABLE t; CREATE TABLE u(b)");
    let undo = database.diff(&["--undo"]).out;
    assert!(undo.contains("-- Left out: table main.t with its indexes and triggers: "), "{undo}");
    assert!(!undo.contains("touch") && !undo.contains("CREATE INDEX") && !undo.contains("INTO main.\"t\""), "{undo}");
    let b = database.world.path("b.db");
    apply(&b, &undo);
    assert_eq!(dump(&b), ["user_version: [\"Integer(0)\"]"]);
}

const ODD: &str = "
CREATE TABLE \"n;
.shell touch pwned
go
--\"(id INTEGER PRIMARY KEY, \"a--b
.shell touch pwned
/
\" TEXT DEFAULT 'x;
.shell touch pwned');
INSERT INTO \"n;
.shell touch pwned
go
--\" VALUES (1, 'x;
.shell touch pwned
go
.shell touch pwned
/
'), (2, '2');
CREATE VIEW [v;
.shell touch pwned
] AS SELECT 1 -- y;
, 2 /* ;
.shell touch pwned
*/;
CREATE TABLE \"q--r\"(a);
CREATE VIEW ends AS SELECT 1 -- here";

#[test]
fn lines_within_names_and_texts_are_no_commands() {
    let database = Database::changed("CREATE TABLE t(a)", ODD);
    let (a, b) = (database.world.path("a.db"), database.world.path("b.db"));
    let (before, after) = (dump(&a), dump(&b));
    shell_leads(&a, &database.diff(&["--sql"]).out, &after);
    shell_leads(&b, &database.diff(&["--undo"]).out, &before);
    assert!(!database.world.path("pwned").exists());
    for (from, to) in [("app.db", "b.db"), ("b.db", "a.db")] {
        fs::copy(database.world.path(from), database.world.path(to)).unwrap();
    }
    let database = Database::changed("CREATE TABLE t(a)", ODD);
    database.proves_both_ways();
}

const RULED: &str = "
CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, n INT UNIQUE ON CONFLICT ROLLBACK);
INSERT INTO t VALUES (1,'one',1),(2,'two',2),(3,'three',3);
CREATE TABLE plain(id INTEGER PRIMARY KEY, a, b);
INSERT INTO plain VALUES (1,'x',1),(2,x'00',2.5),(3,NULL,NULL);
CREATE TABLE gone(z); INSERT INTO gone VALUES (1);
CREATE TABLE hidden(rowid, _rowid_, oid); INSERT INTO hidden VALUES (1,2,3);
CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO counted(a) VALUES (1);
CREATE INDEX i ON plain(a); CREATE VIEW v AS SELECT 1;";

const RULES: &str = "
UPDATE t SET a = 'ONE' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (4,'four',4);
UPDATE plain SET a = 'y' WHERE id = 1; UPDATE plain SET b = -0.0 WHERE id = 2; DELETE FROM plain WHERE id = 3;
DROP TABLE gone; CREATE TABLE come(q); INSERT INTO come VALUES (1),(2);
INSERT INTO hidden VALUES (4,5,6); INSERT INTO counted(a) VALUES (2); ALTER TABLE counted ADD COLUMN b;
DROP INDEX i; CREATE INDEX j ON plain(b); DROP VIEW v; PRAGMA user_version=7;";

#[test]
fn the_shell_runs_them_as_well() {
    let database = Database::changed(RULED, RULES);
    let (a, b) = (database.world.path("a.db"), database.world.path("b.db"));
    let (before, after) = (dump(&a), dump(&b));
    shell_leads(&a, &database.diff(&["--sql"]).out, &after);
    shell_leads(&b, &database.diff(&["--undo"]).out, &before);
    Database::changed(RULED, RULES).proves_both_ways();
}

/// Each of these makes it another state than the first.
const MEANWHILE: [&str; 14] = [
    "UPDATE t SET a = 'one' WHERE id = 1",
    "UPDATE t SET n = 2 WHERE id = 3",
    "INSERT INTO t VALUES (2,'mine',9)",
    "DELETE FROM t WHERE id = 4",
    "UPDATE t SET a = 'mine' WHERE id = 4",
    "UPDATE plain SET a = NULL WHERE id = 1",
    "INSERT INTO plain VALUES (3,1,1)",
    "INSERT INTO come VALUES (3)",
    "INSERT INTO hidden VALUES (7,8,9)",
    "CREATE TABLE gone(z)",
    "DROP INDEX j",
    "CREATE INDEX i ON plain(b)",
    "CREATE VIEW v AS SELECT 2",
    "INSERT INTO counted(a) VALUES (3)",
];

#[test]
fn a_script_on_another_state_changes_nothing() {
    let database = Database::changed(RULED, RULES);
    let undo = database.diff(&["--undo"]).out;
    let (b, trial) = (database.world.path("b.db"), database.world.path("trial.db"));
    for meanwhile in MEANWHILE {
        fs::copy(&b, &trial).unwrap();
        apply(&trial, meanwhile);
        let before = dump(&trial);
        rusqlite::Connection::open(&trial).unwrap().execute_batch(&undo).expect_err(meanwhile);
        assert_eq!(dump(&trial), before, "{meanwhile}");
        if let Some(said) = shell(&trial, &undo) {
            assert!(said.contains("nothing was changed"), "{meanwhile}: {said}");
            assert_eq!(dump(&trial), before, "{meanwhile}\n{said}\n{undo}");
        }
    }
}

/// As SQLite itself does when a disk is full: from every line on, the transaction is gone.
#[test]
fn nothing_is_changed_once_the_transaction_is_gone() {
    let database = Database::changed(RULED, RULES);
    let undo = database.diff(&["--undo"]).out;
    let (b, trial) = (database.world.path("b.db"), database.world.path("trial.db"));
    let lines: Vec<&str> = undo.lines().collect();
    let first = lines.iter().position(|line| line.starts_with("BEGIN")).unwrap();
    let last = lines.iter().position(|line| *line == "COMMIT;").unwrap();
    let before = dump(&b);
    fs::copy(&b, &trial).unwrap();
    apply(&trial, &undo);
    let whole = dump(&trial);
    for at in first + 1..last {
        // A savepoint and what follows it stand together.
        if lines[at - 1].starts_with("SAVEPOINT") {
            continue;
        }
        fs::copy(&b, &trial).unwrap();
        let broken = [&lines[..at], &["ROLLBACK;"], &lines[at..]].concat().join("\n");
        if shell(&trial, &broken).is_none() {
            return;
        }
        // A savepoint begins a transaction, too: then everything that follows is one.
        let found = dump(&trial);
        assert!(found == before || found == whole, "{broken}\n{found:?}");
    }
}

#[test]
fn a_transaction_that_cannot_begin_is_still_one() {
    let database = Database::changed(RULED, RULES);
    let undo = database.diff(&["--undo"]).out.replace("BEGIN IMMEDIATE;", "BEGIN NOTHING;");
    let b = database.world.path("b.db");
    apply(&b, "UPDATE plain SET a = NULL WHERE id = 1");
    let before = dump(&b);
    if shell(&b, &undo).is_some() {
        assert_eq!(dump(&b), before);
    }
}

#[test]
fn a_virtual_table_is_left_with_its_tables() {
    let first = "CREATE TABLE t(a); CREATE TABLE ft_users(id INTEGER PRIMARY KEY, a);
        CREATE VIRTUAL TABLE old_ft USING fts5(x); INSERT INTO old_ft VALUES ('words');";
    let changes = "DROP TABLE old_ft; CREATE VIRTUAL TABLE ft USING fts5(x); INSERT INTO ft VALUES ('one two');
        INSERT INTO t VALUES (1); INSERT INTO ft_users VALUES (1, 2);";
    let database = Database::changed(first, changes);
    let (a, b) = (database.world.path("a.db"), database.world.path("b.db"));
    for (path, option, word) in [(&b, "--undo", "one"), (&a, "--sql", "words")] {
        let sql = database.diff(&[option]).out;
        assert!(sql.contains("-- Left out: virtual table ft: neither made nor dropped, with its tables"), "{sql}");
        assert!(!sql.contains("ft_content\" ") && !sql.contains(".\"ft_data\""), "{sql}");
        apply(path, &sql);
        let table = if option == "--undo" { "ft" } else { "old_ft" };
        let connection = rusqlite::Connection::open(path).unwrap();
        let found = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(found(&format!("SELECT count(*) FROM {table} WHERE {table} MATCH '{word}'")), 1);
        connection.execute_batch(&format!("INSERT INTO {table}({table}) VALUES ('integrity-check')")).unwrap();
        let rows = i64::from(option == "--sql");
        assert_eq!((found("SELECT count(*) FROM t"), found("SELECT count(*) FROM ft_users")), (rows, rows));
    }
}

#[test]
fn unique_values_are_exchanged_wherever_they_are() {
    let first = "CREATE TABLE g(id INTEGER PRIMARY KEY, a, b AS (a + 1)); CREATE UNIQUE INDEX gb ON g(b);
        CREATE TABLE e(id INTEGER PRIMARY KEY, [x\"z] INT); CREATE UNIQUE INDEX ez ON e([x\"z]);
        CREATE TABLE f(id INTEGER PRIMARY KEY, a, c); CREATE UNIQUE INDEX fa ON f(a * 2) WHERE c;
        INSERT INTO g VALUES (1,1),(2,2); INSERT INTO e VALUES (1,1),(2,2); INSERT INTO f VALUES (1,1,1),(2,1,0);";
    let changes = "UPDATE g SET a = -a; UPDATE g SET a = 3 + a; UPDATE e SET [x\"z] = -[x\"z];
        UPDATE e SET [x\"z] = 3 + [x\"z]; UPDATE f SET c = 0; UPDATE f SET c = 1 WHERE id = 2;";
    Database::changed(first, changes).proves_both_ways();
}
