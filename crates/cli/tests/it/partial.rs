//! Losses: counted, listed, and in the exit code.

use crate::world::{Said, World};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Nobody, to whom permissions matter even when the tests run as root.
const NOBODY: u32 = 65_534;

#[test]
fn an_unreadable_file_makes_a_partial_snapshot() {
    let world = World::bare();
    fs::write(world.tree().join("closed"), "closed").unwrap();
    fs::set_permissions(world.tree().join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let is_root = fs::read(world.tree().join("closed")).is_ok();
    let program = world.path("datakeep");
    // By another process: a file that this one has open to write, even for a moment, is inherited by whatever other
    // threads start meanwhile, and then it cannot be run ("text file busy").
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_datakeep")).arg(&program).status().unwrap().success());
    for open in [world.folder.path().to_path_buf(), world.path("home")] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        let usual = world.command();
        command.env_clear().envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?)))).args(arguments);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        Said::from(command.output().unwrap())
    };
    run(&["init", "--kdf-memory", "1", "--kdf-passes", "1", "-q"]).expect(0);
    run(&["backup", &world.text("tree")]).expect(3).err_has("closed").err_has("permission denied").out_has("1 lost");
    run(&["snapshots"]).expect(0).out_has("partial, 1 lost");
    run(&["show"]).expect(0).out_has("closed");
    let summary = run(&["backup", "--json", &world.text("tree")]).expect(3).json();
    assert_eq!((&summary["outcome"], &summary["items_lost"]), (&"partial".into(), &1.into()));
    // What is lost is not in the snapshot, so it is neither new nor changed.
    let sum = |names: &[&str]| names.iter().map(|name| summary[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum(&["items_new"]), 0);
    assert_eq!(sum(&["items_new", "items_changed", "items_unchanged"]), sum(&["files", "directories", "others"]));
    assert_eq!(summary["losses"][0]["cause"], "denied");
    let to = world.text("home/out");
    run(&["restore", "tree", "--to", &to]).expect(0).err_has("itself is partial").err_has("datakeep show");
    fs::set_permissions(world.path("repo"), fs::Permissions::from_mode(0o555)).unwrap();
    run(&["doctor"]).expect(0).out_has("! the repository cannot be written");
    fs::set_permissions(world.path("repo"), fs::Permissions::from_mode(0o755)).unwrap();
    let report = run(&["restore", "tree", "--to", &to, "--overwrite", "changed", "--json"]).expect(0).json();
    assert_eq!(report["snapshot_items_lost"], 1);
    assert!(summary["losses"][0]["path"].as_str().unwrap().ends_with("/tree/closed"));
}
