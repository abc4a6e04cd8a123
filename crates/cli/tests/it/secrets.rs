//! The password is seen nowhere.

use crate::world::{PASSWORD, World, files};
use std::fs;

#[test]
fn the_password_is_nowhere() {
    let world = World::bare();
    fs::write(world.path("c.toml"), "").unwrap();
    let mut said = Vec::new();
    let mut run = |arguments: &[&str]| {
        let output = world.run(arguments);
        said.extend_from_slice(&output.raw);
        said.extend_from_slice(output.err.as_bytes());
    };
    run(&["init", "--kdf-memory", "1", "--kdf-passes", "1"]);
    let tree = world.text("tree");
    run(&["backup", "-v", &tree]);
    run(&["backup", "--json", "-v", &tree]);
    for verb in [&["snapshots"][..], &["show"], &["doctor"], &["doctor", "--json"], &["config", "show", "--effective"]]
    {
        run(verb);
    }
    run(&["key", "list", "--json"]);
    run(&["key", "test"]);
    run(&["check", "--read-data"]);
    run(&["restore", "latest", "--to", "out", "-v"]);
    run(&["show", "nobody"]);
    run(&["snapshots", "--repo", "nowhere", "--json"]);
    run(&["stats", "--config", "missing.toml"]);
    let canary = PASSWORD.as_bytes();
    let is_in = |bytes: &[u8]| bytes.windows(canary.len()).any(|window| window == canary);
    assert!(said.len() > 1000 && !is_in(&said));
    let written = files(world.folder.path());
    assert!(written.len() > 10);
    for path in written {
        assert!(!is_in(&fs::read(&path).unwrap()), "{}", path.display());
    }
}

/// What we start learns nothing: neither the secret nor where it is.
#[test]
fn programs_that_are_started_see_no_secret() {
    let world = World::new();
    let secrets = [
        ("DATAKEEP_PASSWORD_FILE", "canary-file"),
        ("DATAKEEP_PASSWORD_COMMAND", "canary-command"),
        ("DATAKEEP_RECOVERY_CODE", "canary-code"),
        ("DATAKEEP_NEW_PASSWORD", "canary-new"),
        ("DATAKEEP_TOKEN", "canary-token"),
        ("HARMLESS", "stays"),
    ];
    let backup = ["backup", "--command", "--source", "environment", "--", "sh", "-c", "env"];
    world.run_with(&secrets, &backup).expect(0);
    let said = world.run(&["cat", "environment:/sh"]).expect(0).out_has("HARMLESS=stays");
    assert!(!said.out.contains("canary"), "{}", said.out);
    // The password command, and a variable that the configuration names.
    fs::write(world.path("c.toml"), "password = \"env:MINE\"\n").unwrap();
    let mut command = world.command();
    command.env_remove("DATAKEEP_PASSWORD").env("MINE", PASSWORD).args(["--config", "c.toml"]).args(backup);
    crate::world::Said::from(command.output().unwrap()).expect(0);
    assert!(!world.run(&["cat", "environment:/sh"]).expect(0).out.contains(PASSWORD));
    let script = format!("sh -c 'env > seen; echo {PASSWORD}'");
    let mut command = world.command();
    command.env_remove("DATAKEEP_PASSWORD").envs(secrets).args(["snapshots", "--password-command", &script]);
    crate::world::Said::from(command.output().unwrap()).expect(0);
    assert!(!fs::read_to_string(world.path("seen")).unwrap().contains("canary"));
}

#[test]
fn a_password_that_is_too_long_is_refused_and_not_cut() {
    let world = World::bare();
    fs::write(world.path("pw"), vec![b'x'; (64 << 10) + 1]).unwrap();
    let mut command = world.command();
    command.env_remove("DATAKEEP_PASSWORD").args(["init", "--password-file", "pw"]);
    crate::world::Said::from(command.output().unwrap()).expect(12).err_has("65536");
    let long = "x".repeat((64 << 10) + 1);
    world.run_with(&[("DATAKEEP_PASSWORD", &long)], &["init"]).expect(12).err_has("65536");
}
