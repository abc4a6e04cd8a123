//! `cargo xtask tidy`: the rules of the house that the compiler cannot know.
//!
//! Each rule is a pure function from what was read (metadata, source text, document text) to findings, so that each
//! is tested on made-up input. Only this file reads the workspace.

pub mod arrows;
pub mod docs;
pub mod finding;
pub mod lexer;
pub mod promises;
pub mod sources;
pub mod texts;

use anyhow::{Context, Result, bail};
use finding::{Finding, Level};
use sources::SourceFile;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Checks the whole workspace, prints what it found, and tells whether it may pass.
pub fn run() -> Result<bool> {
    let metadata = metadata()?;
    let root = PathBuf::from(metadata["workspace_root"].as_str().context("cargo metadata names no workspace root")?);
    let packages = arrows::packages(&metadata, &|manifest| fs::read_to_string(manifest).unwrap_or_default())?;
    let mut findings = arrows::check(&packages);
    let mut files = Vec::new();
    for package in &packages {
        rust_files(&root.join(&package.folder), &root, &package.name, &mut files)?;
    }
    sources::mark_test_modules(&mut files);
    for file in &files {
        findings.extend(sources::check(file));
    }
    findings.extend(docs::check_tree(&root)?);
    findings.extend(promises(&root, &files)?);
    let tracked = tracked(&root)?;
    for path in &tracked {
        if let Some(text) = read_text(&root.join(path))? {
            findings.extend(texts::check(path, &text));
        }
    }
    Ok(report(&mut findings, packages.len(), files.len(), tracked.len()))
}

/// Holds the page of promises against the tests there are.
fn promises(root: &Path, files: &[SourceFile]) -> Result<Vec<Finding>> {
    let mut names = promises::Names::new();
    for file in files {
        promises::collect(&mut names, file.package(), file.path(), file.text());
    }
    let [english, chinese] = ["docs/promises.md", "docs/promises.zh.md"]
        .map(|name| fs::read_to_string(root.join(name)).with_context(|| format!("read {name}")));
    Ok(promises::check(&english?, &chinese?, &names))
}

fn report(findings: &mut [Finding], packages: usize, sources: usize, texts: usize) -> bool {
    findings.sort();
    for finding in findings.iter() {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    let warnings = findings.len() - errors;
    println!(
        "tidy: {errors} errors, {warnings} warnings; looked at {packages} packages, {sources} Rust files, \
         {texts} texts"
    );
    errors == 0
}

fn metadata() -> Result<serde_json::Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(["metadata", "--format-version", "1"]).output().context("run cargo")?;
    if !output.status.success() {
        bail!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("read the answer of cargo metadata")
}

/// Every Rust file of one package, sorted, without build results.
fn rust_files(folder: &Path, root: &Path, package: &str, files: &mut Vec<SourceFile>) -> Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("list {}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name == "target" || name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() && !path.is_symlink() && !hidden {
            rust_files(&path, root, package, files)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            files.push(SourceFile::new(package, &relative, &text));
        }
    }
    Ok(())
}

/// The files git keeps or would keep, so that a slip is found before it is committed.
fn tracked(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .context("run git")?;
    if !output.status.success() {
        bail!("git ls-files failed, so the texts cannot be checked:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let names = output.stdout.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// The text of a file, or nothing for a binary file, a link or a file removed but not yet committed.
fn read_text(path: &Path) -> Result<Option<String>> {
    if !path.is_file() || path.is_symlink() {
        return Ok(None);
    }
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    if bytes.iter().take(8192).any(|&byte| byte == 0) {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
