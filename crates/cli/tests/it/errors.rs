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
    damage(&world.object("keys"));
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
    world.run(&["snapshots", "--repo", "s3://bucket"]).expect(2).err_has("directories");
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
