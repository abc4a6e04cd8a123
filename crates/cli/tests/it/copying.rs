//! `copy`: a second repository with another password.

use crate::world::{Said, World, damage, files};
use std::fs;

const OTHER: &str = "canary-second-2c9e-mule";

/// A repository with two snapshots, and an empty one at `second`.
fn two() -> World {
    let world = World::with_snapshot();
    fs::write(world.tree().join("report.txt"), "second report\n").unwrap();
    world.backup().expect(0);
    init(&world, "second");
    world
}

fn init(world: &World, name: &str) {
    let arguments = ["init", "--kdf-memory", "1", "--kdf-passes", "1", "--no-recovery-code", "--suite"];
    let place = world.text(name);
    let arguments = [&arguments[..], &["chacha20-poly1305", "--repo", &place]].concat();
    world.run_with(&[("DATAKEEP_PASSWORD", OTHER)], &arguments).expect(0);
}

fn copy(world: &World, arguments: &[&str]) -> Said {
    let second = world.text("second");
    world.run_with(&[("DATAKEEP_TO_PASSWORD", OTHER), ("DATAKEEP_TO_REPO", &second)], &[&["copy"], arguments].concat())
}

/// A command on the second repository.
fn there(world: &World, arguments: &[&str]) -> Said {
    let second = world.text("second");
    world.run_with(&[("DATAKEEP_PASSWORD", OTHER), ("DATAKEEP_REPO", &second)], arguments)
}

fn states(said: &Said) -> Vec<String> {
    let snapshots = said.json()["snapshots"].as_array().unwrap().clone();
    snapshots.iter().map(|snapshot| snapshot["state"].as_str().unwrap().to_string()).collect()
}

#[test]
fn everything_is_copied_once_and_restores_there() {
    let world = two();
    let planned = copy(&world, &["--dry-run", "--json"]).expect(0);
    assert_eq!(states(&planned), ["would-copy", "would-copy"]);
    assert_eq!(planned.json()["read_bytes"].as_u64(), Some(300_013 + 14), "{}", planned.out);
    assert!(there(&world, &["snapshots", "--json"]).expect(0).json()["snapshots"].as_array().unwrap().is_empty());
    copy(&world, &["-n"]).expect(0).out_has("to copy: 2").out_has("nothing was written");

    let done = copy(&world, &["--json", "--verify"]).expect(0);
    let document = done.json();
    assert_eq!(states(&done), ["copied", "copied"]);
    assert_eq!((document["type"].as_str(), document["verify"].as_bool()), (Some("copy"), Some(true)));
    assert_eq!(document["read_bytes"].as_u64(), Some(300_013 + 14), "the second reads what changed: {document}");
    assert_eq!(document["snapshots"][1]["compared_bytes"].as_u64(), Some(300_014));

    let (own, copies) = (world.snapshots(), there(&world, &["snapshots", "--json"]).expect(0).json());
    for (original, copy) in own.iter().zip(copies["snapshots"].as_array().unwrap()) {
        for field in
            ["source", "source_kind", "host", "location", "started", "finished", "mark", "tags", "files", "len_bytes"]
        {
            assert_eq!(original[field], copy[field], "{field}");
        }
        assert_eq!((original["origin"].is_null(), &copy["origin"]["snapshot"]), (true, &original["id"]));
    }
    there(&world, &["show", "latest"]).expect(0).out_has("copy of").out_has(own[1]["id"].as_str().unwrap());
    there(&world, &["check", "--read-data"]).expect(0);
    there(&world, &["restore", "latest", "--to", &world.text("out")]).expect(0);
    let report = world.path("out").join(world.text("tree").trim_start_matches('/')).join("report.txt");
    assert_eq!(fs::read_to_string(report).unwrap(), "second report\n");

    assert_eq!(states(&copy(&world, &["--json"]).expect(0)), ["there", "there"]);
    copy(&world, &[]).expect(0).out_has("copied: 0, there already: 2");
    copy(&world, &["tree@latest", "--verify"]).expect(0).out_has("read back and the same");
}

#[test]
fn retention_there_is_its_own() {
    let world = two();
    copy(&world, &[]).expect(0).out_has("copied: 2");
    there(&world, &["forget", "--keep-last", "1", "--yes"]).expect(0);
    there(&world, &["gc", "--yes"]).expect(0);
    assert_eq!(states(&copy(&world, &["--json"]).expect(0)), ["forgotten", "there"]);
    copy(&world, &["-n"]).expect(0).out_has("--all");
    let oldest = world.snapshots()[0]["id"].as_str().unwrap().to_string();
    assert_eq!(states(&copy(&world, &[&oldest, "--json"]).expect(0)), ["copied"]);
    // Nothing of this has touched the first repository, and back is not copied what came from there.
    assert_eq!(world.snapshots().len(), 2);
    world.run(&["check", "--read-data"]).expect(0);
    let first = world.text("repo");
    let back = [("DATAKEEP_TO_PASSWORD", crate::world::PASSWORD), ("DATAKEEP_TO_REPO", &first)];
    let second = world.text("second");
    let back = [&back[..], &[("DATAKEEP_PASSWORD", OTHER), ("DATAKEEP_REPO", second.as_str())]].concat();
    assert_eq!(states(&world.run_with(&back, &["copy", "--json"]).expect(0)), ["there", "there"]);
}

#[test]
fn snapshots_are_chosen() {
    let world = two();
    let tree = world.text("tree");
    world.run(&["backup", "--source", "other", "--tag", "monthly", &tree]).expect(0);
    assert_eq!(states(&copy(&world, &["--tag", "monthly", "--json"]).expect(0)), ["copied"]);
    assert_eq!(states(&copy(&world, &["--source", "other", "--json"]).expect(0)), ["there"]);
    copy(&world, &["--source", "othre"]).expect(1).err_has("other");
    copy(&world, &["nobody"]).expect(1).err_has("nobody");
    copy(&world, &["tree", "--source", "tree"]).expect(2);
    assert_eq!(states(&copy(&world, &["tree", "tree@latest", "--json"]).expect(0)), ["copied"]);
    assert_eq!(states(&copy(&world, &["--all", "--json"]).expect(0)), ["copied", "there", "there"]);
}

#[test]
fn wrong_words_and_wrong_places_are_told() {
    let world = two();
    let with = |to: &str, password: &str| {
        world.run_with(&[("DATAKEEP_TO_PASSWORD", password)], &["copy", "--to", &world.text(to)])
    };
    with("repo", crate::world::PASSWORD).expect(2).err_has("the one that is copied from");
    let again = world.path("again");
    let status = std::process::Command::new("cp").arg("-r").arg(world.path("repo")).arg(&again).status().unwrap();
    assert!(status.success());
    with("again", crate::world::PASSWORD).expect(2).err_has("a copy of its directory");
    with("nowhere", OTHER).expect(10).err_has("to copy to").err_has("datakeep init --repo");
    with("second", "wrong").expect(12).err_has("to copy to").err_has("DATAKEEP_TO_PASSWORD");
    with("tree", OTHER).expect(10).err_has("holds other things");
    world.run(&["copy"]).expect(2).err_has("--to PATH");
    world.run(&["copy", "--to", &world.text("second")]).expect(12).err_has("DATAKEEP_TO_PASSWORD");
    let said = world.run_with(&[("DATAKEEP_LANG", "zh")], &["copy", "--to", &world.text("repo")]);
    said.expect(2).err_has("复制目标");
    assert!(there(&world, &["snapshots", "--json"]).expect(0).json()["snapshots"].as_array().unwrap().is_empty());
}

#[test]
fn a_recovery_code_opens_the_target() {
    let world = World::with_snapshot();
    let place = world.text("coded");
    let cheap = ["init", "--kdf-memory", "1", "--kdf-passes", "1", "--json", "--repo", &place];
    let made = world.run_with(&[("DATAKEEP_PASSWORD", OTHER)], &cheap).expect(0).json();
    let code = made["recovery_code"].as_str().unwrap();
    let with = |code: &str| {
        world
            .run_with(&[("DATAKEEP_TO_RECOVERY_CODE", code)], &["copy", "--to", &place, "--to-recovery-code", "--json"])
    };
    with("AAAA-BBBB").expect(12).err_has("to copy to").err_has("--to-recovery-code");
    assert_eq!(states(&with(code).expect(0)), ["copied"]);
    let both = ["copy", "--to", &place, "--to-recovery-code", "--to-password-file", "nothing"];
    world.run(&both).expect(2);
}

#[test]
fn an_unencrypted_target_wants_a_word() {
    let world = World::with_snapshot();
    let open = world.text("open");
    let mut command = world.command();
    command.env_remove("DATAKEEP_PASSWORD").args(["init", "--unencrypted", "--repo", &open]);
    Said::from(command.output().unwrap()).expect(0);
    world.run(&["copy", "--to", &open]).expect(2).err_has("--unencrypted");
    world.run_with(&[("DATAKEEP_TO_PASSWORD", OTHER)], &["copy", "--to", &open]).expect(12);
    world.run(&["copy", "--to", &open, "--unencrypted"]).expect(0).out_has("copied: 1");
}

#[test]
fn a_configuration_makes_it_a_nightly_thing() {
    let world = two();
    fs::write(world.path("pw"), format!("{OTHER}\n")).unwrap();
    let text = format!("[copy]\nrepository = {:?}\npassword = \"file:{}\"\n", world.text("second"), world.text("pw"));
    fs::write(world.path("c.toml"), text).unwrap();
    world.run(&["copy", "--config", "c.toml", "-q"]).expect(0);
    let shown = world.run(&["config", "show", "--effective", "--config", "c.toml"]).expect(0);
    shown.out_has("copy.repository").out_has("copy.password").out_has("line 2");
    let arguments =
        ["copy", "--to", &world.text("second"), "--to-password-command", &format!("cat {}", world.text("pw"))];
    world.run(&arguments).expect(0).out_has("there already: 2");
    world.run(&["copy", "--to", &world.text("second"), "--to-password-file", "pw"]).expect(0).err_has("chmod 600");
    // What backups start sees none of it.
    let backup = ["backup", "--config", "c.toml", "--command", "--source", "env", "--", "sh", "-c", "env"];
    world.run_with(&[("DATAKEEP_TO_PASSWORD", OTHER), ("DATAKEEP_TO_PASSWORD_FILE", "pw")], &backup).expect(0);
    assert!(!world.run(&["cat", "env:/sh"]).expect(0).out.contains("DATAKEEP_TO_PASSWORD"));
}

#[test]
fn damage_is_lost_and_told() {
    let world = two();
    let mut packs = files(&world.path("repo/data"));
    packs.sort_by_key(|path| fs::metadata(path).unwrap().len());
    let (pack, whole) = (packs[0].clone(), fs::read(&packs[0]).unwrap());
    // In the frame: the directory behind it stays whole.
    let mut harmed = whole.clone();
    harmed[100] ^= 1;
    fs::write(&pack, harmed).unwrap();
    let said = copy(&world, &["--json"]).expect(3);
    let lost = said.json()["items_lost"].as_u64().unwrap();
    assert!(lost > 0, "{}", said.out);
    let losses = said.json()["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|s| s["losses"].as_array().unwrap().clone())
        .count();
    assert_eq!(losses as u64, lost);
    assert!(states(&copy(&world, &["--json"]).expect(0)).iter().any(|state| state == "there-partial"));
    copy(&world, &[]).expect(0).out_has("datakeep copy");
    fs::write(&pack, whole).unwrap();
    let hurt: Vec<String> = said.json()["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|s| s["items_lost"].as_u64() > Some(0))
        .map(|s| s["snapshot"].as_str().unwrap().to_string())
        .collect();
    for id in &hurt {
        assert_eq!(states(&copy(&world, &[id, "--json", "--verify"]).expect(0)), ["copied"]);
    }
    there(&world, &["check", "--read-data"]).expect(0);
}

#[test]
fn a_snapshot_that_cannot_be_read_is_told() {
    let world = two();
    let newest = world.snapshots()[1]["id"].as_str().unwrap().to_string();
    for folder in ["repo/commits", "repo/commits-copies"] {
        damage(files(&world.path(folder)).iter().find(|path| path.ends_with(&newest)).unwrap());
    }
    let said = copy(&world, &["--json"]).expect(3);
    assert_eq!((states(&said).as_slice(), said.json()["unreadable"].as_u64()), (&["copied".to_string()][..], Some(1)));
}

#[test]
fn copies_speak_chinese() {
    let world = two();
    copy(&world, &["--lang", "zh"]).expect(0).out_has("已复制 2 个").out_has("完整");
}
