//! Restores into places where something stands, and from repositories that are damaged.

use crate::world::{World, damage};
use std::fs;

#[test]
fn a_target_that_is_not_empty_is_refused_until_told() {
    let world = World::with_snapshot();
    let (place, to) = (world.place(""), world.text("out"));
    fs::create_dir(&to).unwrap();
    fs::write(world.path("out/report.txt"), "mine\n").unwrap();
    fs::write(world.path("out/extra.txt"), "extra\n").unwrap();
    world.run(&["restore", &place, "--to", &to]).expect(1).err_has("not empty").err_has("--overwrite");
    world.run(&["restore", &place, "--to", &to, "--overwrite", "never"]).expect(0);
    assert_eq!(fs::read_to_string(world.path("out/report.txt")).unwrap(), "mine\n");
    world.run(&["restore", &place, "--to", &to, "--overwrite", "changed"]).expect(0);
    assert_eq!(fs::read_to_string(world.path("out/report.txt")).unwrap(), "first report\n");
    world.run(&["restore", &place, "--to", &to, "--delete"]).expect(2).err_has("--yes");
    assert!(world.path("out/extra.txt").exists());
    world.run(&["restore", &place, "--to", &to, "--delete", "--dry-run"]).expect(0).out_has("extra.txt");
    assert!(world.path("out/extra.txt").exists());
    world.run(&["restore", &place, "--to", &to, "--delete", "--yes"]).expect(0);
    assert!(!world.path("out/extra.txt").exists());
}

#[test]
fn one_file_and_patterns_can_be_restored() {
    let world = World::with_snapshot();
    world.run(&["restore", &world.place("/report.txt"), "--to", &world.text("one")]).expect(0);
    assert_eq!(fs::read_to_string(world.path("one/report.txt")).unwrap(), "first report\n");
    world.run(&["restore", &world.place(""), "--to", &world.text("some"), "--include", "*.bin"]).expect(0);
    assert!(world.path("some/sub/data.bin").exists() && !world.path("some/report.txt").exists());
    world.run(&["restore", &world.place(""), "--to", &world.text("none"), "--include", "*.nope"]).expect(1);
}

#[test]
fn damage_beside_the_data_is_told_with_its_own_code() {
    let world = World::with_snapshot();
    damage(&world.object("index"));
    let said = world.run(&["restore", "latest", "--to", &world.text("out")]).expect(15);
    said.err_has("is proven").err_has("index/");
    let restored = format!("out{}/sub/data.bin", world.text("tree"));
    assert_eq!(fs::read(world.path(&restored)).unwrap(), vec![7u8; 300_000]);
    world.run(&["check"]).expect(15).err_has("index/");
}

#[test]
fn damaged_data_is_lost_and_told() {
    let world = World::with_snapshot();
    damage(&world.object("data"));
    let said = world.run(&["restore", &world.place(""), "--to", &world.text("out"), "--json"]).expect(15);
    let report = said.json();
    assert!(report["items_damaged"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["outcome"], "partial");
    world.run(&["check", "--read-data"]).expect(15);
}

/// Bytes without any pattern, so that nothing is deduplicated or compressed.
fn noise(len: usize, mut seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        bytes.extend_from_slice(&seed.to_le_bytes());
    }
    bytes
}

/// What stands in the target is all there is: it is not half replaced by what cannot be had.
#[test]
fn a_damaged_frame_leaves_the_file_that_was_to_be_updated_whole() {
    let world = World::new();
    // Some frames, and less than is worth a record of progress: that would be a second pack.
    fs::write(world.path("tree/big"), noise(9 << 20, 7)).unwrap();
    world.backup().expect(0);
    damage(&world.object("data"));
    let mine = noise((9 << 20) + 5, 9);
    fs::create_dir(world.path("out")).unwrap();
    fs::write(world.path("out/big"), &mine).unwrap();
    let (place, to) = (world.place(""), world.text("out"));
    let said = world.run(&["restore", &place, "--to", &to, "--overwrite", "changed"]).expect(15).err_has("big: ");
    assert_eq!(said.err.matches("big: ").count(), 1, "{}", said.err);
    assert!(fs::read(world.path("out/big")).unwrap() == mine, "the file was touched");
    assert_eq!(fs::read_to_string(world.path("out/report.txt")).unwrap(), "first report\n");
}

#[test]
fn the_closing_words_claim_what_was_done() {
    let world = World::with_snapshot();
    let (place, to) = (world.place(""), world.text("out"));
    world.run(&["restore", &place, "--to", &to]).expect(0).out_has("every byte of it was proven");
    let said = world.run(&["restore", &place, "--to", &to, "--overwrite", "changed"]).expect(0);
    assert!(!said.out.contains("proven"), "{}", said.out);
    said.out_has("no content was written").out_has("left by size and time");
    let said = world.run(&["restore", &place, "--to", &to, "--overwrite", "never"]).expect(0);
    said.out_has("kept, whatever they hold");
}

/// Files to be updated are compared before they are written, and none stays open in between.
#[test]
fn more_files_than_may_be_open_are_updated() {
    let world = World::new();
    for number in 0..400 {
        fs::write(world.tree().join(format!("{number}")), format!("new {number}")).unwrap();
    }
    world.backup().expect(0);
    fs::create_dir(world.path("out")).unwrap();
    for number in 0..400 {
        fs::write(world.path(&format!("out/{number}")), "old").unwrap();
    }
    let line = "ulimit -n 128 && exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("sh");
    let usual = world.command();
    command.env_clear().envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.args(["-c", line, env!("CARGO_BIN_EXE_datakeep"), "restore", &world.place(""), "--to"]);
    command.args([&world.text("out"), "--overwrite", "changed"]);
    crate::world::Said::from(command.output().unwrap()).expect(0);
    for number in 0..400 {
        assert_eq!(fs::read_to_string(world.path(&format!("out/{number}"))).unwrap(), format!("new {number}"));
    }
}
