//! Standard input and commands.

use crate::world::World;
use std::fs;

#[test]
fn standard_input_becomes_a_file() {
    let world = World::new();
    let body: Vec<u8> = (0..2_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    world.run_fed(&body, &["backup", "-", "--file-name", "dump.sql", "--source", "shop"]).expect(0);
    assert_eq!(world.run(&["cat", "shop:/dump.sql"]).expect(0).raw, body);
}

#[test]
fn a_command_becomes_a_file_only_when_it_succeeds() {
    let world = World::new();
    let script = ["backup", "--command", "--file-name", "out.txt", "--source", "cmd", "--", "sh", "-c"];
    world.run(&[&script[..], &["echo all rows"]].concat()).expect(0);
    assert_eq!(world.run(&["cat", "cmd:/out.txt"]).expect(0).out, "all rows\n");
    let said = world.run(&[&script[..], &["echo some rows; exit 3"]].concat()).expect(13);
    said.err_has("3");
    assert_eq!(world.snapshots().len(), 1);
}

#[test]
fn a_file_name_is_for_streams() {
    let world = World::new();
    world.run(&["backup", "--file-name", "x", &world.text("tree")]).expect(2);
    world.run(&["backup", "-", &world.text("tree")]).expect(2);
}

#[test]
fn patterns_leave_things_out() {
    let world = World::new();
    std::fs::write(world.path("patterns"), "sub/\n").unwrap();
    let tree = world.text("tree");
    world.run(&["backup", &tree, "--exclude-file", &world.text("patterns")]).expect(0);
    let said = world.run(&["ls", "-R", &world.place("")]).expect(0).out_has("report.txt");
    assert!(!said.out.contains("sub"), "{}", said.out);
    std::fs::write(world.path("c.toml"), "[backup]\nexclude = [\"*.txt\"]\n").unwrap();
    world.run(&["backup", &tree, "--config", "c.toml"]).expect(0);
    assert!(!world.run(&["ls", "-R", &world.place("")]).expect(0).out.contains("report.txt"));
}

#[test]
fn names_of_sources_can_be_addressed() {
    let world = World::new();
    let odd = world.text("me@host:latest");
    fs::create_dir(&odd).unwrap();
    world.run(&["backup", &format!("file:{odd}")]).expect(0).out_has("of me-host-latest:");
    world.run(&["show", "me-host-latest@latest"]).expect(0);
    for name in ["a@b", "a:b", "latest", "a\nb"] {
        world.run(&["backup", "tree", "--source", name]).expect(2).err_has("cannot be the name of a source");
    }
}

#[test]
fn two_places_under_one_name_are_warned_of() {
    let world = World::with_snapshot();
    let said = world.backup().expect(0);
    assert!(!said.err.contains("warning"), "{}", said.err);
    fs::create_dir_all(world.path("other/tree")).unwrap();
    let other = world.text("other/tree");
    world.run(&["backup", &other]).expect(0).err_has("newest snapshot of source tree").err_has("--source NAME");
    let said = world.run(&["backup", &other]).expect(0);
    assert!(!said.err.contains("newest snapshot of source"), "{}", said.err);
    world.run(&["backup", &other, "--host", "elsewhere"]).expect(0).err_has("newest snapshot of source tree");
}
