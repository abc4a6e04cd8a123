//! Passwords, recovery codes, and where they come from.

use crate::world::{PASSWORD, World};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const CHEAP: [&str; 4] = ["--kdf-memory", "1", "--kdf-passes", "1"];

fn with_code() -> (World, String) {
    let world = World::bare();
    let made = world.run(&[&["init", "--json"], &CHEAP[..]].concat()).expect(0).json();
    let code = made["recovery_code"].as_str().unwrap().to_string();
    world.backup().expect(0);
    (world, code)
}

#[test]
fn the_recovery_code_opens_and_helps_back_to_a_password() {
    let (world, code) = with_code();
    let environment = [("DATAKEEP_RECOVERY_CODE", code.as_str()), ("DATAKEEP_NEW_PASSWORD", "new one")];
    world.run_with(&environment, &["key", "test", "--recovery-code"]).expect(0).out_has("recovery code opens");
    world.run_with(&environment, &[&["key", "change-password", "--recovery-code"], &CHEAP[..]].concat()).expect(0);
    world.run(&["snapshots"]).expect(12);
    world.run_with(&[("DATAKEEP_PASSWORD", "new one")], &["snapshots"]).expect(0);
    world.run_with(&environment, &["snapshots", "--recovery-code"]).expect(0);
    let wrong = [("DATAKEEP_RECOVERY_CODE", "00000-00001")];
    world.run_with(&wrong, &["snapshots", "--recovery-code"]).expect(12);
}

#[test]
fn a_recovery_code_is_framed_and_shown_once() {
    let world = World::bare();
    let said = world.run(&[&["init", "-q"], &CHEAP[..]].concat()).expect(0).out_has("Recovery code").out_has("+---");
    let code = said.out.lines().find_map(|l| l.strip_prefix("|  ")).unwrap().trim_end_matches(['|', ' ']).to_string();
    let again = world.run(&["key", "list"]).expect(0);
    assert!(!again.out.contains(&code));
    let new = world.run(&[&["key", "new-recovery-code", "--json"], &CHEAP[..]].concat()).expect(0).json();
    world.run_with(&[("DATAKEEP_RECOVERY_CODE", &code)], &["snapshots", "--recovery-code"]).expect(12);
    let new = new["recovery_code"].as_str().unwrap();
    world.run_with(&[("DATAKEEP_RECOVERY_CODE", new)], &["snapshots", "--recovery-code"]).expect(0);
}

#[test]
fn slots_are_added_listed_and_removed() {
    let world = World::new();
    let environment = [("DATAKEEP_NEW_PASSWORD", "second")];
    let added =
        world.run_with(&environment, &[&["key", "add", "--label", "team", "--json"], &CHEAP[..]].concat()).expect(0);
    let slot = added.json()["slot"].as_str().unwrap().to_string();
    world.run(&["key", "list"]).expect(0).out_has("team").out_has(&slot);
    world.run_with(&[("DATAKEEP_PASSWORD", "second")], &["key", "test"]).expect(0).out_has(&slot);
    world.run(&["key", "remove", "00000000"]).expect(1);
    world.run(&["key", "remove", &slot]).expect(0);
    world.run_with(&[("DATAKEEP_PASSWORD", "second")], &["snapshots"]).expect(12);
    let own = world.run(&["key", "list", "--json"]).json()["slots"][0]["slot"].as_str().unwrap().to_string();
    world.run(&["key", "remove", &own]).expect(2);
}

#[test]
fn passwords_come_from_files_commands_credentials_and_references() {
    let world = World::with_snapshot();
    let file = world.path("pw");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let run = |environment: &[(&str, &str)], arguments: &[&str]| {
        let mut command = world.command();
        command.env_remove("DATAKEEP_PASSWORD").args(arguments).envs(environment.iter().copied());
        crate::world::Said::from(command.output().unwrap())
    };
    let path = file.to_str().unwrap();
    run(&[], &["snapshots", "--password-file", path]).expect(0);
    run(&[("DATAKEEP_PASSWORD_FILE", path)], &["snapshots"]).expect(0);
    run(&[], &["snapshots", "--password-command", &format!("cat '{path}'")]).expect(0);
    run(&[("DATAKEEP_PASSWORD_COMMAND", &format!("cat {path}"))], &["snapshots"]).expect(0);
    run(&[], &["snapshots", "--password-command", "false"]).expect(12);
    fs::create_dir(world.path("credentials")).unwrap();
    fs::copy(&file, world.path("credentials/datakeep-password")).unwrap();
    run(&[("CREDENTIALS_DIRECTORY", &world.text("credentials"))], &["snapshots"]).expect(0);
    for reference in
        [format!("file:{path}"), format!("cmd:cat {path}"), "env:MINE".into(), "cred:datakeep-password".into()]
    {
        fs::write(world.path("c.toml"), format!("password = \"{reference}\"\n")).unwrap();
        let environment = [("MINE", PASSWORD), ("DATAKEEP_CONFIG", "c.toml")];
        let credentials = world.text("credentials");
        let environment = [&environment[..], &[("CREDENTIALS_DIRECTORY", &credentials)]].concat();
        run(&environment, &["snapshots"]).expect(0);
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    run(&[], &["snapshots", "--password-file", path]).expect(0).err_has("chmod 600");
}

/// Somebody who can write to the store may put an unencrypted repository in the place of ours.
#[test]
fn an_unencrypted_repository_is_not_taken_where_a_password_is_configured() {
    let world = World::bare();
    world.run(&[&["init", "--unencrypted"], &CHEAP[..]].concat()).expect(0);
    for arguments in [&["backup", "tree"][..], &["snapshots"], &["snapshots", "--recovery-code"]] {
        let environment = [("DATAKEEP_RECOVERY_CODE", "x")];
        world.run_with(&environment, arguments).expect(12).err_has("is not encrypted").err_has("--unencrypted");
    }
    world.run(&["doctor"]).expect(12).out_has("! repository").out_has("encryption none");
    world.run(&["backup", "tree", "--unencrypted"]).expect(0);
    fs::write(world.path("c.toml"), "unencrypted = true\n").unwrap();
    world.run(&["snapshots", "--config", "c.toml"]).expect(0).out_has("tree");
    let output = world.command().env_remove("DATAKEEP_PASSWORD").arg("snapshots").output().unwrap();
    crate::world::Said::from(output).expect(0).out_has("tree");
    // To accept is not to wish for: a new repository is encrypted.
    let made = world.run(&[&["init", "--json", "--repo", "new", "--config", "c.toml"], &CHEAP[..]].concat());
    assert_eq!(made.expect(0).json()["suite"], "aes-256-gcm");
}

/// The names of the slots, the one in use first.
fn slots(world: &World) -> Vec<String> {
    let mut slots = world.run(&["key", "list", "--json"]).expect(0).json()["slots"].as_array().unwrap().clone();
    slots.sort_by_key(|slot| slot["used"] == false);
    slots.iter().map(|slot| slot["slot"].as_str().unwrap().to_string()).collect()
}

#[test]
fn one_damaged_slot_is_one_fault_and_no_more() {
    let (world, _) = with_code();
    world.backup().expect(0);
    let damaged = slots(&world)[1].clone();
    crate::world::damage(&world.path(&format!("repo/config-keys/{damaged}")));
    fs::write(world.path("repo/config-keys/stray"), "not a slot").unwrap();
    // Told once each, and not once for each snapshot.
    let faults = world.run(&["check", "--json"]).expect(15).json()["faults"].as_array().unwrap().clone();
    let whats: Vec<_> = faults.iter().map(|fault| fault["what"].as_str().unwrap()).collect();
    assert_eq!(whats, [format!("config-keys/{damaged}").as_str(), "config-keys/stray"], "{faults:?}");
    // What is restored is whole: slots that are not needed are left alone.
    world.run(&["restore", "latest", "--to", &world.text("out")]).expect(0);
    world.run_with(&[("DATAKEEP_PASSWORD", "wrong")], &["snapshots"]).expect(12).err_has("does not open");
    world.run(&["key", "list"]).expect(0).err_has(&format!("key remove {damaged}"));
    world.run(&["key", "remove", &damaged]).expect(0).out_has("damaged key slot");
    world.run(&["key", "remove", "stray"]).expect(0);
    world.run(&["check"]).expect(0);
    assert_eq!(slots(&world).len(), 1);
}

/// A copy of a slot under another name opens with the password, and no holder of the key wrote it there.
#[test]
fn a_foreign_slot_does_not_count_as_a_password() {
    let world = World::new();
    let own = slots(&world)[0].clone();
    fs::copy(world.path(&format!("repo/config-keys/{own}")), world.path("repo/config-keys/00000000")).unwrap();
    world.run(&["snapshots"]).expect(0).err_has("config-keys/00000000");
    assert!(!slots(&world).contains(&"00000000".to_string()));
    world.run(&["key", "remove", &own]).expect(2);
}

/// Raises the memory that a slot asks for. docs/format.md section 5: mark, version, kind, label, time, kind of
/// derivation, memory; a checksum and a seal at the end.
fn make_dear(world: &World, slot: &str, memory_kib: u32) {
    let path = world.path(&format!("repo/config-keys/{slot}"));
    let mut bytes = fs::read(&path).unwrap();
    let at = 11 + 1 + "password".len() + 8 + 1;
    bytes[at..at + 4].copy_from_slice(&memory_kib.to_le_bytes());
    let end = bytes.len() - 48;
    let checksum = blake3::hash(&bytes[..end]);
    bytes[end..end + 16].copy_from_slice(&checksum.as_bytes()[..16]);
    fs::write(&path, bytes).unwrap();
}

#[test]
fn slots_that_want_much_memory_are_tried_on_request_only() {
    let world = World::with_snapshot();
    let environment = [("DATAKEEP_NEW_PASSWORD", "second")];
    let added = world.run_with(&environment, &[&["key", "add", "--label", "password", "--json"], &CHEAP[..]].concat());
    let slot = added.expect(0).json()["slot"].as_str().unwrap().to_string();
    make_dear(&world, &slot, 4 << 20);
    // Cheaper ones are tried first; the dear one is told and not tried.
    world.run(&["snapshots"]).expect(0);
    world.run_with(&environment, &["snapshots"]).expect(0);
    world.run_with(&[("DATAKEEP_PASSWORD", "second")], &["snapshots"]).expect(12).err_has("--kdf-limit 4096");
    make_dear(&world, &slot, 2 << 10);
    world.run_with(&[("DATAKEEP_PASSWORD", "second")], &["snapshots", "--kdf-limit", "1"]).expect(12).err_has("2 MiB");
    world.run(&["snapshots", "--kdf-limit", "0"]).expect(2);
    let environment = [("DATAKEEP_KDF_LIMIT", "many")];
    world.run_with(&environment, &["snapshots"]).expect(2).err_has("4096");
}

/// Whoever can write to the store can add slots without end.
#[test]
fn not_every_slot_is_tried() {
    let world = World::new();
    let own = slots(&world)[0].clone();
    let copy = |number: u32| {
        // A name that speaks of a password.
        let name = format!("1{number:015x}");
        fs::copy(world.path(&format!("repo/config-keys/{own}")), world.path(&format!("repo/config-keys/{name}")))
            .unwrap();
        // Cheaper than ours, so tried before it; it opens with nothing.
        make_dear(&world, &name, 32);
    };
    (0..20).for_each(copy);
    world.run(&["snapshots"]).expect(0);
    (20..40).for_each(copy);
    world.run(&["snapshots"]).expect(12).err_has("none of 32 key slots").err_has("9 more were not tried");
}
