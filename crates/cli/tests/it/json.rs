//! The JSON contract.

use crate::world::World;
use std::fs;
use std::os::unix::ffi::OsStrExt;

#[test]
fn every_verb_speaks_json() {
    let world = World::with_snapshot();
    let place = world.place("");
    let verbs: Vec<(Vec<&str>, &str)> = vec![
        (vec!["snapshots"], "snapshots"),
        (vec!["show", "latest"], "snapshot"),
        (vec!["ls", &place], "ls"),
        (vec!["find", "*"], "find"),
        (vec!["stats"], "stats"),
        (vec!["check"], "check"),
        (vec!["scrub"], "scrub"),
        (vec!["repair", "--dry-run"], "repair"),
        (vec!["key", "list"], "keys"),
        (vec!["key", "test"], "key-test"),
        (vec!["tag", "latest", "--add", "x"], "tags"),
        (vec!["forget", "--keep-daily", "7"], "forget"),
        (vec!["config", "show"], "config-file"),
        (vec!["config", "show", "--effective"], "config"),
        (vec!["doctor"], "doctor"),
        (vec!["doctor", "store"], "doctor-store"),
        (vec!["restore", &place, "--to", "plan", "--dry-run"], "restore-plan"),
        (vec!["restore", &place, "--to", "out"], "restore"),
        (vec!["diff", "latest", "latest"], "diff"),
    ];
    for (arguments, kind) in verbs {
        for lang in ["en", "zh"] {
            if arguments[0] == "restore" && lang == "zh" && kind == "restore" {
                continue;
            }
            let arguments = [&arguments[..], &["--json", "--lang", lang]].concat();
            let said = world.run(&arguments).expect(0);
            for line in said.lines() {
                assert_eq!(line["v"], 1, "{arguments:?}");
            }
            assert_eq!(said.json()["type"], kind, "{arguments:?}");
        }
    }
}

#[test]
fn a_backup_ends_with_its_summary_even_when_quiet() {
    let world = World::new();
    let said = world.run(&["backup", "--json", "--quiet", &world.text("tree")]).expect(0);
    let summary = said.json();
    assert_eq!(said.lines().len(), 1);
    assert_eq!(summary["type"], "backup");
    assert_eq!(summary["outcome"], "complete");
    assert!(summary["items_new"].as_u64().unwrap() >= 4);
    assert_eq!(summary["read_bytes"], 300_013);
    assert_eq!(summary["losses"], serde_json::json!([]));
    assert!(summary["snapshot"].as_str().unwrap().len() == 24);
    for name in ["new_bytes", "stored_bytes", "items_changed", "items_unchanged", "items_removed", "duration_ms"] {
        assert!(summary[name].is_u64(), "{name}");
    }
}

#[test]
fn events_come_before_the_summary() {
    let world = World::new();
    let lines = world.run(&["backup", "--json", "-v", &world.text("tree")]).expect(0).lines();
    let (last, events) = lines.split_last().unwrap();
    assert_eq!(last["type"], "backup");
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"phase") && kinds.contains(&"item"), "{kinds:?}");
    assert!(events.iter().all(|event| event["ts"].as_str().unwrap().ends_with('Z')));
}

#[test]
fn names_that_are_no_text_come_as_bytes_too() {
    let world = World::new();
    let Ok(()) = fs::write(world.tree().join(std::ffi::OsStr::from_bytes(b"\xff")), "x") else { return };
    world.backup().expect(0);
    let lines = world.run(&["find", "*", "--type", "f", "--json"]).expect(0).lines();
    let odd = lines.iter().find(|line| line["path_hex"].is_string()).expect("one with bytes");
    assert!(odd["path"].as_str().unwrap().ends_with("\\xff") && odd["path_hex"].as_str().unwrap().ends_with("2fff"));
}

#[test]
fn failures_are_documents_too() {
    let world = World::with_snapshot();
    let cases: Vec<(Vec<&str>, &str, i32)> = vec![
        (vec!["show", "nothing-like-it"], "not-found", 1),
        (vec!["find", "[a"], "usage", 2),
        (vec!["snapshots", "--repo", "nowhere"], "no-repository", 10),
        (vec!["restor"], "usage", 2),
    ];
    for (arguments, kind, code) in cases {
        let said = world.run(&[&arguments[..], &["--json"]].concat()).expect(code);
        let error = said.json();
        assert_eq!((&error["type"], &error["kind"], &error["code"]), (&"error".into(), &kind.into(), &code.into()));
        assert!(said.err.starts_with("error:"), "{}", said.err);
    }
}
