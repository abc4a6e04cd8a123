//! Secrets are canaries: they are never seen in what the program says, writes, or hands to others.

mod copying;
mod scanner;
mod tables;
mod ways;

use crate::world::{damage, files};
use std::fs;
use ways::{LITERAL, NEW, NEWER, Place, RIGHT, WRONG, WRONG_CODE, Way};

const CHEAP: [&str; 4] = ["--kdf-memory", "1", "--kdf-passes", "1"];
/// Language and form of what is said.
const VOICES: [&[&str]; 4] =
    [&["--lang", "en"], &["--lang", "zh"], &["--lang", "en", "--json"], &["--lang", "zh", "--json", "--progress"]];

/// A repository with a recovery code and two snapshots, made with canaries.
fn made() -> (Place, String) {
    let mut place = Place::new();
    let command = place.command(Way::Environment, true, &[&["init", "--json"], &CHEAP[..]].concat());
    let code = place.run_for_code(command);
    place.watch_root_key("repo", RIGHT);
    let tree = place.world.text("tree");
    for way in [Way::Environment, Way::Command] {
        place.run(place.command(way, true, &["backup", "-v", &tree])).expect(0);
        fs::write(place.world.tree().join("report.txt"), "second report\n").unwrap();
    }
    (place, code)
}

/// Every verb, as it goes well and as it fails. Words in capitals stand for places.
const LINES: [&str; 36] = [
    "backup -v TREE",
    "backup --dry-run --tag canaries TREE",
    "backup --command --source dump -- sh dump.sh",
    "backup --command --source dump -- sh -c false",
    "backup no-such-place",
    "backup --exclude a[b TREE",
    "snapshots -v",
    "show",
    "show nobody",
    "ls -lR tree",
    "find *.txt --all",
    "cat REPORT",
    "cat tree:/nothing",
    "diff tree",
    "restore tree --to OUT -v --overwrite always",
    "restore tree:/nothing --to OUT",
    "stats",
    "check --read-data -v",
    "check --slice 9/3",
    "scrub -v",
    "repair --yes --no-wait",
    "gc --yes --no-wait -v",
    "gc --dry-run --patience never",
    "forget --dry-run --keep-last 1 --calendar",
    "forget --keep-last 9 --yes",
    "tag latest --add seen",
    "key list",
    "key test",
    "key test --recovery-code",
    "key remove 00000000",
    "config show",
    "config show --effective",
    "doctor -v",
    "init",
    "snapshots --repo nowhere",
    "snapshots --no-such-flag",
];

/// A command line in words; what follows `--` is apart.
fn words(place: &Place, line: &str) -> (Vec<String>, Vec<String>) {
    let word = |word: &str| match word {
        "TREE" => place.world.text("tree"),
        "OUT" => place.world.text("out"),
        "REPORT" => place.world.place("/report.txt"),
        other => other.to_string(),
    };
    let words: Vec<String> = line.split(' ').map(word).collect();
    let cut = words.iter().position(|word| word == "--").unwrap_or(words.len());
    (words[..cut].to_vec(), words[cut..].to_vec())
}

#[test]
fn no_command_shows_a_secret() {
    let (mut place, _) = made();
    let (mut number, mut failed) = (0, 0);
    for line in LINES {
        for voice in VOICES {
            // A flag that names a password cannot stand beside the recovery code.
            let ways = if line.contains("--recovery-code") { &Way::ALL[..1] } else { &Way::ALL[..] };
            let way = ways[number % ways.len()];
            number += 3;
            let (ours, theirs) = words(&place, line);
            let mut command = place.command(way, true, &[]);
            command.args(ours).args(voice).args(theirs);
            failed += usize::from(place.run(command).code != 0);
        }
    }
    assert!(failed > 30, "failures are among them: {failed}");
    place.assert_clean_files();
    let mut sources = 0;
    for path in files(&place.world.path("seen")).iter().filter(|path| path.to_string_lossy().contains("source-")) {
        let seen = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let hidden =
            ["DATAKEEP_PASSWORD", "DATAKEEP_RECOVERY_CODE", "DATAKEEP_TOKEN", "CREDENTIALS_DIRECTORY", "MINE="];
        let is_environment = path.to_string_lossy().contains("source-environment");
        assert!(!is_environment || hidden.iter().all(|name| !seen.contains(name)), "{seen}");
        sources += 1;
    }
    assert!(sources > 0, "a source was started and kept what it saw");
}

/// By every way, with everything that opens nothing.
#[test]
fn no_refusal_shows_a_secret() {
    let (mut place, _) = made();
    for way in Way::ALL {
        for (arguments, code) in [(&["snapshots"][..], 12), (&["backup", "tree", "--json"], 12), (&["doctor"], 12)] {
            place.run(place.command(way, false, arguments)).expect(code);
        }
        place.run(place.command(way, true, &["snapshots"])).expect(0);
    }
    for voice in VOICES {
        let mut wrong = place.command(Way::Environment, true, &["key", "test", "--recovery-code"]);
        wrong.args(voice);
        place.run(wrong).expect(12);
        // A password in the place of a reference, of a code, of a key, and in a file that is no TOML.
        for text in [
            format!("password = \"{LITERAL}\"\n"),
            format!("password = \"x:{LITERAL}\"\n"),
            format!("password = \"{LITERAL}\n"),
            format!("password = [\"{LITERAL}\"]\n"),
            format!("password = {{ env = \"{LITERAL}\" }}\n"),
        ] {
            fs::write(place.world.path("literal.toml"), text).unwrap();
            for verb in [&["snapshots"][..], &["config", "show"], &["config", "show", "--effective"], &["doctor"]] {
                let mut command = place.command(Way::Environment, true, verb);
                command.args(voice).args(["--config", "literal.toml"]);
                assert_ne!(place.run(command).code, 0);
            }
        }
        let mut command = place.command(Way::Environment, true, &["key", "test", "--recovery-code"]);
        command.env("DATAKEEP_RECOVERY_CODE", LITERAL).args(voice);
        place.run(command).expect(12);
    }
    damage(&files(&place.world.path("repo/config-keys"))[0]);
    damage(&files(&place.world.path("repo/commits"))[0]);
    for verb in [&["snapshots"][..], &["check", "-v"], &["doctor"], &["repair", "--yes", "--no-wait"]] {
        place.run(place.command(Way::ConfigCommand, true, verb));
        place.run(place.command(Way::Environment, false, verb));
    }
    place.assert_clean_files();
}

/// New passwords and codes: shown where they are made or nowhere.
#[test]
fn no_key_command_shows_a_secret() {
    let (mut place, code) = made();
    let key = |place: &Place, words: &[&str]| place.command(Way::Environment, true, &[words, &CHEAP[..]].concat());
    for voice in VOICES {
        let mut add = key(&place, &["key", "add", "--label", "team", "-v"]);
        add.env("DATAKEEP_NEW_PASSWORD", NEW).args(voice);
        place.run(add).expect(0);
    }
    fs::write(place.world.path("given/newer"), NEWER).unwrap();
    let mut change = key(&place, &["key", "change-password", "-v"]);
    change.env("DATAKEEP_NEW_PASSWORD_FILE", place.world.path("given/newer"));
    place.run(change).expect(0);
    place.run(place.command(Way::Environment, true, &["snapshots"])).expect(12);
    let mut opened = place.command(Way::Environment, true, &["key", "list", "--json"]);
    opened.env("DATAKEEP_PASSWORD", NEWER);
    place.run(opened).expect(0);
    let mut by_code = place.command(Way::Environment, true, &["key", "test", "--recovery-code", "-v"]);
    by_code.env("DATAKEEP_RECOVERY_CODE", &code);
    place.run(by_code).expect(0);
    let mut renew = key(&place, &["key", "new-recovery-code", "--json"]);
    renew.env("DATAKEEP_PASSWORD", NEWER);
    let newer = place.run_for_code(renew);
    assert_ne!(newer, code);
    let mut stale = place.command(Way::Environment, true, &["key", "test", "--recovery-code"]);
    stale.env("DATAKEEP_RECOVERY_CODE", &code);
    place.run(stale).expect(12);
    let mut watched = place.command(Way::Command, false, &["key", "list"]);
    watched.env("DATAKEEP_NEW_PASSWORD", NEW);
    place.run(watched).expect(12);
    place.assert_clean_files();
}

/// What needs no repository gets the same environment.
#[test]
fn no_other_command_shows_a_secret() {
    let mut place = Place::new();
    let pages = place.world.text("pages");
    let lines: [&[&str]; 8] = [
        &["--help"],
        &["backup", "--help"],
        &["--version"],
        &["completion", "bash"],
        &["man"],
        &["man", "--dir", &pages],
        &["doctor"],
        &["nonsense"],
    ];
    for line in lines {
        for voice in &VOICES[..2] {
            let mut command = place.command(Way::Environment, true, line);
            command.args(*voice);
            place.run(command);
        }
    }
    // The demo copies a tree with a program of the system; it works with a password of its own.
    let tools = place.world.path("tools");
    fs::create_dir(&tools).unwrap();
    let seen = place.world.text("seen");
    let script = format!("#!/bin/sh\ncat /proc/self/environ > '{seen}/copy-environment'\nexit 1\n");
    fs::write(tools.join("cp"), script).unwrap();
    fs::set_permissions(tools.join("cp"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let (tree, demo) = (place.world.text("tree"), place.world.text("demo"));
    let mut command = place.command(Way::Credential, true, &["demo", "--dir", &demo, "--tree", &tree]);
    command.env("PATH", path).env("DATAKEEP_PASSWORD", RIGHT).env("DATAKEEP_NEW_PASSWORD", WRONG);
    assert_ne!(place.run(command).code, 0);
    let environment =
        String::from_utf8_lossy(&fs::read(place.world.path("seen/copy-environment")).unwrap()).into_owned();
    assert!(environment.contains("HOME=") && !environment.contains("CREDENTIALS_DIRECTORY"), "{environment}");
    assert!(!environment.contains(WRONG_CODE));
    place.run(place.command(Way::Command, true, &["snapshots"])).expect(10);
    let found = place.scanner.found_below(place.world.folder.path(), &[place.world.path("given")]);
    assert!(found.is_empty(), "{found:#?}");
}
