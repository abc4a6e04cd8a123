//! The trees that are backed up: of Debian packages, so that everybody can have them.

use crate::machine;
use crate::stage::once;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tree and what it is.
pub struct Tree {
    /// Absolute.
    pub path: PathBuf,
    /// Packages with versions, or just the path.
    pub origin: String,
}

const LINUX: &str = "linux-source-6.1";

/// Unlike source code: HTML and scripts in many alike files, pictures and fonts that are compressed already, programs.
const SECOND: [&str; 4] = ["rust-doc", "openclipart-png", "golang-1.19-go", "fonts-noto-cjk"];

/// The tree `linux`, the tree `second`, or a folder.
pub fn tree(name: &str, work: &Path) -> io::Result<Tree> {
    match name {
        "linux" => linux(work),
        "second" => second(work),
        folder => {
            let path = Path::new(folder).canonicalize();
            let path = path.map_err(|error| io::Error::other(format!("--tree {folder}: {error}")))?;
            Ok(Tree { origin: path.display().to_string(), path })
        }
    }
}

fn linux(work: &Path) -> io::Result<Tree> {
    let path = once(work, LINUX, |half| {
        let archive = PathBuf::from(format!("/usr/src/{LINUX}.tar.xz"));
        if !archive.is_file() {
            machine::install(&[LINUX])?;
        }
        machine::command_line(
            Command::new("tar").args(["--strip-components=1", "-C"]).arg(half).arg("-xf").arg(&archive),
        )
    })?;
    let asked = Command::new("dpkg-query").args(["-W", "-f", "${Package} ${Version}", LINUX]).output();
    let told = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let origin = if told.is_empty() { LINUX.to_owned() } else { told };
    Ok(Tree { path, origin: format!("the tree of Debian's {origin}") })
}

/// Downloads the packages and unpacks them without installing anything. Their names and versions stay in a file beside.
fn second(work: &Path) -> io::Result<Tree> {
    const VERSIONS: &str = "versions";
    let path = once(work, "second", |half| {
        let packages = half.join("packages");
        let tree = half.join("tree");
        fs::create_dir(&packages)?;
        fs::create_dir(&tree)?;
        machine::command_line(Command::new("apt-get").args(["download", "-qq"]).args(SECOND).current_dir(&packages))?;
        let mut told = Vec::new();
        let mut files: Vec<PathBuf> =
            fs::read_dir(&packages)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
        files.sort();
        for file in files {
            machine::command_line(Command::new("dpkg-deb").arg("-x").arg(&file).arg(&tree))?;
            let output = Command::new("dpkg-deb")
                .args(["--show", "--showformat", "${Package} ${Version}"])
                .arg(&file)
                .output()?;
            told.push(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        fs::remove_dir_all(&packages)?;
        fs::write(half.join(VERSIONS), told.join(", "))
    })?;
    let told = fs::read_to_string(path.join(VERSIONS))?;
    Ok(Tree { path: path.join("tree"), origin: format!("Debian's {told}, unpacked") })
}
