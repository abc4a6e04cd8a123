//! What a restore of tables refuses, proves before it is seen, and tells as lost.

use crate::world::World;
use datakeep_source_sqlite::run_script;

/// A repository with a snapshot `q` of a database made by these statements, and the location of another database.
fn captured(sql: &str) -> (World, String) {
    let world = World::new();
    run_script(&world.path("q.db"), sql).unwrap();
    world.run(&["backup", &format!("sqlite:{}", world.text("q.db"))]).expect(0);
    let other = format!("sqlite:{}", world.text("other.db"));
    (world, other)
}

#[test]
fn a_new_file_is_proven_without_a_copy_before_it_is_seen() {
    let (world, other) = captured("CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'x');");
    let arguments = ["restore", "q", "--to", &other, "--json"];
    let said = world.run_with(&[("TMPDIR", "/nonexistent")], &arguments).expect(0).json();
    assert_eq!((said["proof"].as_str(), said["proven_rows"].as_u64()), (Some("proven"), Some(1)), "{said}");
    // In a database that stands the proof needs a copy, and the hint names an option that is there.
    let arguments = ["restore", "q:t", "--to", &other, "--into-table", "u"];
    world.run_with(&[("TMPDIR", "/nonexistent")], &arguments).expect(13).err_has("spool");
    let spool = format!("spool={}", world.text("."));
    let arguments = ["restore", "q:t", "--to", &other, "--into-table", "v", "--database-option", &spool];
    world.run_with(&[("TMPDIR", "/nonexistent")], &arguments).expect(0).out_has("proven");
    world.run(&["restore", "q:t", "--to", &other, "--database-option", "sppol=x"]).expect(2).err_has("sppol");
    world.run(&["restore", "q:t", "--to", &other, "--database-option", "spool"]).expect(2).err_has("KEY=VALUE");
}

#[test]
fn options_of_databases_reach_them() {
    let (world, _) = captured("CREATE TABLE t(a);");
    let location = format!("sqlite:{}", world.text("q.db"));
    world.run(&["backup", &location, "--database-option", "integrity-check=full"]).expect(0);
    world.run(&["backup", &location, "--database-option", "integrity-check=maybe"]).expect(2).err_has("maybe");
    world.run(&["backup", &world.text("q.db"), "--database-option", "spool=/"]).expect(2).err_has("for databases");
}

#[test]
fn a_rehearsal_refuses_what_the_restore_refuses() {
    let (world, other) = captured(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, '007'); CREATE TABLE bare(a); INSERT INTO bare VALUES (1);",
    );
    run_script(
        &world.path("other.db"),
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER); CREATE TABLE bare(a); INSERT INTO bare VALUES ('mine');",
    )
    .unwrap();
    for dry in [&["-n"][..], &[]] {
        let run =
            |arguments: &[&str]| world.run(&[&["restore"], arguments, &["--to", &other, "--merge"], dry].concat());
        run(&["q:t"]).expect(1).err_has("column v");
        run(&["q:t", "--key", "1"]).expect(1).err_has("column v");
        run(&["q:bare"]).expect(1).err_has("declares no key");
        run(&["q:bare", "--key", "1"]).expect(1).err_has("declares no key");
    }
}

#[test]
fn what_is_lost_is_listed_and_changes_the_exit_code() {
    let (world, other) = captured(
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER PRIMARY KEY, p REFERENCES p(id));
         INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1);",
    );
    let tables = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER PRIMARY KEY, p REFERENCES p(id));";
    run_script(&world.path("other.db"), tables).unwrap();
    let said = world.run(&["restore", "q:t", "--to", &other, "--merge", "--json"]).expect(3).json();
    assert_eq!(said["outcome"].as_str(), Some("partial"), "{said}");
    assert_eq!(said["losses"].as_array().unwrap().len(), 1, "{said}");
    run_script(&world.path("other.db"), "DELETE FROM t;").unwrap();
    world.run(&["restore", "q:t", "--to", &other, "--merge", "--key", "1"]).expect(3).err_has("refer to none");
    run_script(&world.path("other.db"), "DELETE FROM t;").unwrap();
    let said = world.run_with(&[("LANG", "zh_CN.UTF-8")], &["restore", "q:t", "--to", &other, "--merge"]);
    said.expect(3).err_has("丢失");
}

#[test]
fn values_of_a_changed_type_come_back_proven() {
    let (world, other) = captured(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, '01234'); PRAGMA writable_schema=ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER)';",
    );
    world.run(&["restore", "q", "--to", &other]).expect(0).out_has("proven");
}

#[test]
fn a_replaced_table_tells_what_goes_with_it_and_keeps_its_sequence() {
    let table = "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a);";
    let (world, other) =
        captured(&format!("{table} INSERT INTO t VALUES (1, 'x'), (500, 'y'); DELETE FROM t WHERE id = 500;"));
    run_script(&world.path("other.db"), &format!("{table} CREATE INDEX mine ON t(a); INSERT INTO t VALUES (9, 'z');"))
        .unwrap();
    let replace = ["restore", "q:t", "--to", &other, "--overwrite", "always"];
    world.run(&[&replace[..], &["-n"]].concat()).expect(0).out_has("index mine");
    let said = world.run(&[&replace[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(said["tables"][0]["removed"][0].as_str(), Some("index mine"), "{said}");
    run_script(&world.path("other.db"), "INSERT INTO t(a) VALUES ('new');").unwrap();
    world.run(&["backup", &other]).expect(0);
    world.run(&["rows", "other:t", "--key", "501"]).expect(0).out_has("new");
}

#[test]
fn options_that_mean_nothing_are_refused() {
    let (world, other) = captured("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);");
    world.backup().expect(0);
    let location = format!("sqlite:{}", world.text("q.db"));
    world.run(&["backup", &location, "--exclude", "*.tmp"]).expect(2).err_has("--exclude is for files");
    world.run(&["backup", &location, "--one-file-system"]).expect(2).err_has("--one-file-system is for files");
    for wish in [&["--owner"][..], &["--include", "a"], &["--delete"]] {
        let arguments = [&["restore", "q", "--to", &other], wish].concat();
        world.run(&arguments).expect(2).err_has("is for files").err_has(wish[0]);
    }
    let files =
        world.snapshots().iter().find(|one| one["source_kind"] == "files").unwrap()["id"].as_str().unwrap().to_string();
    let to = world.text("out");
    for wish in
        [&["--merge"][..], &["--into-table", "x"], &["--merge", "--key", "1"], &["--database-option", "spool=/"]]
    {
        world
            .run(&[&["restore", &files, "--to", &to], wish].concat())
            .expect(2)
            .err_has("is for databases")
            .err_has(wish[0]);
    }
    world.run(&["restore", &files, "--to", &other]).expect(2).err_has("name a directory");
    assert!(!world.path("out").exists() && !world.path("other.db").exists());
}

#[test]
fn a_target_that_is_locked_is_told_as_busy() {
    let (world, other) = captured("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);");
    run_script(&world.path("other.db"), "CREATE TABLE t(id INTEGER PRIMARY KEY);").unwrap();
    let lock = rusqlite::Connection::open(world.path("other.db")).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let arguments = ["restore", "q:t", "--to", &other, "--merge", "--database-option", "busy-timeout=1ms"];
    world.run(&arguments).expect(11).err_has("busy-timeout");
}

#[test]
fn a_table_gets_another_name_in_a_new_file() {
    let (world, other) = captured(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX by_a ON t(a); INSERT INTO t VALUES (1, 'x');
         CREATE TRIGGER tell AFTER INSERT ON t BEGIN SELECT 1; END;",
    );
    let said = world.run(&["restore", "q:t", "--to", &other, "--into-table", "t2"]).expect(0);
    said.out_has("came without index by_a, trigger tell").out_has("proven: 1 tables, 1 rows");
}
