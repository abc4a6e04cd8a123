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
