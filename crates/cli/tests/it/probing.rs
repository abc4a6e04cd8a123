//! What a store promises: `doctor store`, `init`, and what `gc` and `repair` make of it.

use crate::world::{Said, World, files};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

const CHECKS: [&str; 10] = [
    "read-after-write",
    "second-handle",
    "ranges",
    "length",
    "list-after-write",
    "create-once",
    "race",
    "delete",
    "name-reuse",
    "clock",
];

/// What is remembered of the store of this world.
fn records(world: &World) -> Vec<PathBuf> {
    let all = files(&world.path("home"));
    all.into_iter().filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("store-probe-")).collect()
}

/// Makes the program believe that this store wants collections to be alone.
fn make_exclusive(world: &World) {
    world.run(&["doctor", "store"]).expect(0);
    let record = &records(world)[0];
    let text = fs::read_to_string(record).unwrap();
    assert!(text.contains("\"collecting\""), "{text}");
    fs::write(record, text.replace("\"collecting\"", "\"exclusive-window\"")).unwrap();
}

/// A run that never ends, as far as anybody can see; its id is this digit again and again.
fn begin_a_run(world: &World, digit: &str) -> String {
    let session = files(&world.path("repo/sessions")).pop().unwrap();
    let id = digit.repeat(session.file_name().unwrap().len());
    fs::copy(&session, session.with_file_name(&id)).unwrap();
    id
}

#[test]
fn the_doctor_probes_without_a_password_and_leaves_nothing() {
    let world = World::with_snapshot();
    let before = files(&world.path("repo"));
    let probe = |arguments: &[&str]| {
        let mut command = world.command();
        command.env_remove("DATAKEEP_PASSWORD").args([&["doctor", "store"], arguments].concat());
        Said::from(command.output().unwrap()).expect(0)
    };
    let said = probe(&[]).out_has("tier: collecting").out_has("20 races of 16").out_has("repository ");
    assert!(!said.out.contains('✗') && said.err.is_empty(), "{}{}", said.out, said.err);
    probe(&["--lang", "zh"]).out_has("级别：collecting").out_has("恰有一个成功").out_has("仓库 ");
    for lang in ["en", "zh"] {
        let document = probe(&["--json", "--lang", lang]).json();
        assert_eq!((&document["v"], &document["type"]), (&1.into(), &"doctor-store".into()));
        assert_eq!((&document["tier"], &document["objects_left"]), (&"collecting".into(), &0.into()));
        assert_eq!((&document["rounds"], &document["racers"]), (&20.into(), &16.into()));
        assert!(document["repository"].is_string() && document["clock_behind_ms"].is_u64(), "{document}");
        let checks = document["checks"].as_array().unwrap();
        let names: Vec<&str> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
        assert_eq!(names, CHECKS);
        assert!(checks.iter().all(|check| check["verdict"] == "good" && check["message"].is_string()), "{document}");
        assert_eq!((&checks[0]["needed_for"], &checks[6]["needed_for"]), (&"backup".into(), &"collection".into()));
        assert_eq!(checks[9]["needed_for"], Value::Null);
    }
    assert_eq!(files(&world.path("repo")), before);
    assert!(!world.path("repo/probe").exists(), "not even a folder stays");
    // The doctor tells what was found.
    world.run(&["doctor"]).expect(0).out_has("tier: collecting");
}

#[test]
fn an_empty_directory_is_probed_before_a_repository_is_made() {
    let world = World::bare();
    fs::create_dir(world.path("repo")).unwrap();
    world.run(&["doctor", "store"]).expect(0).out_has("no repository yet").out_has("tier: collecting");
    assert_eq!(world.run(&["doctor", "store", "--json"]).expect(0).json()["repository"], Value::Null);
    assert_eq!(fs::read_dir(world.path("repo")).unwrap().count(), 0);
    assert_eq!(records(&world).len(), 0);
}

#[test]
fn a_repository_that_does_not_open_has_a_store_all_the_same() {
    let world = World::with_snapshot();
    crate::world::damage(&world.path("repo/config"));
    // Where the slots do not agree, their copies of the config are not believed.
    fs::write(world.path("repo/config-keys/stray"), "not a slot").unwrap();
    world.run(&["doctor", "store"]).expect(0).out_has("cannot be opened").out_has("tier: collecting");
    fs::remove_file(world.path("repo/config")).unwrap();
    world.run(&["doctor", "store", "--lang", "zh"]).expect(0).out_has("无法打开");
}

#[test]
fn wrong_places_are_told_and_left_alone() {
    let world = World::with_snapshot();
    let at = |place: &str| world.run(&["doctor", "store", "--repo", &world.text(place)]);
    at("nowhere").expect(10).err_has("no directory").err_has("hint");
    assert!(!world.path("nowhere").exists());
    at("tree/report.txt").expect(10).err_has("not a directory").err_has("hint");
    let before = files(&world.tree());
    at("tree").expect(10).err_has("holds other things");
    assert_eq!(files(&world.tree()), before);
    world.run(&["doctor", "stroe"]).expect(2).err_has("`store`");
    world.run(&["doctor", "store", "--rounds", "3"]).expect(2);
    world.run(&["doctor", "store", "--repo", "sftp://host/x"]).expect(2).err_has("name a directory");
    let error = world.run(&["doctor", "store", "--json", "--repo", &world.text("nowhere")]).expect(10).json();
    assert_eq!((&error["type"], &error["kind"]), (&"error".into(), &"no-repository".into()));
}

#[test]
fn a_place_that_cannot_be_written_is_refused() {
    let world = World::bare();
    fs::create_dir(world.path("closed")).unwrap();
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(world.path("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = world.command();
        command.args(arguments).args(["--repo", &world.text("closed")]);
        if rustix::process::geteuid().is_root() {
            // For root nothing is closed.
            command.uid(65534).gid(65534);
        }
        command.output()
    };
    // The program itself may stand where others must not look.
    let Ok(output) = run(&["doctor", "store"]) else { return };
    Said::from(output).expect(16).err_has("store refused").err_has("read-only");
    let init = ["init", "--kdf-memory", "1", "--kdf-passes", "1"];
    Said::from(run(&init).unwrap()).expect(16).err_has("store refused");
}

#[test]
fn what_a_killed_probe_left_is_neither_damage_nor_content() {
    let world = World::bare();
    let leave = || {
        fs::create_dir_all(world.path("repo/probe/00ff")).unwrap();
        fs::write(world.path("repo/probe/00ff/race-0"), "x").unwrap();
    };
    leave();
    world.run(&["doctor", "store"]).expect(0).out_has("no repository yet");
    world.run(&["init", "--kdf-memory", "1", "--kdf-passes", "1", "--no-recovery-code"]).expect(0);
    world.backup().expect(0);
    leave();
    for command in [&["check", "--read-data"][..], &["scrub"], &["gc"], &["repair"], &["stats"], &["doctor"]] {
        let said = world.run(command).expect(0);
        assert!(!format!("{}{}", said.out, said.err).contains("probe/"), "{command:?}: {}{}", said.out, said.err);
    }
    assert!(world.path("repo/probe/00ff/race-0").exists(), "a probe that may be going on is left alone");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    fs::File::open(world.path("repo/probe/00ff/race-0")).unwrap().set_modified(old).unwrap();
    world.run(&["doctor", "store"]).expect(0);
    assert!(!world.path("repo/probe").exists());
}

#[test]
fn the_first_collection_probes_and_remembers() {
    let world = World::with_snapshot();
    assert_eq!(records(&world).len(), 0);
    world.run(&["gc", "--dry-run"]).expect(0);
    assert_eq!(records(&world).len(), 0, "a dry run writes nothing");
    world.run(&["gc"]).expect(0);
    let record = records(&world).pop().unwrap();
    let written = fs::metadata(&record).unwrap().modified().unwrap();
    world.run(&["gc"]).expect(0);
    assert_eq!(fs::metadata(&record).unwrap().modified().unwrap(), written, "it is not probed again");
    for nonsense in ["", "{}", "{\"v\":2}", "not json"] {
        fs::write(&record, nonsense).unwrap();
        world.run(&["gc"]).expect(0);
        assert!(fs::read_to_string(&record).unwrap().contains("collecting"));
    }
    fs::remove_dir_all(world.path("home")).unwrap();
    world.run(&["gc"]).expect(0);
    assert_eq!(records(&world).len(), 1);
}

#[test]
fn a_killed_run_is_given_up_by_name_on_an_exclusive_store() {
    let world = World::with_snapshot();
    make_exclusive(&world);
    world.run(&["gc"]).expect(0);
    let id = begin_a_run(&world, "0");
    world.run(&["gc"]).expect(11).err_has(&format!("gc --ended {id}"));
    world.run(&["gc", "--ended", "nobody"]).expect(1).err_has("nobody");
    world.run(&["gc", "--ended", &id[..8], "--dry-run"]).expect(2);
    world.run(&["gc", "--ended", &id[..8]]).expect(0).out_has("given up");
    world.run(&["gc"]).expect(0);
    world.run(&["restore", "latest", "--to", &world.text("out")]).expect(0);
}

#[test]
fn on_an_exclusive_store_nothing_is_collected_beside_a_run() {
    let world = World::with_snapshot();
    make_exclusive(&world);
    world.run(&["doctor"]).expect(0).out_has("exclusive-window").out_has("doctor store");
    world.run(&["gc"]).expect(0);
    let id = begin_a_run(&world, "0");
    let before = files(&world.path("repo"));
    for command in [&["gc"][..], &["gc", "--patience", "0s", "--yes"], &["repair", "--patience", "0s", "--yes"]] {
        let said = world.run(command).expect(11).err_has("has no end").err_has("doctor store");
        said.err_has(&id[..8]);
        world.run(&[command, &["--lang", "zh"]].concat()).expect(11).err_has("尚未结束");
        let error = world.run(&[command, &["--json"]].concat()).expect(11).json();
        assert_eq!((&error["kind"], &error["code"]), (&"busy".into(), &11.into()));
    }
    assert_eq!(files(&world.path("repo")), before, "nobody is given up");
    world.run(&["gc", "--dry-run"]).expect(0).out_has("not ended");
    world.run(&["restore", "latest", "--to", &world.text("out")]).expect(0);
    // Asked again, this store promises everything: what was remembered goes.
    world.run(&["doctor", "store"]).expect(0);
    world.run(&["gc", "--patience", "0s"]).expect(0).out_has("given up");
}

#[test]
fn much_is_not_deleted_by_a_mere_yes() {
    let world = World::with_snapshot();
    // A pack of nobody, as a run without an intent would leave it: it takes no room on the disk.
    let make = |byte: &str, len_bytes: u64| {
        let pack = world.path(&format!("repo/data/{byte}/{}-0", byte.repeat(12)));
        fs::create_dir_all(pack.parent().unwrap()).unwrap();
        fs::File::create(&pack).unwrap().set_len(len_bytes).unwrap();
        pack
    };
    let pack = make("ab", 100 << 20);
    let plan = world.run(&["gc", "--dry-run", "--json"]).expect(0).json();
    assert_eq!((&plan["delete_percent"], &plan["max_delete_percent"]), (&100.into(), &50.into()), "{plan}");
    for arguments in [&["--yes"][..], &[], &["--max-delete", "99", "--yes"]] {
        let said = world.run(&[&["gc"], arguments].concat()).expect(2);
        said.err_has("100.0 MiB of 100.").err_has("(100 %").err_has("--yes --max-delete 100");
    }
    world.run(&["gc", "--yes", "--lang", "zh"]).expect(2).err_has("超过 50 %");
    world.run(&["gc", "--max-delete", "100"]).expect(2).err_has("agree with --yes");
    for wrong in ["0", "101", "half"] {
        world.run(&["gc", "--max-delete", wrong]).expect(2);
    }
    assert!(pack.exists());
    world.run(&["gc", "--yes", "--max-delete", "100"]).expect(0).out_has("(100 %)");
    assert!(!pack.exists());
    // Below the floor a yes is enough.
    let pack = make("cd", 60 << 20);
    world.run(&["gc"]).expect(2).err_has("agree with --yes");
    world.run(&["gc", "--yes"]).expect(0);
    assert!(!pack.exists());
    world.run(&["check", "--read-data"]).expect(0);
}
