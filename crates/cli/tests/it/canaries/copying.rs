//! Copies know two passwords: neither is seen, by whatever way they are handed over, as a copy goes well and as it fails.

use super::ways::{LITERAL, Place, RIGHT, THERE, WRONG_THERE, Way};
use super::{CHEAP, VOICES, made};
use crate::world::{damage, files};
use std::fs;
use std::process::Command;

/// How the password of the repository to copy to is handed over.
#[derive(Clone, Copy, Debug)]
enum To {
    Environment,
    File,
    FileInEnvironment,
    Command,
    CommandInEnvironment,
    ConfigEnvironment,
    ConfigFile,
    ConfigCommand,
    ConfigCredential,
}

impl To {
    const ALL: [To; 9] = [
        To::Environment,
        To::File,
        To::FileInEnvironment,
        To::Command,
        To::CommandInEnvironment,
        To::ConfigEnvironment,
        To::ConfigFile,
        To::ConfigCommand,
        To::ConfigCredential,
    ];

    /// The name of its configuration, where it needs one.
    fn config(self) -> Option<&'static str> {
        match self {
            To::ConfigEnvironment => Some("env"),
            To::ConfigFile => Some("file"),
            To::ConfigCommand => Some("cmd"),
            To::ConfigCredential => Some("cred"),
            _ => None,
        }
    }
}

/// Two repositories, the second of which has nothing, and configurations that tell of its password.
fn two() -> Place {
    let (mut place, _) = made();
    let arguments = [&["init", "--no-recovery-code", "--repo", "second"], &CHEAP[..]].concat();
    let mut init = place.command(Way::Environment, true, &arguments);
    init.env("DATAKEEP_PASSWORD", THERE);
    place.run(init).expect(0);
    place.watch_root_key("second", THERE);
    for (folder, password) in [("there", THERE), ("astray", WRONG_THERE)] {
        place.give(folder, password);
        // A unit has one directory of credentials.
        fs::write(place.world.path(&format!("given/right/{folder}")), password).unwrap();
        for name in ["env", "file", "cmd", "cred"] {
            let file = place.world.path(&format!("{folder}-{name}.toml"));
            let text = fs::read_to_string(&file).unwrap().replace("env:MINE", "env:MINE_THERE");
            let text = text.replace("cred:datakeep-password", &format!("cred:{folder}"));
            fs::write(file, format!("[copy]\n{text}")).unwrap();
        }
    }
    place
}

/// A copy with both passwords handed over in these ways.
fn copy(place: &Place, (way, to): (Way, To), is_right: bool, arguments: &[&str]) -> Command {
    let (folder, password) = if is_right { ("there", THERE) } else { ("astray", WRONG_THERE) };
    // The configuration of the second cannot stand beside one of the first.
    let is_config =
        matches!(way, Way::ConfigEnvironment | Way::ConfigFile | Way::ConfigCommand | Way::ConfigCredential);
    let way = if is_config && to.config().is_some() { Way::Command } else { way };
    let mut program = place.command(way, true, &["copy"]);
    program.env("DATAKEEP_TO_REPO", place.world.path("second")).args(arguments);
    let file = place.world.text(&format!("given/{folder}/datakeep-password"));
    let command = format!("sh {folder}.sh");
    if let Some(name) = to.config() {
        program.env("DATAKEEP_CONFIG", place.world.text(&format!("{folder}-{name}.toml")));
    }
    match to {
        To::Environment => program.env("DATAKEEP_TO_PASSWORD", password),
        To::File => program.args(["--to-password-file", &file]),
        To::FileInEnvironment => program.env("DATAKEEP_TO_PASSWORD_FILE", file),
        To::Command => program.args(["--to-password-command", &command]),
        To::CommandInEnvironment => program.env("DATAKEEP_TO_PASSWORD_COMMAND", command),
        To::ConfigEnvironment => program.env("MINE_THERE", password),
        To::ConfigCredential => program.env("CREDENTIALS_DIRECTORY", place.world.text("given/right")),
        To::ConfigFile | To::ConfigCommand => &mut program,
    };
    program
}

/// As they go well and as they fail.
const LINES: [&str; 12] = [
    "--dry-run -v",
    "-v",
    "--verify --all",
    "latest --verify",
    "nobody",
    "--source nobody",
    "latest --source tree",
    "--to nowhere",
    "--to repo",
    "--to tree",
    "--to s3://canary/bucket --to-store-option region=a",
    "--compression none-such",
];

#[test]
fn no_copy_shows_a_secret() {
    let mut place = two();
    let (mut number, mut failed) = (0, 0);
    for line in LINES {
        let words: Vec<&str> = line.split(' ').collect();
        for voice in VOICES {
            let ways = (Way::ALL[number % Way::ALL.len()], To::ALL[number % To::ALL.len()]);
            number += 1;
            let mut command = copy(&place, ways, true, &words);
            command.args(voice);
            failed += usize::from(place.run(command).code != 0);
        }
    }
    assert!(failed > 30, "failures are among them: {failed}");
    // Each way beside each other: each works, and a program that prints one password does not see the other.
    for (way, to) in Way::ALL.into_iter().flat_map(|way| To::ALL.map(|to| (way, to))) {
        let said = place.run(copy(&place, (way, to), true, &["--json"])).expect(0);
        assert_eq!(said.json()["snapshots"].as_array().unwrap().len(), 2, "{way:?} {to:?}");
    }
    place.assert_clean_files();
}

#[test]
fn no_refused_copy_shows_a_secret() {
    let mut place = two();
    for (at, to) in To::ALL.into_iter().enumerate() {
        let way = Way::ALL[at % Way::ALL.len()];
        let mut command = copy(&place, (way, to), false, &["-v"]);
        command.args(VOICES[at % VOICES.len()]);
        place.run(command).expect(12);
        // The first one's is wrong.
        let mut command = copy(&place, (Way::Environment, to), true, &[]);
        command.env("DATAKEEP_PASSWORD", super::WRONG);
        place.run(command).expect(12);
    }
    for voice in VOICES {
        // Each has the other's password.
        let mut command = copy(&place, (Way::Environment, To::Environment), true, &["-v"]);
        command.env("DATAKEEP_PASSWORD", THERE).env("DATAKEEP_TO_PASSWORD", RIGHT).args(voice);
        place.run(command).expect(12);
        let config = format!("[copy]\npassword = \"{LITERAL}\"\nrepository = \"second\"\n");
        fs::write(place.world.path("literal.toml"), config).unwrap();
        for verb in ["copy", "doctor"] {
            let mut command = place.command(Way::Environment, true, &[verb, "--config", "literal.toml"]);
            command.args(voice);
            assert_ne!(place.run(command).code, 0);
        }
    }
    place.run(place.command(Way::Command, true, &["snapshots"])).expect(0);
    place.assert_clean_files();
}

/// Damage on either side, before and while it is copied.
#[test]
fn no_copy_of_what_is_damaged_shows_a_secret() {
    let mut place = two();
    let ways = [(Way::Command, To::Environment), (Way::Environment, To::Command)];
    files(&place.world.path("repo/data")).iter().for_each(|pack| damage(pack));
    for (way, voice) in ways.into_iter().zip(VOICES) {
        let mut command = copy(&place, way, true, &["latest", "--verify", "-v"]);
        command.args(voice);
        assert_ne!(place.run(command).code, 0);
    }
    for objects in [&["repo/commits", "repo/commits-copies"][..], &["second/config-keys"]] {
        for object in objects {
            files(&place.world.path(object)).iter().for_each(|path| damage(path));
        }
        for (way, voice) in ways.into_iter().zip(VOICES) {
            let mut command = copy(&place, way, true, &["-v"]);
            command.args(voice);
            assert_ne!(place.run(command).code, 0, "{objects:?}");
        }
    }
    place.assert_clean_files();
}
