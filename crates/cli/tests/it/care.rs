//! Looking after the stored bytes: `check`, `scrub`, `repair`.

use crate::world::{PASSWORD, World, damage};
use std::fs;

/// Two packs of content, so that shares differ.
fn two_packs() -> World {
    let world = World::with_snapshot();
    fs::write(world.tree().join("more.bin"), "more and more\n".repeat(9000)).unwrap();
    world.backup().expect(0);
    world
}

#[test]
fn slices_together_find_damage_that_the_structure_hides() {
    let world = two_packs();
    for slice in ["1/3", "2/3", "3/3", "1/1"] {
        let said = world.run(&["check", "--slice", slice, "--json"]).expect(0).json();
        assert_eq!((&said["slice"], &said["read_data"]), (&slice.into(), &false.into()));
    }
    world.run(&["check", "--slice", "1/1"]).expect(0).out_has("slice 1/1");
    let packs = crate::world::files(&world.path("repo/data"));
    assert_eq!(packs.len(), 2);
    let mut bytes = fs::read(&packs[0]).unwrap();
    bytes[100] ^= 1;
    fs::write(&packs[0], bytes).unwrap();
    let codes: Vec<i32> =
        ["1/3", "2/3", "3/3"].iter().map(|slice| world.run(&["check", "--slice", slice]).code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 15).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 2, "{codes:?}");
}

#[test]
fn a_slice_that_makes_no_sense_is_wrong_usage() {
    let world = World::with_snapshot();
    for slice in ["0/4", "5/4", "x", "1/0", "", "1/", "-1/4", "1/4/2"] {
        world.run(&["check", &format!("--slice={slice}")]).expect(2).err_has("hint");
    }
    world.run(&["check", "--read-data", "--slice", "1/4"]).expect(2);
}

#[test]
fn scrub_needs_no_password_and_finds_every_damaged_pack() {
    let world = two_packs();
    let scrub = |code: i32, arguments: &[&str]| {
        let mut command = world.command();
        command.env_remove("DATAKEEP_PASSWORD").args([&["scrub"], arguments].concat());
        let said = crate::world::Said::from(command.output().unwrap());
        assert!(!said.out.contains(PASSWORD));
        said.expect(code)
    };
    scrub(0, &[]).out_has("no damage").out_has("only `datakeep check`");
    let said = scrub(0, &["--json"]).json();
    assert_eq!((&said["type"], &said["outcome"]), (&"scrub".into(), &"whole".into()));
    assert_eq!((said["packs"].as_u64(), said["slots"].as_u64()), (Some(4), Some(2)));
    scrub(0, &["--lang", "zh"]).out_has("没有发现损坏");
    for folder in ["data", "meta", "config-keys"] {
        for path in crate::world::files(&world.path("repo").join(folder)) {
            let whole = fs::read(&path).unwrap();
            damage(&path);
            scrub(15, &[]).err_has(path.file_name().unwrap().to_str().unwrap()).err_has("hint");
            fs::write(&path, whole).unwrap();
        }
    }
    let config = fs::read(world.path("repo/config")).unwrap();
    damage(&world.path("repo/config"));
    let said = scrub(15, &["--json"]).json();
    assert_eq!((&said["faults"][0]["what"], said["packs"].as_u64()), (&"config".into(), Some(4)));
    fs::write(world.path("repo/config"), config).unwrap();
    scrub(0, &[]);
    fs::remove_dir_all(world.path("repo")).unwrap();
    scrub(10, &[]);
}

#[test]
fn damage_is_named_repaired_and_healed_by_the_next_backup() {
    let world = two_packs();
    world.run(&["repair"]).expect(0).out_has("nothing to repair");
    let packs = crate::world::files(&world.path("repo/data"));
    packs.iter().for_each(|pack| damage(pack));
    let said = world.run(&["check", "--read-data"]).expect(15).err_has("is needed by").err_has("datakeep repair");
    said.err_has("/tree/more.bin");
    let document = world.run(&["check", "--read-data", "--json"]).expect(15).json();
    assert_eq!((document["hurt"].as_array().unwrap().len(), document["hurt_files"].is_array()), (2, true));

    let before = crate::world::files(&world.path("repo")).len();
    let plan = world.run(&["repair", "--dry-run", "--json"]).expect(3).json();
    assert_eq!((plan["packs"].as_array().unwrap().len(), &plan["dry_run"]), (2, &true.into()));
    assert_eq!(crate::world::files(&world.path("repo")).len(), before, "a dry run writes nothing");
    world.run(&["repair"]).expect(2).err_has("--yes");
    let damaged = fs::read(&packs[0]).unwrap();
    world.run(&["repair", "--yes"]).expect(3).out_has("set aside in quarantine: 2 packs").err_has("back up now");
    assert!(!packs[0].exists());
    let kept = world.path("repo/quarantine").join(packs[0].strip_prefix(world.path("repo")).unwrap());
    assert_eq!(fs::read(kept).unwrap(), damaged);
    world.run(&["repair", "--yes"]).expect(0).out_has("nothing to repair");

    world.backup().expect(0);
    world.run(&["check", "--read-data"]).expect(0);
    world.run(&["restore", &world.place(""), "--to", &world.text("out")]).expect(0);
    assert_eq!(fs::read(world.path("out/sub/data.bin")).unwrap(), vec![7u8; 300_000]);
    world.run(&["gc"]).expect(0);
    world.run(&["check", "--read-data"]).expect(0);
    world.run(&["scrub"]).expect(0).out_has("quarantine");
    healed_snapshots_outlive_the_one_that_healed_them(&world);
}

/// The backup that stored again what was lost is forgotten: what it stored stays, since the older snapshot is whole by it.
fn healed_snapshots_outlive_the_one_that_healed_them(world: &World) {
    let ids: Vec<String> =
        world.snapshots().iter().map(|snapshot| snapshot["id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.len() > 1);
    let newest = world.run(&["show", "latest", "--json"]).expect(0).json()["id"].as_str().unwrap().to_owned();
    fs::write(world.path("tree/other.bin"), vec![9u8; 100_000]).unwrap();
    world.run(&["forget", &newest, "--yes"]).expect(0);
    for _ in 0..3 {
        world.run(&["gc", "--yes"]).expect(0);
    }
    for id in ids.iter().filter(|id| **id != newest) {
        let out = world.text(&format!("healed-{id}"));
        world.run(&["restore", id, "--to", &out]).expect(0);
    }
    world.run(&["check", "--read-data"]).expect(0);
}

#[test]
fn a_damaged_index_is_made_again() {
    let world = World::with_snapshot();
    damage(&world.object("index"));
    world.run(&["check"]).expect(15).err_has("index/");
    world.run(&["repair", "--yes", "--lang", "zh"]).expect(0).out_has("重建");
    world.run(&["check", "--read-data"]).expect(0);
}

#[test]
fn damaged_records_are_made_again_or_fall_back() {
    let world = World::with_snapshot();
    world.run(&["tag", "tree", "--add", "first"]).expect(0);
    world.run(&["tag", "tree", "--add", "second"]).expect(0);
    for folder in ["reach", "commits", "sessions"] {
        damage(&world.object(folder));
    }
    assert_eq!(world.snapshots().len(), 1, "the decision has a second copy");
    let labels = crate::world::files(&world.path("repo/tags"));
    damage(labels.iter().find(|path| path.ends_with("1")).unwrap());
    world.run(&["check"]).expect(15).err_has("reach/").err_has("commits/").err_has("tags/");
    let plan = world.run(&["repair", "--dry-run", "--json"]).expect(0).json();
    assert_eq!((plan["records"].as_array().unwrap().len(), plan["reaches"].as_array().unwrap().len()), (4, 1));
    assert_eq!((&plan["labels"][0]["labels"][0], &plan["reaches"][0]["keeps_all"]), (&"first".into(), &false.into()));
    let said = world.run(&["repair", "--yes"]).expect(0).out_has("from its tree").out_has("in force now: first");
    said.out_has("1 of use, 1 decisions, 1 of runs");
    world.run(&["check", "--read-data"]).expect(0);
    world.run(&["repair"]).expect(0).out_has("nothing to repair");
    world.backup().expect(0);
    world.run(&["gc"]).expect(0);
}

#[test]
fn a_lost_snapshot_is_given_up_only_by_name() {
    let world = World::with_snapshot();
    let id = world.snapshots()[0]["id"].as_str().unwrap().to_string();
    for folder in ["commits", "commits-copies"] {
        damage(&world.object(folder));
    }
    world.run(&["gc"]).expect(15);
    world.run(&["repair", "--yes"]).expect(15).err_has(&format!("lost: snapshot {id} of tree")).err_has("--give-up");
    world.run(&["repair", "--yes", "--give-up", "ffffffffffff"]).expect(1).err_has("no snapshot is lost");
    world.run(&["gc"]).expect(15);
    let packs = crate::world::files(&world.path("repo/data")).len();
    let planned = world.run(&["repair", "--dry-run", "--json", "--give-up", &id[..8]]).expect(3).json();
    assert_eq!((&planned["lost_snapshots"][0]["given_up"], &planned["given_up_snapshots"]), (&true.into(), &0.into()));
    world.run(&["repair", "--give-up", &id]).expect(2).err_has("--yes");
    world.run(&["repair", "--yes", "--give-up", &id]).expect(3).out_has("snapshots given up: 1");
    assert_eq!(crate::world::files(&world.path("repo/data")).len(), packs, "nothing is freed yet");
    world.run(&["check"]).expect(0);
    world.run(&["gc", "--yes", "--patience", "0s"]).expect(0);
    world.backup().expect(0);
    world.run(&["check", "--read-data"]).expect(0);
}
