//! The demo proves what it says, and leaves nothing behind.

use crate::world::World;
use std::fs;

#[test]
fn a_demo_of_a_given_tree_proves_itself_and_tidies_up() {
    let world = World::bare();
    let before = fs::read(world.tree().join("report.txt")).unwrap();
    let (dir, tree) = (world.text("demo"), world.text("tree"));
    let said = world.run(&["demo", "--dir", &dir, "--tree", &tree]).expect(0);
    said.out_has("$ datakeep backup").out_has("✓").out_has("$ datakeep restore");
    assert!(!world.path("demo").exists());
    assert_eq!(fs::read(world.tree().join("report.txt")).unwrap(), before);
    let home: Vec<_> = fs::read_dir(world.path("home")).unwrap().collect();
    assert!(home.is_empty(), "{home:?}");
    let said = world.run(&["demo", "--dir", &dir, "--tree", &tree, "--keep", "--json"]).expect(0);
    assert_eq!(said.lines().len(), 1);
    assert_eq!(said.json()["proven"], true);
    assert!(world.path("demo/repository/config").is_file());
    world.run(&["demo", "--dir", &dir]).expect(1).err_has("not empty");
}
