//! Wrong inputs: each has its exit code and its hint.

use crate::world::{World, damage, files};
use std::fs;

#[test]
fn no_repository() {
    let world = World::bare();
    world.backup().expect(10).err_has("no repository").err_has("datakeep init --repo");
    let mut command = world.command();
    let output = command.env_remove("DATAKEEP_REPO").arg("snapshots").output().unwrap();
    crate::world::Said::from(output).expect(10).err_has("DATAKEEP_REPO");
}

#[test]
fn wrong_password() {
    let world = World::with_snapshot();
    let said = world.run_with(&[("DATAKEEP_PASSWORD", "something else")], &["snapshots"]);
    said.expect(12).err_has("does not open").err_has("--recovery-code");
    world.run_with(&[("DATAKEEP_PASSWORD", "")], &["snapshots"]).expect(2).err_has("empty");
}

#[test]
fn no_password_and_no_terminal() {
    let world = World::new();
    let output = world.command().env_remove("DATAKEEP_PASSWORD").arg("snapshots").output().unwrap();
    crate::world::Said::from(output).expect(12).err_has("DATAKEEP_PASSWORD_FILE");
}

#[test]
fn a_damaged_slot_sends_to_the_recovery_code() {
    let world = World::with_snapshot();
    damage(&world.object("config-keys"));
    world.run(&["snapshots"]).expect(15).err_has("key slot").err_has("--recovery-code");
    world.run(&["doctor"]).expect(15).out_has("✗");
}

#[test]
fn a_foreign_version_is_refused_by_name() {
    let world = World::with_snapshot();
    let path = world.path("repo/config");
    let mut bytes = fs::read(&path).unwrap();
    // docs/format.md section 4: mark, version, length of the body, body, checksum of everything before.
    bytes[8..10].copy_from_slice(&9u16.to_le_bytes());
    let end = 14 + u32::from_le_bytes(bytes[10..14].try_into().unwrap()) as usize;
    let checksum = blake3::hash(&bytes[..end]);
    bytes[end..end + 16].copy_from_slice(&checksum.as_bytes()[..16]);
    fs::write(&path, bytes).unwrap();
    // Where the slots do not agree, their copies of the config are not believed.
    fs::write(world.path("repo/config-keys/stray"), "not a slot").unwrap();
    world.run(&["snapshots"]).expect(17).err_has("newer datakeep").err_has("version 9");
}

#[test]
fn a_second_init_touches_nothing() {
    let world = World::with_snapshot();
    let before = files(&world.path("repo"));
    world.run(&["init"]).expect(2).err_has("already");
    assert_eq!(files(&world.path("repo")), before);
    fs::create_dir(world.path("full")).unwrap();
    fs::write(world.path("full/file"), "x").unwrap();
    world.run(&["init", "--repo", &world.text("full")]).expect(2).err_has("not empty");
}

#[test]
fn slips_get_a_near_match() {
    let world = World::with_snapshot();
    world.run(&["show", "treee"]).expect(1).err_has("did you mean tree?");
    world.run(&["show", "latets"]).expect(1).err_has("did you mean latest?");
    world.run(&["cat", &world.place("/reprot.txt")]).expect(1).err_has("/tree/report.txt");
    world.run(&["snapshots", "tre"]).expect(1).err_has("did you mean tree?");
    world.run(&["restor"]).expect(2).err_has("`restore`");
    world.run(&["backup", "--exlude", "x", "."]).expect(2).err_has("`--exclude`");
    world.run(&["backup", &world.text("tre")]).expect(1).err_has("tree");
    world.run(&["cat", &world.place("/sub")]).expect(2).err_has("not a regular file");
}

#[test]
fn bad_patterns_and_values() {
    let world = World::with_snapshot();
    world.run(&["find", "[a"]).expect(2).err_has("pattern");
    world.run(&["restore", "tree", "--to", "x", "--include", "{a"]).expect(2).err_has("pattern");
    world.run(&["backup", "--exclude", "[a", &world.text("tree")]).expect(2);
    world.run(&["backup", "--compression", "20", &world.text("tree")]).expect(2).err_has("1 to 19");
    world.run(&["backup", "--exclude-larger-than", "many", &world.text("tree")]).expect(2);
    world.run(&["backup", "s3://bucket/x"]).expect(2);
    world.run(&["snapshots", "--repo", "sftp://host/x"]).expect(2).err_has("name a directory");
    world.run(&["snapshots", "--lang", "xx"]).expect(2).err_has("zh");
}

#[test]
fn slips_in_the_configuration_are_told_with_their_line() {
    let world = World::new();
    fs::write(world.path("c.toml"), "language = \"en\"\nrepositry = \"x\"\n").unwrap();
    world.run(&["snapshots", "--config", "c.toml"]).expect(2).err_has("line 2").err_has("`repository`");
    fs::write(world.path("c.toml"), "password = \"hunter2\"\n").unwrap();
    let said = world.run(&["snapshots", "--config", "c.toml"]).expect(2).err_has("env:NAME");
    assert!(!said.err.contains("hunter2"));
    world.run(&["snapshots", "--config", "missing.toml"]).expect(2);
}

#[test]
fn precedence_is_flag_environment_file() {
    let world = World::new();
    fs::write(world.path("c.toml"), "repository = \"from-file\"\nlanguage = \"zh\"\n").unwrap();
    let origin = |arguments: &[&str], environment: &[(&str, &str)]| {
        let arguments = [&["config", "show", "--effective", "--json", "--config", "c.toml"], arguments].concat();
        let mut command = world.command();
        command.env_remove("DATAKEEP_REPO").args(arguments).envs(environment.iter().copied());
        let document = crate::world::Said::from(command.output().unwrap()).expect(0).json();
        let all = document["settings"].as_array().unwrap().clone();
        let found = all.iter().find(|s| s["name"] == "repository").unwrap();
        (found["value"].as_str().unwrap().to_string(), found["origin"].as_str().unwrap().to_string())
    };
    let environment = [("DATAKEEP_REPO", "from-environment")];
    let pair = |value: &str, origin: &str| (value.to_string(), origin.to_string());
    assert_eq!(origin(&["--repo", "from-flag"], &environment), pair("from-flag", "flag"));
    assert_eq!(origin(&[], &environment), pair("from-environment", "environment"));
    assert_eq!(origin(&[], &[]), pair("from-file", "file"));
}

/// Nothing that a terminal acts on is printed, wherever it came from.
#[test]
fn escapes_are_never_printed_raw() {
    let world = World::with_snapshot();
    let evil = "\x1b[31mevil\x07";
    fs::create_dir(world.path(evil)).unwrap();
    fs::write(world.path(evil).join("f"), "x").unwrap();
    fs::write(world.path("c.toml"), "x = 1\n").unwrap();
    fs::rename(world.path("c.toml"), world.path(&format!("{evil}.toml"))).unwrap();
    let (repo, config) = (format!("{evil}/none"), format!("{evil}.toml"));
    let cheap = ["--kdf-memory", "1", "--kdf-passes", "1"];
    let lines: &[&[&str]] = &[
        &["backup", evil],
        &["backup", evil, "--source", evil],
        &["backup", "tree", "--exclude-file", evil],
        &["restore", "latest", "--to", evil],
        &["restore", "latest", "--to", &repo],
        &["snapshots", evil],
        &["show", evil],
        &["show", &format!("tree@{evil}")],
        &["ls", &format!("tree:/{evil}")],
        &["key", "remove", evil],
        &["snapshots", "--repo", &repo],
        &["snapshots", "--config", &config],
        &["snapshots", "--config", evil],
        &["snapshots", "--password-file", evil],
        &["snapshots", "--password-command", evil],
        &["snapshots", "--lang", evil],
        &["man", "--dir", &format!("{evil}/man")],
        &["doctor", "--repo", &repo],
        &["doctor", "--cache-dir", evil],
        &["config", "show", "--config", &repo],
        &[evil],
    ];
    let init = [&["init", "--repo", &repo], &cheap[..]].concat();
    for line in lines.iter().copied().chain([&init[..]]) {
        let said = world.run(line);
        let has = |text: &str| text.contains(['\x1b', '\x07']);
        assert!(!has(&said.out) && !has(&said.err), "{line:?}: {:?} {:?}", said.out, said.err);
    }
}

/// Every error says what to do about it.
#[test]
fn errors_come_with_advice() {
    let world = World::with_snapshot();
    let nowhere = world.text("zzzz/yyyy");
    world.run(&["backup", &nowhere]).expect(1).err_has("hint:");
    world.run(&["restore", "tree", "--to", &world.text("tree/report.txt")]).expect(1).err_has("name a directory");
    world.run(&["show", "qqqqqqqq"]).expect(1).err_has("datakeep snapshots");
    world.run(&["show", "tree@someday"]).expect(1).err_has("2026-01-31");
    world.run(&["ls", "tree:/qqqqqqqqqqqqq"]).expect(1).err_has("hint:");
    world
        .run(&["snapshots", "--repo", &world.text("tree")])
        .expect(10)
        .err_has("no repository")
        .err_has("new directory");
    world.run(&["snapshots", "--tag", "nosuch"]).expect(0).err_has("no snapshot fits");
    for reference in ["env:NOPE", "file:/nope", "cmd:false"] {
        fs::write(world.path("c.toml"), format!("password = \"{reference}\"\n")).unwrap();
        let mut command = world.command();
        command.env_remove("DATAKEEP_PASSWORD").args(["snapshots", "--config", "c.toml"]);
        crate::world::Said::from(command.output().unwrap()).expect(12).err_has("hint:");
    }
    world.run(&["snapshots", "--config", &world.text("tree")]).expect(2).err_has("--config FILE");
    fs::write(world.path("long.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    world.run(&["snapshots", "--config", "long.toml"]).expect(2).err_has("1 MiB");
    let code = [("DATAKEEP_RECOVERY_CODE", "12345-67890")];
    world.run_with(&code, &["snapshots", "--recovery-code"]).expect(12).err_has("not a recovery code");
    let empty = World::new();
    empty.run(&["show"]).expect(1).err_has("no snapshots yet").err_has("datakeep backup");
    for slot in files(&world.path("repo/config-keys")) {
        fs::remove_file(slot).unwrap();
    }
    world.run(&["snapshots"]).expect(15).err_has("bring `config-keys/`");
}

#[test]
fn words_are_not_doubled() {
    let world = World::with_snapshot();
    damage(&world.object("index"));
    let said = world.run(&["check"]).expect(15).err_has("faults found: ");
    assert!(!said.err.lines().any(|line| line.matches("is damaged at byte").count() > 1), "{}", said.err);
    assert_eq!(said.err.matches("index/").count(), 1, "{}", said.err);
    fs::write(world.tree().join("new"), "x").unwrap();
    world.backup();
    let said = world.run(&["diff", "tree"]);
    assert!(!said.out.contains("//"), "{}", said.out);
    let said = world.run(&["restore", &world.place(""), "--to", &world.text("out"), "-v"]);
    assert!(said.err.contains("  ."), "{}", said.err);
}

/// A version this program does not know is no damage.
#[test]
fn a_foreign_version_of_any_object_is_no_damage() {
    let world = World::with_snapshot();
    let decisions = ["commits", "commits-copies"].map(|folder| world.object(folder));
    let change_version = |version: u8| {
        for path in &decisions {
            let mut bytes = fs::read(path).unwrap();
            bytes[8] = version;
            fs::write(path, &bytes).unwrap();
        }
    };
    change_version(2);
    let faults = world.run(&["check", "--json"]).expect(15).json()["faults"].to_string();
    assert!(faults.contains("incompatible") && faults.contains("version 2"), "{faults}");
    // A snapshot that may be there is told, whatever keeps it from being read.
    world.run(&["snapshots"]).expect(15).err_has("version 2");
    change_version(1);
    let path = world.object("data");
    let mut bytes = fs::read(&path).unwrap();
    // The header, and its copy before the trailer.
    let copy = bytes.len() - 64 - 96;
    (bytes[8], bytes[copy + 8]) = (9, 9);
    fs::write(&path, &bytes).unwrap();
    let faults = world.run(&["check", "--json"]).expect(15).json()["faults"].to_string();
    assert!(faults.contains("incompatible") && faults.contains("version 9"), "{faults}");
    world.run(&["restore", "tree", "--to", &world.text("out")]).expect(15).err_has("version 9");
    fs::write(world.tree().join("more"), "x").unwrap();
    world.backup().expect(0);
}

/// A run that ended before it wrote down any progress is an unfinished one all the same.
#[test]
fn the_doctor_sees_sessions_without_a_decision() {
    let world = World::with_snapshot();
    world.run(&["doctor"]).expect(0).out_has("no unfinished runs");
    let session = world.object("sessions");
    let other: String = "0".repeat(session.file_name().unwrap().len());
    fs::copy(&session, session.with_file_name(other)).unwrap();
    world.run(&["doctor"]).expect(0).out_has("unfinished runs: 1");
}
