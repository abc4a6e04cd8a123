//! Finds the programs of the tools, and gets those that are missing: from Debian, or built by cargo.

use crate::args::Options;
use crate::machine;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A rival that Debian does not have.
struct Built {
    tool: &'static str,
    package: &'static str,
    version: &'static str,
    /// Headers and Debian packages that it needs.
    needs: &'static [(&'static str, &'static str)],
}

const BUILT: &[Built] = &[
    Built {
        tool: "bupstash",
        package: "bupstash",
        version: "0.12.0",
        needs: &[("/usr/include/sodium.h", "libsodium-dev"), ("/usr/bin/pkg-config", "pkg-config")],
    },
    Built { tool: "rustic", package: "rustic-rs", version: "0.11.4", needs: &[] },
];

/// The program of a tool: where the options say, from PATH, from the folder of tools, or new.
pub fn program(name: &str, options: &Options) -> io::Result<PathBuf> {
    if let Some((_, path)) = options.programs.iter().find(|(known, _)| known == name) {
        let found = path.canonicalize();
        return found.map_err(|error| io::Error::other(format!("--{name} {}: {error}", path.display())));
    }
    if let Some(path) = machine::in_path(name) {
        return Ok(path);
    }
    if let Some(built) = BUILT.iter().find(|built| built.tool == name) {
        return build(built);
    }
    match name {
        "restic" => machine::install(&["restic"])?,
        "borg" => machine::install(&["borgbackup"])?,
        _ => {}
    }
    machine::in_path(name)
        .ok_or_else(|| io::Error::other(format!("no {name} in PATH: give --{name} PATH or --skip {name}")))
}

/// Where built tools stay, apart from what a bench makes and deletes.
fn tools_folder() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    cache.unwrap_or_else(std::env::temp_dir).join("datakeep-tools")
}

fn build(built: &Built) -> io::Result<PathBuf> {
    let root = tools_folder();
    let program = root.join("bin").join(built.tool);
    if program.is_file() {
        return Ok(program);
    }
    let missing = built.needs.iter().filter(|(file, _)| !Path::new(file).exists());
    let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        machine::install(&missing)?;
    }
    eprintln!("building {} {}, some minutes", built.package, built.version);
    let mut cargo = Command::new("cargo");
    cargo.args(["install", built.package, "--version", built.version, "--locked", "--root"]).arg(&root);
    // Not among the files of this repository's own target folder.
    cargo.env("CARGO_TARGET_DIR", std::env::temp_dir().join(format!("datakeep-bench-build-{}", built.tool)));
    machine::command_line(&mut cargo)?;
    Ok(program)
}
