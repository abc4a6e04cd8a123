//! Memory is a setting: the real program holds no more than it is told to, however many threads it is given.

use crate::peak;
use crate::world::{PASSWORD, World};
use datakeep_testkit::random_bytes;
use rusqlite::{Connection, params};
use std::fs;
use std::process::Stdio;

const NEW_REPOSITORY: [&str; 6] = ["init", "--kdf-memory", "1", "--kdf-passes", "1", "--no-recovery-code"];

fn peak_mib(world: &World, memory_mib: u64, arguments: &[&str]) -> u64 {
    let mut command = world.command();
    command.args(["--memory", &format!("{memory_mib}M"), "-q"]).args(arguments).stdout(Stdio::null());
    command.env("DATAKEEP_TO_PASSWORD", PASSWORD);
    peak::of(&mut command) >> 20
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
        database
            .execute("INSERT INTO wide VALUES (?, ?)", params![number as i64, random_bytes(number, len_bytes)])
            .unwrap();
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
        peak::try_the_measure(90 << 20);
        for memory_mib in [90, 128, 200, 400] {
            let world = World::new();
            fill(&world);
            let (tree, to) = (world.text("tree"), world.text("out"));
            hold(&world, memory_mib, &["backup", &tree, "--source", "files", "--workers", "16"]);
            hold(&world, memory_mib.max(92), &["restore", "files", "--to", &to, "--workers", "16"]);
            hold(&world, memory_mib.max(92), &["check", "--read-data"]);
            world.run(&[&NEW_REPOSITORY[..], &["--repo", &world.text("second")]].concat()).expect(0);
            hold(&world, memory_mib, &["copy", "--to", &world.text("second"), "--workers", "16"]);
        }
        for memory_mib in [240, 400] {
            let world = World::new();
            database(&world);
            hold(&world, memory_mib, &["backup", &format!("sqlite:{}", world.text("some.db")), "--workers", "16"]);
        }
    });
}

fn hold(world: &World, memory_mib: u64, arguments: &[&str]) {
    let peak = peak_mib(world, memory_mib, arguments);
    println!("{}: {peak} MiB of {memory_mib}", arguments[0]);
    assert!(peak <= memory_mib, "{arguments:?}: {peak} MiB of {memory_mib}");
}

#[test]
fn too_little_memory_is_told_before_anything_is_done() {
    let world = World::new();
    let tree = world.text("tree");
    world.run(&["backup", &tree, "--memory", "64M"]).expect(2).err_has("64.0 MiB is too little").err_has("90.0 MiB");
    world.run(&["backup", &tree, "--memory", "much"]).expect(2).err_has("\"much\" is no size").err_has("--memory");
    world.run_with(&[("DATAKEEP_MEMORY", "1M")], &["check"]).expect(2).err_has("DATAKEEP_MEMORY");
    world.run(&["check", "--memory", "80M", "--lang", "zh"]).expect(2).err_has("至少需要");
    assert_eq!(world.run(&["snapshots", "--json"]).expect(0).json()["snapshots"].as_array().unwrap().len(), 0);
    world.run(&["config", "show", "--effective", "--memory", "1G"]).expect(0).out_has("1.0 GiB");
}
