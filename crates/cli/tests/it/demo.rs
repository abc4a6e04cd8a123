//! The demo proves what it says, and leaves nothing behind.

use crate::world::World;
use std::fs;

#[test]
fn a_demo_of_a_given_tree_proves_itself_and_tidies_up() {
    let world = World::bare();
    let before = fs::read(world.tree().join("report.txt")).unwrap();
    let (dir, tree) = (world.text("demo"), world.text("tree"));
    let said = world.run(&["demo", "--dir", &dir, "--tree", &tree]).expect(0);
    let said = said.out_has("$ datakeep backup").out_has("✓").out_has("$ datakeep restore");
    said.out_has("$ datakeep copy --to").out_has("copied: 4").out_has("read back and the same");
    assert!(!world.path("demo").exists());
    assert_eq!(fs::read(world.tree().join("report.txt")).unwrap(), before);
    let home: Vec<_> = fs::read_dir(world.path("home")).unwrap().collect();
    assert!(home.is_empty(), "{home:?}");
    let said = world.run(&["demo", "--dir", &dir, "--tree", &tree, "--keep", "--json"]).expect(0);
    assert_eq!(said.lines().len(), 1);
    let document = said.json();
    assert_eq!(document["proven"], true);
    let (own, copies) = (document["snapshots"].as_array().unwrap(), document["copies"].as_array().unwrap());
    assert_eq!((own.len(), copies.len()), (4, 4));
    for (original, copy) in own.iter().zip(copies) {
        assert_eq!(copy["origin"]["snapshot"], original["id"]);
    }
    assert!(world.path("demo/repository/config").is_file() && world.path("demo/second-repository/config").is_file());
    // The copy opens with its own password, and with no other.
    let there = |password: &str| {
        let (second, file) = (world.text("demo/second-repository"), world.text(&format!("demo/{password}")));
        world.run(&["snapshots", "--repo", &second, "--password-file", &file])
    };
    there("second-password").expect(0).out_has("office");
    there("password").expect(12);
    let said = world.run(&["demo", "--dir", &world.text("zh"), "--tree", &tree, "--lang", "zh"]).expect(0);
    said.out_has("第二份副本").out_has("已复制 4 个").out_has("完全一致");
    world.run(&["demo", "--dir", &dir]).expect(1).err_has("not empty");
}
