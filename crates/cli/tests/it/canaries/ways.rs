//! A place of its own whose secrets are canaries, and every way to hand a password over.

use super::scanner::Scanner;
use crate::world::{Said, World};
use datakeep_model::RepositoryId;
use datakeep_process::{KdfParams, RecoveryCode, Wrapped, unwrap_root};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// The password of the repository.
pub const RIGHT: &str = "canary-right-4b1f9c";
/// A password that opens nothing.
pub const WRONG: &str = "canary-wrong-8d2e7a";
/// Passwords of further slots.
pub const NEW: &str = "canary-new-c35a60";
pub const NEWER: &str = "canary-newer-91fe4d";
/// The password of a second repository, and one that does not open it.
pub const THERE: &str = "canary-there-e27a90";
pub const WRONG_THERE: &str = "canary-astray-3bd815";
/// No recovery code.
pub const WRONG_CODE: &str = "CANAR-YC0DE-77777-AAAAA-BBBBB-CCCCC-DDDDD-EEEEE";
/// What else may stand in the environment.
const TOKEN: &str = "canary-token-5e0b37";
/// A password that somebody wrote into the configuration itself.
pub const LITERAL: &str = "canary-literal-0f6d12";

/// How a password is handed over.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    Environment,
    File,
    FileInEnvironment,
    Command,
    CommandInEnvironment,
    Credential,
    ConfigEnvironment,
    ConfigFile,
    ConfigCommand,
    ConfigCredential,
}

impl Way {
    pub const ALL: [Way; 10] = [
        Way::Environment,
        Way::File,
        Way::FileInEnvironment,
        Way::Command,
        Way::CommandInEnvironment,
        Way::Credential,
        Way::ConfigEnvironment,
        Way::ConfigFile,
        Way::ConfigCommand,
        Way::ConfigCredential,
    ];
}

pub struct Place {
    pub world: World,
    pub scanner: Scanner,
    runs: usize,
}

impl Place {
    pub fn new() -> Self {
        let mut place = Self { world: World::bare(), scanner: Scanner::default(), runs: 0 };
        let secrets = [("right", RIGHT), ("wrong", WRONG), ("new", NEW), ("newer", NEWER), ("token", TOKEN)];
        let there = [("there", THERE), ("wrong there", WRONG_THERE)];
        let others = [("literal", LITERAL), ("wrong code", WRONG_CODE)];
        for (name, secret) in secrets.into_iter().chain(there).chain(others) {
            place.scanner.add(name, secret.as_bytes());
        }
        fs::create_dir_all(place.world.path("seen")).unwrap();
        for (folder, password) in [("right", RIGHT), ("wrong", WRONG)] {
            place.give(folder, password);
        }
        place.write("dump.sh", &format!("{}echo rows\n", place.watch("source")));
        place
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.world.path(name), text).unwrap();
    }

    /// A password as file, credential and command, and a configuration for each.
    pub fn give(&self, folder: &str, password: &str) {
        fs::create_dir_all(self.world.path(&format!("given/{folder}"))).unwrap();
        let file = format!("given/{folder}/datakeep-password");
        self.write(&file, &format!("{password}\n"));
        fs::set_permissions(self.world.path(&file), fs::Permissions::from_mode(0o600)).unwrap();
        let (file, script) = (self.world.text(&file), self.world.text(&format!("{folder}.sh")));
        let text = format!("{}cat '{file}'\n", self.watch("password"));
        self.write(&format!("{folder}.sh"), &text);
        let references = [("env", "env:MINE"), ("file", &format!("file:{file}")), ("cmd", &format!("cmd:sh {script}"))];
        for (name, reference) in references.into_iter().chain([("cred", "cred:datakeep-password")]) {
            self.write(&format!("{folder}-{name}.toml"), &format!("password = \"{reference}\"\n"));
        }
    }

    /// Lines of a script that keep what a program we start can see of us: its environment, and our arguments.
    fn watch(&self, who: &str) -> String {
        let seen = self.world.text("seen");
        format!(
            "cat /proc/self/environ > '{seen}/{who}-environment-'$$\n\
             cat /proc/$PPID/cmdline > '{seen}/{who}-parent-'$$\ncat /proc/$$/cmdline > '{seen}/{who}-own-'$$\n"
        )
    }

    /// Files that hold secrets because this test put them there.
    fn own_files(&self) -> Vec<PathBuf> {
        vec![self.world.path("given"), self.world.path("literal.toml")]
    }

    /// The program, with a password handed over in this way.
    pub fn command(&self, way: Way, is_right: bool, arguments: &[&str]) -> Command {
        let (folder, password) = if is_right { ("right", RIGHT) } else { ("wrong", WRONG) };
        let text = |name: &str| self.world.text(name);
        let (file, command) = (text(&format!("given/{folder}/datakeep-password")), format!("sh {folder}.sh"));
        let config = |name: &str| text(&format!("{folder}-{name}.toml"));
        let mut program = self.world.command();
        program.env_remove("DATAKEEP_PASSWORD").env("DATAKEEP_TOKEN", TOKEN).env("RUST_BACKTRACE", "1");
        program.env("DATAKEEP_CACHE_DIR", text("cache")).env("DATAKEEP_RECOVERY_CODE", WRONG_CODE).args(arguments);
        match way {
            Way::Environment => program.env("DATAKEEP_PASSWORD", password),
            Way::File => program.args(["--password-file", &file]),
            Way::FileInEnvironment => program.env("DATAKEEP_PASSWORD_FILE", file),
            Way::Command => program.args(["--password-command", &command]),
            Way::CommandInEnvironment => program.env("DATAKEEP_PASSWORD_COMMAND", command),
            Way::Credential => program.env("CREDENTIALS_DIRECTORY", text(&format!("given/{folder}"))),
            Way::ConfigEnvironment => program.env("MINE", password).env("DATAKEEP_CONFIG", config("env")),
            Way::ConfigFile => program.args(["--config", &config("file")]),
            Way::ConfigCommand => program.env("DATAKEEP_CONFIG", config("cmd")),
            Way::ConfigCredential => program
                .env("CREDENTIALS_DIRECTORY", text(&format!("given/{folder}")))
                .env("DATAKEEP_CONFIG", config("cred")),
        };
        program
    }

    /// Runs a command line; no secret is in what it says.
    #[track_caller]
    pub fn run(&mut self, mut command: Command) -> Said {
        let said = Said::from(command.output().unwrap());
        self.runs += 1;
        let found = [self.scanner.found(&said.raw), self.scanner.found(said.err.as_bytes())].concat();
        assert!(found.is_empty(), "{command:?}\nsays {found:?}\n{}\n{}", said.out, said.err);
        said
    }

    /// Runs a command line that shows a recovery code, once; from then on nothing else may show it.
    pub fn run_for_code(&mut self, command: Command) -> String {
        let said = self.run(command).expect(0);
        let document = said.lines().pop().unwrap();
        let code = document["recovery_code"].as_str().unwrap().to_string();
        assert_eq!(said.out.matches(&code).count(), 1);
        assert!(!said.err.contains(&code));
        self.scanner.add("recovery code", code.as_bytes());
        self.scanner.add("recovery code without hyphens", code.replace('-', "").as_bytes());
        self.scanner.add("bytes of the recovery code", &*RecoveryCode::parse(&code).unwrap());
        code
    }

    /// Makes a repository's root key a canary as well: unwrapped as `docs/format.md` section 5 says.
    pub fn watch_root_key(&mut self, repository: &str, password: &str) {
        let folder = self.world.path(repository);
        let config = fs::read(folder.join("config")).unwrap();
        let id = RepositoryId(config[14..30].try_into().unwrap());
        let slots = crate::world::files(&folder.join("config-keys"));
        let root = slots.iter().find_map(|path| root_key(path, id, password));
        self.scanner.add(&format!("root key of {repository}"), &root.expect("a slot that the password opens"));
    }

    /// No secret is in any file that the program, or what it started, has written.
    #[track_caller]
    pub fn assert_clean_files(&self) {
        let found = self.scanner.found_below(self.world.folder.path(), &self.own_files());
        assert!(found.is_empty(), "{found:#?}");
        let seen = crate::world::files(&self.world.path("seen"));
        let of = |who: &str| seen.iter().filter(|path| path.to_string_lossy().contains(who)).count();
        assert!(of("password-environment") > 0 && of("password-parent") > 0, "{seen:?}");
        assert!(self.runs > 0);
    }
}

fn root_key(path: &std::path::Path, id: RepositoryId, password: &str) -> Option<[u8; 32]> {
    let slot = fs::read(path).unwrap();
    // Mark, version, kind; label with a length of one byte; time; then what opens it.
    let fields = &slot[12 + usize::from(slot[11]) + 8..];
    let number = |at: usize| u32::from_le_bytes(fields[at..at + 4].try_into().unwrap());
    let params = KdfParams { memory_kib: number(1), passes: number(5), lanes: number(9) };
    let part = |at: usize| -> [u8; 32] { fields[at..at + 32].try_into().unwrap() };
    let wrapped = Wrapped { commitment: part(45), sealed_root: part(77), tag: fields[109..125].try_into().unwrap() };
    let root = unwrap_root(&wrapped, password.as_bytes(), &params, &part(13), id, slot[10]).ok()?;
    Some(*root.expose())
}
