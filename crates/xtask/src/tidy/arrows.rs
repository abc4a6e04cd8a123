//! The forbidden arrows: which room may know which, read from the declared dependencies of every package.

use super::finding::Finding;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

/// When a dependency is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In the product.
    Normal,
    /// While building the product.
    Build,
    /// Only in tests, examples and benches.
    Dev,
}

/// One declared dependency.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// Package name, without `datakeep-` when it is one of ours.
    pub name: String,
    /// Whether it is a package of this workspace.
    pub ours: bool,
    /// When it is there.
    pub kind: Kind,
    /// Line in the manifest.
    pub line: usize,
}

/// One package of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// Without `datakeep-`.
    pub name: String,
    /// Its folder relative to the workspace.
    pub folder: String,
    /// What it declares.
    pub dependencies: Vec<Dependency>,
}

impl Package {
    fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

/// Who must never know whom among our own packages.
struct Ban {
    rule: &'static str,
    who: &'static str,
    never: &'static [&'static str],
    /// Also through other packages.
    through: bool,
    help: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        rule: "source-knows-its-driver-only",
        who: "source-*",
        never: &[
            "store",
            "store-*",
            "process",
            "process-*",
            "engine",
            "manage",
            "distribute",
            "distribute-*",
            "source-*",
        ],
        through: true,
        help: "a source speaks in items of `connector` and words of `model`; move what is shared down into those",
    },
    Ban {
        rule: "store-decides-nothing",
        who: "store",
        never: &["connector", "source-*", "engine", "manage", "policy"],
        through: false,
        help: "tell the store what to keep as plain data of `model`, from the caller",
    },
    Ban {
        rule: "bytes-know-no-format",
        who: "store-blob",
        never: &["store", "process", "process-*"],
        through: false,
        help: "store-blob moves named bytes; formats and ciphers are its caller's",
    },
    Ban {
        rule: "watching-breaks-nothing",
        who: "monitor",
        never: &["store", "store-*", "engine"],
        through: true,
        help: "monitor reads events of `model`; let the caller hand it what it needs",
    },
];

/// Outside packages that pure rooms have no use for.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio-*",
    "async-*",
    "futures",
    "futures-*",
    "smol",
    "getrandom",
    "rand",
    "rand_*",
    "rustix",
    "libc",
    "nix",
];

/// Outside packages that have one home each.
const HOMES: &[(&str, &[&str])] = &[
    ("datafusion", &["distribute-sql"]),
    ("datafusion-*", &["distribute-sql"]),
    ("parquet", &["process-table", "distribute-sql"]),
    ("axum", &["server"]),
    ("axum-*", &["server"]),
    ("clap", &["cli", "xtask"]),
    ("clap_*", &["cli", "xtask"]),
];

/// The floors, lowest first. Packages on one floor do not know each other.
const FLOORS: &[&[&str]] = &[
    &["model"],
    &["connector"],
    &["process"],
    &["process-table"],
    &["store-blob"],
    &["store"],
    &["source-*"],
    &["engine"],
    &["distribute"],
    &["distribute-*"],
    &["monitor"],
    &["manage"],
    &["server"],
    &["cli"],
];

/// Side buildings: they may know everyone, and nobody's product may know them.
const SIDE: &[&str] = &["testkit", "testkit-*", "bench", "xtask", "fuzz"];

/// Reads our packages out of `cargo metadata`; `read` gives the text of a manifest by its full path.
pub fn packages(metadata: &Value, read: &dyn Fn(&str) -> String) -> Result<Vec<Package>> {
    let root = metadata["workspace_root"].as_str().context("no workspace_root in the metadata")?;
    let members = metadata["workspace_members"].as_array().context("no workspace_members in the metadata")?;
    let all = metadata["packages"].as_array().context("no packages in the metadata")?;
    let own: Vec<&Value> = all.iter().filter(|package| members.contains(&package["id"])).collect();
    let names: BTreeSet<&str> = own.iter().filter_map(|package| package["name"].as_str()).collect();
    own.iter().map(|package| one_package(package, root, &names, read)).collect()
}

fn one_package(package: &Value, root: &str, names: &BTreeSet<&str>, read: &dyn Fn(&str) -> String) -> Result<Package> {
    let name = package["name"].as_str().context("a package without a name")?;
    let manifest = package["manifest_path"].as_str().context("a package without a manifest")?;
    let folder = Path::new(manifest).parent().unwrap_or(Path::new(""));
    let folder = folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().into_owned();
    let text = read(manifest);
    let mut dependencies = Vec::new();
    for dependency in package["dependencies"].as_array().context("a package without dependencies")? {
        let full = dependency["name"].as_str().context("a dependency without a name")?;
        let kind = match dependency["kind"].as_str() {
            None => Kind::Normal,
            Some("build") => Kind::Build,
            Some(_) => Kind::Dev,
        };
        let ours = names.contains(full);
        let name = if ours { short(full) } else { full }.to_owned();
        dependencies.push(Dependency { name, ours, kind, line: manifest_line(&text, full) });
    }
    Ok(Package { name: short(name).to_owned(), folder, dependencies })
}

fn short(name: &str) -> &str {
    name.strip_prefix("datakeep-").unwrap_or(name)
}

fn manifest_line(manifest: &str, name: &str) -> usize {
    let named = |line: &str| {
        line.trim_start().strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '.', '=']))
            || line.trim() == format!("[dependencies.{name}]")
    };
    manifest.lines().position(named).map_or(1, |index| index + 1)
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

fn any(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
}

/// All rules about arrows.
pub fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        folder_name(package, &mut findings);
        bans(package, packages, &mut findings);
        pure(package, &mut findings);
        homes(package, &mut findings);
        floors(package, &mut findings);
    }
    findings
}

fn folder_name(package: &Package, findings: &mut Vec<Finding>) {
    let folder = package.folder.rsplit('/').next().unwrap_or_default();
    if folder != package.name {
        let what = format!("package `datakeep-{}` lives in folder `{folder}`", package.name);
        let help = "name the folder as the package without `datakeep-`";
        findings.push(Finding::error(&package.manifest(), 1, "folder-is-package", what, help));
    }
}

fn bans(package: &Package, packages: &[Package], findings: &mut Vec<Finding>) {
    for ban in BANS.iter().filter(|ban| matches(ban.who, &package.name)) {
        for (path, line) in known(package, packages, ban.through) {
            let Some(last) = path.last() else { continue };
            if last != &package.name && any(ban.never, last) {
                let what =
                    format!("`{}` must not know `{last}` ({} -> {})", package.name, package.name, path.join(" -> "));
                findings.push(Finding::error(&package.manifest(), line, ban.rule, what, ban.help));
            }
        }
    }
}

/// Each of our packages that `package` knows, by the shortest way there and the manifest line the way begins at.
/// Its own test dependencies count, those of others do not, and the test kit hides nothing.
fn known(package: &Package, packages: &[Package], through: bool) -> Vec<(Vec<String>, usize)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut queue: VecDeque<(Vec<String>, usize)> = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.ours && !any(SIDE, &dependency.name))
        .map(|dependency| (vec![dependency.name.clone()], dependency.line))
        .collect();
    while let Some((path, line)) = queue.pop_front() {
        let Some(last) = path.last().cloned() else { continue };
        if !seen.insert(last.clone()) {
            continue;
        }
        if let Some(next) = packages.iter().find(|candidate| through && candidate.name == last) {
            for dependency in next.dependencies.iter().filter(|known| known.ours && known.kind == Kind::Normal) {
                let mut longer = path.clone();
                longer.push(dependency.name.clone());
                queue.push_back((longer, line));
            }
        }
        found.push((path, line));
    }
    found
}

fn pure(package: &Package, findings: &mut Vec<Finding>) {
    if !any(&["process", "model"], &package.name) {
        return;
    }
    let product = package.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev);
    for dependency in product.filter(|dependency| any(IMPURE, &dependency.name)) {
        let what = format!("`{}` is pure and depends on `{}`", package.name, dependency.name);
        let help = "take bytes, time and chance as parameters; the engine has the system";
        findings.push(Finding::error(&package.manifest(), dependency.line, "pure-rooms", what, help));
    }
}

fn homes(package: &Package, findings: &mut Vec<Finding>) {
    for dependency in package.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev) {
        for (_, homes) in HOMES.iter().filter(|(pattern, _)| matches(pattern, &dependency.name)) {
            if !homes.contains(&package.name.as_str()) {
                let what =
                    format!("`{}` depends on `{}`, which lives in {}", package.name, dependency.name, homes.join(", "));
                let help = "ask that room through its own types";
                findings.push(Finding::error(&package.manifest(), dependency.line, "one-home", what, help));
            }
        }
    }
}

fn floors(package: &Package, findings: &mut Vec<Finding>) {
    let floor = |name: &str| FLOORS.iter().position(|floor| any(floor, name));
    let manifest = package.manifest();
    if any(SIDE, &package.name) {
        return;
    }
    let Some(own) = floor(&package.name) else {
        let what = format!("`{}` stands on no floor", package.name);
        findings.push(Finding::error(
            &manifest,
            1,
            "floors",
            what,
            "give it a floor in xtask's list FLOORS, and in the design",
        ));
        return;
    };
    for dependency in package.dependencies.iter().filter(|known| known.ours && known.kind != Kind::Dev) {
        let below = floor(&dependency.name).is_some_and(|other| other < own);
        if !below {
            let what = format!("`{}` imports `{}`, which does not stand below it", package.name, dependency.name);
            let help = "imports go down only: move the shared part down, or hand the value in from above";
            findings.push(Finding::error(&manifest, dependency.line, "floors", what, help));
        }
    }
}

#[cfg(test)]
#[path = "arrows_tests.rs"]
mod tests;
