//! Standard input and commands.

use crate::world::World;

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
