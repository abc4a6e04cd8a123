//! Backup, look around, restore.

use crate::world::{PASSWORD, World, files};
use datakeep_testkit::{CompareOptions, compare_with, observe};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

#[test]
fn a_tree_comes_back_as_it_was() {
    let world = World::new();
    symlink("report.txt", world.tree().join("link")).unwrap();
    fs::hard_link(world.tree().join("report.txt"), world.tree().join("twin")).unwrap();
    world.backup().expect(0).out_has("complete").out_has("new");
    let to = world.text("out");
    world.run(&["restore", &world.place(""), "--to", &to]).expect(0).out_has("proven");
    let (before, after) = (observe(&world.tree()).unwrap(), observe(&world.path("out")).unwrap());
    assert_eq!(compare_with(&before, &after, &CompareOptions::default()), Vec::<String>::new());
}

#[test]
fn snapshots_can_be_listed_shown_and_labelled() {
    let world = World::with_snapshot();
    fs::write(world.tree().join("more.txt"), "more").unwrap();
    world.run(&["backup", &world.text("tree"), "--tag", "evening", "--host", "elsewhere"]).expect(0);
    let all = world.snapshots();
    assert_eq!(all.len(), 2);
    let id = all[1]["id"].as_str().unwrap();
    world.run(&["snapshots"]).expect(0).out_has(&id[..8]).out_has("elsewhere").out_has("evening").out_has("complete");
    let tagged = world.run(&["snapshots", "tree", "--tag", "evening", "--json"]).expect(0).json();
    assert_eq!(tagged["snapshots"].as_array().unwrap().len(), 1);
    assert_eq!(world.run(&["snapshots", "--latest", "--json"]).json()["snapshots"].as_array().unwrap().len(), 1);
    assert_eq!(world.run(&["snapshots", "--last", "1", "--json"]).json()["snapshots"][0]["id"], id);
    world.run(&["show", id]).expect(0).out_has(id).out_has("evening");
    world.run(&["tag", "latest", "--add", "keep", "--remove", "evening"]).expect(0).out_has("keep");
    assert_eq!(world.snapshots()[1]["tags"], serde_json::json!(["keep"]));
    world.run(&["tag", "latest"]).expect(2);
}

#[test]
fn snapshots_are_chosen_by_id_source_and_time() {
    let world = World::with_snapshot();
    let id = world.snapshots()[0]["id"].as_str().unwrap().to_string();
    for name in [&id[..8], &id, "tree", "tree@latest", "tree@now", "latest", &format!("tree@{}", &id[..6])] {
        assert_eq!(world.run(&["show", name, "--json"]).expect(0).json()["id"], id.as_str(), "{name}");
    }
    world.run(&["show", "tree@2001-01-01"]).expect(1);
}

#[test]
fn places_can_be_listed_searched_printed_and_compared() {
    let world = World::with_snapshot();
    world.run(&["ls", &world.place("")]).expect(0).out_has("report.txt").out_has("sub/");
    world.run(&["ls", "-lR", &world.place("")]).expect(0).out_has("sub/data.bin").out_has("300 000");
    world.run(&["find", "*.bin"]).expect(0).out_has("/tree/sub/data.bin");
    world.run(&["find", "*.bin", "--type", "d"]).expect(0);
    let data = world.run(&["cat", &world.place("/sub/data.bin")]).expect(0);
    assert_eq!(data.raw, vec![7u8; 300_000]);
    fs::write(world.tree().join("report.txt"), "second report, longer\n").unwrap();
    fs::remove_file(world.tree().join("sub/data.bin")).unwrap();
    fs::write(world.tree().join("new.txt"), "new").unwrap();
    world.backup().expect(0);
    let said = world.run(&["diff", "tree"]).expect(0);
    for line in ["+  ", "-  ", "M  ", "/tree/new.txt", "/tree/report.txt", "/tree/sub/data.bin", "1 added"] {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
    let summary = world.run(&["diff", "tree", "--stat", "--json"]).expect(0).json();
    assert_eq!(
        (&summary["items_added"], &summary["items_removed"], &summary["items_content"]),
        (&1.into(), &1.into(), &1.into())
    );
    world.run(&["diff", "tree", "tree"]).expect(0).out_has("0 added");
}

#[test]
fn names_are_printed_and_never_obeyed() {
    let world = World::new();
    let evil = std::ffi::OsStr::from_bytes(b"a\nb\x1b[31m");
    fs::write(world.tree().join(evil), "evil").unwrap();
    world.run(&["backup", "-v", &world.text("tree")]).expect(0).err_has("a\\nb\\x1b[31m");
    let shown = "a\\nb\\x1b[31m";
    for arguments in [vec!["ls", &world.place("")], vec!["ls", "-lR", &world.place("")], vec!["find", "a*"]] {
        let said = world.run(&arguments).expect(0).out_has(shown);
        assert!(!said.raw.contains(&0x1b), "{arguments:?}");
    }
    // What is printed can be typed.
    assert_eq!(world.run(&["cat", &world.place(&format!("/{shown}"))]).expect(0).out, "evil");
    let said = world.run(&["ls", &world.place("/a\nx\x1b[0m")]).expect(1);
    assert!(!said.err.contains('\x1b'), "{:?}", said.err);
}

#[test]
fn a_dry_run_writes_nothing() {
    let world = World::new();
    let before = files(&world.path("repo"));
    world.run(&["backup", "--dry-run", &world.text("tree")]).expect(0).out_has("dry-run");
    assert_eq!(files(&world.path("repo")), before);
    world.backup().expect(0);
    world
        .run(&["restore", &world.place(""), "--to", &world.text("out"), "--dry-run"])
        .expect(0)
        .out_has("would create");
    assert!(!world.path("out").exists());
}

#[test]
fn a_repository_inside_the_tree_is_left_out() {
    let world = World::bare();
    let repo = world.text("tree/repo [1]");
    let environment = [("DATAKEEP_REPO", repo.as_str())];
    world.run_with(&environment, &["init", "--kdf-memory", "1", "--kdf-passes", "1", "-q"]).expect(0);
    world.run_with(&environment, &["backup", &world.text("tree")]).expect(0).err_has("left out");
    let said = world.run_with(&environment, &["find", "config"]).expect(0);
    assert!(!said.out.contains("repo"), "{}", said.out);
}

#[test]
fn unencrypted_and_the_other_cipher_work() {
    for (flag, name) in [("--unencrypted", "none"), ("--suite=chacha20-poly1305", "chacha20-poly1305")] {
        let world = World::bare();
        let made = world.run(&["init", flag, "--kdf-memory", "1", "--kdf-passes", "1", "--json"]).expect(0).json();
        assert_eq!(made["suite"], name);
        assert_eq!(made["recovery_code"].is_string(), name != "none");
        let accept = [("DATAKEEP_UNENCRYPTED", "1")];
        world.run_with(&accept, &["backup", &world.text("tree")]).expect(0);
        world.run_with(&accept, &["check", "--read-data"]).expect(0).out_has("no fault");
    }
}

#[test]
fn the_rooms_around_answer() {
    let world = World::with_snapshot();
    world.run(&["stats"]).expect(0).out_has("tree").out_has("packs of content");
    world.run(&["stats", "tree", "--json"]).expect(0).out_has("exclusive_bytes");
    world.run(&["doctor"]).expect(0).out_has("✓").out_has("key slots");
    world.run(&["config", "show", "--effective"]).expect(0).out_has("environment DATAKEEP_REPO");
    world.run(&["completion", "bash"]).expect(0).out_has("datakeep");
    world.run(&["man"]).expect(0).out_has(".TH");
    world.run(&["man", "--dir", &world.text("man")]).expect(0);
    assert!(world.path("man/datakeep-key-add.1").is_file());
    world.run(&["--version"]).expect(0).out_has(env!("CARGO_PKG_VERSION"));
    assert!(!PASSWORD.is_empty());
}
