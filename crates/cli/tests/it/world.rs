//! A place of its own for each test: repository, home, tree, and the program.

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The password of every test: it must never be seen anywhere.
pub const PASSWORD: &str = "canary-7f3a-horse";

pub struct World {
    pub folder: tempfile::TempDir,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub raw: Vec<u8>,
}

impl Said {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn err_has(self, words: &str) -> Self {
        assert!(self.err.contains(words), "{words:?} is not in: {}", self.err);
        self
    }

    #[track_caller]
    pub fn out_has(self, words: &str) -> Self {
        assert!(self.out.contains(words), "{words:?} is not in: {}", self.out);
        self
    }

    /// Every line as JSON.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// The final document.
    #[track_caller]
    pub fn json(&self) -> Value {
        self.lines().pop().expect("a document")
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            raw: output.stdout,
        }
    }
}

impl World {
    /// Nothing but an empty home and a small tree.
    pub fn bare() -> Self {
        Self::bare_in(&std::env::temp_dir())
    }

    fn bare_in(place: &Path) -> Self {
        let world = Self { folder: tempfile::tempdir_in(place).unwrap() };
        fs::create_dir_all(world.path("home")).unwrap();
        fs::create_dir_all(world.tree().join("sub")).unwrap();
        fs::write(world.tree().join("report.txt"), "first report\n").unwrap();
        fs::write(world.tree().join("sub/data.bin"), vec![7u8; 300_000]).unwrap();
        world
    }

    /// With a repository.
    pub fn new() -> Self {
        Self::new_in(&std::env::temp_dir())
    }

    /// With a repository, and all of it below this folder.
    pub fn new_in(place: &Path) -> Self {
        let world = Self::bare_in(place);
        world.run(&["init", "--kdf-memory", "1", "--kdf-passes", "1", "--no-recovery-code"]).expect(0);
        world
    }

    /// With a repository and one snapshot of the tree, whose source is `tree`.
    pub fn with_snapshot() -> Self {
        let world = Self::new();
        world.backup().expect(0);
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn tree(&self) -> PathBuf {
        self.path("tree")
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_string()
    }

    /// The tree's place in the newest snapshot.
    pub fn place(&self, below: &str) -> String {
        format!("tree:{}{below}", self.text("tree"))
    }

    /// The program with nothing of the environment but what the tests set.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_datakeep"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).env("LANG", "C.UTF-8").env("TZ", "UTC");
        command.env("DATAKEEP_REPO", self.path("repo")).env("DATAKEEP_PASSWORD", PASSWORD);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        self.command().args(arguments).output().unwrap().into()
    }

    pub fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Said {
        self.command().args(arguments).envs(environment.iter().copied()).output().unwrap().into()
    }

    /// With bytes on standard input.
    pub fn run_fed(&self, input: &[u8], arguments: &[&str]) -> Said {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap().into()
    }

    pub fn backup(&self) -> Said {
        self.run(&["backup", &self.text("tree")])
    }

    /// Snapshots, oldest first.
    pub fn snapshots(&self) -> Vec<Value> {
        self.run(&["snapshots", "--json"]).expect(0).json()["snapshots"].as_array().unwrap().clone()
    }

    /// The only object in a folder of the repository.
    pub fn object(&self, folder: &str) -> PathBuf {
        let found = files(&self.path("repo").join(folder));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

/// Flips a bit in the middle of a file.
pub fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}
