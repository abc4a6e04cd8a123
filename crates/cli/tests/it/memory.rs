//! Memory is a setting: the real program holds no more than it is told to, however many threads it is given.

use crate::peak;
use crate::world::{PASSWORD, World};
use datakeep_testkit::random_bytes;
use rusqlite::{Connection, params};
use std::fs;
use std::process::Stdio;

/// A repository at `own`, whose slot costs what slots cost by default.
fn world() -> World {
    let world = World::new();
    for name in ["own", "second"] {
        world.run(&["init", "--no-recovery-code", "--repo", &world.text(name)]).expect(0);
    }
    world
}

/// The most KiB that a command held.
fn peak_kib(world: &World, memory_mib: Option<u64>, arguments: &[&str]) -> u64 {
    let mut command = world.command();
    if let Some(mebibytes) = memory_mib {
        command.args(["--memory", &format!("{mebibytes}M")]);
    }
    command.args(["-q", "--repo", &world.text("own")]).args(arguments).stdout(Stdio::null());
    command.env("DATAKEEP_TO_PASSWORD", PASSWORD).env("DATAKEEP_TO_REPO", world.text("second"));
    let peak = peak::of(&mut command) >> 10;
    println!("{}: {} MiB of {memory_mib:?}", arguments[0], peak >> 10);
    peak
}

fn hold(world: &World, memory_mib: u64, arguments: &[&str]) {
    let peak = peak_kib(world, Some(memory_mib), arguments);
    assert!(peak <= memory_mib << 10, "{arguments:?}: {peak} KiB of {memory_mib} MiB");
}

/// Large files that compress and that do not, and many small ones.
fn fill(world: &World) {
    for number in 0..10 {
        fs::write(world.tree().join(format!("random-{number}")), random_bytes(number, 14 << 20)).unwrap();
        let text: String = (0..1_200_000_u64).map(|word| format!("{} ", word * (number + 3) % 9973)).collect();
        fs::write(world.tree().join(format!("text-{number}")), text).unwrap();
    }
    for number in 0..3000 {
        fs::write(world.tree().join(format!("small-{number}")), random_bytes(number, number as usize % 4000)).unwrap();
    }
}

fn database(world: &World) {
    let database = Connection::open(world.path("some.db")).unwrap();
    let sql = "CREATE TABLE wide (id INTEGER PRIMARY KEY, body BLOB); \
               CREATE TABLE long (id INTEGER PRIMARY KEY, a INT, b REAL, c TEXT); BEGIN";
    database.execute_batch(sql).unwrap();
    for number in 0..90 {
        let len_bytes = if number % 3 == 0 { 3 << 20 } else { 200_000 };
        let body = random_bytes(number, len_bytes);
        database.execute("INSERT INTO wide VALUES (?, ?)", params![number as i64, body]).unwrap();
    }
    let mut row = database.prepare("INSERT INTO long VALUES (?, ?, ?, ?)").unwrap();
    for number in 0..300_000_i64 {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64);
        row.execute(params![number, mixed >> 20, mixed as f64 / 7.0, format!("{mixed:x} and {number} more")]).unwrap();
    }
    drop(row);
    database.execute_batch("COMMIT").unwrap();
}

#[test]
fn no_run_holds_more_than_it_is_told_to() {
    peak::by_itself("memory::no_run_holds_more_than_it_is_told_to", || {
        for memory_mib in [96, 128, 200] {
            let world = world();
            fill(&world);
            let (tree, to) = (world.text("tree"), world.text("out"));
            hold(&world, memory_mib, &["backup", &tree, "--source", "files", "--workers", "16"]);
            hold(&world, memory_mib, &["restore", "files", "--to", &to, "--workers", "16"]);
            hold(&world, memory_mib, &["check", "--read-data"]);
            hold(&world, memory_mib, &["copy", "--workers", "16"]);
        }
    });
}

#[test]
fn no_run_of_tables_holds_more_than_it_is_told_to() {
    peak::by_itself("memory::no_run_of_tables_holds_more_than_it_is_told_to", || {
        let world = world();
        database(&world);
        let (some, other) = (world.text("some.db"), world.text("other.db"));
        hold(&world, 240, &["backup", &format!("sqlite:{some}"), "--source", "rows", "--workers", "16"]);
        hold(&world, 240, &["restore", "rows", "--to", &format!("sqlite:{other}")]);
        hold(&world, 240, &["check", "--read-data"]);
        hold(&world, 240, &["copy", "--workers", "16"]);
    });
}

/// Proof that the measure can find something: a run that is told nothing holds more than the limits above.
#[test]
fn a_run_without_a_limit_is_found_to_hold_more() {
    peak::by_itself("memory::a_run_without_a_limit_is_found_to_hold_more", || {
        let world = world();
        fill(&world);
        let tree = world.text("tree");
        let peak = peak_kib(&world, None, &["backup", &tree, "--source", "files", "--workers", "16"]);
        assert!(peak > 200 << 10, "{peak} KiB without a limit: the limits prove nothing");
    });
}

#[test]
fn too_little_memory_is_told_before_anything_is_done() {
    let world = World::new();
    let tree = world.text("tree");
    world.run(&["backup", &tree, "--memory", "64M"]).expect(2).err_has("64.0 MiB is too little").err_has("96.0 MiB");
    world.run(&["backup", &tree, "--memory", "much"]).expect(2).err_has("\"much\" is no size").err_has("--memory");
    world.run_with(&[("DATAKEEP_MEMORY", "1M")], &["check"]).expect(2).err_has("DATAKEEP_MEMORY");
    world.run(&["check", "--memory", "80M", "--lang", "zh"]).expect(2).err_has("至少需要");
    assert_eq!(world.run(&["snapshots", "--json"]).expect(0).json()["snapshots"].as_array().unwrap().len(), 0);
    world.run(&["config", "show", "--effective", "--memory", "1.5 GiB"]).expect(0).out_has("1.5 GiB");
    world.run(&["backup", &tree, "--memory", "96.0 MiB"]).expect(0);
    // A slot is not given more than the run, unless its owner says so.
    world.run_with(&[("DATAKEEP_NEW_PASSWORD", "second")], &["key", "add", "--kdf-memory", "128"]).expect(0);
    let as_second = [("DATAKEEP_PASSWORD", "second")];
    world.run_with(&as_second, &["check", "--memory", "100M"]).expect(12).err_has("--kdf-limit 128");
    world.run_with(&as_second, &["check", "--memory", "100M", "--kdf-limit", "128"]).expect(0);
}
