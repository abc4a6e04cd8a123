//! `gc`: the plan, the question, what it frees and what it leaves.

use crate::world::{World, files};
use std::fs;

fn packs_bytes(world: &World) -> u64 {
    let folders = ["repo/data", "repo/meta"].map(|folder| world.path(folder));
    folders.iter().flat_map(|folder| files(folder)).map(|path| fs::metadata(path).unwrap().len()).sum()
}

/// Two snapshots, the older of which had a large file that the newer one has not; the older is forgotten.
fn with_waste() -> World {
    let world = World::new();
    // Content that does not compress, so that it is most of the repository.
    let mut state = 1u64;
    let noise = (0..8_000_000).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    fs::write(world.tree().join("big"), noise.collect::<Vec<u8>>()).unwrap();
    world.backup().expect(0);
    fs::remove_file(world.tree().join("big")).unwrap();
    world.backup().expect(0);
    let older = world.snapshots()[0]["id"].as_str().unwrap().to_string();
    world.run(&["forget", &older, "--yes"]).expect(0);
    world
}

#[test]
fn gc_plans_asks_and_frees() {
    let world = with_waste();
    let before = packs_bytes(&world);
    let plan = world.run(&["gc", "--dry-run", "--json"]).expect(0).json();
    assert_eq!((plan["type"].as_str(), plan["dry_run"].as_bool()), (Some("gc"), Some(true)));
    assert!(plan["free_bytes"].as_u64().unwrap() > 2_000_000, "{plan}");
    assert_eq!(packs_bytes(&world), before, "a dry run deletes nothing");

    if plan["deleted"]["bytes"].as_u64().unwrap() + plan["rewritten"]["bytes"].as_u64().unwrap() > before / 2 {
        world.run(&["gc"]).expect(2).err_has("--yes");
        assert_eq!(packs_bytes(&world), before, "much is not deleted unasked");
    }

    let done = world.run(&["gc", "--yes", "--json"]).expect(0).json();
    assert!(done["finished"].as_bool().unwrap() && done["deleted_bytes"].as_u64().unwrap() > 2_000_000, "{done}");
    assert!(packs_bytes(&world) + 2_000_000 < before);
    world.run(&["check", "--read-data"]).expect(0);
    world.run(&["restore", "latest", "--to", &world.text("out")]).expect(0);
    world.run(&["gc"]).expect(0).out_has("nothing to free");
    world.backup().expect(0);
}

#[test]
fn gc_speaks_chinese() {
    let world = with_waste();
    let said = world.run(&["gc", "--yes", "--lang", "zh"]).expect(0);
    said.out_has("备份集").out_has("已删除");
}

#[test]
fn wrong_words_are_told() {
    let world = World::with_snapshot();
    world.run(&["gc", "--patience", "3 weeks"]).expect(2).err_has("90s, 10m, 1h or 2d");
    world.run(&["gc", "--max-unused", "101"]).expect(2);
    world.run(&["gc", "--force"]).expect(2);
    world.run_with(&[("DATAKEEP_PASSWORD", "wrong")], &["gc"]).expect(12);
    world.run_with(&[("DATAKEEP_REPO", "/nowhere/at/all")], &["gc"]).expect(10);
}

#[test]
fn a_snapshot_that_cannot_be_read_stops_gc() {
    let world = with_waste();
    world.backup().expect(0);
    let newest = world.snapshots().last().unwrap()["id"].as_str().unwrap().to_string();
    for folder in ["repo/commits", "repo/commits-copies"] {
        crate::world::damage(files(&world.path(folder)).iter().find(|path| path.ends_with(&newest)).unwrap());
    }
    let before = packs_bytes(&world);
    world.run(&["gc", "--yes"]).expect(15);
    assert_eq!(packs_bytes(&world), before, "nothing is deleted when it is not known what is needed");
}
