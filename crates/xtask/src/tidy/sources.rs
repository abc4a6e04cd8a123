//! Rules about the text of Rust files: purity, who may print, lengths, arguments for `unsafe`.

use super::finding::Finding;
use super::lexer::{Tests, code_only, is_word, line_of, tests_in};

/// One Rust file, read.
#[derive(Debug)]
pub struct SourceFile {
    package: String,
    path: String,
    text: String,
    code: String,
    imports: Vec<(usize, String)>,
    tests: Tests,
    test_only: bool,
}

impl SourceFile {
    /// Reads `text`; `path` is relative to the workspace, `package` is without `datakeep-`.
    pub fn new(package: &str, path: &str, text: &str) -> Self {
        let code = code_only(text);
        let (tests, imports) = (tests_in(&code), grouped_imports(&code));
        let inside = path.split('/').any(|part| ["tests", "benches", "examples"].contains(&part));
        let named = path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.ends_with("/build.rs");
        let test_only = inside || named || tests.whole;
        let (package, path, text) = (package.to_owned(), path.to_owned(), text.to_owned());
        Self { package, path, text, code, imports, tests, test_only }
    }

    /// The package it belongs to, without `datakeep-`.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Its path, relative to the workspace.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// All of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a line, counted from one, belongs to the product.
    fn is_product(&self, line: usize) -> bool {
        !self.test_only && !self.tests.lines.get(line - 1).copied().unwrap_or(false)
    }

    /// Lines of the product on which `needle` stands as code, not inside a longer word, or is imported in a group.
    fn lines_with(&self, needle: &str) -> Vec<usize> {
        let plain = places(&self.code, needle).into_iter().map(|at| line_of(&self.code, at));
        let grouped = self.imports.iter().filter(|(_, path)| !places(path, needle).is_empty()).map(|&(line, _)| line);
        plain.chain(grouped).filter(|&line| self.is_product(line)).collect()
    }
}

/// Where `needle` stands in `code` and is not a part of a longer word.
fn places(code: &str, needle: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    let word_at = |at: usize| bytes.get(at).is_some_and(|&byte| is_word(byte));
    let open_end = needle.ends_with(|letter: char| !letter.is_alphanumeric());
    let stands = |at: usize| !(at > 0 && word_at(at - 1)) && (open_end || !word_at(at + needle.len()));
    code.match_indices(needle).map(|(at, _)| at).filter(|&at| stands(at)).collect()
}

/// The single paths of grouped imports: `a::{b, c::d}` is `a::b` and `a::c::d`, each with its line.
fn grouped_imports(code: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("::{") {
        let start = code[..at].rfind(|letter: char| letter != ':' && !letter.is_alphanumeric() && letter != '_');
        let prefix = &code[start.map_or(0, |start| start + 1)..at];
        let (mut depth, mut from) = (0_usize, at + 3);
        for (offset, letter) in code[at + 3..].char_indices().map(|(offset, letter)| (at + 3 + offset, letter)) {
            if depth == 0 && (letter == ',' || letter == '}') {
                let item = code[from..offset].trim();
                let line = line_of(code, from + (code[from..offset].len() - code[from..offset].trim_start().len()));
                paths.push((line, format!("{prefix}::{item}")));
                from = offset + 1;
            }
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    paths
}

/// Marks the files of modules that other files declare under `#[cfg(test)]`.
pub fn mark_test_modules(files: &mut [SourceFile]) {
    let mut stems = Vec::new();
    for file in files.iter() {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let stem = name.trim_end_matches(".rs");
        let below = if ["mod", "lib", "main"].contains(&stem) { folder.to_owned() } else { format!("{folder}/{stem}") };
        stems.extend(file.tests.modules.iter().map(|module| format!("{below}/{module}")));
    }
    for file in files.iter_mut() {
        let own = file.path.trim_end_matches(".rs");
        file.test_only |= stems.iter().any(|stem| own == stem || file.path.starts_with(&format!("{stem}/")));
    }
}

/// Rooms in which nothing of the system may be named.
const PURE: &[&str] = &["process", "model"];
const SYSTEM: &[&str] =
    &["std::fs", "std::net", "std::env", "std::process", "SystemTime", "Instant::now", "std::thread"];

/// Who may speak to people and to the environment.
const DOORS: &[&str] = &["cli", "server", "xtask", "testkit", "testkit-postgres", "testkit-s3", "bench", "fuzz"];
const DOOR_ONLY: &[&str] = &[
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "process::exit",
    "env::var",
    "env::var_os",
    "env::vars",
    "env::vars_os",
    "env::args",
    "env::args_os",
    "env::home_dir",
    "home_dir",
    "dirs::",
];

/// More lines than this, without tests, is a warning.
const LONG: usize = 500;
/// More lines than this, without tests, is an error.
const TOO_LONG: usize = 700;

/// All rules about one Rust file.
pub fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if PURE.contains(&file.package.as_str()) {
        let help = "take it as a parameter: this room has no files, clock, environment or threads";
        ban(file, SYSTEM, "pure-rooms", help, &mut findings);
    }
    if !DOORS.contains(&file.package.as_str()) {
        let help = "return an error or send an event; only `cli` and `server` print, exit and read the environment";
        ban(file, DOOR_ONLY, "only-doors-speak", help, &mut findings);
    }
    length(file, &mut findings);
    argued_unsafe(file, &mut findings);
    findings
}

fn ban(file: &SourceFile, needles: &[&str], rule: &'static str, help: &str, findings: &mut Vec<Finding>) {
    for needle in needles {
        for line in file.lines_with(needle) {
            findings.push(Finding::error(&file.path, line, rule, format!("`{needle}` in `{}`", file.package), help));
        }
    }
}

fn length(file: &SourceFile, findings: &mut Vec<Finding>) {
    let lines = (1..=file.text.lines().count()).filter(|&line| file.is_product(line)).count();
    let what = format!("{lines} lines without tests");
    let help = "split it along a noun";
    if lines > TOO_LONG {
        findings.push(Finding::error(&file.path, TOO_LONG, "file-length", what, help));
    } else if lines > LONG {
        findings.push(Finding::warning(&file.path, LONG, "file-length", what, help));
    }
}

fn argued_unsafe(file: &SourceFile, findings: &mut Vec<Finding>) {
    if file.text.contains("// SAFETY-ARGUMENT:") {
        return;
    }
    if let Some(&at) = places(&file.code, "unsafe").first() {
        let help = "do without, or begin the file with `// SAFETY-ARGUMENT:` and say why it is sound";
        findings.push(Finding::error(
            &file.path,
            line_of(&file.code, at),
            "argued-unsafe",
            "`unsafe` without an argument",
            help,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(package: &str, text: &str) -> Vec<(&'static str, usize)> {
        let file = SourceFile::new(package, &format!("crates/{package}/src/thing.rs"), text);
        check(&file).into_iter().map(|finding| (finding.rule, finding.line)).collect()
    }

    #[test]
    fn pure_rooms_name_no_system() {
        assert_eq!(rules("process", "fn f() {\n    std::fs::read(\"x\");\n}"), [("pure-rooms", 2)]);
        for text in
            ["use std::net::Ip;", "use std::env;", "SystemTime::now()", "Instant::now()", "std::thread::spawn()"]
        {
            assert_eq!(rules("model", text), [("pure-rooms", 1)], "{text}");
        }
        assert_eq!(rules("model", "// std::fs\nlet a = \"std::fs\";\n#[cfg(test)]\nmod tests { use std::fs; }\n"), []);
        assert_eq!(rules("model", "use std::{\n    fmt,\n    fs,\n    io::{self, Read},\n};"), [("pure-rooms", 3)]);
        assert_eq!(rules("engine", "use std::env::{var};"), [("only-doors-speak", 1)]);
        assert_eq!(rules("engine", "use std::{env::{self, var}, fs};"), [("only-doors-speak", 1)]);
        assert_eq!(rules("store-blob", "use std::fs;"), []);
    }

    #[test]
    fn only_doors_speak() {
        for text in ["println!()", "eprintln!()", "std::process::exit(1)", "std::env::var(\"A\")", "env::home_dir()"] {
            assert_eq!(rules("engine", text).first(), Some(&("only-doors-speak", 1)), "{text}");
            assert_eq!(rules("cli", text), [], "{text}");
        }
        assert_eq!(rules("engine", "env!(\"CARGO_PKG_VERSION\"); my_println!(); cfg_env::variable()"), []);
        assert_eq!(rules("engine", "#[test]\nfn t() {\n    println!();\n}\n"), []);
    }

    #[test]
    fn long_files_are_listed_and_too_long_ones_refused() {
        let lines = |count: usize| "let x = 1;\n".repeat(count);
        assert_eq!(rules("engine", &lines(500)), []);
        let file = SourceFile::new("engine", "crates/engine/src/a.rs", &lines(501));
        assert_eq!(check(&file)[0].level, super::super::finding::Level::Warning);
        assert_eq!(rules("engine", &lines(701)), [("file-length", 700)]);
        let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(400), lines(400));
        assert_eq!(rules("engine", &tested), []);
    }

    #[test]
    fn unsafe_is_argued_for() {
        assert_eq!(rules("engine", "fn f() {\n unsafe { g() }\n}"), [("argued-unsafe", 2)]);
        assert_eq!(rules("engine", "// SAFETY-ARGUMENT: one caller\nunsafe { g() }"), []);
        assert_eq!(rules("engine", "#![forbid(unsafe_code)] // unsafe\nlet not_unsafe = 1;"), []);
    }

    #[test]
    fn test_modules_in_other_files_are_tests() {
        let mut files = [
            SourceFile::new("engine", "crates/engine/src/pump.rs", "#[cfg(test)]\nmod proof;\n"),
            SourceFile::new("engine", "crates/engine/src/pump/proof.rs", "println!();"),
            SourceFile::new("engine", "crates/engine/src/proof.rs", "println!();"),
            SourceFile::new("engine", "crates/engine/tests/it/main.rs", "println!();"),
            SourceFile::new("engine", "crates/engine/src/pump_tests.rs", "println!();"),
        ];
        mark_test_modules(&mut files);
        let found: Vec<usize> = files.iter().map(|file| check(file).len()).collect();
        assert_eq!(found, [0, 0, 1, 0, 0]);
    }
}
